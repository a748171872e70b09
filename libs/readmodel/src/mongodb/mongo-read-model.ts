// The read model on MongoDB. Guards do all the work that transactions would: `_p` in documents, epochs in leases and
// claims, positions in checkpoints. Every write waits for the majority and its journal, so a checkpoint saved after
// its documents is never ahead of them.
import type { IndexDefinition } from '@cairn/kernel';
import {
  BSON,
  MongoBulkWriteError,
  type AnyBulkWriteOperation,
  type Collection,
  type Filter as MongoFilter,
} from 'mongodb';
import {
  IndexRefused,
  QueryRefused,
  type Filter,
  type GuardedWrite,
  type QueueItem,
  type ReadModel,
  type Sort,
  type StoredDocument,
  type WriteOutcome,
} from '../port.js';
import { chooseAccess, constraintsOf, scanRefused } from '../access.js';
import { compareText, compareValues, createFindSorter } from '../matching.js';
import * as subset from '../query-subset.js';
import { checkNewIndexes, checkWrites, nextClaimEpoch } from '../writes.js';
import { CODE, connectMongo, hasCode, wereThere, type MongoConnectionOptions } from './mongo-connection.js';

export type MongoReadModelOptions = MongoConnectionOptions & {
  /** Milliseconds since 1970, for leases. */
  readonly now?: () => number;
  readonly scanLimit?: number;
};

// Own collections begin with `_`, which no projection's may (checkCollectionName).
type CheckpointRow = { _id: string; position: string; lastEventId: string | null; epoch: number };
type LeaseRow = { _id: string; owner: string | null; epoch: number; expiresAt: number };
type QueueRow = {
  _id: string;
  queue: string;
  id: string;
  payload: QueueItem['payload'];
  dueAt: string;
  attempts: number;
  claimEpoch: number;
  claimedUntil: string;
};

const BATCH_DOCUMENTS = 1000;
const BATCH_BYTES = 8 * 1024 * 1024;
const MAX_BSON_BYTES = 16 * 1024 * 1024;
const PAGE = 1000;

