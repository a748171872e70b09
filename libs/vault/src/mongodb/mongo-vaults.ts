// The vaults of several processes: in a MongoDB database of their own, which nobody rebuilds and nobody may drop. As on
// SQLite the master key wraps a key per tenant, that one everything of the tenant. A process keeps the keys that it
// uses at hand and asks again from time to time, so that a key that another process destroyed is forgotten here too.
import { createPrivateKey, randomBytes, type JsonWebKey, type KeyObject } from 'node:crypto';
import { MongoServerError, type Collection, type Db } from 'mongodb';
import { connectMongo, ReadModelUnavailable, wereThere, type MongoConnection } from '@cairn/readmodel';
import { sha256, type Subject, type TenantId } from '@cairn/kernel';
import { generatePair } from '../key-pairs.js';
import {
  KeyDestroyed,
  KeyMissing,
  SealBroken,
  VaultUnavailable,
  type BlobVault,
  type KeyVault,
  type PublicJwk,
  type VaultAlgorithm,
  type VaultSigner,
} from '../port.js';
import { KEY_BYTES, openBytes, sealBytes, secretKey } from '../sealing.js';

export type MongoVaultsOptions = {
  /** mongodb:// or mongodb+srv://; never shown in a message. */
  readonly url: string;
  /** A database of its own. It cannot be rebuilt: back it up. */
  readonly database: string;
  /** 32 bytes, the same in every process. */
  readonly masterKey: Uint8Array;
  /** After so long a key at hand is looked up again before it is used; default 30,000. */
  readonly trustedMs?: number;
  readonly timeoutMs?: number;
  readonly selectionTimeoutMs?: number;
};

export type MongoVaults = {
  readonly keys: KeyVault;
  readonly blobs: BlobVault;
  /** A text that all processes share: kept if it is the first, else the one that was. */
  readonly agree: (name: string, text: string) => Promise<string>;
  /** How far the clock of this machine is ahead of the server's, in milliseconds. */
  readonly clockSkewMs: () => Promise<number>;
  readonly close: () => Promise<void>;
};

type Kind = 'master-check' | 'tenant' | 'subject' | 'signing' | 'secret';
/** `wrapped` null: destroyed, for good. Base64url. */
export type KeyRow = { _id: string; alg: VaultAlgorithm | null; public: string | null; wrapped: string | null };
export type BlobRow = { _id: string; person: string; sealed: string };
type SharedRow = { _id: string; text: string };
/** At hand: the key, or that it is destroyed; and since when. */
type AtHand<T> = { readonly value: T | 'destroyed'; readonly sinceMs: number };

const KEPT_SUBJECT_KEYS = 100_000;
const KEPT_OTHERS = 10_000;
const TRUSTED_MS = 30_000;
const AT_ONCE = 1_000;

