// One enrollment's journey, and what can be said of it at a pair of instants.
import type { Document, Instant } from '@cairn/kernel';
import { MERGED } from '@cairn/contexts/progress';

/** An entry that may be taken back later. `recordedAt`: when the log learnt of it. */
type Entry = Document & {
  readonly at: string;
  readonly recordedAt: string;
  readonly goneAt?: string;
  readonly goneRecordedAt?: string;
};

export type JourneyStep = Document & {
  readonly id: string;
  /** Entries in the order of the log; the last one not gone holds. */
  readonly reached?: readonly Entry[];
  readonly satisfied?: readonly (Entry & { readonly reachedAt: string })[];
  readonly inOrder?: readonly Entry[];
};

export type Journey = Document & {
  readonly tenant: string;
  readonly enrollmentId: string;
  readonly pathwayId: string;
  readonly version: number;
  readonly label: string;
  readonly cohortWeek: string;
  readonly entryPoint: string;
  readonly attempt: number;
  readonly enrolledAt: string;
  readonly enrolledRecordedAt: string;
  /** It came from an older version then: it counts here from that instant on. */
  readonly movedInAt?: string;
  /** It went on to a newer version: it counts here no more. */
  readonly movedOn?: { readonly at: string; readonly recordedAt: string };
  readonly steps: readonly JourneyStep[];
  readonly leaves: readonly (Document & {
    readonly at: string;
    readonly recordedAt: string;
    readonly reasonCode: string;
    readonly back?: { readonly at: string; readonly recordedAt: string };
  })[];
  readonly awards: readonly (Document & {
    readonly credentialId: string;
    readonly awardId: string;
    readonly kind: string;
    readonly from: string;
    readonly until?: string;
    /** Further terms, and when they were decided. */
    readonly renewals?: readonly (Document & {
      readonly from: string;
      readonly until: string;
      readonly at: string;
      readonly recordedAt: string;
    })[];
    readonly recordedAt: string;
    readonly goneAt?: string;
    readonly goneRecordedAt?: string;
  })[];
  readonly activity: readonly (Document & { readonly at: string; readonly recordedAt: string })[];
  readonly lastActivityAt: string;
};

/** The two axes of a question: what was true at `asOf`, by what was known at `knownAt`. */
export type Axes = { readonly asOf: Instant; readonly knownAt: Instant };

/** The entry that holds at the axes, if any. */
export function standing<T extends Entry>(entries: readonly T[] | undefined, axes: Axes): T | undefined {
  return entries?.findLast(
    (entry) =>
      entry.at <= axes.asOf &&
      entry.recordedAt <= axes.knownAt &&
      !(entry.goneAt !== undefined && entry.goneAt <= axes.asOf && (entry.goneRecordedAt as string) <= axes.knownAt),
  );
}

export const isEnrolled = (journey: Journey, axes: Axes): boolean =>
  journey.enrolledAt <= axes.asOf &&
  journey.enrolledRecordedAt <= axes.knownAt &&
  (journey.movedInAt ?? journey.enrolledAt) <= axes.asOf &&
  !(journey.movedOn && journey.movedOn.at <= axes.asOf && journey.movedOn.recordedAt <= axes.knownAt) &&
  !isUndone(journey, axes);

/**
 * Withdrawn as a mistake of the institution, or standing aside for another enrollment of the same person: leaves every
 * count, also of earlier instants.
 */
export const LEAVES_COUNTS: ReadonlySet<string> = new Set(['undone', MERGED]);

function isUndone(journey: Journey, axes: Axes): boolean {
  return journey.leaves.some(
    (leave) =>
      LEAVES_COUNTS.has(leave.reasonCode) &&
      leave.recordedAt <= axes.knownAt &&
      !(leave.back && leave.back.recordedAt <= axes.knownAt),
  );
}

export const JOURNEY_STATES = [
  'expired',
  'completed',
  'exited-with-award',
  'withdrawn',
  'paused',
  'active',
  'drop-off',
] as const;
export type JourneyState = (typeof JOURNEY_STATES)[number];

const DAY_MS = 86_400_000;

/**
 * The state of a journey: the first that applies of expired (all its awards are), completed (holds a final award),
 * exited with award (holds an exit award, and is withdrawn or not active), withdrawn, active (own event within
 * `activeDays` before `asOf`), drop-off.
 */
export function stateOf(journey: Journey, axes: Axes, activeDays: number): JourneyState {
  const awards = journey.awards.filter(
    (award) =>
      award.from <= axes.asOf &&
      award.recordedAt <= axes.knownAt &&
      !(award.goneAt !== undefined && award.goneAt <= axes.asOf && (award.goneRecordedAt as string) <= axes.knownAt),
  );
  const expired = ({ until, renewals = [] }: (typeof awards)[number]): boolean =>
    until !== undefined &&
    until <= axes.asOf &&
    !renewals.some(
      (term) =>
        term.at <= axes.asOf && term.recordedAt <= axes.knownAt && term.from <= axes.asOf && axes.asOf < term.until,
    );
  if (awards.length > 0 && awards.every(expired)) return 'expired';
  if (awards.some((award) => award.kind === 'final')) return 'completed';
  const withdrawn = journey.leaves.some(
    (leave) =>
      leave.at <= axes.asOf &&
      leave.recordedAt <= axes.knownAt &&
      !(leave.back && leave.back.at <= axes.asOf && leave.back.recordedAt <= axes.knownAt),
  );
  const since = Date.parse(axes.asOf) - activeDays * DAY_MS;
  const isActive =
    Date.parse(journey.enrolledAt) > since ||
    journey.activity.some((act) => act.at <= axes.asOf && act.recordedAt <= axes.knownAt && Date.parse(act.at) > since);
  if (awards.some((award) => award.kind === 'exit') && (withdrawn || !isActive)) return 'exited-with-award';
  if (withdrawn) return 'withdrawn';
  return isActive ? 'active' : 'drop-off';
}

/** Milliseconds spent in a step by who has finished it: `at` - `reachedAt`, at least 0. */
export function timeInStepMs(step: JourneyStep, axes: Axes): number | undefined {
  const done = standing(step.satisfied, axes);
  return done === undefined ? undefined : Math.max(0, Date.parse(done.at) - Date.parse(done.reachedAt));
}

/** The p-quantile by the nearest-rank method (the smallest value with at least p of all at or below it). */
export function quantile(sorted: readonly number[], p: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}
