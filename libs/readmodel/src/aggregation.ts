// The aggregation stages of the checked subset (query-subset.ts), with MongoDB's results.
import type { Document } from '@cairn/kernel';
import { QueryRefused, type Filter, type Sort } from './port.js';
import { compareValues, compileFilter, createSorter } from './matching.js';

type Value = unknown;
type Row = { readonly [key: string]: Value };
type Expression = (row: Row) => Value;

const isObject = (value: Value): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A path in an expression: a list on the way, or at the end, gives a list. */
function valueAt(value: Value, path: readonly string[], from: number): Value {
  if (from === path.length) return value;
  if (Array.isArray(value))
    return value.map((item) => (isObject(item) ? valueAt(item, path, from) : undefined)).filter((v) => v !== undefined);
  const key = path[from] as string;
  return isObject(value) && Object.hasOwn(value, key) ? valueAt(value[key], path, from + 1) : undefined;
}

function arithmetic(
  operator: string,
  operands: readonly Expression[],
  compute: (a: number, b: number) => number,
): Expression {
  return (row) => {
    let result: number | undefined;
    let isNull = false;
    for (const operand of operands) {
      const value = operand(row);
      if (value === null || value === undefined) isNull = true;
      else if (typeof value !== 'number')
        throw new QueryRefused(operator, `${operator} met ${describe(value)}: it takes numbers only`);
      else if (!isNull) result = result === undefined ? value : compute(result, value);
    }
    if (isNull) return null;
    if (!Number.isFinite(result)) throw new QueryRefused(operator, `${operator} gave ${result}`);
    return result;
  };
}

const describe = (value: Value): string => (Array.isArray(value) ? 'a list' : `a ${typeof value}`);

