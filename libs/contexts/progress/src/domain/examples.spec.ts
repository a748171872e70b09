// The worked examples of the product description (E1 to E6), as far as they need neither renewal nor suspension.
import { createWorld, enrollment, m, t, type RecordWorld } from './record-world-spec.js';

describe('E2: university data skills, four levels, order gate', () => {
  const need310 = [m('DS-310'), m('DS-311'), m('DS-320'), m('DS-330')];
  const rules = (...l1: readonly string[]) =>
    ({
      order: 'gate',
      entryPoints: [
        { id: 'start', at: 'L1' },
        { id: 'direct', at: 'L2', recognise: [{ step: 'L1', when: { credential: t('EXT-DF') } }] },
      ],
      steps: [
        { id: 'L1', need: { all: l1.map((slug) => ({ module: m(slug) })) } },
        {
          id: 'L2',
          after: ['L1'],
          need: { all: [{ module: m('DS-201') }, { any: [{ module: m('DS-210') }, { module: m('DS-211') }] }] },
        },
        {
          id: 'L3',
          after: ['L2'],
          need: { credits: 20, from: need310, minGrade: 50, distinct: { by: 'area', min: 2 } },
        },
        { id: 'L4', after: ['L3'], need: { module: m('DS-401'), minGrade: 60 } },
      ],
      awards: [
        ...['L1', 'L2', 'L3', 'L4'].map((id) => ({ id, template: t(id), kind: 'step', when: id }) as const),
        { id: 'STACK', template: t('STACK'), kind: 'final', when: { all: ['L1', 'L2', 'L3', 'L4'] } },
      ],
    }) as const;
  const skills = (): RecordWorld =>
    createWorld()
      .modules('DS-101', 'DS-102', 'DS-103', 'DS-201', 'DS-210', 'DS-211', 'DS-401')
      .module('DS-310', { credits: 10, area: 'statistics' })
      .module('DS-311', { credits: 10, area: 'statistics' })
      .module('DS-320', { credits: 10, area: 'communication' })
      .module('DS-330', { credits: 5, area: 'governance' })
      .templates('L1', 'L2', 'L3', 'L4', 'STACK', 'EXT-DF')
      .pathway('skills', { rules: rules('DS-101', 'DS-102') });
  const levelTwo = async (): Promise<RecordWorld> => {
    const world = skills();
    await world.enroll('skills', '2024-09-01');
    await world.complete('DS-101', '2024-09-10');
    await world.complete('DS-102', '2024-09-20');
    await world.complete('DS-201', '2024-10-01');
    await world.complete('DS-210', '2024-10-10');
    return world;
  };
  const L1 = 'L1 [2024-09-20)';
  const L2 = 'L2 [2024-10-10)';

  it('a: all in turn; the last module brings two', async () => {
    const world = skills();
    await world.enroll('skills', '2024-09-01');
    await world.complete('DS-101', '2024-09-10');
    await world.complete('DS-102', '2024-09-20');
    await world.complete('DS-201', '2024-10-01');
    await world.complete('DS-211', '2024-10-10');
    await world.complete('DS-310', '2024-11-01', { score: 62 });
    await world.complete('DS-320', '2024-11-10', { score: 71 });
    await world.complete('DS-401', '2024-12-01', { score: 66 });
    expect(world.credentials()).toEqual([L1, L2, 'L3 [2024-11-10)', 'L4 [2024-12-01)', 'STACK [2024-12-01)']);
  });

  it('b: the second level’s modules first wait for the first level', async () => {
    const world = skills();
    await world.enroll('skills', '2024-09-01');
    await world.complete('DS-201', '2024-10-01');
    await world.complete('DS-210', '2024-10-02');
    await world.complete('DS-101', '2024-11-01');
    expect(world.credentials()).toEqual([]);
    await world.complete('DS-102', '2024-12-01');
    expect(world.credentials()).toEqual(['L1 [2024-12-01)', 'L2 [2024-12-01)']);
    expect(world.events('credential-earned').map(({ data }) => data.awardId)).toEqual(['L1', 'L2']);
  });

  it('c: one area is not enough; the third module brings 25 credits', async () => {
    const world = await levelTwo();
    await world.complete('DS-310', '2024-11-01', { score: 60 });
    await world.complete('DS-311', '2024-11-10', { score: 60 });
    expect(world.credentials()).toEqual([L1, L2]);
    await world.complete('DS-330', '2024-11-20', { score: 55 });
    expect(world.credentials()).toEqual([L1, L2, 'L3 [2024-11-20)']);
    expect(world.events('step-satisfied').at(-1)?.data.by).toHaveLength(3);
  });

  it('d: a failed attempt does not count, its repeat does, once', async () => {
    const world = await levelTwo();
    await world.complete('DS-310', '2024-11-01', { score: 60 });
    await world.complete('DS-320', '2024-11-10', { score: 45 });
    expect(world.credentials()).toEqual([L1, L2]);
    await world.complete('DS-320', '2024-11-20', { score: 58 });
    expect(world.credentials()).toEqual([L1, L2, 'L3 [2024-11-20)']);
  });

  it('e: who enters at the second level by recognition gets no credential for the first', async () => {
    const world = skills();
    await world.recognise('EXT-DF', '2024-08-01');
    await world.enroll('skills', '2024-09-01', { entryPoint: 'direct' });
    expect(world.events('step-satisfied')).toMatchObject([{ data: { stepId: 'L1', recognised: true } }]);
    await world.complete('DS-201', '2024-10-01');
    await world.complete('DS-210', '2024-10-10');
    await world.complete('DS-310', '2024-11-01', { score: 62 });
    await world.complete('DS-320', '2024-11-10', { score: 71 });
    await world.complete('DS-401', '2024-12-01', { score: 66 });
    expect(world.credentials()).toEqual([L2, 'L3 [2024-11-10)', 'L4 [2024-12-01)', 'STACK [2024-12-01)']);
  });

  it('f: a version published later does not change what an enrollment asks for', async () => {
    const world = skills();
    await world.enroll('skills', '2024-09-01');
    await world.complete('DS-101', '2024-09-10');
    world.pathway('skills', { rules: rules('DS-101', 'DS-102', 'DS-103') });
    await world.complete('DS-102', '2024-09-20');
    expect(world.credentials()).toEqual([L1]);

    const later = skills().pathway('skills', { rules: rules('DS-101', 'DS-102', 'DS-103') });
    await later.enroll('skills', '2024-09-01');
    await later.complete('DS-101', '2024-09-10');
    await later.complete('DS-102', '2024-09-20');
    expect(later.credentials()).toEqual([]);
    await later.complete('DS-103', '2024-09-21');
    expect(later.credentials()).toEqual(['L1 [2024-09-21)']);
  });
});

