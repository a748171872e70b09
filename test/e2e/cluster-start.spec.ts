// What keeps a process from starting on the cluster, and what it says then: always what is wrong, where, and what to do;
// never a password.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { loadConfiguration, ROLES } from '@cairn/platform';
import { startEventStoreDouble, startMongoDouble, type EventStoreDouble, type MongoDouble } from '@cairn/testing';
import { MongoClient } from 'mongodb';
import type { ProjectionStatus } from '@cairn/runtime';
import { eventually } from '../support/cluster.js';
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

type Urls = {
  readonly eventStoreUrl: string;
  readonly mongoUrl: string;
  readonly masterKey: Uint8Array;
  readonly startMs?: number;
};
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

describe('what may pass is waited for', () => {
  let told: string[];
  const warn = Object.getOwnPropertyDescriptor(Logger.prototype, 'warn') as PropertyDescriptor;
  beforeEach(() => {
    told = [];
    Logger.prototype.warn = (message: unknown) => void told.push(String(message));
  });
  afterEach(() => {
    Object.defineProperty(Logger.prototype, 'warn', warn);
  });

  it('an event store that is started later', async () => {
    const { port, stop } = await startEventStoreDouble();
    await stop();
    const url = `esdb://127.0.0.1:${port}?tls=false`;
    const starting = start({ eventStoreUrl: url, mongoUrl: database(mongo.url, 'later'), startMs: 60_000 });
    await sleep(1_000);
    const late = await startEventStoreDouble({ port });
    const server = await starting;
    await eventually(
      () => server.operator.get('/readyz'),
      ({ status }) => status === 200,
    );
    expect(told.join()).toMatch(/waiting, 0 s of 60 s: the event store cannot be reached.*check that it runs/);
    await running.pop()?.close();
    await late.stop();
  }, 120_000);

  it('an event store whose first answer takes longer than a read may', async () => {
    const slow = await startEventStoreDouble();
    slow.muteReads(true);
    setTimeout(() => slow.muteReads(false), 3_500);
    await start({ eventStoreUrl: slow.connectionString, mongoUrl: database(mongo.url, 'slow'), startMs: 60_000 });
    expect(told.join()).toMatch(/waiting, 3 s of 60 s: the event store did not answer a read within 3000 ms/);
    await running.pop()?.close();
    await slow.stop();
  }, 120_000);

  it('a MongoDB that is started later', async () => {
    const late = await startMongoDouble();
    const log = await startEventStoreDouble();
    await late.stop();
    const starting = start({ eventStoreUrl: log.connectionString, mongoUrl: late.url, startMs: 60_000 });
    await sleep(4_000);
    await late.start();
    await starting;
    expect(told.join()).toMatch(/waiting, \d+ s of 60 s: the key vault: no MongoDB answers at .*is it running/);
    await running.pop()?.close();
    await Promise.all([late.stop(), log.stop()]);
  }, 120_000);

  it('but not for ever, and not what no waiting mends', async () => {
    const gone = start({ eventStoreUrl: `esdb://${nowhere}?tls=false`, startMs: 1_500 });
    await expect(gone).rejects.toThrow(
      /cannot be reached.*check that it runs.*waited \d s for it: CAIRN_START_SECONDS/,
    );
    const began = performance.now();
    await expect(start({ mongoUrl: standalone.url, startMs: 600_000 })).rejects.toThrow(/has no replica set/);
    expect(performance.now() - began).toBeLessThan(60_000);
  }, 120_000);
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
