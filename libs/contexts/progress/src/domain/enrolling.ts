// Joining and leaving; returning.ts has the way back.
import {
  accept,
  reject,
  type Decision,
  type EnrollmentId,
  type Instant,
  type Issued,
  type Rejected,
} from '@cairn/kernel';
import { evaluate, isoWeek, mapValues, type EntryPoint, type Evaluation, type StepId } from '@cairn/rules';
import type { EnrollLearner, WithdrawEnrollment } from '../contracts/record.commands.js';
import { learnerOf, type RecordEvent } from '../contracts/record.events.js';
import { heldAlready } from './awards.js';
import { decideMarked, satisfyStep } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { carriedBy, versionAskedFor } from './record.facts.js';
import { enrollmentOf, isOpen } from './record.state.js';
import type { EnrollmentState } from './record.types.js';
import { dateInFuture, isBlank, reasonRequired, unknownEnrollment } from './refusals.js';
import { versionKey, type Version } from './version.js';

type Recognised = { readonly step: StepId; readonly met: Evaluation & { readonly since: Instant } };

export function enrollLearner({ data, now }: Issued<EnrollLearner>, draft: Draft): Decision<RecordEvent> {
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  const version = versionToJoin(draft, data);
  if ('accepted' in version) return version;
  if (data.mode === 'automatic' && version.published.enrollment !== 'automatic') return accept();
  const attempts = attemptsAt(draft, version);
  if (data.mode === 'automatic' && attempts > 0) return accept();
  if ((data.attempt ?? 1) !== attempts + 1) return wrongAttempt(attempts, data.attempt ?? 1);
  const entry = entryToJoin(version, data.entryPoint);
  if ('accepted' in entry) return entry;
  const recognised = recognise(draft, version, entry, data.occurredAt);
  if ('accepted' in recognised) return recognised;
  const number = join(draft, version, entry, recognised, data.occurredAt);
  // Nobody asked to join anything: an automatic enrollment commits to no further pathway.
  if (data.mode === 'requested') joinInner(draft, version, number, data.occurredAt);
  decideMarked(draft);
  return accept(...draft.events());
}

function versionToJoin(draft: Draft, { pathwayId, version }: EnrollLearner['data']): Version | Rejected {
  const pathway = draft.facts.pathway;
  const newest = pathway && versionAskedFor(pathway, undefined);
  if (!pathway || pathway.versions.length === 0)
    return reject(
      'not-found',
      'There is no published pathway of that id.',
      'Publish the pathway first, or check its id.',
    );
  const asked = versionAskedFor(pathway, version);
  const instead = newest === undefined ? 'Publish a new version first.' : `The newest open version is ${newest}.`;
  if (asked === undefined)
    return reject(
      'not-found',
      version === undefined ? 'Every version of the pathway is retired.' : `The pathway has no version ${version}.`,
      instead,
    );
  if (pathway.retired.includes(asked))
    return reject('not-found', `Version ${asked} of the pathway is retired: nobody new joins it.`, instead);
  return draft.facts.versions.get(versionKey(pathwayId, asked)) as Version;
}

const attemptsAt = (draft: Draft, { published }: Version): number =>
  draft.state().enrollments.filter(({ ref }) => ref.pathwayId === published.pathwayId).length;

function wrongAttempt(attempts: number, asked: number): Rejected {
  return attempts === 0
    ? reject('not-found', `Attempt ${asked} was asked for, but there is no first one.`, 'Leave the attempt out.')
    : reject(
        'already-enrolled',
        `The learner has attempt ${attempts} at this pathway already.`,
        `Reinstate it, or ask for attempt ${attempts + 1} by number.`,
      );
}

function entryToJoin(version: Version, id: string | undefined): EntryPoint | Rejected {
  const { entryPoints } = version.rules;
  const entry = id === undefined ? entryPoints[0] : version.entryPoint(id);
  if (entry) return entry;
  if (id === undefined)
    throw new RangeError(`pathway ${version.published.pathwayId} was published without entry point`);
  return reject(
    'not-found',
    `Version ${version.published.version} has no entry point "${id}".`,
    `Its entry points are ${entryPoints.map((one) => `"${one.id}"`).join(', ')}.`,
  );
}

