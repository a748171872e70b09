// How other contexts read a person: the folds of the learner and identity streams.
import { streamName, type Fold, type LearnerId, type Personal, type TenantId } from '@cairn/kernel';
import type { IdentityEvent, LearnerEvent, LearnerProfile } from './learner.events.js';

export const learnerStream = (tenant: TenantId, learner: LearnerId): string => streamName('learner', tenant, learner);
/** `hash` is the keyed hash of kind and normalised value: the stream tells nothing of the identifier. */
export const identityStream = (tenant: TenantId, hash: string): string => streamName('identity', tenant, hash);

export type LearnerState =
  | { readonly status: 'unknown' }
  | { readonly status: 'registered'; readonly learnerId: LearnerId; readonly profile: Personal<LearnerProfile> }
  | { readonly status: 'erased'; readonly learnerId: LearnerId; readonly keyDestroyed: boolean };

export const learnerFold: Fold<LearnerState, LearnerEvent> = {
  category: 'learner',
  initial: { status: 'unknown' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'learner-registered':
      case 'learner-profile-changed':
        return { status: 'registered', learnerId: event.data.learnerId, profile: event.data.profile };
      case 'learner-erased':
        return { status: 'erased', learnerId: event.data.learnerId, keyDestroyed: false };
      case 'learner-key-destroyed':
        return { status: 'erased', learnerId: event.data.learnerId, keyDestroyed: true };
      default:
        return event satisfies never;
    }
  },
};

export type IdentityState = { readonly owner?: LearnerId };
export const identityFold: Fold<IdentityState, IdentityEvent> = {
  category: 'identity',
  initial: {},
  evolve: (_state, event) => (event.type === 'identity-claimed' ? { owner: event.data.learnerId } : {}),
};
