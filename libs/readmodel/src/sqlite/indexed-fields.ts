// Indexed fields in SQL. Each has a column beside the JSON, holding its value so that SQLite's order is MongoDB's:
// NULL (null or missing), numbers, text, then booleans as one-byte blobs. What SQL finds is a superset of the answer;
// matching.ts has the last word.
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { Constraint } from '../access.js';
import { plainValueAt } from '../query-subset.js';
import type { Sort } from '../port.js';

/** What an indexed field was ever seen to hold, as bits, where an index is not the whole truth. */
export const KIND = { none: 1, object: 2, list: 4 } as const;

export type IndexedField = {
  readonly path: readonly string[];
  readonly column: string;
  /** Bits of {@link KIND}. */
  kinds: number;
};
export type IndexedFields = ReadonlyMap<string, IndexedField>;

/** The value at an indexed path as its column holds it. A list anywhere on the way counts as one. */
export function valueAt(
  document: unknown,
  path: readonly string[],
): { readonly value: SQLInputValue; readonly kind: number } {
  let value = document;
  for (const segment of path) {
    if (Array.isArray(value)) break;
    value = plainValueAt(value, [segment]);
  }
  if (value === null || value === undefined) return NONE;
  if (typeof value === 'object') return Array.isArray(value) ? LIST : OBJECT;
  return { value: toSql(value), kind: 0 };
}
const NONE = { value: null, kind: KIND.none };
const OBJECT = { value: null, kind: KIND.object };
const LIST = { value: null, kind: KIND.list };

const FALSE = new Uint8Array([0]);
const TRUE = new Uint8Array([1]);

const toSql = (value: unknown): SQLInputValue =>
  typeof value === 'boolean' ? (value ? TRUE : FALSE) : ((value ?? null) as SQLInputValue);

/** A scalar back from its column: one-byte blobs are booleans. */
export const fromSql = (value: SQLOutputValue): unknown => (value instanceof Uint8Array ? value[0] === 1 : value);

/** A column or the like. `_id` and `_p` have theirs in every collection. */
export function columnOf(fields: IndexedFields, field: string): string {
  if (field === '_id') return 'id';
  if (field === '_p') return 'p';
  return (fields.get(field) as IndexedField).column;
}

/** Unique as MongoDB is: null and missing are one value, where SQL's NULLs are all different. */
export const uniqueColumnOf = (fields: IndexedFields, field: string): string =>
  field === '_id' || field === '_p' ? columnOf(fields, field) : `coalesce(${columnOf(fields, field)}, x'02')`;

export type Condition = { readonly where: string[]; readonly values: SQLInputValue[] };

/** A range only holds values of its bound's type: where that type begins and ends in SQLite's order. */
const TYPE_RANGE: { readonly [type: string]: { readonly from?: string; readonly to?: string } } = {
  number: { to: "''" },
  string: { from: "''", to: "x''" },
  boolean: { from: "x''" },
};

export function addConstraint(column: string, constraint: Constraint, { where, values }: Condition): void {
  const { eq, in: among, lower, upper } = constraint;
  if (eq === null) where.push(`${column} IS NULL`);
  else if (eq !== undefined) {
    where.push(`${column} = ?`);
    values.push(toSql(eq));
  } else if (among && !among.includes(null)) {
    where.push(
      `${column} IN (SELECT CASE type WHEN 'true' THEN x'01' WHEN 'false' THEN x'00' ELSE value END FROM json_each(?))`,
    );
    values.push(JSON.stringify(among));
  } else {
    const { from, to } = TYPE_RANGE[typeof (lower ?? upper)?.value] ?? {};
    if (lower) {
      where.push(`${column} ${lower.inclusive ? '>=' : '>'} ?`);
      values.push(toSql(lower.value));
    } else if (from) where.push(`${column} >= ${from}`);
    if (upper) {
      where.push(`${column} ${upper.inclusive ? '<=' : '<'} ?`);
      values.push(toSql(upper.value));
    } else if (to) where.push(`${column} < ${to}`);
  }
}

/** Keyset paging in SQL: what comes after the sort values `after`, in the order of `sort`. */
export function addAfter(
  fields: IndexedFields,
  sort: Sort,
  after: readonly unknown[],
  { where, values }: Condition,
): void {
  const [first] = sort;
  if (!first) return;
  const [field, direction] = first;
  const mayBeNone = field !== '_id' && field !== '_p' && ((fields.get(field) as IndexedField).kinds & KIND.none) !== 0;
  // Said once more for the first field alone, so that the walk begins at the right place of the index.
  if ((after[0] ?? null) !== null && (direction === 1 || !mayBeNone)) {
    where.push(`${columnOf(fields, field)} ${direction === 1 ? '>=' : '<='} ?`);
    values.push(toSql(after[0]));
  }
  const later = (at: number): string => {
    const part = sort[at];
    if (!part) return '0';
    const column = columnOf(fields, part[0]);
    const value = toSql(after[at]);
    if (value === null) {
      const among = `(${column} IS NULL AND ${later(at + 1)})`;
      return part[1] === 1 ? `(${column} IS NOT NULL OR ${among})` : among;
    }
    const beyond = part[1] === 1 ? `${column} > ?` : `(${column} < ? OR ${column} IS NULL)`;
    values.push(value, value);
    return `(${beyond} OR (${column} = ? AND ${later(at + 1)}))`;
  };
  where.push(later(0));
}

export const orderBy = (fields: IndexedFields, sort: Sort): string =>
  sort.map(([field, direction]) => `${columnOf(fields, field)}${direction === 1 ? '' : ' DESC'}`).join(', ');
