// How the vaults use SQLite: every commit is on disk when it returns, and what is deleted leaves the files.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { VaultUnavailable } from '../port.js';

export type VaultDatabase = {
  readonly database: DatabaseSync;
  /** Runs in one transaction; the database's errors come as {@link VaultUnavailable}. */
  readonly write: <T>(work: () => T) => T;
  readonly guarded: <T>(work: () => T) => T;
  /** After a deletion: moves the WAL into the file, over the zeroed bytes, and truncates it. */
  readonly scrub: () => void;
  /** Writes a copy to a new file, for its owner only. Nothing else runs meanwhile, so it is of one moment. */
  readonly backup: (toFile: string) => void;
  readonly close: () => void;
};

const SCHEMA_VERSION = 1;

export function openVaultDatabase(file: string, what: string, schema: string): VaultDatabase {
  let closed = false;
  const guarded = <T>(work: () => T): T => {
    if (closed) throw new VaultUnavailable(`the ${what} is closed`);
    try {
      return work();
    } catch (error) {
      throw unavailable(error, what, file);
    }
  };
  let database: DatabaseSync | undefined;
  try {
    // For its owner only; SQLite gives the WAL the same mode.
    if (file !== ':memory:') closeSync(openSync(file, 'a', 0o600));
    database = new DatabaseSync(file, { timeout: 0 });
    const opened = database;
    // secure_delete overwrites what is deleted with zeros. FULL: a key that seals an event must outlive a power cut
    // that the event outlives. One process: the vault has one owner.
    opened.exec(`
      PRAGMA page_size = 8192; PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 33554432;
      PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;
      BEGIN IMMEDIATE;
    `);
    const { user_version: version } = opened.prepare('PRAGMA user_version').get() as { user_version: number };
    if (version > SCHEMA_VERSION) throw new VaultUnavailable(`${what} ${file} was written by a newer version: upgrade`);
    opened.exec(`${schema}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
    return {
      database: opened,
      guarded,
      write: (work) =>
        guarded(() => {
          opened.exec('BEGIN IMMEDIATE');
          try {
            const result = work();
            opened.exec('COMMIT');
            return result;
          } catch (error) {
            if (opened.isTransaction) opened.exec('ROLLBACK');
            throw error;
          }
        }),
      scrub: () =>
        guarded(() => {
          const { busy } = opened.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
          if (busy !== 0)
            throw new VaultUnavailable(`${what} ${file}: deleted bytes may still be in the WAL; try again`);
        }),
      backup: (toFile) =>
        guarded(() => {
          closeSync(openSync(toFile, 'wx', 0o600));
          opened.prepare('VACUUM INTO ?').run(toFile);
        }),
      close: () => {
        if (closed) return;
        closed = true;
        opened.close();
      },
    };
  } catch (error) {
    database?.close();
    throw unavailable(error, what, file);
  }
}

const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

function unavailable(error: unknown, what: string, file: string): unknown {
  const { code, errcode, message, syscall } = error as NodeJS.ErrnoException & { readonly errcode?: unknown };
  if (syscall !== undefined) return new VaultUnavailable(`${what} ${file}: ${message}`, { cause: error });
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return error;
  const primary = errcode & 0xff;
  const detail =
    primary === BUSY || primary === LOCKED
      ? 'is in use by another process: stop that one first'
      : primary === CORRUPT || primary === NOT_A_DATABASE
        ? 'is damaged: restore it from your backup; it cannot be rebuilt from the log'
        : primary === FULL
          ? 'cannot grow: the disk is full'
          : 'failed';
  return new VaultUnavailable(`${what} ${file} ${detail} (${message})`, { cause: error });
}
