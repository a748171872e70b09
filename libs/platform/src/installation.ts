// One installation, put together: stores, keys, executor, projections, reactors. Nothing here knows HTTP.
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Logger } from '@nestjs/common';
import {
  createCodec,
  uuidv5,
  type Codec,
  type CommandOutcome,
  type Instant,
  type Issued,
  type NewEvent,
  type Position,
  type StoredEvent,
  type TenantId,
} from '@cairn/kernel';
import { copyLog, LogsDiffer, openSqliteEventLog, type CopyResult, type EventLog } from '@cairn/eventlog';
import { openSqliteReadModel, type ReadModel } from '@cairn/readmodel';
import {
  createCommandExecutor,
  createFeed,
  createProjectionRunner,
  createReactorRunner,
  createScheduler,
  createViews,
  createWaiters,
  openUnchangedAnswers,
  settled,
  sleep,
  systemClock,
  systemTimers,
  type Clock,
  type CommandExecutor,
  type Feed,
  type OnTrouble,
  type Parity,
  type ParkedKey,
  type ProjectionStatus,
  type ReactorStatus,
  type SchedulerStatus,
  type RebuildOptions,
  type Views,
} from '@cairn/runtime';
import {
  createCipher,
  loadMasterKey,
  openSqliteBlobVault,
  openSqliteKeyVault,
  type BlobVault,
  type KeyVault,
} from '@cairn/vault';
import type { Configuration } from './configuration.js';
import type { ContextDefinition } from './context.js';

export type Dispatch = (issued: Issued) => Promise<CommandOutcome>;

/** What `/readyz` and `/ops/projections` tell. */
export type InstallationStatus = {
  readonly ready: boolean;
  /** Projections and reactors have reached the head of the log, and nothing is in flight or due. */
  readonly settled: boolean;
  readonly head: Position;
  readonly projections: readonly ProjectionStatus[];
  readonly reactors: readonly ReactorStatus[];
  readonly scheduler: SchedulerStatus;
};

export type BackupResult = { readonly folder: string; readonly events: number; readonly keys: boolean };

export type Installation = {
  readonly contexts: readonly ContextDefinition[];
  readonly version: string;
  readonly logId: string;
  readonly log: EventLog;
  readonly readModel: ReadModel;
  /** Documents of projections, by the projection's name. */
  readonly views: Views;
  readonly keyVault: KeyVault;
  readonly blobVault: BlobVault;
  readonly codec: Codec;
  readonly executor: CommandExecutor;
  readonly clock: Clock;
  /** The tenant's time: real, or where the clock of its sandbox stands. */
  readonly now: (tenant: TenantId) => Promise<Instant>;
  /** The one reader of the log that all consumers of this process share. */
  readonly feed: Feed;
  /** Aborts when the installation closes: long answers end themselves. */
  readonly closing: AbortSignal;
  /** False if the projections did not reach the position in time. */
  readonly waitFor: (projections: readonly string[], position: Position, timeoutMs: number) => Promise<boolean>;
  /** The position that all of the projections have reached. */
  readonly positionOfProjections: (projections: readonly string[]) => Position;
  /** True once projections and reactors have done all there is to do; false when the time is over. */
  readonly settled: (timeoutMs: number) => Promise<boolean>;
  readonly status: () => Promise<InstallationStatus>;
  readonly projectionNames: readonly string[];
  /** Folds projections (all, if none is named) anew beside the live ones, compares, switches. */
  readonly rebuild: (projections?: readonly string[], options?: RebuildOptions) => Promise<readonly Parity[]>;
  readonly parked: () => Promise<readonly ParkedKey[]>;
  /** Tries parked work again, or passes over the event it waits for. What is still parked, if it is. */
  readonly settleParked: (act: 'retry' | 'discard', name: string, key: string) => Promise<ParkedKey | undefined>;
  /** How reactors send commands: through the bus, since some handlers do more than decide. */
  readonly dispatchWith: (dispatch: Dispatch) => void;
  /** Copies the log, and with `keys` the vaults, to a new folder while everything runs. */
  readonly backup: (folder: string, options?: { readonly keys?: boolean }) => Promise<BackupResult>;
  /** Starts projections and reactors. */
  readonly start: () => Promise<void>;
  /** Ends long answers; `close` follows. */
  readonly beginClose: () => void;
  /** Finishes what is under way, then closes the stores. */
  readonly close: () => Promise<void>;
};

