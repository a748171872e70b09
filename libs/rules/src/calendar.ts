// Local days, terms and windows in an issuer's zone. Pure; zone offsets come from Intl once per zone and day.
import type { Instant } from '@cairn/kernel';
import type { Duration, LocalDate } from './types.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** No zone is further from UTC than this; a local day is looked for within it. */
const REACH = 36 * HOUR;
const CACHE_LIMIT = 100_000;

/** A length of time on the calendar: months first (clamped to the month's end), then days. */
export type CalendarLength = { readonly months: number; readonly days: number };

const DURATION = /^P(?!$)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Reads an ISO 8601 duration of whole years, months, weeks or days; undefined for anything else. */
export function parseDuration(text: string): CalendarLength | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const [years, months, weeks, days] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  return { months: years * 12 + months, days: weeks * 7 + days };
}

function lengthOf(duration: Duration | CalendarLength): CalendarLength {
  if (typeof duration !== 'string') return duration;
  const length = parseDuration(duration);
  if (!length)
    throw new RangeError(`"${duration}" is not a duration of whole years, months, weeks or days, such as P60D`);
  return length;
}

/** Days since 1970-01-01 of a local date; undefined if there is no such date. */
export function dayNumberOf(date: LocalDate): number | undefined {
  const match = DATE.exec(date);
  if (!match) return undefined;
  const [year, month, day] = match.slice(1).map(Number) as [number, number, number];
  const number = dayNumber(year, month, day);
  return dateOfDayNumber(number) === date ? number : undefined;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar; years begin with March, so that leap days come last. */
function dayNumber(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

/** The inverse of {@link dayNumber}. */
function civil(day: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

function checkedDay(date: LocalDate): number {
  const day = dayNumberOf(date);
  if (day === undefined) throw new RangeError(`"${date}" is not a date such as 2026-03-10`);
  return day;
}

export function dateOfDayNumber(day: number): LocalDate {
  return new Date(day * DAY).toISOString().slice(0, 10);
}

export function isoInstant(ms: number): Instant {
  return new Date(ms).toISOString() as Instant;
}

type Zone = {
  readonly format: Intl.DateTimeFormat;
  /** Offset in ms through a UTC day, or the day's two offsets and the instant between them. */
  readonly offsets: Map<number, number | { readonly until: number; readonly before: number; readonly after: number }>;
  readonly starts: Map<number, number>;
};
const zones = new Map<string, Zone>();

/** True for an IANA zone name that this runtime knows. */
export function isZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false; // Intl also takes offsets such as +01:00, which know no summer time
  try {
    zoneOf(name);
    return true;
  } catch {
    return false;
  }
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (!zone) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
    });
    zone = { format, offsets: new Map(), starts: new Map() };
    zones.set(name, zone);
  }
  return zone;
}

function askedOffset(zone: Zone, ms: number): number {
  const parts: Record<string, string> = {};
  for (const { type, value } of zone.format.formatToParts(ms)) parts[type] = value;
  const part = (name: string): number => Number(parts[name]);
  const year = parts['era'] === 'BC' ? 1 - part('year') : part('year');
  const local =
    dayNumber(year, part('month'), part('day')) * DAY +
    part('hour') * HOUR +
    part('minute') * 60_000 +
    part('second') * 1000;
  return local - Math.floor(ms / 1000) * 1000;
}

/** Offset of local time from UTC in ms. A UTC day has at most one change of the clocks. */
function offsetAt(zone: Zone, ms: number): number {
  const day = Math.floor(ms / DAY);
  let known = zone.offsets.get(day);
  if (known === undefined) {
    let low = day * DAY;
    let high = low + DAY;
    const before = askedOffset(zone, low);
    const after = askedOffset(zone, high);
    if (before === after) known = before;
    else {
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2);
        if (askedOffset(zone, middle) === before) low = middle;
        else high = middle;
      }
      known = { until: high, before, after };
    }
    if (zone.offsets.size >= CACHE_LIMIT) zone.offsets.clear();
    zone.offsets.set(day, known);
  }
  if (typeof known === 'number') return known;
  return ms < known.until ? known.before : known.after;
}

/** The local day of an instant, as days since 1970-01-01. */
export function localDayNumber(ms: number, zoneName: string): number {
  return Math.floor((ms + offsetAt(zoneOf(zoneName), ms)) / DAY);
}

/** The first instant that lies on the local day or, where the clocks jumped over it, after it. */
export function startOfDayNumber(day: number, zoneName: string): number {
  const zone = zoneOf(zoneName);
  let start = zone.starts.get(day);
  if (start === undefined) {
    start = findStart(day, zone);
    if (zone.starts.size >= CACHE_LIMIT) zone.starts.clear();
    zone.starts.set(day, start);
  }
  return start;
}

