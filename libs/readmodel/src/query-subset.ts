// The query subset that every read-model store answers alike, checked before any store sees a query or a document.
// What is refused here is refused with the operator's name and with what to do instead (see ../README.md).
import type { IndexDefinition } from '@cairn/kernel';
import { QueryRefused, type Filter, type FindOptions, type Sort, type StoredDocument } from './port.js';

export const MAX_FIND_LIMIT = 10_000;
/** Candidate documents that a query without a fitting index may look at. */
export const SCAN_LIMIT = 50_000;
/** MongoDB takes 16 MiB of BSON; BSON can be somewhat larger than the JSON text measured here. */
export const MAX_DOCUMENT_BYTES = 12 * 1024 * 1024;
const MAX_DEPTH = 64;
const MAX_IN_VALUES = 10_000;

const FILTER_OPERATORS = '$eq, $in, $gt, $gte, $lt, $lte, $exists, $elemMatch, $and, $or';
const STAGES = '$match, $group, $project, $sort, $limit, $unwind';
const ACCUMULATORS = '$sum, $min, $max, $push, $first, $last';
const EXPRESSIONS = '$add, $subtract, $multiply, $divide, $eq, $ne, $gt, $gte, $lt, $lte, $cond';

const PRECOMPUTE = 'let the projection store the answer as a field and compare that';
const POSITIVE = 'ask for what should match ($in, ranges, $exists), or let the projection store a field that says so';
const INSTEAD: { readonly [operator: string]: string } = {
  $ne: POSITIVE,
  $nin: POSITIVE,
  $not: POSITIVE,
  $nor: POSITIVE,
  $regex: 'compare a normalised field; a prefix is a range: {$gte: prefix, $lt: next prefix}',
  $text: 'compare a normalised field',
  $where: PRECOMPUTE,
  $expr: PRECOMPUTE,
  $function: PRECOMPUTE,
  $jsonSchema: PRECOMPUTE,
  $mod: PRECOMPUTE,
  $type: PRECOMPUTE,
  $size: 'let the projection store the length as a field',
  $all: 'use $and of equalities',
  $avg: 'take $sum of the values and of 1, and divide them in $project',
  $count: 'use $group with {$sum: 1}',
  $addToSet: 'group by the value, or $push and make it distinct in the program',
  $skip: 'page by `after`, the sort values of the last document',
  $lookup: 'let the projection store what is needed in the document',
  $facet: 'run one aggregate for each facet',
  $set: 'use $project',
  $addFields: 'use $project',
  $median: 'sort, $push and compute in the program',
  $percentile: 'sort, $push and compute in the program',
  $setWindowFields: 'sort and compute in the program',
  $merge: 'write documents with writeGuarded',
  $out: 'write documents with writeGuarded',
};

function refuse(operator: string, where: string, allowed: string): never {
  const instead = INSTEAD[operator] ?? `use ${allowed}`;
  throw new QueryRefused(operator, `${operator} at ${where} is not in the query subset: ${instead}`);
}

/** An object literal's kind of object, of whichever realm: nothing but a root prototype above it. */
const isPlainObject = (value: unknown): value is { readonly [key: string]: unknown } => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** What a value is, for messages; `undefined` if JSON and all stores carry it alike. */
function scalarFault(value: unknown): string | undefined {
  switch (typeof value) {
    case 'boolean':
      return undefined;
    case 'string':
      // Stores that keep UTF-8 would replace half a surrogate pair.
      return value.isWellFormed() ? undefined : 'text with half a surrogate pair';
    case 'number':
      if (!Number.isFinite(value)) return `the number ${value}`;
      if (Number.isInteger(value) && !Number.isSafeInteger(value)) return `an integer beyond 2^53: ${value}`;
      return undefined;
    case 'object':
      return value === null ? undefined : `a ${value.constructor?.name ?? 'object'}`;
    default:
      return `a ${typeof value}`;
  }
}
const ADVICE =
  'use text, booleans, safe integers, finite numbers and null; instants as ISO-8601 text, big numbers and positions as text';

// Paths

function checkPath(path: string, where: string): void {
  for (const segment of path.split('.')) {
    if (segment === '' || segment.startsWith('$') || segment === '__proto__' || segment.includes('\0'))
      throw new QueryRefused(path, `"${path}" at ${where} is not a field path: expected names joined by single dots`);
    // MongoDB reads `a.0` as a place in a list or as a name, depending on the document.
    if (/^\d+$/.test(segment))
      throw new QueryRefused(
        path,
        `"${path}" at ${where} names a place in a list: use $elemMatch, or another field name`,
      );
  }
}