describe('E3: digital marketing, horizontal', () => {
  const micro = (slug: string) => ({
    rules: {
      order: 'advisory' as const,
      entryPoints: [{ id: 'start', at: slug }],
      steps: [{ id: slug, need: { module: m(slug) } }],
      awards: [{ id: slug, template: t(slug), kind: 'final' as const, when: slug }],
    },
    enrollment: 'automatic' as const,
  });
  const certificate = {
    rules: {
      order: 'advisory' as const,
      entryPoints: [{ id: 'start', at: 'all' }],
      steps: [
        { id: 'all', need: { all: [{ credential: t('SEO') }, { credential: t('ADS') }, { credential: t('ANA') }] } },
      ],
      awards: [{ id: 'DMC', template: t('DMC'), kind: 'final' as const, when: 'all' }],
    },
    enrollment: 'automatic' as const,
  };
  const micros = (): RecordWorld =>
    createWorld()
      .modules('SEO', 'ADS', 'ANA')
      .templates('SEO', 'ADS', 'ANA', 'DMC')
      .pathway('seo', micro('SEO'))
      .pathway('ads', micro('ADS'))
      .pathway('ana', micro('ANA'));
  const marketing = (): RecordWorld => micros().pathway('dmc', certificate);
  const facts = [
    ['SEO', '2025-02-01'],
    ['ADS', '2025-06-01'],
    ['ANA', '2025-09-01'],
  ] as const;
  const ALL = ['ADS [2025-06-01)', 'ANA [2025-09-01)', 'DMC [2025-09-01)', 'SEO [2025-02-01)'];
  const three = async (world: RecordWorld, order: readonly number[] = [0, 1, 2]): Promise<RecordWorld> => {
    for (const index of order) {
      const [slug, date] = facts[index] as (typeof facts)[number];
      await world.complete(slug, date, {}, { now: '2025-10-01' });
    }
    return world;
  };

  it.each([
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ])('a: delivered in the order %i %i %i', async (...order) => {
    expect((await three(marketing(), order)).credentials()).toEqual(ALL);
  });

  it('b: earned alone before, it is not issued again by the pathway joined later', async () => {
    const world = micros();
    await world.complete('SEO', '2024-02-01');
    world.pathway('dmc', { ...certificate, enrollment: 'on-request' });
    await world.enroll('dmc', '2025-06-01');
    await world.complete('ADS', '2025-06-10');
    await world.complete('ANA', '2025-09-01');
    expect(world.credentials()).toEqual([
      'ADS [2025-06-10)',
      'ANA [2025-09-01)',
      'DMC [2025-09-01)',
      'SEO [2024-02-01)',
    ]);
  });

  it('c: a revoked component counts at no time', async () => {
    const world = marketing();
    await world.complete('SEO', '2025-02-01');
    await world.complete('ADS', '2025-06-01');
    await world.revoke(world.credential('SEO').id, '2025-07-01');
    await world.complete('ANA', '2025-09-01');
    expect(world.credentials()).toEqual(['ADS [2025-06-01)', 'ANA [2025-09-01)', 'SEO [2025-02-01) revoked']);
  });

  it('d: a component revoked later flags the stack, until it is earned anew', async () => {
    const world = await three(marketing());
    await world.revoke(world.credential('SEO').id, '2025-10-10');
    expect(world.credentials()).toEqual([...ALL.slice(0, 2), 'DMC [2025-09-01) flag', 'SEO [2025-02-01) revoked']);
    await world.complete('SEO', '2025-11-01');
    expect(world.credentials()).toEqual([...ALL.slice(0, 3), 'SEO [2025-02-01) revoked', 'SEO/2.1 [2025-11-01)']);
    expect(world.events('component-policy-applied').map(({ data }) => data.effect)).toEqual(['flag', 'lift']);
  });

  it('e: one result by two channels counts once', async () => {
    const world = marketing();
    await world.complete('SEO', '2025-02-01');
    await world.complete('ADS', '2025-06-01');
    await world.complete('ANA', '2025-09-01', { source: 'lms', sourceId: '77' });
    const again = await world.complete('ANA', '2025-09-01T15:00:00Z', { source: 'file', sourceId: 'row-5' });
    expect(again).toEqual({ accepted: true, events: [] });
    expect(world.credentials()).toEqual(ALL);
  });
});

