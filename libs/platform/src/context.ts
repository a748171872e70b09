// What a context hands to the application: one list of everything it adds.
import type { Decider, EventDefinition, Issued, Projection, Reactor } from '@cairn/kernel';
import type { CommandMessage } from './messages.js';

// The parts of a context differ in their type parameters; the runtime matches them by name again.
/* oxlint-disable typescript/no-explicit-any */
export type AnyDecider = Decider<any, any, any, any>;
export type AnyProjection = Projection<any, any>;
export type AnyReactor = Reactor<any>;
/* oxlint-enable typescript/no-explicit-any */

export type MessageClass = {
  new (issued: Issued, options?: SendOptions): CommandMessage;
  /** The command's type: `CompleteModule`. */
  readonly type: string;
};

export type SendOptions = {
  /** From If-Match: stale is refused, never decided again. */
  readonly expectedRevision?: number;
};

export type ContextDefinition = {
  readonly name: string;
  readonly events: readonly EventDefinition[];
  readonly deciders: readonly AnyDecider[];
  readonly projections: readonly AnyProjection[];
  readonly reactors: readonly AnyReactor[];
  /** One class for each command that may be sent through the bus. */
  readonly messages: readonly MessageClass[];
};

export function defineContext(definition: ContextDefinition): ContextDefinition {
  return definition;
}

