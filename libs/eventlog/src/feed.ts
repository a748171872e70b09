// Reading the whole log in pages and following it live: shared by the logs that live in this process.
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import type { Position } from '@cairn/kernel';
import type { EventLog, FeedItem, LogPage, ReadAllOptions } from './port.js';

/** One synchronous step: at most `limit` events, and no longer than other work of the process can wait. */
export type Scan = (
  after: Position,
  limit: number,
  categories: readonly string[] | undefined,
) => LogPage & { readonly sizeBytes: number };

const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const MAX_STEPS_PER_PAGE = 256;
const EVENTS_PER_STEP_OF_A_FEED = 1_000;
const POLL_MS = 1_000;

/**
 * Collects steps into one page, letting other work run in between. The page ends early when it has become heavy or
 * when a sparse filter has read a lot in vain; `readUpTo` says how far it came.
 */
export async function readPage(scan: Scan, { after, limit, categories }: ReadAllOptions): Promise<LogPage> {
  let step = scan(after, limit, categories);
  const events = [...step.events];
  let sizeBytes = step.sizeBytes;
  for (let steps = 1; !step.atEnd && events.length < limit && sizeBytes < MAX_PAGE_BYTES; steps++) {
    if (steps === MAX_STEPS_PER_PAGE) break;
    await nextMacrotask();
    step = scan(step.readUpTo, limit - events.length, categories);
    for (const event of step.events) events.push(event);
    sizeBytes += step.sizeBytes;
  }
  return { events, readUpTo: step.readUpTo, atEnd: step.atEnd };
}

/** Everything after a position, then live until `signal` aborts. Pulled by the consumer, so a slow one holds up nobody. */
export async function* follow(
  scan: Scan,
  bell: Bell,
  { after, categories, signal }: Parameters<EventLog['subscribeAll']>[0],
): AsyncGenerator<FeedItem, void, undefined> {
  let at = after;
  let toldCaughtUp = false;
  while (!signal.aborted) {
    const heard = bell.rung(); // before reading: what is appended from here on rings again
    const step = scan(at, EVENTS_PER_STEP_OF_A_FEED, categories);
    for (const item of itemsOf(step, at)) {
      if (signal.aborted) return;
      yield item;
    }
    at = step.readUpTo;
    if (!step.atEnd) {
      await nextMacrotask();
      continue;
    }
    if (!toldCaughtUp || step.events.length > 0) {
      if (signal.aborted) return;
      yield { kind: 'caught-up' };
      toldCaughtUp = true;
    }
    await bell.wait(heard, signal);
  }
}

function* itemsOf(step: LogPage, after: Position): Generator<FeedItem> {
  for (const event of step.events) yield { kind: 'event', event };
  if (step.readUpTo > (step.events.at(-1)?.position ?? after)) yield { kind: 'checkpoint', position: step.readUpTo };
}

/** Tells those who wait that something was committed. */
export type Bell = {
  readonly ring: () => void;
  readonly rung: () => number;
  /** Resolves when it has rung since `heard`, when `signal` aborts, and after a second at the latest. */
  readonly wait: (heard: number, signal: AbortSignal) => Promise<void>;
};

export function createBell(): Bell {
  let count = 0;
  const waiting = new Set<() => void>();
  return {
    rung: () => count,
    ring: () => {
      count++;
      for (const wake of waiting) wake();
    },
    wait: (heard, signal) => {
      if (count !== heard || signal.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(poll);
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        const poll = setTimeout(wake, POLL_MS);
        signal.addEventListener('abort', wake);
        waiting.add(wake);
      });
    },
  };
}
