// Projections and reactors: declarations only; the runtime runs them.
import type { EventDefinition, EventOf, Recorded } from './events.js';
import type { Command } from './decider.js';
import type { Json } from './json.js';

/** A document of a read model: JSON-safe. The runtime keeps `_id` and `_p` (position of the last event folded in). */
export type Document = { readonly [key: string]: Json | undefined };

/** Fields in order; 1 ascending, -1 descending. Names are ours and stable. */
export type IndexDefinition = {
  readonly name: string;
  readonly fields: readonly (readonly [field: string, direction: 1 | -1])[];
  readonly unique?: boolean;
};

export type Projection<D extends Document = Document, Def extends EventDefinition = EventDefinition> = {
  /** Collection name; a new `version` is built beside the old one as `<name>__v<version>`. */
  readonly name: string;
  readonly version: number;
  readonly events: readonly Def[];
  /**
   * The fold is given events as they are stored: of whatever schema version, personal values sealed, nothing checked.
   * For what looks at envelopes alone: then no event is unreadable to it, and none need be decoded.
   */
  readonly undecoded?: true;
  /** Ids of all documents that the event touches, from the event alone. Every id begins with its tenant and `:`. */
  readonly keys: (event: Recorded<EventOf<Def>>) => readonly string[];
  /** Pure fold; null means no document. `id` is the document's id. */
  readonly evolve: (document: D | null, event: Recorded<EventOf<Def>>, id: string) => D | null;
  readonly indexes: readonly IndexDefinition[];
};

export function defineProjection<D extends Document, const Def extends EventDefinition>(
  projection: Projection<D, Def>,
): Projection<D, Def> {
  return projection;
}

/** What a reactor may look up. Waiting first makes a look-up as new as the event that asks. */
export type ReactorContext = {
  readonly find: (collection: string, filter: Document, options: { limit: number }) => Promise<readonly Document[]>;
  readonly waitFor: (projection: string, position: string) => Promise<void>;
};

/**
 * The command's id is derived from event, reactor and `key`, so redelivery is harmless. Without a key the place in the
 * list stands for it: only for lists that are the same each time, hence never for what a look-up brought.
 */
export type Reaction = { readonly command: Command; readonly actor?: string; readonly key?: string };

export type Reactor<Def extends EventDefinition = EventDefinition> = {
  readonly name: string;
  readonly events: readonly Def[];
  /** Events of one partition are handled in order; mostly the learner. */
  readonly partitionBy: (event: Recorded<EventOf<Def>>) => string;
  readonly react: (
    event: Recorded<EventOf<Def>>,
    context: ReactorContext,
  ) => Promise<readonly Reaction[]> | readonly Reaction[];
  /** Refusal codes that are answers; any other refusal parks the partition. */
  readonly tolerates: readonly string[];
};

export function defineReactor<const Def extends EventDefinition>(reactor: Reactor<Def>): Reactor<Def> {
  return reactor;
}

/**
 * Something that falls due: a document of the projection `due_work`, made and closed by events alone. `dueAt` is an
 * instant of the tenant's clock.
 */
export type DueItem = Document & {
  readonly tenant: string;
  readonly kind: string;
  readonly subject: string;
  readonly serial: number;
  readonly dueAt: string;
  readonly state: 'open' | 'done';
  /** See {@link Timekeeper.apart}. */
  readonly apart?: true;
};

/** What is sent when items of one kind are due. The decider checks again; the event that follows closes the item. */
export type Timekeeper<I extends DueItem = DueItem> = {
  /** Also the actor: `scheduler:<name>`. */
  readonly name: string;
  readonly kind: string;
  readonly command: (item: I) => Command;
  /** Refusal codes that are final answers; any other is reported, and the item tried again from time to time. */
  readonly tolerates: readonly string[];
  /** Its commands talk to others than the stores: its items, marked so too, have a scheduler of their own and are sent in any order. */
  readonly apart?: true;
};

export function defineTimekeeper<I extends DueItem>(timekeeper: Timekeeper<I>): Timekeeper<I> {
  return timekeeper;
}
