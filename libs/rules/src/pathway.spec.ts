// Order, entry points, reached and in order: what a pathway adds to its trees.
import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { asked, history, tree } from './arbitraries-spec.js';
import {
  evaluate,
  evaluateAward,
  evaluateStep,
  type CompletionFact,
  type Fact,
  type Order,
  type PathwayContext,
  type PathwayRules,
  type StepFact,
} from './index.js';

const at = (text: string): Instant => (text.includes('T') ? text : `${text}T12:00:00.000Z`) as Instant;
const NOW = at('2030-01-01');
const A: Fact = { kind: 'completion', ref: 'a', moduleId: 'A', at: at('2024-01-10'), credits: 0 };
const B: CompletionFact = { kind: 'completion', ref: 'b', moduleId: 'B', at: at('2024-02-10'), credits: 0 };
const step = (stepId: string, when: string, recognised = false): StepFact => ({
  kind: 'step',
  ref: `step ${stepId}`,
  stepId,
  at: at(when),
  ...(recognised ? { recognised } : {}),
});
const rules = (order: Order, more: Partial<PathwayRules> = {}): PathwayRules => ({
  zone: 'UTC',
  order,
  entryPoints: [{ id: 'start', at: 'one' }],
  steps: [
    { id: 'one', need: { module: 'A' } },
    { id: 'two', after: ['one'], need: { module: 'B' } },
  ],
  awards: [{ id: 'one', template: 'ONE', kind: 'step', when: 'one' }],
  ...more,
});
const two = (pathway: PathwayRules, facts: readonly Fact[], context: Partial<PathwayContext> = {}) =>
  evaluateStep('two', pathway, facts, NOW, { zone: 'UTC', ...context });
const held = (from: string, until?: string): Fact => ({
  kind: 'credential',
  ref: `ONE ${from}`,
  templateId: 'ONE',
  valid: [{ from: at(from), ...(until === undefined ? {} : { until: at(until) }) }],
});

describe('order', () => {
  test.each([
    ['advisory: shown only', 'advisory', [B], '2024-02-10', []],
    ['gate: not before the earlier step', 'gate', [B], undefined, []],
    ['gate: from when it is met, even if older', 'gate', [B, step('one', '2024-05-01')], '2024-05-01', []],
    ['gate: no later than needed', 'gate', [B, step('one', '2024-01-10')], '2024-02-10', []],
    ['enforced: not before the earlier step', 'enforced', [B], undefined, ['b']],
    ['enforced: the step is met, its award is not valid', 'enforced', [B, step('one', '2024-01-10')], undefined, ['b']],
    [
      'enforced: the award ended before',
      'enforced',
      [B, step('one', '2024-01-10'), held('2024-01-10', '2024-02-10')],
      undefined,
      ['b'],
    ],
    [
      'enforced: the award began later',
      'enforced',
      [B, step('one', '2024-01-10'), held('2024-03-01')],
      undefined,
      ['b'],
    ],
    [
      'enforced: met and valid at its own time',
      'enforced',
      [B, step('one', '2024-01-10'), held('2024-01-10')],
      '2024-02-10',
      [],
    ],
    ['enforced: met later', 'enforced', [B, step('one', '2024-03-01'), held('2024-01-10')], undefined, ['b']],
    [
      'enforced: a recognised step has no award to be valid',
      'enforced',
      [B, step('one', '2024-01-10', true)],
      '2024-02-10',
      [],
    ],
  ] as const)('%s', (_, order, facts, day, outOfOrder) => {
    const answer = two(rules(order), facts);
    expect(answer.since).toBe(day === undefined ? undefined : at(day));
    expect(answer.outOfOrder).toEqual(outOfOrder);
  });

  test('a step may have its own order', () => {
    const own = rules('enforced', {
      steps: [
        { id: 'one', need: { module: 'A' } },
        { id: 'two', after: ['one'], order: 'advisory', need: { module: 'B' } },
      ],
    });
    expect(two(own, [B]).met).toBe(true);
  });
  test('without `after` nothing is demanded', () => {
    const pathway = rules('gate', {
      steps: [
        { id: 'one', need: { module: 'A' } },
        { id: 'two', need: { module: 'B' } },
      ],
    });
    expect(two(pathway, [B]).met).toBe(true);
  });
  test('ageing goes on behind a gate', () => {
    const pathway = rules('gate', {
      steps: [
        { id: 'one', need: { module: 'A' } },
        { id: 'two', after: ['one'], need: { module: 'B', maxAge: 'P1M' } },
      ],
    });
    expect(two(pathway, [B, step('one', '2024-03-01')]).since).toBe(at('2024-03-01'));
    expect(two(pathway, [B, step('one', '2024-03-11')]).met).toBe(false);
  });
  test('a later attempt in order counts where an earlier one was not', () => {
    const again: Fact = { ...B, ref: 'b2', at: at('2024-06-01') };
    const answer = two(rules('enforced'), [B, again, step('one', '2024-03-01'), held('2024-03-01')]);
    expect(answer).toMatchObject({ since: at('2024-06-01'), by: ['b2'], outOfOrder: ['b'] });
  });
});

