// Events: what a context declares, what the log stores, what deciders and projections see.
import type { Instant, Position, TenantId } from './ids.js';
import type { JsonObject } from './json.js';
import type { Infer, Schema } from './schema.js';

export type DomainEvent<T extends string = string, D = unknown> = { readonly type: T; readonly data: D };

/** Flat string map beside every event. `$causationId` is the command's id. */
export type EventMeta = {
  readonly $correlationId: string;
  readonly $causationId: string;
  /** SHA-256 of the canonical command, envelope left out: tells a replay from a reused key. */
  readonly commandHash: string;
  /** Id of the event that a reactor answered with this command. */
  readonly causedBy?: string;
  /** `user:…`, `service:…` or `reactor:…` */
  readonly actor: string;
  readonly tenant: TenantId;
  readonly schemaVersion: string;
  /** Effective time: when it was true. */
  readonly occurredAt: Instant;
  /** When we wrote it, by the tenant's clock; never falls within a stream. */
  readonly recordedAt: Instant;
  readonly traceparent?: string;
  readonly app: string;
};

/** What is handed to the log. */
export type NewEvent = {
  readonly id: string;
  readonly type: string;
  readonly data: JsonObject;
  readonly meta: Readonly<Record<string, string>>;
};

/** What the log hands back. `revision` counts from 0 within the stream. */
export type StoredEvent = NewEvent & {
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
};

/** A decoded event in its envelope. */
export type Recorded<E extends DomainEvent = DomainEvent> = E & {
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: Position;
  readonly meta: EventMeta;
};

/** What a decider records: the envelope is added by the executor. */
export type Decided<E extends DomainEvent = DomainEvent> = E & { readonly occurredAt?: Instant };

export type EventDefinition<T extends string = string, D = unknown> = {
  /** Stored type string, independent of any TypeScript name; another meaning gets another type. */
  readonly type: T;
  /** Current schema version, from 1. An added optional member needs no new one; anything else does. */
  readonly version: number;
  readonly schema: Schema<D>;
  /** `upcasters[n]` turns data of version n into n + 1; pure JSON to JSON. */
  readonly upcasters?: { readonly [fromVersion: number]: (data: JsonObject) => JsonObject };
  /** Golden samples as stored, at least one for each version ever written; they stay for ever. */
  readonly samples: { readonly [version: number]: readonly JsonObject[] };
  /** Top-level members that hold personal data of the learner `data.learnerId`. */
  readonly personal?: readonly string[];
  /** One sentence for the generated documentation. */
  readonly means: string;
};

export type EventOf<Def> = Def extends { readonly type: infer T extends string; readonly schema: Schema<infer D> }
  ? DomainEvent<T, D>
  : never;

/** Declares an event; the data's type follows from the schema. */
export function defineEvent<const T extends string, S extends Schema<unknown>>(
  definition: Omit<EventDefinition<T, Infer<S>>, 'schema'> & { readonly schema: S },
): EventDefinition<T, Infer<S>> {
  return definition as unknown as EventDefinition<T, Infer<S>>;
}
