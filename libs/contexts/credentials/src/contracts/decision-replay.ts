// What an explanation asks of whoever keeps the record: would the same decision follow again?
import type { Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';

/** Injection token; the implementation is handed in by the application. */
export const DECISION_REPLAY = Symbol('decision-replay');

/**
 * Evaluates an award or a renewal anew: by the version that the decision is pinned to, over the events `restsOn` alone, of
 * those that were in the record when it was taken (`record` holds all events, `decision` is one of them). Null if there is
 * nothing to evaluate.
 */
export type DecisionReplay = (
  record: readonly Recorded<RecordEvent>[],
  decision: Recorded<Extract<RecordEvent, { type: 'credential-earned' | 'credential-granted' | 'renewal-earned' }>>,
) => Promise<{
  readonly matches: boolean;
  readonly mismatch?: string;
  readonly restsOn: readonly Recorded<RecordEvent>[];
} | null>;
