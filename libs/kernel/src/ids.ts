// Branded ids, ids derived from other ids, and the public form of an id at the edge.
import { hash } from 'node:crypto';

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type TenantId = Brand<string, 'TenantId'>;
export type LearnerId = Brand<string, 'LearnerId'>;
/** `<learner uuid>-<running number>`: no look-up is needed to find an enrollment's record. */
export type EnrollmentId = Brand<string, 'EnrollmentId'>;
export type CredentialId = Brand<string, 'CredentialId'>;
export type ModuleId = Brand<string, 'ModuleId'>;
export type TemplateId = Brand<string, 'TemplateId'>;
export type PathwayId = Brand<string, 'PathwayId'>;
export type IssuerId = Brand<string, 'IssuerId'>;

/** RFC 3339 instant in UTC with milliseconds and `Z`, so that text order is time order. */
export type Instant = Brand<string, 'Instant'>;
/** Opaque place in the log: fixed-width text whose order is the log's order. Compared, or grouped by its beginning; never computed with. */
export type Position = Brand<string, 'Position'>;
export const BEGINNING = '' as Position;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** Name-based UUID, version 5 (RFC 9562 §5.5). `parts` are joined by a separator that no part can hold. */
export function uuidv5(namespace: string, ...parts: readonly (string | number)[]): string {
  const name = Buffer.from(parts.join('\u0000'));
  const hex = hash('sha1', Buffer.concat([Buffer.from(namespace.replaceAll('-', ''), 'hex'), name]));
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The id of the index-th event that a command records: a retry sends identical bytes. */
export function eventIdOf(commandId: string, index: number): string {
  return uuidv5(commandId, index);
}

const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** Bits as lower-case Crockford base32 of a fixed length, leading zeros kept. */
export function base32(bits: bigint, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    text = (CROCKFORD[Number(bits & 31n)] as string) + text;
    bits >>= 5n;
  }
  return text;
}

/** A UUID's 128 bits as 26 lower-case Crockford base32 characters. */
export function base32OfUuid(uuid: string): string {
  return base32(BigInt(`0x${uuid.replaceAll('-', '')}`), 26);
}

/** The inverse of {@link base32OfUuid}; undefined unless the text is in its one canonical form. */
export function uuidOfBase32(text: string): string | undefined {
  if (text.length !== 26 || (text[0] as string) > '7') return undefined;
  let bits = 0n;
  for (const character of text) {
    const digit = CROCKFORD.indexOf(character);
    if (digit < 0) return undefined;
    bits = (bits << 5n) | BigInt(digit);
  }
  const hex = bits.toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Type prefixes of public ids. Streams and documents hold the bare id; the prefix exists at the edge only. */
export type IdPrefix =
  'ten' | 'iss' | 'mod' | 'tpl' | 'pwy' | 'lrn' | 'enr' | 'crd' | 'ext' | 'imp' | 'opr' | 'evt' | 'key' | 'msg';

/** The public form: `crd_` + 26 characters; an enrollment is `enr_` + its learner's 26 characters + `-` + number. */
export function publicId(prefix: IdPrefix, id: string): string {
  if (prefix !== 'enr') return `${prefix}_${base32OfUuid(id)}`;
  return `enr_${base32OfUuid(id.slice(0, 36))}${id.slice(36)}`;
}

/** The bare id behind a public one; undefined if the text is not the canonical public id of that kind. */
export function bareId(prefix: IdPrefix, text: string): string | undefined {
  if (!text.startsWith(`${prefix}_`)) return undefined;
  const body = text.slice(prefix.length + 1);
  if (prefix !== 'enr') return uuidOfBase32(body);
  const match = /^(.{26})-([1-9]\d{0,5})$/.exec(body);
  const learner = match && uuidOfBase32(match[1] as string);
  return learner ? `${learner}-${(match as RegExpExecArray)[2]}` : undefined;
}

const ACTING_KEY = /^service:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** An actor as the edge shows it: a key by its public id, `service:key_…`; others as they are stored. */
export const publicActor = (actor: string): string =>
  actor.replace(ACTING_KEY, (_all, keyId: string) => `service:${publicId('key', keyId)}`);

/** The stored form of an actor that the edge showed: the inverse of {@link publicActor}. */
export function storedActor(text: string): string {
  const keyId = text.startsWith('service:') ? bareId('key', text.slice('service:'.length)) : undefined;
  return keyId === undefined ? text : `service:${keyId}`;
}
