// What is known of a learner: the shape of the record's state. Every part that grows with the record is a persistent map.
import type { EnrollmentId, EventOf, Instant, LearnerId, ModuleId, TemplateId } from '@cairn/kernel';
import type { FactBase, Interval, PersistentMap, StepId } from '@cairn/rules';
import type {
  credentialEarned,
  credentialGranted,
  EnrollmentRef,
  moduleCompleted,
  RecordEvent,
  stackComponentCredited,
  stepSatisfied,
} from '../contracts/record.events.js';

type ModuleCompletedData = EventOf<typeof moduleCompleted>['data'];
type StepSatisfiedData = EventOf<typeof stepSatisfied>['data'];
type AwardData = EventOf<typeof credentialEarned>['data'] | EventOf<typeof credentialGranted>['data'];
export type CreditedData = EventOf<typeof stackComponentCredited>['data'];
export type MovedData = Extract<RecordEvent, { type: 'enrollment-moved-to-version' }>['data'];
export type RenewalData = Extract<RecordEvent, { type: 'renewal-earned' }>['data'];
export type WithdrawnData = Extract<RecordEvent, { type: 'stack-component-withdrawn' }>['data'];
export type ComponentPolicyEvent = Extract<RecordEvent, { type: 'component-policy-applied' }>;

export type StepState = {
  /** Id of the StepSatisfied. */
  readonly ref: string;
  readonly data: StepSatisfiedData;
};
export type WaiverState = {
  readonly ref: string;
  readonly at: Instant;
  readonly authority: string;
  readonly reasonCode: string;
  /** The waiver of another enrollment that it repeats. */
  readonly carries?: string;
};

/** One attempt at one pathway. */
export type EnrollmentState = {
  /** Running number within the record. */
  readonly number: number;
  readonly ref: EnrollmentRef;
  readonly attempt: number;
  readonly rulesHash: string;
  readonly joinedAt: Instant;
  readonly because?: EnrollmentId;
  /** When the learner was withdrawn; the last one is open while it lasts. */
  readonly away: readonly Interval[];
  /** It stands aside for an enrollment of the same person in the same pathway. */
  readonly standsAside?: true;
  /** Steps satisfied now. */
  readonly steps: ReadonlyMap<StepId, StepState>;
  /** Steps reached, and steps that count in order: the sums of the deltas that events carry. */
  readonly opened: ReadonlySet<StepId>;
  readonly inOrder: ReadonlySet<StepId>;
  /** Steps re-opened by the end of a component: met anew only from that instant on. */
  readonly onlyFrom: ReadonlyMap<StepId, Instant>;
  /** Waivers that stand, by requirement. */
  readonly waivers: ReadonlyMap<string, WaiverState>;
  /** Its steps and waivers as facts for its rules. */
  readonly own: FactBase;
  readonly lastMove?: LastMove;
};

/** How an enrollment came to its version: what it takes to undo it. */
type LastMove = Pick<MovedData, 'mapping'> & {
  /** Id of the EnrollmentMovedToVersion. */
  readonly ref: string;
  readonly from: { readonly version: number; readonly entryPoint: string };
  /** Waivers that ended with it, by the requirement of the version left: they come back with that version. */
  readonly waivers: ReadonlyMap<string, WaiverState>;
  /** The command, and ids of the steps and awards that the same append decided. */
  readonly command: string;
  readonly decided: ReadonlySet<string>;
};

export type CompletionState = {
  readonly ref: string;
  readonly at: Instant;
  readonly data: ModuleCompletedData;
  readonly valid: boolean;
};
export type ModuleRecord = {
  /** Completions recorded so far, invalidated ones too: attempt numbers are never used twice. */
  readonly attempts: number;
  readonly begun: boolean;
};

/** A credential or module in the stack: own terms, or what was recognised from outside. */
export type ComponentState = {
  readonly origin: 'own' | 'recognised';
  /** Who it was credited to: after a merge perhaps another than whose record this is. */
  readonly of: LearnerId;
  readonly templateId?: TemplateId;
  readonly moduleId?: ModuleId;
  /** Facts made of it: ids of the StackComponentCredited. */
  readonly facts: readonly string[];
  /** References noted so far: each is noted once. */
  readonly noted: readonly string[];
  /** The end noted since it was last credited; a revocation is for good. */
  readonly end?: { readonly cause: WithdrawnData['cause']; readonly at: Instant };
};

export type Hold = Pick<ComponentPolicyEvent['data'], 'cause' | 'effect' | 'effectiveAt' | 'componentTemplateId'>;

/** A further term of what is held. */
export type RenewalState = {
  /** Id of the RenewalEarned. */
  readonly ref: string;
  readonly data: RenewalData;
  /** The facts that it used do not stand any more, and none in their place. */
  readonly withdrawn?: Instant;
  /** An authority's decision that was taken back: it stands only by facts from then on. */
  readonly undecided?: true;
};

/** The latest occurrence of a template that the learner earned or was granted. */
export type HoldingState = {
  /** Id of the CredentialEarned or CredentialGranted. */
  readonly ref: string;
  readonly data: AwardData;
  readonly granted: boolean;
  /** The facts that do not stand any more took the entitlement; the credential is held all the same, under a hold. */
  readonly withdrawn?: Instant;
  /** Revoked, from that instant. `withdrawn`: because its entitlement was; then all standing facts count again. */
  readonly ended?: { readonly at: Instant; readonly because: 'revoked' | 'withdrawn' };
  readonly holds: ReadonlyMap<string, Hold>;
  /** Its further terms, in order: the first has serial 2. */
  readonly renewals: readonly RenewalState[];
  /** The occurrence (or edition) before it. */
  readonly previous?: HoldingState;
};

/** A record that was taken into this one. */
export type Absorbed = {
  /** Whose record took it in: this one, or one that was taken in itself. */
  readonly under: LearnerId;
  /** Ids of its events. */
  readonly ids: ReadonlySet<string>;
};

export type RecordState = {
  readonly closed: boolean;
  /** It is closed since its learner goes on in the record of another. */
  readonly mergedInto?: LearnerId;
  readonly absorbed: ReadonlyMap<LearnerId, Absorbed>;
  readonly learnerId?: LearnerId;
  /** Number n stands at index n - 1. */
  readonly enrollments: readonly EnrollmentState[];
  /** Completions and credentials as facts for every enrollment. */
  readonly facts: FactBase;
  readonly modules: PersistentMap<ModuleRecord>;
  readonly completions: PersistentMap<CompletionState>;
  /** Completion by `source` and `sourceId`, and completions by module, UTC day and grade; those that stand. */
  readonly bySource: PersistentMap<string>;
  readonly byDay: PersistentMap<readonly string[]>;
  /** Ids of completions invalidated and waivers withdrawn. */
  readonly fallen: PersistentMap<true>;
  readonly components: PersistentMap<ComponentState>;
  /** Components of each template, own and recognised. */
  readonly componentsOf: PersistentMap<readonly string[]>;
  readonly holdings: PersistentMap<HoldingState>;
  /** Template of each credential earned or granted here. */
  readonly templateOf: PersistentMap<TemplateId>;
  /** What each StepSatisfied rests on, taken back or not. */
  readonly behindStep: PersistentMap<readonly string[]>;
};
