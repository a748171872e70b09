import type { Instant } from '@cairn/kernel';
import {
  addToLocalDay,
  daysBetween,
  instantsOfLocalTime,
  isoWeek,
  isZone,
  localDay,
  reminderTimes,
  renewalWindow,
  startOfLocalDay,
  termEnd,
} from './index.js';

const at = (text: string): Instant => new Date(text).toISOString() as Instant;

test.each([
  ['2025-03-30T23:30:00Z', 'Europe/Berlin', '2025-03-31'],
  ['2025-03-29T22:59:59.999Z', 'Europe/Berlin', '2025-03-29'],
  ['2025-03-29T23:00:00Z', 'Europe/Berlin', '2025-03-30'],
  ['2025-10-26T22:59:59.999Z', 'Europe/Berlin', '2025-10-26'],
  ['2025-01-01T04:59:59Z', 'America/New_York', '2024-12-31'],
  ['2025-01-01T05:00:00Z', 'America/New_York', '2025-01-01'],
  ['2025-01-01T10:00:00Z', 'Pacific/Kiritimati', '2025-01-02'],
  ['2025-01-01T11:59:59Z', 'Pacific/Niue', '2025-01-01'],
  ['2025-01-01T10:59:59Z', 'Pacific/Niue', '2024-12-31'],
  ['2025-06-30T18:14:59Z', 'Asia/Kathmandu', '2025-06-30'],
  ['2025-06-30T18:15:00Z', 'Asia/Kathmandu', '2025-07-01'],
  ['2011-12-30T09:59:59Z', 'Pacific/Apia', '2011-12-29'],
  ['2011-12-30T10:00:00Z', 'Pacific/Apia', '2011-12-31'],
  ['1890-01-01T00:00:00Z', 'Europe/Amsterdam', '1890-01-01'],
])('%s is in %s on %s', (instant, zone, date) => {
  expect(localDay(at(instant), zone)).toBe(date);
});

test.each([
  ['2025-03-31', 'Europe/Berlin', '2025-03-30T22:00:00Z', 'summer time'],
  ['2025-03-30', 'Europe/Berlin', '2025-03-29T23:00:00Z', 'the day on which it begins'],
  ['2025-10-27', 'Europe/Berlin', '2025-10-26T23:00:00Z', 'and the one after it ends'],
  ['2024-11-03', 'America/New_York', '2024-11-03T04:00:00Z', 'west of Greenwich'],
  ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00Z', 'no midnight: 00:00 became 01:00'],
  ['2018-11-05', 'America/Sao_Paulo', '2018-11-05T02:00:00Z', 'the day after'],
  ['2018-02-18', 'America/Sao_Paulo', '2018-02-18T03:00:00Z', '00:00 became 23:00: the later midnight'],
  ['2023-04-28', 'Africa/Cairo', '2023-04-27T22:00:00Z', 'no midnight'],
  ['2023-10-27', 'Africa/Cairo', '2023-10-26T22:00:00Z', 'midnight became 23:00: the second one'],
  ['2022-03-27', 'Asia/Beirut', '2022-03-26T22:00:00Z', 'no midnight'],
  ['2024-03-31', 'Asia/Beirut', '2024-03-30T22:00:00Z', 'no midnight'],
  ['2024-03-23', 'America/Asuncion', '2024-03-23T03:00:00Z', 'summer in the south'],
  ['2024-03-24', 'America/Asuncion', '2024-03-24T04:00:00Z', 'midnight became 23:00: the second one'],
  ['2023-10-01', 'America/Asuncion', '2023-10-01T04:00:00Z', 'no midnight'],
  ['2024-11-03', 'America/Havana', '2024-11-03T04:00:00Z', 'two midnights: the first'],
  ['2024-03-10', 'America/Havana', '2024-03-10T05:00:00Z', 'no midnight'],
  ['2011-12-30', 'Pacific/Apia', '2011-12-30T10:00:00Z', 'a day that was left out: the next one'],
  ['2011-12-31', 'Pacific/Apia', '2011-12-30T10:00:00Z', 'which begins at the same instant'],
  ['2025-01-01', 'Pacific/Kiritimati', '2024-12-31T10:00:00Z', 'furthest east'],
  ['2025-01-01', 'Etc/GMT+12', '2025-01-01T12:00:00Z', 'furthest west'],
  ['2025-04-06', 'Australia/Lord_Howe', '2025-04-05T13:00:00Z', 'half an hour of summer time'],
  ['0001-01-01', 'UTC', '0001-01-01T00:00:00Z', 'long ago'],
])('%s in %s begins at %s: %s', (date, zone, instant) => {
  expect(startOfLocalDay(date, zone)).toBe(at(instant));
});

