import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { calculateJwkThumbprint } from 'jose';
import { didDocument, didWebUrl } from './did.js';
import { jwkOfMultikey, multikeyOf, thumbprintOf, type PublicJwk } from './keys.js';
import { DID, newKey } from './test-samples.js';

const ed25519 = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' }) as PublicJwk;

describe('names of keys', () => {
  it('the thumbprint is the one of RFC 7638 §3.1, and of jose', async () => {
    const jwk = {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    };
    expect(thumbprintOf(jwk)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs');
    for (const key of [newKey('RS256').publicJwk, newKey('ES256').publicJwk, ed25519])
      expect(thumbprintOf(key)).toBe(await calculateJwkThumbprint(key));
  });

  it('the Multikey of the example key is the one of the test vector', () => {
    // The seed of the design's vector; its public key was worked out outside of this program.
    const seed = createHash('sha256').update('cairn example key 1').digest();
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const jwk = publicOf(pkcs8);
    expect(multikeyOf(jwk)).toBe('z6MkmxZR3syHMtcT2MXXKNgzvsEo5NzctMMV7vAUdjGNmmii');
  });

  it('Multikeys read back, and nothing else does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(bytes).toString('base64url') };
        expect(jwkOfMultikey(multikeyOf(jwk))).toEqual(jwk);
      }),
    );
    const good = multikeyOf(ed25519);
    for (const bad of [
      '',
      'z',
      good.slice(1),
      `${good}1`,
      good.slice(0, -1),
      good.replace('z6Mk', 'z6Ml'),
      `${good.slice(0, -1)}0`,
      'z6Mk'.repeat(1000),
    ])
      expect(jwkOfMultikey(bad)).toBeUndefined();
  });

  it('keys of other kinds have no Multikey here', () => {
    expect(() => multikeyOf(newKey('ES256').publicJwk)).toThrow(TypeError);
  });
});

function publicOf(pkcs8: Buffer): PublicJwk {
  return createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  }) as PublicJwk;
}

describe('the DID document of an issuer', () => {
  it('lists Ed25519 as Multikey, others as JsonWebKey, each named by itself', () => {
    const rsa = newKey('RS256').publicJwk;
    const thumbprint = thumbprintOf(rsa);
    const multikey = multikeyOf(ed25519);
    expect(didDocument({ did: DID, keys: [ed25519, rsa], alsoKnownAs: ['https://northlake.example'] })).toEqual({
      '@context': [
        'https://www.w3.org/ns/did/v1',
        'https://w3id.org/security/multikey/v1',
        'https://w3id.org/security/jwk/v1',
      ],
      id: DID,
      alsoKnownAs: ['https://northlake.example'],
      verificationMethod: [
        { id: `${DID}#${multikey}`, type: 'Multikey', controller: DID, publicKeyMultibase: multikey },
        { id: `${DID}#${thumbprint}`, type: 'JsonWebKey', controller: DID, publicKeyJwk: rsa },
      ],
      assertionMethod: [`${DID}#${multikey}`, `${DID}#${thumbprint}`],
    });
  });

  it('publishes nothing private and nothing beside the key', () => {
    const whole = { ...newKey('ES256').publicJwk, d: 'secret', kid: 'x', use: 'sig' };
    const text = JSON.stringify(didDocument({ did: DID, keys: [whole] }));
    expect(text).not.toMatch(/secret|"kid"|"use"|alsoKnownAs/);
  });

  it('refuses what is no public key', () => {
    expect(() => didDocument({ did: DID, keys: [{ kty: 'oct', k: 'x' }] })).toThrow(TypeError);
  });
});

describe('where a did:web document is', () => {
  it.each([
    ['did:web:cairn.example:issuers:northlake', 'https://cairn.example/issuers/northlake/did.json'],
    ['did:web:cairn.example', 'https://cairn.example/.well-known/did.json'],
    ['did:web:localhost%3A3000:issuers:x', 'https://localhost:3000/issuers/x/did.json'],
  ])('%s → %s', (did, url) => {
    expect(didWebUrl(did)).toBe(url);
  });

  it.each([
    'did:key:z6Mk',
    'did:web:',
    'did:web:a/b',
    'did:web:a:',
    'did:web:a::b',
    'https://cairn.example',
    'did:web:a?b',
    'did:web:%',
  ])('%s leads nowhere', (did) => {
    expect(didWebUrl(did)).toBeUndefined();
  });
});
