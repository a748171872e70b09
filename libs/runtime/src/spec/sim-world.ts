// A deterministic world: one thread, virtual time, and a seeded scheduler that chooses among all that could happen
// next. Processes run the real runtime; a call to a store is a message there and a message back, either of which may be
// slow or lost. Nothing here may read the machine's clock or its chance: a seed must repeat its run exactly.
import { createMemoryEventLog, LogUnavailable, type EventLog, type FeedItem } from '@cairn/eventlog';
import type { Instant, Position } from '@cairn/kernel';
import { createMemoryReadModel, ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import { sleep, type Clock, type Timers } from '../time.js';

const START = Date.parse('2026-03-02T08:00:00Z');
/** More steps than any sound run takes: what is beyond it runs in circles. */
const MOST_STEPS = 50_000;

type Task = { readonly at: number; readonly run: () => void; readonly owner: SimLife | undefined };
export type SimLife = { state: 'alive' | 'frozen' | 'dead' };

/** A generator of chance from a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Virtual time. Of several tasks that are due, chance decides which comes first. */
export function createSimScheduler(random: () => number) {
  let now = 0;
  let steps = 0;
  let working = 0;
  let tasks: Task[] = [];

  const add = (ms: number, run: () => void, owner?: SimLife): (() => void) => {
    const task = { at: now + Math.max(0, ms), run, owner };
    tasks.push(task);
    return () => {
      const index = tasks.indexOf(task);
      if (index >= 0) tasks.splice(index, 1);
    };
  };

  /** One task and all that follows from it at once; false if nothing is left to do. */
  async function step(): Promise<boolean> {
    tasks = tasks.filter(({ owner }) => owner?.state !== 'dead');
    const able = tasks.filter(({ owner }) => owner?.state !== 'frozen');
    if (able.length === 0) return false;
    const next = Math.max(now, Math.min(...able.map(({ at }) => at)));
    const due = able.filter(({ at }) => at <= next);
    const task = due[Math.floor(random() * due.length)] as Task;
    now = next;
    tasks.splice(tasks.indexOf(task), 1);
    task.run();
    // All promises that it settled are seen to; what a store does takes no time of its own.
    do await new Promise((resolve) => setImmediate(resolve));
    while (working > 0);
    if (++steps > MOST_STEPS) throw new Error(`the simulated world does not come to rest within ${MOST_STEPS} steps`);
    return true;
  }

  /** Within one step, however many turns of the event loop it takes. */
  const atOnce = <T>(task: Promise<T>): Promise<T> => {
    working++;
    return task.finally(() => void working--);
  };

  return {
    add,
    atOnce,
    now: () => now,
    steps: () => steps,
    /** Everything that goes on by itself until `task` is done. */
    until: async <T>(task: Promise<T>): Promise<T> => {
      let done = false;
      const finish = (): void => void (done = true);
      task.then(finish, finish);
      await new Promise((resolve) => setImmediate(resolve));
      while (!done) if (!(await step())) throw new Error('the simulated world stands still, but its task is not done');
      return task;
    },
    timersOf: (owner: SimLife): Timers => ({
      random,
      monotonicMs: () => now,
      after: (ms, callback) => add(ms, callback, owner),
    }),
    clock: { now: () => new Date(START + now).toISOString() as Instant } satisfies Clock,
    /** Drops what is on its way to the stores, the only tasks that are nobody's: their machine has lost its power. */
    dropMessages: () => {
      tasks = tasks.filter(({ owner }) => owner !== undefined);
    },
  };
}
export type SimScheduler = ReturnType<typeof createSimScheduler>;

export type SimFaults = {
  /** Chance that a request, or an answer, is lost. */
  readonly lost: number;
  /** Chance that a message takes seconds instead of milliseconds. */
  readonly slow: number;
  /** Chance that a feed repeats itself, breaks, or falls silent for good, at each event. */
  readonly feed: number;
};

/** Log and read model on a machine of their own, and the ways by which processes reach them. */
export function createSimStores(scheduler: SimScheduler, random: () => number, faults: SimFaults) {
  let healed = false;
  let replaying: number | undefined; // the time at which a repeated change was made
  const strikes = (chance: number): boolean => !healed && random() < chance;
  const latency = (): number => (strikes(faults.slow) ? 200 + random() * 5_000 : random() * 4);
  const log = createMemoryEventLog();
  const newModel = (): ReadModel => createMemoryReadModel({ now: () => START + (replaying ?? scheduler.now()) });
  let model = newModel();
  let changes: { readonly at: number; readonly make: (on: ReadModel) => Promise<unknown> }[] = [];

  /** A call as two messages. The request is a copy; who died does not see the answer; what was sent may arrive late. */
  const call = <T>(life: SimLife, act: () => Promise<T>, lost: () => Error): Promise<T> =>
    new Promise((resolve, reject) => {
      const back = (settle: () => void): unknown => scheduler.add(latency(), settle, life);
      const fails = (): unknown => scheduler.add(300, () => reject(lost()), life);
      if (strikes(faults.lost)) return void fails();
      scheduler.add(latency(), () => {
        scheduler.atOnce(act()).then(
          (answer) => (strikes(faults.lost) ? fails() : back(() => resolve(answer))),
          (error: unknown) => back(() => reject(error as Error)),
        );
      });
    });

  const unknown = (): Error => new LogUnavailable('unknown', 'simulated: no answer');
  const unread = (): Error => new LogUnavailable('not-written', 'simulated: no answer to a read');
  const down = (): Error => new ReadModelUnavailable('simulated: no answer');

  function logFor(life: SimLife): EventLog {
    const timers = scheduler.timersOf(life);
    const readAll: EventLog['readAll'] = (options) => call(life, () => log.readAll(options), unread);
    return {
      append: (stream, expected, events) => {
        const copy = structuredClone(events);
        return call(life, () => log.append(stream, expected, copy), unknown);
      },
      read: (stream, options) => call(life, () => log.read(stream, options), unread),
      readAll,
      head: () => call(life, log.head, unread),
      subscribeAll: async function* ({ after, signal }): AsyncGenerator<FeedItem> {
        for (let at: Position = after; !signal.aborted;) {
          const { events } = await readAll({ after: at, limit: 100 });
          for (const event of events) {
            if (signal.aborted) return;
            if (strikes(faults.feed)) throw unread();
            if (strikes(faults.feed)) await sleep(timers, Number.MAX_SAFE_INTEGER, signal); // silent: see the watchdog
            yield { kind: 'event', event };
            if (strikes(faults.feed)) yield { kind: 'event', event };
            at = event.position;
          }
          if (events.length === 0) {
            yield { kind: 'caught-up' };
            await sleep(timers, 50 + random() * 100, signal);
          }
        }
      },
      close: async () => {},
    };
  }

  function modelFor(life: SimLife): ReadModel {
    const reading =
      <A extends unknown[], R>(method: (on: ReadModel) => (...given: A) => Promise<R>) =>
      (...given: A): Promise<R> =>
        call(life, () => method(model)(...given), down);
    const changing =
      <A extends unknown[], R>(method: (on: ReadModel) => (...given: A) => Promise<R>) =>
      (...given: A): Promise<R> => {
        const copy = structuredClone(given);
        const make = (on: ReadModel): Promise<R> => method(on)(...copy);
        return call(life, () => (changes.push({ at: scheduler.now(), make }), make(model)), down);
      };
    return {
      ensureCollection: changing((on) => on.ensureCollection),
      dropCollection: changing((on) => on.dropCollection),
      collections: reading((on) => on.collections),
      load: reading((on) => on.load),
      writeGuarded: changing((on) => on.writeGuarded),
      find: reading((on) => on.find),
      aggregate: reading((on) => on.aggregate),
      scan: (collection) => model.scan(collection),
      loadCheckpoint: reading((on) => on.loadCheckpoint),
      saveCheckpoint: changing((on) => on.saveCheckpoint),
      deleteCheckpoint: changing((on) => on.deleteCheckpoint),
      checkpoints: reading((on) => on.checkpoints),
      acquireLease: changing((on) => on.acquireLease),
      renewLease: changing((on) => on.renewLease),
      releaseLease: changing((on) => on.releaseLease),
      enqueue: changing((on) => on.enqueue),
      claim: changing((on) => on.claim),
      acknowledge: changing((on) => on.acknowledge),
      giveBack: changing((on) => on.giveBack),
      close: async () => {},
    };
  }

  return {
    log,
    model: () => model,
    reachedBy: (life: SimLife) => ({ log: logFor(life), readModel: modelFor(life) }),
    heal: () => void (healed = true),
    /**
     * The stores' machine loses its power, and so do all processes on it. The log keeps what it acknowledged; the read
     * model, which syncs late, loses its last changes.
     */
    losePower: async (lives: readonly SimLife[]) => {
      for (const life of lives) life.state = 'dead';
      scheduler.dropMessages();
      changes = changes.slice(0, Math.max(0, changes.length - Math.floor(random() * 30)));
      model = newModel();
      for (const { at, make } of changes) {
        replaying = at;
        await make(model).catch(() => undefined); // refused then, refused now
      }
      replaying = undefined;
    },
  };
}
