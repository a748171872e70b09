// The rules of the record one by one. The worked examples are in examples.spec.ts, random histories in record.model.spec.ts.
import { learnerErased } from '@cairn/contexts/learners';
import { streamName, type EnrollmentId, type Instant } from '@cairn/kernel';
import type { Requirement } from '@cairn/rules';
import { at, freshId, TENANT } from '@cairn/testing';
import { createWorld, enrollment, LEARNER, m, t, type RecordWorld } from './record-world-spec.js';

const UNCHANGED = { accepted: true, events: [] };
const refused = (code: string) => ({ accepted: false, code });
const need = (...slugs: readonly string[]): Requirement => ({ all: slugs.map((slug) => ({ module: m(slug) })) });

/** Two steps one after the other, an award for the first, one for both. */
const twoSteps = (world: RecordWorld, order: 'advisory' | 'gate' | 'enforced' = 'gate'): RecordWorld =>
  world.pathway('two', {
    rules: {
      order,
      entryPoints: [
        { id: 'start', at: 'S1' },
        { id: 'direct', at: 'S2', recognise: [{ step: 'S1', when: { credential: t('EXT') } }] },
        { id: 'later', at: 'S2' },
      ],
      steps: [
        { id: 'S1', need: need('A', 'B') },
        { id: 'S2', after: ['S1'], need: need('C') },
      ],
      awards: [
        { id: 'ONE', template: t('ONE'), kind: 'step', when: 'S1' },
        { id: 'BOTH', template: t('BOTH'), kind: 'final', when: { all: ['S1', 'S2'] } },
      ],
    },
  });
const world = (): RecordWorld =>
  twoSteps(
    createWorld().modules('A', 'B', 'C', 'X').module('GRADED', { passMark: 40 }).templates('ONE', 'BOTH', 'EXT'),
  );
const joined = async (): Promise<RecordWorld> => {
  const fresh = world();
  await fresh.enroll('two', '2025-01-01');
  return fresh;
};

describe('who nothing is recorded about', () => {
  it('somebody unknown', async () => {
    const fresh = world();
    const learnerId = freshId() as typeof LEARNER;
    expect(await fresh.complete('A', '2025-01-01', { learnerId })).toMatchObject(refused('not-found'));
  });
  it('somebody erased, before the record is closed and after', async () => {
    const fresh = await joined();
    fresh.append(streamName('learner', TENANT, LEARNER), {
      type: learnerErased.type,
      data: { learnerId: LEARNER, approvedBy: 'user:dpo', reasonCode: 'request' },
    });
    expect(await fresh.complete('A', '2025-01-02')).toMatchObject(refused('learner-erased'));
    const close = { type: 'CloseRecord', data: { learnerId: LEARNER, why: 'erased' } } as const;
    expect(await fresh.send(close)).toMatchObject({
      events: [{ type: 'record-closed', data: { enrollments: [{ enrollmentId: enrollment(1) }] } }],
    });
    expect(await fresh.complete('A', '2025-01-02')).toMatchObject(refused('learner-erased'));
    expect(await fresh.send(close)).toEqual(UNCHANGED);
  });
});

describe('CompleteModule', () => {
  it('is a fact of the learner: it is recorded once and counts in every open enrollment', async () => {
    const fresh = await joined();
    fresh.pathway('other', {
      rules: {
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'O' }],
        steps: [{ id: 'O', need: need('A') }],
        awards: [{ id: 'ONE', template: t('ONE'), kind: 'final', when: 'O' }],
      },
    });
    await fresh.enroll('other', '2025-01-02');
    await fresh.complete('A', '2025-02-01');
    expect(fresh.events('module-completed').map(({ data }) => data.enrollments.map((one) => one.enrollmentId))).toEqual(
      [[enrollment(1), enrollment(2)]],
    );
    // Both pathways award one template: it is earned once, whatever pathway comes first (D1).
    await fresh.complete('B', '2025-03-01');
    expect(fresh.events('step-satisfied').map(({ data }) => data.stepId)).toEqual(['O', 'S1']);
    expect(fresh.credentials()).toEqual(['ONE [2025-02-01)']);
  });

  it('copies what the module is worth then', async () => {
    const fresh = createWorld().module('A', { credits: 7.5, area: 'art', level: 3 });
    await fresh.complete('A', '2025-01-02', { score: 71, honours: true, evidenceRef: 'e-1', assessor: 'x' });
    expect(fresh.events('module-completed')[0]?.data).toEqual({
      learnerId: LEARNER,
      moduleId: m('A'),
      attempt: 1,
      credits: 7.5,
      area: 'art',
      level: 3,
      score: 71,
      honours: true,
      evidenceRef: 'e-1',
      assessor: 'x',
      source: 'lms',
      enrollments: [],
    });
  });

  it.each([
    ['a module that nobody defined', 'not-found', 'NOWHERE', {}],
    ['a score below the pass mark', 'evidence-refused', 'GRADED', { score: 39.99 }],
    ['no score where there is a pass mark', 'evidence-refused', 'GRADED', {}],
    ['an enrollment that is not there', 'not-found', 'A', { enrollmentId: enrollment(7) }],
    ['a module outside the version, by the enrollment', 'module-not-in-version', 'X', { enrollmentId: enrollment(1) }],
  ] as const)('refuses %s', async (_what, code, slug, more) => {
    expect(await (await joined()).complete(slug, '2025-02-01', more)).toMatchObject(refused(code));
  });
  it('refuses a date in the future', async () => {
    expect(await (await joined()).complete('A', '2025-02-02', {}, { now: '2025-02-01' })).toMatchObject(
      refused('date-in-future'),
    );
  });
  it('refuses an enrollment that the learner left, but not the fact itself', async () => {
    const fresh = await joined();
    await fresh.leave(1, '2025-02-01');
    expect(await fresh.complete('A', '2025-02-02', { enrollmentId: enrollment(1) })).toMatchObject(
      refused('enrollment-not-active'),
    );
    expect(await fresh.complete('A', '2025-02-02')).toMatchObject({ accepted: true });
  });
  it('takes exactly the pass mark, and a module outside every pathway', async () => {
    const fresh = await joined();
    expect(await fresh.complete('GRADED', '2025-02-01', { score: 40 })).toMatchObject({ events: [{}] });
    expect(await fresh.complete('X', '2025-02-01')).toMatchObject({ events: [{}] });
  });

  describe('knows what it was told before', () => {
    const told = { source: 'lms', sourceId: 'r-1', score: 60 };
    it('the same record again changes nothing', async () => {
      const fresh = await joined();
      await fresh.complete('A', '2025-02-01', told);
      expect(await fresh.complete('A', '2025-02-01', told)).toEqual(UNCHANGED);
    });
    it.each([
      { score: 61 },
      { honours: true },
      { evidenceRef: 'e' },
      { occurredAt: at('2025-02-02') },
      { moduleId: m('B') },
    ])('the same record with other content is refused: %j', async (other) => {
      const fresh = await joined();
      await fresh.complete('A', '2025-02-01', told);
      expect(await fresh.complete('A', '2025-02-01', { ...told, ...other })).toMatchObject(
        refused('source-record-differs'),
      );
    });
    it('once the first is invalidated, the record may come with other content', async () => {
      const fresh = await joined();
      await fresh.complete('A', '2025-02-01', told);
      await fresh.invalidate('A', '2025-02-03');
      expect(await fresh.complete('A', '2025-02-01', { ...told, score: 61 })).toMatchObject({
        events: [{ data: { attempt: 2, score: 61 } }],
      });
    });
    it('the same module, local day and grade by another channel changes nothing, also across midnight UTC', async () => {
      const fresh = await joined();
      await fresh.complete('A', '2025-02-01T23:30:00Z', told); // 2 February in Berlin
      const file = { source: 'file', sourceId: '5', score: 60 };
      expect(await fresh.complete('A', '2025-02-02T20:00:00Z', file)).toEqual(UNCHANGED);
      expect(await fresh.complete('A', '2025-02-01T20:00:00Z', file)).toMatchObject({
        events: [{ data: { attempt: 2 } }],
      });
    });
    it('another grade on the same day is another attempt', async () => {
      const fresh = await joined();
      await fresh.complete('A', '2025-02-01', { score: 60 });
      expect(await fresh.complete('A', '2025-02-01', { score: 62 })).toMatchObject({
        events: [{ data: { attempt: 2 } }],
      });
    });
  });
});