/** Connects to MongoDB. Throws {@link ReadModelUnavailable} that says what to do if it cannot be used. */
export async function openMongoReadModel(options: MongoReadModelOptions): Promise<ReadModel> {
  const { now = Date.now, scanLimit = subset.SCAN_LIMIT, timeoutMs: maxTimeMS = 10_000 } = options;
  const { db, guarded, close } = await connectMongo(options);
  const collectionOf = (name: string): Collection<StoredDocument> => db.collection<StoredDocument>(name);
  const checkpoints = db.collection<CheckpointRow>('_checkpoints');
  const leases = db.collection<LeaseRow>('_leases');
  const queues = db.collection<QueueRow>('_queue');
  const limits = { maxTimeMS };

  /** Indexes of the collections that were seen to exist. */
  const known = new Map<string, readonly IndexDefinition[]>();
  const readIndexes = async (name: string): Promise<readonly IndexDefinition[] | undefined> => {
    try {
      const found = (await collectionOf(name).indexes()).flatMap((index) => definitionOf(index) ?? []);
      known.set(name, found);
      return found;
    } catch (error) {
      if (!hasCode(error, CODE.namespaceNotFound)) throw error;
      known.delete(name);
      return undefined;
    }
  };
  const indexesOf = async (name: string): Promise<readonly IndexDefinition[] | undefined> => {
    subset.checkCollectionName(name);
    return known.get(name) ?? (await readIndexes(name));
  };

  /** How a query is served; `walked`: in the order of an index, to be stopped after `scanLimit` documents. */
  const accessOf = async (name: string, filter: Filter, sort: Sort): Promise<'bounded' | 'walked' | 'refused'> => {
    const constraints = constraintsOf(filter);
    const access = chooseAccess(constraints, sort, known.get(name) ?? []);
    if (access.bounded.length > 0) return 'bounded';
    if ((await collectionOf(name).estimatedDocumentCount(limits)) <= scanLimit) return 'bounded';
    return access.ordered ? 'walked' : 'refused';
  };
  /** Before a query is refused the indexes are read anew: another process may have made one. */
  const checkedAccess = async (name: string, filter: Filter, sort: Sort): Promise<'bounded' | 'walked' | 'refused'> => {
    const access = await accessOf(name, filter, sort);
    if (access === 'bounded') return access;
    await readIndexes(name);
    return accessOf(name, filter, sort);
  };

  const writeOne = async (name: string, { id, expected, next }: GuardedWrite): Promise<WriteOutcome> => {
    const collection = collectionOf(name);
    try {
      if (expected === null) {
        await collection.insertOne(next as StoredDocument, limits);
        return 'done';
      }
      if (next === null) {
        const { deletedCount } = await collection.deleteOne({ _id: id, _p: expected }, limits);
        return deletedCount === 1 ? 'done' : 'lost';
      }
      const { matchedCount } = await collection.replaceOne({ _id: id, _p: expected }, next, limits);
      return matchedCount === 1 ? 'done' : 'lost';
    } catch (error) {
      if (hasCode(error, CODE.duplicateKey)) return 'lost';
      throw indexable(error);
    }
  };

  /** Inserts and replacements in one message. Its counts are sums, so what is in doubt afterwards is looked up. */
  const writeMany = async (name: string, writes: readonly GuardedWrite[]): Promise<readonly WriteOutcome[]> => {
    const operations = writes.map(({ id, expected, next }): AnyBulkWriteOperation<StoredDocument> =>
      expected === null
        ? { insertOne: { document: next as StoredDocument } }
        : { replaceOne: { filter: { _id: id, _p: expected }, replacement: next as StoredDocument } },
    );
    const outcomes = writes.map((): WriteOutcome => 'done');
    const replaced = writes.flatMap(({ expected }, i) => (expected === null ? [] : [i]));
    try {
      const { matchedCount } = await collectionOf(name).bulkWrite(operations, { ordered: false, ...limits });
      if (matchedCount === replaced.length) return outcomes;
    } catch (error) {
      const faults = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
      const concern = error instanceof MongoBulkWriteError ? error.result.getWriteConcernError() : undefined;
      const other = faults.find(({ code }) => code !== CODE.duplicateKey);
      if (faults.length === 0 || concern || other) throw other?.code === CODE.parallelArrays ? parallel(other) : error;
      for (const { index } of faults) outcomes[index] = 'lost';
    }
    const doubtful = replaced.filter((i) => outcomes[i] === 'done');
    const stored = new Map(
      (
        await loadAll(
          name,
          doubtful.map((i) => (writes[i] as GuardedWrite).id),
        )
      ).map((one) => [one._id, one]),
    );
    // Done is what is there as it was to be. If it was overwritten since, 'lost' is safe: its events are in it already.
    for (const i of doubtful) {
      const { id, next } = writes[i] as GuardedWrite;
      if (!isSame(stored.get(id), next as StoredDocument)) outcomes[i] = 'lost';
    }
    return outcomes;
  };

  const loadAll = async (name: string, ids: readonly string[]): Promise<readonly StoredDocument[]> => {
    const found: StoredDocument[] = [];
    for (let i = 0; i < ids.length; i += PAGE)
      found.push(
        ...(await collectionOf(name)
          .find({ _id: { $in: ids.slice(i, i + PAGE) } }, limits)
          .toArray()),
      );
    return found;
  };

  const model: ReadModel = {
    ensureCollection: (name, indexes) =>
      guarded(async () => {
        subset.checkCollectionName(name);
        const wanted = indexes.map(normalised);
        for (const index of wanted) subset.checkIndexDefinition(index);
        await db.createCollection(name, limits).catch((error: unknown) => {
          if (!hasCode(error, CODE.namespaceExists)) throw error;
        });
        const existing = (await readIndexes(name)) ?? [];
        for (const index of checkNewIndexes(name, existing, wanted)) {
          try {
            await collectionOf(name).createIndex(Object.fromEntries(keyOf(index)), {
              name: index.name,
              ...(index.unique ? { unique: true } : {}),
            });
          } catch (error) {
            if (hasCode(error, CODE.indexOptionsConflict, CODE.indexKeySpecsConflict)) {
              // Another process was faster, or the index was made by hand with options that are not ours.
              checkNewIndexes(name, (await readIndexes(name)) ?? [], [index]);
              throw new IndexRefused(
                index,
                undefined,
                `index "${index.name}" of "${name}" cannot be: ${String(error)}`,
              );
            }
            if (hasCode(error, CODE.duplicateKey))
              throw new IndexRefused(
                index,
                undefined,
                `unique index "${index.name}" of "${name}": documents have the same values: ${String(error)}`,
              );
            throw indexable(error);
          }
        }
        await readIndexes(name);
      }),
    dropCollection: (name) =>
      guarded(async () => {
        subset.checkCollectionName(name);
        known.delete(name);
        await db.dropCollection(name).catch((error: unknown) => {
          if (!hasCode(error, CODE.namespaceNotFound)) throw error;
        });
      }),
    collections: () =>
      guarded(async () => {
        const all = await db.listCollections({}, { nameOnly: true }).toArray();
        return all
          .map(({ name }) => name)
          .filter((name) => !name.startsWith('_') && !name.startsWith('system.'))
          .toSorted(compareText);
      }),
    load: (name, ids) =>
      guarded(async () => {
        subset.checkCollectionName(name);
        return loadAll(name, [...new Set(ids)]);
      }),
    writeGuarded: (name, writes) =>
      guarded(async () => {
        checkWrites(name, await indexesOf(name), writes);
        const outcomes = writes.map((): WriteOutcome => 'lost');
        const sizes = writes.map(({ id, next }) => (next ? checkedSize(id, next) : 0));
        // Deletions one by one: of several in one message nobody says which were there.
        const alone = writes.flatMap(({ next }, i) => (next === null || writes.length === 1 ? [i] : []));
        const together = writes.length === 1 ? [] : writes.flatMap(({ next }, i) => (next === null ? [] : [i]));
        for (const i of alone) outcomes[i] = await writeOne(name, writes[i] as GuardedWrite);
        for (let start = 0; start < together.length;) {
          let end = start;
          for (let bytes = 0; end < together.length && end - start < BATCH_DOCUMENTS; end++) {
            bytes += sizes[together[end] as number] as number;
            if (bytes > BATCH_BYTES && end > start) break;
          }
          const batch = together.slice(start, end);
          const got = await writeMany(
            name,
            batch.map((i) => writes[i] as GuardedWrite),
          );
          for (const [place, i] of batch.entries()) outcomes[i] = got[place] as WriteOutcome;
          start = end;
        }
        return outcomes;
      }),
    find: (name, filter, findOptions) =>
      guarded(async () => {
        subset.checkFilter(filter);
        subset.checkFindOptions(findOptions);
        if (!(await indexesOf(name))) return [];
        const { limit, after } = findOptions;
        const sort = subset.totalSort(findOptions.sort);
        const access = await checkedAccess(name, filter, sort);
        if (access === 'refused') throw scanRefused(name, constraintsOf(filter), sort, scanLimit);
        const collection = collectionOf(name);
        const order = Object.fromEntries(sort);
        const beyond = (after ? laterThan(sort, after) : {}) as MongoFilter<StoredDocument>;
        const cursor =
          access === 'walked'
            ? collection.aggregate<StoredDocument>(
                [{ $match: beyond }, { $sort: order }, { $limit: scanLimit }, { $match: filter }],
                limits,
              )
            : collection.find({ $and: [filter, beyond] } as MongoFilter<StoredDocument>, { sort: order, ...limits });
        const isAfter = createFindSorter(findOptions.sort).isAfter;
        const found: StoredDocument[] = [];
        try {
          if (access === 'bounded' && !after) cursor.batchSize(Math.min(limit, PAGE));
          for await (const document of cursor) {
            if (after && !isAfter(document, after)) continue;
            found.push(document);
            if (found.length === limit) return found;
          }
        } finally {
          await cursor.close();
        }
        // A walk that was stopped before its end does not know that there is no more.
        if (
          access === 'walked' &&
          (await collection.countDocuments(beyond, { limit: scanLimit + 1, ...limits })) > scanLimit
        )
          throw scanRefused(name, constraintsOf(filter), sort, scanLimit);
        return found;
      }),
    aggregate: (name, pipeline) =>
      guarded(async () => {
        subset.checkPipeline(pipeline);
        if (!(await indexesOf(name))) return [];
        const first = (pipeline[0]?.['$match'] ?? {}) as Filter;
        if ((await checkedAccess(name, first, BY_ID)) !== 'bounded')
          throw scanRefused(name, constraintsOf(first), BY_ID, scanLimit);
        return collectionOf(name)
          .aggregate<StoredDocument>([...pipeline], limits)
          .toArray()
          .catch((error: unknown) => {
            throw hasCode(error, ...CODE.arithmetic) ? arithmeticRefused(error as Error) : error;
          });
      }),
    scan: async function* (name) {
      subset.checkCollectionName(name);
      for (let after = ''; ;) {
        const page = await guarded(() =>
          collectionOf(name)
            .find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit: PAGE, ...limits })
            .toArray(),
        );
        yield* page;
        const last = page.at(-1);
        if (!last || page.length < PAGE) return;
        after = last._id;
      }
    },

    loadCheckpoint: (name) =>
      guarded(async () => {
        const row = await checkpoints.findOne({ _id: name }, limits);
        return row ? { name, position: row.position, lastEventId: row.lastEventId, epoch: row.epoch } : undefined;
      }),
    saveCheckpoint: (name, expected, { position, lastEventId, epoch }) =>
      guarded(async () => {
        if (expected === null)
          return inserted(checkpoints.insertOne({ _id: name, position, lastEventId, epoch }, limits));
        const { matchedCount } = await checkpoints.updateOne(
          { _id: name, position: expected, epoch: { $lte: epoch } },
          { $set: { position, lastEventId, epoch } },
          limits,
        );
        return matchedCount === 1;
      }),
    deleteCheckpoint: (name) => guarded(async () => void (await checkpoints.deleteOne({ _id: name }, limits))),
    checkpoints: () =>
      guarded(async () =>
        (await checkpoints.find({}, limits).toArray()).map(({ _id: name, ...checkpoint }) => ({ name, ...checkpoint })),
      ),

    acquireLease: (name, owner, ttlMs) =>
      guarded(async () => {
        const held = await leases.findOne({ _id: name }, limits);
        const expiresAt = now() + ttlMs;
        if (!held)
          return (await inserted(leases.insertOne({ _id: name, owner, epoch: 1, expiresAt }, limits)))
            ? { name, owner, epoch: 1 }
            : undefined;
        if (held.owner !== null && held.owner !== owner && held.expiresAt > now()) return undefined;
        const epoch = held.epoch + 1;
        // As it was read, or somebody took or renewed it since.
        const { matchedCount } = await leases.updateOne(
          { _id: name, owner: held.owner, epoch: held.epoch, expiresAt: held.expiresAt },
          { $set: { owner, epoch, expiresAt } },
          limits,
        );
        return matchedCount === 1 ? { name, owner, epoch } : undefined;
      }),
    renewLease: ({ name, owner, epoch }, ttlMs) =>
      guarded(async () => {
        const expiresAt = now() + ttlMs;
        const { matchedCount } = await leases.updateOne({ _id: name, owner, epoch }, { $set: { expiresAt } }, limits);
        return matchedCount === 1;
      }),
    // The epoch stays: the next holder's must be greater.
    releaseLease: ({ name, owner, epoch }) =>
      guarded(
        async () =>
          void (await leases.updateOne({ _id: name, owner, epoch }, { $set: { owner: null, expiresAt: 0 } }, limits)),
      ),

    enqueue: (queue, items) =>
      guarded(async () => {
        for (const { id, payload } of items) subset.checkPayload(payload, id);
        // The first of several with one id stays, as everywhere.
        const first = new Map(items.toReversed().map((item) => [item.id, item]));
        const rows = [...first.values()].map(({ id, payload, dueAt }): AnyBulkWriteOperation<QueueRow> => {
          const row = {
            _id: rowId(queue, id),
            queue,
            id,
            payload,
            dueAt,
            attempts: 0,
            claimEpoch: 0,
            claimedUntil: '',
          };
          return { insertOne: { document: row } };
        });
        for (let i = 0; i < rows.length; i += BATCH_DOCUMENTS)
          await queues
            .bulkWrite(rows.slice(i, i + BATCH_DOCUMENTS), { ordered: false, ...limits })
            .catch((error: unknown) => {
              if (!wereThere(error)) throw error;
            });
      }),
    claim: (queue, _owner, limit, at, ttlMs) =>
      guarded(async () => {
        const claimedUntil = new Date(Date.parse(at) + ttlMs).toISOString();
        const claimed: QueueItem[] = [];
        while (claimed.length < limit) {
          const due = await queues
            .find(
              { queue, dueAt: { $lte: at }, claimedUntil: { $lte: at } },
              { sort: { dueAt: 1, id: 1 }, limit: limit - claimed.length, ...limits },
            )
            .toArray();
          if (due.length === 0) break;
          for (const row of due) {
            const { _id, id, payload, dueAt } = row;
            const attempts = row.attempts + 1;
            const claimEpoch = nextClaimEpoch(row.claimEpoch, at);
            const { matchedCount } = await queues.updateOne(
              { _id, dueAt, claimEpoch: row.claimEpoch, claimedUntil: row.claimedUntil },
              { $set: { attempts, claimEpoch, claimedUntil } },
              limits,
            );
            // Matched none: another claimed it first, so each round somebody gets on.
            if (matchedCount === 1) claimed.push({ id, payload, attempts, claimEpoch });
          }
        }
        return claimed;
      }),
    acknowledge: (queue, { id, claimEpoch }) =>
      guarded(async () => (await queues.deleteOne({ _id: rowId(queue, id), claimEpoch }, limits)).deletedCount === 1),
    // The claim is spent with it: a second answer to the same claim is stale.
    giveBack: (queue, { id, claimEpoch }, dueAt) =>
      guarded(async () => {
        const { matchedCount } = await queues.updateOne(
          { _id: rowId(queue, id), claimEpoch },
          { $set: { dueAt, claimEpoch: claimEpoch + 1, claimedUntil: '' } },
          limits,
        );
        return matchedCount === 1;
      }),

    close,
  };
  try {
    await guarded(() => queues.createIndex({ queue: 1, dueAt: 1, id: 1 }, { name: 'due' }));
  } catch (error) {
    await close();
    throw error;
  }
  return model;
}

