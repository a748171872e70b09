// The suite that every read-model adapter passes: what the port promises, and no more than a cluster can keep.
import type { Document, IndexDefinition } from '@cairn/kernel';
import { IndexRefused, QueryRefused, type Filter, type ReadModel, type Sort, type StoredDocument } from '../port.js';
import { MAX_FIND_LIMIT, totalSort } from '../query-subset.js';
import { itWithout, type Gap } from './known-gaps.js';
import { AGGREGATES, DOCUMENTS, FINDS, REFUSED_DOCUMENTS, REFUSED_FILTERS, REFUSED_PIPELINES } from './query-corpus.js';

export type ContractOptions = {
  /** Milliseconds since 1970: the clock that leases go by. */
  readonly now: () => number;
  /** Documents that a query without an index may look at. */
  readonly scanLimit: number;
};

const doc = (_id: string, _p: string, fields: Document = {}): StoredDocument => ({ _id, _p, ...fields });
const ids = (documents: readonly { readonly _id?: unknown }[]): string => documents.map(({ _id }) => _id).join(' ');

async function refusal(promise: Promise<unknown>): Promise<QueryRefused> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(QueryRefused);
  return error as QueryRefused;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/**
 * Registers the suite for one adapter. `open` gives a fresh, empty read model each time; the suite closes it. `gaps`:
 * what the server under an adapter is known to do otherwise than MongoDB.
 */
