// The worked examples E1 to E6 as far as they are questions to the rules: what is met, since when, by what, for how long.
import type { Instant } from '@cairn/kernel';
import {
  evaluate,
  evaluateAward,
  evaluateStep,
  holdsAt,
  holdsDuring,
  lint,
  lintRequirement,
  localDay,
  renewalWindow,
  termEnd,
  withIds,
  type CompletionFact,
  type CredentialFact,
  type Fact,
  type Interval,
  type PathwayContext,
  type PathwayRules,
  type Requirement,
  type StepFact,
} from './index.js';

const zone = 'Europe/Berlin';
const at = (text: string): Instant => (text.includes('T') ? text : `${text}T09:00:00.000Z`) as Instant;
const NOW = at('2030-01-01');
const done = (moduleId: string, when: string, more: Partial<CompletionFact> = {}): CompletionFact => ({
  kind: 'completion',
  ref: `${moduleId} ${when}`,
  moduleId,
  at: at(when),
  credits: 0,
  ...more,
});
const held = (
  templateId: string,
  from: string,
  until?: string,
  more: Partial<CredentialFact> = {},
): CredentialFact => ({
  kind: 'credential',
  ref: `${templateId} ${from}`,
  templateId,
  valid: [{ from: at(from), ...(until === undefined ? {} : { until: at(until) }) }],
  ...more,
});
const step = (stepId: string, when: string, more: Partial<StepFact> = {}): StepFact => ({
  kind: 'step',
  ref: `step ${stepId}`,
  stepId,
  at: at(when),
  ...more,
});
const day = (instant: Instant | undefined): string => (instant === undefined ? 'unmet' : localDay(instant, zone));
/** The local day on which a step is satisfied. */
const stepOn = (
  id: string,
  rules: PathwayRules,
  facts: readonly Fact[],
  context: Partial<PathwayContext> = {},
): string => day(evaluateStep(id, rules, facts, NOW, { zone, ...context }).since);
/** Decides all steps in turn, as a record does, and adds them to the facts. */
const decided = (rules: PathwayRules, facts: readonly Fact[], context: Partial<PathwayContext> = {}): readonly Fact[] =>
  rules.steps.reduce<readonly Fact[]>((known, { id }) => {
    const { since } = evaluateStep(id, rules, known, NOW, { zone, ...context });
    return since === undefined || known.some((fact) => fact.kind === 'step' && fact.stepId === id)
      ? known
      : [...known, step(id, since)];
  }, facts);

