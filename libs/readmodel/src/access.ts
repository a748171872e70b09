// Which index serves a query: one rule for every store, so that all refuse the same scans.
import type { IndexDefinition } from '@cairn/kernel';
import { QueryRefused, type Filter, type Sort } from './port.js';
import { conditionsOf } from './matching.js';

type Scalar = string | number | boolean | null;

/** What a filter asks of one field, by all of its conditions that a document must meet. */
export type Constraint = {
  eq?: Scalar;
  in?: readonly Scalar[];
  lower?: { readonly value: string | number | boolean; readonly inclusive: boolean };
  upper?: { readonly value: string | number | boolean; readonly inclusive: boolean };
};

const isScalar = (value: unknown): value is Scalar => typeof value !== 'object' || value === null;

/** Conditions that every match meets: those at the top and under `$and`. Of several on one side the last is kept. */
export function constraintsOf(filter: Filter, into = new Map<string, Constraint>()): ReadonlyMap<string, Constraint> {
  for (const [key, condition] of Object.entries(filter)) {
    if (key === '$and') for (const part of condition as readonly Filter[]) constraintsOf(part, into);
    if (key.startsWith('$')) continue;
    for (const [operator, value] of conditionsOf(condition)) {
      const known = into.get(key) ?? {};
      if (operator === '$eq' && isScalar(value)) known.eq = value;
      else if (operator === '$in') known.in = value as readonly Scalar[];
      else if (operator === '$gt' || operator === '$gte')
        known.lower = { value: value as string | number | boolean, inclusive: operator === '$gte' };
      else if (operator === '$lt' || operator === '$lte')
        known.upper = { value: value as string | number | boolean, inclusive: operator === '$lte' };
      else continue;
      into.set(key, known);
    }
  }
  return into;
}

const pointed = (constraint: Constraint | undefined): boolean =>
  constraint?.eq !== undefined || (constraint?.in !== undefined && !constraint.in.includes(null));

export type Access = {
  /** The index to walk; undefined: the documents themselves, by `_id`. */
  readonly index: IndexDefinition | undefined;
  /** Fields of the index, from the first on, that the filter holds to values or to a range; `_id` alone for none. */
  readonly bounded: readonly string[];
  /** True if walking it gives the order asked for. */
  readonly ordered: boolean;
};

/** Ids first, then values before ranges: a range of ids is often a whole tenant. */
const ID_VALUE = 100;
const VALUE = 2;
const RANGE = 1;

/**
 * Chooses the index that the filter bounds best; among equals one that gives the order. An index's fields are followed
 * by `_id`. `usable` says whether an index on a field finds every match (lists), `orderable` whether it sorts truly.
 */
export function chooseAccess(
  constraints: ReadonlyMap<string, Constraint>,
  sort: Sort,
  indexes: readonly IndexDefinition[],
  usable: (field: string) => boolean = () => true,
  orderable: (field: string) => boolean = () => true,
): Access {
  const id = constraints.get('_id');
  let best: Access = { index: undefined, bounded: id ? ['_id'] : [], ordered: sort[0]?.[0] === '_id' };
  let bestGain = id ? (pointed(id) ? ID_VALUE : RANGE) : 0;
  for (const index of indexes) {
    const bounded: string[] = [];
    let fixed = 0;
    let gain = 0;
    for (const [field] of index.fields) {
      const constraint = constraints.get(field);
      if (!constraint || !usable(field)) break;
      if (pointed(constraint)) {
        bounded.push(field);
        gain += VALUE;
        if (constraint.eq === undefined) break;
        fixed++;
        continue;
      }
      if (constraint.lower || constraint.upper) {
        bounded.push(field);
        gain += RANGE;
      }
      break;
    }
    const ordered = givesOrder(index, fixed, sort, (field) => usable(field) && orderable(field));
    if (gain > bestGain || (gain === bestGain && ordered && !best.ordered)) {
      best = { index, bounded, ordered };
      bestGain = gain;
    }
  }
  return best;
}

function givesOrder(index: IndexDefinition, fixed: number, sort: Sort, orderable: (field: string) => boolean): boolean {
  const constant = new Set(index.fields.slice(0, fixed).map(([field]) => field));
  const wanted = sort.filter(([field]) => !constant.has(field));
  const given = index.fields.slice(fixed);
  const reversed = wanted[0] !== undefined && given[0] !== undefined && wanted[0][1] !== given[0][1];
  for (const [i, [field, direction]] of wanted.entries()) {
    // `_id` follows the last field; elsewhere it only sorts what is equal so far.
    if (field === '_id') return i === given.length || i > 0;
    const next = given[i];
    if (!next || next[0] !== field || (next[1] !== direction) !== reversed || !orderable(field)) return false;
  }
  return true;
}

/** The refusal of a scan, with the index that would serve the query. */
export function scanRefused(
  collection: string,
  constraints: ReadonlyMap<string, Constraint>,
  sort: Sort,
  limit: number,
): QueryRefused {
  const points = [...constraints].filter(([field, c]) => field !== '_id' && pointed(c)).map(([field]) => field);
  const order = sort.map(([field]) => field).filter((field) => field !== '_id' && !points.includes(field));
  const rangesOn = [...constraints.keys()].filter((f) => f !== '_id' && !points.includes(f) && !order.includes(f));
  const fields = [...points, ...order, ...rangesOn];
  const advice =
    fields.length > 0 ? `declare an index on (${fields.join(', ')}) or narrow the query` : 'narrow the query';
  return new QueryRefused(
    'scan',
    `the query looks at more than ${limit} documents of "${collection}" without an index: ${advice}`,
  );
}