/** Of so many tenants what is due is looked after. */
const TENANTS = 10_000;
/** How long what is due later waits for projections and reactors to follow what was due before. */
const FOLLOW_MS = 10_000;
const IDLE_POLL_MS = 20;
const INSTALLATION_STREAM = 'installation-0.log';
const { version } = JSON.parse(readFileSync(findManifest(), 'utf8')) as { version: string };

/** Opens the embedded stores in the data folder. Throws `DataDirectoryLocked` if another process holds it. */
export async function openInstallation(
  configuration: Configuration,
  contexts: readonly ContextDefinition[],
  clock: Clock = systemClock,
): Promise<Installation> {
  const directory = configuration.dataDirectory;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const log = await openSqliteEventLog({ directory });
  const opened: { close: () => unknown }[] = [log];
  const closeAll = async (): Promise<void> => {
    for (const resource of opened.toReversed()) await resource.close();
  };
  try {
    const keyVault = openSqliteKeyVault({
      file: join(directory, 'keys.sqlite'),
      masterKey: loadMasterKey({ file: join(directory, 'master-key') }),
    });
    opened.push(keyVault);
    const blobVault = openSqliteBlobVault({ file: join(directory, 'blobs.sqlite'), keys: keyVault });
    opened.push(blobVault);
    const readModel = openSqliteReadModel({ file: join(directory, 'read-models.sqlite') });
    opened.push(readModel);

    const codec = createCodec(
      contexts.flatMap(({ events }) => events),
      createCipher(keyVault),
    );
    const app = `cairn ${version}`;
    const logId = await identify(log, app, clock.now());
    const [tenantClock] = contexts.flatMap((context) => context.tenantClock ?? []);
    const ownClock = async (tenant: TenantId): Promise<Instant | undefined> => tenantClock?.(executor.loader, tenant);
    const now = async (tenant: TenantId): Promise<Instant> => (await ownClock(tenant)) ?? clock.now();
    const executor: CommandExecutor = createCommandExecutor({
      log,
      codec,
      deciders: contexts.flatMap(({ deciders }) => deciders),
      clock,
      tenantClock: ownClock,
      app,
      unchanged: await openUnchangedAnswers(readModel, clock),
    });
    // What is waited out is seen: a store that stays away must not be silent.
    const logger = new Logger('runtime');
    const onTrouble: OnTrouble = (where, error) => logger.warn({ where, message: (error as Error).message });
    const feed = createFeed({ log, codec, onTrouble });
    const waiters = createWaiters();
    const closing = new AbortController();
    // One process holds the folder, so every start may take the lanes over at once.
    const owner = 'embedded';
    const projections = createProjectionRunner({
      projections: contexts.flatMap((context) => context.projections),
      log,
      feed,
      readModel,
      codec,
      waiters,
      owner,
      clock,
      onTrouble,
    });
    const views = createViews(readModel, projections.collectionOf);
    let dispatch: Dispatch | undefined;
    const send: Dispatch = (issued) => {
      if (!dispatch) throw new TypeError('no dispatcher was set before the start');
      return dispatch(issued);
    };
    const reactors = createReactorRunner({
      reactors: contexts.flatMap((context) => context.reactors),
      log,
      feed,
      readModel,
      codec,
      waiters,
      dispatch: send,
      find: views.find,
      owner,
      // Whatever the log holds and no reactor has answered is to be answered: the embedded store starts empty.
      startAt: () => 'beginning',
      clock,
      now,
      onTrouble,
    });
    const projectionNames = contexts.flatMap((context) => context.projections.map(({ name }) => name));
    const reactorNames = contexts.flatMap((context) => context.reactors.map(({ name }) => name));
    const settledNames = [...projectionNames, ...reactorNames];
    const scheduler = createScheduler({
      timekeepers: contexts.flatMap((context) => context.timekeepers ?? []),
      readModel,
      find: views.find,
      tenants: async () => {
        const found = await views.find('tenants', {}, { sort: [['_id', 1]], limit: TENANTS });
        return found.map((document) => document['tenant'] as TenantId);
      },
      now,
      dispatch: send,
      followed: (position) => waiters.waitFor(settledNames, position, FOLLOW_MS),
      owner,
      onTrouble,
    });
    const settledBy = async (timeoutMs: number): Promise<boolean> => {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        if (!(await settled(waiters, settledNames, log.head, deadline - performance.now()))) return false;
        if (await scheduler.isIdle()) return true;
        if (performance.now() >= deadline) return false;
        await sleep(systemTimers, IDLE_POLL_MS);
      }
    };

    return {
      contexts,
      version,
      logId,
      log,
      readModel,
      views,
      keyVault,
      blobVault,
      codec,
      executor,
      clock,
      feed,
      closing: closing.signal,
      waitFor: waiters.waitFor,
      positionOfProjections: (names) =>
        names.map(waiters.positionOf).reduce((least, next) => (next < least ? next : least)),
      now,
      settled: settledBy,
      status: async () => {
        const [projectionStatus, reactorStatus, isSettled, head] = await Promise.all([
          projections.status(),
          reactors.status(),
          settledBy(0),
          log.head(),
        ]);
        return {
          ready: [...projectionStatus, ...reactorStatus].every(({ state }) => state !== 'stopped'),
          settled: isSettled,
          head,
          projections: projectionStatus,
          reactors: reactorStatus,
          scheduler: scheduler.status(),
        };
      },
      projectionNames,
      rebuild: (names, options) => projections.rebuild(names, options),
      parked: async () => [...(await projections.parked()), ...(await reactors.parked())],
      settleParked: (act, name, key) => (projectionNames.includes(name) ? projections : reactors)[act](name, key),
      dispatchWith: (next) => {
        dispatch = next;
      },
      backup: async (folder, { keys = false } = {}) => {
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
      start: async () => {
        await projections.start();
        await reactors.start();
        scheduler.start();
      },
      beginClose: () => closing.abort(),
      close: async () => {
        closing.abort();
        await scheduler.stop();
        await reactors.stop();
        await projections.stop();
        await feed.close();
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** The log's id: written once, and anew at the end of a copy, whose positions are others. */
async function identify(log: EventLog, app: string, now: Instant): Promise<string> {
  const [last] = await log.read(INSTALLATION_STREAM, { direction: 'backwards', limit: 1 });
  if (last) return last.data['logId'] as string;
  const event = identity(app, now);
  const result = await log.append(INSTALLATION_STREAM, 'none', [event]);
  return result.ok ? (event.data['logId'] as string) : identify(log, app, now);
}

function identity(app: string, now: Instant): NewEvent {
  const logId = crypto.randomUUID();
  return {
    id: uuidv5(logId, 'installation'),
    type: 'installation-initialised',
    data: { logId },
    meta: {
      $correlationId: logId,
      $causationId: logId,
      commandHash: '',
      actor: 'service:installation',
      tenant: '0',
      schemaVersion: '1',
      occurredAt: now,
      recordedAt: now,
      app,
    },
  };
}

/**
 * Copies the log of an installation that nobody uses into another log, which then gets an identity of its own:
 * position tokens of the old one are refused. Can be broken off and run again. Throws `LogsDiffer`.
 */
export async function migrateLog(
  from: EventLog,
  to: EventLog,
  options: { readonly clock?: Clock; readonly onProgress?: (events: number) => void } = {},
): Promise<CopyResult & { readonly logId: string }> {
  const last = async (log: EventLog): Promise<StoredEvent | undefined> =>
    (await log.read(INSTALLATION_STREAM, { direction: 'backwards', limit: 1 }))[0];
  const old = await last(from);
  if (!old) throw new Error('this log has no identity: it was never opened by Cairn');
  const result = await copyLog({
    from,
    to,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    isEndMark: ({ stream, revision }) => stream === INSTALLATION_STREAM && revision === old.revision + 1,
  });
  if (!result.ended) {
    // Unlike what was copied, this append is not repeated by itself: run again, the copy finds itself whole.
    const mark = identity(`cairn ${version}`, (options.clock ?? systemClock).now());
    const appended = await to.append(INSTALLATION_STREAM, old.revision, [mark]);
    if (!appended.ok) throw new LogsDiffer('somebody else writes to it');
  }
  return { ...result, logId: (await last(to))?.data['logId'] as string };
}

/** package.json stands at the root, however deep the build lies below it. */
function findManifest(): string {
  for (let folder = import.meta.dirname; ; folder = join(folder, '..')) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) return file;
    if (folder === join(folder, '..')) throw new Error('package.json was not found above the program');
  }
}
