import type { Command } from '@cairn/kernel';
import type { GovernanceEvent } from './governance.events.js';

/** Puts on record that an operator lets the work pass over an event; whoever sends it has looked the event up. */
export type DiscardParkedWork = Command<
  'DiscardParkedWork',
  Extract<GovernanceEvent, { type: 'parked-work-discarded' }>['data']
>;
