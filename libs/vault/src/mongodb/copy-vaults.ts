// Moves the vaults of a data folder to MongoDB, wrapped and sealed as they are: the master key stays the same. Can be
// broken off and run again.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Collection } from 'mongodb';
import { connectMongo } from '@cairn/readmodel';
import { VaultUnavailable } from '../port.js';
import { blobRows, keyRows } from '../sqlite/vault-rows.js';
import {
  blobRowOf,
  checkDatabase,
  insertMissing,
  keyRowId,
  openMongoVaults,
  orUnavailable,
  type BlobRow,
  type KeyRow,
} from './mongo-vaults.js';

export type VaultCopy = { readonly keys: number; readonly blobs: number };

/**
 * Copies `keys.sqlite` and `blobs.sqlite` of a folder that no process holds, and compares every row. Throws
 * {@link VaultUnavailable} if the vault there has other keys, or another master key.
 */
export async function copyVaults(options: {
  readonly from: string;
  readonly url: string;
  readonly database: string;
  /** Of the folder, and from now on of the vault there. */
  readonly masterKey: Uint8Array;
}): Promise<VaultCopy> {
  const { from, url, database, masterKey } = options;
  const connection = await orUnavailable(() => connectMongo({ url, database, check: checkDatabase }));
  try {
    const copied = async <Row extends KeyRow | BlobRow>(
      to: Collection<Row>,
      copies: readonly Row[],
      secretOf: (row: Row) => string | null,
    ): Promise<number> => {
      const stored = await orUnavailable(() =>
        connection.guarded(async () => {
          await insertMissing(to, copies);
          return to.find({ _id: { $in: copies.map(({ _id }) => _id) } } as never).toArray();
        }),
      );
      const found = new Map(stored.map((row) => [row._id as string, secretOf(row as unknown as Row)]));
      for (const copy of copies) {
        const there = found.get(copy._id);
        // Destroyed there since the last run: it stays so.
        if (there !== null && there !== secretOf(copy))
          throw new VaultUnavailable(
            `the vault in database "${database}" holds something else as ${copy._id}: copy into an empty database, or into an earlier copy of this folder`,
          );
      }
      return copies.length;
    };
    let keys = 0;
    // In the order of their creation, so the row that proves the master key comes first.
    for (const page of keyRows(join(from, 'keys.sqlite')))
      keys += await copied(
        connection.db.collection<KeyRow>('keys'),
        page.map((row) => ({
          _id: keyRowId(row.kind, row.tenant, row.name),
          alg: row.alg as KeyRow['alg'],
          public: row.public,
          wrapped: row.wrapped && Buffer.from(row.wrapped).toString('base64url'),
        })),
        ({ wrapped }) => wrapped,
      );
    let blobs = 0;
    if (existsSync(join(from, 'blobs.sqlite')))
      for (const page of blobRows(join(from, 'blobs.sqlite')))
        blobs += await copied(
          connection.db.collection<BlobRow>('blobs'),
          page.map(({ hash, sealed, ...person }) => blobRowOf(person, Buffer.from(hash).toString('hex'), sealed)),
          ({ sealed }) => sealed,
        );
    // Says so if the master key is another one.
    await (await openMongoVaults({ url, database, masterKey })).close();
    return { keys, blobs };
  } finally {
    await connection.close();
  }
}
