// The text of an API key, and what a key is allowed. The log keeps a key's hash; its text is shown once.
import { base32, base32OfUuid, sha256, uuidOfBase32, type Instant, type TenantId } from '@cairn/kernel';
import type { Scope } from './tenancy.events.js';
import type { ApiKeyState, TenantState } from './tenancy.folds.js';

const KEY = /^cairn_(live|test)_([0-9a-hjkmnp-tv-z]{26})[0-9a-hjkmnp-tv-z]{38}$/;
const CHECKSUM_LENGTH = 6;
/** Bytes of randomness in a key: 160 bits are 32 characters. */
export const SECRET_BYTES = 20;

/** `live` keys act on real data; `test` keys belong to sandbox tenants. */
export type KeyMode = 'live' | 'test';
export type NewApiKey = { readonly text: string; readonly hash: string; readonly lastFour: string };

const checksumOf = (text: string): string => base32(BigInt(`0x${sha256(text).slice(0, 8)}`) >> 2n, CHECKSUM_LENGTH);

/**
 * `cairn_live_` + tenant (26) + secret (32) + checksum (6), in lower-case Crockford base32.
 * `randomBytes` must be {@link SECRET_BYTES} long and come from a cryptographic source; a RangeError otherwise.
 */
export function newApiKey(tenant: TenantId, randomBytes: Uint8Array, mode: KeyMode = 'live'): NewApiKey {
  if (randomBytes.length !== SECRET_BYTES)
    throw new RangeError(`an API key takes ${SECRET_BYTES} random bytes, not ${randomBytes.length}`);
  const secret = base32(BigInt(`0x${Buffer.from(randomBytes).toString('hex')}`), 32);
  const body = `cairn_${mode}_${base32OfUuid(tenant)}${secret}`;
  const text = body + checksumOf(body);
  return { text, hash: sha256(text), lastFour: text.slice(-4) };
}

/** Tenant and hash of a key's text; undefined if it is not a key or its checksum is wrong (mistyped, cut off). */
export function parseApiKey(
  text: string,
): { readonly tenant: TenantId; readonly hash: string; readonly mode: KeyMode } | undefined {
  const match = KEY.exec(text);
  if (!match || checksumOf(text.slice(0, -CHECKSUM_LENGTH)) !== text.slice(-CHECKSUM_LENGTH)) return undefined;
  const tenant = uuidOfBase32(match[2] as string);
  return tenant ? { tenant: tenant as TenantId, hash: sha256(text), mode: match[1] as KeyMode } : undefined;
}

export type KeyRefusal = 'unknown' | 'revoked' | 'expired';
/** Who a key speaks for. */
export type KeyPrincipal = { readonly keyId: string; readonly name: string; readonly scopes: readonly Scope[] };

const isExpired = (key: ApiKeyState, now: Instant): boolean => key.expiresAt !== undefined && key.expiresAt <= now;

/** The key with that hash, or why it opens nothing. Ends are half-open: at `expiresAt` it is expired. */
export function principalOf(
  tenant: TenantState,
  hash: string,
  now: Instant,
): { readonly key: KeyPrincipal } | { readonly refused: KeyRefusal } {
  const key = tenant.keys.find((candidate) => candidate.hash === hash);
  if (!key) return { refused: 'unknown' };
  if (key.revokedAt !== undefined) return { refused: 'revoked' };
  if (isExpired(key, now)) return { refused: 'expired' };
  return { key: { keyId: key.keyId, name: key.name, scopes: key.scopes } };
}