describe('StartModule', () => {
  const start = (fresh: RecordWorld, slug: string, date: string, enrollmentId?: EnrollmentId) =>
    fresh.send({
      type: 'StartModule',
      data: {
        learnerId: LEARNER,
        moduleId: m(slug),
        occurredAt: at(date),
        ...(enrollmentId === undefined ? {} : { enrollmentId }),
      },
    });
  it('is recorded once until the module is completed', async () => {
    const fresh = await joined();
    expect(await start(fresh, 'A', '2025-01-02')).toMatchObject({
      events: [{ type: 'module-started', data: { enrollments: [{ enrollmentId: enrollment(1) }] } }],
    });
    expect(await start(fresh, 'A', '2025-01-03')).toEqual(UNCHANGED);
    await fresh.complete('A', '2025-02-01');
    expect(await start(fresh, 'A', '2025-03-01')).toMatchObject({ events: [{}] });
  });
  it('refuses what CompleteModule refuses', async () => {
    const fresh = await joined();
    expect(await start(fresh, 'NOWHERE', '2025-01-02')).toMatchObject(refused('not-found'));
    expect(await start(fresh, 'X', '2025-01-02', enrollment(1))).toMatchObject(refused('module-not-in-version'));
  });
});

describe('EnrollLearner', () => {
  it('pins the newest version that is not retired, its label and its hash (D7)', async () => {
    const fresh = twoSteps(twoSteps(world())).retire('two', 3);
    await fresh.enroll('two', '2024-12-30T23:30:00Z');
    expect(fresh.events('learner-enrolled')[0]?.data).toMatchObject({
      enrollment: { enrollmentId: enrollment(1), version: 2, cohortWeek: '2025-W01', entryPoint: 'start' },
      label: 'v2',
      rulesHash: '2'.padStart(64, 'c'),
      attempt: 1,
      steps: ['S1', 'S2'],
      opens: ['S1'],
    });
  });
  it.each([
    ['a pathway that nobody published', 'nowhere', {}],
    ['a version that is not there', 'two', { version: 9 }],
    ['a retired version', 'two', { version: 1 }],
    ['an entry point that is not there', 'two', { entryPoint: 'window' }],
    ['a second attempt without a first', 'two', { attempt: 2 }],
  ] as const)('refuses %s', async (_what, slug, more) => {
    const fresh = twoSteps(world()).retire('two', 1);
    expect(await fresh.enroll(slug, '2025-01-01', more)).toMatchObject(refused('not-found'));
  });
  it('refuses a pathway of which every version is retired, and a date in the future', async () => {
    expect(await world().retire('two', 1).enroll('two', '2025-01-01')).toMatchObject(refused('not-found'));
    expect(await world().enroll('two', '2025-01-02', {}, { now: '2025-01-01' })).toMatchObject(
      refused('date-in-future'),
    );
  });
  it('names what there is instead', async () => {
    expect(await world().enroll('two', '2025-01-01', { entryPoint: 'window' })).toMatchObject({
      next: 'Its entry points are "start", "direct", "later".',
    });
  });
  it('a repeat is asked for by number', async () => {
    const fresh = await joined();
    expect(await fresh.enroll('two', '2025-02-01')).toMatchObject(refused('already-enrolled'));
    expect(await fresh.enroll('two', '2025-02-01', { attempt: 3 })).toMatchObject(refused('already-enrolled'));
    expect(await fresh.enroll('two', '2025-02-01', { attempt: 2 })).toMatchObject({
      events: [{ data: { attempt: 2, enrollment: { enrollmentId: enrollment(2) } } }],
    });
    await fresh.leave(2, '2025-03-01');
    expect(await fresh.enroll('two', '2025-04-01', { attempt: 2 })).toMatchObject(refused('already-enrolled'));
  });
  it('sent by the reactor, it changes nothing where the learner is in already or nobody enrolls by itself', async () => {
    const fresh = await joined();
    expect(await fresh.enroll('two', '2025-02-01', { mode: 'automatic' })).toEqual(UNCHANGED);
    expect(await world().enroll('two', '2025-02-01', { mode: 'automatic' })).toEqual(UNCHANGED);
  });

  describe('earned before joining counts', () => {
    it('at its own instant; the term begins with joining', async () => {
      const fresh = world();
      await fresh.complete('A', '2024-11-01');
      await fresh.complete('B', '2024-12-01');
      await fresh.enroll('two', '2025-01-01');
      expect(fresh.events('step-satisfied')[0]?.data).toMatchObject({
        stepId: 'S1',
        at: at('2024-12-01'),
        reachedAt: at('2024-12-01'),
        opens: ['S2'],
        inOrder: ['S1'],
      });
      expect(fresh.events('credential-earned')[0]?.data).toMatchObject({
        awardId: 'ONE',
        at: at('2024-12-01'),
        from: at('2025-01-01'),
      });
      expect(fresh.events('learner-enrolled')[0]?.data.earlier).toMatchObject([
        { moduleId: m('A') },
        { moduleId: m('B') },
      ]);
    });
  });

  describe('at a later entry point', () => {
    it('is refused while what it recognises is not met on that day', async () => {
      const fresh = world();
      await fresh.recognise('EXT', '2025-01-05');
      expect(await fresh.enroll('two', '2025-01-04', { entryPoint: 'direct' }, { now: '2025-01-06' })).toMatchObject(
        refused('criteria-not-met'),
      );
      expect(await fresh.enroll('two', '2025-01-05', { entryPoint: 'direct' })).toMatchObject({ accepted: true });
    });
    it('a recognised step is met, issues nothing, and counts for the whole', async () => {
      const fresh = world();
      await fresh.recognise('EXT', '2025-01-01');
      await fresh.enroll('two', '2025-01-05', { entryPoint: 'direct' });
      expect(fresh.events('step-satisfied')[0]?.data).toMatchObject({
        stepId: 'S1',
        recognised: true,
        at: at('2025-01-01'),
        opens: ['S1', 'S2'],
        inOrder: ['S1'],
      });
      await fresh.complete('A', '2025-02-01');
      await fresh.complete('B', '2025-02-01');
      await fresh.complete('C', '2025-02-02');
      expect(fresh.credentials()).toEqual(['BOTH [2025-02-02)']);
    });
    it('is met for good: the end of what was recognised re-opens nothing', async () => {
      const fresh = world();
      await fresh.recognise('EXT', '2025-01-01');
      await fresh.enroll('two', '2025-01-05', { entryPoint: 'direct' });
      const id = fresh.events('stack-component-credited')[0]?.data.componentId as string;
      await fresh.expire(id, '2025-02-01');
      expect(fresh.events('step-reopened')).toEqual([]);
    });
    it('but a completion behind it that is taken back takes it back', async () => {
      const fresh = createWorld()
        .modules('A', 'B', 'P')
        .pathway('by-module', {
          rules: {
            order: 'advisory',
            entryPoints: [{ id: 'direct', at: 'S2', recognise: [{ step: 'S1', when: { module: m('P') } }] }],
            steps: [
              { id: 'S1', need: { module: m('A') } },
              { id: 'S2', need: { module: m('B') } },
            ],
            awards: [],
          },
        });
      await fresh.complete('P', '2025-01-01', { score: 50 });
      await fresh.complete('P', '2025-01-02', { score: 60 });
      await fresh.enroll('by-module', '2025-01-05');
      await fresh.invalidate('P', '2025-02-01'); // the other attempt will do
      expect(fresh.events('step-reopened')).toEqual([]);
      const [first] = fresh.events('module-completed');
      await fresh.send({
        type: 'InvalidateModuleCompletion',
        data: { learnerId: LEARNER, completion: first?.id ?? '', reasonCode: 'error', occurredAt: at('2025-02-02') },
      });
      expect(fresh.events('step-reopened')).toMatchObject([{ data: { stepId: 'S1' } }]);
    });
    it('nothing is recognised where nothing is asked for: the step before stays to be done', async () => {
      const fresh = world();
      await fresh.enroll('two', '2025-01-05', { entryPoint: 'later' });
      expect(fresh.events('learner-enrolled')[0]?.data.opens).toEqual(['S2']);
      await fresh.complete('C', '2025-02-01');
      expect(fresh.events('step-satisfied')[0]?.data).toMatchObject({ stepId: 'S2', inOrder: ['S2'], opens: [] });
      expect(fresh.credentials()).toEqual([]);
    });
  });

  describe('joins the pathways within', () => {
    const nested = (): RecordWorld =>
      world()
        .template('OUTER')
        .pathway('outer', {
          rules: {
            order: 'advisory',
            entryPoints: [{ id: 'start', at: 'O' }],
            steps: [{ id: 'O', need: { credential: t('BOTH') } }],
            awards: [{ id: 'OUTER', template: t('OUTER'), kind: 'final', when: 'O' }],
          },
          inner: [{ slug: 'two' }],
        });
    const reasons = (fresh: RecordWorld) => fresh.events('learner-enrolled').map(({ data }) => data.because);
    it('in the same append, and says because of which', async () => {
      const fresh = nested();
      expect(await fresh.enroll('outer', '2025-01-01')).toMatchObject({ events: [{}, {}] });
      expect(reasons(fresh)).toEqual([undefined, enrollment(1)]);
    });
    it('but not one where the learner is already', async () => {
      const fresh = nested();
      await fresh.enroll('two', '2025-01-01');
      await fresh.enroll('outer', '2025-01-02');
      expect(reasons(fresh)).toEqual([undefined, undefined]);
    });
    it('anew where the learner has left', async () => {
      const fresh = nested();
      await fresh.enroll('two', '2025-01-01');
      await fresh.leave(1, '2025-01-02');
      await fresh.enroll('outer', '2025-01-03');
      expect(fresh.events('learner-enrolled').map(({ data }) => data.attempt)).toEqual([1, 1, 2]);
    });
  });
});

