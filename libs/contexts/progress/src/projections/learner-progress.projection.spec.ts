import type { EventOf, Instant, Recorded } from '@cairn/kernel';
import { TENANT } from '@cairn/testing';
import { createWorld, enrollment, LEARNER, m, t, type RecordWorld } from '../domain/record-world-spec.js';
import { learnerProgressProjection, progressAt, type LearnerProgressDocument } from './learner-progress.projection.js';

type ProgressEvent = Recorded<EventOf<(typeof learnerProgressProjection.events)[number]>>;

/** All documents, folded as the runner does: each event into every document it names. */
function folded(world: RecordWorld): ReadonlyMap<string, LearnerProgressDocument> {
  const documents = new Map<string, LearnerProgressDocument>();
  for (const event of world.record) {
    if (!learnerProgressProjection.events.some(({ type }) => type === event.type)) continue;
    for (const id of learnerProgressProjection.keys(event as ProgressEvent)) {
      const next = learnerProgressProjection.evolve(documents.get(id) ?? null, event as ProgressEvent, id);
      if (next) documents.set(id, next);
      else documents.delete(id);
    }
  }
  return documents;
}
const progressIn = (world: RecordWorld, number = 1): LearnerProgressDocument =>
  folded(world).get(`${TENANT}:${enrollment(number)}`) as LearnerProgressDocument;

const levels = (): RecordWorld =>
  createWorld()
    .modules('A', 'B', 'C', 'X')
    .templates('L1', 'L2', 'END')
    .pathway('levels', {
      rules: {
        order: 'gate',
        entryPoints: [{ id: 'start', at: 'L1' }],
        steps: [
          { id: 'L1', need: { all: [{ module: m('A') }, { module: m('B'), id: 'b' }] } },
          { id: 'L2', after: ['L1'], need: { module: m('C') } },
        ],
        awards: [
          { id: 'L1', template: t('L1'), kind: 'step', when: 'L1' },
          { id: 'END', template: t('END'), kind: 'final', when: { all: ['L1', 'L2'] } },
        ],
      },
    });
const joined = async (): Promise<RecordWorld> => {
  const world = levels();
  await world.enroll('levels', '2025-01-01');
  return world;
};

