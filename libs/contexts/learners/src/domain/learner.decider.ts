// One learner: the personal data, sealed with the learner's own key, and its erasure.
import {
  accept,
  canonicalJson,
  publicId,
  reject,
  type Decider,
  type Decision,
  type LearnerId,
  type Personal,
  type Rejected,
} from '@cairn/kernel';
import type { LearnerCommand, MergeLearners, UnmergeLearners } from '../contracts/learner.commands.js';
import type { LearnerEvent, LearnerProfile } from '../contracts/learner.events.js';
import { learnerFold, learnerStream, type LearnerState } from '../contracts/learner.folds.js';

/** MergeLearners, UnmergeLearners: the learner as whom the person goes on. */
export type OtherLearner = LearnerState | undefined;

export const learnerDecider: Decider<LearnerState, LearnerCommand, LearnerEvent, OtherLearner> = {
  ...learnerFold,
  commands: [
    'RegisterLearner',
    'ChangeLearnerProfile',
    'EraseLearner',
    'RecordKeyDestroyed',
    'MergeLearners',
    'UnmergeLearners',
  ],
  streamOf: (command) => learnerStream(command.tenant, command.data.learnerId),
  loadFacts: async ({ type, tenant, data }, state, loader) => {
    const other =
      type === 'MergeLearners'
        ? data.into
        : type === 'UnmergeLearners' && state.status === 'registered'
          ? state.mergedInto
          : undefined;
    return other === undefined ? undefined : loader.fold(learnerFold, learnerStream(tenant, other));
  },
  decide: ({ type, data }, state, other) => {
    switch (type) {
      case 'RegisterLearner':
        if (state.status === 'unknown') return accept({ type: 'learner-registered', data });
        if (state.status === 'erased') return erased();
        return sameProfile(state.profile, data.profile) ? accept() : identifierTaken();
      case 'ChangeLearnerProfile':
        if (state.status === 'unknown') return unknownLearner();
        if (state.status === 'erased') return erased();
        if (state.mergedInto !== undefined) return merged(state.mergedInto);
        return sameProfile(state.profile, data.profile) ? accept() : accept({ type: 'learner-profile-changed', data });
      case 'EraseLearner':
        if (state.status === 'unknown') return unknownLearner();
        if (state.status === 'erased') return accept();
        if (data.approvedBy === '')
          return reject('authority-required', 'An erasure is approved by somebody.', 'Say who approved it.');
        if (data.reasonCode === '')
          return reject('reason-required', 'An erasure has a reason.', 'Send a code such as "data-subject-request".');
        return accept({ type: 'learner-erased', data });
      case 'RecordKeyDestroyed':
        if (state.status === 'unknown') return unknownLearner();
        if (state.status === 'registered')
          return reject(
            'criteria-not-met',
            'Only the key of an erased learner is destroyed.',
            'Erase the learner first.',
          );
        return state.keyDestroyed ? accept() : accept({ type: 'learner-key-destroyed', data });
      case 'MergeLearners':
        return mergeLearners(data, state, other);
      case 'UnmergeLearners':
        return unmergeLearners(data, state, other);
      default:
        return type satisfies never;
    }
  },
};

function mergeLearners(data: MergeLearners['data'], state: LearnerState, into: OtherLearner): Decision<LearnerEvent> {
  if (data.into === data.learnerId)
    return reject('merge-with-itself', 'Both ids are of the same learner.', 'Name two learners.', [
      { pointer: '/into', code: 'same', message: 'is the learner that is to be merged' },
    ]);
  if (state.status === 'unknown') return unknownLearner();
  if (state.status === 'erased') return erased();
  if (state.mergedInto !== undefined) return merged(state.mergedInto);
  if (into === undefined || into.status === 'unknown')
    return reject('not-found', 'There is no learner to merge into.', 'Check the id in into.', [
      { pointer: '/into', code: 'not-found', message: 'is no learner' },
    ]);
  if (into.status === 'erased') return erased();
  if (into.mergedInto !== undefined) return merged(into.mergedInto);
  const refusal = undecided(data, 'A merge');
  if (refusal) return refusal;
  const { learnerId, into: intoId, reasonCode, authority } = data;
  return accept({ type: 'learners-merged', data: { learnerId, into: intoId, reasonCode, authority } });
}

function unmergeLearners(
  data: UnmergeLearners['data'],
  state: LearnerState,
  other: OtherLearner,
): Decision<LearnerEvent> {
  if (state.status === 'unknown') return unknownLearner();
  if (state.status === 'erased') return erased();
  if (state.mergedInto === undefined)
    return reject(
      'not-merged',
      'The learner is merged into no other.',
      'Name the one that was merged, not the one that stayed.',
    );
  // Decided at once each way, either may be taken back.
  if (other?.status === 'registered' && other.mergedInto !== undefined && other.mergedInto !== data.learnerId)
    return reject(
      'learner-merged',
      `The learner that it goes on as was itself merged, into ${publicId('lrn', other.mergedInto)}.`,
      'Un-merge that one first.',
    );
  const refusal = undecided(data, 'An un-merge');
  if (refusal) return refusal;
  const { learnerId, reasonCode, authority } = data;
  return accept({ type: 'learners-unmerged', data: { learnerId, from: state.mergedInto, reasonCode, authority } });
}

const undecided = (
  { reasonCode, authority }: { readonly reasonCode: string; readonly authority: string },
  what: string,
): Rejected | undefined =>
  reasonCode.trim() === ''
    ? reject('reason-required', `${what} needs a reason.`, 'Send a reason code such as "registered-twice".')
    : authority.trim() === ''
      ? reject('authority-required', `${what} needs an authority.`, 'Name who is entitled to decide it, by role.')
      : undefined;

const merged = (into: LearnerId): Rejected =>
  reject(
    'learner-merged',
    `The learner goes on as ${publicId('lrn', into)}.`,
    'Send it for that learner, or un-merge the two first.',
  );

/** Equal content. Unreadable data equals nothing: it cannot be compared any more. */
export function sameProfile(a: Personal<LearnerProfile>, b: Personal<LearnerProfile>): boolean {
  const [one, other] = [a.reveal(), b.reveal()];
  return one !== undefined && other !== undefined && canonicalJson(one) === canonicalJson(other);
}

export const unknownLearner = (): Rejected =>
  reject('not-found', 'There is no such learner.', 'Register the learner first, or check the id.');

export const erased = (): Rejected =>
  reject('learner-erased', 'The learner was erased; nothing can be recorded about them any more.');

/** Says nothing of the other learner: whoever may know, finds them by the identifier (D11). */
export const identifierTaken = (): Rejected =>
  reject(
    'identifier-taken',
    'An identifier belongs to another learner, or to this one with other data.',
    'Find the learner by the identifier, and change that profile if it is the same person.',
  );
