import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { BEGINNING, type NewEvent, type Position, type StoredEvent } from '@cairn/kernel';
import { eventLogContract } from '../contract/event-log.contract.js';
import { createMemoryEventLog } from '../memory/memory-event-log.js';
import { LogUnavailable, type AppendResult, type EventLog, type FeedItem } from '../port.js';
import { withFaults, type FaultPlan, type Faults, type FaultyEventLog } from './fault-injecting-event-log.js';

eventLogContract(
  'fault wrapper without faults, over memory',
  async () => {
    const log = withFaults(createMemoryEventLog(), { seed: 1 });
    return { log, close: () => log.close() };
  },
  { keeps: false },
);
eventLogContract(
  'fault wrapper that is only slow, over memory',
  async () => {
    const log = withFaults(createMemoryEventLog(), { seed: 2, slow: 0.2 });
    return { log, close: () => log.close() };
  },
  { keeps: false },
);

const stream = 'thing-t1.1';
const newEvents = (count: number): NewEvent[] =>
  Array.from({ length: count }, (_, n) => ({ id: randomUUID(), type: 'happened', data: { n }, meta: {} }));
const always = (...faults: readonly (keyof Faults)[]): FaultPlan => ({
  seed: 1,
  ...Object.fromEntries(faults.map((fault) => [fault, 1])),
});
const positionsOf = (items: readonly FeedItem[]): Position[] =>
  items.flatMap((item) => (item.kind === 'event' ? [item.event.position] : []));
const isUnavailable = (outcome: string): unknown => expect.objectContaining({ name: 'LogUnavailable', outcome });

describe('faults of an append', () => {
  const attempt = async (
    plan: FaultPlan,
  ): Promise<{ log: EventLog; faulty: FaultyEventLog; events: NewEvent[]; error: unknown }> => {
    const log = createMemoryEventLog();
    const faulty = withFaults(log, plan);
    const events = newEvents(2);
    const error: unknown = await faulty.append(stream, 'none', events).catch((thrown: unknown) => thrown);
    return { log, faulty, events, error };
  };

  it('answer lost: unknown, and it is there; the identical append then gets the original answer', async () => {
    const { log, faulty, events, error } = await attempt(always('answerLost'));
    expect(error).toEqual(isUnavailable('unknown'));
    expect(await log.read(stream)).toHaveLength(2);
    await faulty.heal();
    expect(await faulty.append(stream, 'none', events)).toMatchObject({ ok: true, revision: 1 });
    expect(await log.read(stream)).toHaveLength(2);
  });

  it('append lost: unknown, and it is not there', async () => {
    const { log, error } = await attempt(always('appendLost'));
    expect(error).toEqual(isUnavailable('unknown'));
    expect(await log.read(stream)).toEqual([]);
  });

  it('append late: unknown, not there yet, there later, as it was when it was called', async () => {
    const { log, faulty, events, error } = await attempt(always('appendLate'));
    expect(error).toEqual(isUnavailable('unknown'));
    expect(await log.read(stream)).toEqual([]);
    const ids = events.map(({ id }) => id);
    events.pop();
    await faulty.heal();
    expect((await log.read(stream)).map(({ id }) => id)).toEqual(ids);
  });

  it('append late, after its repetition went through: nothing is written twice', async () => {
    const { log, faulty, events } = await attempt(always('appendLate'));
    const healed = faulty.heal();
    expect(await faulty.append(stream, 'none', events)).toMatchObject({ ok: true, revision: 1 });
    await healed;
    expect(await log.read(stream)).toHaveLength(2);
  });

  it('refused: not written, and so it is', async () => {
    const { log, error } = await attempt(always('refused'));
    expect(error).toEqual(isUnavailable('not-written'));
    expect(await log.read(stream)).toEqual([]);
  });

  it('what can never be appended is a RangeError in any weather', async () => {
    const faulty = withFaults(createMemoryEventLog(), always('refused'));
    await expect(faulty.append(stream, 'none', [])).rejects.toThrow(RangeError);
    expect(faulty.struck().refused).toBe(0);
  });

  it('slow answers do not change the order in which appends land', async () => {
    const log = createMemoryEventLog();
    const faulty = withFaults(log, { seed: 3, slow: 0.5 });
    const names = Array.from({ length: 50 }, (_, n) => `thing-t1.${n}`);
    await Promise.all(names.map((name) => faulty.append(name, 'none', newEvents(1))));
    const { events } = await log.readAll({ after: BEGINNING, limit: 100 });
    expect(events.map((event) => event.stream)).toEqual(names);
    expect(faulty.struck().slow).toBeGreaterThan(10);
  });
});

