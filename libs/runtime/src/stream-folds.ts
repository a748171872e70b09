// Folds of streams, kept while they are in use. A fold is only ever extended by newer events, never changed: what
// one caller holds stays true for the revision that it names.
import type { EventLog } from '@cairn/eventlog';
import { BEGINNING, type Codec, type DomainEvent, type Fold, type Instant, type Position } from '@cairn/kernel';
import type { Recorded, StoredEvent, Subject } from '@cairn/kernel';

/** What a command left in its stream: one append, hence neighbouring revisions. */
export type CommandTrace = { readonly hash: string; readonly first: number; readonly last: number };

export type Folded<S> = {
  readonly state: S;
  /** -1 for a stream without events. */
  readonly revision: number;
  /** Position of the last event; '' if none. */
  readonly position: Position;
  /** `recordedAt` of the last event; '' if none. */
  readonly recordedAt: Instant | '';
  /**
   * Commands met while folding. Shared by all folds of the stream and only added to: an entry stays true for ever,
   * but may be younger than this fold.
   */
  readonly commands: Map<string, CommandTrace>;
  /** Whose personal values the state may hold. */
  readonly subjects: readonly Subject[];
};

export type StreamFolds = {
  /** A kept fold, however old. */
  readonly kept: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => Folded<S> | undefined;
  /** Gets the keys of a fold's people to hand, so that its personal values can be read. */
  readonly readable: (folded: Folded<unknown>) => Promise<void> | undefined;
  /** The fold as the stream is now, readable: a kept one is extended by what is newer. */
  readonly now: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => Promise<Folded<S>>;
  /** Keeps a fold unless a younger one is there. */
  readonly keep: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string, folded: Folded<S>) => void;
  readonly forget: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => void;
};

export type StreamFoldLimits = {
  readonly streams: number;
  /** Events behind all kept folds together: what memory grows by. */
  readonly events: number;
};

/** An LRU of folds over the log. Reads reject with `LogUnavailable`, events that cannot be read with `DecodeError`. */
export function createStreamFolds(log: EventLog, codec: Codec, limits: StreamFoldLimits): StreamFolds {
  // In the order of their last use, roughly: an entry is moved to the end only when a quarter of all that are kept has
  // been put behind it. Moving it at each use costs more than the use.
  type Entry = { folded: Folded<unknown>; placed: number };
  const entries = new Map<string, Entry>();
  let events = 0;
  let placings = 0;

  // A fold is told by its evolve function: contexts may wrap the same functions in several objects.
  const foldIds = new WeakMap<object, string>();
  let lastFoldId = 0;
  const keyOf = (fold: { readonly evolve: object }, stream: string): string => {
    let id = foldIds.get(fold.evolve);
    if (id === undefined) foldIds.set(fold.evolve, (id = `${++lastFoldId}|`));
    return id + stream;
  };

  const place = (key: string, entry: Entry): void => {
    entry.placed = ++placings;
    entries.set(key, entry);
  };

  const kept: StreamFolds['kept'] = <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => {
    const key = keyOf(fold, stream);
    const entry = entries.get(key);
    if (!entry) return undefined;
    if (placings - entry.placed >= limits.streams / 4) {
      entries.delete(key);
      place(key, entry);
    }
    return entry.folded as Folded<S>;
  };

  const remove = (key: string): void => {
    const entry = entries.get(key);
    if (!entry) return;
    entries.delete(key);
    events -= entry.folded.revision + 1;
  };

  const keep: StreamFolds['keep'] = (fold, stream, folded) => {
    const key = keyOf(fold, stream);
    const entry = entries.get(key);
    if (entry && entry.folded.revision > folded.revision) return;
    events += folded.revision - (entry?.folded.revision ?? -1);
    if (entry) entry.folded = folded;
    else place(key, { folded, placed: 0 });
    for (const oldest of entries.keys()) {
      if (entries.size <= limits.streams && events <= limits.events) break;
      remove(oldest);
    }
  };

  const now: StreamFolds['now'] = async (fold, stream) => {
    const entry = kept(fold, stream);
    const stored = await log.read(stream, { from: (entry?.revision ?? -1) + 1 });
    if (entry && stored.length === 0) {
      await readable(entry);
      return entry;
    }
    const newer = decodeContiguous(codec, stored, (entry?.revision ?? -1) + 1);
    const subjects = withSubjects(codec, entry?.subjects ?? [], newer);
    await fetchKeys(codec, subjects); // before the fold: it may look at personal values
    const folded = extendFold(fold, entry, newer, subjects);
    keep(fold, stream, folded);
    return folded;
  };

  const readable: StreamFolds['readable'] = ({ subjects }) => fetchKeys(codec, subjects);

  const forget: StreamFolds['forget'] = (fold, stream) => remove(keyOf(fold, stream));

  return { kept, readable, now, keep, forget };
}

/** A fold with further events behind it. The commands met are added to the index that all folds of the stream share. */
export function extendFold<S, E extends DomainEvent>(
  fold: Fold<S, E>,
  from: Folded<S> | undefined,
  newer: readonly Recorded[],
  subjects: readonly Subject[],
): Folded<S> {
  const commands = from?.commands ?? new Map<string, CommandTrace>();
  for (const { meta, revision } of newer) {
    const trace = commands.get(meta.$causationId);
    if (!trace) commands.set(meta.$causationId, { hash: meta.commandHash, first: revision, last: revision });
    else if (trace.last < revision) commands.set(meta.$causationId, { ...trace, last: revision });
  }
  const last = newer.at(-1);
  return {
    state: evolveAll(fold, from ? from.state : fold.initial, newer),
    revision: last?.revision ?? from?.revision ?? -1,
    position: last?.position ?? from?.position ?? BEGINNING,
    recordedAt: last?.meta.recordedAt ?? from?.recordedAt ?? '',
    commands,
    subjects,
  };
}

/** The people of a fold and those that further events of its stream speak of. */
export function withSubjects(codec: Codec, known: readonly Subject[], newer: readonly Recorded[]): readonly Subject[] {
  const [first] = newer;
  if (!codec.fetchKeys || !first) return known;
  const fresh = codec
    .subjectsOf(newer, first.meta.tenant)
    .filter(({ learner }) => !known.some((subject) => subject.learner === learner));
  return fresh.length === 0 ? known : [...known, ...fresh];
}

/** Nothing to wait for where keys always are at hand. */
export function fetchKeys(
  codec: Codec,
  subjects: readonly Subject[],
  options?: { readonly create?: boolean },
): Promise<void> | undefined {
  return subjects.length === 0 ? undefined : codec.fetchKeys?.(subjects, options);
}

/** The state after further events; throws if the fold cannot bear them. */
export function evolveAll<S, E extends DomainEvent>(fold: Fold<S, E>, state: S, newer: readonly Recorded[]): S {
  for (const event of newer) state = fold.evolve(state, event as Recorded<never>);
  return state;
}

/** Decodes events and asserts that none is missing between them (R3). */
function decodeContiguous(codec: Codec, stored: readonly StoredEvent[], first: number): Recorded[] {
  return stored.map((event, index) => {
    if (event.revision !== first + index)
      throw new Error(
        `${event.stream} has revision ${event.revision} where ${first + index} was due: the log is damaged`,
      );
    return codec.decode(event);
  });
}
