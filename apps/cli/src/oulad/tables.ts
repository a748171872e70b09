// Reads the five tables of the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal, Scientific Data
// 4:170171, 2017; CC BY 4.0). Column order, quotes and line ends vary between copies; `?` and empty both mean missing.
// A row that cannot be read is reported with file, line and code, and left out; it never stops the import.
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { cellsOf, linesOf, QUOTE_OPEN } from '../../../../libs/contexts/progress/src/commands/table-lines.js';
import type { RowNote } from '../../../../libs/contexts/progress/src/domain/completion-row.js';

type Place = { readonly line: number };
export type Course = Place & { readonly module: string; readonly presentation: string; readonly lengthDays: number };
export type Assessment = Place & {
  readonly module: string;
  readonly presentation: string;
  readonly id: string;
  readonly kind: 'TMA' | 'CMA' | 'Exam';
  /** Day from the presentation's start; absent if not given. */
  readonly day?: number;
  readonly weight: number;
};
export type Registration = Place & {
  readonly module: string;
  readonly presentation: string;
  readonly student: string;
  readonly day?: number;
  readonly unregisteredDay?: number;
};
export type Result = Place & {
  readonly module: string;
  readonly presentation: string;
  readonly student: string;
  readonly result: 'Pass' | 'Distinction' | 'Fail' | 'Withdrawn';
  readonly earlierAttempts: number;
};
export type Submission = Place & {
  readonly assessment: string;
  readonly student: string;
  readonly day: number;
  readonly banked: boolean;
  readonly score?: number;
};

export type OuladTables = {
  readonly courses: readonly Course[];
  readonly assessments: readonly Assessment[];
  readonly registrations: readonly Registration[];
  readonly results: readonly Result[];
  readonly submissions: readonly Submission[];
};

/** Thrown for a folder or table that is unusable as a whole: nothing is imported. */
export class OuladUnreadable extends Error {
  override readonly name = 'OuladUnreadable';
}

/** Thrown inside a row's reader; becomes a note. */
class RowFault extends Error {}

type Row = (column: string) => string | undefined;

const required = (row: Row, column: string): string => {
  const value = row(column);
  if (value === undefined) throw new RowFault(`${column} is missing`);
  return value;
};
function integer(row: Row, column: string): number | undefined {
  const text = row(column);
  if (text === undefined) return undefined;
  if (!/^-?\d{1,6}$/.test(text)) throw new RowFault(`${column} is "${text.slice(0, 40)}", not a whole number`);
  return Number(text);
}
function number(row: Row, column: string, min: number, max: number): number | undefined {
  const text = row(column);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^-?\d+(\.\d+)?$/.test(text) || value < min || value > max)
    throw new RowFault(`${column} is "${text.slice(0, 40)}", not a number from ${min} to ${max}`);
  return value;
}
function oneOf<T extends string>(row: Row, column: string, values: readonly T[]): T {
  const text = required(row, column);
  if (!(values as readonly string[]).includes(text))
    throw new RowFault(`${column} is "${text.slice(0, 40)}", not one of ${values.join(', ')}`);
  return text as T;
}
function code(row: Row, column: string): string {
  const text = required(row, column);
  if (!/^[A-Za-z0-9]{1,20}$/.test(text)) throw new RowFault(`${column} is "${text.slice(0, 40)}", not a code`);
  return text;
}
const presentationOf = (row: Row): string => {
  const text = code(row, 'code_presentation');
  if (!/^\d{4}[BJ]$/.test(text)) throw new RowFault(`code_presentation is "${text}", not a year with B or J`);
  return text;
};

const definedOnly = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;