describe('leaving and coming back', () => {
  it('what was earned stays; facts that came meanwhile count on return, at their own instant; no term begins while away', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-01-10');
    await fresh.leave(1, '2025-02-01');
    await fresh.complete('B', '2025-02-15');
    expect(fresh.events('step-satisfied')).toEqual([]);
    await fresh.comeBack(1, '2025-03-01');
    expect(fresh.events('step-satisfied')[0]?.data).toMatchObject({ stepId: 'S1', at: at('2025-02-15') });
    expect(fresh.events('credential-earned')[0]?.data).toMatchObject({ at: at('2025-02-15'), from: at('2025-03-01') });
    await fresh.leave(1, '2025-04-01');
    expect(fresh.credentials()).toEqual(['ONE [2025-03-01)']);
  });
  it('done twice, it changes nothing', async () => {
    const fresh = await joined();
    expect(await fresh.comeBack(1, '2025-02-01')).toEqual(UNCHANGED);
    await fresh.leave(1, '2025-02-01');
    expect(await fresh.leave(1, '2025-03-01')).toEqual(UNCHANGED);
  });
  it('needs a reason, an enrollment, and no date in the future', async () => {
    const fresh = await joined();
    for (const type of ['WithdrawEnrollment', 'ReinstateEnrollment'] as const) {
      const data = { enrollmentId: enrollment(1), reasonCode: 'x', occurredAt: at('2025-02-01') };
      expect(await fresh.send({ type, data: { ...data, reasonCode: '' } })).toMatchObject(refused('reason-required'));
      expect(await fresh.send({ type, data: { ...data, enrollmentId: enrollment(9) } })).toMatchObject(
        refused('not-found'),
      );
      expect(
        await fresh.send({ type, data: { ...data, occurredAt: at('2029-01-01') } }, { now: '2025-02-01' }),
      ).toMatchObject(refused('date-in-future'));
    }
  });
});