// Filters

function checkScalar(value: unknown, operator: string, where: string): void {
  if (value === undefined)
    throw new QueryRefused('undefined', `${where} is compared with undefined: leave the condition out, or use null`);
  if (typeof value === 'object' && value !== null) {
    const kind = Array.isArray(value) ? 'a list' : isPlainObject(value) ? 'an object' : scalarFault(value);
    const advice = isPlainObject(value) ? 'compare its fields by dotted paths' : ADVICE;
    throw new QueryRefused(operator, `${operator} at ${where} is given ${kind}: ${advice}`);
  }
  const fault = scalarFault(value);
  if (fault) throw new QueryRefused(operator, `${operator} at ${where} is given ${fault}: ${ADVICE}`);
}

function checkEquality(value: unknown, where: string): void {
  if (Array.isArray(value)) for (const item of value) checkScalar(item, '$eq', where);
  else checkScalar(value, '$eq', where);
}

const isOperatorObject = (value: unknown): value is { readonly [operator: string]: unknown } =>
  isPlainObject(value) && Object.keys(value).some((key) => key.startsWith('$'));

function checkCondition(condition: unknown, where: string, depth: number): void {
  if (!isOperatorObject(condition)) {
    checkEquality(condition, where);
    return;
  }
  for (const [operator, value] of Object.entries(condition)) {
    switch (operator) {
      case '$eq':
        checkEquality(value, where);
        break;
      case '$in':
        if (!Array.isArray(value) || value.length > MAX_IN_VALUES)
          throw new QueryRefused('$in', `$in at ${where} takes a list of at most ${MAX_IN_VALUES} values`);
        for (const item of value) checkScalar(item, '$in', where);
        break;
      case '$gt':
      case '$gte':
      case '$lt':
      case '$lte':
        checkScalar(value, operator, where);
        if (value === null)
          throw new QueryRefused(operator, `${operator} at ${where} is given null: use equality with null, or $exists`);
        break;
      case '$exists':
        if (typeof value !== 'boolean') throw new QueryRefused('$exists', `$exists at ${where} takes true or false`);
        break;
      case '$elemMatch':
        if (!isPlainObject(value) || Object.keys(value).length === 0)
          throw new QueryRefused('$elemMatch', `$elemMatch at ${where} takes conditions`);
        if (isOperatorObject(value) && !('$and' in value || '$or' in value))
          checkCondition(value, `${where}.$elemMatch`, depth + 1);
        else checkConditions(value, `${where}.$elemMatch`, depth + 1);
        break;
      default:
        refuse(operator, where, FILTER_OPERATORS);
    }
  }
}

function checkConditions(filter: unknown, where: string, depth: number): void {
  if (depth > 20) throw new QueryRefused('depth', `the filter is nested more than 20 deep at ${where}`);
  if (!isPlainObject(filter)) throw new QueryRefused('filter', `expected an object of conditions at ${where}`);
  for (const [key, condition] of Object.entries(filter)) {
    const at = where === '' ? key : `${where}.${key}`;
    if (key === '$and' || key === '$or') {
      if (!Array.isArray(condition) || condition.length === 0)
        throw new QueryRefused(key, `${key} at ${at} takes a list of at least one filter`);
      for (const [index, part] of condition.entries()) checkConditions(part, `${at}[${index}]`, depth + 1);
    } else if (key.startsWith('$')) refuse(key, at, FILTER_OPERATORS);
    else {
      checkPath(key, at);
      checkCondition(condition, at, depth);
    }
  }
}

/** Throws {@link QueryRefused} unless the filter is in the subset. */
export function checkFilter(filter: Filter): void {
  checkConditions(filter, '', 0);
}

// Find

/** The order in which `find` answers: the sort asked for, made total by `_id`. */
export function totalSort(sort: Sort | undefined): Sort {
  const fields = sort ?? [];
  return fields.some(([field]) => field === '_id') ? fields : [...fields, ['_id', 1]];
}

