import { createCodec, uuidv5, type CommandContext, type Issued, type LearnerId, type Recorded } from '@cairn/kernel';
import { createMemoryEventLog } from '@cairn/eventlog';
import { createCommandExecutor } from '@cairn/runtime';
import { at, createMemoryCipher, freshId, issued, TENANT } from '@cairn/testing';
import fc from 'fast-check';
import { identitiesOf, identityHash, type IdentityKind } from '../contracts/identity.js';
import type { RecordKeyDestroyed } from '../contracts/learner.commands.js';
import { learnerEvents, type LearnerEvent, type LearnerProfile } from '../contracts/learner.events.js';
import { identityFold, identityStream, learnerFold, learnerStream } from '../contracts/learner.folds.js';
import { destroyTraces, settleIdentities, type ErasurePorts } from './erasure.js';
import { identityDecider } from './identity.decider.js';
import { learnerDecider } from './learner.decider.js';
import { changeProfile, findLearner, registerLearner } from './registration.js';

class Killed extends Error {}

/** The process ends at the n-th effect: before it, or right after it took hold but before anybody learned of it. */
type Kill = { readonly at: number; readonly when: 'before' | 'after' };

function createWorld() {
  const cipher = createMemoryCipher();
  const log = createMemoryEventLog();
  const clock = { now: () => at('2026-03-10') };
  const executor = createCommandExecutor({
    log,
    codec: createCodec(learnerEvents, cipher),
    deciders: [learnerDecider, identityDecider],
    clock,
    app: 'test',
  });
  const key = Buffer.alloc(32, 7);
  const purged: LearnerId[] = [];
  const effects: ErasurePorts = {
    execute: (command) => executor.execute(command),
    fold: executor.loader.fold,
    history: (stream) => executor.history(stream),
    newId: freshId,
    identityKey: async () => key,
    purgeBlobs: async (_tenant, learner) => void purged.push(learner),
    destroyKey: async (tenant, learner) => cipher.destroy({ tenant, learner }),
  };
  /** Ports of a process that is killed, and how many effects it had by then. */
  const killedAt = (kill: Kill): ErasurePorts => {
    let effect = 0;
    const guarded =
      <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        const now = ++effect;
        if (now > kill.at || (now === kill.at && kill.when === 'before')) throw new Killed();
        const result = await act(...args);
        if (now === kill.at) throw new Killed();
        return result;
      };
    return {
      ...effects,
      execute: guarded(effects.execute),
      purgeBlobs: guarded(effects.purgeBlobs),
      destroyKey: guarded(effects.destroyKey),
    };
  };
  const owner = async (kind: IdentityKind, value: string) =>
    (await effects.fold(identityFold, identityStream(TENANT, identityHash(key, TENANT, { kind, value })))).owner;
  const learner = (id: LearnerId) => effects.fold(learnerFold, learnerStream(TENANT, id));
  const events = async (): Promise<readonly Recorded[]> =>
    (await log.readAll({ after: '' as never, limit: 1000 })).events as unknown as readonly Recorded[];
  const registeredLearners = async () =>
    new Set((await events()).filter(({ type }) => type === 'learner-registered').map(({ stream }) => stream));
  return { effects, killedAt, owner, learner, events, registeredLearners, purged, executor };
}

const key = (name: string): CommandContext => {
  const { type: _type, data: _data, ...context } = issued({ type: '', data: {} }, { commandId: uuidv5(TENANT, name) });
  return { ...context, idSource: 'client' };
};
const ADA: LearnerProfile = {
  name: 'Ada Lovelace',
  email: 'Ada@example.org',
  externalIds: [{ system: 'sis', value: '7' }],
};
const answered = <T extends { accepted: boolean }>(answer: T): Extract<T, { accepted: true }> => {
  expect(answer).toMatchObject({ accepted: true });
  return answer as Extract<T, { accepted: true }>;
};

