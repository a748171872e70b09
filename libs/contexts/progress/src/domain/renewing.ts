// Renewal: a further term of what is held, whether or not its learner is enrolled (product description, section 4).
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import {
  accept,
  reject,
  type Decision,
  type Instant,
  type Issued,
  type Rejected,
  type TemplateId,
} from '@cairn/kernel';
import {
  evaluate,
  localDay,
  mapGet,
  removeFact,
  renewalWindow,
  termEnd,
  withIds,
  type Evaluation,
  type FactBase,
  type Requirement,
} from '@cairn/rules';
import type { GrantRenewal, WithdrawRenewal } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { alsoMeeting, factsBehind, lastTerm, templateAt, zoneOf, type Term } from './awards.js';
import { hold, lift } from './component-policy.js';
import type { Draft } from './draft.js';
import { heldIn, heldOf, holdingOf } from './merged-record.js';
import { enrollmentOf, renewalHold } from './record.state.js';
import type { HoldingState, RecordState, RenewalState } from './record.types.js';
import { authorityRequired, dateInFuture, isBlank, reasonRequired } from './refusals.js';
import { requirementLooksAt, type Carried } from './version.js';

type Renewable = PublishedTemplate & Required<Pick<PublishedTemplate, 'renewal' | 'validityMonths'>>;

/** The template by which a holding can be renewed; undefined: it has no renewal, or is over for good. */
function renewable(draft: Draft, holding: HoldingState): Renewable | undefined {
  // Of what has no term the template need not be known.
  if (holding.data.until === undefined) return undefined;
  return renewableBy(templateAt(draft.facts, holding.data.templateId, holding.data.templateVersion), holding);
}

/** The same of a template at hand. */
export function renewableBy(
  template: PublishedTemplate,
  { ended, data }: Pick<HoldingState, 'ended' | 'data'>,
): Renewable | undefined {
  if (ended || data.until === undefined) return undefined;
  return template.renewal && template.validityMonths !== undefined ? (template as Renewable) : undefined;
}

const requirements = new WeakMap<object, Requirement>();

/** A renewal's requirement; its nodes are called `renewal`, `renewal/0`, … */
export function requirementOf({ renewal }: Renewable): Requirement {
  const known = requirements.get(renewal);
  if (known !== undefined) return known;
  const made = withIds(renewal.requirement, 'renewal');
  requirements.set(renewal, made);
  return made;
}

/** Marks what a fact may renew. */
export function markRenewals(draft: Draft, carried: Carried): void {
  for (const holding of heldIn(draft.state())) {
    const template = renewable(draft, holding);
    if (template && requirementLooksAt(template.renewal.requirement, carried)) draft.renewing.add(template.templateId);
  }
}

/** Decides every further term that is met now, one after the other: each opens the window of the next. */
export function renewMarked(draft: Draft): void {
  for (const templateId of draft.renewing) {
    draft.renewing.delete(templateId);
    while (renewOnce(draft, templateId));
  }
}

function renewOnce(draft: Draft, templateId: TemplateId): boolean {
  const holding = mapGet(draft.state().holdings, templateId);
  if (heldOf(holding).some((one) => stoodUpAgain(draft, one))) return true;
  const template = holding && renewable(draft, holding);
  if (!template) return false;
  const last = holding.renewals.at(-1);
  if (last?.withdrawn !== undefined) return false;
  const term = lastTerm(holding);
  const { since, satisfied } = renewalMet(draft, holding, template, term);
  if (since === undefined) return false;
  recordRenewal(draft, holding, template, term, { at: since, satisfied });
  return true;
}

/** Is a term that was taken back met by facts? */
function stoodUpAgain(draft: Draft, holding: HoldingState): boolean {
  const template = renewable(draft, holding);
  return (
    template !== undefined &&
    holding.renewals.some((renewal) =>
      renewal.undecided
        ? standByFacts(draft, holding, template, renewal)
        : renewal.withdrawn !== undefined && meetAgain(draft, holding, template, renewal),
    )
  );
}

/** A renewal that was taken back is met by other facts: its hold is lifted from then on. */
function meetAgain(draft: Draft, holding: HoldingState, template: Renewable, { data }: RenewalState): boolean {
  const before = termBefore(holding, data.serial);
  const { since, by } = renewalMet(draft, holding, template, before, data.serial);
  const because = by.at(-1);
  if (since === undefined || because === undefined) return false;
  lift(draft, holding, renewalHold(data.serial), since, because);
  return true;
}

