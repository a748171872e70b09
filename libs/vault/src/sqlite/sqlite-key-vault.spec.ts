import { createPublicKey, randomBytes, sign, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Subject, TenantId } from '@cairn/kernel';
import * as fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import { KeyDestroyed, KeyMissing, SealBroken, VaultUnavailable } from '../port.js';
import { openSqliteKeyVault, type SqliteKeyVault } from './sqlite-key-vault.js';

const TENANT = 'northlake' as TenantId;
const OTHER = 'southlake' as TenantId;
const subject = (learner: string, tenant = TENANT): Subject => ({ tenant, learner });
const text = (value: string): Buffer => Buffer.from(value);
const MASTER = Buffer.alloc(32, 1);

describe('the key vault', () => {
  let vault: SqliteKeyVault;
  beforeEach(() => {
    vault = openSqliteKeyVault({ file: ':memory:', masterKey: MASTER });
  });
  afterEach(() => vault.close());

  describe('seals for a person', () => {
    it('and opens again, whatever the bytes', () => {
      fc.assert(
        fc.property(fc.uint8Array(), fc.string(), fc.string({ minLength: 1 }), (bytes, purpose, learner) => {
          const sealed = vault.seal(subject(learner), purpose, bytes);
          expect(vault.open(subject(learner), purpose, sealed)).toEqual(Buffer.from(bytes));
          expect(sealed).toHaveLength(12 + bytes.length + 16);
        }),
      );
    });
    it('never twice alike', () => {
      const seals = Array.from({ length: 500 }, () => vault.seal(subject('ada'), 'x', text('same')).toString('hex'));
      expect(new Set(seals.map((sealed) => sealed.slice(0, 24))).size).toBe(500);
    });
    it('and opens nothing that was changed, in any bit, cut or made longer', () => {
      const sealed = vault.seal(subject('ada'), 'x', text('Ada Lovelace'));
      for (let bit = 0; bit < sealed.length * 8; bit++) {
        const changed = Buffer.from(sealed);
        changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(() => vault.open(subject('ada'), 'x', changed)).toThrow(SealBroken);
      }
      for (let length = 0; length < sealed.length; length++)
        expect(() => vault.open(subject('ada'), 'x', sealed.subarray(0, length))).toThrow(SealBroken);
      expect(() => vault.open(subject('ada'), 'x', Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow(SealBroken);
    });
    it('and opens nothing that was moved to another person, tenant or purpose', () => {
      const sealed = vault.seal(subject('ada'), 'x', text('Ada Lovelace'));
      for (const other of [subject('bob'), subject('ada', OTHER)]) {
        vault.seal(other, 'x', text('something'));
        expect(() => vault.open(other, 'x', sealed)).toThrow(SealBroken);
      }
      expect(() => vault.open(subject('ada'), 'y', sealed)).toThrow(
        'what was sealed for learner ada of tenant northlake as "y" cannot be opened: it was changed, or it is another person\'s or another field\'s',
      );
    });
    it('and names the missing key of a vault that is not the right one', () => {
      const sealed = vault.seal(subject('ada'), 'x', text('Ada'));
      const empty = openSqliteKeyVault({ file: ':memory:', masterKey: MASTER });
      expect(() => empty.open(subject('ada'), 'x', sealed)).toThrow(KeyMissing);
      expect(() => empty.open(subject('ada'), 'x', sealed)).toThrow(/restore the vault that belongs to this log/);
      empty.close();
    });
    it('and keeps more people than it has keys at hand', () => {
      const people = Array.from({ length: 10_050 }, (_, i) => subject(`learner-${i}`));
      vault.prepare(people);
      const seals = people.map((one) => vault.seal(one, 'x', text(one.learner)));
      const opened = people.map((one, i) => vault.open(one, 'x', seals[i] as Buffer)?.toString());
      expect(opened).toEqual(people.map(({ learner }) => learner));
    });
  });

  describe('destroys a key', () => {
    it('so that nothing opens or seals any more, however often it is asked', () => {
      const sealed = vault.seal(subject('ada'), 'x', text('Ada'));
      const bobs = vault.seal(subject('bob'), 'x', text('Bob'));
      expect(vault.isDestroyed(subject('ada'))).toBe(false);
      for (let time = 0; time < 3; time++) {
        vault.destroy(subject('ada'));
        expect(vault.isDestroyed(subject('ada'))).toBe(true);
        expect(vault.open(subject('ada'), 'x', sealed)).toBeUndefined();
        expect(() => vault.seal(subject('ada'), 'x', text('Ada'))).toThrow(KeyDestroyed);
      }
      vault.prepare([subject('ada')]);
      expect(vault.open(subject('ada'), 'x', sealed)).toBeUndefined();
      expect(vault.open(subject('bob'), 'x', bobs)?.toString()).toBe('Bob');
    });
    it('that was never made, so that it never will be', () => {
      vault.destroy(subject('ada'));
      expect(vault.isDestroyed(subject('ada'))).toBe(true);
      expect(() => vault.seal(subject('ada'), 'x', text('Ada'))).toThrow(KeyDestroyed);
      expect(vault.seal(subject('ada', OTHER), 'x', text('Ada'))).toBeDefined();
    });
    it('of just that person: property over histories', () => {
      const act = fc.record({ who: fc.constantFrom('a', 'b', 'c', 'd'), destroy: fc.boolean() });
      fc.assert(
        fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
          const fresh = openSqliteKeyVault({ file: ':memory:', masterKey: MASTER });
          const destroyed = new Set<string>();
          const seals: (readonly [string, Buffer])[] = [];
          for (const { who, destroy } of acts) {
            if (destroy) {
              fresh.destroy(subject(who));
              destroyed.add(who);
            } else if (!destroyed.has(who)) seals.push([who, fresh.seal(subject(who), 'x', text(who))]);
          }
          for (const [who, sealed] of seals)
            expect(fresh.open(subject(who), 'x', sealed)?.toString()).toBe(destroyed.has(who) ? undefined : who);
          fresh.close();
        }),
        { numRuns: 50 },
      );
    });
  });

  describe('keeps signing keys', () => {
    const digestOf = (alg: string): string | null => (alg === 'Ed25519' ? null : 'sha256');

    it.each(['RS256', 'ES256', 'Ed25519'] as const)(
      'for %s: what the signer signs, the public half verifies',
      async (alg) => {
        const jwk = await vault.createSigningKey(TENANT, 'key-1', alg);
        const signer = vault.signer(TENANT, 'key-1');
        if (!signer) throw new Error('the key was just made');
        expect(signer.alg).toBe(alg);
        expect(signer.publicJwk).toEqual(jwk);
        const signature = sign(digestOf(alg), text('signed'), signer.privateKey);
        const key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' });
        expect(verify(digestOf(alg), text('signed'), key, signature)).toBe(true);
        expect(verify(digestOf(alg), text('other'), key, signature)).toBe(false);
        for (const hidden of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(jwk).not.toHaveProperty(hidden);
      },
    );
    it.each(['RS256', 'ES256'] as const)('that jose takes as they are: %s', async (alg) => {
      const jwk = await vault.createSigningKey(TENANT, 'key-1', alg);
      const signer = vault.signer(TENANT, 'key-1');
      const jws = await new CompactSign(text('payload'))
        .setProtectedHeader({ alg })
        .sign(signer?.privateKey as KeyObject);
      const verified = await compactVerify(jws, createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }));
      expect(Buffer.from(verified.payload).toString()).toBe('payload');
    });
    it('once: the same key whenever it is asked for, the same object for the signer', async () => {
      const both = await Promise.all([
        vault.createSigningKey(TENANT, 'key-1', 'ES256'),
        vault.createSigningKey(TENANT, 'key-1', 'ES256'),
      ]);
      expect(both[0]).toEqual(both[1]);
      expect(vault.publicJwk(TENANT, 'key-1')).toEqual(both[0]);
      expect(vault.signer(TENANT, 'key-1')).toBe(vault.signer(TENANT, 'key-1'));
      await expect(vault.createSigningKey(TENANT, 'key-1', 'RS256')).rejects.toThrow(/is for ES256, not RS256/);
    });
    it('apart by tenant and id', async () => {
      const one = await vault.createSigningKey(TENANT, 'key-1', 'ES256');
      expect(await vault.createSigningKey(OTHER, 'key-1', 'ES256')).not.toEqual(one);
      expect(await vault.createSigningKey(TENANT, 'key-2', 'ES256')).not.toEqual(one);
      expect(vault.signer(OTHER, 'key-2')).toBeUndefined();
      expect(vault.publicJwk(OTHER, 'key-2')).toBeUndefined();
    });
    it('until they are destroyed; the public half stays', async () => {
      const jwk = await vault.createSigningKey(TENANT, 'key-1', 'ES256');
      expect(vault.signer(TENANT, 'key-1')).toBeDefined();
      vault.destroySigningKey(TENANT, 'key-1');
      vault.destroySigningKey(TENANT, 'key-1');
      expect(vault.signer(TENANT, 'key-1')).toBeUndefined();
      expect(vault.publicJwk(TENANT, 'key-1')).toEqual(jwk);
      await expect(vault.createSigningKey(TENANT, 'key-1', 'ES256')).rejects.toThrow(KeyDestroyed);
    });
  });

  describe('keeps secrets', () => {
    it('made once, 32 bytes, apart by tenant and name', () => {
      const secret = vault.secret(TENANT, 'identity-1');
      expect(secret).toHaveLength(32);
      expect(vault.secret(TENANT, 'identity-1')).toEqual(secret);
      expect(vault.secret(TENANT, 'identity-2')).not.toEqual(secret);
      expect(vault.secret(OTHER, 'identity-1')).not.toEqual(secret);
    });
    it('that a caller cannot spoil', () => {
      const secret = vault.secret(TENANT, 'identity-1');
      const copy = Buffer.from(secret);
      secret.fill(0);
      expect(vault.secret(TENANT, 'identity-1')).toEqual(copy);
    });
    it('until they are destroyed, for good', () => {
      vault.secret(TENANT, 'identity-1');
      vault.destroySecret(TENANT, 'identity-1');
      expect(() => vault.secret(TENANT, 'identity-1')).toThrow(KeyDestroyed);
      expect(vault.secret(TENANT, 'identity-2')).toHaveLength(32);
    });
    it('that do not clash with people or signing keys of the same name', async () => {
      const secret = vault.secret(TENANT, 'x');
      await vault.createSigningKey(TENANT, 'x', 'ES256');
      vault.seal(subject('x'), 'p', text('a'));
      vault.destroy(subject('x'));
      expect(vault.secret(TENANT, 'x')).toEqual(secret);
      expect(vault.signer(TENANT, 'x')).toBeDefined();
    });
  });

  it('does nothing more once closed', () => {
    vault.seal(subject('ada'), 'x', text('Ada'));
    vault.close();
    vault.close();
    expect(() => vault.seal(subject('ada'), 'x', text('Ada'))).toThrow(VaultUnavailable);
    expect(() => vault.secret(TENANT, 'x')).toThrow(/the key vault is closed/);
    expect(() => vault.signer(TENANT, 'x')).toThrow(VaultUnavailable);
  });
});

