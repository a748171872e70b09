// The event log's port, written for EventStoreDB's semantics; every adapter passes the same contract suite.
// No "any" revision, no multi-stream append, no delete, no truncate: what the port lacks cannot go wrong (D12).
import type { NewEvent, Position, StoredEvent } from '@cairn/kernel';

/** `none`: the stream must not exist. A number: its last event must have exactly this revision. */
export type ExpectedRevision = 'none' | number;

export type AppendResult =
  | { readonly ok: true; readonly revision: number; readonly position: Position }
  /** `actual` is the stream's last revision, -1 if it does not exist. Nothing was written. */
  | { readonly ok: false; readonly actual: number };

export type ReadOptions = {
  /** First revision read (inclusive); default 0, or the last one when reading backwards. */
  readonly from?: number;
  readonly direction?: 'forwards' | 'backwards';
  readonly limit?: number;
};

export type ReadAllOptions = {
  /** Exclusive; '' reads from the beginning. */
  readonly after: Position;
  /** Upper bound on the events returned; 1 to 10,000. */
  readonly limit: number;
  readonly categories?: readonly string[];
};

export type LogPage = {
  readonly events: readonly StoredEvent[];
  /** How far the log was really read: events of other categories included. Continue after it. */
  readonly readUpTo: Position;
  /** True if the end of the log was met. */
  readonly atEnd: boolean;
};

export type FeedItem =
  | { readonly kind: 'event'; readonly event: StoredEvent }
  /** Only a candidate: it may run ahead of events not yet handed out; see the projection runner. */
  | { readonly kind: 'checkpoint'; readonly position: Position }
  /** A hint: may come many times. */
  | { readonly kind: 'caught-up' };

export type EventLog = {
  /**
   * Appends 1 to 1,000 events of together at most 900 KB to one stream, all or nothing.
   * Repeating an append (same ids, same expected revision) after success answers with the original result.
   * The same ids at the current tip are written again: idempotency is the caller's business (decision 5).
   * Rejects with {@link LogUnavailable}; with `outcome: 'unknown'` the events may or may not be there.
   * Throws a RangeError for what can never be appended (no events, too many, too large, bad id or stream name).
   */
  readonly append: (stream: string, expected: ExpectedRevision, events: readonly NewEvent[]) => Promise<AppendResult>;
  /** A stream's events; a missing stream reads as empty. */
  readonly read: (stream: string, options?: ReadOptions) => Promise<readonly StoredEvent[]>;
  /** One page of the whole log in its order. It may hold fewer events than the limit, even none, before the end. */
  readonly readAll: (options: ReadAllOptions) => Promise<LogPage>;
  /** Everything after a position, then live. Ends when `signal` aborts; throws {@link LogUnavailable} on a broken feed. */
  readonly subscribeAll: (options: {
    readonly after: Position;
    readonly categories?: readonly string[];
    readonly signal: AbortSignal;
  }) => AsyncIterable<FeedItem>;
  /** Position of the last event; '' for an empty log. */
  readonly head: () => Promise<Position>;
  readonly close: () => Promise<void>;
};

/**
 * The log could not be reached, or did not answer in time. `not-written` speaks of this call alone: an earlier call
 * with the same ids whose outcome was unknown may still have been written.
 */
export class LogUnavailable extends Error {
  constructor(
    readonly outcome: 'not-written' | 'unknown',
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'LogUnavailable';
  }
}

export const MAX_APPEND_EVENTS = 1_000;
export const MAX_APPEND_BYTES = 900 * 1024;
