// What moving an enrollment to another version would change: decided as the move itself would be, written nowhere.
import type { EnrollmentId, Instant, Issued, Rejected, TemplateId } from '@cairn/kernel';
import { addFact, factsOf, inWords, mapSet, mapValues, NO_FACTS } from '@cairn/rules';
import type { MoveEnrollmentToVersion } from '../contracts/record.commands.js';
import type { EnrollmentRef, RecordEvent } from '../contracts/record.events.js';
import { createDraft, type Draft } from './draft.js';
import { moveEnrollment } from './moving.js';
import type { RecordFacts } from './record.facts.js';
import { enrollmentOf } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import { erased } from './refusals.js';
import { nodesOf, versionKey, type Version } from './version.js';
import { whyNot, type CatalogWords } from './why-not.js';

/** `loses`: the new rules alone would not give what is held; `refused`: the move itself would be. */
export const SIMULATED_OUTCOMES = ['gains', 'loses', 'unchanged', 'refused'] as const;

export type Simulated = {
  readonly enrollment: EnrollmentId;
  /** Version of the enrollment before the move. */
  readonly version: number;
  readonly outcome: (typeof SIMULATED_OUTCOMES)[number];
  /** What the move would decide. */
  readonly gains: readonly {
    readonly award: string;
    readonly templateId: TemplateId;
    readonly from: Instant;
    readonly until?: Instant;
    /** Requirements met, in words, each with the facts (event ids) that meet it. */
    readonly because: readonly {
      readonly requirement: string;
      readonly text: string;
      readonly by: readonly string[];
    }[];
  }[];
  readonly stepsMet: readonly string[];
  /** Earned in this enrollment, and not by the new rules: kept all the same, with what they would still ask for. */
  readonly loses: readonly {
    readonly award: string;
    readonly templateId: TemplateId;
    readonly because: readonly string[];
  }[];
  readonly refusal?: { readonly code: string; readonly detail: string };
};

/** `facts` as loaded for the command: with the version to move to, published or not. */
export function simulateMove(
  command: Issued<MoveEnrollmentToVersion>,
  state: RecordState,
  facts: RecordFacts,
  words: CatalogWords,
): Simulated {
  const { enrollmentId, version: to } = command.data;
  const enrollment = enrollmentOf(state, enrollmentId);
  if (!enrollment) throw new RangeError(`the record has no enrollment ${enrollmentId}`);
  const named = { enrollment: enrollmentId, version: enrollment.ref.version };
  const { tenant } = facts;
  if (!tenant || facts.learner !== 'registered') return { ...named, ...refused(erased()) };
  const open = (record: RecordState): Draft => createDraft(command, record, { ...facts, tenant });
  const decision = moveEnrollment(command, open(state));
  if (!decision.accepted) return { ...named, ...refused(decision) };
  const target = facts.versions.get(versionKey(enrollment.ref.pathwayId, to)) as Version;

  const earned = decision.events.filter(isEarned);
  const stepsMet = decision.events.flatMap((event) =>
    event.type === 'step-satisfied' && event.data.enrollment.enrollmentId === enrollmentId ? [event.data.stepId] : [],
  );
  const loses = lostBy(command, open(bare(state, enrollment)), enrollment, state, target, words);
  return {
    ...named,
    outcome: loses.length > 0 ? 'loses' : earned.length > 0 || stepsMet.length > 0 ? 'gains' : 'unchanged',
    gains: earned.map(({ data }) => ({
      award: data.awardId,
      templateId: data.templateId,
      from: data.from,
      ...(data.until === undefined ? {} : { until: data.until }),
      because: data.satisfied.map(({ requirementId, by }) => ({
        requirement: requirementId,
        text: textOf(versionIn(facts, data.enrollment) ?? target, requirementId, words),
        by,
      })),
    })),
    stepsMet,
    loses,
  };
}

const refused = ({ code, detail }: Rejected) => ({
  outcome: 'refused' as const,
  gains: [],
  stepsMet: [],
  loses: [],
  refusal: { code, detail },
});

