// Signing as VC-JWT by the Open Badges profile (credentials.md §2.5): header {alg, typ, jwk}, the credential as payload.
import { createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto';
import { CompactSign, type CryptoKey } from 'jose';
import type { AchievementCredential } from './types.js';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** The public half as the header and the DID document show it. */
export type PublicJwk = { readonly kty: string; readonly [member: string]: unknown };

/** Import the private key once and pass the same object for every signature: imports are cached by object. */
export type SigningKey = {
  readonly alg: SigningAlgorithm;
  readonly privateKey: CryptoKey | KeyObject;
  readonly publicJwk: PublicJwk;
};

/** The private key does not belong to the public one that the credential would name (F19). */
export class SignatureMismatchError extends Error {
  constructor(credentialId: string) {
    super(`the signature of ${credentialId} does not verify with the key's own public half: nothing was issued`);
    this.name = 'SignatureMismatchError';
  }
}

const PUBLIC_MEMBERS = { RS256: ['kty', 'n', 'e'], ES256: ['kty', 'crv', 'x', 'y'] } as const;

/** Only the members that make up the public key, so that `d` can never be published. */
function publicMembers(alg: SigningAlgorithm, jwk: PublicJwk): Record<string, string> {
  const members = PUBLIC_MEMBERS[alg].map((name) => {
    const value = jwk[name];
    if (typeof value !== 'string') throw new TypeError(`a public JWK for ${alg} needs the member ${name}`);
    return [name, value] as const;
  });
  return Object.fromEntries(members);
}

export const toSeconds = (instant: string): number => Math.floor(Date.parse(instant) / 1000);

const verifiers = new WeakMap<PublicJwk, KeyObject>();

function verifierOf(jwk: PublicJwk): KeyObject {
  let key = verifiers.get(jwk);
  if (!key) verifiers.set(jwk, (key = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })));
  return key;
}

/**
 * Signs with jose; then, unless told otherwise, verifies with node:crypto under the public key that the header names.
 * Claims: `iss` = issuer.id, `jti` = id, `sub` = credentialSubject.id, `nbf` = validFrom, `exp` = validUntil.
 * Throws {@link SignatureMismatchError} if the key pair does not fit.
 */
export async function signVcJwt(
  credential: AchievementCredential,
  { alg, privateKey, publicJwk }: SigningKey,
  { verifyAfterSigning = true }: { readonly verifyAfterSigning?: boolean } = {},
): Promise<string> {
  const jwk = publicMembers(alg, publicJwk);
  const subject = credential.credentialSubject.id;
  const payload = {
    ...credential,
    iss: credential.issuer.id,
    jti: credential.id,
    ...(subject === undefined ? {} : { sub: subject }),
    nbf: toSeconds(credential.validFrom),
    ...(credential.validUntil === undefined ? {} : { exp: toSeconds(credential.validUntil) }),
  };
  const jwt = await new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg, typ: 'JWT', jwk })
    .sign(privateKey);
  if (verifyAfterSigning) {
    const dot = jwt.lastIndexOf('.');
    const signature = Buffer.from(jwt.slice(dot + 1), 'base64url');
    const key = { key: verifierOf(publicJwk), dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', Buffer.from(jwt.slice(0, dot)), key, signature))
      throw new SignatureMismatchError(credential.id);
  }
  return jwt;
}