describe('E1: first aid, vertical, two-year terms', () => {
  const TERM = 24;
  const firstAid = (): RecordWorld =>
    createWorld()
      .modules('FA-101', 'FA-201', 'FA-PED', 'FA-SIM', 'FA-301', 'FA-R1')
      .template('BLS', {
        validityMonths: TERM,
        renewal: {
          requirement: { any: [{ module: m('FA-R1') }, { module: m('FA-101'), minGrade: 80 }] },
          window: 'P3M',
          grace: 'P1M',
        },
      })
      .template('ADV', {
        validityMonths: TERM,
        componentPolicy: { revoked: 'flag', expired: 'suspend', withdrawn: 'revoke' },
      })
      .template('INS', { validityMonths: TERM })
      .pathway('first-aid', {
        rules: {
          order: 'enforced',
          entryPoints: [{ id: 'start', at: 'BLS' }],
          steps: [
            { id: 'BLS', need: { module: m('FA-101'), minGrade: 80 } },
            {
              id: 'ADV',
              after: ['BLS'],
              need: { all: [{ module: m('FA-201') }, { any: [{ module: m('FA-PED') }, { module: m('FA-SIM') }] }] },
            },
            { id: 'INS', after: ['ADV'], need: { module: m('FA-301') } },
          ],
          awards: ['BLS', 'ADV', 'INS'].map((id) => ({ id, template: t(id), kind: 'step', when: id })),
        },
      });
  const joined = async (): Promise<RecordWorld> => {
    const world = firstAid();
    await world.enroll('first-aid', '2024-01-10');
    return world;
  };
  const P = (world: RecordWorld, when = {}) => world.complete('FA-101', '2024-03-10', { score: 85 }, when);
  const BLS = 'BLS [2024-03-10, 2026-03-10)';
  const ADV = 'ADV [2024-06-01, 2026-06-01)';
  /** Row c without its renewal: the term of BLS ends, a refresher comes too late, the course is taken again. */
  const rowC = async (): Promise<RecordWorld> => {
    const world = await joined();
    await P(world);
    await world.complete('FA-201', '2024-05-04');
    await world.complete('FA-SIM', '2024-06-01');
    await world.expire(world.credential('BLS').id, '2026-03-09T23:00:00Z');
    await world.complete('FA-R1', '2026-05-20');
    expect(world.credentials()).toEqual([`${ADV} suspend`, BLS]);
    await world.complete('FA-101', '2026-05-21', { score: 90 });
    return world;
  };

  it('c: past its grace it is earned again; the stack is on hold in between', async () => {
    const world = await rowC();
    expect(world.credentials()).toEqual([ADV, BLS, 'BLS/2.1 [2026-05-21, 2028-05-21)']);
    expect(world.events('component-policy-applied').map(({ data }) => [data.effect, data.effectiveAt])).toEqual([
      ['suspend', '2026-03-09T23:00:00.000Z'],
      ['lift', '2026-05-21T09:00:00.000Z'],
    ]);
  });

  it('d: what comes while the earlier award is not valid is kept, out of order', async () => {
    const world = await rowC();
    await world.expire(world.credential('ADV').id, '2026-05-31T22:00:00Z');
    const before = world.credentials();
    await world.complete('FA-301', '2026-07-01');
    expect(world.credentials()).toEqual(before);
    expect(world.events('module-completed').at(-1)?.data.moduleId).toBe(m('FA-301'));
  });

  it('e: below the grade nothing; a refresher never awards', async () => {
    const failed = await joined();
    await failed.complete('FA-101', '2024-03-10', { score: 78 });
    expect(failed.credentials()).toEqual([]);
    const refreshed = await joined();
    await refreshed.complete('FA-R1', '2024-03-10');
    expect(refreshed.credentials()).toEqual([]);
  });

  it('f: a term from 29 February ends on 28 February', async () => {
    const world = await joined();
    await world.complete('FA-101', '2024-02-29', { score: 85 });
    expect(world.credentials()).toEqual(['BLS [2024-02-29, 2026-02-28)']);
  });

  it('g: recorded late, it counts from its own date', async () => {
    const world = await joined();
    await P(world, { now: '2024-04-02' });
    expect(world.credentials()).toEqual([BLS]);
    expect(world.events('credential-earned')[0]?.meta).toMatchObject({
      occurredAt: '2024-03-10T09:00:00.000Z',
      recordedAt: '2024-04-02T09:00:00.000Z',
    });
  });

  it('the second level rests on the first by its order alone', async () => {
    const world = await rowC();
    const [adv] = world.events('credential-earned').filter(({ data }) => data.awardId === 'ADV');
    expect(adv?.data.components).toMatchObject([{ templateId: t('BLS') }]);
  });

  it('a level taken before the earlier one is valid does not count, in whatever order it arrives', async () => {
    const world = await joined();
    await world.complete('FA-201', '2024-02-01', {}, { now: '2024-07-01' });
    await world.complete('FA-SIM', '2024-06-01', {}, { now: '2024-07-01' });
    await P(world, { now: '2024-07-02' });
    expect(world.credentials()).toEqual([BLS]);
    await world.complete('FA-201', '2024-05-04', {}, { now: '2024-07-03' });
    expect(world.credentials()).toEqual([ADV, BLS]);
  });
});

