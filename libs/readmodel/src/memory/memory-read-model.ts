// The read model in memory: for tests, and the plainest statement of what the port means.
import type { IndexDefinition } from '@cairn/kernel';
import {
  IndexRefused,
  ReadModelUnavailable,
  type Checkpoint,
  type QueueItem,
  type ReadModel,
  type StoredDocument,
  type WriteOutcome,
} from '../port.js';
import { chooseAccess, constraintsOf, scanRefused } from '../access.js';
import { runPipeline } from '../aggregation.js';
import { compareText, compileFilter, createFindSorter } from '../matching.js';
import * as subset from '../query-subset.js';
import { checkNewIndexes, checkWrites, nextClaimEpoch } from '../writes.js';

type Collection = {
  readonly documents: Map<string, StoredDocument>;
  readonly indexes: IndexDefinition[];
  /** For each unique index the documents' ids by their values. */
  readonly unique: Map<string, Map<string, string>>;
};
type HeldLease = { readonly owner: string | null; readonly epoch: number; readonly expiresAt: number };
type Work = Omit<QueueItem, 'id'> & { readonly dueAt: string; readonly claimedUntil: string };

export type MemoryReadModelOptions = {
  /** Milliseconds since 1970, for leases. */
  readonly now?: () => number;
  readonly scanLimit?: number;
};

