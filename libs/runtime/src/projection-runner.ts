// Keeps all projections of a process folded: which build of each is live, its lanes, rebuilding beside it, and what
// is parked (architecture §5). A newcomer reads projection-fold.ts, then projection-lane.ts, then this.
import { createHash } from 'node:crypto';
import type { EventLog } from '@cairn/eventlog';
import { BEGINNING, type Codec, type Position } from '@cairn/kernel';
import type { ReadModel, StoredDocument } from '@cairn/readmodel';
import { isInLog, LeaseLost } from './checkpoint.js';
import { contentOf } from './collection-hash.js';
import { isInfrastructure } from './errors.js';
import type { Feed } from './feed.js';
import { keepLease, type LeaseKeeper } from './lease.js';
import type { AnyProjection, PlainProjection } from './projection-fold.js';
import { laneOf } from './projection-fold.js';
import { checkpointName, startLane, type Lane, type LaneLimits, type LaneStatus } from './projection-lane.js';
import { openRecords, type BuildRecord, type Builds, type ParkedKey, type Records } from './records.js';
import { persistently, sleep, systemClock, systemTimers, type Clock, type OnTrouble, type Timers } from './time.js';
import type { Waiters } from './waiters.js';

export type ProjectionRunnerOptions = {
  readonly projections: readonly AnyProjection[];
  readonly log: EventLog;
  readonly feed: Feed;
  readonly readModel: ReadModel;
  readonly codec: Codec;
  readonly waiters: Waiters;
  /** Who holds the lanes: unique per process, or constant where the store admits only one process. */
  readonly owner: string;
  readonly leaseTtlMs?: number;
  /** Into how many lanes the documents of a new build are dealt; default 1. */
  readonly lanes?: number;
  readonly limits?: Partial<LaneLimits>;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly onTrouble?: OnTrouble;
};

export type ProjectionStatus = {
  readonly name: string;
  readonly version: number;
  /** The collection that queries read. */
  readonly collection: string;
  /** `warming`: another version is being filled; queries still read the old one. */
  readonly state: 'live' | 'catching-up' | 'warming' | 'standby' | 'stopped';
  readonly position: Position;
  readonly head: Position;
  /** Age of the oldest event not yet folded; 0 at the head. */
  readonly lagMs: number;
  readonly parked: number;
  readonly lanes: readonly LaneStatus[];
};

/** What a rebuild found: the live collection against the one folded anew, at the same position. */
export type Parity = {
  readonly name: string;
  readonly position: Position;
  readonly documents: number;
  readonly equal: boolean;
  /** SHA-256 of the live and of the rebuilt contents, positions left out. */
  readonly liveHash: string;
  readonly rebuiltHash: string;
  /** Ids of documents that differ or exist in one only; the first 100. */
  readonly differing: readonly string[];
};

export type RebuildOptions = {
  /** Make the rebuilt collection the live one; default true. Otherwise it is dropped after the comparison. */
  readonly switch?: boolean;
  /** Drop the old collection after the switch; default false: it stays until the next one. */
  readonly dropOld?: boolean;
  readonly onProgress?: (progress: { readonly position: Position; readonly head: Position }) => void;
};

export type ProjectionRunner = {
  /** Returns once everything runs; catching up goes on behind it. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly status: () => Promise<readonly ProjectionStatus[]>;
  /** The collection that queries of a projection read. Throws a RangeError for an unknown name. */
  readonly collectionOf: (name: string) => string;
  /** To be told what is stored, when another process may have made another build live: it is then folded here, too. */
  readonly adopt: (name: string, stored: Builds) => void;
  readonly parked: () => Promise<readonly ParkedKey[]>;
  /** Folds what waits for a parked key. Returns what it is parked for now, or undefined if it is free. */
  readonly retry: (name: string, key: string) => Promise<ParkedKey | undefined>;
  /** Like `retry`, but the event that failed is passed over for ever. The caller records who decided that, and why. */
  readonly discard: (name: string, key: string) => Promise<ParkedKey | undefined>;
  /** Folds projections (default: all) anew beside the live ones, compares, switches. */
  readonly rebuild: (names?: readonly string[], options?: RebuildOptions) => Promise<readonly Parity[]>;
};

type Build = { readonly projection: PlainProjection; readonly record: BuildRecord; readonly lanes: readonly Lane[] };
type Entry = {
  readonly projection: PlainProjection;
  builds: Builds;
  /** The build being folded: the live one, or while `warming` the one that will be. */
  current: Build;
  warming: boolean;
};

