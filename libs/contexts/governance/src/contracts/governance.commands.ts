import type { Command } from '@cairn/kernel';
import type { GovernanceEvent } from './governance.events.js';

type DataOf<T extends GovernanceEvent['type']> = Extract<GovernanceEvent, { type: T }>['data'];

/** Puts on record that an operator lets the work pass over an event; whoever sends it has looked the event up. */
export type DiscardParkedWork = Command<'DiscardParkedWork', DataOf<'parked-work-discarded'>>;

/** Puts on record that an operator lets the work try an event again. */
export type RetryParkedWork = Command<'RetryParkedWork', DataOf<'parked-work-retried'>>;

/** Puts on record that an operator has read models folded anew. */
export type RebuildReadModels = Command<'RebuildReadModels', DataOf<'read-models-rebuilt'>>;

export type GovernanceCommand = DiscardParkedWork | RetryParkedWork | RebuildReadModels;