test('a local day begins at its start and not a millisecond earlier, in every zone, all year round', () => {
  const wrong: string[] = [];
  for (const zone of Intl.supportedValuesOf('timeZone').filter((_, i) => i % 9 === 0))
    for (let day = 0; day < 366; day += 3) {
      const date = addToLocalDay('2024-01-01', `P${day}D`);
      const start = startOfLocalDay(date, zone);
      const before = at(new Date(Date.parse(start) - 1).toISOString());
      if (localDay(start, zone) !== date || localDay(before, zone) >= date) wrong.push(`${zone} ${date}`);
    }
  expect(wrong).toEqual([]);
});

test.each([
  ['2024-02-29', 'P1Y', '2025-02-28'],
  ['2024-02-29', 'P4Y', '2028-02-29'],
  ['2024-02-29', 'P24M', '2026-02-28'],
  ['2024-01-31', 'P1M', '2024-02-29'],
  ['2023-01-31', 'P1M', '2023-02-28'],
  ['2024-08-31', 'P6M', '2025-02-28'],
  ['2024-12-31', 'P2M', '2025-02-28'],
  ['2024-01-31', 'P1M1D', '2024-03-01'],
  ['2024-12-31', 'P1D', '2025-01-01'],
  ['2024-02-28', 'P2W', '2024-03-13'],
  ['2024-01-01', 'P60D', '2024-03-01'],
  ['2024-03-10', 'P0D', '2024-03-10'],
])('%s + %s = %s', (date, duration, sum) => {
  expect(addToLocalDay(date, duration)).toBe(sum);
});

test.each<[from: string, length: string | number, zone: string, until: string, row: string]>([
  ['2024-03-10T09:00:00Z', 24, 'Europe/Berlin', '2026-03-09T23:00:00Z', 'E1a'],
  ['2024-02-29T09:00:00Z', 24, 'Europe/Berlin', '2026-02-27T23:00:00Z', 'E1f'],
  ['2025-03-30T23:30:00Z', 12, 'Europe/Berlin', '2026-03-30T22:00:00Z', 'E6e'],
  ['2024-08-31T10:00:00Z', 6, 'Europe/Berlin', '2025-02-27T23:00:00Z', 'clamped'],
  ['2017-11-04T12:00:00Z', 12, 'America/Sao_Paulo', '2018-11-04T03:00:00Z', 'ends on a day without midnight'],
  ['2022-04-28T12:00:00Z', 12, 'Africa/Cairo', '2023-04-27T22:00:00Z', 'likewise'],
  ['2024-12-31T23:30:00Z', 'P90D', 'America/New_York', '2025-03-31T04:00:00Z', 'a duration'],
  ['2024-03-01T02:00:00Z', 12, 'America/New_York', '2025-02-28T05:00:00Z', '29 February there, 1 March in UTC'],
  ['2023-02-28T23:00:00Z', 12, 'America/New_York', '2024-02-28T05:00:00Z', 'never made longer to the leap day'],
  ['2024-02-28T12:00:00Z', 48, 'Pacific/Auckland', '2028-02-28T11:00:00Z', 'from leap day to leap day, far east'],
  ['2024-01-30T11:00:00Z', 1, 'Pacific/Kiritimati', '2024-02-28T10:00:00Z', '31 January there: clamped to 29 February'],
  ['2025-01-30T18:15:00Z', 1, 'Asia/Kathmandu', '2025-02-27T18:15:00Z', 'an offset of three quarters of an hour'],
  ['2024-10-06T00:00:00Z', 6, 'Australia/Lord_Howe', '2025-04-05T13:00:00Z', 'ends on the day of a half-hour change'],
])('a term from %s of %s months in %s ends at %s (%s)', (from, length, zone, until) => {
  expect(termEnd(at(from), length, zone)).toBe(at(until));
});

test.each([
  ['2026-03-09T23:00:00Z', 'P3M', 'P1M', '2025-12-09T23:00:00Z', '2026-04-09T22:00:00Z', 'Europe/Berlin'],
  ['2026-02-19T23:00:00Z', 'P60D', 'P14D', '2025-12-21T23:00:00Z', '2026-03-05T23:00:00Z', 'Europe/Berlin'],
  ['2026-05-30T22:00:00Z', 'P3M', 'P1M', '2026-02-27T23:00:00Z', '2026-06-29T22:00:00Z', 'Europe/Berlin'],
  // Clamped back to 29 February, and forward to the 28th of the year after.
  ['2024-05-30T22:00:00Z', 'P3M', 'P9M', '2024-02-28T23:00:00Z', '2025-02-27T23:00:00Z', 'Europe/Berlin'],
  ['2024-05-29T04:00:00Z', 'P3M', 'P1Y', '2024-02-29T05:00:00Z', '2025-05-29T04:00:00Z', 'America/New_York'],
  // Opens on a day without midnight.
  ['2019-02-04T02:00:00Z', 'P3M', 'P1M', '2018-11-04T03:00:00Z', '2019-03-04T03:00:00Z', 'America/Sao_Paulo'],
  // Opens on a day that was left out.
  ['2012-01-30T10:00:00Z', 'P32D', 'P1M', '2011-12-30T10:00:00Z', '2012-02-28T10:00:00Z', 'Pacific/Apia'],
  ['2024-12-31T10:00:00Z', 'P1D', 'P1M', '2024-12-30T10:00:00Z', '2025-01-31T10:00:00Z', 'Pacific/Kiritimati'],
])(
  'a term that ends %s, window %s, grace %s: facts count in [%s, %s) (%s)',
  (until, window, grace, opens, closes, zone) => {
    expect(renewalWindow(at(until), { window, grace }, zone)).toEqual({ opens: at(opens), closes: at(closes) });
  },
);