describe('learner_progress', () => {
  it('begins with the first step open and nothing done', async () => {
    const world = await joined();
    expect(progressIn(world)).toMatchObject({
      tenant: TENANT,
      learnerId: LEARNER,
      enrollmentId: enrollment(1),
      version: 1,
      label: 'v1',
      cohortWeek: '2025-W01',
      entryPoint: 'start',
      attempt: 1,
      state: 'active',
      steps: [
        { id: 'L1', state: 'open' },
        { id: 'L2', state: 'locked' },
      ],
      openSteps: ['L1'],
      percent: 0,
      modules: [],
      earned: [],
      joinedAt: '2025-01-01T09:00:00.000Z',
      lastActivityAt: '2025-01-01T09:00:00.000Z',
    });
  });

  it('follows modules, steps and awards to the end', async () => {
    const world = await joined();
    await world.send({
      type: 'StartModule',
      data: { learnerId: LEARNER, moduleId: m('A'), occurredAt: '2025-01-05T09:00:00.000Z' as never },
    });
    await world.complete('A', '2025-02-01', { score: 80 });
    await world.complete('B', '2025-03-01');
    expect(progressIn(world)).toMatchObject({
      steps: [
        { id: 'L1', state: 'satisfied', at: '2025-03-01T09:00:00.000Z' },
        { id: 'L2', state: 'open' },
      ],
      openSteps: ['L2'],
      percent: 50,
      state: 'active',
      modules: [
        {
          moduleId: m('A'),
          startedAt: '2025-01-05T09:00:00.000Z',
          completions: [{ at: '2025-02-01T09:00:00.000Z', score: 80 }],
        },
        { moduleId: m('B'), completions: [{ at: '2025-03-01T09:00:00.000Z' }] },
      ],
      earned: [{ awardId: 'L1', templateId: t('L1'), awardKind: 'step', from: '2025-03-01T09:00:00.000Z' }],
      lastActivityAt: '2025-03-01T09:00:00.000Z',
    });
    await world.complete('C', '2025-04-01');
    expect(progressIn(world)).toMatchObject({ state: 'completed', percent: 100, openSteps: [] });
  });

  it('shows what was completed before joining', async () => {
    const world = levels();
    await world.complete('A', '2024-11-01', { score: 70 });
    await world.complete('X', '2024-11-02');
    await world.complete('B', '2024-12-01');
    await world.enroll('levels', '2025-01-01');
    expect(progressIn(world)).toMatchObject({
      percent: 50,
      modules: [
        { moduleId: m('A'), completions: [{ at: '2024-11-01T09:00:00.000Z', score: 70 }] },
        { moduleId: m('B'), completions: [{ at: '2024-12-01T09:00:00.000Z' }] },
      ],
      lastActivityAt: '2025-01-01T09:00:00.000Z',
    });
  });

  it('shows what came while away once the learner is back, and once only', async () => {
    const world = await joined();
    await world.complete('A', '2025-01-05');
    await world.leave(1, '2025-01-10');
    expect(progressIn(world).state).toBe('withdrawn');
    await world.complete('B', '2025-02-01');
    expect(progressIn(world).modules.map(({ moduleId }) => moduleId)).toEqual([m('A')]);
    await world.comeBack(1, '2025-03-01');
    expect(progressIn(world)).toMatchObject({
      state: 'active',
      percent: 50,
      lastActivityAt: '2025-03-01T09:00:00.000Z',
    });
    expect(progressIn(world).modules.map(({ completions }) => completions.length)).toEqual([1, 1]);
  });

  it('takes back what was taken back', async () => {
    const world = await joined();
    await world.complete('A', '2025-02-01');
    await world.complete('B', '2025-03-01');
    await world.invalidate('B', '2025-03-10');
    expect(progressIn(world)).toMatchObject({
      steps: [
        { id: 'L1', state: 'open' },
        { id: 'L2', state: 'locked' },
      ],
      openSteps: ['L1'],
      percent: 0,
      modules: [{ completions: [{}] }, { completions: [] }],
      earned: [{ awardId: 'L1', withdrawnAt: '2025-03-10T09:00:00.000Z' }],
    });
    await world.waive(1, 'b', '2025-03-20');
    expect(progressIn(world)).toMatchObject({ percent: 50, waivers: [{ requirementId: 'b', authority: 'dean' }] });
    await world.withdrawWaiver(1, 'b', '2025-03-21');
    expect(progressIn(world)).toMatchObject({ percent: 0, waivers: [] });
  });

  it('shows the stack where a rule looks at it', async () => {
    const world = createWorld()
      .templates('EXT', 'OTHER', 'END')
      .pathway('outside', {
        rules: {
          order: 'advisory',
          entryPoints: [{ id: 'start', at: 'S' }],
          steps: [{ id: 'S', need: { credential: t('EXT') } }],
          awards: [{ id: 'END', template: t('END'), kind: 'final', when: 'S' }],
        },
      });
    await world.enroll('outside', '2025-01-01');
    await world.recognise('OTHER', '2025-01-02');
    await world.recognise('EXT', '2025-01-03', { validUntil: '2026-01-03' });
    const component = world.events('stack-component-credited').find(({ data }) => data.templateId === t('EXT'))?.data;
    expect(progressIn(world)).toMatchObject({
      percent: 100,
      components: [
        {
          componentId: component?.componentId,
          origin: 'recognised',
          templateId: t('EXT'),
          from: '2025-01-03T09:00:00.000Z',
          until: '2026-01-03T09:00:00.000Z',
        },
      ],
    });
    await world.expire(component?.componentId as string, '2025-06-01');
    expect(progressIn(world)).toMatchObject({ percent: 0, components: [{ ended: 'expired' }] });
  });

  it('has nothing left once the record is closed', async () => {
    const world = await joined();
    await world.complete('A', '2025-02-01');
    await world.send({ type: 'CloseRecord', data: { learnerId: LEARNER, why: 'erased' } });
    expect(folded(world).size).toBe(0);
  });

  it('names every document by tenant and enrollment, from the event alone', async () => {
    const world = await joined();
    await world.complete('A', '2025-02-01');
    for (const event of world.record)
      for (const id of learnerProgressProjection.keys(event as ProgressEvent))
        expect(id).toBe(`${TENANT}:${enrollment(1)}`);
  });
});

describe('progress at an instant', () => {
  const at = (day: string) => `${day}T23:00:00.000Z` as Instant;

  it('shows what had taken effect by asOf, and nothing before joining', async () => {
    const world = await joined();
    await world.complete('A', '2025-02-01');
    await world.complete('B', '2025-03-01');
    const asOf = (day: string) => progressAt(world.record, enrollment(1), { asOf: at(day) });
    expect(asOf('2024-12-31')).toBeUndefined();
    expect(asOf('2025-02-15')).toMatchObject({ percent: 0, openSteps: ['L1'], earned: [] });
    expect(asOf('2025-02-15')?.modules.map(({ moduleId }) => moduleId)).toEqual([m('A')]);
    expect(asOf('2025-03-01')).toMatchObject({ percent: 50, openSteps: ['L2'] });
    expect(asOf('2030-01-01')).toEqual(progressIn(world));
  });

  it('a fact told late moves nothing to before its own day', async () => {
    const world = await joined();
    await world.complete('A', '2025-03-01');
    await world.complete('B', '2025-02-01');
    expect(progressAt(world.record, enrollment(1), { asOf: at('2025-02-15') })).toMatchObject({ percent: 0 });
  });

  it('knownAt leaves out what was recorded later', async () => {
    const world = await joined();
    const before = world.record.length;
    await world.complete('A', '2025-02-01');
    const known = world.record[before - 1]?.meta.recordedAt as Instant;
    const later = world.record.map((event, index) =>
      index < before ? event : { ...event, meta: { ...event.meta, recordedAt: '2027-01-01T00:00:00.000Z' as Instant } },
    );
    expect(progressAt(later, enrollment(1), { knownAt: known })).toMatchObject({ modules: [] });
    expect(progressAt(later, enrollment(1), {})).toEqual(progressIn(world));
  });
});
