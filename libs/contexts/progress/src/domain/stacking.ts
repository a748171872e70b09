// The stack: notes on own credentials, recognition of outside ones, and credentials granted by a person's decision.
import { credentialIdOf } from '@cairn/contexts/credentials';
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import {
  accept,
  reject,
  type CredentialId,
  type Decision,
  type Instant,
  type Issued,
  type ModuleId,
  type Rejected,
  type TemplateId,
} from '@cairn/kernel';
import { factOf, mapGet, termEnd } from '@cairn/rules';
import type { CreditStackComponent, GrantCredential, WithdrawStackComponent } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { alsoMeeting, endOf, termsOf } from './awards.js';
import { markAffected, openOnesLookingAt } from './completing.js';
import { settleAllRestingOn, settleComponentsOf } from './component-policy.js';
import { decideMarked } from './deciding.js';
import type { Draft } from './draft.js';
import { lastOccurrence } from './merged-record.js';
import { carriedBy } from './record.facts.js';
import { enrollmentOf } from './record.state.js';
import type { HoldingState, RecordState } from './record.types.js';
import { renewMarked } from './renewing.js';
import { authorityRequired, dateInFuture, isBlank, reasonRequired, unknownTemplate } from './refusals.js';
import { markAwardsOf, reopenWhatLookedAt } from './undoing.js';
import type { Carried } from './version.js';

type Credit = CreditStackComponent['data'];

export function creditStackComponent({ data, now }: Issued<CreditStackComponent>, draft: Draft): Decision<RecordEvent> {
  const component = mapGet(draft.state().components, data.componentId);
  if (component?.noted.includes(data.ref) && (data.origin === 'own' || component.end === undefined)) return accept();
  const refusal = data.origin === 'own' ? refusedNote(draft, data) : refusedRecognition(draft, data, now);
  if (refusal) return refusal;
  if (component?.end?.cause === 'revoked')
    return reject('credential-revoked', 'This credential was revoked: it counts at no time.', 'Name another one.');
  const worth = worthOf(draft, data);
  const carried = carriedBy((data.templateId ?? data.moduleId) as TemplateId | ModuleId, worth, data.origin !== 'own');
  const because = draft.record(
    {
      type: 'stack-component-credited',
      data: {
        learnerId: draft.addressee,
        componentId: data.componentId,
        origin: data.origin,
        validFrom: data.validFrom,
        ref: data.ref,
        ...worth,
        ...(data.templateId === undefined ? {} : { templateId: data.templateId }),
        ...(data.moduleId === undefined ? {} : { moduleId: data.moduleId }),
        ...(data.serial === undefined ? {} : { serial: data.serial }),
        ...(data.validUntil === undefined ? {} : { validUntil: data.validUntil }),
        ...(data.achievedAt === undefined ? {} : { achievedAt: data.achievedAt }),
        ...(data.authority === undefined ? {} : { authority: data.authority }),
        ...(data.reasonCode === undefined ? {} : { reasonCode: data.reasonCode }),
        enrollments: openOnesLookingAt(draft, carried),
      },
    },
    data.occurredAt,
  );
  if (data.templateId !== undefined) settleAllRestingOn(draft, data.templateId, because);
  markAffected(draft, carried);
  decideMarked(draft);
  return accept(...draft.events());
}

/** A note is of a credential that was earned or granted here (D8). */
function refusedNote(draft: Draft, { componentId, templateId }: Credit): Rejected | undefined {
  return mapGet(draft.state().templateOf, componentId) === templateId && templateId !== undefined
    ? undefined
    : reject('not-found', `The learner has earned no credential ${componentId} of that template.`);
}

function refusedRecognition(draft: Draft, data: Credit, now: Instant): Rejected | undefined {
  if ((data.templateId === undefined) === (data.moduleId === undefined))
    return reject('validation-failed', 'A recognised achievement counts as a template or as a module.', 'Name one.', [
      { pointer: '/templateId', code: 'one-of', message: 'name either a template or a module' },
    ]);
  if (isBlank(data.authority)) return authorityRequired('Recognition');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (data.achievedAt !== undefined && data.achievedAt > now) return dateInFuture('achievedAt', data.achievedAt, now);
  if (data.validUntil !== undefined && data.validUntil <= data.validFrom)
    return reject('validation-failed', 'The term ends before it begins.', 'Correct the dates.', [
      { pointer: '/validUntil', code: 'before-valid-from', message: `must be after ${data.validFrom}` },
    ]);
  if (data.moduleId !== undefined && !draft.facts.module)
    return reject('not-found', 'There is no module of that id.', 'Define the module first, or check its id.');
  if (data.templateId !== undefined && !newest(draft, data.templateId)) return unknownTemplate();
  return undefined;
}