test.each([
  ['2026-03-09T23:00:00Z', ['P7D', 'P90D', 'P30D'], 'Europe/Berlin', ['P90D 2025-12-10T08:00:00Z', 'P30D 2026-02-08T08:00:00Z', 'P7D 2026-03-03T08:00:00Z']], // prettier-ignore
  // Summer time began in between: nine stays nine.
  ['2026-04-09T22:00:00Z', ['P30D', 'P7D'], 'Europe/Berlin', ['P30D 2026-03-11T08:00:00Z', 'P7D 2026-04-03T07:00:00Z']], // prettier-ignore
  ['2024-03-29T23:00:00Z', ['P1M'], 'Europe/Berlin', ['P1M 2024-02-29T08:00:00Z']],
  ['2026-03-10T04:00:00Z', ['P7D'], 'America/New_York', ['P7D 2026-03-03T14:00:00Z']],
  ['2024-12-31T10:00:00Z', ['P1D'], 'Pacific/Kiritimati', ['P1D 2024-12-30T19:00:00Z']],
  // That day was left out: the first instant after it.
  ['2012-01-30T10:00:00Z', ['P32D'], 'Pacific/Apia', ['P32D 2011-12-30T10:00:00Z']],
])('of a term that ends %s, %s before in %s, reminders go out %s', (until, before, zone, expected) => {
  const [given, wanted] = [before as string[], expected as string[]];
  const found = reminderTimes(at(until as string), given, zone as string);
  expect(found.map(({ stage, at: time }) => `${stage} ${time}`)).toEqual(wanted.map((line) => line.replace(/\S+$/, (time) => at(time)))); // prettier-ignore
});

test.each([
  ['2026-03-10T12:00:00Z', 'UTC', '2026-W11'],
  ['2024-12-30T12:00:00Z', 'UTC', '2025-W01'],
  ['2027-01-03T12:00:00Z', 'UTC', '2026-W53'],
  ['2021-01-01T12:00:00Z', 'UTC', '2020-W53'],
  ['2026-03-08T23:30:00Z', 'Europe/Berlin', '2026-W11'],
  ['2026-03-09T03:30:00Z', 'America/New_York', '2026-W10'],
  ['1969-12-31T12:00:00Z', 'UTC', '1970-W01'],
  ['1968-12-29T12:00:00Z', 'UTC', '1968-W52'],
])('%s in %s is in week %s', (instant, zone, week) => {
  expect(isoWeek(at(instant), zone)).toBe(week);
});

test('days between dates', () => {
  expect(daysBetween('2025-01-10', '2025-04-01')).toBe(81);
  expect(daysBetween('2024-03-01', '2024-02-28')).toBe(-2);
});

test('zones are names, not offsets', () => {
  expect(['Europe/Berlin', 'UTC', 'Etc/GMT+5', 'Europe/Berlim', '+01:00', ''].map(isZone)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test.each(['2026-02-30', '2026-3-1', 'today', ''])('"%s" is refused as a date', (date) => {
  expect(() => startOfLocalDay(date, 'UTC')).toThrow(RangeError);
});
test.each(['P', 'P1H', 'PT1H', '60', 'P-1D', 'P1.5Y'])('"%s" is refused as a duration', (duration) => {
  expect(() => addToLocalDay('2026-01-01', duration)).toThrow(RangeError);
});

const HOUR_MS = 3_600_000;
test.each([
  ['2025-03-10', 9, 'Europe/Berlin', ['2025-03-10T08:00:00.000Z'], 'winter'],
  ['2025-03-30', 2.5, 'Europe/Berlin', [], 'the clocks jump over it'],
  ['2025-03-30', 3, 'Europe/Berlin', ['2025-03-30T01:00:00.000Z'], 'summer time has begun'],
  ['2025-10-26', 2.5, 'Europe/Berlin', ['2025-10-26T00:30:00.000Z', '2025-10-26T01:30:00.000Z'], 'it comes twice'],
  ['2018-11-04', 0, 'America/Sao_Paulo', [], 'no midnight'],
  ['2011-12-30', 12, 'Pacific/Apia', [], 'a day that never was'],
  ['2025-07-01', 0, 'Pacific/Kiritimati', ['2025-06-30T10:00:00.000Z'], 'furthest east'],
])('%s at %d h in %s: %j (%s)', (date, hour, zone, expected) => {
  expect(instantsOfLocalTime(date, hour * HOUR_MS, zone)).toEqual(expected);
});