/** Throws {@link QueryRefused} unless sort, limit and `after` are in the subset and fit together. */
export function checkFindOptions(options: FindOptions): void {
  const { sort = [], limit, after } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_FIND_LIMIT)
    throw new QueryRefused('limit', `limit is ${limit}: expected a whole number from 1 to ${MAX_FIND_LIMIT}`);
  const seen = new Set<string>();
  for (const [index, [field, direction]] of sort.entries()) {
    checkPath(field, 'sort');
    if (direction !== 1 && direction !== -1)
      throw new QueryRefused('sort', `sort direction of "${field}" is ${String(direction)}: expected 1 or -1`);
    if (seen.has(field)) throw new QueryRefused('sort', `"${field}" is in the sort twice`);
    seen.add(field);
    if (field === '_id' && index !== sort.length - 1)
      throw new QueryRefused('sort', '`_id` makes the order total: nothing can follow it');
  }
  if (after === undefined) return;
  const fields = totalSort(sort).map(([field]) => field);
  if (after.length !== fields.length)
    throw new QueryRefused('after', `after has ${after.length} values: expected one each for ${fields.join(', ')}`);
  for (const [index, value] of after.entries())
    if (value !== undefined) checkScalar(value, 'after', fields[index] as string);
  if (typeof after.at(-1) !== 'string')
    throw new QueryRefused('after', 'the last value of `after` is an `_id`, a text');
}

// Aggregate

function checkExpression(expression: unknown, where: string, depth: number): void {
  if (depth > 20) throw new QueryRefused('depth', `the expression is nested more than 20 deep at ${where}`);
  if (typeof expression === 'string' && expression.startsWith('$')) {
    if (expression.startsWith('$$'))
      throw new QueryRefused(
        expression,
        `the variable ${expression} at ${where} is not in the query subset: use field paths`,
      );
    checkPath(expression.slice(1), where);
    return;
  }
  if (!isPlainObject(expression)) {
    checkScalar(expression, 'literal', where);
    return;
  }
  const [operator, ...others] = Object.keys(expression);
  if (operator === undefined || others.length > 0 || !operator.startsWith('$'))
    throw new QueryRefused('object', `expected a path, a scalar or one operator at ${where}: use ${EXPRESSIONS}`);
  let operands = expression[operator];
  switch (operator) {
    case '$add':
    case '$multiply':
      if (!Array.isArray(operands) || operands.length === 0)
        throw new QueryRefused(operator, `${operator} at ${where} takes a list of operands`);
      break;
    case '$cond':
      if (isPlainObject(operands)) {
        const { if: test, then, else: otherwise, ...rest } = operands;
        const [unknown] = Object.keys(rest);
        if (unknown !== undefined) throw new QueryRefused('$cond', `$cond at ${where} has no part "${unknown}"`);
        operands = [test, then, otherwise];
      }
      if (!Array.isArray(operands) || operands.length !== 3 || operands.includes(undefined))
        throw new QueryRefused('$cond', `$cond at ${where} takes if, then and else`);
      break;
    case '$subtract':
    case '$divide':
    case '$eq':
    case '$ne':
    case '$gt':
    case '$gte':
    case '$lt':
    case '$lte':
      if (!Array.isArray(operands) || operands.length !== 2)
        throw new QueryRefused(operator, `${operator} at ${where} takes two operands`);
      break;
    default:
      refuse(operator, where, EXPRESSIONS);
  }
  for (const operand of operands as unknown[]) checkExpression(operand, `${where}.${operator}`, depth + 1);
}

function checkFieldName(name: string, where: string): void {
  if (name.includes('.'))
    throw new QueryRefused(
      name,
      `"${name}" at ${where} has a dot: name the result without one, and take the value by "$${name}"`,
    );
  checkPath(name, where);
}

function checkGroup(spec: unknown, where: string, ordered: boolean): void {
  if (!isPlainObject(spec) || !Object.hasOwn(spec, '_id'))
    throw new QueryRefused('$group', `$group at ${where} takes an object with _id (null for one group of all)`);
  for (const [name, value] of Object.entries(spec)) {
    const at = `${where}.$group.${name}`;
    if (name === '_id') {
      if (isPlainObject(value) && !isOperatorObject(value)) {
        if (Object.keys(value).length === 0) throw new QueryRefused('$group', `${at} is empty: use null`);
        for (const [part, expression] of Object.entries(value)) {
          checkFieldName(part, at);
          checkExpression(expression, `${at}.${part}`, 0);
        }
      } else checkExpression(value, at, 0);
      continue;
    }
    checkFieldName(name, at);
    const [operator, ...others] = isPlainObject(value) ? Object.keys(value) : [];
    if (operator === undefined || others.length > 0)
      throw new QueryRefused('$group', `${at} takes one accumulator: ${ACCUMULATORS}`);
    switch (operator) {
      case '$first':
      case '$last':
        if (!ordered)
          throw new QueryRefused(operator, `${operator} at ${at} depends on the order: put a $sort before the $group`);
        break;
      case '$sum':
      case '$min':
      case '$max':
      case '$push':
        break;
      default:
        refuse(operator, at, ACCUMULATORS);
    }
    checkExpression((value as { [key: string]: unknown })[operator], at, 0);
  }
}

