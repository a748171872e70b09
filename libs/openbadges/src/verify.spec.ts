import { constants, createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import * as fc from 'fast-check';
import { buildAchievementCredential } from './build.js';
import { multikeyOf, type PublicJwk } from './keys.js';
import { signVcJwt, type SigningKey } from './sign.js';
import { DID, exampleInput, newKey, plainInput } from './test-samples.js';
import { verifyPresented, verifyVcJwt, type LifeCycle, type TrustedKeys, type VerifyOptions } from './verify.js';

const NOW = '2027-01-01T00:00:00Z';
const rsa = newKey('RS256');
const ec = newKey('ES256');
const strangerRsa = newKey('RS256');
const otherTenant = 'did:web:cairn.example:issuers:elsewhere';

const trust =
  (...keys: readonly SigningKey[]) =>
  (issuerId: string): TrustedKeys =>
    issuerId === DID
      ? keys.map((key) => key.publicJwk)
      : issuerId === otherTenant
        ? [strangerRsa.publicJwk]
        : undefined;
const options: VerifyOptions = { trustedKeys: trust(rsa, ec), now: NOW };

const credential = buildAchievementCredential(plainInput);
type Json = Record<string, unknown>;
const claims: Json = JSON.parse(
  Buffer.from((await signVcJwt(credential, rsa)).split('.')[1] as string, 'base64url').toString(),
) as Json;

const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
const rsaHeader: Json = { alg: 'RS256', typ: 'JWT', jwk: rsa.publicJwk };
const ecHeader: Json = { alg: 'ES256', typ: 'JWT', jwk: ec.publicJwk };

/** Signs anything at all. Objects are written as JSON, texts as they are. */
function forge(header: unknown, payload: unknown = claims, key: SigningKey = rsa): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), {
    key: key.privateKey as KeyObject,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}
const without = (name: string, from: Json): Json =>
  Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));
const seconds = (instant: string): number => Date.parse(instant) / 1000;
/** A member inserted as text, so that a name can stand twice. */
const twice = (json: Json, member: string): string => `${JSON.stringify(json).slice(0, -1)},${member}}`;
const swap = (jwt: string, segment: number, change: (part: string) => string): string =>
  jwt
    .split('.')
    .map((part, i) => (i === segment ? change(part) : part))
    .join('.');

