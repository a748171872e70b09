// The blob vault on node:sqlite. All puts of one turn of the event loop share one commit, hence one sync.
import { sha256, type Subject } from '@cairn/kernel';
import { SealBroken, type BlobVault, type KeyVault } from '../port.js';
import { openVaultDatabase } from './database.js';

export type SqliteBlobVaultOptions = {
  /** Path of the database file, or ':memory:'. */
  readonly file: string;
  readonly keys: Pick<KeyVault, 'seal' | 'open'>;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blobs(
    id INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, learner TEXT NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL
  );
  CREATE UNIQUE INDEX IF NOT EXISTS blobs_by_name ON blobs(tenant, learner, hash)
`;

type Put = {
  readonly subject: Subject;
  readonly hash: string;
  readonly sealed: Buffer;
  readonly done: (error?: unknown) => void;
};

export type SqliteBlobVault = BlobVault & {
  /** Copies the whole vault to a new file while it is in use. */
  readonly backup: (toFile: string) => Promise<void>;
};

/** Opens or creates a blob vault; its bytes are sealed by the key vault. Throws {@link VaultUnavailable}. */
export function openSqliteBlobVault({ file, keys }: SqliteBlobVaultOptions): SqliteBlobVault {
  const { database, guarded, write, scrub, backup, close } = openVaultDatabase(file, 'blob vault', SCHEMA);
  const insert = database.prepare(
    'INSERT INTO blobs(tenant, learner, hash, sealed) VALUES(?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const select = database.prepare('SELECT sealed FROM blobs WHERE tenant = ? AND learner = ? AND hash = ?');
  const remove = database.prepare('DELETE FROM blobs WHERE tenant = ? AND learner = ?');
  let waiting: Put[] = [];

  const flush = (): void => {
    const puts = waiting;
    waiting = [];
    if (puts.length === 0) return;
    try {
      write(() => {
        for (const { subject, hash, sealed } of puts)
          insert.run(subject.tenant, subject.learner, Buffer.from(hash, 'hex'), sealed);
      });
    } catch (error) {
      for (const { done } of puts) done(error);
      return;
    }
    for (const { done } of puts) done();
  };

  return {
    put: async (subject, bytes) => {
      const hash = sha256(bytes);
      const sealed = guarded(() => keys.seal(subject, purposeOf(hash), bytes));
      await new Promise<void>((resolve, reject) => {
        if (waiting.length === 0) setImmediate(flush);
        const done = (error?: unknown): void => (error === undefined ? resolve() : reject(error as Error));
        waiting.push({ subject, hash, sealed, done });
      });
      return hash;
    },
    get: async (subject, hash) => {
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new RangeError(`"${hash}" is not a SHA-256 in lower-case hex`);
      const row = guarded(() => select.get(subject.tenant, subject.learner, Buffer.from(hash, 'hex')));
      if (!row) return undefined;
      const bytes = keys.open(subject, purposeOf(hash), row['sealed'] as Uint8Array);
      if (bytes && sha256(bytes) !== hash)
        throw new SealBroken(`blob ${hash} of learner ${subject.learner} has other bytes`);
      return bytes;
    },
    purge: async (subject) => {
      // What was put before goes too, although its commit is still to come.
      flush();
      const removed = write(() => Number(remove.run(subject.tenant, subject.learner).changes));
      if (removed > 0) scrub();
      return removed;
    },
    backup: async (toFile) => {
      flush(); // what was put before is in it
      backup(toFile);
    },
    close: async () => {
      flush();
      close();
    },
  };
}

const purposeOf = (hash: string): string => `blob ${hash}`;
