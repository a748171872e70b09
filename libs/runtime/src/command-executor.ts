// The one place where commands become events: fold the stream, decide, append at the exact revision (architecture,
// decisions 3 to 6). What it guarantees: a command takes effect at most once, and its sender learns which.
import { LogUnavailable, type AppendResult, type EventLog, type ReadOptions } from '@cairn/eventlog';
import {
  BEGINNING,
  categoryOf,
  eventIdOf,
  hashJson,
  parseStream,
  reject,
  type Codec,
  type Command,
  type CommandOutcome,
  type Decided,
  type Decider,
  type Decision,
  type DomainEvent,
  type EventMeta,
  type FactLoader,
  type Fold,
  type Instant,
  type Issued,
  type JsonObject,
  type NewEvent,
  type Recorded,
  type Rejected,
  type TenantId,
} from '@cairn/kernel';
import { CommandOutcomeUnknown, isInfrastructure, Overloaded } from './errors.js';
import {
  createStreamFolds,
  evolveAll,
  extendFold,
  fetchKeys,
  withSubjects,
  type CommandTrace,
  type Folded,
  type StreamFoldLimits,
} from './stream-folds.js';
import type { UnchangedAnswers } from './unchanged-answers.js';
import { backoffMs, sleep, systemTimers, type Clock, type Timers } from './time.js';

/** Any decider: what a list of them can be typed as. */
export type AnyDecider = {
  readonly category: string;
  readonly initial: unknown;
  readonly evolve: (state: never, event: never) => unknown;
  readonly commands: readonly string[];
  readonly streamOf: (command: never) => string;
  readonly loadFacts?: (command: never, state: never, loader: FactLoader) => Promise<unknown>;
  readonly decide: (command: never, state: never, facts: never) => Decision<DomainEvent>;
};
type Plain = Decider<unknown, Command, DomainEvent, unknown>;

/** What one command cost and came to: for metrics. */
export type CommandReport = {
  readonly type: string;
  readonly tenant: string;
  readonly outcome: 'recorded' | 'replayed' | 'unchanged' | 'rejected' | 'failed';
  /** Refusal code, or the error's code or name. */
  readonly code?: string;
  readonly events: number;
  /** Decisions beyond the first, after a conflict. */
  readonly retries: number;
  readonly durationMs: number;
};

export type ExecutorOptions = {
  readonly log: EventLog;
  readonly codec: Codec;
  readonly deciders: readonly AnyDecider[];
  readonly clock: Clock;
  /** Where a tenant's own clock stands (sandboxes); undefined: it lives by `clock`. */
  readonly tenantClock?: (tenant: TenantId) => Promise<Instant | undefined>;
  /** Name and version of the program, written beside every event. */
  readonly app: string;
  readonly timers?: Timers;
  readonly onCommand?: (report: CommandReport) => void;
  /** Recognises a client's retry of a command that changed nothing; left out: such a retry is decided again. */
  readonly unchanged?: UnchangedAnswers;
  /** Kept folds; default 5,000 streams and 100,000 events. */
  readonly cache?: StreamFoldLimits;
  /** Commands that may wait or run at once, in one stream and in all; default 1,000 and 5,000. */
  readonly queue?: { readonly perStream: number; readonly total: number };
};

export type ExecuteOptions = {
  /** From If-Match: the command is decided at this revision or refused with `revision-stale`. */
  readonly expectedRevision?: number | 'none';
  /** Default 10,000. */
  readonly deadlineMs?: number;
};

export type StreamSnapshot<S> = Pick<Folded<S>, 'state' | 'revision' | 'position'>;

export type CommandExecutor = {
  /**
   * Runs a command. Refusals are values. Throws {@link CommandOutcomeUnknown} or `LogUnavailable` when the deadline
   * passes, {@link Overloaded} when too much waits, `DecodeError` when the stream holds what this program cannot read.
   */
  readonly execute: (command: Issued<Command>, options?: ExecuteOptions) => Promise<CommandOutcome>;
  readonly loader: FactLoader;
  /** A stream's fold as it is now, with its revision (the ETag) and position. */
  readonly snapshot: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => Promise<StreamSnapshot<S>>;
  /** A stream's events, decoded. */
  readonly history: (stream: string, options?: ReadOptions) => Promise<readonly Recorded[]>;
};

