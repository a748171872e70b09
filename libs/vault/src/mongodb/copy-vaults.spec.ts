import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TenantId } from '@cairn/kernel';
import { startMongoDouble, type MongoDouble } from '@cairn/testing';
import { openSqliteBlobVault } from '../sqlite/sqlite-blob-vault.js';
import { openSqliteKeyVault } from '../sqlite/sqlite-key-vault.js';
import { copyVaults } from './copy-vaults.js';
import { openMongoVaults } from './mongo-vaults.js';

const TENANT = 'northlake' as TenantId;
const ada = { tenant: TENANT, learner: 'ada' };
const bob = { tenant: TENANT, learner: 'bob' };
const masterKey = Buffer.alloc(32, 1);

describe('copying the vaults of a data folder to MongoDB (the in-process double)', () => {
  let server: MongoDouble;
  let from: string;
  beforeEach(async () => {
    server = await startMongoDouble();
    from = mkdtempSync(join(tmpdir(), 'cairn-copy-vaults-'));
  });
  afterEach(async () => {
    await server.stop();
    rmSync(from, { recursive: true });
  });
  const target = () => ({ url: server.url, database: 'moved_vault', masterKey });

  it('keeps every key, secret and blob, what was destroyed too; a second run finds all', async () => {
    const keys = openSqliteKeyVault({ file: join(from, 'keys.sqlite'), masterKey });
    const blobs = openSqliteBlobVault({ file: join(from, 'blobs.sqlite'), keys });
    const sealed = keys.seal(ada, 'x', Buffer.from('Ada'));
    const bobs = keys.seal(bob, 'x', Buffer.from('Bob'));
    keys.destroy(bob);
    const jwk = await keys.createSigningKey(TENANT, 'key-1', 'ES256');
    const secret = keys.secret(TENANT, 'identity');
    const hash = await blobs.put(ada, Buffer.from('signed'));
    // More than one page of each.
    const many = Array.from({ length: 1_200 }, (_, n) => ({ tenant: TENANT, learner: `learner-${n}` }));
    keys.prepare(many);
    const last = keys.seal(many[1_199]!, 'x', Buffer.from('last'));
    await blobs.close();
    keys.close();

    const copied = await copyVaults({ from, ...target() });
    expect(copied).toEqual({ keys: 1_206, blobs: 1 });
    expect(await copyVaults({ from, ...target() })).toEqual(copied);
    const vaults = await openMongoVaults(target());
    await vaults.keys.fetch?.([ada, bob, many[1_199]!]);
    expect(vaults.keys.open(ada, 'x', sealed)?.toString()).toBe('Ada');
    expect(vaults.keys.open(bob, 'x', bobs)).toBeUndefined();
    expect(vaults.keys.open(many[1_199]!, 'x', last)?.toString()).toBe('last');
    expect(await vaults.keys.publicJwk(TENANT, 'key-1')).toEqual(jwk);
    expect((await vaults.keys.signer(TENANT, 'key-1'))?.publicJwk).toEqual(jwk);
    expect(await vaults.keys.secret(TENANT, 'identity')).toEqual(secret);
    expect(Buffer.from((await vaults.blobs.get(ada, hash)) as Uint8Array).toString()).toBe('signed');
    await vaults.close();
  });

  it('does not mix with another vault, nor with another master key', async () => {
    const keys = openSqliteKeyVault({ file: join(from, 'keys.sqlite'), masterKey });
    keys.prepare([ada]);
    keys.close();
    const other = await openMongoVaults({ ...target(), database: 'other_vault' });
    await other.keys.prepare([ada]);
    await other.close();
    await expect(copyVaults({ from, ...target(), database: 'other_vault' })).rejects.toThrow(/into an empty database/);
    await expect(copyVaults({ from, ...target(), masterKey: Buffer.alloc(32, 2) })).rejects.toThrow(
      /master key does not/,
    );
  });
});
