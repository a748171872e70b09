// The runtime under a deterministic scheduler with virtual time (quality.md §7, SimWorld): processes crash, freeze and
// lose their power, messages are slow or lost, feeds repeat, break and fall silent. After quiescence no acknowledged
// command is lost, none took effect twice, reactors answered once, what fell due was sent once, and every read model
// equals a plain fold of the log.
//
// A failure prints its seed; CAIRN_SIM_SEED=<seed> repeats that run alone. CAIRN_SIM_SEEDS=<count> for more of them.
import { createHash } from 'node:crypto';
import {
  BEGINNING,
  type Command,
  type CommandOutcome,
  type Instant,
  type Recorded,
  type StoredEvent,
} from '@cairn/kernel';
import type { ReadModel } from '@cairn/readmodel';
import { issued, TENANT } from '@cairn/testing';
import { contentOf } from './collection-hash.js';
import { createScheduler } from './scheduler.js';
import { account, bankCodec, bankProjections, rewardLargeDeposits } from './spec/bank.js';
import { collector, dueWork, instalmentPaid, later, loanDecider, loanTaken } from './spec/loans.js';
import { createSimScheduler, createSimStores, randomOf, type SimLife } from './spec/sim-world.js';
import { close, deposit, move, open, processOn } from './spec/world.js';
import { sleep } from './time.js';

const only = process.env['CAIRN_SIM_SEED'];
const SEEDS = only === undefined ? Number(process.env['CAIRN_SIM_SEEDS'] ?? 500) : 1;
const FIRST = only === undefined ? 1 : Number(only);
const ACCOUNTS = ['a', 'b', 'c'];
const PATIENCE_MS = 6_000;
/** A second of the simulated world is a day of the tenant, whose loans are paid back over days. */
const DAYS_PER_MS = 1 / 1_000;
/** Long enough for every loan to be paid back and every item that was set aside to be tried again. */
const AFTERMATH_MS = 40_000;

const codec = bankCodec([loanTaken, instalmentPaid]);
const projections = [...bankProjections, dueWork];

type Run = {
  readonly trace: string;
  readonly steps: number;
  readonly bonuses: number;
  readonly instalments: number;
};