describe('E4: hybrid with an industry certification', () => {
  const alone = (slug: string) => ({
    rules: {
      order: 'advisory' as const,
      entryPoints: [{ id: 'start', at: slug }],
      steps: [{ id: slug, need: { module: m(slug) } }],
      awards: [{ id: slug, template: t(slug), kind: 'final' as const, when: slug }],
    },
    enrollment: 'automatic' as const,
  });
  const hybrid = async (): Promise<RecordWorld> => {
    const world = createWorld()
      .modules('CLOUD', 'SEC', 'NET')
      .module('OWN-12', { credits: 12 })
      .module('OWN-6', { credits: 6 })
      .module('OWN-4', { credits: 4 })
      .templates('CLOUD', 'SEC', 'NET', 'CERT-X', 'HD', 'EXT-20')
      .template('PRO', { componentPolicy: { revoked: 'flag', expired: 'suspend', withdrawn: 'revoke' } })
      .pathway('cloud', alone('CLOUD'))
      .pathway('sec', alone('SEC'))
      .pathway('net', alone('NET'))
      .pathway('pro', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'breadth' }],
          steps: [
            {
              id: 'breadth',
              need: { atLeast: 2, of: ['CLOUD', 'SEC', 'NET'].map((slug) => ({ credential: t(slug) })) },
            },
            { id: 'industry', need: { credential: t('CERT-X') } },
          ],
          awards: [{ id: 'PRO', template: t('PRO'), kind: 'final', when: { all: ['breadth', 'industry'] } }],
        },
      })
      .pathway('hd', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'credits' }],
          steps: [
            {
              id: 'credits',
              need: {
                credits: 30,
                from: {},
                maxAge: 'P5Y',
                cap: [{ from: { origin: 'external' }, max: '50%' }],
              },
            },
            { id: 'pro', need: { credential: t('PRO') } },
          ],
          awards: [{ id: 'HD', template: t('HD'), kind: 'final', when: { all: ['credits', 'pro'] } }],
        },
      });
    await world.enroll('pro', '2019-01-01');
    await world.enroll('hd', '2019-01-01');
    return world;
  };
  const rowA = async (): Promise<RecordWorld> => {
    const world = await hybrid();
    await world.complete('CLOUD', '2025-01-10');
    await world.complete('NET', '2025-03-10');
    await world.recognise('CERT-X', '2025-04-01', { ref: 'urn:x:1' });
    await world.complete('SEC', '2025-06-01');
    return world;
  };
  const A = ['CLOUD [2025-01-10)', 'NET [2025-03-10)', 'PRO [2025-04-01)', 'SEC [2025-06-01)'];

  it('a: breadth, then the certification; awarded once', async () => {
    expect((await rowA()).credentials()).toEqual(A);
  });

  it('b: it counts from acceptance on', async () => {
    const world = await hybrid();
    await world.complete('CLOUD', '2025-01-10');
    await world.complete('NET', '2025-03-10');
    expect(world.credentials()).toEqual([A[0], A[1]]);
    await world.recognise('CERT-X', '2025-04-05');
    expect(world.credentials()).toEqual([A[0], A[1], 'PRO [2025-04-05)']);
  });

  it('c: its expiry suspends what rests on it, a new one lifts that', async () => {
    const world = await rowA();
    const component = world.events('stack-component-credited').find(({ data }) => data.origin === 'recognised')?.data;
    await world.expire(component?.componentId as string, '2026-04-01');
    expect(world.credentials()).toEqual([A[0], A[1], `${A[2]} suspend`, A[3]]);
    await world.recognise('CERT-X', '2026-05-02', { ref: 'urn:x:2' });
    expect(world.credentials()).toEqual(A);
    expect(world.events('component-policy-applied').map(({ data }) => [data.effect, data.effectiveAt])).toEqual([
      ['suspend', '2026-04-01T09:00:00.000Z'],
      ['lift', '2026-05-02T09:00:00.000Z'],
    ]);
    // The step is re-opened and met anew by a later instant; the award stays what it was.
    expect(world.events('step-reopened')).toMatchObject([
      { data: { stepId: 'industry', onlyFrom: '2026-04-01T09:00:00.000Z' } },
    ]);
    expect(world.events('step-satisfied').at(-1)?.data).toMatchObject({
      stepId: 'industry',
      at: '2026-05-02T09:00:00.000Z',
    });
  });

  const rowD = async (): Promise<RecordWorld> => {
    const world = await rowA();
    await world.complete('OWN-6', '2019-02-01', {}, { now: '2025-09-01' });
    await world.recognise('EXT-20', '2023-06-01', { credits: 20 });
    await world.complete('OWN-12', '2024-03-01', {}, { now: '2025-09-01' });
    return world;
  };
  it('d: aged credits do not count, external ones up to the cap', async () => {
    expect((await rowD()).credentials()).toEqual(A);
  });

  it('e: four credits more make thirty-one', async () => {
    const world = await rowD();
    await world.complete('OWN-4', '2025-10-01');
    expect(world.credentials()).toEqual([A[0], 'HD [2025-10-01)', ...A.slice(1)]);
  });
});

