// What anyone may learn about one credential: the answer of `GET /c/{id}.json` and the data of the page `/c/{id}`.
// Nothing here names the learner's id (architecture §5); instants are UTC with milliseconds, terms are half-open.
import type { Instant } from '@cairn/kernel';

/** A text for people by language tag: `{en: "…"}`; `en` is always there. */
export type LanguageMap = { readonly [language: string]: string };

/** The first that applies, in this order. `unknown`: something needed could not be established; never shown as valid. */
export const CREDENTIAL_STATUSES = [
  'revoked',
  'superseded',
  'suspended',
  'expired',
  'not-yet-valid',
  'unknown',
  'valid',
] as const;
export type CredentialStatus = (typeof CREDENTIAL_STATUSES)[number];

/**
 * `life-cycle`: the credential's own events. `term`: the dates. `signature`: the stored signed copy against the
 * issuer's published key. `content`: the signed copy says what the event says. `basis`: the decision behind it exists
 * and is about this credential.
 */
export const VERIFICATION_CHECKS = ['life-cycle', 'term', 'signature', 'content', 'basis'] as const;
export type VerificationCheck = {
  readonly check: (typeof VERIFICATION_CHECKS)[number];
  /** `skipped`: not needed for the verdict, for instance because the signed copy was erased with the holder's data. */
  readonly outcome: 'pass' | 'fail' | 'unknown' | 'skipped';
  /** What was compared with what, technical: `key Nzb… of did:web:…`. */
  readonly compared: string;
  /** One sentence for people. */
  readonly text: LanguageMap;
};

/** One entry of the life cycle, oldest first; only what counts at `asOf` and was known at `knownAt`. */
export type HistoryEntry = {
  readonly what:
    | 'issued'
    | 'renewed'
    | 'flagged'
    | 'flag-lifted'
    | 'suspended'
    | 'reinstated'
    | 'renewal-opened'
    | 'renewal-closed'
    | 'expired'
    | 'superseded'
    | 'revoked';
  /** Since when it was true. */
  readonly at: Instant;
  /** When it was written down. */
  readonly recordedAt: Instant;
  /** Kebab-case code: of the reason for a revocation, of the cause for a flag. */
  readonly reason?: string;
  readonly text: LanguageMap;
  /** Place in the credential's own stream. */
  readonly revision: number;
};

export type TermEntry = { readonly serial: number; readonly validFrom: Instant; readonly validUntil?: Instant };

/** A remark on a credential that is still valid: something that it rests on has lapsed. */
export type FlagEntry = {
  /** `component-revoked`, `component-expired`, `entitlement-withdrawn`. */
  readonly cause: string;
  readonly since: Instant;
  /** Title of the component that lapsed. */
  readonly component?: LanguageMap;
  readonly text: LanguageMap;
};

/** A credential that this one rests on. */
export type StackEntry = {
  /** `crd_…`; absent for one recognised from outside. */
  readonly credential?: string;
  readonly title: LanguageMap;
  /** By its own stream, at the same `asOf` and `knownAt`; `unknown` for one from outside. */
  readonly status: CredentialStatus;
  readonly page?: string;
};

export type VerificationAnswer = {
  /** `crd_…` */
  readonly credential: string;
  readonly status: CredentialStatus;
  /** Since when the status holds; absent for `unknown`. */
  readonly since?: Instant;
  /** Kebab-case code: of the revocation; for `unknown`, what could not be established (`stream-unreadable`, …). */
  readonly reason?: string;
  /** The verdict in one sentence. */
  readonly text: LanguageMap;
  /** Effective time asked about, and how much of the log was used. */
  readonly asOf: Instant;
  readonly knownAt: Instant;
  readonly checks: readonly VerificationCheck[];

  /** Everything below is absent where it could not be established (status `unknown`). */
  readonly title?: LanguageMap;
  readonly description?: LanguageMap;
  /** Open Badges 3.0 achievement type: `MicroCredential`, `Certificate`, … */
  readonly achievementType?: string;
  readonly level?: { readonly number: number; readonly text: LanguageMap };
  readonly credits?: number;
  /** What had to be shown, in words of the institution. */
  readonly criteriaText?: LanguageMap;
  /** URL of the achievement: what the signed copy names. */
  readonly criteria?: string;
  readonly alignments?: readonly { readonly name: string; readonly url: string; readonly framework?: string }[];
  readonly issuer?: { readonly id: string; readonly name: string; readonly url?: string };

  /** Null when no name is known or the person was erased; the status stays. */
  readonly holder: { readonly name: string } | null;
  /** Why `holder` is null; `unknown` if it could not be established. */
  readonly holderIs: 'named' | 'not-given' | 'erased' | 'unknown';

  /** When it was first awarded. */
  readonly awardedAt?: Instant;
  readonly serial?: number;
  /** The term that runs or ran last, half-open: `validUntil` is the first instant of no validity. */
  readonly validFrom?: Instant;
  readonly validUntil?: Instant;
  /** All terms by then, oldest first; one renewed early ends with a term that begins later. */
  readonly terms?: readonly TermEntry[];
  /** When a fact renews the last term, half-open; absent if it has no renewal or is over for good. */
  readonly renewal?: { readonly opens: Instant; readonly closes: Instant };
  /** Local days in `zone`, for people: first and last day of validity. */
  readonly firstValidDay?: string;
  readonly lastValidDay?: string;
  /** IANA zone of the issuer. */
  readonly zone?: string;

  readonly stack?: {
    readonly restsOn: readonly StackEntry[];
    /** What it counts towards by published pathways. */
    readonly countsTowards: readonly { readonly title: LanguageMap; readonly pathway?: LanguageMap }[];
    /** The rule that was met, in words; absent for a grant by an authority. */
    readonly rule?: LanguageMap;
    readonly pathway?: LanguageMap;
    /** Number and label of the pathway's version. */
    readonly version?: number;
    readonly versionLabel?: string;
  };
  /** Decided by the rule, or granted by a named authority for a reason. */
  readonly basis?: {
    readonly kind: 'earned' | 'granted';
    readonly reason?: string;
    readonly authority?: string;
  };

  readonly flags: readonly FlagEntry[];
  /** `crd_…` of the one that replaced it. */
  readonly supersededBy: string | null;
  readonly history: readonly HistoryEntry[];
  /** Which key signed it, as the issuer's DID document names it, and the SHA-256 of the signed copy. */
  readonly proof?: { readonly key: string; readonly algorithm?: string; readonly sha256: string };
  readonly links: {
    readonly page: string;
    readonly json: string;
    /** The signed copy (VC-JWT); absent once it was erased. */
    readonly credential?: string;
  };
};
