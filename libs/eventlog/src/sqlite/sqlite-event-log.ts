// The embedded event log: one SQLite file, one process, every acknowledged event on disk.
// What it is not: faster promises than a cluster's (architecture, decision 12), or a log on a network disk.
import { rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { backup, DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { setImmediate as nextMacrotask } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { BEGINNING, type NewEvent, type StoredEvent } from '@cairn/kernel';
import { judgeAppend } from '../append-rule.js';
import { createBell, follow, readPage, type Scan } from '../feed.js';
import { LogUnavailable, type AppendResult, type EventLog, type ExpectedRevision } from '../port.js';
import { checkFeed, checkRead, checkReadAll, encodeAppend, positionText, type EncodedEvent } from '../request.js';
import { lockDataDirectory, syncDirectory } from './data-directory.js';
import { prepareSchema } from './schema.js';

// How long other work of the process may have to wait for one step of reading or writing.
const MAX_COMMIT_EVENTS = 1_000;
const MAX_COMMIT_BYTES = 4 * 1024 * 1024;
const STEP_ROWS = 250;
const CHECKPOINT_PAGES = 2_000;
/** Streams whose end is remembered: more than commands are busy with at a time. */
const KNOWN_TIPS = 20_000;

export type SqliteEventLog = EventLog & {
  /** Copies the log, as it is at some instant during the call, to a file that is checked before it gets its name. */
  readonly backup: (toFile: string) => Promise<{ readonly events: number }>;
  readonly status: () => SqliteLogStatus;
};

type SqliteLogStatus = {
  /** Why nothing can be appended any more; undefined while all is well. */
  readonly failure: LogUnavailable | undefined;
  /** Transactions that wrote and were synced since opening. */
  readonly commits: number;
};

type Waiting = {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
};
type Row = readonly SQLOutputValue[];
/** Where a stream ends. */
type Tip = { readonly streamId: SQLOutputValue; readonly revision: number };

/**
 * Opens, or creates, the event log in a directory and holds the directory until `close`.
 * Throws {@link DataDirectoryLocked} if another process holds it, and an Error that says what to do for a network file
 * system or a file that is damaged or not an event log.
 */
export async function openSqliteEventLog({ directory }: { readonly directory: string }): Promise<SqliteEventLog> {
  const lock = await lockDataDirectory(directory);
  const file = join(directory, 'events.sqlite');
  let db: DatabaseSync;
  try {
    db = open(file);
  } catch (error) {
    lock.release();
    throw error;
  }

  const prepare = (sql: string): ReturnType<DatabaseSync['prepare']> => {
    const statement = db.prepare(sql);
    statement.setReturnArrays(true);
    return statement;
  };
  const begin = prepare('BEGIN IMMEDIATE');
  const commit = prepare('COMMIT');
  const rollback = prepare('ROLLBACK');
  const savepoint = prepare('SAVEPOINT append');
  const releaseSavepoint = prepare('RELEASE append');
  const rollbackToSavepoint = prepare('ROLLBACK TO append');
  const checkpoint = prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const selectTip = prepare(
    'SELECT id, (SELECT max(revision) FROM events WHERE stream = streams.id) FROM streams WHERE name = ?',
  );
  const insertStream = prepare('INSERT INTO streams (name) VALUES (?)');
  const insertEvent = prepare('INSERT INTO events (stream, revision, id, type, data, meta) VALUES (?, ?, ?, ?, ?, ?)');
  const selectIds = prepare(
    'SELECT id, position FROM events WHERE stream = ? AND revision >= ? ORDER BY revision LIMIT ?',
  );
  const ofStream = `SELECT position, revision, id, type, data, meta FROM events
    WHERE stream = (SELECT id FROM streams WHERE name = ?)`;
  const selectForwards = prepare(`${ofStream} AND revision >= ? ORDER BY revision LIMIT ?`);
  const selectBackwards = prepare(`${ofStream} AND revision <= ? ORDER BY revision DESC LIMIT ?`);
  const ofLog = `SELECT position, revision, events.id, type, data, meta, name
    FROM events CROSS JOIN streams ON streams.id = events.stream WHERE position > ?1 AND position <= ?2`;
  const selectLog = prepare(`${ofLog} ORDER BY position LIMIT ?3`);
  const selectCategories = prepare(
    `${ofLog} AND category IN (SELECT value FROM json_each(?4)) ORDER BY position LIMIT ?3`,
  );

  const bell = createBell();
  // Nobody else writes while this process holds the folder, so what it knows of a stream's end stays true. Tips of the
  // open transaction are known for good when it is on disk.
  const tips = createTips();
  const tipsOfTransaction = new Map<string, Tip>();
  const waiting: Waiting[] = [];
  let flushIsDue = false;
  let followUpIsDue = false;
  let closed = false;
  let failure: LogUnavailable | undefined;
  let commits = 0;
  let pagesSinceCheckpoint = 0;
  let head = (prepare('SELECT max(position) FROM events').get() as unknown as Row)[0] as number | null;
  let backupRunning: Promise<unknown> = Promise.resolve();

  const refuseIfClosed = (): void => {
    if (closed) throw new LogUnavailable('not-written', `the event log in ${directory} has been closed`);
  };

  /** The end of a stream as it was last committed; undefined if there is no such stream. */
  function committedTip(stream: string): Tip | undefined {
    const known = tips.get(stream);
    if (known) return known;
    const found = selectTip.get(stream) as unknown as Row | undefined;
    if (!found) return undefined;
    const tip: Tip = { streamId: found[0] as SQLOutputValue, revision: (found[1] ?? -1) as number };
    tips.set(stream, tip);
    return tip;
  }

  /** Runs one append inside the open transaction: all of it or nothing. */
  function write({ stream, expected, events }: Waiting): { readonly result: AppendResult; readonly tip?: Tip } {
    const found = tipsOfTransaction.get(stream) ?? committedTip(stream);
    const before = found?.revision ?? -1;
    const answer = judgeAppend(before, expected, events, (from, count) =>
      (selectIds.all(found?.streamId as number, from, count) as unknown as Row[]).map(([id, position]) => ({
        id: id as string,
        position: positionText(position as number),
      })),
    );
    if (answer) return { result: answer };
    const streamId = found?.streamId ?? insertStream.run(stream).lastInsertRowid;
    let revision = before;
    let position = 0;
    for (const { id, type, data, meta } of events) {
      position = insertEvent.run(streamId, ++revision, id, type, data, meta).lastInsertRowid as number;
      pagesSinceCheckpoint += 2 + (data.length + meta.length) / 4_096;
    }
    head = position;
    return { result: { ok: true, revision, position: positionText(position) }, tip: { streamId, revision } };
  }

  /** A fault of this append alone leaves the others of its transaction untouched; a fault of the disk ends them all. */
  function writeInSavepoint(append: Waiting): () => void {
    savepoint.run();
    try {
      const { result, tip } = write(append);
      releaseSavepoint.run();
      if (tip) tipsOfTransaction.set(append.stream, tip);
      return () => append.resolve(result);
    } catch (error) {
      if (isStorageFault(error) || !db.isTransaction) throw error;
      rollbackToSavepoint.run();
      releaseSavepoint.run();
      return () => append.reject(error);
    }
  }

  /** Group commit: what was asked for in one macrotask becomes one transaction and one sync. */
  function flush(): void {
    flushIsDue = false;
    const batch = takeBatch(waiting);
    if (batch.length === 0) return; // closing was faster
    if (waiting.length > 0) scheduleFlush();
    if (failure) {
      for (const append of batch) append.reject(failure);
      return;
    }
    const headBefore = head;
    tipsOfTransaction.clear();
    const answers: (() => void)[] = []; // given only when the commit is on disk
    let committing = false;
    try {
      begin.run();
      for (const append of batch) answers.push(writeInSavepoint(append));
      committing = true;
      commit.run();
    } catch (error) {
      head = headBefore;
      // When a commit's sync fails, its pages may still reach the disk and be found at the next start. A full disk
      // is different: the page that ends a transaction is written last, so without it there is no transaction.
      const outcome = committing && primaryCode(error) !== SQLITE_FULL ? 'unknown' : 'not-written';
      stopAppending(error);
      for (const append of batch) append.reject(new LogUnavailable(outcome, readOnly(error), { cause: error }));
      return;
    }
    for (const [stream, tip] of tipsOfTransaction) tips.set(stream, tip);
    for (const answer of answers) answer();
    if (head === headBefore) return;
    commits++;
    pagesSinceCheckpoint += 3;
    if (followUpIsDue) return;
    followUpIsDue = true;
    setImmediate(followUp);
  }

  /** What can wait until those who asked have their answers: readers of the log, and moving pages to the main file. */
  function followUp(): void {
    followUpIsDue = false;
    if (closed) return;
    bell.ring();
    if (pagesSinceCheckpoint >= CHECKPOINT_PAGES) moveToMainFile();
  }

  function scheduleFlush(): void {
    if (flushIsDue) return;
    flushIsDue = true;
    setImmediate(flush);
  }

  function moveToMainFile(): void {
    pagesSinceCheckpoint = 0;
    try {
      checkpoint.get();
    } catch (error) {
      stopAppending(error);
    }
  }

  /** After a failed sync the page cache says one thing and the disk another: no further sync may be believed. */
  function stopAppending(error: unknown): void {
    failure = new LogUnavailable('not-written', readOnly(error), { cause: error });
    if (!db.isTransaction) return;
    try {
      rollback.run();
    } catch {
      // SQLite has rolled back already, or will when the file is closed; nothing is written any more either way.
    }
  }

  const readOnly = (error: unknown): string =>
    primaryCode(error) === SQLITE_FULL
      ? `the disk of the event log in ${directory} is full (${(error as Error).message}). The log is read-only, nothing ` +
        'acknowledged is lost: make room, then restart'
      : `writing to the event log in ${directory} failed (${(error as Error).message}). The log is read-only until a ` +
        'restart: check the disk and the system log, and restore a backup if the disk is broken';

  /** SQLite's and JSON's errors while reading, in the port's terms. */
  function reading<T>(read: () => T): T {
    refuseIfClosed();
    try {
      return read();
    } catch (error) {
      throw new LogUnavailable('not-written', `reading the event log failed: ${damage(file, error)}`, { cause: error });
    }
  }

  const scan: Scan = (after, limit, categories) =>
    reading(() => {
      const start = Number(after);
      const end = Math.min(head ?? 0, start + STEP_ROWS);
      const rows = categories
        ? selectCategories.all(start, end, limit, JSON.stringify(categories))
        : selectLog.all(start, end, limit);
      const events: StoredEvent[] = [];
      let sizeBytes = 0;
      for (const row of rows as unknown as readonly Row[]) {
        events.push(toEvent(row, row[6] as string));
        sizeBytes += (row[4] as string).length + (row[5] as string).length;
      }
      const at = events.length === limit ? Number(events.at(-1)?.position) : Math.max(start, end);
      return { events, readUpTo: at === start ? after : positionText(at), atEnd: at >= (head ?? 0), sizeBytes };
    });

  const log: SqliteEventLog = {
    append: async (stream, expected, events) => {
      const encoded = encodeAppend(stream, expected, events);
      refuseIfClosed();
      return new Promise((resolve, reject) => {
        waiting.push({ stream, expected, events: encoded, resolve, reject });
        scheduleFlush();
      });
    },

    read: async (stream, options = {}) => {
      checkRead(stream, options);
      const { from, direction = 'forwards', limit = Number.MAX_SAFE_INTEGER } = options;
      const forwards = direction === 'forwards';
      // Whoever holds a fold asks for what is newer, before each decision and for each request's key: mostly nothing.
      if (forwards && from !== undefined && from > 0) {
        const tip = reading(() => committedTip(stream));
        if (tip && from > tip.revision) return [];
      }
      const select = forwards ? selectForwards : selectBackwards;
      let next = from ?? (forwards ? 0 : Number.MAX_SAFE_INTEGER);
      const events: StoredEvent[] = [];
      for (;;) {
        const wanted = Math.min(limit - events.length, STEP_ROWS);
        const rows = reading(() => {
          const found = select.all(stream, next, wanted) as unknown as Row[];
          for (const row of found) events.push(toEvent(row, stream));
          return found;
        });
        if (rows.length < wanted || events.length >= limit) return events;
        next = (rows.at(-1)?.[1] as number) + (forwards ? 1 : -1);
        if (next < 0) return events;
        await nextMacrotask();
      }
    },

    readAll: async (options) => {
      checkReadAll(options);
      return readPage(scan, options);
    },

    subscribeAll: (options) => {
      checkFeed(options);
      return follow(scan, bell, options);
    },

    head: async () => {
      refuseIfClosed();
      return head === null ? BEGINNING : positionText(head);
    },

    backup: async (toFile) => {
      refuseIfClosed();
      const run = backupRunning.then(() => copyAndCheck(db, toFile));
      backupRunning = run.catch(() => undefined); // its error is the caller's
      return run;
    },

    status: () => ({ failure, commits }),

    close: async () => {
      if (closed) return;
      closed = true;
      while (waiting.length > 0) flush();
      bell.ring(); // open feeds end with the error of a closed log
      await backupRunning;
      db.close();
      lock.release();
    },
  };
  return log;
}

/** Tips of the streams that were met last: of two generations the older is dropped when the younger one is full. */
function createTips(): {
  readonly get: (stream: string) => Tip | undefined;
  readonly set: (stream: string, tip: Tip) => void;
} {
  let young = new Map<string, Tip>();
  let old = new Map<string, Tip>();
  const set = (stream: string, tip: Tip): void => {
    if (young.size >= KNOWN_TIPS / 2 && !young.has(stream)) {
      old = young;
      young = new Map();
    }
    young.set(stream, tip);
  };
  return {
    set,
    get: (stream) => {
      const tip = young.get(stream);
      if (tip) return tip;
      const older = old.get(stream);
      if (older) set(stream, older);
      return older;
    },
  };
}

function open(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    prepareSchema(db);
    return db;
  } catch (error) {
    db.close();
    throw new Error(`the event log cannot be opened: ${damage(file, error)}`, { cause: error });
  }
}

/** The appends of the next transaction: in order, and not more than others can wait for. */
function takeBatch(waiting: Waiting[]): readonly Waiting[] {
  let events = 0;
  let sizeBytes = 0;
  let count = 0;
  while (count < waiting.length && events < MAX_COMMIT_EVENTS && sizeBytes < MAX_COMMIT_BYTES) {
    for (const { data, meta } of (waiting[count] as Waiting).events) {
      events++;
      sizeBytes += data.length + meta.length;
    }
    count++;
  }
  return waiting.splice(0, count);
}

function toEvent(row: Row, stream: string): StoredEvent {
  const [position, revision, id, type, data, meta] = row as readonly [number, number, string, string, string, string];
  try {
    return {
      id,
      type,
      data: JSON.parse(data) as NewEvent['data'],
      meta: JSON.parse(meta) as NewEvent['meta'],
      stream,
      revision,
      position: positionText(position),
    };
  } catch (error) {
    throw new Error(`event ${id} (${stream}@${revision}) at position ${position} is not JSON`, { cause: error });
  }
}

// Primary result codes of SQLite, https://sqlite.org/rescode.html
const SQLITE_FULL = 13;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB */
const STORAGE_FAULTS: ReadonlySet<number | undefined> = new Set([7, 8, 10, 11, 13, 14, 15, 26]);

function primaryCode(error: unknown): number | undefined {
  const code = (error as { errcode?: number }).errcode;
  return code === undefined ? undefined : code & 0xff;
}

const isStorageFault = (error: unknown): boolean => STORAGE_FAULTS.has(primaryCode(error));

function damage(file: string, error: unknown): string {
  const code = primaryCode(error);
  const reason = (error as Error).message;
  if (code === SQLITE_CORRUPT || code === SQLITE_NOTADB)
    return (
      `${file} is damaged, or is not an event log (${reason}). Nothing was changed: keep the file, restore a backup ` +
      'in its place, and check the disk'
    );
  if (code === SQLITE_FULL) return `the disk of ${file} is full (${reason}): make room and try again`;
  return `${file}: ${reason}`;
}

// A full check reads every page of the copy: on a thread of its own, so that the API goes on.
const CHECK = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { DatabaseSync } = require('node:sqlite');
  const db = new DatabaseSync(workerData, { timeout: 0 });
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  const { integrity_check: result } = db.prepare('PRAGMA integrity_check(1)').get();
  const { events } = db.prepare('SELECT count(*) AS events FROM events').get();
  db.close();
  parentPort.postMessage({ result, events });
`;

const COPY_TRIES = 20;

/** Node's backup gives up when a step meets an append under way, with the words "not an error": it begins anew. */
async function copyOf(db: DatabaseSync, partial: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await backup(db, partial, { rate: 250 });
      return;
    } catch (error) {
      if (attempt === COPY_TRIES || (error as Error).message !== 'not an error') throw error;
      for (const suffix of ['', '-wal', '-journal']) rmSync(partial + suffix, { force: true });
      await new Promise((resolve) => setTimeout(resolve, 10 * attempt));
    }
  }
}

async function copyAndCheck(db: DatabaseSync, toFile: string): Promise<{ readonly events: number }> {
  const partial = `${toFile}.partial`;
  try {
    await copyOf(db, partial);
    const { result, events } = await new Promise<{ result: string; events: number }>((resolve, reject) => {
      const worker = new Worker(CHECK, { eval: true, workerData: partial });
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    if (result !== 'ok') throw new Error(`the copy is damaged: ${result}`);
    await rename(partial, toFile);
    syncDirectory(dirname(toFile));
    return { events };
  } catch (error) {
    for (const suffix of ['', '-wal', '-journal']) rmSync(partial + suffix, { force: true });
    throw new Error(`the backup to ${toFile} failed, nothing was kept of it: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
