// The event log on EventStoreDB, over its own client: three connections (appends, reads, subscriptions), because one
// that carries about 100 open calls lets every further one wait without a word.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BACKWARDS,
  END,
  excludeSystemEvents,
  FORWARDS,
  NO_STREAM,
  START,
  streamNameFilter,
  type EventData,
} from '@eventstore/db-client';
import { BEGINNING, categoryOf, type Position, type StoredEvent } from '@cairn/kernel';
import {
  LogUnavailable,
  type AppendResult,
  type EventLog,
  type ExpectedRevision,
  type LogPage,
  type ReadAllOptions,
} from '../port.js';
import { checkFeed, checkRead, checkReadAll, encodeAppend, type EncodedEvent } from '../request.js';
import { appendFault, isMissingStream, isTooSlow, NoAnswer, readFault, type AppendFault } from './client-errors.js';
import { createEventSource, type EventSource } from './event-source.js';
import { connectGuarded, within, type GuardedClient } from './guarded-client.js';

export type EventStoreLogOptions = {
  /** As the client takes it: `esdb://host:2113?tls=false`, or `esdb+discover://…` for a cluster. */
  readonly connectionString: string;
  /** Longest wait for one answer, of an append or between two events of a read; an append waits three times at most. */
  readonly answerMs?: number;
  /** Appends under way at once; one more is refused at once, as not written. */
  readonly maxInFlight?: number;
  /** How long a feed may be silent before it is compared with the log itself. */
  readonly silenceMs?: number;
};

export type EventStoreLog = EventLog & {
  /** What happened to the connections so far, for metrics. */
  readonly status: () => {
    readonly inFlight: number;
    /** Replies to appends that nobody waited for any more; each would have crashed an unguarded process. */
    readonly strayReplies: number;
    readonly replacedConnections: number;
    readonly resubscriptions: number;
  };
};

const ANSWER_MS = 3_000;
const MAX_IN_FLIGHT = 256;
const SILENCE_MS = 1_000;
/** Silent comparisons that found undelivered events, before the subscription is taken for dead. */
const MAX_SILENT_MISSES = 3;
/** Below the 100 calls after which a connection lets every further one wait. */
const MAX_FEEDS = 90;
const MAX_READS = 64;
const MAX_WAITING_READS = 2_000;
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const MAX_SCANNED_PER_PAGE = 20_000;
const HEAD_SCAN_EVENTS = 32;

/** What all of the client's events have in common. */
type Recorded = {
  readonly id: string;
  readonly type: string;
  readonly streamId: string;
  readonly revision: bigint;
  readonly isJson: boolean;
  readonly data: unknown;
  readonly metadata?: unknown;
  readonly position?: { readonly commit: bigint };
};
type Resolved = { readonly event?: Recorded };
type Feed = Parameters<EventLog['subscribeAll']>[0];
type FeedMark = { readonly kind: 'checkpoint'; readonly position: Position } | { readonly kind: 'caught-up' };

/**
 * The event log on an EventStoreDB server or cluster. Connects with the first call; throws an Error at once for a
 * connection string that cannot be used.
 */
