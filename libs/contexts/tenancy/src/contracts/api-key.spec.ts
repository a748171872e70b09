import { sha256, uuidv5, type TenantId } from '@cairn/kernel';
import { at, foldOf, TENANT } from '@cairn/testing';
import fc from 'fast-check';
import type { TenantEvent } from './tenancy.events.js';
import { tenantFold } from './tenancy.folds.js';
import { newApiKey, parseApiKey, principalOf, SECRET_BYTES } from './api-key.js';

const secret = fc.uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES });
const tenant = fc.string().map((name) => uuidv5(TENANT, name) as TenantId);

describe('the text of an API key', () => {
  it('has prefix, tenant, secret and checksum', () =>
    expect(newApiKey(TENANT, new Uint8Array(SECRET_BYTES)).text).toMatch(/^cairn_live_[0-9a-z]{26}0{32}[0-9a-z]{6}$/));

  it('leads back to its tenant, hash and mode, for all tenants and secrets', () =>
    fc.assert(
      fc.property(tenant, secret, fc.constantFrom('live', 'test'), (of, bytes, mode) => {
        const key = newApiKey(of, bytes, mode);
        expect(parseApiKey(key.text)).toEqual({ tenant: of, hash: key.hash, mode });
        expect(key.hash).toBe(sha256(key.text));
        expect(key.lastFour).toBe(key.text.slice(-4));
      }),
    ));

  it('is refused with any one character changed', () =>
    fc.assert(
      fc.property(
        secret,
        fc.nat({ max: 63 }),
        fc.constantFrom(...Array.from('0123456789abcdefghjkmnpqrstvwxyz')),
        (bytes, place, character) => {
          const { text } = newApiKey(TENANT, bytes);
          const index = 'cairn_live_'.length + place;
          fc.pre(text[index] !== character);
          expect(parseApiKey(text.slice(0, index) + character + text.slice(index + 1))).toBeUndefined();
        },
      ),
    ));

  it('is refused if it is cut off, shouted, or of another mode', () => {
    const { text } = newApiKey(TENANT, new Uint8Array(SECRET_BYTES).fill(7));
    for (const other of ['', text.slice(0, -1), text.toUpperCase(), ` ${text}`, text.replace('live', 'test')])
      expect(parseApiKey(other)).toBeUndefined();
  });

  it('is not made of too little randomness', () =>
    expect(() => newApiKey(TENANT, new Uint8Array(16))).toThrow(RangeError));
});

describe('principalOf', () => {
  const hash = 'a'.repeat(64);
  const key = { keyId: '2f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4', name: 'LMS', scopes: ['events:read'] as const };
  const issued: TenantEvent = {
    type: 'api-key-issued',
    data: { ...key, hash, lastFour: '7q2m', expiresAt: at('2026-06-01') },
  };
  const revoked: TenantEvent = { type: 'api-key-revoked', data: { keyId: key.keyId, reasonCode: 'lost' } };

  it('is the key with its scopes', () =>
    expect(principalOf(foldOf(tenantFold, [issued]), hash, at('2026-05-31'))).toEqual({ key }));

  it('is refused from the instant of expiry on', () =>
    expect(principalOf(foldOf(tenantFold, [issued]), hash, at('2026-06-01'))).toEqual({ refused: 'expired' }));

  it('is refused once revoked', () =>
    expect(principalOf(foldOf(tenantFold, [issued, revoked]), hash, at('2026-05-31'))).toEqual({ refused: 'revoked' }));

  it('is refused for a hash that nobody was given', () =>
    expect(principalOf(foldOf(tenantFold, [issued]), 'b'.repeat(64), at('2026-05-31'))).toEqual({
      refused: 'unknown',
    }));
});
