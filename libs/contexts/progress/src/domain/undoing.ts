// Backward: what used a fact that does not stand any more, and what looked at a component that ended, decided anew.
import type { PolicyEffect } from '@cairn/contexts/catalog';
import type { Instant, ModuleId, TemplateId } from '@cairn/kernel';
import { evaluate, evaluateStep, mapGet, type StepId } from '@cairn/rules';
import { alsoMeeting, factsBehind, occurrenceBefore, templateAt } from './awards.js';
import { hold } from './component-policy.js';
import { newlyClosed, noLongerInOrder } from './course.js';
import { contextOf, endOfHolding, evaluateForAward } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { heldIn, holdingOf } from './merged-record.js';
import { takeBackRenewals } from './renewing.js';
import { enrollmentOf, factsFor, isOpen } from './record.state.js';
import type { EnrollmentState, HoldingState, StepState } from './record.types.js';
import type { Carried, Version } from './version.js';

/** An event that takes something back. */
type Cause = { readonly because: string; readonly at: Instant };

/**
 * A completion was invalidated, a waiver withdrawn, or (`fallen` is empty) several facts fell at once: takes back every step and award that used it and is not met by
 * what stands; what merely came after it in order stays. Then others may have what was used up.
 */
export function takeBackWhatUsed(draft: Draft, fallen: string, cause: Cause, effect?: PolicyEffect): void {
  for (const { number } of draft.state().enrollments) {
    const version = draft.versionOf(enrollmentAt(draft, number));
    for (const { id } of version.steps) {
      const enrollment = enrollmentAt(draft, number);
      const satisfied = enrollment.steps.get(id);
      if (satisfied && usesFallen(draft, satisfied.data.by) && !stillMet(draft, enrollment, version, id, satisfied))
        reopen(draft, enrollment, version, satisfied, cause);
    }
  }
  for (const holding of heldIn(draft.state()))
    if (!holding.ended && !holding.granted && holding.withdrawn === undefined)
      withdrawUnlessMet(draft, holding, fallen, cause, effect);
  // What is still held may have been renewed by it; without that term its grace may be over.
  for (const holding of heldIn(draft.state()))
    if (takeBackRenewals(draft, holding, (by) => usesFallen(draft, by), cause))
      markAwardsOf(draft, holding.data.templateId);
  markLimited(draft);
}

/** A component ended: re-opens the steps whose tree does not hold from then on, to be met by a later instant. */
export function reopenWhatLookedAt(
  draft: Draft,
  component: Carried & { key: ModuleId | TemplateId },
  cause: Cause,
): void {
  for (const { number } of draft.state().enrollments) {
    const version = draft.versionOf(enrollmentAt(draft, number));
    for (const target of version.lookingAt(component)) {
      const step = version.steps[target];
      const enrollment = enrollmentAt(draft, number);
      const satisfied = step && enrollment.steps.get(step.id);
      if (!satisfied || satisfied.data.recognised === true) continue;
      const at = satisfied.data.at > cause.at ? satisfied.data.at : cause.at;
      if (stillMet(draft, enrollment, version, step.id, satisfied, at)) continue;
      reopen(draft, enrollment, version, satisfied, cause, cause.at);
      mark(draft, enrollment, [target]);
    }
  }
}

/** An occurrence ended: wherever the template is awarded, the next may be due at once. */
export function markAwardsOf(draft: Draft, templateId: TemplateId): void {
  for (const enrollment of draft.state().enrollments)
    if (isOpen(enrollment)) mark(draft, enrollment, draft.versionOf(enrollment).awardsOf.get(templateId) ?? []);
}

const enrollmentAt = (draft: Draft, number: number): EnrollmentState =>
  draft.state().enrollments[number - 1] as EnrollmentState;

const usesFallen = (draft: Draft, by: readonly string[]): boolean =>
  factsBehind(draft.state(), by).some((ref) => mapGet(draft.state().fallen, ref));

/** Is a satisfied step met by what stands? `holdingAt`: at that very instant; else at any, up to now. */
function stillMet(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  stepId: StepId,
  satisfied: StepState,
  holdingAt?: Instant,
): boolean {
  const facts = factsFor(draft.state(), enrollment);
  const { now } = draft.command;
  if (satisfied.data.recognised === true) {
    const recognised = version.entryPoint(enrollment.ref.entryPoint)?.recognise?.find(({ step }) => step === stepId);
    return recognised !== undefined && evaluate(recognised.when, facts, now, { zone: version.rules.zone }).met;
  }
  const from = enrollment.onlyFrom.get(stepId);
  const during =
    holdingAt === undefined
      ? from === undefined
        ? undefined
        : [{ from }]
      : [{ from: holdingAt, until: new Date(Date.parse(holdingAt) + 1).toISOString() as Instant }];
  const target = version.steps.findIndex(({ id }) => id === stepId);
  return evaluateStep(stepId, version.rules, facts, holdingAt ?? now, {
    ...contextOf(draft, enrollment, version, target),
    ...(during ? { during } : {}),
  }).met;
}