const DECISIONS = 5;
/** Commands and events that one append may hold; others wait for it. */
const GROUP_COMMANDS = 64;
const GROUP_EVENTS = 250;

/** A command in its stream's queue. */
type Turn = {
  readonly decider: Plain;
  readonly stream: string;
  readonly command: Issued<Command>;
  readonly expected: number | undefined;
  readonly deadline: number;
  readonly tally: { retries: number };
  /** It went along with another once, in vain: it is decided by itself. */
  alone: boolean;
  /** That append turned out to be in the log all the same. */
  sent: boolean;
  settled: (outcome: Promise<CommandOutcome>) => void;
};

/** A decision that is to be recorded: its events as they are written, as readers will get them, and what they lead to. */
type Prepared = {
  readonly turn: Turn;
  readonly events: readonly NewEvent[];
  readonly unplaced: readonly Recorded[];
  readonly state: unknown;
};
const DEFAULT_DEADLINE_MS = 10_000;

/** Throws a RangeError if two deciders claim one command type. */
export function createCommandExecutor(options: ExecutorOptions): CommandExecutor {
  const { log, codec, clock, app, onCommand, unchanged, timers = systemTimers } = options;
  const limits = options.queue ?? { perStream: 1_000, total: 5_000 };
  const folds = createStreamFolds(log, codec, options.cache ?? { streams: 5_000, events: 100_000 });
  const deciders = decidersByCommand(options.deciders);
  const queues = new Map<string, Turn[]>();
  let waiting = 0;

  const history: CommandExecutor['history'] = async (stream, read) => {
    const events = (await log.read(stream, read)).map((event) => codec.decode(event));
    await fetchKeys(codec, withSubjects(codec, [], events));
    return events;
  };

  const loader: FactLoader = {
    fold: async (fold, stream) => (await folds.now(fold, stream)).state,
    foldHaving: async (fold, stream, has) => {
      const kept = folds.kept(fold, stream);
      if (!kept || !has(kept.state)) return (await folds.now(fold, stream)).state;
      await folds.readable(kept);
      return kept.state;
    },
    event: async (stream, revision) => (await history(stream, { from: revision, limit: 1 }))[0],
  };

  /** Takes a command's turn when every earlier command of its stream is settled, or when it went along with one. */
  function queued(turn: Turn): Promise<CommandOutcome> {
    const { stream } = turn;
    const queue = queues.get(stream) ?? [];
    if (queue.length >= limits.perStream || waiting >= limits.total)
      throw new Overloaded(
        `${waiting} commands are waiting, ${queue.length} of them for the same stream; try again later`,
      );
    queue.push(turn);
    waiting++;
    return new Promise((resolve, reject_) => {
      turn.settled = (outcome) => {
        waiting--;
        outcome.then(resolve, reject_);
      };
      if (queue.length > 1) return;
      queues.set(stream, queue);
      void workOff(stream, queue);
    });
  }

  async function workOff(stream: string, queue: Turn[]): Promise<void> {
    for (let turn = queue[0]; turn; turn = queue[0]) {
      const outcome = decideAndAppend(turn, queue);
      await outcome.then(noop, noop);
      // Whoever went along is settled by now, and stands right behind.
      queue.shift();
      turn.settled(outcome);
    }
    queues.delete(stream);
  }

  async function decideAndAppend(turn: Turn, queue: Turn[]): Promise<CommandOutcome> {
    try {
      return await decided(turn, queue);
    } catch (error) {
      folds.forget(turn.decider, turn.stream); // whatever went wrong, the next command starts from the log
      throw error;
    }
  }

  async function decided(turn: Turn, queue: Turn[]): Promise<CommandOutcome> {
    const { decider, stream, command, expected, deadline } = turn;
    if (timers.monotonicMs() >= deadline)
      throw new Overloaded(`command ${command.commandId} waited longer than its deadline; nothing was written`);
    const hash = hashOf(command);
    let folded = folds.kept(decider, stream);
    // A kept fold may be behind another process. That cannot do harm to an append at its exact revision, so it is
    // checked only before an answer that appends nothing: a hot stream is not read at all.
    let current = folded === undefined;
    if (folded) await folds.readable(folded);
    else folded = await folds.now(decider, stream);
    const refresh = async (): Promise<boolean> => {
      const newer = await folds.now(decider, stream);
      const changed = newer.revision !== (folded as Folded<unknown>).revision;
      folded = newer;
      current = true;
      return changed;
    };

    // Asked within the stream's queue, so an answer that was given is seen by whoever comes after it.
    const remembered = command.idSource === 'client' ? await unchanged?.recall(command.commandId) : undefined;
    let sent = turn.sent; // an append of ours may be in the log without our having seen its answer
    for (;;) {
      const seen = folded.commands.get(command.commandId);
      if (seen) return recordedBefore(stream, command, hash, seen, !sent);
      if (remembered) {
        if (remembered.hash !== hash) return keyReused();
        const { revision, position } = remembered;
        return { accepted: true, outcome: 'unchanged', replayed: true, stream, revision, position, events: [] };
      }
      if (expected !== undefined && folded.revision !== expected) {
        if (!current && (await refresh())) continue;
        return staleRevision(expected, folded.revision);
      }
      const facts = await decider.loadFacts?.(command, folded.state, loader);
      const decision = decider.decide(command, folded.state, facts);
      if (!decision.accepted || decision.events.length === 0) {
        if (!current && (await refresh())) continue;
        if (!decision.accepted) return decision;
        const { revision, position } = folded;
        if (command.idSource === 'client') await unchanged?.remember(command.commandId, { hash, revision, position });
        return { accepted: true, outcome: 'unchanged', replayed: false, stream, revision, position, events: [] };
      }

      const own = await prepared(turn, hash, folded, decision.events);
      const group = [own, ...(await goingAlong(own, folded, queue))];
      const { result, ambiguous } = await appendAll(group, folded.revision, queue);
      sent = ambiguous;
      if (result.ok) {
        const { position } = result;
        const [outcome, ...others] = group.map(({ turn: { stream: of }, unplaced }): CommandOutcome => {
          const events = unplaced.map((event) => ({ ...event, position }));
          const { revision } = events.at(-1) as Recorded;
          return { accepted: true, outcome: 'recorded', replayed: false, stream: of, revision, position, events };
        });
        const recorded = group.flatMap(({ unplaced }) => unplaced.map((event) => ({ ...event, position })));
        folds.keep(
          decider,
          stream,
          extendFold(decider, folded, recorded, withSubjects(codec, folded.subjects, recorded)),
        );
        queue.splice(1, others.length);
        others.forEach((other, index) => (group[index + 1] as Prepared).turn.settled(Promise.resolve(other)));
        return outcome as CommandOutcome;
      }

      // Somebody was faster, or our own append of unknown outcome got through: the newer events tell.
      if (result.actual < folded.revision) folds.forget(decider, stream);
      await untilRead(refresh, sent, command.commandId, stream, deadline).catch((error: unknown) => {
        unknownToo(group, queue, error);
        throw error;
      });
      for (const { turn: other } of group.slice(1)) other.sent = sent && folded.commands.has(other.command.commandId);
      if (folded.commands.has(command.commandId)) continue;
      sent = false; // the stream went past that append's revision: it can never get in any more
      if (expected !== undefined) return staleRevision(expected, folded.revision);
      if (++turn.tally.retries >= DECISIONS)
        return reject(
          'revision-conflict',
          `Others wrote at the same time, ${DECISIONS} times in a row; the revision is ${folded.revision} now.`,
          'Send the command again.',
        );
      await sleep(timers, backoffMs(timers, turn.tally.retries + 1, 100));
    }
  }

  /** What a decision comes to in the log. Throws for what must never get there. */
  async function prepared(
    turn: Turn,
    hash: string,
    folded: Folded<unknown>,
    decisions: readonly Decided[],
  ): Promise<Prepared> {
    const { command, decider, stream } = turn;
    const wall = (await options.tenantClock?.(command.tenant)) ?? clock.now();
    await fetchKeys(codec, codec.subjectsOf(decisions, command.tenant), { create: true });
    const events = envelopes(decisions, stream, command, hash, folded, wall);
    const first = folded.revision + 1;
    const unplaced = events.map((event, index) => recordedOf(event, stream, first + index));
    // Before anything is written: what its own stream could not fold again must never get into the log.
    return { turn, events, unplaced, state: evolveAll(decider, folded.state, unplaced) };
  }

  /**
   * Commands that wait behind `first` and can be written with it in one append, each decided upon what those before it
   * will have recorded. So a hot stream costs one commit for many commands. An append is whole or not at all and its
   * revision is exact, so nothing is decided upon what did not get in. Whatever is not simply recorded (a refusal,
   * nothing to do, a retry, If-Match, a fault) ends the row and waits for its own turn, in its order.
   */
  async function goingAlong(first: Prepared, folded: Folded<unknown>, queue: readonly Turn[]): Promise<Prepared[]> {
    const along: Prepared[] = [];
    const commandIds = new Set([first.turn.command.commandId]);
    let events = first.events.length;
    // The index of commands stays that of the log: nothing is in it before it is written.
    let upon: Folded<unknown> = uponOf(folded, first);
    while (along.length < GROUP_COMMANDS - 1 && events < GROUP_EVENTS) {
      const turn = queue[along.length + 1];
      if (!turn || turn.alone || turn.expected !== undefined || turn.decider !== first.turn.decider) break;
      if (turn.deadline < first.turn.deadline) break; // it must not wait for as long as the first may
      const next = await alongWith(turn, upon, commandIds).catch(() => undefined); // in its own turn it fails again
      if (!next) break;
      along.push(next);
      commandIds.add(turn.command.commandId);
      events += next.events.length;
      upon = uponOf(upon, next);
    }
    return along;
  }

  async function alongWith(
    turn: Turn,
    upon: Folded<unknown>,
    commandIds: ReadonlySet<string>,
  ): Promise<Prepared | undefined> {
    const { command, decider, stream, deadline } = turn;
    const { commandId } = command;
    if (timers.monotonicMs() >= deadline || commandIds.has(commandId) || upon.commands.has(commandId)) return undefined;
    if (command.idSource === 'client' && (await unchanged?.recall(commandId))) return undefined;
    // What it would read of its own stream is not there yet.
    let readsItself = false;
    const watch = <T>(read: string, answer: () => Promise<T>): Promise<T> => {
      readsItself ||= read === stream;
      return answer();
    };
    const facts = await decider.loadFacts?.(command, upon.state, {
      fold: (fold, of) => watch(of, () => loader.fold(fold, of)),
      foldHaving: (fold, of, has) => watch(of, () => loader.foldHaving(fold, of, has)),
      event: (of, revision) => watch(of, () => loader.event(of, revision)),
    });
    if (readsItself) return undefined;
    const decision = decider.decide(command, upon.state, facts);
    if (!decision.accepted || decision.events.length === 0) return undefined;
    return prepared(turn, hashOf(command), upon, decision.events);
  }

  /** One append for all. What is wrong with those that go along must not be the first one's trouble. */
  async function appendAll(
    group: Prepared[],
    revision: number,
    queue: Turn[],
  ): Promise<{ result: AppendResult; ambiguous: boolean }> {
    const [{ turn: first }, ...along] = group as [Prepared, ...Prepared[]];
    const appendThese = (): Promise<{ result: AppendResult; ambiguous: boolean }> => {
      const events = group.flatMap((one) => one.events);
      return append(first.stream, revision, events, first.command.commandId, first.deadline);
    };
    for (const { turn } of along) turn.alone = true; // if it does not get in, each is decided in its own turn
    try {
      return await appendThese();
    } catch (error) {
      unknownToo(group, queue, error);
      if (along.length === 0 || isInfrastructure(error)) throw error;
      group.length = 1; // refused as it is, hence not written: too large together, or one of them is bad
      return await appendThese();
    }
  }

  /** An append of unknown outcome may get in at any time: to nobody in it may anything else be said. */
  function unknownToo(group: readonly Prepared[], queue: Turn[], error: unknown): void {
    if (!(error instanceof CommandOutcomeUnknown)) return;
    const along = queue.splice(1, group.length - 1);
    for (const { stream, command, settled } of along)
      settled(Promise.reject(new CommandOutcomeUnknown(command.commandId, stream, { cause: error.cause })));
  }

  /** Repeats the identical append until it answers. `ambiguous`: an earlier try of it may have got through unseen. */
  async function append(
    stream: string,
    revision: number,
    events: readonly NewEvent[],
    commandId: string,
    deadline: number,
  ): Promise<{ result: AppendResult; ambiguous: boolean }> {
    let ambiguous = false;
    let last: unknown;
    for (let attempt = 1; ; attempt++) {
      const remainingMs = deadline - timers.monotonicMs();
      if (remainingMs <= 0) {
        if (ambiguous) throw new CommandOutcomeUnknown(commandId, stream, { cause: last });
        throw (
          last ?? new Overloaded(`the deadline of command ${commandId} passed before its append; nothing was written`)
        );
      }
      try {
        const answer = await within(timers, remainingMs, log.append(stream, revision < 0 ? 'none' : revision, events));
        if (answer !== TIMED_OUT) return { result: answer, ambiguous };
        throw new CommandOutcomeUnknown(commandId, stream);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        last = error;
        ambiguous ||= error.outcome === 'unknown';
        await sleep(timers, Math.min(backoffMs(timers, attempt, 250), deadline - timers.monotonicMs()));
      }
    }
  }

  /** Reads again. While an append of ours may be in the log, a failing read is repeated until the deadline. */
  async function untilRead(
    read: () => Promise<unknown>,
    sent: boolean,
    commandId: string,
    stream: string,
    deadline: number,
  ): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await read();
        return;
      } catch (error) {
        if (!sent || !(error instanceof LogUnavailable)) throw error;
        if (timers.monotonicMs() >= deadline) throw new CommandOutcomeUnknown(commandId, stream, { cause: error });
        await sleep(timers, backoffMs(timers, attempt, 250));
      }
    }
  }

  async function recordedBefore(
    stream: string,
    command: Issued<Command>,
    hash: string,
    seen: CommandTrace,
    replayed: boolean,
  ): Promise<CommandOutcome> {
    // A derived id is its own proof: its payload may change with a release (decision 5).
    if (command.idSource === 'client' && seen.hash !== hash) return keyReused();
    const events = await history(stream, { from: seen.first, limit: seen.last - seen.first + 1 });
    const last = events.at(-1) as Recorded;
    const { revision, position } = last;
    return { accepted: true, outcome: 'recorded', replayed, stream, revision, position, events };
  }

  function envelopes(
    decided: readonly Decided[],
    stream: string,
    command: Issued<Command>,
    commandHash: string,
    folded: Folded<unknown>,
    wall: Instant,
  ): readonly NewEvent[] {
    // A clock that went back must not make the stream's recorded time fall.
    const recordedAt = (wall < folded.recordedAt ? folded.recordedAt : wall) as Instant;
    const meta: Omit<EventMeta, 'schemaVersion' | 'occurredAt'> = {
      $correlationId: command.correlationId,
      $causationId: command.commandId,
      commandHash,
      actor: command.actor,
      tenant: command.tenant,
      recordedAt,
      app,
      ...(command.causedBy === undefined ? {} : { causedBy: command.causedBy }),
      ...(command.traceparent === undefined ? {} : { traceparent: command.traceparent }),
    };
    return decided.map((event, index) =>
      codec.encode(
        { id: eventIdOf(command.commandId, index), type: event.type, data: event.data },
        { ...meta, occurredAt: event.occurredAt ?? command.now },
      ),
    );
  }

  /**
   * The event as a reader of the log would get it, its position left open. Where each event of an append lies only
   * readers learn: in the outcome all of them have the append's position, that of its last event.
   */
  function recordedOf(event: NewEvent, stream: string, revision: number): Recorded {
    const stored = { ...event, stream, revision, position: BEGINNING };
    // Personal members were just sealed and have to be opened; anything else is as it was checked by `encode`.
    return codec.definitions.get(event.type)?.personal ? codec.decode(stored) : (stored as unknown as Recorded);
  }

  const execute: CommandExecutor['execute'] = async (command, { expectedRevision, deadlineMs } = {}) => {
    const start = timers.monotonicMs();
    const tally = { retries: 0 };
    const report = (outcome: CommandReport['outcome'], events: number, code?: string): void =>
      onCommand?.({
        type: command.type,
        tenant: command.tenant,
        outcome,
        events,
        retries: tally.retries,
        durationMs: timers.monotonicMs() - start,
        ...(code === undefined ? {} : { code }),
      });
    try {
      const decider = deciders.get(command.type);
      if (!decider) throw new RangeError(`no decider is registered for the command "${command.type}"`);
      const stream = decider.streamOf(command);
      if (parseStream(stream).tenant !== command.tenant || categoryOf(stream) !== decider.category)
        throw new RangeError(
          `command "${command.type}" of tenant ${command.tenant} aims at ${stream}: foreign tenant or category (D10)`,
        );
      const expected = expectedRevision === 'none' ? -1 : expectedRevision;
      const deadline = start + (deadlineMs ?? DEFAULT_DEADLINE_MS);
      const turn = { decider, stream, command, expected, deadline, tally, alone: false, sent: false, settled: noop };
      const outcome = await queued(turn);
      if (!outcome.accepted) report('rejected', 0, outcome.code);
      else report(outcome.replayed ? 'replayed' : outcome.outcome, outcome.events.length);
      return outcome;
    } catch (error) {
      report('failed', 0, (error as { code?: string }).code ?? (error as Error).name);
      throw error;
    }
  };

  const snapshot: CommandExecutor['snapshot'] = async (fold, stream) => {
    const { state, revision, position } = await folds.now(fold, stream);
    return { state, revision, position };
  };

  return { execute, loader, snapshot, history };
}