const BY_ID: Sort = [['_id', 1]];
const rowId = (queue: string, id: string): string => JSON.stringify([queue, id]);

async function inserted(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion;
    return true;
  } catch (error) {
    if (hasCode(error, CODE.duplicateKey)) return false;
    throw error;
  }
}

/** Throws {@link QueryRefused} for what MongoDB would not take; gives the size in BSON. */
function checkedSize(id: string, document: StoredDocument): number {
  const bytes = BSON.calculateObjectSize(document, { ignoreUndefined: true });
  // JSON has at most six bytes for one of BSON (control characters): below that there is nothing to measure.
  if (bytes * 6 > subset.MAX_DOCUMENT_BYTES) subset.checkSize(id, JSON.stringify(document));
  if (bytes > MAX_BSON_BYTES)
    throw new QueryRefused('size', `"${id}" has ${bytes} bytes of BSON: at most ${MAX_BSON_BYTES}; split the document`);
  return bytes;
}

const parallel = (fault: { readonly errmsg?: string | undefined; readonly message?: string }): QueryRefused =>
  new QueryRefused(
    'index',
    `a document has lists in two fields of one index, which MongoDB cannot index: ${fault.errmsg ?? fault.message}`,
  );
const indexable = (error: unknown): unknown => (hasCode(error, CODE.parallelArrays) ? parallel(error as Error) : error);

