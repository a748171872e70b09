// The embedded read model on node:sqlite: documents (documents.ts), checkpoints, leases and queues in one file.
import type { Checkpoint, Filter, QueueItem, ReadModel } from '../port.js';
import { runPipeline } from '../aggregation.js';
import * as subset from '../query-subset.js';
import { nextClaimEpoch } from '../writes.js';
import { openDatabase } from './database.js';
import { DOCUMENTS_SCHEMA, createDocuments } from './documents.js';

export type SqliteReadModelOptions = {
  /** Path of the database file, or ':memory:'. */
  readonly file: string;
  /** Milliseconds since 1970, for leases. */
  readonly now?: () => number;
  readonly scanLimit?: number;
};

const SCHEMA = `${DOCUMENTS_SCHEMA}
  CREATE TABLE IF NOT EXISTS checkpoints(
    name TEXT PRIMARY KEY, position TEXT NOT NULL, lastEventId TEXT, epoch INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases(
    name TEXT PRIMARY KEY, owner TEXT, epoch INTEGER NOT NULL, expiresAt INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS queue(
    queue TEXT, id TEXT, payload TEXT NOT NULL, dueAt TEXT NOT NULL, attempts INTEGER NOT NULL,
    claimEpoch INTEGER NOT NULL, claimedUntil TEXT NOT NULL, PRIMARY KEY(queue, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS queue_due ON queue(queue, dueAt, id);
`;
/** 2: indexed scalars left the JSON; rows of version 1 are still read. */
const SCHEMA_VERSION = 2;
const PAGE = 1000;

