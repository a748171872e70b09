// One reader of the log for all consumers of a process. Who is near the end reads from the recent events that a live
// subscription keeps here; who is behind reads pages of the log, shared with others at the same place. A slow
// consumer so holds up nobody, and each event is decoded once for all who want it.
//
// Checkpoint candidates of the subscription are not used at all: they may run ahead of events not yet handed out, and
// a feed without a filter has nothing to gain from them, for every position that counts is that of an event.
import type { EventLog } from '@cairn/eventlog';
import { BEGINNING, type Codec, type Position, type Recorded, type StoredEvent } from '@cairn/kernel';
import { isInfrastructure } from './errors.js';
import { backoffMs, persistently, sleep, systemTimers, untilWoken, type OnTrouble, type Timers } from './time.js';

export type FeedEvent = {
  readonly stored: StoredEvent;
  /** Throws `DecodeError`; decodes once, whoever asks. */
  readonly decoded: () => Recorded;
};

export type Feed = {
  /** So many events at once, or more, mean that there are further ones. */
  readonly batchEvents: number;
  /**
   * At least one event after a position, in the log's order; waits for it at the end of the log. Empty once `signal`
   * aborts or the feed is closed. Infrastructure errors are repeated for ever.
   */
  readonly next: (after: Position, signal: AbortSignal) => Promise<readonly FeedEvent[]>;
  /** At most two batches of events after a position; empty at the end of the log. */
  readonly page: (after: Position) => Promise<readonly FeedEvent[]>;
  /** Position of the log's last event, asked of the log. Repeats infrastructure errors for ever. */
  readonly head: () => Promise<Position>;
  /**
   * A feed each for consumers that go through the log together, as the builds of a rebuild do: who is further waits
   * for the others, though not for ever. Each page is then read once and let go of at once: events die young.
   */
  readonly convoy: (members: number) => readonly Feed[];
  readonly close: () => Promise<void>;
};

const KEPT_PAGES = 4;
const RECENT_EVENTS = 4_096;
const BATCH_EVENTS = 250;
const WATCHDOG_MS = 5_000;
const MAX_BACKOFF_MS = 1_000;
const CONVOY_WAIT_MS = 1_000;

