// One identifier: an e-mail address or an external id belongs to one learner at a time.
import { accept, type Decider } from '@cairn/kernel';
import type { IdentityCommand } from '../contracts/learner.commands.js';
import type { IdentityEvent } from '../contracts/learner.events.js';
import {
  identityFold,
  identityStream,
  learnerFold,
  learnerStream,
  type IdentityState,
  type LearnerState,
} from '../contracts/learner.folds.js';
import { erased, identifierTaken } from './learner.decider.js';

/** Whose claim it is, and whose it would be; undefined for a release. */
export type ClaimFacts = { readonly claimant: LearnerState; readonly owner: LearnerState } | undefined;

export const identityDecider: Decider<IdentityState, IdentityCommand, IdentityEvent, ClaimFacts> = {
  ...identityFold,
  commands: ['ClaimIdentity', 'ReleaseIdentity'],
  streamOf: (command) => identityStream(command.tenant, command.data.hash),
  loadFacts: async ({ type, tenant, data }, { owner }, loader) => {
    if (type !== 'ClaimIdentity') return undefined;
    const claimant = await loader.fold(learnerFold, learnerStream(tenant, data.learnerId));
    if (owner === undefined || owner === data.learnerId) return { claimant, owner: claimant };
    return { claimant, owner: await loader.fold(learnerFold, learnerStream(tenant, owner)) };
  },
  decide: ({ type, data }, { owner }, facts) => {
    switch (type) {
      case 'ClaimIdentity':
        if (facts?.claimant.status === 'erased') return erased();
        if (owner === data.learnerId) return accept();
        // An erased learner holds nothing any more, even if the release has not come by yet.
        // Whoever was merged into the claimant is the same person.
        if (owner !== undefined && facts?.owner.status !== 'erased' && !isMergedInto(facts?.owner, data.learnerId))
          return identifierTaken();
        return accept({ type: 'identity-claimed', data: { learnerId: data.learnerId, kind: data.kind } });
      case 'ReleaseIdentity':
        // What belongs to nobody, or by now to somebody else, is not this learner's to release.
        if (owner !== data.learnerId) return accept();
        return accept({ type: 'identity-released', data: { learnerId: data.learnerId, reasonCode: data.reasonCode } });
      default:
        return type satisfies never;
    }
  },
};

const isMergedInto = (owner: LearnerState | undefined, claimant: string): boolean =>
  owner?.status === 'registered' && owner.mergedInto === claimant;
