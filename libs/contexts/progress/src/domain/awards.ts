// When a template is held, from when it can be earned again, and what an award is decided in.
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import type { Instant, TemplateId } from '@cairn/kernel';
import { addFact, factsOf, mapGet, renewalWindow, type FactBase, type Interval } from '@cairn/rules';
import type { Draft } from './draft.js';
import type { RecordFacts } from './record.facts.js';
import { enrollmentOf, isOpen } from './record.state.js';
import type { EnrollmentState, HoldingState, RecordState } from './record.types.js';
import type { Version } from './version.js';

/** The published version of a template that an award issues or a credential was earned by. */
export function templateAt(facts: RecordFacts, templateId: TemplateId, version: number): PublishedTemplate {
  const published = facts.templates.get(templateId)?.[version - 1];
  if (!published) throw new RangeError(`version ${version} of template ${templateId} was not loaded`);
  return published;
}

export type EndOfOccurrence = {
  readonly at: Instant;
  /** Only facts that begin from then on count; else all that stand. */
  readonly freshFacts: boolean;
};

/** One term of what is held, half-open. */
export type Term = { readonly serial: number; readonly from: Instant; readonly until?: Instant };

/** The terms that stand, in order: the first, and those that renewals brought and nothing took back. */
export function termsOf({ data, renewals }: HoldingState): readonly [Term, ...Term[]] {
  const { from, until } = data;
  return [
    { serial: 1, from, ...(until === undefined ? {} : { until }) },
    ...renewals.flatMap((renewal) => (renewal.withdrawn === undefined ? [renewal.data] : [])),
  ];
}

/** The term that a holding ends with, as far as anybody knows. */
export const lastTerm = (holding: HoldingState): Term => termsOf(holding).at(-1) as Term;

/** The occurrence before a holding's: the editions of one occurrence are the same award. */
export function occurrenceBefore({ previous, data }: HoldingState): HoldingState | undefined {
  return previous?.data.occurrence === data.occurrence ? occurrenceBefore(previous) : previous;
}

/** The zone that a holding's days are reckoned in: of the rules that it was earned by, else its issuer's. */
export function zoneOf(draft: Draft, { data }: HoldingState): string {
  const enrollment = data.enrollment && enrollmentOf(draft.state(), data.enrollment.enrollmentId);
  if (enrollment) return draft.versionOf(enrollment).rules.zone;
  const { issuerId } = templateAt(draft.facts, data.templateId, data.templateVersion);
  const zone = draft.facts.issuerZones.get(issuerId);
  if (zone === undefined) throw new RangeError(`issuer ${issuerId} of template ${data.templateId} was not loaded`);
  return zone;
}

/** When an occurrence is over: revoked, or past its grace. Undefined: it has no end. `zone` is the issuer's. */
export function endOf(holding: HoldingState, template: PublishedTemplate, zone: string): EndOfOccurrence | undefined {
  if (holding.ended) return { at: holding.ended.at, freshFacts: holding.ended.because === 'revoked' };
  const { until } = lastTerm(holding);
  if (until === undefined) return undefined;
  const at = template.renewal ? renewalWindow(until, template.renewal, zone).closes : until;
  return { at, freshFacts: true };
}

/**
 * Other open enrollments whose version awards a template: held once, it is met in all of them. `own`: the enrollment
 * that decides it.
 */
export function alsoMeeting(draft: Draft, templateId: TemplateId, own?: EnrollmentState) {
  const alsoMeets = draft
    .state()
    .enrollments.filter((other) => other.number !== own?.number && isOpen(other))
    .flatMap((other) =>
      draft
        .versionOf(other)
        .awards.filter(({ template }) => template === templateId)
        .map(({ id, kind }) => ({ enrollment: other.ref, awardId: id, awardKind: kind })),
    );
  return alsoMeets.length === 0 ? {} : { alsoMeets };
}

/** Awards of a version whose template the learner holds already, by another enrollment than `own` or by a grant. */
export function heldAlready(draft: Draft, version: Version, own?: EnrollmentState) {
  const held = version.awards.flatMap((award) => {
    const holding = mapGet(draft.state().holdings, award.template);
    if (!holding || holding.ended || holding.withdrawn !== undefined) return [];
    const { enrollment, credentialId, templateId, occurrence, from } = holding.data;
    const { until } = lastTerm(holding);
    if (own && enrollment?.enrollmentId === own.ref.enrollmentId) return [];
    const one = { credentialId, templateId, occurrence, awardId: award.id, awardKind: award.kind, from };
    return [{ ...one, ...(until === undefined ? {} : { until }) }];
  });
  return held.length === 0 ? {} : { held };
}

/** When an enrollment's terms may begin: from joining on, not while withdrawn, not before `notBefore`. */
export function whileEnrolled(enrollment: EnrollmentState, notBefore: Instant | undefined): readonly Interval[] {
  const { joinedAt, away } = enrollment;
  let from = notBefore !== undefined && notBefore > joinedAt ? notBefore : joinedAt;
  const intervals: Interval[] = [];
  for (const gap of [...away].toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    if (gap.from > from) intervals.push({ from, until: gap.from });
    if (gap.until === undefined) return intervals;
    if (gap.until > from) from = gap.until;
  }
  return [...intervals, { from }];
}

/** The facts with an enrollment's own added, for evaluation within a window. */
export function factsForWindow(state: RecordState, enrollment: EnrollmentState): FactBase {
  return factsOf(enrollment.own).reduce(addFact, state.facts);
}

/** The facts that something rests on; what a step rests on stands for it. */
export function factsBehind(state: RecordState, by: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const visit = (refs: readonly string[]): void => {
    for (const ref of refs) {
      const behind = mapGet(state.behindStep, ref);
      if (behind) visit(behind);
      else found.add(ref);
    }
  };
  visit(by);
  return [...found];
}