describe('reached and in order', () => {
  const listed = async (): Promise<RecordWorld> => {
    const fresh = createWorld()
      .modules('A', 'B', 'C')
      .pathway('listed', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'A' }],
          steps: [
            { id: 'A', need: { module: m('A') } },
            { id: 'B', need: { module: m('B') } },
            { id: 'C', after: ['A', 'B'], need: { module: m('C') } },
          ],
          awards: [],
        },
      });
    await fresh.enroll('listed', '2025-01-01');
    return fresh;
  };
  const deltas = (fresh: RecordWorld) =>
    fresh.events('step-satisfied').map(({ data }) => [data.stepId, data.opens, data.inOrder] as const);

  it('one after the other', async () => {
    const fresh = await listed();
    for (const [slug, date] of [
      ['A', '2025-02-01'],
      ['B', '2025-02-02'],
      ['C', '2025-02-03'],
    ] as const)
      await fresh.complete(slug, date);
    expect(deltas(fresh)).toEqual([
      ['A', ['B'], ['A']],
      ['B', ['C'], ['B']],
      ['C', [], ['C']],
    ]);
    expect(fresh.events('step-satisfied').map(({ data }) => data.reachedAt)).toEqual([
      at('2025-01-01'),
      at('2025-02-01'),
      at('2025-02-02'),
    ]);
  });
  it('a step done too early is reached then, and never in order', async () => {
    const fresh = await listed();
    await fresh.complete('B', '2025-02-01');
    await fresh.complete('A', '2025-02-02');
    expect(deltas(fresh)).toEqual([
      ['B', ['B'], []],
      ['A', ['C'], ['A']],
    ]);
    expect(fresh.events('step-satisfied')[0]?.data.reachedAt).toBe(at('2025-02-01'));
  });
  it('on the same local day is in order; an earlier fact that arrives late puts later steps in order', async () => {
    const fresh = await listed();
    await fresh.complete('B', '2025-02-02T08:00:00Z');
    await fresh.complete('C', '2025-02-02T21:00:00Z');
    await fresh.complete('A', '2025-02-02T22:30:00Z', {}, { now: '2025-02-05' }); // 23:30 in Berlin
    expect(deltas(fresh)).toEqual([
      ['B', ['B'], []],
      ['C', ['C'], []],
      ['A', [], ['A', 'B', 'C']],
    ]);
  });
  it('taking a step back takes back what it counted, and later steps stay satisfied', async () => {
    const fresh = await listed();
    for (const slug of ['A', 'B', 'C']) await fresh.complete(slug, '2025-02-01');
    await fresh.invalidate('A', '2025-03-01');
    const [first] = fresh.events('step-satisfied');
    expect(fresh.events('step-reopened').map(({ data }) => data)).toEqual([
      {
        learnerId: LEARNER,
        enrollment: first?.data.enrollment,
        stepId: 'A',
        because: fresh.events('module-completion-invalidated')[0]?.id,
        undoes: first?.id,
        at: at('2025-02-01'),
        reachedAt: at('2025-01-01'),
        closes: [],
        notInOrder: ['A', 'B', 'C'],
      },
    ]);
    await fresh.invalidate('C', '2025-03-01');
    expect(fresh.events('step-reopened')[1]?.data).toMatchObject({ stepId: 'C', closes: ['C'], notInOrder: [] });
  });
});

