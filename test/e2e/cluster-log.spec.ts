// The log and its movements on the cluster: an embedded installation goes over to it, and an older log put back beside
// newer read models is noticed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEventStoreLog, openSqliteEventLog, type EventLog } from '@cairn/eventlog';
import type { Position, StoredEvent } from '@cairn/kernel';
import { ROLES, type ClusterConfiguration } from '@cairn/platform';
import { startEventStoreDouble, startMongoDouble, type EventStoreDouble, type MongoDouble } from '@cairn/testing';
import { migrate } from '../../apps/cli/src/migrate.js';
import { completeIt, publishOneModule } from '../support/catalog.js';
import { OPERATOR, startServer, type TestServer } from '../support/server.js';

const BASE_URL = 'https://cairn.example';
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const eventStoreDouble = async (): Promise<EventStoreDouble> => {
  const double = await startEventStoreDouble();
  closing.push(double.stop);
  return double;
};
const mongoDouble = async (): Promise<MongoDouble> => {
  const double = await startMongoDouble();
  closing.push(double.stop);
  return double;
};
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), 'cairn-cluster-log-'));
  closing.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
};
const start = async (options: Parameters<typeof startServer>[0]): Promise<TestServer> => {
  const server = await startServer({ keep: true, ...options });
  closing.push(server.close);
  return server;
};
const stop = async (server: TestServer): Promise<void> => {
  closing.splice(closing.indexOf(server.close), 1);
  await server.close();
};
const allOf = async (log: EventLog): Promise<readonly StoredEvent[]> => {
  const events: StoredEvent[] = [];
  for (let after = '' as Position; ;) {
    const page = await log.readAll({ after, limit: 1_000 });
    events.push(...page.events);
    if (page.atEnd) return events;
    after = page.readUpTo;
  }
};
const clusterOf = (eventStore: EventStoreDouble, mongo: MongoDouble, masterKey: Uint8Array): ClusterConfiguration => ({
  eventStoreUrl: eventStore.connectionString,
  mongoUrl: mongo.url,
  masterKey,
  roles: ROLES,
  leaseMs: 15_000,
});

it('an embedded installation goes over to the cluster: log, keys and signed copies', async () => {
  const data = folder();
  const embedded = await start({ directory: data });
  const { key, issuer } = await embedded.tenant('moved');
  await publishOneModule(embedded.as(key), issuer);
  const learner = await completeIt(embedded.as(key), 'Ada');
  await embedded.settled();
  const { items } = (await embedded.as(key).get('/api/credentials')).body;
  const token = (await embedded.as(key).get('/api/learners')).headers['position'] as string;
  await stop(embedded);
  writeFileSync(join(data, 'base-url'), `${BASE_URL}\n`);

  const [eventStore, mongo] = [await eventStoreDouble(), await mongoDouble()];
  const masterKey = readFileSync(join(data, 'master-key'));
  const env = {
    CAIRN_EVENTSTORE_URL: eventStore.connectionString,
    CAIRN_MONGODB_URL: mongo.url,
    CAIRN_MASTER_KEY: masterKey.toString('base64'),
    CAIRN_BASE_URL: BASE_URL,
    CAIRN_OPERATOR_TOKEN: OPERATOR,
  };
  const move = (more: NodeJS.ProcessEnv = {}) => migrate(data, 'cluster', () => undefined, { ...env, ...more });
  await expect(move({ CAIRN_BASE_URL: 'https://other.example' })).rejects.toThrow(/signed under https:\/\/cairn/);
  await expect(move({ CAIRN_MASTER_KEY: Buffer.alloc(32).toString('base64') })).rejects.toThrow(/is not the key of/);
  await expect(migrate(data, 'cluster', () => undefined, {})).rejects.toThrow(/set CAIRN_EVENTSTORE_URL/);
  const first = await move();
  expect(first).toMatchObject({ found: 0, vault: { blobs: 1 } });
  expect(await move()).toEqual({ ...first, found: first.events, ended: true });

  const [source, target] = [
    await openSqliteEventLog({ directory: data }),
    openEventStoreLog({ connectionString: eventStore.connectionString }),
  ];
  const bare = (events: readonly StoredEvent[]) => events.map(({ position: _position, ...event }) => event);
  const [before, after] = [bare(await allOf(source)), bare(await allOf(target))];
  expect(after.slice(0, before.length)).toEqual(before);
  expect(after).toHaveLength(before.length + 1); // its own identity
  await source.close();
  await target.close();

  const server = await start({ directory: folder(), cluster: clusterOf(eventStore, mongo, masterKey) });
  await server.settled();
  const client = server.as(key);
  expect((await client.get(`/api/learners/${learner}`)).body).toMatchObject({ name: 'Ada', email: 'ada@example.org' });
  expect((await client.get('/api/learners', { 'if-position-at-least': token })).body.code).toBe('position-foreign');
  const credential = items[0].credential as string;
  expect((await server.as(undefined).get(`/c/${credential}.json`)).body).toMatchObject({ status: 'valid' });
  // It goes on where the other stopped: issues with the same key.
  const next = await completeIt(client, 'Grace');
  await server.settled();
  expect((await client.get(`/api/credentials?learner=${next}`)).body.items).toHaveLength(1);
  expect((await client.get('/api/credentials')).body.items).toHaveLength(2);
}, 180_000);

it('an older log beside newer read models is noticed: they are folded anew, and reactors ask', async () => {
  const [older, newer, mongo] = [await eventStoreDouble(), await eventStoreDouble(), await mongoDouble()];
  const masterKey = Buffer.alloc(32, 3);
  const first = await start({ directory: folder(), cluster: clusterOf(newer, mongo, masterKey) });
  const { key } = await first.tenant('rewound');
  const kept = await first.as(key).post('/api/learners', { name: 'Kept' });
  await first.settled();
  const backedUp = await allOf(first.installation.log);
  await first.as(key).post('/api/learners', { name: 'Lost' });
  await first.settled();
  await stop(first);

  // As a restored backup of the server would have it: the same events at the same positions.
  const restored = openEventStoreLog({ connectionString: older.connectionString });
  for (const { stream, revision, position: _position, ...event } of backedUp)
    await restored.append(stream, revision === 0 ? 'none' : revision - 1, [event]);
  expect(await allOf(restored)).toEqual(backedUp);
  await restored.close();

  const second = await start({ directory: folder(), cluster: clusterOf(older, mongo, masterKey) });
  const client = second.as(key);
  const deadline = Date.now() + 30_000;
  let ids: string[] = [];
  while (Date.now() < deadline && ids.join() !== kept.id)
    ids = ((await client.get('/api/learners')).body.items ?? []).map(({ id }: { id: string }) => id);
  expect(ids).toEqual([kept.id]);
  const parked = await second.installation.parked();
  expect(parked.length).toBeGreaterThan(0);
  expect(new Set(parked.map(({ runner, code }) => `${runner} ${code}`))).toEqual(new Set(['reactor log-rewound']));
  const ready = await second.operator.get('/readyz');
  expect(ready).toMatchObject({ status: 503, body: { ready: false } });
  expect(ready.body.faults.join()).toMatch(/has stopped and needs a person: see \/ops\/parked/);
}, 120_000);
