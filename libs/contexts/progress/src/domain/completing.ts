// Modules: begun, completed, invalidated.
import type { ModuleDefinition } from '@cairn/contexts/catalog';
import {
  accept,
  reject,
  type Decision,
  type EnrollmentId,
  type Instant,
  type Issued,
  type LearnerId,
  type Rejected,
} from '@cairn/kernel';
import { localDay, mapGet } from '@cairn/rules';
import type { CompleteModule, InvalidateModuleCompletion, StartModule } from '../contracts/record.commands.js';
import type { EnrollmentRef, RecordEvent } from '../contracts/record.events.js';
import { decideMarked } from './deciding.js';
import { mark, type Draft } from './draft.js';
import { carriedBy } from './record.facts.js';
import { markRenewals } from './renewing.js';
import { dayKey, enrollmentOf, isOpen, sourceKey } from './record.state.js';
import type { CompletionState, RecordState } from './record.types.js';
import { dateInFuture, isBlank, reasonRequired, unknownEnrollment } from './refusals.js';
import { takeBackWhatUsed } from './undoing.js';
import type { Carried } from './version.js';

export function startModule({ data, now }: Issued<StartModule>, draft: Draft): Decision<RecordEvent> {
  const module = moduleFor(draft, data, now);
  if ('accepted' in module) return module;
  if (mapGet(draft.state().modules, module.moduleId)?.begun) return accept();
  draft.record(
    {
      type: 'module-started',
      data: {
        learnerId: draft.addressee,
        moduleId: module.moduleId,
        enrollments: openOnesLookingAt(draft, carriedBy(module.moduleId, module)),
      },
    },
    data.occurredAt,
  );
  return accept(...draft.events());
}

/** The key decision (domain.md §3): the fact once, and whatever it changes in every open enrollment. */
export function completeModule({ data, now }: Issued<CompleteModule>, draft: Draft): Decision<RecordEvent> {
  const module = moduleFor(draft, data, now);
  if ('accepted' in module) return module;
  const evidence = refusedEvidence(module, data.score);
  if (evidence) return evidence;
  const state = draft.state();
  const known = knownBySource(state, data, draft.addressee);
  if (known) return sameContent(known, data) ? accept() : sourceRecordDiffers(known);
  if (standsAlready(state, data, draft)) return accept();
  const { moduleId, credits, area, level } = module;
  const carried = carriedBy(moduleId, module);
  draft.record(
    {
      type: 'module-completed',
      data: {
        learnerId: draft.addressee,
        moduleId,
        attempt: (mapGet(state.modules, moduleId)?.attempts ?? 0) + 1,
        credits,
        source: data.source,
        ...(area === undefined ? {} : { area }),
        ...(level === undefined ? {} : { level }),
        ...given(data, 'score'),
        ...given(data, 'honours'),
        ...given(data, 'evidenceRef'),
        ...given(data, 'assessor'),
        ...given(data, 'sourceId'),
        enrollments: openOnesLookingAt(draft, carried),
      },
    },
    data.occurredAt,
  );
  markAffected(draft, carried);
  decideMarked(draft);
  return accept(...draft.events());
}

export function invalidateCompletion(
  { data, now }: Issued<InvalidateModuleCompletion>,
  draft: Draft,
): Decision<RecordEvent> {
  const completion = mapGet(draft.state().completions, data.completion);
  if (!completion)
    return reject(
      'not-found',
      `The learner has no completion ${data.completion}.`,
      'Name the event that recorded the completion; the history of the enrollment lists it.',
    );
  if (isBlank(data.reasonCode)) return reasonRequired('Invalidating a completion');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (!completion.valid) return accept();
  const because = draft.record(
    {
      type: 'module-completion-invalidated',
      data: {
        learnerId: draft.addressee,
        completion: completion.ref,
        moduleId: completion.data.moduleId,
        reasonCode: data.reasonCode,
        ...(isBlank(data.authority) ? {} : given(data, 'authority')),
        enrollments: openOnesLookingAt(draft, carriedBy(completion.data.moduleId, completion.data)),
      },
    },
    data.occurredAt,
  );
  takeBackWhatUsed(draft, completion.ref, { because, at: data.occurredAt });
  decideMarked(draft);
  return accept(...draft.events());
}

/** Marks what a fact can affect: in every open enrollment, and of what is held. */
export function markAffected(draft: Draft, carried: Carried): void {
  markRenewals(draft, carried);
  for (const enrollment of draft.state().enrollments)
    if (isOpen(enrollment)) mark(draft, enrollment, draft.versionOf(enrollment).affectedBy(carried));
}

