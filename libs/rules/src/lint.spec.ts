import fc from 'fast-check';
import { tree } from './arbitraries-spec.js';
import {
  evaluate,
  lint,
  lintRequirement,
  parseRequirement,
  type LintCatalog,
  type ModuleWorth,
  type PathwayRules,
  type Requirement,
} from './index.js';

const good: PathwayRules = {
  zone: 'Europe/Berlin',
  order: 'gate',
  entryPoints: [
    { id: 'start', at: 'L1' },
    { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { credential: 'EXT-DF' } }] },
  ],
  steps: [
    { id: 'L1', title: 'Level 1', need: { all: [{ module: 'DS-101' }, { module: 'DS-102' }] } },
    {
      id: 'L2',
      title: 'Level 2',
      after: ['L1'],
      need: { all: [{ module: 'DS-201' }, { any: [{ module: 'DS-210' }, { module: 'DS-211' }] }] },
    },
    {
      id: 'L3',
      after: ['L2'],
      need: {
        credits: 20,
        from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'],
        minGrade: 50,
        distinct: { by: 'area', min: 2 },
      },
    },
  ],
  awards: [
    { id: 'L3', template: 'L3', kind: 'step', when: { step: 'L3' } },
    { id: 'STACK', template: 'STACK', kind: 'final', when: { all: ['L1', 'L2', 'L3'] } },
  ],
};
const stats = { credits: 10, area: 'statistics' };
const catalog: LintCatalog = {
  modules: new Map<string, ModuleWorth>([
    ...['DS-101', 'DS-102', 'DS-201', 'DS-210', 'DS-211'].map((id) => [id, { credits: 5 }] as const),
    ['DS-310', stats],
    ['DS-311', stats],
    ['DS-320', { credits: 10, area: 'communication' }],
    ['DS-330', { credits: 5, area: 'governance' }],
  ]),
  templates: new Map([
    ['L3', { saysWhatWasAchieved: true }],
    ['STACK', {}],
    ['EXT-DF', {}],
  ]),
};
const found = (rules: PathwayRules, things?: LintCatalog): readonly string[] =>
  lint(rules, things).map(({ code, pointer, severity }) => `${severity === 'error' ? '' : '? '}${code} ${pointer}`);
const step = (need: Requirement): PathwayRules => ({
  ...good,
  steps: [{ id: 'L1', need }],
  entryPoints: [{ id: 'start', at: 'L1' }],
  awards: [{ id: 'a', template: 'A', kind: 'final', when: 'L1' }],
});

test('the rules of a working pathway have no fault, with and without a catalog', () => {
  expect(found(good)).toEqual([]);
  expect(found(good, catalog)).toEqual([]);
});

