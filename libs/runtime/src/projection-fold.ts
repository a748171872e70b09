// From events to guarded writes: which documents an event touches, and what becomes of them. Pure; the lane does the
// reading and writing.
import {
  BEGINNING,
  faultsOf,
  type Codec,
  type DecodeError,
  type Document,
  type EventDefinition,
  type JsonObject,
  type Position,
  type Projection,
  type Recorded,
} from '@cairn/kernel';
import type { GuardedWrite, StoredDocument } from '@cairn/readmodel';
import type { FeedEvent } from './feed.js';

/** Any projection: what a list of them can be typed as. */
export type AnyProjection = {
  readonly name: string;
  readonly version: number;
  readonly events: readonly EventDefinition[];
  readonly undecoded?: true;
  readonly keys: (event: never) => readonly string[];
  readonly evolve: (document: never, event: never, id: string) => Document | null;
  readonly indexes: Projection['indexes'];
};
export type PlainProjection = Omit<AnyProjection, 'keys' | 'evolve'> & {
  readonly keys: (event: Recorded) => readonly string[];
  readonly evolve: (document: Document | null, event: Recorded, id: string) => Document | null;
};

/** A document as the lane knows it. */
export type Known = {
  /** Without the runtime's fields; null if there is none, or none any more. */
  readonly document: Document | null;
  /** Its `_p` in the store; null if the store holds nothing, not even a tombstone. */
  readonly stored: Position | null;
  readonly parked: boolean;
};

export const UNKNOWN: Known = { document: null, stored: null, parked: false };

export function knownOf(stored: StoredDocument): Known {
  const { _id, _p, _deleted, _parked, ...document } = stored;
  return { document: _deleted === true ? null : document, stored: _p as Position, parked: _parked !== undefined };
}

/** One event for one document. */
export type Step = {
  readonly event: FeedEvent;
  /** Position of the event before it in the feed. */
  readonly after: Position;
  /** By a person's decision the event counts as folded. */
  readonly passOver?: boolean;
  /** Why the store would not take the document that the event leads to. */
  readonly refused?: unknown;
};

export type Failure = { readonly step: Step; readonly code: string; readonly detail: string };

export type FoldResult = {
  readonly next: Known;
  /** Undefined if nothing changed. */
  readonly write: GuardedWrite | undefined;
  readonly failure: Failure | undefined;
};

/**
 * Folds a document's next events into it, up to the first that fails. Events that are in it already are left out by
 * position, and an event that leaves the document as it is does not move its position.
 */
export function foldDocument(
  projection: PlainProjection,
  id: string,
  known: Known,
  steps: readonly Step[],
): FoldResult {
  let { document } = known;
  let position = known.stored ?? BEGINNING;
  let failure: Failure | undefined;
  for (const step of steps) {
    const at = step.event.stored.position;
    if (at <= position) continue;
    if (step.passOver) {
      position = at;
      continue;
    }
    try {
      if (step.refused !== undefined) throw step.refused;
      const next = projection.evolve(document, seenBy(projection, step.event), id);
      if (next === document) continue;
      document = next;
      position = at;
    } catch (error) {
      const { code, detail } = reasonOf(error);
      failure = { step, code: step.refused === undefined ? code : 'document-refused', detail };
      break;
    }
  }
  const unchanged = position === (known.stored ?? BEGINNING) && known.parked === (failure !== undefined);
  if (unchanged) return { next: known, write: undefined, failure };
  const next: StoredDocument = {
    ...(document ?? { _deleted: true }),
    _id: id,
    _p: position,
    ...(failure ? { _parked: { event: failure.step.event.stored.id, code: failure.code } } : {}),
  };
  return {
    next: { document, stored: position, parked: failure !== undefined },
    write: { id, expected: known.stored, next },
    failure,
  };
}

/** A document while many events are folded into it, before it is written. */
export type OpenDocument = {
  readonly known: Known;
  document: Document | null;
  /** Of the last event that changed it. */
  position: Position;
  changed: boolean;
};

export function opened(known: Known): OpenDocument {
  return { known, document: known.document, position: known.stored ?? BEGINNING, changed: false };
}

/** Folds one event into an open document, under the rules of {@link foldDocument}. Throws what `evolve` throws. */
export function foldInto(open: OpenDocument, projection: PlainProjection, event: Recorded, id: string): void {
  if (event.position <= open.position) return;
  const next = projection.evolve(open.document, event, id);
  if (next === open.document) return;
  open.document = next;
  open.position = event.position;
  open.changed = true;
}

export function writeOf(id: string, { known, document, position }: OpenDocument): GuardedWrite {
  return { id, expected: known.stored, next: { ...(document ?? { _deleted: true }), _id: id, _p: position } };
}

/** Code and text of an error that will come again each time. */
export function reasonOf(error: unknown): { readonly code: string; readonly detail: string } {
  const { code, message } = error as { code?: unknown; message?: string };
  return { code: typeof code === 'string' ? code : 'handler-failed', detail: message ?? String(error) };
}

/** An event as the projection wants it. Throws `DecodeError`. */
export function seenBy({ undecoded }: PlainProjection, event: FeedEvent): Recorded {
  return undecoded ? (event.stored as unknown as Recorded) : event.decoded();
}

/** Ids of the documents that an event touches, checked. Throws what `keys` throws. */
export function keysOf(projection: PlainProjection, event: Recorded): readonly string[] {
  const ids = projection.keys(event);
  const tenant = `${event.meta.tenant}:`;
  for (const id of ids)
    if (!id.startsWith(tenant))
      throw new RangeError(`${projection.name}: the document id "${id}" does not begin with its tenant (D10)`);
  return ids;
}

/**
 * What `read` finds in an event that cannot be decoded, if it rests on members that are surely right: present, and not
 * complained of by the schema. Undefined otherwise: then nobody can say what waits for the event.
 */
export function readUnreadable<T>(
  codec: Codec,
  { stored }: FeedEvent,
  { code }: DecodeError,
  read: (event: Recorded) => T,
): T | undefined {
  if (code !== 'event-corrupt' && code !== 'schema-version-unknown') return undefined;
  const schema = codec.definitions.get(stored.type)?.schema;
  const faulty =
    code === 'event-corrupt' && schema
      ? new Set(faultsOf(schema, stored.data).map(({ pointer }) => pointer.split('/')[1]))
      : new Set<string>();
  const data = new Proxy(stored.data, {
    get: (target: JsonObject, member) => {
      const value = typeof member === 'string' ? target[member] : undefined;
      if (value === undefined || faulty.has(member as string)) throw new TypeError(`${String(member)} cannot be read`);
      return value;
    },
  });
  try {
    return read({ ...stored, data, meta: stored.meta } as unknown as Recorded);
  } catch {
    return undefined;
  }
}

/** A document's lane is a function of its id alone (architecture, decision 9): FNV-1a. */
export function laneOf(id: string, lanes: number): number {
  if (lanes === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
}