describe('E1 First aid', () => {
  const rules: PathwayRules = {
    zone,
    order: 'enforced',
    entryPoints: [{ id: 'start', at: 'BLS' }],
    steps: [
      { id: 'BLS', need: { module: 'FA-101', minGrade: 80 } },
      {
        id: 'ADV',
        after: ['BLS'],
        need: { all: [{ module: 'FA-201' }, { any: [{ module: 'FA-PED' }, { module: 'FA-SIM' }] }] },
      },
      { id: 'INS', after: ['ADV'], need: { module: 'FA-301' } },
    ],
    awards: [
      { id: 'BLS', template: 'BLS', kind: 'step', when: 'BLS' },
      { id: 'ADV', template: 'ADV', kind: 'step', when: { step: 'ADV' } },
      { id: 'INS', template: 'INS', kind: 'final', when: 'INS' },
    ],
  };
  const renews: Requirement = { any: [{ module: 'FA-R1' }, { module: 'FA-101', minGrade: 80 }] };
  const until = termEnd(at('2024-03-10'), 24, zone);
  const { opens, closes } = renewalWindow(until, { window: 'P3M', grace: 'P1M' }, zone);
  const renewed = (facts: readonly Fact[]) =>
    evaluate(renews, facts, NOW, { zone, window: { from: opens, until: closes } }).since;
  test('the rules have no fault', () => {
    expect([...lint(rules), ...lintRequirement(renews)]).toEqual([]);
  });
  const P = done('FA-101', '2024-03-10', { grade: 85 });

  test('a: the first term, and the refresher inside the window', () => {
    expect(stepOn('BLS', rules, [P])).toBe('2024-03-10');
    expect(day(until)).toBe('2026-03-10');
    const since = renewed([P, done('FA-R1', '2026-01-15')]);
    expect(since !== undefined && since < until).toBe(true);
    expect(day(termEnd(until, 24, zone))).toBe('2028-03-10');
  });
  test('b: too early, then in the grace', () => {
    expect(renewed([P, done('FA-R1', '2025-11-30')])).toBeUndefined();
    const since = renewed([P, done('FA-R1', '2025-11-30'), done('FA-R1', '2026-04-02')]);
    expect([day(since), day(termEnd(since as Instant, 24, zone))]).toEqual(['2026-04-02', '2028-04-02']);
  });

  const first = held('BLS', '2024-03-10', until);
  const second = held('BLS', '2026-05-21', '2028-05-20T22:00:00.000Z');
  const adv = held('ADV', '2024-06-01', '2026-05-31T22:00:00.000Z');
  const c: readonly Fact[] = [
    P,
    first,
    step('BLS', '2024-03-10'),
    done('FA-201', '2024-05-04'),
    done('FA-SIM', '2024-06-01'),
    done('FA-R1', '2026-05-20'),
    done('FA-101', '2026-05-21', { grade: 90 }),
  ];
  test('c: too late to renew; earned again by what begins after the grace; ADV hangs on a valid BLS', () => {
    expect(renewed(c)).toBeUndefined();
    expect(evaluateAward('BLS', rules, c, NOW, { zone, window: { from: closes } })).toMatchObject({
      since: at('2026-05-21'),
      by: ['FA-101 2026-05-21'],
    });
    expect(evaluateStep('ADV', rules, c, NOW, { zone })).toMatchObject({ since: at('2024-06-01'), outOfOrder: [] });
    const gaps = holdsDuring({ credential: 'BLS' }, [...c, second], { zone });
    expect(gaps.map(({ from, until: end }) => [day(from), day(end)])).toEqual([
      ['2024-03-10', '2026-03-10'],
      ['2026-05-21', '2028-05-21'],
    ]);
  });
  test('d: INS while ADV has expired: kept, out of order', () => {
    const facts = [...c, second, adv, step('ADV', '2024-06-01'), done('FA-301', '2026-07-01')];
    expect(evaluateStep('INS', rules, facts, NOW, { zone })).toMatchObject({
      met: false,
      outOfOrder: ['FA-301 2026-07-01'],
    });
    expect(stepOn('INS', rules, [...facts, done('FA-301', '2026-05-25')])).toBe('2026-05-25');
  });
  test('e: below the grade, or a refresher alone', () => {
    expect(stepOn('BLS', rules, [done('FA-101', '2024-03-10', { grade: 78 })])).toBe('unmet');
    expect(stepOn('BLS', rules, [done('FA-R1', '2024-03-10')])).toBe('unmet');
  });
  test('f: from 29 February', () => {
    const end = termEnd(at('2024-02-29'), 24, zone);
    expect([day(end), day(termEnd(end, 24, zone))]).toEqual(['2026-02-28', '2028-02-28']);
  });
  test('g: recorded late, effective on its own day', () => {
    expect(stepOn('BLS', rules, [P])).toBe('2024-03-10');
  });
  test('ADV modules taken before BLS do not count, whatever arrives first', () => {
    const facts: readonly Fact[] = [
      P,
      first,
      step('BLS', '2024-03-10'),
      done('FA-201', '2024-02-01'),
      done('FA-SIM', '2024-06-01'),
    ];
    expect(evaluateStep('ADV', rules, facts, NOW, { zone })).toMatchObject({
      met: false,
      outOfOrder: ['FA-201 2024-02-01'],
    });
    expect(stepOn('ADV', rules, [...facts, done('FA-201', '2024-05-04')])).toBe('2024-06-01');
  });
  test('a further ADV, once the first is past, by what is taken then', () => {
    const facts = [...c, second, adv, step('ADV', '2024-06-01')];
    const window = { from: (adv.valid[0] as Interval).until as Instant };
    expect(evaluateAward('ADV', rules, facts, NOW, { zone, window }).met).toBe(false);
    const again = [...facts, done('FA-201', '2026-06-10'), done('FA-PED', '2026-06-20')];
    expect(evaluateAward('ADV', rules, again, NOW, { zone, window })).toMatchObject({
      since: at('2026-06-20'),
      by: ['FA-201 2026-06-10', 'FA-PED 2026-06-20'],
    });
  });
});