export function createFeed(options: {
  readonly log: EventLog;
  readonly codec: Codec;
  readonly timers?: Timers;
  /** How many recent events are handed out at once; a page of the log has twice as many. Default 250. */
  readonly batchEvents?: number;
  readonly onTrouble?: OnTrouble;
}): Feed {
  const { log, codec, timers = systemTimers, batchEvents = BATCH_EVENTS, onTrouble } = options;
  const pageEvents = 2 * batchEvents;
  const closing = new AbortController();
  const pages = new Map<Position, Promise<readonly FeedEvent[]>>();

  // All events after `base` up to `last` are in `recent`.
  let recent: FeedEvent[] = [];
  let base: Position | undefined;
  let last: Position | undefined;
  let running: Promise<void> | undefined;
  let sleepers: (() => void)[] = [];
  let cancelWake: (() => void) | undefined;

  const patient = <T>(where: string, task: () => Promise<T>): Promise<T> =>
    persistently(task, { where, timers, signal: closing.signal, transient: isInfrastructure, onTrouble });

  const readAfter = (after: Position, limit: number): Promise<readonly FeedEvent[]> =>
    patient('log.readAll', async () => {
      const { events } = await log.readAll({ after, limit });
      return events.map((event) => feedEvent(codec, event));
    });

  const page: Feed['page'] = (after) => {
    const known = pages.get(after);
    if (known) return known;
    const read = readAfter(after, pageEvents);
    pages.set(after, read);
    for (const oldest of pages.keys()) {
      if (pages.size <= KEPT_PAGES) break;
      pages.delete(oldest);
    }
    // A page that is not full will grow.
    const forgetUnlessFull = (events: readonly FeedEvent[]): void => {
      if (events.length < pageEvents) pages.delete(after);
    };
    read.then(forgetUnlessFull, () => pages.delete(after));
    return read;
  };

  const wakeAll = (): void => {
    cancelWake?.();
    cancelWake = undefined;
    const woken = sleepers;
    sleepers = [];
    for (const wake of woken) wake();
  };

  const arrive = (event: StoredEvent): void => {
    if (event.position <= (last as Position)) return; // handed out again, as after a reconnection
    recent.push(feedEvent(codec, event));
    last = event.position;
    if (recent.length > 1.25 * RECENT_EVENTS) {
      const dropped = recent.splice(0, recent.length - RECENT_EVENTS);
      base = (dropped.at(-1) as FeedEvent).stored.position;
    }
    // One turn later, so that what arrives together is handed out together.
    cancelWake ??= timers.after(0, wakeAll);
  };

  /** Follows the log from `after` until the feed is closed. */
  async function follow(after: Position): Promise<void> {
    base = last = after;
    for (let attempt = 1; !closing.signal.aborted; attempt++) {
      const stalled = new AbortController();
      const stopWatching = watch(stalled);
      try {
        const signal = AbortSignal.any([closing.signal, stalled.signal]);
        for await (const item of log.subscribeAll({ after: last, signal })) {
          if (item.kind !== 'event') continue;
          arrive(item.event);
          attempt = 1;
        }
      } catch (error) {
        if (!closing.signal.aborted) onTrouble?.('log.subscribeAll', error);
      }
      stopWatching();
      await sleep(timers, backoffMs(timers, attempt, MAX_BACKOFF_MS), closing.signal);
    }
  }

  /** A subscription can die in silence: the log's head tells. */
  function watch(stalled: AbortController): () => void {
    let cancel = (): void => {};
    let stopped = false;
    const look = async (seen: Position | undefined): Promise<void> => {
      const head = await log.head().catch(() => seen);
      if (stopped) return;
      if (head !== undefined && seen !== undefined && head > seen && last === seen) {
        onTrouble?.(
          'log.subscribeAll',
          new Error(`silent for ${WATCHDOG_MS} ms at ${seen} while the log is at ${head}`),
        );
        stalled.abort();
      } else again();
    };
    const again = (): void => {
      const seen = last;
      cancel = timers.after(WATCHDOG_MS, () => void look(seen));
    };
    again();
    return () => {
      stopped = true;
      cancel();
    };
  }

  const isRecent = (after: Position): boolean => base !== undefined && after >= base;

  const next: Feed['next'] = async (after, signal) => {
    while (!signal.aborted && !closing.signal.aborted) {
      if (isRecent(after)) {
        const from = firstAfter(recent, after);
        if (from < recent.length) return recent.slice(from, from + batchEvents);
        await untilWoken(signal, (wake) => sleepers.push(wake));
        continue;
      }
      const events = await unlessAborted(
        page(after).catch(() => []),
        signal,
      );
      if (events.length > 0) return events;
      running ??= follow(after);
    }
    return [];
  };

  const convoy: Feed['convoy'] = (members) => {
    let current: { readonly after: Position; readonly events: Promise<readonly FeedEvent[]> } | undefined;
    let travelling = members; // those who have not met the end of the log
    let waiting: { readonly after: Position; readonly wake: () => void }[] = [];
    let cancelWait: (() => void) | undefined;
    const release = (everybody: boolean): void => {
      cancelWait?.();
      cancelWait = undefined;
      const last = waiting.map(({ after }) => after).reduce((a, b) => (a < b ? a : b), waiting[0]?.after ?? BEGINNING);
      const released = waiting.filter(({ after }) => everybody || after === last);
      waiting = waiting.filter((member) => !released.includes(member));
      if (waiting.length > 0) cancelWait = timers.after(CONVOY_WAIT_MS, () => release(true));
      for (const { wake } of released) wake();
    };
    const releaseIfAllWait = (): void => {
      if (waiting.length >= travelling) release(false);
      else cancelWait ??= timers.after(CONVOY_WAIT_MS, () => release(true));
    };
    const member = (): Feed => {
      let isTravelling = true;
      const travels = (does: boolean): void => {
        if (does !== isTravelling) travelling += does ? 1 : -1;
        isTravelling = does;
      };
      return {
        ...feed,
        next: async (after, signal) => {
          if (!isRecent(after)) {
            travels(true);
            await untilWoken(signal, (wake) => {
              waiting.push({ after, wake });
              releaseIfAllWait();
            });
            if (current?.after !== after) current = { after, events: readAfter(after, batchEvents) };
            const events = await unlessAborted(
              current.events.catch(() => []),
              signal,
            );
            if (events.length > 0) return events;
            current = undefined; // there may soon be more
          }
          travels(false);
          if (waiting.length > 0) releaseIfAllWait();
          return next(after, signal);
        },
      };
    };
    return Array.from({ length: members }, member);
  };

  const feed: Feed = {
    batchEvents,
    next,
    page,
    head: () => patient('log.head', () => log.head()),
    convoy,
    close: async () => {
      closing.abort();
      wakeAll();
      await running;
      recent = [];
    },
  };
  return feed;
}

function feedEvent(codec: Codec, stored: StoredEvent): FeedEvent {
  let decoded: Recorded | undefined;
  let failure: unknown;
  return {
    stored,
    decoded: () => {
      if (decoded) return decoded;
      if (failure !== undefined) throw failure;
      try {
        return (decoded = codec.decode(stored));
      } catch (error) {
        failure = error;
        throw error;
      }
    },
  };
}

/** Nothing, if the consumer gives up first: it need not wait for a log that does not answer. */
function unlessAborted(events: Promise<readonly FeedEvent[]>, signal: AbortSignal): Promise<readonly FeedEvent[]> {
  return new Promise((resolve) => {
    const giveUp = (): void => resolve([]);
    signal.addEventListener('abort', giveUp, { once: true });
    void events.then((read) => {
      signal.removeEventListener('abort', giveUp);
      resolve(read);
    });
  });
}

/** Index of the first event after a position, by halving. */
function firstAfter(events: readonly FeedEvent[], after: Position): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as FeedEvent).stored.position <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
