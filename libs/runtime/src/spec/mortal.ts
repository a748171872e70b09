// Processes that can be killed or frozen at any await, and a store that fails as a remote one does.
import type { EventLog } from '@cairn/eventlog';
import { ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import type { Timers } from '../time.js';

/** How much faster than the wall clock the specs' time runs. */
const SPEED = 50;

/** The life of one process. What it calls passes here on the way in and on the way back. */
export function createLife() {
  let state: 'alive' | 'frozen' | 'dead' = 'alive';
  let thaw = Promise.withResolvers<void>();
  const pending = new Set<() => void>();
  let frozenAt: number | undefined;

  const pass = async (): Promise<void> => {
    if (state === 'frozen') await thaw.promise;
    if (state === 'dead') await new Promise(() => {});
  };

  const timers: Timers = {
    // A frozen process does not notice how time goes by, even afterwards: the worst that a clock can do.
    random: Math.random,
    monotonicMs: () => (frozenAt ?? performance.now()) * SPEED,
    after: (ms, callback) => {
      if (state === 'dead') return () => {};
      const call = async (): Promise<void> => {
        pending.delete(cancel);
        await pass();
        callback();
      };
      const timer = ms < SPEED ? setImmediate(() => void call()) : setTimeout(() => void call(), ms / SPEED);
      const cancel = (): void => {
        pending.delete(cancel);
        if (ms < SPEED) clearImmediate(timer as NodeJS.Immediate);
        else clearTimeout(timer as NodeJS.Timeout);
      };
      pending.add(cancel);
      return cancel;
    },
  };

  /** The object, reached only while the process lives: a call may be done though its caller never learns of it. */
  const through = <T extends object>(target: T): T =>
    Object.fromEntries(
      Object.entries(target).map(([name, method]: [string, (...given: unknown[]) => unknown]) => {
        if (name === 'subscribeAll' || name === 'scan')
          return [name, async function* (...given: unknown[]) {
            await pass();
            for await (const item of method(...given) as AsyncIterable<unknown>) {
              await pass();
              yield item;
            }
          }]; // prettier-ignore
        return [name, async (...given: unknown[]) => {
          await pass();
          const answer = await method(...given);
          await pass();
          return answer;
        }]; // prettier-ignore
      }),
    ) as T;

  return {
    timers,
    through,
    freeze: (): void => {
      state = 'frozen';
      frozenAt = performance.now();
    },
    thaw: (): void => {
      if (state !== 'frozen') return;
      state = 'alive';
      thaw.resolve();
      thaw = Promise.withResolvers<void>();
    },
    kill: (): void => {
      state = 'dead';
      for (const cancel of pending) cancel();
      thaw.resolve();
    },
  };
}
export type Life = ReturnType<typeof createLife>;

/** A store whose calls fail before or after they are done, and whose bulks may be done in part. */
export function flaky(readModel: ReadModel, rate: number, random: () => number) {
  let healed = false;
  const strikes = (): boolean => !healed && random() < rate;
  const unavailable = (): ReadModelUnavailable => new ReadModelUnavailable('injected fault');
  const faulty =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      if (strikes()) throw unavailable();
      while (strikes()) await new Promise((resolve) => setImmediate(resolve)); // late: others come in between
      const answer = await call(...given);
      if (strikes()) throw unavailable();
      return answer;
    };
  const wrapped: ReadModel = {
    ...readModel,
    load: faulty(readModel.load),
    find: faulty(readModel.find),
    writeGuarded: async (collection, writes) => {
      if (!strikes()) return faulty(readModel.writeGuarded)(collection, writes);
      await readModel.writeGuarded(collection, writes.filter(() => random() < 0.5)); // prettier-ignore
      throw unavailable();
    },
    loadCheckpoint: faulty(readModel.loadCheckpoint),
    saveCheckpoint: faulty(readModel.saveCheckpoint),
    acquireLease: faulty(readModel.acquireLease),
    renewLease: faulty(readModel.renewLease),
  };
  return { readModel: wrapped, heal: (): void => { healed = true; } }; // prettier-ignore
}

/** Both ways to reach the world from a process with a life of its own. */
export function livingOn(life: Life, log: EventLog, readModel: ReadModel) {
  return { log: life.through(log), readModel: life.through(readModel), timers: life.timers };
}