describe('faults of reading', () => {
  it('a failed read, readAll and head', async () => {
    const faulty = withFaults(createMemoryEventLog(), always('readFails'));
    await expect(faulty.read(stream)).rejects.toThrow(LogUnavailable);
    await expect(faulty.readAll({ after: BEGINNING, limit: 1 })).rejects.toThrow(LogUnavailable);
    await expect(faulty.head()).rejects.toThrow(LogUnavailable);
    expect(faulty.struck().readFails).toBe(3);
  });

  const collect = async (
    plan: FaultPlan,
    categories?: readonly string[],
  ): Promise<{ items: FeedItem[]; error: unknown; log: EventLog }> => {
    const log = createMemoryEventLog();
    for (let n = 0; n < 30; n++) {
      await log.append(`thing-t1.${n}`, 'none', newEvents(1));
      await log.append(`other-t1.${n}`, 'none', newEvents(1));
    }
    const items: FeedItem[] = [];
    const options = { after: BEGINNING, signal: new AbortController().signal, ...(categories ? { categories } : {}) };
    try {
      for await (const item of withFaults(log, plan).subscribeAll(options)) {
        items.push(item);
        if (item.kind === 'caught-up') break;
      }
      return { items, error: undefined, log };
    } catch (error) {
      return { items, error, log };
    }
  };

  it('a dropped feed throws LogUnavailable in its middle', async () => {
    const { items, error } = await collect({ seed: 5, feedDrops: 0.1 });
    expect(error).toEqual(isUnavailable('not-written'));
    expect(items.length).toBeGreaterThan(0);
    expect(items.length).toBeLessThan(60);
  });

  it('repetition: every event comes, first occurrences in order; what is repeated is a run of the last ones', async () => {
    const { items } = await collect({ seed: 6, feedRepeats: 0.3 });
    const positions = positionsOf(items);
    const first = [...new Set(positions)];
    expect(first).toHaveLength(60);
    expect(first).toEqual(first.toSorted());
    expect(positions.length).toBeGreaterThan(80);
    const steps = positions.slice(1).map((position, index) => Number(position) - Number(positions[index]));
    expect(steps.filter((step) => step > 1)).toEqual([]); // none is left out
    expect(Math.min(...steps)).toBeGreaterThan(-8);
  });

  it('an early checkpoint runs ahead of events still to come, by at most 16 matching ones', async () => {
    const { items, log } = await collect({ seed: 7, earlyCheckpoints: 0.5 }, ['thing']);
    const head = await log.head();
    let ahead = 0;
    for (const [index, item] of items.entries()) {
      if (item.kind !== 'checkpoint') continue;
      expect(item.position <= head).toBe(true);
      const overtaken = positionsOf(items.slice(index)).filter((position) => position <= item.position).length;
      expect(overtaken).toBeLessThanOrEqual(16);
      ahead += Number(overtaken > 0);
    }
    expect(ahead).toBeGreaterThan(5);
    expect(new Set(positionsOf(items)).size).toBe(30);
  });
});

describe('the plan', () => {
  const plan = (seed: number): FaultPlan => ({
    seed,
    answerLost: 0.15,
    appendLost: 0.15,
    appendLate: 0.1,
    refused: 0.1,
    readFails: 0.2,
    slow: 0.1,
    feedRepeats: 0.2,
    feedDrops: 0.02,
    earlyCheckpoints: 0.2,
  });

  /** A small program: some appends, some reads, one feed; returns everything that it saw. */
  const observe = async (seed: number): Promise<readonly unknown[]> => {
    const faulty = withFaults(createMemoryEventLog(), plan(seed));
    const seen: unknown[] = [];
    for (let n = 0; n < 60; n++) {
      const events = [{ id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`, type: 'a', data: {}, meta: {} }];
      seen.push(await faulty.append(`thing-t1.${n}`, 'none', events).catch((error: Error) => error.message));
      seen.push(await faulty.head().catch((error: Error) => error.message));
    }
    try {
      const { signal } = new AbortController();
      for await (const item of faulty.subscribeAll({ after: BEGINNING, signal })) {
        seen.push(item);
        if (item.kind === 'caught-up') break;
      }
    } catch (error) {
      seen.push((error as Error).message);
    }
    return [...seen, faulty.struck()];
  };

  it('is deterministic: the same seed gives the same faults, another one others', async () => {
    expect(await observe(11)).toEqual(await observe(11));
    expect(await observe(11)).not.toEqual(await observe(12));
  });

  it('healed, nothing strikes any more, also in a feed already open', async () => {
    const faulty = withFaults(createMemoryEventLog(), always('answerLost', 'readFails', 'feedDrops'));
    const feed = faulty.subscribeAll({ after: BEGINNING, signal: new AbortController().signal });
    await faulty.heal();
    expect(await faulty.append(stream, 'none', newEvents(1))).toMatchObject({ ok: true });
    expect(await faulty.read(stream)).toHaveLength(1);
    for await (const item of feed) if (item.kind === 'caught-up') break;
    expect(Object.values(faulty.struck()).every((count) => count === 0)).toBe(true);
  });

  it('whatever strikes, a writer that repeats unknown appends and a reader that resumes see each event once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1_000_000 }), async (seed) => {
        const inner = createMemoryEventLog();
        const faulty = withFaults(inner, plan(seed));
        const wanted = newEvents(40);
        const writing = (async () => {
          for (const [n, event] of wanted.entries()) await appendForSure(faulty, n === 0 ? 'none' : n - 1, event);
        })();
        const seen: StoredEvent[] = [];
        let after: Position = BEGINNING;
        while (seen.length < wanted.length) {
          try {
            for await (const item of faulty.subscribeAll({ after, signal: new AbortController().signal })) {
              if (item.kind !== 'event' || item.event.position <= after) continue; // seen before
              seen.push(item.event);
              after = item.event.position;
              if (seen.length === wanted.length) break;
            }
          } catch (error) {
            if (!(error instanceof LogUnavailable)) throw error;
          }
        }
        await writing;
        await faulty.heal();
        expect(seen.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
        expect(await inner.read(stream)).toEqual(seen);
      }),
      { numRuns: 40 },
    );
  }, 30_000);

  async function appendForSure(log: EventLog, expected: 'none' | number, event: NewEvent): Promise<AppendResult> {
    for (;;) {
      try {
        return await log.append(stream, expected, [event]);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
      }
    }
  }
});