export function reopen(
  draft: Draft,
  enrollment: EnrollmentState,
  version: Version,
  { ref, data }: StepState,
  { because, at }: Cause,
  onlyFrom?: Instant,
): void {
  draft.record(
    {
      type: 'step-reopened',
      data: {
        learnerId: draft.learnerId,
        enrollment: enrollment.ref,
        stepId: data.stepId,
        because,
        undoes: ref,
        at: data.at,
        reachedAt: data.reachedAt,
        closes: newlyClosed(version, enrollment, data.stepId),
        notInOrder: noLongerInOrder(version, enrollment, data.stepId),
        ...(onlyFrom === undefined ? {} : { onlyFrom }),
      },
    },
    at,
  );
}

function withdrawUnlessMet(
  draft: Draft,
  holding: HoldingState,
  fallen: string,
  cause: Cause,
  effect: PolicyEffect | undefined,
): void {
  const { data } = holding;
  const by = factsBehind(
    draft.state(),
    data.satisfied.flatMap((one) => one.by),
  );
  const usedIt = by.includes(fallen);
  if (!usedIt && !by.some((one) => mapGet(draft.state().fallen, one))) return;
  if (data.enrollment === undefined) return;
  const enrollment = enrollmentOf(draft.state(), data.enrollment.enrollmentId);
  // Another person's by now: nothing here meets it again.
  if (!enrollment) return withdrawEntitlement(draft, holding, cause, effect);
  const version = draft.versionOf(enrollment);
  const index = version.awards.findIndex(({ id }) => id === data.awardId);
  const award = version.awards[index];
  if (!award) return;
  const before = occurrenceBefore(holding);
  const end = before && endOfHolding(draft, version, before);
  const met = (state = draft.state()): boolean =>
    evaluateForAward(
      draft,
      enrollmentOf(state, enrollment.ref.enrollmentId) ?? enrollment,
      version,
      award,
      version.steps.length + index,
      end,
      state,
    ).met;
  if (met()) return;
  // What it rests on since an earlier fact fell is not written down: it used this one if it was met with it only.
  if (!usedIt && !met(draft.before)) return;
  withdrawEntitlement(draft, holding, cause, effect, enrollment);
}

/** A move was taken back that had decided this award: it stays only if the rules gone back to give it too. */
export function takeBackAward(draft: Draft, holding: HoldingState, enrollment: EnrollmentState, cause: Cause): void {
  const version = draft.versionOf(enrollment);
  const index = version.awards.findIndex(({ template }) => template === holding.data.templateId);
  const award = version.awards[index];
  const before = occurrenceBefore(holding);
  const end = before && endOfHolding(draft, version, before);
  if (award && evaluateForAward(draft, enrollment, version, award, version.steps.length + index, end).met) return;
  withdrawEntitlement(draft, holding, cause, undefined, enrollment);
}

/** Takes the entitlement; what that does to the credential its template says, unless `effect` does. */
export function withdrawEntitlement(
  draft: Draft,
  { data, ref }: HoldingState,
  cause: Cause,
  effect?: PolicyEffect,
  enrollment?: EnrollmentState,
): void {
  const { learnerId, credentialId, templateId } = data;
  const withdrawn = draft.record(
    {
      type: 'credential-entitlement-withdrawn',
      data: {
        learnerId,
        ...(data.enrollment === undefined ? {} : { enrollment: enrollment?.ref ?? data.enrollment }),
        credentialId,
        templateId,
        earned: ref,
        because: cause.because,
        effectiveAt: cause.at,
        ...alsoMeeting(draft, templateId, enrollment),
      },
    },
    cause.at,
  );
  const template = templateAt(draft.facts, templateId, data.templateVersion);
  const applied = effect ?? template.componentPolicy.withdrawn;
  hold(draft, holdingOf(draft.state(), credentialId) as HoldingState, {
    cause: 'entitlement-withdrawn',
    effect: applied,
    at: cause.at,
    because: withdrawn,
  });
  if (applied === 'revoke') markAwardsOf(draft, templateId);
}

/** Modules under a `uses` limit may be free again. */
function markLimited(draft: Draft): void {
  if (draft.events().length < 2) return; // nothing was taken back
  for (const enrollment of draft.state().enrollments)
    mark(draft, enrollment, [...draft.versionOf(enrollment).groups.keys()]);
}
