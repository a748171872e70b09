// The event log in memory: for tests and simulations. Same rules as every other log, nothing survives the process.
import { BEGINNING, categoryOf, type NewEvent, type StoredEvent } from '@cairn/kernel';
import { judgeAppend } from '../append-rule.js';
import { createBell, follow, readPage, type Scan } from '../feed.js';
import { LogUnavailable, type EventLog } from '../port.js';
import { checkFeed, checkRead, checkReadAll, encodeAppend, positionText } from '../request.js';

const EVENTS_PER_STEP = 1_000;

/** Events are frozen copies: what a caller does with its own objects later cannot reach the log. */
export function createMemoryEventLog(): EventLog {
  const all: StoredEvent[] = []; // the event at position n stands at index n - 1
  const streams = new Map<string, StoredEvent[]>();
  const bell = createBell();
  let closed = false;

  const refuseIfClosed = (): void => {
    if (closed) throw new LogUnavailable('not-written', 'this event log has been closed');
  };

  const scan: Scan = (after, limit, categories) => {
    refuseIfClosed();
    const start = Number(after);
    const end = Math.min(all.length, start + EVENTS_PER_STEP);
    const events: StoredEvent[] = [];
    let at = start;
    while (at < end && events.length < limit) {
      const event = all[at++] as StoredEvent;
      if (!categories || categories.includes(categoryOf(event.stream))) events.push(event);
    }
    return {
      events,
      readUpTo: at === start ? after : positionText(at),
      atEnd: at >= all.length,
      sizeBytes: 0, // no copies are made
    };
  };

  return {
    append: async (stream, expected, events) => {
      const encoded = encodeAppend(stream, expected, events);
      refuseIfClosed();
      const present = streams.get(stream) ?? [];
      const answer = judgeAppend(present.length - 1, expected, encoded, (from, count) =>
        present.slice(from, from + count),
      );
      if (answer) return answer;
      for (const { id, type, data, meta } of encoded) {
        const event = deepFreeze<StoredEvent>({
          id,
          type,
          data: JSON.parse(data) as NewEvent['data'],
          meta: JSON.parse(meta) as NewEvent['meta'],
          stream,
          revision: present.length,
          position: positionText(all.length + 1),
        });
        present.push(event);
        all.push(event);
      }
      streams.set(stream, present);
      bell.ring();
      return { ok: true, revision: present.length - 1, position: positionText(all.length) };
    },
    read: async (stream, options = {}) => {
      checkRead(stream, options);
      refuseIfClosed();
      const { from, direction = 'forwards', limit = Infinity } = options;
      const present = streams.get(stream) ?? [];
      if (direction === 'forwards') return present.slice(from ?? 0, (from ?? 0) + limit);
      return present
        .slice(0, (from ?? present.length) + 1)
        .toReversed()
        .slice(0, limit);
    },
    readAll: async (options) => {
      checkReadAll(options);
      return readPage(scan, options);
    },
    subscribeAll: (options) => {
      checkFeed(options);
      return follow(scan, bell, options);
    },
    head: async () => {
      refuseIfClosed();
      return all.at(-1)?.position ?? BEGINNING;
    },
    close: async () => {
      closed = true;
      bell.ring();
    },
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
