// What happens to a credential when one that it rests on lapses, or its own entitlement does (domain, "Components").
import type { PolicyEffect } from '@cairn/contexts/catalog';
import type { Instant, TemplateId } from '@cairn/kernel';
import { factOf, mapGet, type Interval } from '@cairn/rules';
import { endOf, templateAt, zoneOf } from './awards.js';
import type { Draft } from './draft.js';
import { heldIn } from './merged-record.js';
import type { ComponentPolicyEvent, HoldingState, RecordState } from './record.types.js';

type Cause = ComponentPolicyEvent['data']['cause'];

/** After a note on a template: holds on, or lifts from, every credential that rests on such ones. */
export function settleAllRestingOn(draft: Draft, component: TemplateId, because: string): void {
  for (const holding of heldIn(draft.state()))
    if (holding.data.components.some(({ templateId }) => templateId === component))
      settle(draft, holding, component, because);
}

/** After a late award: one of its components may have lapsed since. */
export function settleComponentsOf(draft: Draft, templateId: TemplateId, because: string): void {
  const holding = mapGet(draft.state().holdings, templateId);
  if (!holding) return;
  for (const component of new Set(holding.data.components.map((one) => one.templateId)))
    settle(draft, holding, component, because);
}

/** Applies a cause's policy of the template; `keep` records nothing. A hold stands until its counterpart lifts it. */
export function hold(
  draft: Draft,
  holding: HoldingState,
  lapse: { readonly cause: Cause; readonly effect: PolicyEffect; readonly at: Instant; readonly because: string },
  component?: TemplateId,
  name: string = component === undefined ? lapse.cause : `${lapse.cause}:${component}`,
): void {
  const { cause, effect, because } = lapse;
  if (effect === 'keep' || holding.holds.has(name)) return;
  const { learnerId, credentialId, templateId, from } = holding.data;
  const effectiveAt = lapse.at > from ? lapse.at : from;
  draft.record(
    {
      type: 'component-policy-applied',
      data: {
        learnerId,
        credentialId,
        templateId,
        hold: name,
        cause,
        effect,
        effectiveAt,
        because,
        ...(component === undefined ? {} : { componentTemplateId: component }),
      },
    },
    effectiveAt,
  );
}

/** Ends a hold by its counterpart. */
export function lift(draft: Draft, holding: HoldingState, name: string, at: Instant, because: string): void {
  const open = holding.holds.get(name);
  if (!open) return;
  const { learnerId, credentialId, templateId } = holding.data;
  const effectiveAt = at > open.effectiveAt ? at : open.effectiveAt;
  draft.record(
    {
      type: 'component-policy-applied',
      data: {
        learnerId,
        credentialId,
        templateId,
        hold: name,
        cause: open.cause,
        effect: 'lift',
        effectiveAt,
        because,
        ...(open.componentTemplateId === undefined ? {} : { componentTemplateId: open.componentTemplateId }),
      },
    },
    effectiveAt,
  );
}

function settle(draft: Draft, holding: HoldingState, component: TemplateId, because: string): void {
  if (holding.ended) return;
  const state = draft.state();
  const { now } = draft.command;
  const terms = termsOf(state, component);
  if (terms.some(({ from, until }) => from <= now && (until === undefined || now < until))) {
    for (const [name, open] of holding.holds)
      if (open.componentTemplateId === component)
        lift(draft, holding, name, firstValid(terms, open.effectiveAt), because);
    return;
  }
  const lapse = lastLapse(state, component, now);
  const template = templateAt(draft.facts, holding.data.templateId, holding.data.templateVersion);
  const grace = endOf(holding, template, zoneOf(draft, holding));
  if (!lapse || (grace && grace.at <= lapse.at)) return;
  const policy = template.componentPolicy;
  const effect =
    lapse.cause === 'component-revoked'
      ? policy.revoked
      : // A suspended component acts as an expired one, but nothing is revoked for good by what may come back.
        lapse.suspended && policy.expired === 'revoke'
        ? 'suspend'
        : policy.expired;
  hold(draft, holding, { cause: lapse.cause, effect, at: lapse.at, because }, component);
}

function termsOf(state: RecordState, component: TemplateId): readonly Interval[] {
  return (mapGet(state.componentsOf, component) ?? []).flatMap((id) => termsOfComponent(state, id));
}

function termsOfComponent(state: RecordState, componentId: string): readonly Interval[] {
  return (mapGet(state.components, componentId)?.facts ?? []).flatMap((ref) => {
    const fact = factOf(state.facts, ref);
    return fact?.kind === 'credential' ? fact.valid : [];
  });
}

/** The first instant from `from` on that lies in a term. */
function firstValid(terms: readonly Interval[], from: Instant): Instant {
  return terms
    .filter((term) => term.until === undefined || term.until > from)
    .map((term) => (term.from > from ? term.from : from))
    .reduce((a, b) => (a < b ? a : b));
}

type Lapse = { readonly at: Instant; readonly cause: Cause; readonly suspended: boolean };

/** When the last of a template's credentials stopped to be valid, and how; undefined if there never was one. */
function lastLapse(state: RecordState, component: TemplateId, now: Instant): Lapse | undefined {
  let last: Lapse | undefined;
  const offer = (lapse: Lapse): void => {
    if (!last || last.at < lapse.at) last = lapse;
  };
  for (const id of mapGet(state.componentsOf, component) ?? []) {
    const end = mapGet(state.components, id)?.end;
    if (end?.cause === 'revoked') offer({ at: end.at, cause: 'component-revoked', suspended: false });
    else
      for (const { until } of termsOfComponent(state, id))
        if (until !== undefined && until <= now)
          offer({ at: until, cause: 'component-expired', suspended: end?.cause === 'suspended' && end.at === until });
  }
  return last;
}