describe('a good VC-JWT', () => {
  it.each([
    ['RS256', rsa],
    ['ES256', ec],
  ])('%s of a trusted issuer is valid', async (_alg, key) => {
    const report = await verifyVcJwt(await signVcJwt(credential, key), options);
    expect(report.verdict).toBe('valid');
    expect(report.warnings).toEqual([]);
    expect(report.credential).toEqual(credential);
    expect(report.issuerId).toBe(DID);
    expect(report.checks.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'pass'],
      [2, 'pass'],
      [3, 'pass'],
      [4, 'pass'],
      [5, 'pass'],
      [6, 'pass'],
      [7, 'pass'],
      [9, 'skipped'],
      [10, 'skipped'],
      [11, 'pass'],
      [13, 'skipped'],
    ]);
  });

  it('a status that was not looked up makes it unknown, never valid', async () => {
    const jwt = await signVcJwt(buildAchievementCredential(exampleInput), rsa);
    expect(await verifyVcJwt(jwt, options)).toMatchObject({ verdict: 'unknown', code: 'status-not-looked-up' });
  });

  const lives: readonly [LifeCycle, verdict: string][] = [
    ['active', 'valid'],
    ['revoked', 'revoked'],
    ['superseded', 'superseded'],
    ['suspended', 'suspended'],
    ['unknown', 'unknown'],
  ];
  it.each(lives)('of our own whose history says %s is %s', async (life, verdict) => {
    const jwt = await signVcJwt(buildAchievementCredential(exampleInput), rsa);
    const report = await verifyVcJwt(jwt, { ...options, lifeCycle: () => life });
    expect(report.verdict).toBe(verdict);
  });

  it('revoked outranks expired; a history that cannot be read does not', async () => {
    const jwt = await signVcJwt(credential, rsa);
    const late = { ...options, now: '2030-01-01T00:00:00Z' };
    expect((await verifyVcJwt(jwt, { ...late, lifeCycle: () => 'revoked' })).verdict).toBe('revoked');
    expect((await verifyVcJwt(jwt, { ...late, lifeCycle: () => 'unknown' })).verdict).toBe('expired');
  });

  const instants: readonly [now: string, verdict: string][] = [
    ['2026-09-01T08:29:59.999Z', 'not-yet-valid'],
    ['2026-09-01T08:30:00Z', 'valid'],
    ['2028-09-01T08:29:59.999Z', 'valid'],
    ['2028-09-01T08:30:00Z', 'expired'],
    ['2028-09-01T10:30:00+02:00', 'expired'],
  ];
  it.each(instants)('is at %s %s: terms are half-open', async (now, verdict) => {
    expect((await verifyVcJwt(await signVcJwt(credential, rsa), { ...options, now })).verdict).toBe(verdict);
  });

  it('without an end is valid for ever', async () => {
    const jwt = forge(rsaHeader, without('exp', without('validUntil', claims)));
    expect((await verifyVcJwt(jwt, { ...options, now: '9999-01-01T00:00:00Z' })).verdict).toBe('valid');
  });

  it('without sub, or with aud and iat, is valid with a warning', async () => {
    const jwt = forge(rsaHeader, { ...without('sub', claims), aud: 'x', iat: 1 });
    const report = await verifyVcJwt(jwt, options);
    expect(report.verdict).toBe('valid');
    expect(report.warnings.map((warning) => warning.code)).toEqual(['no-sub', 'extra-claim', 'extra-claim']);
  });

  it('is found by kid when the issuer lists a key of that id', async () => {
    const kid = `${DID}#key-1`;
    const listed: VerifyOptions = { now: NOW, trustedKeys: () => [ec.publicJwk, { ...rsa.publicJwk, kid }] };
    expect((await verifyVcJwt(forge({ alg: 'RS256', kid }), listed)).verdict).toBe('valid');
    expect((await verifyVcJwt(forge({ ...rsaHeader, kid }), listed)).verdict).toBe('valid');
  });

  it('of an issuer that nobody here vouches for proves integrity, not identity', async () => {
    const report = await verifyVcJwt(await signVcJwt(credential, rsa), { now: NOW, trustedKeys: () => undefined });
    expect(report).toMatchObject({ verdict: 'unknown-issuer', code: 'issuer-not-trusted' });
    expect(report.checks.find(({ check }) => check === 'signature')?.outcome).toBe('pass');
  });

  it('of an issuer whose keys cannot be read is unknown, even when expired', async () => {
    const offline: VerifyOptions = { now: '2030-01-01T00:00:00Z', trustedKeys: () => 'unreachable' };
    const jwt = await signVcJwt(credential, rsa);
    expect(await verifyVcJwt(jwt, offline)).toMatchObject({ verdict: 'unknown', code: 'issuer-unreachable' });
  });

  it('needs a clock', async () => {
    await expect(verifyVcJwt('x', { ...options, now: 'today' })).rejects.toThrow(RangeError);
  });
});

