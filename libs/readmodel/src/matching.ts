// Filters and orders exactly as MongoDB reads them, over the checked subset (query-subset.ts). Own code, because
// embedded query libraries differ from the server where it shows: null under lists, missing against null in an
// order, lists in an order, text beyond the basic plane (matching.spec.ts keeps the list).
import type { Filter, Sort, StoredDocument } from './port.js';
import { totalSort } from './query-subset.js';

type JsonValue = unknown;

const isObject = (value: JsonValue): value is { readonly [key: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const member = (value: JsonValue, key: string): JsonValue =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;

// Order

/** Places of the types in MongoDB's order; missing is apart from null only inside expressions. */
const RANK = { empty: -2, missing: -1, null: 0, number: 1, text: 2, object: 3, list: 4, boolean: 5 } as const;

function rankOf(value: JsonValue): number {
  switch (typeof value) {
    case 'undefined':
      return RANK.missing;
    case 'number':
      return RANK.number;
    case 'string':
      return RANK.text;
    case 'boolean':
      return RANK.boolean;
    default:
      return value === null ? RANK.null : Array.isArray(value) ? RANK.list : RANK.object;
  }
}

/** Order of UTF-8 bytes, which is that of code points; JavaScript's `<` goes by UTF-16 units. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates stand for what lies beyond U+FFFF: after U+E000 to U+FFFF.
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** MongoDB's order over all JSON values: missing, null, numbers, text, objects, lists, booleans. */
export function compareValues(a: JsonValue, b: JsonValue): number {
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0) return difference;
  switch (rank) {
    case RANK.number:
      return (a as number) - (b as number);
    case RANK.text:
      return compareText(a as string, b as string);
    case RANK.boolean:
      return Number(a) - Number(b);
    case RANK.list: {
      const [xs, ys] = [a as readonly JsonValue[], b as readonly JsonValue[]];
      for (let i = 0; i < xs.length && i < ys.length; i++) {
        const order = compareValues(xs[i], ys[i]);
        if (order !== 0) return order;
      }
      return xs.length - ys.length;
    }
    case RANK.object: {
      // Member by member in stored order: type first, then name, then value.
      const [xs, ys] = [definedEntries(a as object), definedEntries(b as object)];
      for (let i = 0; i < xs.length && i < ys.length; i++) {
        const [x, y] = [xs[i] as [string, JsonValue], ys[i] as [string, JsonValue]];
        const order = rankOf(x[1]) - rankOf(y[1]) || compareText(x[0], y[0]) || compareValues(x[1], y[1]);
        if (order !== 0) return order;
      }
      return xs.length - ys.length;
    }
    default:
      return 0;
  }
}

const definedEntries = (object: object): [string, JsonValue][] =>
  Object.entries(object).filter(([, value]) => value !== undefined);

// Paths

/**
 * Calls `test` for every value that a path leads to, until one passes. A list on the way stands for its objects
 * (none in it: no value at all); at the end of the path a list stands for itself and, if `spread`, for its items.
 */
function someAt(
  value: JsonValue,
  path: readonly string[],
  from: number,
  spread: boolean,
  test: (value: JsonValue) => boolean,
): boolean {
  const found = member(value, path[from] as string);
  if (from === path.length - 1) {
    if (test(found)) return true;
    return spread && Array.isArray(found) && found.some(test);
  }
  if (Array.isArray(found)) return found.some((item) => isObject(item) && someAt(item, path, from + 1, spread, test));
  return isObject(found) ? someAt(found, path, from + 1, spread, test) : test(undefined);
}

// Filters

type Predicate = (value: JsonValue) => boolean;

const isNull: Predicate = (value) => value === null || value === undefined;

function equals(wanted: JsonValue): Predicate {
  if (wanted === null) return isNull;
  if (Array.isArray(wanted))
    return (value) =>
      Array.isArray(value) && value.length === wanted.length && wanted.every((item, i) => value[i] === item);
  return (value) => value === wanted;
}

function ranges(operator: string, bound: JsonValue): Predicate {
  const kind = typeof bound;
  const within: (order: number) => boolean =
    operator === '$gt'
      ? (order) => order > 0
      : operator === '$gte'
        ? (order) => order >= 0
        : operator === '$lt'
          ? (order) => order < 0
          : (order) => order <= 0;
  // A range only holds values of its bound's type.
  return (value) => typeof value === kind && within(compareValues(value, bound));
}

function compileCondition(
  operator: string,
  operand: JsonValue,
): { readonly test: Predicate; readonly spread: boolean } {
  switch (operator) {
    case '$eq':
      return { test: equals(operand), spread: true };
    case '$in': {
      const values = new Set(operand as readonly JsonValue[]);
      const orNull = values.has(null);
      return { test: (value) => values.has(value) || (orNull && value === undefined), spread: true };
    }
    case '$exists':
      throw new Error('compiled with the path');
    case '$elemMatch': {
      const conditions = operand as { readonly [key: string]: JsonValue };
      const ofValues = Object.keys(conditions).every((key) => key.startsWith('$') && key !== '$and' && key !== '$or');
      const matches = ofValues ? compileValueConditions(conditions) : compileElement(conditions);
      return { test: (value) => Array.isArray(value) && value.some(matches), spread: false };
    }
    default:
      return { test: ranges(operator, operand), spread: true };
  }
}

/** `{$elemMatch: {$gte: 1, $lt: 5}}`: all conditions hold for one and the same item. */
function compileValueConditions(conditions: { readonly [operator: string]: JsonValue }): Predicate {
  const tests = Object.entries(conditions).map(([operator, operand]): Predicate => {
    if (operator === '$exists') return () => operand === true;
    return compileCondition(operator, operand).test; // an item that is a list stands for itself only
  });
  return (value) => tests.every((test) => test(value));
}

function compileElement(conditions: Filter): Predicate {
  const matches = compileFilter(conditions);
  // A list inside a list counts as an object that has none of the fields.
  return (value) => typeof value === 'object' && value !== null && matches(value);
}

/** The filter as a function of a document. The filter must have passed `checkFilter`. */
export function compileFilter(filter: Filter): (document: object) => boolean {
  const tests: Predicate[] = [];
  for (const [key, condition] of Object.entries(filter)) {
    if (key === '$and' || key === '$or') {
      const parts = (condition as readonly Filter[]).map(compileFilter);
      tests.push(
        key === '$and'
          ? (document) => parts.every((part) => part(document as object))
          : (document) => parts.some((part) => part(document as object)),
      );
      continue;
    }
    const path = key.split('.');
    for (const [operator, operand] of conditionsOf(condition)) {
      if (operator === '$exists') {
        const isThere = (document: JsonValue): boolean => someAt(document, path, 0, false, (v) => v !== undefined);
        tests.push(operand === true ? isThere : (document) => !isThere(document));
        continue;
      }
      const { test, spread } = compileCondition(operator, operand);
      tests.push(
        path.length === 1 && !spread
          ? (document) => test(member(document, key))
          : (document) => someAt(document, path, 0, spread, test),
      );
    }
  }
  if (tests.length === 1) return tests[0] as Predicate;
  return (document) => {
    for (const test of tests) if (!test(document)) return false;
    return true;
  };
}

/** The conditions on one field, plain values as `$eq`. */
export function conditionsOf(condition: JsonValue): readonly (readonly [operator: string, operand: JsonValue])[] {
  return isObject(condition) && Object.keys(condition).some((key) => key.startsWith('$'))
    ? Object.entries(condition)
    : [['$eq', condition]];
}

// Sorting

/** What a document is sorted by: of a list the least item, or the greatest when descending; an empty one comes first. */
function sortKey(document: object, path: readonly string[], direction: 1 | -1): JsonValue {
  let key: JsonValue;
  let any = false;
  let empty = false;
  const take = (value: JsonValue): false => {
    if (Array.isArray(value)) {
      empty ||= value.length === 0;
      for (const item of value) takeItem(item);
    } else takeItem(value);
    return false;
  };
  const takeItem = (value: JsonValue): void => {
    const candidate = value ?? null;
    if (!any || compareValues(candidate, key) * direction < 0) key = candidate;
    any = true;
  };
  someAt(document, path, 0, false, take);
  if (empty && (!any || direction === 1)) return EMPTY_LIST;
  return any ? key : null;
}
const EMPTY_LIST = Symbol('empty list');

function compareKeys(a: JsonValue, b: JsonValue): number {
  if (a === EMPTY_LIST || b === EMPTY_LIST) return a === b ? 0 : a === EMPTY_LIST ? -1 : 1;
  return compareValues(a, b);
}

export type Sorter<T extends object> = {
  /** In order, at most `limit` of them. */
  readonly sort: (documents: T[], limit?: number) => T[];
  /** True for documents that come after the one with these sort values. */
  readonly isAfter: (document: T, values: readonly unknown[]) => boolean;
};

/** An order by fields. Missing and null are one place in it. */
export function createSorter<T extends object>(sort: Sort): Sorter<T> {
  const fields = sort.map(([field, direction]) => ({ path: field.split('.'), direction }));
  const keysOf = (document: T): JsonValue[] => fields.map(({ path, direction }) => sortKey(document, path, direction));
  const compare = (a: readonly JsonValue[], b: readonly JsonValue[]): number => {
    for (let i = 0; i < fields.length; i++) {
      const order = compareKeys(a[i], b[i]);
      if (order !== 0) return order * (fields[i] as { direction: 1 | -1 }).direction;
    }
    return 0;
  };
  return {
    sort: (documents, limit) => {
      const rows = documents.map((document) => ({ document, keys: keysOf(document) }));
      rows.sort((a, b) => compare(a.keys, b.keys));
      return (limit === undefined ? rows : rows.slice(0, limit)).map(({ document }) => document);
    },
    isAfter: (document, values) =>
      compare(
        keysOf(document),
        values.map((value) => value ?? null),
      ) > 0,
  };
}

/** The order of `find`: as asked for, made total by `_id`. */
export const createFindSorter = (sort: Sort | undefined): Sorter<StoredDocument> => createSorter(totalSort(sort));
