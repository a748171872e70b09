// The port for checking credentials of other issuers by cryptography.
import type { EXTERNAL_FORMATS, VERIFICATION_OUTCOMES } from './external-credential.events.js';

export type ForeignCredential = {
  readonly format: (typeof EXTERNAL_FORMATS)[number];
  readonly issuer: string;
  readonly hash: string;
  /** As it was sent; left out: only its hash is here. */
  readonly document?: string;
};
export type ForeignVerdict = {
  readonly outcome: (typeof VERIFICATION_OUTCOMES)[number];
  /** What was found, as a code. */
  readonly finding: string;
};
/** Never rejects: what cannot be found out is `unknown`. */
export type ForeignVerifier = { readonly verify: (credential: ForeignCredential) => Promise<ForeignVerdict> };
export const FOREIGN_VERIFIER = Symbol('ForeignVerifier');

/** No foreign format is checked yet; nothing unverified is called valid. */
export const verifiesNothing: ForeignVerifier = {
  verify: () => Promise.resolve({ outcome: 'unknown', finding: 'format-not-supported' }),
};
