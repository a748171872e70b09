// What the harness reckons with. Pure; test/e2e/bench-arithmetic.spec.ts holds it to account.

/** The value that `share` (0 to 1) of the samples do not exceed: nearest rank, no interpolation. */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new RangeError('a percentile needs samples');
  const sorted = Float64Array.from(samples).toSorted();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** How much y grows with each unit of x: least squares. 0 for points that lie at one x. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (of: 'x' | 'y'): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean('x'), mean('y')];
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point.x - x) * (point.y - y), 0) / spread;
}

/** How far two measurements of one thing lie apart, as a share of the larger. */
export function drift(before: number, after: number): number {
  if (!(before > 0 && after > 0)) throw new RangeError('drift is between two positive figures');
  return Math.abs(before - after) / Math.max(before, after);
}

/** The share of all cores' time that processes other than ours used. Clock ticks are coarse: never below 0. */
export function foreignShare({
  busyMs,
  ownMs,
  wallMs,
  cores,
}: {
  readonly busyMs: number;
  readonly ownMs: number;
  readonly wallMs: number;
  readonly cores: number;
}): number {
  if (!(wallMs > 0 && cores > 0)) throw new RangeError('a share needs time and cores');
  return Math.max(0, busyMs - ownMs) / (wallMs * cores);
}

export const MAX_DRIFT = 0.2;
export const MAX_FOREIGN = 0.2;

type Figure = {
  readonly value: number;
  readonly must?: number | undefined;
  readonly goal?: number | undefined;
  readonly atLeast: boolean;
  readonly correct?: boolean;
  readonly drift?: number;
  readonly foreign?: number;
};
type Reached = 'goal' | 'must' | 'missed' | 'recorded';
type Verdict = Reached | 'failed' | 'inconclusive';
type Round = { readonly perSecond: number; readonly cpuMicros: number; readonly foreign: number };

/**
 * One figure against its bounds. `atLeast`: more is better. A wrong answer fails however fast it came; a figure taken
 * while the machine was not ours is neither passed nor failed, and only what it would have been is told.
 */
export function judge({ value, must, goal, atLeast, correct, drift: drifted = 0, foreign = 0 }: Figure): {
  readonly verdict: Verdict;
  readonly reached: Reached;
} {
  const meets = (bound: number | undefined): boolean =>
    bound !== undefined && (atLeast ? value >= bound : value <= bound);
  const reached: Reached = meets(goal) ? 'goal' : must === undefined ? 'recorded' : meets(must) ? 'must' : 'missed';
  if (correct === false) return { verdict: 'failed', reached };
  if (drifted > MAX_DRIFT || foreign > MAX_FOREIGN) return { verdict: 'inconclusive', reached };
  return { verdict: reached, reached };
}

/** Of several rounds: the best wall rate, the median CPU, without rounds that others disturbed unless all were. */
export function bestOf<R extends Round>(rounds: readonly R[]): Omit<R, 'rounds'> & { readonly rounds: number } {
  const calm = rounds.filter(({ foreign }) => foreign <= MAX_FOREIGN);
  const counted = calm.length > 0 ? calm : rounds;
  const best = counted.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  return { ...best, cpuMicros: median(counted.map(({ cpuMicros }) => cpuMicros)), rounds: counted.length };
}
