import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sha256, type Subject, type TenantId } from '@cairn/kernel';
import * as fc from 'fast-check';
import { KeyDestroyed, SealBroken, VaultUnavailable } from '../port.js';
import { openSqliteBlobVault, type SqliteBlobVault } from './sqlite-blob-vault.js';
import { openSqliteKeyVault, type SqliteKeyVault } from './sqlite-key-vault.js';

const TENANT = 'northlake' as TenantId;
const subject = (learner: string, tenant = TENANT): Subject => ({ tenant, learner });
const text = (value: string): Buffer => Buffer.from(value);

describe('the blob vault', () => {
  let keys: SqliteKeyVault;
  let folder: string;
  let file: string;
  let blobs: SqliteBlobVault;
  beforeEach(() => {
    keys = openSqliteKeyVault({ file: ':memory:', masterKey: Buffer.alloc(32, 1) });
    folder = mkdtempSync(join(tmpdir(), 'cairn-blobs-'));
    file = join(folder, 'blobs.db');
    blobs = openSqliteBlobVault({ file, keys });
  });
  afterEach(async () => {
    await blobs.close();
    keys.close();
    rmSync(folder, { recursive: true });
  });
  const whereIs = (piece: Buffer): string[] =>
    readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(piece));

  it('gives back the very bytes by their SHA-256', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), fc.constantFrom('ada', 'bob'), async (bytes, learner) => {
        const hash = await blobs.put(subject(learner), bytes);
        expect(hash).toBe(sha256(bytes));
        expect(Buffer.from((await blobs.get(subject(learner), hash)) as Uint8Array).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
  it('takes the same bytes again', async () => {
    const hash = await blobs.put(subject('ada'), text('signed'));
    expect(await blobs.put(subject('ada'), text('signed'))).toBe(hash);
    expect(await Promise.all([1, 2, 3].map(() => blobs.put(subject('ada'), text('signed'))))).toEqual([
      hash,
      hash,
      hash,
    ]);
    expect(await blobs.purge(subject('ada'))).toBe(1);
  });
  it('takes thousands at once', async () => {
    const hashes = await Promise.all(
      Array.from({ length: 3000 }, (_, i) => blobs.put(subject(`l${i % 50}`), text(`signed ${i}`))),
    );
    for (const [i, hash] of hashes.entries())
      expect(Buffer.from((await blobs.get(subject(`l${i % 50}`), hash)) as Uint8Array).toString()).toBe(`signed ${i}`);
  });
  it('knows nothing of another person or tenant, though the bytes be the same', async () => {
    const hash = await blobs.put(subject('ada'), text('signed'));
    expect(await blobs.get(subject('bob'), hash)).toBeUndefined();
    expect(await blobs.get(subject('ada', 'southlake' as TenantId), hash)).toBeUndefined();
    await blobs.put(subject('bob'), text('signed'));
    await blobs.purge(subject('ada'));
    expect(await blobs.get(subject('ada'), hash)).toBeUndefined();
    expect(await blobs.get(subject('bob'), hash)).toBeDefined();
  });
  it('gives undefined for what was never put, and refuses what is no hash', async () => {
    expect(await blobs.get(subject('ada'), sha256('nothing'))).toBeUndefined();
    await expect(blobs.get(subject('ada'), 'ABC')).rejects.toThrow(RangeError);
  });
  it('cannot read what the key is destroyed of, nor take more', async () => {
    const hash = await blobs.put(subject('ada'), text('signed'));
    keys.destroy(subject('ada'));
    expect(await blobs.get(subject('ada'), hash)).toBeUndefined();
    await expect(blobs.put(subject('ada'), text('more'))).rejects.toBeInstanceOf(KeyDestroyed);
    expect(await blobs.purge(subject('ada'))).toBe(1);
    expect(await blobs.purge(subject('ada'))).toBe(0);
  });
  it('purges also what was put just before', async () => {
    const puts = Array.from({ length: 5 }, (_, i) => blobs.put(subject('ada'), text(`signed ${i}`)));
    expect(await blobs.purge(subject('ada'))).toBe(5);
    for (const hash of await Promise.all(puts)) expect(await blobs.get(subject('ada'), hash)).toBeUndefined();
  });
  it('is there again after closing', async () => {
    const hash = await blobs.put(subject('ada'), text('signed'));
    await blobs.close();
    await expect(blobs.put(subject('ada'), text('late'))).rejects.toBeInstanceOf(VaultUnavailable);
    blobs = openSqliteBlobVault({ file, keys });
    expect(Buffer.from((await blobs.get(subject('ada'), hash)) as Uint8Array).toString()).toBe('signed');
    expect(() => openSqliteBlobVault({ file, keys })).toThrow(/in use by another process/);
  });
  it('throws for bytes that were changed or moved in the file', async () => {
    const [one, two] = [await blobs.put(subject('ada'), text('one')), await blobs.put(subject('ada'), text('two'))];
    await blobs.close();
    const database = new DatabaseSync(file);
    database.exec('UPDATE blobs SET sealed = (SELECT sealed FROM blobs WHERE id = 2) WHERE id = 1');
    database.close();
    blobs = openSqliteBlobVault({ file, keys });
    await expect(blobs.get(subject('ada'), one)).rejects.toBeInstanceOf(SealBroken);
    expect(await blobs.get(subject('ada'), two)).toBeDefined();
  });
  it('holds nothing in the clear, and no sealed byte after a purge', async () => {
    const bytes = text(`canary ${'Ada Lovelace '.repeat(200)}`);
    await Promise.all([blobs.put(subject('ada'), bytes), blobs.put(subject('bob'), text('other'))]);
    expect(whereIs(text('canary'))).toEqual([]);
    expect(whereIs(text('Lovelace'))).toEqual([]);
    await blobs.close();
    expect(whereIs(text('canary'))).toEqual([]);
    const database = new DatabaseSync(file);
    const { sealed } = database.prepare("SELECT sealed FROM blobs WHERE learner = 'ada'").get() as {
      sealed: Uint8Array;
    };
    database.close();
    const pieces = Array.from({ length: Math.floor(sealed.length / 64) }, (_, i) =>
      Buffer.from(sealed.subarray(i * 64, i * 64 + 16)),
    );
    expect(pieces.every((piece) => whereIs(piece).length === 1)).toBe(true);
    blobs = openSqliteBlobVault({ file, keys });
    await blobs.purge(subject('ada'));
    for (const piece of pieces) expect(whereIs(piece)).toEqual([]);
  });
});