describe('attack corpus A, refused with the right reason', () => {
  const es512 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const p384 = es512.publicKey.export({ format: 'jwk' }) as PublicJwk;
  const small = newKey('RS256', '', 1024);
  const good = forge(rsaHeader);
  const goodEc = forge(ecHeader, claims, ec);
  const secretJwk = { ...rsa.publicJwk, d: 'AQAB' };
  const inputOf = (jwt: string): Buffer => Buffer.from(jwt.slice(0, jwt.lastIndexOf('.')));
  const signedWith = (jwt: string, signature: Buffer): string => swap(jwt, 2, () => signature.toString('base64url'));
  const pss = { key: rsa.privateKey as KeyObject, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const hmacHeader = { alg: 'HS256', typ: 'JWT', jwk: rsa.publicJwk };
  const hmacInput = `${encode(hmacHeader)}.${encode(claims)}`;
  const publicPem = createPublicKey(rsa.privateKey as KeyObject).export({ type: 'spki', format: 'pem' });
  const minutely = { ...claims, validFrom: '2026-09-01T08:31:00Z' };
  const withSubject = (change: Json): Json => ({
    ...claims,
    credentialSubject: { ...(claims['credentialSubject'] as Json), ...change },
  });
  const withAchievement = (change: Json): Json =>
    withSubject({ achievement: { ...((claims['credentialSubject'] as Json)['achievement'] as Json), ...change } });

  const corpus: readonly [what: string, jwt: string, verdict: string, code: string][] = [
    // Algorithm
    ['alg none, no signature', `${encode({ ...rsaHeader, alg: 'none' })}.${encode(claims)}.`, 'malformed', 'alg-none'],
    ['alg None', forge({ ...rsaHeader, alg: 'None' }), 'malformed', 'alg-none'],
    ['alg nOnE', forge({ ...rsaHeader, alg: 'nOnE' }), 'malformed', 'alg-none'],
    ['alg missing', forge(without('alg', rsaHeader)), 'malformed', 'alg-missing'],
    ['alg twice', forge(twice(rsaHeader, '"alg":"none"')), 'malformed', 'json-duplicate-key'],
    ['alg twice, once escaped', forge(twice(rsaHeader, '"\\u0061lg":"none"')), 'malformed', 'json-duplicate-key'],
    ['alg a list', forge({ ...rsaHeader, alg: ['RS256', 'none'] }), 'malformed', 'alg-form'],
    ['alg in lower case', forge({ ...rsaHeader, alg: 'rs256' }), 'malformed', 'alg-unsupported'],
    [
      'HS256 keyed with the public key',
      `${hmacInput}.${createHmac('sha256', publicPem).update(hmacInput).digest('base64url')}`,
      'malformed',
      'alg-symmetric',
    ],
    ['PS256 named, PSS signed', forge({ ...rsaHeader, alg: 'PS256' }), 'malformed', 'alg-unsupported'],
    ['RS256 named, PSS signed', signedWith(good, sign('sha256', inputOf(good), pss)), 'tampered', 'signature-mismatch'],
    [
      'RS256 over SHA-512',
      signedWith(good, sign('sha512', inputOf(good), rsa.privateKey as KeyObject)),
      'tampered',
      'signature-mismatch',
    ],
    ['EdDSA', forge({ ...rsaHeader, alg: 'EdDSA' }), 'malformed', 'alg-unsupported'],
    ['ES256 named with an RSA key', forge({ ...rsaHeader, alg: 'ES256' }), 'malformed', 'alg-key'],
    ['RS256 named with an EC key', forge({ ...ecHeader, alg: 'RS256' }), 'malformed', 'alg-key'],
    // Signature
    ['ES256 with r = s = 0', signedWith(goodEc, Buffer.alloc(64)), 'tampered', 'signature-mismatch'],
    [
      'ES256 with r = s = n',
      signedWith(
        goodEc,
        Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'.repeat(2), 'hex'),
      ),
      'tampered',
      'signature-mismatch',
    ],
    [
      'ES256 in DER',
      signedWith(goodEc, sign('sha256', inputOf(goodEc), { key: ec.privateKey as KeyObject, dsaEncoding: 'der' })),
      'tampered',
      'signature-length',
    ],
    [
      'ES256 on P-384',
      `${encode({ alg: 'ES256', typ: 'JWT', jwk: p384 })}.${encode(claims)}.${'A'.repeat(86)}`,
      'malformed',
      'alg-key',
    ],
    [
      'a point off the curve',
      forge({ ...ecHeader, jwk: { ...ec.publicJwk, y: ec.publicJwk['x'] } }, claims, ec),
      'malformed',
      'jwk-invalid',
    ],
    [
      'a coordinate of 31 bytes',
      forge({ ...ecHeader, jwk: { ...ec.publicJwk, x: Buffer.alloc(31, 1).toString('base64url') } }, claims, ec),
      'malformed',
      'jwk-invalid',
    ],
    ['an RSA key of 1024 bits', forge({ ...rsaHeader, jwk: small.publicJwk }, claims, small), 'malformed', 'jwk-size'],
    [
      'an RSA key of 16384 bits',
      forge({ ...rsaHeader, jwk: { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(2048, 255).toString('base64url') } }),
      'malformed',
      'jwk-size',
    ],
    ['an RSA exponent of 1', forge({ ...rsaHeader, jwk: { ...rsa.publicJwk, e: 'AQ' } }), 'malformed', 'jwk-invalid'],
    ['no signature', swap(good, 2, () => ''), 'tampered', 'signature-mismatch'],
    [
      'the signature of another credential',
      signedWith(
        good,
        Buffer.from(forge(rsaHeader, withSubject({ creditsEarned: 13 })).split('.')[2] as string, 'base64url'),
      ),
      'tampered',
      'signature-mismatch',
    ],
    [
      'content changed after signing',
      swap(good, 1, () => encode(withSubject({ creditsEarned: 13 }))),
      'tampered',
      'signature-mismatch',
    ],
    [
      'key exchanged after signing',
      swap(good, 0, () => encode({ ...rsaHeader, jwk: strangerRsa.publicJwk })),
      'tampered',
      'signature-mismatch',
    ],
    // Serialisation
    ['two segments', good.slice(0, good.lastIndexOf('.')), 'malformed', 'segments'],
    ['data after the third segment', `${good}.AAAA`, 'malformed', 'segments'],
    ['a JWE', `${good}.AAAA.AAAA`, 'malformed', 'jwe'],
    ['a line end after it', `${good}\n`, 'malformed', 'base64url'],
    ['padding', `${goodEc}==`, 'malformed', 'base64url'],
    ['the alphabet of plain base64', swap(good, 2, () => '+/+/'), 'malformed', 'base64url'],
    [
      'unused bits set',
      swap(
        goodEc,
        2,
        (part) => `${part.slice(0, -1)}${part.endsWith('A') ? 'B' : String.fromCharCode(part.charCodeAt(85) + 1)}`,
      ),
      'malformed',
      'base64url',
    ],
    ['JWS JSON with two signatures', JSON.stringify({ payload: 'e30', signatures: [{}, {}] }), 'malformed', 'jws-json'],
    ['a header that is not JSON', forge('{"alg":"RS256"'), 'malformed', 'json-syntax'],
    ['a payload that is a list', forge(rsaHeader, [claims]), 'malformed', 'json-object'],
    [
      'a payload that is not UTF-8',
      swap(good, 1, () => Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')),
      'malformed',
      'utf8',
    ],
    ['a byte order mark', forge(rsaHeader, `\uFEFF${JSON.stringify(claims)}`), 'malformed', 'json-syntax'],
    // Header
    ['kid a path', forge({ alg: 'RS256', kid: '../../etc/passwd' }), 'malformed', 'kid'],
    ['kid SQL', forge({ alg: 'RS256', kid: "x' UNION SELECT 'key" }), 'malformed', 'kid'],
    ['kid of 1 MB', forge({ alg: 'RS256', kid: `https://x.example/${'a'.repeat(1 << 20)}` }), 'malformed', 'kid'],
    ['kid with NUL', forge({ alg: 'RS256', kid: `${DID}#\0` }), 'malformed', 'kid'],
    ['kid __proto__', forge({ alg: 'RS256', kid: '__proto__' }), 'malformed', 'kid'],
    ['kid constructor', forge({ alg: 'RS256', kid: 'constructor' }), 'malformed', 'kid'],
    ['kid a number', forge({ alg: 'RS256', kid: 1 }), 'malformed', 'kid'],
    ['kid a file URL', forge({ alg: 'RS256', kid: 'file:///dev/null' }), 'malformed', 'kid'],
    [
      'kid the URL of an attacker, never fetched',
      forge({ alg: 'RS256', kid: 'https://evil.example/jwk.json' }),
      'unknown-issuer',
      'key-not-listed',
    ],
    [
      'a member __proto__ in the header',
      forge(twice(rsaHeader, '"__proto__":{"alg":"none"}')),
      'malformed',
      'json-key',
    ],
    ['jwk with d', forge({ ...rsaHeader, jwk: secretJwk }), 'malformed', 'jwk-private'],
    ['jwk a symmetric key', forge({ ...rsaHeader, jwk: { kty: 'oct', k: 'AAAA' } }), 'malformed', 'jwk-private'],
    ['jwk for encryption', forge({ ...rsaHeader, jwk: { ...rsa.publicJwk, use: 'enc' } }), 'malformed', 'jwk-use'],
    ['jwk for PS256', forge({ ...rsaHeader, jwk: { ...rsa.publicJwk, alg: 'PS256' } }), 'malformed', 'alg-key'],
    ['jwk a text', forge({ ...rsaHeader, jwk: 'key' }), 'malformed', 'jwk-invalid'],
    ['no key', forge({ alg: 'RS256', typ: 'JWT' }), 'malformed', 'no-key'],
    ...['crit', 'b64', 'jku', 'x5u', 'x5c', 'x5t', 'zip', 'enc', 'cty', 'iss'].map(
      (name): [string, string, string, string] => [
        `the header member ${name}`,
        forge({
          ...rsaHeader,
          [name]: name === 'b64' ? false : name === 'crit' || name === 'x5c' ? [name] : 'https://evil.example/',
        }),
        'malformed',
        'header-member',
      ],
    ),
    ['an access token as credential', forge({ ...rsaHeader, typ: 'at+jwt' }), 'malformed', 'typ'],
    ['the W3C profile', forge({ ...rsaHeader, typ: 'vc+jwt' }), 'malformed', 'typ'],
    ['typ a list', forge({ ...rsaHeader, typ: ['JWT'] }), 'malformed', 'typ'],
    // Issuer and key
    ['iss ≠ issuer.id', forge(rsaHeader, { ...claims, iss: otherTenant }), 'malformed', 'claim-iss'],
    ['no iss', forge(rsaHeader, without('iss', claims)), 'malformed', 'claim-iss'],
    [
      'another tenant’s signature over our issuer id',
      forge({ ...rsaHeader, jwk: strangerRsa.publicJwk }, claims, strangerRsa),
      'unknown-issuer',
      'key-not-listed',
    ],
    [
      'our key over an issuer nobody knows',
      forge(rsaHeader, {
        ...claims,
        iss: 'did:web:evil.example',
        issuer: { ...(claims['issuer'] as Json), id: 'did:web:evil.example' },
      }),
      'unknown-issuer',
      'issuer-not-trusted',
    ],
    [
      'the issuer id in upper case',
      forge(rsaHeader, {
        ...claims,
        iss: DID.toUpperCase(),
        issuer: { ...(claims['issuer'] as Json), id: DID.toUpperCase() },
      }),
      'unknown-issuer',
      'issuer-not-trusted',
    ],
    ['the issuer as a text', forge(rsaHeader, { ...claims, issuer: DID }), 'malformed', 'issuer'],
    // Time
    ['nbf a text', forge(rsaHeader, { ...claims, nbf: '1788251400' }), 'malformed', 'claim-nbf'],
    ['exp a text', forge(rsaHeader, { ...claims, exp: 'never' }), 'malformed', 'claim-exp'],
    ['exp null', forge(rsaHeader, { ...claims, exp: null }), 'malformed', 'claim-exp'],
    [
      'exp beyond any number',
      forge(rsaHeader, JSON.stringify(claims).replace(/"exp":\d+/, '"exp":1e999')),
      'malformed',
      'json-number',
    ],
    [
      'exp in milliseconds',
      forge(rsaHeader, { ...claims, exp: Number(claims['exp']) * 1000 }),
      'malformed',
      'claim-exp',
    ],
    [
      'exp later than validUntil',
      forge(rsaHeader, { ...claims, exp: Number(claims['exp']) + 1 }),
      'malformed',
      'claim-exp',
    ],
    ['no exp with validUntil', forge(rsaHeader, without('exp', claims)), 'malformed', 'claim-exp'],
    ['exp without validUntil', forge(rsaHeader, without('validUntil', claims)), 'malformed', 'claim-exp'],
    ['no nbf', forge(rsaHeader, without('nbf', claims)), 'malformed', 'claim-nbf'],
    ['validFrom later than nbf', forge(rsaHeader, minutely), 'malformed', 'claim-nbf'],
    ['no validFrom', forge(rsaHeader, without('validFrom', claims)), 'malformed', 'schema'],
    [
      'validFrom without zone',
      forge(rsaHeader, { ...claims, validFrom: '2026-09-01T08:30:00' }),
      'malformed',
      'schema',
    ],
    ['validFrom a number', forge(rsaHeader, { ...claims, validFrom: 1788251400 }), 'malformed', 'schema'],
    [
      'validUntil before validFrom',
      forge(rsaHeader, { ...claims, validUntil: '2026-09-01T08:29:59Z', exp: seconds('2026-09-01T08:29:59Z') }),
      'malformed',
      'term-reversed',
    ],
    [
      'validFrom in the far future',
      forge(rsaHeader, {
        ...without('exp', without('validUntil', claims)),
        validFrom: '9000-01-01T00:00:00Z',
        nbf: seconds('9000-01-01T00:00:00Z'),
      }),
      'not-yet-valid',
      'not-yet-valid',
    ],
    [
      'expired long ago',
      forge(rsaHeader, {
        ...claims,
        validFrom: '2020-01-01T00:00:00Z',
        nbf: seconds('2020-01-01T00:00:00Z'),
        validUntil: '2021-01-01T00:00:00Z',
        exp: seconds('2021-01-01T00:00:00Z'),
      }),
      'expired',
      'expired',
    ],
    // Content
    ['jti ≠ id', forge(rsaHeader, { ...claims, jti: 'https://cairn.example/c/other' }), 'malformed', 'claim-jti'],
    [
      'sub ≠ credentialSubject.id',
      forge(rsaHeader, { ...claims, sub: 'urn:uuid:00000000-0000-4000-8000-000000000000' }),
      'malformed',
      'claim-sub',
    ],
    [
      'sub in other letters',
      forge(rsaHeader, { ...claims, sub: String(claims['sub']).toUpperCase() }),
      'malformed',
      'claim-sub',
    ],
    [
      'a name twice in the payload',
      forge(rsaHeader, twice(claims, '"name":"Surgeon"')),
      'malformed',
      'json-duplicate-key',
    ],
    [
      'a nested name twice',
      forge(rsaHeader, JSON.stringify(claims).replace('"version":"2"', '"version":"2","name":"Surgeon"')),
      'malformed',
      'json-duplicate-key',
    ],
    [
      'half of a surrogate pair',
      forge(rsaHeader, JSON.stringify(claims).replace('Samples', '\\ud800')),
      'malformed',
      'json-surrogate',
    ],
    [
      'a thousand levels',
      forge(rsaHeader, twice(claims, `"x":${'['.repeat(1000)}${']'.repeat(1000)}`)),
      'malformed',
      'json-depth',
    ],
    [
      'a hundred thousand values',
      forge(rsaHeader, twice(claims, `"x":[${'1,'.repeat(100_001)}1]`)),
      'malformed',
      'json-values',
    ],
    [
      '@context swapped',
      forge(rsaHeader, { ...claims, '@context': (claims['@context'] as string[]).toReversed() }),
      'malformed',
      'contexts',
    ],
    [
      '@context without Open Badges',
      forge(rsaHeader, { ...claims, '@context': [(claims['@context'] as string[])[0]] }),
      'malformed',
      'contexts',
    ],
    [
      'a remote @context added',
      forge(rsaHeader, {
        ...claims,
        '@context': [...(claims['@context'] as string[]), 'https://evil.example/context.json'],
      }),
      'unknown',
      'context-not-pinned',
    ],
    [
      'an inline @context in a nested node',
      forge(rsaHeader, withAchievement({ '@context': { name: 'https://evil.example/name' } })),
      'unknown',
      'context-not-pinned',
    ],
    [
      'a 1EdTech type without its context',
      forge(rsaHeader, { ...claims, '@context': (claims['@context'] as string[]).slice(0, 2) }),
      'malformed',
      'undefined-term',
    ],
    ['a property no context defines', forge(rsaHeader, { ...claims, grade: 'A' }), 'malformed', 'undefined-term'],
    ['endorsementJwt', forge(rsaHeader, { ...claims, endorsementJwt: ['a.b.c'] }), 'malformed', 'undefined-term'],
    [
      'no achievement',
      forge(rsaHeader, { ...claims, credentialSubject: { id: claims['sub'], type: ['AchievementSubject'] } }),
      'malformed',
      'schema',
    ],
    ['a subject of another type', forge(rsaHeader, withSubject({ type: ['Person'] })), 'malformed', 'schema'],
    [
      'a credential of another type',
      forge(rsaHeader, { ...claims, type: ['VerifiableCredential', 'OtherCredential'] }),
      'malformed',
      'schema',
    ],
    ['a typed null', forge(rsaHeader, withAchievement({ image: null })), 'malformed', 'schema'],
    ['an id that is no URI', forge(rsaHeader, withAchievement({ id: 'wqt' })), 'malformed', 'not-a-uri'],
    ['a vc wrapper beside a credential', forge(rsaHeader, { ...claims, vc: {} }), 'malformed', 'vc-wrapper'],
    [
      'data model 1.1 in a wrapper',
      forge(rsaHeader, {
        iss: DID,
        jti: claims['jti'],
        sub: claims['sub'],
        nbf: claims['nbf'],
        vc: {
          '@context': [
            'https://www.w3.org/2018/credentials/v1',
            'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json',
          ],
          type: ['VerifiableCredential', 'OpenBadgeCredential'],
          id: claims['jti'],
          issuer: claims['issuer'],
          issuanceDate: claims['validFrom'],
          credentialSubject: claims['credentialSubject'],
        },
      }),
      'unknown',
      'context-not-pinned',
    ],
    [
      'data model 1.1 names in a 2.0 credential',
      forge(rsaHeader, { ...without('validFrom', claims), issuanceDate: claims['validFrom'] }),
      'malformed',
      'schema',
    ],
    [
      'a status of a kind nobody knows',
      forge(rsaHeader, { ...claims, credentialStatus: { id: 'https://x.example/s', type: '1EdTechRevocationList' } }),
      'unknown',
      'status-type',
    ],
    [
      'a status index that is negative',
      forge(rsaHeader, {
        ...claims,
        credentialStatus: {
          id: 'https://x.example/s#1',
          type: 'BitstringStatusListEntry',
          statusPurpose: 'revocation',
          statusListIndex: '-1',
          statusListCredential: 'https://x.example/s',
        },
      }),
      'unknown',
      'status-entry',
    ],
    [
      'a status index that is a fraction',
      forge(rsaHeader, {
        ...claims,
        credentialStatus: {
          id: 'https://x.example/s#1',
          type: 'BitstringStatusListEntry',
          statusPurpose: 'revocation',
          statusListIndex: 1.5,
          statusListCredential: 'https://x.example/s',
        },
      }),
      'unknown',
      'status-entry',
    ],
    ['an empty text', '', 'malformed', 'segments'],
  ];

  it.each(corpus)('%s', async (_what, jwt, verdict, code) => {
    const report = await verifyVcJwt(jwt, options);
    expect({ verdict: report.verdict, code: report.code }).toEqual({ verdict, code });
    expect(report.reason.length).toBeLessThan(1500);
  });

  it.each([
    ['a kid that the issuer lists for another key', { ...rsaHeader, kid: `${DID}#ec` }, 'kid-jwk'],
    [
      'a kid that leads away from a listed jwk',
      { ...rsaHeader, jwk: strangerRsa.publicJwk, kid: `${DID}#rsa` },
      'kid-jwk',
    ],
  ])('%s', async (_what, header, code) => {
    const second = newKey('RS256');
    const keys = [
      { ...rsa.publicJwk, kid: `${DID}#rsa` },
      { ...second.publicJwk, kid: `${DID}#ec` },
    ];
    const report = await verifyVcJwt(forge(header), { now: NOW, trustedKeys: () => keys });
    expect(report).toMatchObject({ verdict: 'malformed', code });
  });

  it('a key that was delisted after a compromise', async () => {
    const report = await verifyVcJwt(good, { now: NOW, trustedKeys: trust(ec) });
    expect(report).toMatchObject({ verdict: 'unknown-issuer', code: 'key-not-listed' });
  });

  it('a retired key that is still listed keeps its credentials valid', async () => {
    const report = await verifyVcJwt(good, { now: NOW, trustedKeys: trust(ec, strangerRsa, rsa) });
    expect(report.verdict).toBe('valid');
  });

  it('nothing pollutes the prototypes', async () => {
    await verifyVcJwt(forge(twice(rsaHeader, '"__proto__":{"polluted":true}')), options);
    await verifyVcJwt(forge(rsaHeader, twice(claims, '"constructor":{"prototype":{"polluted":true}}')), options);
    expect(({} as Json)['polluted']).toBeUndefined();
  });

  it('no change of a single character leaves it valid, and none throws', async () => {
    const jwt = goodEc;
    await fc.assert(
      fc.asyncProperty(fc.nat(jwt.length - 1), fc.string({ minLength: 1, maxLength: 1 }), async (at, character) => {
        fc.pre(jwt[at] !== character);
        const report = await verifyVcJwt(jwt.slice(0, at) + character + jwt.slice(at + 1), options);
        expect(report.verdict).not.toBe('valid');
      }),
      { numRuns: 400 },
    );
  });

  it('whatever is signed, judging it never throws', async () => {
    const json = fc.object({ maxDepth: 4 });
    const mixed = fc
      .tuple(json, fc.constantFrom(...Object.keys(claims)))
      .map(([value, key]) => ({ ...claims, [key]: value }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(json, mixed), json, async (payload, header) => {
        await verifyVcJwt(forge(rsaHeader, payload), options);
        await verifyVcJwt(forge({ ...rsaHeader, ...header }, payload), options);
      }),
      { numRuns: 150 },
    );
  });

  it('whatever the bytes are, judging them never throws and never says valid', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect((await verifyPresented(bytes, options)).verdict).toBe('malformed');
      }),
      { numRuns: 200 },
    );
  });
});

