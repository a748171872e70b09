// Why a credential exists, from what was written down when it was decided (domain.md §9). Pure: the record's events,
// the published rule and the words for both are handed in; so is the result of evaluating the tree again.
import { publicActor, publicId, type Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import type { PublishedPathway, PublishedTemplate } from '@cairn/contexts/catalog';
import type { IssuerState } from '@cairn/contexts/tenancy';
import type {
  EventTrace,
  ExplainAnswer,
  ExplainChange,
  ExplainFact,
  ExplainRenewal,
  ExplainRequirement,
} from '../contracts/explain-answer.js';
import type { DecisionReplay } from '../contracts/decision-replay.js';
import type { LanguageMap } from '../contracts/verification-answer.js';
import type { Basis, RenewalBasis } from './credential.decider.js';
import { effectiveAt, type Standing } from './credential-status.js';
import { credentialUrl, plainText } from './issue-preparation.js';

export type ExplainInput = {
  readonly baseUrl: string;
  readonly standing: Standing;
  readonly basis: Basis;
  /** The whole record, in order. */
  readonly record: readonly Recorded<RecordEvent>[];
  readonly template: PublishedTemplate;
  readonly issuer: NonNullable<IssuerState['registered']>;
  /** The version that the decision was taken under; undefined for a grant outside any pathway. */
  readonly pathway: PublishedPathway | undefined;
  /** The award's rule in words. */
  readonly ruleText?: LanguageMap;
  /** A requirement in words, by its id; undefined if the version has no such node. */
  readonly requirementText: (requirementId: string) => LanguageMap | undefined;
  /** Title of a module or template; undefined if unknown. */
  readonly titleOf: (kind: 'module' | 'template', id: string) => LanguageMap | undefined;
  readonly components: ExplainAnswer['components'];
  /** What brought each further term, and the same decided again. */
  readonly renewals: readonly { readonly basis: RenewalBasis; readonly again: Again }[];
  /** What renews it, in words; undefined: its template has no renewal. */
  readonly renewalText?: LanguageMap;
  /** The tree evaluated again; null if there is nothing to evaluate. */
  readonly again: Again;
};

type Again = Awaited<ReturnType<DecisionReplay>>;

const en = (text: string): LanguageMap => ({ en: text });
const words = (code: string): string => code.replaceAll('-', ' ');

export function explainCredential(input: ExplainInput): ExplainAnswer {
  const { standing, basis, template, issuer, pathway, ruleText, record, again, components } = input;
  const { issued } = standing;
  const title = template.achievement.name;
  const requirements = requirementsOf(input, basis.data.satisfied);
  const withdrawn = record.some(
    (event) => event.type === 'credential-entitlement-withdrawn' && event.data.earned === basis.id,
  );
  const grant = basis.type === 'credential-granted' ? basis.data : undefined;
  const renewals = input.renewals.map((renewal) => renewalEntry(input, renewal));
  const changes = standing.events.flatMap((event) => changeEntry(input, event));
  const traces = [
    ...new Set<Recorded>([
      ...[{ basis, again }, ...input.renewals].flatMap((one) => [
        one.basis,
        ...factEvents(input, one.basis.data.satisfied),
        // Replayed alone, these decide the same.
        ...(one.again?.restsOn ?? []),
      ]),
      ...standing.events,
    ]),
  ];
  return {
    credential: publicId('crd', issued.data.credentialId),
    title,
    status: standing.status,
    text: en(
      grant
        ? `${issuer.name} granted “${plainText(title)}” by decision of ${grant.authority}: ${words(grant.reasonCode)}.`
        : `${issuer.name} issued “${plainText(title)}” because ${pathway ? `the rule of “${plainText(pathway.title)}” (version ${pathway.label})` : 'its rule'} was met.`,
    ),
    issued: {
      at: issued.data.awardedAt,
      recordedAt: issued.meta.recordedAt,
      issuer: { id: issuer.did, name: issuer.name },
      key: issued.data.keyId,
      serial: issued.data.serial,
      validFrom: issued.data.validFrom,
      ...(issued.data.validUntil === undefined ? {} : { validUntil: issued.data.validUntil }),
      staff: { trace: traceOf(issued) },
    },
    decision: {
      kind: grant ? 'granted' : 'earned',
      at: basis.data.at,
      recordedAt: basis.meta.recordedAt,
      occurrence: basis.data.occurrence,
      edition: basis.data.edition,
      ...(grant ? { reason: grant.reasonCode, authority: grant.authority } : {}),
      withdrawn,
      staff: { trace: traceOf(basis) },
    },
    ...(pathway
      ? {
          rule: {
            pathway: pathway.title,
            pathwaySlug: pathway.slug,
            version: pathway.version,
            label: pathway.label,
            hash: basis.data.rulesHash,
            award: basis.data.awardId,
            text: ruleText ?? en('See the published version.'),
          },
        }
      : {}),
    requirements,
    ...(renewals.length > 0 ? { renewals } : {}),
    ...(changes.length > 0 ? { changes } : {}),
    components,
    matches: again?.matches ?? null,
    ...(again?.mismatch === undefined ? {} : { mismatch: again.mismatch }),
    staff: {
      events: inLogOrder(traces).map((event) => ({
        ...traceOf(event),
        at: event.meta.occurredAt,
        recordedAt: event.meta.recordedAt,
      })),
    },
  };
}

type Changed = Standing['events'][number];
const CHANGES: Readonly<Partial<Record<Changed['type'], readonly [ExplainChange['what'], string]>>> = {
  'credential-suspended': ['suspended', 'Suspended'],
  'credential-reinstated': ['reinstated', 'A suspension is over'],
  'credential-flagged': ['flagged', 'Flagged'],
  'credential-unflagged': ['flag-lifted', 'A flag is lifted'],
  'credential-revoked': ['revoked', 'Revoked'],
  'credential-superseded': ['superseded', 'Superseded by its next edition'],
  'credential-expired': ['expired', 'Its term ended'],
  'renewal-window-opened': ['renewal-opened', 'It could be renewed from then on'],
  'renewal-window-closed': ['renewal-closed', 'It could no longer be renewed'],
};

function changeEntry(input: ExplainInput, event: Changed): readonly ExplainChange[] {
  const [what, told] = CHANGES[event.type] ?? [];
  if (what === undefined || told === undefined) return [];
  const { reasonCode, authority, cause, because } = event.data as {
    readonly reasonCode?: string;
    readonly authority?: string;
    readonly cause?: string;
    readonly because?: string;
  };
  const why = reasonCode ?? cause;
  return [
    {
      what,
      at: effectiveAt(event),
      recordedAt: event.meta.recordedAt,
      text: en(
        `${told}${why === undefined ? '' : `: ${words(why)}`}${authority === undefined ? '' : `, decided by ${authority}`}`,
      ),
      ...(authority === undefined || reasonCode === undefined ? {} : { reason: reasonCode, authority }),
      causes: causesOf(input, because),
      staff: { trace: traceOf(event) },
    },
  ];
}

/** From the nearest cause to the first, as the events of the record name each other. */
function causesOf(input: ExplainInput, because: string | undefined): ExplainChange['causes'] {
  const causes: ExplainChange['causes'][number][] = [];
  for (let id = because; id !== undefined && causes.length < input.record.length;) {
    const event = input.record.find((one) => one.id === id);
    if (!event) break;
    const { occurredAt: at, recordedAt } = event.meta;
    causes.push({ text: en(causeInWords(input, event)), at, recordedAt, staff: { trace: traceOf(event) } });
    id = (event.data as { readonly because?: string }).because;
  }
  return causes;
}

function causeInWords(input: ExplainInput, event: Recorded<RecordEvent>): string {
  const named = (kind: 'module' | 'template', id: string | undefined): string => {
    const title = id === undefined ? undefined : input.titleOf(kind, id);
    return title ? `“${plainText(title)}”` : `A ${kind === 'module' ? 'module' : 'credential'}`;
  };
  switch (event.type) {
    case 'component-policy-applied': {
      const { effect, cause, componentTemplateId } = event.data;
      const of = componentTemplateId === undefined ? '' : ` of ${named('template', componentTemplateId)}`;
      return effect === 'lift'
        ? `The hold for “${words(cause)}”${of} was lifted`
        : `By the rules of its template (${words(cause)}${of}): ${effect}`;
    }
    case 'stack-component-withdrawn': {
      const { componentId, cause } = event.data;
      const credited = input.record.find(
        (one) => one.type === 'stack-component-credited' && one.data.componentId === componentId,
      );
      const template = credited?.type === 'stack-component-credited' ? credited.data.templateId : undefined;
      return `${named('template', template)}: ${words(cause)}`;
    }
    case 'stack-component-credited':
      return `${named(event.data.templateId ? 'template' : 'module', event.data.templateId ?? event.data.moduleId)} counts`;
    case 'credential-entitlement-withdrawn':
      return 'The facts that stand do not entitle to it any more';
    case 'module-completion-invalidated':
      return `A completion of ${named('module', event.data.moduleId)} was taken back: ${words(event.data.reasonCode)}`;
    case 'requirement-waiver-withdrawn':
      return `A waiver was withdrawn by ${event.data.authority}: ${words(event.data.reasonCode)}`;
    case 'module-completed':
      return `${named('module', event.data.moduleId)} completed`;
    default:
      return words(event.type);
  }
}

function renewalEntry(input: ExplainInput, { basis, again }: ExplainInput['renewals'][number]): ExplainRenewal {
  const { serial, at, from, until, reasonCode, authority, satisfied } = basis.data;
  const rule = input.renewalText === undefined ? '' : ` What renews it: ${plainText(input.renewalText)}.`;
  return {
    serial,
    validFrom: from,
    validUntil: until,
    kind: authority === undefined ? 'earned' : 'granted',
    at,
    recordedAt: basis.meta.recordedAt,
    ...(reasonCode === undefined ? {} : { reason: reasonCode }),
    ...(authority === undefined ? {} : { authority }),
    text: en(
      authority === undefined
        ? `Renewed for term ${serial} because its renewal requirement was met.${rule}`
        : `Renewed for term ${serial} by decision of ${authority}: ${words(reasonCode ?? '')}.`,
    ),
    requirements: requirementsOf(input, satisfied),
    matches: again?.matches ?? null,
    ...(again?.mismatch === undefined ? {} : { mismatch: again.mismatch }),
    staff: { trace: traceOf(basis) },
  };
}

type Satisfied = Basis['data']['satisfied'];

/** The met requirements, those of the steps that they rest on after them; each once. */
function requirementsOf(input: ExplainInput, all: Satisfied): readonly ExplainRequirement[] {
  const found = new Map<string, ExplainRequirement>();
  const events = new Map(input.record.map((event) => [event.id, event]));
  const visit = (satisfied: Satisfied): void => {
    for (const { requirementId, by } of satisfied) {
      if (found.has(requirementId)) continue;
      const facts = by.flatMap((ref) => {
        const event = events.get(ref);
        return event ? [factOf(input, event)] : [];
      });
      found.set(requirementId, {
        requirement: requirementId,
        text: input.requirementText(requirementId) ?? en(`Requirement ${requirementId}`),
        waived: facts.some(({ kind }) => kind === 'waiver'),
        facts,
      });
      for (const ref of by) {
        const event = events.get(ref);
        if (event?.type === 'step-satisfied') visit(event.data.satisfied);
      }
    }
  };
  visit(all);
  return [...found.values()];
}

/** Every event that the requirements name, steps followed to what they rest on. */
function factEvents(input: ExplainInput, satisfied: Satisfied, seen = new Set<string>()): readonly Recorded[] {
  const events = new Map(input.record.map((event) => [event.id, event]));
  return satisfied.flatMap(({ by }) =>
    by.flatMap((ref) => {
      const event = events.get(ref);
      if (!event || seen.has(ref)) return [];
      seen.add(ref);
      return event.type === 'step-satisfied' ? [event, ...factEvents(input, event.data.satisfied, seen)] : [event];
    }),
  );
}

function factOf(input: ExplainInput, event: Recorded<RecordEvent>): ExplainFact {
  const common = { at: event.meta.occurredAt, recordedAt: event.meta.recordedAt };
  const withdrawn = isTakenBack(input.record, event) ? { withdrawn: true } : {};
  const staff = { trace: traceOf(event) };
  switch (event.type) {
    case 'module-completed': {
      const { moduleId, score, honours, credits, source, sourceId, evidenceRef, assessor } = event.data;
      const title = input.titleOf('module', moduleId);
      const result = `${score === undefined ? '' : ` with ${score}`}${honours ? ', with honours' : ''}`;
      return {
        kind: 'completion',
        text: en(`${title ? `“${plainText(title)}”` : 'A module'} completed${result}`),
        ...common,
        source,
        ...(score === undefined ? {} : { score }),
        credits,
        ...withdrawn,
        staff: {
          ...staff,
          ...(sourceId === undefined ? {} : { sourceId }),
          ...(evidenceRef === undefined ? {} : { evidenceRef }),
          ...(assessor === undefined ? {} : { assessor }),
        },
      };
    }
    case 'stack-component-credited': {
      const { origin, componentId, templateId, moduleId, authority, reasonCode, credits } = event.data;
      const title = templateId ? input.titleOf('template', templateId) : moduleId && input.titleOf('module', moduleId);
      const name = title ? `“${plainText(title)}”` : 'A result';
      if (origin === 'own')
        return {
          kind: 'credential',
          text: en(`Credential ${name} held`),
          at: event.data.validFrom,
          recordedAt: common.recordedAt,
          credential: publicId('crd', componentId),
          page: credentialUrl(input.baseUrl, componentId as Basis['data']['credentialId']),
          ...withdrawn,
          staff,
        };
      return {
        kind: 'recognition',
        text: en(`${name} recognised from outside${authority === undefined ? '' : ` by ${authority}`}`),
        ...common,
        ...(credits === undefined ? {} : { credits }),
        ...(authority === undefined ? {} : { authority }),
        ...(reasonCode === undefined ? {} : { reason: reasonCode }),
        ...withdrawn,
        staff: { ...staff, evidenceRef: event.data.ref },
      };
    }
    case 'requirement-waived': {
      const { authority, reasonCode } = event.data;
      return {
        kind: 'waiver',
        text: en(`Waived by ${authority}: ${words(reasonCode)}`),
        ...common,
        authority,
        reason: reasonCode,
        ...withdrawn,
        staff,
      };
    }
    case 'step-satisfied': {
      const step = input.pathway?.rules.steps.find(({ id }) => id === event.data.stepId);
      const how = event.data.recognised ? 'recognised on entry' : 'met';
      return {
        kind: 'step',
        text: en(`Step “${step?.title ?? event.data.stepId}” ${how}`),
        ...common,
        ...withdrawn,
        staff,
      };
    }
    default:
      return { kind: 'other', text: en(words(event.type)), ...common, staff };
  }
}

function isTakenBack(record: readonly Recorded<RecordEvent>[], fact: Recorded<RecordEvent>): boolean {
  return record.some((event) => {
    switch (event.type) {
      case 'module-completion-invalidated':
        return event.data.completion === fact.id;
      case 'requirement-waiver-withdrawn':
        return event.data.waiver === fact.id;
      case 'step-reopened':
        return event.data.undoes === fact.id;
      case 'stack-component-withdrawn':
        return (
          fact.type === 'stack-component-credited' &&
          event.data.componentId === fact.data.componentId &&
          event.data.cause === 'revoked'
        );
      default:
        return false;
    }
  });
}

const inLogOrder = (events: readonly Recorded[]): readonly Recorded[] =>
  events.toSorted((a, b) => (a.position < b.position ? -1 : a.position > b.position ? 1 : 0));

function traceOf(event: Recorded): EventTrace {
  const { meta } = event;
  return {
    event: publicId('evt', event.id),
    type: event.type,
    stream: event.stream,
    revision: event.revision,
    position: event.position,
    actor: publicActor(meta.actor),
    correlation: meta.$correlationId,
    command: meta.$causationId,
    ...(meta.causedBy === undefined ? {} : { causedBy: publicId('evt', meta.causedBy) }),
  };
}