/** One life of the world, from a seed. Throws where an invariant does not hold. */
async function simulate(seed: number): Promise<Run> {
  const random = randomOf(seed);
  const upTo = (count: number): number => Math.floor(random() * count);
  const oneOf = <T>(list: readonly T[]): T => list[upTo(list.length)] as T;
  const scheduler = createSimScheduler(random);
  const faults = { lost: oneOf([0, 0.05, 0.15]), slow: oneOf([0, 0.05, 0.2]), feed: oneOf([0, 0.02, 0.1]) };
  const stores = createSimStores(scheduler, random, faults);
  const lives: SimLife[] = [];
  const lanes = oneOf([1, 2]);
  const count = oneOf([1, 2]);

  const today = (): Instant => later(scheduler.clock.now(), scheduler.now() * DAYS_PER_MS);

  const start = () => {
    const life: SimLife = { state: 'alive' };
    lives.push(life);
    const { log, readModel } = stores.reachedBy(life);
    const owner = `owner ${lives.length}`;
    const timers = scheduler.timersOf(life);
    const running = processOn(log, readModel, {
      codec,
      deciders: [account, loanDecider],
      projections,
      owner,
      leaseTtlMs: 3_000,
      lanes,
      reactors: [rewardLargeDeposits],
      startAt: () => 'beginning',
      timers,
      clock: scheduler.clock,
      batchEvents: 2, // who is behind folds ahead
      limits: { checkpointMs: 100, cachedDocuments: 2, waitMs: 1_000 },
    });
    const collecting = createScheduler({
      timekeepers: [collector],
      readModel,
      find: running.views.find,
      tenants: () => Promise.resolve([TENANT]),
      now: () => Promise.resolve(today()),
      dispatch: running.executor.execute,
      followed: (position) => running.waiters.waitFor([dueWork.name], position, 2_000),
      owner,
      leaseTtlMs: 3_000,
      setAsideMs: 5_000,
      timers,
    });
    const ready = running.runner.start().then(running.reactions.start).then(collecting.start);
    ready.catch(() => undefined); // looked at where it matters: in the process that lives on
    return { life, running, collecting, ready };
  };
  const startAll = () => Array.from({ length: count }, start);
  let processes = startAll();

  const answers = new Map<string, { command: Command; outcome: CommandOutcome }>();
  const outside = scheduler.timersOf({ state: 'alive' });
  const given = (loan: string): Command => {
    const kind = random();
    if (kind > 0.85) {
      const data = { loan, dueAt: later(today(), 1 + upTo(10)), days: 1 + upTo(4), instalments: 1 + upTo(4) };
      return { type: 'take-loan', data };
    }
    if (kind < 0.2) return open(oneOf(ACCOUNTS), oneOf(['north', 'south']));
    if (kind < 0.6) return deposit(oneOf(ACCOUNTS), ...Array.from({ length: 1 + upTo(3) }, () => 1 + upTo(120)));
    if (kind < 0.8) return move(oneOf(ACCOUNTS), oneOf(ACCOUNTS), 1 + upTo(120));
    return close(oneOf(ACCOUNTS));
  };

  /** A client that repeats with the same key, at whichever process lives, until it is answered. */
  async function client(number: number): Promise<void> {
    for (let n = 0; n < 6; n++) {
      await sleep(outside, random() * 2_000);
      const commandId = `00000000-0000-4000-8000-${String(number * 100 + n).padStart(12, '0')}`;
      const command = given(commandId);
      const sent = issued(command, { commandId, idSource: 'client', now: scheduler.clock.now() });
      for (let outcome: CommandOutcome | undefined; outcome === undefined;) {
        const { running } = oneOf(processes);
        const answer = running.executor.execute(sent, { deadlineMs: 4_000 }).catch((error: Error) => {
          if (!['CommandOutcomeUnknown', 'Overloaded', 'LogUnavailable'].includes(error.name)) throw error;
          return undefined;
        });
        outcome = await Promise.race([answer, sleep(outside, PATIENCE_MS).then(() => undefined)]);
        if (outcome && !outcome.accepted && outcome.code === 'revision-conflict') outcome = undefined;
        if (outcome) answers.set(commandId, { command, outcome });
        else await sleep(outside, 100);
      }
    }
  }

  async function trouble(): Promise<void> {
    for (let n = 0; n < 6; n++) {
      await sleep(outside, random() * 2_500);
      const index = upTo(processes.length);
      const { life } = processes[index] as (typeof processes)[number];
      switch (oneOf(['crash', 'freeze', 'power', 'nothing'])) {
        case 'crash':
          life.state = 'dead';
          processes[index] = start();
          break;
        case 'freeze':
          life.state = 'frozen';
          outside.after(oneOf([8_000, 3_500]) * random(), () => {
            if (life.state === 'frozen') life.state = 'alive';
          });
          break;
        case 'power':
          await stores.losePower(lives);
          processes = startAll();
      }
    }
  }

  await scheduler.until(Promise.all([client(1), client(2), client(3), trouble()]));
  stores.heal();
  for (const life of lives) if (life.state === 'frozen') life.state = 'alive';
  const last = processes.at(-1) as (typeof processes)[number];
  await scheduler.until(sleep(outside, 10_000)); // late messages arrive, stale holders notice
  for (const life of lives) if (life !== last.life) life.state = 'dead';
  await scheduler.until(last.ready);
  await scheduler.until(last.running.settled(120_000));
  await scheduler.until(sleep(outside, AFTERMATH_MS));
  await scheduler.until(last.running.settled(120_000));
  expect(last.collecting.status().setAside).toEqual([]);
  expect(await scheduler.until(last.running.runner.parked())).toEqual([]);
  expect(await scheduler.until(last.running.reactions.parked())).toEqual([]);
  const collections = new Map(projections.map(({ name }) => [name, last.running.runner.collectionOf(name)]));
  last.life.state = 'dead';

  const { events } = await stores.log.readAll({ after: BEGINNING, limit: 10_000 });
  checkLog(events, answers);
  const bonuses = checkReactions(events);
  const instalments = checkDueWork(events);
  await checkReadModels(events, stores.model(), collections);
  const trace = createHash('sha256').update(JSON.stringify([scheduler.now(), scheduler.steps(), events])).digest('hex'); // prettier-ignore
  return { trace, steps: scheduler.steps(), bonuses, instalments };
}

