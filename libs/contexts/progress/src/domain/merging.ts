// Two learners turn out to be one person, or two after all. A record takes the other one in and decides anew on all that
// is known of the person; the way back returns what belongs to the other and flags what rested on it.
import {
  accept,
  canonicalJson,
  reject,
  type Decision,
  type Instant,
  type Issued,
  type Json,
  type LearnerId,
} from '@cairn/kernel';
import { mapValues } from '@cairn/rules';
import type { AbsorbRecord, CloseRecord, ReleaseRecord, ReopenRecord } from '../contracts/record.commands.js';
import { learnerOf, MERGED, UNMERGED, type RecordEvent } from '../contracts/record.events.js';
import { factsBehind } from './awards.js';
import { settleAllRestingOn } from './component-policy.js';
import { decideMarked } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { earlierCompletions } from './enrolling.js';
import { heldIn, peopleWith, replay } from './merged-record.js';
import type { Copies } from './record-copies.js';
import { isOpen, recordFold } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import { erased } from './refusals.js';
import { reopen, takeBackWhatUsed, withdrawEntitlement } from './undoing.js';

/** One event holds the copies; the log takes no larger append. */
const MAX_COPIED_BYTES = 700_000;

export function closeRecord({ data }: Issued<CloseRecord>, state: RecordState): Decision<RecordEvent> {
  // An erasure also closes what a merge had closed.
  if (state.closed && (data.why === 'merged' || state.mergedInto === undefined)) return accept();
  const enrollments = state.enrollments.map(({ ref }) => ref);
  const { learnerId, why, into } = data;
  return accept({
    type: 'record-closed',
    data: {
      learnerId,
      why,
      ...(into === undefined ? {} : { into }),
      ...(enrollments.length === 0 ? {} : { enrollments }),
    },
  });
}

export function absorbRecord({ data, now }: Issued<AbsorbRecord>, draft: Draft): Decision<RecordEvent> {
  const { from } = data;
  const { closedInto, events } = draft.facts.other as Copies;
  if (draft.state().absorbed.has(from)) return accept();
  if (closedInto === undefined)
    return reject('not-merged', 'The other record goes on by itself.', 'Merge the learners first.');
  if (canonicalJson(events as unknown as Json).length > MAX_COPIED_BYTES)
    return reject(
      'record-too-long',
      `The record to be taken in has ${events.length} events, too many for one decision.`,
      'Merge the other way round, so that the longer record stays.',
    );
  const theirs = replay(recordFold.initial, events, recordFold.evolve).enrollments;
  const absorbed = draft.record(
    {
      type: 'record-absorbed',
      data: { learnerId: draft.learnerId, from, enrollments: theirs.map(({ ref }) => ref), events },
    },
    now,
  );
  for (const [kept, others] of sharedPathways(draft.state()))
    for (const other of others) standAside(draft, kept, other, now);
  markAll(draft);
  decideMarked(draft);
  settleAll(draft, absorbed);
  return accept(...draft.events());
}

function markAll(draft: Draft): void {
  for (const enrollment of draft.state().enrollments)
    if (isOpen(enrollment)) mark(draft, enrollment, draft.versionOf(enrollment).all);
  for (const { data } of mapValues(draft.state().holdings)) draft.renewing.add(data.templateId);
}

/** What rests on credentials of templates that both may hold is held or freed by what counts now. */
function settleAll(draft: Draft, because: string): void {
  const components = heldIn(draft.state()).flatMap(({ data }) => data.components);
  for (const templateId of new Set(components.map((component) => component.templateId)))
    settleAllRestingOn(draft, templateId, because);
}

/** Pathways in which both are enrolled: the enrollment that joined first stays, those of the other stand aside. */
function sharedPathways(state: RecordState): readonly (readonly [EnrollmentState, readonly EnrollmentState[]])[] {
  const open = state.enrollments.filter(isOpen);
  const whose = ({ ref }: EnrollmentState) => learnerOf(ref.enrollmentId);
  return Array.from(new Set(open.map(({ ref }) => ref.pathwayId))).flatMap((pathwayId) => {
    const [kept, ...rest] = open
      .filter(({ ref }) => ref.pathwayId === pathwayId)
      .toSorted((a, b) => (a.joinedAt < b.joinedAt ? -1 : a.joinedAt > b.joinedAt ? 1 : a.number - b.number));
    const others = kept ? rest.filter((one) => whose(one) !== whose(kept)) : [];
    return kept && others.length > 0 ? [[kept, others] as const] : [];
  });
}

/** One person is one enrollment in every count; what an authority waived in the other goes on in the one that stays. */
function standAside(draft: Draft, kept: EnrollmentState, other: EnrollmentState, now: Instant): void {
  const learnerId = learnerOf(other.ref.enrollmentId);
  draft.record({ type: 'enrollment-withdrawn', data: { learnerId, enrollment: other.ref, reasonCode: MERGED } }, now);
  if (kept.ref.version !== other.ref.version) return;
  for (const [requirementId, { ref, at, authority, reasonCode }] of other.waivers) {
    if (kept.waivers.has(requirementId)) continue;
    const data = {
      learnerId: learnerOf(kept.ref.enrollmentId),
      enrollment: kept.ref,
      requirementId,
      authority,
      reasonCode,
    };
    draft.record({ type: 'requirement-waived', data: { ...data, carries: ref } }, at);
  }
}