const DEFAULT_LIMITS: LaneLimits = {
  cachedDocuments: 5_000,
  parkedKeys: 100,
  checkpointMs: 200,
  tombstoneMs: 3_600_000,
};
const DEFAULT_LEASE_TTL_MS = 15_000;
const MOST_LAPSES = 50;
const MAX_DIFFERING = 100;
const COMPARED_AT_ONCE = 1_000;

/** Throws a RangeError for two projections of one name, and for a unique index: uniqueness is the log's business. */
export function createProjectionRunner(options: ProjectionRunnerOptions): ProjectionRunner {
  const { log, feed, readModel, codec, waiters, owner, onTrouble } = options;
  const { clock = systemClock, timers = systemTimers, lanes: laneCount = 1 } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const projections = new Map<string, PlainProjection>();
  for (const projection of options.projections) {
    if (projections.has(projection.name)) throw new RangeError(`two projections are named "${projection.name}"`);
    if (projection.indexes.some(({ unique }) => unique))
      throw new RangeError(`${projection.name}: a projection has no unique index; uniqueness is decided in the log`);
    projections.set(projection.name, projection as unknown as PlainProjection);
  }

  const entries = new Map<string, Entry>();
  const keepers: LeaseKeeper[] = [];
  const stopping = new AbortController();
  let records: Records;
  let background: Promise<unknown> = Promise.resolve();
  let retired: Promise<unknown> = Promise.resolve();
  let changing = 0; // rebuilds under way in this process

  const patient = <T>(where: string, task: () => Promise<T>): Promise<T> =>
    persistently(task, { where, timers, signal: stopping.signal, transient: isInfrastructure, onTrouble });

  function startBuild(projection: PlainProjection, record: BuildRecord, feeds: readonly Feed[] = []): Build {
    while (keepers.length < record.lanes)
      keepers.push(
        keepLease({
          readModel,
          name: `projections/${keepers.length}`,
          owner,
          ttlMs: options.leaseTtlMs ?? DEFAULT_LEASE_TTL_MS,
          timers,
          ...(onTrouble ? { onTrouble } : {}),
        }),
      );
    const lanes: Lane[] = [];
    const build: Build = { projection, record, lanes };
    const onAdvance = (): void => {
      if (lanes.length === record.lanes) waiters.advance(waiterName(build), positionOf(build));
    };
    for (let lane = 0; lane < record.lanes; lane++)
      lanes.push(
        startLane({
          projection,
          build: record,
          lane,
          lease: keepers[lane] as LeaseKeeper,
          feed: feeds[lane] ?? feed,
          readModel,
          records,
          codec,
          clock,
          timers,
          limits,
          onAdvance,
          onTrouble,
        }),
      );
    return build;
  }

  /** Queries wait for a projection by its name: that is its live build. Others are waited for by their collection. */
  const waiterName = ({ projection: { name }, record: { collection } }: Build): string =>
    entries.get(name)?.builds.live.collection === collection ? name : collection;

  async function dropBuild(record: BuildRecord): Promise<void> {
    for (let lane = 0; lane < record.lanes; lane++) await readModel.deleteCheckpoint(checkpointName(record, lane));
    for (const { target, key, lane } of await records.parked(record.collection))
      await records.unpark(target, key, lane);
    await readModel.dropCollection(record.collection);
  }

  /** A build whose collection nobody has used yet. */
  async function freshRecord({ name, version }: PlainProjection): Promise<BuildRecord> {
    const taken = new Set(await readModel.collections());
    const base = `${name}__v${version}`;
    let collection = base;
    for (let n = 2; taken.has(collection); n++) collection = `${base}__${n}`;
    return { collection, version, lanes: laneCount };
  }

  /** True if the log no longer holds the event that a checkpoint of the build stands at. */
  async function isRewound(record: BuildRecord): Promise<boolean> {
    for (let lane = 0; lane < record.lanes; lane++) {
      const checkpoint = await readModel.loadCheckpoint(checkpointName(record, lane));
      if (checkpoint && !(await isInLog(log, checkpoint))) return true;
    }
    return false;
  }

  /** Others may begin at the same moment: all of them work on the builds that one of them chose. */
  async function open(projection: PlainProjection): Promise<void> {
    const { name, version, indexes } = projection;
    let displaced: BuildRecord | undefined; // by what is stored in the end, so that one process only drops it
    const builds = await records.changeBuilds(name, async (stored) => {
      displaced = undefined;
      if (!stored) return { live: await freshRecord(projection) };
      if (stored.live.version !== version) {
        if (stored.next?.version === version) return stored;
        displaced = stored.next; // a version that never became live
        return { ...stored, next: await freshRecord(projection) };
      }
      if (!(await isRewound(stored.live))) return stored;
      // Documents of events that never were: nothing of them may be served any more.
      displaced = stored.live;
      return { ...stored, live: await freshRecord(projection) };
    });
    if (displaced) {
      if (displaced.version === version)
        onTrouble?.(displaced.collection, new Error('the log was rewound; the read model is folded anew'));
      await dropBuild(displaced);
    }
    const warming = builds.live.version !== version;
    const record = warming ? (builds.next as BuildRecord) : builds.live;
    await readModel.ensureCollection(record.collection, indexes);
    waiters.advance(name, BEGINNING);
    entries.set(name, { projection, builds, current: startBuild(projection, record), warming });
  }

  /** Lets a new version become live once it has caught up, here or in the process that holds its lanes. */
  async function warmUp(entry: Entry): Promise<void> {
    const { current, projection } = entry;
    for (;;) {
      const head = await patient('log.head', () => log.head());
      if (positionOf(current) >= head) break;
      const stored = await patient(`builds of ${projection.name}`, () => records.builds(projection.name));
      if (stored?.live.collection === current.record.collection) break;
      await waiters.waitFor([current.record.collection], head, 1_000);
      if (stopping.signal.aborted) return;
    }
    await patient(`builds of ${projection.name}`, () => makeLive(entry, current, false));
  }

  /**
   * Drops what a rebuild left behind that was broken off. A rebuild needs its process to hold all lanes: so none is
   * going on elsewhere once the first lane is ours.
   */
  async function clearAway(entry: Entry): Promise<void> {
    const { name } = entry.projection;
    const abandoned = entry.builds.next;
    if (!abandoned || !(await keepers[0]?.whenHeld(stopping.signal))) return;
    await patient(`builds of ${name}`, () => forget(entry, abandoned));
  }

  /** Drops a build that did not become live. */
  async function forget(entry: Entry, abandoned: BuildRecord): Promise<void> {
    entry.builds = await records.changeBuilds(entry.projection.name, (stored = entry.builds) => {
      if (stored.next?.collection !== abandoned.collection) return stored;
      const { next: _dropped, ...builds } = stored;
      return builds;
    });
    await dropBuild(abandoned);
  }

  /** Lets queries read a build from now on. What nobody reads any more is stopped and dropped by `retire`. */
  async function makeLive(entry: Entry, build: Build, dropOld: boolean): Promise<void> {
    const { name } = entry.projection;
    const { collection } = build.record;
    let before: Builds | undefined;
    const builds = await records.changeBuilds(name, (stored) => {
      before = undefined;
      if (stored?.live.collection === collection) return stored; // by another process, or our answer was lost
      if (!stored || stored.next?.collection !== collection)
        throw new Error(`${name}: ${collection} does not become live, since another process began another build`);
      before = stored;
      return { live: build.record, ...(dropOld ? {} : { previous: stored.live }) };
    });
    const replaced = entry.current;
    Object.assign(entry, { builds, current: build, warming: false });
    waiters.advance(name, positionOf(build));
    const retire = async (): Promise<void> => {
      if (replaced !== build) await stopBuild(replaced);
      if (before && dropOld) await dropBuild(before.live);
      if (before?.previous) await dropBuild(before.previous);
    };
    retired = Promise.all([retired, retire().catch((error: unknown) => onTrouble?.(`builds of ${name}`, error))]);
  }

  const adopt: ProjectionRunner['adopt'] = (name, stored) => {
    const entry = entries.get(name);
    const { live } = stored;
    // What this process changes itself it knows; what a newer program made live, this one leaves to it.
    if (!entry || changing > 0 || entry.warming || stopping.signal.aborted) return;
    if (live.collection === entry.builds.live.collection || live.version !== entry.projection.version) return;
    const replaced = entry.current;
    Object.assign(entry, { builds: stored, current: startBuild(entry.projection, live) });
    retired = Promise.all([retired, stopBuild(replaced)]);
  };

  const entryOf = (name: string): Entry => {
    const entry = entries.get(name);
    if (!entry) throw new RangeError(`there is no projection "${name}"; there are ${[...entries.keys()].join(', ')}`);
    return entry;
  };

  const unpark = (name: string, key: string, discard: boolean): Promise<ParkedKey | undefined> => {
    const { lanes } = entryOf(name).current;
    if (key !== '*') return (lanes[laneOf(key, lanes.length)] as Lane).unpark(key, discard);
    return Promise.all(lanes.map((lane) => lane.unpark('*', discard))).then((left) => left.find(Boolean));
  };

  async function rebuild(
    names: readonly string[] = [...entries.keys()],
    { switch: makeItLive = true, dropOld = false, onProgress }: RebuildOptions = {},
  ): Promise<readonly Parity[]> {
    const chosen = names.map(entryOf);
    const warming = chosen.find((entry) => entry.warming);
    if (warming) throw new Error(`${warming.projection.name} is being filled already; wait until it is live`);
    for (const { current } of chosen)
      for (const { lane, state } of current.lanes.map((one) => one.status()))
        if (state !== 'running')
          throw new Error(`${current.projection.name} cannot be rebuilt here: its lane ${lane} is ${state}`);
    for (const entry of chosen) {
      const { next: abandoned } = entry.builds;
      if (abandoned) await forget(entry, abandoned);
      entry.builds = await records.changeBuilds(entry.projection.name, async (stored = entry.builds) => ({
        ...stored,
        next: await freshRecord(entry.projection),
      }));
      await readModel.ensureCollection((entry.builds.next as BuildRecord).collection, entry.projection.indexes);
    }
    // All go through the log together.
    const fresh = chosen.map((entry) => entry.builds.next as BuildRecord);
    const convoy = [...feed.convoy(fresh.reduce((sum, { lanes }) => sum + lanes, 0))];
    const rebuilt = chosen.map((entry, i) => {
      const record = fresh[i] as BuildRecord;
      return { entry, build: startBuild(entry.projection, record, convoy.splice(0, record.lanes)) };
    });
    const collections = rebuilt.map(({ build }) => build.record.collection);
    const parities: Parity[] = [];
    try {
      for (;;) {
        const head = await patient('log.head', () => log.head());
        const position = least(rebuilt.map(({ build }) => positionOf(build)));
        onProgress?.({ position, head });
        if (position >= head) break;
        await waiters.waitFor(collections, head, 500);
        if (stopping.signal.aborted) throw new Error('the rebuild was broken off: the program is stopping');
        failIfStopped(rebuilt.flatMap(({ build }) => build.lanes));
      }
      for (const { entry, build } of rebuilt) {
        parities.push(await compare(entry, build));
        if (makeItLive)
          await atOnePosition([...entry.current.lanes, ...build.lanes], () => makeLive(entry, build, dropOld));
      }
    } finally {
      for (const { entry, build } of rebuilt) {
        if (entry.current === build) continue;
        await stopBuild(build);
        await forget(entry, build.record);
      }
      await retired;
    }
    return parities;
  }

  /** Compares two builds of a projection chunk by chunk, both standing still at one position meanwhile. */
  async function compare(entry: Entry, build: Build): Promise<Parity> {
    const { current } = entry;
    const lanes = [...current.lanes, ...build.lanes];
    const hashes = [createHash('sha256'), createHash('sha256')] as const;
    const differing: string[] = [];
    let documents = 0;
    let position = BEGINNING;
    for (let after: string | undefined = ''; after !== undefined;) {
      const from: string = after;
      after = await atOnePosition(lanes, async (at) => {
        position = at;
        const read = ({ record }: Build) =>
          readModel.find(record.collection, { _id: { $gt: from } }, { sort: [['_id', 1]], limit: COMPARED_AT_ONCE });
        const [live, fresh] = await Promise.all([read(current), read(build)]);
        // Beyond the end of the shorter full page the other side's documents were not read.
        const ends = [live, fresh].flatMap((page) => (page.length < COMPARED_AT_ONCE ? [] : [idOf(page.at(-1))]));
        const end = ends.length > 0 ? least(ends) : undefined;
        const contents = [live, fresh].map(
          (page) =>
            new Map(
              page
                .flatMap((document) => (end === undefined || document._id <= end ? [document] : []))
                .map((document) => [document._id, contentOf(document)]),
            ),
        );
        const [old, anew] = contents as [Map<string, string | undefined>, Map<string, string | undefined>];
        for (const id of [...new Set([...old.keys(), ...anew.keys()])].sort()) {
          const [was, is] = [old.get(id), anew.get(id)];
          if (was !== undefined) hashes[0].update(was).update('\n');
          if (is !== undefined) hashes[1].update(is).update('\n');
          if (is !== undefined) documents++;
          if (was !== is && differing.length < MAX_DIFFERING) differing.push(id);
        }
        return end;
      });
    }
    const [liveHash, rebuiltHash] = hashes.map((hash) => hash.digest('hex')) as [string, string];
    const { name } = entry.projection;
    return { name, position, documents, equal: differing.length === 0, liveHash, rebuiltHash, differing };
  }

  /**
   * Runs a task while all lanes stand at the same position; those that are behind are brought there first. A lease may
   * lapse when the process was held up (a slow disk, a long scan); nothing has happened then, so it is tried again.
   */
  async function atOnePosition<T>(lanes: readonly Lane[], task: (position: Position) => Promise<T>): Promise<T> {
    const [first, ...rest] = lanes;
    const holding = async (waiting: readonly Lane[]): Promise<T> => {
      const [next, ...others] = waiting;
      if (next) return next.exclusive(() => holding(others));
      const position = lanes.map((lane) => lane.position()).reduce((a, b) => (a > b ? a : b));
      for (const lane of lanes) await lane.advanceTo(position);
      return task(position);
    };
    for (let lapses = 0; ; lapses++)
      try {
        return await (first as Lane).exclusive(() => holding(rest));
      } catch (error) {
        if (!(error instanceof LeaseLost) || lapses === MOST_LAPSES || stopping.signal.aborted) throw error;
        await sleep(timers, 200, stopping.signal);
      }
  }

  async function status(): Promise<readonly ProjectionStatus[]> {
    const head = await log.head();
    return Promise.all(
      [...entries.values()].map(async ({ projection: { name, version }, builds, current, warming }) => {
        const position = positionOf(current);
        const lanes = current.lanes.map((lane) => lane.status());
        const atHead = position >= head;
        const [oldest] = atHead ? [] : await feed.page(position);
        const lagMs = oldest
          ? Math.max(0, Date.parse(clock.now()) - Date.parse(oldest.stored.meta['recordedAt'] ?? ''))
          : 0;
        const stateOf = (): ProjectionStatus['state'] => {
          if (lanes.some(({ state }) => state === 'stopped')) return 'stopped';
          if (lanes.some(({ state }) => state === 'standby')) return 'standby';
          if (warming) return 'warming';
          return atHead ? 'live' : 'catching-up';
        };
        const parked = lanes.reduce((sum, lane) => sum + lane.parked, 0);
        return {
          name,
          version,
          collection: builds.live.collection,
          state: stateOf(),
          position,
          head,
          lagMs,
          parked,
          lanes,
        };
      }),
    );
  }

  return {
    start: async () => {
      records = await patient('runtime records', () => openRecords(readModel));
      for (const projection of projections.values()) await patient(projection.name, () => open(projection));
      background = Promise.all(
        [...entries.values()].map((entry) =>
          (entry.warming ? warmUp(entry) : clearAway(entry)).catch((error: unknown) => {
            if (!stopping.signal.aborted) onTrouble?.(`builds of ${entry.projection.name}`, error);
          }),
        ),
      );
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([background, retired]);
      await Promise.all([...entries.values()].map(({ current }) => stopBuild(current)));
      await Promise.all(keepers.map((keeper) => keeper.stop()));
    },
    status,
    collectionOf: (name) => entryOf(name).builds.live.collection,
    adopt,
    parked: async () => (await records.parked()).filter(({ runner }) => runner === 'projection'),
    retry: (name, key) => unpark(name, key, false),
    discard: (name, key) => unpark(name, key, true),
    rebuild: async (names, rebuildOptions) => {
      changing++;
      try {
        return await rebuild(names, rebuildOptions);
      } finally {
        changing--;
      }
    },
  };
}

function positionOf({ lanes }: Build): Position {
  return least(lanes.map((lane) => lane.position()));
}

function stopBuild({ lanes }: Build): Promise<unknown> {
  return Promise.all(lanes.map((lane) => lane.stop()));
}

function failIfStopped(lanes: readonly Lane[]): void {
  for (const lane of lanes) {
    const { state, reason } = lane.status();
    if (state !== 'running' && reason) throw new Error(`the rebuild stopped: ${reason}`);
  }
}

function least<T extends string>(texts: readonly T[]): T {
  return texts.reduce((a, b) => (a < b ? a : b));
}

function idOf(document: StoredDocument | undefined): string {
  return (document as StoredDocument)._id;
}