/** R1 to R3: what was acknowledged is there once, at its place; what was refused left nothing. */
function checkLog(
  events: readonly StoredEvent[],
  answers: ReadonlyMap<string, { readonly command: Command; readonly outcome: CommandOutcome }>,
): void {
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  for (const stored of Map.groupBy(events, ({ stream }) => stream).values()) {
    expect(stored.map(({ revision }) => revision)).toEqual([...stored.keys()]);
    if (!stored[0]?.stream.startsWith('account-')) continue;
    let state = account.initial;
    for (const event of stored) {
      expect(state.branch === null).toBe(event.type === 'account-opened');
      state = account.evolve(state, codec.decode(event) as never);
      expect(state.balance).toBeGreaterThanOrEqual(0);
    }
  }
  const byCommand = Map.groupBy(events, ({ meta }) => meta['$causationId'] as string);
  expect(answers.size).toBe(18);
  for (const [id, { outcome }] of answers) {
    const left = byCommand.get(id) ?? [];
    if (!outcome.accepted || outcome.outcome === 'unchanged') expect(left).toEqual([]);
    else {
      expect(left.map((event) => event.id)).toEqual(outcome.events.map((event) => event.id));
      const last = left.at(-1)!;
      expect(last.revision).toBe(outcome.revision);
      // Its own, or that of a later event of its append, in which other commands of its stream went along.
      expect(outcome.position >= last.position).toBe(true);
      expect(events.some(({ stream, position }) => stream === last.stream && position === outcome.position)).toBe(true);
    }
  }
}

/** Every large deposit has its bonus exactly once, unless the account was closed before the reactor came to it. */
function checkReactions(events: readonly StoredEvent[]): number {
  const bonuses = events.filter(({ type }) => type === 'bonus-granted').map(({ data }) => data['because']);
  expect(new Set(bonuses).size).toBe(bonuses.length);
  for (const [index, { id, type, data }] of events.entries()) {
    if (type !== 'money-deposited' || (data['amount'] as number) < 100) continue;
    const closedLater = events
      .slice(index)
      .some((later) => later.type === 'account-closed' && later.data['account'] === data['account']);
    if (!closedLater) expect(bonuses).toContain(id);
  }
  return bonuses.length;
}

/** Every instalment of every loan was collected once, in order, and not before its day. */
function checkDueWork(events: readonly StoredEvent[]): number {
  const paid = Map.groupBy(
    events.filter(({ type }) => type === 'instalment-paid'),
    ({ data }) => data['loan'] as string,
  );
  let instalments = 0;
  for (const { type, data } of events) {
    if (type !== 'loan-taken') continue;
    const { loan, dueAt, days, instalments: count } = data as LoanTerms;
    const due = Array.from({ length: count }, (_, n) => later(dueAt, n * days));
    expect({ loan, paid: paid.get(loan)?.map((event) => event.data['dueAt']) }).toEqual({ loan, paid: due });
    instalments += count;
  }
  expect([...paid.values()].flat()).toHaveLength(instalments);
  return instalments;
}
type LoanTerms = {
  readonly loan: string;
  readonly dueAt: Instant;
  readonly days: number;
  readonly instalments: number;
};

/** R7, against the plainest fold there is: no lanes, caches, guards or checkpoints. */
async function checkReadModels(
  events: readonly StoredEvent[],
  model: ReadModel,
  collections: ReadonlyMap<string, string>,
): Promise<void> {
  for (const { name, events: definitions, keys, evolve } of projections) {
    const types = new Set<string>(definitions.map(({ type }) => type));
    const documents = new Map<string, object | null>();
    for (const event of events.filter(({ type }) => types.has(type)).map((stored): Recorded => codec.decode(stored)))
      for (const id of new Set((keys as (event: unknown) => readonly string[])(event)))
        documents.set(id, (evolve as (...given: unknown[]) => object | null)(documents.get(id) ?? null, event, id));
    const expected = [...documents].flatMap(([_id, document]) =>
      document === null ? [] : [contentOf({ ...document, _id, _p: '' })],
    );
    const found: (string | undefined)[] = [];
    for await (const document of model.scan(collections.get(name) as string)) found.push(contentOf(document));
    expect({ name, documents: found.filter((text) => text !== undefined).toSorted() }).toEqual({
      name,
      documents: expected.filter((text) => text !== undefined).toSorted(),
    });
  }
}

describe('the simulated world', () => {
  it(`keeps every promise in ${SEEDS} lives`, async () => {
    let bonuses = 0;
    let instalments = 0;
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      try {
        const run = await simulate(seed);
        bonuses += run.bonuses;
        instalments += run.instalments;
      } catch (error) {
        throw new Error(`seed ${seed} (repeat with CAIRN_SIM_SEED=${seed}): ${String(error)}`, { cause: error });
      }
    }
    if (SEEDS < 100) return;
    expect(bonuses).toBeGreaterThan(SEEDS / 2); // reactors and scheduler had work
    expect(instalments).toBeGreaterThan(SEEDS);
  }, 600_000);

  it('repeats a life exactly from its seed', async () => {
    const traces = new Set<string>();
    for (let seed = FIRST; seed < FIRST + 10; seed++) {
      const once = await simulate(seed);
      expect(await simulate(seed)).toEqual(once);
      traces.add(once.trace);
    }
    expect(traces.size).toBe(10);
  }, 60_000);
});