/** A term whose decision was taken back is met by facts: it is the same term, by rule from then on. */
function standByFacts(draft: Draft, holding: HoldingState, template: Renewable, { data }: RenewalState): boolean {
  const before = termBefore(holding, data.serial);
  const { since, by, satisfied } = renewalMet(draft, holding, template, before, data.serial);
  const because = by.at(-1);
  if (since === undefined || because === undefined) return false;
  const { authority: _authority, reasonCode: _reasonCode, ...term } = data;
  draft.record({ type: 'renewal-earned', data: { ...term, at: since, satisfied } }, since);
  lift(draft, heldNow(draft, holding), renewalHold(data.serial), since, because);
  return true;
}

const heldNow = (draft: Draft, { data }: HoldingState): HoldingState =>
  holdingOf(draft.state(), data.credentialId) as HoldingState;

/** The term that a renewal followed; it may have been taken back since. */
export function termBefore({ data, renewals }: HoldingState, serial: number): Term {
  const renewal = renewals.find((one) => one.data.serial === serial - 1);
  return renewal?.data ?? { serial: 1, from: data.from, ...(data.until === undefined ? {} : { until: data.until }) };
}

/** Is the requirement met within window and grace of a term? A fact that brought one term brings no other. */
function renewalMet(
  draft: Draft,
  holding: HoldingState,
  template: Renewable,
  { until }: Term,
  serial?: number,
): Evaluation {
  const zone = zoneOf(draft, holding);
  const { opens, closes } = renewalWindow(until as Instant, template.renewal, zone);
  const window = { from: opens, until: closes };
  const facts = factsToRenew(draft.state(), holding, serial);
  return evaluate(requirementOf(template), facts, draft.command.now, { zone, window, during: [window] });
}

/** The learner's facts without those that brought a term already; `serial`: but for that one. */
export function factsToRenew(state: RecordState, holding: HoldingState, serial?: number): FactBase {
  const spent = [
    ...holding.data.satisfied,
    ...holding.renewals.flatMap(({ data }) => (data.serial === serial ? [] : data.satisfied)),
  ].flatMap(({ by }) => by);
  return factsBehind(state, spent).reduce(removeFact, state.facts);
}

type How = { readonly at: Instant; readonly satisfied: Evaluation['satisfied'] } & Partial<
  Pick<GrantRenewal['data'], 'reasonCode' | 'authority'>
>;

function recordRenewal(draft: Draft, holding: HoldingState, template: Renewable, term: Term, how: How): string {
  const { learnerId, enrollment, credentialId, templateId, templateVersion, occurrence, edition } = holding.data;
  const until = term.until as Instant;
  const own = enrollment && enrollmentOf(draft.state(), enrollment.enrollmentId);
  // In the window the next term follows without a gap; in the grace the gap stays.
  const from = how.at < until ? until : how.at;
  return draft.record(
    {
      type: 'renewal-earned',
      data: {
        learnerId,
        ...(enrollment === undefined ? {} : { enrollment }),
        credentialId,
        templateId,
        templateVersion,
        occurrence,
        edition,
        serial: term.serial + 1,
        ...how,
        from,
        until: termEnd(from, template.validityMonths, zoneOf(draft, holding)),
        issue: template.issue,
        ...alsoMeeting(draft, templateId, own),
      },
    },
    how.at,
  );
}

/** A fact does not stand any more: suspends what was renewed by it, unless others stand in its place. */
export function takeBackRenewals(
  draft: Draft,
  holding: HoldingState,
  usesFallen: (by: readonly string[]) => boolean,
  cause: { readonly because: string; readonly at: Instant },
): boolean {
  const template = renewable(draft, holding);
  if (!template) return false;
  let taken = false;
  for (const { data, withdrawn } of holding.renewals) {
    if (withdrawn !== undefined || data.authority !== undefined) continue;
    if (!usesFallen(data.satisfied.flatMap(({ by }) => by))) continue;
    if (renewalMet(draft, holding, template, termBefore(holding, data.serial), data.serial).met) continue;
    const name = renewalHold(data.serial);
    hold(draft, holding, { cause: 'renewal-withdrawn', effect: 'suspend', ...cause }, undefined, name);
    taken = true;
  }
  return taken;
}

