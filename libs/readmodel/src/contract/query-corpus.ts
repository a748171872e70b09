// The query corpus: one document set, queries, and the answers MongoDB gives, written by hand from its documented
// semantics. Whoever answers differently is wrong, whatever it is built from.
/* oxlint-disable unicorn/no-thenable -- `then` is a part of MongoDB's $cond */
import type { Document } from '@cairn/kernel';
import type { Filter, Sort, StoredDocument } from '../port.js';

const ASTRAL = '\u{1f600}'; // sorts after U+FFEE by code point, before it by UTF-16 unit
const HALFWIDTH = '\uffee';

const person = (_id: string, fields: Document): StoredDocument => ({
  _id,
  _p: '1',
  kind: 'person',
  tenth: 0.1,
  ...fields,
});
const mixed = (_id: string, fields: Document): StoredDocument => ({ _id, _p: '2', kind: 'mixed', ...fields });

export const DOCUMENTS: readonly StoredDocument[] = [
  person('p1', {
    name: 'Ada',
    level: 1,
    score: 71.5,
    active: true,
    area: 'cloud',
    tags: ['red', 'blue'],
    home: { city: 'Bonn', zip: '53111' },
    items: [
      { sku: 'a', qty: 1 },
      { sku: 'b', qty: 5 },
    ],
  }),
  person('p2', {
    name: 'Ben',
    level: 2,
    score: 50,
    active: false,
    area: 'cloud',
    tags: ['red'],
    home: { city: 'Kiel' },
    items: [{ sku: 'a', qty: 7 }],
  }),
  person('p3', {
    name: 'Cem',
    level: 2,
    score: 90,
    active: true,
    area: 'data',
    tags: [],
    home: { city: null },
    items: [],
  }),
  person('p4', {
    name: 'Dee',
    level: 3,
    score: null,
    active: false,
    area: 'data',
    tags: ['blue', 'green', 'red'],
    home: {},
    items: [
      { sku: 'c', qty: 2 },
      { sku: 'b', qty: 2 },
    ],
  }),
  person('p5', {
    name: 'Eva',
    level: 3,
    active: true,
    area: 'security',
    tags: 'red',
    home: null,
    items: [{ sku: 'b' }],
  }),
  person('p6', {
    name: 'Fay',
    level: 10,
    score: 50,
    area: 'security',
    tags: [['red', 'blue'], 'x'],
    items: [
      { sku: 'a', qty: null },
      { sku: 'd', qty: 3 },
    ],
  }),
  person('p7', {
    name: 'gil',
    level: -1,
    score: 100,
    active: null,
    area: null,
    tags: null,
    home: [{ city: 'Bonn' }, { city: 'Kiel' }],
    items: 'none',
  }),
  person('p8', {
    name: 'Zoë',
    level: 0,
    score: 0,
    area: 'cloud',
    tags: ['red', 'blue'],
    home: 'Bonn',
    items: [1, 2, 3],
  }),

  mixed('m01', {}),
  mixed('m02', { v: null }),
  mixed('m03', { v: -5 }),
  mixed('m04', { v: 0 }),
  mixed('m05', { v: 1.5 }),
  mixed('m06', { v: 2 }),
  mixed('m07', { v: 10 }),
  mixed('m08', { v: '' }),
  mixed('m09', { v: '10' }),
  mixed('m10', { v: 'B' }),
  mixed('m11', { v: 'a' }),
  mixed('m12', { v: 'é' }),
  mixed('m13', { v: HALFWIDTH }),
  mixed('m14', { v: ASTRAL }),
  mixed('m15', { v: { x: 1 } }),
  mixed('m16', { v: { x: 2 } }),
  mixed('m17', { v: { w: 9 } }),
  mixed('m18', { v: [] }),
  mixed('m19', { v: [3] }),
  mixed('m20', { v: [1, 20] }),
  mixed('m21', { v: ['b', null] }),
  mixed('m22', { v: false }),
  mixed('m23', { v: true }),
  mixed('m24', { v: {} }),
  mixed('m25', { v: [[1]] }),
];

type FindCase = {
  readonly means: string;
  readonly filter: Filter;
  /** Ids in the order of the answer: by `sort`, then `_id`. */
  readonly ids: string;
  readonly sort?: Sort;
  readonly limit?: number;
};

const people = (
  means: string,
  conditions: Filter,
  ids: string,
  more: Pick<FindCase, 'sort' | 'limit'> = {},
): FindCase => ({
  means: `people: ${means}`,
  filter: { kind: 'person', ...conditions },
  ids,
  ...more,
});
const values = (means: string, condition: unknown, ids: string): FindCase => ({
  means: `values: ${means}`,
  filter: { kind: 'mixed', v: condition },
  ids,
});

const ALL = 'p1 p2 p3 p4 p5 p6 p7 p8';
const NOT_IN_A_LIST = 'm01 m02 m03 m04 m05 m06 m07 m08 m09 m10 m11 m12 m13 m14 m17 m22 m23 m24';

