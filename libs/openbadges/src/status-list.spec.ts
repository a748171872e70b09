import { spawnSync } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import {
  MIN_LIST_SIZE,
  buildStatusListCredential,
  decodeStatusList,
  encodeStatusList,
  setStatusBit,
  statusBit,
  statusIndex,
} from './status-list.js';

const key = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const VECTOR = 'uH4sIAAAAAAACA-3QAQ0AAAgDIN_c6M-hgwjsAAAAAAAAAAAAAADwTRQAAAAAXJMCpM6u2wBAAAA';
const setBits = (bits: Uint8Array): number[] =>
  Array.from({ length: bits.length * 8 }, (_, i) => i).filter((i) => statusBit(bits, i));

describe('the index of a credential', () => {
  it('is a permutation of the whole list (D6)', () => {
    const seen = new Uint8Array(MIN_LIST_SIZE);
    for (let n = 0; n < MIN_LIST_SIZE; n++) (seen[statusIndex(n, key)] as number)++;
    expect(seen.every((count) => count === 1)).toBe(true);
  });

  it('is a permutation for any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 700 }), fc.uint8Array({ minLength: 16, maxLength: 32 }), (size, bytes) => {
        const indexes = new Set(Array.from({ length: size }, (_, n) => statusIndex(n, Buffer.from(bytes), size)));
        expect(indexes.size).toBe(size);
        expect(Math.max(...indexes)).toBe(size - 1);
      }),
      { numRuns: 30 },
    );
  });

  it('is the same for ever: what was issued can be found again', () => {
    expect([0, 1, 2, 131_071].map((n) => statusIndex(n, key))).toEqual([14_687, 70_186, 30_264, 53_157]);
  });

  it('another key gives another order, and neighbours do not stay neighbours', () => {
    const order = Array.from({ length: 1000 }, (_, n) => statusIndex(n, key));
    const other = Array.from({ length: 1000 }, (_, n) => statusIndex(n, Buffer.alloc(16, 7)));
    expect(order.filter((index, n) => index === other[n]).length).toBeLessThan(5);
    expect(order.filter((index, n) => n > 0 && Math.abs(index - (order[n - 1] as number)) < 64).length).toBeLessThan(
      10,
    );
  });

  it.each([-1, 0.5, MIN_LIST_SIZE, Number.NaN])('refuses the sequence number %d', (n) => {
    expect(() => statusIndex(n, key)).toThrow(RangeError);
  });
});

it('an index needs a key worth the name', () => {
  expect(() => statusIndex(0, Buffer.alloc(8))).toThrow(RangeError);
});

describe('the text of a list', () => {
  it('decodes the test vector: exactly bits 0, 94567 and 131071', () => {
    expect(setBits(decodeStatusList(VECTOR) as Buffer)).toEqual([0, 94567, 131071]);
  });

  it('keeps every bit', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(MIN_LIST_SIZE - 1), { maxLength: 50 }), (indexes) => {
        const bits = new Uint8Array(MIN_LIST_SIZE / 8);
        for (const index of indexes) setStatusBit(bits, index);
        const decoded = decodeStatusList(encodeStatusList(bits)) as Buffer;
        expect(decoded.equals(bits)).toBe(true);
        expect(indexes.every((index) => statusBit(decoded, index))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['no multibase prefix', VECTOR.slice(1)],
    ['another base', `z${VECTOR.slice(1)}`],
    ['padding', `${VECTOR}=`],
    ['no GZIP', `u${Buffer.from('hello').toString('base64url')}`],
    ['cut off', VECTOR.slice(0, 40)],
    ['shorter than 131,072 entries', `u${gzipSync(Buffer.alloc(16_383)).toString('base64url')}`],
    ['a bomb of 64 MiB', `u${gzipSync(Buffer.alloc(64 * 1024 * 1024)).toString('base64url')}`],
    ['nothing', ''],
  ])('refuses a list with %s', (_what, text) => {
    expect(decodeStatusList(text)).toBeUndefined();
  });

  it('refuses to publish a short list, and bits outside of one', () => {
    expect(() => encodeStatusList(new Uint8Array(100))).toThrow(RangeError);
    expect(() => statusBit(new Uint8Array(1), 8)).toThrow(RangeError);
    expect(() => setStatusBit(new Uint8Array(1), -1)).toThrow(RangeError);
  });
});

const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import gzip']).status === 0;
(hasPython ? describe : describe.skip)(`Python’s gzip${hasPython ? '' : ' (skipped: no python3)'}`, () => {
  it('reads the same bits', () => {
    const bits = new Uint8Array(MIN_LIST_SIZE / 8);
    const indexes = [0, 7, 8, 4711, 131_071];
    for (const index of indexes) setStatusBit(bits, index);
    const script = `
import base64, gzip, sys
text = sys.stdin.read()[1:]
data = gzip.decompress(base64.urlsafe_b64decode(text + '=' * (-len(text) % 4)))
print([i for i in range(len(data) * 8) if data[i >> 3] & (0x80 >> (i & 7))])`;
    const run = spawnSync(PYTHON, ['-c', script], { input: encodeStatusList(bits), encoding: 'utf8' });
    expect(run.stdout.trim()).toBe('[0, 7, 8, 4711, 131071]');
  });
});

describe('a list as a credential', () => {
  const input = {
    url: 'https://cairn.example/status/x-1',
    issuer: 'did:web:cairn.example:issuers:x',
    purpose: 'revocation',
    validFrom: '2026-03-10T09:00:00.123Z',
    ttlMs: 60_000,
  } as const;
  it('sets exactly the bits that it is given', () => {
    const { credentialSubject, ...rest } = buildStatusListCredential({ ...input, set: [131_071, 0, 94567] });
    expect(rest).toEqual({
      '@context': ['https://www.w3.org/ns/credentials/v2'],
      id: input.url,
      type: ['VerifiableCredential', 'BitstringStatusListCredential'],
      issuer: input.issuer,
      validFrom: '2026-03-10T09:00:00Z',
    });
    const { encodedList, ...subject } = credentialSubject;
    expect(subject).toEqual({
      id: `${input.url}#list`,
      type: 'BitstringStatusList',
      statusPurpose: 'revocation',
      ttl: 60_000,
    });
    expect(decodeStatusList(encodedList)).toEqual(decodeStatusList(VECTOR));
  });
  it('refuses an entry outside it, and a list that is too short', () => {
    expect(() => buildStatusListCredential({ ...input, set: [131_072] })).toThrow(/outside a list/);
    expect(() => buildStatusListCredential({ ...input, set: [], size: 1024 })).toThrow(/at least 131072/);
  });
});
