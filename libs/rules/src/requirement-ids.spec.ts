import { withIds, withRequirementIds, type PathwayRules, type Requirement } from './index.js';

const rules: PathwayRules = {
  zone: 'UTC',
  order: 'gate',
  entryPoints: [
    { id: 'start', at: 'L1' },
    { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { any: [{ credential: 'X' }, { credential: 'Y' }] } }] },
  ],
  steps: [
    { id: 'L1', need: { all: [{ module: 'A' }, { id: 'elective', any: [{ module: 'B' }, { module: 'C' }] }] } },
    { id: 'L2', after: ['L1'], need: 'L1' },
  ],
  awards: [{ id: 'L1', template: 'T', kind: 'final', when: { atLeast: 1, of: ['L1', { step: 'L2' }] } }],
};

const idsOf = (node: Requirement): readonly (string | undefined)[] => {
  if (typeof node === 'string') return [undefined];
  const parts = 'all' in node ? node.all : 'any' in node ? node.any : 'of' in node ? node.of : [];
  return [node.id, ...parts.flatMap(idsOf)];
};
const allIds = (some: PathwayRules): readonly (string | undefined)[] => [
  ...some.steps.flatMap(({ need }) => idsOf(need)),
  ...some.awards.flatMap(({ when }) => idsOf(when)),
  ...some.entryPoints.flatMap(({ recognise = [] }) => recognise.flatMap(({ when }) => idsOf(when))),
];

test('every node gets the id of its place, authors keep theirs, bare steps become objects', () => {
  expect(allIds(withRequirementIds(rules))).toEqual([
    'L1',
    'L1/0',
    'elective',
    'L1/1/0',
    'L1/1/1',
    'L2',
    'L1!',
    'L1!/0',
    'L1!/1',
    'direct@L1',
    'direct@L1/0',
    'direct@L1/1',
  ]);
});

test('again it changes nothing', () => {
  const once = withRequirementIds(rules);
  expect(withRequirementIds(once)).toEqual(once);
});

test('an id that an author took already is not given again', () => {
  const taken: PathwayRules = {
    ...rules,
    awards: [{ id: 'L1', template: 'T', kind: 'final', when: { id: 'L1/0', all: ['L1', 'L2'] } }],
  };
  const ids = allIds(withRequirementIds(taken));
  expect(ids).toContain('L1/0~');
  expect(new Set(ids).size).toBe(ids.length);
});

test('a requirement outside a pathway begins with the root it is given', () => {
  expect(idsOf(withIds({ any: [{ module: 'A' }, 'L1'] }, 'renewal'))).toEqual(['renewal', 'renewal/0', 'renewal/1']);
});
