import { completionRow, type CompletionMapping } from './completion-row.js';

const mapping: CompletionMapping = {
  columns: { learner: 'student', module: 'course', occurredAt: 'passed', score: 'grade', zone: 'tz', honours: 'hon' },
  learnerBy: 'external-id',
  system: 'sis',
  zone: 'Europe/Berlin',
  source: 'file',
};
const row = (cells: Record<string, string>) =>
  completionRow((column) => ({ student: '4711', course: 'DS-101', passed: '2026-03-10', ...cells })[column], mapping);

it('reads what columns are mapped to, blanks around it cut off, and leaves out what is empty', () =>
  expect(row({ student: ' 4711 ', grade: '72.5', hon: 'yes', passed: '2026-03-10T09:00:00+01:00' })).toEqual({
    learner: 'sis:4711',
    module: 'DS-101',
    occurredAt: '2026-03-10T08:00:00.000Z',
    score: 72.5,
    honours: true,
  }));

it('takes system:value where no system is named', () =>
  expect(
    completionRow((column) => ({ student: 'lms:7', course: 'A', passed: '2026-03-10T09:00Z' })[column], {
      columns: mapping.columns,
      learnerBy: 'external-id',
      zone: 'UTC',
      source: 'file',
    }),
  ).toMatchObject({ learner: 'lms:7' }));

it.each([
  ['2026-03-10', '2026-03-09T23:00:00.000Z', 'the first instant of the local day'],
  ['2026-03-10 09:00', '2026-03-10T08:00:00.000Z', 'local time'],
  ['2026-03-10T09:00:30.5', '2026-03-10T08:00:30.500Z', 'with fractions'],
  ['2026-03-10T09:00Z', '2026-03-10T09:00:00.000Z', 'an instant without seconds'],
  ['2025-10-26 02:30', '2025-10-26T00:30:00.000Z', 'the first of two'],
])('dates: %s is %s (%s)', (passed, occurredAt) => expect(row({ passed })).toMatchObject({ occurredAt }));

it('a column says the zone of its row', () =>
  expect(row({ passed: '2026-03-10', tz: 'America/New_York' })).toMatchObject({
    occurredAt: '2026-03-10T04:00:00.000Z',
  }));

it.each([
  [{ student: ' ' }, 'student is missing'],
  [{ course: '' }, 'course is missing'],
  [{ passed: '10.03.2026' }, 'passed is "10.03.2026", not a day, a time or an instant'],
  [{ passed: '2026-02-30' }, 'passed is "2026-02-30", not a day'],
  [{ passed: '2026-02-30T10:00:00Z' }, 'passed is "2026-02-30T10:00:00Z", not a day'],
  [{ passed: '2026-03-10 24:30' }, 'not a day'],
  [{ passed: '2025-03-30 02:30' }, 'a time over which the clocks jump in Europe/Berlin'],
  [{ passed: '2011-12-30', tz: 'Pacific/Apia' }, 'a day that was left out in Pacific/Apia'],
  [{ tz: 'Mars/Olympus' }, '"Mars/Olympus" is no zone'],
  [{ grade: '85,5' }, 'grade is "85,5", not a number from 0 to 100'],
  [{ grade: '101' }, 'not a number from 0 to 100'],
  [{ grade: '1e1' }, 'not a number from 0 to 100'],
  [{ hon: 'maybe' }, 'hon is "maybe", not true or false'],
  [{ course: 'x'.repeat(65) }, 'course has more than 64 characters'],
])('%j: %s', (cells, fault) => expect(row(cells)).toEqual({ fault: expect.stringContaining(fault) as string }));