function decidersByCommand(list: readonly AnyDecider[]): ReadonlyMap<string, Plain> {
  const byType = new Map<string, Plain>();
  for (const decider of list)
    for (const type of decider.commands) {
      if (byType.has(type)) throw new RangeError(`two deciders claim the command "${type}"`);
      byType.set(type, decider as unknown as Plain);
    }
  return byType;
}

function staleRevision(expected: number, actual: number): Rejected {
  return reject(
    'revision-stale',
    `The expected revision is ${expected < 0 ? 'none' : expected}; it is ${actual < 0 ? 'none' : actual} now.`,
    'Read it again, look at what changed, and decide again.',
  );
}

const keyReused = (): Rejected =>
  reject(
    'idempotency-key-reused',
    'This idempotency key was used for another command.',
    'Use a new key for a new command; repeat a command only unchanged.',
  );

/** A fold as it will be when the events of a decision are in the log. */
function uponOf(folded: Folded<unknown>, { unplaced, state }: Prepared): Folded<unknown> {
  const { revision, meta } = unplaced.at(-1) as Recorded;
  return { ...folded, state, revision, recordedAt: meta.recordedAt };
}

const TIMED_OUT = Symbol('timed out');

function within<T>(timers: Timers, ms: number, promise: Promise<T>): Promise<T | typeof TIMED_OUT> {
  return new Promise((resolve, reject_) => {
    const cancel = timers.after(ms, () => resolve(TIMED_OUT));
    promise.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject_(error as Error);
      },
    );
  });
}

function noop(): void {}

const hashOf = (command: Issued<Command>): string => hashJson({ type: command.type, data: saidByClient(command) });

/** What tells one command from another under the same key. */
function saidByClient({ data, now, nowIsImplied }: Issued<Command>): JsonObject {
  if (nowIsImplied !== true) return data as JsonObject;
  return Object.fromEntries(Object.entries(data as JsonObject).filter(([, value]) => value !== now));
}
