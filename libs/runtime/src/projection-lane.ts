// One lane of one build of a projection: the only writer of its documents, in the log's order. Crashes, repeated
// events and other holders of the lane are harmless because every document carries the position that it is folded to,
// is written only by comparing it, and because the checkpoint follows the documents and never leads them.
import { BEGINNING, DecodeError, type Codec, type Position } from '@cairn/kernel';
import type { GuardedWrite, Lease, ReadModel, StoredDocument, WriteOutcome } from '@cairn/readmodel';
import { createCheckpoint, LeaseLost } from './checkpoint.js';
import { isInfrastructure } from './errors.js';
import type { Feed, FeedEvent } from './feed.js';
import type { LeaseKeeper } from './lease.js';
import {
  foldDocument,
  foldInto,
  keysOf,
  knownOf,
  laneOf,
  opened,
  readUnreadable,
  reasonOf,
  seenBy,
  UNKNOWN,
  writeOf,
  type Failure,
  type FoldResult,
  type Known,
  type OpenDocument,
  type PlainProjection,
  type Step,
} from './projection-fold.js';
import type { BuildRecord, ParkedKey, Records } from './records.js';
import { backoffMs, persistently, sleep, untilWoken, type Clock, type OnTrouble, type Timers } from './time.js';

export type LaneLimits = {
  /** Documents kept in memory; default 5,000. */
  readonly cachedDocuments: number;
  /** More parked keys than this are a bug, not data: the lane stops; default 100. */
  readonly parkedKeys: number;
  /** The checkpoint follows the documents after at most this time, or after 10,000 events; default 200. */
  readonly checkpointMs: number;
  /** How long a deleted document leaves its tombstone once the checkpoint has passed it; default one hour. */
  readonly tombstoneMs: number;
};

export type LaneOptions = {
  readonly projection: PlainProjection;
  readonly build: BuildRecord;
  readonly lane: number;
  readonly lease: LeaseKeeper;
  readonly feed: Feed;
  readonly readModel: ReadModel;
  readonly records: Records;
  readonly codec: Codec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limits: LaneLimits;
  readonly onAdvance: () => void;
  readonly onTrouble?: OnTrouble | undefined;
};

export type LaneStatus = {
  readonly lane: number;
  readonly position: Position;
  /** `standby`: another process holds the lane. `stopped`: see `reason`; retry or discard the key `*`. */
  readonly state: 'standby' | 'running' | 'stopped';
  readonly reason?: string;
  readonly parked: number;
};

export type Lane = {
  readonly position: () => Position;
  readonly status: () => LaneStatus;
  /** Runs a task while nothing else touches the lane. */
  readonly exclusive: <T>(task: () => Promise<T>) => Promise<T>;
  /** Inside `exclusive`: folds everything up to and including a position. Throws if the lane is not running. */
  readonly advanceTo: (target: Position) => Promise<void>;
  /**
   * Folds a parked key's events again, with `discard` passing over the one that failed. Returns what it is parked for
   * now, or undefined if it is free. The key `*` is the lane itself.
   */
  readonly unpark: (key: string, discard: boolean) => Promise<ParkedKey | undefined>;
  readonly stop: () => Promise<void>;
};

const EVENTS_PER_CHECKPOINT = 10_000;
/** One commit of an embedded store, hence also how long others wait: some 20 ms. */
const WRITES_PER_BULK = 2_000;
/** Only documents are kept, at most as many as in the cache: this bounds what has to be folded again after a crash. */
const EVENTS_AHEAD = 100_000;
/** How long what is folded ahead waits for more events to come. */
const AHEAD_MS = 20;
const WHOLE_LANE = '*';

/** What a lane far behind has folded but not yet written: each document is then written once for many batches. */
type Ahead = {
  /** The last event folded. */
  readonly last: FeedEvent;
  readonly events: number;
  readonly open: Map<string, OpenDocument>;
  /** How many of them are to be written. */
  changed: number;
};