describe('entry points', () => {
  const pathway = (recognise: boolean): PathwayRules =>
    rules('gate', {
      entryPoints: [
        { id: 'start', at: 'one' },
        { id: 'direct', at: 'two', ...(recognise ? { recognise: [{ step: 'one', when: { credential: 'X' } }] } : {}) },
      ],
    });
  test('where one enters, steps passed over are not demanded', () => {
    expect(two(pathway(false), [B], { entryPoint: 'direct' }).met).toBe(true);
    expect(two(pathway(false), [B], { entryPoint: 'start' }).met).toBe(false);
  });
  test('but those are that the entry point recognises', () => {
    expect(two(pathway(true), [B], { entryPoint: 'direct' }).met).toBe(false);
    expect(two(pathway(true), [B, step('one', '2024-01-01', true)], { entryPoint: 'direct' }).met).toBe(true);
  });
});

describe('reached and in order', () => {
  const joined = { enrolledAt: at('2024-01-05') };
  test.each([
    ['not reached before the earlier step', [], joined, undefined, false],
    ['reached with it', [step('one', '2024-01-10')], joined, '2024-01-10', false],
    ['reached on joining, if that is later', [step('one', '2024-01-01')], joined, '2024-01-05', false],
    ['satisfied after it', [step('one', '2024-01-10'), B], joined, '2024-01-10', true],
    [
      'satisfied before it: reached at the latest then, not in order',
      [step('one', '2024-03-10'), B],
      joined,
      '2024-02-10',
      false,
    ],
    ['the same local day is in order', [step('one', '2024-02-10T23:59:00.000Z'), B], joined, '2024-02-10', true],
    ['satisfied without it', [B], joined, '2024-02-10', false],
  ] as const)('%s', (_, facts, context, reached, inOrder) => {
    const answer = two(rules('advisory'), facts, context);
    expect(answer.reachedAt).toBe(reached === undefined ? undefined : at(reached));
    expect(answer.inOrder).toBe(inOrder);
  });
  test('without `after` the step listed before is shown before', () => {
    const pathway = rules('advisory', {
      steps: [
        { id: 'one', need: { module: 'A' } },
        { id: 'two', need: { module: 'B' } },
      ],
    });
    expect(two(pathway, [B], joined)).toMatchObject({ inOrder: false });
    expect(two(pathway, [B, step('one', '2024-01-10')], joined)).toMatchObject({
      inOrder: true,
      reachedAt: at('2024-01-10'),
    });
  });
  test('in order needs the whole chain in order', () => {
    const pathway = rules('advisory', {
      steps: ['one', 'two', 'three'].map((id, i) => ({ id, need: { module: 'ABC'[i] as string } })),
    });
    const C: Fact = { kind: 'completion', ref: 'c', moduleId: 'C', at: at('2024-03-10'), credits: 0 };
    const three = (facts: readonly Fact[]) =>
      evaluateStep('three', pathway, [C, ...facts], NOW, { zone: 'UTC' }).inOrder;
    expect(three([step('one', '2024-01-10'), step('two', '2024-02-10')])).toBe(true);
    expect(three([step('one', '2024-02-20'), step('two', '2024-02-10')])).toBe(false);
    expect(three([step('two', '2024-02-10')])).toBe(false);
  });
});

