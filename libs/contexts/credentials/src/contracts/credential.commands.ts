import type { Command, CredentialId, Instant, IssuerId, LearnerId, TemplateId } from '@cairn/kernel';

/** Names the earning or granting event; its handler signs first, then the decider checks and records. */
export type IssueCredential = Command<
  'IssueCredential',
  {
    readonly learnerId: LearnerId;
    readonly credentialId: CredentialId;
    readonly basis: { readonly stream: string; readonly revision: number; readonly eventId: string };
  }
>;
/** Names the RenewalEarned; signed first, like an issue. */
export type RenewCredential = Command<
  'RenewCredential',
  {
    readonly learnerId: LearnerId;
    readonly credentialId: CredentialId;
    readonly basis: { readonly stream: string; readonly revision: number; readonly eventId: string };
  }
>;
export type RevokeCredential = Command<
  'RevokeCredential',
  {
    readonly credentialId: CredentialId;
    readonly reasonCode: string;
    /** Left out: when the command arrived. */
    readonly effectiveAt?: Instant;
    /** A person's decision. */
    readonly authority?: string;
    /** A reactor's: the ComponentPolicyApplied behind it, and what the credential would be about. */
    readonly because?: string;
    readonly learnerId?: LearnerId;
    readonly templateId?: TemplateId;
  }
>;
export type FlagCredential = Command<
  'FlagCredential',
  {
    readonly credentialId: CredentialId;
    readonly learnerId: LearnerId;
    readonly templateId: TemplateId;
    readonly hold: string;
    readonly cause: string;
    readonly because: string;
    readonly componentTemplateId?: TemplateId;
    readonly effectiveAt: Instant;
  }
>;
export type UnflagCredential = Command<
  'UnflagCredential',
  {
    readonly credentialId: CredentialId;
    readonly learnerId: LearnerId;
    readonly templateId: TemplateId;
    readonly hold: string;
    readonly because: string;
    readonly effectiveAt: Instant;
  }
>;
/** One shape for both ends of a hold: by a person's authority, or because of a ComponentPolicyApplied. */
type HoldData = {
  readonly credentialId: CredentialId;
  /** Names of people's holds begin with `manual:`, so that nobody lifts what a policy holds, and no policy theirs. */
  readonly hold: string;
  readonly reasonCode: string;
  /** Left out: when the command arrived. */
  readonly effectiveAt?: Instant;
  readonly authority?: string;
  readonly because?: string;
  readonly learnerId?: LearnerId;
  readonly templateId?: TemplateId;
};
export type SuspendCredential = Command<'SuspendCredential', HoldData>;
export type ReinstateCredential = Command<'ReinstateCredential', HoldData>;
/** The scheduler's: the term of that serial is over. */
export type ExpireCredential = Command<
  'ExpireCredential',
  { readonly credentialId: CredentialId; readonly serial: number }
>;
/** The scheduler's: the window of the term of that serial opens, or its grace is over. */
export type NoteRenewalWindow = Command<
  'NoteRenewalWindow',
  { readonly credentialId: CredentialId; readonly serial: number; readonly stage: 'opens' | 'closes' }
>;
/** The scheduler's: a reminder of the end of the term of that serial is due. */
export type RequestRenewalReminder = Command<
  'RequestRenewalReminder',
  { readonly credentialId: CredentialId; readonly serial: number }
>;
/** The next edition is issued. */
export type SupersedeCredential = Command<
  'SupersedeCredential',
  {
    readonly credentialId: CredentialId;
    readonly by: CredentialId;
    readonly reasonCode: string;
    readonly effectiveAt: Instant;
    /** The CredentialIssued of the next edition. */
    readonly because: string;
    readonly authority?: string;
  }
>;
export type CredentialCommand =
  | IssueCredential
  | RenewCredential
  | RevokeCredential
  | FlagCredential
  | UnflagCredential
  | SuspendCredential
  | ReinstateCredential
  | ExpireCredential
  | NoteRenewalWindow
  | RequestRenewalReminder
  | SupersedeCredential;

export type LeaseStatusBlock = Command<
  'LeaseStatusBlock',
  { readonly listId: string; readonly issuerId: IssuerId; readonly lessee: string; readonly size: number }
>;
