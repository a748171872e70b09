import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { asked, context, history, tree } from './arbitraries-spec.js';
import {
  evaluate,
  evaluateAward,
  evaluateStep,
  explain,
  factInWords,
  holdsAt,
  whyNotYet,
  whyNotYetAward,
  whyNotYetStep,
  withIds,
  type CompletionFact,
  type EvaluationContext,
  type ExplainedNode,
  type Fact,
  type ModuleWorth,
  type PathwayRules,
  type Requirement,
} from './index.js';

const at = (text: string): Instant => `${text}T12:00:00.000Z` as Instant;
const NOW = at('2025-01-01');
const RUNS = 300;
const done = (moduleId: string, when: string, more: Partial<CompletionFact> = {}): CompletionFact => ({
  kind: 'completion',
  ref: `${moduleId} ${when}`,
  moduleId,
  at: at(when),
  credits: 0,
  ...more,
});
const modules = new Map<string, ModuleWorth>([
  ['DS-310', { credits: 10, area: 'statistics' }],
  ['DS-311', { credits: 10, area: 'statistics' }],
  ['DS-320', { credits: 10, area: 'communication' }],
  ['DS-330', { credits: 5, area: 'governance' }],
]);
const route = (requirement: Requirement, facts: readonly Fact[], more: Partial<EvaluationContext> = {}) =>
  whyNotYet(requirement, facts, NOW, { zone: 'UTC', modules, ...more })
    .route?.map((fact) => factInWords(fact))
    .toSorted();

