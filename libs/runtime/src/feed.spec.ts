import { createMemoryEventLog, withFaults, type EventLog } from '@cairn/eventlog';
import { BEGINNING, type Position } from '@cairn/kernel';
import { issued } from '@cairn/testing';
import { createCommandExecutor } from './command-executor.js';
import { createFeed, type Feed } from './feed.js';
import { account, bankCodec } from './spec/bank.js';
import { createLife } from './spec/mortal.js';
import { deposit, open } from './spec/world.js';
import { systemClock } from './time.js';
import { createWaiters, settled } from './waiters.js';

const codec = bankCodec();
const never = new AbortController().signal;
const feeds: Feed[] = [];
const feedOn = (log: EventLog, more: Partial<Parameters<typeof createFeed>[0]> = {}): Feed => {
  const feed = createFeed({ log, codec, ...more });
  feeds.push(feed);
  return feed;
};
afterEach(async () => {
  await Promise.all(feeds.splice(0).map((feed) => feed.close()));
});

/** A log with `deposits` + 1 events. */
async function filled(deposits: number) {
  const log = createMemoryEventLog();
  const { execute } = createCommandExecutor({ log, codec, deciders: [account], clock: systemClock, app: 'bank/1' });
  const add = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 500)
      await execute(issued(deposit('a', ...Array.from({ length: Math.min(left, 500) }, () => 1))));
  };
  await execute(issued(open('a')));
  await add(deposits);
  return { log, add };
}

/** Reads positions until the head of the log. */
async function follow(feed: Feed, log: EventLog, from: Position = BEGINNING): Promise<readonly string[]> {
  const seen: string[] = [];
  const head = await log.head();
  for (let at = from; at < head; at = seen.at(-1) as Position)
    for (const { stored } of await feed.next(at, never)) seen.push(stored.position);
  return seen;
}

const all = async (log: EventLog): Promise<readonly string[]> =>
  (await log.readAll({ after: BEGINNING, limit: 10_000 })).events.map(({ position }) => position);

