// Operators' acts are recorded, not judged: each is one of its own, also if the same was done before.
import { accept, type Decider } from '@cairn/kernel';
import type { GovernanceCommand } from '../contracts/governance.commands.js';
import { governanceStream, type GovernanceEvent } from '../contracts/governance.events.js';

export const governanceDecider: Decider<null, GovernanceCommand, GovernanceEvent> = {
  category: 'governance',
  commands: ['DiscardParkedWork', 'RetryParkedWork', 'RebuildReadModels'],
  initial: null,
  evolve: (state) => state,
  streamOf: ({ tenant, now }) => governanceStream(tenant, now),
  decide: (command) => {
    switch (command.type) {
      case 'DiscardParkedWork':
        return accept({ type: 'parked-work-discarded', data: command.data });
      case 'RetryParkedWork':
        return accept({ type: 'parked-work-retried', data: command.data });
      case 'RebuildReadModels':
        return accept({ type: 'read-models-rebuilt', data: command.data });
    }
  },
};