export function openEventStoreLog({
  connectionString,
  answerMs = ANSWER_MS,
  maxInFlight = MAX_IN_FLIGHT,
  silenceMs = SILENCE_MS,
}: EventStoreLogOptions): EventStoreLog {
  let strayReplies = 0;
  let replacedConnections = 0;
  let resubscriptions = 0;
  const connect = (): GuardedClient => connectGuarded(connectionString, () => strayReplies++);

  const reads = connect();
  const subscriptions = connect();
  let appends = Promise.resolve(connect());
  let newest: GuardedClient | undefined; // the append connection in use; undefined while it is being replaced

  const inFlight = new Set<Promise<unknown>>();
  const openFeeds = new Set<() => void>();
  const readGate = createGate(MAX_READS, MAX_WAITING_READS, answerMs);
  let closed = false;

  const refuseIfClosed = (): void => {
    if (closed) throw new LogUnavailable('not-written', 'this event log has been closed');
  };

  /**
   * A connection whose appends failed is not trusted again. The old one ends first: the client keeps the appends of
   * all its connections in one table, and the end of one rejects what waits on any other.
   */
  const replace = (failed: GuardedClient): void => {
    if (newest !== failed || closed) return;
    newest = undefined;
    replacedConnections++;
    appends = failed.dispose().then(connect);
  };

  type Attempt = { readonly kind: 'done'; readonly result: AppendResult } | AppendFault;

  const attempt = async (stream: string, expected: ExpectedRevision, events: EventData[]): Promise<Attempt> => {
    const connection = await appends;
    newest = connection;
    try {
      const written = await inTime(
        answerMs,
        connection.client.appendToStream(stream, events, {
          expectedRevision: expected === 'none' ? NO_STREAM : BigInt(expected),
          deadline: answerMs,
          requiresLeader: true,
        }),
      );
      const revision = Number(written.nextExpectedRevision);
      const position = written.position ? positionOf(written.position) : await positionAt(stream, revision);
      return { kind: 'done', result: { ok: true, revision, position } };
    } catch (error) {
      const fault = appendFault(error, stream);
      if (fault.kind === 'unknown') replace(connection);
      return fault;
    }
  };

  /** An answer that says whether the events are written, or an error that says what is known. */
  const settle = async (
    stream: string,
    expected: ExpectedRevision,
    encoded: readonly EncodedEvent[],
  ): Promise<AppendResult> => {
    const events = encoded.map(toEventData);
    const before = expected === 'none' ? -1 : expected;
    let unknown: LogUnavailable | undefined;
    for (let attempts = 0; attempts < 2; attempts++) {
      // The identical append again: the server's idempotency answers as it would have the first time (decision 5).
      const answer = await attempt(stream, expected, events);
      switch (answer.kind) {
        case 'done':
          return answer.result;
        case 'conflict':
          // A tip that the append has yet to reach is no proof: the first attempt may still arrive behind others.
          if (unknown && answer.actual < before) throw unknown;
          return { ok: false, actual: answer.actual };
        case 'not-written':
          throw unknown ?? answer.error;
        case 'not-leader':
          break;
        case 'unknown':
          unknown = answer.error;
      }
    }
    if (!unknown) throw new LogUnavailable('not-written', 'the event store has no leader now: try again in a moment');
    const found = await lookUp(stream, before, encoded).catch(() => undefined);
    if (found) return found;
    throw unknown;
  };

  /** What the stream itself says about an append; undefined if its place is still free. */
  const lookUp = async (
    stream: string,
    before: number,
    encoded: readonly EncodedEvent[],
  ): Promise<AppendResult | undefined> => {
    const there = await readStream(stream, { from: before + 1, limit: encoded.length });
    const last = there.at(-1);
    if (!last) return undefined;
    if (encoded.every(({ id }, index) => there[index]?.id === id))
      return { ok: true, revision: last.revision, position: last.position };
    const [tip] = await readStream(stream, { direction: 'backwards', limit: 1 });
    return { ok: false, actual: tip?.revision ?? -1 };
  };

  const positionAt = async (stream: string, revision: number): Promise<Position> => {
    const [event] = await readStream(stream, { from: revision, limit: 1 });
    if (!event) throw new NoAnswer('gave no position for an append, and the event is not there');
    return event.position;
  };

  /** Hands every event of a read to `visit` until it returns false. True if the end was met. */
  const scan = async (
    open: (client: GuardedClient['client']) => { readonly cancel: () => Promise<void> },
    visit: (event: Recorded) => boolean,
  ): Promise<boolean> => {
    refuseIfClosed();
    return readGate(async () => {
      const stream = open(reads.client);
      const source = createEventSource<Resolved>(stream as never);
      let met = false;
      try {
        for (;;) {
          const taken = source.take();
          if (taken && 'event' in taken) {
            if (taken.event.event && !visit(taken.event.event)) return false;
            continue;
          }
          const over = source.over();
          if (over && 'error' in over && over.error) throw over.error;
          if (over) return (met = true);
          await orNoAnswer(source, answerMs);
        }
      } catch (error) {
        if (isMissingStream(error)) return (met = true);
        throw readFault(error);
      } finally {
        if (!met) await within(answerMs, stream.cancel()); // else its call stays open for ever
      }
    });
  };

  const readStream = async (
    stream: string,
    { from, direction = 'forwards', limit }: Parameters<EventLog['read']>[1] & object,
  ): Promise<StoredEvent[]> => {
    const forwards = direction === 'forwards';
    const events: StoredEvent[] = [];
    await scan(
      (client) =>
        client.readStream(stream, {
          direction: forwards ? FORWARDS : BACKWARDS,
          fromRevision: from === undefined ? (forwards ? START : END) : BigInt(from),
          ...(limit === undefined ? {} : { maxCount: limit }),
        }),
      (event) => {
        const stored = toStored(event);
        if (stored) events.push(stored);
        return true;
      },
    );
    return events;
  };

  /** The client's readAll ignores its filter: we filter, and say how far we came. */
  const readPage = async ({ after, limit, categories }: ReadAllOptions): Promise<LogPage> => {
    const events: StoredEvent[] = [];
    let readUpTo = after;
    let scanned = 0;
    let sizeBytes = 0;
    // A sparse filter needs far more than `limit`; a full page stops the read from our side.
    const maxCount = categories ? MAX_SCANNED_PER_PAGE : Math.min(limit + HEAD_SCAN_EVENTS, MAX_SCANNED_PER_PAGE);
    const ended = await scan(
      (client) => client.readAll({ direction: FORWARDS, fromPosition: fromPosition(after), maxCount }),
      (event) => {
        scanned++;
        const position = positionOf(event.position as { readonly commit: bigint });
        if (position <= after) return true; // the place to start from is part of what the server sends
        if (events.length === limit || sizeBytes >= MAX_PAGE_BYTES) return false;
        readUpTo = position;
        const stored = toStored(event);
        if (!stored || (categories && !categories.includes(categoryOf(stored.stream)))) return true;
        events.push(stored);
        sizeBytes += JSON.stringify(stored.data).length;
        return true;
      },
    );
    return { events, readUpTo, atEnd: ended && scanned < maxCount };
  };

  const head = async (): Promise<Position> => {
    // Backwards until the first event that is not the server's own.
    let from: Position | undefined;
    for (let count = HEAD_SCAN_EVENTS; ; count = 1_000) {
      let found: Position | undefined;
      let scanned = 0;
      await scan(
        (client) =>
          client.readAll({
            direction: BACKWARDS,
            fromPosition: from === undefined ? END : fromPosition(from),
            maxCount: count,
          }),
        (event) => {
          scanned++;
          from = positionOf(event.position as { readonly commit: bigint });
          if (toStored(event)) found = from;
          return found === undefined;
        },
      );
      if (found !== undefined) return found;
      if (scanned < count) return BEGINNING;
    }
  };

  async function* follow(
    options: Feed,
  ): AsyncGenerator<FeedMark | { kind: 'event'; event: StoredEvent }, void, undefined> {
    const { categories, signal } = options;
    let at = options.after;
    refuseIfClosed();
    if (signal.aborted) return;
    if (openFeeds.size >= MAX_FEEDS)
      throw new LogUnavailable('not-written', `${MAX_FEEDS} feeds are open; one more would wait without end`);
    let wake = (): void => undefined;
    const wakeNow = (): void => wake();
    openFeeds.add(wakeNow);
    signal.addEventListener('abort', wakeNow);
    try {
      for (;;) {
        const mark = (item: FeedMark): void => source.mark(item);
        const window = {
          checkpointInterval: 1,
          maxSearchWindow: 32,
          checkpointReached: async (_: unknown, position: { readonly commit: bigint }) =>
            mark({ kind: 'checkpoint', position: positionOf(position) }),
        };
        const subscription = subscriptions.client.subscribeToAll({
          fromPosition: fromPosition(at),
          filter: categories
            ? streamNameFilter({ ...window, prefixes: categories.map((category) => `${category}-`) })
            : excludeSystemEvents(window),
        });
        const source = createEventSource<Resolved, FeedMark>(subscription as never);
        wake = source.wake;
        subscription.on('caughtUp', () => mark({ kind: 'caught-up' }));
        let misses = 0;
        try {
          for (;;) {
            if (signal.aborted) return;
            refuseIfClosed();
            const taken = source.take();
            if (taken) {
              misses = 0;
              if ('mark' in taken) {
                // The server tells the place to start from as its first checkpoint: that is no news.
                if (taken.mark.kind === 'caught-up' || taken.mark.position > at) yield taken.mark;
                continue;
              }
              const event = taken.event.event && toStored(taken.event.event);
              // Resubscribed at `at`, nothing before it comes again; checked all the same.
              if (!event || event.position <= at) continue;
              at = event.position;
              yield { kind: 'event', event };
              continue;
            }
            const over = source.over();
            if (over && 'error' in over && over.error && !isTooSlow(over.error)) throw readFault(over.error);
            if (over) break; // ended by the server, or dropped as too slow: on from the last event handed out
            if (await hears(source, silenceMs)) continue;
            if (signal.aborted) return;
            // Silence: does the log hold what was not delivered?
            const page = await readPage({ after: at, limit: 1, ...(categories ? { categories } : {}) }).catch(
              () => undefined,
            );
            if (page && page.events.length === 0) {
              misses = 0;
              if (page.readUpTo === at) continue;
              at = page.readUpTo;
              yield { kind: 'checkpoint', position: at };
              continue;
            }
            if (++misses < MAX_SILENT_MISSES) continue;
            if (!page)
              throw new LogUnavailable('not-written', 'the feed is silent and the event store does not answer');
            break;
          }
        } finally {
          await within(answerMs, subscription.unsubscribe());
        }
        resubscriptions++;
        await sleep(Math.min(silenceMs, 100));
      }
    } finally {
      openFeeds.delete(wakeNow);
      signal.removeEventListener('abort', wakeNow);
    }
  }

  return {
    append: async (stream, expected, events) => {
      const encoded = encodeAppend(stream, expected, events);
      refuseIfClosed();
      if (inFlight.size >= maxInFlight)
        throw new LogUnavailable('not-written', `${maxInFlight} appends are under way: overloaded, try again later`);
      const work = settle(stream, expected, encoded);
      inFlight.add(work);
      try {
        return await work;
      } finally {
        inFlight.delete(work);
      }
    },
    read: async (stream, options = {}) => {
      checkRead(stream, options);
      return readStream(stream, options);
    },
    readAll: async (options) => {
      checkReadAll(options);
      return readPage(options);
    },
    subscribeAll: (options) => {
      checkFeed(options);
      return follow(options);
    },
    head,
    status: () => ({ inFlight: inFlight.size, strayReplies, replacedConnections, resubscriptions }),
    close: async () => {
      if (closed) return;
      closed = true;
      await Promise.allSettled(inFlight);
      for (const wake of openFeeds) wake();
      await Promise.all([appends.then((last) => last.dispose()), reads.dispose(), subscriptions.dispose()]);
    },
  };
}

