// Bitstring Status Lists (W3C): which index a credential gets, and the text that a list is published as (§4).
import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { wholeSecond } from './build.js';
import type { StatusEntry, StatusListCredential } from './types.js';
import { VC_V2 } from './vocabulary.js';

/** The least a list may have, so that one credential hides among many: 16 KiB of bits. */
export const MIN_LIST_SIZE = 131_072;
const MAX_LIST_BYTES = 1024 * 1024;
const ROUNDS = 8;

/**
 * The index of the n-th credential of a list: a permutation of [0, size) that only the key's holder can foresee, so that
 * an index neither repeats (D6) nor tells when or to whom it was given. A Feistel network over just enough bits, walked
 * until it falls into the range. Throws a RangeError for a sequence number outside the list.
 */
export function statusIndex(sequence: number, key: Buffer, size = MIN_LIST_SIZE): number {
  if (!Number.isSafeInteger(size) || size < 2 || size > 2 ** 30)
    throw new RangeError(`a status list has 2 to 2^30 entries, not ${size}`);
  if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence >= size)
    throw new RangeError(`sequence ${sequence} is outside a list of ${size}: it is full, open the next one`);
  if (key.length < 16) throw new RangeError('the key of a status list has at least 16 bytes');
  const bits = 32 - Math.clz32(size - 1);
  const secret = key.toString('hex');
  let value = sequence;
  do value = permute(value, bits, secret);
  while (value >= size);
  return value;
}

/**
 * A bijection on `bits` bits: the halves, which may differ by a bit, change places in every round. SHA-256 with the key
 * in front is random enough here: its inputs have one form and few bits of each digest are used.
 */
function permute(value: number, bits: number, secret: string): number {
  let [leftBits, rightBits] = [bits >> 1, bits - (bits >> 1)];
  let [left, right] = [value >>> rightBits, value & ((1 << rightBits) - 1)];
  for (let round = 0; round < ROUNDS; round++) {
    const digest = hash('sha256', `${secret}:${bits}:${round}:${right}`);
    const mixed = (left ^ Number.parseInt(digest.slice(0, 8), 16)) & ((1 << leftBits) - 1);
    [left, right] = [right, mixed];
    [leftBits, rightBits] = [rightBits, leftBits];
  }
  return left * 2 ** rightBits + right;
}

/** `u` + base64url of GZIP. Index 0 is the left-most bit. Throws a RangeError for a list that is too short. */
export function encodeStatusList(bits: Uint8Array): string {
  if (bits.length * 8 < MIN_LIST_SIZE) throw new RangeError(`a status list has at least ${MIN_LIST_SIZE} entries`);
  return `u${gzipSync(bits).toString('base64url')}`;
}

/** The bits of an `encodedList`; undefined if it is malformed, too short or larger than 1 MiB once expanded. */
export function decodeStatusList(text: string): Buffer | undefined {
  if (!/^u[A-Za-z0-9_-]+$/.test(text)) return undefined;
  try {
    const bits = gunzipSync(Buffer.from(text.slice(1), 'base64url'), { maxOutputLength: MAX_LIST_BYTES });
    return bits.length * 8 >= MIN_LIST_SIZE ? bits : undefined;
  } catch {
    return undefined; // not GZIP, or a bomb: for a verifier the same, the status is unknown
  }
}

const within = (bits: Uint8Array, index: number): void => {
  if (!Number.isSafeInteger(index) || index < 0 || index >= bits.length * 8)
    throw new RangeError(`index ${index} is outside a list of ${bits.length * 8}`);
};

export function statusBit(bits: Uint8Array, index: number): boolean {
  within(bits, index);
  return ((bits[index >> 3] as number) & (0x80 >> (index & 7))) !== 0;
}

/** Sets a bit in place. Revocation is for good: nothing here clears one. */
export function setStatusBit(bits: Uint8Array, index: number): void {
  within(bits, index);
  bits[index >> 3] = (bits[index >> 3] as number) | (0x80 >> (index & 7));
}

/** The list as a credential to sign; the same input gives the same bits, if not the same GZIP bytes on every machine. */
export function buildStatusListCredential(input: {
  /** Where it is served; what `statusListCredential` of its entries says. */
  readonly url: string;
  /** DID of the issuer, who is that of the entries' credentials. */
  readonly issuer: string;
  readonly purpose: StatusEntry['statusPurpose'];
  /** Instant from which it tells the status. */
  readonly validFrom: string;
  /** Default {@link MIN_LIST_SIZE} entries. */
  readonly size?: number;
  /** Entries whose bit is set. Throws a RangeError for one outside the list. */
  readonly set: Iterable<number>;
  readonly ttlMs: number;
}): StatusListCredential {
  const bits = new Uint8Array(Math.ceil((input.size ?? MIN_LIST_SIZE) / 8));
  for (const index of input.set) setStatusBit(bits, index);
  return {
    '@context': [VC_V2],
    id: input.url,
    type: ['VerifiableCredential', 'BitstringStatusListCredential'],
    issuer: input.issuer,
    validFrom: wholeSecond(input.validFrom),
    credentialSubject: {
      id: `${input.url}#list`,
      type: 'BitstringStatusList',
      statusPurpose: input.purpose,
      encodedList: encodeStatusList(bits),
      ttl: input.ttlMs,
    },
  };
}