const M = (module: string): Requirement => ({ module });
const table: readonly (readonly [
  what: string,
  requirement: Requirement,
  facts: readonly Fact[],
  expected: readonly string[] | undefined,
  more?: Partial<EvaluationContext>,
])[] = [
  ['a module', M('A'), [], ['module A']],
  ['a grade', { module: 'A', minGrade: 60 }, [done('A', '2024-01-01', { grade: 50 })], ['module A with 60']],
  ['what is there is not asked for again', { all: [M('A'), M('B')] }, [done('A', '2024-01-01')], ['module B']],
  [
    'the shorter branch',
    { any: [{ all: [M('A'), M('B')] }, { all: [M('C'), M('D')] }] },
    [done('C', '2024-01-01')],
    ['module D'],
  ],
  ['as many as are missing', { atLeast: 2, of: [M('A'), M('B'), M('C')] }, [done('B', '2024-01-01')], ['module A']],
  [
    'a second attempt where one fact would serve twice',
    { all: [M('A'), M('A')] },
    [done('A', '2024-01-01')],
    ['module A'],
  ],
  [
    'a fact that does better elsewhere',
    { all: [{ any: [M('A'), M('B')] }, M('A')] },
    [done('A', '2024-01-01')],
    ['module B'],
  ],
  [
    'a credential that expired',
    { credential: 'T' },
    [{ kind: 'credential', ref: 't', templateId: 'T', valid: [{ from: at('2023-01-01'), until: at('2024-01-01') }] }],
    ['credential T'],
    { during: [{ from: at('2024-06-01') }] },
  ],
  ['a step', { all: ['L1', M('A')] }, [], ['step L1', 'module A']],
  [
    'what fell out of the span',
    { within: 'P60D', all: [M('A'), M('B')] },
    [done('A', '2024-01-01')],
    ['module A', 'module B'],
  ],
  ['what is still in the span', { within: 'P60D', all: [M('A'), M('B')] }, [done('A', '2024-12-01')], ['module B']],
  [
    'what is too old',
    { all: [{ module: 'A', maxAge: 'P1Y' }, M('B')] },
    [done('A', '2023-01-01')],
    ['module A', 'module B'],
  ],
  ['nothing helps after the last day', { module: 'A', notAfter: '2024-12-31' }, [], undefined],
  [
    'nothing helps when used up',
    { module: 'A', uses: { n: 1, group: 'g' } },
    [],
    undefined,
    { used: new Map([['g', new Map([['A', 1]])]]) },
  ],
  [
    'nothing helps outside the window',
    M('A'),
    [],
    undefined,
    { window: { from: at('2024-01-01'), until: at('2024-06-01') } },
  ],
  [
    'nothing helps while away',
    M('A'),
    [],
    undefined,
    { during: [{ from: at('2024-01-01'), until: at('2024-06-01') }] },
  ],
  [
    'another branch where one is closed',
    { any: [{ module: 'A', notAfter: '2024-12-31' }, { all: [M('B'), M('C')] }] },
    [],
    ['module B', 'module C'],
  ],
  [
    'E2: credits in two areas',
    { credits: 20, from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'], minGrade: 50, distinct: { by: 'area', min: 2 } },
    [done('DS-310', '2024-01-01', { credits: 10, area: 'statistics', grade: 60 })],
    ['module DS-320 with 50'],
  ],
  [
    'E2c: another area',
    { credits: 20, from: ['DS-310', 'DS-311', 'DS-330'], distinct: { by: 'area', min: 2 } },
    [
      done('DS-310', '2024-01-01', { credits: 10, area: 'statistics' }),
      done('DS-311', '2024-01-01', { credits: 10, area: 'statistics' }),
    ],
    ['module DS-330'],
  ],
  ['credits beyond what there is', { credits: 40, from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'] }, [], undefined],
];
test.each(table.map(([what, requirement, facts, expected, more]) => ({ what, requirement, facts, expected, more })))(
  '$what',
  ({ requirement, facts, expected, more }) => {
    expect(route(requirement, facts, more)).toEqual(expected?.toSorted());
  },
);

test('without a catalog credits are guessed: as many as are missing', () => {
  const { route: guessed } = whyNotYet({ credits: 12, from: { area: 'x', origin: 'external' } }, [], NOW, {
    zone: 'UTC',
  });
  expect(guessed).toEqual([
    {
      kind: 'completion',
      ref: expect.stringMatching(/^new-/),
      moduleId: 'new-module-1',
      at: NOW,
      credits: 12,
      area: 'x',
      external: true,
    },
  ]);
});

test('each unmet node has its own facts, parents first', () => {
  const requirement = withIds({ all: [M('A'), { any: [M('B'), M('C')] }] }, 'r');
  const { nodes } = whyNotYet(requirement, [done('A', '2024-01-01')], NOW, { zone: 'UTC' });
  expect(nodes.map(({ requirementId, facts }) => [requirementId, facts?.map((fact) => factInWords(fact))])).toEqual([
    ['r', ['module B']],
    ['r/1', ['module B']],
    ['r/1/0', ['module B']],
    ['r/1/1', ['module C']],
  ]);
});

test('met: nothing is missing', () => {
  expect(whyNotYet(M('A'), [done('A', '2024-01-01')], NOW, { zone: 'UTC' })).toEqual({
    met: true,
    nodes: [],
    route: [],
  });
});

const nodeOf = (node: ExplainedNode, id: string): ExplainedNode | undefined =>
  node.requirementId === id ? node : node.children.map((child) => nodeOf(child, id)).find((found) => found);

test('adding what it names does meet each node, and the whole', () => {
  let named = 0;
  fc.assert(
    fc.property(tree(3), history(), context, asked, (bare, facts, around, now) => {
      const requirement = withIds(bare, '/');
      const { met, nodes, route: way } = whyNotYet(requirement, facts, now, around);
      expect(met).toBe(evaluate(requirement, facts, now, around).met);
      if (met) return;
      for (const { requirementId, facts: more } of nodes) {
        if (!more) continue;
        named++;
        const explained = nodeOf(explain(requirement, [...facts, ...more], now, around), requirementId);
        expect(explained?.holds).toBe(true);
      }
      if (!way) return;
      expect(evaluate(requirement, [...facts, ...way], now, around).met).toBe(true);
      // None of them could be left out.
      for (const fact of way)
        expect(holdsAt(requirement, [...facts, ...way.filter((one) => one !== fact)], now, around)).toBe(false);
    }),
    { numRuns: RUNS },
  );
  expect(named).toBeGreaterThan(RUNS / 2);
});

test('there always is a way where no date, window or used-up module is in it', () => {
  fc.assert(
    fc.property(tree(3), history(), asked, (requirement, facts, now) => {
      const text = JSON.stringify(requirement);
      fc.pre(!/not(Before|After)|cap|distinct|"from":\[|"atLeast":2/.test(text));
      expect(whyNotYet(requirement, facts, now, { zone: 'UTC' }).route).toBeDefined();
    }),
    { numRuns: RUNS / 2 },
  );
});

test('no single fact would do where it names more than one', () => {
  const pool = ['A', 'B', 'C', 'D'].map((id) =>
    done(id, '2026-09-27', { ref: `pool ${id}`, grade: 100, at: '2026-09-27T00:00:00.000Z' as Instant }),
  );
  fc.assert(
    fc.property(tree(3), history(), (requirement, facts) => {
      fc.pre(!/credits|credential|step|"L/.test(JSON.stringify(requirement)));
      const now = '2026-09-27T00:00:00.000Z' as Instant;
      const way = whyNotYet(requirement, facts, now, { zone: 'UTC' }).route;
      if (way && way.length > 1)
        for (const fact of pool) expect(holdsAt(requirement, [...facts, fact], now, { zone: 'UTC' })).toBe(false);
    }),
    { numRuns: RUNS },
  );
});

describe('steps and awards', () => {
  const rules: PathwayRules = {
    zone: 'UTC',
    order: 'gate',
    entryPoints: [{ id: 'start', at: 'L1' }],
    steps: [
      { id: 'L1', need: { all: [M('A'), M('B')] } },
      { id: 'L2', after: ['L1'], need: { any: [{ all: [M('C'), M('D')] }, M('E')] } },
      { id: 'L3', after: ['L2'], need: { credits: 20, from: [...modules.keys()], distinct: { by: 'area', min: 2 } } },
    ],
    awards: [
      { id: 'L1', template: 'L1', kind: 'step', when: 'L1' },
      { id: 'all', template: 'ALL', kind: 'final', when: { all: ['L1', 'L2', 'L3'] } },
      { id: 'some', template: 'SOME', kind: 'exit', when: { any: ['L3', 'L2'] } },
    ],
  };
  const around = { zone: 'UTC', modules };
  const say = (facts: readonly Fact[] | undefined) => facts?.map((fact) => factInWords(fact));

  test('the route to a step leads through the steps before it', () => {
    const answer = whyNotYetStep('L2', rules, [done('A', '2024-01-01')], NOW, around);
    expect(answer).toMatchObject({ met: false, waitsFor: ['L1'] });
    expect(say(answer.route)).toEqual(['module B', 'module E']);
    expect(answer.nodes.map(({ requirement }) => requirement)).toContainEqual(M('E'));
  });
  test('the route to an award is the shortest one over its steps', () => {
    expect(say(whyNotYetAward('some', rules, [], NOW, around).route)).toEqual(['module A', 'module B', 'module E']);
    expect(say(whyNotYetAward('all', rules, [done('A', '2024-01-01')], NOW, around).route)).toEqual([
      'module B',
      'module E',
      'module DS-310',
      'module DS-320',
    ]);
  });
  test('with enforced order what came too early has to be done again', () => {
    const enforced: PathwayRules = { ...rules, order: 'enforced' };
    const facts = [done('A', '2024-01-01'), done('E', '2024-01-01')];
    expect(say(whyNotYetStep('L2', enforced, facts, NOW, around).route)).toEqual(['module B', 'module E']);
    const met: readonly Fact[] = [
      ...facts,
      done('B', '2024-02-01'),
      { kind: 'step', ref: 's', stepId: 'L1', at: at('2024-02-01') },
    ];
    const lapsed: Fact = {
      kind: 'credential',
      ref: 'c',
      templateId: 'L1',
      valid: [{ from: at('2024-02-01'), until: at('2024-06-01') }],
    };
    expect(whyNotYetStep('L2', enforced, [...met, lapsed], NOW, around).waitsFor).toEqual(['L1']);
    expect(
      whyNotYetStep('L2', enforced, [...met, { ...lapsed, valid: [{ from: at('2024-02-01') }] }], NOW, around).waitsFor,
    ).toEqual([]);
  });
  test('following the route meets the award', () => {
    const module = fc.constantFrom('A', 'B', 'C', 'D', 'E', ...modules.keys());
    fc.assert(
      fc.property(
        fc.uniqueArray(module),
        fc.constantFrom('all', 'some', 'L1'),
        fc.constantFrom('gate', 'advisory', 'enforced'),
        (names, award, order) => {
          // Without step awards enforced order looks at the steps alone.
          const pathway: PathwayRules = {
            ...rules,
            order,
            awards: rules.awards.filter(({ kind }) => kind !== 'step' || award === 'L1'),
          };
          const facts = names.map((name, i) => done(name, `2024-01-${10 + i}`, modules.get(name)));
          const decide = (known: readonly Fact[]): readonly Fact[] =>
            pathway.steps.reduce<readonly Fact[]>((some, { id }) => {
              const { since } = evaluateStep(id, pathway, some, NOW, { zone: 'UTC' });
              return since === undefined ? some : [...some, { kind: 'step', ref: `step ${id}`, stepId: id, at: since }];
            }, known);
          const way = whyNotYetAward(award, pathway, decide(facts), NOW, around).route;
          expect(way).toBeDefined();
          expect(evaluateAward(award, pathway, decide([...facts, ...(way ?? [])]), NOW, { zone: 'UTC' }).met).toBe(
            true,
          );
        },
      ),
      { numRuns: RUNS / 4 },
    );
  });
});
