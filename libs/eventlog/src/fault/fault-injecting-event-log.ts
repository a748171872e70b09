// Any event log, made as unreliable as a real one may be, and no more: what the port promises still holds. Order is
// kept, what was acknowledged is there, `not-written` is true. Chance comes from the seed alone, drawn apart for
// appends, reads and each feed, and delays are counted in macrotasks: the same calls meet the same faults.
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import type { Position } from '@cairn/kernel';
import { LogUnavailable, type EventLog, type FeedItem } from '../port.js';
import { checkFeed, checkRead, checkReadAll, encodeAppend } from '../request.js';

const MAX_DELAY_TURNS = 20;
const MAX_REPEATED_EVENTS = 8;
/** How far the event store's checkpoints were seen to run ahead of what a consumer had finished. */
const MAX_EVENTS_AHEAD = 16;

/** The probability of each fault, 0 to 1; a fault left out never strikes. */
export type Faults = {
  /** The append is done, but its answer is lost: `unknown`. */
  readonly answerLost?: number;
  /** The append never arrives, and nobody can tell: `unknown`. */
  readonly appendLost?: number;
  /** The caller is told `unknown`; the append arrives some macrotasks later. */
  readonly appendLate?: number;
  /** The append is refused: `not-written`. */
  readonly refused?: number;
  /** A read, readAll or head fails. */
  readonly readFails?: number;
  /** An answer or a feed item comes some macrotasks late. */
  readonly slow?: number;
  /** The feed hands the last few events out again, in order, as after a reconnection. */
  readonly feedRepeats?: number;
  /** The feed breaks with LogUnavailable. */
  readonly feedDrops?: number;
  /** The feed hands out a checkpoint candidate ahead of events that it has yet to deliver. */
  readonly earlyCheckpoints?: number;
};
export type FaultPlan = Faults & { readonly seed: number };

export type FaultyEventLog = EventLog & {
  /** How often each fault has struck. */
  readonly struck: () => Readonly<Record<keyof Faults, number>>;
  /** Ends all faults, also of feeds already open; resolves when no late append is on its way any more. */
  readonly heal: () => Promise<void>;
};

/** Wraps a log in the faults of a plan. */
export function withFaults(log: EventLog, plan: FaultPlan): FaultyEventLog {
  const struck: Record<keyof Faults, number> = {
    answerLost: 0,
    appendLost: 0,
    appendLate: 0,
    refused: 0,
    readFails: 0,
    slow: 0,
    feedRepeats: 0,
    feedDrops: 0,
    earlyCheckpoints: 0,
  };
  const late = new Set<Promise<unknown>>();
  let healed = false;
  let feeds = 0;

  /** One source of chance. A fault of probability 0 draws nothing. */
  const createChance = (channel: number) => {
    const random = mulberry32(plan.seed * 1_000 + channel);
    const upTo = (count: number): number => 1 + Math.floor(random() * count);
    const strikes = (fault: keyof Faults): boolean => {
      const probability = plan[fault] ?? 0;
      if (healed || probability === 0 || random() >= probability) return false;
      struck[fault]++;
      return true;
    };
    return {
      upTo,
      strikes,
      delay: async (): Promise<void> => {
        if (strikes('slow')) await turns(upTo(MAX_DELAY_TURNS));
      },
    };
  };
  const appendChance = createChance(0);
  const readChance = createChance(1);

  /** The draw is made when the operation is called, so that it depends on the order of calls alone. */
  const faultyRead = async <T>(read: () => Promise<T>): Promise<T> => {
    const fails = readChance.strikes('readFails');
    await readChance.delay();
    if (fails) throw new LogUnavailable('not-written', 'injected fault: the log did not answer a read');
    return read();
  };

  async function* faultyFeed(options: Parameters<EventLog['subscribeAll']>[0]): AsyncGenerator<FeedItem> {
    const chance = createChance(2 + feeds++);
    const recent: FeedItem[] = [];
    let at: Position = options.after;
    for await (const item of log.subscribeAll(options)) {
      await chance.delay();
      if (chance.strikes('feedDrops')) throw new LogUnavailable('not-written', 'injected fault: the feed broke');
      if (chance.strikes('earlyCheckpoints')) {
        const { categories } = options;
        const limit = chance.upTo(MAX_EVENTS_AHEAD);
        const { readUpTo } = await log.readAll({ after: at, limit, ...(categories ? { categories } : {}) });
        if (readUpTo > at && !options.signal.aborted) yield { kind: 'checkpoint', position: readUpTo };
      }
      if (options.signal.aborted) return;
      yield item;
      if (item.kind !== 'event') continue;
      at = item.event.position;
      recent.push(item);
      if (recent.length > MAX_REPEATED_EVENTS) recent.shift();
      if (!chance.strikes('feedRepeats')) continue;
      for (const again of recent.slice(-chance.upTo(MAX_REPEATED_EVENTS))) {
        if (options.signal.aborted) return;
        yield again;
      }
    }
  }

  return {
    append: async (stream, expected, events) => {
      encodeAppend(stream, expected, events); // what can never be appended is refused whatever the weather
      if (appendChance.strikes('refused'))
        throw new LogUnavailable('not-written', 'injected fault: the append was refused');
      if (appendChance.strikes('appendLost'))
        throw new LogUnavailable('unknown', 'injected fault: the append was lost on its way');
      if (appendChance.strikes('appendLate')) {
        const copy = structuredClone(events);
        const arrival = turns(appendChance.upTo(MAX_DELAY_TURNS)).then(() => log.append(stream, expected, copy));
        const settled = arrival.catch(() => undefined).finally(() => late.delete(settled)); // nobody waits for it
        late.add(settled);
        throw new LogUnavailable('unknown', 'injected fault: no answer in time, the append is still on its way');
      }
      const answerIsLost = appendChance.strikes('answerLost');
      const answer = log.append(stream, expected, events); // at once: appends land in the order of their calls
      const delay = appendChance.delay();
      const [result] = await Promise.all([answer, delay]);
      if (answerIsLost) throw new LogUnavailable('unknown', 'injected fault: the answer was lost');
      return result;
    },
    read: async (stream, options = {}) => {
      checkRead(stream, options);
      return faultyRead(() => log.read(stream, options));
    },
    readAll: async (options) => {
      checkReadAll(options);
      return faultyRead(() => log.readAll(options));
    },
    head: () => faultyRead(() => log.head()),
    subscribeAll: (options) => {
      checkFeed(options);
      return faultyFeed(options);
    },
    close: async () => {
      await Promise.all(late);
      await log.close();
    },
    struck: () => ({ ...struck }),
    heal: async () => {
      healed = true;
      await Promise.all(late);
    },
  };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextMacrotask();
}

/** Mulberry32 by Tommy Ettinger: a small generator whose every seed gives another, well mixed sequence. */
function mulberry32(seed: number): () => number {
  let state = Math.trunc(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
