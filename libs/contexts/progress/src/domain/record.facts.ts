// What a decision about a learner needs from other streams, named by the record and the command.
import {
  moduleFold,
  moduleStream,
  pathwayFold,
  pathwayStream,
  templateFold,
  templateStream,
  type ModuleDefinition,
  type PathwayState,
  type PublishedTemplate,
} from '@cairn/contexts/catalog';
import { learnerFold } from '@cairn/contexts/learners';
import { issuerFold, issuerStream, tenantFold, tenantStream } from '@cairn/contexts/tenancy';
import {
  streamName,
  type FactLoader,
  type IssuerId,
  type Issued,
  type LearnerId,
  type ModuleId,
  type PathwayId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import { mapGet } from '@cairn/rules';
import type { InRecord, RecordCommand } from '../contracts/record.commands.js';
import { learnerOf, recordStream } from '../contracts/record.events.js';
import { heldIn, replay } from './merged-record.js';
import { copiesFold, sentMeanwhile, type Copies } from './record-copies.js';
import { enrollmentOf, recordFold } from './record.state.js';
import type { RecordState } from './record.types.js';
import { versionKey, versionOf, type Carried, type Version } from './version.js';

export type RecordFacts = {
  /** Absent: no such tenant. */
  readonly tenant?: { readonly namespace: string; readonly zone: string };
  readonly learner: 'unknown' | 'registered' | 'erased';
  /** The module that the command names, as it is now. */
  readonly module?: ModuleDefinition;
  /** Pinned versions of the enrollments; for EnrollLearner, a move and a return also the one asked for and those within it. */
  readonly versions: ReadonlyMap<string, Version>;
  /** Published versions of the templates that may be awarded or are held. */
  readonly templates: ReadonlyMap<TemplateId, readonly PublishedTemplate[]>;
  /** EnrollLearner, MoveEnrollmentToVersion, ReinstateEnrollment: the pathway asked for. */
  readonly pathway?: PathwayState;
  /** Zones of issuers whose templates are held, or granted, outside any enrollment. */
  readonly issuerZones: ReadonlyMap<IssuerId, string>;
  /** AbsorbRecord: the other record. ReopenRecord: what was sent to the learner while they were merged. */
  readonly other?: Copies;
};

/** Whom a command is about. */
export const learnerIn = (command: RecordCommand): LearnerId =>
  'learnerId' in command.data ? command.data.learnerId : learnerOf(command.data.enrollmentId);

/** In whose record it is decided: after a merge perhaps another's. */
export const recordIn = (command: RecordCommand): LearnerId => (command.data as InRecord).record ?? learnerIn(command);

/** Which number a version asked for has: the one named, else the newest that is not retired. */
export function versionAskedFor(pathway: PathwayState, version: number | undefined): number | undefined {
  if (version !== undefined) return pathway.versions[version - 1]?.version;
  return pathway.versions.findLast((published) => !pathway.retired.includes(published.version))?.version;
}

export async function loadRecordFacts(
  command: Issued<RecordCommand>,
  state: RecordState,
  loader: FactLoader,
): Promise<RecordFacts> {
  const { tenant } = command;
  if (command.type === 'ReopenRecord' || command.type === 'AbsorbRecord') {
    const other =
      command.type === 'ReopenRecord'
        ? await loader.fold(sentMeanwhile(command.data.learnerId), recordStream(tenant, command.data.from))
        : await loader.fold(copiesFold, recordStream(tenant, command.data.from));
    return { ...(await loadFacts(command, replay(state, other.events, recordFold.evolve), loader)), other };
  }
  if (command.type === 'CloseRecord' || state.closed)
    return { learner: 'registered', versions: new Map(), templates: new Map(), issuerZones: new Map() };
  return loadFacts(command, state, loader);
}

async function loadFacts(command: Issued<RecordCommand>, state: RecordState, loader: FactLoader): Promise<RecordFacts> {
  const { tenant } = command;
  const asked = versionIn(command, state);
  const moduleId = 'moduleId' in command.data ? command.data.moduleId : undefined;
  const [{ registered }, learner, module, pathway, pinned] = await Promise.all([
    // Neither namespace nor zone ever changes.
    loader.foldHaving(tenantFold, tenantStream(tenant), (fold) => fold.registered !== undefined),
    loader.fold(learnerFold, streamName('learner', tenant, recordIn(command))),
    moduleId === undefined ? undefined : loader.fold(moduleFold, moduleStream(tenant, moduleId)),
    asked === undefined ? undefined : loader.fold(pathwayFold, pathwayStream(tenant, asked.pathwayId)),
    loadPinnedVersions(loader, tenant, state),
  ]);
  const versions = new Map(pinned);
  const number = pathway && versionAskedFor(pathway, asked?.version);
  if (asked && number !== undefined) await loadNested(loader, tenant, asked.pathwayId, number, versions, new Set());
  const templates = await loadTemplates(loader, tenant, templatesNeeded(command, state, versions, module?.definition));
  const issuerZones = await loadZones(loader, tenant, issuersNeeded(command, state, templates));
  return {
    ...(registered ? { tenant: registered } : {}),
    learner: learner.status,
    ...(module?.definition ? { module: module.definition } : {}),
    versions,
    templates,
    ...(pathway ? { pathway } : {}),
    issuerZones,
  };
}

/** The pathway that a command joins, moves within or returns to, and the version it asks for. */
function versionIn(
  command: RecordCommand,
  state: RecordState,
): { readonly pathwayId: PathwayId; readonly version: number | undefined } | undefined {
  if (command.type === 'EnrollLearner') return { pathwayId: command.data.pathwayId, version: command.data.version };
  if (command.type !== 'MoveEnrollmentToVersion' && command.type !== 'ReinstateEnrollment') return undefined;
  const enrollment = enrollmentOf(state, command.data.enrollmentId);
  // Whoever returns may go on by the newest version.
  const version = command.type === 'ReinstateEnrollment' ? undefined : command.data.version;
  return enrollment && { pathwayId: enrollment.ref.pathwayId, version };
}

const keyOf = ({ published }: Version): string => versionKey(published.pathwayId, published.version);

/** The versions to which a record's enrollments are pinned, by {@link versionKey}. */
export async function loadPinnedVersions(
  loader: FactLoader,
  tenant: TenantId,
  state: RecordState,
): Promise<ReadonlyMap<string, Version>> {
  const versions = await Promise.all(
    state.enrollments.map(({ ref }) => loadVersion(loader, tenant, ref.pathwayId, ref.version)),
  );
  return new Map(versions.map((version) => [keyOf(version), version]));
}

/** The issuers of what is granted and of what is held by a grant: no rules of an enrollment say their zone. */
function issuersNeeded(
  command: RecordCommand,
  state: RecordState,
  templates: ReadonlyMap<TemplateId, readonly PublishedTemplate[]>,
): ReadonlySet<IssuerId> {
  const issuers = new Set<IssuerId>();
  const need = (template: PublishedTemplate | undefined): void => {
    if (template) issuers.add(template.issuerId);
  };
  if (command.type === 'GrantCredential') need(templates.get(command.data.templateId)?.at(-1));
  // What is released may have been earned by an enrollment that is another person's again.
  for (const { data } of heldIn(state))
    if (data.enrollment === undefined || command.type === 'ReleaseRecord')
      need(templates.get(data.templateId)?.[data.templateVersion - 1]);
  return issuers;
}

async function loadZones(
  loader: FactLoader,
  tenant: TenantId,
  issuers: ReadonlySet<IssuerId>,
): Promise<ReadonlyMap<IssuerId, string>> {
  const zones = new Map<IssuerId, string>();
  await Promise.all(
    Array.from(issuers, async (issuer) => {
      const { registered } = await loader.foldHaving(
        issuerFold,
        issuerStream(tenant, issuer),
        (fold) => fold.registered !== undefined,
      );
      if (registered) zones.set(issuer, registered.zone);
    }),
  );
  return zones;
}

async function loadVersion(
  loader: FactLoader,
  tenant: TenantId,
  pathwayId: PathwayId,
  version: number,
): Promise<Version> {
  const pathway = await loader.foldHaving(
    pathwayFold,
    pathwayStream(tenant, pathwayId),
    (fold) => fold.versions.length >= version,
  );
  const published = pathway.versions[version - 1];
  if (!published) throw new RangeError(`pathway ${pathwayId} has no version ${version}, but enrollments pinned to it`);
  return versionOf(published);
}

/** A version and those that joining it joins, added to `into`. */
async function loadNested(
  loader: FactLoader,
  tenant: TenantId,
  pathwayId: PathwayId,
  number: number,
  into: Map<string, Version>,
  seen: Set<string>,
): Promise<void> {
  const version = await loadVersion(loader, tenant, pathwayId, number);
  const key = keyOf(version);
  if (seen.has(key)) return;
  seen.add(key);
  into.set(key, version);
  for (const inner of version.published.inner)
    await loadNested(loader, tenant, inner.pathwayId, inner.version, into, seen);
}

/**
 * Templates and how many versions of each must be known; 0: as many as there are now.
 * A completion needs those of the versions that look at its module, and of what it may renew; other commands any.
 */
function templatesNeeded(
  command: RecordCommand,
  state: RecordState,
  versions: ReadonlyMap<string, Version>,
  module: ModuleDefinition | undefined,
): ReadonlyMap<TemplateId, number> {
  const needed = new Map<TemplateId, number>();
  const need = (id: TemplateId, version: number): void => {
    needed.set(id, Math.max(needed.get(id) ?? 0, version));
  };
  for (const version of versions.values()) {
    if (command.type === 'CompleteModule' && !(module && version.looksAt(carriedBy(module.moduleId, module)))) continue;
    for (const award of version.awards)
      need(award.template as TemplateId, version.published.templateVersions[award.id] ?? 1);
  }
  // A completion may renew whatever has a term.
  for (const { data } of heldIn(state))
    if (command.type !== 'CompleteModule' || data.until !== undefined) need(data.templateId, data.templateVersion);
  // What is held may be of a later version than the one that a pathway issues.
  for (const id of needed.keys())
    for (let held = mapGet(state.holdings, id); held; held = held.previous) need(id, held.data.templateVersion);
  if ('templateId' in command.data && command.data.templateId !== undefined) needed.set(command.data.templateId, 0);
  return needed;
}

async function loadTemplates(
  loader: FactLoader,
  tenant: TenantId,
  needed: ReadonlyMap<TemplateId, number>,
): Promise<ReadonlyMap<TemplateId, readonly PublishedTemplate[]>> {
  const templates = new Map<TemplateId, readonly PublishedTemplate[]>();
  await Promise.all(
    Array.from(needed, async ([id, version]) => {
      const stream = templateStream(tenant, id);
      const { versions } =
        version === 0
          ? await loader.fold(templateFold, stream)
          : await loader.foldHaving(templateFold, stream, (fold) => fold.versions.length >= version);
      templates.set(id, versions);
    }),
  );
  return templates;
}

/** What a fact about a module or template carries, as selectors see it. */
export const carriedBy = (
  key: ModuleId | TemplateId,
  { area, level }: { readonly area?: string; readonly level?: number },
  external = false,
): Carried => ({
  key,
  external,
  ...(area === undefined ? {} : { area }),
  ...(level === undefined ? {} : { level }),
});