describe('registering', () => {
  it('claims every identifier for the new learner, whose id derives from the key', async () => {
    const world = createWorld();
    const answer = answered(await registerLearner(world.effects, key('a'), ADA));
    expect(answer).toMatchObject({ outcome: 'recorded', learnerId: uuidv5(key('a').commandId, 'learner') });
    expect(await world.owner('email', 'ada@example.org')).toBe(answer.learnerId);
    expect(await world.owner('external-id', 'sis:7')).toBe(answer.learnerId);
    expect(await findLearner(world.effects, TENANT, 'external-id', 'sis:7')).toBe(answer.learnerId);
    expect(await findLearner(world.effects, TENANT, 'external-id', 'sis:8')).toBeUndefined();
  });

  it('with the same key again is the same learner and the same answer', async () => {
    const world = createWorld();
    const first = answered(await registerLearner(world.effects, key('a'), ADA));
    const before = await world.events();
    const second = answered(await registerLearner(world.effects, key('a'), ADA));
    expect(second).toMatchObject({ replayed: true, learnerId: first.learnerId, revision: first.revision });
    expect(await world.events()).toEqual(before);
  });

  it('refuses the same key with another profile', async () => {
    const world = createWorld();
    await registerLearner(world.effects, key('a'), ADA);
    const answer = await registerLearner(world.effects, key('a'), { ...ADA, name: 'Eve' });
    expect(answer).toMatchObject({ accepted: false, code: 'idempotency-key-reused' });
  });

  it('with another key and the same profile changes nothing: a file sent twice adds nothing', async () => {
    const world = createWorld();
    const first = answered(await registerLearner(world.effects, key('a'), ADA));
    const before = await world.events();
    const again = answered(await registerLearner(world.effects, key('b'), ADA));
    expect(again).toMatchObject({ outcome: 'unchanged', learnerId: first.learnerId });
    expect(await world.events()).toEqual(before);
  });

  it('refuses an identifier of somebody else, in any spelling, and claims nothing on the way', async () => {
    const world = createWorld();
    await registerLearner(world.effects, key('a'), ADA);
    const answer = await registerLearner(world.effects, key('b'), {
      email: ' ADA@EXAMPLE.org',
      externalIds: [{ system: 'lms', value: '1' }],
    });
    expect(answer).toMatchObject({ accepted: false, code: 'identifier-taken' });
    expect(JSON.stringify(answer)).not.toMatch(/example/i);
    expect(await world.owner('external-id', 'lms:1')).toBeUndefined();
  });

  it('refuses identifiers that lead to two people', async () => {
    const world = createWorld();
    await registerLearner(world.effects, key('a'), { email: 'ada@example.org' });
    await registerLearner(world.effects, key('b'), { externalIds: [{ system: 'sis', value: '7' }] });
    expect(await registerLearner(world.effects, key('c'), ADA)).toMatchObject({ code: 'identifier-taken' });
  });

  it('names what is no identifier', async () => {
    const answer = await registerLearner(createWorld().effects, key('a'), { email: 'ada' });
    expect(answer).toMatchObject({ code: 'validation-failed', errors: [{ pointer: '/email' }] });
  });

  it('works for a person without identifiers', async () => {
    const world = createWorld();
    answered(await registerLearner(world.effects, key('a'), { name: 'Ada' }));
    answered(await registerLearner(world.effects, key('b'), { name: 'Ada' }));
    expect((await world.registeredLearners()).size).toBe(2);
  });

  it('many at once with the same identifiers make one learner', async () => {
    const world = createWorld();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        registerLearner(world.effects, key(`k${n}`), { ...ADA, name: `Ada ${n % 3}` }),
      ),
    );
    expect((await world.registeredLearners()).size).toBe(1);
    const owner = await world.owner('email', 'ada@example.org');
    expect(await world.owner('external-id', 'sis:7')).toBe(owner);
    expect(await world.learner(owner!)).toMatchObject({ status: 'registered' });
    const accepted = answers.filter((answer) => answer.accepted);
    expect(accepted.length).toBeGreaterThan(0);
    for (const answer of accepted) expect(answer).toMatchObject({ learnerId: owner });
    for (const answer of answers.filter((each) => !each.accepted))
      expect(answer).toMatchObject({ code: 'identifier-taken' });
  });
});

const kills: readonly Kill[] = Array.from({ length: 6 }, (_, n) => n + 1).flatMap(
  (n) =>
    [
      { at: n, when: 'before' },
      { at: n, when: 'after' },
    ] as const,
);