export const FINDS: readonly FindCase[] = [
  // Equality
  people('everything', {}, ALL),
  people('a number', { level: 2 }, 'p2 p3'),
  people('$eq is equality', { level: { $eq: 10 } }, 'p6'),
  people('a fraction', { score: 71.5 }, 'p1'),
  people('zero', { score: 0 }, 'p8'),
  people('a negative number', { level: -1 }, 'p7'),
  people('text minds case', { name: 'ada' }, ''),
  people('text beyond ASCII', { name: 'Zoë' }, 'p8'),
  people('true', { active: true }, 'p1 p3 p5'),
  people('false', { active: false }, 'p2 p4'),
  people('two fields', { area: 'cloud', active: true }, 'p1'),
  people('the id', { _id: 'p3' }, 'p3'),
  people('the position', { _p: '1', level: 1 }, 'p1'),
  people('a field that nobody has', { nothing: 1 }, ''),
  people('text is not the number', { level: '2' }, ''),
  values('number is not text', 10, 'm07'),
  values('text is not number', '10', 'm09'),
  values('0 is not false, "" or null', 0, 'm04'),
  values('empty text', '', 'm08'),
  values('true', true, 'm23'),
  values('false is not 0', false, 'm22'),
  values('text beyond the basic plane', ASTRAL, 'm14'),

  // Null and missing
  people('null is null or missing', { score: null }, 'p4 p5'),
  people('null, with booleans', { active: null }, 'p6 p7 p8'),
  people('null of an object field', { home: null }, 'p5 p6'),
  people('null under scalars, null, missing; not under a list without a gap', { 'home.city': null }, 'p3 p4 p5 p6 p8'),
  people('null under a list whose objects lack the field', { 'home.zip': null }, 'p2 p3 p4 p5 p6 p7 p8'),
  people('null under a list: some object lacks it or has null', { 'items.qty': null }, 'p5 p6 p7'),
  people('null where all have a value', { tags: null }, 'p7'),
  values('null, missing, or a list with null in it', null, 'm01 m02 m21'),
  { means: 'values: null below a field', filter: { kind: 'mixed', 'v.x': null }, ids: NOT_IN_A_LIST },

  // Lists in equality
  people('a list by its item', { tags: 'red' }, 'p1 p2 p4 p5 p8'),
  people('a list as a whole, or inside another', { tags: ['red', 'blue'] }, 'p1 p6 p8'),
  people('a list in another order', { tags: ['blue', 'red'] }, ''),
  people('a list of one is not its item', { tags: ['red'] }, 'p2'),
  people('the empty list', { tags: [] }, 'p3'),
  people('two items of one list', { $and: [{ tags: 'red' }, { tags: 'blue' }] }, 'p1 p4 p8'),
  people('a list of numbers by its item', { items: 2 }, 'p8'),
  people('a list of numbers', { items: [1, 2, 3] }, 'p8'),
  values('an item', 3, 'm19'),
  values('an item among others', 20, 'm20'),
  values('a list', [1, 20], 'm20'),
  values('a list in a list', [1], 'm25'),
  values('a number is not in the list of a list', 1, 'm20'),
  values('the empty list', [], 'm18'),
  values('a list with null', ['b', null], 'm21'),

  // $in
  people('$in numbers', { level: { $in: [0, -1, 99] } }, 'p7 p8'),
  people('$in text', { name: { $in: ['Ada', 'Zoë'] } }, 'p1 p8'),
  people('$in nothing', { level: { $in: [] } }, ''),
  people('$in with null', { area: { $in: ['cloud', null] } }, 'p1 p2 p7 p8'),
  people('$in with true and null', { active: { $in: [true, null] } }, 'p1 p3 p5 p6 p7 p8'),
  people('$in with booleans', { active: { $in: [true, 7, 'x'] } }, 'p1 p3 p5'),
  people('$in with false', { active: { $in: [false, 0] } }, 'p2 p4'),
  people('$in over items', { tags: { $in: ['green', 'x'] } }, 'p4 p6'),
  people('$in on ids', { _id: { $in: ['p8', 'p2', 'm01'] } }, 'p2 p8'),
  people('$in below a field', { 'home.city': { $in: ['Kiel', null] } }, 'p2 p3 p4 p5 p6 p7 p8'),
  values('$in over types', { $in: [2, 'a', true] }, 'm06 m11 m23'),
  values('$in null and 0', { $in: [null, 0] }, 'm01 m02 m04 m21'),
  values('$in 10 and "10"', { $in: ['10', 10] }, 'm07 m09'),

  // Ranges
  people('half-open', { level: { $gte: 2, $lt: 10 } }, 'p2 p3 p4 p5'),
  people('below zero', { level: { $lt: 0 } }, 'p7'),
  people('above', { level: { $gt: 3 } }, 'p6'),
  people('closed, null is in no range', { score: { $gte: 50, $lte: 90 } }, 'p1 p2 p3 p6'),
  people('up to, null is in no range', { score: { $lt: 50 } }, 'p8'),
  people('fractions', { score: { $gt: 71.4999999 } }, 'p1 p3 p7'),
  people('text', { name: { $gte: 'A', $lt: 'F' } }, 'p1 p2 p3 p4 p5'),
  people('text, downwards', { name: { $lt: 'C' } }, 'p1 p2'),
  people('booleans, upwards', { active: { $gte: true } }, 'p1 p3 p5'),
  people('booleans, downwards', { active: { $lte: true } }, 'p1 p2 p3 p4 p5'),
  people('lower case follows upper case', { name: { $gt: 'Z' } }, 'p7 p8'),
  people('any item in the range', { tags: { $gt: 'green' } }, 'p1 p2 p4 p5 p6 p8'),
  people('below a field', { 'home.city': { $gte: 'C' } }, 'p2 p7'),
  people('below a list', { 'items.qty': { $gte: 5 } }, 'p1 p2'),
  people('an empty range', { level: { $gt: 5, $lt: 3 } }, ''),
  people('range and equality on one field', { $and: [{ level: { $gte: 2 } }, { level: 3 }] }, 'p4 p5'),
  values('numbers only', { $gt: 1 }, 'm05 m06 m07 m19 m20'),
  values('numbers only, downwards', { $lte: 0 }, 'm03 m04'),
  values('different items may meet the two sides', { $gt: 1, $lt: 3 }, 'm05 m06 m20'),
  values('text only', { $gte: 'a' }, 'm11 m12 m13 m14 m21'),
  values('text only, downwards', { $lt: 'a' }, 'm08 m09 m10'),
  values('all text', { $gte: '' }, 'm08 m09 m10 m11 m12 m13 m14 m21'),
  values('text by code point, not by UTF-16 unit', { $gt: '\uffff' }, 'm14'),
  values('booleans', { $gt: false }, 'm23'),
  values('booleans only', { $lte: true }, 'm22 m23'),
  { means: 'ids by prefix', filter: { _id: { $gte: 'p', $lt: 'q' } }, ids: ALL },
  { means: 'ids in a range', filter: { _id: { $gte: 'm2', $lt: 'm23' } }, ids: 'm20 m21 m22' },
  { means: 'ids after one', filter: { _id: { $gt: 'p6' } }, ids: 'p7 p8' },
  { means: 'ids up to one', filter: { _id: { $lte: 'm03' } }, ids: 'm01 m02 m03' },

  // $exists
  people('$exists', { score: { $exists: true } }, 'p1 p2 p3 p4 p6 p7 p8'),
  people('$exists: null is there', { active: { $exists: false } }, 'p6 p8'),
  people('$exists of a list', { tags: { $exists: true } }, ALL),
  people('$exists below a field', { 'home.city': { $exists: true } }, 'p1 p2 p3 p7'),
  people('not $exists below a field', { 'home.city': { $exists: false } }, 'p4 p5 p6 p8'),
  people('$exists below a list', { 'items.qty': { $exists: true } }, 'p1 p2 p4 p6'),
  people('not $exists below a list', { 'items.qty': { $exists: false } }, 'p3 p5 p7 p8'),
  people('$exists with a range', { score: { $exists: true, $lt: 60 } }, 'p2 p6 p8'),
  values('not $exists', { $exists: false }, 'm01'),
  { means: 'values: $exists below', filter: { kind: 'mixed', 'v.x': { $exists: true } }, ids: 'm15 m16' },

  // Dotted paths
  people('a path', { 'home.zip': '53111' }, 'p1'),
  people('a path through a list', { 'home.city': 'Bonn' }, 'p1 p7'),
  people('a path through a list of objects', { 'items.sku': 'b' }, 'p1 p4 p5'),
  people(
    'two paths may meet in different items',
    { $and: [{ 'items.sku': 'b' }, { 'items.qty': { $gte: 2 } }] },
    'p1 p4',
  ),
  people('a path below text', { 'name.first': 'Ada' }, ''),
  people('a name of every object', { constructor: null, level: 1 }, 'p1'),
  { means: 'values: a path', filter: { kind: 'mixed', 'v.x': 1 }, ids: 'm15' },
  { means: 'values: a range below', filter: { kind: 'mixed', 'v.x': { $gt: 1 } }, ids: 'm16' },

  // $elemMatch
  people('$elemMatch: one item meets all', { items: { $elemMatch: { sku: 'b', qty: { $gte: 3 } } } }, 'p1'),
  people('$elemMatch with another order of conditions', { items: { $elemMatch: { qty: { $lt: 5 }, sku: 'a' } } }, 'p1'),
  people('$elemMatch null', { items: { $elemMatch: { qty: null } } }, 'p5 p6'),
  people('$elemMatch not $exists', { items: { $elemMatch: { qty: { $exists: false } } } }, 'p5'),
  people('$elemMatch with $or', { items: { $elemMatch: { $or: [{ sku: 'c' }, { qty: 7 }] } } }, 'p2 p4'),
  people('$elemMatch of scalars', { items: { $elemMatch: { $gte: 3 } } }, 'p8'),
  people('$elemMatch takes lists only', { tags: { $elemMatch: { $eq: 'red' } } }, 'p1 p2 p4 p8'),
  people('$elemMatch $in', { tags: { $elemMatch: { $in: ['green', 'x'] } } }, 'p4 p6'),
  people('$elemMatch of a list in a list', { tags: { $elemMatch: { $eq: ['red', 'blue'] } } }, 'p6'),
  values('$elemMatch: the same item', { $elemMatch: { $gt: 1, $lt: 3 } }, ''),
  values('$elemMatch: some item', { $elemMatch: { $gte: 3 } }, 'm19 m20'),
  values('$elemMatch null is a null in it', { $elemMatch: { $eq: null } }, 'm21'),
  values('$elemMatch does not look into lists of lists', { $elemMatch: { $eq: 1 } }, 'm20'),

  // $and, $or
  people('$or', { $or: [{ level: 1 }, { score: 50 }] }, 'p1 p2 p6'),
  people('$or with $and', { $or: [{ $and: [{ area: 'cloud' }, { active: true }] }, { level: { $gt: 5 } }] }, 'p1 p6'),
  people('$or beside a field', { area: 'data', $or: [{ score: 90 }, { score: null }] }, 'p3 p4'),
  people('$and of one field', { $and: [{ level: { $gt: 0 } }, { level: { $lt: 3 } }] }, 'p1 p2 p3'),
  people(
    '$and of $or',
    { $and: [{ $or: [{ area: 'cloud' }, { area: 'data' }] }, { $or: [{ level: 2 }, { active: false }] }] },
    'p2 p3 p4',
  ),
  people('$or of one', { $or: [{ level: 10 }] }, 'p6'),

  // Order
  people('by number', {}, 'p7 p8 p1 p2 p3 p4 p5 p6', { sort: [['level', 1]] }),
  people('by number, down', {}, 'p6 p4 p5 p2 p3 p1 p8 p7', { sort: [['level', -1]] }),
  people('null and missing are one place', {}, 'p4 p5 p8 p2 p6 p1 p3 p7', { sort: [['score', 1]] }),
  people('null and missing last, down', {}, 'p7 p3 p1 p2 p6 p8 p4 p5', { sort: [['score', -1]] }),
  people('by text', {}, 'p1 p2 p3 p4 p5 p6 p8 p7', { sort: [['name', 1]] }),
  people('by booleans', {}, 'p6 p7 p8 p2 p4 p1 p3 p5', { sort: [['active', 1]] }),
  people('by two fields', {}, 'p7 p2 p1 p8 p4 p3 p6 p5', {
    sort: [
      ['area', 1],
      ['level', -1],
    ],
  }),
  people('by the least item of a list below', {}, 'p3 p4 p5 p6 p8 p1 p7 p2', { sort: [['home.city', 1]] }),
  people('by the greatest item of a list below, down', {}, 'p2 p7 p1 p3 p4 p5 p6 p8', { sort: [['home.city', -1]] }),
  people('by id, down', {}, 'p8 p7 p6 p5 p4 p3 p2 p1', { sort: [['_id', -1]] }),
  people('by a field and the id, down', { level: { $in: [2, 3] } }, 'p3 p2 p5 p4', {
    sort: [
      ['level', 1],
      ['_id', -1],
    ],
  }),
  people('the first three', {}, 'p7 p8 p1', { sort: [['level', 1]], limit: 3 }),
  people('the first two of a filter', { area: 'cloud' }, 'p2 p1', { sort: [['level', -1]], limit: 2 }),
  {
    means: 'values: types in order',
    filter: { kind: 'mixed' },
    sort: [['v', 1]],
    ids: 'm18 m01 m02 m21 m03 m04 m20 m05 m06 m19 m07 m08 m09 m10 m11 m12 m13 m14 m24 m17 m15 m16 m25 m22 m23',
  },
  {
    means: 'values: types in order, down',
    filter: { kind: 'mixed' },
    sort: [['v', -1]],
    ids: 'm23 m22 m25 m16 m15 m17 m24 m14 m13 m12 m21 m11 m10 m09 m08 m20 m07 m19 m06 m05 m04 m03 m01 m02 m18',
  },
];

