// Where an installation keeps what it knows: all of it in the data folder, or the log in EventStoreDB, and read models
// and vaults in MongoDB. Whoever comes after this file sees ports only.
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import {
  LogUnavailable,
  openEventStoreLog,
  openSqliteEventLog,
  type EventLog,
  type EventStoreLog,
} from '@cairn/eventlog';
import { openMongoReadModel, openSqliteReadModel, ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import {
  loadMasterKey,
  openMongoVaults,
  openSqliteBlobVault,
  openSqliteKeyVault,
  VaultUnavailable,
  type BlobVault,
  type KeyVault,
} from '@cairn/vault';
import type { ClusterConfiguration, Configuration } from './configuration.js';

export type BackupResult = { readonly folder: string; readonly events: number; readonly keys: boolean };

export type Stores = {
  readonly log: EventLog;
  readonly readModel: ReadModel;
  readonly keyVault: KeyVault;
  readonly blobVault: BlobVault;
  /** Of EventStoreDB: what happened to its connections so far. */
  readonly connection?: EventStoreLog['status'];
  /** Why appends failed, if the last one did and that is not long ago: reads may still work. */
  readonly appendFault?: () => string | undefined;
  /** The same of writes to the read model, of which reads may know nothing: a disk may be full. */
  readonly writeFault?: () => string | undefined;
  /** How far the clock of this machine is ahead of that of MongoDB, in milliseconds. */
  readonly clockSkewMs?: () => Promise<number>;
  /** Who holds leases. Constant where the store admits one process only: a restart takes over at once. */
  readonly owner: string;
  /** Copies the log, and with `keys` the vaults, to a new folder. Throws an Error where servers hold them. */
  readonly backup: (folder: string, options: { readonly keys: boolean }) => Promise<BackupResult>;
  readonly close: () => Promise<void>;
};

/** Throws an Error that says what is wrong with which store, and what to do. */
export function openStores(configuration: Configuration): Promise<Stores> {
  return configuration.cluster
    ? openCluster(configuration.cluster, configuration.baseUrl)
    : openEmbedded(configuration.dataDirectory);
}

/** A command asks the vault on its way to the log: a vault that is silent, and is asked twice, must not outlast it. */
const VAULT_MS = 4_000;

type Closable = { readonly close: () => unknown };

/** Closes what was opened, the last first; also if opening fails half-way. */
async function opening<T>(work: (keep: <C extends Closable>(one: C) => C) => Promise<T>): Promise<T> {
  const opened: Closable[] = [];
  try {
    return await work((one) => {
      opened.push(one);
      return one;
    });
  } catch (error) {
    for (const one of opened.toReversed()) await one.close();
    throw error;
  }
}

/** Throws `DataDirectoryLocked` if another process holds the folder. */
function openEmbedded(directory: string): Promise<Stores> {
  return opening(async (keep) => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const log = keep(await openSqliteEventLog({ directory }));
    const keyVault = keep(
      openSqliteKeyVault({
        file: join(directory, 'keys.sqlite'),
        masterKey: loadMasterKey({ file: join(directory, 'master-key') }),
      }),
    );
    const blobVault = keep(openSqliteBlobVault({ file: join(directory, 'blobs.sqlite'), keys: keyVault }));
    const readModel = keep(openSqliteReadModel({ file: join(directory, 'read-models.sqlite') }));
    return {
      log,
      readModel,
      keyVault,
      blobVault,
      owner: 'embedded',
      backup: async (folder, { keys }) => {
        await mkdir(dirname(resolve(folder)), { recursive: true, mode: 0o700 });
        await mkdir(folder, { mode: 0o700 }); // a folder that is there may hold another backup
        const { events } = await log.backup(join(folder, 'events.sqlite'));
        // After the log: every event in the copy finds its key and its blobs there.
        if (keys) {
          await blobVault.backup(join(folder, 'blobs.sqlite'));
          keyVault.backup(join(folder, 'keys.sqlite'));
          for (const file of ['master-key', 'base-url'])
            if (existsSync(join(directory, file))) await copyFile(join(directory, file), join(folder, file));
        }
        return { folder: resolve(folder), events, keys };
      },
      close: async () => {
        await readModel.close();
        await blobVault.close();
        keyVault.close();
        await log.close();
      },
    };
  });
}

