// One pathway: a draft that may be rewritten at will, and versions that never change (D7).
import {
  accept,
  hashJson,
  invalid,
  reject,
  type Decider,
  type Decision,
  type Issued,
  type PathwayId,
  type Rejected,
  type TenantId,
} from '@cairn/kernel';
import { withRequirementIds, type PathwayRules } from '@cairn/rules';
import type {
  DraftPathway,
  PathwayCommand,
  PublishPathwayVersion,
  RetirePathwayVersion,
  StartPathwayShadow,
  StopPathwayShadow,
} from '../contracts/catalog.commands.js';
import {
  pathwayIdOf,
  type AutomaticEnrollment,
  type PathwayEvent,
  type PublishedPathway,
  type SHADOW_ENDS,
} from '../contracts/catalog.events.js';
import { newestVersion, pathwayFold, pathwayStream, type PathwayState } from '../contracts/catalog.folds.js';
import { findStackingCycle, joinEdges, stackingEdgesOf } from '../contracts/stacking.js';
import {
  loadNamedThings,
  referencesOf,
  renameInRules,
  resolver,
  worthOf,
  type NamedThings,
  type RuleFault,
} from './references.js';
import { draftMissing, faulty, foreignId } from './refusals.js';
import { pathwayFaults, shapeFaults } from './rule-faults.js';

/** What publishing depends on; undefined for a command that depends on its own stream alone. */
export type PathwayFacts =
  | {
      readonly things: NamedThings;
      /** The pathways that the command says grant what this one's rules name. */
      readonly granting: ReadonlyMap<PathwayId, PathwayState>;
    }
  | undefined;

export const pathwayDecider: Decider<PathwayState, PathwayCommand, PathwayEvent, PathwayFacts> = {
  ...pathwayFold,
  commands: [
    'DraftPathway',
    'PublishPathwayVersion',
    'RetirePathwayVersion',
    'StartPathwayShadow',
    'StopPathwayShadow',
  ],
  streamOf: (command) => pathwayStream(command.tenant, command.data.pathwayId),
  loadFacts: async (command, { draft }, loader) => {
    if ((command.type !== 'PublishPathwayVersion' && command.type !== 'StartPathwayShadow') || !draft) return undefined;
    const granting = new Map<PathwayId, PathwayState>();
    for (const id of command.data.grantedBy ?? [])
      if (id !== command.data.pathwayId)
        granting.set(id, await loader.fold(pathwayFold, pathwayStream(command.tenant, id)));
    return { things: await loadNamedThings(command.tenant, referencesOf(draft.rules), loader), granting };
  },
  decide: (command, state, facts) => {
    switch (command.type) {
      case 'DraftPathway':
        return draftPathway(command, state);
      case 'PublishPathwayVersion':
        return publishVersion(command, state, facts);
      case 'RetirePathwayVersion':
        return retireVersion(command, state);
      case 'StartPathwayShadow':
        return startShadow(command, state, facts);
      case 'StopPathwayShadow':
        return stopShadow(command, state);
      default:
        return command satisfies never;
    }
  },
};

function draftPathway({ data, tenant }: Issued<DraftPathway>, state: PathwayState): Decision<PathwayEvent> {
  if (data.pathwayId !== pathwayIdOf(tenant, data.slug)) return foreignId('/pathwayId', data.slug);
  if (Object.keys(data.title).length === 0) return invalid('/title', 'required', 'A title in one language at least.');
  // Unreadable rules are refused here, so that whatever reads a draft can rely on its shape; all else waits for lint.
  const faults = shapeFaults(data.rules);
  if (faults.length > 0) return faulty('rule-invalid', faults);
  if (state.draft && hashJson(state.draft) === hashJson(data)) return accept();
  return accept({ type: 'pathway-drafted', data }, ...shadowEnds(state, 'redrafted'));
}

function publishVersion(
  { data, tenant }: Issued<PublishPathwayVersion>,
  state: PathwayState,
  facts: PathwayFacts,
): Decision<PathwayEvent> {
  const found = nextVersion(tenant, data.label, state, facts);
  if ('accepted' in found) return found;
  if (found.same) return accept();
  const published = found.next;
  return accept(
    {
      type: 'pathway-version-published',
      data: { ...published, ...automaticAfter(state, { ...state, versions: [...state.versions, published] }) },
    },
    ...shadowEnds(state, 'published'),
  );
}

