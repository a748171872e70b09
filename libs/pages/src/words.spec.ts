import { duration } from './words.js';

const HOUR = 3_600;
const DAY = 24 * HOUR;

it.each([
  [undefined, '–'],
  [0, 'at once'],
  [12 * 60, '12 minutes'],
  [DAY + HOUR, '1 day 1 hour'],
  [2 * DAY + 4 * HOUR + 59, '2 days 4 hours'],
  [51 * DAY + HOUR, '51 days'],
])('%s seconds are said as “%s”', (seconds, words) => expect(duration(seconds)).toBe(words));
