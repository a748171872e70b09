import { spawnSync } from 'node:child_process';
import { createPublicKey, verify, webcrypto, type JsonWebKeyInput } from 'node:crypto';
import { compactVerify } from 'jose';
import { buildAchievementCredential } from './build.js';
import { SignatureMismatchError, signVcJwt, type SigningKey } from './sign.js';
import { exampleInput, newKey, plainInput } from './test-samples.js';

const PYTHON = '/usr/bin/python3';
const hasPyJwt = spawnSync(PYTHON, ['-c', 'import jwt, cryptography']).status === 0;

const credential = buildAchievementCredential(exampleInput);
const decode = (part: string | undefined): Record<string, unknown> =>
  JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Record<string, unknown>;

describe.each(['RS256', 'ES256'] as const)('signing with %s', (alg) => {
  const key = newKey(alg);

  it('has a header of alg, typ and public jwk, and nothing else', async () => {
    const header = decode((await signVcJwt(credential, key)).split('.')[0]);
    expect(Object.keys(header)).toEqual(['alg', 'typ', 'jwk']);
    expect(header).toEqual({ alg, typ: 'JWT', jwk: key.publicJwk });
  });

  it('carries the credential and the five claims that repeat it', async () => {
    const { iss, jti, sub, nbf, exp, ...rest } = decode((await signVcJwt(credential, key)).split('.')[1]);
    expect(rest).toEqual(credential);
    expect({ iss, jti, sub, nbf, exp }).toEqual({
      iss: 'did:web:cairn.example:issuers:northlake',
      jti: 'https://cairn.example/c/crd_7Q2mX9kV4tRbNc3yHw5ZpL',
      sub: 'urn:uuid:0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21',
      nbf: 1788251400,
      exp: 1851409800,
    });
  });

  it('has no exp without an end, no sub without a subject id', async () => {
    const { validUntil: _validUntil, ...endless } = plainInput;
    const { id: _id, ...subject } = plainInput.subject;
    const claims = decode((await signVcJwt(buildAchievementCredential({ ...endless, subject }), key)).split('.')[1]);
    expect(claims).not.toHaveProperty('exp');
    expect(claims).not.toHaveProperty('sub');
  });

  it('verifies with node:crypto and with jose', async () => {
    const jwt = await signVcJwt(credential, key, { verifyAfterSigning: false });
    const [header, payload, signature] = jwt.split('.') as [string, string, string];
    const publicKey = createPublicKey({ key: decode(header)['jwk'], format: 'jwk' } as JsonWebKeyInput);
    const data = Buffer.from(`${header}.${payload}`);
    const bytes = Buffer.from(signature, 'base64url');
    expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, bytes)).toBe(true);
    await expect(compactVerify(jwt, publicKey, { algorithms: [alg] })).resolves.toBeDefined();
  });

  it('publishes no private member of a key that was handed in whole', async () => {
    const whole = { ...key.publicJwk, ...(key.privateKey as { export(o: object): object }).export({ format: 'jwk' }) };
    const jwt = await signVcJwt(credential, { ...key, publicJwk: whole as SigningKey['publicJwk'] });
    expect(decode(jwt.split('.')[0])['jwk']).toEqual(key.publicJwk);
  });

  it('issues nothing when the private key is another one (F19)', async () => {
    const wrong = { ...key, privateKey: newKey(alg).privateKey };
    await expect(signVcJwt(credential, wrong)).rejects.toThrow(SignatureMismatchError);
    await expect(signVcJwt(credential, wrong, { verifyAfterSigning: false })).resolves.toContain('.');
  });

  it('signs 64 at once with a CryptoKey', async () => {
    const params =
      alg === 'RS256' ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } : { name: 'ECDSA', namedCurve: 'P-256' };
    const jwk = (key.privateKey as { export(o: object): webcrypto.JsonWebKey }).export({ format: 'jwk' });
    const privateKey = await webcrypto.subtle.importKey('jwk', jwk, params, false, ['sign']);
    const jwts = await Promise.all(Array.from({ length: 64 }, () => signVcJwt(credential, { ...key, privateKey })));
    expect(new Set(jwts.map((jwt) => jwt.split('.')[1])).size).toBe(1);
  });
});

const withPyJwt = hasPyJwt ? '' : ' (skipped: python3-jwt and python3-cryptography are not installed)';
(hasPyJwt ? describe.each : describe.skip.each)(['RS256', 'ES256'] as const)(
  `under PyJWT, signed with %s${withPyJwt}`,
  (alg) => {
    const key = newKey(alg);

    it('verifies, and its claims equal the properties', async () => {
      const script = `
import jwt, json, sys
token = sys.stdin.read()
header = jwt.get_unverified_header(token)
payload = jwt.decode(token, jwt.PyJWK(header['jwk'], '${alg}').key, algorithms=['${alg}'],
                     options={'verify_exp': False, 'verify_nbf': False})
print(json.dumps({'header': sorted(header), 'payload': payload}))`;
      const run = spawnSync(PYTHON, ['-c', script], { input: await signVcJwt(credential, key), encoding: 'utf8' });
      expect(run.stderr).toBe('');
      const { header, payload } = JSON.parse(run.stdout) as { header: string[]; payload: Record<string, unknown> };
      expect(header).toEqual(['alg', 'jwk', 'typ']);
      expect(payload).toMatchObject(credential);
      expect(payload['iss']).toBe(credential.issuer.id);
      expect(payload['jti']).toBe(credential.id);
      expect(payload['sub']).toBe(credential.credentialSubject.id);
      expect(new Date((payload['nbf'] as number) * 1000)).toEqual(new Date(credential.validFrom));
      expect(new Date((payload['exp'] as number) * 1000)).toEqual(new Date(credential.validUntil as string));
    });

    it('is refused after one changed byte', async () => {
      const [header, payload, signature] = (await signVcJwt(credential, key)).split('.') as [string, string, string];
      const forged = Buffer.from(payload, 'base64url').toString().replace('Water Quality', 'Wafer Quality');
      const script = `
import jwt, sys
token = sys.stdin.read()
try:
    jwt.decode(token, jwt.PyJWK(jwt.get_unverified_header(token)['jwk'], '${alg}').key, algorithms=['${alg}'],
               options={'verify_exp': False, 'verify_nbf': False})
except jwt.InvalidSignatureError:
    print('refused')`;
      const token = [header, Buffer.from(forged).toString('base64url'), signature].join('.');
      expect(spawnSync(PYTHON, ['-c', script], { input: token, encoding: 'utf8' }).stdout.trim()).toBe('refused');
    });
  },
);