describe('an embedded proof, up to its signature', () => {
  const x = Buffer.alloc(32, 7).toString('base64url');
  const jwk: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x };
  const method = `${DID}#${multikeyOf(jwk)}`;
  const proof: Json = {
    type: 'DataIntegrityProof',
    created: '2026-09-01T08:30:00Z',
    verificationMethod: method,
    cryptosuite: 'eddsa-rdfc-2022',
    proofPurpose: 'assertionMethod',
    proofValue: 'z5F7oL6E7P2WtZ1Q5MjQH5Bhs9JqbTQ9iUgK468vQbxY3cZLGFB1KVtetJWjKuejEwEek84nQ68h7XDVvBTVcqtKK',
  };
  const judge = (...proofs: readonly unknown[]) =>
    verifyPresented(Buffer.from(JSON.stringify({ ...credential, proof: proofs.length === 1 ? proofs[0] : proofs })), {
      now: NOW,
      trustedKeys: () => [ec.publicJwk, jwk],
    });

  it('is unknown with a listed key: nobody checked the signature', async () => {
    expect(await judge(proof)).toMatchObject({ verdict: 'unknown', code: 'suite-not-built', form: 'json' });
  });

  const refused: readonly [what: string, change: Json, verdict: string, code: string][] = [
    ['a purpose other than assertion', { proofPurpose: 'authentication' }, 'malformed', 'proof-purpose'],
    ['a proof from the future', { created: '2027-01-01T00:00:01Z' }, 'malformed', 'proof-created'],
    ['a time that is none', { created: 'yesterday' }, 'malformed', 'proof-created'],
    ['no method', { verificationMethod: undefined }, 'malformed', 'proof-method'],
    ['a method that is a bare name', { verificationMethod: 'key-1' }, 'malformed', 'proof-method'],
    ['no type', { type: undefined }, 'malformed', 'proof-form'],
    ['another controller’s method', { verificationMethod: `did:web:evil.example#${multikeyOf(jwk)}` }, 'unknown-issuer', 'controller'],
    ['a fragment that is no key', { verificationMethod: `${DID}#key-1` }, 'unknown-issuer', 'not-a-key'],
    ['a method without fragment', { verificationMethod: DID }, 'unknown-issuer', 'not-a-key'],
    ['a key that is not listed', { verificationMethod: `${DID}#${multikeyOf({ ...jwk, x: Buffer.alloc(32, 8).toString('base64url') })}` }, 'unknown-issuer', 'key-not-listed'],
  ]; // prettier-ignore
  it.each(refused)('with %s is refused', async (_what, change, verdict, code) => {
    expect(await judge({ ...proof, ...change })).toMatchObject({ verdict, code });
  });

  it('of several, one with a listed key suffices; all must be proofs', async () => {
    const foreign = { ...proof, verificationMethod: 'did:web:evil.example#x' };
    expect(await judge(foreign, proof)).toMatchObject({ verdict: 'unknown', code: 'suite-not-built' });
    expect(await judge(foreign, foreign)).toMatchObject({ verdict: 'unknown-issuer', code: 'controller' });
    expect(await judge(proof, 'proof')).toMatchObject({ verdict: 'malformed', code: 'proof-form' });
  });

  it('of an issuer whose keys cannot be read is unknown', async () => {
    const bytes = Buffer.from(JSON.stringify({ ...credential, proof }));
    const report = await verifyPresented(bytes, { now: NOW, trustedKeys: () => 'unreachable' });
    expect(report.checks).toContainEqual(expect.objectContaining({ check: 'issuer-key', code: 'issuer-unreachable' }));
    expect(report.verdict).toBe('unknown');
  });
});
