// One learner: the personal data, sealed with the learner's own key, and its erasure.
import { accept, canonicalJson, reject, type Decider, type Personal, type Rejected } from '@cairn/kernel';
import type { LearnerCommand } from '../contracts/learner.commands.js';
import type { LearnerEvent, LearnerProfile } from '../contracts/learner.events.js';
import { learnerFold, learnerStream, type LearnerState } from '../contracts/learner.folds.js';

export const learnerDecider: Decider<LearnerState, LearnerCommand, LearnerEvent> = {
  ...learnerFold,
  commands: ['RegisterLearner', 'ChangeLearnerProfile', 'EraseLearner', 'RecordKeyDestroyed'],
  streamOf: (command) => learnerStream(command.tenant, command.data.learnerId),
  decide: ({ type, data }, state) => {
    switch (type) {
      case 'RegisterLearner':
        if (state.status === 'unknown') return accept({ type: 'learner-registered', data });
        if (state.status === 'erased') return erased();
        return sameProfile(state.profile, data.profile) ? accept() : identifierTaken();
      case 'ChangeLearnerProfile':
        if (state.status === 'unknown') return unknownLearner();
        if (state.status === 'erased') return erased();
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
      default:
        return type satisfies never;
    }
  },
};

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
