import { Personal, type LearnerId } from '@cairn/kernel';
import { given } from '@cairn/testing';
import type { LearnerState } from '../contracts/learner.folds.js';
import { identityDecider } from './identity.decider.js';

const hash = 'f'.repeat(64);
const ada = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
const bob = 'e2c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
const unknown: LearnerState = { status: 'unknown' };
const registered = (learnerId: LearnerId): LearnerState => ({
  status: 'registered',
  learnerId,
  profile: Personal.of({ email: 'secret@example.org' }),
});
const erased = (learnerId: LearnerId): LearnerState => ({ status: 'erased', learnerId, keyDestroyed: false });

const claim = (learnerId: LearnerId) => ({ type: 'ClaimIdentity', data: { hash, learnerId, kind: 'email' } }) as const;
const claimed = (learnerId: LearnerId) => ({ type: 'identity-claimed', data: { learnerId, kind: 'email' } }) as const;
const release = (learnerId: LearnerId) =>
  ({ type: 'ReleaseIdentity', data: { hash, learnerId, reasonCode: 'erased' } }) as const;
const released = (learnerId: LearnerId) =>
  ({ type: 'identity-released', data: { learnerId, reasonCode: 'erased' } }) as const;

describe('ClaimIdentity', () => {
  it('claims what is free', () =>
    given(identityDecider).when(claim(ada), { claimant: unknown, owner: unknown }).then(claimed(ada)));
  it('claims what was released', () =>
    given(identityDecider, claimed(bob), released(bob))
      .when(claim(ada), { claimant: unknown, owner: unknown })
      .then(claimed(ada)));
  it('changes nothing for the one who holds it', () =>
    given(identityDecider, claimed(ada))
      .when(claim(ada), { claimant: registered(ada), owner: registered(ada) })
      .thenUnchanged());
  it('refuses what another holds, and says nothing of them', () => {
    const answer = given(identityDecider, claimed(bob)).when(claim(ada), { claimant: unknown, owner: registered(bob) });
    answer.thenRejected('identifier-taken');
    expect(JSON.stringify(answer.decision)).not.toMatch(/example\.org|e2c0b0a9/);
  });
  it('refuses what another claimed without being registered yet', () =>
    given(identityDecider, claimed(bob))
      .when(claim(ada), { claimant: unknown, owner: unknown })
      .thenRejected('identifier-taken'));
  it('takes over what an erased learner held', () =>
    given(identityDecider, claimed(bob))
      .when(claim(ada), { claimant: unknown, owner: erased(bob) })
      .then(claimed(ada)));
  it('refuses an erased claimant', () =>
    given(identityDecider)
      .when(claim(ada), { claimant: erased(ada), owner: unknown })
      .thenRejected('learner-erased'));
});

describe('ReleaseIdentity', () => {
  it('releases', () => given(identityDecider, claimed(ada)).when(release(ada), undefined).then(released(ada)));
  it('changes nothing the second time', () =>
    given(identityDecider, claimed(ada), released(ada)).when(release(ada), undefined).thenUnchanged());
  it('leaves alone what is somebody else’s by now', () =>
    given(identityDecider, claimed(ada), released(ada), claimed(bob)).when(release(ada), undefined).thenUnchanged());
});
