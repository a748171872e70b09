// The embedded read model on node:sqlite: one table of JSON rows per collection, declared indexes as expression
// indexes. What SQL finds is a superset; matching.ts has the last word, so answers are MongoDB's.
//
// Durability. WAL with synchronous=NORMAL: a loss of power may take the last commits away, which is allowed because
// everything here can be rebuilt from the log. It never takes a commit and leaves a later one: the WAL is replayed up
// to its first damaged frame, and is synced before its pages reach the database file. A checkpoint is saved by a
// commit after that of the documents it covers, in the same file; so it may lag the documents, but never lead them.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { IndexDefinition } from '@cairn/kernel';
import {
  IndexRefused,
  ReadModelUnavailable,
  type Checkpoint,
  type Filter,
  type FindOptions,
  type GuardedWrite,
  type QueueItem,
  type ReadModel,
  type Sort,
  type StoredDocument,
  type WriteOutcome,
} from '../port.js';
import { chooseAccess, constraintsOf, scanRefused, type Constraint } from '../access.js';
import { runPipeline } from '../aggregation.js';
import { compileFilter, createFindSorter } from '../matching.js';
import * as subset from '../query-subset.js';
import { checkNewIndexes, checkWrites, nextClaimEpoch } from '../writes.js';

export type SqliteReadModelOptions = {
  /** Path of the database file, or ':memory:'. */
  readonly file: string;
  /** Milliseconds since 1970, for leases. */
  readonly now?: () => number;
  readonly scanLimit?: number;
};

/** What an indexed field was ever seen to hold, as bits: decides how far SQL's order and equality are MongoDB's. */
const KIND = { null: 1, number: 2, text: 4, boolean: 8, object: 16, list: 32 } as const;