describe('invalidating a completion', () => {
  it('leaves what is still met as it was', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01', { score: 60 });
    await fresh.complete('B', '2025-02-02');
    await fresh.complete('A', '2025-02-03', { score: 70 });
    const first = fresh.events('module-completed')[0]?.id as string;
    const take = (completion: string, date: string) =>
      fresh.send({
        type: 'InvalidateModuleCompletion',
        data: { learnerId: LEARNER, completion, reasonCode: 'entered-in-error', occurredAt: at(date) },
      });
    expect(await take(first, '2025-03-01')).toMatchObject({ events: [{ type: 'module-completion-invalidated' }] });
    expect(await take(first, '2025-03-01')).toEqual(UNCHANGED);
    // The step rests on the second attempt now, though its event names the first.
    await fresh.invalidate('A', '2025-03-02');
    expect(fresh.events('step-reopened')).toHaveLength(1);
    expect(fresh.credentials()).toEqual(['ONE [2025-02-02) revoked']);
  });
  it('takes nothing from an award that did not use it, whatever its components came to', async () => {
    const fresh = createWorld()
      .modules('A', 'X')
      .templates('SEO', 'STACK')
      .pathway('seo', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'A' }],
          steps: [{ id: 'A', need: need('A') }],
          awards: [{ id: 'SEO', template: t('SEO'), kind: 'final', when: 'A' }],
        },
      })
      .pathway('stack', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'S' }],
          steps: [{ id: 'S', need: { credential: t('SEO') } }],
          awards: [{ id: 'STACK', template: t('STACK'), kind: 'final', when: 'S' }],
        },
      });
    await fresh.enroll('seo', '2025-01-01');
    await fresh.enroll('stack', '2025-01-01');
    await fresh.complete('A', '2025-02-01');
    await fresh.complete('X', '2025-02-01');
    await fresh.revoke(fresh.credential('SEO').id, '2025-03-01');
    await fresh.invalidate('X', '2025-03-02');
    expect(fresh.events('credential-entitlement-withdrawn')).toEqual([]);
    expect(fresh.credentials()).toEqual(['SEO [2025-02-01) revoked', 'STACK [2025-02-01) flag']);
  });
  it('takes nothing that was lost before: an award that a hold is on stays when something else is taken back', async () => {
    const fresh = createWorld()
      .modules('A', 'B', 'X')
      .templates('PART', 'WHOLE')
      .pathway('whole', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'S' }],
          steps: [
            { id: 'S', need: { all: [{ credential: t('PART') }, { any: [{ module: m('A') }, { module: m('B') }] }] } },
          ],
          awards: [{ id: 'WHOLE', template: t('WHOLE'), kind: 'final', when: 'S' }],
        },
      });
    await fresh.enroll('whole', '2025-01-01');
    await fresh.recognise('PART', '2025-01-10');
    for (const slug of ['A', 'B', 'X']) await fresh.complete(slug, '2025-02-01');
    await fresh.invalidate('A', '2025-03-01'); // still met by B
    const [part] = fresh.events('stack-component-credited');
    await fresh.expire(part?.data.componentId as string, '2025-04-01');
    await fresh.invalidate('X', '2025-05-01');
    expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01) flag']);
  });
  it('lets another pathway award the template at once, from that instant on', async () => {
    const fresh = createWorld().modules('A', 'B').templates('T');
    for (const slug of ['A', 'B'])
      fresh.pathway(slug, {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'S' }],
          steps: [{ id: 'S', need: need(slug) }],
          awards: [{ id: 'T', template: t('T'), kind: 'final', when: 'S' }],
        },
      });
    await fresh.enroll('A', '2025-01-01');
    await fresh.enroll('B', '2025-01-01');
    await fresh.complete('A', '2025-02-01');
    await fresh.complete('B', '2025-02-02');
    const { events } = (await fresh.invalidate('A', '2025-03-01')) as { events: readonly { type: string }[] };
    expect(events.at(-1)).toMatchObject({ type: 'credential-earned', data: { occurrence: 2 } });
    expect(fresh.credentials()).toEqual(['T [2025-02-01) revoked', 'T/2.1 [2025-03-01)']);
  });
  it('an earlier fact that arrives then brings no term that begins before the last one ended', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01');
    await fresh.complete('B', '2025-02-02');
    await fresh.invalidate('B', '2025-03-01');
    await fresh.complete('B', '2025-02-10', {}, { now: '2025-03-05' });
    expect(fresh.credentials()).toEqual(['ONE [2025-02-02) revoked', 'ONE/2.1 [2025-03-01)']);
    expect(fresh.events('credential-earned')[1]?.data.at).toBe(at('2025-02-10'));
  });
  it('reaches also who has left', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01');
    await fresh.complete('B', '2025-02-02');
    await fresh.leave(1, '2025-03-01');
    await fresh.invalidate('B', '2025-03-02');
    expect(fresh.credentials()).toEqual(['ONE [2025-02-02) revoked']);
  });
  it('needs a reason, a completion of this learner, and no date in the future', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01');
    const completion = fresh.events('module-completed')[0]?.id as string;
    const data = { learnerId: LEARNER, completion, reasonCode: 'x', occurredAt: at('2025-02-01') };
    const send = (other: object, now?: string) =>
      fresh.send({ type: 'InvalidateModuleCompletion', data: { ...data, ...other } }, now === undefined ? {} : { now });
    expect(await send({ completion: freshId() })).toMatchObject(refused('not-found'));
    expect(await send({ reasonCode: '' })).toMatchObject(refused('reason-required'));
    expect(await send({ occurredAt: at('2029-01-01') }, '2025-02-01')).toMatchObject(refused('date-in-future'));
  });
});

describe('a module that counts so often only', () => {
  const limited = (slug: string): Requirement => ({ module: m(slug), uses: { n: 1, group: 'g' } });
  const both = async (inAwards: boolean): Promise<RecordWorld> => {
    const trees = ['X', 'Y'].map((id) => ({ id, tree: { all: [{ module: m(id) }, limited('S')] } }));
    const fresh = createWorld()
      .modules('X', 'Y', 'S')
      .templates('X', 'Y')
      .pathway('p', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'X' }],
          steps: trees.map(({ id, tree }) => ({ id, need: inAwards ? need(id) : tree })),
          awards: trees.map(({ id, tree }) => ({ id, template: t(id), kind: 'final', when: inAwards ? tree : id })),
        },
      });
    await fresh.enroll('p', '2025-01-01');
    await fresh.complete('S', '2025-02-01');
    await fresh.complete('X', '2025-02-02');
    await fresh.complete('Y', '2025-02-03');
    expect(fresh.credentials()).toEqual(['X [2025-02-02)']);
    return fresh;
  };
  it.each([true, false])('is free again once what took it is taken back (limit in an award: %s)', async (inAwards) => {
    const fresh = await both(inAwards);
    await fresh.invalidate('X', '2025-03-01');
    expect(fresh.credentials()).toEqual(['X [2025-02-02) revoked', 'Y [2025-02-03)']);
  });
  it.each([true, false])('does not stand in the way of what took it (limit in an award: %s)', async (inAwards) => {
    const fresh = await both(inAwards);
    await fresh.complete('X', '2025-02-20');
    const [first] = fresh.events('module-completed').filter(({ data }) => data.moduleId === m('X'));
    await fresh.send({
      type: 'InvalidateModuleCompletion',
      data: { learnerId: LEARNER, completion: first?.id ?? '', reasonCode: 'error', occurredAt: at('2025-03-01') },
    });
    expect(fresh.credentials()).toEqual(['X [2025-02-02)']);
  });
});

describe('enforced order', () => {
  it('a later level waits for the earlier award’s credential to be valid, also when its fact is there first', async () => {
    const fresh = twoSteps(createWorld().modules('A', 'B', 'C').templates('ONE', 'BOTH', 'EXT'), 'enforced');
    await fresh.enroll('two', '2025-01-01');
    for (const [slug, date] of [
      ['C', '2025-03-01'],
      ['A', '2025-02-01'],
      ['B', '2025-02-02'],
    ] as const)
      await fresh.complete(slug, date, {}, { now: '2025-04-01' });
    expect(fresh.credentials()).toEqual(['BOTH [2025-03-01)', 'ONE [2025-02-02)']);
  });
});

