// What lies in the vaults' files, still wrapped and sealed: for moving it to another vault of the same master key.
import { openVaultDatabase } from './database.js';

export type KeyRow = {
  readonly kind: string;
  readonly tenant: string;
  readonly name: string;
  readonly alg: string | null;
  readonly public: string | null;
  /** Null: destroyed. */
  readonly wrapped: Uint8Array | null;
};
export type BlobRow = {
  readonly tenant: string;
  readonly learner: string;
  readonly hash: Uint8Array;
  readonly sealed: Uint8Array;
};

const PAGE = 1_000;

/** All keys, in pages, in the order of their creation. Throws `VaultUnavailable`. */
export const keyRows = (file: string): Iterable<readonly KeyRow[]> =>
  pages<KeyRow>(file, 'key vault', 'SELECT id, kind, tenant, name, alg, public, wrapped FROM keys');

/** All signed copies, in pages. Throws `VaultUnavailable`. */
export const blobRows = (file: string): Iterable<readonly BlobRow[]> =>
  pages<BlobRow>(file, 'blob vault', 'SELECT id, tenant, learner, hash, sealed FROM blobs');

function* pages<Row>(file: string, what: string, select: string): Generator<readonly Row[]> {
  const { database, guarded, close } = openVaultDatabase(file, what, 'SELECT 1');
  try {
    const statement = guarded(() => database.prepare(`${select} WHERE id > ? ORDER BY id LIMIT ${PAGE}`));
    for (let after = 0; ;) {
      const rows = guarded(() => statement.all(after)) as unknown as (Row & { readonly id: number })[];
      const last = rows.at(-1);
      if (!last) return;
      yield rows;
      after = last.id;
    }
  } finally {
    close();
  }
}
