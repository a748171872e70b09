// Forward: which steps and awards are met now, over all open enrollments, until nothing changes.
import { credentialIdOf } from '@cairn/contexts/credentials';
import type { Instant, TemplateId } from '@cairn/kernel';
import {
  evaluateAward,
  evaluateStep,
  factOf,
  mapGet,
  removeFact,
  termEnd,
  type Award,
  type Evaluation,
  type FactBase,
  type PathwayContext,
  type Step,
} from '@cairn/rules';
import {
  alsoMeeting,
  endOf,
  factsBehind,
  factsForWindow,
  occurrenceBefore,
  templateAt,
  whileEnrolled,
  type EndOfOccurrence,
} from './awards.js';
import { lift, settleComponentsOf } from './component-policy.js';
import { mark, type Draft } from './draft.js';
import { newlyInOrder, newlyOpened } from './course.js';
import { heldOf, lastOccurrence } from './merged-record.js';
import { renewMarked } from './renewing.js';
import { factsFor, isOpen } from './record.state.js';
import type { EnrollmentState, HoldingState, RecordState } from './record.types.js';
import { usedByOthers } from './uses.js';
import type { Target, Version } from './version.js';

/** A step or award that is met, and how to record it. */
type Met = { readonly since: Instant; readonly record: () => void };

/** Decides everything marked, and what that leads to. Steps come before what builds on them. */
export function decideMarked(draft: Draft): void {
  // Before any award: of what is renewed, no further occurrence is due.
  renewMarked(draft);
  for (;;) {
    for (const number of numbers(draft)) decideEnrollment(draft, number);
    // Whoever is decided first keeps a module that may be used only so often: the earlier `since`, then as listed.
    const first = firstLimited(draft);
    if (!first) return;
    first.record();
  }
}

const numbers = (draft: Draft): readonly number[] => [...draft.dirty.keys()].toSorted((a, b) => a - b);

function decideEnrollment(draft: Draft, number: number): void {
  const dirty = draft.dirty.get(number);
  const enrollment = draft.state().enrollments[number - 1];
  if (!dirty || !enrollment) return;
  if (!isOpen(enrollment)) {
    draft.dirty.delete(number);
    return;
  }
  const version = draft.versionOf(enrollment);
  for (const target of version.all) {
    if (!dirty.has(target) || version.groups.has(target)) continue;
    dirty.delete(target);
    metNow(draft, number, version, target)?.record();
  }
}

/** Of what is left, all of it under a `uses` limit, the one decided first. */
function firstLimited(draft: Draft): Met | undefined {
  let first: Met | undefined;
  for (const number of numbers(draft)) {
    const dirty = draft.dirty.get(number) as Set<Target>;
    const version = draft.versionOf(draft.state().enrollments[number - 1] as EnrollmentState);
    for (const target of [...dirty].toSorted((a, b) => a - b)) {
      const met = metNow(draft, number, version, target);
      if (!met) dirty.delete(target);
      else if (!first || met.since < first.since)
        first = {
          since: met.since,
          record: () => {
            dirty.delete(target);
            met.record();
          },
        };
    }
  }
  return first;
}

function metNow(draft: Draft, number: number, version: Version, target: Target): Met | undefined {
  const enrollment = draft.state().enrollments[number - 1] as EnrollmentState;
  const step = version.steps[target];
  return step
    ? stepMet(draft, enrollment, version, step, target)
    : awardMet(draft, enrollment, version, version.awards[target - version.steps.length] as Award, target);
}

/** In what a target of an enrollment is evaluated. */
export function contextOf(draft: Draft, enrollment: EnrollmentState, version: Version, target: Target): PathwayContext {
  const used = usedByOthers(draft.state(), draft.versionOf, enrollment, target);
  return {
    zone: version.rules.zone,
    entryPoint: enrollment.ref.entryPoint,
    enrolledAt: enrollment.joinedAt,
    ...(used ? { used } : {}),
  };
}

function stepMet(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  step: Step,
  target: Target,
): Met | undefined {
  if (enrollment.steps.has(step.id)) return undefined;
  const from = enrollment.onlyFrom.get(step.id);
  const context = {
    ...contextOf(draft, enrollment, version, target),
    ...(from === undefined ? {} : { during: [{ from }] }),
  };
  const evaluation = evaluateStep(
    step.id,
    version.rules,
    factsFor(draft.state(), enrollment),
    draft.command.now,
    context,
  );
  const { since } = evaluation;
  if (since === undefined) return undefined;
  return {
    since,
    record: () => satisfyStep(draft, enrollment.number, version, step, { ...evaluation, since }, false),
  };
}

