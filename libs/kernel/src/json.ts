// Values that survive a round trip through JSON, and the one canonical text of each.
import { createHmac, hash } from 'node:crypto';

/** Anything that JSON can carry. `undefined` members are left out, as JSON.stringify does. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json | undefined };

/**
 * Canonical JSON text by RFC 8785 (JCS): members sorted by UTF-16 code units, ECMAScript numbers, no white space.
 * Throws a TypeError for what JSON cannot carry (NaN, infinities, bigint, functions, undefined inside arrays).
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`JSON cannot carry the number ${value}`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object') {
    const object = value as JsonObject;
    const members: string[] = [];
    for (const key of Object.keys(object).sort()) {
      const member = object[key];
      if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
    }
    return `{${members.join(',')}}`;
  }
  throw new TypeError(`JSON cannot carry a ${typeof value}`);
}

/** SHA-256 of a text or of bytes, as lower-case hex. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content);
}

/** SHA-256 over the canonical JSON of a value, as lower-case hex. */
export function hashJson(value: Json): string {
  return sha256(canonicalJson(value));
}

/** HMAC-SHA-256 of a text under a key, as lower-case hex. */
export function hmacSha256(key: Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}
