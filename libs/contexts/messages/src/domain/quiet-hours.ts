// Hours in which nobody is written to, as clocks on the wall show them.
import type { Instant } from '@cairn/kernel';
import { addToLocalDay, instantsOfLocalTime, localDay, startOfLocalDay } from '@cairn/rules';
import type { DeliveryPolicy } from '../contracts/message.events.js';

export type QuietHours = NonNullable<DeliveryPolicy['quietHours']>;

/**
 * When they end, if it is quiet at that instant; undefined if not. Half-open. Where clocks are put back, a time counts
 * from its first showing as a beginning and until its last as an end; one that clocks jump over counts as the instant
 * after the jump. So a quiet night stays quiet whatever the clocks do.
 */
export function quietUntil(at: Instant, { from, until, zone }: QuietHours): Instant | undefined {
  const today = localDay(at, zone);
  for (const day of [addToLocalDay(today, 'P1D'), today, before(today)]) {
    const [begins] = showings(day, from, zone);
    const ends = showings(from < until ? day : addToLocalDay(day, 'P1D'), until, zone).at(-1);
    if (begins !== undefined && ends !== undefined && begins <= at && at < ends)
      // Where clocks leave out a whole day, one quiet time ends when the next begins.
      return quietUntil(ends, { from, until, zone }) ?? ends;
  }
  return undefined;
}

const before = (day: string): string => new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10);

/** The instants at which clocks show the time; of one that they jump over, the first instant after the jump. */
function showings(day: string, time: string, zone: string): readonly Instant[] {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  for (let minute = hours * 60 + minutes; minute < 24 * 60; minute++) {
    const found = instantsOfLocalTime(day, minute * 60_000, zone);
    if (found.length > 0) return found;
  }
  return [startOfLocalDay(addToLocalDay(day, 'P1D'), zone)];
}
