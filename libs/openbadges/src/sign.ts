// Signing as VC-JWT by the Open Badges profile (credentials.md §2.5): header {alg, typ, jwk}, the credential as payload.
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { CompactSign, type CryptoKey } from 'jose';
import { keyFault, publicMembersOf, type PublicJwk, type SigningAlgorithm } from './keys.js';
import type { AchievementCredential, StatusListCredential } from './types.js';

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

const toSeconds = (instant: string): number => Math.floor(Date.parse(instant) / 1000);

type PublicHalf = { readonly jwk: PublicJwk; readonly verifier: KeyObject };
const publicHalves = new WeakMap<PublicJwk, PublicHalf>();

function publicHalfOf({ alg, publicJwk }: SigningKey): PublicHalf {
  let half = publicHalves.get(publicJwk);
  if (!half) {
    const jwk = publicMembersOf(publicJwk);
    const fault = keyFault(jwk, alg);
    if (fault) throw new TypeError(`the signing key does not do: ${fault[1]}`);
    half = { jwk, verifier: createPublicKey({ key: jwk, format: 'jwk' }) };
    publicHalves.set(publicJwk, half);
  }
  return half;
}

/**
 * Signs with jose; then, unless told otherwise, verifies with node:crypto under the public key that the header names.
 * Claims: `iss` = the issuer's id, `jti` = id, `sub` = credentialSubject.id, `nbf` = validFrom, `exp` = validUntil.
 * Throws {@link SignatureMismatchError} if the key pair does not fit.
 */
export async function signVcJwt(
  credential: AchievementCredential | StatusListCredential,
  key: SigningKey,
  { verifyAfterSigning = true }: { readonly verifyAfterSigning?: boolean } = {},
): Promise<string> {
  const { jwk, verifier } = publicHalfOf(key);
  const subject = credential.credentialSubject.id;
  const payload = {
    ...credential,
    iss: typeof credential.issuer === 'string' ? credential.issuer : credential.issuer.id,
    jti: credential.id,
    ...(subject === undefined ? {} : { sub: subject }),
    nbf: toSeconds(credential.validFrom),
    ...('validUntil' in credential && credential.validUntil !== undefined
      ? { exp: toSeconds(credential.validUntil) }
      : {}),
  };
  const jwt = await new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: key.alg, typ: 'JWT', jwk })
    .sign(key.privateKey);
  if (verifyAfterSigning) {
    const dot = jwt.lastIndexOf('.');
    const signature = Buffer.from(jwt.slice(dot + 1), 'base64url');
    const options = { key: verifier, dsaEncoding: 'ieee-p1363' } as const;
    if (!verify('sha256', Buffer.from(jwt.slice(0, dot)), options, signature))
      throw new SignatureMismatchError(credential.id);
  }
  return jwt;
}
