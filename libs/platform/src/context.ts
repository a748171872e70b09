// What a context hands to the application: one list of everything it adds.
import type { EventDefinition, FactLoader, Instant, Reaction, ReactorContext, TenantId } from '@cairn/kernel';
import type { AnyDecider, AnyProjection, AnyTimekeeper } from '@cairn/runtime';
import type { CommandMessage, SendOptions } from './messages.js';

/** Any reactor: what a list of them can be typed as. */
export type AnyReactor = {
  readonly name: string;
  readonly events: readonly EventDefinition[];
  readonly partitionBy: (event: never) => string;
  readonly react: (event: never, context: ReactorContext) => Promise<readonly Reaction[]> | readonly Reaction[];
  readonly tolerates: readonly string[];
};

export type MessageClass = {
  /** Each takes its own command; the gateway finds the class by the command's type. */
  new (issued: never, options?: SendOptions): CommandMessage;
  /** The command's type: `CompleteModule`. */
  readonly type: string;
};

export type ContextDefinition = {
  readonly name: string;
  readonly events: readonly EventDefinition[];
  readonly deciders: readonly AnyDecider[];
  readonly projections: readonly AnyProjection[];
  readonly reactors: readonly AnyReactor[];
  /** What is sent when something of its is due. */
  readonly timekeepers?: readonly AnyTimekeeper[];
  /** Where a tenant's own clock stands; undefined: it lives by real time. One context knows. */
  readonly tenantClock?: (loader: FactLoader, tenant: TenantId) => Promise<Instant | undefined>;
  /** One class for each command that may be sent through the bus. */
  readonly messages: readonly MessageClass[];
};

export function defineContext(definition: ContextDefinition): ContextDefinition {
  return definition;
}
