// An issuer's DID document (did:web, credentials.md §5).
import { multikeyOf, publicMembersOf, thumbprintOf, type PublicJwk } from './keys.js';

/** Where a did:web document is served; undefined if the DID is none (DID Web, "Read"). */
export function didWebUrl(did: string): string | undefined {
  const match = /^did:web:([^:/?#]+)((?::[^:/?#]+)*)$/.exec(did);
  if (!match) return undefined;
  const path = (match[2] as string).replaceAll(':', '/');
  const url = `https://${(match[1] as string).replace(/%3A/i, ':')}${path || '/.well-known'}/did.json`;
  return URL.canParse(url) ? url : undefined;
}

export type VerificationMethod =
  | { readonly id: string; readonly type: 'Multikey'; readonly controller: string; readonly publicKeyMultibase: string }
  | { readonly id: string; readonly type: 'JsonWebKey'; readonly controller: string; readonly publicKeyJwk: PublicJwk };

export type DidDocument = {
  readonly '@context': readonly string[];
  readonly id: string;
  readonly alsoKnownAs?: readonly string[];
  readonly verificationMethod: readonly VerificationMethod[];
  /** Full ids as texts: embedded objects break the 1EdTech verifier. */
  readonly assertionMethod: readonly string[];
};

/**
 * The document of an issuer: Ed25519 keys as Multikey, others as JsonWebKey, each named by the key itself. Pass retired
 * keys too while credentials live that they signed; leave out compromised ones.
 */
export function didDocument(input: {
  readonly did: string;
  readonly keys: readonly PublicJwk[];
  readonly alsoKnownAs?: readonly string[];
}): DidDocument {
  const { did, keys, alsoKnownAs = [] } = input;
  const methods = keys.map((key): VerificationMethod => {
    if (key['crv'] === 'Ed25519') {
      const publicKeyMultibase = multikeyOf(key);
      return { id: `${did}#${publicKeyMultibase}`, type: 'Multikey', controller: did, publicKeyMultibase };
    }
    return {
      id: `${did}#${thumbprintOf(key)}`,
      type: 'JsonWebKey',
      controller: did,
      publicKeyJwk: publicMembersOf(key),
    };
  });
  return {
    '@context': [
      'https://www.w3.org/ns/did/v1',
      'https://w3id.org/security/multikey/v1',
      'https://w3id.org/security/jwk/v1',
    ],
    id: did,
    ...(alsoKnownAs.length > 0 ? { alsoKnownAs } : {}),
    verificationMethod: methods,
    assertionMethod: methods.map((method) => method.id),
  };
}
