import { defineReactor } from '@cairn/kernel';
import type { SettleIdentities } from '../contracts/learner.commands.js';
import { learnerProfileChanged } from '../contracts/learner.events.js';

/** Releases the identifiers that a changed profile names no more. */
export const settleIdentitiesReactor = defineReactor({
  name: 'settle-identities',
  events: [learnerProfileChanged],
  partitionBy: (event) => event.data.learnerId,
  react: ({ data: { learnerId } }) => [
    { command: { type: 'SettleIdentities', data: { learnerId } } satisfies SettleIdentities },
  ],
  tolerates: [],
});