describe('the feed', () => {
  it('hands out every event once and in order, from the past into the present', async () => {
    const { log, add } = await filled(2_500);
    const feed = feedOn(log);
    expect(await follow(feed, log)).toEqual(await all(log));
    const head = await log.head();
    const waiting = feed.next(head, never);
    await add(3);
    expect((await waiting).map(({ stored }) => stored.position)).toEqual((await all(log)).slice(-3));
  });

  it('reads each page once and decodes each event once for all who are at the same place', async () => {
    const { log } = await filled(2_500);
    let reads = 0;
    let decodes = 0;
    const counting: EventLog = { ...log, readAll: (page) => (reads++, log.readAll(page)) };
    const feed = feedOn(counting, { codec: { ...codec, decode: (event) => (decodes++, codec.decode(event)) } });
    const decodeAll = async (): Promise<void> => {
      let at = BEGINNING;
      const head = await log.head();
      while (at < head)
        for (const event of await feed.next(at, never)) {
          event.decoded();
          at = event.stored.position;
        }
    };
    await Promise.all([decodeAll(), decodeAll(), decodeAll()]);
    expect(reads).toBe(6);
    expect(decodes).toBe(2_501);
  });

  it('takes a convoy through the log page by page, each read once, and lets nobody wait for those at the end', async () => {
    const { log, add } = await filled(2_000);
    let reads = 0;
    const counting: EventLog = { ...log, readAll: (options) => (reads++, log.readAll(options)) };
    const { timers } = createLife();
    const members = feedOn(counting, { timers }).convoy(3);
    const [slow, ...others] = members as [Feed, ...Feed[]];
    const dawdling: Feed = {
      ...slow,
      next: async (...args) => {
        for (let turns = 20; turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
        return slow.next(...args);
      },
    };
    const seen = await Promise.all([dawdling, ...others].map((feed) => follow(feed, log)));
    for (const one of seen) expect(one).toEqual(await all(log));
    expect(reads).toBe(9);
    // All are at the end and wait for what comes; one that goes back is not held up by the others.
    const head = await log.head();
    const ahead = members.map((feed) => feed.next(head, never));
    expect(await follow(slow, log)).toEqual(await all(log));
    await add(1);
    for (const one of ahead) expect(await one).toHaveLength(1);
  });

  it('does not let a convoy wait for ever for a member that stays away', async () => {
    const { log } = await filled(10);
    const [one] = feedOn(log).convoy(2) as [Feed, Feed];
    expect(await one.next(BEGINNING, never)).toHaveLength(11);
  });

  it('lets a slow consumer fall behind the recent events without losing any, and without holding up others', async () => {
    const { log, add } = await filled(0);
    const feed = feedOn(log);
    const start = await log.head();
    const first = feed.next(start, never);
    await add(1);
    const { stored } = (await first)[0]!;
    await add(9_000);
    expect(await follow(feed, log, stored.position)).toHaveLength(9_000);
    expect(await follow(feed, log, start)).toEqual((await all(log)).slice(1));
  });

  it('survives repeated events, early checkpoints and broken subscriptions', async () => {
    const { log, add } = await filled(1);
    const troubles: string[] = [];
    const { timers } = createLife();
    const faulty = withFaults(log, {
      seed: 3,
      feedRepeats: 0.3,
      earlyCheckpoints: 0.3,
      feedDrops: 0.05,
      readFails: 0.1,
    });
    const feed = feedOn(faulty, { timers, onTrouble: (where) => troubles.push(where) });
    const seen = follow(feed, log);
    await seen;
    const from = await log.head();
    const waiting = feed.next(from, never);
    for (let i = 0; i < 300; i++) {
      await add(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [one] = await waiting;
    expect(one?.stored.position).toBe((await all(log))[2]);
    expect(await follow(feed, log, from)).toEqual((await all(log)).slice(2));
    expect(troubles).toContain('log.subscribeAll');
  });

  it('notices a subscription that went silent', async () => {
    const { log, add } = await filled(1);
    const { timers } = createLife();
    let subscriptions = 0;
    const silent: EventLog = {
      ...log,
      subscribeAll: (options) =>
        subscriptions++ > 0
          ? log.subscribeAll(options)
          : (async function* () {
              await new Promise<void>((resolve) => options.signal.addEventListener('abort', () => resolve()));
              yield { kind: 'caught-up' as const };
            })(),
    };
    const troubles: string[] = [];
    const feed = feedOn(silent, { timers, onTrouble: (_, error) => troubles.push(String(error)) });
    const waiting = feed.next(await log.head(), never);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await add(1);
    expect(await waiting).toHaveLength(1);
    expect(troubles.join()).toContain('silent');
  });

  it('answers with nothing once the consumer gives up or the feed is closed', async () => {
    const { log } = await filled(0);
    const feed = feedOn(log);
    const giving = new AbortController();
    const [one, two] = [feed.next(await log.head(), giving.signal), feed.next(await log.head(), never)];
    giving.abort();
    expect(await one).toEqual([]);
    await feed.close();
    expect(await two).toEqual([]);
    const stuck = feedOn({ ...log, readAll: () => new Promise(() => {}) });
    const late = new AbortController();
    const three = stuck.next(BEGINNING, late.signal);
    late.abort();
    expect(await three).toEqual([]);
  });
});

describe('waiters', () => {
  it('wake when all have reached the position, and give up in time', async () => {
    const waiters = createWaiters();
    const waiting = waiters.waitFor(['one', 'two'], '5', 1_000);
    waiters.advance('one', '7' as Position);
    expect(await waiters.waitFor(['one', 'two'], '5', 5)).toBe(false);
    waiters.advance('two', '5' as Position);
    expect(await waiting).toBe(true);
    expect(await waiters.waitFor(['one'], '8', 0)).toBe(false);
    expect(waiters.positionOf('nobody')).toBe('');
  });

  it('call it settled only if the head stood still meanwhile', async () => {
    const waiters = createWaiters();
    const heads = ['1', '2', '2', '2'] as Position[];
    waiters.advance('one', '1' as Position);
    const answer = settled(waiters, ['one'], async () => heads.shift() ?? ('2' as Position), 500);
    await new Promise((resolve) => setImmediate(resolve));
    waiters.advance('one', '2' as Position);
    expect(await answer).toBe(true);
    expect(heads).toEqual([]);
    expect(await settled(waiters, ['one'], async () => '3' as Position, 10)).toBe(false);
  });
});