/** Records that a step is met; its effects on what is reached and in order go with it. */
export function satisfyStep(
  draft: Draft,
  number: number,
  version: Version,
  step: Step,
  met: Pick<Evaluation, 'by' | 'satisfied'> & { readonly since: Instant; readonly reachedAt?: Instant },
  recognised: boolean,
): void {
  const enrollment = draft.state().enrollments[number - 1] as EnrollmentState;
  const at = met.since;
  draft.record(
    {
      type: 'step-satisfied',
      data: {
        learnerId: draft.learnerId,
        enrollment: enrollment.ref,
        stepId: step.id,
        at,
        reachedAt: met.reachedAt ?? at,
        by: met.by,
        opens: newlyOpened(version, enrollment, step.id),
        inOrder: newlyInOrder(version, enrollment, step.id, at),
        ...(recognised ? { recognised } : {}),
        satisfied: met.satisfied,
      },
    },
    at,
  );
  mark(draft, enrollment, version.buildingOn.get(step.id) ?? []);
}

function awardMet(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
): Met | undefined {
  const holding = mapGet(draft.state().holdings, award.template);
  const again = heldOf(holding).flatMap((one) =>
    one.withdrawn === undefined || one.ended
      ? []
      : (entitledAgain(draft, enrollment, version, award, target, one) ?? []),
  );
  if (again[0]) return { since: again[0].since, record: () => again.forEach(({ record }) => record()) };
  if (holding && holding.withdrawn !== undefined && !holding.ended) return undefined;
  const end = holding && endOfHolding(draft, version, holding);
  if (holding && (!end || end.at > draft.command.now)) return undefined; // held: met, and issues nothing
  const evaluation = evaluateForAward(draft, enrollment, version, award, target, end);
  const { since } = evaluation;
  if (since === undefined || (award.kind === 'step' && restsOnRecognition(enrollment, evaluation))) return undefined;
  return { since, record: () => earn(draft, enrollment, version, award, target, { ...evaluation, since }, end) };
}

/** The end of an occurrence in the zone of the enrollment that asks for the next one. */
export function endOfHolding(draft: Draft, version: Version, holding: HoldingState): EndOfOccurrence | undefined {
  const template = templateAt(draft.facts, holding.data.templateId, holding.data.templateVersion);
  return endOf(holding, template, version.rules.zone);
}

/** Is an award met while its learner was enrolled, after the end of the occurrence before it if there was one? */
export function evaluateForAward(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
  end: EndOfOccurrence | undefined,
  state: RecordState = draft.state(),
): Evaluation {
  return evaluateAward(
    award.id,
    version.rules,
    factsForAward(state, enrollment, version, award, target, end),
    draft.command.now,
    {
      ...awardContext(draft, enrollment, version, target, end),
      during: whileEnrolled(enrollment, end?.at),
    },
  );
}

/** When the tree was first met, which may be before a term could begin: before joining, or while withdrawn. */
function firstMet(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
  from: Instant,
  end: EndOfOccurrence | undefined,
): Instant {
  // Met only after a term could begin, hence never before.
  if (whileEnrolled(enrollment, end?.at).every((interval) => interval.from !== from)) return from;
  const facts = factsForAward(draft.state(), enrollment, version, award, target, end);
  const context = awardContext(draft, enrollment, version, target, end);
  return evaluateAward(award.id, version.rules, facts, draft.command.now, context).since ?? from;
}

function factsForAward(
  state: RecordState,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
  end: EndOfOccurrence | undefined,
): FactBase {
  const itselfCounts = !version.namingThemselves.has(target);
  if (itselfCounts && !end?.freshFacts) return factsFor(state, enrollment);
  const facts = factsForWindow(state, enrollment);
  if (itselfCounts) return facts;
  // A credential is never earned by itself: an occurrence that just ended may still be noted as valid, and what it met
  // as satisfied.
  const itself = (mapGet(state.componentsOf, award.template) ?? []).flatMap(
    (id) => mapGet(state.components, id)?.facts ?? [],
  );
  const through = Array.from(enrollment.steps.values()).flatMap(({ ref, data }) =>
    factsBehind(state, data.by).some((fact) => itself.includes(fact)) ? [ref] : [],
  );
  return [...itself, ...through].reduce(removeFact, facts);
}

