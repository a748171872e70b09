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
