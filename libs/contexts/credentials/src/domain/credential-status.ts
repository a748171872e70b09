// What a credential is at an instant, computed from its own events at the time of reading: nothing is stored, so
// nothing can be stale (D5). Two axes: `asOf` is effective time, `knownAt` is recorded time (domain.md §9).
import type { CredentialId, Instant, Recorded, TemplateId } from '@cairn/kernel';
import type { CredentialEvent } from '../contracts/credential.events.js';
import type { CredentialStatus } from '../contracts/verification-answer.js';

type EventOfType<T extends CredentialEvent['type']> = Recorded<Extract<CredentialEvent, { type: T }>>;

export type OpenFlag = {
  readonly cause: string;
  readonly since: Instant;
  readonly componentTemplateId?: TemplateId;
};

/** A term and the signed copy that says so. */
export type StandingTerm = Pick<
  EventOfType<'credential-issued'>['data'] | EventOfType<'credential-renewed'>['data'],
  'serial' | 'validFrom' | 'validUntil' | 'vcHash' | 'keyId' | 'basis'
> & {
  readonly renewal?: { readonly opens: Instant; readonly closes: Instant };
  readonly recordedAt: Instant;
};

export type Standing = {
  readonly issued: EventOfType<'credential-issued'>;
  readonly status: CredentialStatus;
  readonly since: Instant;
  readonly reason?: string;
  /** The term that runs at `asOf`; else the last one that had begun, or the first. */
  readonly term: StandingTerm;
  /** As issued and renewed by `asOf`; the last one may begin later. */
  readonly terms: readonly StandingTerm[];
  /** The newest copy that was known: what its holder has. */
  readonly copy: StandingTerm;
  /** The edition in its place. */
  readonly supersededBy?: CredentialId;
  /** Open at `asOf`, in the order they began. */
  readonly flags: readonly OpenFlag[];
  /** What was known and in effect, in the order of the stream. */
  readonly events: readonly Recorded<CredentialEvent>[];
};

/**
 * The standing of a credential; undefined if no issuance was known at `knownAt` (then it is not found).
 * `events` is the whole stream in order. Without `knownAt` all of it is used.
 * Terms are half-open. The first that applies: revoked, superseded, suspended, expired, not-yet-valid, valid.
 */
export function standingOf(
  events: readonly Recorded<CredentialEvent>[],
  { asOf, knownAt }: { readonly asOf: Instant; readonly knownAt?: Instant | undefined },
): Standing | undefined {
  const known = knownAt === undefined ? events : events.filter((event) => event.meta.recordedAt <= knownAt);
  const issued = known.find((event) => event.type === 'credential-issued');
  if (!issued) return undefined;
  const effective = known.filter((event) => event === issued || effectiveAt(event) <= asOf);
  const terms = termsIn(effective);
  const begun = terms.findLastIndex(({ validFrom }) => validFrom <= asOf);
  const term = terms[Math.max(begun, 0)] as StandingTerm;
  const superseded = effective.find((event) => event.type === 'credential-superseded');
  const base = {
    issued,
    term,
    terms,
    copy: termsIn(known).at(-1) as StandingTerm,
    ...(superseded ? { supersededBy: superseded.data.by } : {}),
    flags: openFlags(known, asOf),
    events: effective,
  };
  const { awardedAt } = issued.data;
  const { validFrom, validUntil } = term;
  const revoked = effective.find((event) => event.type === 'credential-revoked');
  if (revoked) return { ...base, status: 'revoked', since: revoked.data.effectiveAt, reason: revoked.data.reasonCode };
  if (superseded)
    return { ...base, status: 'superseded', since: superseded.data.effectiveAt, reason: superseded.data.reasonCode };
  const suspension = openSuspension(known, asOf);
  if (suspension) return { ...base, status: 'suspended', since: suspension.effectiveAt, reason: suspension.reasonCode };
  if (validUntil !== undefined && asOf >= validUntil) return { ...base, status: 'expired', since: validUntil };
  if (asOf < validFrom)
    return { ...base, status: 'not-yet-valid', since: awardedAt < validFrom ? awardedAt : validFrom };
  // Terms that meet are one time of validity.
  let first = begun;
  while (first > 0 && (terms[first - 1]?.validUntil ?? '') >= (terms[first]?.validFrom ?? '')) first--;
  return { ...base, status: 'valid', since: terms[first]?.validFrom ?? validFrom };
}