const newest = (draft: Draft, templateId: TemplateId): PublishedTemplate | undefined =>
  draft.facts.templates.get(templateId)?.at(-1);

/** Credits, area and level: as sent, else those of the module or template. */
function worthOf(
  draft: Draft,
  data: Credit,
): { readonly credits?: number; readonly area?: string; readonly level?: number } {
  const achievement = data.templateId === undefined ? undefined : newest(draft, data.templateId)?.achievement;
  const { module } = draft.facts;
  const credits = data.credits ?? achievement?.credits ?? module?.credits;
  const area = data.area ?? module?.area;
  const level = data.level ?? achievement?.level ?? module?.level;
  return {
    ...(credits === undefined ? {} : { credits }),
    ...(area === undefined ? {} : { area }),
    ...(level === undefined ? {} : { level }),
  };
}

export function withdrawStackComponent(
  { data, now }: Issued<WithdrawStackComponent>,
  draft: Draft,
): Decision<RecordEvent> {
  const state = draft.state();
  const own = mapGet(state.templateOf, data.componentId);
  const component = mapGet(state.components, data.componentId);
  if (!component && own === undefined)
    return reject('not-found', `The learner's stack has no component ${data.componentId}.`);
  if (component?.noted.includes(data.ref) && (own !== undefined || component.end?.cause === data.cause))
    return accept();
  if (component?.end?.cause === 'revoked') return accept();
  // That its own term is over nobody has to decide.
  const expires = data.cause === 'expired' && endsBySelf(state, data.componentId, data.effectiveAt);
  if (own === undefined && !expires && isBlank(data.authority)) return authorityRequired('Taking a recognition back');
  if (own === undefined && data.effectiveAt > now) return dateInFuture('effectiveAt', data.effectiveAt, now);
  const carried = carriedOf(draft, data.componentId);
  const because = draft.record(
    {
      type: 'stack-component-withdrawn',
      data: {
        learnerId: draft.addressee,
        componentId: data.componentId,
        cause: data.cause,
        effectiveAt: data.effectiveAt,
        ref: data.ref,
        ...(data.authority === undefined ? {} : { authority: data.authority }),
        ...(data.reasonCode === undefined ? {} : { reasonCode: data.reasonCode }),
        enrollments: openOnesLookingAt(draft, carried),
      },
    },
    data.effectiveAt,
  );
  reopenWhatLookedAt(draft, carried, { because, at: data.effectiveAt });
  const templateId = own ?? component?.templateId;
  if (templateId !== undefined) {
    settleAllRestingOn(draft, templateId, because);
    if (own !== undefined) markAwardsOf(draft, own);
  }
  decideMarked(draft);
  return accept(...draft.events());
}

/** Does a term of the component end at the instant? */
function endsBySelf(state: RecordState, componentId: string, at: Instant): boolean {
  return (mapGet(state.components, componentId)?.facts ?? []).some((ref) => {
    const fact = factOf(state.facts, ref);
    return fact?.kind === 'credential' && fact.valid.some(({ until }) => until === at);
  });
}

/** What a component carries, as its first note says. */
function carriedOf(draft: Draft, componentId: string): Carried {
  const state = draft.state();
  const component = mapGet(state.components, componentId);
  const ref = component?.facts[0];
  const fact = ref === undefined ? undefined : factOf(state.facts, ref);
  const key = component?.templateId ?? component?.moduleId ?? mapGet(state.templateOf, componentId);
  const worth = fact?.kind === 'credential' || fact?.kind === 'completion' ? fact : {};
  return carriedBy(key as TemplateId | ModuleId, worth, component?.origin === 'recognised');
}

export function grantCredential({ data, now }: Issued<GrantCredential>, draft: Draft): Decision<RecordEvent> {
  const template = newest(draft, data.templateId);
  if (!template) return unknownTemplate();
  if (isBlank(data.reasonCode)) return reasonRequired('Granting a credential');
  if (isBlank(data.authority)) return authorityRequired('Granting a credential');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  const holding = mapGet(draft.state().holdings, data.templateId);
  const zone = draft.facts.issuerZones.get(template.issuerId);
  if (zone === undefined) throw new RangeError(`issuer ${template.issuerId} of template ${template.slug} is unknown`);
  const replaced = data.replaces === undefined ? undefined : replaceable(draft, data, data.replaces);
  if (replaced && 'accepted' in replaced) return replaced;
  if (!replaced && holding) {
    const end = endOf(holding, versionOf(draft, holding), zone);
    if (!end || end.at > data.occurredAt) return accept(); // held
  }
  if (replaced) replace(draft, data, replaced);
  else grant(draft, data, template, newTerm(data.occurredAt, template, zone));
  // What rests on it is settled when the credential itself is noted.
  draft.renewing.add(data.templateId);
  renewMarked(draft);
  return accept(...draft.events());
}