describe('E2 University data skills', () => {
  const rules = (...level1: readonly string[]): PathwayRules => ({
    zone,
    order: 'gate',
    entryPoints: [
      { id: 'start', at: 'L1' },
      { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { credential: 'EXT-DF' } }] },
    ],
    steps: [
      { id: 'L1', need: { all: level1.map((module) => ({ module })) } },
      {
        id: 'L2',
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
      { id: 'L4', after: ['L3'], need: { module: 'DS-401', minGrade: 60 } },
    ],
    awards: [
      ...['L1', 'L2', 'L3', 'L4'].map((id) => ({ id, template: id, kind: 'step' as const, when: { step: id } })),
      { id: 'STACK', template: 'STACK', kind: 'final', when: { all: ['L1', 'L2', 'L3', 'L4'] } },
    ],
  });
  const v1 = rules('DS-101', 'DS-102');
  const stats = { credits: 10, area: 'statistics' };
  const comm = { credits: 10, area: 'communication' };
  const L1 = [done('DS-101', '2024-09-01'), done('DS-102', '2024-09-10')];
  const L2 = [...L1, done('DS-201', '2024-10-01'), done('DS-211', '2024-10-10')];
  const days = (facts: readonly Fact[], context: Partial<PathwayContext> = {}, version = v1) => {
    const known = decided(version, facts, context);
    const on = ({ id }: { id: string }) =>
      day(known.find((fact): fact is StepFact => fact.kind === 'step' && fact.stepId === id)?.at);
    return [...version.steps.map(on), day(evaluateAward('STACK', version, known, NOW, { zone }).since)];
  };

  test('the rules have no fault', () => {
    expect(lint(v1)).toEqual([]);
  });
  test('a: all in turn', () => {
    const facts = [
      ...L2,
      done('DS-310', '2024-11-01', { ...stats, grade: 62 }),
      done('DS-320', '2024-11-20', { ...comm, grade: 71 }),
      done('DS-401', '2024-12-01', { grade: 66 }),
    ];
    expect(days(facts)).toEqual(['2024-09-10', '2024-10-10', '2024-11-20', '2024-12-01', '2024-12-01']);
  });
  test('b: the second level first: both when the first is met', () => {
    const facts = [
      done('DS-201', '2024-09-01'),
      done('DS-210', '2024-09-02'),
      done('DS-101', '2024-12-01'),
      done('DS-102', '2024-12-01'),
    ];
    expect(days(facts)).toEqual(['2024-12-01', '2024-12-01', 'unmet', 'unmet', 'unmet']);
  });
  test('c: one area is not enough', () => {
    const facts = [
      ...L2,
      done('DS-310', '2024-11-01', { ...stats, grade: 60 }),
      done('DS-311', '2024-11-02', { ...stats, grade: 60 }),
    ];
    expect(days(facts)[2]).toBe('unmet');
    const more = decided(v1, [...facts, done('DS-330', '2024-11-20', { credits: 5, area: 'governance', grade: 55 })]);
    expect(evaluateStep('L3', v1, more, NOW, { zone })).toMatchObject({
      since: at('2024-11-20'),
      by: ['DS-310 2024-11-01', 'DS-311 2024-11-02', 'DS-330 2024-11-20'],
    });
  });
  test('d: the repeat counts, once', () => {
    const facts = [
      ...L2,
      done('DS-310', '2024-11-01', { ...stats, grade: 60 }),
      done('DS-320', '2024-11-02', { ...comm, grade: 45 }),
      done('DS-320', '2024-11-30', { ...comm, grade: 58 }),
    ];
    expect(days(facts)[2]).toBe('2024-11-30');
  });
  test('e: entered at the second level by recognition', () => {
    const recognised = held('EXT-DF', '2024-08-01', undefined, { external: true });
    const entry = v1.entryPoints[1]?.recognise?.[0]?.when as Requirement;
    expect(day(evaluate(entry, [recognised], NOW, { zone }).since)).toBe('2024-08-01');
    const facts = [
      recognised,
      step('L1', '2024-08-01', { recognised: true }),
      ...L2.slice(2),
      done('DS-310', '2024-11-01', { ...stats, grade: 62 }),
      done('DS-320', '2024-11-20', { ...comm, grade: 71 }),
      done('DS-401', '2024-12-01', { grade: 66 }),
    ];
    expect(days(facts, { entryPoint: 'direct' })).toEqual([
      '2024-08-01',
      '2024-10-10',
      '2024-11-20',
      '2024-12-01',
      '2024-12-01',
    ]);
  });
  test('f: another version asks for more', () => {
    expect(days(L1)[0]).toBe('2024-09-10');
    const v2 = rules('DS-101', 'DS-102', 'DS-103');
    expect(days(L1, {}, v2)[0]).toBe('unmet');
    expect(days([...L1, done('DS-103', '2024-09-20')], {}, v2)[0]).toBe('2024-09-20');
  });
});