function termsIn(events: readonly Recorded<CredentialEvent>[]): readonly StandingTerm[] {
  return events.flatMap((event) =>
    event.type === 'credential-issued' || event.type === 'credential-renewed'
      ? [{ ...event.data, recordedAt: event.meta.recordedAt }]
      : [],
  );
}

/**
 * The instant that "now" means for a stream: the clock, or what was recorded last by a clock that is ahead of ours.
 * So a revocation that is in the log is never read away by a difference between clocks (D5).
 */
export function nowFor(events: readonly Recorded[], clock: Instant): Instant {
  const last = events.at(-1)?.meta.recordedAt;
  return last !== undefined && last > clock ? last : clock;
}

/** From when an event counts on the effective axis. */
export function effectiveAt(event: Recorded<CredentialEvent>): Instant {
  switch (event.type) {
    case 'credential-issued':
      return event.data.validFrom;
    case 'credential-renewed':
      return event.data.at;
    case 'credential-expired':
      return event.data.validUntil;
    case 'renewal-window-opened':
      return event.data.opens;
    case 'renewal-window-closed':
      return event.data.closes;
    case 'renewal-reminder-requested':
      return event.data.dueAt;
    default:
      return event.data.effectiveAt;
  }
}

/** The hold that has suspended it longest; undefined if each was ended by its own counterpart. */
const openSuspension = (known: readonly Recorded<CredentialEvent>[], asOf: Instant) =>
  openSpans(
    known,
    asOf,
    (event) => (event.type === 'credential-suspended' ? event.data : undefined),
    (event) => (event.type === 'credential-reinstated' ? event.data : undefined),
  )[0];

const openFlags = (known: readonly Recorded<CredentialEvent>[], asOf: Instant): readonly OpenFlag[] =>
  openSpans(
    known,
    asOf,
    (event) => (event.type === 'credential-flagged' ? event.data : undefined),
    (event) => (event.type === 'credential-unflagged' ? event.data : undefined),
  ).map(({ cause, effectiveAt: since, componentTemplateId }) => ({
    cause,
    since,
    ...(componentTemplateId === undefined ? {} : { componentTemplateId }),
  }));

type Edge = { readonly hold: string; readonly effectiveAt: Instant };

/**
 * What had begun by `asOf` and not ended, in the order in which it began. Each end ends what stood under its name when
 * it was recorded, and nothing else: a hold that was back-dated and lifted again leaves a later one of that name alone.
 */
function openSpans<B extends Edge>(
  known: readonly Recorded<CredentialEvent>[],
  asOf: Instant,
  beginningOf: (event: Recorded<CredentialEvent>) => B | undefined,
  endOf: (event: Recorded<CredentialEvent>) => Edge | undefined,
): readonly B[] {
  const open: B[] = [];
  const standing = new Map<string, B>();
  const leave = (hold: string): void => {
    const begun = standing.get(hold);
    if (begun && begun.effectiveAt <= asOf) open.push(begun);
  };
  for (const event of known) {
    const beginning = beginningOf(event);
    if (beginning) standing.set(beginning.hold, beginning);
    const end = endOf(event);
    if (!end) continue;
    if (end.effectiveAt > asOf) leave(end.hold);
    standing.delete(end.hold);
  }
  for (const hold of standing.keys()) leave(hold);
  return open.toSorted((a, b) => (a.effectiveAt < b.effectiveAt ? -1 : a.effectiveAt > b.effectiveAt ? 1 : 0));
}
