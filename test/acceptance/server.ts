// The server of an acceptance test: on the store pair of its Jest project, and looked at when all its rows have passed.
import { startEventStoreDouble, startMongoDouble } from '@cairn/testing';
import type { SmtpOptions } from '@cairn/mail';
import { ROLES, type ClusterConfiguration } from '@cairn/platform';
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { startServer, type TestServer } from '../support/server.js';

/** jest.config.mjs: every acceptance test runs once on each. */
const { storePair } = globalThis as unknown as { readonly storePair: 'embedded' | 'cluster' };

const servers: TestServer[] = [];
const stops: (() => Promise<void>)[] = [];

/** A server on the embedded stores, or by the cluster's adapters on servers in this process. Nobody has to close it. */
export async function startAcceptanceServer(options: { readonly smtp?: SmtpOptions } = {}): Promise<TestServer> {
  const cluster = storePair === 'cluster' ? { cluster: await startCluster(), patient: true } : {};
  const server = await startServer({ watched: true, ...cluster, ...options });
  servers.push(server);
  return server;
}

/** Of a property's random histories the cluster tries a fifth: what they differ in is the decisions, not the stores. */
export const runs = (embedded: number): number => (storePair === 'cluster' ? Math.ceil(embedded / 5) : embedded);

async function startCluster(): Promise<ClusterConfiguration> {
  const [eventStore, mongo] = await Promise.all([startEventStoreDouble(), startMongoDouble()]);
  stops.push(eventStore.stop, mongo.stop);
  return {
    eventStoreUrl: eventStore.connectionString,
    mongoUrl: mongo.url,
    masterKey: Buffer.alloc(32, 1),
    roles: ROLES,
    leaseMs: 6_000,
  };
}

/**
 * At the end of every file, by the project's setup: D1–D12 hold, nothing waits for a person, each decision follows again
 * from its record, and every read model folds to the same.
 */
export async function expectSoundServers(): Promise<void> {
  for (const { installation, breaches } of servers) {
    expect(await breaches()).toEqual([]);
    expect(await installation.parked()).toEqual([]);
    const { faults, redecided } = await verifyLog(installation, { redecide: true, settled: true });
    expect(faults).toEqual([]);
    expect(redecided).toBeGreaterThan(1);
    const parity = await installation.rebuild();
    expect(parity.length).toBe(installation.projectionNames.length);
    expect(parity.filter(({ equal }) => !equal)).toEqual([]);
  }
}

export async function closeServers(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await Promise.all(stops.splice(0).map((stop) => stop()));
}
