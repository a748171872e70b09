import { parsePathwayRules, parseRequirement, type PathwayRules, type Requirement } from './index.js';

const E2: PathwayRules = {
  zone: 'Europe/Berlin',
  order: 'gate',
  entryPoints: [
    { id: 'start', at: 'L1' },
    { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { credential: 'EXT-DF' } }] },
  ],
  steps: [
    { id: 'L1', need: { all: [{ module: 'DS-101' }, { module: 'DS-102' }] } },
    { id: 'L2', after: ['L1'], title: 'Level 2', order: 'enforced', need: 'L1' },
    {
      id: 'L3',
      after: ['L2'],
      need: {
        credits: 20,
        from: ['DS-310', 'DS-311'],
        minGrade: 50,
        distinct: { by: 'area', min: 2 },
        cap: [{ from: { origin: 'external', area: 'x', level: 3 }, max: '12.5%' }],
        uses: { n: 1, group: 'g' },
        maxAge: 'P5Y',
      },
    },
  ],
  awards: [
    { id: 'L3', template: 'L3', kind: 'step', when: { step: 'L3' } },
    {
      id: 'stack',
      template: 'STACK',
      kind: 'final',
      when: { id: 'x', atLeast: 2, of: ['L1', 'L2', 'L3'], within: 'P60D' },
    },
  ],
};

test('reads the rules of a pathway', () => {
  expect(parsePathwayRules(E2)).toEqual({ ok: true, rules: E2 });
});

const faults: readonly (readonly [what: string, json: unknown, pointer: string, message: RegExp])[] = [
  ['a number', 7, '', /id of a step or an object/],
  ['nothing', null, '', /id of a step or an object/],
  ['an empty object', {}, '', /must say one of step, module/],
  ['two kinds at once', { module: 'A', credential: 'B' }, '', /not module and credential at once/],
  ['an unknown member', { module: 'A', grade: 5 }, '/grade', /not a known member; there are module/],
  ['a prototype member', JSON.parse('{"module": "A", "__proto__": {}}'), '/__proto__', /not a known member/],
  ['a member that needs escaping', { module: 'A', 'a/b~c': 5 }, '/a~1b~0c', /not a known member/],
  ['a member of another kind', { credential: 'A', minGrade: 5 }, '/minGrade', /not a known member/],
  ['atLeast without of', { atLeast: 2 }, '/of', /is missing/],
  ['a fraction of children', { atLeast: 1.5, of: [] }, '/atLeast', /whole number/],
  ['credits without selector', { credits: 2 }, '/from', /is missing/],
  ['thousandths of a credit', { credits: 2.125, from: {} }, '/credits', /2 decimals/],
  ['an unknown origin', { credits: 2, from: { origin: 'elsewhere' } }, '/from/origin', /one of own, external/],
  ['per cent without a number', { credits: 2, from: {}, cap: [{ from: {}, max: '%' }] }, '/cap/0/max', /per cent/],
  ['a duration of hours', { module: 'A', within: 'PT5H' }, '/within', /duration/],
  ['an empty duration', { module: 'A', maxAge: 'P' }, '/maxAge', /duration/],
  ['a date that does not exist', { module: 'A', notBefore: '2025-02-29' }, '/notBefore', /a date such as/],
  ['a deep fault', { all: ['L1', { any: [{ module: '' }] }] }, '/all/1/any/0/module', /1 to 200 characters/],
  ['a list that is none', { all: 'L1' }, '/all', /must be a list/],
  ['not a number', { module: 'A', minGrade: Number.NaN }, '/minGrade', /a number/],
];
test.each(faults)('refuses %s', (_, json, pointer, message) => {
  const parsed = parseRequirement(json);
  expect(parsed).toEqual({ ok: false, faults: [{ pointer, message: expect.stringMatching(message) }] });
});

test('faults point into the document that holds the requirement', () => {
  expect(parseRequirement({ all: [5] }, '/renewal/requirement')).toMatchObject({
    faults: [{ pointer: '/renewal/requirement/all/0' }],
  });
});

test('reports everything that is wrong', () => {
  const parsed = parsePathwayRules({
    ...E2,
    zone: 'Europe/Berlim',
    order: 'loose',
    steps: [{ id: 'L1' }],
    awards: [{ id: 'a', template: 't', kind: 'last', when: 'L1' }],
    extra: 1,
  });
  expect(parsed.ok ? [] : parsed.faults.map((fault) => fault.pointer)).toEqual([
    '/zone',
    '/order',
    '/steps/0/need',
    '/awards/0/kind',
    '/extra',
  ]);
});

test('an offset is not a zone: it knows no summer time', () => {
  expect(parsePathwayRules({ ...E2, zone: '+01:00' }).ok).toBe(false);
});

describe('bounds', () => {
  const nested = (depth: number): Requirement => (depth === 1 ? { module: 'A' } : { any: [nested(depth - 1)] });

  test('20 levels are read, 21 refused', () => {
    expect(parseRequirement(nested(20)).ok).toBe(true);
    expect(parseRequirement(nested(21))).toMatchObject({ faults: [{ message: 'is nested deeper than 20 levels' }] });
  });
  test('1,000 nodes are read, 1,001 refused with one fault', () => {
    const wide = (n: number): Requirement => ({
      any: [{ any: Array(n - 2 - 500).fill('L1') }, ...Array(500).fill('L1')],
    });
    expect(parseRequirement(wide(1000)).ok).toBe(true);
    const parsed = parseRequirement(wide(1001));
    expect(parsed.ok ? [] : parsed.faults).toHaveLength(1);
  });
  test('a bomb is refused without being walked', () => {
    let bomb: unknown = { any: ['L1'] };
    for (let i = 0; i < 60; i++) bomb = { any: [bomb, bomb] };
    expect(parseRequirement(bomb).ok).toBe(false);
  });
});