describe('the policy for a withdrawn entitlement', () => {
  const award = async (withdrawn: 'keep' | 'flag' | 'suspend' | 'revoke'): Promise<RecordWorld> => {
    const fresh = createWorld()
      .modules('A')
      .template('T', { componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn }, issue: 'manual' })
      .pathway('p', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'A' }],
          steps: [{ id: 'A', need: need('A') }],
          awards: [{ id: 'T', template: t('T'), kind: 'final', when: 'A' }],
        },
      });
    await fresh.enroll('p', '2025-01-01');
    await fresh.complete('A', '2025-02-01');
    await fresh.invalidate('A', '2025-03-01');
    await fresh.complete('A', '2025-04-01');
    return fresh;
  };
  const policies = (fresh: RecordWorld) =>
    fresh.events('component-policy-applied').map(({ data }) => [data.hold, data.effect, data.effectiveAt]);

  it.each(['flag', 'suspend'] as const)('%s: held under a hold, lifted when the tree is met again', async (effect) => {
    const fresh = await award(effect);
    expect(policies(fresh)).toEqual([
      ['entitlement-withdrawn', effect, at('2025-03-01')],
      ['entitlement-withdrawn', 'lift', at('2025-04-01')],
    ]);
    expect(fresh.events('credential-earned')).toHaveLength(1);
    await fresh.invalidate('A', '2025-05-01');
    expect(fresh.events('credential-entitlement-withdrawn')).toHaveLength(2);
  });
  it('keep: the record says it, nothing follows', async () => {
    const fresh = await award('keep');
    expect(fresh.events('credential-entitlement-withdrawn')).toHaveLength(1);
    expect(policies(fresh)).toEqual([]);
    expect(fresh.events('credential-earned')).toHaveLength(1);
  });
  it('revoke: the occurrence ends, and all standing facts count for the next', async () => {
    const fresh = await award('revoke');
    expect(policies(fresh)).toEqual([['entitlement-withdrawn', 'revoke', at('2025-03-01')]]);
    expect(fresh.events('credential-earned').map(({ data }) => [data.occurrence, data.from, data.issue])).toEqual([
      [1, at('2025-02-01'), 'manual'],
      [2, at('2025-04-01'), 'manual'],
    ]);
  });
});

describe('waivers', () => {
  it('meet their requirement from their instant; taken back, so is what they brought', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01');
    await fresh.waive(1, 'S1/1', '2025-02-10');
    expect(fresh.credentials()).toEqual(['ONE [2025-02-10)']);
    expect(await fresh.waive(1, 'S1/1', '2025-02-11')).toEqual(UNCHANGED);
    await fresh.withdrawWaiver(1, 'S1/1', '2025-03-01');
    expect(fresh.credentials()).toEqual(['ONE [2025-02-10) revoked']);
    expect(await fresh.withdrawWaiver(1, 'S1/1', '2025-03-01')).toEqual(UNCHANGED);
  });
  it('an award’s own requirement can be waived too', async () => {
    const fresh = await joined();
    await fresh.complete('A', '2025-02-01');
    await fresh.complete('B', '2025-02-01');
    await fresh.waive(1, 'BOTH!/1', '2025-02-10');
    expect(fresh.credentials()).toEqual(['BOTH [2025-02-10)', 'ONE [2025-02-01)']);
  });
  it('name what there is when the requirement is not there', async () => {
    const answer = await (await joined()).waive(1, 'S9', '2025-02-10');
    expect(answer).toMatchObject({ code: 'not-found', errors: [{ pointer: '/requirementId' }] });
    expect((answer as { next: string }).next).toContain('"S1", "S1/0", "S1/1", "S2"');
    expect((answer as { next: string }).next).not.toContain('direct@'); // joining is over
  });
  it('are refused for an enrollment that is not there or was left, and without reason or authority', async () => {
    const fresh = await joined();
    expect(await fresh.waive(9, 'S1', '2025-02-10')).toMatchObject(refused('not-found'));
    expect(await fresh.waive(1, 'S1', '2025-02-10', { reasonCode: ' ' })).toMatchObject(refused('reason-required'));
    expect(await fresh.waive(1, 'S1', '2025-02-10', { authority: '' })).toMatchObject(refused('authority-required'));
    await fresh.leave(1, '2025-02-11');
    expect(await fresh.waive(1, 'S1', '2025-02-12')).toMatchObject(refused('enrollment-not-active'));
  });
});

