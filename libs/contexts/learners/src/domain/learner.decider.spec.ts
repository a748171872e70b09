import { Personal, type LearnerId } from '@cairn/kernel';
import { given } from '@cairn/testing';
import type { LearnerProfile } from '../contracts/learner.events.js';
import { learnerDecider, sameProfile } from './learner.decider.js';

const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
const profile = Personal.of<LearnerProfile>({ name: 'Ada Lovelace', email: 'ada@example.org' });
const renamed = Personal.of<LearnerProfile>({ name: 'Ada King', email: 'ada@example.org' });

const register = { type: 'RegisterLearner', data: { learnerId, profile } } as const;
const registered = { type: 'learner-registered', data: register.data } as const;
const change = { type: 'ChangeLearnerProfile', data: { learnerId, profile: renamed } } as const;
const changed = { type: 'learner-profile-changed', data: change.data } as const;
const erase = {
  type: 'EraseLearner',
  data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
} as const;
const erased = { type: 'learner-erased', data: erase.data } as const;
const recordDestroyed = { type: 'RecordKeyDestroyed', data: { learnerId } } as const;
const destroyed = { type: 'learner-key-destroyed', data: { learnerId } } as const;

const nobody = given(learnerDecider);
const ada = given(learnerDecider, registered);
const gone = given(learnerDecider, registered, erased);

describe('RegisterLearner', () => {
  it('registers', () => nobody.when(register, undefined).then(registered));
  it('changes nothing for an equal profile', () =>
    ada
      .when(
        { ...register, data: { learnerId, profile: Personal.of({ email: 'ada@example.org', name: 'Ada Lovelace' }) } },
        undefined,
      )
      .thenUnchanged());
  it('refuses another profile for a learner who is there', () =>
    ada.when({ ...register, data: change.data }, undefined).thenRejected('identifier-taken'));
  it('refuses an erased learner', () => gone.when(register, undefined).thenRejected('learner-erased'));
});

describe('ChangeLearnerProfile', () => {
  it('replaces the profile', () => ada.when(change, undefined).then(changed));
  it('changes nothing for an equal profile', () =>
    given(learnerDecider, registered, changed).when(change, undefined).thenUnchanged());
  it('refuses an unknown learner', () => nobody.when(change, undefined).thenRejected('not-found'));
  it('refuses an erased learner', () => gone.when(change, undefined).thenRejected('learner-erased'));
});

describe('EraseLearner', () => {
  it('erases', () => ada.when(erase, undefined).then(erased));
  it('changes nothing the second time', () => gone.when(erase, undefined).thenUnchanged());
  it('refuses an unknown learner', () => nobody.when(erase, undefined).thenRejected('not-found'));
  it('refuses without approval', () =>
    ada.when({ ...erase, data: { ...erase.data, approvedBy: '' } }, undefined).thenRejected('authority-required'));
  it('refuses without a reason', () =>
    ada.when({ ...erase, data: { ...erase.data, reasonCode: '' } }, undefined).thenRejected('reason-required'));
});

describe('RecordKeyDestroyed', () => {
  it('records', () => gone.when(recordDestroyed, undefined).then(destroyed));
  it('changes nothing the second time', () =>
    given(learnerDecider, registered, erased, destroyed).when(recordDestroyed, undefined).thenUnchanged());
  it('refuses while the learner is not erased', () =>
    ada.when(recordDestroyed, undefined).thenRejected('criteria-not-met'));
  it('refuses an unknown learner', () => nobody.when(recordDestroyed, undefined).thenRejected('not-found'));
});

it('no refusal tells anything personal (D11)', () => {
  for (const who of [nobody, ada, gone])
    for (const command of [register, { ...register, data: change.data }, change, erase, recordDestroyed]) {
      const text = JSON.stringify(who.when(command, undefined).decision);
      expect(text).not.toMatch(/Ada|example\.org/);
    }
});

it('data that cannot be read any more equals nothing', () => {
  const unreadable = Personal.sealed<LearnerProfile>(() => undefined);
  expect(sameProfile(unreadable, unreadable)).toBe(false);
});

describe('MergeLearners, UnmergeLearners', () => {
  const into = 'e2d1c1ba-9a80-5e7d-8c6b-5a4938271615' as LearnerId;
  const third = 'f3e2d2cb-ab91-5f8e-8d7c-6b5a49382716' as LearnerId;
  const word = { reasonCode: 'registered-twice', authority: 'registrar' };
  const merge = { type: 'MergeLearners', data: { learnerId, into, ...word } } as const;
  const merged = { type: 'learners-merged', data: { learnerId, into, ...word } } as const;
  const unmerge = { type: 'UnmergeLearners', data: { learnerId, ...word } } as const;
  const other = { status: 'registered', learnerId: into, profile } as const;
  const twice = given(learnerDecider, registered, merged);

  it('merges one into another who is there', () => ada.when(merge, other).then(merged));
  it('takes it back', () =>
    twice.when(unmerge, other).then({ type: 'learners-unmerged', data: { learnerId, from: into, ...word } }));
  it('a profile changed before stays with the learner', () =>
    given(learnerDecider, registered, changed, merged)
      .when(unmerge, other)
      .then({
        type: 'learners-unmerged',
        data: { learnerId, from: into, ...word },
      }));
  it.each([
    ['with itself', ada, { ...merge, data: { ...merge.data, into: learnerId } }, other, 'merge-with-itself'],
    ['nobody', nobody, merge, other, 'not-found'],
    ['into nobody', ada, merge, { status: 'unknown' }, 'not-found'],
    ['an erased one', gone, merge, other, 'learner-erased'],
    ['into an erased one', ada, merge, { status: 'erased', learnerId: into, keyDestroyed: true }, 'learner-erased'],
    ['twice', twice, merge, other, 'learner-merged'],
    ['into one who was merged', ada, merge, { ...other, mergedInto: third }, 'learner-merged'],
    ['without a reason', ada, { ...merge, data: { ...merge.data, reasonCode: ' ' } }, other, 'reason-required'],
    ['without an authority', ada, { ...merge, data: { ...merge.data, authority: '' } }, other, 'authority-required'],
    ['the end of none', ada, unmerge, undefined, 'not-merged'],
    ['the end of one within another', twice, unmerge, { ...other, mergedInto: third }, 'learner-merged'],
  ] as const)('refused: %s', (_what, history, command, facts, code) => history.when(command, facts).thenRejected(code));
  it('decided both ways at once, either can be taken back', () =>
    twice.when(unmerge, { ...other, mergedInto: learnerId }).then({
      type: 'learners-unmerged',
      data: { learnerId, from: into, ...word },
    }));
  it('a merged one is erased like any other, and changes no profile', () => {
    twice.when(erase, undefined).then(erased);
    twice.when(change, undefined).thenRejected('learner-merged');
  });
});
