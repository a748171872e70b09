// Operators' acts are recorded, not judged: each is one of its own, also if the same was done before.
import { accept, type Decider } from '@cairn/kernel';
import type { DiscardParkedWork } from '../contracts/governance.commands.js';
import { governanceStream, type GovernanceEvent } from '../contracts/governance.events.js';

export const governanceDecider: Decider<null, DiscardParkedWork, GovernanceEvent> = {
  category: 'governance',
  commands: ['DiscardParkedWork'],
  initial: null,
  evolve: (state) => state,
  streamOf: ({ tenant, now }) => governanceStream(tenant, now),
  decide: ({ data }) => accept({ type: 'parked-work-discarded', data }),
};
