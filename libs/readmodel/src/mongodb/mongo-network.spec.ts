// The guarded writes behind a network that fails: two projectors that fold the same events into the same documents, all
// their traffic through the fault proxy. The truth is read past the proxy. A real server does as well as the double.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { startFaultProxy, startTestMongo, type FaultProxy, type ProxyFault } from '@cairn/testing';
import { ReadModelUnavailable, type ReadModel, type StoredDocument } from '../port.js';
import { openMongoReadModel } from './mongo-read-model.js';

const TIMEOUT_MS = 300;
const FAULT_MS = 1_000;
/** The driver's own deadline is a second beyond ours; a read is tried twice; the look for a server and a connection. */
const LONGEST_CALL_MS = 2 * (TIMEOUT_MS + 1_000) + 2 * TIMEOUT_MS + 2_000;
const DOCUMENTS = 10;
const BATCH = 20;
const LANE = 'things';

const server = await startTestMongo();
const database = `cairn_net_${randomUUID().slice(0, 13)}`;
const standalone = server.source === 'given';
let proxy: FaultProxy;
let direct: ReadModel;
const opened: ReadModel[] = [];

const url = server.url.includes('directConnection=')
  ? server.url
  : `${server.url}${server.url.includes('?') ? '&' : '?'}directConnection=true`; // else the driver goes round the proxy

beforeAll(async () => {
  direct = await openMongoReadModel({ url: server.url, database, standalone });
});
beforeEach(async () => {
  proxy = await startFaultProxy({ target: url });
  await direct.ensureCollection('things', []);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((model) => model.close()));
  await direct.dropCollection('things');
  await direct.deleteCheckpoint(LANE);
  await proxy.stop();
});
afterAll(async () => {
  await direct.close();
  const client = new MongoClient(server.url);
  await client.db(database).dropDatabase();
  await client.close();
  await server.stop();
});

const positionOf = (event: number): string => String(event).padStart(20, '0');
const documentOf = (event: number): string => `thing${event % DOCUMENTS}`;
type Thing = StoredDocument & { readonly applied: readonly number[] };

/**
 * Folds event after event into its document, in batches, as a projection does: after an error it begins anew.
 * `staleMs`: how long it holds what it has loaded, while others write.
 */
async function project(staleMs: number, timings: number[], signal: AbortSignal): Promise<void> {
  const model = await openProxied();
  const timed = async <T>(call: () => Promise<T>): Promise<T> => {
    const since = performance.now();
    try {
      return await call();
    } finally {
      timings.push(performance.now() - since);
    }
  };
  while (!signal.aborted)
    try {
      const checkpoint = (await timed(() => model.loadCheckpoint(LANE)))?.position ?? null;
      const first = checkpoint === null ? 1 : Number(checkpoint) + 1;
      const events = Array.from({ length: BATCH }, (_, n) => first + n);
      for (let pending = [...events]; pending.length > 0;) {
        const stored = new Map(
          (await timed(() => model.load('things', [...new Set(pending.map(documentOf))]))).map((one) => [
            one._id,
            one as Thing,
          ]),
        );
        const fresh = pending.filter((event) => positionOf(event) > (stored.get(documentOf(event))?._p ?? ''));
        const writes = [...new Set(fresh.map(documentOf))].map((id) => {
          const before = stored.get(id);
          const mine = fresh.filter((event) => documentOf(event) === id);
          const applied = [...(before?.applied ?? []), ...mine];
          const next: Thing = { _id: id, _p: positionOf(mine.at(-1) as number), applied };
          return { id, expected: before?._p ?? null, next };
        });
        if (writes.length === 0) break;
        await sleep(staleMs);
        const outcomes = await timed(() => model.writeGuarded('things', writes));
        const lost = new Set(writes.filter((_, n) => outcomes[n] === 'lost').map(({ id }) => id));
        pending = fresh.filter((event) => lost.has(documentOf(event)));
      }
      const next = { position: positionOf(events.at(-1) as number), lastEventId: null, epoch: 1 };
      await timed(() => model.saveCheckpoint(LANE, checkpoint, next));
      await sleep(5);
    } catch (error) {
      if (!(error instanceof ReadModelUnavailable)) throw error;
      await sleep(20);
    }
}

