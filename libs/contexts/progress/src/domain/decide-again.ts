// Would the same decision follow again? The events that it rests on are folded, these alone, and the award or renewal is
// decided anew by the version it is pinned to. Nothing else is needed: the facts stand in the record, published versions
// never change. What an explanation names is hence all that it takes (U3).
import { canonicalJson, type FactLoader, type Issued, type Json, type Recorded } from '@cairn/kernel';
import type { GrantRenewal } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { decideMarked } from './deciding.js';
import { createDraft, type Draft } from './draft.js';
import { loadRecordFacts } from './record.facts.js';
import { heldIn } from './merged-record.js';
import { enrollmentOf, recordFold } from './record.state.js';
import type { RecordState } from './record.types.js';
import { renewMarked } from './renewing.js';
import { versionKey, type Version } from './version.js';

type Decision = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' | 'renewal-earned' }>>;
type Award = Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' }>>;
const isAward = (event: Recorded<RecordEvent>): event is Award =>
  event.type === 'credential-earned' || event.type === 'credential-granted';
type Again = {
  readonly matches: boolean;
  readonly mismatch?: string;
  /** The events before it that the decision follows from, in the record's order. */
  readonly restsOn: readonly Recorded<RecordEvent>[];
};

/** `record`: all of it, or no more than what the decision rests on; `decision` is one of them. Null for an authority's word: it has no rule. */
export async function decideAgain(
  loader: FactLoader,
  record: readonly Recorded<RecordEvent>[],
  decision: Decision,
): Promise<Again | null> {
  if (decision.type === 'credential-granted') {
    // The next edition of an award is right if that was.
    const { replaces } = decision.data;
    const replaced = record.filter(isAward).find(({ data }) => data.credentialId === replaces);
    const again = replaced && (await decideAgain(loader, record, replaced));
    return again ? { ...again, restsOn: [...again.restsOn, replaced] } : null;
  }
  if (decision.type === 'renewal-earned' ? decision.data.authority !== undefined : !decision.data.enrollment)
    return null;
  const known = record.filter(({ revision }) => revision < decision.revision);
  const whole = known.reduce(recordFold.evolve, recordFold.initial);
  const { tenant, actor, $correlationId, $causationId, occurredAt, recordedAt } = decision.meta;
  const { learnerId, credentialId } = decision.data;
  // Decides nothing itself: it names the record, the instant and the ids.
  const command: Issued<GrantRenewal> = {
    type: 'GrantRenewal',
    data: { learnerId, credentialId, reasonCode: 'decided-again', authority: 'nobody', occurredAt },
    tenant,
    commandId: $causationId,
    idSource: 'derived',
    actor,
    correlationId: $correlationId,
    now: recordedAt,
  };
  const facts = await loadRecordFacts(command, whole, loader);
  const restsOn = eventsBehind(known, whole, decision, facts.versions);
  const differs = (mismatch: string): Again => ({ matches: false, mismatch, restsOn });
  if (!facts.tenant) return differs('there is no such tenant');
  const before = restsOn.reduce(recordFold.evolve, recordFold.initial);
  const draft = createDraft(command, before, { ...facts, tenant: facts.tenant });
  const refused = decide(draft, decision);
  if (refused !== undefined) return differs(refused);
  const again = draft.events().find(({ type }) => type === decision.type);
  if (!again) return differs('the rule is not met by the facts of then');
  const differing = Object.keys({ ...decision.data, ...again.data }).filter(
    (key) => textOf(decision.data, key) !== textOf(again.data, key),
  );
  return differing.length === 0 ? { matches: true, restsOn } : differs(`${differing.join(', ')} would be different`);
}

type Known = readonly Recorded<RecordEvent>[];

/**
 * Of the events before a decision those that it follows from: the facts that it used and what these rest on, the course of
 * its enrollment and of others that it also meets, earlier terms and occurrences of its template, and what had taken a
 * module that may count only so often.
 */
