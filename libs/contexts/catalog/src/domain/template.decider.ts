// One credential template: a draft that may be rewritten at will, and versions that never change.
import {
  accept,
  hashJson,
  invalid,
  reject,
  type Decider,
  type Decision,
  type Issued,
  type Rejected,
} from '@cairn/kernel';
import { issuerFold, issuerStream, type IssuerState } from '@cairn/contexts/tenancy';
import type { DraftTemplate, PublishTemplate, TemplateCommand } from '../contracts/catalog.commands.js';
import { templateIdOf, type PublishedTemplate, type TemplateEvent } from '../contracts/catalog.events.js';
import { templateFold, templateStream, type TemplateState } from '../contracts/catalog.folds.js';
import {
  loadNamedThings,
  referencesOfRequirement,
  renameInRequirement,
  resolver,
  type NamedThings,
  type RuleFault,
} from './references.js';
import { draftMissing, faulty, foreignId } from './refusals.js';
import { reminderFaults, renewalFaults } from './rule-faults.js';

/** What publishing depends on; undefined for a command that depends on its own stream alone. */
export type TemplateFacts = { readonly issuer: IssuerState; readonly things: NamedThings } | undefined;

const REQUIREMENT = '/renewal/requirement';

export const templateDecider: Decider<TemplateState, TemplateCommand, TemplateEvent, TemplateFacts> = {
  ...templateFold,
  commands: ['DraftTemplate', 'PublishTemplate'],
  streamOf: (command) => templateStream(command.tenant, command.data.templateId),
  loadFacts: async (command, { draft }, loader) => {
    if (command.type !== 'PublishTemplate' || !draft) return undefined;
    const { tenant } = command;
    const references = draft.renewal ? referencesOfRequirement(draft.renewal.requirement, REQUIREMENT) : [];
    return {
      issuer: await loader.fold(issuerFold, issuerStream(tenant, draft.issuerId)),
      things: await loadNamedThings(tenant, references, loader),
    };
  },
  decide: (command, state, facts) => {
    switch (command.type) {
      case 'DraftTemplate':
        return draftTemplate(command, state);
      case 'PublishTemplate':
        return publishTemplate(command, state, facts);
      default:
        return command satisfies never;
    }
  },
};

function draftTemplate({ data, tenant }: Issued<DraftTemplate>, state: TemplateState): Decision<TemplateEvent> {
  if (data.templateId !== templateIdOf(tenant, data.slug)) return foreignId('/templateId', data.slug);
  const { name, description, criteria } = data.achievement;
  for (const [member, text] of Object.entries({ name, description, criteria }))
    if (Object.keys(text).length === 0)
      return invalid(
        `/achievement/${member}`,
        'required',
        `The achievement needs its ${member} in one language at least.`,
      );
  if (data.renewal) {
    if (data.validityMonths === undefined)
      return invalid('/renewal', 'without-term', 'What is valid for ever cannot be renewed: give validityMonths too.');
    const faults = renewalFaults(data.renewal);
    if (faults.length > 0) return faulty('rule-invalid', faults);
  }
  if (data.reminders) {
    if (data.validityMonths === undefined)
      return invalid('/reminders', 'without-term', 'What is valid for ever does not end: give validityMonths too.');
    const faults = reminderFaults(data.reminders);
    if (faults.length > 0) return faulty('rule-invalid', faults);
  }
  return state.draft && hashJson(state.draft) === hashJson(data)
    ? accept()
    : accept({ type: 'credential-template-drafted', data });
}

function publishTemplate(
  { tenant }: Issued<PublishTemplate>,
  state: TemplateState,
  facts: TemplateFacts,
): Decision<TemplateEvent> {
  const { draft } = state;
  if (!draft || !facts) return draftMissing('template');
  if (!facts.issuer.registered) return issuerUnknown();
  const faults: RuleFault[] = [];
  const rename = resolver(tenant, facts.things, faults);
  const content: Omit<PublishedTemplate, 'version' | 'hash'> = {
    ...draft,
    ...(draft.renewal && {
      renewal: {
        ...draft.renewal,
        requirement: renameInRequirement(draft.renewal.requirement, REQUIREMENT, rename),
      },
    }),
  };
  if (faults.length > 0) return faulty('rule-invalid', faults);
  const hash = hashJson(content);
  if (state.versions.at(-1)?.hash === hash) return accept();
  return accept({
    type: 'credential-template-published',
    data: { ...content, version: state.versions.length + 1, hash },
  });
}

const issuerUnknown = (): Rejected =>
  reject('reference-unknown', 'The issuer that the draft names does not exist.', 'Register the issuer first.', [
    { pointer: '/issuerId', code: 'reference-unknown', message: 'There is no such issuer.' },
  ]);