describe('the key vault in a file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-vault-'));
    file = join(folder, 'keys.db');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const open = (masterKey = MASTER): SqliteKeyVault => openSqliteKeyVault({ file, masterKey });
  const raw = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(file);
    try {
      return work(database);
    } finally {
      database.close();
    }
  };
  /** Where in the vault's files a piece of bytes lies. */
  const whereIs = (piece: Buffer): string[] =>
    readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(piece));
  /** Wrapped keys in pieces of 16 bytes: a rest of one is as bad as the whole. */
  const piecesOf = (learner: string): Buffer[] =>
    raw((database) => {
      const row = database.prepare('SELECT wrapped FROM keys WHERE name = ?').get(learner) as { wrapped: Uint8Array };
      return [0, 12, 28, 44].map((at) => Buffer.from(row.wrapped.subarray(at, at + 16)));
    });

  it('is there again after closing, destroyed keys included', async () => {
    let vault = open();
    const sealed = vault.seal(subject('ada'), 'x', text('Ada'));
    const bobs = vault.seal(subject('bob'), 'x', text('Bob'));
    const secret = vault.secret(TENANT, 'identity');
    const jwk = await vault.createSigningKey(TENANT, 'key-1', 'RS256');
    vault.destroy(subject('bob'));
    vault.close();

    vault = open();
    expect(vault.open(subject('ada'), 'x', sealed)?.toString()).toBe('Ada');
    expect(vault.open(subject('bob'), 'x', bobs)).toBeUndefined();
    expect(() => vault.seal(subject('bob'), 'x', text('Bob'))).toThrow(KeyDestroyed);
    expect(vault.secret(TENANT, 'identity')).toEqual(secret);
    expect(vault.signer(TENANT, 'key-1')?.publicJwk).toEqual(jwk);
    vault.close();
  });

  it('has each new key on disk before it seals: a copy made at once opens everything', () => {
    const vault = open();
    const seals = Array.from({ length: 50 }, (_, i) => vault.seal(subject(`l${i}`), 'x', text(`value ${i}`)));
    // As after a crash: the files as they are, without closing.
    const copies = readdirSync(folder).map((name) => ({ name, bytes: readFileSync(join(folder, name)) }));
    vault.close();
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    for (const { name, bytes } of copies) writeFileSync(join(folder, name), bytes);
    const again = open();
    for (const [i, sealed] of seals.entries())
      expect(again.open(subject(`l${i}`), 'x', sealed)?.toString()).toBe(`value ${i}`);
    again.close();
  });

  it('is for its owner only', () => {
    const vault = open();
    vault.secret(TENANT, 'x');
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
    vault.close();
  });

  it('refuses another master key, and a second opener', () => {
    const vault = open();
    expect(() => open()).toThrow(/keys\.db is in use by another process: stop that one first/);
    vault.close();
    expect(() => open(randomBytes(32))).toThrow(/the master key does not fit the key vault .*keys\.db/);
    expect(() => open(Buffer.alloc(16))).toThrow(/has 16 bytes, expected 32/);
    open().close();
  });

  it('finds out keys that changed places in the file', () => {
    const vault = open();
    const sealed = vault.seal(subject('ada'), 'x', text('Ada'));
    vault.seal(subject('bob'), 'x', text('Bob'));
    vault.close();
    raw((database) =>
      database.exec("UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE name = 'bob') WHERE name = 'ada'"),
    );
    const again = open();
    expect(() => again.open(subject('ada'), 'x', sealed)).toThrow(
      /the subject key northlake ada .* was changed, or moved/,
    );
    again.close();
  });

  it('holds no secret in the clear', async () => {
    const vault = open();
    const secret = vault.secret(TENANT, 'identity');
    await vault.createSigningKey(TENANT, 'key-1', 'ES256');
    const d = vault.signer(TENANT, 'key-1')?.privateKey.export({ format: 'jwk' }).d as string;
    vault.seal(subject('ada'), 'x', text('canary Ada Lovelace'));
    for (const piece of [secret, text(d), Buffer.from(d, 'base64url'), MASTER, text('canary')])
      expect(whereIs(piece)).toEqual([]);
    vault.close();
    for (const piece of [secret, text(d), Buffer.from(d, 'base64url'), MASTER, text('canary')])
      expect(whereIs(piece)).toEqual([]);
  });

  it('keeps no byte of a destroyed key in its files', () => {
    const names = Array.from({ length: 600 }, (_, i) => `learner-${(i * 7919) % 600}`);
    let vault = open();
    // Some by twos and threes, some in bulk, so that pages split and fill in every way.
    vault.prepare(names.slice(0, 400).map((name) => subject(name)));
    for (const name of names.slice(400)) vault.seal(subject(name), 'x', text('a'));
    vault.close();
    const victims = names.filter((_, i) => i % 5 === 0);
    const pieces = victims.map((name) => piecesOf(name));
    const spared = piecesOf(names[1] as string);
    expect(pieces.flat().every((piece) => whereIs(piece).length === 1)).toBe(true);

    vault = open();
    for (const [i, name] of victims.entries()) {
      vault.destroy(subject(name));
      // At once, with the vault open: neither in the file nor in its WAL.
      for (const piece of pieces[i] as Buffer[]) expect(whereIs(piece)).toEqual([]);
    }
    vault.prepare(Array.from({ length: 100 }, (_, i) => subject(`late-${i}`)));
    vault.close();
    for (const piece of pieces.flat()) expect(whereIs(piece)).toEqual([]);
    for (const piece of spared) expect(whereIs(piece)).toEqual(['keys.db']);
  }, 30_000);
});