describe('E5: nested, two destinations', () => {
  const nested = (): RecordWorld =>
    createWorld()
      .modules('M1', 'M2', 'M3', 'T1', 'T2', 'S1', 'B1', 'B2')
      .templates('UC', 'BUS')
      .template('TECH', { componentPolicy: { revoked: 'suspend', expired: 'flag', withdrawn: 'revoke' } })
      .pathway('ucert', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'M' }],
          steps: [{ id: 'M', need: { all: ['M1', 'M2', 'M3'].map((slug) => ({ module: m(slug) })) } }],
          awards: [{ id: 'UC', template: t('UC'), kind: 'final', when: 'M' }],
        },
      })
      .pathway('assoc', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'TECH' }],
          steps: ['TECH', 'BUS'].map((id) => ({
            id,
            need: {
              all: [
                { credential: t('UC') },
                {
                  atLeast: 2,
                  of: [
                    ...[1, 2].map((n) => ({ module: m(`${id[0]}${n}`) })),
                    { module: m('S1'), uses: { n: 1, group: 'destination' } },
                  ],
                },
              ],
            },
          })),
          awards: [
            { id: 'UC', template: t('UC'), kind: 'exit', when: { credential: t('UC') } },
            { id: 'TECH', template: t('TECH'), kind: 'final', when: 'TECH' },
            { id: 'BUS', template: t('BUS'), kind: 'final', when: 'BUS' },
          ],
        },
        inner: [{ slug: 'ucert' }],
      });
  const certified = async (): Promise<RecordWorld> => {
    const world = nested();
    await world.enroll('assoc', '2024-09-01');
    await world.complete('M1', '2024-10-01');
    await world.complete('M2', '2024-11-01');
    await world.complete('M3', '2024-12-01');
    return world;
  };
  const rowA = async (): Promise<RecordWorld> => {
    const world = await certified();
    await world.complete('T1', '2025-02-01');
    await world.complete('T2', '2025-03-01');
    return world;
  };
  const UC = 'UC [2024-12-01)';
  const TECH = 'TECH [2025-03-01)';

  it('a: joining the outer joins the inner, in one append', async () => {
    const world = await rowA();
    expect(world.credentials()).toEqual([TECH, UC]);
    expect(world.events('learner-enrolled').map(({ data }) => [data.enrollment.enrollmentId, data.because])).toEqual([
      [enrollment(1), undefined],
      [enrollment(2), enrollment(1)],
    ]);
  });

  it('b: held for two years, it is not issued again', async () => {
    const world = nested();
    await world.enroll('ucert', '2022-09-01');
    for (const slug of ['M1', 'M2', 'M3']) await world.complete(slug, '2022-12-01');
    await world.enroll('assoc', '2024-12-01');
    await world.complete('T1', '2025-02-01');
    await world.complete('T2', '2025-03-01');
    expect(world.credentials()).toEqual([TECH, 'UC [2022-12-01)']);
    expect(world.events('learner-enrolled')).toHaveLength(2);
  });

  it('c: away and back, on the version it was', async () => {
    const world = await certified();
    await world.leave(1, '2025-01-31');
    await world.comeBack(1, '2026-03-07');
    await world.complete('T1', '2026-04-01');
    await world.complete('T2', '2026-05-01');
    expect(world.credentials()).toEqual(['TECH [2026-05-01)', UC]);
  });

  it('d: a module that may be used once goes to the destination decided first', async () => {
    const world = await certified();
    await world.complete('T1', '2025-02-01');
    await world.complete('S1', '2025-03-01');
    await world.complete('B1', '2025-04-01');
    expect(world.credentials()).toEqual([TECH, UC]);
    await world.complete('B2', '2025-05-01');
    expect(world.credentials()).toEqual(['BUS [2025-05-01)', TECH, UC]);
  });

  it('d: in one append the earlier keeps it', async () => {
    const world = nested();
    await world.enroll('assoc', '2024-09-01');
    for (const [slug, date] of [
      ['B1', '2025-02-01'],
      ['S1', '2025-03-01'],
      ['T1', '2025-04-01'],
      ['M1', '2024-10-01'],
      ['M2', '2024-11-01'],
      ['M3', '2024-12-01'],
    ] as const)
      await world.complete(slug, date, {}, { now: '2025-06-01' });
    expect(world.credentials()).toEqual(['BUS [2025-03-01)', UC]);
  });

  it('e: a completion taken back ends what it entitled to, and holds what rests on that; passed again, both come back', async () => {
    const world = await rowA();
    await world.invalidate('M2', '2025-04-01');
    expect(world.credentials()).toEqual([`${TECH} suspend`, `${UC} revoked`]);
    await world.complete('M2', '2025-05-01');
    expect(world.credentials()).toEqual([TECH, UC.concat(' revoked'), 'UC/2.1 [2025-05-01)']);
  });

  it('a module taken back frees what another destination waits for', async () => {
    const world = await certified();
    await world.complete('T1', '2025-02-01');
    await world.complete('S1', '2025-03-01');
    await world.complete('B1', '2025-04-01');
    await world.invalidate('T1', '2025-05-01');
    expect(world.credentials()).toEqual(['BUS [2025-04-01)', `${TECH} revoked`, UC]);
  });
});

