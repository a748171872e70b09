// Moving an enrollment to a newer version: what goes on, what is decided besides, what is refused.
import type { EnrollmentId } from '@cairn/kernel';
import type { Requirement, Step } from '@cairn/rules';
import { TENANT } from '@cairn/testing';
import { learnerProgressProjection, type LearnerProgressDocument } from '../projections/learner-progress.projection.js';
import { createWorld, enrollment, m, t, type RecordWorld } from './record-world-spec.js';

const refused = (code: string) => ({ accepted: false, code });
const need = (...slugs: readonly string[]): Requirement => ({ all: slugs.map((slug) => ({ module: m(slug) })) });

const levels = (world: RecordWorld, steps: readonly Step[], start = 'start'): RecordWorld =>
  world.pathway('levels', {
    rules: {
      order: 'gate',
      entryPoints: [{ id: start, at: steps[0]?.id as string }],
      steps,
      awards: [
        { id: 'ONE', template: t('ONE'), kind: 'step', when: steps[0]?.id as string },
        { id: 'ALL', template: t('ALL'), kind: 'final', when: { all: steps.map(({ id }) => id) } },
      ],
    },
  });

/** Joined in version 1 (S1: A, B; S2: C, D) with A and B done. */
const underWay = async (): Promise<RecordWorld> => {
  const world = levels(createWorld().modules('A', 'B', 'C', 'D', 'E').templates('ONE', 'ALL'), [
    { id: 'S1', need: need('A', 'B') },
    { id: 'S2', after: ['S1'], need: need('C', 'D') },
  ]);
  await world.enroll('levels', '2025-01-01');
  await world.complete('A', '2025-02-01');
  await world.complete('B', '2025-02-02');
  return world;
};
const progress = (world: RecordWorld): LearnerProgressDocument => {
  type Event = Parameters<typeof learnerProgressProjection.evolve>[1];
  const id = `${TENANT}:${enrollment(1)}`;
  return world.record
    .filter(({ type }) => learnerProgressProjection.events.some((one) => one.type === type))
    .filter((event) => learnerProgressProjection.keys(event as Event).includes(id))
    .reduce<LearnerProgressDocument | null>(
      (document, event) => learnerProgressProjection.evolve(document, event as Event, id),
      null,
    ) as LearnerProgressDocument;
};

