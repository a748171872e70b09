import fc from 'fast-check';
import { tree } from './arbitraries-spec.js';
import { diffInWords, inWords, withRequirementIds, type Names, type PathwayRules, type Requirement } from './index.js';

const A: Requirement = { module: 'A' };
const B: Requirement = { module: 'B', minGrade: 60 };
test.each<[string, Requirement]>([
  ['Module B with at least 60', B],
  ['Step L1', 'L1'],
  ['A valid credential T', { credential: 'T' }],
  ['Module A and module B with at least 60', { all: [A, B] }],
  [
    'Module A, module B with at least 60 and (any one of module C or module D)',
    { all: [A, B, { any: [{ module: 'C' }, { module: 'D' }] }] },
  ],
  [
    'At least 2 of a valid credential X, a valid credential Y and a valid credential Z',
    { atLeast: 2, of: ['X', 'Y', 'Z'].map((credential) => ({ credential })) },
  ],
  ['Any one of (module A and module B with at least 60) or step L1', { any: [{ all: [A, B] }, 'L1'] }],
  ['(Module A and module B with at least 60) within 60 days of each other', { within: 'P60D', all: [A, B] }],
  [
    'Module A not before 2026-01-01, not after 2026-06-30, no older than 5 years',
    { module: 'A', notBefore: '2026-01-01', notAfter: '2026-06-30', maxAge: 'P5Y' },
  ],
  ['Module S (counts for at most 1 award of the group assoc)', { module: 'S', uses: { n: 1, group: 'assoc' } }],
  [
    '20 credits from DS-310, DS-311 or DS-320, each with at least 50, from at least 2 areas',
    { credits: 20, from: ['DS-310', 'DS-311', 'DS-320'], minGrade: 50, distinct: { by: 'area', min: 2 } },
  ],
  [
    '30 credits of any kind, at most 50 % of them recognised from outside, no older than 5 years',
    { credits: 30, from: {}, cap: [{ from: { origin: 'external' }, max: '50%' }], maxAge: 'P5Y' },
  ],
  [
    '1 credit earned here in the area x at level 2, at most 0.5 credits of them from A',
    { credits: 1, from: { origin: 'own', area: 'x', level: 2 }, cap: [{ from: ['A'], max: 0.5 }] },
  ],
  ['Module A', { all: [{ any: [A] }] }],
  ['Module A no older than 1 year and 6 months', { module: 'A', maxAge: 'P18M' }],
  ['Module A no older than 2 weeks', { module: 'A', maxAge: 'P2W' }],
])('%s', (words, requirement) => {
  expect(inWords(requirement)).toBe(words);
});

test('things go by their names', () => {
  const names: Names = {
    module: (id) => (id === 'A' ? 'Data literacy' : undefined),
    credential: (id) => (id === 'T' ? '“Basic Life Support”' : undefined),
    step: (id) => `“${id}”`,
  };
  expect(inWords({ all: [A, B, { credential: 'T' }, 'L1', { credits: 5, from: ['A', 'T'] }] }, names)).toBe(
    'Module Data literacy, module B with at least 60, a valid credential “Basic Life Support”, step “L1” and 5 credits from Data literacy or “Basic Life Support”',
  );
});

describe('what changed', () => {
  const v1: PathwayRules = {
    zone: 'Europe/Berlin',
    order: 'gate',
    entryPoints: [{ id: 'start', at: 'L1' }],
    steps: [
      { id: 'L1', need: { all: [{ module: 'DS-101' }, { module: 'DS-102' }] } },
      { id: 'L2', after: ['L1'], need: { module: 'DS-201' } },
    ],
    awards: [{ id: 'L1', template: 'L1', kind: 'step', when: 'L1' }],
  };
  const [L1, L2] = v1.steps as [PathwayRules['steps'][0], PathwayRules['steps'][0]];
  const steps = (...some: PathwayRules['steps']): Partial<PathwayRules> => ({ steps: some });
  test.each<[string, Partial<PathwayRules>, readonly string[]]>([
    ['nothing', {}, []],
    [
      'a module more (E2f)',
      steps({ ...L1, need: { all: [{ module: 'DS-101' }, { module: 'DS-102' }, { module: 'DS-103' }] } }, L2),
      ['Step L1 also asks for module DS-103.'],
    ],
    [
      'a module less and another',
      steps({ ...L1, need: { all: [{ module: 'DS-101' }, { any: [{ module: 'X' }, { module: 'Y' }] }] } }, L2),
      ['Step L1 also asks for (any one of module X or module Y).', 'Step L1 does not ask for module DS-102 any more.'],
    ],
    [
      'another requirement',
      steps(L1, { ...L2, need: { module: 'DS-201', minGrade: 60 } }),
      ['Step L2 asks for module DS-201 with at least 60 instead of module DS-201.'],
    ],
    [
      'a limit on the group',
      steps({ ...L1, need: { all: [{ module: 'DS-101' }, { module: 'DS-102' }], within: 'P1Y' } }, L2),
      [
        'Step L1 asks for (module DS-101 and module DS-102) within 1 year of each other instead of module DS-101 and module DS-102.',
      ],
    ],
    [
      'a new step',
      steps(L1, L2, { id: 'L3', after: ['L2'], need: { credits: 5, from: {} } }),
      ['Step L3 is new: it asks for 5 credits of any kind, after L2.'],
    ],
    ['a step gone', steps(L1), ['Step L2 is gone.']],
    ['other steps before', steps(L1, { id: 'L2', need: L2.need }), ['Step L2 does not come after L1 any more.']],
    [
      'its own order',
      steps(L1, { ...L2, order: 'enforced' }),
      ['Step L2 follows order "enforced" instead of the order of the pathway.'],
    ],
    ['a title', steps(L1, { ...L2, title: 'Level two' }), ['Step Level two was called L2 before.']],
    ['the list turned round', steps(L2, L1), ['The steps are listed as L2 and L1 now.']],
    [
      'zone and order',
      { zone: 'UTC', order: 'advisory' },
      [
        'Days are reckoned in UTC instead of Europe/Berlin.',
        'From now on the order of steps is advice only; before, a step counts from when the steps before it are met.',
      ],
    ],
    [
      'an entry point',
      { entryPoints: [{ id: 'start', at: 'L2', recognise: [{ step: 'L1', when: { credential: 'X' } }] }] },
      ['Entry point start begins at L2, not at L1.', 'Entry point start recognises step L1 for a valid credential X.'],
    ],
    [
      'awards',
      {
        awards: [
          { id: 'L1', template: 'L1', kind: 'final', when: { all: ['L1', 'L2'] } },
          { id: 'n', template: 'N', kind: 'exit', when: 'L1' },
        ],
      },
      [
        'Award L1 is of kind final, not step.',
        'Award L1 asks for step L1 and step L2 instead of step L1.',
        'Award n is new: it is given for step L1.',
      ],
    ],
  ])('%s', (_, part, sentences) => {
    expect(diffInWords(v1, { ...v1, ...part })).toEqual(sentences);
  });
  test('ids are no change', () => {
    expect(diffInWords(v1, withRequirementIds(v1))).toEqual([]);
  });
});

test('every rule has words: no placeholder of a value, brackets balanced', () => {
  fc.assert(
    fc.property(tree(4), (requirement) => {
      const words = inWords(requirement);
      expect(words).not.toMatch(/undefined|null|NaN|\[object|  /);
      expect(words.split('(').length).toBe(words.split(')').length);
    }),
    { numRuns: 300 },
  );
});
