// What can go wrong around a command or a document without being a refusal: infrastructure, to be tried again.
import { LogUnavailable } from '@cairn/eventlog';
import { ReadModelUnavailable } from '@cairn/readmodel';

/** The deadline passed while an append was under way: its events may or may not be there. Repeat with the same id. */
export class CommandOutcomeUnknown extends Error {
  readonly code = 'log-unavailable';
  constructor(
    readonly commandId: string,
    readonly stream: string,
    options?: ErrorOptions,
  ) {
    super(`the outcome of command ${commandId} on ${stream} is unknown; repeat it with the same id`, options);
    this.name = 'CommandOutcomeUnknown';
  }
}

/** Too much is waiting already. Nothing was written. */
export class Overloaded extends Error {
  readonly code = 'overloaded';
  constructor(detail: string) {
    super(detail);
    this.name = 'Overloaded';
  }
}

/** A projection did not reach a position in time. */
export class ReadModelBehind extends Error {
  readonly code = 'read-model-behind';
  constructor(
    readonly projection: string,
    readonly position: string,
  ) {
    super(`${projection} has not reached position ${position} in time`);
    this.name = 'ReadModelBehind';
  }
}

/** True for what goes away by itself: such work is repeated for ever, never skipped and never parked. */
export function isInfrastructure(error: unknown): boolean {
  return (
    error instanceof LogUnavailable ||
    error instanceof ReadModelUnavailable ||
    error instanceof CommandOutcomeUnknown ||
    error instanceof Overloaded ||
    error instanceof ReadModelBehind
  );
}

const TRIES = 10;

/** A store that is slow or away for a moment does not end a long piece of work: the same thing is done again. */
export async function patiently<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (attempt === TRIES || !isInfrastructure(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}