describe('MoveEnrollmentToVersion', () => {
  it('keeps what was met and earned, under its new name, though the new rules ask for more (D7)', async () => {
    const world = levels(await underWay(), [
      { id: 'basics', need: need('A', 'B', 'E') },
      { id: 'S2', after: ['basics'], need: need('C', 'D') },
    ]);
    const moved = await world.move(1, 2, '2025-03-01', { mapping: { S1: 'basics' } });
    expect(moved).toMatchObject({
      events: [
        {
          type: 'enrollment-moved-to-version',
          data: {
            enrollment: { enrollmentId: enrollment(1), version: 2, entryPoint: 'start', cohortWeek: '2025-W01' },
            label: 'v2',
            from: { version: 1, reached: ['S1', 'S2'], satisfied: ['S1'], inOrder: ['S1'] },
            mapping: { S1: 'basics', S2: 'S2' },
            opens: ['basics', 'S2'],
            inOrder: ['basics'],
            awards: [{ awardId: 'ONE' }],
          },
        },
      ],
    });
    expect(world.credentials()).toEqual(['ONE [2025-02-02)']);
    expect(progress(world)).toMatchObject({
      version: 2,
      label: 'v2',
      percent: 50,
      openSteps: ['S2'],
      steps: [
        { id: 'basics', state: 'satisfied' },
        { id: 'S2', state: 'open' },
      ],
      modules: [{ completions: [{}] }, { completions: [{}] }],
    });
    await world.complete('C', '2025-04-01');
    await world.complete('D', '2025-04-02');
    expect(world.credentials()).toEqual(['ALL [2025-04-02)', 'ONE [2025-02-02)']);
  });

  it('decides in the same append what the new rules find met', async () => {
    const world = await underWay();
    await world.complete('C', '2025-02-10');
    levels(world, [
      { id: 'S1', need: need('A', 'B') },
      { id: 'S2', after: ['S1'], need: need('C') },
    ]);
    expect(await world.move(1, 2, '2025-03-01')).toMatchObject({
      events: [
        { type: 'enrollment-moved-to-version' },
        { type: 'step-satisfied', data: { stepId: 'S2', enrollment: { version: 2 } } },
        { type: 'credential-earned', data: { awardId: 'ALL', from: '2025-02-10T09:00:00.000Z' } },
      ],
    });
  });

  it('takes a step back by its new rule once what it used falls', async () => {
    const world = levels(await underWay(), [
      { id: 'basics', need: need('A', 'B') },
      { id: 'S2', after: ['basics'], need: need('C', 'D') },
    ]);
    await world.move(1, 2, '2025-03-01', { mapping: { S1: 'basics' } });
    expect(await world.invalidate('A', '2025-03-02')).toMatchObject({
      events: [
        { type: 'module-completion-invalidated' },
        { type: 'step-reopened', data: { stepId: 'basics', enrollment: { version: 2 }, closes: ['S2'] } },
        { type: 'credential-entitlement-withdrawn' },
        { type: 'component-policy-applied' },
      ],
    });
    expect(progress(world).openSteps).toEqual(['basics']);
  });

  it('is refused if a satisfied step would be lost, a name is unknown, or two become one', async () => {
    const world = levels(await underWay(), [
      { id: 'basics', need: need('A', 'B') },
      { id: 'S2', after: ['basics'], need: need('C', 'D') },
    ]);
    const before = world.record.length;
    expect(await world.move(1, 2, '2025-03-01')).toMatchObject({
      ...refused('mapping-incomplete'),
      errors: [{ pointer: '/mapping/S1', code: 'lost' }],
    });
    expect(await world.move(1, 2, '2025-03-01', { mapping: { S1: 'basics', S9: 'S2' } })).toMatchObject({
      ...refused('mapping-incomplete'),
      errors: [{ pointer: '/mapping/S9', code: 'unknown' }],
    });
    expect(await world.move(1, 2, '2025-03-01', { mapping: { S1: 'nowhere' } })).toMatchObject({
      errors: [{ pointer: '/mapping/S1', code: 'unknown' }],
    });
    expect(await world.move(1, 2, '2025-03-01', { mapping: { S1: 'basics', S2: 'basics' } })).toMatchObject({
      errors: [{ pointer: '/mapping/S2', code: 'taken' }],
    });
    expect(world.record.length).toBe(before);
  });

  it('gives a name to whom it is given: an open step may lose it', async () => {
    const world = levels(await underWay(), [
      { id: 'S2', need: need('A', 'B') },
      { id: 'S3', after: ['S2'], need: need('C', 'D') },
    ]);
    expect(await world.move(1, 2, '2025-03-01', { mapping: { S1: 'S2' } })).toMatchObject({
      events: [{ data: { mapping: { S1: 'S2' }, satisfied: [{ stepId: 'S2' }] } }],
    });
  });

  it('needs an entry point that is there', async () => {
    const steps = [{ id: 'S1', need: need('A', 'B') }];
    const world = levels(await underWay(), steps, 'door');
    expect(await world.move(1, 2, '2025-03-01')).toMatchObject({
      ...refused('mapping-incomplete'),
      errors: [{ pointer: '/entryPoint' }],
    });
    expect(await world.move(1, 2, '2025-03-01', { entryPoint: 'door' })).toMatchObject({
      events: [{ data: { enrollment: { entryPoint: 'door' } } }, { type: 'credential-earned' }],
    });
  });

  it('goes to newer, open versions only, for who is enrolled; the same version is unchanged', async () => {
    const world = await underWay();
    const steps = [
      { id: 'S1', need: need('A', 'B') },
      { id: 'S2', after: ['S1'], need: need('C') },
    ];
    levels(levels(world, steps), steps);
    expect(await world.move(1, 4, '2025-03-01')).toMatchObject(refused('not-found'));
    world.retire('levels', 3);
    expect(await world.move(1, 3, '2025-03-01')).toMatchObject(refused('not-found'));
    expect(await world.move(1, 2, '2024-12-01')).toMatchObject(refused('validation-failed'));
    expect(await world.move(1, 2, '2025-03-01')).toMatchObject({ accepted: true });
    expect(await world.move(1, 2, '2025-03-01')).toEqual({ accepted: true, events: [] });
    expect(await world.move(1, 1, '2025-03-01')).toMatchObject(refused('version-not-newer'));
    expect(await world.move(9, 2, '2025-03-01')).toMatchObject(refused('not-found'));
    await world.leave(1, '2025-03-02');
    expect(await world.move(1, 3, '2025-03-03')).toMatchObject(refused('enrollment-not-active'));
    const command = { enrollmentId: enrollment(1) as EnrollmentId, version: 2, reasonCode: ' ' };
    expect(
      await world.send({ type: 'MoveEnrollmentToVersion', data: { ...command, occurredAt: world.clock() } }),
    ).toMatchObject(refused('reason-required'));
  });

  it('takes a waiver along where its requirement says the same, and only there', async () => {
    const world = levels(await underWay(), [
      { id: 'S1', need: need('A', 'B') },
      { id: 'rest', after: ['S1'], need: need('C', 'E') },
    ]);
    await world.waive(1, 'S2/0', '2025-02-10');
    await world.waive(1, 'S2/1', '2025-02-11');
    // Both met S2; a step that is satisfied goes on as such.
    await world.move(1, 2, '2025-03-01', { mapping: { S2: 'rest' } });
    const [moved] = world.events('enrollment-moved-to-version');
    expect(moved?.data.waivers).toMatchObject([{ left: 'S2/0', requirementId: 'rest/0' }]);
    expect(progress(world).waivers).toMatchObject([{ requirementId: 'rest/0' }]);
    expect(await world.withdrawWaiver(1, 'S2/1', '2025-03-02')).toMatchObject({ accepted: false });
    expect(await world.withdrawWaiver(1, 'rest/0', '2025-03-02')).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ type: 'step-reopened' })]),
    });
  });
});