/** The server's word on an operand that is no number, or on a division by zero. */
const arithmeticRefused = ({ message }: Error): QueryRefused =>
  new QueryRefused(/\$(?:add|subtract|multiply|divide)/.exec(message)?.[0] ?? 'arithmetic', message);

/** The same members in any order: what was stored has no undefined ones. */
const isSame = (stored: StoredDocument | undefined, wanted: StoredDocument): boolean =>
  stored !== undefined && compareValues(sorted(stored), sorted(wanted)) === 0;
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => compareText(a, b))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

// Indexes

/** An index's fields are followed by `_id`, so that it gives the total order that `find` answers in. */
const keyOf = ({ fields, unique }: IndexDefinition): Sort =>
  unique || fields.some(([field]) => field === '_id') ? fields : [...fields, ['_id', 1]];

/** Without an `_id` at the end, which is there anyway. */
function normalised(index: IndexDefinition): IndexDefinition {
  const last = index.fields.at(-1);
  return !index.unique && index.fields.length > 1 && last?.[0] === '_id' && last[1] === 1
    ? { ...index, fields: index.fields.slice(0, -1) }
    : index;
}

/** An index of the database as the port knows them; undefined for `_id`'s and for kinds that are never ours. */
function definitionOf(index: { readonly [option: string]: unknown }): IndexDefinition | undefined {
  const { name, key, unique, ...others } = index as {
    name: string;
    key: object;
    unique?: boolean;
    [o: string]: unknown;
  };
  const isPlain = Object.keys(others).every((option) => option === 'v' || option === 'ns' || option === 'background');
  const fields = Object.entries(key).map(([field, direction]) => [field, Number(direction)] as const);
  if (name === '_id_' || !isPlain || fields.some(([, direction]) => Math.abs(direction) !== 1)) return undefined;
  return normalised({
    name,
    fields: fields as unknown as IndexDefinition['fields'],
    ...(unique ? { unique: true } : {}),
  });
}