const COMPARISONS: { readonly [operator: string]: (order: number) => boolean } = {
  $eq: (order) => order === 0,
  $ne: (order) => order !== 0,
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

function compileExpression(expression: Value): Expression {
  if (typeof expression === 'string' && expression.startsWith('$')) {
    const path = expression.slice(1).split('.');
    return (row) => valueAt(row, path, 0);
  }
  if (!isObject(expression)) return () => expression;
  const [[operator, given] = ['', undefined]] = Object.entries(expression);
  if (operator === '$cond') {
    const parts = Array.isArray(given) ? given : [(given as Row)['if'], (given as Row)['then'], (given as Row)['else']];
    const [test, then, otherwise] = parts.map(compileExpression) as [Expression, Expression, Expression];
    return (row) => {
      const holds = test(row);
      return holds === undefined || holds === null || holds === false || holds === 0 ? otherwise(row) : then(row);
    };
  }
  const operands = (given as readonly Value[]).map(compileExpression);
  switch (operator) {
    case '$add':
      return arithmetic(operator, operands, (a, b) => a + b);
    case '$subtract':
      return arithmetic(operator, operands, (a, b) => a - b);
    case '$multiply':
      return arithmetic(operator, operands, (a, b) => a * b);
    case '$divide':
      return arithmetic(operator, operands, (a, b) => a / b);
    default: {
      const holds = COMPARISONS[operator] as (order: number) => boolean;
      const [left, right] = operands as [Expression, Expression];
      return (row) => holds(compareValues(left(row), right(row)));
    }
  }
}

type Accumulator = { readonly add: (value: Value) => void; readonly result: () => Value };

function createAccumulator(operator: string): Accumulator {
  switch (operator) {
    case '$sum': {
      // Sum and its rounding error apart, as the server does: ten times 0.1 is 1.
      let sum = 0;
      let error = 0;
      return {
        add: (value) => {
          if (typeof value !== 'number') return;
          const next = sum + value;
          error += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
          sum = next;
        },
        result: () => sum + error,
      };
    }
    case '$min':
    case '$max': {
      const sign = operator === '$min' ? 1 : -1;
      let best: Value = null;
      return {
        add: (value) => {
          if (value === null || value === undefined) return;
          if (best === null || compareValues(value, best) * sign < 0) best = value;
        },
        result: () => best,
      };
    }
    case '$push': {
      const values: Value[] = [];
      return { add: (value) => void (value === undefined || values.push(value)), result: () => values };
    }
    case '$first': {
      let first: Value;
      return { add: (value) => void (first === undefined && (first = value ?? null)), result: () => first ?? null };
    }
    default: {
      let last: Value = null;
      return { add: (value) => void (last = value ?? null), result: () => last };
    }
  }
}

function compileGroupId(id: Value): Expression {
  if (!isObject(id) || Object.keys(id)[0]?.startsWith('$')) {
    const expression = compileExpression(id);
    return (row) => expression(row) ?? null;
  }
  const parts = Object.entries(id).map(([name, expression]) => [name, compileExpression(expression)] as const);
  return (row) => {
    const key: { [name: string]: Value } = {};
    for (const [name, expression] of parts) {
      // Missing stays away, but of a single field MongoDB makes null (its jstests: groupMissing.js).
      const value = parts.length === 1 ? (expression(row) ?? null) : expression(row);
      if (value !== undefined) key[name] = value;
    }
    return key;
  };
}

function group(rows: readonly Row[], spec: Row): Row[] {
  const idOf = compileGroupId(spec['_id']);
  const fields = Object.entries(spec)
    .filter(([name]) => name !== '_id')
    .map(([name, accumulator]) => {
      const [[operator, expression] = ['', undefined]] = Object.entries(accumulator as Row);
      return { name, operator, expression: compileExpression(expression) };
    });
  const groups = new Map<Value, { readonly id: Value; readonly accumulators: readonly Accumulator[] }>();
  for (const row of rows) {
    const id = idOf(row);
    // Scalars are their own keys; of objects the order of members counts, as on the server.
    const key = typeof id === 'object' && id !== null ? `\u0000${JSON.stringify(id)}` : id;
    let entry = groups.get(key);
    if (!entry) {
      entry = { id, accumulators: fields.map(({ operator }) => createAccumulator(operator)) };
      groups.set(key, entry);
    }
    for (let i = 0; i < fields.length; i++)
      (entry.accumulators[i] as Accumulator).add((fields[i] as { expression: Expression }).expression(row));
  }
  return [...groups.values()].map(({ id, accumulators }) => {
    const row: { [key: string]: Value } = { _id: id };
    for (const [i, { name }] of fields.entries()) row[name] = (accumulators[i] as Accumulator).result();
    return row;
  });
}

function compileProject(spec: Row): (row: Row) => Row {
  const withId = spec['_id'] !== 0 && spec['_id'] !== false;
  const kept = new Set(withId ? ['_id'] : []);
  const computed: (readonly [string, Expression])[] = [];
  for (const [name, value] of Object.entries(spec)) {
    if (value === 1 || value === true) kept.add(name);
    else if (value !== 0 && value !== false) {
      kept.delete(name);
      computed.push([name, compileExpression(value)]);
    }
  }
  return (row) => {
    const result: { [key: string]: Value } = {};
    for (const name of Object.keys(row)) if (kept.has(name)) result[name] = row[name];
    for (const [name, expression] of computed) {
      const value = expression(row);
      if (value !== undefined) result[name] = value;
    }
    return result;
  };
}

function replaceAt(row: Row, path: readonly string[], from: number, value: Value): Row {
  const key = path[from] as string;
  return { ...row, [key]: from === path.length - 1 ? value : replaceAt(row[key] as Row, path, from + 1, value) };
}

function unwind(rows: readonly Row[], spec: Value): Row[] {
  const path = ((isObject(spec) ? spec['path'] : spec) as string).slice(1).split('.');
  const result: Row[] = [];
  for (const row of rows) {
    let value: Value = row;
    for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    if (Array.isArray(value)) for (const item of value) result.push(replaceAt(row, path, 0, item));
    else if (value !== null && value !== undefined) result.push(row);
  }
  return result;
}

/** Runs a pipeline, which must have passed `checkPipeline`, over rows at hand. Without `$sort` the order is open. */
export function runPipeline(rows: readonly Document[], pipeline: readonly Document[]): Document[] {
  let current: Row[] = [...rows];
  for (const stage of pipeline) {
    const [[operator, spec] = ['', undefined]] = Object.entries(stage as Row);
    switch (operator) {
      case '$match':
        current = current.filter(compileFilter(spec as Filter));
        break;
      case '$group':
        current = group(current, spec as Row);
        break;
      case '$project':
        current = current.map(compileProject(spec as Row));
        break;
      case '$sort':
        current = createSorter<Row>(Object.entries(spec as Row) as unknown as Sort).sort(current);
        break;
      case '$limit':
        current = current.slice(0, spec as number);
        break;
      case '$unwind':
        current = unwind(current, spec);
        break;
      default:
        throw new RangeError(`stage ${operator} passed the check but is not known here`);
    }
  }
  return current as Document[];
}