export function readModelContract(
  name: string,
  open: (options: ContractOptions) => Promise<ReadModel>,
  gaps: readonly Gap[] = [],
): void {
  const it = itWithout(gaps);
  describe(`${name} keeps the read model's contract`, () => {
    let time = Date.parse('2026-03-10T09:00:00.000Z');
    const instant = (offsetMs = 0): string => new Date(time + offsetMs).toISOString();
    let model: ReadModel;
    const opened: ReadModel[] = [];
    const fresh = async (scanLimit = 1000): Promise<ReadModel> => {
      const one = await open({ now: () => time, scanLimit });
      opened.push(one);
      return one;
    };

    beforeEach(async () => {
      model = await fresh();
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((one) => one.close()));
    });

    const write = (id: string, expected: string | null, next: StoredDocument | null) =>
      model.writeGuarded('things', [{ id, expected, next }]);
    const stored = async (id: string): Promise<StoredDocument | undefined> => (await model.load('things', [id]))[0];

    describe('guarded writes', () => {
      beforeEach(() => model.ensureCollection('things', []));

      it('inserts a document that is expected to be absent', async () => {
        expect(await write('a', null, doc('a', '1', { n: 1 }))).toEqual(['done']);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '1', n: 1 });
      });
      it('does not insert over a document', async () => {
        await write('a', null, doc('a', '1', { n: 1 }));
        expect(await write('a', null, doc('a', '2', { n: 2 }))).toEqual(['lost']);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '1', n: 1 });
      });
      it('replaces the whole document at the expected position', async () => {
        await write('a', null, doc('a', '1', { n: 1, old: true }));
        expect(await write('a', '1', doc('a', '2', { n: 2 }))).toEqual(['done']);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '2', n: 2 });
      });
      it('does not replace at another position', async () => {
        await write('a', null, doc('a', '2'));
        expect(await write('a', '1', doc('a', '3'))).toEqual(['lost']);
        expect(await write('a', '3', doc('a', '4'))).toEqual(['lost']);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '2' });
      });
      it('does not replace what is absent', async () => {
        expect(await write('a', '1', doc('a', '2'))).toEqual(['lost']);
        expect(await stored('a')).toBeUndefined();
      });
      it('deletes at the expected position only', async () => {
        await write('a', null, doc('a', '1'));
        expect(await write('a', '0', null)).toEqual(['lost']);
        expect(await stored('a')).toBeDefined();
        expect(await write('a', '1', null)).toEqual(['done']);
        expect(await stored('a')).toBeUndefined();
        expect(await write('a', '1', null)).toEqual(['lost']);
      });
      it('may be repeated: the second time is lost and harmless', async () => {
        await write('a', null, doc('a', '1'));
        expect(await write('a', '1', doc('a', '2', { n: 1 }))).toEqual(['done']);
        expect(await write('a', '1', doc('a', '2', { n: 1 }))).toEqual(['lost']);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '2', n: 1 });
      });
      it('answers for each item of a bulk, in order, and lets each stand alone', async () => {
        await model.writeGuarded('things', [
          { id: 'a', expected: null, next: doc('a', '1') },
          { id: 'b', expected: null, next: doc('b', '1') },
          { id: 'c', expected: null, next: doc('c', '1') },
        ]);
        const outcomes = await model.writeGuarded('things', [
          { id: 'a', expected: '1', next: doc('a', '2') },
          { id: 'b', expected: null, next: doc('b', '2') },
          { id: 'd', expected: null, next: doc('d', '2') },
          { id: 'c', expected: '1', next: null },
          { id: 'e', expected: '1', next: null },
          { id: 'f', expected: '7', next: doc('f', '8') },
        ]);
        expect(outcomes).toEqual(['done', 'lost', 'done', 'done', 'lost', 'lost']);
        expect(ids(await collect(model.scan('things')))).toBe('a b d');
        expect((await collect(model.scan('things'))).map(({ _p }) => _p)).toEqual(['2', '1', '2']);
      });
      it('takes a bulk of a thousand documents', async () => {
        const writes = Array.from({ length: 1000 }, (_, i) => {
          const id = `id-${String(i).padStart(4, '0')}`;
          return { id, expected: null, next: doc(id, '1', { i, text: 'x'.repeat(200) }) };
        });
        expect(new Set(await model.writeGuarded('things', writes))).toEqual(new Set(['done']));
        expect(
          (
            await model.load(
              'things',
              writes.map(({ id }) => id),
            )
          ).length,
        ).toBe(1000);
      });
      it('has nothing to say to an empty bulk', async () => {
        expect(await model.writeGuarded('things', [])).toEqual([]);
      });
      it('lets exactly one of many concurrent writers win', async () => {
        await write('a', null, doc('a', '1'));
        const outcomes = await Promise.all(
          Array.from({ length: 64 }, (_, i) => write('a', '1', doc('a', '2', { writer: i }))),
        );
        const winners = outcomes.flatMap(([outcome], i) => (outcome === 'done' ? [i] : []));
        expect(winners).toHaveLength(1);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '2', writer: winners[0] });
      });
      it('loses no increment when losers reload and try again', async () => {
        await write('a', null, doc('a', '0', { n: 0 }));
        const increment = async (): Promise<void> => {
          for (;;) {
            const current = (await stored('a')) as StoredDocument;
            const n = (current['n'] as number) + 1;
            const [outcome] = await write('a', current._p, doc('a', String(n), { n }));
            if (outcome === 'done') return;
          }
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        expect(await stored('a')).toEqual({ _id: 'a', _p: '20', n: 20 });
      });
      it('keeps values exactly', async () => {
        const fields: Document = {
          numbers: [
            0,
            -1,
            1.5,
            0.1,
            1e-7,
            1.7976931348623157e308 * 0.5,
            Number.MAX_SAFE_INTEGER,
            -Number.MAX_SAFE_INTEGER,
          ],
          texts: ['', 'é', '\u{1f600}', '\u0000', '"quoted"', 'line\nbreak', '$sign', 'a.b', '\u2028'],
          truths: [true, false, null],
          empty: { list: [], object: {} },
          position: '00000000000000000042',
          nested: { a: { b: { c: [[{ d: 1 }]] } } },
          ['with space']: 1,
          constructor: 'x',
        };
        // The half of the largest number is a whole number beyond 2^53.
        (fields['numbers'] as number[])[5] = 1.1e-300;
        await write('a', null, doc('a', '1', fields));
        expect(await stored('a')).toEqual({ _id: 'a', _p: '1', ...fields });
      });
      it('leaves out undefined members', async () => {
        await write('a', null, doc('a', '1', { gone: undefined, nested: { gone: undefined, here: 1 } }));
        expect(Object.keys((await stored('a')) as object).toSorted()).toEqual(['_id', '_p', 'nested']);
      });
      it('does not share the document with the writer', async () => {
        const list = [1];
        await write('a', null, doc('a', '1', { list }));
        list.push(2);
        expect(await stored('a')).toEqual({ _id: 'a', _p: '1', list: [1] });
      });
      it.each(REFUSED_DOCUMENTS.map(([operator, fields]) => ({ operator, fields })))(
        'refuses a document with "$operator"',
        async ({ operator, fields }) => {
          const good = { id: 'good', expected: null, next: doc('good', '1') };
          const bad = { id: 'bad', expected: null, next: { _id: 'bad', _p: '1', ...fields } as StoredDocument };
          expect((await refusal(model.writeGuarded('things', [good, bad]))).operator).toBe(operator);
          expect(await model.load('things', ['good', 'bad'])).toEqual([]);
        },
      );
      it('refuses documents without a text as position or id', async () => {
        await refusal(write('a', null, { _id: 'a' } as unknown as StoredDocument));
        await refusal(write('a', null, { _id: 'a', _p: 1 } as unknown as StoredDocument));
        await refusal(write('', null, doc('', '1')));
        await refusal(write('x'.repeat(1025), null, doc('x'.repeat(1025), '1')));
      });
      it('refuses a bulk that names a document twice, or another than it holds, or nothing to do', async () => {
        const item = { id: 'a', expected: null, next: doc('a', '1') };
        await expect(model.writeGuarded('things', [item, item])).rejects.toThrow(/"a" is twice in one bulk/);
        await expect(write('a', null, doc('b', '1'))).rejects.toThrow(/"a" holds the document "b"/);
        await expect(write('a', null, null)).rejects.toThrow(/expects no document and leaves none/);
        expect(await model.load('things', ['a', 'b'])).toEqual([]);
      });
      it('refuses a document that is too large for every store', async () => {
        const text = 'x'.repeat(1024 * 1024);
        await refusal(write('a', null, doc('a', '1', { parts: Array.from({ length: 16 }, () => text) })));
        expect(await stored('a')).toBeUndefined();
      });
    });

    describe('collections', () => {
      it('are listed, dropped and made again, empty', async () => {
        await model.ensureCollection('progress__v2', []);
        await model.ensureCollection('catalog__v1', []);
        await model.ensureCollection('catalog__v1', []);
        expect(await model.collections()).toEqual(['catalog__v1', 'progress__v2']);
        await model.writeGuarded('catalog__v1', [{ id: 'a', expected: null, next: doc('a', '1') }]);
        await model.dropCollection('catalog__v1');
        expect(await model.collections()).toEqual(['progress__v2']);
        await model.ensureCollection('catalog__v1', []);
        expect(await model.load('catalog__v1', ['a'])).toEqual([]);
      });
      it('that do not exist read as empty and drop without a word', async () => {
        expect(await model.load('none', ['a'])).toEqual([]);
        expect(await model.find('none', {}, { limit: 1 })).toEqual([]);
        expect(await model.aggregate('none', [{ $match: {} }])).toEqual([]);
        expect(await collect(model.scan('none'))).toEqual([]);
        await model.dropCollection('none');
      });
      it('that do not exist are not written to', async () => {
        const item = { id: 'a', expected: null, next: doc('a', '1') };
        await expect(model.writeGuarded('none', [item])).rejects.toThrow(
          /"none" does not exist: call ensureCollection/,
        );
        await model.ensureCollection('once', []);
        await model.dropCollection('once');
        await expect(model.writeGuarded('once', [item])).rejects.toThrow(/"once" does not exist/);
      });
      it('do not see each other', async () => {
        await model.ensureCollection('one', []);
        await model.ensureCollection('two', []);
        await model.writeGuarded('one', [{ id: 'a', expected: null, next: doc('a', '1') }]);
        expect(await model.load('two', ['a'])).toEqual([]);
      });
      it.each(['', 'a b', '$cmd', 'a.b', '1a', 'x"; DROP TABLE y', 'a'.repeat(101)])(
        'have plain names, not %j',
        async (bad) => {
          await expect(model.ensureCollection(bad, [])).rejects.toThrow(RangeError);
        },
      );
    });

    describe('load and scan', () => {
      beforeEach(() => model.ensureCollection('things', []));

      it('loads each document once and leaves out what is absent', async () => {
        await write('a', null, doc('a', '1'));
        await write('b', null, doc('b', '1'));
        const found = await model.load('things', ['b', 'x', 'a', 'b']);
        expect(found.map(({ _id }) => _id).toSorted()).toEqual(['a', 'b']);
        expect(await model.load('things', [])).toEqual([]);
      });
      it('scans everything in the order of ids, by code points, over more than a page', async () => {
        const names = [...Array.from({ length: 2100 }, (_, i) => `k${i}`), '\uffee', '\u{1f600}', 'Z', 'é'];
        for (let i = 0; i < names.length; i += 500)
          await model.writeGuarded(
            'things',
            names.slice(i, i + 500).map((id) => ({ id, expected: null, next: doc(id, '1') })),
          );
        const seen = (await collect(model.scan('things'))).map(({ _id }) => _id);
        const byBytes = [...names].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(seen).toEqual(byBytes);
      });
      it('may be left in the middle of a scan', async () => {
        await write('a', null, doc('a', '1'));
        await write('b', null, doc('b', '1'));
        for await (const first of model.scan('things')) {
          expect(first._id).toBe('a');
          break;
        }
        expect(await write('a', '1', null)).toEqual(['done']);
      });
    });

    describe.each([
      { indexed: 'without indexes', indexes: [] },
      {
        indexed: 'with indexes',
        indexes: ['level', 'score', 'name', 'active', 'area', 'tags', 'v', 'home.city', 'items.qty', 'v.x'].flatMap(
          (field): IndexDefinition[] => [
            { name: `by-${field.replace('.', '-')}`, fields: [[field, 1]] },
            {
              name: `kind-${field.replace('.', '-')}`,
              fields: [
                ['kind', 1],
                [field, -1],
              ],
            },
          ],
        ),
      },
    ] satisfies { indexed: string; indexes: readonly IndexDefinition[] }[])(
      'the query corpus $indexed',
      ({ indexes }) => {
        let corpus: ReadModel;
        beforeAll(async () => {
          corpus = await open({ now: () => time, scanLimit: 1000 });
          await corpus.ensureCollection('corpus', indexes);
          // In no order: that of the answers must come from the query.
          const shuffled = DOCUMENTS.map((next, i) => ({ next, place: (i * 17) % DOCUMENTS.length }));
          shuffled.sort((a, b) => a.place - b.place);
          await corpus.writeGuarded(
            'corpus',
            shuffled.map(({ next }) => ({ id: next._id, expected: null, next })),
          );
        });
        afterAll(() => corpus.close());

        it.each(FINDS)('find: $means', async ({ filter, ids: expected, sort, limit = 100 }) => {
          const found = await corpus.find('corpus', filter, { limit, ...(sort ? { sort } : {}) });
          expect(ids(found)).toBe(expected);
          for (const document of found) expect(document).toEqual(DOCUMENTS.find(({ _id }) => _id === document._id));
        });
        it.each(FINDS)('match: $means', async ({ filter, ids: expected, limit }) => {
          const rows = await corpus.aggregate('corpus', [
            { $match: filter as Document },
            { $project: { _id: 1 } },
            { $sort: { _id: 1 } },
          ]);
          if (limit === undefined) expect(ids(rows).split(' ')).toEqual(expected.split(' ').toSorted());
          else expect(ids(rows).split(' ')).toEqual(expect.arrayContaining(expected.split(' ')));
        });
        it.each(AGGREGATES)('aggregate: $means', async ({ pipeline, rows, anyOrder }) => {
          const found = await corpus.aggregate('corpus', pipeline);
          if (anyOrder) {
            expect(found).toHaveLength(rows.length);
            expect(found).toEqual(expect.arrayContaining([...rows]));
          } else expect(found).toEqual(rows);
        });
        it.each(REFUSED_FILTERS.map(([operator, filter], n) => ({ operator, filter, n })))(
          'refuses filter $n: $operator',
          async ({ operator, filter }) => {
            const byFind = await refusal(corpus.find('corpus', filter, { limit: 1 }));
            const byMatch = await refusal(corpus.aggregate('corpus', [{ $match: filter as Document }]));
            expect([byFind.operator, byMatch.operator]).toEqual([operator, operator]);
          },
        );
        it.each(REFUSED_PIPELINES.map(([operator, pipeline], n) => ({ operator, pipeline, n })))(
          'refuses pipeline $n: $operator',
          async ({ operator, pipeline }) => {
            expect((await refusal(corpus.aggregate('corpus', pipeline as readonly Document[]))).operator).toBe(
              operator,
            );
          },
        );
        it('refuses arithmetic on what is no number', async () => {
          const add = [{ $match: { _id: 'p1' } }, { $project: { x: { $add: ['$name', 1] } } }];
          expect((await refusal(corpus.aggregate('corpus', add))).operator).toBe('$add');
          const divide = [{ $match: { _id: 'p1' } }, { $project: { x: { $divide: ['$level', 0] } } }];
          expect((await refusal(corpus.aggregate('corpus', divide))).operator).toBe('$divide');
        });
      },
    );

    describe('queries', () => {
      it('say what is refused, where, and what to do instead', async () => {
        await model.ensureCollection('things', []);
        const { message } = await refusal(model.find('things', { $and: [{ name: { $regex: 'A' } }] }, { limit: 1 }));
        expect(message).toBe(
          '$regex at $and[0].name is not in the query subset: compare a normalised field; a prefix is a range: {$gte: prefix, $lt: next prefix}',
        );
        const { message: unknown } = await refusal(model.find('things', { name: { $near: 1 } }, { limit: 1 }));
        expect(unknown).toMatch(/^\$near at name is not in the query subset: use \$eq, \$in/);
      });
      it.each([0, -1, 1.5, MAX_FIND_LIMIT + 1, Number.NaN])('refuse the limit %p', async (limit) => {
        expect((await refusal(model.find('things', {}, { limit }))).operator).toBe('limit');
      });
      it.each([
        { operator: 'sort', sort: [['a', 2]] },
        {
          operator: 'sort',
          sort: [
            ['a', 1],
            ['a', -1],
          ],
        },
        {
          operator: 'sort',
          sort: [
            ['_id', 1],
            ['a', 1],
          ],
        },
        { operator: '$a', sort: [['$a', 1]] },
      ])('refuse the sort $sort', async ({ operator, sort }) => {
        expect((await refusal(model.find('things', {}, { limit: 1, sort: sort as unknown as Sort }))).operator).toBe(
          operator,
        );
      });
      it.each([[['x']], [[1, 2, 'id']], [[1, 2]], [[[1], 'id']], [[{ a: 1 }, 'id']]])(
        'refuse to go on after %j',
        async (after) => {
          await refusal(model.find('things', {}, { limit: 1, sort: [['a', 1]], after }));
        },
      );
      it('show a write at once', async () => {
        await model.ensureCollection('things', [{ name: 'by-n', fields: [['n', 1]] }]);
        await write('a', null, doc('a', '1', { n: 1 }));
        expect(ids(await model.find('things', { n: 1 }, { limit: 5 }))).toBe('a');
        await write('a', '1', doc('a', '2', { n: 2 }));
        expect(ids(await model.find('things', { n: 1 }, { limit: 5 }))).toBe('');
        expect(ids(await model.find('things', { n: 2 }, { limit: 5 }))).toBe('a');
      });
      it('find by an index also what became a list later', async () => {
        await model.ensureCollection('things', [{ name: 'by-tag', fields: [['tag', 1]] }]);
        await write('a', null, doc('a', '1', { tag: 'x' }));
        await write('b', null, doc('b', '1', { tag: 'x' }));
        expect(ids(await model.find('things', { tag: 'x' }, { limit: 5 }))).toBe('a b');
        await write('b', '1', doc('b', '2', { tag: ['w', 'x'] }));
        expect(ids(await model.find('things', { tag: 'x' }, { limit: 5 }))).toBe('a b');
        expect(ids(await model.find('things', {}, { limit: 5, sort: [['tag', 1]] }))).toBe('b a');
      });
    });

    describe('paging', () => {
      const KEYS = [undefined, null, -5, 0, 1.5, 2, 10, '', '10', 'B', 'a', 'é', '\uffee', '\u{1f600}', false, true];
      const documents = KEYS.flatMap((k, i) =>
        ['x', 'y', 'z'].map((s, j) =>
          doc(`t:${String((i * 7 + j * 5) % 16).padStart(2, '0')}${s}`, '1', { k, s, n: j, i }),
        ),
      );
      const SORTS: readonly { readonly sort: Sort }[] = [
        { sort: [] },
        { sort: [['_id', -1]] },
        { sort: [['k', 1]] },
        { sort: [['k', -1]] },
        {
          sort: [
            ['k', 1],
            ['_id', -1],
          ],
        },
        {
          sort: [
            ['s', 1],
            ['k', -1],
          ],
        },
        {
          sort: [
            ['s', -1],
            ['k', 1],
          ],
        },
        {
          sort: [
            ['n', -1],
            ['s', 1],
            ['k', 1],
          ],
        },
        { sort: [['i', -1]] },
      ];
      describe.each([
        { how: 'without indexes', indexes: [] },
        {
          how: 'with indexes',
          indexes: [
            { name: 'k', fields: [['k', 1]] },
            { name: 'k-down', fields: [['k', -1]] },
            {
              name: 's-k',
              fields: [
                ['s', 1],
                ['k', -1],
              ],
            },
            { name: 'i', fields: [['i', 1]] },
          ],
        },
      ] satisfies { how: string; indexes: readonly IndexDefinition[] }[])('$how', ({ indexes }) => {
        const pageThrough = async (filter: Filter, sort: Sort, limit: number): Promise<string[]> => {
          const seen: string[] = [];
          let after: unknown[] | undefined;
          for (;;) {
            const page = await model.find('things', filter, { sort, limit, ...(after ? { after } : {}) });
            seen.push(...page.map(({ _id }) => _id));
            if (page.length < limit) return seen;
            const last = page.at(-1) as StoredDocument;
            after = totalSort(sort).map(([field]) => last[field]);
          }
        };
        const fill = async (kept: readonly StoredDocument[]): Promise<void> => {
          await model.ensureCollection('things', indexes);
          await model.writeGuarded(
            'things',
            kept.map((next) => ({ id: next._id, expected: null, next })),
          );
        };

        it.each(SORTS)('meets every document once, in order, over all types: $sort', async ({ sort }) => {
          await fill(documents);
          const whole = ids(await model.find('things', {}, { sort, limit: 1000 })).split(' ');
          expect(new Set(whole).size).toBe(documents.length);
          for (const limit of [1, 2, 7]) expect(await pageThrough({}, sort, limit)).toEqual(whole);
        });
        it.each(SORTS)('does so where values are of types that an index sorts: $sort', async ({ sort }) => {
          await fill(documents.filter(({ k }) => typeof k !== 'boolean'));
          const whole = ids(await model.find('things', { s: { $in: ['x', 'z'] } }, { sort, limit: 1000 })).split(' ');
          expect(await pageThrough({ s: { $in: ['x', 'z'] } }, sort, 3)).toEqual(whole);
          const one = ids(await model.find('things', { s: 'y' }, { sort, limit: 1000 })).split(' ');
          expect(one).toHaveLength(14);
          expect(await pageThrough({ s: 'y' }, sort, 3)).toEqual(one);
          const range = ids(await model.find('things', { k: { $gt: 0 } }, { sort, limit: 1000 })).split(' ');
          expect(await pageThrough({ k: { $gt: 0 } }, sort, 2)).toEqual(range);
        });
        it('pages within a prefix of ids', async () => {
          await fill([...documents, doc('s:1', '1'), doc('u:1', '1')]);
          const seen = await pageThrough({ _id: { $gte: 't:', $lt: 't;' } }, [], 5);
          expect(seen).toEqual(documents.map(({ _id }) => _id).toSorted());
        });
        it('goes on after a document that is gone, or changed meanwhile', async () => {
          await fill(documents);
          const [first] = await model.find('things', {}, { limit: 1 });
          await write((first as StoredDocument)._id, '1', null);
          const [second] = await model.find('things', {}, { limit: 1, after: [(first as StoredDocument)._id] });
          expect(second?._id).toBe(documents.map(({ _id }) => _id).toSorted()[1]);
        });
        it('goes on after a value of a type that no document has', async () => {
          await fill(documents.filter(({ k }) => typeof k === 'number'));
          expect(await model.find('things', {}, { sort: [['k', 1]], limit: 9, after: [true, 'a'] })).toEqual([]);
          expect(await model.find('things', {}, { sort: [['k', 1]], limit: 99, after: [null, 'a'] })).toHaveLength(15);
          expect(await model.find('things', {}, { sort: [['k', -1]], limit: 99, after: [true, 'a'] })).toHaveLength(15);
          expect(await model.find('things', {}, { sort: [['k', -1]], limit: 99, after: [null, 'zz'] })).toEqual([]);
        });
      });
    });

    describe('indexes', () => {
      const byMail: IndexDefinition = { name: 'by-mail', fields: [['mail', 1]], unique: true };

      it('may be ensured again and added later, over documents at hand', async () => {
        await model.ensureCollection('things', []);
        await write('a', null, doc('a', '1', { n: 1 }));
        await model.ensureCollection('things', [{ name: 'by-n', fields: [['n', 1]] }]);
        await model.ensureCollection('things', [{ name: 'by-n', fields: [['n', 1]] }]);
        expect(ids(await model.find('things', { n: 1 }, { limit: 5 }))).toBe('a');
      });
      it('keep scalar values unique: the second writer has lost', async () => {
        await model.ensureCollection('things', [byMail]);
        expect(await write('a', null, doc('a', '1', { mail: 'x' }))).toEqual(['done']);
        expect(await write('b', null, doc('b', '1', { mail: 'x' }))).toEqual(['lost']);
        expect(await write('b', null, doc('b', '1', { mail: 'y' }))).toEqual(['done']);
        expect(await write('b', '1', doc('b', '2', { mail: 'x' }))).toEqual(['lost']);
        expect(await stored('b')).toEqual({ _id: 'b', _p: '1', mail: 'y' });
        expect(await write('a', '1', doc('a', '2', { mail: 'x', n: 1 }))).toEqual(['done']);
        expect(await write('a', '2', null)).toEqual(['done']);
        expect(await write('b', '1', doc('b', '2', { mail: 'x' }))).toEqual(['done']);
      });
      it('lose the one item of a bulk that breaks uniqueness', async () => {
        await model.ensureCollection('things', [byMail]);
        const outcomes = await model.writeGuarded('things', [
          { id: 'a', expected: null, next: doc('a', '1', { mail: 'x' }) },
          { id: 'b', expected: null, next: doc('b', '1', { mail: 'x' }) },
          { id: 'c', expected: null, next: doc('c', '1', { mail: 'z' }) },
        ]);
        expect([...outcomes].toSorted()).toEqual(['done', 'done', 'lost']);
        expect(outcomes[2]).toBe('done');
      });
      it('tell types apart, and take missing and null for one value', async () => {
        await model.ensureCollection('things', [byMail]);
        const kept: Document[] = [
          { mail: 1 },
          { mail: '1' },
          { mail: true },
          { mail: false },
          { mail: '' },
          { mail: null },
          { mail: 'null' },
          { mail: 'true' },
        ];
        for (const [i, fields] of kept.entries())
          expect([fields, await write(`k${i}`, null, doc(`k${i}`, '1', fields))]).toEqual([fields, ['done']]);
        expect(await write('again', null, doc('again', '1', {}))).toEqual(['lost']);
        expect(await write('again', null, doc('again', '1', { mail: null }))).toEqual(['lost']);
        expect(await write('again', null, doc('again', '1', { mail: true }))).toEqual(['lost']);
      });
      it('keep several fields unique together', async () => {
        await model.ensureCollection('things', [
          {
            name: 'pair',
            fields: [
              ['a', 1],
              ['b.c', -1],
            ],
            unique: true,
          },
        ]);
        expect(await write('1', null, doc('1', '1', { a: 1, b: { c: 1 } }))).toEqual(['done']);
        expect(await write('2', null, doc('2', '1', { a: 1, b: { c: 2 } }))).toEqual(['done']);
        expect(await write('3', null, doc('3', '1', { a: 1 }))).toEqual(['done']);
        expect(await write('4', null, doc('4', '1', { a: 1, b: {} }))).toEqual(['lost']);
        expect(await write('5', null, doc('5', '1', { a: 1, b: { c: 2 } }))).toEqual(['lost']);
      });
      it('refuse lists and objects in unique fields', async () => {
        await model.ensureCollection('things', [byMail, { name: 'deep', fields: [['a.b', 1]], unique: true }]);
        expect((await refusal(write('a', null, doc('a', '1', { mail: ['x'] })))).operator).toBe('unique');
        expect((await refusal(write('a', null, doc('a', '1', { mail: { x: 1 } })))).operator).toBe('unique');
        expect((await refusal(write('a', null, doc('a', '1', { a: [{ b: 1 }] })))).operator).toBe('unique');
      });
      it.each<{ readonly what: string; readonly wanted: IndexDefinition }>([
        { what: 'other fields', wanted: { name: 'by-n', fields: [['m', 1]] } },
        { what: 'another direction', wanted: { name: 'by-n', fields: [['n', -1]] } },
        {
          what: 'more fields',
          wanted: {
            name: 'by-n',
            fields: [
              ['n', 1],
              ['m', 1],
            ],
          },
        },
        { what: 'uniqueness', wanted: { name: 'by-n', fields: [['n', 1]], unique: true } },
        { what: 'another name', wanted: { name: 'n', fields: [['n', 1]] } },
      ])('of one name or of the same fields conflict: $what', async ({ wanted }) => {
        const existing: IndexDefinition = { name: 'by-n', fields: [['n', 1]] };
        await model.ensureCollection('things', [existing]);
        const error = await model.ensureCollection('things', [wanted]).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(IndexRefused);
        expect((error as IndexRefused).existing).toMatchObject(existing);
        expect((error as IndexRefused).wanted).toEqual(wanted);
        expect((error as Error).message).toContain('"by-n" (n 1)');
        expect((error as Error).message).toContain(`"${wanted.name}" (`);
        // What was there still works.
        expect(await write('a', null, doc('a', '1', { n: 1 }))).toEqual(['done']);
        expect(await write('b', null, doc('b', '1', { n: 1 }))).toEqual(['done']);
      });
      it('cannot be unique over documents that are not; the documents stay', async () => {
        await model.ensureCollection('things', []);
        await write('a', null, doc('a', '1', { mail: 'x' }));
        await write('b', null, doc('b', '1', { mail: 'x' }));
        await expect(model.ensureCollection('things', [byMail])).rejects.toBeInstanceOf(IndexRefused);
        expect(ids(await collect(model.scan('things')))).toBe('a b');
        expect(await write('c', null, doc('c', '1', { mail: 'x' }))).toEqual(['done']);
        await write('b', '1', null);
        await write('c', '1', null);
        await model.ensureCollection('things', [byMail]);
        expect(await write('d', null, doc('d', '1', { mail: 'x' }))).toEqual(['lost']);
      });
      it.each<IndexDefinition>([
        { name: 'none', fields: [] },
        {
          name: 'twice',
          fields: [
            ['a', 1],
            ['a', -1],
          ],
        },
        { name: 'op', fields: [['$a', 1]] },
        { name: 'quote', fields: [["a'", 1]] },
        { name: 'bad name', fields: [['a', 1]] },
        { name: 'up', fields: [['a', 2 as 1]] },
      ])('have plain definitions: $name', async (definition) => {
        await expect(model.ensureCollection('things', [definition])).rejects.toThrow(RangeError);
      });
    });

    describe('scans', () => {
      const filled = async (indexes: readonly IndexDefinition[]): Promise<ReadModel> => {
        const small = await fresh(50);
        await small.ensureCollection('things', indexes);
        await small.writeGuarded(
          'things',
          Array.from({ length: 60 }, (_, i) => {
            const id = `t:${String(i).padStart(2, '0')}`;
            return { id, expected: null, next: doc(id, '1', { n: i, group: i % 2, other: i % 3 }) };
          }),
        );
        return small;
      };
      it('above the limit are refused, naming the missing index', async () => {
        const small = await filled([]);
        const error = await refusal(
          small.find('things', { group: 1, n: { $gt: 5 } }, { limit: 5, sort: [['other', 1]] }),
        );
        expect(error.operator).toBe('scan');
        expect(error.message).toBe(
          'the query looks at more than 50 documents of "things" without an index: declare an index on (group, other, n) or narrow the query',
        );
        expect((await refusal(small.aggregate('things', [{ $match: { group: 1 } }]))).message).toContain('(group)');
        expect((await refusal(small.aggregate('things', [{ $group: { _id: '$group' } }]))).operator).toBe('scan');
      });
      it('are none with an index on the first field, or by ids', async () => {
        const small = await filled([
          {
            name: 'by-group',
            fields: [
              ['group', 1],
              ['n', 1],
            ],
          },
        ]);
        expect(await small.find('things', { group: 1, other: 0 }, { limit: 100, sort: [['other', 1]] })).toHaveLength(
          10,
        );
        expect(await small.aggregate('things', [{ $match: { group: 1 } }])).toHaveLength(30);
        expect(await small.find('things', { _id: { $gte: 't:', $lt: 't;' }, other: 0 }, { limit: 100 })).toHaveLength(
          20,
        );
        expect(await small.find('things', { $and: [{ group: { $in: [0, 1] } }] }, { limit: 100 })).toHaveLength(60);
      });
      it('in the order of an index or of ids stop at the limit of the answer', async () => {
        const small = await filled([{ name: 'by-n', fields: [['n', 1]] }]);
        expect(await small.find('things', {}, { limit: 50 })).toHaveLength(50);
        expect(await small.find('things', { other: 0 }, { limit: 3, sort: [['n', -1]] })).toHaveLength(3);
      });
      it('below the limit are allowed', async () => {
        const large = await fresh(60);
        await large.ensureCollection('things', []);
        await large.writeGuarded('things', [{ id: 'a', expected: null, next: doc('a', '1', { n: 1 }) }]);
        expect(ids(await large.find('things', { n: 1 }, { limit: 5, sort: [['n', 1]] }))).toBe('a');
      });
    });

    describe('checkpoints', () => {
      const at = (position: string, epoch = 1) => ({ position, lastEventId: `event-${position}`, epoch });

      it('are absent at first', async () => {
        expect(await model.loadCheckpoint('lane-1')).toBeUndefined();
      });
      it('move by compare-and-set', async () => {
        expect(await model.saveCheckpoint('lane-1', null, at('5'))).toBe(true);
        expect(await model.saveCheckpoint('lane-1', '5', at('9'))).toBe(true);
        expect(await model.loadCheckpoint('lane-1')).toEqual({ name: 'lane-1', ...at('9') });
      });
      it('do not move from another value', async () => {
        await model.saveCheckpoint('lane-1', null, at('5'));
        expect(await model.saveCheckpoint('lane-1', null, at('6'))).toBe(false);
        expect(await model.saveCheckpoint('lane-1', '4', at('6'))).toBe(false);
        expect(await model.saveCheckpoint('lane-2', '5', at('6'))).toBe(false);
        expect(await model.loadCheckpoint('lane-1')).toEqual({ name: 'lane-1', ...at('5') });
        expect(await model.loadCheckpoint('lane-2')).toBeUndefined();
      });
      it('are all listed', async () => {
        expect(await model.checkpoints()).toEqual([]);
        await model.saveCheckpoint('lane-1', null, at('5'));
        await model.saveCheckpoint('lane-2', null, at('7', 2));
        const listed = (await model.checkpoints()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
        expect(listed).toEqual([
          { name: 'lane-1', ...at('5') },
          { name: 'lane-2', ...at('7', 2) },
        ]);
      });
      it('are not written by a stale epoch', async () => {
        await model.saveCheckpoint('lane-1', null, at('5', 3));
        expect(await model.saveCheckpoint('lane-1', '5', at('6', 2))).toBe(false);
        expect(await model.saveCheckpoint('lane-1', '5', at('6', 3))).toBe(true);
        expect(await model.saveCheckpoint('lane-1', '6', at('7', 4))).toBe(true);
        expect(await model.saveCheckpoint('lane-1', '7', at('8', 3))).toBe(false);
        expect(await model.loadCheckpoint('lane-1')).toEqual({ name: 'lane-1', ...at('7', 4) });
      });
      it('may stand at the beginning, without an event', async () => {
        const beginning = { position: '', lastEventId: null, epoch: 0 };
        expect(await model.saveCheckpoint('lane-1', null, beginning)).toBe(true);
        expect(await model.loadCheckpoint('lane-1')).toEqual({ name: 'lane-1', ...beginning });
        expect(await model.saveCheckpoint('lane-1', '', at('1'))).toBe(true);
      });
      it('are deleted, and may begin again', async () => {
        await model.saveCheckpoint('lane-1', null, at('5', 9));
        await model.deleteCheckpoint('lane-1');
        await model.deleteCheckpoint('lane-1');
        expect(await model.loadCheckpoint('lane-1')).toBeUndefined();
        expect(await model.saveCheckpoint('lane-1', null, at('1', 1))).toBe(true);
      });
      it('let one of many concurrent writers win', async () => {
        await model.saveCheckpoint('lane-1', null, at('5'));
        const results = await Promise.all(
          Array.from({ length: 32 }, (_, i) => model.saveCheckpoint('lane-1', '5', at(`6-${i}`))),
        );
        expect(results.filter(Boolean)).toHaveLength(1);
        expect((await model.loadCheckpoint('lane-1'))?.position).toBe(`6-${results.indexOf(true)}`);
      });
    });

    describe('leases', () => {
      it('are taken once, with epoch 1', async () => {
        expect(await model.acquireLease('lane-1', 'me', 1000)).toEqual({ name: 'lane-1', owner: 'me', epoch: 1 });
        expect(await model.acquireLease('lane-1', 'you', 1000)).toBeUndefined();
        expect(await model.acquireLease('lane-2', 'you', 1000)).toEqual({ name: 'lane-2', owner: 'you', epoch: 1 });
      });
      it('are free once expired, with a greater epoch', async () => {
        await model.acquireLease('lane-1', 'me', 1000);
        time += 999;
        expect(await model.acquireLease('lane-1', 'you', 1000)).toBeUndefined();
        time += 1;
        expect(await model.acquireLease('lane-1', 'you', 1000)).toEqual({ name: 'lane-1', owner: 'you', epoch: 2 });
      });
      it('are taken again by their owner, with a greater epoch', async () => {
        const first = await model.acquireLease('lane-1', 'me', 1000);
        expect(await model.acquireLease('lane-1', 'me', 1000)).toEqual({ name: 'lane-1', owner: 'me', epoch: 2 });
        expect(first && (await model.renewLease(first, 1000))).toBe(false);
      });
      it('live on by renewal', async () => {
        const lease = await model.acquireLease('lane-1', 'me', 1000);
        time += 900;
        expect(lease && (await model.renewLease(lease, 1000))).toBe(true);
        time += 900;
        expect(await model.acquireLease('lane-1', 'you', 1000)).toBeUndefined();
      });
      it('refuse the stale holder', async () => {
        const lease = await model.acquireLease('lane-1', 'me', 1000);
        if (!lease) throw new Error('the lease was free');
        time += 2000;
        const next = await model.acquireLease('lane-1', 'you', 1000);
        expect(await model.renewLease(lease, 1000)).toBe(false);
        await model.releaseLease(lease);
        expect(await model.acquireLease('lane-1', 'third', 1000)).toBeUndefined();
        expect(next && (await model.renewLease(next, 1000))).toBe(true);
      });
      it('may be renewed late if nobody took them', async () => {
        const lease = await model.acquireLease('lane-1', 'me', 1000);
        time += 5000;
        expect(lease && (await model.renewLease(lease, 1000))).toBe(true);
        expect(await model.acquireLease('lane-1', 'you', 1000)).toBeUndefined();
      });
      it('are free once released, and epochs go on', async () => {
        const lease = await model.acquireLease('lane-1', 'me', 1000);
        if (!lease) throw new Error('the lease was free');
        await model.releaseLease(lease);
        expect(await model.renewLease(lease, 1000)).toBe(false);
        expect(await model.acquireLease('lane-1', 'you', 1000)).toEqual({ name: 'lane-1', owner: 'you', epoch: 2 });
      });
      it('go to one of many who ask at once', async () => {
        const got = await Promise.all(
          Array.from({ length: 32 }, (_, i) => model.acquireLease('lane-1', `owner-${i}`, 1000)),
        );
        expect(got.filter((lease) => lease !== undefined)).toHaveLength(1);
      });
    });

    describe('queues', () => {
      const item = (id: string, dueAt = instant(), payload: Document = { for: id }) => ({ id, payload, dueAt });
      const claim = (limit = 10, ttlMs = 1000, queue = 'mail') => model.claim(queue, 'me', limit, instant(), ttlMs);

      it('hand out what is due, earliest first, up to the limit', async () => {
        await model.enqueue('mail', [
          item('c', instant(-1)),
          item('a', instant(-2)),
          item('b', instant(-2)),
          item('later', instant(1)),
        ]);
        expect(await claim(2)).toMatchObject([
          { id: 'a', payload: { for: 'a' }, attempts: 1 },
          { id: 'b', payload: { for: 'b' }, attempts: 1 },
        ]);
        expect(ids((await claim()).map(({ id }) => ({ _id: id })))).toBe('c');
        time += 1;
        expect((await claim()).map(({ id }) => id)).toEqual(['later']);
      });
      it('insert if absent: the first payload stays', async () => {
        await model.enqueue('mail', [item('a', instant(), { n: 1 })]);
        await model.enqueue('mail', [item('a', instant(-5), { n: 2 }), item('b')]);
        expect((await claim()).map(({ id, payload }) => [id, payload])).toEqual([
          ['a', { n: 1 }],
          ['b', { for: 'b' }],
        ]);
      });
      it('are apart from each other', async () => {
        await model.enqueue('mail', [item('a')]);
        expect(await claim(10, 1000, 'hooks')).toEqual([]);
        await model.enqueue('hooks', [item('a')]);
        const [mail] = await claim();
        expect(mail && (await model.acknowledge('mail', mail))).toBe(true);
        expect(await claim(10, 1000, 'hooks')).toHaveLength(1);
      });
      it('forget what is acknowledged', async () => {
        await model.enqueue('mail', [item('a')]);
        const [claimed] = await claim();
        if (!claimed) throw new Error('the item was due');
        expect(await model.acknowledge('mail', claimed)).toBe(true);
        expect(await model.acknowledge('mail', claimed)).toBe(false);
        time += 5000;
        expect(await claim()).toEqual([]);
      });
      it('hand out again what was claimed and not acknowledged in time', async () => {
        await model.enqueue('mail', [item('a')]);
        const [first] = await claim();
        time += 999;
        expect(await claim()).toEqual([]);
        time += 1;
        const [second] = await claim();
        if (!first || !second) throw new Error('the item was due');
        expect(second.attempts).toBe(2);
        expect(second.claimEpoch).toBeGreaterThan(first.claimEpoch);
        expect(await model.acknowledge('mail', first)).toBe(false);
        expect(await model.giveBack('mail', first, instant())).toBe(false);
        expect(await model.acknowledge('mail', second)).toBe(true);
      });
      it('take back an item for later, its claim spent', async () => {
        await model.enqueue('mail', [item('a')]);
        const [claimed] = await claim();
        if (!claimed) throw new Error('the item was due');
        expect(await model.giveBack('mail', claimed, instant(5000))).toBe(true);
        expect(await model.giveBack('mail', claimed, instant())).toBe(false);
        expect(await model.acknowledge('mail', claimed)).toBe(false);
        time += 4999;
        expect(await claim()).toEqual([]);
        time += 1;
        expect(await claim()).toMatchObject([{ id: 'a', attempts: 2 }]);
      });
      it('keep a claim stale although its item was removed and came anew', async () => {
        await model.enqueue('mail', [item('a')]);
        const [old] = await claim();
        if (!old) throw new Error('the item was due');
        await model.acknowledge('mail', old);
        time += 1;
        await model.enqueue('mail', [item('a')]);
        const [anew] = await claim();
        expect(await model.acknowledge('mail', old)).toBe(false);
        expect(anew && (await model.acknowledge('mail', anew))).toBe(true);
      });
      it('give an item to one of many who claim at once', async () => {
        await model.enqueue(
          'mail',
          Array.from({ length: 20 }, (_, i) => item(`i${i}`)),
        );
        const claims = (await Promise.all(Array.from({ length: 16 }, () => claim(5)))).flat().map(({ id }) => id);
        expect(claims).toHaveLength(20);
        expect(new Set(claims).size).toBe(20);
      });
      it('refuse payloads that stores would not carry alike', async () => {
        await refusal(model.enqueue('mail', [item('b'), item('a', instant(), { $set: 1 })]));
        expect(await claim()).toEqual([]);
      });
    });

    it('answers nothing more once closed', async () => {
      await model.close();
      await model.close();
      await expect(model.load('things', ['a'])).rejects.toThrow(/closed/);
      await expect(model.loadCheckpoint('lane-1')).rejects.toThrow(/closed/);
    });
  });
}
