// Reactors answer events with commands. Each is a consumer of the feed of its own: events of one partition in order,
// many partitions at once. Redelivery is harmless, for a command's id follows from event, reactor and place; the
// checkpoint stands before the first event that is not finished. Reactors are never rebuilt.
import type { EventLog } from '@cairn/eventlog';
import {
  BEGINNING,
  DecodeError,
  uuidv5,
  type Codec,
  type Command,
  type CommandOutcome,
  type Document,
  type EventDefinition,
  type Instant,
  type Issued,
  type Position,
  type Reaction,
  type ReactorContext,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import type { Lease, ReadModel } from '@cairn/readmodel';
import { createCheckpoint, isInLog, LeaseLost } from './checkpoint.js';
import { isInfrastructure, ReadModelBehind } from './errors.js';
import type { Feed, FeedEvent } from './feed.js';
import { keepLease } from './lease.js';
import { readUnreadable, reasonOf } from './projection-fold.js';
import { openRecords, type ParkedKey, type Records } from './records.js';
import {
  backoffMs,
  persistently,
  sleep,
  systemClock,
  systemTimers,
  untilWoken,
  type Clock,
  type OnTrouble,
  type Timers,
} from './time.js';
import type { Waiters } from './waiters.js';

/** Any reactor: what a list of them can be typed as. */
export type AnyReactor = {
  readonly name: string;
  readonly events: readonly EventDefinition[];
  readonly partitionBy: (event: never) => string;
  readonly react: (event: never, context: ReactorContext) => Promise<readonly Reaction[]> | readonly Reaction[];
  readonly tolerates: readonly string[];
};
type PlainReactor = Omit<AnyReactor, 'partitionBy' | 'react'> & {
  readonly partitionBy: (event: Recorded) => string;
  readonly react: (event: Recorded, context: ReactorContext) => ReturnType<AnyReactor['react']>;
};

export type ReactorRunnerOptions = {
  readonly reactors: readonly AnyReactor[];
  readonly log: EventLog;
  readonly feed: Feed;
  readonly readModel: ReadModel;
  readonly codec: Codec;
  readonly waiters: Waiters;
  /** Sends a command through whatever handles it: the executor, or a handler that signs first. */
  readonly dispatch: (command: Issued<Command>) => Promise<CommandOutcome>;
  /** Looks up documents of a projection by its name. */
  readonly find: (
    projection: string,
    filter: Document,
    options: { readonly limit: number },
  ) => Promise<readonly Document[]>;
  readonly owner: string;
  /** Where a reactor begins that never ran before; default `now`. */
  readonly startAt?: (reactor: string) => 'now' | 'beginning';
  /** Errors that go away by themselves, beside those that the runtime knows: such work is repeated. */
  readonly transient?: (error: unknown) => boolean;
  readonly leaseTtlMs?: number;
  readonly limits?: Partial<ReactorLimits>;
  readonly clock?: Clock;
  /** The tenant's time, for the commands sent; left out: that of `clock`. */
  readonly now?: (tenant: TenantId) => Promise<Instant>;
  readonly timers?: Timers;
  readonly onTrouble?: OnTrouble;
};

export type ReactorLimits = {
  /** Partitions that are worked on at the same time; default 64. */
  readonly partitionsAtOnce: number;
  /** Events read but not finished; default 1,000. */
  readonly unfinishedEvents: number;
  /** The checkpoint follows after at most this time; default 200. */
  readonly checkpointMs: number;
  /** How long a reaction waits for a projection before it is tried again; default 10,000. */
  readonly waitMs: number;
};

export type ReactorStatus = {
  readonly name: string;
  readonly state: 'running' | 'standby' | 'stopped';
  readonly reason?: string;
  /** Everything up to here is answered, or parked. */
  readonly position: Position;
  readonly head: Position;
  readonly unfinished: number;
  readonly parked: number;
};

export type ReactorRunner = {
  /** Returns once every reactor has its place in the log: an event appended afterwards is answered. */
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly status: () => Promise<readonly ReactorStatus[]>;
  readonly parked: () => Promise<readonly ParkedKey[]>;
  /** Answers what waits in a parked partition. Returns what it is parked for now, or undefined if it is free. */
  readonly retry: (name: string, partition: string) => Promise<ParkedKey | undefined>;
  /** Like `retry`, but the event that failed is passed over. The caller records who decided that, and why. */
  readonly discard: (name: string, partition: string) => Promise<ParkedKey | undefined>;
};

type Failure = { readonly code: string; readonly detail: string };
type Work = {
  readonly event: FeedEvent;
  readonly partition: string;
  /** Where the log was read to before this event. */
  readonly before: Place;
};
type Place = { readonly position: Position; readonly event: FeedEvent | undefined };

const DEFAULT_LIMITS: ReactorLimits = {
  partitionsAtOnce: 64,
  unfinishedEvents: 1_000,
  checkpointMs: 200,
  waitMs: 10_000,
};
const DEFAULT_LEASE_TTL_MS = 15_000;
const WHOLE_REACTOR = '*';

/** Throws a RangeError for two reactors of one name. */
export function createReactorRunner(options: ReactorRunnerOptions): ReactorRunner {
  const names = new Set<string>();
  for (const { name } of options.reactors) {
    if (names.has(name)) throw new RangeError(`two reactors are named "${name}"`);
    names.add(name);
  }
  const consumers = new Map<string, Consumer>();
  const stopping = new AbortController();
  let records: Records;
  const patient = <T>(task: () => Promise<T>): Promise<T> =>
    persistently(task, {
      where: 'reactors',
      timers: options.timers ?? systemTimers,
      signal: stopping.signal,
      transient: isInfrastructure,
      onTrouble: options.onTrouble,
    });
  const consumerOf = (name: string): Consumer => {
    const consumer = consumers.get(name);
    if (!consumer) throw new RangeError(`there is no reactor "${name}"; there are ${[...names].join(', ')}`);
    return consumer;
  };

  return {
    start: async () => {
      records = await patient(() => openRecords(options.readModel));
      for (const reactor of options.reactors) {
        await patient(() => settleFirstPlace(options, reactor.name));
        consumers.set(reactor.name, startConsumer(options, reactor as unknown as PlainReactor, records));
      }
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([...consumers.values()].map((consumer) => consumer.stop()));
    },
    status: async () => {
      const head = await options.log.head();
      return [...consumers.values()].map((consumer) => ({ ...consumer.status(), head }));
    },
    parked: async () => (await records.parked()).filter(({ runner }) => runner === 'reactor'),
    retry: async (name, partition) => consumerOf(name).unpark(partition, false),
    discard: async (name, partition) => consumerOf(name).unpark(partition, true),
  };
}

/** Name of a reactor's checkpoint, and of its lease. */
export const reactorCheckpointName = (reactor: string): string => `reactor/${reactor}`;

/** Fixes where a reactor that never ran begins, before anything can be appended that it must answer. */
async function settleFirstPlace({ readModel, log, startAt }: ReactorRunnerOptions, reactor: string): Promise<void> {
  const name = reactorCheckpointName(reactor);
  if (await readModel.loadCheckpoint(name)) return;
  const position = startAt?.(reactor) === 'beginning' ? BEGINNING : await log.head();
  await readModel.saveCheckpoint(name, null, { position, lastEventId: null, epoch: 0 });
}

type Consumer = {
  readonly status: () => Omit<ReactorStatus, 'head'>;
  readonly unpark: (partition: string, discard: boolean) => Promise<ParkedKey | undefined>;
  readonly stop: () => Promise<void>;
};

function startConsumer(options: ReactorRunnerOptions, reactor: PlainReactor, records: Records): Consumer {
  const { log, feed, readModel, codec, waiters, dispatch, onTrouble } = options;
  const { clock = systemClock, timers = systemTimers } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const types = new Set(reactor.events.map(({ type }) => type));
  const transient = (error: unknown): boolean => isInfrastructure(error) || (options.transient?.(error) ?? false);
  const stopping = new AbortController();
  const keeper = keepLease({
    readModel,
    name: reactorCheckpointName(reactor.name),
    owner: options.owner,
    ttlMs: options.leaseTtlMs ?? DEFAULT_LEASE_TTL_MS,
    timers,
    ...(onTrouble ? { onTrouble } : {}),
  });

  let lease: Lease | undefined;
  let read: Place = { position: BEGINNING, event: undefined };
  let stopped: ParkedKey | undefined;
  let resume: (() => void) | undefined;
  let drained: (() => void) | undefined;
  let cancelSave: (() => void) | undefined;
  let active = 0;
  const unfinished = new Set<Work>(); // in the log's order
  const queues = new Map<string, Work[]>();
  const ready: string[] = [];
  const parked = new Map<string, ParkedKey>();
  let recordTail: Promise<unknown> = Promise.resolve();

  const isHeld = (): boolean => lease !== undefined && keeper.held()?.epoch === lease.epoch;
  const mustHold = (): Lease => {
    if (!isHeld() || stopping.signal.aborted) throw new LeaseLost();
    return lease as Lease;
  };
  const patient = <T>(task: () => Promise<T>): Promise<T> =>
    persistently(task, {
      where: reactorCheckpointName(reactor.name),
      timers,
      signal: stopping.signal,
      transient: (error) => isInfrastructure(error) && isHeld(),
      onTrouble,
    });
  /** Changes of the parked list, one after the other: removing an old entry must not remove a new one. */
  const inOrder = (task: () => Promise<void>): Promise<void> => {
    const run = recordTail.then(() => patient(task));
    recordTail = run.catch(() => undefined);
    return run;
  };
  const checkpoint = createCheckpoint(readModel, reactorCheckpointName(reactor.name), keeper, patient);

  const context: ReactorContext = {
    find: options.find,
    waitFor: async (projection, position) => {
      if (!(await waiters.waitFor([projection], position, limits.waitMs)))
        throw new ReadModelBehind(projection, position);
    },
  };

  /** Everything up to here is finished. */
  const finishedUpTo = (): Place => {
    const [first] = unfinished;
    return first ? first.before : read;
  };

  const progressed = (): void => {
    if (unfinished.size < limits.unfinishedEvents) drained?.();
    waiters.advance(reactor.name, finishedUpTo().position);
    cancelSave ??= timers.after(limits.checkpointMs, () => {
      save().catch((error: unknown) => {
        if (!(error instanceof LeaseLost)) onTrouble?.(reactorCheckpointName(reactor.name), error);
      });
    });
  };

  async function save(): Promise<void> {
    cancelSave?.();
    cancelSave = undefined;
    const { position, event } = finishedUpTo();
    if (isHeld() && event) await checkpoint.save(lease as Lease, position, event);
  }

  async function takeOver(given: Lease): Promise<void> {
    lease = given;
    stopped = undefined;
    unfinished.clear();
    queues.clear();
    ready.length = 0;
    parked.clear();
    const stored = await checkpoint.takeOver(given);
    read = { position: stored?.position ?? BEGINNING, event: undefined };
    for (const record of await patient(() => records.parked(reactor.name)))
      if (record.key !== WHOLE_REACTOR) parked.set(record.key, record);
      else await inOrder(() => records.unpark(reactor.name, WHOLE_REACTOR, 0));
    if (stored && !(await patient(() => isInLog(log, stored))))
      await halt({
        code: 'log-rewound',
        detail:
          'the log no longer holds the event that this reactor had come to. Retry to let it answer the whole log again ' +
          '(what was answered before is recognised), or discard to let it begin now',
      });
    waiters.advance(reactor.name, read.position);
  }

  function partitionOf(event: FeedEvent): { readonly partition: string } | Failure {
    try {
      return { partition: reactor.partitionBy(event.decoded()) };
    } catch (error) {
      const partition =
        error instanceof DecodeError
          ? readUnreadable(codec, event, error, (raw) => reactor.partitionBy(raw))
          : undefined;
      return partition === undefined ? reasonOf(error) : { partition };
    }
  }

  async function take(events: readonly FeedEvent[]): Promise<void> {
    let blocked: { readonly failure: Failure; readonly event: FeedEvent } | undefined;
    for (const event of events) {
      const { position, type } = event.stored;
      if (position <= read.position) continue;
      if (types.has(type)) {
        const found = partitionOf(event);
        if ('code' in found) {
          blocked = { failure: found, event };
          break;
        }
        const { partition } = found;
        if (!parked.has(partition)) {
          const work: Work = { event, partition, before: read };
          unfinished.add(work);
          const queue = queues.get(partition);
          if (queue) queue.push(work);
          else {
            queues.set(partition, [work]);
            ready.push(partition);
          }
        }
      }
      read = { position, event };
    }
    startWork();
    progressed();
    if (blocked) await halt(blocked.failure, blocked.event);
  }

  function startWork(): void {
    while (active < limits.partitionsAtOnce && ready.length > 0) {
      const partition = ready.shift() as string;
      active++;
      workOff(queues.get(partition) ?? [])
        .catch((error: unknown) => {
          if (!(error instanceof LeaseLost)) onTrouble?.(reactorCheckpointName(reactor.name), error);
        })
        .finally(() => {
          active--;
          startWork();
        });
    }
  }

  /** Works off one partition. What a lost lease leaves over is read again by whoever holds it then. */
  async function workOff(queue: Work[]): Promise<void> {
    const given = mustHold();
    for (let work = queue[0]; work; work = queue[0]) {
      const failure = await answer(work.event);
      if (mustHold() !== given) throw new LeaseLost();
      if (failure) await park(work, failure);
      // A parked partition's events wait in the log: they are finished here.
      for (const done of failure ? queue.splice(0) : queue.splice(0, 1)) unfinished.delete(done);
      if (queue.length === 0) queues.delete(work.partition);
      progressed();
    }
  }

  /** Sends an event's commands until each has an answer. Returns why it cannot be done, ever. */
  async function answer(event: FeedEvent): Promise<Failure | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const recorded = event.decoded();
        const reactions = await reactor.react(recorded, context);
        let contended = false;
        for (const [index, reaction] of reactions.entries()) {
          mustHold();
          const outcome = await dispatch(await envelope(recorded, reaction, index));
          if (outcome.accepted || reactor.tolerates.includes(outcome.code)) continue;
          contended = outcome.code === 'revision-conflict';
          if (!contended)
            return { code: outcome.code, detail: `${reaction.command.type} was refused: ${outcome.detail}` };
          break;
        }
        if (!contended) return undefined;
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        if (!transient(error)) return reasonOf(error);
        onTrouble?.(reactorCheckpointName(reactor.name), error);
      }
      await sleep(timers, backoffMs(timers, attempt, 1_000), stopping.signal);
      mustHold();
    }
  }

  async function envelope(
    { id, meta }: Recorded,
    { command, actor, key }: Reaction,
    index: number,
  ): Promise<Issued<Command>> {
    return {
      ...command,
      tenant: meta.tenant,
      commandId: uuidv5(id, reactor.name, key ?? index),
      idSource: 'derived',
      actor: actor ?? `reactor:${reactor.name}`,
      correlationId: meta.$correlationId,
      causedBy: id,
      now: options.now ? await options.now(meta.tenant) : clock.now(),
      ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
    };
  }

  const parkedKey = (key: string, after: Position, failure: Failure, event?: FeedEvent): ParkedKey => ({
    runner: 'reactor',
    name: reactor.name,
    target: reactor.name,
    key,
    code: failure.code,
    detail: failure.detail,
    eventId: event?.stored.id ?? '',
    eventType: event?.stored.type ?? '',
    position: event?.stored.position ?? read.position,
    after,
    lane: 0,
    at: clock.now(),
  });

  async function park({ event, partition, before }: Pick<Work, 'event' | 'partition' | 'before'>, failure: Failure) {
    const record = parkedKey(partition, before.position, failure, event);
    parked.set(partition, record); // from now on its events wait
    await inOrder(() => records.park(record));
  }

  async function halt(failure: Failure, event?: FeedEvent): Promise<void> {
    const record = parkedKey(WHOLE_REACTOR, read.position, failure, event);
    stopped = record;
    await inOrder(() => records.park(record));
  }

  async function unpark(partition: string, discard: boolean): Promise<ParkedKey | undefined> {
    mustHold();
    if (partition === WHOLE_REACTOR) return unparkReactor(discard);
    const record = parked.get(partition);
    if (!record) return undefined;
    let before: Place = { position: record.after, event: undefined };
    // Until nothing is left between here and what has been read: then, without a pause, the partition is free.
    while (before.position < read.position) {
      for (const event of await feed.page(before.position)) {
        if (event.stored.position > read.position) break;
        const found = types.has(event.stored.type) ? partitionOf(event) : undefined;
        if (found && 'partition' in found && found.partition === partition) {
          const failure = discard && event.stored.id === record.eventId ? undefined : await answer(event);
          if (failure) {
            await park({ event, partition, before }, failure);
            return parked.get(partition);
          }
        }
        before = { position: event.stored.position, event };
      }
    }
    parked.delete(partition);
    await inOrder(() => records.unpark(reactor.name, partition, 0));
    return undefined;
  }

  async function unparkReactor(discard: boolean): Promise<undefined> {
    const record = stopped;
    if (!record) return undefined;
    if (record.code === 'log-rewound') {
      await readModel.deleteCheckpoint(reactorCheckpointName(reactor.name));
      const position = discard ? await log.head() : BEGINNING;
      await readModel.saveCheckpoint(reactorCheckpointName(reactor.name), null, {
        position,
        lastEventId: null,
        epoch: 0,
      });
      await takeOver(mustHold());
    } else if (discard) {
      const [event] = await feed.page(read.position);
      if (event?.stored.id !== record.eventId) throw new Error(`${reactor.name} is not before event ${record.eventId}`);
      read = { position: event.stored.position, event };
      progressed();
    }
    await inOrder(() => records.unpark(reactor.name, WHOLE_REACTOR, 0));
    stopped = undefined;
    resume?.();
    return undefined;
  }

  async function follow(given: Lease): Promise<void> {
    const over = AbortSignal.any([stopping.signal, keeper.endOf(given)]);
    while (isHeld() && !over.aborted) {
      if (stopped) await untilWoken(over, (wake) => (resume = wake));
      else if (unfinished.size >= limits.unfinishedEvents) await untilWoken(over, (wake) => (drained = wake));
      else {
        const events = await feed.next(read.position, over);
        if (isHeld() && !stopped) await take(events);
        await sleep(timers, 0);
      }
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const given = await keeper.whenHeld(stopping.signal);
      if (!given) continue;
      try {
        await takeOver(given);
        await follow(given);
      } catch (error) {
        if (!(error instanceof LeaseLost) && !stopping.signal.aborted) {
          onTrouble?.(reactorCheckpointName(reactor.name), error);
          await sleep(timers, 1_000, stopping.signal);
        }
      }
    }
    await save().catch(() => undefined);
    await keeper.stop();
  }
  const running = run();

  return {
    status: () => ({
      name: reactor.name,
      state: !isHeld() ? 'standby' : stopped ? 'stopped' : 'running',
      position: finishedUpTo().position,
      unfinished: unfinished.size,
      parked: parked.size,
      ...(stopped ? { reason: `${stopped.code}: ${stopped.detail}` } : {}),
    }),
    unpark,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
