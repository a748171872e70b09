// Whatever is injected, after quiescence: acknowledged commands are in the log exactly once, nobody decided on what was
// not so, every read model equals a fresh fold, and reactors had their effect once (F1, F2, F8, F9, F17; R1–R3, R7).
import fc from 'fast-check';
import { createMemoryEventLog, withFaults, type EventLog } from '@cairn/eventlog';
import type { CommandOutcome, Issued, StoredEvent } from '@cairn/kernel';
import { createMemoryReadModel, type ReadModel } from '@cairn/readmodel';
import { freshId, issued } from '@cairn/testing';
import { collectionHash } from './collection-hash.js';
import { createCommandExecutor } from './command-executor.js';
import { CommandOutcomeUnknown, Overloaded } from './errors.js';
import { account, bankCodec, bankProjections, rewardLargeDeposits } from './spec/bank.js';
import { createLife, flaky, livingOn, type Life } from './spec/mortal.js';
import { faultPlans } from './spec/faults.js';
import { close, deposit, move, open, processOn, startedProcess } from './spec/world.js';
import { systemClock } from './time.js';

// More at night: CAIRN_CHAOS_RUNS and CAIRN_CHAOS_SEED.
const RUNS = Number(process.env['CAIRN_CHAOS_RUNS'] ?? 100);
const SEED = Number(process.env['CAIRN_CHAOS_SEED'] ?? 20_260_310);
const ACCOUNTS = ['a', 'b', 'c'];
const accountName = fc.constantFrom(...ACCOUNTS);
const amount = fc.integer({ min: 1, max: 120 });
const command = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.tuple(accountName, fc.constantFrom('north', 'south')).map(([id, branch]) => open(id, branch)),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(accountName, fc.array(amount, { minLength: 1, maxLength: 3 }))
      .map(([id, all]) => deposit(id, ...all)),
  },
  { weight: 3, arbitrary: fc.tuple(accountName, accountName, amount).map(([from, to, much]) => move(from, to, much)) },
  { weight: 1, arbitrary: accountName.map(close) },
);

async function everything(log: EventLog): Promise<readonly StoredEvent[]> {
  return (await log.readAll({ after: '' as StoredEvent['position'], limit: 10_000 })).events;
}

/** R1 to R3, and that no command was decided on a state that was not the stream's. */
async function checkLog(log: EventLog, answers: ReadonlyMap<string, CommandOutcome>): Promise<void> {
  const events = await everything(log);
  const codec = bankCodec();
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  const streams = Map.groupBy(events, ({ stream }) => stream);
  for (const stored of streams.values()) {
    expect(stored.map(({ revision }) => revision)).toEqual([...stored.keys()]);
    let state = account.initial;
    let recordedAt = '';
    for (const event of stored) {
      expect(event.meta['recordedAt']! >= recordedAt).toBe(true);
      recordedAt = event.meta['recordedAt']!;
      expect(state.branch === null).toBe(event.type === 'account-opened');
      state = account.evolve(state, codec.decode(event) as never);
      expect(state.balance).toBeGreaterThanOrEqual(0);
    }
  }
  const byCommand = Map.groupBy(events, ({ meta }) => meta['$causationId']!);
  for (const [id, outcome] of answers) {
    const left = byCommand.get(id) ?? [];
    if (!outcome.accepted || outcome.outcome === 'unchanged') expect(left).toEqual([]);
    else {
      expect(left.map((event) => event.id)).toEqual(outcome.events.map((event) => event.id));
      const last = left.at(-1)!;
      expect(last.revision).toBe(outcome.revision);
      // Its own, or that of a later event of its append, in which other commands of its stream went along.
      expect(outcome.position >= last.position).toBe(true);
      expect(streams.get(last.stream)!.some(({ position }) => position === outcome.position)).toBe(true);
    }
  }
}

/** Sends a command until it is answered, as a client does that repeats with the same key. */
async function insist(send: () => Promise<CommandOutcome>): Promise<CommandOutcome> {
  for (;;)
    try {
      const outcome = await send();
      if (outcome.accepted || outcome.code !== 'revision-conflict') return outcome;
    } catch (error) {
      const tryAgain =
        error instanceof CommandOutcomeUnknown ||
        error instanceof Overloaded ||
        (error as Error).name === 'LogUnavailable';
      if (!tryAgain) throw error;
    }
}

const faults = faultPlans();

describe('commands on an unreliable log', () => {
  it('take effect exactly once, decided on what was so, whichever process they are sent to and however often', async () => {
    const property = fc.asyncProperty(
      faults,
      fc.array(fc.tuple(command, fc.nat(1), fc.boolean()), { minLength: 1, maxLength: 40 }),
      async (plan, commands) => {
        const log = createMemoryEventLog();
        const faulty = withFaults(log, plan);
        const life = createLife();
        const executors = [0, 1].map(() =>
          createCommandExecutor({
            log: faulty,
            codec: bankCodec(),
            deciders: [account],
            clock: systemClock,
            app: 'bank/1',
            timers: life.timers,
            cache: { streams: 2, events: 20 },
          }),
        );
        const answers = new Map<string, CommandOutcome>();
        await Promise.all(
          commands.map(async ([given, which, twice]) => {
            const sent = issued(given, { commandId: freshId(), idSource: 'client' }) as Issued;
            let n = which;
            const send = () => insist(() => executors[n++ % 2]!.execute(sent, { deadlineMs: 1_500 }));
            const [one, two] = await Promise.all([send(), twice ? send() : undefined]);
            answers.set(sent.commandId, one.accepted && one.outcome === 'recorded' ? one : (two ?? one));
            if (two?.accepted && two.outcome === 'recorded' && one.accepted && one.outcome === 'recorded')
              expect(two.events.map(({ id }) => id)).toEqual(one.events.map(({ id }) => id));
          }),
        );
        await faulty.heal();
        await checkLog(log, answers);
        life.kill();
      },
    );
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  }, 600_000);
});