describe('the five codes', () => {
  const chain = (...after: readonly (readonly string[] | undefined)[]): PathwayRules => ({
    ...step('L1'),
    steps: after.map((ids, i) => ({ id: `L${i + 1}`, need: { module: `M${i}` }, ...(ids ? { after: ids } : {}) })),
    awards: [{ id: 'a', template: 'A', kind: 'final', when: { all: after.map((_, i) => `L${i + 1}`) } }],
  });

  test('pathway-cycle: through `after`, through requirements, through itself', () => {
    expect(found(chain(['L3'], ['L1'], ['L2']))).toEqual(['pathway-cycle /steps/0']);
    expect(lint(chain(['L3'], ['L1'], ['L2']))[0]?.message).toContain('L1 → L3 → L2 → L1');
    expect(found(chain(['L1']))).toEqual(['pathway-cycle /steps/0']);
    const mixed: PathwayRules = {
      ...chain(undefined, ['L1']),
      steps: [
        { id: 'L1', need: 'L2' },
        { id: 'L2', after: ['L1'], need: { module: 'M' } },
      ],
    };
    expect(found(mixed)).toEqual(['pathway-cycle /steps/0']);
  });
  test('pathway-cycle: through templates of other pathways (D9), but not an exit award for a credential held', () => {
    const rules = { ...step({ credential: 'B' }) };
    const templates = (restsOn: readonly string[]): LintCatalog => ({
      templates: new Map([
        ['A', {}],
        ['B', { restsOn }],
        ['C', { restsOn: ['A'] }],
      ]),
    });
    expect(found(rules, templates([]))).toEqual([]);
    expect(found(rules, templates(['C']))).toEqual(['pathway-cycle /awards/0']);
    expect(lint(rules, templates(['C']))[0]?.message).toContain('A → B → C → A');
    expect(found({ ...step({ credential: 'A' }) }, templates([]))).toEqual([]);
  });
  test('step-unreachable: after an unknown step, after one that nobody can satisfy, without an entry point', () => {
    expect(found(chain(undefined, ['ghost']))).toEqual([
      'step-unknown /steps/1/after/0',
      'step-unreachable /steps/1',
      'never-met /awards/0/when',
    ]);
    const impossible = {
      ...chain(undefined, ['L1']),
      steps: [
        { id: 'L1', need: { module: 'M', minGrade: 101 } },
        { id: 'L2', after: ['L1'], need: { module: 'N' } },
      ],
    };
    expect(found(impossible)).toContain('step-unreachable /steps/1');
    expect(found({ ...good, entryPoints: [] })).toEqual(['step-unreachable /entryPoints']);
  });
  test('a step that nobody can satisfy but an entry point recognises opens what comes after it', () => {
    const L1 = { id: 'L1', need: { module: 'M', minGrade: 101 } };
    const recognised = { ...good, steps: [L1, ...good.steps.slice(1)] };
    expect(found(recognised).filter((fault) => fault.startsWith('step-unreachable'))).toEqual([]);
    const alone = { ...recognised, entryPoints: [{ id: 'start', at: 'L1' }] };
    expect(found(alone).filter((fault) => fault.startsWith('step-unreachable'))).toEqual([
      'step-unreachable /steps/1',
      'step-unreachable /steps/2',
    ]);
  });
  test('a step passed over by every entry point is no fault: its facts still count', () => {
    expect(found({ ...good, entryPoints: [{ id: 'late', at: 'L2' }] })).toEqual([]);
  });
  test.each<[string, Requirement]>([
    ['all of nothing', { all: [] }],
    ['any of nothing', { any: [] }],
    ['none of some', { atLeast: 0, of: [{ module: 'M' }] }],
    ['no credits', { credits: 0, from: {} }],
    ['nested emptiness', { all: [{ all: [] }, { any: [{ all: [] }, { module: 'M' }] }] }],
  ])('milestone-without-requirement: %s', (_, need) => {
    expect(found(step(need))).toEqual(['milestone-without-requirement /steps/0/need']);
  });
  test('outcome-missing: no award; a template that says nothing', () => {
    expect(found({ ...good, awards: [] })).toEqual(['outcome-missing /awards']);
    const mute: LintCatalog = {
      templates: new Map([...(catalog.templates ?? []), ['STACK', { saysWhatWasAchieved: false }]]),
    };
    expect(found(good, mute)).toEqual(['outcome-missing /awards/1/template']);
  });
  test.each<[string, Partial<PathwayRules>, readonly string[]]>([
    ['an id with a blank', { entryPoints: [{ id: 'the start', at: 'L1' }] }, ['naming-breach /entryPoints/0/id']],
    [
      'an id with a slash',
      { awards: [{ id: 'a/b', template: 'A', kind: 'final', when: 'L3' }] },
      ['naming-breach /awards/0/id'],
    ],
    [
      'snake case',
      { awards: [{ id: 'a_b', template: 'A', kind: 'final', when: 'L3' }] },
      ['naming-breach /awards/0/id'],
    ],
    [
      'capitals as the only difference',
      { awards: [...good.awards, { id: 'stack', template: 'A', kind: 'exit', when: 'L3' }] },
      ['naming-breach /awards/2/id'],
    ],
    [
      'a blank title',
      { steps: good.steps.map((one) => (one.id === 'L3' ? { ...one, title: ' ' } : one)) },
      ['naming-breach /steps/2/title'],
    ],
    [
      'one title twice',
      { steps: good.steps.map((one) => (one.id === 'L3' ? { ...one, title: 'level 1' } : one)) },
      ['naming-breach /steps/2/title'],
    ],
  ])('naming-breach: %s', (_, part, codes) => {
    expect(found({ ...good, ...part })).toEqual(codes);
  });
});

