// The file: what it is, and how it is opened.
import type { DatabaseSync } from 'node:sqlite';

const APPLICATION_ID = 0x4361_726e; // "Carn"
const SCHEMA_VERSION = 1;

// Stream names stand in a table of their own: they are 80 characters long and would otherwise be written twice for
// each event (row and index). There is no index on ids: the append rule only compares them at known places.
const TABLES = `
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    category TEXT NOT NULL GENERATED ALWAYS AS (substr(name, 1, instr(name, '-') - 1)) VIRTUAL
  ) STRICT;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    meta TEXT NOT NULL,
    UNIQUE (stream, revision)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/**
 * Sets the connection up and creates the tables in a new file. Throws an Error for a file that is not an event log of
 * ours, or of a later version.
 */
export function prepareSchema(db: DatabaseSync): void {
  // One process, one connection: with exclusive locking reads need no system calls for locks, and no shared memory.
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  const value = (pragma: string): unknown => Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0];
  const application = value('application_id');
  // Not "has no pages": the process may have been killed between making the file and making the tables.
  const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
  if (!isEmpty && application !== APPLICATION_ID) throw new Error('it is a database of something else');
  const version = value('user_version') as number;
  if (version > SCHEMA_VERSION)
    throw new Error(`it was written by a newer Cairn (format ${version}, this one knows ${SCHEMA_VERSION})`);
  if (value('journal_mode = WAL') !== 'wal') throw new Error('its file system does not support write-ahead logging');
  // FULL: a commit returns when the events are on disk (on macOS only with fullfsync). Checkpoints are ours, so that
  // their errors are seen.
  db.exec(`PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON; PRAGMA wal_autocheckpoint = 0;
    PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864`);
  if (isEmpty) db.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
}
