import type { Command, Instant, LearnerId, Personal } from '@cairn/kernel';
import type {
  Equivalence,
  EXTERNAL_FORMATS,
  ExternalDetails,
  VERIFICATION_OUTCOMES,
} from './external-credential.events.js';

/** The id follows from learner and hash: recorded twice, it is the same one. */
export type RecordExternalCredential = Command<
  'RecordExternalCredential',
  {
    readonly externalId: string;
    readonly learnerId: LearnerId;
    readonly issuer: string;
    readonly format: (typeof EXTERNAL_FORMATS)[number];
    readonly hash: string;
    readonly validFrom: Instant;
    readonly validUntil?: Instant;
    readonly achievedAt?: Instant;
    readonly details?: Personal<ExternalDetails>;
  }
>;
/** By this program, or by a person: then with an authority. */
export type RecordExternalVerification = Command<
  'RecordExternalVerification',
  {
    readonly externalId: string;
    readonly outcome: (typeof VERIFICATION_OUTCOMES)[number];
    readonly finding: string;
    readonly by: 'program' | 'person';
    readonly authority?: string;
    readonly checkedAt: Instant;
  }
>;
type Decided = { readonly externalId: string; readonly reasonCode: string; readonly authority: string };
export type AcceptExternalCredential = Command<
  'AcceptExternalCredential',
  Decided & { readonly equivalence: Equivalence; readonly occurredAt: Instant }
>;
export type DeclineExternalCredential = Command<
  'DeclineExternalCredential',
  Decided & { readonly occurredAt: Instant }
>;
export type ExternalCredentialCommand =
  RecordExternalCredential | RecordExternalVerification | AcceptExternalCredential | DeclineExternalCredential;