/** A further term by a person's decision, in the window and grace of the term that it follows. */
export function grantRenewal({ data, now }: Issued<GrantRenewal>, draft: Draft): Decision<RecordEvent> {
  const state = draft.state();
  const templateId = mapGet(state.templateOf, data.credentialId);
  const holding = templateId && mapGet(state.holdings, templateId);
  if (!holding) return reject('not-found', `The learner has earned no credential ${data.credentialId}.`);
  if (holding.data.credentialId !== data.credentialId)
    return reject('renewal-window-closed', 'A later credential has taken its place.', 'Renew that one.');
  if (holding.ended)
    return reject(
      'credential-revoked',
      `It is revoked since ${holding.ended.at}.`,
      'It must be earned again or replaced.',
    );
  const template = renewable(draft, holding);
  if (!template)
    return reject(
      'not-renewable',
      'The template of this credential has no renewal.',
      'Publish a version with a renewal for those who earn it from then on; this one can only be earned again.',
    );
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  const withdrawn = holding.renewals.find((renewal) => renewal.withdrawn !== undefined);
  const term = withdrawn ? termBefore(holding, withdrawn.data.serial) : lastTerm(holding);
  // A term that was taken back is decided by a person at any time: what it followed is not asked again.
  const outside = withdrawn ? undefined : refusedWindow(draft, holding, template, term, data.occurredAt);
  if (outside) return outside;
  if (isBlank(data.reasonCode)) return reasonRequired('A renewal by decision');
  if (isBlank(data.authority)) return authorityRequired('A renewal by decision');
  const { reasonCode, authority } = data;
  const how = { at: withdrawn?.data.at ?? data.occurredAt, satisfied: [], reasonCode, authority };
  const because = recordRenewal(draft, holding, template, term, how);
  if (withdrawn) lift(draft, heldNow(draft, holding), renewalHold(withdrawn.data.serial), data.occurredAt, because);
  draft.renewing.add(holding.data.templateId);
  renewMarked(draft);
  return accept(...draft.events());
}

/**
 * An authority takes back its decision on a term. By facts that stand it goes on as it is; else the credential is
 * suspended until it is met, or decided again, like any renewal that was taken back.
 */
export function withdrawRenewal({ data, now }: Issued<WithdrawRenewal>, draft: Draft): Decision<RecordEvent> {
  const state = draft.state();
  const { learnerId, credentialId, serial, authority, reasonCode, occurredAt } = data;
  const holding = holdingOf(state, credentialId);
  const renewal = holding?.renewals.find((one) => one.data.serial === serial);
  if (!holding || renewal?.data.authority === undefined)
    return reject(
      'not-found',
      `No authority decided term ${serial} of this credential.`,
      'Look at its history; a term that follows from facts falls with these.',
    );
  if (isBlank(reasonCode)) return reasonRequired('Taking back a renewal');
  if (isBlank(authority)) return authorityRequired('Taking back a renewal');
  if (occurredAt > now) return dateInFuture('occurredAt', occurredAt, now);
  if (renewal.undecided || holding.ended) return accept();
  const { templateId } = holding.data;
  const because = draft.record(
    {
      type: 'renewal-withdrawn',
      data: { learnerId, credentialId, templateId, serial, renewal: renewal.ref, reasonCode, authority },
    },
    occurredAt,
  );
  draft.renewing.add(templateId);
  renewMarked(draft);
  const after = heldNow(draft, holding);
  if (after.renewals.some((one) => one.undecided && one.data.serial === serial)) {
    const suspension = { cause: 'renewal-withdrawn', effect: 'suspend', because, at: occurredAt } as const;
    hold(draft, after, suspension, undefined, renewalHold(serial));
  }
  return accept(...draft.events());
}

function refusedWindow(
  draft: Draft,
  holding: HoldingState,
  template: Renewable,
  { serial, until }: Term,
  at: Instant,
): Rejected | undefined {
  const zone = zoneOf(draft, holding);
  const { opens, closes } = renewalWindow(until as Instant, template.renewal, zone);
  const day = (instant: Instant): string => localDay(instant, zone);
  if (at < opens)
    return reject(
      'renewal-window-not-open',
      `Term ${serial} ends ${day(until as Instant)}; renewal opens ${day(opens)}.`,
      `Record what renews it, or decide it, dated ${day(opens)} or later.`,
    );
  if (at < closes) return undefined;
  return reject(
    'renewal-window-closed',
    `Term ${serial} ended ${day(until as Instant)}; it could be renewed before ${day(closes)}.`,
    'It must be earned again, by the rule of its award.',
  );
}