/** Connects and checks the master key. Throws {@link VaultUnavailable} that says what to do. */
export async function openMongoVaults(options: MongoVaultsOptions): Promise<MongoVaults> {
  const { url, database, masterKey, trustedMs = TRUSTED_MS, timeoutMs, selectionTimeoutMs } = options;
  if (masterKey.length !== KEY_BYTES) throw new RangeError(`the master key has ${masterKey.length} bytes, expected 32`);
  const master = secretKey(Buffer.from(masterKey));
  const connection = await orUnavailable(() =>
    connectMongo({
      url,
      database,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(selectionTimeoutMs === undefined ? {} : { selectionTimeoutMs }),
      check: checkDatabase,
    }),
  );
  const shared = connection.db.collection<SharedRow>('shared');
  const agree: MongoVaults['agree'] = (name, text) =>
    guarded(connection, async () => {
      await unlessThere(shared.insertOne({ _id: name, text }));
      return ((await shared.findOne({ _id: name })) as SharedRow).text;
    });
  try {
    const keys = await openKeys(connection, master, trustedMs, database);
    const close = async (): Promise<void> => {
      await keys.close();
      await connection.close();
    };
    const clockSkewMs = async (): Promise<number> => {
      const asked = Date.now();
      const there = await orUnavailable(connection.serverTimeMs);
      return (asked + Date.now()) / 2 - there;
    };
    return { keys, blobs: openBlobs(connection, keys), agree, clockSkewMs, close };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function openKeys(
  connection: MongoConnection,
  master: KeyObject,
  trustedMs: number,
  database: string,
): Promise<KeyVault> {
  const rows: Collection<KeyRow> = connection.db.collection<KeyRow>('keys');
  const partsOf = (kind: Kind, tenant: string, name: string, alg: string | null): readonly string[] =>
    alg === null ? [kind, tenant, name] : [kind, tenant, name, alg];
  const find = (kind: Kind, tenant: string, name: string): Promise<KeyRow | null> =>
    guarded(connection, () => rows.findOne({ _id: keyRowId(kind, tenant, name) }));
  const unwrap = (by: KeyObject, kind: Kind, tenant: string, name: string, row: KeyRow): Buffer => {
    const wrapped = Buffer.from(row.wrapped ?? '', 'base64url');
    const bytes = openBytes(by, partsOf(kind, tenant, name, row.alg), wrapped);
    if (!bytes)
      throw new SealBroken(`the ${kind} key ${tenant} ${name} in ${database} was changed, or moved from another row`);
    return bytes;
  };
  const fresh = (kind: Kind, tenant: string, name: string, by: KeyObject): KeyRow => ({
    _id: keyRowId(kind, tenant, name),
    alg: null,
    public: null,
    wrapped: sealBytes(by, partsOf(kind, tenant, name, null), randomBytes(KEY_BYTES)).toString('base64url'),
  });
  /** Made unless it is there: of several processes the first wins, and all use its key. */
  const findOrMake = async (kind: Kind, tenant: string, name: string, by: KeyObject): Promise<KeyRow> => {
    const found = await find(kind, tenant, name);
    if (found) return found;
    await guarded(connection, () => unlessThere(rows.insertOne(fresh(kind, tenant, name, by))));
    return (await find(kind, tenant, name)) as KeyRow;
  };
  const destroyRow = async (kind: Kind, tenant: string, name: string): Promise<void> => {
    const _id = keyRowId(kind, tenant, name);
    await guarded(connection, async () => {
      if (await unlessThere(rows.insertOne({ _id, alg: null, public: null, wrapped: null }))) return;
      await rows.updateOne({ _id }, { $set: { wrapped: null } });
    });
  };

  const check = await findOrMake('master-check', '', '', master);
  if (!openBytes(master, partsOf('master-check', '', '', null), Buffer.from(check.wrapped ?? '', 'base64url')))
    throw new VaultUnavailable(
      `the master key does not fit the vault in database "${database}": give every process the one it was made with`,
    );

  const now = (): number => performance.now();
  const tenantKeys = new Map<string, Promise<KeyObject>>();
  const tenantKey = (tenant: TenantId): Promise<KeyObject> => {
    if (tenant === '') throw new RangeError('a tenant has an id');
    const known = tenantKeys.get(tenant);
    if (known) return known;
    const looked = findOrMake('tenant', tenant, '', master).then((row) =>
      secretKey(unwrap(master, 'tenant', tenant, '', row)),
    );
    tenantKeys.set(tenant, looked);
    looked.catch(() => tenantKeys.delete(tenant));
    return looked;
  };

  // People

  const subjects = createKept<KeyObject>(KEPT_SUBJECT_KEYS);
  const nameOf = ({ tenant, learner }: Subject): string => `${tenant} ${learner}`;
  const label = ({ tenant, learner }: Subject): string => `learner ${learner} of tenant ${tenant}`;
  const sealedBy = ({ tenant, learner }: Subject, purpose: string): readonly string[] => [tenant, learner, purpose];
  /** Those whose keys are not at hand, or were looked up too long ago. What is destroyed stays so. */
  const doubtful = (wanted: readonly Subject[]): Subject[] => {
    const oldest = now() - trustedMs;
    return wanted.filter((subject) => {
      const kept = subjects.get(nameOf(subject));
      return !kept || (kept.value !== 'destroyed' && kept.sinceMs < oldest);
    });
  };
  const bring = async (wanted: readonly Subject[], create: boolean): Promise<void> => {
    const missing = doubtful(wanted);
    for (let start = 0; start < missing.length; start += AT_ONCE) {
      const some = missing.slice(start, start + AT_ONCE);
      let found = await load(some);
      if (create && found.length < some.length) {
        const there = new Set(found.map(({ subject }) => nameOf(subject)));
        const made: KeyRow[] = [];
        for (const subject of some) {
          if (there.has(nameOf(subject))) continue;
          if (subject.learner === '') throw new RangeError('a learner has an id');
          made.push(fresh('subject', subject.tenant, subject.learner, await tenantKey(subject.tenant)));
        }
        await guarded(connection, () => insertMissing(rows, made));
        found = await load(some); // another process may have been faster: its key counts
      }
      for (const { subject, row } of found) {
        if (row.wrapped === null) {
          subjects.set(nameOf(subject), { value: 'destroyed', sinceMs: now() });
          continue;
        }
        const by = await tenantKey(subject.tenant);
        const kept = subjects.get(nameOf(subject));
        const value =
          kept && kept.value !== 'destroyed'
            ? kept.value
            : secretKey(unwrap(by, 'subject', subject.tenant, subject.learner, row));
        // While this waited it may have been destroyed here.
        if (kept?.value !== 'destroyed') subjects.set(nameOf(subject), { value, sinceMs: now() });
      }
    }
  };
  const load = async (some: readonly Subject[]): Promise<{ readonly subject: Subject; readonly row: KeyRow }[]> => {
    const byId = new Map(some.map((subject) => [keyRowId('subject', subject.tenant, subject.learner), subject]));
    const found = await guarded(connection, () => rows.find({ _id: { $in: [...byId.keys()] } }).toArray());
    return found.map((row) => ({ subject: byId.get(row._id) as Subject, row }));
  };

  // Issuers and tenants

  const signers = createKept<VaultSigner>(KEPT_OTHERS);
  const secrets = createKept<Buffer>(KEPT_OTHERS);
  const isTrusted = <T>(kept: AtHand<T>): boolean => kept.value === 'destroyed' || kept.sinceMs >= now() - trustedMs;

  return {
    prepare: (wanted) => bring(wanted, true),
    fetch: (wanted) => bring(wanted, false),
    seal: (subject, purpose, plaintext) => {
      const kept = subjects.get(nameOf(subject));
      if (!kept) throw new TypeError(`the key of ${label(subject)} was not prepared before sealing`);
      if (kept.value === 'destroyed') throw new KeyDestroyed(label(subject));
      return sealBytes(kept.value, sealedBy(subject, purpose), plaintext);
    },
    open: (subject, purpose, sealed) => {
      const kept = subjects.get(nameOf(subject));
      if (!kept) throw new KeyMissing(label(subject));
      if (kept.value === 'destroyed') return undefined;
      const plaintext = openBytes(kept.value, sealedBy(subject, purpose), sealed);
      if (!plaintext)
        throw new SealBroken(
          `what was sealed for ${label(subject)} as "${purpose}" cannot be opened: it was changed, or it is another person's or another field's`,
        );
      return plaintext;
    },
    destroy: async (subject) => {
      await destroyRow('subject', subject.tenant, subject.learner);
      subjects.set(nameOf(subject), { value: 'destroyed', sinceMs: now() });
    },
    isDestroyed: async ({ tenant, learner }) => (await find('subject', tenant, learner))?.wrapped === null,

    createSigningKey: async (tenant, keyId, alg) => {
      let row = await find('signing', tenant, keyId);
      if (!row) {
        const { publicKey, privateKey } = await generatePair(alg);
        const [shown, hidden] = [publicKey, privateKey].map((key) => JSON.stringify(key.export({ format: 'jwk' })));
        const parts = partsOf('signing', tenant, keyId, alg);
        const wrapped = sealBytes(await tenantKey(tenant), parts, Buffer.from(hidden as string)).toString('base64url');
        const made: KeyRow = { _id: keyRowId('signing', tenant, keyId), alg, public: shown as string, wrapped };
        await guarded(connection, () => unlessThere(rows.insertOne(made)));
        row = await find('signing', tenant, keyId);
      }
      if (!row?.public || !row.wrapped) throw new KeyDestroyed(`signing key ${keyId} of tenant ${tenant}`);
      if (row.alg !== alg)
        throw new RangeError(`signing key ${keyId} is for ${row.alg}, not ${alg}: take another key id`);
      return JSON.parse(row.public) as PublicJwk;
    },
    publicJwk: async (tenant, keyId) => {
      const row = await find('signing', tenant, keyId);
      return row?.public ? (JSON.parse(row.public) as PublicJwk) : undefined;
    },
    signer: async (tenant, keyId) => {
      const name = nameOf({ tenant, learner: keyId });
      const kept = signers.get(name);
      if (kept && isTrusted(kept)) return kept.value === 'destroyed' ? undefined : kept.value;
      const row = await find('signing', tenant, keyId);
      if (!row?.wrapped || !row.alg || !row.public) {
        if (row) signers.set(name, { value: 'destroyed', sinceMs: now() });
        return undefined;
      }
      let value = kept?.value;
      if (value === undefined || value === 'destroyed') {
        const bytes = unwrap(await tenantKey(tenant), 'signing', tenant, keyId, row);
        const key = JSON.parse(bytes.toString('utf8')) as JsonWebKey;
        bytes.fill(0);
        value = {
          alg: row.alg,
          publicJwk: JSON.parse(row.public) as PublicJwk,
          privateKey: createPrivateKey({ key, format: 'jwk' }),
        };
      }
      signers.set(name, { value, sinceMs: now() });
      return value;
    },
    destroySigningKey: async (tenant, keyId) => {
      await destroyRow('signing', tenant, keyId);
      signers.set(nameOf({ tenant, learner: keyId }), { value: 'destroyed', sinceMs: now() });
    },

    secret: async (tenant, name) => {
      const key = nameOf({ tenant, learner: name });
      const kept = secrets.get(key);
      if (kept && isTrusted(kept) && kept.value !== 'destroyed') return Buffer.from(kept.value);
      const by = await tenantKey(tenant);
      const row = await findOrMake('secret', tenant, name, by);
      if (row.wrapped === null) {
        secrets.set(key, { value: 'destroyed', sinceMs: now() });
        throw new KeyDestroyed(`secret ${name} of tenant ${tenant}`);
      }
      const value = unwrap(by, 'secret', tenant, name, row);
      secrets.set(key, { value, sinceMs: now() });
      return Buffer.from(value);
    },
    destroySecret: async (tenant, name) => {
      await destroyRow('secret', tenant, name);
      secrets.set(nameOf({ tenant, learner: name }), { value: 'destroyed', sinceMs: now() });
    },

    close: () => {
      for (const { value } of secrets.values()) if (value !== 'destroyed') value.fill(0);
      for (const kept of [subjects, signers, secrets]) kept.clear();
      tenantKeys.clear();
    },
  };
}

function openBlobs(connection: MongoConnection, keys: KeyVault): BlobVault {
  const blobs = connection.db.collection<BlobRow>('blobs');
  const ready = guarded(connection, () => blobs.createIndex({ person: 1 }, { name: 'by_person' }));
  ready.catch(() => undefined); // told to whoever comes to purge
  return {
    put: async (subject, bytes) => {
      const hash = sha256(bytes);
      await keys.prepare([subject]);
      const row = blobRowOf(subject, hash, keys.seal(subject, purposeOf(hash), bytes));
      await guarded(connection, () => unlessThere(blobs.insertOne(row)));
      return hash;
    },
    get: async (subject, hash) => {
      if (!/^[0-9a-f]{64}$/.test(hash)) throw new RangeError(`"${hash}" is not a SHA-256 in lower-case hex`);
      const row = await guarded(connection, () => blobs.findOne({ _id: blobId(subject, hash) }));
      if (!row) return undefined;
      await keys.fetch?.([subject]);
      const bytes = keys.open(subject, purposeOf(hash), Buffer.from(row.sealed, 'base64url'));
      if (bytes && sha256(bytes) !== hash)
        throw new SealBroken(`blob ${hash} of learner ${subject.learner} has other bytes`);
      return bytes;
    },
    purge: async (subject) => {
      await ready;
      return guarded(connection, async () => {
        let removed = 0;
        // One by one: few, and the test server deletes so.
        for (const { _id } of await blobs.find({ person: personOf(subject) }).toArray())
          removed += (await blobs.deleteOne({ _id })).deletedCount;
        return removed;
      });
    },
    close: async () => undefined,
  };
}

/** Name of a key's row. */
export const keyRowId = (kind: string, tenant: string, name: string): string => JSON.stringify([kind, tenant, name]);

type Person = { readonly tenant: string; readonly learner: string };
const personOf = ({ tenant, learner }: Person): string => JSON.stringify([tenant, learner]);
const blobId = ({ tenant, learner }: Person, hash: string): string => JSON.stringify([tenant, learner, hash]);
export const blobRowOf = (person: Person, hash: string, sealed: Uint8Array): BlobRow => ({
  _id: blobId(person, hash),
  person: personOf(person),
  sealed: Buffer.from(sealed).toString('base64url'),
});

const purposeOf = (hash: string): string => `blob ${hash}`;

/** The newest `limit` of what was used. */
function createKept<T>(limit: number) {
  const kept = new Map<string, AtHand<T>>();
  return {
    get: (name: string): AtHand<T> | undefined => {
      const found = kept.get(name);
      if (!found) return undefined;
      kept.delete(name); // back to the end: the first in the map is the one used longest ago
      kept.set(name, found);
      return found;
    },
    set: (name: string, entry: AtHand<T>): void => {
      kept.delete(name);
      kept.set(name, entry);
      if (kept.size > limit) kept.delete(kept.keys().next().value as string);
    },
    values: () => kept.values(),
    clear: () => kept.clear(),
  };
}

const DUPLICATE_KEY = 11000;

/** False if a row of that id is there already. */
async function unlessThere(insertion: Promise<unknown>): Promise<boolean> {
  try {
    await insertion;
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
    throw error;
  }
}

/** Inserts those of which no row is there. */
export async function insertMissing<Row extends KeyRow | BlobRow>(
  rows: Collection<Row>,
  made: readonly Row[],
): Promise<void> {
  if (made.length === 0) return;
  try {
    await rows.insertMany(made as readonly never[], { ordered: false });
  } catch (error) {
    if (!wereThere(error)) throw error;
  }
}

/** A database of ours, or an empty one: keys must not come to lie in another program's. */
export async function checkDatabase(db: Db, place: string): Promise<void> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name);
  const foreign = names.find((name) => !['keys', 'blobs', 'shared'].includes(name) && !name.startsWith('system.'));
  if (foreign !== undefined)
    throw new VaultUnavailable(
      `database "${db.databaseName}" at ${place} holds "${foreign}", which is not of a vault: name another database`,
    );
}

const guarded = <T>(connection: MongoConnection, work: (db: Db) => Promise<T>): Promise<T> =>
  orUnavailable(() => connection.guarded(work));

export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ReadModelUnavailable)) throw error;
    throw new VaultUnavailable(`the key vault: ${error.message}`, { cause: error });
  }
}
