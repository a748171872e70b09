// Commands on a learner's record. Facts and acts carry `occurredAt`, never in the future.
import type {
  Command,
  CredentialId,
  EnrollmentId,
  Instant,
  LearnerId,
  ModuleId,
  PathwayId,
  TemplateId,
} from '@cairn/kernel';

/** A person's decision: a code, and who was entitled to take it. */
type Decided = { readonly reasonCode: string; readonly authority: string };

export type EnrollLearner = Command<
  'EnrollLearner',
  {
    readonly learnerId: LearnerId;
    readonly pathwayId: PathwayId;
    /** Number of the version; left out: the newest not retired. */
    readonly version?: number;
    readonly entryPoint?: string;
    /** Left out: 1. A repeat is asked for by number. */
    readonly attempt?: number;
    readonly occurredAt: Instant;
    /** `automatic`: sent by a reactor; a pathway the learner is in already is then unchanged, not refused. */
    readonly mode: 'requested' | 'automatic';
  }
>;
export type WithdrawEnrollment = Command<
  'WithdrawEnrollment',
  { readonly enrollmentId: EnrollmentId; readonly reasonCode: string; readonly occurredAt: Instant }
>;
export type ReinstateEnrollment = Command<
  'ReinstateEnrollment',
  {
    readonly enrollmentId: EnrollmentId;
    readonly reasonCode: string;
    readonly occurredAt: Instant;
    /** As in {@link MoveEnrollmentToVersion}; used if the learner was away for longer than the version keeps. */
    readonly mapping?: { readonly [stepId: string]: string };
    readonly entryPoint?: string;
  }
>;
/** To a newer version of the pathway. */
export type MoveEnrollmentToVersion = Command<
  'MoveEnrollmentToVersion',
  {
    readonly enrollmentId: EnrollmentId;
    readonly version: number;
    /** Step of the version left → step of the new one; a step not named goes on under its own id, if that is there. */
    readonly mapping?: { readonly [stepId: string]: string };
    /** Entry point of the new version that stands for the learner's own; left out: the one of the same id. */
    readonly entryPoint?: string;
    readonly reasonCode: string;
    readonly occurredAt: Instant;
    /** The EnrollmentMovedToVersion that is taken back: `version` is then the one it left. */
    readonly undoes?: string;
  }
>;
export type StartModule = Command<
  'StartModule',
  {
    readonly learnerId: LearnerId;
    readonly enrollmentId?: EnrollmentId;
    readonly moduleId: ModuleId;
    readonly occurredAt: Instant;
  }
>;
export type CompleteModule = Command<
  'CompleteModule',
  {
    readonly learnerId: LearnerId;
    /** Named by an enrollment's route: it must then be open and its version must name the module. */
    readonly enrollmentId?: EnrollmentId;
    readonly moduleId: ModuleId;
    readonly score?: number;
    readonly honours?: boolean;
    readonly evidenceRef?: string;
    readonly assessor?: string;
    readonly source: string;
    readonly sourceId?: string;
    readonly occurredAt: Instant;
  }
>;
export type InvalidateModuleCompletion = Command<
  'InvalidateModuleCompletion',
  {
    readonly learnerId: LearnerId;
    /** Id of the ModuleCompleted event. */
    readonly completion: string;
    readonly reasonCode: string;
    readonly authority?: string;
    readonly occurredAt: Instant;
  }
>;
export type WaiveRequirement = Command<
  'WaiveRequirement',
  Decided & { readonly enrollmentId: EnrollmentId; readonly requirementId: string; readonly occurredAt: Instant }
>;
export type WithdrawWaiver = Command<
  'WithdrawWaiver',
  Decided & { readonly enrollmentId: EnrollmentId; readonly requirementId: string; readonly occurredAt: Instant }
