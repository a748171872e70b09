import type { TenantId } from '@cairn/kernel';
import { TENANT } from '@cairn/testing';
import fc from 'fast-check';
import { identitiesOf, identityHash, normaliseIdentity } from './identity.js';

describe('an e-mail address', () => {
  it.each([
    [' Ada.Lovelace@Example.ORG ', 'ada.lovelace@example.org'],
    ['ＡＤＡ@example.org', 'ada@example.org'],
    ['jose\u0301@example.org', 'josé@example.org'],
    ['', undefined],
    ['ada', undefined],
    ['a b@example.org', undefined],
    ['a@b@c', undefined],
  ])('%j is %j', (text, normal) => expect(normaliseIdentity('email', text)).toBe(normal));
});

describe('an external id', () => {
  it.each([
    [' sis : 00042 ', 'sis:00042'],
    ['sis:a:b', 'sis:a:b'],
    ['SIS:Ab', 'SIS:Ab'],
    ['00042', undefined],
    [':00042', undefined],
    ['sis: ', undefined],
  ])('%j is %j', (text, normal) => expect(normaliseIdentity('external-id', text)).toBe(normal));
});

it('the normal form is its own normal form, for all texts', () => {
  const character = fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom('@', ':', ' ', 'İ', 'Σ'),
  );
  fc.assert(
    fc.property(fc.constantFrom('email', 'external-id'), fc.array(character, { maxLength: 12 }), (kind, text) => {
      const normal = normaliseIdentity(kind, text.join(''));
      fc.pre(normal !== undefined);
      expect(normaliseIdentity(kind, normal)).toBe(normal);
    }),
    { numRuns: 2000 },
  );
});

it('the normal form is its own normal form, for every single character', () => {
  const unstable: string[] = [];
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const normal = normaliseIdentity('email', `a${String.fromCodePoint(point)}@example.org`);
    if (normal !== undefined && normaliseIdentity('email', normal) !== normal) unstable.push(point.toString(16));
  }
  expect(unstable).toEqual([]);
});

describe('identityHash', () => {
  const key = Buffer.alloc(32, 1);
  const email = { kind: 'email', value: 'ada@example.org' } as const;
  it('depends on key, tenant, kind and value', () => {
    const hashes = [
      identityHash(key, TENANT, email),
      identityHash(Buffer.alloc(32, 2), TENANT, email),
      identityHash(key, '1b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10' as TenantId, email),
      identityHash(key, TENANT, { ...email, kind: 'external-id' }),
      identityHash(key, TENANT, { ...email, value: 'bob@example.org' }),
    ];
    expect(new Set(hashes).size).toBe(5);
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(identityHash(key, TENANT, email)).toBe(hashes[0]);
  });
});

describe('identitiesOf', () => {
  it('lists each identifier once, in an order that does not depend on the profile', () => {
    const externalIds = [
      { system: 'sis', value: '2' },
      { system: ' sis', value: '2 ' },
      { system: 'lms', value: '1' },
    ];
    const expected = {
      identities: [
        { kind: 'email', value: 'ada@example.org' },
        { kind: 'external-id', value: 'lms:1' },
        { kind: 'external-id', value: 'sis:2' },
      ],
      faulty: [],
    };
    expect(identitiesOf({ email: 'ADA@example.org', externalIds })).toEqual(expected);
    expect(identitiesOf({ externalIds: externalIds.toReversed(), email: 'ada@example.org' })).toEqual(expected);
  });
  it('points at what is none', () =>
    expect(
      identitiesOf({
        email: 'ada',
        externalIds: [
          { system: 'sis', value: ' ' },
          { system: 'a:b', value: 'c' },
        ],
      }).faulty,
    ).toEqual(['/externalIds/0', '/externalIds/1/system', '/email']));
  it('finds none in a profile without any', () =>
    expect(identitiesOf({ name: 'Ada' })).toEqual({ identities: [], faulty: [] }));
});