describe.each(kills)('killed $when effect $at', (kill) => {
  it('registering goes on with the same key', async () => {
    const world = createWorld();
    await registerLearner(world.killedAt(kill), key('a'), ADA).catch(() => undefined);
    const answer = answered(await registerLearner(world.effects, key('a'), ADA));
    expect(answer.learnerId).toBe(uuidv5(key('a').commandId, 'learner'));
    expect(await world.owner('email', 'ada@example.org')).toBe(answer.learnerId);
    expect(await world.owner('external-id', 'sis:7')).toBe(answer.learnerId);
    expect((await world.registeredLearners()).size).toBe(1);
    expect(await world.events()).toHaveLength(3);
  });

  it('registering is finished by whoever comes next with some of the identifiers', async () => {
    const world = createWorld();
    await registerLearner(world.killedAt(kill), key('a'), ADA).catch(() => undefined);
    const next = await registerLearner(world.effects, key('b'), { ...ADA, name: 'A. Lovelace' });
    const [stream] = await world.registeredLearners();
    expect((await world.registeredLearners()).size).toBe(1);
    const owner = await world.owner('email', 'ada@example.org');
    expect(stream).toBe(learnerStream(TENANT, owner!));
    expect(await world.owner('external-id', 'sis:7')).toBe(owner);
    // Either the first one had got through, or the second one took its place; both know it afterwards.
    expect(next).toMatchObject(next.accepted ? { learnerId: owner } : { code: 'identifier-taken' });
    const retry = await registerLearner(world.effects, key('b'), { ...ADA, name: 'A. Lovelace' });
    expect(retry).toMatchObject(next.accepted ? { replayed: true, learnerId: owner } : { code: 'identifier-taken' });
  });

  it('changing a profile goes on with the same key, and settles', async () => {
    const world = createWorld();
    const { learnerId } = answered(await registerLearner(world.effects, key('a'), ADA));
    const changed: LearnerProfile = { name: 'Ada King', email: 'king@example.org' };
    const change = (ports: ErasurePorts) => changeProfile(ports, key('b'), learnerId, changed);
    await change(world.killedAt(kill)).catch(() => undefined);
    answered(await change(world.effects));
    await settleIdentities(world.killedAt(kill), key('s'), learnerId).catch(() => undefined);
    await settleIdentities(world.effects, key('s'), learnerId);
    expect(await world.owner('email', 'king@example.org')).toBe(learnerId);
    expect(await world.owner('email', 'ada@example.org')).toBeUndefined();
    expect(await world.owner('external-id', 'sis:7')).toBeUndefined();
  });

  it('erasing goes on, and leaves nothing', async () => {
    const world = createWorld();
    const { learnerId } = answered(await registerLearner(world.effects, key('a'), ADA));
    answered(await changeProfile(world.effects, key('b'), learnerId, { ...ADA, email: 'king@example.org' }));
    await world.effects.execute(
      issued({ type: 'EraseLearner', data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'request' } }),
    );
    const command: Issued<RecordKeyDestroyed> = issued(
      { type: 'RecordKeyDestroyed', data: { learnerId } },
      { commandId: uuidv5(TENANT, 'cascade') },
    );
    await destroyTraces(world.killedAt(kill), command).catch(() => undefined);
    answered(await destroyTraces(world.effects, command));
    const done = await world.events();
    answered(await destroyTraces(world.effects, command));
    expect(await world.events()).toEqual(done);
    expect(await world.learner(learnerId)).toMatchObject({ status: 'erased', keyDestroyed: true });
    for (const email of ['ada@example.org', 'king@example.org'])
      expect(await world.owner('email', email)).toBeUndefined();
    expect(await world.owner('external-id', 'sis:7')).toBeUndefined();
    expect(world.purged).toContain(learnerId);
    const history = (await world.executor.history(
      learnerStream(TENANT, learnerId),
    )) as readonly Recorded<LearnerEvent>[];
    const readable = history.filter(({ data }) => 'profile' in data && data.profile.reveal() !== undefined);
    expect(readable).toEqual([]);
  });
});

