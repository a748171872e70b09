// Time and chance as the runtime sees them. Everything that waits, measures or draws lots goes through here, so that a
// simulated world can drive it.
import type { Instant } from '@cairn/kernel';

/** Wall time: what is written into events. May go backwards. */
export type Clock = { readonly now: () => Instant };

/** Elapsed time: what deadlines, leases and back-offs are measured by. */
export type Timers = {
  /** Never goes backwards. */
  readonly monotonicMs: () => number;
  /** Calls back once after `ms` (0: as soon as other work had its turn); the returned function cancels. */
  readonly after: (ms: number, callback: () => void) => () => void;
  /** Chance in [0, 1), which spreads back-offs. */
  readonly random: () => number;
};

export const systemClock: Clock = { now: () => new Date().toISOString() as Instant };

export const systemTimers: Timers = {
  monotonicMs: () => performance.now(),
  after: (ms, callback) => {
    if (ms <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
export function sleep(timers: Timers, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = timers.after(ms, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** Resolves when the function handed to `register` is called, or as soon as `signal` aborts. */
export function untilWoken(signal: AbortSignal, register: (wake: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = (): void => {
      signal.removeEventListener('abort', wake);
      resolve();
    };
    signal.addEventListener('abort', wake, { once: true });
    register(wake);
  });
}

/** Milliseconds to wait before try `attempt` (from 1): full jitter over a range that doubles up to `capMs`. */
export function backoffMs(timers: Timers, attempt: number, capMs: number): number {
  const least = 5;
  return least + timers.random() * (Math.min(capMs, least * 2 ** Math.min(attempt, 20)) - least);
}

/** Called with every infrastructure error that is being repeated: for alerts. */
export type OnTrouble = (where: string, error: unknown) => void;

const MAX_BACKOFF_MS = 1_000;

/**
 * Repeats a task until it succeeds: infrastructure errors are waited out, never skipped. Anything that is not one, and
 * any error after `signal` aborts, is thrown.
 */
export async function persistently<T>(
  task: () => Promise<T>,
  options: {
    readonly where: string;
    readonly timers: Timers;
    readonly signal: AbortSignal;
    readonly transient: (error: unknown) => boolean;
    readonly onTrouble?: OnTrouble | undefined;
  },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task();
    } catch (error) {
      if (options.signal.aborted || !options.transient(error)) throw error;
      options.onTrouble?.(options.where, error);
      await sleep(options.timers, backoffMs(options.timers, attempt, MAX_BACKOFF_MS), options.signal);
    }
  }
}