/** Events of other writers, of the server, or not in our form are not part of the log. */
function toStored({
  id,
  type,
  streamId,
  revision,
  isJson,
  data,
  metadata,
  position,
}: Recorded): StoredEvent | undefined {
  if (!isJson || !position || type.startsWith('$') || !/^[a-z]+-[^.]+\../.test(streamId)) return undefined;
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  return {
    id,
    type,
    data: data as StoredEvent['data'],
    meta: (metadata ?? {}) as StoredEvent['meta'],
    stream: streamId,
    revision: Number(revision),
    position: positionOf(position),
  };
}

/** The client writes JSON itself: from the same parsed text it writes the same bytes at every attempt. */
function toEventData({ id, type, data, meta }: EncodedEvent): EventData {
  return {
    id,
    type,
    contentType: 'application/json',
    data: JSON.parse(data) as Record<string, unknown>,
    metadata: JSON.parse(meta) as Record<string, unknown>,
  };
}

const positionOf = ({ commit }: { readonly commit: bigint }): Position => String(commit).padStart(20, '0') as Position;

/** Commit and prepare are the same number for every event that this server version writes. */
function fromPosition(position: Position): typeof START | { commit: bigint; prepare: bigint } {
  return position === BEGINNING ? START : { commit: BigInt(position), prepare: BigInt(position) };
}

