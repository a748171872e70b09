// The report of a verification: numbered checks, and the verdict that follows from them (credentials.md §6).
import type { JsonObject } from '@cairn/kernel';
import type { PresentedForm } from './read.js';

/** Authenticity first, then state: the first that applies. `unknown` stands in both halves. */
export type Verdict =
  | 'malformed'
  | 'tampered'
  | 'unknown-issuer'
  | 'revoked'
  | 'superseded'
  | 'suspended'
  | 'expired'
  | 'not-yet-valid'
  | 'unknown'
  | 'valid';

export type Outcome = 'pass' | 'fail' | 'unknown' | 'skipped';

const CHECKS = {
  read: 1,
  secured: 2,
  structure: 3,
  terms: 4,
  signature: 5,
  'issuer-key': 6,
  claims: 7,
  'life-cycle': 9,
  status: 10,
  validity: 11,
  endorsements: 13,
} as const;
export type CheckName = keyof typeof CHECKS;

/** `code` is stable; `reason` is for people. A failed check of the state has the verdict as its code. */
export type Check = {
  readonly number: number;
  readonly check: CheckName;
  readonly outcome: Outcome;
  readonly code: string;
  readonly reason: string;
};

export type Warning = { readonly code: string; readonly reason: string };

export type VerificationReport = {
  readonly verdict: Verdict;
  /** Code and reason of the check that decided. */
  readonly code: string;
  readonly reason: string;
  readonly checks: readonly Check[];
  readonly warnings: readonly Warning[];
  /** Absent if nothing could be read. */
  readonly form?: PresentedForm;
  /** What was read, without the claims that repeat it. Believe it only as far as the verdict goes. */
  readonly credential?: JsonObject;
  readonly issuerId?: string;
  /** RFC 7638 thumbprint of the key that the signature names. */
  readonly keyThumbprint?: string;
};

const FAILED: Readonly<Partial<Record<CheckName, Verdict>>> = {
  read: 'malformed',
  secured: 'malformed',
  structure: 'malformed',
  terms: 'malformed',
  claims: 'malformed',
  signature: 'tampered',
  'issuer-key': 'unknown-issuer',
};
const AUTHENTICITY: readonly Verdict[] = ['malformed', 'tampered', 'unknown-issuer'];
const STATE: readonly Verdict[] = ['revoked', 'superseded', 'suspended', 'expired', 'not-yet-valid'];
const decidesState = (check: CheckName): boolean => CHECKS[check] >= 9 && CHECKS[check] <= 11;

const consequence = ({ check, code }: Check): Verdict => FAILED[check] ?? (code as Verdict);

/** The check that decides, by the order of the verdicts; a report without one is valid. Endorsements never decide. */
function deciding(checks: readonly Check[]): readonly [Verdict, Check] | undefined {
  const failed = checks.filter((each) => each.outcome === 'fail');
  const open = checks.filter((each) => each.outcome === 'unknown');
  const first = (verdicts: readonly Verdict[]): readonly [Verdict, Check] | undefined => {
    for (const verdict of verdicts) {
      const check = failed.find((each) => consequence(each) === verdict);
      if (check) return [verdict, check];
    }
    return undefined;
  };
  const unknown = (part: (check: CheckName) => boolean): readonly [Verdict, Check] | undefined => {
    const check = open.find((each) => part(each.check));
    return check && ['unknown', check];
  };
  return (
    first(AUTHENTICITY) ??
    unknown((check) => CHECKS[check] <= 7) ??
    first(STATE) ??
    unknown((check) => decidesState(check))
  );
}

/** Collects checks in any order, the first word on each stands; `report` gives them by number with the verdict. */
export function createReport() {
  const checks: Check[] = [];
  const warnings: Warning[] = [];
  return {
    add: (check: CheckName, outcome: Outcome, code: string, reason: string): void => {
      if (!checks.some((each) => each.check === check))
        checks.push({ number: CHECKS[check], check, outcome, code, reason });
    },
    warn: (code: string, reason: string): void => {
      warnings.push({ code, reason });
    },
    report: (
      known: Pick<VerificationReport, 'form' | 'credential' | 'issuerId' | 'keyThumbprint'>,
    ): VerificationReport => {
      const inOrder = (Object.keys(CHECKS) as CheckName[]).map(
        (check): Check =>
          checks.find((each) => each.check === check) ?? {
            number: CHECKS[check],
            check,
            outcome: 'skipped',
            code: 'not-reached',
            reason: 'an earlier check failed, or there is nothing to check',
          },
      );
      const decision = deciding(inOrder);
      // Nothing is valid by omission: signature, key and term must have passed, not merely failed to fail.
      const proven = (['signature', 'issuer-key', 'structure', 'validity'] as const).every((name) =>
        inOrder.some((each) => each.check === name && each.outcome === 'pass'),
      );
      const [verdict, { code, reason }] = decision ?? [
        proven ? 'valid' : 'unknown',
        proven
          ? { code: 'valid', reason: 'every check that applies passed' }
          : { code: 'not-established', reason: 'a check that is needed was not made' },
      ];
      return { verdict, code, reason, checks: inOrder, warnings, ...known };
    },
  };
}

export type ReportBuilder = ReturnType<typeof createReport>;