describe('E6: compliance', () => {
  const site = async (): Promise<RecordWorld> => {
    const world = createWorld()
      .modules('SAFETY', 'DATA', 'FORKLIFT', 'NON-DRIVER')
      .template('SA', { validityMonths: 12 })
      .pathway('site-access', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'SA' }],
          steps: [
            {
              id: 'SA',
              need: {
                all: [
                  { within: 'P60D', all: [{ module: m('SAFETY') }, { id: 'data', module: m('DATA') }] },
                  { any: [{ module: m('FORKLIFT') }, { module: m('NON-DRIVER') }] },
                ],
              },
            },
          ],
          awards: [{ id: 'SA', template: t('SA'), kind: 'final', when: 'SA' }],
        },
      });
    await world.enroll('site-access', '2025-01-01');
    return world;
  };
  const begun = async (date = '2025-01-10'): Promise<RecordWorld> => {
    const world = await site();
    await world.complete('SAFETY', date);
    await world.complete('NON-DRIVER', date);
    return world;
  };

  it('a: within sixty days', async () => {
    const world = await begun();
    await world.complete('DATA', '2025-02-20');
    expect(world.credentials()).toEqual(['SA [2025-02-20, 2026-02-20)']);
  });

  it('b: eighty-one days apart is not; the repeat is', async () => {
    const world = await begun();
    await world.complete('DATA', '2025-04-01');
    expect(world.credentials()).toEqual([]);
    await world.complete('SAFETY', '2025-04-03');
    expect(world.credentials()).toEqual(['SA [2025-04-03, 2026-04-03)']);
  });

  it('d: waived with reason and authority; without, refused', async () => {
    const world = await begun();
    expect(await world.waive(1, 'data', '2025-02-01', { reasonCode: '' })).toMatchObject({ code: 'reason-required' });
    expect(await world.waive(1, 'data', '2025-02-01', { authority: ' ' })).toMatchObject({
      code: 'authority-required',
    });
    expect(world.credentials()).toEqual([]);
    await world.waive(1, 'data', '2025-02-01');
    expect(world.credentials()).toEqual(['SA [2025-02-01, 2026-02-01)']);
    const waived = world.events('requirement-waived')[0]?.id;
    expect(world.events('step-satisfied')[0]?.data.satisfied).toContainEqual({ requirementId: 'data', by: [waived] });
  });

  it('e: the term runs from the local day', async () => {
    const world = await begun('2025-03-20');
    await world.complete('DATA', '2025-03-30T23:30:00Z');
    expect(world.credentials()).toEqual(['SA [2025-03-31, 2026-03-31)']);
  });
});
