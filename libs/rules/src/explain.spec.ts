import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { asked, context, history, tree } from './arbitraries-spec.js';
import { evaluate, explain, type CompletionFact, type ExplainedNode, type Fact, type Requirement } from './index.js';

const at = (text: string): Instant => `${text}T12:00:00.000Z` as Instant;
const done = (moduleId: string, when: string, more: Partial<CompletionFact> = {}): CompletionFact => ({
  kind: 'completion',
  ref: `${moduleId} ${when}`,
  moduleId,
  at: at(when),
  credits: 0,
  ...more,
});

test('says of each node whether it is met, since when, by what, and whether it counted', () => {
  const requirement: Requirement = {
    id: 'root',
    all: [
      { module: 'A', id: 'a' },
      {
        id: 'any',
        any: [
          { module: 'B', id: 'b' },
          { module: 'C', id: 'c' },
        ],
      },
      { module: 'D', id: 'd' },
    ],
  };
  const facts: readonly Fact[] = [
    done('A', '2024-01-01'),
    done('C', '2024-02-01'),
    done('B', '2024-03-01'),
    { kind: 'waiver', ref: 'w', requirementId: 'd', at: at('2024-04-01') },
  ];
  expect(explain(requirement, facts, at('2025-01-01'), { zone: 'UTC' })).toMatchObject({
    requirementId: 'root',
    words: 'Module A, (any one of module B or module C) and module D',
    met: true,
    since: at('2024-04-01'),
    by: ['A 2024-01-01', 'C 2024-02-01', 'w'],
    children: [
      { requirementId: 'a', met: true, since: at('2024-01-01'), counted: true, waived: false },
      {
        requirementId: 'any',
        since: at('2024-02-01'),
        counted: true,
        children: [
          { requirementId: 'b', met: true, since: at('2024-03-01'), counted: false },
          { requirementId: 'c', met: true, since: at('2024-02-01'), counted: true },
        ],
      },
      { requirementId: 'd', met: true, by: ['w'], counted: true, waived: true },
    ],
  });
});

test('E4d: 12 + 0 (aged) + 15 (capped) = 27 of 30 credits', () => {
  const HD: Requirement = { credits: 30, from: {}, cap: [{ from: { origin: 'external' }, max: '50%' }], maxAge: 'P5Y' };
  const facts = [
    done('own-1', '2024-03-01', { credits: 12 }),
    done('own-2', '2019-02-01', { credits: 6 }),
    done('ext', '2023-06-01', { credits: 20, external: true }),
  ];
  const { met, holds, credits } = explain(HD, facts, at('2025-09-01'), { zone: 'Europe/Berlin' });
  expect({ met, holds }).toEqual({ met: false, holds: false });
  expect(credits).toEqual({
    needed: 30,
    counted: 27,
    areas: [],
    items: [
      { ref: 'own-2 2019-02-01', credits: 6, counted: 0, why: 'aged' },
      { ref: 'ext 2023-06-01', credits: 20, counted: 15, why: 'capped' },
      { ref: 'own-1 2024-03-01', credits: 12, counted: 12 },
    ],
  });
});

test('says why a fact brings no credits', () => {
  const rule: Requirement = {
    credits: 30,
    from: ['A', 'B', 'C', 'D', 'T'],
    minGrade: 50,
    notBefore: '2024-01-01',
    uses: { n: 1, group: 'g' },
  };
  const facts: readonly Fact[] = [
    done('A', '2024-01-01', { credits: 5, grade: 40 }),
    done('B', '2024-01-02', { credits: 5, grade: 60, area: 'x' }),
    done('B', '2024-01-03', { credits: 5, grade: 70, area: 'x' }),
    done('C', '2023-01-04', { credits: 5, grade: 60 }),
    done('D', '2024-01-05', { credits: 5, grade: 60 }),
    {
      kind: 'credential',
      ref: 't',
      templateId: 'T',
      credits: 5,
      valid: [{ from: at('2024-01-06'), until: at('2024-02-01') }],
    },
  ];
  const used = new Map([['g', new Map([['D', 1]])]]);
  const { credits } = explain(rule, facts, at('2025-01-01'), { zone: 'UTC', used });
  expect(credits?.areas).toEqual(['x']);
  expect(credits?.items.map(({ ref, counted, why }) => [ref, counted, why])).toEqual([
    ['C 2023-01-04', 0, 'outside'],
    ['A 2024-01-01', 0, 'below-grade'],
    ['B 2024-01-02', 5, undefined],
    ['B 2024-01-03', 0, 'repeat'],
    ['D 2024-01-05', 0, 'used-up'],
    ['t', 0, 'not-valid'],
  ]);
});

test('the root says what evaluate says; what counted is what it rests on', () => {
  const leaves = (node: ExplainedNode): readonly ExplainedNode[] =>
    node.children.length === 0 || node.waived ? [node] : node.children.flatMap(leaves);
  fc.assert(
    fc.property(tree(3), history(), context, asked, (requirement, facts, around, now) => {
      const { met, since, by, satisfied } = evaluate(requirement, facts, now, around);
      const root = explain(requirement, facts, now, around);
      expect({ met: root.met, since: root.since, by: root.by }).toEqual({ met, since, by });
      expect(root.counted).toBe(met);
      const counted = leaves(root)
        .filter((leaf) => leaf.counted)
        .map((leaf) => leaf.requirementId);
      for (const { requirementId } of satisfied)
        expect(counted.some((id) => id === requirementId || requirementId.startsWith(id))).toBe(true);
    }),
    { numRuns: 300 },
  );
});