function awardContext(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  target: Target,
  end: EndOfOccurrence | undefined,
): PathwayContext {
  const context = contextOf(draft, enrollment, version, target);
  return end?.freshFacts ? { ...context, window: { from: end.at } } : context;
}

/** A recognised step is met for good, but issues nothing. */
function restsOnRecognition({ steps }: EnrollmentState, { by }: Evaluation): boolean {
  return Array.from(steps.values()).some(({ ref, data }) => data.recognised === true && by.includes(ref));
}

function earn(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
  met: Evaluation & { readonly since: Instant },
  end: EndOfOccurrence | undefined,
): void {
  const { learnerId, facts } = draft;
  const templateId = award.template as TemplateId;
  const templateVersion = version.published.templateVersions[award.id] ?? 1;
  const template = templateAt(facts, templateId, templateVersion);
  const occurrence = lastOccurrence(mapGet(draft.state().holdings, templateId)) + 1;
  const from = met.since;
  const at = firstMet(draft, enrollment, version, award, target, from, end);
  const earned = draft.record(
    {
      type: 'credential-earned',
      data: {
        learnerId,
        enrollment: enrollment.ref,
        credentialId: credentialIdOf(facts.tenant.namespace, learnerId, templateId, occurrence, 1),
        awardId: award.id,
        awardKind: award.kind,
        templateId,
        templateVersion,
        occurrence,
        edition: 1,
        at,
        from,
        ...(template.validityMonths === undefined
          ? {}
          : { until: termEnd(from, template.validityMonths, version.rules.zone) }),
        satisfied: met.satisfied,
        components: componentsOf(draft, enrollment, version, award, met),
        rulesHash: enrollment.rulesHash,
        issue: template.issue,
        ...alsoMeeting(draft, templateId, enrollment),
      },
    },
    at,
  );
  settleComponentsOf(draft, templateId, earned);
  draft.renewing.add(templateId);
  renewMarked(draft);
}

/** The credentials that the award used and, with `enforced` order, those of the steps before its own (D8). */
function componentsOf(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  met: Evaluation & { readonly since: Instant },
) {
  const state = draft.state();
  const used = factsBehind(state, met.by);
  const enforced = version
    .stepsBehind(award)
    .flatMap((step) => version.enforcedBefore(step, enrollment.ref.entryPoint))
    .flatMap((template) => validAt(state, template, met.since) ?? []);
  const components = new Map<string, { componentId: string; templateId: TemplateId; ref: string }>();
  for (const ref of [...used, ...enforced]) {
    const fact = factOf(state.facts, ref);
    if (fact?.kind !== 'credential' || fact.credentialId === undefined) continue;
    if (!components.has(fact.credentialId))
      components.set(fact.credentialId, {
        componentId: fact.credentialId,
        templateId: fact.templateId as TemplateId,
        ref,
      });
  }
  return [...components.values()];
}

/** The note of a template's credential that is valid at an instant, else of the one that began last before it. */
function validAt(state: RecordState, template: TemplateId, at: Instant): string | undefined {
  const terms = (mapGet(state.componentsOf, template) ?? [])
    .flatMap((id) => mapGet(state.components, id)?.facts ?? [])
    .flatMap((ref) => {
      const fact = factOf(state.facts, ref);
      return fact?.kind === 'credential' ? fact.valid.map((interval) => ({ ref, ...interval })) : [];
    })
    .filter(({ from }) => from <= at)
    .toSorted((a, b) => (a.from < b.from ? -1 : 1));
  return (terms.find(({ until }) => until === undefined || until > at) ?? terms.at(-1))?.ref;
}

/** The facts took the entitlement, the credential stayed held: met again, its hold is lifted. */
function entitledAgain(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  award: Award,
  target: Target,
  holding: HoldingState,
): Met | undefined {
  const name = 'entitlement-withdrawn';
  if (!holding.holds.has(name)) return undefined;
  const before = occurrenceBefore(holding);
  const previous = before && endOfHolding(draft, version, before);
  const { since, by } = evaluateForAward(draft, enrollment, version, award, target, previous);
  const because = by.at(-1);
  if (since === undefined || because === undefined) return undefined;
  return { since, record: () => lift(draft, holding, name, since, because) };
}