/** Joining what the version names may earn in another pathway. */
const versionIn = ({ versions }: RecordFacts, ref: EnrollmentRef | undefined): Version | undefined =>
  ref && versions.get(versionKey(ref.pathwayId, ref.version));

type Earned = Extract<RecordEvent, { type: 'credential-earned' }>;
const isEarned = (event: RecordEvent): event is Earned => event.type === 'credential-earned';

const heldBy = (state: RecordState, { ref }: EnrollmentState) =>
  Array.from(mapValues(state.holdings)).filter(
    ({ data, granted, withdrawn, ended }) =>
      !granted && withdrawn === undefined && !ended && data.enrollment?.enrollmentId === ref.enrollmentId,
  );

/** The record as if the enrollment had brought nothing yet: its facts and waivers, and what was recognised for good. */
function bare(state: RecordState, enrollment: EnrollmentState): RecordState {
  const steps = new Map(Array.from(enrollment.steps).filter(([, { data }]) => data.recognised === true));
  const kept = new Set(Array.from(steps.values(), ({ ref }) => ref));
  const own = factsOf(enrollment.own)
    .filter((fact) => fact.kind !== 'step' || kept.has(fact.ref))
    .reduce(addFact, NO_FACTS);
  const emptied = { ...enrollment, steps, own, opened: new Set<string>(), inOrder: new Set<string>() };
  return {
    ...state,
    enrollments: state.enrollments.with(enrollment.number - 1, emptied),
    holdings: heldBy(state, enrollment).reduce(
      (holdings, { data, previous }) => mapSet(holdings, data.templateId, previous),
      state.holdings,
    ),
  };
}

/** Awards held through the enrollment that the new rules would not give by the facts that stand. */
function lostBy(
  command: Issued<MoveEnrollmentToVersion>,
  draft: Draft,
  enrollment: EnrollmentState,
  state: RecordState,
  target: Version,
  words: CatalogWords,
): Simulated['loses'] {
  const held = heldBy(state, enrollment);
  if (held.length === 0) return [];
  const decision = moveEnrollment(command, draft);
  if (!decision.accepted) return [];
  const still = new Set(decision.events.filter(isEarned).map(({ data }) => data.templateId));
  const lost = held.filter(({ data: { templateId } }) => !still.has(templateId));
  if (lost.length === 0) return [];
  const after = draft.state();
  const moved = enrollmentOf(after, enrollment.ref.enrollmentId) as EnrollmentState;
  const why = whyNot(after, moved, draft.versionOf, command.now, words);
  const missing = new Map(why.steps.map((step) => [step.id, step.missing.map(({ text }) => text)]));
  return lost.map(({ data: { awardId, templateId } }) => {
    const award = target.awards.find(({ id, template }) => id === awardId && template === templateId);
    if (!award) return { award: awardId, templateId, because: [`Version ${why.version} has no such award.`] };
    const behind = target.stepsBehind(award).flatMap(({ id }) => missing.get(id) ?? []);
    const own = why.awards.find(({ id }) => id === awardId)?.missing.map(({ text }) => text) ?? [];
    const because = behind.length > 0 ? behind : own;
    return { award: awardId, templateId, because: [...new Set(because)] };
  });
}

const texts = new WeakMap<CatalogWords, Map<Version, ReadonlyMap<string, string>>>();

/** A requirement in words, made once for all learners. */
function textOf(version: Version, requirementId: string, words: CatalogWords): string {
  const byVersion = texts.get(words) ?? new Map<Version, ReadonlyMap<string, string>>();
  texts.set(words, byVersion);
  let known = byVersion.get(version);
  if (!known) {
    const { steps, awards } = version.rules;
    known = new Map(
      [...steps.map(({ need }) => need), ...awards.map(({ when }) => when)]
        .flatMap(nodesOf)
        .map((node) => [node.id as string, inWords(node, words.names)]),
    );
    byVersion.set(version, known);
  }
  return known.get(requirementId) ?? requirementId;
}
