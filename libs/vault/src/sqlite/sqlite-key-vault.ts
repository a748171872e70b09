// The key vault on node:sqlite. The master key wraps a key per tenant, that one wraps everything of the tenant; every
// wrapping is bound to what the key is for, so that rows cannot change places.
import { createPrivateKey, randomBytes, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Subject, TenantId } from '@cairn/kernel';
import { generatePair } from '../key-pairs.js';
import {
  KeyDestroyed,
  KeyMissing,
  SealBroken,
  VaultUnavailable,
  type KeyVault,
  type PublicJwk,
  type VaultAlgorithm,
  type VaultSigner,
} from '../port.js';
import { KEY_BYTES, openBytes, sealBytes, secretKey } from '../sealing.js';
import { openVaultDatabase } from './database.js';

export type SqliteKeyVaultOptions = {
  /** Path of the database file, or ':memory:'. */
  readonly file: string;
  /** 32 bytes; see `loadMasterKey`. */
  readonly masterKey: Uint8Array;
};

// Keys lie in the order of their creation, so that a row is never copied to make room for another: what is deleted is
// overwritten in the one place where it ever was.
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS keys(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, tenant TEXT NOT NULL, name TEXT NOT NULL,
    alg TEXT, public TEXT,
    wrapped BLOB -- NULL: destroyed
  );
  CREATE UNIQUE INDEX IF NOT EXISTS keys_by_name ON keys(tenant, name, kind)
