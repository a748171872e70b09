// The worked examples of the product description (E1 to E6), as far as they need neither renewal nor suspension.
import { enrollment, createWorld, LEARNER, m, t, type RecordWorld } from './record-world-spec.js';

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