/** Opens or creates the read model in one file. Throws {@link ReadModelUnavailable} if another process holds it. */
export function openSqliteReadModel(options: SqliteReadModelOptions): ReadModel {
  const { file, now = Date.now, scanLimit = subset.SCAN_LIMIT } = options;
  const database = openDatabase(file, SCHEMA, SCHEMA_VERSION);
  const { all, one, run, transaction, guarded, grouped } = database;
  const documents = createDocuments(database, scanLimit);

  return {
    ensureCollection: (name, indexes) => guarded(() => documents.ensure(name, indexes)),
    dropCollection: (name) => guarded(() => documents.drop(name)),
    collections: () => guarded(() => documents.names()),
    load: (name, ids) => guarded(() => documents.load(name, ids)),
    writeGuarded: (name, writes) => grouped(() => documents.write(name, writes), writes.length),
    find: (name, filter, findOptions) =>
      guarded(() => {
        subset.checkFilter(filter);
        subset.checkFindOptions(findOptions);
        return documents.find(name, filter, findOptions);
      }),
    aggregate: (name, pipeline) =>
      guarded(() => {
        subset.checkPipeline(pipeline);
        const first = pipeline[0]?.['$match'] as Filter | undefined;
        return runPipeline(documents.all(name, first ?? {}), first ? pipeline.slice(1) : pipeline);
      }),
    scan: async function* (name) {
      for (let after = ''; ;) {
        const page = await guarded(() => documents.page(name, after, PAGE));
        yield* page;
        const last = page.at(-1);
        if (!last) return;
        after = last._id;
        // No statement is open here, and others get their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    },

    loadCheckpoint: (name) =>
      guarded(() => {
        const row = one<[string, string | null, number]>(
          'SELECT position, lastEventId, epoch FROM checkpoints WHERE name = ?',
          name,
        );
        return row && ({ name, position: row[0], lastEventId: row[1], epoch: row[2] } satisfies Checkpoint);
      }),
    saveCheckpoint: (name, expected, { position, lastEventId, epoch }) =>
      grouped(() =>
        expected === null
          ? run(
              'INSERT INTO checkpoints VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING',
              name,
              position,
              lastEventId,
              epoch,
            ) > 0
          : run(
              'UPDATE checkpoints SET position = ?, lastEventId = ?, epoch = ? WHERE name = ? AND position = ? AND epoch <= ?',
              position,
              lastEventId,
              epoch,
              name,
              expected,
              epoch,
            ) > 0,
      ),
    deleteCheckpoint: (name) => guarded(() => void run('DELETE FROM checkpoints WHERE name = ?', name)),
    checkpoints: () =>
      guarded(() =>
        all<[string, string, string | null, number]>('SELECT name, position, lastEventId, epoch FROM checkpoints').map(
          ([name, position, lastEventId, epoch]): Checkpoint => ({ name, position, lastEventId, epoch }),
        ),
      ),

    acquireLease: (name, owner, ttlMs) =>
      guarded(() => {
        const row = one<[number]>(
          `INSERT INTO leases(name, owner, epoch, expiresAt) VALUES(?, ?, 1, ?)
           ON CONFLICT DO UPDATE SET owner = excluded.owner, epoch = epoch + 1, expiresAt = excluded.expiresAt
           WHERE leases.owner IS NULL OR leases.owner = excluded.owner OR leases.expiresAt <= ? RETURNING epoch`,
          name,
          owner,
          now() + ttlMs,
          now(),
        );
        return row && { name, owner, epoch: row[0] };
      }),
    renewLease: ({ name, owner, epoch }, ttlMs) =>
      guarded(
        () =>
          run(
            'UPDATE leases SET expiresAt = ? WHERE name = ? AND owner = ? AND epoch = ?',
            now() + ttlMs,
            name,
            owner,
            epoch,
          ) > 0,
      ),
    // The epoch stays: the next holder's must be greater.
    releaseLease: ({ name, owner, epoch }) =>
      guarded(
        () =>
          void run(
            'UPDATE leases SET owner = NULL, expiresAt = 0 WHERE name = ? AND owner = ? AND epoch = ?',
            name,
            owner,
            epoch,
          ),
      ),

    enqueue: (queue, items) =>
      guarded(() => {
        for (const { id, payload } of items) subset.checkPayload(payload, id);
        transaction(() => {
          for (const { id, payload, dueAt } of items)
            run(
              "INSERT INTO queue VALUES(?, ?, ?, ?, 0, 0, '') ON CONFLICT DO NOTHING",
              queue,
              id,
              JSON.stringify(payload),
              dueAt,
            );
        });
      }),
    claim: (queue, _owner, limit, at, ttlMs) =>
      guarded(() => {
        const claimedUntil = new Date(Date.parse(at) + ttlMs).toISOString();
        return transaction(() =>
          all<[string, string, number, number]>(
            `SELECT id, payload, attempts, claimEpoch FROM queue
             WHERE queue = ? AND dueAt <= ? AND claimedUntil <= ? ORDER BY dueAt, id LIMIT ?`,
            queue,
            at,
            at,
            limit,
          ).map(([id, payload, attempts, epoch]): QueueItem => {
            const claimEpoch = nextClaimEpoch(epoch, at);
            run(
              'UPDATE queue SET attempts = attempts + 1, claimEpoch = ?, claimedUntil = ? WHERE queue = ? AND id = ?',
              claimEpoch,
              claimedUntil,
              queue,
              id,
            );
            return { id, payload: JSON.parse(payload) as QueueItem['payload'], attempts: attempts + 1, claimEpoch };
          }),
        );
      }),
    acknowledge: (queue, { id, claimEpoch }) =>
      guarded(() => run('DELETE FROM queue WHERE queue = ? AND id = ? AND claimEpoch = ?', queue, id, claimEpoch) > 0),
    // The claim is spent with it: a second answer to the same claim is stale.
    giveBack: (queue, { id, claimEpoch }, dueAt) =>
      guarded(
        () =>
          run(
            "UPDATE queue SET dueAt = ?, claimEpoch = claimEpoch + 1, claimedUntil = '' WHERE queue = ? AND id = ? AND claimEpoch = ?",
            dueAt,
            queue,
            id,
            claimEpoch,
          ) > 0,
      ),

    close: async () => database.close(),
  };
}