/** The client has no timer of its own in batch mode. A late rejection is no unhandled one. */
async function inTime<T>(limitMs: number, work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`did not answer an append within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

type Waiting = Pick<EventSource<Resolved, never>, 'wait'>;

async function orNoAnswer(source: Waiting, limitMs: number): Promise<void> {
  if (!(await hears(source, limitMs))) throw new NoAnswer(`did not answer a read within ${limitMs} ms`);
}

/** False if there was nothing to hear for so long. */
async function hears(source: Waiting, limitMs: number): Promise<boolean> {
  const since = performance.now();
  await source.wait(limitMs);
  return performance.now() - since < limitMs - 1;
}

/** Runs at most `running` pieces of work at once and lets at most `waiting` more wait, none longer than `limitMs`. */
function createGate(running: number, waiting: number, limitMs: number): <T>(work: () => Promise<T>) => Promise<T> {
  let active = 0;
  const queue = new Set<() => void>();
  const overloaded = (detail: string): LogUnavailable =>
    new LogUnavailable('not-written', `${detail}: overloaded, try again later`);
  return async (work) => {
    if (active < running) active++;
    else {
      if (queue.size >= waiting) throw overloaded(`${running + waiting} reads are under way`);
      await new Promise<void>((resolve, reject) => {
        const turn = (): void => {
          clearTimeout(timer);
          resolve();
        };
        const timer = setTimeout(() => {
          queue.delete(turn);
          reject(overloaded(`${running} reads are under way, and no turn came within ${limitMs} ms`));
        }, limitMs);
        queue.add(turn);
      });
    }
    try {
      return await work();
    } finally {
      const [next] = queue;
      if (next) {
        queue.delete(next);
        next();
      } else active--;
    }
  };
}