/** Every document holds its events, each once and in order, and the checkpoint is not ahead of any. */
async function expectTrue(): Promise<number> {
  const until = Number((await direct.loadCheckpoint(LANE))?.position ?? 0);
  let events = 0;
  for (const { _id, applied } of (await direct.load(
    'things',
    Array.from({ length: DOCUMENTS }, (_, n) => `thing${n}`),
  )) as readonly Thing[]) {
    const first = Number(_id.slice('thing'.length)) || DOCUMENTS;
    expect(applied).toEqual(applied.map((_, n) => first + n * DOCUMENTS));
    expect((applied.at(-1) ?? 0) + DOCUMENTS).toBeGreaterThan(until);
    events += applied.length;
  }
  expect(events).toBeGreaterThanOrEqual(until);
  return until;
}

const faults: readonly (readonly [string, ProxyFault])[] = [
  ['latency and jitter', { kind: 'latency', delayMs: 40, jitterMs: 20 }],
  ['latency beyond the deadline', { kind: 'latency', delayMs: 2 * TIMEOUT_MS }],
  ['a narrow line', { kind: 'throttle', bytesPerSecond: 5_000 }],
  ['a partition', { kind: 'black-hole' }],
  ['a partition of the way back', { kind: 'black-hole', direction: 'to-client' }],
  ['lost replies', { kind: 'drop', direction: 'to-client' }],
  ['half-open connections', { kind: 'half-open' }],
  ['replies cut in the middle', { kind: 'cut', direction: 'to-client', afterBytes: 1_201 }],
  ['requests cut in the middle', { kind: 'cut', direction: 'to-server', afterBytes: 2_001 }],
  ['a server that has gone', { kind: 'refuse' }],
];

describe(`the read model behind a failing network, on ${server.ranAgainst}`, () => {
  test.each(faults)('%s: deadlines kept, each event folded once, the checkpoint never ahead', async (_, fault) => {
    const stop = new AbortController();
    const timings: number[] = [];
    const projectors = [project(1, timings, stop.signal), project(120, timings, stop.signal)];
    while ((await expectTrue()) < 3 * BATCH) await sleep(10);
    await proxy.set(fault);
    for (const until = performance.now() + FAULT_MS; performance.now() < until; await sleep(50)) await expectTrue();
    await proxy.set(undefined);
    // It recovers by itself.
    const healed = await expectTrue();
    for (const until = performance.now() + 10_000; performance.now() < until; await sleep(20))
      if ((await expectTrue()) > healed + 5 * BATCH) break;
    stop.abort();
    await Promise.all(projectors);
    expect(await expectTrue()).toBeGreaterThan(healed + 5 * BATCH);
    expect(Math.max(...timings)).toBeLessThan(LONGEST_CALL_MS);
  });

  // The driver lets the socket's own error through here.
  test('a connection that breaks while a write waits for room: unavailable too', async () => {
    const model = await openProxied();
    await model.find('things', {}, { limit: 1 }); // connected, and knows the indexes
    await proxy.set({ kind: 'black-hole' });
    const next = { _id: 'large', _p: positionOf(1), text: 'x'.repeat(8 * 1024 * 1024) };
    const written = model.writeGuarded('things', [{ id: 'large', expected: null, next }]);
    written.catch(() => undefined);
    await sleep(200);
    await proxy.set({ kind: 'cut', direction: 'to-server', afterBytes: 0 });
    await expect(written).rejects.toThrow(ReadModelUnavailable);
    await expect(written).rejects.toThrow(/the connection to MongoDB at 127\.0\.0\.1:\d+ broke/);
  });
});

async function openProxied(): Promise<ReadModel> {
  const options = { database, standalone, timeoutMs: TIMEOUT_MS, selectionTimeoutMs: TIMEOUT_MS };
  // No fault stands yet, but a busy machine may take longer to connect than a call may here.
  for (let tries = 1; ; tries++)
    try {
      const model = await openMongoReadModel({ url: proxy.url, ...options });
      opened.push(model);
      return model;
    } catch (error) {
      if (!(error instanceof ReadModelUnavailable) || tries === 20) throw error;
    }
}
