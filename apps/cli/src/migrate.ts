// Moves an embedded installation's log: to another data folder, to an EventStoreDB, or with the vaults to the cluster
// that the environment names, where processes can go on with it at once.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openEventStoreLog, openSqliteEventLog, type EventLog } from '@cairn/eventlog';
import { databaseOf, loadConfiguration, migrateLog, type ClusterConfiguration } from '@cairn/platform';
import { copyVaults, loadMasterKey, type VaultCopy } from '@cairn/vault';
import { CliError } from './session.js';

export type Migration = Awaited<ReturnType<typeof migrateLog>> & { readonly vault?: VaultCopy };

/**
 * `to`: a data folder, `esdb://…`, or `cluster`. Can be broken off and run again; verified at the end. `onProgress` is
 * told how many of how many events are there.
 */
export async function migrate(
  data: string,
  to: string,
  onProgress: (events: number, of: number) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Migration> {
  if (!existsSync(join(data, 'events.sqlite'))) throw new CliError(`There is no event log in ${data}.`);
  if (resolve(to) === resolve(data)) throw new CliError('--to names the log that is to be copied.');
  const cluster = to === 'cluster' ? clusterOf(data, env) : undefined;
  const source = await openSqliteEventLog({ directory: data });
  try {
    // Keys before the events that are sealed with them.
    const vault =
      cluster &&
      (await copyVaults({
        from: data,
        url: cluster.mongoUrl,
        database: `${databaseOf(cluster.mongoUrl)}_vault`,
        masterKey: cluster.masterKey,
      }));
    const target = await openTarget(cluster?.eventStoreUrl ?? to);
    try {
      const total = Number(await source.head()); // positions of the embedded log count its events
      const result = await migrateLog(source, target, { onProgress: (events) => onProgress(events, total) });
      return { ...result, ...(vault ? { vault } : {}) };
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function openTarget(to: string): Promise<EventLog> {
  if (!/^esdb(\+discover)?:/.test(to)) return openSqliteEventLog({ directory: to });
  const log = openEventStoreLog({ connectionString: to });
  try {
    await log.head(); // connects: an address that leads nowhere is told now
    return log;
  } catch (error) {
    await log.close();
    throw error;
  }
}

/** The cluster, with the folder's own master key and address: what is signed and sealed must stay readable. */
function clusterOf(data: string, env: NodeJS.ProcessEnv): ClusterConfiguration {
  const { cluster, baseUrl } = loadConfiguration({ ...env, CAIRN_DATA: data });
  if (!cluster)
    throw new CliError(
      '--to cluster: set CAIRN_EVENTSTORE_URL, CAIRN_MONGODB_URL and what else the processes there get.',
    );
  const kept = readFileSync(join(data, 'base-url'), 'utf8').trim();
  if (kept !== baseUrl)
    throw new CliError(
      `CAIRN_BASE_URL is ${baseUrl}, but credentials in ${data} are signed under ${kept}: set it to that.`,
    );
  const master = loadMasterKey({ file: join(data, 'master-key') });
  if (!master.equals(cluster.masterKey))
    throw new CliError(
      `CAIRN_MASTER_KEY is not the key of ${data}: take that one over with: base64 -w0 ${join(data, 'master-key')}`,
    );
  return cluster;
}
