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
export type CredentialCommand = IssueCredential | RevokeCredential | FlagCredential | UnflagCredential;

export type LeaseStatusBlock = Command<
  'LeaseStatusBlock',
  { readonly listId: string; readonly issuerId: IssuerId; readonly lessee: string; readonly size: number }
>;