>;
/** A credential or module from outside, accepted by a named authority; or a note of an own credential's term. */
export type CreditStackComponent = Command<
  'CreditStackComponent',
  {
    readonly learnerId: LearnerId;
    readonly componentId: string;
    readonly origin: 'own' | 'recognised';
    readonly templateId?: TemplateId;
    readonly moduleId?: ModuleId;
    readonly serial?: number;
    readonly validFrom: Instant;
    readonly validUntil?: Instant;
    readonly achievedAt?: Instant;
    readonly credits?: number;
    readonly area?: string;
    readonly level?: number;
    readonly ref: string;
    readonly authority?: string;
    readonly reasonCode?: string;
    readonly occurredAt: Instant;
  }
>;
export type WithdrawStackComponent = Command<
  'WithdrawStackComponent',
  {
    readonly learnerId: LearnerId;
    readonly componentId: string;
    readonly cause: 'revoked' | 'expired' | 'suspended' | 'superseded';
    readonly effectiveAt: Instant;
    readonly ref: string;
    readonly authority?: string;
    readonly reasonCode?: string;
  }
>;
export type GrantCredential = Command<
  'GrantCredential',
  Decided & {
    readonly learnerId: LearnerId;
    readonly templateId: TemplateId;
    readonly replaces?: CredentialId;
    /** What is replaced was right to be issued, but says something wrong: it is superseded, not revoked. */
    readonly corrects?: boolean;
    readonly occurredAt: Instant;
  }
>;
/** A named authority decides that a credential gets a further term, within its window and grace. */
export type GrantRenewal = Command<
  'GrantRenewal',
  Decided & { readonly learnerId: LearnerId; readonly credentialId: CredentialId; readonly occurredAt: Instant }
>;
/** A named authority takes back that a credential got a further term by its decision. */
export type WithdrawRenewal = Command<
  'WithdrawRenewal',
  Decided & {
    readonly learnerId: LearnerId;
    readonly credentialId: CredentialId;
    readonly serial: number;
    readonly occurredAt: Instant;
  }
>;
export type CloseRecord = Command<
  'CloseRecord',
  { readonly learnerId: LearnerId; readonly why: 'erased' | 'merged'; readonly into?: LearnerId }
>;
/** Takes a closed record into that of `learnerId`: both are one person. */
export type AbsorbRecord = Command<'AbsorbRecord', { readonly learnerId: LearnerId; readonly from: LearnerId }>;
/** The other way; what rested on it here is flagged. */
export type ReleaseRecord = Command<
  'ReleaseRecord',
  { readonly learnerId: LearnerId; readonly from: LearnerId; readonly because: string }
>;
/** Reopens a record with what was sent to its learner while it was closed; `from`: in whose record that is. */
export type ReopenRecord = Command<'ReopenRecord', { readonly learnerId: LearnerId; readonly from: LearnerId }>;

/**
 * Of any of these: in whose record it is to be decided, if the learner was merged into another. The learner or enrollment
 * that it names stays, so that an un-merge can give it back.
 */
export type InRecord = { readonly record?: LearnerId };

/** Carries a decided merge out: closes the one record and absorbs it into the other. */
export type CarryOutMerge = Command<'CarryOutMerge', { readonly learnerId: LearnerId; readonly into: LearnerId }>;
/** Carries a decided un-merge out: releases and reopens. `because`: the event that decided it. */
export type CarryOutUnmerge = Command<
  'CarryOutUnmerge',
  { readonly learnerId: LearnerId; readonly from: LearnerId; readonly because: string }
>;

export type RecordCommand =
  | EnrollLearner
  | WithdrawEnrollment
  | ReinstateEnrollment
  | MoveEnrollmentToVersion
  | StartModule
  | CompleteModule
  | InvalidateModuleCompletion
  | WaiveRequirement
  | WithdrawWaiver
  | CreditStackComponent
  | WithdrawStackComponent
  | GrantCredential
  | GrantRenewal
  | WithdrawRenewal
  | CloseRecord
  | AbsorbRecord
  | ReleaseRecord
  | ReopenRecord;
