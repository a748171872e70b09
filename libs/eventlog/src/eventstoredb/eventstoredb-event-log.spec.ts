// The faults of a real server and the defects of the client, one by one, on the in-process double.
import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BEGINNING, type NewEvent, type StoredEvent } from '@cairn/kernel';
import { startEventStoreDouble, type AppendFaultKind, type EventStoreDouble } from '@cairn/testing';
import { LogUnavailable, openEventStoreLog, type EventStoreLog, type EventStoreLogOptions } from '../index.js';

const ANSWER_MS = 1_200;
const SILENCE_MS = 60;

let server: EventStoreDouble;
const logs: EventStoreLog[] = [];
const controllers: AbortController[] = [];

beforeEach(async () => {
  server = await startEventStoreDouble();
});
afterEach(async () => {
  for (const controller of controllers.splice(0)) controller.abort();
  await Promise.all(logs.splice(0).map((log) => log.close()));
  await server.stop();
});

const open = (options: Partial<EventStoreLogOptions> = {}): EventStoreLog => {
  const { connectionString } = server;
  const log = openEventStoreLog({ connectionString, answerMs: ANSWER_MS, silenceMs: SILENCE_MS, ...options });
  logs.push(log);
  return log;
};
const newStream = (category = 'fault'): string => `${category}-${randomUUID()}.1`;
const newEvents = (count = 1): NewEvent[] =>
  Array.from({ length: count }, (_, n) => ({ id: randomUUID(), type: 'thing-happened', data: { n }, meta: {} }));
const ids = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);
const follow = (log: EventStoreLog, categories?: readonly string[]) => {
  const controller = new AbortController();
  controllers.push(controller);
  const { signal } = controller;
  return log.subscribeAll({ after: BEGINNING, signal, ...(categories ? { categories } : {}) })[Symbol.asyncIterator]();
};
const nextEvents = async (feed: AsyncIterator<{ readonly kind: string }>, count: number): Promise<StoredEvent[]> => {
  const events: StoredEvent[] = [];
  while (events.length < count) {
    const { done, value } = await feed.next();
    if (done) throw new Error('the feed ended');
    if (value.kind === 'event') events.push((value as unknown as { event: StoredEvent }).event);
  }
  return events;
};

const whenReachable = async <T>(work: () => Promise<T>): Promise<T> => {
  for (const until = performance.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50)))
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LogUnavailable) || performance.now() > until) throw error;
    }
};

describe('an append whose answer does not come as it should is written once, and answered', () => {
  // appends: what reaches the server; 2 where the identical append is sent again.
  const cases: readonly (readonly [AppendFaultKind, number, { readonly replaced: number }])[] = [
    ['answer-lost', 2, { replaced: 1 }],
    ['append-lost', 2, { replaced: 1 }],
    ['late-reply', 2, { replaced: 1 }],
    ['reset', 2, { replaced: 1 }],
    ['throttled', 2, { replaced: 1 }],
    ['not-leader', 2, { replaced: 0 }],
    ['duplicate-reply', 1, { replaced: 0 }],
  ];
  for (const [fault, appends, { replaced }] of cases) {
    test(`${fault}, then the right answer`, async () => {
      const log = open();
      const stream = newStream();
      await log.append(stream, 'none', newEvents());
      const events = newEvents(3);
      const seen = server.appendsSeen();
      server.failAppends(fault, 1, { lateMs: 2 * ANSWER_MS });
      const result = await log.append(stream, 0, events);
      expect(server.appendsSeen() - seen).toBeGreaterThanOrEqual(appends);
      const stored = await log.read(stream);
      expect(result).toEqual({ ok: true, revision: 3, position: stored.at(-1)?.position });
      expect(ids(stored.slice(1))).toEqual(ids(events));
      expect(log.status().replacedConnections).toBeGreaterThanOrEqual(replaced); // a busy machine may need one more
      // and the log goes on
      expect(await log.append(stream, 3, newEvents())).toMatchObject({ ok: true, revision: 4 });
    });
  }

  test('no answer to both attempts, but written: the stream itself tells', async () => {
    const log = open();
    const stream = newStream();
    const events = newEvents(2);
    server.failAppends('answer-lost', 2);
    const result = await log.append(stream, 'none', events);
    const stored = await log.read(stream);
    expect(result).toEqual({ ok: true, revision: 1, position: stored[1]?.position });
    expect(ids(stored)).toEqual(ids(events));
  });
  test('no answer to both attempts and nothing there: unknown, for it may still arrive', async () => {
    const log = open();
    const stream = newStream();
    const events = newEvents();
    server.failAppends('late-write', 1, { lateMs: 4 * ANSWER_MS });
    server.failAppends('append-lost', 1);
    const append = log.append(stream, 'none', events);
    await expect(append).rejects.toThrow(LogUnavailable);
    await expect(append).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await log.read(stream)).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 3 * ANSWER_MS));
    expect(ids(await log.read(stream))).toEqual(ids(events)); // it did
    expect(await log.append(stream, 'none', events)).toMatchObject({ ok: true, revision: 0 });
  });
  test('no answer, and somebody else has taken the place: a conflict, not an unknown', async () => {
    const log = open();
    const stream = newStream();
    server.failAppends('append-lost', 1);
    const append = log.append(stream, 'none', newEvents());
    await new Promise((resolve) => setTimeout(resolve, 50));
    await open().append(stream, 'none', newEvents(2));
    expect(await append).toEqual({ ok: false, actual: 1 });
  });
  test('no answer, and a tip that the append has yet to reach: no proof against it, for it may land behind others', async () => {
    const log = open();
    const [stream, first, second] = [newStream(), newEvents(), newEvents()];
    await log.append(stream, 'none', newEvents());
    server.failAppends('late-write', 1, { lateMs: 3 * ANSWER_MS });
    // Sent behind `first`, and overtook it: its repetition finds the tip that `first` has yet to move.
    await expect(log.append(stream, 1, second)).rejects.toMatchObject({ outcome: 'unknown' });
    expect(await log.append(stream, 0, first)).toMatchObject({ ok: true });
    await new Promise((resolve) => setTimeout(resolve, 3 * ANSWER_MS));
    expect(ids((await log.read(stream)).slice(1))).toEqual([...ids(first), ...ids(second)]); // a conflict would have lied
  });
});

