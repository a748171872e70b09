import { faultsOf, Personal, type LearnerId } from '@cairn/kernel';
import { at, recorded, TENANT } from '@cairn/testing';
import { learnerEvents, type LearnerEvent } from '../contracts/learner.events.js';
import { erasureCascade } from '../reactors/erasure-cascade.reactor.js';
import { settleIdentitiesReactor } from '../reactors/settle-identities.reactor.js';
import { learnersProjection, type LearnerDocument } from './learners.projection.js';

const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
const id = `${TENANT}:${learnerId}`;
const on = (day: string, event: LearnerEvent) => recorded(event, { recordedAt: at(day) });
const profile = Personal.of({ name: 'Ada Lovelace', email: 'ada@example.org' });
const history = [
  on('2026-01-01', { type: 'learner-registered', data: { learnerId, profile } }),
  on('2026-01-02', { type: 'learner-profile-changed', data: { learnerId, profile } }),
  on('2026-01-03', { type: 'learner-erased', data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'request' } }),
  on('2026-01-04', { type: 'learner-key-destroyed', data: { learnerId } }),
];
const fold = (events: typeof history) =>
  events.reduce<LearnerDocument | null>((document, event) => learnersProjection.evolve(document, event, id), null);

describe('learners', () => {
  it('has one document a learner', () =>
    expect(new Set(history.flatMap((event) => learnersProjection.keys(event)))).toEqual(new Set([id])));

  it('follows a life', () => {
    const registered = { tenant: TENANT, learnerId, status: 'registered', registeredAt: at('2026-01-01') };
    expect(fold(history.slice(0, 1))).toEqual({ ...registered, changedAt: at('2026-01-01') });
    expect(fold(history.slice(0, 2))).toEqual({ ...registered, changedAt: at('2026-01-02') });
    expect(fold(history)).toEqual({
      ...registered,
      status: 'erased',
      changedAt: at('2026-01-03'),
      keyDestroyedAt: at('2026-01-04'),
    });
  });

  it('holds nothing personal (D11), and does not need to read it: erased data folds to the same', () => {
    const unreadable = history.map((event) =>
      'profile' in event.data
        ? { ...event, data: { ...event.data, profile: Personal.sealed(() => undefined) } }
        : event,
    ) as typeof history;
    expect(fold(unreadable)).toEqual(fold(history));
    expect(JSON.stringify(fold(history.slice(0, 2)))).not.toMatch(/Ada|example\.org/);
  });

  it('refuses a life without a beginning', () => expect(() => fold(history.slice(1))).toThrow('never registered'));
});

describe('erasure-cascade', () => {
  const event = history[2] as Parameters<typeof erasureCascade.react>[0];
  const own = [
    { command: { type: 'CloseRecord', data: { learnerId, why: 'erased' } } },
    { command: { type: 'RecordKeyDestroyed', data: { learnerId } } },
  ];
  const react = (documents: readonly { learnerId: string; mergedInto?: string }[]) =>
    erasureCascade.react(event, {
      waitFor: () => Promise.resolve(),
      find: (_projection, filter) =>
        Promise.resolve(
          documents.filter((one) =>
            'mergedInto' in filter ? one.mergedInto === filter['mergedInto'] : one.learnerId === learnerId,
          ) as never,
        ),
    });

  it('closes the record, then has the key destroyed, in the order of the learner', async () => {
    expect(erasureCascade.partitionBy(event)).toBe(learnerId);
    expect(await react([{ learnerId }])).toEqual(own);
  });

  it('reaches whoever was merged into the learner, and whom the learner was merged into', async () => {
    const [child, parent] = ['a1c0b0a9-8f7e-5d6c-8b5a-493827161504', 'b1c0b0a9-8f7e-5d6c-8b5a-493827161504'];
    const reached = await react([
      { learnerId, mergedInto: parent as string },
      { learnerId: child as string, mergedInto: learnerId },
    ]);
    expect(reached).toEqual([
      ...own,
      ...[child, parent].map((other) => ({
        command: { type: 'EraseLearner', data: { learnerId: other, approvedBy: 'user:dpo', reasonCode: 'request' } },
        key: other,
      })),
    ]);
  });
});

describe('settle-identities', () => {
  it('has former identifiers released', () => {
    const event = history[1] as Parameters<typeof settleIdentitiesReactor.react>[0];
    expect(settleIdentitiesReactor.partitionBy(event)).toBe(learnerId);
    expect(settleIdentitiesReactor.react(event, undefined as never)).toEqual([
      { command: { type: 'SettleIdentities', data: { learnerId } } },
    ]);
  });
});

it('every golden sample of the context fits its schema', () => {
  const faulty = learnerEvents.flatMap((definition) =>
    Object.values(definition.samples)
      .flat()
      .filter((sample) => faultsOf(definition.schema, sample).length > 0),
  );
  expect(faulty).toEqual([]);
});