/** What publishing makes of the draft, or the version that says the same already. */
function nextVersion(
  tenant: TenantId,
  asked: string | undefined,
  state: PathwayState,
  facts: PathwayFacts,
): Rejected | { readonly same: PublishedPathway } | { readonly same?: never; readonly next: PublishedPathway } {
  const { draft } = state;
  if (!draft || !facts) return draftMissing('pathway');
  if (asked === '') return invalid('/label', 'required', 'A version needs a label, such as "2026".');

  const unnamed: RuleFault[] = [];
  const rules = withRequirementIds(renameInRules(draft.rules, resolver(tenant, facts.things, unnamed)));
  if (unnamed.length > 0) return faulty('pathway-lint-failed', [...pathwayFaults(draft).errors, ...unnamed]);

  // What the author wrote; what publishing pins beside it may have moved on since the label was given.
  const { title, enrollment, returnWithinDays } = draft;
  const content = { title, rules, enrollment, ...(returnWithinDays === undefined ? {} : { returnWithinDays }) };
  const says = (version: PublishedPathway): boolean => hashJson(contentOf(version)) === hashJson(content);
  const newest = state.versions.at(-1);
  if (asked === undefined && newest && says(newest)) return { same: newest };
  const label = asked ?? String(state.versions.length + 1);
  const labelled = state.versions.find((version) => version.label === label);
  if (labelled) return says(labelled) ? { same: labelled } : labelTaken(labelled);

  const { errors } = findingsOf(tenant, draft, facts.things);
  if (errors.length > 0) return faulty('pathway-lint-failed', errors);

  const cycle = findStackingCycle(
    joinEdges(
      [rules, ...[state, ...facts.granting.values()].flatMap(({ versions }) => versions.map((each) => each.rules))].map(
        stackingEdgesOf,
      ),
    ),
  );
  if (cycle) return faulty('pathway-lint-failed', [stackingFault(cycle, rules, facts.things)]);

  const unhashed = {
    pathwayId: draft.pathwayId,
    slug: draft.slug,
    ...content,
    templateVersions: Object.fromEntries(
      rules.awards.map(({ id, template }) => [id, facts.things.templates.get(template)?.versions.length as number]),
    ),
    inner: innerOf(rules, facts.granting),
  };
  return { next: { ...unhashed, version: state.versions.length + 1, label, hash: hashJson(unhashed) } };
}

/** One shadow a pathway: what it costs is bounded by those in its versions. */
function startShadow(
  { data, tenant }: Issued<StartPathwayShadow>,
  state: PathwayState,
  facts: PathwayFacts,
): Decision<PathwayEvent> {
  const { grantedBy: _looked, ...asked } = data;
  if (state.shadow) {
    const { candidate: _candidate, ...running } = state.shadow;
    return hashJson(running) === hashJson(asked)
      ? accept()
      : reject(
          'shadow-running',
          'The draft is in shadow already, with another version to look at, mapping or entry point.',
          'Stop that shadow first.',
        );
  }
  if (asked.from !== undefined && !state.versions[asked.from - 1])
    return reject('not-found', `The pathway has no version ${asked.from}.`, 'List its versions and name one of them.');
  const found = nextVersion(tenant, undefined, state, facts);
  if ('accepted' in found) return found;
  if (found.same)
    return reject(
      'nothing-to-shadow',
      `The draft says the same as version ${found.same.version} ("${found.same.label}").`,
    );
  if (state.versions.length === 0)
    return reject('nothing-to-shadow', 'No version is published, so there is nothing to put the draft beside.');
  return accept({ type: 'pathway-shadow-started', data: { ...asked, candidate: found.next } });
}

function stopShadow({ data }: Issued<StopPathwayShadow>, state: PathwayState): Decision<PathwayEvent> {
  if (data.reasonCode === '')
    return reject('reason-required', 'A shadow is stopped for a reason.', 'Send a reason code such as "seen-enough".');
  return accept(...shadowEnds(state, 'stopped', data.reasonCode));
}

