// The read models' port: the subset of MongoDB that every adapter answers alike (docs of the query subset: query-subset.ts).
import type { Document, IndexDefinition } from '@cairn/kernel';

/** A stored document: `_p` is the position of the last event folded into it. */
export type StoredDocument = Document & { readonly _id: string; readonly _p: string };

/** One compare-and-swap. `expected` null: no such document yet. `next` null: delete it. */
export type GuardedWrite = {
  readonly id: string;
  readonly expected: string | null;
  readonly next: StoredDocument | null;
};
/** `lost`: somebody was faster; reload and fold again. */
export type WriteOutcome = 'done' | 'lost';

/** Filters of the allowed subset; the validator names the operator that is not in it. */
export type Filter = { readonly [field: string]: unknown };
export type Sort = readonly (readonly [field: string, direction: 1 | -1])[];
export type FindOptions = {
  readonly sort?: Sort;
  /** 1 to 10,000 */
  readonly limit: number;
  /** Keyset paging: the sort fields' values of the last document of the page before, `_id` last. */
  readonly after?: readonly unknown[];
};

export type Lease = { readonly name: string; readonly owner: string; readonly epoch: number };

export type QueueItem = {
  readonly id: string;
  readonly payload: Document;
  readonly attempts: number;
  readonly claimEpoch: number;
};

export type ReadModel = {
  readonly ensureCollection: (collection: string, indexes: readonly IndexDefinition[]) => Promise<void>;
  readonly dropCollection: (collection: string) => Promise<void>;
  readonly collections: () => Promise<readonly string[]>;
  /** Documents by id, in any order; missing ones are left out. */
  readonly load: (collection: string, ids: readonly string[]) => Promise<readonly StoredDocument[]>;
  /** One outcome for each write, in order. Not a transaction: each item stands alone. */
  readonly writeGuarded: (collection: string, writes: readonly GuardedWrite[]) => Promise<readonly WriteOutcome[]>;
  /** Throws {@link QueryRefused} for operators outside the subset and for scans above the row limit without an index. */
  readonly find: (collection: string, filter: Filter, options: FindOptions) => Promise<readonly StoredDocument[]>;
  readonly aggregate: (collection: string, pipeline: readonly Document[]) => Promise<readonly Document[]>;
  /** Every document in order of `_id`, for hashes and exports; pages inside. */
  readonly scan: (collection: string) => AsyncIterable<StoredDocument>;

  /** Checkpoints: one text value a name. Moves only if the stored value equals `expected` and `epoch` is not older. */
  readonly loadCheckpoint: (name: string) => Promise<Checkpoint | undefined>;
  readonly saveCheckpoint: (name: string, expected: string | null, next: Omit<Checkpoint, 'name'>) => Promise<boolean>;
  readonly deleteCheckpoint: (name: string) => Promise<void>;
  /** All checkpoints, in any order: a few for each projection and reactor. */
  readonly checkpoints: () => Promise<readonly Checkpoint[]>;

  /** Takes a free or expired lease, epoch + 1; undefined if another owner holds it. One atomic update. */
  readonly acquireLease: (name: string, owner: string, ttlMs: number) => Promise<Lease | undefined>;
  /** False if the lease was lost. */
  readonly renewLease: (lease: Lease, ttlMs: number) => Promise<boolean>;
  readonly releaseLease: (lease: Lease) => Promise<void>;

  /** Work queue: inserted if absent, claimed for a time, acknowledged (removed) or given back. */
  readonly enqueue: (
    queue: string,
    items: readonly { id: string; payload: Document; dueAt: string }[],
  ) => Promise<void>;
  readonly claim: (
    queue: string,
    owner: string,
    limit: number,
    now: string,
    ttlMs: number,
  ) => Promise<readonly QueueItem[]>;
  readonly acknowledge: (queue: string, item: QueueItem) => Promise<boolean>;
  readonly giveBack: (queue: string, item: QueueItem, dueAt: string) => Promise<boolean>;

  readonly close: () => Promise<void>;
};

export type Checkpoint = {
  readonly name: string;
  readonly position: string;
  /** Id of the event at `position`: a log without it was rewound. */
  readonly lastEventId: string | null;
  readonly epoch: number;
};

/** A query that the subset does not allow, or that would scan too much. `operator` names what was refused. */
export class QueryRefused extends Error {
  constructor(
    readonly operator: string,
    detail: string,
  ) {
    super(detail);
    this.name = 'QueryRefused';
  }
}

/**
 * An index that cannot be: another definition has its name or its fields (MongoDB's 85 and 86), or, with no
 * `existing`, the documents at hand break its uniqueness.
 */
export class IndexRefused extends Error {
  constructor(
    readonly wanted: IndexDefinition,
    readonly existing: IndexDefinition | undefined,
    detail: string,
  ) {
    super(detail);
    this.name = 'IndexRefused';
  }
}

/** The store could not be reached. */
export class ReadModelUnavailable extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'ReadModelUnavailable';
  }
}