`;

type Kind = 'master-check' | 'tenant' | 'subject' | 'signing' | 'secret';
type Row = { readonly alg: VaultAlgorithm | null; readonly public: string | null; readonly wrapped: Uint8Array | null };

/** Unwrapped keys of people that are kept at hand. */
const KEPT_SUBJECT_KEYS = 10_000;

/** Answers at once, always. */
export type SqliteKeyVault = {
  readonly [Member in Exclude<keyof KeyVault, 'fetch' | 'createSigningKey'>]: (
    ...args: Parameters<KeyVault[Member]>
  ) => Awaited<ReturnType<KeyVault[Member]>>;
} & Pick<KeyVault, 'createSigningKey'> & {
    /** Copies the whole vault to a new file while it is in use. The copy keeps keys that are destroyed later. */
    readonly backup: (toFile: string) => void;
  };

/** Opens or creates a vault. Throws {@link VaultUnavailable} for a wrong master key, and if another process holds it. */
export function openSqliteKeyVault({ file, masterKey }: SqliteKeyVaultOptions): SqliteKeyVault {
  if (masterKey.length !== KEY_BYTES) throw new RangeError(`the master key has ${masterKey.length} bytes, expected 32`);
  const master = secretKey(Buffer.from(masterKey));
  const { database, guarded, write, scrub, backup, close } = openVaultDatabase(file, 'key vault', SCHEMA);
  const select = database.prepare('SELECT alg, public, wrapped FROM keys WHERE tenant = ? AND name = ? AND kind = ?');
  const insert = database.prepare(
    'INSERT INTO keys(kind, tenant, name, alg, public, wrapped) VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
  );
  const forget = database.prepare('UPDATE keys SET wrapped = NULL WHERE tenant = ? AND name = ? AND kind = ?');

  const find = (kind: Kind, tenant: string, name: string): Row | undefined =>
    guarded(() => select.get(tenant, name, kind) as unknown as Row | undefined);
  const partsOf = (kind: Kind, tenant: string, name: string, alg: string | null): readonly string[] =>
    alg === null ? [kind, tenant, name] : [kind, tenant, name, alg];
  const unwrap = (by: KeyObject, kind: Kind, tenant: string, name: string, row: Row): Buffer => {
    const bytes = row.wrapped && openBytes(by, partsOf(kind, tenant, name, row.alg), row.wrapped);
    if (!bytes)
      throw new SealBroken(`the ${kind} key ${tenant} ${name} in ${file} was changed, or moved from another row`);
    return bytes;
  };
  const add = (kind: Kind, tenant: string, name: string, by: KeyObject, bytes: Uint8Array): void => {
    insert.run(kind, tenant, name, null, null, sealBytes(by, partsOf(kind, tenant, name, null), bytes));
  };

  try {
    const check = find('master-check', '', '');
    if (!check) write(() => add('master-check', '', '', master, randomBytes(KEY_BYTES)));
    else if (!check.wrapped || !openBytes(master, partsOf('master-check', '', '', null), check.wrapped))
      throw new VaultUnavailable(`the master key does not fit the key vault ${file}: give the one it was made with`);
  } catch (error) {
    close();
    throw error;
  }

  const tenantKeys = new Map<string, KeyObject>();
  const tenantKey = (tenant: TenantId): KeyObject => {
    const kept = tenantKeys.get(tenant);
    if (kept) return kept;
    if (tenant === '') throw new RangeError('a tenant has an id');
    if (!find('tenant', tenant, '')) write(() => add('tenant', tenant, '', master, randomBytes(KEY_BYTES)));
    const key = secretKey(unwrap(master, 'tenant', tenant, '', find('tenant', tenant, '') as Row));
    tenantKeys.set(tenant, key);
    return key;
  };

  // People

  const subjectKeys = new Map<string, KeyObject>();
  const nameOf = ({ tenant, learner }: Subject): string => `${tenant} ${learner}`;
  const keep = (subject: Subject, bytes: Buffer): KeyObject => {
    if (subjectKeys.size >= KEPT_SUBJECT_KEYS) {
      const [oldest] = subjectKeys.keys();
      subjectKeys.delete(oldest as string);
    }
    const key = secretKey(bytes);
    subjectKeys.set(nameOf(subject), key);
    return key;
  };
  /** 'destroyed', or the key; undefined if there is none yet. */
  const subjectKey = (subject: Subject): KeyObject | 'destroyed' | undefined => {
    const name = nameOf(subject);
    const kept = subjectKeys.get(name);
    if (kept) {
      // Back to the end: the first in the map is the one used longest ago.
      subjectKeys.delete(name);
      subjectKeys.set(name, kept);
      return kept;
    }
    const { tenant, learner } = subject;
    const row = find('subject', tenant, learner);
    if (!row) return undefined;
    if (!row.wrapped) return 'destroyed';
    return keep(subject, unwrap(tenantKey(tenant), 'subject', tenant, learner, row));
  };
  const createSubjectKey = (subject: Subject): KeyObject => {
    const { tenant, learner } = subject;
    if (learner === '') throw new RangeError('a learner has an id');
    const by = tenantKey(tenant);
    const key = randomBytes(KEY_BYTES);
    write(() => add('subject', tenant, learner, by, key));
    return keep(subject, key);
  };
  const sealedBy = ({ tenant, learner }: Subject, purpose: string): readonly string[] => [tenant, learner, purpose];
  const label = ({ tenant, learner }: Subject): string => `learner ${learner} of tenant ${tenant}`;

  // Issuers and tenants

  const signers = new Map<string, VaultSigner>();
  const secrets = new Map<string, Buffer>();
  const publicJwk = (tenant: TenantId, keyId: string): PublicJwk | undefined => {
    const row = find('signing', tenant, keyId);
    return row?.public ? (JSON.parse(row.public) as PublicJwk) : undefined;
  };
  const destroyRow = (kind: Kind, tenant: string, name: string): void => {
    write(() => {
      forget.run(tenant, name, kind);
      insert.run(kind, tenant, name, null, null, null);
    });
    scrub();
  };

  return {
    prepare: (subjects) => {
      for (const { tenant, learner } of subjects) {
        if (learner === '') throw new RangeError('a learner has an id');
        tenantKey(tenant);
      }
      write(() => {
        for (const { tenant, learner } of subjects)
          if (!find('subject', tenant, learner))
            add('subject', tenant, learner, tenantKey(tenant), randomBytes(KEY_BYTES));
      });
    },
    seal: (subject, purpose, plaintext) => {
      const key = guarded(() => subjectKey(subject)) ?? createSubjectKey(subject);
      if (key === 'destroyed') throw new KeyDestroyed(label(subject));
      return sealBytes(key, sealedBy(subject, purpose), plaintext);
    },
    open: (subject, purpose, sealed) => {
      const key = guarded(() => subjectKey(subject));
      if (key === 'destroyed') return undefined;
      if (!key) throw new KeyMissing(label(subject));
      const plaintext = openBytes(key, sealedBy(subject, purpose), sealed);
      if (!plaintext)
        throw new SealBroken(
          `what was sealed for ${label(subject)} as "${purpose}" cannot be opened: it was changed, or it is another person's or another field's`,
        );
      return plaintext;
    },
    destroy: (subject) => {
      subjectKeys.delete(nameOf(subject));
      destroyRow('subject', subject.tenant, subject.learner);
    },
    isDestroyed: ({ tenant, learner }) => find('subject', tenant, learner)?.wrapped === null,

    createSigningKey: async (tenant, keyId, alg) => {
      if (!find('signing', tenant, keyId)) {
        const { publicKey, privateKey } = await generatePair(alg);
        const [shown, hidden] = [publicKey, privateKey].map((key) => JSON.stringify(key.export({ format: 'jwk' })));
        const wrapped = sealBytes(
          tenantKey(tenant),
          partsOf('signing', tenant, keyId, alg),
          Buffer.from(hidden as string),
        );
        // Should somebody have been faster meanwhile, theirs stays.
        write(() => insert.run('signing', tenant, keyId, alg, shown as string, wrapped));
      }
      const row = find('signing', tenant, keyId);
      if (!row?.public || !row.wrapped) throw new KeyDestroyed(`signing key ${keyId} of tenant ${tenant}`);
      if (row.alg !== alg)
        throw new RangeError(`signing key ${keyId} is for ${row.alg}, not ${alg}: take another key id`);
      return JSON.parse(row.public) as PublicJwk;
    },
    publicJwk,
    signer: (tenant, keyId) => {
      const name = `${tenant} ${keyId}`;
      const kept = guarded(() => signers.get(name));
      if (kept) return kept;
      const row = find('signing', tenant, keyId);
      if (!row?.wrapped || !row.alg) return undefined;
      const bytes = unwrap(tenantKey(tenant), 'signing', tenant, keyId, row);
      const key = JSON.parse(bytes.toString('utf8')) as JsonWebKey;
      bytes.fill(0);
      const signer: VaultSigner = {
        alg: row.alg,
        publicJwk: publicJwk(tenant, keyId) as PublicJwk,
        privateKey: createPrivateKey({ key, format: 'jwk' }),
      };
      signers.set(name, signer);
      return signer;
    },
    destroySigningKey: (tenant, keyId) => {
      signers.delete(`${tenant} ${keyId}`);
      destroyRow('signing', tenant, keyId);
    },

    secret: (tenant, name) => {
      const kept = guarded(() => secrets.get(`${tenant} ${name}`));
      if (kept) return Buffer.from(kept);
      if (!find('secret', tenant, name)) {
        const by = tenantKey(tenant);
        write(() => add('secret', tenant, name, by, randomBytes(KEY_BYTES)));
      }
      const row = find('secret', tenant, name) as Row;
      if (!row.wrapped) throw new KeyDestroyed(`secret ${name} of tenant ${tenant}`);
      const secret = unwrap(tenantKey(tenant), 'secret', tenant, name, row);
      secrets.set(`${tenant} ${name}`, secret);
      return Buffer.from(secret);
    },
    destroySecret: (tenant, name) => {
      secrets.get(`${tenant} ${name}`)?.fill(0);
      secrets.delete(`${tenant} ${name}`);
      destroyRow('secret', tenant, name);
    },

    backup,

    close: () => {
      for (const secret of secrets.values()) secret.fill(0);
      for (const keys of [subjectKeys, tenantKeys, secrets, signers]) keys.clear();
      close();
    },
  };
}
