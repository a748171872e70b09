// How other contexts read a person: the folds of the learner and identity streams.
import { streamName, type FactLoader, type Fold, type LearnerId, type Personal, type TenantId } from '@cairn/kernel';
import type { IdentityEvent, LearnerEvent, LearnerProfile } from './learner.events.js';

export const learnerStream = (tenant: TenantId, learner: LearnerId): string => streamName('learner', tenant, learner);
/** `hash` is the keyed hash of kind and normalised value: the stream tells nothing of the identifier. */
export const identityStream = (tenant: TenantId, hash: string): string => streamName('identity', tenant, hash);

export type LearnerState =
  | { readonly status: 'unknown' }
  | {
      readonly status: 'registered';
      readonly learnerId: LearnerId;
      readonly profile: Personal<LearnerProfile>;
      /** The person goes on as this learner. */
      readonly mergedInto?: LearnerId;
    }
  | { readonly status: 'erased'; readonly learnerId: LearnerId; readonly keyDestroyed: boolean };

export const learnerFold: Fold<LearnerState, LearnerEvent> = {
  category: 'learner',
  initial: { status: 'unknown' },
  evolve: (state, event) => {
    switch (event.type) {
      case 'learner-registered':
      case 'learner-profile-changed':
        return { ...state, status: 'registered', learnerId: event.data.learnerId, profile: event.data.profile };
      case 'learners-merged':
        return state.status === 'registered' ? { ...state, mergedInto: event.data.into } : state;
      case 'learners-unmerged': {
        if (state.status !== 'registered') return state;
        const { mergedInto: _, ...alone } = state;
        return alone;
      }
      case 'learner-erased':
        return { status: 'erased', learnerId: event.data.learnerId, keyDestroyed: false };
      case 'learner-key-destroyed':
        return { status: 'erased', learnerId: event.data.learnerId, keyDestroyed: true };
      default:
        return event satisfies never;
    }
  },
};

/** The learner as whom a person goes on: the end of the chain of merges. */
export async function goesOnAs(fold: FactLoader['fold'], tenant: TenantId, learner: LearnerId): Promise<LearnerId> {
  const seen = new Set<LearnerId>();
  let current = learner;
  // Two merges decided at once may name each other, until one of them is taken back.
  while (!seen.has(current)) {
    seen.add(current);
    const state = await fold(learnerFold, learnerStream(tenant, current));
    if (state.status !== 'registered' || state.mergedInto === undefined) return current;
    current = state.mergedInto;
  }
  return learner;
}

/** Finds documents of a read model. */
type Find = (
  projection: string,
  filter: { readonly [field: string]: string },
  options: { readonly limit: number },
) => Promise<readonly { readonly [field: string]: unknown }[]>;
/** Nobody is known more often than that. */
const KNOWN_AS = 1_000;

/** All learners who are one person with the given one: as whom they go on, first, and whoever was merged into that one. */
export async function onePerson(
  { fold, find }: { readonly fold: FactLoader['fold']; readonly find: Find },
  tenant: TenantId,
  learner: LearnerId,
): Promise<readonly [LearnerId, ...LearnerId[]]> {
  const people: [LearnerId, ...LearnerId[]] = [await goesOnAs(fold, tenant, learner)];
  for (const one of people)
    for (const { learnerId } of await find('learners', { tenant, mergedInto: one }, { limit: KNOWN_AS }))
      if (!people.includes(learnerId as LearnerId)) people.push(learnerId as LearnerId);
  return people;
}

export type IdentityState = { readonly owner?: LearnerId };
export const identityFold: Fold<IdentityState, IdentityEvent> = {
  category: 'identity',
  initial: {},
  evolve: (_state, event) => (event.type === 'identity-claimed' ? { owner: event.data.learnerId } : {}),
};