describe('a move taken back', () => {
  const easier = async () => {
    const world = levels(await underWay(), [
      { id: 'basics', need: need('A') },
      { id: 'S2', after: ['basics'], need: need('C') },
    ]);
    await world.complete('C', '2025-02-20');
    await world.move(1, 2, '2025-03-01', { mapping: { S1: 'basics' } });
    return world;
  };
  const back = (world: RecordWorld, day: string, more: object = {}) =>
    world.move(1, 1, day, { undoes: world.events('enrollment-moved-to-version').at(-1)?.id ?? '', ...more });

  it('leads to the version left; what the move itself decided is decided anew by its rules, the rest stays', async () => {
    const world = await easier();
    expect(world.credentials()).toEqual(['ALL [2025-02-20)', 'ONE [2025-02-02)']);
    const undone = await back(world, '2025-03-05');
    expect(undone).toMatchObject({
      events: [
        {
          type: 'enrollment-moved-to-version',
          data: {
            enrollment: { version: 1 },
            from: { version: 2, satisfied: ['basics', 'S2'] },
            mapping: { basics: 'S1' },
            satisfied: [{ stepId: 'S1' }],
            opens: ['S1', 'S2'],
            undoes: expect.any(String) as string,
          },
        },
        {
          type: 'credential-entitlement-withdrawn',
          data: { effectiveAt: expect.stringContaining('2025-03-05') as string },
        },
        { type: 'component-policy-applied', data: { cause: 'entitlement-withdrawn', effect: 'revoke' } },
      ],
    });
    expect(progress(world)).toMatchObject({ version: 1, openSteps: ['S2'] });
    // By the rules of the first version it is earned anew.
    await world.complete('D', '2025-04-01');
    expect(world.credentials().join(', ')).toMatch(/ALL[^,]*2025-04-01/);
  });

  it('gives back the waivers that had ended with the move, from their own instants', async () => {
    const world = levels(await underWay(), [
      { id: 'S1', need: need('A', 'B') },
      { id: 'S2', after: ['S1'], need: need('C', 'E') },
    ]);
    await world.waive(1, 'S2/1', '2025-02-11');
    await world.move(1, 2, '2025-03-01');
    expect(progress(world).waivers).toEqual([]);
    await back(world, '2025-03-05');
    expect(progress(world).waivers).toEqual([
      { requirementId: 'S2/1', authority: 'dean', at: expect.stringContaining('2025-02-11') as string },
    ]);
    // It counts again: C alone is missing, and the term begins with it.
    await world.complete('C', '2025-02-20');
    expect(world.credentials()).toEqual(['ALL [2025-02-20)', 'ONE [2025-02-02)']);
    expect(await world.withdrawWaiver(1, 'S2/1', '2025-03-06')).toMatchObject({
      events: expect.arrayContaining([expect.objectContaining({ type: 'step-reopened' })]),
    });
  });

  it('keeps what facts that came later have brought', async () => {
    const world = levels(await underWay(), [
      { id: 'S1', need: need('A', 'B') },
      { id: 'S2', after: ['S1'], need: need('C') },
    ]);
    await world.move(1, 2, '2025-03-01');
    await world.complete('C', '2025-03-02');
    expect(world.credentials()).toEqual(['ALL [2025-03-02)', 'ONE [2025-02-02)']);
    await back(world, '2025-03-05');
    expect(world.credentials()).toEqual(['ALL [2025-03-02)', 'ONE [2025-02-02)']);
    expect(progress(world)).toMatchObject({ version: 1, percent: 100 });
  });

  it('is the last one only, of an open enrollment, and leads nowhere else', async () => {
    const world = await easier();
    expect(await back(world, '2025-03-05', { undoes: '11111111-2222-5333-8444-555555555501' })).toMatchObject(
      refused('version-not-newer'),
    );
    expect(await back(world, '2025-03-05', { version: 2 })).toMatchObject(refused('version-not-newer'));
    await world.leave(1, '2025-03-04');
    expect(await back(world, '2025-03-05')).toMatchObject(refused('enrollment-not-active'));
  });
});
