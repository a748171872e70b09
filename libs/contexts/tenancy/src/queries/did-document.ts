import type { IssuerState } from '../contracts/tenancy.folds.js';

/**
 * The DID document of an issuer (DID Core 1.0; did:web). Keys stay in it after they are retired, so that what they
 * signed can be verified; each `kid` is a `verificationMethod` id and stands in `assertionMethod`.
 */
export function didDocument({ registered, keys }: IssuerState): object {
  if (!registered) throw new RangeError('an issuer that was never registered has no DID document');
  const { did } = registered;
  const methods = keys.map(({ keyId, algorithm, publicJwk }) => ({
    id: `${did}#${keyId}`,
    type: 'JsonWebKey',
    controller: did,
    publicKeyJwk: { ...publicJwk, kid: keyId, alg: algorithm },
  }));
  return {
    '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/jwk/v1'],
    id: did,
    verificationMethod: methods,
    assertionMethod: methods.map(({ id }) => id),
  };
}