/** A batch's events, dealt out to the documents that they touch. */
type Dealt = {
  readonly groups: ReadonlyMap<string, readonly Step[]>;
  /** The last event before `blocked`. */
  readonly last: FeedEvent | undefined;
  readonly count: number;
  /** Nobody can tell whose event comes next. */
  readonly blocked: Failure | undefined;
};

/** Name of the lane's checkpoint. */
export function checkpointName({ collection, lanes }: BuildRecord, lane: number): string {
  return `${collection}#${lane}of${lanes}`;
}

/** Starts folding as soon as the lane's lease is held. */
export function startLane(options: LaneOptions): Lane {
  const { projection, build, lane, lease: keeper, feed, readModel, records, timers, limits, onTrouble } = options;
  const { collection } = build;
  const name = checkpointName(build, lane);
  const types = new Set(projection.events.map(({ type }) => type));
  const stopping = new AbortController();

  let lease: Lease | undefined;
  let position = BEGINNING; // up to here the documents are written
  let ahead: Ahead | undefined;
  let carefulUntil = BEGINNING; // up to here nothing is folded ahead: it went wrong once
  let lastEvent: FeedEvent | undefined; // the one at `position`, if it was met by this holder
  let unsavedEvents = 0;
  let cancelSave: (() => void) | undefined;
  let stopped: ParkedKey | undefined;
  let resume: (() => void) | undefined;
  const cache = new Map<string, Known>();
  const parked = new Map<string, ParkedKey>();
  let tombstones: { readonly id: string; readonly at: Position; readonly sinceMs: number }[] = [];
  let tail: Promise<unknown> = Promise.resolve();

  const exclusive = <T>(task: () => Promise<T>): Promise<T> => {
    const run = tail.then(task);
    tail = run.catch(() => undefined);
    return run;
  };
  const patient = <T>(task: () => Promise<T>): Promise<T> =>
    persistently(task, {
      where: name,
      timers,
      signal: stopping.signal,
      transient: (error) => isInfrastructure(error) && isHeld(),
      onTrouble,
    });
  const checkpoint = createCheckpoint(readModel, name, keeper, patient);
  const isHeld = (): boolean => lease !== undefined && keeper.held()?.epoch === lease.epoch;
  const mustHold = (): Lease => {
    if (!isHeld()) throw new LeaseLost();
    return lease as Lease;
  };

  /** Begins where the checkpoint says, and marks it with the new epoch: whoever held the lane before cannot move it. */
  async function takeOver(given: Lease): Promise<void> {
    lease = given;
    ahead = undefined;
    cache.clear();
    parked.clear();
    tombstones = [];
    stopped = undefined;
    lastEvent = undefined;
    unsavedEvents = 0;
    position = (await checkpoint.takeOver(given))?.position ?? BEGINNING;
    for (const record of await patient(() => records.parked(collection))) {
      if (record.key !== WHOLE_LANE) {
        if (laneOf(record.key, build.lanes) === lane) parked.set(record.key, record);
      } else if (record.lane === lane) {
        // What stopped the lane is tried again: by now the program may be able to read it.
        await patient(() => records.unpark(collection, WHOLE_LANE, lane));
      }
    }
    options.onAdvance();
  }

  /** The documents that an event touches in this lane, or why nobody can tell. */
  function idsOf(event: FeedEvent): readonly string[] | Omit<Failure, 'step'> {
    let ids: readonly string[] | undefined;
    try {
      ids = keysOf(projection, seenBy(projection, event));
    } catch (error) {
      const reason = reasonOf(error);
      if (error instanceof DecodeError)
        ids = readUnreadable(options.codec, event, error, (raw) => keysOf(projection, raw));
      if (!ids) return reason;
    }
    return build.lanes === 1 ? ids : ids.filter((id) => laneOf(id, build.lanes) === lane);
  }

  const foldedTo = (): Position => ahead?.last.stored.position ?? position;

  function dealOut(events: readonly FeedEvent[], until?: Position): Dealt {
    const groups = new Map<string, Step[]>();
    let after = foldedTo();
    let last: FeedEvent | undefined;
    let count = 0;
    for (const event of events) {
      const at = event.stored.position;
      if (at <= after) continue;
      if (until !== undefined && at > until) break;
      if (types.has(event.stored.type)) {
        const ids = idsOf(event);
        if ('code' in ids) return { groups, last, count, blocked: { step: { event, after }, ...ids } };
        for (const id of ids) {
          if (parked.has(id)) continue;
          const steps = groups.get(id);
          if (!steps) groups.set(id, [{ event, after }]);
          else if (steps.at(-1)?.event !== event) steps.push({ event, after });
        }
      }
      after = at;
      last = event;
      count++;
    }
    return { groups, last, count, blocked: undefined };
  }

  /** Folds a batch and writes it before anything else. */
  async function apply(events: readonly FeedEvent[], until?: Position): Promise<void> {
    const { groups, last, count, blocked } = dealOut(events, until);
    await foldAndWrite(groups);
    if (last) await moveTo(last, count);
    if (blocked) await halt(blocked);
    else if (parked.size > limits.parkedKeys)
      await halt({
        code: 'too-many-parked',
        detail: `${parked.size} documents are parked, more than ${limits.parkedKeys}: mend the projection, then retry`,
      });
  }

  async function moveTo(last: FeedEvent, count: number): Promise<void> {
    position = last.stored.position;
    lastEvent = last;
    unsavedEvents += count;
    options.onAdvance();
    if (unsavedEvents >= EVENTS_PER_CHECKPOINT) await saveCheckpoint();
    else cancelSave ??= timers.after(limits.checkpointMs, saveSoon);
  }

  /**
   * Takes a batch that was read after `from`. Many events in it mean that the lane is behind, as in a rebuild: then
   * documents are kept until enough is folded. Whatever goes wrong meanwhile, the lane forgets what it has not
   * written, goes back to its position and takes the same events batch by batch: only `apply` has to cope with trouble.
   */
  async function take(events: readonly FeedEvent[], from: Position): Promise<void> {
    if (foldedTo() < from) return; // gone back while the batch was read
    const isBehind = events.length >= feed.batchEvents && from >= carefulUntil;
    if (isBehind && (await foldAhead(events))) {
      if (ahead && (ahead.events >= EVENTS_AHEAD || ahead.changed >= limits.cachedDocuments)) await writeAhead();
      return;
    }
    await writeAhead();
    if (foldedTo() >= from) await apply(events);
  }

  /** False, and gone back, if something needs the care of `apply`. */
  async function foldAhead(events: readonly FeedEvent[]): Promise<boolean> {
    const from = foldedTo();
    const fresh = events.filter(({ stored }) => stored.position > from);
    const last = fresh.at(-1);
    if (!last) return true;
    ahead = { open: new Map(), changed: 0, ...ahead, last, events: (ahead?.events ?? 0) + fresh.length };
    const { open } = ahead;
    const touched: { readonly event: FeedEvent; readonly ids: readonly string[] }[] = [];
    const missing = new Set<string>();
    for (const event of fresh) {
      if (!types.has(event.stored.type)) continue;
      const ids = idsOf(event);
      if ('code' in ids) return goBack();
      for (const id of ids) if (!open.has(id) && !cache.has(id)) missing.add(id);
      touched.push({ event, ids });
    }
    try {
      await loadInto([...missing]);
      for (const { event, ids } of touched) {
        const seen = seenBy(projection, event);
        for (const id of ids) {
          if (parked.has(id)) continue;
          let document = open.get(id);
          if (!document) open.set(id, (document = opened(cache.get(id) ?? UNKNOWN)));
          if (document.known.parked) return goBack(); // as a crash left it, before anybody was told
          const wasChanged = document.changed;
          foldInto(document, projection, seen, id);
          if (document.changed && !wasChanged) ahead.changed++;
        }
      }
      return true;
    } catch {
      return goBack(); // whatever it was, it comes again
    }
  }

  async function writeAhead(): Promise<void> {
    if (!ahead) return;
    const { last, events, open } = ahead;
    const writes = [...open].flatMap(([id, document]) => (document.changed ? [writeOf(id, document)] : []));
    try {
      for (let start = 0; start < writes.length; start += WRITES_PER_BULK) {
        const outcomes = await write(writes.slice(start, start + WRITES_PER_BULK));
        if ('refused' in outcomes || outcomes.includes('lost')) return void goBack();
      }
    } catch (error) {
      goBack();
      if (!isInfrastructure(error)) throw error;
      onTrouble?.(name, error);
      return;
    }
    for (const [id, { document, position: stored, changed, known }] of open)
      keep(id, changed ? { document, stored, parked: false } : known);
    for (const { id, next } of writes) if (next) noteTombstone(id, next);
    ahead = undefined;
    trimCache();
    await moveTo(last, events);
  }

  /** Forgets what is folded ahead: it will be folded again, batch by batch, from what the store holds by now. */
  function goBack(): false {
    if (!ahead) return false;
    carefulUntil = foldedTo();
    for (const id of ahead.open.keys()) cache.delete(id);
    ahead = undefined;
    return false;
  }

  /** Folds steps into documents and writes them until every write is done; parks what fails. */
  async function foldAndWrite(groups: ReadonlyMap<string, readonly Step[]>): Promise<void> {
    let pending = [...groups.keys()];
    for (let attempt = 1; pending.length > 0; attempt++) {
      try {
        await loadInto(pending.filter((id) => !cache.has(id)));
        pending = await writeOnce(pending, groups);
        if (pending.length === 0) break;
      } catch (error) {
        for (const id of pending) cache.delete(id); // what a failed write left behind is read again
        if (!isInfrastructure(error)) throw error;
        onTrouble?.(name, error);
      }
      mustHold();
      if (stopping.signal.aborted) throw new LeaseLost();
      await sleep(timers, backoffMs(timers, attempt, 1_000), stopping.signal);
    }
    trimCache();
  }

  function trimCache(): void {
    let surplus = cache.size - limits.cachedDocuments;
    for (const id of cache.keys()) {
      if (surplus-- <= 0) break;
      cache.delete(id);
    }
  }

  async function loadInto(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const found = await readModel.load(collection, ids);
    for (const id of ids) cache.set(id, UNKNOWN);
    for (const stored of found) cache.set(stored._id, knownOf(stored));
  }

  /** To the young end. */
  function keep(id: string, known: Known): void {
    cache.delete(id);
    cache.set(id, known);
  }

  const foldAll = (groups: ReadonlyMap<string, readonly Step[]>): (FoldResult & { readonly id: string })[] =>
    [...groups].map(([id, steps]) => ({ id, ...foldDocument(projection, id, cache.get(id) ?? UNKNOWN, steps) }));

  /** One round of folding and writing; returns the ids whose write was lost to somebody else. */
  async function writeOnce(ids: readonly string[], groups: ReadonlyMap<string, readonly Step[]>): Promise<string[]> {
    const folds = foldAll(new Map(ids.map((id) => [id, groups.get(id) ?? []])));
    const lost: string[] = [];
    for (let start = 0; start < folds.length; start += WRITES_PER_BULK) {
      const chunk = folds.slice(start, start + WRITES_PER_BULK);
      const writes = chunk.flatMap((fold) => fold.write ?? []);
      const outcomes = writes.length === 0 ? [] : await write(writes);
      if ('refused' in outcomes) {
        for (const { id } of chunk) if (!(await writeStepwise(id, groups.get(id) ?? []))) lost.push(id);
        continue;
      }
      let i = 0;
      for (const fold of chunk) {
        if (fold.write && outcomes[i++] === 'lost') lost.push(fold.id);
        else await written(fold);
      }
    }
    for (const id of lost) cache.delete(id);
    return lost;
  }

  async function written({ id, write: done, next, failure }: FoldResult & { readonly id: string }): Promise<void> {
    keep(id, next);
    if (failure) await park(id, failure);
    else if (done?.next) noteTombstone(id, done.next);
  }

  function noteTombstone(id: string, { _deleted, _p }: StoredDocument): void {
    if (_deleted === true) tombstones.push({ id, at: _p as Position, sinceMs: timers.monotonicMs() });
  }

  /** `refused`: why the store will never take one of the documents. */
  async function write(
    writes: readonly GuardedWrite[],
  ): Promise<readonly WriteOutcome[] | { readonly refused: unknown }> {
    mustHold();
    try {
      return await readModel.writeGuarded(collection, writes);
    } catch (error) {
      if (isInfrastructure(error)) throw error;
      return { refused: error };
    }
  }

  /** Finds the event that leads to a document which the store refuses, and parks it there. False if a write was lost. */
  async function writeStepwise(id: string, steps: readonly Step[]): Promise<boolean> {
    for (const step of steps) {
      for (let tried = step; ;) {
        const fold = foldDocument(projection, id, cache.get(id) ?? UNKNOWN, [tried]);
        const outcomes = fold.write ? await write([fold.write]) : [];
        if ('refused' in outcomes) {
          if (tried.refused !== undefined) throw outcomes.refused; // not even as it was before
          tried = { ...step, refused: outcomes.refused };
          continue;
        }
        if (outcomes[0] === 'lost') return false;
        await written({ id, ...fold });
        if (fold.failure) return true;
        break;
      }
    }
    return true;
  }

  const parkedKey = (key: string, failure: Omit<Failure, 'step'> & { readonly step?: Step }): ParkedKey => ({
    runner: 'projection',
    name: projection.name,
    target: collection,
    key,
    code: failure.code,
    detail: failure.detail,
    eventId: failure.step?.event.stored.id ?? '',
    eventType: failure.step?.event.stored.type ?? '',
    position: failure.step?.event.stored.position ?? position,
    after: failure.step?.after ?? position,
    lane,
    at: options.clock.now(),
  });

  /** The document says so already; this is for people. */
  async function park(id: string, failure: Failure): Promise<void> {
    const record = parkedKey(id, failure);
    await patient(() => records.park(record));
    parked.set(id, record);
  }

  async function halt(failure: Omit<Failure, 'step'> & { readonly step?: Step }): Promise<void> {
    await saveCheckpoint();
    stopped = parkedKey(WHOLE_LANE, failure);
    const record = stopped;
    await patient(() => records.park(record));
  }

  const saveSoon = (): void => {
    cancelSave = undefined;
    exclusive(saveCheckpoint).catch((error: unknown) => {
      if (!(error instanceof LeaseLost)) onTrouble?.(name, error);
    });
  };

  async function saveCheckpoint(): Promise<void> {
    cancelSave?.();
    cancelSave = undefined;
    if (lastEvent) await checkpoint.save(mustHold(), position, lastEvent);
    unsavedEvents = 0;
    await sweepTombstones();
  }

  /**
   * A tombstone keeps an older event from bringing a deleted document back. Once the checkpoint is past it only a holder
   * that was replaced could still try; the tombstone outlives those, too.
   */
  async function sweepTombstones(): Promise<void> {
    const now = timers.monotonicMs();
    const due = tombstones.filter(({ at, sinceMs }) => at <= checkpoint.saved() && now - sinceMs >= limits.tombstoneMs);
    if (due.length === 0) return;
    tombstones = tombstones.filter((tombstone) => !due.includes(tombstone));
    for (let start = 0; start < due.length; start += WRITES_PER_BULK) {
      const chunk = new Map(due.slice(start, start + WRITES_PER_BULK).map(({ id, at }) => [id, at]));
      const writes = [...chunk].map(([id, at]) => ({ id, expected: at, next: null }));
      await patient(() => readModel.writeGuarded(collection, writes));
      for (const id of chunk.keys()) cache.delete(id);
    }
  }

  async function unpark(key: string, discard: boolean): Promise<ParkedKey | undefined> {
    return exclusive(async () => {
      mustHold();
      goBack(); // its later events were left out of what is folded ahead
      if (key === WHOLE_LANE) return unparkLane(discard);
      const record = parked.get(key);
      if (!record) return undefined;
      let { after } = record;
      for (let end = false; !end;) {
        const events = await feed.page(after);
        const steps: Step[] = [];
        for (const event of events) {
          const at = event.stored.position;
          end = at > position;
          if (end) break;
          if (types.has(event.stored.type)) {
            const ids = idsOf(event);
            const passOver = discard && event.stored.id === record.eventId;
            if (!('code' in ids) && ids.includes(key)) steps.push({ event, after, passOver });
          }
          after = at;
        }
        end ||= events.length === 0;
        await foldAndWrite(new Map([[key, steps]]));
        if (parked.get(key) !== record) return parked.get(key); // parked anew
      }
      await patient(() => records.unpark(collection, key, lane));
      parked.delete(key);
      return undefined;
    });
  }

  async function unparkLane(discard: boolean): Promise<ParkedKey | undefined> {
    if (!stopped) return undefined;
    if (discard && stopped.eventId === '')
      throw new RangeError(
        `no single event stopped lane ${lane} of ${projection.name}: retry it once the cause is gone`,
      );
    if (discard) {
      const [event] = await feed.page(position);
      if (event?.stored.id !== stopped.eventId) throw new Error(`${name} is not before event ${stopped.eventId}`);
      position = event.stored.position;
      lastEvent = event;
      await saveCheckpoint();
      options.onAdvance();
    }
    await patient(() => records.unpark(collection, WHOLE_LANE, lane));
    stopped = undefined;
    resume?.();
    return undefined;
  }

  const resumed = (over: AbortSignal): Promise<void> => untilWoken(over, (wake) => (resume = wake));

  const arrivesSoon = (batch: Promise<unknown>): Promise<boolean> =>
    new Promise((resolve) => {
      const cancel = timers.after(AHEAD_MS, () => resolve(false));
      void batch.then(() => {
        cancel();
        resolve(true);
      });
    });

  async function follow(over: AbortSignal): Promise<void> {
    while (isHeld() && !over.aborted) {
      if (stopped) {
        await resumed(over);
        continue;
      }
      const from = foldedTo();
      const batch = feed.next(from, over);
      if (ahead && !(await arrivesSoon(batch))) {
        await exclusive(writeAhead);
        if (foldedTo() < from) continue; // gone back: what was asked for may never come
      }
      const events = await batch;
      if (events.length > 0)
        await exclusive(async () => {
          if (!stopped && isHeld()) await take(events, from);
        });
      await sleep(timers, 0); // others want to work, too
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const given = await keeper.whenHeld(stopping.signal);
      if (!given) continue;
      const over = AbortSignal.any([stopping.signal, keeper.endOf(given)]);
      try {
        await exclusive(() => takeOver(given));
        await follow(over);
      } catch (error) {
        if (error instanceof LeaseLost || stopping.signal.aborted || !isHeld()) continue;
        onTrouble?.(name, error);
        if (isInfrastructure(error)) continue;
        // Not foreseen: stop and say so rather than guess.
        const failure = { code: 'lane-failed', detail: reasonOf(error).detail };
        await exclusive(() => halt(failure)).then(
          () => resumed(over),
          () => undefined,
        );
      }
    }
    cancelSave?.();
    if (isHeld()) await exclusive(saveCheckpoint).catch(() => undefined);
  }
  const running = run();

  return {
    position: () => position,
    status: () => ({
      lane,
      position,
      state: !isHeld() ? 'standby' : stopped ? 'stopped' : 'running',
      parked: parked.size,
      ...(stopped ? { reason: `${stopped.code}: ${stopped.detail}` } : {}),
    }),
    exclusive,
    advanceTo: async (target) => {
      mustHold();
      goBack(); // it may be beyond the target
      while (position < target) {
        if (stopped) throw new Error(`${name} is stopped: ${stopped.detail}`);
        const events = await feed.page(position);
        if (events.length === 0) throw new Error(`the log ends before ${target}`);
        await apply(events, target);
      }
    },
    unpark,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