describe('awards in a window', () => {
  const pathway = rules('gate', {
    awards: [{ id: 'all', template: 'ALL', kind: 'final', when: { all: ['one', 'two'] } }],
  });
  const window = { from: at('2025-01-01') };
  const ask = (facts: readonly Fact[]) => evaluateAward('all', pathway, facts, NOW, { zone: 'UTC', window });
  const old = [A, B, step('one', '2024-01-10'), step('two', '2024-02-10')];
  const again = (ref: string, moduleId: string, when: string): Fact => ({
    kind: 'completion',
    ref,
    moduleId,
    at: at(when),
    credits: 0,
  });

  test('decided steps do not count, their trees do', () => {
    expect(ask(old).met).toBe(false);
    expect(ask([...old, again('a2', 'A', '2025-02-01')]).met).toBe(false);
    expect(ask([...old, again('a2', 'A', '2025-02-01'), again('b2', 'B', '2025-01-10')])).toMatchObject({
      since: at('2025-02-01'),
      by: ['b2', 'a2'],
    });
  });
  test('a recognised step counts for good', () => {
    expect(ask([step('one', '2024-01-10', true), again('b2', 'B', '2025-01-10')])).toMatchObject({
      since: at('2025-01-10'),
      by: ['step one', 'b2'],
    });
  });
});

test('unknown steps and awards are broken programs', () => {
  expect(() => evaluateStep('three', rules('gate'), [], NOW, { zone: 'UTC' })).toThrow('no step "three"');
  expect(() => evaluateAward('x', rules('gate'), [], NOW, { zone: 'UTC' })).toThrow('no award "x"');
});

test('gate and enforced are what moving or leaving out the facts would give', () => {
  fc.assert(
    fc.property(tree(2), history(['/0', '/1']), asked, asked, (need, facts, gate, now) => {
      const pathway = (order: Order): PathwayRules =>
        rules(order, {
          awards: [],
          steps: [
            { id: 'zero', need: { module: 'A' } },
            { id: 'two', after: ['zero'], need },
          ],
        });
      const zero: StepFact = { kind: 'step', ref: 'zero', stepId: 'zero', at: gate };
      const later = (instant: Instant): Instant => (instant > gate ? instant : gate);
      const moved = facts.map((fact): Fact => {
        if (fact.kind !== 'credential') return { ...fact, at: later(fact.at) };
        const valid = fact.valid
          .filter(({ until }) => until === undefined || until > gate)
          .map((term) => ({ ...term, from: later(term.from) }));
        return { ...fact, valid };
      });
      const dated = facts.every((fact) => fact.kind !== 'step'); // a step is dated by the instant that moves
      const plain = !/within|not|maxAge/.test(JSON.stringify(need));
      const context = { zone: 'UTC' };
      if (plain || (dated && facts.every((fact) => 'achievedAt' in fact)))
        expect(evaluateStep('two', pathway('gate'), [...facts, zero], now, context).since).toBe(
          evaluate(need, moved, now, context).since,
        );
      const kept = facts.flatMap((fact): readonly Fact[] => {
        if (fact.kind !== 'credential') return fact.at >= gate ? [fact] : [];
        return [{ ...fact, valid: fact.valid.filter(({ from }) => from >= gate) }];
      });
      if (plain)
        expect(evaluateStep('two', pathway('enforced'), [...facts, zero], now, context)).toMatchObject(
          evaluate(need, kept, now, context),
        );
    }),
    { numRuns: 500 },
  );
});