function openCluster(
  { eventStoreUrl, mongoUrl, masterKey, startMs = 0 }: ClusterConfiguration,
  baseUrl: string,
): Promise<Stores> {
  const onceThere = whoWaits(startMs);
  return opening(async (keep) => {
    const database = databaseOf(mongoUrl);
    const { log, appendFault } = watchAppends(keep(openEventStoreLog({ connectionString: eventStoreUrl })));
    await onceThere(log.head); // connects: an address that leads nowhere is told now
    const vaults = keep(
      await onceThere(() =>
        openMongoVaults({ url: mongoUrl, database: `${database}_vault`, masterKey, timeoutMs: VAULT_MS }),
      ),
    );
    const { readModel, writeFault } = watchWrites(
      keep(await onceThere(() => openMongoReadModel({ url: mongoUrl, database }))),
    );
    const agreed = await onceThere(() => vaults.agree('base-url', baseUrl));
    if (agreed !== baseUrl)
      throw new Error(
        `CAIRN_BASE_URL is ${baseUrl}, but credentials of this installation are signed under ${agreed}. ` +
          `Set it to ${agreed}; to serve another address, put a redirect there.`,
      );
    return {
      log,
      readModel,
      keyVault: vaults.keys,
      blobVault: vaults.blobs,
      connection: log.status,
      appendFault,
      writeFault,
      clockSkewMs: vaults.clockSkewMs,
      owner: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
      backup: () =>
        Promise.reject(
          new Error(
            'log and vaults are on servers: back up EventStoreDB first and the vault database after it, by their own means',
          ),
        ),
      close: async () => {
        await readModel.close();
        await vaults.close();
        await log.close();
      },
    };
  });
}

const RETRY_MS = 500;
const TELL_MS = 5_000;

/**
 * Servers and processes are often started together, and a server with much to load answers late: what a start needs of
 * them is tried again, all of it together for `startMs` at most. The log says what is waited for.
 */
function whoWaits(startMs: number): <T>(need: () => Promise<T>) => Promise<T> {
  const logger = new Logger('start');
  const began = performance.now();
  const seconds = (ms: number): number => Math.round(ms / 1_000);
  let toldAt = -Infinity;
  return async (need) => {
    for (;;)
      try {
        return await need();
      } catch (error) {
        const waitedMs = performance.now() - began;
        if (startMs === 0 || !mayPass(error)) throw error;
        const { message } = error as Error;
        if (waitedMs >= startMs)
          throw new Error(`${message} (waited ${seconds(waitedMs)} s for it: CAIRN_START_SECONDS)`, { cause: error });
        if (performance.now() - toldAt >= TELL_MS) {
          toldAt = performance.now();
          logger.warn(`waiting, ${seconds(waitedMs)} s of ${seconds(startMs)} s: ${message}`);
        }
        await sleep(Math.min(RETRY_MS, startMs - waitedMs));
      }
  };
}

/** What a server or the way to it did not give. What the program itself found wrong with an answer has no such cause. */
function mayPass(error: unknown): boolean {
  const ours =
    error instanceof LogUnavailable || error instanceof ReadModelUnavailable || error instanceof VaultUnavailable;
  if (!ours || error.cause === undefined) return false;
  return error instanceof VaultUnavailable && error.cause instanceof ReadModelUnavailable ? mayPass(error.cause) : true;
}

/** So long after a failed write a store counts as failing, unless a later one went through. */
const WRITE_FAULT_MS = 10_000;

/** Remembers why the last write failed, and forgets it once one goes through. */
function createWatch(isFault: (error: unknown) => boolean) {
  let last: { readonly detail: string; readonly atMs: number } | undefined;
  return {
    watched:
      <A extends unknown[], R>(write: (...given: A) => Promise<R>) =>
      async (...given: A): Promise<R> => {
        try {
          const result = await write(...given);
          last = undefined;
          return result;
        } catch (error) {
          if (isFault(error)) last = { detail: (error as Error).message, atMs: performance.now() };
          throw error;
        }
      },
    fault: () => (last && performance.now() - last.atMs < WRITE_FAULT_MS ? last.detail : undefined),
  };
}

function watchAppends(log: EventStoreLog): {
  readonly log: EventStoreLog;
  readonly appendFault: () => string | undefined;
} {
  const { watched, fault } = createWatch((error) => error instanceof LogUnavailable);
  return { log: { ...log, append: watched(log.append) }, appendFault: fault };
}

function watchWrites(readModel: ReadModel): {
  readonly readModel: ReadModel;
  readonly writeFault: () => string | undefined;
} {
  const { watched, fault } = createWatch((error) => error instanceof ReadModelUnavailable);
  const { writeGuarded, saveCheckpoint, renewLease } = readModel;
  return {
    readModel: {
      ...readModel,
      writeGuarded: watched(writeGuarded),
      saveCheckpoint: watched(saveCheckpoint),
      renewLease: watched(renewLease),
    },
    writeFault: fault,
  };
}

/** The database that a MongoDB address names; `cairn` if none. */
export function databaseOf(url: string): string {
  const path = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^/?]+)/.exec(url)?.[1];
  return path === undefined ? 'cairn' : decodeURIComponent(path);
}
