import type { Recorded } from '@cairn/kernel';
import type { RecordEvent } from '../contracts/record.events.js';
import { decideAgain } from './decide-again.js';
import { createWorld, m, t, type RecordWorld } from './record-world-spec.js';

type Earned = Recorded<Extract<RecordEvent, { type: 'credential-earned' }>>;

async function earned(): Promise<{ world: RecordWorld; decision: Earned }> {
  const world = createWorld()
    .modules('A', 'B')
    .templates('X')
    .pathway('x', {
      rules: {
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'X' }],
        steps: [{ id: 'X', need: { all: [{ module: m('A'), minGrade: 50 }, { module: m('B') }] } }],
        awards: [{ id: 'X', template: t('X'), kind: 'final', when: 'X' }],
      },
    });
  await world.enroll('x', '2024-09-01');
  await world.complete('A', '2024-09-10', { score: 60 });
  await world.complete('B', '2024-09-20');
  const decision = world.record.find((event): event is Earned => event.type === 'credential-earned');
  if (!decision) throw new Error('nothing was earned');
  return { world, decision };
}

it('the same decision follows from the same record, whatever came later', async () => {
  const { world, decision } = await earned();
  await world.complete('A', '2024-12-01', { score: 90 });
  expect(await decideAgain(world.loader, world.record, decision)).toMatchObject({ matches: true });
});

it('another term in the decision is told', async () => {
  const { world, decision } = await earned();
  const changed = {
    ...decision,
    data: { ...decision.data, from: '2024-09-11T09:00:00.000Z' as typeof decision.data.from },
  };
  expect(await decideAgain(world.loader, world.record, changed)).toMatchObject({
    matches: false,
    mismatch: 'from would be different',
  });
});

it('a decision without its step is told', async () => {
  const { world, decision } = await earned();
  // What the award rests on is gone; the place in the log stays.
  const record = world.record.map((event) =>
    event.type === 'step-satisfied'
      ? ({
          ...event,
          type: 'module-started',
          data: { learnerId: event.data.learnerId, moduleId: m('A') },
        } as (typeof world.record)[number])
      : event,
  );
  expect(await decideAgain(world.loader, record, decision)).toMatchObject({
    matches: false,
    mismatch: 'the rule is not met by the facts of then',
  });
});

it('a decision for an enrollment that the record does not know is told', async () => {
  const { world, decision } = await earned();
  const enrollment = decision.data.enrollment as NonNullable<typeof decision.data.enrollment>;
  const other = { ...enrollment, enrollmentId: `${decision.data.learnerId}-9` as typeof enrollment.enrollmentId };
  const changed = { ...decision, data: { ...decision.data, enrollment: other } };
  expect(await decideAgain(world.loader, world.record, changed)).toMatchObject({ matches: false });
});