type AggregateCase = {
  readonly means: string;
  readonly pipeline: readonly Document[];
  readonly rows: readonly Document[];
  /** True if the pipeline leaves the order open. */
  readonly anyOrder?: true;
};

const PERSONS = { $match: { kind: 'person' } };
const MIXED = { $match: { kind: 'mixed' } };
const byId = { $sort: { _id: 1 } };

export const AGGREGATES: readonly AggregateCase[] = [
  {
    means: 'count',
    pipeline: [PERSONS, { $group: { _id: null, n: { $sum: 1 } } }],
    rows: [{ _id: null, n: 8 }],
  },
  {
    means: 'no match, no group',
    pipeline: [{ $match: { kind: 'no' } }, { $group: { _id: null, n: { $sum: 1 } } }],
    rows: [],
  },
  {
    means: 'count by a field',
    pipeline: [PERSONS, { $group: { _id: '$area', n: { $sum: 1 } } }, byId],
    rows: [
      { _id: null, n: 1 },
      { _id: 'cloud', n: 3 },
      { _id: 'data', n: 2 },
      { _id: 'security', n: 2 },
    ],
  },
  {
    means: 'without a sort',
    anyOrder: true,
    pipeline: [PERSONS, { $group: { _id: '$area', n: { $sum: 1 } } }],
    rows: [
      { _id: 'security', n: 2 },
      { _id: null, n: 1 },
      { _id: 'cloud', n: 3 },
      { _id: 'data', n: 2 },
    ],
  },
  {
    means: 'null and missing are one group',
    pipeline: [PERSONS, { $group: { _id: '$active', n: { $sum: 1 } } }, byId],
    rows: [
      { _id: null, n: 3 },
      { _id: false, n: 2 },
      { _id: true, n: 3 },
    ],
  },
  {
    means: 'sum, min and max pass over null and missing',
    pipeline: [
      PERSONS,
      { $group: { _id: '$area', sum: { $sum: '$score' }, min: { $min: '$score' }, max: { $max: '$score' } } },
      byId,
    ],
    rows: [
      { _id: null, sum: 100, min: 100, max: 100 },
      { _id: 'cloud', sum: 121.5, min: 0, max: 71.5 },
      { _id: 'data', sum: 90, min: 90, max: 90 },
      { _id: 'security', sum: 50, min: 50, max: 50 },
    ],
  },
  {
    means: 'min and max of nothing are null, the sum is 0',
    pipeline: [
      { $match: { _id: 'p5' } },
      { $group: { _id: null, sum: { $sum: '$score' }, min: { $min: '$score' }, max: { $max: '$none' } } },
    ],
    rows: [{ _id: null, sum: 0, min: null, max: null }],
  },
  {
    means: 'a sum of fractions keeps its rounding error apart',
    pipeline: [PERSONS, { $group: { _id: null, sum: { $sum: '$tenth' } } }],
    rows: [{ _id: null, sum: 0.8 }],
  },
  {
    means: 'a sum passes over text and lists',
    pipeline: [PERSONS, { $group: { _id: null, sum: { $sum: '$tags' }, level: { $sum: '$level' } } }],
    rows: [{ _id: null, sum: 0, level: 20 }],
  },
  {
    means: 'min and max over types',
    pipeline: [MIXED, { $group: { _id: null, min: { $min: '$v' }, max: { $max: '$v' } } }],
    rows: [{ _id: null, min: -5, max: true }],
  },
  {
    means: 'by several fields; a missing one stays away',
    pipeline: [
      { $match: { kind: 'person', level: { $in: [3, 10, -1] } } },
      { $group: { _id: { area: '$area', active: '$active' }, first: { $min: '$name' } } },
      { $sort: { first: 1 } },
    ],
    rows: [
      { _id: { area: 'data', active: false }, first: 'Dee' },
      { _id: { area: 'security', active: true }, first: 'Eva' },
      { _id: { area: 'security' }, first: 'Fay' },
      { _id: { area: null, active: null }, first: 'gil' },
    ],
  },
  {
    means: 'groups by an object of one field take missing for null',
    anyOrder: true,
    pipeline: [PERSONS, { $group: { _id: { score: '$score' }, n: { $sum: 1 } } }, { $match: { n: 2 } }],
    rows: [
      { _id: { score: 50 }, n: 2 },
      { _id: { score: null }, n: 2 },
    ],
  },
  {
    means: 'by an expression',
    pipeline: [PERSONS, { $group: { _id: { $gte: ['$level', 2] }, n: { $sum: 1 } } }, byId],
    rows: [
      { _id: false, n: 3 },
      { _id: true, n: 5 },
    ],
  },
  {
    means: 'a sum of an expression',
    pipeline: [PERSONS, { $group: { _id: null, high: { $sum: { $cond: [{ $gte: ['$score', 50] }, 1, 0] } } } }],
    rows: [{ _id: null, high: 5 }],
  },
  {
    means: 'push in order',
    pipeline: [PERSONS, { $sort: { name: 1 } }, { $group: { _id: '$area', names: { $push: '$name' } } }, byId],
    rows: [
      { _id: null, names: ['gil'] },
      { _id: 'cloud', names: ['Ada', 'Ben', 'Zoë'] },
      { _id: 'data', names: ['Cem', 'Dee'] },
      { _id: 'security', names: ['Eva', 'Fay'] },
    ],
  },
  {
    means: 'push leaves out the missing, keeps null',
    pipeline: [
      { $match: { kind: 'person', area: { $in: ['data', 'security'] } } },
      { $sort: { _id: 1 } },
      { $group: { _id: '$area', scores: { $push: '$score' } } },
      byId,
    ],
    rows: [
      { _id: 'data', scores: [90, null] },
      { _id: 'security', scores: [50] },
    ],
  },
  {
    means: 'first and last after a sort; a missing one is null',
    pipeline: [
      { $match: { kind: 'person', area: 'security' } },
      { $sort: { level: 1 } },
      { $group: { _id: '$area', first: { $first: '$name' }, last: { $last: '$name' }, score: { $first: '$score' } } },
    ],
    rows: [{ _id: 'security', first: 'Eva', last: 'Fay', score: null }],
  },
  {
    means: 'unwind: lists give their items, scalars themselves, the rest nothing',
    pipeline: [
      { $match: { kind: 'person', level: { $lt: 10 } } },
      { $unwind: '$tags' },
      { $group: { _id: '$tags', n: { $sum: 1 } } },
      byId,
    ],
    rows: [
      { _id: 'blue', n: 3 },
      { _id: 'green', n: 1 },
      { _id: 'red', n: 5 },
    ],
  },
  {
    means: 'unwind objects',
    pipeline: [
      { $match: { kind: 'person', level: { $gte: 1 } } },
      { $unwind: { path: '$items' } },
      { $group: { _id: '$items.sku', qty: { $sum: '$items.qty' }, n: { $sum: 1 } } },
      byId,
    ],
    rows: [
      { _id: 'a', qty: 8, n: 3 },
      { _id: 'b', qty: 7, n: 3 },
      { _id: 'c', qty: 2, n: 1 },
      { _id: 'd', qty: 3, n: 1 },
    ],
  },
  {
    means: 'unwind keeps the other fields',
    pipeline: [
      { $match: { _id: 'p1' } },
      { $unwind: '$items' },
      { $project: { _id: 0, name: 1, sku: '$items.sku' } },
      { $sort: { sku: -1 } },
    ],
    rows: [
      { name: 'Ada', sku: 'b' },
      { name: 'Ada', sku: 'a' },
    ],
  },
  {
    means: 'project keeps, computes and leaves out',
    pipeline: [
      { $match: { _id: 'p2' } },
      { $project: { name: 1, twice: { $multiply: ['$level', 2] }, city: '$home.city', none: '$none' } },
    ],
    rows: [{ _id: 'p2', name: 'Ben', twice: 4, city: 'Kiel' }],
  },
  {
    means: 'project without the id; text without $ is itself',
    pipeline: [{ $match: { _id: 'p2' } }, { $project: { _id: 0, level: true, kind: 'learner' } }],
    rows: [{ level: 2, kind: 'learner' }],
  },
  {
    means: 'arithmetic',
    pipeline: [
      { $match: { _id: 'p1' } },
      {
        $project: {
          _id: 0,
          sum: { $add: ['$score', '$level', 0.5] },
          less: { $subtract: ['$score', 0.5] },
          share: { $divide: ['$score', 2] },
          both: { $multiply: [{ $add: ['$level', 1] }, 3] },
        },
      },
    ],
    rows: [{ sum: 73, less: 71, share: 35.75, both: 6 }],
  },
  {
    means: 'arithmetic with null or missing is null',
    pipeline: [{ $match: { _id: { $in: ['p4', 'p5'] } } }, { $project: { sum: { $add: ['$level', '$score'] } } }, byId],
    rows: [
      { _id: 'p4', sum: null },
      { _id: 'p5', sum: null },
    ],
  },
  {
    means: 'comparisons tell missing from null',
    pipeline: [
      { $match: { _id: { $in: ['p3', 'p4', 'p5'] } } },
      {
        $project: {
          isNull: { $eq: ['$score', null] },
          less: { $lt: ['$score', null] },
          other: { $ne: ['$score', 90] },
        },
      },
      byId,
    ],
    rows: [
      { _id: 'p3', isNull: false, less: false, other: false },
      { _id: 'p4', isNull: true, less: false, other: true },
      { _id: 'p5', isNull: false, less: true, other: true },
    ],
  },
  {
    means: 'comparisons order types',
    pipeline: [
      { $match: { _id: { $in: ['m02', 'm07', 'm09', 'm15', 'm19', 'm23'] } } },
      { $project: { above: { $gt: ['$v', 5] } } },
      byId,
    ],
    rows: [
      { _id: 'm02', above: false },
      { _id: 'm07', above: true },
      { _id: 'm09', above: true },
      { _id: 'm15', above: true },
      { _id: 'm19', above: true },
      { _id: 'm23', above: true },
    ],
  },
  {
    means: '$cond: null, missing, false and 0 do not hold; all else does',
    pipeline: [
      { $match: { _id: { $in: ['m01', 'm02', 'm04', 'm08', 'm18', 'm22', 'm23'] } } },
      { $project: { holds: { $cond: { if: '$v', then: 'yes', else: 'no' } } } },
      byId,
    ],
    rows: [
      { _id: 'm01', holds: 'no' },
      { _id: 'm02', holds: 'no' },
      { _id: 'm04', holds: 'no' },
      { _id: 'm08', holds: 'yes' },
      { _id: 'm18', holds: 'yes' },
      { _id: 'm22', holds: 'no' },
      { _id: 'm23', holds: 'yes' },
    ],
  },
  {
    means: 'a path through a list gives a list',
    pipeline: [
      { $match: { _id: { $in: ['p1', 'p3', 'p5', 'p7', 'p8'] } } },
      { $project: { skus: '$items.sku', qty: '$items.qty' } },
      byId,
    ],
    rows: [
      { _id: 'p1', skus: ['a', 'b'], qty: [1, 5] },
      { _id: 'p3', skus: [], qty: [] },
      { _id: 'p5', skus: ['b'], qty: [] },
      { _id: 'p7' },
      { _id: 'p8', skus: [], qty: [] },
    ],
  },
  {
    means: 'an average from a sum and a count',
    pipeline: [
      { $match: { kind: 'person', score: { $gte: 0 } } },
      { $group: { _id: '$area', sum: { $sum: '$score' }, n: { $sum: 1 } } },
      { $project: { mean: { $divide: ['$sum', '$n'] } } },
      { $sort: { mean: -1 } },
      { $limit: 2 },
    ],
    rows: [
      { _id: null, mean: 100 },
      { _id: 'data', mean: 90 },
    ],
  },
  {
    means: 'match after group',
    pipeline: [PERSONS, { $group: { _id: '$area', n: { $sum: 1 } } }, { $match: { n: { $gt: 2 } } }],
    rows: [{ _id: 'cloud', n: 3 }],
  },
  {
    means: 'sort by several fields, null and missing first',
    pipeline: [PERSONS, { $sort: { score: 1, level: -1, _id: 1 } }, { $project: { _id: 1 } }],
    rows: ['p4', 'p5', 'p8', 'p6', 'p2', 'p1', 'p3', 'p7'].map((_id) => ({ _id })),
  },
  {
    means: 'sort by objects',
    pipeline: [MIXED, { $match: { 'v.x': { $exists: true } } }, { $sort: { v: -1 } }, { $project: { v: 1, _id: 0 } }],
    rows: [{ v: { x: 2 } }, { v: { x: 1 } }],
  },
  {
    means: 'groups of the same text and number are apart',
    pipeline: [{ $match: { _id: { $in: ['m07', 'm09'] } } }, { $group: { _id: '$v', n: { $sum: 1 } } }, byId],
    rows: [
      { _id: 10, n: 1 },
      { _id: '10', n: 1 },
    ],
  },
  {
    means: 'groups by objects and lists',
    anyOrder: true,
    pipeline: [{ $match: { _id: { $in: ['p1', 'p6', 'p8'] } } }, { $group: { _id: '$tags', n: { $sum: 1 } } }],
    rows: [
      { _id: ['red', 'blue'], n: 2 },
      { _id: [['red', 'blue'], 'x'], n: 1 },
    ],
  },
];

