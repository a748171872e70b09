// One installation, put together: stores, keys, executor, projections, reactors. Nothing here knows HTTP.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
import { copyLog, LogsDiffer, type CopyResult, type EventLog } from '@cairn/eventlog';
import { createSmtpDelivery, MailServerUnavailable, outboxAlone, type MailDelivery } from '@cairn/mail';
import type { ReadModel } from '@cairn/readmodel';
import {
  createCommandExecutor,
  createFeed,
  createObserver,
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
  type RebuildOptions,
  type Views,
} from '@cairn/runtime';
import { createCipher, VaultUnavailable, type BlobVault, type KeyVault } from '@cairn/vault';
import { ROLES, type Configuration, type Role } from './configuration.js';
import type { ContextDefinition } from './context.js';
import { createHealth, type Health, type InstallationStatus } from './health.js';
import { createMetrics, type Metrics } from './metrics.js';
import { openStores, type BackupResult, type Stores } from './stores.js';

export type Dispatch = (issued: Issued) => Promise<CommandOutcome>;

export type Installation = {
  /** What this process does of it. */
  readonly roles: ReadonlySet<Role>;
  readonly contexts: readonly ContextDefinition[];
  readonly version: string;
  readonly logId: string;
  readonly log: EventLog;
  readonly readModel: ReadModel;
  /** Documents of projections, by the projection's name. */
  readonly views: Views;
  readonly keyVault: KeyVault;
  readonly blobVault: BlobVault;
  /** How messages leave the house. */
  readonly mail: MailDelivery;
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
  readonly health: () => Promise<Health>;
  readonly metrics: Metrics;
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

/** What an installation is given instead of its own. */
export type InstallationParts = {
  readonly clock?: Clock;
  /** Closed with the installation. */
  readonly stores?: Stores;
  /** Closed with the installation. */
  readonly mail?: MailDelivery;
};

/** Opens the stores that the configuration names. Throws `DataDirectoryLocked` if another process holds the folder. */
export async function openInstallation(
  configuration: Configuration,
  contexts: readonly ContextDefinition[],
  { clock = systemClock, ...parts }: InstallationParts = {},
): Promise<Installation> {
  const { cluster } = configuration;
  const roles: ReadonlySet<Role> = new Set(cluster?.roles ?? ROLES);
  const stores = parts.stores ?? (await openStores(configuration));
  const { log, readModel, keyVault, blobVault, owner } = stores;
  const mail = parts.mail ?? (configuration.smtp ? createSmtpDelivery(configuration.smtp) : outboxAlone);
  try {
    const codec = createCodec(
      contexts.flatMap(({ events }) => events),
      createCipher(keyVault),
    );
    const app = `cairn ${version}`;
    const logId = await identify(log, app, clock.now());
    const [tenantClock] = contexts.flatMap((context) => context.tenantClock ?? []);
    const ownClock = async (tenant: TenantId): Promise<Instant | undefined> => tenantClock?.(executor.loader, tenant);
    const now = async (tenant: TenantId): Promise<Instant> => (await ownClock(tenant)) ?? clock.now();
    const metrics = createMetrics();
    const executor: CommandExecutor = createCommandExecutor({
      log,
      codec,
      deciders: contexts.flatMap(({ deciders }) => deciders),
      clock,
      tenantClock: ownClock,
      onCommand: metrics.command,
      app,
      unchanged: await openUnchangedAnswers(readModel, clock),
    });
    // What is waited out is seen: a store that stays away must not be silent.
    const logger = new Logger('runtime');
    const onTrouble: OnTrouble = (where, error) => {
      metrics.trouble(where);
      logger.warn({ where, message: (error as Error).message });
    };
    const feed = createFeed({ log, codec, onTrouble });
    const waiters = createWaiters();
    const closing = new AbortController();
    const leases = cluster ? { owner, leaseTtlMs: cluster.leaseMs } : { owner };
    const allProjections = contexts.flatMap((context) => context.projections);
    const allReactors = contexts.flatMap((context) => context.reactors);
    const projections = createProjectionRunner({
      projections: allProjections,
      log,
      feed,
      readModel,
      codec,
      waiters,
      ...leases,
      clock,
      onTrouble,
    });
    const observer = cluster
      ? createObserver({
          projections: allProjections,
          reactors: allReactors,
          log,
          feed,
          readModel,
          waiters,
          onBuilds: projections.adopt,
          clock,
          onTrouble,
        })
      : undefined;
    const views = createViews(
      readModel,
      observer && !roles.has('projector') ? observer.collectionOf : projections.collectionOf,
    );
    let dispatch: Dispatch | undefined;
    const send: Dispatch = (issued) => {
      if (!dispatch) throw new TypeError('no dispatcher was set before the start');
      return dispatch(issued);
    };
    const reactors = createReactorRunner({
      reactors: allReactors,
      log,
      feed,
      readModel,
      codec,
      waiters,
      dispatch: send,
      find: views.find,
      ...leases,
      // Whatever the log holds and no reactor has answered is to be answered.
      startAt: () => 'beginning',
      transient: (error) => error instanceof VaultUnavailable,
      clock,
      now,
      onTrouble,
    });
    const projectionNames = allProjections.map(({ name }) => name);
    const reactorNames = allReactors.map(({ name }) => name);
    const settledNames = [...projectionNames, ...reactorNames];
    const timekeepers = contexts.flatMap((context) => context.timekeepers ?? []);
    const ofSchedulers = {
      readModel,
      find: views.find,
      tenants: async () => {
        const found = await views.find('tenants', {}, { sort: [['_id', 1]], limit: TENANTS });
        return found.map((document) => document['tenant'] as TenantId);
      },
      now,
      dispatch: send,
      followed: (position: string) => waiters.waitFor(settledNames, position as Position, FOLLOW_MS),
      ...leases,
      onTrouble,
    };
    const scheduler = createScheduler({
      ...ofSchedulers,
      timekeepers: timekeepers.filter((keeper) => !keeper.apart),
      which: { apart: { $exists: false } },
    });
    // A mail server that is slow or away holds up no expiry.
    const sender = createScheduler({
      ...ofSchedulers,
      name: 'message-sender',
      timekeepers: timekeepers.filter((keeper) => keeper.apart),
      which: { apart: true },
      inAnyOrder: true,
      transient: (error) => error instanceof MailServerUnavailable || error instanceof VaultUnavailable,
    });
    const settledBy = async (timeoutMs: number): Promise<boolean> => {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        if (!(await settled(waiters, settledNames, log.head, deadline - performance.now()))) return false;
        // What a mail server in trouble holds up is not waited for: /readyz tells of it.
        if ((await scheduler.isIdle()) && (mail.status().trouble !== undefined || (await sender.isIdle()))) return true;
        if (performance.now() >= deadline) return false;
        await sleep(systemTimers, IDLE_POLL_MS);
      }
    };

    /** As this process has it, and where another one works, as that one left it. */
    const projectionStatus = async (): Promise<readonly ProjectionStatus[]> => {
      if (!observer) return projections.status();
      const [own, seen] = await Promise.all([
        roles.has('projector') ? projections.status() : [],
        observer.projections(),
      ]);
      return seen.map((row) => {
        const here = own.find(({ name }) => name === row.name);
        return here && here.state !== 'standby' ? here : row;
      });
    };
    const reactorStatus = async (): Promise<readonly ReactorStatus[]> => {
      if (!observer) return reactors.status();
      const [own, seen] = await Promise.all([roles.has('reactor') ? reactors.status() : [], observer.reactors()]);
      return seen.map((row) => {
        const here = own.find(({ name }) => name === row.name);
        return here && here.state !== 'standby' ? here : row;
      });
    };
    const mustBe = (role: Role, what: string): void => {
      if (!roles.has(role))
        throw new WorksElsewhere(`${what} is done by a process with the role ${role}: ask that one`);
    };

    const status = async (): Promise<InstallationStatus> => {
      const [ofProjections, ofReactors, isSettled, head] = await Promise.all([
        projectionStatus(),
        reactorStatus(),
        settledBy(0),
        log.head(),
      ]);
      return {
        settled: isSettled,
        head,
        projections: ofProjections,
        reactors: ofReactors,
        scheduler: { ...scheduler.status(), setAside: [...scheduler.status().setAside, ...sender.status().setAside] },
        mail: mail.status(),
      };
    };
    const health = createHealth({
      roles,
      log,
      readModel,
      stores,
      maxSkewMs: (cluster?.leaseMs ?? Infinity) / 3,
      feed,
      clock,
      closing: closing.signal,
      status,
    });

    return {
      roles,
      contexts,
      version,
      logId,
      log,
      readModel,
      views,
      keyVault,
      blobVault,
      mail,
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
      status,
      health,
      metrics,
      projectionNames,
      rebuild: async (names, options) => {
        mustBe('projector', 'a rebuild');
        if (observer && (await projections.status()).some(({ state }) => state === 'standby'))
          throw new WorksElsewhere('another process with the role projector folds the read models now: ask that one');
        return projections.rebuild(names, options);
      },
      parked: async () =>
        observer ? observer.parked() : [...(await projections.parked()), ...(await reactors.parked())],
      settleParked: async (act, name, key) => {
        const ofProjection = projectionNames.includes(name);
        mustBe(ofProjection ? 'projector' : 'reactor', `what waits for "${name}"`);
        return (ofProjection ? projections : reactors)[act](name, key);
      },
      dispatchWith: (next) => {
        dispatch = next;
      },
      backup: (folder, { keys = false } = {}) => stores.backup(folder, { keys }),
      start: async () => {
        await observer?.start();
        if (roles.has('projector')) await projections.start();
        if (roles.has('reactor')) await reactors.start();
        if (!roles.has('scheduler')) return;
        scheduler.start();
        sender.start();
        // Not waited for: a mail server that is away keeps nothing else from starting.
        void mail.check().then(() => {
          const { trouble } = mail.status();
          if (trouble !== undefined) onTrouble('mail', new Error(trouble));
        });
      },
      beginClose: () => closing.abort(),
      close: async () => {
        closing.abort();
        await scheduler.stop();
        await sender.stop();
        mail.close();
        await reactors.stop();
        await projections.stop();
        await observer?.stop();
        await feed.close();
        await stores.close();
      },
    };
  } catch (error) {
    await stores.close();
    throw error;
  }
}

/** Another process of the installation does this. */
export class WorksElsewhere extends Error {}

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