function eventsBehind(
  known: Known,
  whole: RecordState,
  decision: Decision,
  versions: ReadonlyMap<string, Version>,
): Known {
  // Copies of another record's events rest on each other.
  if (known.some(({ type }) => MERGING.has(type))) return known;
  const events = new Map(known.map((event) => [event.id, event]));
  const named = new Set<string>();
  const nameAll = (which: (event: Recorded<RecordEvent>) => boolean): void =>
    known.filter(which).forEach(({ id }) => name(id));
  const nameNotes = (componentId: string): void =>
    nameAll(({ type, data }) => NOTES.has(type) && (data as { componentId?: string }).componentId === componentId);
  const name = (id: string): void => {
    const event = events.get(id);
    if (!event || named.has(id)) return;
    named.add(id);
    if ('enrollment' in event.data && event.data.enrollment) nameCourse(event.data.enrollment.enrollmentId);
    if (event.type === 'step-satisfied') event.data.by.forEach(name);
    if ('satisfied' in event.data && event.type !== 'enrollment-moved-to-version')
      event.data.satisfied.forEach(({ by }) => by.forEach(name));
    if (event.type === 'stack-component-credited') nameNotes(event.data.componentId);
  };
  const nameCourse = (enrollmentId: string): void =>
    nameAll(({ type, data }) => COURSE.has(type) && enrollmentIn(data) === enrollmentId);

  const { data } = decision;
  data.satisfied.forEach(({ by }) => by.forEach(name));
  if (isAward(decision)) decision.data.components.forEach(({ ref }) => name(ref));
  for (const enrollment of [data.enrollment, ...(data.alsoMeets ?? []).map((other) => other.enrollment)])
    if (enrollment) nameCourse(enrollment.enrollmentId);
  // That they were, and how they ended; what they rested on may have been taken back since.
  for (const event of known)
    if (OF_TEMPLATE.has(event.type) && (event.data as { templateId?: string }).templateId === data.templateId) {
      named.add(event.id);
      const enrollment = enrollmentIn(event.data);
      if (enrollment !== undefined) nameCourse(enrollment);
    }
  for (const event of known)
    if (isAward(event) && event.data.templateId === data.templateId) nameNotes(event.data.credentialId);
  // Earned a second time, steps count by their trees over fresh facts, in the order of the pathway.
  if (data.occurrence > 1 && data.enrollment)
    for (const { ref } of enrollmentOf(whole, data.enrollment.enrollmentId)?.steps.values() ?? []) name(ref);
  if (isAward(decision) && isLimited(decision, versions)) {
    for (const { steps } of whole.enrollments) for (const { ref } of steps.values()) name(ref);
    for (const { ref } of heldIn(whole)) name(ref);
  }
  // A step stays met when a fact behind it falls and others meet it; the fact counts no more all the same.
  nameAll((event) => named.has(takenBackBy(event) ?? ''));
  return known.filter(({ id }) => named.has(id));
}

function takenBackBy(event: RecordEvent): string | undefined {
  if (event.type === 'module-completion-invalidated') return event.data.completion;
  if (event.type === 'requirement-waiver-withdrawn') return event.data.waiver;
  return event.type === 'step-reopened' ? event.data.undoes : undefined;
}

const MERGING: ReadonlySet<string> = new Set(['record-absorbed', 'record-released', 'record-reopened']);
const NOTES: ReadonlySet<string> = new Set(['stack-component-credited', 'stack-component-withdrawn']);
const COURSE: ReadonlySet<string> = new Set([
  'learner-enrolled',
  'enrollment-withdrawn',
  'enrollment-reinstated',
  'enrollment-moved-to-version',
]);
const OF_TEMPLATE: ReadonlySet<string> = new Set([
  'credential-earned',
  'credential-granted',
  'credential-entitlement-withdrawn',
  'renewal-earned',
  'renewal-withdrawn',
  'component-policy-applied',
]);
const enrollmentIn = (data: object): string | undefined =>
  (data as { enrollment?: { enrollmentId: string } }).enrollment?.enrollmentId;

/** Does the award ask for modules that count only so often? */
function isLimited({ data: { enrollment, awardId } }: Award, versions: ReadonlyMap<string, Version>): boolean {
  const version = enrollment && versions.get(versionKey(enrollment.pathwayId, enrollment.version));
  if (!version) return false;
  return version.groups.has(version.steps.length + version.awards.findIndex(({ id }) => id === awardId));
}

/** Decides into the draft; says what it lacks if it cannot. */
function decide(draft: Draft, decision: Decision): string | undefined {
  if (decision.type === 'renewal-earned') {
    draft.renewing.add(decision.data.templateId);
    renewMarked(draft);
    return undefined;
  }
  const { awardId, enrollment: pinned } = decision.data;
  const enrollment = draft.state().enrollments.find(({ ref }) => ref.enrollmentId === pinned?.enrollmentId);
  if (!enrollment) return 'the record knows no such enrollment by then';
  const { awards, steps } = draft.versionOf(enrollment);
  const index = awards.findIndex(({ id }) => id === awardId);
  if (index < 0) return `the version has no award ${awardId}`;
  draft.dirty.set(enrollment.number, new Set([steps.length + index]));
  decideMarked(draft);
  return undefined;
}

const textOf = (data: object, key: string): string => canonicalJson((data as Record<string, Json>)[key] ?? null);