/** Queries that are refused, with the operator that the refusal names. */
export const REFUSED_FILTERS: readonly (readonly [operator: string, filter: Filter])[] = [
  ['$ne', { level: { $ne: 1 } }],
  ['$nin', { level: { $nin: [1] } }],
  ['$not', { level: { $not: { $gt: 1 } } }],
  ['$nor', { $nor: [{ level: 1 }] }],
  ['$regex', { name: { $regex: '^A' } }],
  ['$where', { $where: 'true' }],
  ['$expr', { $expr: { $gt: ['$a', '$b'] } }],
  ['$text', { $text: { $search: 'x' } }],
  ['$jsonSchema', { $jsonSchema: {} }],
  ['$type', { level: { $type: 'int' } }],
  ['$size', { tags: { $size: 2 } }],
  ['$all', { tags: { $all: ['red'] } }],
  ['$mod', { level: { $mod: [2, 0] } }],
  ['$near', { home: { $near: [1, 2] } }],
  ['$gte', { level: { $gte: null } }],
  ['$gt', { level: { $gt: [1] } }],
  ['$lt', { level: { $lt: { a: 1 } } }],
  ['$lte', { level: { $lte: new Date(0) } }],
  ['$in', { level: { $in: 1 } }],
  ['$in', { level: { $in: [[1]] } }],
  ['$in', { level: { $in: [/a/] } }],
  ['$eq', { home: { city: 'Bonn' } }],
  ['$eq', { home: {} }],
  ['$eq', { home: { $eq: { city: 'Bonn' } } }],
  ['$eq', { tags: [{ a: 1 }] }],
  ['$eq', { name: /^A/ }],
  ['$eq', { level: 10n }],
  ['$eq', { level: Number.NaN }],
  ['$eq', { level: 2 ** 53 }],
  ['$eq', { name: '\ud800' }],
  ['undefined', { level: undefined }],
  ['undefined', { level: { $gt: undefined } }],
  ['$exists', { level: { $exists: 1 } }],
  ['$elemMatch', { items: { $elemMatch: {} } }],
  ['$ne', { items: { $elemMatch: { $ne: 1 } } }],
  ['$regex', { items: { $elemMatch: { sku: { $regex: 'a' } } } }],
  ['$and', { $and: [] }],
  ['$or', { $or: { level: 1 } }],
  ['sku', { items: { $elemMatch: { $gt: 1, sku: 'a' } } }],
  ['items.0', { 'items.0': 1 }],
  ['a..b', { 'a..b': 1 }],
  ['a.$b', { 'a.$b': 1 }],
  ['__proto__.x', { '__proto__.x': 1 }],
];