describe('the stack', () => {
  const stacked = (
    options: { readonly componentPolicy?: object; readonly validityMonths?: number } = {},
  ): RecordWorld =>
    createWorld()
      .modules('A')
      .templates('PART')
      .template('WHOLE', options as never)
      .pathway('whole', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'S' }],
          steps: [{ id: 'S', need: { all: [{ module: m('A') }, { credential: t('PART') }] } }],
          awards: [{ id: 'WHOLE', template: t('WHOLE'), kind: 'final', when: 'S' }],
        },
      });
  const whole = async (options = {}, validUntil?: string): Promise<RecordWorld> => {
    const fresh = stacked(options);
    await fresh.enroll('whole', '2025-01-01');
    await fresh.recognise('PART', '2025-01-10', validUntil === undefined ? {} : { validUntil });
    await fresh.complete('A', '2025-02-01');
    return fresh;
  };
  const partOf = (fresh: RecordWorld): string =>
    fresh.events('stack-component-credited').find(({ data }) => data.origin === 'recognised')?.data
      .componentId as string;
  const withdraw = (
    fresh: RecordWorld,
    cause: 'suspended' | 'superseded' | 'revoked' | 'expired',
    date: string,
    more = {},
  ) =>
    fresh.send({
      type: 'WithdrawStackComponent',
      data: {
        learnerId: LEARNER,
        componentId: partOf(fresh),
        cause,
        effectiveAt: at(date),
        ref: 'urn:outside:PART',
        authority: 'registrar',
        ...more,
      },
    });
  const policies = (fresh: RecordWorld) =>
    fresh.events('component-policy-applied').map(({ data }) => [data.hold, data.effect, data.effectiveAt]);
  const EXPIRED = `component-expired:${t('PART')}`;
  const REVOKED = `component-revoked:${t('PART')}`;

  it('names the credentials that an award rests on, by their notes (D8)', async () => {
    const fresh = await whole();
    const [note] = fresh.events('stack-component-credited');
    expect(fresh.events('credential-earned')[0]?.data.components).toEqual([
      { componentId: partOf(fresh), templateId: t('PART'), ref: note?.id },
    ]);
  });

  describe('recognition', () => {
    const recognise = (fresh: RecordWorld, more: object, now?: string) =>
      fresh.send(
        {
          type: 'CreditStackComponent',
          data: {
            learnerId: LEARNER,
            componentId: '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
            origin: 'recognised',
            templateId: t('PART'),
            validFrom: at('2020-01-01'),
            ref: 'urn:x',
            authority: 'registrar',
            occurredAt: at('2025-01-10'),
            ...more,
          },
        },
        now === undefined ? {} : { now },
      );
    it('counts from acceptance, though it is older', async () => {
      const fresh = stacked();
      await fresh.enroll('whole', '2025-01-01');
      await fresh.complete('A', '2025-01-02');
      await recognise(fresh, {});
      expect(fresh.credentials()).toEqual(['WHOLE [2025-01-10)']);
    });
    it('of a module brings the module’s worth, and is no completion', async () => {
      const fresh = stacked().module('OUT', { credits: 12, area: 'art' });
      await recognise(fresh, { templateId: undefined, moduleId: m('OUT') });
      expect(fresh.events('stack-component-credited')[0]?.data).toMatchObject({ credits: 12, area: 'art' });
      expect(fresh.events('module-completed')).toEqual([]);
    });
    it.each([
      ['no authority', 'authority-required', { authority: '' }],
      ['neither template nor module', 'validation-failed', { templateId: undefined }],
      ['both', 'validation-failed', { moduleId: m('A') }],
      ['a template that nobody published', 'not-found', { templateId: t('NOWHERE') }],
      ['a module that nobody defined', 'not-found', { templateId: undefined, moduleId: m('NOWHERE') }],
      ['a term that ends before it begins', 'validation-failed', { validUntil: at('2019-01-01') }],
    ])('is refused with %s', async (_what, code, more) => {
      expect(await recognise(stacked(), more)).toMatchObject(refused(code));
    });
    it('is refused when dated in the future', async () => {
      expect(await recognise(stacked(), { occurredAt: at('2025-01-11') }, '2025-01-10')).toMatchObject(
        refused('date-in-future'),
      );
    });
    it('of one reference counts once, again once it has ended, and never once revoked', async () => {
      const fresh = await whole();
      expect(await fresh.recognise('PART', '2025-02-02')).toEqual(UNCHANGED);
      await withdraw(fresh, 'expired', '2025-03-01');
      expect(await fresh.recognise('PART', '2025-04-01')).toMatchObject({ accepted: true });
      expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01)']);
      expect(await fresh.recognise('PART', '2025-04-02')).toEqual(UNCHANGED);
      await withdraw(fresh, 'revoked', '2025-05-01');
      expect(await fresh.recognise('PART', '2025-06-01')).toMatchObject(refused('credential-revoked'));
    });
    it('is taken back by an authority, once, and not in the future', async () => {
      const fresh = await whole();
      expect(await withdraw(fresh, 'expired', '2025-03-01', { authority: '' })).toMatchObject(
        refused('authority-required'),
      );
      expect(await withdraw(fresh, 'expired', '2025-03-01', { componentId: freshId() })).toMatchObject(
        refused('not-found'),
      );
      await withdraw(fresh, 'revoked', '2025-03-01');
      expect(await withdraw(fresh, 'revoked', '2025-03-02')).toEqual(UNCHANGED);
    });
  });

  describe('a component that lapses', () => {
    it('revoked: by the policy for that; lifted by a valid one, not before', async () => {
      const fresh = await whole();
      await withdraw(fresh, 'revoked', '2025-03-01');
      await fresh.recognise('PART', '2025-04-01', { ref: 'urn:other' });
      expect(policies(fresh)).toEqual([
        [REVOKED, 'flag', at('2025-03-01')],
        [REVOKED, 'lift', at('2025-04-01')],
      ]);
    });
    it('while another one is valid, nothing happens', async () => {
      const fresh = await whole();
      await fresh.recognise('PART', '2025-02-15', { ref: 'urn:other' });
      await withdraw(fresh, 'revoked', '2025-03-01');
      expect(policies(fresh)).toEqual([]);
      expect(fresh.events('step-reopened')).toEqual([]);
    });
    it('keep: nothing is recorded', async () => {
      const fresh = await whole({ componentPolicy: { revoked: 'keep', expired: 'keep', withdrawn: 'keep' } });
      await withdraw(fresh, 'revoked', '2025-03-01');
      expect(policies(fresh)).toEqual([]);
    });
    it('revoke: what rests on it ends too, and is earned anew only by later facts', async () => {
      const fresh = await whole({ componentPolicy: { revoked: 'revoke', expired: 'flag', withdrawn: 'revoke' } });
      await withdraw(fresh, 'revoked', '2025-03-01');
      expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01) revoked']);
      await fresh.recognise('PART', '2025-04-01', { ref: 'urn:other' });
      expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01) revoked']);
      await fresh.complete('A', '2025-05-01');
      expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01) revoked', 'WHOLE/2.1 [2025-05-01)']);
    });
    it('suspended acts as expired, but suspends where that would revoke', async () => {
      const fresh = await whole({ componentPolicy: { revoked: 'revoke', expired: 'revoke', withdrawn: 'revoke' } });
      await withdraw(fresh, 'suspended', '2025-03-01');
      expect(policies(fresh)).toEqual([[EXPIRED, 'suspend', at('2025-03-01')]]);
    });
    it('after the whole itself is past its end, it changes nothing', async () => {
      const fresh = await whole({ validityMonths: 1 });
      await withdraw(fresh, 'expired', '2025-06-01');
      expect(policies(fresh)).toEqual([]);
    });
    it('before the award was decided: a late award is held at once', async () => {
      const fresh = stacked();
      await fresh.enroll('whole', '2025-01-01');
      await fresh.recognise('PART', '2025-01-10', { validUntil: '2025-03-01' });
      await fresh.complete('A', '2025-02-01', {}, { now: '2025-04-01' });
      expect(fresh.credentials()).toEqual(['WHOLE [2025-02-01) flag']);
      expect(policies(fresh)).toEqual([[EXPIRED, 'flag', at('2025-03-01')]]);
    });
    it('before the term could begin: the hold begins with the term', async () => {
      const fresh = stacked();
      await fresh.recognise('PART', '2025-01-10', { validUntil: '2025-02-01' });
      await fresh.complete('A', '2025-01-15');
      await fresh.enroll('whole', '2025-03-01');
      expect(fresh.credentials()).toEqual(['WHOLE [2025-03-01) flag']);
      expect(policies(fresh)).toEqual([[EXPIRED, 'flag', at('2025-03-01')]]);
    });
    it('noted late, does not re-open a step that another one met by then', async () => {
      const fresh = stacked();
      await fresh.enroll('whole', '2025-01-01');
      await fresh.recognise('PART', '2025-01-10');
      await fresh.recognise('PART', '2025-02-01', { ref: 'urn:other' });
      await fresh.complete('A', '2025-02-05');
      await withdraw(fresh, 'expired', '2025-01-20');
      expect(fresh.events('step-reopened')).toEqual([]);
    });
    it('re-opens the step whose tree does not hold any more; the award stays', async () => {
      const fresh = await whole();
      await withdraw(fresh, 'expired', '2025-03-01');
      expect(fresh.events('step-reopened')).toMatchObject([{ data: { stepId: 'S', onlyFrom: at('2025-03-01') } }]);
      expect(fresh.events('credential-entitlement-withdrawn')).toEqual([]);
      // Facts from before count, but the tree has to hold at a later instant.
      await fresh.complete('A', '2025-02-15', {}, { now: '2025-04-01' });
      expect(fresh.events('step-satisfied')).toHaveLength(1);
      await fresh.recognise('PART', '2025-05-01', { ref: 'urn:other' });
      expect(fresh.events('step-satisfied')[1]?.data.at).toBe(at('2025-05-01'));
    });
  });

  describe('notes on own credentials', () => {
    const earned = async (): Promise<RecordWorld> => {
      const fresh = world();
      await fresh.enroll('two', '2025-01-01');
      await fresh.complete('A', '2025-02-01');
      await fresh.complete('B', '2025-02-01');
      return fresh;
    };
    const note = (fresh: RecordWorld, more: object = {}) =>
      fresh.send({
        type: 'CreditStackComponent',
        data: {
          learnerId: LEARNER,
          componentId: fresh.credential('ONE').id,
          origin: 'own',
          templateId: t('ONE'),
          serial: 1,
          validFrom: at('2025-02-01'),
          ref: fresh.events('stack-component-credited')[0]?.data.ref as string,
          occurredAt: at('2025-02-01'),
          ...more,
        },
      });
    it('are made once', async () => expect(await note(await earned())).toEqual(UNCHANGED));
    it('are of credentials that were earned here', async () => {
      const fresh = await earned();
      expect(await note(fresh, { ref: freshId(), componentId: freshId() })).toMatchObject(refused('not-found'));
      expect(await note(fresh, { ref: freshId(), templateId: t('BOTH') })).toMatchObject(refused('not-found'));
    });
    it('an end that comes before any term ends the occurrence all the same', async () => {
      const fresh = twoSteps(createWorld({ reactors: false }).modules('A', 'B', 'C').templates('ONE', 'BOTH', 'EXT'));
      await fresh.enroll('two', '2025-01-01');
      await fresh.complete('A', '2025-02-01');
      await fresh.complete('B', '2025-02-01');
      const id = fresh.events('credential-earned')[0]?.data.credentialId as string;
      expect(await fresh.revoke(id, '2025-03-01')).toMatchObject({ events: [{ type: 'stack-component-withdrawn' }] });
      expect(await fresh.revoke(id, '2025-03-01')).toEqual(UNCHANGED);
      await fresh.complete('A', '2025-04-01');
      expect(fresh.events('credential-earned')).toHaveLength(1); // B is from before
      await fresh.complete('B', '2025-04-02');
      expect(fresh.events('credential-earned').map(({ data }) => [data.occurrence, data.from])).toEqual([
        [1, at('2025-02-01')],
        [2, at('2025-04-02')],
      ]);
    });
  });
});

