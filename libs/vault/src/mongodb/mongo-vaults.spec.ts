// The vaults of several processes, against the in-process MongoDB: what one made all use, what one destroyed all lose.
import { sha256, type Subject, type TenantId } from '@cairn/kernel';
import { openMongoReadModel } from '@cairn/readmodel';
import { startMongoDouble, type MongoDouble } from '@cairn/testing';
import { createCipher } from '../cipher.js';
import { KeyDestroyed, KeyMissing, SealBroken, VaultUnavailable } from '../port.js';
import { openMongoVaults, type MongoVaults, type MongoVaultsOptions } from './mongo-vaults.js';

const TENANT = 'northlake' as TenantId;
const OTHER = 'southlake' as TenantId;
const subject = (learner: string, tenant = TENANT): Subject => ({ tenant, learner });
const text = (value: string): Buffer => Buffer.from(value);

describe('the vaults on MongoDB (the in-process double)', () => {
  let server: MongoDouble;
  const opened: MongoVaults[] = [];
  const open = async (options: Partial<MongoVaultsOptions> = {}): Promise<MongoVaults> => {
    const vaults = await openMongoVaults({
      url: server.url,
      database: 'test_vault',
      masterKey: Buffer.alloc(32, 1),
      timeoutMs: 2_000,
      selectionTimeoutMs: 1_000,
      ...options,
    });
    opened.push(vaults);
    return vaults;
  };
  beforeEach(async () => {
    server = await startMongoDouble();
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((vaults) => vaults.close()));
    await server.stop().catch(() => undefined);
  });

  it('what one process sealed, another opens; nothing moved to another person, tenant or purpose', async () => {
    const [one, other] = [await open(), await open()];
    await one.keys.prepare([subject('ada')]);
    const sealed = one.keys.seal(subject('ada'), 'x', text('Ada'));
    expect(() => other.keys.open(subject('ada'), 'x', sealed)).toThrow(KeyMissing); // not fetched
    await other.keys.prepare([subject('bob'), subject('ada', OTHER)]);
    await other.keys.fetch?.([subject('ada')]);
    expect(other.keys.open(subject('ada'), 'x', sealed)?.toString()).toBe('Ada');
    expect(() => other.keys.open(subject('ada'), 'y', sealed)).toThrow(SealBroken);
    expect(() => other.keys.open(subject('bob'), 'x', sealed)).toThrow(SealBroken);
    expect(() => other.keys.open(subject('ada', OTHER), 'x', sealed)).toThrow(SealBroken);
    expect(() => one.keys.seal(subject('carl'), 'x', text('Carl'))).toThrow(/not prepared/);
  });
  it('a key made by several processes at once is one key', async () => {
    const processes = await Promise.all([open(), open(), open()]);
    const people = Array.from({ length: 50 }, (_, n) => subject(`learner-${n}`));
    await Promise.all(processes.map(async ({ keys }) => keys.prepare(people)));
    for (const person of people)
      for (const from of processes)
        for (const to of processes)
          expect(to.keys.open(person, 'x', from.keys.seal(person, 'x', text('same')))?.toString()).toBe('same');
    const jwks = await Promise.all(processes.map(({ keys }) => keys.createSigningKey(TENANT, 'key-1', 'ES256')));
    expect(new Set(jwks.map((jwk) => JSON.stringify(jwk))).size).toBe(1);
    const secrets = await Promise.all(processes.map(async ({ keys }) => keys.secret(TENANT, 'identity')));
    expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1);
  });
  it('what one destroyed is lost to itself at once, to others as soon as they look again; and for good', async () => {
    const [one, other] = [await open(), await open({ trustedMs: 0 })];
    await one.keys.prepare([subject('ada')]);
    await other.keys.fetch?.([subject('ada')]);
    const sealed = one.keys.seal(subject('ada'), 'x', text('Ada'));
    await one.keys.destroy(subject('ada'));
    expect(one.keys.open(subject('ada'), 'x', sealed)).toBeUndefined();
    await other.keys.fetch?.([subject('ada')]);
    expect(other.keys.open(subject('ada'), 'x', sealed)).toBeUndefined();
    await other.keys.prepare([subject('ada')]);
    expect(() => other.keys.seal(subject('ada'), 'x', text('Ada'))).toThrow(KeyDestroyed);
    expect(await other.keys.isDestroyed(subject('ada'))).toBe(true);

    await one.keys.createSigningKey(TENANT, 'key-1', 'Ed25519');
    expect(await other.keys.signer(TENANT, 'key-1')).toBeDefined();
    await one.keys.destroySigningKey(TENANT, 'key-1');
    expect(await other.keys.signer(TENANT, 'key-1')).toBeUndefined();
    expect(await other.keys.publicJwk(TENANT, 'key-1')).toBeDefined();
    await one.keys.secret(TENANT, 'spent');
    await one.keys.destroySecret(TENANT, 'spent');
    await expect((async () => other.keys.secret(TENANT, 'spent'))()).rejects.toThrow(KeyDestroyed);
  });
  it('a key that is at hand is trusted for a while, without asking', async () => {
    const vaults = await open();
    await vaults.keys.prepare([subject('ada')]);
    await server.stop();
    await vaults.keys.fetch?.([subject('ada')]);
    expect(vaults.keys.seal(subject('ada'), 'x', text('Ada'))).toBeDefined();
  });
  it('keys whose making nobody answered for are not taken for made', async () => {
    const vaults = await open();
    await vaults.keys.secret(TENANT, 'any'); // the tenant's key is there
    server.faults.cutReplies = { insert: 1 };
    await expect((async () => vaults.keys.prepare([subject('ada'), subject('bob')]))()).rejects.toThrow(
      VaultUnavailable,
    );
    await vaults.keys.prepare([subject('ada'), subject('bob')]);
    expect(vaults.keys.seal(subject('bob'), 'x', text('Bob'))).toBeDefined();
  });
  it('keeps signed bytes under their hash, and purges all of one person', async () => {
    const [one, other] = [await open(), await open()];
    const hash = await one.blobs.put(subject('ada'), text('signed'));
    expect(hash).toBe(sha256(text('signed')));
    expect(await one.blobs.put(subject('ada'), text('signed'))).toBe(hash);
    await one.blobs.put(subject('ada'), text('signed too'));
    await one.blobs.put(subject('bob'), text('signed'));
    expect(Buffer.from((await other.blobs.get(subject('ada'), hash)) as Uint8Array).toString()).toBe('signed');
    expect(await other.blobs.get(subject('ada', OTHER), hash)).toBeUndefined();
    await expect(other.blobs.get(subject('ada'), 'ABC')).rejects.toThrow(RangeError);
    expect(await other.blobs.purge(subject('ada'))).toBe(2);
    expect(await one.blobs.get(subject('ada'), hash)).toBeUndefined();
    expect(await one.blobs.get(subject('bob'), hash)).toBeDefined();
    await one.keys.destroy(subject('bob'));
    expect(await one.blobs.get(subject('bob'), hash)).toBeUndefined();
    await expect(one.blobs.put(subject('bob'), text('more'))).rejects.toBeInstanceOf(KeyDestroyed);
  });
  it('is the cipher of events once the keys are fetched', async () => {
    const [writer, reader] = [createCipher((await open()).keys), createCipher((await open()).keys)];
    await writer.fetchKeys?.([subject('ada')], { create: true });
    const sealed = writer.seal(subject('ada'), 'learner-registered.profile', { name: 'Ada' });
    await reader.fetchKeys?.([subject('ada')]);
    expect(reader.open(subject('ada'), 'learner-registered.profile', sealed)).toEqual({ name: 'Ada' });
  });
  it('agrees on a text: the first stays', async () => {
    const [one, other] = [await open(), await open()];
    expect(await one.agree('base-url', 'https://a.example')).toBe('https://a.example');
    expect(await other.agree('base-url', 'https://b.example')).toBe('https://a.example');
  });
  it('refuses another master key, a database of others, and an absent server, and says what to do', async () => {
    const first = await open();
    await first.keys.prepare([subject('ada')]);
    await expect(open({ masterKey: Buffer.alloc(32, 2) })).rejects.toThrow(/master key does not fit.*every process/);
    const readModel = await openMongoReadModel({ url: server.url, database: 'foreign' });
    await readModel.close();
    await expect(open({ database: 'foreign' })).rejects.toThrow(/not of a vault: name another database/);
    await server.stop();
    await expect(open()).rejects.toBeInstanceOf(VaultUnavailable);
    await expect(open()).rejects.toThrow(/key vault: no MongoDB answers.*is it running/);
    await expect((async () => first.keys.isDestroyed(subject('ada')))()).rejects.toBeInstanceOf(VaultUnavailable);
  });
});
