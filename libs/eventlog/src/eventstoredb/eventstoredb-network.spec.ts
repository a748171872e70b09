// The promises of the port behind a network that fails: a writer of several streams and a follower on one log, all its
// traffic through the fault proxy. The truth is read past the proxy. A real server does as well as the double.
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BEGINNING, type NewEvent, type Position, type StoredEvent } from '@cairn/kernel';
import { startFaultProxy, startTestEventStore, type FaultProxy, type ProxyFault } from '@cairn/testing';
import { LogUnavailable, openEventStoreLog, type EventStoreLog } from '../index.js';

const ANSWER_MS = 300;
const FAULT_MS = 2.5 * ANSWER_MS;
/** Three waits, the end of the connection that is replaced, and a busy machine. */
const LONGEST_APPEND_MS = 3 * ANSWER_MS + 1_000 + 2_000;
const STREAMS = 4;

type Attempt = {
  readonly stream: string;
  readonly ids: readonly string[];
  readonly outcome: 'written' | 'conflict' | 'not-written' | 'unknown';
  readonly revision?: number;
  readonly tookMs: number;
};

const server = await startTestEventStore();
const direct = openEventStoreLog({ connectionString: server.url });
let proxy: FaultProxy;
let log: EventStoreLog;

beforeEach(async () => {
  proxy = await startFaultProxy({ target: server.url });
  log = openEventStoreLog({ connectionString: proxy.url, answerMs: ANSWER_MS, silenceMs: 100 });
});
afterEach(async () => {
  await log.close();
  await proxy.stop();
});
afterAll(async () => {
  await direct.close();
  await server.stop();
});

const newEvents = (): NewEvent[] =>
  Array.from({ length: 2 }, (_, n) => ({ id: randomUUID(), type: 'thing-happened', data: { n }, meta: {} }));
const newCategory = (): string => `net${randomBytes(8).toString('hex').replaceAll(/\d/g, 'x')}`;
const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);

/** Appends two events after two, as a process would: after an error it looks at the stream, and goes on. */
async function write(stream: string, attempts: Attempt[], signal: AbortSignal): Promise<void> {
  for (let tip = -1; !signal.aborted;) {
    const events = newEvents();
    const since = performance.now();
    const answer = await log.append(stream, tip < 0 ? 'none' : tip, events).catch((error: unknown) => error);
    const common = { stream, ids: idsOf(events), tookMs: performance.now() - since };
    if (answer instanceof Error) {
      if (!(answer instanceof LogUnavailable)) throw answer;
      attempts.push({ ...common, outcome: answer.outcome });
      tip = (await direct.read(stream, { direction: 'backwards', limit: 1 }))[0]?.revision ?? -1;
      await sleep(20);
      continue;
    }
    const result = answer as Awaited<ReturnType<EventStoreLog['append']>>;
    attempts.push(
      result.ok ? { ...common, outcome: 'written', revision: result.revision } : { ...common, outcome: 'conflict' },
    );
    tip = result.ok ? result.revision : result.actual;
    await sleep(10);
  }
}

/** Follows a category as a projection would: after an error from the last event that it has seen. */
async function follow(category: string, seen: StoredEvent[], signal: AbortSignal): Promise<void> {
  let after: Position = BEGINNING;
  while (!signal.aborted)
    try {
      for await (const item of log.subscribeAll({ after, categories: [category], signal }))
        if (item.kind === 'event') {
          seen.push(item.event);
          after = item.event.position;
        }
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      await sleep(50);
    }
}

async function everything(category: string): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after: Position = BEGINNING; ;) {
    const page = await direct.readAll({ after, limit: 500, categories: [category] });
    events.push(...page.events);
    after = page.readUpTo;
    if (page.atEnd) return events;
  }
}

const faults: readonly (readonly [string, ProxyFault])[] = [
  ['latency and jitter', { kind: 'latency', delayMs: 40, jitterMs: 20 }],
  ['latency beyond the deadline', { kind: 'latency', delayMs: 2 * ANSWER_MS }],
  ['a narrow line', { kind: 'throttle', bytesPerSecond: 2_000 }],
  ['a partition', { kind: 'black-hole' }],
  ['a partition of the way back', { kind: 'black-hole', direction: 'to-client' }],
  ['a partition of the way there', { kind: 'black-hole', direction: 'to-server' }],
  ['lost replies', { kind: 'drop', direction: 'to-client' }],
  ['half-open connections', { kind: 'half-open' }],
  ['replies cut in the middle', { kind: 'cut', direction: 'to-client', afterBytes: 601 }],
  ['requests cut in the middle', { kind: 'cut', direction: 'to-server', afterBytes: 601 }],
  ['a server that has gone', { kind: 'refuse' }],
];

describe(`the event log behind a failing network, on ${server.ranAgainst}`, () => {
  test.each(faults)('%s: deadlines kept, outcomes true, nothing lost or doubled', async (_, fault) => {
    const category = newCategory();
    const streams = Array.from({ length: STREAMS }, (__, n) => `${category}-${randomUUID()}.${n}`);
    const [writing, following] = [new AbortController(), new AbortController()];
    const seen: StoredEvent[] = [];
    const follower = follow(category, seen, following.signal);
    const attempts: Attempt[] = [];
    const writers = streams.map((stream) => write(stream, attempts, writing.signal));
    while (attempts.length < 5 * STREAMS || seen.length === 0) await sleep(10); // all connections are in use
    await proxy.set(fault);
    await sleep(FAULT_MS);
    await proxy.set(undefined);

    // It recovers by itself: every stream can be written again.
    const recovered = await Promise.all(streams.map((__, n) => untilWritten(`${category}-${randomUUID()}.${n}`)));
    await sleep(100);
    writing.abort();
    await Promise.all(writers);
    await sleep(ANSWER_MS); // what is still on its way arrives
    const truth = await everything(category);
    for (const deadline = performance.now() + 10_000; seen.length < truth.length && performance.now() < deadline;)
      await sleep(20);
    following.abort();
    await follower;

    // The feed: everything, once, in order.
    expect(idsOf(seen)).toEqual(idsOf(truth));
    // The answers: each is what the log itself says.
    const revisions = new Map(truth.map(({ id, stream, revision }) => [id, `${stream} ${revision}`]));
    expect(revisions.size).toBe(truth.length);
    for (const { stream, ids, outcome, revision } of attempts) {
      const there = ids.map((id) => revisions.get(id)).filter((at) => at !== undefined);
      if (outcome === 'written') expect(there).toEqual([`${stream} ${Number(revision) - 1}`, `${stream} ${revision}`]);
      else if (outcome === 'unknown') expect([0, ids.length]).toContain(there.length);
      else expect({ outcome, there }).toEqual({ outcome, there: [] });
    }
    expect(truth.length).toBe(
      2 * (recovered.length + attempts.filter(({ ids }) => revisions.has(ids[0] as string)).length),
    );
    expect(Math.max(...attempts.map(({ tookMs }) => tookMs))).toBeLessThan(LONGEST_APPEND_MS);
  });
});

async function untilWritten(stream: string): Promise<void> {
  const events = newEvents();
  for (const deadline = performance.now() + 15_000; ; await sleep(50))
    try {
      expect(await log.append(stream, 'none', events)).toMatchObject({ ok: true });
      return;
    } catch (error) {
      if (!(error instanceof LogUnavailable) || performance.now() > deadline) throw error;
    }
}