/** An empty read model that lives as long as the program. */
export function createMemoryReadModel(options: MemoryReadModelOptions = {}): ReadModel {
  const { now = Date.now, scanLimit = subset.SCAN_LIMIT } = options;
  const collections = new Map<string, Collection>();
  const checkpoints = new Map<string, Checkpoint>();
  const leases = new Map<string, HeldLease>();
  const queues = new Map<string, Map<string, Work>>();
  let closed = false;

  const open = (): void => {
    if (closed) throw new ReadModelUnavailable('the read model is closed');
  };
  const collectionOf = (name: string): Collection | undefined => {
    open();
    subset.checkCollectionName(name);
    return collections.get(name);
  };

  /** Documents of a collection that a filter matches, in the order asked for; refuses what would be a large scan. */
  const matching = (
    name: string,
    filter: Parameters<ReadModel['find']>[1],
    {
      sort,
      limit,
      after,
    }: { sort?: Parameters<typeof createFindSorter>[0]; limit: number; after?: readonly unknown[] },
  ): StoredDocument[] => {
    const collection = collectionOf(name);
    if (!collection) return [];
    const matches = compileFilter(filter);
    const constraints = constraintsOf(filter);
    const total = subset.totalSort(sort);
    const access = chooseAccess(constraints, total, collection.indexes);
    const sorter = createFindSorter(sort);
    let documents = [...collection.documents.values()];
    const isSmall = access.bounded.length > 0 || documents.length <= scanLimit;
    if (!isSmall && !access.ordered) throw scanRefused(name, constraints, total, scanLimit);
    if (after) documents = documents.filter((document) => sorter.isAfter(document, after));
    if (isSmall) return sorter.sort(documents.filter(matches), limit);
    // As a store would walk an index that gives the order: what lies before the limit is looked at, no more.
    const found: StoredDocument[] = [];
    for (const [looked, document] of sorter.sort(documents).entries()) {
      if (looked >= scanLimit) throw scanRefused(name, constraints, total, scanLimit);
      if (matches(document)) found.push(document);
      if (found.length === limit) break;
    }
    return found;
  };

  return {
    ensureCollection: async (name, indexes) => {
      const existing = collectionOf(name);
      const collection: Collection = existing ?? { documents: new Map(), indexes: [], unique: new Map() };
      for (const index of checkNewIndexes(name, collection.indexes, indexes)) {
        if (index.unique) {
          const ids = new Map<string, string>();
          for (const document of collection.documents.values()) {
            subset.checkUniqueFields(document, [index]);
            const key = uniqueKey(document, index);
            if (ids.has(key))
              throw new IndexRefused(
                index,
                undefined,
                `unique index "${index.name}" of "${name}": "${ids.get(key)}" and "${document._id}" have the same values`,
              );
            ids.set(key, document._id);
          }
          collection.unique.set(index.name, ids);
        }
        collection.indexes.push(index);
      }
      collections.set(name, collection);
    },

    dropCollection: async (name) => {
      collectionOf(name);
      collections.delete(name);
    },

    collections: async () => {
      open();
      return [...collections.keys()].toSorted(compareText);
    },

    load: async (name, ids) => {
      const documents = collectionOf(name)?.documents;
      return [...new Set(ids)].flatMap((id) => documents?.get(id) ?? []);
    },

    writeGuarded: async (name, writes) => {
      const collection = collectionOf(name);
      checkWrites(name, collection?.indexes, writes);
      const { documents, indexes, unique } = collection as Collection;
      const copies = writes.map(({ id, next }) => {
        const json = JSON.stringify(next);
        subset.checkSize(id, json);
        return freeze(JSON.parse(json) as StoredDocument | null);
      });
      return writes.map(({ id, expected }, i): WriteOutcome => {
        const next = copies[i] ?? null;
        const current = documents.get(id);
        if ((current?._p ?? null) !== expected) return 'lost';
        const uniques = indexes.filter((index) => index.unique);
        if (next)
          for (const index of uniques) {
            const holder = unique.get(index.name)?.get(uniqueKey(next, index));
            if (holder !== undefined && holder !== id) return 'lost';
          }
        for (const index of uniques) {
          const ids = unique.get(index.name) as Map<string, string>;
          if (current) ids.delete(uniqueKey(current, index));
          if (next) ids.set(uniqueKey(next, index), id);
        }
        if (next) documents.set(id, next);
        else documents.delete(id);
        return 'done';
      });
    },

    find: async (name, filter, options) => {
      subset.checkFilter(filter);
      subset.checkFindOptions(options);
      return matching(name, filter, options);
    },

    aggregate: async (name, pipeline) => {
      subset.checkPipeline(pipeline);
      const first = pipeline[0]?.['$match'] as Parameters<ReadModel['find']>[1] | undefined;
      const rows = matching(name, first ?? {}, { limit: Number.POSITIVE_INFINITY, sort: UNORDERED });
      return runPipeline(rows, first ? pipeline.slice(1) : pipeline);
    },

    scan: async function* (name) {
      const documents = collectionOf(name)?.documents;
      if (documents)
        for (const id of [...documents.keys()].toSorted(compareText)) {
          const document = documents.get(id);
          if (document) yield document;
        }
    },

    loadCheckpoint: async (name) => {
      open();
      return checkpoints.get(name);
    },
    saveCheckpoint: async (name, expected, next) => {
      open();
      const stored = checkpoints.get(name);
      if ((stored?.position ?? null) !== expected || (stored?.epoch ?? 0) > next.epoch) return false;
      checkpoints.set(name, { name, position: next.position, lastEventId: next.lastEventId, epoch: next.epoch });
      return true;
    },
    deleteCheckpoint: async (name) => {
      open();
      checkpoints.delete(name);
    },
    checkpoints: async () => {
      open();
      return [...checkpoints.values()];
    },

    acquireLease: async (name, owner, ttlMs) => {
      open();
      const held = leases.get(name);
      if (held && held.owner !== null && held.owner !== owner && held.expiresAt > now()) return undefined;
      const epoch = (held?.epoch ?? 0) + 1;
      leases.set(name, { owner, epoch, expiresAt: now() + ttlMs });
      return { name, owner, epoch };
    },
    renewLease: async ({ name, owner, epoch }, ttlMs) => {
      open();
      const held = leases.get(name);
      if (held?.owner !== owner || held.epoch !== epoch) return false;
      leases.set(name, { owner, epoch, expiresAt: now() + ttlMs });
      return true;
    },
    releaseLease: async ({ name, owner, epoch }) => {
      open();
      const held = leases.get(name);
      // The epoch stays: the next holder's must be greater.
      if (held?.owner === owner && held.epoch === epoch) leases.set(name, { owner: null, epoch, expiresAt: 0 });
    },

    enqueue: async (queue, items) => {
      open();
      const work = queues.get(queue) ?? new Map<string, Work>();
      for (const item of items) subset.checkPayload(item.payload, item.id);
      for (const { id, payload, dueAt } of items)
        if (!work.has(id)) {
          const copy = freeze(JSON.parse(JSON.stringify(payload)) as Work['payload']);
          work.set(id, { payload: copy, dueAt, attempts: 0, claimEpoch: 0, claimedUntil: '' });
        }
      queues.set(queue, work);
    },
    claim: async (queue, _owner, limit, at, ttlMs) => {
      open();
      const claimedUntil = new Date(Date.parse(at) + ttlMs).toISOString();
      const due = [...(queues.get(queue) ?? new Map<string, Work>())]
        .filter(([, work]) => work.dueAt <= at && work.claimedUntil <= at)
        .sort(([a, x], [b, y]) => compareText(x.dueAt, y.dueAt) || compareText(a, b))
        .slice(0, limit);
      return due.map(([id, work]): QueueItem => {
        const claimEpoch = nextClaimEpoch(work.claimEpoch, at);
        const claimed = { ...work, attempts: work.attempts + 1, claimEpoch, claimedUntil };
        queues.get(queue)?.set(id, claimed);
        return { id, payload: claimed.payload, attempts: claimed.attempts, claimEpoch: claimed.claimEpoch };
      });
    },
    acknowledge: async (queue, { id, claimEpoch }) => {
      open();
      const work = queues.get(queue);
      return work?.get(id)?.claimEpoch === claimEpoch && work.delete(id);
    },
    giveBack: async (queue, { id, claimEpoch }, dueAt) => {
      open();
      const work = queues.get(queue)?.get(id);
      if (work?.claimEpoch !== claimEpoch) return false;
      // The claim is spent with it: a second answer to the same claim is stale.
      queues.get(queue)?.set(id, { ...work, dueAt, claimEpoch: claimEpoch + 1, claimedUntil: '' });
      return true;
    },

    close: async () => {
      closed = true;
    },
  };
}

const UNORDERED: Parameters<typeof createFindSorter>[0] = [];

/** Unique as MongoDB is: missing and null are one value, and 1 is not "1". */
function uniqueKey(document: StoredDocument, index: IndexDefinition): string {
  return JSON.stringify(index.fields.map(([field]) => subset.plainValueAt(document, field.split('.')) ?? null));
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) freeze(member);
  }
  return value;
}