describe('changing a profile', () => {
  it('refuses an identifier of somebody else and keeps nothing of what it claimed for it', async () => {
    const world = createWorld();
    const { learnerId } = answered(await registerLearner(world.effects, key('a'), { name: 'Ada' }));
    await registerLearner(world.effects, key('b'), { externalIds: [{ system: 'sis', value: '7' }] });
    const answer = await changeProfile(world.effects, key('c'), learnerId, ADA);
    expect(answer).toMatchObject({ accepted: false, code: 'identifier-taken' });
    expect(await world.owner('email', 'ada@example.org')).toBeUndefined();
    // The key may be tried again once the cause is gone (api.md §3).
    const other = await findLearner(world.effects, TENANT, 'external-id', 'sis:7');
    answered(await changeProfile(world.effects, key('d'), other!, { name: 'Bob' }));
    await settleIdentities(world.effects, key('s'), other!);
    answered(await changeProfile(world.effects, key('c'), learnerId, ADA));
    expect(await world.owner('email', 'ada@example.org')).toBe(learnerId);
    expect(await world.owner('external-id', 'sis:7')).toBe(learnerId);
  });

  it('refuses an unknown and an erased learner, and claims nothing for them', async () => {
    const world = createWorld();
    const unknown = uuidv5(TENANT, 'nobody') as LearnerId;
    expect(await changeProfile(world.effects, key('a'), unknown, ADA)).toMatchObject({ code: 'not-found' });
    const { learnerId } = answered(await registerLearner(world.effects, key('b'), { name: 'Ada' }));
    await world.effects.execute(
      issued({ type: 'EraseLearner', data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'request' } }),
    );
    expect(await changeProfile(world.effects, key('c'), learnerId, ADA)).toMatchObject({ code: 'learner-erased' });
    expect(await world.owner('email', 'ada@example.org')).toBeUndefined();
  });
});

describe('erasing', () => {
  it('frees the identifiers at once, before the cascade has come by', async () => {
    const world = createWorld();
    const { learnerId } = answered(await registerLearner(world.effects, key('a'), ADA));
    await world.effects.execute(
      issued({ type: 'EraseLearner', data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'request' } }),
    );
    expect(await findLearner(world.effects, TENANT, 'email', 'ada@example.org')).toBeUndefined();
    const anew = answered(await registerLearner(world.effects, key('b'), ADA));
    expect(anew.learnerId).not.toBe(learnerId);
    answered(await destroyTraces(world.effects, issued({ type: 'RecordKeyDestroyed', data: { learnerId } })));
    expect(await findLearner(world.effects, TENANT, 'email', 'ada@example.org')).toBe(anew.learnerId);
  });

  it('touches nothing of a learner who is not erased', async () => {
    const world = createWorld();
    const { learnerId } = answered(await registerLearner(world.effects, key('a'), ADA));
    const command = issued({ type: 'RecordKeyDestroyed', data: { learnerId } } as const);
    expect(await destroyTraces(world.effects, command)).toMatchObject({ accepted: false, code: 'criteria-not-met' });
    expect(await world.owner('email', 'ada@example.org')).toBe(learnerId);
    expect(world.purged).toEqual([]);
  });
});

const idOf = (who: number) => uuidv5(key(`r${who}`).commandId, 'learner') as LearnerId;

it('no identifier ever belongs to two people, whatever is sent in whatever order and killed wherever', async () => {
  const email = fc.constantFrom('a@x.org', 'b@x.org', 'c@x.org');
  const profile = fc.record(
    {
      email,
      externalIds: fc.array(fc.record({ system: fc.constant('s'), value: fc.constantFrom('1', '2') }), {
        maxLength: 2,
      }),
    },
    { requiredKeys: [] },
  );
  const kill = fc.record({ at: fc.integer({ min: 1, max: 8 }), when: fc.constantFrom('before', 'after') });
  const act = fc.record({
    do: fc.constantFrom('register', 'register', 'change', 'erase', 'settle', 'destroy'),
    who: fc.nat({ max: 3 }),
    profile,
    kill: fc.option(kill, { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 12 }), async (acts) => {
      const world = createWorld();
      for (const { do: what, who, profile: sent, kill: killed } of acts) {
        const ports = killed ? world.killedAt(killed) : world.effects;
        const learnerId = idOf(who);
        const run = {
          register: () => registerLearner(ports, key(`r${who}`), sent),
          change: () => changeProfile(ports, key(freshId()), learnerId, sent),
          settle: () => settleIdentities(ports, key(freshId()), learnerId),
          destroy: () => destroyTraces(ports, issued({ type: 'RecordKeyDestroyed', data: { learnerId } })),
          erase: () =>
            ports.execute(issued({ type: 'EraseLearner', data: { learnerId, approvedBy: 'x', reasonCode: 'y' } })),
        }[what];
        await run().catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error;
        });
      }
      const holders = new Map<string, LearnerId>();
      for (const who of [0, 1, 2, 3]) {
        const state = await world.learner(idOf(who));
        if (state.status !== 'registered') continue;
        for (const { kind, value } of identitiesOf(state.profile.reveal()!).identities) {
          expect(holders.get(value)).toBeUndefined();
          holders.set(value, state.learnerId);
          expect(await world.owner(kind, value)).toBe(state.learnerId);
        }
      }
    }),
    { numRuns: 150 },
  );
});