async function readTable<T extends Place>(
  folder: string,
  file: string,
  columns: readonly string[],
  read: (row: Row) => Omit<T, 'line'>,
  keyOf: (value: T) => string,
  notes: RowNote[],
): Promise<readonly T[]> {
  const path = join(folder, file);
  if (!existsSync(path))
    throw new OuladUnreadable(`${path} does not exist. Give the folder with the five CSV files by --from.`);
  const rows: T[] = [];
  const seen = new Set<string>();
  let header: ReadonlyMap<string, number> | undefined;
  const note = (line: number, noteCode: string, reason: string): void =>
    void notes.push({ file, line, code: noteCode, reason });
  for await (const { line, text, fault } of linesOf(createReadStream(path) as AsyncIterable<Uint8Array>)) {
    if (text?.trim() === '') continue;
    const cells = text === undefined ? undefined : cellsOf(text);
    if (!header) {
      header = new Map(cells?.map((name, index) => [name, index]));
      const missing = columns.filter((name) => !header?.has(name));
      if (missing.length > 0)
        throw new OuladUnreadable(
          `${path} lacks the column(s) ${missing.join(', ')}; its first line names ${cells?.join(', ') ?? 'none'}.`,
        );
      continue;
    }
    const places = header;
    try {
      if (!cells) throw new RowFault(fault ?? QUOTE_OPEN);
      if (cells.length !== places.size) throw new RowFault(`has ${cells.length} columns instead of ${places.size}`);
      const value = {
        ...read((column) => {
          const cell = cells[places.get(column) as number];
          return cell === undefined || cell === '' || cell === '?' ? undefined : cell;
        }),
        line,
      } as T;
      const key = keyOf(value);
      if (seen.has(key)) note(line, 'row-duplicate', 'an earlier line is about the same; this one is left out');
      else {
        seen.add(key);
        rows.push(definedOnly(value));
      }
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      note(line, 'row-malformed', error.message);
    }
  }
  if (!header) throw new OuladUnreadable(`${path} is empty.`);
  return rows;
}

/** Reads all tables. `notes` collects what is wrong with single rows. Throws {@link OuladUnreadable}. */
export async function readOulad(folder: string, notes: RowNote[]): Promise<OuladTables> {
  const courses = await readTable<Course>(
    folder,
    'courses.csv',
    ['code_module', 'code_presentation', 'module_presentation_length'],
    (row) => ({
      module: code(row, 'code_module'),
      presentation: presentationOf(row),
      lengthDays: number(row, 'module_presentation_length', 1, 2_000) ?? requiredNumber('module_presentation_length'),
    }),
    (course) => `${course.module} ${course.presentation}`,
    notes,
  );
  const assessments = await readTable<Assessment>(
    folder,
    'assessments.csv',
    ['code_module', 'code_presentation', 'id_assessment', 'assessment_type', 'date', 'weight'],
    (row) =>
      definedOnly({
        module: code(row, 'code_module'),
        presentation: presentationOf(row),
        id: code(row, 'id_assessment'),
        kind: oneOf(row, 'assessment_type', ['TMA', 'CMA', 'Exam'] as const),
        day: integer(row, 'date') as number,
        weight: number(row, 'weight', 0, 1_000) ?? 0,
      }),
    (assessment) => assessment.id,
    notes,
  );
  const registrations = await readTable<Registration>(
    folder,
    'studentRegistration.csv',
    ['code_module', 'code_presentation', 'id_student', 'date_registration', 'date_unregistration'],
    (row) =>
      definedOnly({
        module: code(row, 'code_module'),
        presentation: presentationOf(row),
        student: code(row, 'id_student'),
        day: integer(row, 'date_registration') as number,
        unregisteredDay: integer(row, 'date_unregistration') as number,
      }),
    (registration) => `${registration.module} ${registration.presentation} ${registration.student}`,
    notes,
  );
  const results = await readTable<Result>(
    folder,
    'studentInfo.csv',
    ['code_module', 'code_presentation', 'id_student', 'num_of_prev_attempts', 'final_result'],
    (row) => ({
      module: code(row, 'code_module'),
      presentation: presentationOf(row),
      student: code(row, 'id_student'),
      result: oneOf(row, 'final_result', ['Pass', 'Distinction', 'Fail', 'Withdrawn'] as const),
      earlierAttempts: integer(row, 'num_of_prev_attempts') ?? 0,
    }),
    (result) => `${result.module} ${result.presentation} ${result.student}`,
    notes,
  );
  const submissions = await readTable<Submission>(
    folder,
    'studentAssessment.csv',
    ['id_assessment', 'id_student', 'date_submitted', 'is_banked', 'score'],
    (row) =>
      definedOnly({
        assessment: code(row, 'id_assessment'),
        student: code(row, 'id_student'),
        day: integer(row, 'date_submitted') ?? requiredNumber('date_submitted'),
        banked: oneOf(row, 'is_banked', ['0', '1'] as const) === '1',
        score: number(row, 'score', 0, 100) as number,
      }),
    (submission) => `${submission.assessment} ${submission.student}`,
    notes,
  );
  return { courses, assessments, registrations, results, submissions };
}

function requiredNumber(column: string): never {
  throw new RowFault(`${column} is missing`);
}