describe('E3 Digital marketing', () => {
  const DMC: Requirement = { all: [{ credential: 'SEO' }, { credential: 'ADS' }, { credential: 'ANA' }] };
  const SEO = held('SEO', '2025-02-01');
  const ADS = held('ADS', '2025-06-01');
  const ANA = held('ANA', '2025-09-01');
  const since = (facts: readonly Fact[], during?: readonly Interval[]) =>
    day(evaluate(DMC, facts, NOW, { zone, ...(during ? { during } : {}) }).since);

  test.each([
    [SEO, ADS, ANA],
    [SEO, ANA, ADS],
    [ADS, SEO, ANA],
    [ADS, ANA, SEO],
    [ANA, SEO, ADS],
    [ANA, ADS, SEO],
  ])('a: in any order', (...facts) => {
    expect(since(facts)).toBe('2025-09-01');
  });
  test('the rule has no fault', () => {
    expect(lintRequirement(DMC)).toEqual([]);
  });
  test('b: earned before joining', () => {
    expect(since([held('SEO', '2024-03-01'), ADS, ANA], [{ from: at('2025-06-01') }])).toBe('2025-09-01');
    expect(
      since(
        [held('SEO', '2024-03-01'), held('ADS', '2024-04-01'), held('ANA', '2024-05-01')],
        [{ from: at('2025-06-01') }],
      ),
    ).toBe('2025-06-01');
  });
  test('c: a revoked one counts at no time', () => {
    expect(since([{ ...SEO, valid: [] }, ADS, ANA])).toBe('unmet');
  });
  test('d: earned again, the components are complete again', () => {
    const revoked = [{ ...SEO, valid: [] }, ADS, ANA];
    expect(holdsAt(DMC, revoked, at('2025-10-15'), { zone })).toBe(false);
    expect(since([...revoked, held('SEO', '2025-11-01')])).toBe('2025-11-01');
  });
});

describe('E4 Hybrid with an industry certification', () => {
  const PRO: Requirement = {
    all: [
      { atLeast: 2, of: [{ credential: 'CLOUD' }, { credential: 'SEC' }, { credential: 'NET' }] },
      { credential: 'CERT-X' },
    ],
  };
  const CLOUD = held('CLOUD', '2025-01-10');
  const NET = held('NET', '2025-03-10');
  const SEC = held('SEC', '2025-06-01');
  const CERT = held('CERT-X', '2025-04-01', '2026-03-31T22:00:00.000Z', { external: true });
  const HD: Requirement = {
    all: ['PRO', { credits: 30, from: {}, cap: [{ from: { origin: 'external' }, max: '50%' }], maxAge: 'P5Y' }],
  };

  test('a: the first two and the certificate', () => {
    expect(evaluate(PRO, [CLOUD, NET, CERT, SEC], NOW, { zone })).toMatchObject({
      since: at('2025-04-01'),
      by: ['CLOUD 2025-01-10', 'NET 2025-03-10', 'CERT-X 2025-04-01'],
    });
  });
  test('b: accepted later', () => {
    expect(day(evaluate(PRO, [CLOUD, NET, held('CERT-X', '2025-04-05')], NOW, { zone }).since)).toBe('2025-04-05');
  });
  test('c: when its components hold', () => {
    const facts = [CLOUD, NET, SEC, CERT, held('CERT-X', '2026-05-02')];
    expect(holdsDuring(PRO, facts, { zone }).map(({ from, until }) => [day(from), day(until)])).toEqual([
      ['2025-04-01', '2026-04-01'],
      ['2026-05-02', 'unmet'],
    ]);
  });
  test('d and e: aged, capped, and at last enough', () => {
    const facts: readonly Fact[] = [
      CLOUD,
      NET,
      CERT,
      step('PRO', '2025-04-01'),
      done('own-1', '2024-03-01', { credits: 12 }),
      done('own-2', '2019-02-01', { credits: 6 }),
      done('ext', '2023-06-01', { credits: 20, external: true }),
    ];
    expect(evaluate(HD, facts, at('2025-09-01'), { zone }).met).toBe(false);
    expect(evaluate(HD, [...facts, done('own-3', '2025-10-01', { credits: 4 })], NOW, { zone })).toMatchObject({
      since: at('2025-10-01'),
    });
  });
});