function checkProject(spec: unknown, where: string): void {
  if (!isPlainObject(spec) || Object.keys(spec).length === 0)
    throw new QueryRefused('$project', `$project at ${where} takes an object of fields`);
  let kept = 0;
  for (const [name, value] of Object.entries(spec)) {
    const at = `${where}.$project.${name}`;
    checkFieldName(name, at);
    if (name === '_id' && (value === 0 || value === false)) continue;
    kept++;
    if (value === 1 || value === true) continue;
    if (typeof value === 'number' || typeof value === 'boolean')
      throw new QueryRefused('$project', `${at} is ${value}: 1 keeps a field, leaving it out drops it`);
    checkExpression(value, at, 0);
  }
  // {_id: 0} alone would mean "everything else".
  if (kept === 0) throw new QueryRefused('$project', `$project at ${where} keeps no field: name those to keep`);
}

/** Throws {@link QueryRefused} unless every stage of the pipeline is in the subset. */
export function checkPipeline(pipeline: readonly unknown[]): void {
  if (!Array.isArray(pipeline) || pipeline.length === 0)
    throw new QueryRefused('pipeline', `the pipeline is a list of at least one stage: ${STAGES}`);
  let ordered = false;
  for (const [index, stage] of pipeline.entries()) {
    const where = `stage ${index + 1}`;
    const [operator, ...others] = isPlainObject(stage) ? Object.keys(stage) : [];
    if (operator === undefined || others.length > 0)
      throw new QueryRefused('stage', `${where} takes exactly one of ${STAGES}`);
    const spec = (stage as { [key: string]: unknown })[operator];
    switch (operator) {
      case '$match':
        checkConditions(spec, `${where}.$match`, 0);
        break;
      case '$group':
        checkGroup(spec, where, ordered);
        ordered = false;
        break;
      case '$project':
        checkProject(spec, where);
        break;
      case '$sort': {
        const fields = isPlainObject(spec) ? Object.entries(spec) : [];
        if (fields.length === 0) throw new QueryRefused('$sort', `$sort at ${where} takes fields with 1 or -1`);
        for (const [field, direction] of fields) {
          checkPath(field, `${where}.$sort`);
          if (direction !== 1 && direction !== -1)
            throw new QueryRefused('$sort', `$sort of "${field}" at ${where} takes 1 or -1`);
        }
        ordered = true;
        break;
      }
      case '$limit':
        if (!Number.isSafeInteger(spec) || (spec as number) < 1)
          throw new QueryRefused('$limit', `$limit at ${where} takes a whole number from 1`);
        break;
      case '$unwind': {
        const path = isPlainObject(spec) && Object.keys(spec).join() === 'path' ? spec['path'] : spec;
        if (typeof path !== 'string' || !path.startsWith('$'))
          throw new QueryRefused('$unwind', `$unwind at ${where} takes a path such as "$items", and no options`);
        checkPath(path.slice(1), `${where}.$unwind`);
        break;
      }
      default:
        refuse(operator, where, STAGES);
    }
  }
}

// Documents and definitions

/** Where a check is, from the document's name on: one list for all of it, since nearly always nobody asks. */
type Place = (string | number)[];
const textOf = (at: Place): string => at.join('/');

function checkValue(value: unknown, at: Place): void {
  if (Array.isArray(value)) {
    checkDepth(at);
    for (let i = 0; i < value.length; i++) {
      at.push(i);
      if (value[i] === undefined)
        throw new QueryRefused('undefined', `${textOf(at)} is undefined inside a list: use null, or leave it out`);
      checkValue(value[i], at);
      at.pop();
    }
  } else if (isPlainObject(value)) checkMembers(value, at);
  else {
    const fault = scalarFault(value);
    if (fault) throw new QueryRefused('value', `${textOf(at)} is ${fault}: ${ADVICE}`);
  }
}

function checkDepth(at: Place): void {
  if (at.length - 1 > MAX_DEPTH) throw new QueryRefused('depth', `${textOf(at)} is nested more than ${MAX_DEPTH} deep`);
}

