// Why a credential exists: what was decided, by which rule, on which facts, and whether the same decision follows again.
// Whatever only staff may see sits in a member named `staff`; `withoutStaffFields` takes those away (feature L16).
import type { Instant } from '@cairn/kernel';
import type { CredentialStatus, LanguageMap } from './verification-answer.js';

/** Envelope of a recorded event; for staff and auditors (U3). */
export type EventTrace = {
  /** `evt_…` */
  readonly event: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly actor: string;
  readonly correlation: string;
  /** Id of the command that recorded it. */
  readonly command: string;
  /** `evt_…` of the event that a reactor answered with that command. */
  readonly causedBy?: string;
};

/** One fact that a requirement was met by. */
export type ExplainFact = {
  readonly kind: 'completion' | 'recognition' | 'credential' | 'waiver' | 'step' | 'other';
  /** "Module DS-310 Statistics completed with 62" */
  readonly text: LanguageMap;
  /** When it was true, and when it was written down. */
  readonly at: Instant;
  readonly recordedAt: Instant;
  /** Channel it came by: `lms`, `oulad`, …; for a decision by people, absent. */
  readonly source?: string;
  readonly score?: number;
  readonly credits?: number;
  /** `crd_…` and page, if the fact is a credential of ours. */
  readonly credential?: string;
  readonly page?: string;
  /** A decision by people: who was entitled to take it, and why. */
  readonly authority?: string;
  readonly reason?: string;
  /** A fact that was taken back later. */
  readonly withdrawn?: boolean;
  readonly staff?: {
    readonly sourceId?: string;
    readonly evidenceRef?: string;
    readonly assessor?: string;
    readonly trace: EventTrace;
  };
};

export type ExplainRequirement = {
  /** Place in the rule tree: `L3/0`. */
  readonly requirement: string;
  /** The requirement in plain words. */
  readonly text: LanguageMap;
  /** Met by a named authority's waiver. */
  readonly waived: boolean;
  readonly facts: readonly ExplainFact[];
};

/** A change of the credential's standing, and why: the nearest cause first, each the reason for the one before it. */
export type ExplainChange = {
  readonly what:
    | 'suspended'
    | 'reinstated'
    | 'flagged'
    | 'flag-lifted'
    | 'revoked'
    | 'superseded'
    | 'expired'
    | 'renewal-opened'
    | 'renewal-closed';
  readonly at: Instant;
  readonly recordedAt: Instant;
  readonly text: LanguageMap;
  /** A decision by people. */
  readonly reason?: string;
  readonly authority?: string;
  readonly causes: readonly {
    readonly text: LanguageMap;
    readonly at: Instant;
    readonly recordedAt: Instant;
    readonly staff?: { readonly trace: EventTrace };
  }[];
  readonly staff?: { readonly trace: EventTrace };
};

/** Why there is a further term: the facts that met the renewal requirement, or an authority's decision. */
export type ExplainRenewal = {
  readonly serial: number;
  readonly validFrom: Instant;
  readonly validUntil: Instant;
  readonly kind: 'earned' | 'granted';
  /** When it was met or decided, and when that was recorded. */
  readonly at: Instant;
  readonly recordedAt: Instant;
  readonly reason?: string;
  readonly authority?: string;
  readonly text: LanguageMap;
  readonly requirements: readonly ExplainRequirement[];
  /** As for the award: decided again from the facts of then. */
  readonly matches: boolean | null;
  readonly mismatch?: string;
  readonly staff?: { readonly trace: EventTrace };
};

export type ExplainAnswer = {
  /** `crd_…` */
  readonly credential: string;
  readonly title: LanguageMap;
  readonly status: CredentialStatus;
  /** The whole story in one or two sentences. */
  readonly text: LanguageMap;
  readonly issued: {
    readonly at: Instant;
    readonly recordedAt: Instant;
    readonly issuer: { readonly id: string; readonly name: string };
    readonly key: string;
    readonly serial: number;
    readonly validFrom: Instant;
    readonly validUntil?: Instant;
    readonly staff?: { readonly trace: EventTrace };
  };
  readonly decision: {
    readonly kind: 'earned' | 'granted';
    /** When the rule was first met, and when it was decided. */
    readonly at: Instant;
    readonly recordedAt: Instant;
    readonly occurrence: number;
    readonly edition: number;
    /** A grant's reason and authority. */
    readonly reason?: string;
    readonly authority?: string;
    /** The decision was taken back later. */
    readonly withdrawn: boolean;
    readonly staff?: { readonly trace: EventTrace };
  };
  /** The published rule that was applied; absent for a grant outside any pathway. */
  readonly rule?: {
    readonly pathway: LanguageMap;
    readonly pathwaySlug: string;
    readonly version: number;
    readonly label: string;
    /** SHA-256 of the published version: frozen in the decision. */
    readonly hash: string;
    readonly award: string;
    readonly text: LanguageMap;
  };
  readonly requirements: readonly ExplainRequirement[];
  /** What brought each further term, oldest first; none: left out. */
  readonly renewals?: readonly ExplainRenewal[];
  /** What changed its standing since, oldest first, each with the chain of its causes; nothing: left out. */
  readonly changes?: readonly ExplainChange[];
  /** Credentials that it rests on, as they stood at the instant asked about. */
  readonly components: readonly {
    readonly credential?: string;
    readonly title: LanguageMap;
    readonly status: CredentialStatus;
    readonly page?: string;
  }[];
  /** The tree evaluated again with the pinned version over the facts of then. Null: nothing to evaluate (a grant). */
  readonly matches: boolean | null;
  /** If `matches` is false: what differs. */
  readonly mismatch?: string;
  /** All events of the explanation in the order of the log; for staff. */
  readonly staff?: {
    readonly events: readonly (EventTrace & { readonly at: Instant; readonly recordedAt: Instant })[];
  };
};

/** The learner's view: the same facts without anything that only staff may see. */
export function withoutStaffFields(answer: ExplainAnswer): ExplainAnswer {
  return strip(answer) as ExplainAnswer;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'staff')
      .map(([key, member]) => [key, strip(member)]),
  );
}