describe('E5 Nested, two destinations', () => {
  const two = (...of: readonly Requirement[]): Requirement => ({ all: [{ credential: 'UC' }, { atLeast: 2, of }] });
  const S1: Requirement = { module: 'S1', uses: { n: 1, group: 'assoc' } };
  const TECH = withIds(two({ module: 'T1' }, { module: 'T2' }, S1), 'TECH');
  const BUS = withIds(two({ module: 'B1' }, { module: 'B2' }, S1), 'BUS');
  const UC = held('UC', '2024-01-10');
  const used = new Map([['assoc', new Map([['S1', 1]])]]);

  test('the rules have no fault', () => {
    expect([...lintRequirement(TECH), ...lintRequirement(BUS)]).toEqual([]);
  });
  test('a and b: the inner credential and two modules', () => {
    const facts = [UC, done('T1', '2024-02-01'), done('T2', '2024-03-01')];
    expect(day(evaluate(TECH, facts, NOW, { zone }).since)).toBe('2024-03-01');
  });
  test('c: away and back: only while enrolled', () => {
    const facts = [UC, done('T1', '2026-03-20'), done('T2', '2026-04-01')];
    const during = [{ from: at('2024-01-01'), until: at('2025-01-31') }, { from: at('2026-03-07') }];
    expect(day(evaluate(TECH, facts, NOW, { zone, during }).since)).toBe('2026-04-01');
  });
  test('d: the shared module goes to the first award', () => {
    const facts = [UC, done('T1', '2024-02-01'), done('S1', '2024-03-01'), done('B1', '2024-04-01')];
    expect(evaluate(TECH, facts, NOW, { zone })).toMatchObject({
      since: at('2024-03-01'),
      satisfied: expect.arrayContaining([{ requirementId: 'TECH/1/2', by: ['S1 2024-03-01'] }]),
    });
    expect(evaluate(BUS, facts, NOW, { zone, used }).met).toBe(false);
    expect(day(evaluate(BUS, [...facts, done('B2', '2024-05-01')], NOW, { zone, used }).since)).toBe('2024-05-01');
  });
  test('e: without UC no TECH; with a second UC again', () => {
    const facts = [{ ...UC, valid: [] }, done('T1', '2024-02-01'), done('T2', '2024-03-01')];
    expect(evaluate(TECH, facts, NOW, { zone }).met).toBe(false);
    expect(day(evaluate(TECH, [...facts, held('UC', '2024-06-01')], NOW, { zone }).since)).toBe('2024-06-01');
  });
});

describe('E6 Compliance', () => {
  const SA = withIds(
    {
      all: [
        { within: 'P60D', all: [{ module: 'SAFETY' }, { module: 'DATA' }] },
        { any: [{ module: 'FORKLIFT' }, { module: 'NON-DRIVER' }] },
      ],
    },
    'SA',
  );
  const renews: Requirement = { all: [{ module: 'R-SAFETY' }, { module: 'R-DATA' }] };
  const term = (facts: readonly Fact[]) => {
    const { since } = evaluate(SA, facts, NOW, { zone });
    return since === undefined ? 'nothing' : `[${day(since)}, ${day(termEnd(since, 12, zone))})`;
  };

  test.each([
    [
      'a',
      [done('SAFETY', '2025-01-10'), done('NON-DRIVER', '2025-01-10'), done('DATA', '2025-02-20')],
      '[2025-02-20, 2026-02-20)',
    ],
    ['b', [done('SAFETY', '2025-01-10'), done('NON-DRIVER', '2025-01-10'), done('DATA', '2025-04-01')], 'nothing'],
    [
      'b, repeated',
      [
        done('SAFETY', '2025-01-10'),
        done('NON-DRIVER', '2025-01-10'),
        done('DATA', '2025-04-01'),
        done('SAFETY', '2025-04-03'),
      ],
      '[2025-04-03, 2026-04-03)',
    ],
    [
      'd',
      [
        done('SAFETY', '2025-01-10'),
        done('NON-DRIVER', '2025-01-10'),
        { kind: 'waiver', ref: 'w', requirementId: 'SA/0/1', at: at('2025-02-01') } as const,
      ],
      '[2025-02-01, 2026-02-01)',
    ],
    [
      'e',
      [done('SAFETY', '2025-03-20'), done('NON-DRIVER', '2025-03-20'), done('DATA', '2025-03-30T23:30:00.000Z')],
      '[2025-03-31, 2026-03-31)',
    ],
  ])('%s', (_, facts, expected) => {
    expect(term(facts)).toBe(expected);
  });
  test('the rules have no fault', () => {
    expect([...lintRequirement(SA), ...lintRequirement(renews)]).toEqual([]);
  });
  test('c: renewed in the grace by both refreshers, one of them from before the end', () => {
    const until = termEnd(at('2025-02-20'), 12, zone);
    const { opens, closes } = renewalWindow(until, { window: 'P60D', grace: 'P14D' }, zone);
    const facts = [done('R-SAFETY', '2026-01-05'), done('R-DATA', '2026-02-27')];
    const { since } = evaluate(renews, facts, NOW, { zone, window: { from: opens, until: closes } });
    expect([day(since), since !== undefined && since >= until]).toEqual(['2026-02-27', true]);
  });
});