/** Ends with its draft: what is evaluated is what stands there as the draft. */
const shadowEnds = (
  { shadow }: PathwayState,
  why: (typeof SHADOW_ENDS)[number],
  reasonCode?: string,
): readonly PathwayEvent[] =>
  shadow
    ? [
        {
          type: 'pathway-shadow-ended',
          data: {
            pathwayId: shadow.pathwayId,
            hash: shadow.candidate.hash,
            why,
            ...(reasonCode === undefined ? {} : { reasonCode }),
          },
        },
      ]
    : [];

/** What lint finds in a draft whose names all stand for something. */
export const findingsOf = (
  tenant: TenantId,
  draft: NonNullable<PathwayState['draft']>,
  things: NamedThings,
): ReturnType<typeof pathwayFaults> => pathwayFaults(draft, worthOf(tenant, things, referencesOf(draft.rules)));

function retireVersion({ data }: Issued<RetirePathwayVersion>, state: PathwayState): Decision<PathwayEvent> {
  if (!state.versions[data.version - 1])
    return reject(
      'not-found',
      `The pathway has no version ${data.version}.`,
      'List its versions and name one of them.',
    );
  if (state.retired.includes(data.version)) return accept();
  if (data.reasonCode === '')
    return reject('reason-required', 'A version is retired for a reason.', 'Send a reason code such as "replaced".');
  const after = { ...state, retired: [...state.retired, data.version] };
  return accept({ type: 'pathway-version-retired', data: { ...data, ...automaticAfter(state, after) } });
}

const contentOf = ({ title, rules, enrollment, returnWithinDays }: PublishedPathway) => ({
  title,
  rules,
  enrollment,
  ...(returnWithinDays === undefined ? {} : { returnWithinDays }),
});

const labelTaken = ({ version, label }: PublishedPathway) =>
  reject(
    'version-immutable',
    `Version ${version} is called "${label}" and says something else; a published version never changes.`,
    'Publish the draft under another label.',
    [{ pointer: '/label', code: 'taken', message: `names version ${version}` }],
  );

const stackingFault = (cycle: readonly string[], rules: PathwayRules, things: NamedThings): RuleFault => {
  const name = (template: string): string => things.templates.get(template)?.versions.at(-1)?.slug ?? template;
  const award = rules.awards.findIndex(({ template }) => cycle.includes(template));
  return {
    pointer: `/rules/awards/${award}`,
    code: 'pathway-cycle',
    message: `Credentials would rest on each other in a circle: ${[...cycle, cycle[0] as string].map(name).join(' → ')}.`,
  };
};

/** Names of what requirements ask for, each once, in the order of the rules. */
const askedFor = (rules: PathwayRules): readonly string[] => [
  ...new Set(referencesOf(rules).flatMap(({ kind, name }) => (kind === 'template' ? [] : [name]))),
];

/**
 * Pathways that grant what this one asks for: joining this one joins them. One that only passes a credential of another
 * pathway on (an exit award resting on its own template) grants nothing by itself.
 */
function innerOf(rules: PathwayRules, granting: ReadonlyMap<PathwayId, PathwayState>): PublishedPathway['inner'] {
  const inner = new Map<PathwayId, number>();
  for (const template of askedFor(rules))
    for (const [pathwayId, state] of granting) {
      const newest = newestVersion(state);
      const needed = newest && stackingEdgesOf(newest.rules).get(template);
      if (newest && needed && !needed.has(template)) inner.set(pathwayId, newest.version);
    }
  return [...inner].map(([pathwayId, version]) => ({ pathwayId, version }));
}

function automaticTargets(state: PathwayState): { readonly version?: number; readonly targets: readonly string[] } {
  const newest = newestVersion(state);
  return newest?.enrollment === 'automatic'
    ? { version: newest.version, targets: askedFor(newest.rules) }
    : { targets: [] };
}

/** Nothing if the pathway enrolled nobody by itself before and does not now. */
function automaticAfter(before: PathwayState, after: PathwayState): { readonly automatic?: AutomaticEnrollment } {
  const now = automaticTargets(after);
  const dropped = automaticTargets(before).targets.filter((target) => !now.targets.includes(target));
  return now.targets.length + dropped.length === 0 ? {} : { automatic: { ...now, dropped } };
}
