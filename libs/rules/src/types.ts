// The requirement language: what a rule may say (isomorphic to the CTDL ComponentCondition), and the facts it looks at.
import type { Instant } from '@cairn/kernel';

/** Unique within a pathway version; kebab-case or the institution's own code. */
export type StepId = string;
/** Modules and templates are named by their bare ids once published; drafts may name them by slug. */
type ModuleRef = string;
type TemplateRef = string;
/** ISO 8601 duration of whole years, months, weeks or days: `P60D`, `P5Y`, `P24M`. */
export type Duration = string;
/** A local date `2026-03-10`, in the zone of the rule's issuer. */
export type LocalDate = string;

/** Which facts bring credits. A list names modules or templates; the other form picks by what the fact carries. */
export type Selector =
  | readonly string[]
  | {
      readonly area?: string;
      readonly level?: number;
      /** `external`: recognised from outside; `own`: earned here. */
      readonly origin?: 'own' | 'external';
    };

/** Limits that any node may carry. */
export type Limits = {
  /** Given by the author, or by `withRequirementIds` from the node's place: what a waiver names. */
  readonly id?: string;
  /** Some choice of attempts lies within that many local days of each other. */
  readonly within?: Duration;
  /** First and last local day that counts. */
  readonly notBefore?: LocalDate;
  readonly notAfter?: LocalDate;
  /** A fact counts until the start of the local day that much later. */
  readonly maxAge?: Duration;
};

export type Requirement =
  /** A bare id is a step. */
  | StepId
  | (Limits & { readonly step: StepId })
  | (Limits & {
      readonly module: ModuleRef;
      readonly minGrade?: number;
      /** The module counts, in all its attempts together, for at most `n` awards of the group. */
      readonly uses?: { readonly n: number; readonly group: string };
    })
  | (Limits & { readonly credential: TemplateRef })
  | (Limits & { readonly all: readonly Requirement[] })
  | (Limits & { readonly any: readonly Requirement[] })
  | (Limits & { readonly atLeast: number; readonly of: readonly Requirement[] })
  | (Limits & {
      /** Distinct counted completions sum to at least this many, after caps and ageing. */
      readonly credits: number;
      readonly from: Selector;
      readonly minGrade?: number;
      /** The items counted span at least `min` areas. */
      readonly distinct?: { readonly by: 'area'; readonly min: number };
      /** Credits from the selector are trimmed to the maximum: a number, or per cent of `credits` such as `50%`. */
      readonly cap?: readonly { readonly from: Selector; readonly max: number | `${number}%` }[];
      readonly uses?: { readonly n: number; readonly group: string };
    });

/**
 * `advisory`: shown only. `gate`: a fact counts from when the earlier steps are met, even if it is older.
 * `enforced`: a fact counts only if the earlier steps were met, and their step awards valid, at its own time.
 */
export type Order = 'advisory' | 'gate' | 'enforced';

export type Step = {
  readonly id: StepId;
  readonly title?: string;
  /** Steps before this one. Left out: the order of the list is shown, nothing is demanded. */
  readonly after?: readonly StepId[];
  /** Overrides the pathway's order for this step. */
  readonly order?: Order;
  readonly need: Requirement;
};

export type Award = {
  readonly id: string;
  readonly template: TemplateRef;
  readonly kind: 'step' | 'exit' | 'final';
  readonly when: Requirement;
};

export type EntryPoint = {
  readonly id: string;
  /** The step where one starts. */
  readonly at: StepId;
  /** Earlier steps that count as met when the tree is met; they issue nothing. */
  readonly recognise?: readonly { readonly step: StepId; readonly when: Requirement }[];
};

/** The rules of one pathway version. */
export type PathwayRules = {
  /** IANA zone of the issuer: local days and terms are reckoned in it. */
  readonly zone: string;
  readonly order: Order;
  readonly entryPoints: readonly EntryPoint[];
  readonly steps: readonly Step[];
  readonly awards: readonly Award[];
};

/** Half-open: from is in, until is out; no `until` means for ever. */
export type Interval = { readonly from: Instant; readonly until?: Instant };

/** A module completed, or recognised as completed elsewhere (`external`). `ref` is the id of the recording event. */
export type CompletionFact = {
  readonly kind: 'completion';
  readonly ref: string;
  readonly moduleId: string;
  /** From when it counts. */
  readonly at: Instant;
  /** From when it ages; default `at`. */
  readonly achievedAt?: Instant;
  readonly grade?: number;
  readonly credits: number;
  readonly area?: string;
  readonly level?: number;
  readonly external?: boolean;
};

/** A credential held: own (of any pathway) or recognised. */
export type CredentialFact = {
  readonly kind: 'credential';
  readonly ref: string;
  readonly templateId: string;
  readonly credentialId?: string;
  readonly external?: boolean;
  /** When it is valid: terms less suspensions and ends. Empty for a revoked one: it counts at no time. */
  readonly valid: readonly Interval[];
  readonly achievedAt?: Instant;
  readonly credits?: number;
  readonly area?: string;
  readonly level?: number;
};

/** A named authority's decision that a requirement node is met from `at` on. */
export type WaiverFact = {
  readonly kind: 'waiver';
  readonly ref: string;
  readonly requirementId: string;
  readonly at: Instant;
};

/** A step decided earlier: it stays so until an explicit event takes it back. */
export type StepFact = {
  readonly kind: 'step';
  readonly ref: string;
  readonly stepId: StepId;
  readonly at: Instant;
  /** Recognised at entry: met for good, in later windows too; it issued nothing. */
  readonly recognised?: boolean;
};

export type Fact = CompletionFact | CredentialFact | WaiverFact | StepFact;

export type EvaluationContext = {
  readonly zone: string;
  /** Only facts that begin inside count (renewal windows, a further occurrence). */
  readonly window?: Interval;
  /** Instants that come into question as `since` (enrolled, after the last occurrence ended); left out: all. */
  readonly during?: readonly Interval[];
  /** Awards of a group that have used a module so far: group → module → number of awards. */
  readonly used?: ReadonlyMap<string, ReadonlyMap<string, number>>;
};

/** A node that is not met, with what would meet it in the shortest way known. */
export type Missing = {
  readonly requirementId: string;
  readonly requirement: Requirement;
};

export type Evaluation = {
  readonly met: boolean;
  /** The first instant at which all of it holds. */
  readonly since?: Instant;
  /** Refs of the facts that the decision rests on, in order of time, then id. */
  readonly by: readonly string[];
  /** The met leaf nodes (and waived nodes) behind it, each with its own facts. */
  readonly satisfied: readonly { readonly requirementId: string; readonly by: readonly string[] }[];
  /** The unmet nodes nearest to the leaves. */
  readonly missing: readonly Missing[];
};