describe('a further occurrence after the term', () => {
  const term = async (grace?: string): Promise<RecordWorld> => {
    const fresh = createWorld()
      .modules('A', 'R')
      .template('T', {
        validityMonths: 12,
        ...(grace === undefined ? {} : { renewal: { requirement: { module: m('R') }, window: 'P1M', grace } }),
      })
      .pathway('p', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'A' }],
          steps: [{ id: 'A', need: need('A') }],
          awards: [{ id: 'T', template: t('T'), kind: 'final', when: 'A' }],
        },
      });
    await fresh.enroll('p', '2024-01-01');
    await fresh.complete('A', '2024-02-01');
    return fresh;
  };
  it('is earned by facts from after its end', async () => {
    const fresh = await term();
    await fresh.complete('A', '2025-01-31');
    await fresh.complete('A', '2025-02-01');
    expect(fresh.credentials()).toEqual(['T [2024-02-01, 2025-02-01)', 'T/2.1 [2025-02-01, 2026-02-01)']);
  });
  it('or from after its grace', async () => {
    const fresh = await term('P1M');
    await fresh.complete('A', '2025-02-15');
    expect(fresh.credentials()).toHaveLength(1);
    await fresh.complete('A', '2025-03-01');
    expect(fresh.credentials()).toEqual(['T [2024-02-01, 2025-02-01)', 'T/2.1 [2025-03-01, 2026-03-01)']);
  });
});

describe('GrantCredential', () => {
  const grant = (fresh: RecordWorld, date: string, more: object = {}) =>
    fresh.send({
      type: 'GrantCredential',
      data: {
        learnerId: LEARNER,
        templateId: t('T'),
        reasonCode: 'honorary',
        authority: 'senate',
        occurredAt: at(date),
        ...more,
      },
    });
  const granting = (): RecordWorld => createWorld().template('T', { validityMonths: 12 });

  it('entitles from its day, with reason and authority', async () => {
    const fresh = granting();
    await grant(fresh, '2025-01-01');
    expect(fresh.events('credential-granted')[0]?.data).toMatchObject({
      reasonCode: 'honorary',
      authority: 'senate',
      occurrence: 1,
      edition: 1,
      from: at('2025-01-01'),
      until: '2025-12-31T23:00:00.000Z' as Instant,
      satisfied: [],
    });
    expect(fresh.credentials()).toEqual(['T [2025-01-01, 2026-01-01)']);
  });
  it.each([
    ['not-found', { templateId: t('NOWHERE') }],
    ['reason-required', { reasonCode: '' }],
    ['authority-required', { authority: ' ' }],
    ['not-found', { replaces: freshId() }],
  ])('is refused with %s: %j', async (code, more) => {
    expect(await grant(granting(), '2025-01-01', more)).toMatchObject(refused(code));
  });
  it('of what is held changes nothing; past its end it is a further occurrence', async () => {
    const fresh = granting();
    await grant(fresh, '2025-01-01');
    expect(await grant(fresh, '2025-06-01')).toEqual(UNCHANGED);
    await grant(fresh, '2026-02-01');
    expect(fresh.credentials()).toEqual(['T [2025-01-01, 2026-01-01)', 'T/2.1 [2026-02-01, 2027-02-01)']);
  });
  it('replaces one revoked by mistake: the next edition, with the old term', async () => {
    const fresh = granting();
    await grant(fresh, '2025-01-01');
    const first = fresh.credential('T').id;
    expect(await grant(fresh, '2025-02-01', { replaces: first })).toMatchObject(refused('criteria-not-met'));
    await fresh.revoke(first, '2025-02-01');
    await grant(fresh, '2025-03-01', { replaces: first });
    expect(fresh.credentials()).toEqual(['T [2025-01-01, 2026-01-01) revoked', 'T/1.2 [2025-01-01, 2026-01-01)']);
    expect(fresh.credential('T').id).not.toBe(first);
    expect(await grant(fresh, '2025-03-02', { replaces: first })).toMatchObject(refused('criteria-not-met'));
  });
});
