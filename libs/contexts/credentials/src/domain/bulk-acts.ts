// Acts on many credentials: what each sends. Whether and how it would change something, the deciders say.
import type { CredentialId, Instant } from '@cairn/kernel';
import type { CredentialCommand } from '../contracts/credential.commands.js';

/** What a person says once for all items. */
export type BulkWords = {
  readonly reasonCode: string;
  readonly authority: string;
  readonly effectiveAt: Instant;
  /** Name of the hold that is put on or ended, without its prefix. */
  readonly hold?: string;
};

type CredentialAct = {
  readonly command: (credentialId: CredentialId, words: BulkWords) => CredentialCommand;
  /** Refusals which say that it is so already. */
  readonly alreadySo: readonly string[];
};

const holdOf = (credentialId: CredentialId, { hold = '', ...words }: BulkWords) => ({
  credentialId,
  hold: `manual:${hold}`,
  ...words,
});

/** A further act on credentials is one line here. */
export const CREDENTIAL_ACTS = {
  revoke: {
    command: (credentialId, { reasonCode, authority, effectiveAt }) => ({
      type: 'RevokeCredential',
      data: { credentialId, reasonCode, authority, effectiveAt },
    }),
    alreadySo: ['credential-revoked'],
  },
  suspend: {
    command: (credentialId, words) => ({ type: 'SuspendCredential', data: holdOf(credentialId, words) }),
    alreadySo: [],
  },
  reinstate: {
    command: (credentialId, words) => ({ type: 'ReinstateCredential', data: holdOf(credentialId, words) }),
    alreadySo: ['credential-not-active'],
  },
} as const satisfies Readonly<Record<string, CredentialAct>>;

/**
 * These two are decided in the record. `issue` acts on learners: it issues what they earned of a template issued by hand,
 * and grants it to the others; `renew` issues the further term that was earned and waits for a person, or decides it.
 */
export const BULK_ACTS = [
  'issue',
  'renew',
  ...(Object.keys(CREDENTIAL_ACTS) as (keyof typeof CREDENTIAL_ACTS)[]),
] as const;
export type BulkAct = (typeof BULK_ACTS)[number];
