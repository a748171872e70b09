// The SQLite file: opening it, cached statements, transactions, and its errors as the port's.
//
// Durability. WAL with synchronous=NORMAL: a loss of power may take the last commits away, which is allowed because
// everything here can be rebuilt from the log. It never takes a commit and leaves a later one: the WAL is replayed up
// to its first damaged frame, and is synced before its pages reach the database file. A checkpoint is saved by a
// commit after that of the documents it covers, in the same file; so it may lag the documents, but never lead them.
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { ReadModelUnavailable } from '../port.js';

export type Database = {
  /** A cached statement that gives rows as lists of columns. */
  readonly statement: (sql: string) => StatementSync;
  readonly all: <Columns extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]) => Columns[];
  readonly one: <Columns extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]) => Columns | undefined;
  /** How many rows were changed. */
  readonly run: (sql: string, ...values: SQLInputValue[]) => number;
  readonly exec: (sql: string) => void;
  readonly transaction: <T>(work: () => T) => T;
  /** All work passes here: what goes wrong in the database comes as {@link ReadModelUnavailable}. */
  readonly guarded: <T>(work: () => T) => Promise<T>;
  /**
   * The same for writes that come often: those near in time share one commit, each in its savepoint. `documents`: how
   * many it writes; what is large enough on its own waits for no others.
   */
  readonly grouped: <T>(work: () => T, documents?: number) => Promise<T>;
  readonly close: () => void;
};

const KEPT_STATEMENTS = 500;
/** Under load commits keep this distance, so that pages written again and again are written once; a single write goes at once. */
const LINGER_MS = 15;
/** So many documents are worth a commit of their own: a rebuild must not spend its time waiting. */
const BULK = 100;

type Waiting = {
  readonly work: () => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/** Throws {@link ReadModelUnavailable}, also if another process holds the file or a newer version wrote it. */
export function openDatabase(file: string, schema: string, schemaVersion: number): Database {
  let opened: DatabaseSync | undefined;
  try {
    opened = new DatabaseSync(file, { timeout: 0 });
    // One process: what is known of indexed fields is kept in memory, and the embedded store has one owner anyway.
    opened.exec(`
      PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
      BEGIN IMMEDIATE;
    `);
    const { user_version: version } = opened.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > schemaVersion)
      throw new ReadModelUnavailable(
        `read model ${file} was written by a newer version: delete the file to rebuild it`,
      );
    opened.exec(`${schema}; PRAGMA user_version = ${schemaVersion}; COMMIT`);
  } catch (error) {
    opened?.close();
    throw unavailable(error, file);
  }
  const database = opened;
  const statements = new Map<string, StatementSync>();
  let closed = false;

  const statement = (sql: string): StatementSync => {
    let prepared = statements.get(sql);
    if (!prepared) {
      if (statements.size >= KEPT_STATEMENTS) statements.clear();
      prepared = database.prepare(sql);
      prepared.setReturnArrays(true);
      statements.set(sql, prepared);
    }
    return prepared;
  };
  let waiting: Waiting[] = [];
  let lingering: NodeJS.Timeout | undefined;
  let flushed = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    const group = waiting;
    waiting = [];
    clearTimeout(lingering);
    lingering = undefined;
    flushed = performance.now();
    if (group.length === 0) return;
    const settle: (() => void)[] = [];
    try {
      if (closed) throw new ReadModelUnavailable('the read model is closed');
      statement('BEGIN IMMEDIATE').run();
      for (const { work, resolve, reject } of group) {
        statement('SAVEPOINT member').run();
        try {
          const result = work();
          settle.push(() => resolve(result));
        } catch (error) {
          if (!database.isTransaction) throw error; // the disk is full: SQLite rolled everything back
          statement('ROLLBACK TO member').run();
          settle.push(() => reject(unavailable(error, file)));
        }
        statement('RELEASE member').run();
      }
      statement('COMMIT').run();
    } catch (error) {
      if (!closed && database.isTransaction) database.exec('ROLLBACK');
      for (const { reject } of group) reject(unavailable(error, file));
      return;
    }
    for (const done of settle) done();
  };
  return {
    statement,
    all: <Columns extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]) =>
      statement(sql).all(...values) as unknown as Columns[],
    one: <Columns extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]) =>
      statement(sql).get(...values) as unknown as Columns | undefined,
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
    exec: (sql) => database.exec(sql),
    transaction: (work) => {
      // Inside a group its savepoint is the transaction.
      if (database.isTransaction) return work();
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    },
    guarded: async (work) => {
      if (closed) throw new ReadModelUnavailable('the read model is closed');
      try {
        return work();
      } catch (error) {
        throw unavailable(error, file);
      }
    },
    grouped: (work, documents = 1) =>
      new Promise((resolve, reject) => {
        const rest = documents >= BULK ? 0 : flushed + LINGER_MS - performance.now();
        if (waiting.length === 0 && rest > 0) lingering = setTimeout(flush, rest);
        else if (waiting.length === 0 || (rest <= 0 && lingering)) {
          clearTimeout(lingering);
          lingering = undefined;
          setImmediate(flush);
        }
        waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      }),
    close: () => {
      if (closed) return;
      flush();
      closed = true;
      statements.clear();
      database.close();
    },
  };
}

const SQLITE = { busy: 5, locked: 6, corrupt: 11, full: 13, constraint: 19, notADatabase: 26 } as const;

const codeOf = (error: unknown): number | undefined => {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
};
/** A unique index was violated. */
export const isConstraint = (error: unknown): boolean => codeOf(error) === SQLITE.constraint;

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
