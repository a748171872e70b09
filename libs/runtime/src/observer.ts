// What the runners of other processes have come to: which build of each projection is live, and where projections and
// reactors stand, looked up in the read model store from time to time. It wakes those who wait for a position here, so
// that a process without projections can read its own writes.
import type { EventLog } from '@cairn/eventlog';
import { BEGINNING, type Position } from '@cairn/kernel';
import { ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import type { Feed } from './feed.js';
import { checkpointName } from './projection-lane.js';
import type { ProjectionStatus } from './projection-runner.js';
import { reactorCheckpointName, type ReactorStatus } from './reactor-runner.js';
import { openRecords, type Builds, type ParkedKey, type Records } from './records.js';
import { persistently, sleep, systemClock, systemTimers, type Clock, type OnTrouble, type Timers } from './time.js';
import type { Waiters } from './waiters.js';
import { isInfrastructure } from './errors.js';

export type ObserverOptions = {
  readonly projections: readonly { readonly name: string; readonly version: number }[];
  readonly reactors: readonly { readonly name: string }[];
  readonly log: EventLog;
  readonly feed: Feed;
  readonly readModel: ReadModel;
  readonly waiters: Waiters;
  /** Told of the builds of a projection as they are stored, whenever another one is live. */
  readonly onBuilds?: (name: string, builds: Builds) => void;
  /** How often it looks; default 100. */
  readonly pollMs?: number;
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly onTrouble?: OnTrouble;
};

export type Observer = {
  /** Returns after the first look. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  /** The collection that queries read. Throws `ReadModelUnavailable` as long as nobody began to fold the projection. */
  readonly collectionOf: (projection: string) => string;
  /** Where they stand, whoever works on them. */
  readonly projections: () => Promise<readonly ProjectionStatus[]>;
  readonly reactors: () => Promise<readonly ReactorStatus[]>;
  readonly parked: () => Promise<readonly ParkedKey[]>;
};

const POLL_MS = 100;

export function createObserver(options: ObserverOptions): Observer {
  const { log, feed, readModel, waiters, onBuilds, onTrouble } = options;
  const { pollMs = POLL_MS, clock = systemClock, timers = systemTimers } = options;
  const stopping = new AbortController();
  let records: Records | undefined;
  let builds: ReadonlyMap<string, Builds> = new Map();
  let running: Promise<void> | undefined;
  let positions = new Map<string, Position>();

  const patient = <T>(task: () => Promise<T>): Promise<T> =>
    persistently(task, { where: 'observer', timers, signal: stopping.signal, transient: isInfrastructure, onTrouble });

  async function look(): Promise<void> {
    records ??= await openRecords(readModel);
    // Builds first: a checkpoint that is read later stands at least where the build was.
    const found = await records.allBuilds();
    const checkpoints = new Map((await readModel.checkpoints()).map(({ name, position }) => [name, position]));
    const seen = new Map<string, Position>();
    for (const { name } of options.projections) {
      const stored = found.get(name);
      if (!stored) continue;
      const lanes = Array.from({ length: stored.live.lanes }, (_, lane) => checkpointName(stored.live, lane));
      const position = lanes
        .map((lane) => (checkpoints.get(lane) ?? BEGINNING) as Position)
        .reduce((a, b) => (a < b ? a : b));
      seen.set(name, position);
      if (stored.live.collection !== builds.get(name)?.live.collection) onBuilds?.(name, stored);
    }
    for (const { name } of options.reactors)
      seen.set(name, (checkpoints.get(reactorCheckpointName(name)) ?? BEGINNING) as Position);
    builds = found;
    positions = seen;
    // A lane of this process may be ahead of its own checkpoint.
    for (const [name, position] of seen) if (position > waiters.positionOf(name)) waiters.advance(name, position);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(timers, pollMs, stopping.signal);
      if (stopping.signal.aborted) return;
      await look().catch((error: unknown) => onTrouble?.('observer', error));
    }
  }

  const parked = async (): Promise<readonly ParkedKey[]> =>
    (await patient(async () => (records ??= await openRecords(readModel)))).parked();

  return {
    start: async () => {
      await patient(look);
      running = run();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    collectionOf: (name) => {
      const live = builds.get(name)?.live;
      if (live) return live.collection;
      if (!options.projections.some((projection) => projection.name === name))
        throw new RangeError(`there is no projection "${name}"`);
      throw new ReadModelUnavailable(`nobody has begun to fold "${name}": start a process with the role projector`);
    },
    projections: async () => {
      const [head, keys] = await Promise.all([log.head(), parked()]);
      return Promise.all(
        options.projections.map(async ({ name, version }): Promise<ProjectionStatus> => {
          const collection = builds.get(name)?.live.collection ?? '';
          const position = positions.get(name) ?? BEGINNING;
          const own = keys.filter(({ runner, target }) => runner === 'projection' && target === collection);
          const stopped = own.some(({ key }) => key === '*');
          const [oldest] = position >= head ? [] : await feed.page(position);
          const lagMs = oldest
            ? Math.max(0, Date.parse(clock.now()) - Date.parse(oldest.stored.meta['recordedAt'] ?? ''))
            : 0;
          return {
            name,
            version: builds.get(name)?.live.version ?? version,
            collection,
            state: stopped ? 'stopped' : position >= head ? 'live' : 'catching-up',
            position,
            head,
            lagMs,
            parked: own.length,
            lanes: [],
          };
        }),
      );
    },
    reactors: async () => {
      const [head, keys] = await Promise.all([log.head(), parked()]);
      return options.reactors.map(({ name }): ReactorStatus => {
        const own = keys.filter(({ runner, target }) => runner === 'reactor' && target === name);
        const halted = own.find(({ key }) => key === '*');
        return {
          name,
          state: halted ? 'stopped' : 'running',
          ...(halted ? { reason: `${halted.code}: ${halted.detail}` } : {}),
          position: positions.get(name) ?? BEGINNING,
          head,
          unfinished: 0,
          parked: own.length,
        };
      });
    },
    parked,
  };
}
