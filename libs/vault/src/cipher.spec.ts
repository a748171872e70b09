import {
  createCodec,
  defineEvent,
  Personal,
  s,
  type Instant,
  type Json,
  type StoredEvent,
  type TenantId,
} from '@cairn/kernel';
import * as fc from 'fast-check';
import { createCipher } from './cipher.js';
import { KeyDestroyed, SealBroken } from './port.js';
import { openSqliteKeyVault, type SqliteKeyVault } from './sqlite/sqlite-key-vault.js';

const TENANT = 'northlake' as TenantId;
const ada = { tenant: TENANT, learner: 'ada' };

describe('the cipher of personal values', () => {
  let vault: SqliteKeyVault;
  beforeEach(() => {
    vault = openSqliteKeyVault({ file: ':memory:', masterKey: Buffer.alloc(32, 1) });
  });
  afterEach(() => vault.close());

  it('opens what it sealed, any JSON', () => {
    const cipher = createCipher(vault);
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), fc.string(), (value, field) => {
        const sealed = cipher.seal(ada, field, value as Json);
        expect(Object.keys(sealed)).toEqual(['alg', 'iv', 'data']);
        // What a log does to it.
        const stored = JSON.parse(JSON.stringify(sealed)) as typeof sealed;
        expect(cipher.open(ada, field, stored)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
  it('writes A256GCM with a 96-bit nonce, in base64url, the tag at the end', () => {
    const { alg, iv, data } = createCipher(vault).seal(ada, 'learner-registered.name', 'Ada');
    expect(alg).toBe('A256GCM');
    expect(Buffer.from(iv as string, 'base64url')).toHaveLength(12);
    expect(Buffer.from(data as string, 'base64url')).toHaveLength('"Ada"'.length + 16);
    expect(`${iv as string}${data as string}`).toMatch(/^[A-Za-z0-9_-]+$/);
  });
  it('shows nothing of the value', () => {
    const sealed = createCipher(vault).seal(ada, 'x.y', { name: 'canary Ada Lovelace', mail: 'canary@example.org' });
    const text = JSON.stringify(sealed);
    for (const form of [text, Buffer.from(text, 'base64url').toString('latin1')])
      expect(form).not.toMatch(/canary|Lovelace/);
  });
  it('throws for a value of another learner, tenant, event type or field: never undefined', () => {
    const cipher = createCipher(vault);
    const sealed = cipher.seal(ada, 'learner-registered.name', 'Ada');
    for (const other of [
      { tenant: TENANT, learner: 'bob' },
      { tenant: 'southlake' as TenantId, learner: 'ada' },
    ]) {
      cipher.seal(other, 'learner-registered.name', 'x');
      expect(() => cipher.open(other, 'learner-registered.name', sealed)).toThrow(SealBroken);
    }
    expect(() => cipher.open(ada, 'learner-registered.email', sealed)).toThrow(SealBroken);
    expect(() => cipher.open(ada, 'learner-profile-changed.name', sealed)).toThrow(/cannot be opened: it was changed/);
  });
  it('throws for every changed character, and for what is no sealed value', () => {
    const cipher = createCipher(vault);
    const sealed = cipher.seal(ada, 'x.y', 'Ada') as { alg: string; iv: string; data: string };
    for (const part of ['iv', 'data'] as const)
      for (let i = 0; i < sealed[part].length; i++)
        for (const other of ['A', 'B', '-', '=', '+']) {
          const changed = sealed[part].slice(0, i) + other + sealed[part].slice(i + 1);
          if (changed === sealed[part]) continue;
          expect(() => cipher.open(ada, 'x.y', { ...sealed, [part]: changed })).toThrow(SealBroken);
        }
    for (const wrong of [
      {},
      { ...sealed, alg: 'none' },
      { ...sealed, iv: 1 },
      { ...sealed, data: '' },
      { ...sealed, iv: '' },
      { alg: 'A256GCM' },
    ])
      expect(() => cipher.open(ada, 'x.y', wrong)).toThrow(SealBroken);
  });
  it('gives undefined once the key is destroyed, and seals nothing more', () => {
    const cipher = createCipher(vault);
    const sealed = cipher.seal(ada, 'x.y', 'Ada');
    vault.destroy(ada);
    expect(cipher.open(ada, 'x.y', sealed)).toBeUndefined();
    expect(() => cipher.seal(ada, 'x.y', 'Ada')).toThrow(KeyDestroyed);
  });
  it('serves the event codec: sealed in the log, readable in the program, gone after erasure (D11)', () => {
    const registered = defineEvent({
      type: 'person-registered',
      version: 1,
      schema: s.object({ learnerId: s.string(), name: s.personal<string>() }),
      personal: ['name'],
      samples: { 1: [{ learnerId: 'ada', name: { alg: 'A256GCM', iv: '', data: '' } }] },
      means: 'A person was registered.',
    });
    const codec = createCodec([registered], createCipher(vault));
    const now = '2026-03-10T09:00:00.000Z' as Instant;
    const encoded = codec.encode(
      { type: 'person-registered', id: 'e1', data: { learnerId: 'ada', name: Personal.of('canary Ada') } },
      {
        $correlationId: 'c',
        $causationId: 'c',
        commandHash: 'h',
        actor: 'user:x',
        tenant: TENANT,
        occurredAt: now,
        recordedAt: now,
        app: 'test',
      },
    );
    expect(JSON.stringify(encoded)).not.toContain('canary');
    const stored = {
      ...encoded,
      stream: `learner-${TENANT}.ada`,
      revision: 0,
      position: '1',
    } as unknown as StoredEvent;
    const name = (): string | undefined => (codec.decode(stored).data as { name: Personal<string> }).name.reveal();
    expect(name()).toBe('canary Ada');
    vault.destroy(ada);
    expect(name()).toBeUndefined();
  });
});
