// The benchmarks' reckoning: a harness that reckons wrongly makes every verdict worthless.
import { bestOf, drift, foreignShare, judge, median, percentile, slope } from '../../bench/arithmetic.js';

describe('percentile', () => {
  it('is the nearest rank: always one of the samples, whatever their order', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
    expect(median([9, 10, 1])).toBe(9); // numbers, not texts
  });

  it('leaves the samples as they are and refuses to make one up', () => {
    const samples = [3, 1, 2];
    expect(percentile(samples, 0.5)).toBe(2);
    expect(samples).toEqual([3, 1, 2]);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

it('a slope is that of the line that points lie about; of points at one place there is none', () => {
  expect(slope([1, 2, 3, 4].map((x) => ({ x, y: 7 - 2 * x })))).toBeCloseTo(-2);
  expect(slope([0, 1, 2, 3].map((x) => ({ x, y: x % 2 })))).toBeCloseTo(0.2);
  expect(slope([{ x: 5, y: 1 }])).toBe(0);
});

it('drift is the same both ways, a share of the larger', () => {
  expect(drift(100, 80)).toBeCloseTo(0.2);
  expect(drift(80, 100)).toBeCloseTo(0.2);
  expect(drift(5, 5)).toBe(0);
  expect(() => drift(0, 5)).toThrow(RangeError);
});

it('foreign CPU is what remains of all cores, and coarse clock ticks never make it negative', () => {
  expect(foreignShare({ busyMs: 1_500, ownMs: 1_100, wallMs: 1_000, cores: 2 })).toBeCloseTo(0.2);
  expect(foreignShare({ busyMs: 990, ownMs: 1_000, wallMs: 1_000, cores: 2 })).toBe(0);
});

describe('verdict', () => {
  const rate = { must: 0.25, goal: 0.4, atLeast: true, correct: true };
  const time = { must: 20, goal: 8, atLeast: false, correct: true };

  it.each([
    [{ ...rate, value: 0.4 }, 'goal'],
    [{ ...rate, value: 0.25 }, 'must'],
    [{ ...rate, value: 0.2499 }, 'missed'],
    [{ ...time, value: 8 }, 'goal'],
    [{ ...time, value: 20 }, 'must'],
    [{ ...time, value: 20.01 }, 'missed'],
    [{ value: 3, goal: 2, atLeast: true, correct: true }, 'goal'],
    [{ value: 1, goal: 2, atLeast: true, correct: true }, 'recorded'],
    [{ value: 1, must: 2, atLeast: true, correct: true }, 'missed'],
    [{ value: 3, must: 2, atLeast: true, correct: true }, 'must'],
  ])('%j is %s', (figure, expected) => {
    expect(judge(figure)).toEqual({ verdict: expected, reached: expected });
  });

  it('is inconclusive on a disturbed machine, good or bad, and tells what it would have been', () => {
    expect(judge({ ...rate, value: 0.5, drift: 0.21 })).toEqual({ verdict: 'inconclusive', reached: 'goal' });
    expect(judge({ ...rate, value: 0.1, foreign: 0.21 })).toEqual({ verdict: 'inconclusive', reached: 'missed' });
    expect(judge({ ...rate, value: 0.5, drift: 0.2, foreign: 0.2 }).verdict).toBe('goal');
  });

  it('of a wrong answer is failed, however fast and on whatever machine', () => {
    expect(judge({ ...rate, value: 9, correct: false }).verdict).toBe('failed');
    expect(judge({ ...rate, value: 9, correct: false, foreign: 0.9 }).verdict).toBe('failed');
  });
});

describe('rounds', () => {
  const round = (perSecond: number, cpuMicros: number, foreign: number) => ({ perSecond, cpuMicros, foreign });

  it('best wall rate and median CPU of the undisturbed ones', () => {
    const best = bestOf([round(900, 300, 0.1), round(1_000, 280, 0.05), round(2_000, 100, 0.5), round(950, 290, 0.2)]);
    expect(best).toEqual({ perSecond: 1_000, cpuMicros: 290, foreign: 0.05, rounds: 3 });
  });

  it('all of them if all were disturbed: the verdict then says so', () => {
    expect(bestOf([round(900, 300, 0.4), round(800, 310, 0.3)])).toMatchObject({
      perSecond: 900,
      foreign: 0.4,
      rounds: 2,
    });
  });
});