function findStart(day: number, zone: Zone): number {
  const midnight = day * DAY;
  const offsets = [offsetAt(zone, midnight - REACH), offsetAt(zone, midnight), offsetAt(zone, midnight + REACH)];
  const hits = offsets.map((offset) => midnight - offset).filter((ms) => ms + offsetAt(zone, ms) === midnight);
  if (hits.length > 0) return Math.min(...hits);
  // No local midnight: the clocks jumped over it. The day begins with the jump.
  let low = midnight - REACH;
  let high = midnight + REACH;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (middle + offsetAt(zone, middle) >= midnight) high = middle;
    else low = middle;
  }
  return high;
}

/** The day that much later (or earlier, for -1); months are clamped to the month's end. */
export function addToDayNumber(day: number, length: CalendarLength, sign: 1 | -1 = 1): number {
  if (length.months === 0) return day + sign * length.days;
  const date = civil(day);
  const month = date.year * 12 + date.month - 1 + sign * length.months;
  const first = dayNumber(Math.floor(month / 12), (((month % 12) + 12) % 12) + 1, 1);
  const next = dayNumber(Math.floor((month + 1) / 12), ((((month + 1) % 12) + 12) % 12) + 1, 1);
  return first + Math.min(date.day, next - first) - 1 + sign * length.days;
}

/** The local day of an instant. */
export function localDay(instant: Instant, zone: string): LocalDate {
  return dateOfDayNumber(localDayNumber(Date.parse(instant), zone));
}

/** The first instant of a local day; where the clocks jump over midnight, the first instant after the jump. */
export function startOfLocalDay(date: LocalDate, zone: string): Instant {
  return isoInstant(startOfDayNumber(checkedDay(date), zone));
}

/**
 * The instants at which clocks of the zone show a time of a local day, given in ms since midnight: none where they jump
 * over it, two where they are put back.
 */
export function instantsOfLocalTime(date: LocalDate, msOfDay: number, zoneName: string): readonly Instant[] {
  const zone = zoneOf(zoneName);
  const local = checkedDay(date) * DAY + msOfDay;
  const offsets = new Set([-REACH, 0, REACH].map((shift) => offsetAt(zone, local + shift)));
  return Array.from(offsets, (offset) => local - offset)
    .filter((ms) => ms + offsetAt(zone, ms) === local)
    .toSorted((a, b) => a - b)
    .map(isoInstant);
}

/** 2024-02-29 + P1Y = 2025-02-28: months and years are clamped to the month's end. */
export function addToLocalDay(date: LocalDate, duration: Duration): LocalDate {
  return dateOfDayNumber(addToDayNumber(checkedDay(date), lengthOf(duration)));
}

/** End of a term: the start of the local day `length` (months as a number) after the local day of `from`. */
export function termEnd(from: Instant, length: number | Duration, zone: string): Instant {
  const span = typeof length === 'number' ? { months: length, days: 0 } : lengthOf(length);
  return isoInstant(startOfDayNumber(addToDayNumber(localDayNumber(Date.parse(from), zone), span), zone));
}

/** When facts count for the renewal of a term that ends at `until`: in `[opens, closes)`, reckoned like `until`. */
export function renewalWindow(
  until: Instant,
  renewal: { readonly window: Duration; readonly grace: Duration },
  zone: string,
): { readonly opens: Instant; readonly closes: Instant } {
  const last = localDayNumber(Date.parse(until), zone);
  return {
    opens: isoInstant(startOfDayNumber(addToDayNumber(last, lengthOf(renewal.window), -1), zone)),
    closes: isoInstant(startOfDayNumber(addToDayNumber(last, lengthOf(renewal.grace)), zone)),
  };
}

/** Reminders go out at this hour of the local day, when nobody sleeps. */
const REMINDER_HOUR = 9;

/**
 * When to remind of the end of a term, the earliest first: at nine on the local day that lies each `before` ahead of the
 * day on which it ends. `stage` is the duration as given.
 */
export function reminderTimes(
  until: Instant,
  before: readonly Duration[],
  zone: string,
): readonly { readonly stage: Duration; readonly at: Instant }[] {
  const last = localDayNumber(Date.parse(until), zone);
  return before
    .map((stage) => {
      const day = addToDayNumber(last, lengthOf(stage), -1);
      const [nine] = instantsOfLocalTime(dateOfDayNumber(day), REMINDER_HOUR * HOUR, zone);
      return { stage, at: nine ?? isoInstant(startOfDayNumber(day, zone)) }; // a day that was left out has no nine
    })
    .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** ISO 8601 week of the local day, `2026-W10`. */
export function isoWeek(instant: Instant, zone: string): string {
  const day = localDayNumber(Date.parse(instant), zone);
  const thursday = day + 3 - ((((day + 3) % 7) + 7) % 7); // day 0 was a Thursday; ISO weeks belong to their Thursday's year
  const year = new Date(thursday * DAY).getUTCFullYear();
  const week = Math.floor((thursday - dayNumber(year, 1, 1)) / 7) + 1;
  return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
}

/** Whole days from one date to another; negative if `to` is earlier. */
export function daysBetween(from: LocalDate, to: LocalDate): number {
  return checkedDay(to) - checkedDay(from);
}
