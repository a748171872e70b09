// The tests' way to say a rule: given events, when a command or event arrives, then this follows.
import {
  eventIdOf,
  type Command,
  type CommandContext,
  type Decided,
  type Decider,
  type DomainEvent,
  type Fold,
  type Instant,
  type Issued,
  type Position,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';

export const TENANT = '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10' as TenantId;

/** An instant from a short text: `2026-03-10` is 09:00 UTC of that day. */
export const at = (text: string): Instant =>
  (text.length === 10 ? `${text}T09:00:00.000Z` : new Date(text).toISOString()) as Instant;

let serial = 0;
/** A fresh, valid command id. */
export const freshId = (): string => eventIdOf('00000000-0000-5000-8000-000000000000', serial++);

/** Wraps an event as the log would hand it back. */
export function recorded<E extends DomainEvent>(
  event: Decided<E>,
  place: {
    stream?: string;
    revision?: number;
    id?: string;
    occurredAt?: Instant;
    recordedAt?: Instant;
    position?: number;
    /** Id of the command; a new one for each event if left out. */
    causation?: string;
  } = {},
): Recorded<E> {
  const revision = place.revision ?? 0;
  const occurredAt = place.occurredAt ?? event.occurredAt ?? at('2026-01-01');
  return {
    ...event,
    id: place.id ?? freshId(),
    stream: place.stream ?? `test-${TENANT}.s`,
    revision,
    position: String(place.position ?? revision + 1).padStart(20, '0') as Position,
    meta: {
      $correlationId: '00000000-0000-5000-8000-00000000c0c0',
      $causationId: place.causation ?? freshId(),
      commandHash: '',
      actor: 'user:test',
      tenant: TENANT,
      schemaVersion: '1',
      occurredAt,
      recordedAt: place.recordedAt ?? occurredAt,
      app: 'test',
    },
  };
}

/** A command in an envelope of the test tenant. */
export function issued<C extends Command>(command: C, context: Partial<CommandContext> = {}): Issued<C> {
  const commandId = context.commandId ?? freshId();
  return {
    ...command,
    tenant: TENANT,
    commandId,
    idSource: 'derived',
    actor: 'user:test',
    correlationId: commandId,
    now: at('2030-01-01'),
    ...context,
  };
}

export function foldOf<S, E extends DomainEvent>(fold: Fold<S, E>, events: readonly Decided<E>[]): S {
  return events.map((event, revision) => recorded(event, { revision })).reduce(fold.evolve, fold.initial);
}

/** `given(decider, events).when(command, facts).then(events)` or `.thenRejected(code)`. */
export function given<S, C extends Command, E extends DomainEvent, F>(
  decider: Decider<S, C, E, F>,
  ...history: readonly Decided<E>[]
) {
  return {
    when: (command: C, facts: F, context: Partial<CommandContext> = {}) => {
      const decision = decider.decide(issued(command, context), foldOf(decider, history), facts);
      return {
        decision,
        // oxlint-disable-next-line unicorn/no-thenable -- it reads as the rule it proves, and nobody awaits it
        then: (...expected: readonly Decided<E>[]): void => {
          expect(decision).toEqual({ accepted: true, events: expected });
        },
        /** Accepted with nothing to record: it was done already. */
        thenUnchanged: (): void => {
          expect(decision).toEqual({ accepted: true, events: [] });
        },
        thenRejected: (code: string): void => {
          expect(decision).toMatchObject({ accepted: false, code });
        },
      };
    },
  };
}
