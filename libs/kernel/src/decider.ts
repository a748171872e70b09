// Deciders: the rules of one stream as three plain values. No clock, no randomness, no I/O (architecture, decision 1).
import type { Decided, DomainEvent, Recorded } from './events.js';
import type { Instant, TenantId } from './ids.js';

export type Command<T extends string = string, D = unknown> = { readonly type: T; readonly data: D };

/** Who asks, when and why: everything a decider may not find out for itself. */
export type CommandContext = {
  readonly tenant: TenantId;
  /** From the client's Idempotency-Key, derived from the causing event or import row, or made up for this one sending. */
  readonly commandId: string;
  /**
   * A derived id is its own proof: only a client's id is refused when it comes with another command. A fresh one is known
   * to nobody and never comes again.
   */
  readonly idSource: 'client' | 'derived' | 'fresh';
  readonly actor: string;
  readonly correlationId: string;
  readonly causedBy?: string;
  readonly traceparent?: string;
  /** The tenant's clock when the command arrived; the same on every re-decision. */
  readonly now: Instant;
  /** Members equal to `now` were filled in, not said by the client: a retry has others and is still the same command. */
  readonly nowIsImplied?: boolean;
};

/** A command in its envelope. */
export type Issued<C extends Command = Command> = C & CommandContext;

/** A refusal: an expected answer, never an exception. `code` is stable and documented. */
export type Rejected = {
  readonly accepted: false;
  readonly code: string;
  readonly detail: string;
  /** What the sender can do about it. */
  readonly next?: string;
  readonly errors?: readonly { readonly pointer: string; readonly code: string; readonly message: string }[];
};
export type Accepted<E extends DomainEvent> = { readonly accepted: true; readonly events: readonly Decided<E>[] };
export type Decision<E extends DomainEvent> = Accepted<E> | Rejected;

export const accept = <E extends DomainEvent>(...events: readonly Decided<E>[]): Accepted<E> => ({
  accepted: true,
  events,
});

export const reject = (code: string, detail: string, next?: string, errors?: Rejected['errors']): Rejected => ({
  accepted: false,
  code,
  detail,
  ...(next === undefined ? {} : { next }),
  ...(errors === undefined ? {} : { errors }),
});

/** Refuses one field; `pointer` is its JSON Pointer in the command's data. */
export const invalid = (pointer: string, code: string, message: string): Rejected =>
  reject('validation-failed', message, 'Correct the field and send again.', [{ pointer, code, message }]);

/** What it takes to fold a stream of one category. */
export type Fold<S, E extends DomainEvent = DomainEvent> = {
  readonly category: string;
  readonly initial: S;
  readonly evolve: (state: S, event: Recorded<E>) => S;
};

/** Reads other streams as facts for a decision; a race there is compensated, never locked (D3). */
export type FactLoader = {
  /** The fold of a stream as it is now. */
  readonly fold: <S, E extends DomainEvent>(fold: Fold<S, E>, stream: string) => Promise<S>;
  /** For immutable facts such as published versions: a cached fold will do once it `has` what is asked for. */
  readonly foldHaving: <S, E extends DomainEvent>(
    fold: Fold<S, E>,
    stream: string,
    has: (state: S) => boolean,
  ) => Promise<S>;
  /** One event, decoded; undefined if there is none at that revision. */
  readonly event: (stream: string, revision: number) => Promise<Recorded | undefined>;
};

export type Decider<S, C extends Command, E extends DomainEvent, F = undefined> = Fold<S, E> & {
  /** The commands it decides; two deciders for one command are refused at boot. */
  readonly commands: readonly C['type'][];
  /** The one stream that a command reads and appends to. */
  readonly streamOf: (command: Issued<C>) => string;
  /** Loads what `decide` needs from elsewhere, named by state and command. */
  readonly loadFacts?: (command: Issued<C>, state: S, loader: FactLoader) => Promise<F>;
  readonly decide: (command: Issued<C>, state: S, facts: F) => Decision<E>;
};

/** The answer to a command, as the executor gives it. */
export type CommandOutcome =
  | {
      readonly accepted: true;
      readonly outcome: 'recorded' | 'unchanged';
      /** True if this very command had been recorded before. */
      readonly replayed: boolean;
      readonly stream: string;
      /** The stream's revision after the command; -1 for an empty stream. */
      readonly revision: number;
      /**
       * Position of the command's last event, or of the end of its append, in which others of its stream may have gone
       * along; for `unchanged`, of the stream's last event ('' if none).
       */
      readonly position: string;
      readonly events: readonly Recorded[];
    }
  | Rejected;