function versionOf(draft: Draft, { data }: HoldingState): PublishedTemplate {
  return draft.facts.templates.get(data.templateId)?.[data.templateVersion - 1] as PublishedTemplate;
}

/** A credential revoked by mistake is replaced by its next edition, and so is one that says something wrong. */
function replaceable(
  draft: Draft,
  { templateId, corrects }: GrantCredential['data'],
  replaces: CredentialId,
): HoldingState | Rejected {
  const holding = mapGet(draft.state().holdings, templateId);
  if (mapGet(draft.state().templateOf, replaces) !== templateId)
    return reject('not-found', `The learner has no credential ${replaces} of that template.`);
  if (holding?.data.credentialId !== replaces)
    return reject('criteria-not-met', 'A later credential of the template has taken its place.', 'Replace that one.');
  if (corrects === true) return refusedCorrection(draft, holding) ?? holding;
  if (!holding.ended)
    return reject(
      'criteria-not-met',
      'The credential is not revoked, so there is nothing to replace.',
      'Revoke it first.',
    );
  return holding;
}

/** A corrected credential says the same about its holder's standing as the old one: what holds that one stays open. */
function refusedCorrection(draft: Draft, { data, ended, withdrawn, holds }: HoldingState): Rejected | undefined {
  const component = mapGet(draft.state().components, data.credentialId);
  if (ended)
    return reject(
      'credential-revoked',
      `It is revoked since ${ended.at}, and final.`,
      'Issue a replacement if the revocation was a mistake.',
    );
  if (component === undefined)
    return reject('credential-not-active', 'It is not issued yet.', 'Correct it when it is issued.');
  const held = [...holds.values()].some(({ effect }) => effect === 'suspend');
  if (held || withdrawn !== undefined || component.end?.cause === 'suspended')
    return reject(
      'credential-not-active',
      'It is suspended, or the facts that stand do not entitle to it.',
      'End what holds it first: a new edition does not carry that over.',
    );
  return undefined;
}

type Term = { readonly at: Instant; readonly from: Instant; readonly until?: Instant };

/** The next edition of the same award: the same basis and components, the term that runs and those that follow it. */
function replace(draft: Draft, data: GrantCredential['data'], replaced: HoldingState): void {
  const { learnerId, facts } = draft;
  const { credentialId: _, templateId, occurrence, from: first, until: __, alsoMeets: ___, ...award } = replaced.data;
  const own = award.enrollment && enrollmentOf(draft.state(), award.enrollment.enrollmentId);
  const terms = termsOf(replaced);
  const { from } = terms.findLast((term) => term.from <= data.occurredAt) ?? { from: first };
  const until = terms.at(-1)?.until;
  const edition = award.edition + 1;
  const granted = draft.record(
    {
      type: 'credential-granted',
      data: {
        ...award,
        learnerId,
        credentialId: credentialIdOf(facts.tenant.namespace, learnerId, templateId, occurrence, edition),
        templateId,
        occurrence,
        edition,
        from,
        ...(until === undefined ? {} : { until }),
        reasonCode: data.reasonCode,
        authority: data.authority,
        replaces: replaced.data.credentialId,
        ...alsoMeeting(draft, templateId, own),
      },
    },
    data.occurredAt,
  );
  settleComponentsOf(draft, templateId, granted);
}

const newTerm = (from: Instant, { validityMonths }: PublishedTemplate, zone: string): Term => ({
  at: from,
  from,
  ...(validityMonths === undefined ? {} : { until: termEnd(from, validityMonths, zone) }),
});

function grant(draft: Draft, data: GrantCredential['data'], template: PublishedTemplate, term: Term): void {
  const { learnerId, facts } = draft;
  const { templateId } = data;
  const occurrence = lastOccurrence(mapGet(draft.state().holdings, templateId)) + 1;
  draft.record(
    {
      type: 'credential-granted',
      data: {
        learnerId,
        credentialId: credentialIdOf(facts.tenant.namespace, learnerId, templateId, occurrence, 1),
        awardId: 'grant',
        awardKind: 'final',
        templateId,
        templateVersion: template.version,
        occurrence,
        edition: 1,
        ...term,
        satisfied: [],
        components: [],
        rulesHash: template.hash,
        issue: template.issue,
        reasonCode: data.reasonCode,
        authority: data.authority,
        ...alsoMeeting(draft, templateId),
      },
    },
    data.occurredAt,
  );
}