export function releaseRecord({ data, now }: Issued<ReleaseRecord>, draft: Draft): Decision<RecordEvent> {
  const { from, because } = data;
  const absorbed = draft.state().absorbed.get(from);
  if (!absorbed) return accept();
  const people = peopleWith(draft.state(), from);
  const isTheirs = ({ ref }: EnrollmentState): boolean => people.has(learnerOf(ref.enrollmentId));
  const cause = { because, at: now };
  // What their enrollments met since by facts of others is theirs to meet again, by what is theirs alone.
  const others = factsOfOthers(draft.state(), people);
  for (const { number } of draft.state().enrollments.filter(isTheirs)) {
    const current = (): EnrollmentState => draft.state().enrollments[number - 1] as EnrollmentState;
    for (const step of current().steps.values())
      if (!absorbed.ids.has(step.ref) && factsBehind(draft.state(), step.data.by).some((ref) => others.has(ref)))
        reopen(draft, current(), draft.versionOf(current()), step, cause);
  }
  for (const enrollment of draft.state().enrollments) if (enrollment.standsAside) comeBack(draft, enrollment, now);
  withdrawCarried(draft, isTheirs, now);
  const enrollments = draft
    .state()
    .enrollments.filter(isTheirs)
    .map(({ ref }) => ref);
  const released = draft.record(
    { type: 'record-released', data: { learnerId: draft.learnerId, from, enrollments } },
    now,
  );
  takeBackWhatUsed(draft, '', { because: released, at: now }, 'flag');
  // What the merge issued by an enrollment of theirs nobody here has earned, until an own one meets it.
  for (const holding of heldIn(draft.state())) {
    const { enrollment } = holding.data;
    if (holding.ended || holding.withdrawn !== undefined || enrollment === undefined) continue;
    if (people.has(learnerOf(enrollment.enrollmentId)))
      withdrawEntitlement(draft, holding, { because: released, at: now }, 'flag');
  }
  markAll(draft);
  decideMarked(draft);
  settleAll(draft, released);
  return accept(...draft.events());
}

function factsOfOthers({ completions, components }: RecordState, people: ReadonlySet<LearnerId>): ReadonlySet<string> {
  return new Set([
    ...Array.from(mapValues(completions)).flatMap(({ ref, data }) => (people.has(data.learnerId) ? [] : [ref])),
    ...Array.from(mapValues(components)).flatMap(({ of, facts }) => (people.has(of) ? [] : facts)),
  ]);
}

function comeBack(draft: Draft, { ref }: EnrollmentState, now: Instant): void {
  const enrollment = draft.state().enrollments.find((one) => one.ref.enrollmentId === ref.enrollmentId);
  if (!enrollment) return;
  draft.record(
    {
      type: 'enrollment-reinstated',
      data: {
        learnerId: learnerOf(ref.enrollmentId),
        enrollment: ref,
        reasonCode: UNMERGED,
        ...earlierCompletions(draft, draft.versionOf(enrollment)),
      },
    },
    now,
  );
}

/** Waivers that were only repeated from the other's enrollments, or the other way round. */
function withdrawCarried(draft: Draft, isTheirs: (enrollment: EnrollmentState) => boolean, now: Instant): void {
  const all = draft.state().enrollments;
  const ownerOf = (waiver: string): EnrollmentState | undefined =>
    all.find(({ waivers }) => [...waivers.values()].some(({ ref }) => ref === waiver));
  for (const enrollment of all)
    for (const [requirementId, { ref, carries, authority }] of enrollment.waivers) {
      const origin = carries === undefined ? undefined : ownerOf(carries);
      if (!origin || isTheirs(origin) === isTheirs(enrollment)) continue;
      draft.record(
        {
          type: 'requirement-waiver-withdrawn',
          data: {
            learnerId: learnerOf(enrollment.ref.enrollmentId),
            enrollment: enrollment.ref,
            waiver: ref,
            requirementId,
            authority,
            reasonCode: UNMERGED,
          },
        },
        now,
      );
    }
}

export function reopenRecord(
  { data, now }: Issued<ReopenRecord>,
  state: RecordState,
  draft: Draft,
): Decision<RecordEvent> {
  if (!state.closed) return accept();
  if (state.mergedInto === undefined) return erased();
  const { events } = draft.facts.other as Copies;
  const reopened = draft.record(
    { type: 'record-reopened', data: { learnerId: data.learnerId, from: data.from, events } },
    now,
  );
  markAll(draft);
  decideMarked(draft);
  settleAll(draft, reopened);
  return accept(...draft.events());
}