describe('within a tree', () => {
  const M: Requirement = { module: 'M' };
  const deep = (levels: number): Requirement => (levels === 1 ? M : { any: [deep(levels - 1)] });
  const bombs: Requirement = {
    all: Array.from({ length: 8 }, (_, i) => ({ credits: 5 + i, from: {} })),
  };
  test.each<[string, Requirement, readonly string[]]>([
    ['an unknown step', { all: [M, 'ghost'] }, ['step-unknown /all/1']],
    ['an unknown step, in full', { all: [M, { step: 'ghost' }] }, ['step-unknown /all/1/step']],
    ['more children than there are', { atLeast: 3, of: [M, { module: 'N' }] }, ['at-least-out-of-range /atLeast']],
    ['an empty group beside others', { all: [M, { any: [M, { all: [] }] }] }, ['group-empty /all/1/any/1/all']],
    ['a grade beyond the scale', { module: 'M', minGrade: 101 }, ['grade-out-of-range /minGrade']],
    ['a negative grade', { credits: 1, from: {}, minGrade: -1 }, ['grade-out-of-range /minGrade']],
    ['no use at all', { module: 'M', uses: { n: 0, group: 'g' } }, ['uses-not-positive /uses/n']],
    [
      'a cap of nothing',
      { credits: 10, from: {}, cap: [{ from: { area: 'x' }, max: 0 }] },
      ['cap-not-positive /cap/0/max'],
    ],
    [
      'a cap of 0 %',
      { credits: 10, from: {}, cap: [{ from: { area: 'x' }, max: '0%' }] },
      ['cap-not-positive /cap/0/max'],
    ],
    [
      'a cap on all that counts',
      { credits: 10, from: { origin: 'external', area: 'x' }, cap: [{ from: { origin: 'external' }, max: '50%' }] },
      ['credits-unreachable /cap/0/max'],
    ],
    [
      'a cap on a whole list',
      { credits: 10, from: ['M'], cap: [{ from: ['M', 'N'], max: 9 }] },
      ['credits-unreachable /cap/0/max'],
    ],
    [
      'a cap that trims nothing',
      { credits: 10, from: {}, cap: [{ from: { area: 'x' }, max: '100%' }] },
      ['cap-without-effect /cap/0/max'],
    ],
    ['no areas', { credits: 10, from: {}, distinct: { by: 'area', min: 0 } }, ['distinct-not-positive /distinct/min']],
    ['an empty list', { credits: 10, from: [] }, ['selector-empty /from']],
    ['an empty list in a cap', { credits: 10, from: {}, cap: [{ from: [], max: 5 }] }, ['selector-empty /cap/0/from']],
    [
      'dates the wrong way round',
      { module: 'M', notBefore: '2026-01-02', notAfter: '2026-01-01' },
      ['dates-contradict /notBefore'],
    ],
    [
      'dates that contradict those above',
      { notAfter: '2026-01-01', all: [M, { module: 'N', notBefore: '2026-01-02' }] },
      ['dates-contradict /all/1/notBefore'],
    ],
    ['one day is enough', { module: 'M', notBefore: '2026-01-01', notAfter: '2026-01-01' }, []],
    ['too old at once', { module: 'M', maxAge: 'P0D' }, ['max-age-zero /maxAge']],
    ['within on a single fact', { module: 'M', within: 'P5D' }, ['within-without-choice /within']],
    ['within on credits', { credits: 10, from: {}, within: 'P5D' }, []],
    ['the same twice', { all: [M, { module: 'M', id: 'again' }] }, ['repeated-child /all/1']],
    ['20 levels', deep(20), []],
    ['21 levels', deep(21), ['too-deep ']],
    ['eight nodes over one pool of credits', bombs, ['too-tangled ']],
    ['four of them', { all: Array.from({ length: 4 }, (_, i) => ({ credits: 5 + i, from: {} })) }, []],
    [
      '200 modules wanted in many places, one fact each',
      {
        all: Array.from({ length: 100 }, (_, i) => ({
          atLeast: 2,
          of: [`M${i}`, `M${i + 1}`, `M${i + 2}`].map((module) => ({ module })),
        })),
      },
      [],
    ],
  ])('%s', (_, requirement, codes) => {
    expect(lintRequirement(requirement).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual(codes);
  });
  test('an id given twice, in any trees', () => {
    const rules = {
      ...step({ module: 'M', id: 'x' }),
      awards: [{ id: 'a', template: 'A', kind: 'final' as const, when: { step: 'L1', id: 'x' } }],
    };
    expect(found(rules)).toEqual(['duplicate-id /awards/0/when/id']);
  });
});

describe('by the catalog', () => {
  test.each<[string, Requirement, readonly string[]]>([
    ['an unknown module', { module: 'X' }, ['module-unknown /module']],
    [
      'an unknown credential',
      { any: [{ credential: 'X' }, { module: 'DS-101' }] },
      ['template-unknown /any/0/credential'],
    ],
    ['an unknown name in a list', { credits: 5, from: ['DS-101', 'X'] }, ['module-unknown /from/1']],
    [
      'credits that do not add up',
      { credits: 40, from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'] },
      ['credits-unreachable /credits'],
    ],
    ['exactly enough', { credits: 35, from: ['DS-310', 'DS-311', 'DS-320', 'DS-330'] }, []],
    ['a name twice counts once', { credits: 20, from: ['DS-310', 'DS-310'] }, ['credits-unreachable /credits']],
    [
      'a cap that leaves too little',
      { credits: 30, from: ['DS-310', 'DS-311', 'DS-320'], cap: [{ from: { area: 'statistics' }, max: '50%' }] },
      ['credits-unreachable /credits'],
    ],
    [
      'more areas than there are',
      { credits: 10, from: ['DS-310', 'DS-311'], distinct: { by: 'area', min: 2 } },
      ['areas-unreachable /distinct/min'],
    ],
  ])('%s', (_, requirement, codes) => {
    expect(lintRequirement(requirement, catalog).map(({ code, pointer }) => `${code} ${pointer}`)).toEqual(codes);
  });
  test('an award of an unknown template', () => {
    expect(found({ ...good, awards: [{ id: 'a', template: 'X', kind: 'final', when: 'L3' }] }, catalog)).toEqual([
      'template-unknown /awards/0/template',
    ]);
  });
});

describe('warnings and names', () => {
  test('no final award; a step that no award depends on; a step award for several', () => {
    const rules: PathwayRules = {
      ...good,
      awards: [{ id: 'a', template: 'A', kind: 'step', when: { all: ['L1', 'L2'] } }],
    };
    expect(found(rules)).toEqual([
      '? final-award-missing /awards',
      '? step-award-of-several /awards/0/when',
      '? step-without-award /steps/2',
    ]);
  });
  test('duplicate and unknown ids', () => {
    const rules: PathwayRules = {
      ...good,
      steps: [...good.steps, { id: 'L3', need: { module: 'M' } }],
      entryPoints: [{ id: 'start', at: 'L9', recognise: [{ step: 'L8', when: { module: 'M' } }] }],
    };
    expect(found(rules)).toEqual([
      'duplicate-id /steps/3/id',
      'step-unknown /entryPoints/0/at',
      'step-unknown /entryPoints/0/recognise/0/step',
    ]);
  });
  test('pointers start where the rules stand; each fault says what to do', () => {
    const faults = lint({ ...good, awards: [] }, { pointer: '/rules' });
    expect(faults).toEqual([
      {
        code: 'outcome-missing',
        severity: 'error',
        pointer: '/rules/awards',
        message: expect.any(String),
        next: expect.stringContaining('Add an award'),
      },
    ]);
  });
});

test('is total on everything that can be read, and what it passes is evaluated', () => {
  fc.assert(
    fc.property(tree(3), (need) => {
      expect(parseRequirement(JSON.parse(JSON.stringify(need))).ok).toBe(true);
      lint(step(need));
      evaluate(need, [], '2026-01-01T00:00:00.000Z' as never, { zone: 'UTC' });
    }),
    { numRuns: 300 },
  );
});
