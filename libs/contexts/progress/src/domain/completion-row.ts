// A row of a table as a completion: which column means what, and what is wrong with a row that cannot be one.
import { isInstant, type Instant } from '@cairn/kernel';
import { instantsOfLocalTime, localDay, startOfLocalDay } from '@cairn/rules';

/** What was found wrong or remarkable about one row of an import. */
export type RowNote = {
  readonly file: string;
  /** Counted from 1; the header is line 1. */
  readonly line: number;
  readonly code: string;
  readonly reason: string;
};

/** Members that a column may be mapped to. */
export const ROW_COLUMNS = [
  'learner',
  'module',
  'occurredAt',
  'zone',
  'score',
  'honours',
  'sourceId',
  'evidenceRef',
  'assessor',
] as const;
export type RowColumn = (typeof ROW_COLUMNS)[number];

export type CompletionMapping = {
  /** Names of columns; a member left out comes from no column. */
  readonly columns: Readonly<Record<'learner' | 'module' | 'occurredAt', string>> &
    Readonly<Partial<Record<RowColumn, string>>>;
  readonly learnerBy: 'email' | 'external-id';
  /** Of the external ids; left out: each is written `system:value`. */
  readonly system?: string;
  /** IANA zone of times without an offset, unless a column says another. */
  readonly zone: string;
  /** Channel of all rows; with `sourceId` the business key. */
  readonly source: string;
};

export type CompletionRow = {
  /** The e-mail address, or `system:value`. */
  readonly learner: string;
  readonly module: string;
  readonly occurredAt: Instant;
  readonly score?: number;
  readonly honours?: boolean;
  readonly sourceId?: string;
  readonly evidenceRef?: string;
  readonly assessor?: string;
};
export type RowFault = { readonly fault: string };

/** `value` gives a column's text. */
export function completionRow(
  value: (column: string) => string | undefined,
  { columns, learnerBy, system, zone }: CompletionMapping,
): CompletionRow | RowFault {
  try {
    const text = (member: RowColumn, max: number): string | undefined => {
      const column = columns[member];
      const found = column === undefined ? undefined : value(column)?.trim();
      if (found === undefined || found === '') return undefined;
      if (found.length > max) throw new Fault(`${column} has more than ${max} characters`);
      return found;
    };
    const needed = (member: 'learner' | 'module' | 'occurredAt', max: number): string => {
      const found = text(member, max);
      if (found === undefined) throw new Fault(`${columns[member]} is missing`);
      return found;
    };
    const learner = needed('learner', 320);
    const score = text('score', 20);
    const honours = text('honours', 5);
    const sourceId = text('sourceId', 200);
    const evidenceRef = text('evidenceRef', 2_048);
    const assessor = text('assessor', 200);
    return {
      learner: learnerBy === 'external-id' && system !== undefined ? `${system}:${learner}` : learner,
      module: needed('module', 64),
      occurredAt: instant(needed('occurredAt', 40), columns.occurredAt, text('zone', 64) ?? zone),
      ...(score === undefined ? {} : { score: grade(score, columns.score) }),
      ...(honours === undefined ? {} : { honours: yesOrNo(honours, columns.honours) }),
      ...(sourceId === undefined ? {} : { sourceId }),
      ...(evidenceRef === undefined ? {} : { evidenceRef }),
      ...(assessor === undefined ? {} : { assessor }),
    };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.message };
    throw error;
  }
}

/** Leaves a row's reading; never leaves this file. */
class Fault extends Error {}

function grade(text: string, column: string | undefined): number {
  const value = Number(text);
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(text) || value > 100)
    throw new Fault(`${column} is "${text}", not a number from 0 to 100 such as 72.5`);
  return value;
}

function yesOrNo(text: string, column: string | undefined): boolean {
  const found = { true: true, '1': true, yes: true, false: false, '0': false, no: false }[text.toLowerCase()];
  if (found === undefined) throw new Fault(`${column} is "${text}", not true or false`);
  return found;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const LOCAL = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;
const OFFSET = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * An instant with its offset, or a local day or time in the zone. A day stands for its first instant; of a time that
 * comes twice the first is taken.
 */
function instant(text: string, column: string, zone: string): Instant {
  const wrong = (why: string): Fault => new Fault(`${column} is "${text}", ${why}`);
  const impossible = wrong('not a day, a time or an instant such as 2026-03-10, 2026-03-10T09:00 or 2026-03-10T09:00Z');
  if (OFFSET.test(text)) {
    const ms = Date.parse(text);
    const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
    // Date.parse makes the 2nd of March of the 30th of February.
    if (Number.isNaN(ms) || Number.isNaN(day.getTime()) || !day.toISOString().startsWith(text.slice(0, 10)))
      throw impossible;
    return checked(new Date(ms).toISOString(), impossible);
  }
  try {
    if (DATE.test(text)) {
      const start = startOfLocalDay(text, zone);
      if (localDay(start, zone) !== text) throw wrong(`a day that was left out in ${zone}`);
      return start;
    }
    const match = LOCAL.exec(text);
    if (!match) throw impossible;
    const [, date = '', hour, minute, second = '0', fraction = '0'] = match;
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) throw impossible;
    const ms =
      Number(hour) * 3_600_000 + Number(minute) * 60_000 + Number(second) * 1_000 + Number(fraction.padEnd(3, '0'));
    const [first] = instantsOfLocalTime(date, ms, zone);
    if (first === undefined) throw wrong(`a time over which the clocks jump in ${zone}`);
    return first;
  } catch (error) {
    if (error instanceof RangeError) throw /date/.test(error.message) ? impossible : wrong(`and "${zone}" is no zone`);
    throw error;
  }
}

function checked(text: string, otherwise: Fault): Instant {
  if (!isInstant(text)) throw otherwise;
  return text as Instant;
}