type Happening = 'crash' | 'freeze' | 'thaw' | 'breathe';

describe('runners that crash and freeze on unreliable stores', () => {
  it('leave every read model as a fresh fold would, and react once', async () => {
    const happening = fc.oneof(
      { weight: 8, arbitrary: command.map((given) => ({ given })) },
      {
        weight: 3,
        arbitrary: fc
          .constantFrom<Happening>('crash', 'freeze', 'thaw', 'breathe', 'breathe')
          .map((what) => ({ what })),
      },
    );
    const property = fc.asyncProperty(
      faults,
      fc.constantFrom(0, 0.05, 0.2),
      fc.constantFrom(1, 3),
      fc.array(happening, { minLength: 5, maxLength: 60 }),
      async (plan, storeFaults, lanes, script) => {
        const inner = createMemoryEventLog();
        const log = withFaults(inner, plan);
        let storeClock = 0;
        const store = createMemoryReadModel({ now: () => Date.now() + storeClock });
        const unreliable = flaky(store, storeFaults, pseudoRandom(plan.seed));
        const frozen: Life[] = [];
        const lives: Life[] = [];
        let owner = 0;

        const start = () => {
          const life = createLife();
          lives.push(life);
          const process = processOn(...startedOn(life, log, unreliable.readModel), {
            owner: `owner ${owner}`,
            leaseTtlMs: 15_000,
            lanes,
            reactors: [rewardLargeDeposits],
            startAt: () => 'beginning',
            timers: life.timers,
            batchEvents: 1,
            limits: { checkpointMs: 60, parkedKeys: 3, cachedDocuments: 2, waitMs: 1_000 },
          });
          return { life, process, ready: process.runner.start().then(process.reactions.start) };
        };
        let current = start();
        const answers = new Map<string, CommandOutcome>();
        const client = createCommandExecutor({
          log,
          codec: bankCodec(),
          deciders: [account],
          clock: systemClock,
          app: 'bank/1',
        });
        const sending: Promise<unknown>[] = [];
        for (const step of script) {
          if ('given' in step) {
            const sent = issued(step.given);
            sending.push(
              insist(() => client.execute(sent, { deadlineMs: 500 })).then((answer) =>
                answers.set(sent.commandId, answer),
              ),
            );
            continue;
          }
          await turns(3);
          switch (step.what) {
            case 'crash':
              current.life.kill();
              current = start(); // with the same owner: it takes over at once
              break;
            case 'freeze':
              current.life.freeze();
              frozen.push(current.life);
              storeClock += 20_000; // its leases run out
              owner++;
              current = start();
              break;
            case 'thaw':
              frozen.shift()?.thaw(); // and goes on as if nothing had happened
              break;
            case 'breathe':
              await turns(20);
          }
        }
        await Promise.all(sending);
        await log.heal();
        unreliable.heal();
        for (const life of frozen) life.thaw();
        await turns(30);
        for (const life of lives) if (life !== current.life) life.kill();
        const { process } = current;
        storeClock += 20_000;
        try {
          await current.ready;
          await process.settled(150_000);
          expect(await process.runner.parked()).toEqual([]);
          expect(await process.reactions.parked()).toEqual([]);
          await process.stop();
        } finally {
          current.life.kill();
        }

        await checkLog(inner, answers);
        await checkReactions(inner);
        await checkReadModels(inner, store);
        await inner.close(); // the feeds of the dead end
      },
    );
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  }, 600_000);
});

const startedOn = (life: Life, log: EventLog, readModel: ReadModel): [EventLog, ReadModel] => {
  const living = livingOn(life, log, readModel);
  return [living.log, living.readModel];
};

async function checkReadModels(log: EventLog, store: ReadModel): Promise<void> {
  const fresh = await startedProcess(log, createMemoryReadModel());
  await fresh.caughtUp();
  for (const { name } of bankProjections) {
    const collection = `${name}__v1`;
    expect({ name, ...(await collectionHash(store, collection)) }).toEqual({
      name,
      ...(await collectionHash(fresh.readModel, collection)),
    });
  }
  await fresh.stop();
}

/** Every large deposit has its bonus exactly once, unless the account was closed before the reactor came to it. */
async function checkReactions(log: EventLog): Promise<void> {
  const events = await everything(log);
  const bonuses = events.filter(({ type }) => type === 'bonus-granted').map(({ data }) => data['because']);
  expect(new Set(bonuses).size).toBe(bonuses.length);
  for (const [index, { id, type, data }] of events.entries()) {
    if (type !== 'money-deposited' || (data['amount'] as number) < 100) continue;
    const closedLater = events
      .slice(index)
      .some((later) => later.type === 'account-closed' && later.data['account'] === data['account']);
    if (!closedLater) expect(bonuses).toContain(id);
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function pseudoRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4_294_967_296;
  };
}