type IndexedField = { readonly path: readonly string[]; readonly expression: string; kinds: number };
type Collection = {
  readonly name: string;
  readonly table: string;
  readonly indexes: (IndexDefinition & { readonly sqlName: string })[];
  readonly fields: Map<string, IndexedField>;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS collections(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
  CREATE TABLE IF NOT EXISTS indexes(id INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, definition TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS fields(collection INTEGER NOT NULL, field TEXT NOT NULL, kinds INTEGER NOT NULL, PRIMARY KEY(collection, field)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS checkpoints(name TEXT PRIMARY KEY, position TEXT NOT NULL, lastEventId TEXT, epoch INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases(name TEXT PRIMARY KEY, owner TEXT, epoch INTEGER NOT NULL, expiresAt INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS queue(queue TEXT, id TEXT, payload TEXT NOT NULL, dueAt TEXT NOT NULL, attempts INTEGER NOT NULL,
    claimEpoch INTEGER NOT NULL, claimedUntil TEXT NOT NULL, PRIMARY KEY(queue, id)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS queue_due ON queue(queue, dueAt, id);
`;
const SCHEMA_VERSION = 1;

/** Opens or creates the read model in one file. Throws {@link ReadModelUnavailable} if another process holds it. */
export function openSqliteReadModel(options: SqliteReadModelOptions): ReadModel {
  const { file, now = Date.now, scanLimit = subset.SCAN_LIMIT } = options;
  const database = openDatabase(file);
  const statements = new Map<string, StatementSync>();
  const collections = new Map<string, Collection>();
  let closed = false;

  const sql = (text: string): StatementSync => {
    let statement = statements.get(text);
    if (!statement) {
      if (statements.size >= 500) statements.clear();
      statement = database.prepare(text);
      statement.setReturnArrays(true);
      statements.set(text, statement);
    }
    return statement;
  };
  const all = <Columns extends readonly unknown[]>(text: string, ...values: SQLInputValue[]): Columns[] =>
    sql(text).all(...values) as unknown as Columns[];
  const one = <Columns extends readonly unknown[]>(text: string, ...values: SQLInputValue[]): Columns | undefined =>
    sql(text).get(...values) as unknown as Columns | undefined;
  const run = (text: string, ...values: SQLInputValue[]): number => Number(sql(text).run(...values).changes);

  /** Everything the database does passes here: its errors become the port's. */
  const guarded = async <T>(work: () => T): Promise<T> => {
    if (closed) throw new ReadModelUnavailable('the read model is closed');
    try {
      return work();
    } catch (error) {
      throw unavailable(error, file);
    }
  };
  const transaction = <T>(work: () => T): T => {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };

  const register = (id: number, name: string): Collection => {
    const collection: Collection = { name, table: `documents_${id}`, indexes: [], fields: new Map() };
    collections.set(name, collection);
    return collection;
  };
  const addIndex = (collection: Collection, id: number, definition: IndexDefinition): void => {
    collection.indexes.push({ ...definition, sqlName: `index_${id}` });
    for (const [field] of definition.fields)
      if (!collection.fields.has(field))
        collection.fields.set(field, { path: field.split('.'), expression: expressionOf(field), kinds: 0 });
  };
  for (const [id, name] of all<[number, string]>('SELECT id, name FROM collections')) register(id, name);
  for (const [id, name, definition] of all<[number, string, string]>(
    'SELECT i.id, c.name, i.definition FROM indexes i JOIN collections c ON c.id = i.collection ORDER BY i.id',
  ))
    addIndex(collections.get(name) as Collection, id, JSON.parse(definition) as IndexDefinition);
  for (const [name, field, kinds] of all<[string, string, number]>(
    'SELECT c.name, f.field, f.kinds FROM fields f JOIN collections c ON c.id = f.collection',
  )) {
    const known = collections.get(name)?.fields.get(field);
    if (known) known.kinds = kinds;
  }

  const collectionOf = (name: string): Collection | undefined => {
    subset.checkCollectionName(name);
    return collections.get(name);
  };
  const idOf = (collection: Collection): number => Number(collection.table.slice('documents_'.length));

  /** Notes new kinds of values in indexed fields, in the transaction that writes the document. */
  const noteKinds = (collection: Collection, document: StoredDocument): void => {
    for (const [field, entry] of collection.fields) {
      const seen = entry.kinds | kindsAt(document, entry.path);
      if (seen === entry.kinds) continue;
      run('INSERT OR REPLACE INTO fields(collection, field, kinds) VALUES(?, ?, ?)', idOf(collection), field, seen);
      // Should the transaction fail, knowing more kinds than there are is harmless.
      entry.kinds = seen;
    }
  };

  const pageAfter = (collection: Collection, after: string, limit: number): StoredDocument[] =>
    all<Row>(`SELECT id, p, json FROM ${collection.table} WHERE id > ? ORDER BY id LIMIT ?`, after, limit).map(
      toDocument,
    );

  const createIndex = (collection: Collection, definition: IndexDefinition): void => {
    run('INSERT INTO indexes(collection, definition) VALUES(?, ?)', idOf(collection), JSON.stringify(definition));
    const id = (one<[number]>('SELECT last_insert_rowid()') as [number])[0];
    addIndex(collection, id, definition);
    let after = '';
    for (;;) {
      const page = pageAfter(collection, after, 1000);
      if (page.length === 0) break;
      for (const document of page) {
        subset.checkUniqueFields(document, [definition]);
        noteKinds(collection, document);
      }
      after = (page.at(-1) as StoredDocument)._id;
    }
    const fields = definition.fields.map(
      ([field, direction]) => `${expressionOf(field)}${direction === 1 ? '' : ' DESC'}`,
    );
    // `_id` after the fields makes the order total, as `find` promises.
    database.exec(`CREATE INDEX index_${id} ON ${collection.table}(${fields.join(', ')}, id)`);
    if (!definition.unique) return;
    // SQL's NULLs are all different, MongoDB's are one value; and JSON text keeps 1, "1" and true apart.
    const values = definition.fields.map(([field]) =>
      field === '_id' || field === '_p' ? expressionOf(field) : `coalesce(json -> '${jsonPath(field)}', 'null')`,
    );
    try {
      database.exec(`CREATE UNIQUE INDEX unique_${id} ON ${collection.table}(${values.join(', ')})`);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      const [ids = ''] =
        one<[string]>(
          `SELECT group_concat(id, '", "') FROM ${collection.table} GROUP BY ${values.join(', ')} HAVING count(*) > 1 LIMIT 1`,
        ) ?? [];
      throw new IndexRefused(
        definition,
        undefined,
        `unique index "${definition.name}" of "${collection.name}": "${ids}" have the same values`,
      );
    }
  };

  /** Hands the documents that may match to `take`, in the order asked for if `ordered`, until it says stop. */
  const walk = (
    collection: Collection,
    filter: Filter,
    sort: Sort,
    after: readonly unknown[] | undefined,
    take: (document: StoredDocument, ordered: boolean) => boolean,
  ): void => {
    const constraints = constraintsOf(filter);
    const isUsable = (field: string): boolean => ((collection.fields.get(field)?.kinds ?? 0) & KIND.list) === 0;
    const isOrderable = (field: string): boolean => {
      const place = sort.findIndex(([name]) => name === field);
      const seen = collection.fields.get(field)?.kinds ?? 0;
      return sortsTruly(after && place >= 0 ? seen | kindOf(after[place]) : seen);
    };
    const access = chooseAccess(constraints, sort, collection.indexes, isUsable, isOrderable);
    const index = access.index as Collection['indexes'][number] | undefined;
    const where: string[] = [];
    const values: SQLInputValue[] = [];
    for (const field of access.bounded)
      addConstraint(expressionOf(field), constraints.get(field) as Constraint, where, values);
    let order = '';
    if (access.ordered && sort.length > 0) {
      const fields = sort.filter(
        ([field]) => constraints.get(field)?.eq === undefined || field === '_id' || !access.bounded.includes(field),
      );
      order = ` ORDER BY ${fields.map(([field, direction]) => `${expressionOf(field)}${direction === 1 ? '' : ' DESC'}`).join(', ')}`;
      if (after) addAfter(collection, sort, fields, after, where, values);
    }
    const source = index ? `${collection.table} INDEXED BY ${index.sqlName}` : collection.table;
    const condition = where.length > 0 ? ` WHERE ${where.join(' AND ')}` : '';
    let looked = 0;
    for (const row of sql(`SELECT id, p, json FROM ${source}${condition}${order}`).iterate(...values)) {
      if (access.bounded.length === 0 && ++looked > scanLimit)
        throw scanRefused(collection.name, constraints, sort, scanLimit);
      if (!take(toDocument(row as unknown as Row), access.ordered)) return;
    }
  };

  const find = (collection: Collection, filter: Filter, { sort, limit, after }: FindOptions): StoredDocument[] => {
    const matches = compileFilter(filter);
    const sorter = createFindSorter(sort);
    let found: StoredDocument[] = [];
    let isOrdered = false;
    walk(collection, filter, subset.totalSort(sort), after, (document, ordered) => {
      isOrdered = ordered;
      if (!matches(document) || (after && !sorter.isAfter(document, after))) return true;
      found.push(document);
      if (ordered) return found.length < limit;
      // Keep the best so far, so that memory is bounded by the limit and not by the matches.
      if (found.length >= 4 * limit + 1000) found = sorter.sort(found, limit);
      return true;
    });
    return isOrdered ? found : sorter.sort(found, limit);
  };

  return {
    ensureCollection: (name, indexes) =>
      guarded(() => {
        const known = collectionOf(name);
        const fresh = checkNewIndexes(name, known?.indexes ?? [], indexes);
        if (known && fresh.length === 0) return;
        const before = known?.indexes.length ?? 0;
        try {
          transaction(() => {
            let collection = known;
            if (!collection) {
              run('INSERT INTO collections(name) VALUES(?)', name);
              const id = (one<[number]>('SELECT last_insert_rowid()') as [number])[0];
              database.exec(
                `CREATE TABLE documents_${id}(id TEXT PRIMARY KEY NOT NULL, p TEXT NOT NULL, json TEXT NOT NULL)`,
              );
              collection = register(id, name);
            }
            for (const definition of fresh) createIndex(collection, definition);
          });
        } catch (error) {
          // What was noted of the collection in memory goes back with the transaction.
          if (!known) collections.delete(name);
          else known.indexes.splice(before);
          throw error;
        }
      }),

    dropCollection: (name) =>
      guarded(() => {
        const collection = collectionOf(name);
        if (!collection) return;
        transaction(() => {
          database.exec(`DROP TABLE ${collection.table}`);
          for (const table of ['indexes', 'fields']) run(`DELETE FROM ${table} WHERE collection = ?`, idOf(collection));
          run('DELETE FROM collections WHERE id = ?', idOf(collection));
        });
        collections.delete(name);
        statements.clear();
      }),

    collections: () => guarded(() => all<[string]>('SELECT name FROM collections ORDER BY name').map(([name]) => name)),

    load: (name, ids) =>
      guarded(() => {
        const collection = collectionOf(name);
        if (!collection) return [];
        const statement = sql(`SELECT id, p, json FROM ${collection.table} WHERE id = ?`);
        const documents: StoredDocument[] = [];
        for (const id of new Set(ids)) {
          const row = statement.get(id) as unknown as Row | undefined;
          if (row) documents.push(toDocument(row));
        }
        return documents;
      }),

    writeGuarded: (name, writes) =>
      guarded(() => {
        const collection = collectionOf(name);
        checkWrites(name, collection?.indexes, writes);
        if (writes.length === 0) return [];
        const { table } = collection as Collection;
        const insert = sql(`INSERT INTO ${table}(id, p, json) VALUES(?, ?, ?) ON CONFLICT DO NOTHING`);
        const replace = sql(`UPDATE OR IGNORE ${table} SET p = ?, json = ? WHERE id = ? AND p = ?`);
        const remove = sql(`DELETE FROM ${table} WHERE id = ? AND p = ?`);
        const write = ({ id, expected, next }: GuardedWrite): number | bigint => {
          if (!next) return remove.run(id, expected).changes;
          noteKinds(collection as Collection, next);
          const { _id, _p, ...rest } = next;
          const json = JSON.stringify(rest);
          if (json.length > subset.MAX_DOCUMENT_BYTES / 4) subset.checkSize(id, json);
          if (expected === null) return insert.run(id, _p, json).changes;
          return replace.run(_p, json, id, expected).changes;
        };
        return transaction(() => writes.map((item): WriteOutcome => (write(item) === 0 ? 'lost' : 'done')));
      }),

    find: (name, filter, findOptions) =>
      guarded(() => {
        subset.checkFilter(filter);
        subset.checkFindOptions(findOptions);
        const collection = collectionOf(name);
        return collection ? find(collection, filter, findOptions) : [];
      }),

    aggregate: (name, pipeline) =>
      guarded(() => {
        subset.checkPipeline(pipeline);
        const collection = collectionOf(name);
        if (!collection) return [];
        const first = pipeline[0]?.['$match'] as Filter | undefined;
        const matches = compileFilter(first ?? {});
        const rows: StoredDocument[] = [];
        walk(collection, first ?? {}, ANY_ORDER, undefined, (document) => {
          if (matches(document)) rows.push(document);
          return true;
        });
        return runPipeline(rows, first ? pipeline.slice(1) : pipeline);
      }),

    scan: async function* (name) {
      let after = '';
      for (;;) {
        const page = await guarded(() => {
          const collection = collectionOf(name);
          return collection ? pageAfter(collection, after, 1000) : [];
        });
        if (page.length === 0) return;
        yield* page;
        after = (page.at(-1) as StoredDocument)._id;
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
      guarded(() =>
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

    close: async () => {
      if (closed) return;
      closed = true;
      statements.clear();
      database.close();
    },
  };
}

const ANY_ORDER: Sort = [];

type Row = readonly [id: string, p: string, json: string];

const toDocument = ([id, p, json]: Row): StoredDocument => ({ _id: id, ...(JSON.parse(json) as object), _p: p });

function openDatabase(file: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // One process: what is known of indexed fields is kept in memory, and the embedded store has one owner anyway.
    database.exec(`
      PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
    `);
    database.exec('BEGIN IMMEDIATE');
    const version = (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
    if (version > SCHEMA_VERSION)
      throw new ReadModelUnavailable(
        `read model ${file} was written by a newer version: delete the file to rebuild it`,
      );
    database.exec(SCHEMA);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    database.exec('COMMIT');
    return database;
  } catch (error) {
    database?.close();
    throw unavailable(error, file);
  }
}

const SQLITE = { busy: 5, locked: 6, corrupt: 11, full: 13, constraint: 19, notADatabase: 26 } as const;

const codeOf = (error: unknown): number | undefined => {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
};
const isConstraint = (error: unknown): boolean => codeOf(error) === SQLITE.constraint;

/** The database's errors as the port's; anything else as it is. */
function unavailable(error: unknown, file: string): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const detail =
    code === SQLITE.busy || code === SQLITE.locked
      ? 'is in use by another process: stop that one first'
      : code === SQLITE.corrupt || code === SQLITE.notADatabase
        ? 'is damaged: delete it, it will be rebuilt from the log'
        : code === SQLITE.full
          ? 'cannot grow: the disk is full'
          : 'failed';
  return new ReadModelUnavailable(`read model ${file} ${detail} (${(error as Error).message})`, { cause: error });
}

const jsonPath = (field: string): string =>
  `$.${field
    .split('.')
    .map((segment) => `"${segment}"`)
    .join('.')}`;

/** The field in SQL. Index fields have a narrow grammar (checkIndexDefinition), so nothing needs escaping. */
function expressionOf(field: string): string {
  if (field === '_id') return 'id';
  if (field === '_p') return 'p';
  return `json_extract(json, '${jsonPath(field)}')`;
}

function kindOf(value: unknown): number {
  switch (typeof value) {
    case 'number':
      return KIND.number;
    case 'string':
      return KIND.text;
    case 'boolean':
      return KIND.boolean;
    default:
      return value === null || value === undefined ? KIND.null : Array.isArray(value) ? KIND.list : KIND.object;
  }
}

/** The kind of the value at a path; a list anywhere on the way counts as one. */
function kindsAt(document: unknown, path: readonly string[]): number {
  let value = document;
  for (const segment of path) {
    if (Array.isArray(value)) return KIND.list;
    value = subset.plainValueAt(value, [segment]);
  }
  return kindOf(value);
}

/** SQLite sorts NULL, numbers, text, as MongoDB does. JSON's booleans are numbers to it; objects are text. */
function sortsTruly(kinds: number): boolean {
  return (kinds & ~(KIND.null | KIND.number | KIND.text)) === 0 || (kinds & ~(KIND.null | KIND.boolean)) === 0;
}

const toSql = (value: unknown): SQLInputValue =>
  typeof value === 'boolean' ? Number(value) : ((value ?? null) as SQLInputValue);

function addConstraint(expression: string, constraint: Constraint, where: string[], values: SQLInputValue[]): void {
  if (constraint.eq === null) where.push(`${expression} IS NULL`);
  else if (constraint.eq !== undefined) {
    where.push(`${expression} = ?`);
    values.push(toSql(constraint.eq));
  } else if (constraint.in && !constraint.in.includes(null)) {
    where.push(`${expression} IN (SELECT value FROM json_each(?))`);
    values.push(JSON.stringify(constraint.in));
  } else {
    const { lower, upper } = constraint;
    if (lower) {
      where.push(`${expression} ${lower.inclusive ? '>=' : '>'} ?`);
      values.push(toSql(lower.value));
      // Text comes after all numbers: a range of numbers ends where text begins.
      if (!upper && typeof lower.value !== 'string') where.push(`${expression} < ''`);
    }
    if (upper) {
      where.push(`${expression} ${upper.inclusive ? '<=' : '<'} ?`);
      values.push(toSql(upper.value));
      if (!lower && typeof upper.value === 'string') where.push(`${expression} >= ''`);
    }
  }
}

/** Keyset paging in SQL: what comes after the given sort values. `fields` are those of `sort` that are not constant. */
function addAfter(
  collection: Collection,
  sort: Sort,
  fields: Sort,
  after: readonly unknown[],
  where: string[],
  values: SQLInputValue[],
): void {
  const valueOf = (field: string): unknown => after[sort.findIndex(([name]) => name === field)] ?? null;
  const [first] = fields;
  if (!first) return;
  const [field, direction] = first;
  const bound = valueOf(field);
  const kinds = collection.fields.get(field)?.kinds ?? 0;
  // Said once more for the first field alone, so that the walk begins at the right place of the index.
  if (bound !== null && (direction === 1 || field === '_id' || (kinds & KIND.null) === 0)) {
    where.push(`${expressionOf(field)} ${direction === 1 ? '>=' : '<='} ?`);
    values.push(toSql(bound));
  }
  const later = (rest: Sort): string => {
    const [head, ...tail] = rest;
    if (!head) return '0';
    const expression = expressionOf(head[0]);
    const value = valueOf(head[0]);
    if (value === null) {
      const among = `(${expression} IS NULL AND ${later(tail)})`;
      return head[1] === 1 ? `(${expression} IS NOT NULL OR ${among})` : among;
    }
    const beyond = head[1] === 1 ? `${expression} > ?` : `(${expression} < ? OR ${expression} IS NULL)`;
    values.push(toSql(value), toSql(value));
    return `(${beyond} OR (${expression} = ? AND ${later(tail)}))`;
  };
  where.push(later(fields));
}