/** What an entry point recognises, judged at the instant of joining; refused if a part of it is not met by then. */
function recognise(draft: Draft, version: Version, entry: EntryPoint, at: Instant): readonly Recognised[] | Rejected {
  const recognised: Recognised[] = [];
  for (const { step, when } of entry.recognise ?? []) {
    const met = evaluate(when, draft.state().facts, at, { zone: version.rules.zone });
    if (met.since === undefined)
      return reject(
        'criteria-not-met',
        `The entry point "${entry.id}" recognises step "${step}", but what it asks for is not met on ${at}.`,
        `Missing: ${met.missing.map(({ requirementId }) => requirementId).join(', ')}. Record it first, or enter elsewhere.`,
      );
    recognised.push({ step, met: { ...met, since: met.since } });
  }
  return recognised;
}

/** Records the enrollment and what it recognises, marks all of it; its number. */
function join(
  draft: Draft,
  version: Version,
  entry: EntryPoint,
  recognised: readonly Recognised[],
  occurredAt: Instant,
  because?: EnrollmentId,
): number {
  const { published, rules } = version;
  const number = draft.state().enrollments.length + 1;
  draft.record(
    {
      type: 'learner-enrolled',
      data: {
        learnerId: draft.addressee,
        enrollment: {
          enrollmentId: nextEnrollment(draft),
          pathwayId: published.pathwayId,
          version: published.version,
          cohortWeek: isoWeek(occurredAt, draft.facts.tenant.zone),
          entryPoint: entry.id,
        },
        label: published.label,
        rulesHash: published.hash,
        attempt: attemptsAt(draft, version) + 1,
        steps: rules.steps.map(({ id }) => id),
        opens: version.course(entry.id).first,
        ...(because === undefined ? {} : { because }),
        ...earlierCompletions(draft, version),
        ...heldAlready(draft, version),
      },
    },
    occurredAt,
  );
  for (const step of version.steps) {
    const found = recognised.find((one) => one.step === step.id);
    if (!found) continue;
    const { since } = found.met;
    const reachedAt = since < occurredAt ? since : occurredAt;
    satisfyStep(draft, number, version, step, { ...found.met, reachedAt }, true);
  }
  mark(draft, draft.state().enrollments[number - 1] as EnrollmentState, version.all);
  return number;
}

/** The learner's next number; after a merge the record holds enrollments of others as well. */
function nextEnrollment(draft: Draft): EnrollmentId {
  const own = draft.state().enrollments.filter(({ ref }) => learnerOf(ref.enrollmentId) === draft.addressee);
  return `${draft.addressee}-${own.length + 1}` as EnrollmentId;
}

/** Completions that stand and that the version looks at: its read models have not seen them, or not all of them. */
export function earlierCompletions(draft: Draft, version: Version) {
  const earlier = Array.from(mapValues(draft.state().completions))
    .filter(({ valid, data }) => valid && version.looksAt(carriedBy(data.moduleId, data)))
    .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : a.ref < b.ref ? -1 : 1))
    .map(({ ref, at, data: { moduleId, score } }) => ({
      completion: ref,
      moduleId,
      at,
      ...(score === undefined ? {} : { score }),
    }));
  return earlier.length === 0 ? {} : { earlier };
}

/** Joining a pathway joins those that grant what it asks for, where the learner is not in them already. */
export function joinInner(draft: Draft, outer: Version, outerNumber: number, occurredAt: Instant): void {
  const because = (draft.state().enrollments[outerNumber - 1] as EnrollmentState).ref.enrollmentId;
  for (const inner of outer.published.inner) {
    if (draft.state().enrollments.some((other) => isOpen(other) && other.ref.pathwayId === inner.pathwayId)) continue;
    const version = draft.facts.versions.get(versionKey(inner.pathwayId, inner.version)) as Version;
    // At the first entry point nobody has to bring anything; should it recognise something, that is left to be earned.
    const entry = entryToJoin(version, undefined) as EntryPoint;
    const recognised = recognise(draft, version, entry, occurredAt);
    const number = join(draft, version, entry, 'accepted' in recognised ? [] : recognised, occurredAt, because);
    joinInner(draft, version, number, occurredAt);
  }
}

export function withdrawEnrollment({ data, now }: Issued<WithdrawEnrollment>, draft: Draft): Decision<RecordEvent> {
  const enrollment = enrollmentOf(draft.state(), data.enrollmentId);
  if (!enrollment) return unknownEnrollment(data.enrollmentId);
  if (isBlank(data.reasonCode)) return reasonRequired('A withdrawal');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (!isOpen(enrollment)) return accept();
  draft.record(
    {
      type: 'enrollment-withdrawn',
      data: { learnerId: draft.addressee, enrollment: enrollment.ref, reasonCode: data.reasonCode },
    },
    data.occurredAt,
  );
  return accept(...draft.events());
}
