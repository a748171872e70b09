// Registrations by the dozen while a store fails under them: each is answered in its time, and none with a 500. A
// registration asks all there is: keys in the vault, identifiers and the learner's stream in the log.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROLES } from '@cairn/platform';
import {
  startEventStoreDouble,
  startFaultProxy,
  startMongoDouble,
  type EventStoreDouble,
  type FaultProxy,
  type MongoDouble,
  type ProxyFault,
} from '@cairn/testing';
import { eventually } from '../support/cluster.js';
import { startServer, type Answer, type Client, type TestServer } from '../support/server.js';

const AT_ONCE = 60;
/** The deadline of a command, 10 s, and what a busy machine adds. */
const ANSWERED_MS = 20_000;

let eventStore: EventStoreDouble;
let mongo: MongoDouble;
let toEventStore: FaultProxy;
let toMongo: FaultProxy;
let server: TestServer;
let client: Client;
const directory = mkdtempSync(join(tmpdir(), 'cairn-overload-'));

beforeAll(async () => {
  [eventStore, mongo] = await Promise.all([startEventStoreDouble(), startMongoDouble()]);
  toEventStore = await startFaultProxy({ target: eventStore.connectionString });
  toMongo = await startFaultProxy({ target: mongo.url });
  const masterKey = Buffer.alloc(32, 1);
  const urls = { eventStoreUrl: toEventStore.url, mongoUrl: toMongo.url };
  server = await startServer({ directory, keep: true, cluster: { ...urls, masterKey, roles: ROLES, leaseMs: 6_000 } });
  ({ client } = await server.tenant('crowded'));
}, 180_000);
afterAll(async () => {
  await server.close();
  await Promise.all([toEventStore.stop(), toMongo.stop()]);
  await Promise.all([eventStore.stop(), mongo.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

type Timed = Answer & { readonly ms: number };
const register = async (id: string): Promise<Timed> => {
  const asked = performance.now();
  const body = { name: `Learner ${id}`, externalIds: [{ system: 'sis', value: id }] };
  const answer = await client.send('POST', '/api/learners', body, { 'idempotency-key': id });
  return { ...answer, ms: performance.now() - asked };
};

const of = (proxy: () => FaultProxy, fault: ProxyFault) => () => proxy().set(fault);
const log = (): FaultProxy => toEventStore;
const models = (): FaultProxy => toMongo;
const troubles: readonly (readonly [what: string, strike: () => unknown])[] = [
  ['nothing', () => undefined],
  ['the log refuses connections', of(log, { kind: 'refuse' })],
  ['the log is behind a partition', of(log, { kind: 'black-hole' })],
  ['replies of the log are lost', of(log, { kind: 'drop', direction: 'to-client' })],
  ['replies of the log are cut', of(log, { kind: 'cut', direction: 'to-client', afterBytes: 3_001 })],
  ['reads of the log stay without an answer', () => eventStore.muteReads(true)],
  ['MongoDB refuses connections', of(models, { kind: 'refuse' })],
  ['MongoDB is behind a partition', of(models, { kind: 'black-hole' })],
  ['replies of MongoDB are cut', of(models, { kind: 'cut', direction: 'to-client', afterBytes: 3_001 })],
  ['requests to MongoDB are cut', of(models, { kind: 'cut', direction: 'to-server', afterBytes: 3_001 })],
  ['MongoDB has no primary', () => (mongo.faults.notPrimary = true)],
];

it.each(troubles)(
  '%s',
  async (what, strike) => {
    const heal = async (): Promise<void> => {
      eventStore.muteReads(false);
      mongo.faults.notPrimary = false;
      await Promise.all([toEventStore.set(undefined), toMongo.set(undefined)]);
    };
    const ids = Array.from({ length: AT_ONCE }, (_, n) => `${what.replaceAll(' ', '-')}-${n}`);
    const asked = ids.map(register);
    await sleep(100);
    await strike();
    try {
      const answers = await Promise.all(asked);
      for (const { status, body, headers, ms } of answers) {
        expect([200, 201, 503]).toContain(status);
        if (status === 503) expect(headers['retry-after']).toBe('1');
        if (status === 503) expect(['log-unavailable', 'vault-unavailable', 'overloaded']).toContain(body.code);
        expect(ms).toBeLessThan(ANSWERED_MS);
      }
    } finally {
      await heal();
    }
    await eventually(
      () => register(`${what}-after`),
      ({ status }) => status < 300,
      60_000,
    );
    const again = await Promise.all(ids.map(register));
    expect(new Set(again.map(({ body }) => body.id)).size).toBe(AT_ONCE);
  },
  120_000,
);
