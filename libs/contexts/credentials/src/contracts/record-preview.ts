// What a preview asks of whoever keeps the record: what would it decide, as it stood at a position?
import type {
  CredentialId,
  Decision,
  Instant,
  Issued,
  LearnerId,
  Position,
  Recorded,
  TemplateId,
  TenantId,
} from '@cairn/kernel';
import type { GrantCredential, GrantRenewal, RecordEvent } from '@cairn/contexts/progress';
import type { CredentialEvent } from './credential.events.js';

/** Injection token; the implementation is handed in by the application. */
export const RECORD_PREVIEW = Symbol('record-preview');

/** A learner's record as of a position. Nothing is written; what it hears is remembered for the next question. */
export type RecordThen = {
  readonly stream: string;
  /** -1: it was empty. */
  readonly revision: number;
  /** What was recorded since. */
  readonly newer: readonly Recorded[];
  /** The decision behind the latest occurrence of a template, unless that has ended. */
  readonly held: (
    template: TemplateId,
  ) => Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>> | undefined;
  /** The decisions that gave a credential further terms. */
  readonly renewals: (
    credential: CredentialId,
  ) => readonly Recorded<Extract<RecordEvent, { type: 'renewal-earned' }>>[];
  readonly decide: (command: Issued<GrantCredential | GrantRenewal>) => Promise<Decision<RecordEvent>>;
  /** What it would decide on being told of a change of a credential. */
  readonly hear: (event: Recorded<CredentialEvent>) => Promise<readonly Recorded<RecordEvent>[]>;
};

export type RecordPreview = (
  tenant: TenantId,
  learner: LearnerId,
  at: { readonly position: Position; readonly asOf: Instant },
) => Promise<RecordThen>;