export const REFUSED_PIPELINES: readonly (readonly [operator: string, pipeline: readonly unknown[]])[] = [
  ['pipeline', []],
  ['stage', [{}]],
  ['stage', [{ $match: {}, $limit: 1 }]],
  ['$lookup', [{ $lookup: { from: 'x' } }]],
  ['$facet', [{ $facet: {} }]],
  ['$merge', [{ $merge: 'x' }]],
  ['$out', [{ $out: 'x' }]],
  ['$setWindowFields', [{ $setWindowFields: {} }]],
  ['$skip', [{ $skip: 5 }]],
  ['$count', [{ $count: 'n' }]],
  ['$addFields', [{ $addFields: { a: 1 } }]],
  ['$regex', [{ $match: { name: { $regex: 'A' } } }]],
  ['$avg', [{ $group: { _id: null, a: { $avg: '$x' } } }]],
  ['$median', [{ $group: { _id: null, a: { $median: '$x' } } }]],
  ['$percentile', [{ $group: { _id: null, a: { $percentile: '$x' } } }]],
  ['$addToSet', [{ $group: { _id: null, a: { $addToSet: '$x' } } }]],
  ['$first', [{ $group: { _id: null, a: { $first: '$x' } } }]],
  ['$last', [{ $sort: { a: 1 } }, { $group: { _id: '$a' } }, { $group: { _id: null, a: { $last: '$x' } } }]],
  ['$group', [{ $group: { n: { $sum: 1 } } }]],
  ['$group', [{ $group: { _id: null, n: 1 } }]],
  ['$dateToString', [{ $project: { a: { $dateToString: { date: '$x' } } } }]],
  ['$ifNull', [{ $project: { a: { $ifNull: ['$x', 0] } } }]],
  ['$subtract', [{ $project: { a: { $subtract: [1] } } }]],
  ['$cond', [{ $project: { a: { $cond: { if: true, then: 1 } } } }]],
  ['$cond', [{ $project: { a: { $cond: [true, 1] } } }]],
  ['$project', [{ $project: { a: 0 } }]],
  ['$project', [{ $project: { _id: 0 } }]],
  ['$project', [{ $project: { a: 5 } }]],
  ['a.b', [{ $project: { 'a.b': 1 } }]],
  ['$$ROOT', [{ $project: { a: '$$ROOT' } }]],
  ['object', [{ $project: { a: { b: '$c' } } }]],
  ['$sort', [{ $sort: {} }]],
  ['$sort', [{ $sort: { a: 'asc' } }]],
  ['$limit', [{ $limit: 0 }]],
  ['$unwind', [{ $unwind: 'tags' }]],
  ['$unwind', [{ $unwind: { path: '$tags', preserveNullAndEmptyArrays: true } }]],
];

export const REFUSED_DOCUMENTS: readonly (readonly [operator: string, fields: { readonly [key: string]: unknown }])[] =
  [
    ['$set', { $set: { a: 1 } }],
    ['a.b', { 'a.b': 1 }],
    ['', { '': 1 }],
    ['$x', { a: [{ b: { $x: 1 } }] }],
    ['_bsontype', { a: [{ _bsontype: 'Long', low: 1, high: 0, unsigned: false }] }],
    ['_bsontype', { _bsontype: 'no type at all' }],
    ['value', { a: new Date(0) }],
    ['value', { a: 10n }],
    ['value', { a: Number.NaN }],
    ['value', { a: Number.POSITIVE_INFINITY }],
    ['value', { a: 2 ** 53 }],
    ['value', { a: [{ b: new Map() }] }],
    ['value', { a: () => 1 }],
    ['value', { a: 'half \ud83d' }],
    ['value', { a: new Uint8Array(1) }],
    ['undefined', { a: [1, undefined] }],
  ];