/** Keys come again and again; most are a few hundred names of ours. */
const allowedKeys = new Set<string>();

function isAllowedKey(key: string): boolean {
  if (allowedKeys.has(key)) return true;
  if (key === '' || key.startsWith('$') || key.includes('.') || key.includes('\0') || key === '__proto__') return false;
  if (allowedKeys.size < 1_000 && key.length <= 40) allowedKeys.add(key);
  return true;
}

function checkMembers(object: { readonly [key: string]: unknown }, at: Place): void {
  checkDepth(at);
  // Of a plain object these are its own.
  for (const key in object) {
    if (!isAllowedKey(key))
      throw new QueryRefused(
        key,
        `${textOf(at)} has the key "${key}": keys are not empty, have no dot and no leading $`,
      );
    // By this key the BSON library takes an object for one of its types: it would store a number, an id, or nothing.
    if (key === '_bsontype')
      throw new QueryRefused(
        key,
        `${textOf(at)} has the key "${key}", which MongoDB's driver keeps for itself: rename it`,
      );
    const value = object[key];
    if (value === undefined) continue;
    at.push(key);
    checkValue(value, at);
    at.pop();
  }
}

/** Throws {@link QueryRefused} for keys and values that the stores would not carry alike. `name` begins the pointers. */
export function checkPayload(payload: unknown, name: string): void {
  if (!isPlainObject(payload)) throw new QueryRefused('document', `${name} is not a plain object`);
  checkMembers(payload, [name]);
}

export function checkId(id: unknown): void {
  if (typeof id !== 'string' || id === '' || id.length > 1024 || !id.isWellFormed())
    throw new QueryRefused(
      '_id',
      `_id is ${typeof id === 'string' ? `"${id.slice(0, 80)}"` : typeof id}: expected text of 1 to 1,024 characters`,
    );
}

/** The value at a path through objects only; what a list hides counts as missing. */
export function plainValueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, segment))
      return undefined;
    value = (value as { [key: string]: unknown })[segment];
  }
  return value;
}

/** Throws {@link QueryRefused} for a document that the stores would not carry alike. */
export function checkDocument(document: StoredDocument): void {
  checkId(document?._id);
  if (typeof document._p !== 'string' || !document._p.isWellFormed())
    throw new QueryRefused('_p', `_p of "${document._id}" is ${typeof document._p}: expected a position's text`);
  checkPayload(document, document._id);
}

/** Unique indexes take scalars only: over lists, stores differ in what counts as equal. */
export function checkUniqueFields(document: StoredDocument, indexes: readonly IndexDefinition[]): void {
  for (const index of indexes)
    if (index.unique)
      for (const [field] of index.fields) {
        let value: unknown = document;
        for (const segment of field.split('.')) {
          if (Array.isArray(value)) break;
          value = plainValueAt(value, [segment]);
        }
        if (typeof value === 'object' && value !== null)
          throw new QueryRefused(
            'unique',
            `"${field}" of "${document._id}" is a list or an object: the unique index "${index.name}" takes scalars only`,
          );
      }
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,99}$/;

/** Throws a RangeError: a name off the grammar is a broken program, not bad input. */
export function checkCollectionName(collection: string): void {
  if (!NAME.test(collection))
    throw new RangeError(`"${collection}" is not a collection name: expected letters, digits, _ and -, letter first`);
}

const INDEX_FIELD = /^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*)*$/;

/** Throws a RangeError for an index definition off the grammar. */
export function checkIndexDefinition(index: IndexDefinition): void {
  if (!NAME.test(index.name)) throw new RangeError(`"${index.name}" is not an index name`);
  const fields = index.fields.map(([field]) => field);
  if (fields.length < 1 || fields.length > 8 || new Set(fields).size !== fields.length)
    throw new RangeError(`index "${index.name}" needs 1 to 8 different fields`);
  for (const [field, direction] of index.fields)
    if (!INDEX_FIELD.test(field) || (direction !== 1 && direction !== -1))
      throw new RangeError(`index "${index.name}": "${field}": ${String(direction)} is not a field path with 1 or -1`);
}

/** Throws {@link QueryRefused} for a document whose JSON text is larger than every store takes. */
export function checkSize(id: string, json: string): void {
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_DOCUMENT_BYTES)
    throw new QueryRefused(
      'size',
      `"${id}" has ${bytes} bytes of JSON: at most ${MAX_DOCUMENT_BYTES}; split the document`,
    );
}
