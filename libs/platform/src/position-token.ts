// Positions at the edge: text that carries the log's identity, so that a token of another log is refused, not waited for.
import type { Position } from '@cairn/kernel';
import { ProblemException } from './problems.js';

/** `<8 hex characters of the log id>-<position>`; the beginning of a log is `<…>-0`. */
export function positionToken(logId: string, position: string): string {
  return `${logId.slice(0, 8)}-${position === '' ? '0' : position}`;
}

/** Throws `position-foreign` for another log's token and `malformed-request` for anything else. */
export function positionOf(logId: string, token: string): Position {
  const match = /^([0-9a-f]{8})-(\d{1,40})$/.exec(token);
  if (!match)
    throw new ProblemException('malformed-request', `"${token.slice(0, 60)}" is not a position.`, {
      next: 'Use a position as we gave it, in a Position header or an event’s sequence; leave it out to begin with the first event.',
    });
  if (match[1] !== logId.slice(0, 8))
    throw new ProblemException('position-foreign', `The position "${token}" was handed out by another log.`);
  return (match[2] === '0' ? '' : match[2]) as Position;
}
