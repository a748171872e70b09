// A store that fails while a process runs on the cluster: commands are answered within their deadline, /readyz says why, and
// once the store is back all goes on; what was acknowledged is there once, and nothing else.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position, StoredEvent } from '@cairn/kernel';
import { ROLES } from '@cairn/platform';
import {
  startEventStoreDouble,
  startFaultProxy,
  startMongoDouble,
  type EventStoreDouble,
  type FaultProxy,
  type MongoDouble,
} from '@cairn/testing';
import { publishOneModule } from '../support/catalog.js';
import { eventually } from '../support/cluster.js';
import { startServer, type Answer, type Client, type TestServer } from '../support/server.js';

/** The executor's deadline, and what a busy machine adds. */
const ANSWERED_MS = 20_000;

let eventStore: EventStoreDouble;
let mongo: MongoDouble;
let toEventStore: FaultProxy;
let toMongo: FaultProxy;
let server: TestServer;
let client: Client;
let learner: string;
let recordStream: string;
let round = 0;
const directory = mkdtempSync(join(tmpdir(), 'cairn-trouble-'));

beforeAll(async () => {
  [eventStore, mongo] = await Promise.all([startEventStoreDouble(), startMongoDouble()]);
  toEventStore = await startFaultProxy({ target: eventStore.connectionString });
  toMongo = await startFaultProxy({ target: mongo.url });
  server = await startServer({
    directory,
    keep: true,
    cluster: {
      eventStoreUrl: toEventStore.url,
      mongoUrl: toMongo.url,
      masterKey: Buffer.alloc(32, 1),
      roles: ROLES,
      leaseMs: 6_000,
    },
  });
  const tenant = await server.tenant('troubled');
  ({ client } = tenant);
  await publishOneModule(client, tenant.issuer);
  for (const n of troubles.keys())
    await client.post('/api/modules', {
      slug: `M${n + 1}`,
      title: { en: `Module ${n + 1}` },
      credits: 5,
      passMark: 40,
    });
}, 180_000);
afterAll(async () => {
  await server.close();
  await Promise.all([toEventStore.stop(), toMongo.stop()]);
  await Promise.all([eventStore.stop(), mongo.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

/** A learner for each trouble: the key at hand is trusted for 30 s without being looked up again, however slow a machine is. */
async function enrollSomebody(): Promise<void> {
  learner = (await client.post('/api/learners', { name: 'Ada' })).id;
  await client.post('/api/enrollments', { learner, pathway: 'seo', occurredAt: '2026-01-10T09:00:00Z' });
  await server.settled();
  const { events } = await server.installation.log.readAll({ after: '' as Position, limit: 1_000 });
  const { stream } = events.findLast(({ type }) => type === 'learner-enrolled') as StoredEvent;
  recordStream = stream;
}

/** One module for each trouble: a command without personal data. */
const complete = (): Promise<Answer> =>
  client.send(
    'POST',
    `/api/learners/${learner}/complete-module`,
    { module: `M${round}`, score: 80, occurredAt: '2026-02-01T09:00:00Z' },
    { 'idempotency-key': `completion-${round}` },
  );
const timed = async (ask: () => Promise<Answer>): Promise<Answer & { readonly ms: number }> => {
  const asked = performance.now();
  const answer = await ask();
  return { ...answer, ms: performance.now() - asked };
};

type Trouble = {
  readonly what: string;
  readonly strike: () => unknown;
  readonly heal: () => unknown;
  readonly store: 'log' | 'readModel';
  /** What the operator is told, by /readyz. */
  readonly told: RegExp;
  readonly reads?: true;
};
const troubles: readonly Trouble[] = [
  {
    what: 'EventStoreDB refuses connections',
    strike: () => toEventStore.set({ kind: 'refuse' }),
    heal: () => toEventStore.set(undefined),
    store: 'log',
    told: /event store (cannot be reached|failed)|did not answer/,
  },
  {
    what: 'EventStoreDB is behind a partition',
    strike: () => toEventStore.set({ kind: 'black-hole' }),
    heal: () => toEventStore.set(undefined),
    store: 'log',
    told: /event (store|log) did not answer/,
  },
  {
    what: 'EventStoreDB has no leader',
    strike: () => eventStore.failAppends('not-leader', 100_000),
    heal: () => eventStore.failAppends('not-leader', 0),
    store: 'log',
    told: /no leader now/,
  },
  {
    what: 'EventStoreDB does not know the user any more',
    strike: () => eventStore.denyAccess(true),
    heal: () => eventStore.denyAccess(false),
    store: 'log',
    told: /denied access: check user, password and rights/,
  },
  {
    what: 'MongoDB refuses connections',
    strike: () => toMongo.set({ kind: 'refuse' }),
    heal: () => toMongo.set(undefined),
    store: 'readModel',
    told: /no MongoDB answers|MongoDB at|did not answer/,
  },
  {
    what: 'MongoDB is behind a partition',
    strike: () => toMongo.set({ kind: 'black-hole' }),
    heal: () => toMongo.set(undefined),
    store: 'readModel',
    told: /read model did not answer|MongoDB/,
  },
  {
    what: 'MongoDB has no primary',
    strike: () => (mongo.faults.notPrimary = true),
    heal: () => (mongo.faults.notPrimary = false),
    store: 'readModel',
    told: /MongoDB at|not primary/i,
  },
  {
    what: 'the disk of MongoDB is full',
    strike: () => (mongo.faults.diskFull = true),
    heal: () => (mongo.faults.diskFull = false),
    store: 'readModel',
    told: /has no disk space left: make room or give it a larger disk/,
    // What was written before is still read.
    reads: true,
  },
  {
    what: 'the disk of EventStoreDB is full, and it has ended itself',
    strike: () => toEventStore.set({ kind: 'refuse' }),
    heal: () => toEventStore.set(undefined),
    store: 'log',
    told: /one whose disk is full has ended itself, and starts once there is room/,
  },
];

describe.each(troubles)('$what', ({ strike, heal, store, told, reads }) => {
  it('commands are answered in time, /readyz says why, and all goes on afterwards', async () => {
    round++;
    await enrollSomebody();
    const before = (await server.installation.executor.history(recordStream)).length;
    await strike();
    let command: Answer & { readonly ms: number };
    try {
      const asked = timed(complete);
      // The fault of writes is known only once one failed.
      if (store === 'log') await asked;
      if (reads) {
        await asked;
        await eventually(
          () => server.operator.get('/readyz'),
          ({ status }) => status === 503,
        );
      }
      const [answered, query, shown, details] = await Promise.all([
        asked,
        timed(() => client.get('/api/learners')),
        timed(() => server.as(undefined).get('/readyz')),
        timed(() => server.operator.get('/readyz')),
      ]);
      command = answered;
      if (store === 'log')
        expect(command).toMatchObject({
          status: 503,
          body: { code: 'log-unavailable' },
          headers: { 'retry-after': '1' },
        });
      else {
        // F8: what touches no personal data is recorded while the read models are away.
        expect(command).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
        if (reads) expect(query.status).toBe(200);
        else expect(query).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
      }
      for (const { ms } of [command, query, shown, details]) expect(ms).toBeLessThan(ANSWERED_MS);
      expect(shown).toMatchObject({ status: 503, body: { ready: false, [store]: { ok: false } } });
      expect(shown.text).not.toContain('127.0.0.1');
      expect(details.body.faults.join('\n')).toMatch(told);
      expect((await server.as(undefined).get('/livez')).status).toBe(200);
    } finally {
      await heal();
    }
    // The same command again: whatever became of it, it takes effect once.
    const again = await eventually(complete, ({ status }) => status === 200, 60_000);
    expect(again.body.events).toHaveLength(1);
    await eventually(
      () => server.operator.get('/readyz'),
      ({ status }) => status === 200,
      60_000,
    );
    await server.settled();
    expect((await server.installation.executor.history(recordStream)).length).toBe(before + 1);
    expect(await server.installation.parked()).toEqual([]);
  }, 180_000);
});

describe.each([
  ['ahead of', -60_000],
  ['behind', 60_000],
])('a clock %s that of MongoDB', (where, clockAheadMs) => {
  it('is told by /readyz; work goes on meanwhile', async () => {
    mongo.faults.clockAheadMs = clockAheadMs;
    try {
      const { status, body } = await server.operator.get('/readyz');
      expect({ status, log: body.log.ok, readModel: body.readModel.ok }).toEqual({
        status: 503,
        log: true,
        readModel: true,
      });
      expect(body.faults.join()).toMatch(
        new RegExp(`clock of this machine is 60 s ${where} that of MongoDB.*let NTP set`),
      );
      expect((await client.send('POST', '/api/learners', { name: 'Skewed' })).status).toBe(201);
      await server.settled();
    } finally {
      delete mongo.faults.clockAheadMs;
    }
    expect((await server.operator.get('/readyz')).status).toBe(200);
  }, 60_000);
});
