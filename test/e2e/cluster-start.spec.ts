// What keeps a process from starting on the cluster, and what it says then: always what is wrong, where, and what to do;
// never a password.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration, ROLES } from '@cairn/platform';
import { startEventStoreDouble, startMongoDouble, type EventStoreDouble, type MongoDouble } from '@cairn/testing';
import { MongoClient } from 'mongodb';
import type { ProjectionStatus } from '@cairn/runtime';
import { OPERATOR, startServer, type TestServer } from '../support/server.js';

let eventStore: EventStoreDouble;
let mongo: MongoDouble;
let standalone: MongoDouble;
const directory = mkdtempSync(join(tmpdir(), 'cairn-start-'));
const running: TestServer[] = [];

beforeAll(async () => {
  [eventStore, mongo, standalone] = await Promise.all([
    startEventStoreDouble(),
    startMongoDouble(),
    startMongoDouble({ replicaSet: false }),
  ]);
});
afterAll(async () => {
  for (const server of running) await server.close();
  await Promise.all([eventStore.stop(), mongo.stop(), standalone.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

type Urls = { readonly eventStoreUrl: string; readonly mongoUrl: string; readonly masterKey: Uint8Array };
const start = async (change: Partial<Urls> = {}): Promise<TestServer> => {
  const urls = { eventStoreUrl: eventStore.connectionString, mongoUrl: mongo.url, masterKey: Buffer.alloc(32, 1) };
  const cluster = { ...urls, ...change, roles: ROLES, leaseMs: 3_000 };
  const server = await startServer({ directory, keep: true, cluster });
  running.push(server);
  return server;
};
const database = (url: string, name: string): string => url.replace(/^(mongodb:\/\/[^/]+)\/[^?]*/, `$1/${name}`);
const nowhere = '127.0.0.1:1';

type Trouble = readonly [what: string, change: () => Partial<Urls> | Promise<Partial<Urls>>, message: RegExp];
const troubles: readonly Trouble[] = [
  [
    'EventStoreDB is down, or its address is wrong',
    () => ({ eventStoreUrl: `esdb://${nowhere}?tls=false` }),
    /event store cannot be reached.*check that it runs, its address, and whether it expects TLS/,
  ],
  [
    'EventStoreDB speaks no TLS, the address asks for it',
    () => ({ eventStoreUrl: eventStore.connectionString.replace('tls=false', 'tls=true') }),
    /no TLS connection to the event store.*tls=false in the connection string/,
  ],
  [
    'EventStoreDB refuses the credentials',
    () => {
      eventStore.denyAccess(true);
      return {};
    },
    /event store denied access: check user, password and rights/,
  ],
  [
    'MongoDB is down, or its address is wrong',
    () => ({ mongoUrl: `mongodb://reader:s3cret@${nowhere}/cairn` }),
    /no MongoDB answers at 127\.0\.0\.1:1: is it running, and are host, port and replicaSet right/,
  ],
  [
    'MongoDB speaks no TLS, the address asks for it',
    () => ({ mongoUrl: `${mongo.url}&tls=true` }),
    /no TLS connection/,
  ],
  [
    'MongoDB refuses the credentials',
    () => ({ mongoUrl: mongo.url.replace('mongodb://', 'mongodb://reader:s3cret@') }),
    /refused the credentials: check user, password and authSource/,
  ],
  [
    'MongoDB has no replica set',
    () => ({ mongoUrl: standalone.url }),
    /has no replica set: start it with --replSet rs0, run rs\.initiate\(\) once/,
  ],
  [
    'the database has the schema of another version',
    async () => {
      const client = new MongoClient(mongo.url);
      await client
        .db('old')
        .collection<{ _id: string; version: number }>('_schema')
        .insertOne({ _id: 'schema', version: 0 });
      await client.close();
      return { mongoUrl: database(mongo.url, 'old') };
    },
    /"old".* has schema 0, this program needs \d+: drop the database, it is rebuilt from the log, or name another/,
  ],
  [
    'the database belongs to another program',
    async () => {
      const client = new MongoClient(mongo.url);
      await client.db('theirs').collection<{ _id: string }>('customers').insertOne({ _id: 'one' });
      await client.close();
      return { mongoUrl: database(mongo.url, 'theirs') };
    },
    /holds collections of another program \(customers\): name a database of its own/,
  ],
];

it.each(troubles)('%s', async (_what, change, message) => {
  const changed = await change();
  try {
    const failed = start(changed);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.not.toThrow(/s3cret/);
  } finally {
    eventStore.denyAccess(false);
  }
});

it('another master key, or another address to sign under, than the installation began with', async () => {
  const first = await start();
  await first.tenant('first');
  await expect(start({ masterKey: Buffer.alloc(32, 2) })).rejects.toThrow(/master key does not fit.*every process/);
  const env = {
    CAIRN_EVENTSTORE_URL: eventStore.connectionString,
    CAIRN_MONGODB_URL: mongo.url,
    CAIRN_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
    CAIRN_OPERATOR_TOKEN: OPERATOR,
    CAIRN_BASE_URL: 'https://other.example/',
  };
  const { cluster, baseUrl } = loadConfiguration(env);
  const other = startServer({ directory, keep: true, baseUrl, ...(cluster ? { cluster } : {}) });
  await expect(other).rejects.toThrow(
    /is https:\/\/other\.example, but credentials .* signed under https:\/\/cairn\.example/,
  );
}, 180_000);

it('an index in the way that somebody made by hand: both definitions are named', async () => {
  const { projections } = await (running[0] as TestServer).installation.status();
  const { collection, version } = projections.find(({ name }) => name === 'learners') as ProjectionStatus;
  const url = database(mongo.url, 'indexed');
  const client = new MongoClient(url);
  const [index] = (await client.db('cairn').collection(collection).indexes()).filter(({ name }) => name !== '_id_');
  const name = index?.name as string;
  const there = client.db('indexed');
  await there.collection<{ _id: string; version: number }>('_schema').insertOne({ _id: 'schema', version: 1 });
  await there
    .collection<{ _id: string; _p: string; live: object }>('runtime_builds')
    .insertOne({ _id: 'learners', _p: '1'.padStart(20, '0'), live: { collection, version, lanes: 1 } });
  await there.collection(collection).createIndex({ other: 1 }, { name });
  await client.close();
  await expect(start({ mongoUrl: url })).rejects.toThrow(
    new RegExp(`collection "${collection}" has the index .*other.*wanted is .*${name}`),
  );
}, 180_000);

it('half a cluster, unknown roles and missing secrets: every fault in one list, and no secret in it', () => {
  const faults = (env: NodeJS.ProcessEnv): string => {
    try {
      loadConfiguration({ CAIRN_DATA: directory, ...env });
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  const esdb = 'esdb://admin:s3cret@127.0.0.1:2113?tls=true';
  expect(faults({ CAIRN_EVENTSTORE_URL: esdb })).toMatch(
    /4 fault\(s\)[^]*CAIRN_MONGODB_URL: is missing, though CAIRN_EVENTSTORE_URL is set[^]*CAIRN_BASE_URL: is needed[^]*CAIRN_OPERATOR_TOKEN[^]*CAIRN_MASTER_KEY/,
  );
  expect(faults({ CAIRN_EVENTSTORE_URL: esdb })).not.toContain('s3cret');
  expect(faults({ CAIRN_MONGODB_URL: mongo.url })).toMatch(/CAIRN_EVENTSTORE_URL: is missing/);
  expect(faults({ CAIRN_MONGODB_URL: 'http://user:s3cret@host' })).toMatch(/CAIRN_MONGODB_URL: is no address such as/);
  expect(faults({ CAIRN_MONGODB_URL: 'http://user:s3cret@host' })).not.toContain('s3cret');
  expect(faults({ CAIRN_ROLES: 'api' })).toMatch(/the embedded stores admit one process, which does all/);
  expect(faults({ CAIRN_ROLES: 'api,web' })).toMatch(/"web" is no role; there are api, projector, reactor, scheduler/);
  expect(faults({ CAIRN_MASTER_KEY: 'short' })).toMatch(/CAIRN_MASTER_KEY: is not 32 bytes in base64/);
  expect(faults({ CAIRN_ROLES: 'scheduler,api,projector,reactor' })).toBe('accepted');
});