test('a server that starts again: what it acknowledged is there, repeated appends get their first answer, work goes on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cairn-eventstore-'));
  const first = await startEventStoreDouble({ directory });
  const log = openEventStoreLog({ connectionString: first.connectionString, answerMs: ANSWER_MS });
  logs.push(log);
  const [stream, events] = [newStream(), newEvents(3)];
  const written = await log.append(stream, 'none', events);
  const before = await log.read(stream);
  await first.stop();
  await expect(log.append(stream, 2, newEvents())).rejects.toThrow(LogUnavailable);
  appendFileSync(join(directory, 'eventstore-double.ndjson'), '{"stream":"torn'); // killed in the middle of a write
  const again = await startEventStoreDouble({ directory, port: first.port });
  try {
    const repeated = await whenReachable(() => log.append(stream, 'none', events));
    expect(repeated).toEqual(written);
    expect(await log.read(stream)).toEqual(before);
    expect(await log.append(stream, 2, newEvents())).toMatchObject({ ok: true, revision: 3 });
  } finally {
    await log.close();
    await again.stop();
    rmSync(directory, { recursive: true });
  }
});

describe("the client's defects", () => {
  test('a second reply neither ends the process nor hangs later appends, and is counted', async () => {
    const log = open();
    const stream = newStream();
    server.failAppends('duplicate-reply', 5);
    for (let revision = 0; revision < 20; revision++)
      expect(await log.append(stream, revision === 0 ? 'none' : revision - 1, newEvents())).toMatchObject({ ok: true });
    expect(log.status()).toMatchObject({ strayReplies: 5, replacedConnections: 0 });
  });
  test('the end of one log rejects what waits on another: repeated, written once', async () => {
    const [one, other] = [open(), open()];
    await one.append(newStream(), 'none', newEvents());
    await other.append(newStream(), 'none', newEvents());
    const stream = newStream();
    const events = newEvents(2);
    server.failAppends('late-reply', 1, { lateMs: ANSWER_MS / 2 });
    const append = other.append(stream, 'none', events);
    await new Promise((resolve) => setTimeout(resolve, 20));
    server.failAppends('reset', 1);
    await one.append(newStream(), 'none', newEvents());
    expect(await append).toMatchObject({ ok: true, revision: 1 });
    expect(ids(await other.read(stream))).toEqual(ids(events));
  });
  test('more reads at once than a connection carries: none waits for ever', async () => {
    const log = open({ answerMs: 5_000 });
    const stream = newStream();
    await log.append(stream, 'none', newEvents(3));
    const reads = await Promise.all(Array.from({ length: 150 }, () => log.read(stream)));
    expect(reads.every((events) => events.length === 3)).toBe(true);
    expect(server.openReads()).toBe(0);
  });
  test('a read left early leaves no call open', async () => {
    const log = open({ answerMs: 10_000 });
    await log.append(newStream(), 'none', newEvents(1_000));
    for (let n = 0; n < 105; n++) await log.readAll({ after: BEGINNING, limit: 1 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.openReads()).toBe(0);
  });
});

describe('overload and absence', () => {
  test('one append more than allowed is refused at once, as not written', async () => {
    const log = open({ maxInFlight: 3 });
    server.failAppends('late-reply', 3, { lateMs: 50 });
    const under = [1, 2, 3].map(() => log.append(newStream(), 'none', newEvents()));
    const stream = newStream();
    await expect(log.append(stream, 'none', newEvents())).rejects.toMatchObject({ outcome: 'not-written' });
    expect((await Promise.all(under)).every(({ ok }) => ok)).toBe(true);
    expect(await log.append(stream, 'none', newEvents())).toMatchObject({ ok: true });
  });
  test('a server that is starting: not written, and the message says so', async () => {
    const log = open();
    server.failAppends('not-ready');
    const append = log.append(newStream(), 'none', newEvents());
    await expect(append).rejects.toMatchObject({ outcome: 'not-written' });
    await expect(append).rejects.toThrow(/not ready/);
  });
  test('no server: not written, and the message says what to check', async () => {
    const log = openEventStoreLog({ connectionString: 'esdb://127.0.0.1:1?tls=false', answerMs: 2_000 });
    logs.push(log);
    const append = log.append(newStream(), 'none', newEvents());
    await expect(append).rejects.toMatchObject({ outcome: 'not-written' });
    await expect(append).rejects.toThrow(/cannot be reached.*TLS/);
    await expect(log.head()).rejects.toThrow(LogUnavailable);
  });
  test('a read without an answer ends with an error', async () => {
    const log = open();
    server.muteReads(true);
    await expect(log.read(newStream())).rejects.toThrow(/did not answer a read within/);
    server.muteReads(false);
    expect(await log.read(newStream())).toEqual([]);
  });
  test('a connection string that cannot be used is refused, without its password', () => {
    const connect = (): unknown => openEventStoreLog({ connectionString: 'nonsense://user:secret@host' });
    expect(connect).toThrow(/connection string/);
    expect(connect).not.toThrow(/secret/);
  });
});

describe('feeds', () => {
  test('the watchdog: a subscription that falls silent is opened anew, nothing lost, nothing twice', async () => {
    const log = open();
    const stream = newStream();
    await log.append(stream, 'none', newEvents(2));
    const feed = follow(log);
    const seen = await nextEvents(feed, 2);
    server.failFeeds('silent');
    await log.append(stream, 1, newEvents(3));
    const rest = nextEvents(feed, 3);
    await new Promise((resolve) => setTimeout(resolve, 2 * SILENCE_MS));
    server.failFeeds(undefined); // for new subscriptions
    seen.push(...(await rest));
    expect(seen.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
    expect(log.status().resubscriptions).toBe(1);
  });
  test('dropped as too slow while live: goes on from the last event handed out', async () => {
    const log = open();
    const stream = newStream();
    await log.append(stream, 'none', newEvents(2));
    const feed = follow(log);
    const seen = await nextEvents(feed, 2);
    while ((await feed.next()).value.kind !== 'caught-up');
    const rest = nextEvents(feed, 3);
    server.failFeeds('too-slow');
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
    server.failFeeds(undefined);
    await log.append(stream, 1, newEvents(3));
    seen.push(...(await rest));
    expect(seen.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4]);
    expect(log.status().resubscriptions).toBeGreaterThan(0);
  });
  test('a reset breaks the feed with LogUnavailable', async () => {
    const log = open();
    await log.append(newStream(), 'none', newEvents());
    const feed = follow(log);
    await nextEvents(feed, 1);
    const rest = nextEvents(feed, 1);
    server.failFeeds('reset');
    await expect(rest).rejects.toThrow(LogUnavailable);
  });
  for (const fault of ['fell-behind', 'early-checkpoint'] as const)
    test(`${fault}: every event comes once, in order`, async () => {
      const log = open();
      const stream = newStream();
      await log.append(stream, 'none', newEvents(50));
      server.failFeeds(fault);
      const feed = follow(log, ['fault']);
      const seen = await nextEvents(feed, 50);
      await log.append(stream, 49, newEvents(50));
      seen.push(...(await nextEvents(feed, 50)));
      expect(seen.map(({ revision }) => revision)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    });
  test('a quiet feed of one category learns how far the log has come', async () => {
    const log = open();
    const feed = follow(log, ['other']);
    while ((await feed.next()).value.kind !== 'caught-up');
    const appended = await log.append(newStream(), 'none', newEvents()); // too little for a checkpoint of the server
    const { value } = await feed.next();
    expect(value).toEqual({ kind: 'checkpoint', position: appended.ok && appended.position });
  });
});
