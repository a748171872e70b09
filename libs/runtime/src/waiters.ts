// Read your writes: who waits for a projection or a reactor to reach a position is woken in the process, not by polling.
import { BEGINNING, type Position } from '@cairn/kernel';
import { systemTimers, type Timers } from './time.js';

export type Waiters = {
  /** Told by the runners: everything up to `position` is done and can be read. */
  readonly advance: (name: string, position: Position) => void;
  /** '' for a name that nobody advances. */
  readonly positionOf: (name: string) => Position;
  /** True once all have reached the position; false when the time is over. */
  readonly waitFor: (names: readonly string[], position: string, timeoutMs: number) => Promise<boolean>;
};

export function createWaiters(timers: Timers = systemTimers): Waiters {
  const positions = new Map<string, Position>();
  const waiting = new Map<string, Set<() => void>>();
  const positionOf = (name: string): Position => positions.get(name) ?? BEGINNING;

  return {
    positionOf,
    advance: (name, position) => {
      positions.set(name, position);
      for (const look of waiting.get(name) ?? []) look();
    },
    waitFor: (names, position, timeoutMs) => {
      const reached = (): boolean => names.every((name) => positionOf(name) >= position);
      if (reached()) return Promise.resolve(true);
      if (timeoutMs <= 0) return Promise.resolve(false);
      return new Promise((resolve) => {
        const finish = (answer: boolean): void => {
          cancel();
          for (const name of names) waiting.get(name)?.delete(look);
          resolve(answer);
        };
        const look = (): void => {
          if (reached()) finish(true);
        };
        const cancel = timers.after(timeoutMs, () => finish(false));
        for (const name of names) {
          const set = waiting.get(name) ?? new Set();
          waiting.set(name, set.add(look));
        }
      });
    },
  };
}

/**
 * True once all have reached the head of the log and it stood still meanwhile: reactors append, so one look is not
 * enough. False when the time is over, or as long as one of them is stopped.
 */
export async function settled(
  waiters: Waiters,
  names: readonly string[],
  head: () => Promise<Position>,
  timeoutMs: number,
  timers: Timers = systemTimers,
): Promise<boolean> {
  const deadline = timers.monotonicMs() + timeoutMs;
  for (;;) {
    const seen = await head();
    if (!(await waiters.waitFor(names, seen, deadline - timers.monotonicMs()))) return false;
    if ((await head()) === seen) return true;
  }
}