// Paging

/** Values of every kind that a document holding nothing but null, or nothing at all, does not have. */
const ABOVE_NULL = (field: string): readonly Filter[] => [
  { [field]: { $gte: -Number.MAX_VALUE } },
  { [field]: { $gte: '' } },
  { [field]: { $in: [false, true] } },
];

/** What no document has whose place in one field is at, or if `strict` after, that of `value`. */
function earlier([field, direction]: Sort[number], value: unknown, strict: boolean): readonly Filter[] {
  if (value === null || value === undefined)
    return direction === -1 ? ABOVE_NULL(field) : strict ? [{ [field]: null }] : [];
  const before = direction === 1 ? (strict ? '$lte' : '$lt') : strict ? '$gte' : '$gt';
  return [{ [field]: { [before]: value } }, ...(direction === 1 && field !== '_id' ? [{ [field]: null }] : [])];
}

/**
 * A filter for all documents after a place in the order, and for some before it: ranges compare within one type and
 * lists have many values, so it says what must not be there, and the reader drops the rest.
 */
function laterThan(sort: Sort, after: readonly unknown[]): Filter {
  return {
    $or: sort.map((field, level) => ({
      $nor: [
        ...sort.slice(0, level).flatMap((one, i) => earlier(one, after[i], false)),
        ...earlier(field, after[level], true),
      ],
    })),
  };
}