/** Open enrollments whose version looks at what a fact carries: its routing keys. */
export function openOnesLookingAt(draft: Draft, carried: Carried): readonly EnrollmentRef[] {
  return draft
    .state()
    .enrollments.filter((enrollment) => isOpen(enrollment) && draft.versionOf(enrollment).looksAt(carried))
    .map(({ ref }) => ref);
}

/** The module, once enrollment, module and date will do. */
function moduleFor(
  draft: Draft,
  data: { readonly enrollmentId?: EnrollmentId; readonly occurredAt: Instant },
  now: Instant,
): ModuleDefinition | Rejected {
  const { module } = draft.facts;
  if (!module)
    return reject('not-found', 'There is no module of that id.', 'Define the module first, or check its id.');
  if (data.occurredAt > now) return dateInFuture('occurredAt', data.occurredAt, now);
  if (data.enrollmentId === undefined) return module;
  const enrollment = enrollmentOf(draft.state(), data.enrollmentId);
  if (!enrollment) return unknownEnrollment(data.enrollmentId);
  if (!isOpen(enrollment))
    return reject(
      'enrollment-not-active',
      'The learner is withdrawn from this enrollment.',
      'Reinstate the enrollment, or send the fact for the learner without it.',
    );
  if (!draft.versionOf(enrollment).looksAt(carriedBy(module.moduleId, module)))
    return reject(
      'module-not-in-version',
      `Module "${module.slug}" is in no rule of version ${enrollment.ref.version} of the pathway.`,
      'Check the module, or send the fact for the learner without the enrollment.',
    );
  return module;
}

function refusedEvidence({ slug, passMark }: ModuleDefinition, score: number | undefined): Rejected | undefined {
  if (passMark === undefined) return undefined;
  if (score === undefined)
    return reject(
      'evidence-refused',
      `Module "${slug}" has a pass mark of ${passMark}, but no score was sent.`,
      'Send the score.',
      [{ pointer: '/score', code: 'evidence-refused', message: 'is missing' }],
    );
  if (score >= passMark) return undefined;
  return reject(
    'evidence-refused',
    `The score ${score} is below the pass mark ${passMark} of module "${slug}".`,
    'Record only passed attempts.',
    [{ pointer: '/score', code: 'evidence-refused', message: `must be at least ${passMark}` }],
  );
}

/** Sent to each of two merged learners it is two facts: were they two persons, either would have it. */
function knownBySource(
  state: RecordState,
  { source, sourceId }: CompleteModule['data'],
  addressee: LearnerId,
): CompletionState | undefined {
  const ref = sourceId === undefined ? undefined : mapGet(state.bySource, sourceKey(addressee, source, sourceId));
  return ref === undefined ? undefined : mapGet(state.completions, ref);
}

function sameContent({ at, data }: CompletionState, sent: CompleteModule['data']): boolean {
  return (
    at === sent.occurredAt &&
    data.moduleId === sent.moduleId &&
    data.score === sent.score &&
    data.honours === sent.honours &&
    data.evidenceRef === sent.evidenceRef &&
    data.assessor === sent.assessor
  );
}

const sourceRecordDiffers = ({ ref, data }: CompletionState): Rejected =>
  reject(
    'source-record-differs',
    `Record "${data.sourceId}" of "${data.source}" was recorded before with other content (event ${ref}).`,
    'Invalidate that completion first if it was wrong.',
  );

/** The same module, local day and grade: one result that came by two channels. */
function standsAlready(
  state: RecordState,
  { moduleId, score, occurredAt }: CompleteModule['data'],
  { addressee, facts }: Draft,
): boolean {
  const { zone } = facts.tenant;
  const day = localDay(occurredAt, zone);
  const utc = Date.parse(occurredAt);
  return [-1, 0, 1].some((shift) => {
    const utcDay = new Date(utc + shift * 86_400_000).toISOString().slice(0, 10);
    return mapGet(state.byDay, dayKey(moduleId, utcDay, score))?.some((ref) => {
      const completion = mapGet(state.completions, ref);
      return completion?.data.learnerId === addressee && localDay(completion.at, zone) === day;
    });
  });
}

/** A member as an object to spread: nothing if it was not sent. */
function given<T extends object, K extends keyof T>(data: T, key: K): { readonly [P in K]?: NonNullable<T[K]> } {
  const value = data[key];
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: NonNullable<T[K]> });
}
