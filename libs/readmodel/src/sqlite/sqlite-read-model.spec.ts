import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IndexDefinition } from '@cairn/kernel';
import * as fc from 'fast-check';
import { readModelContract } from '../contract/read-model.contract.js';
import { createMemoryReadModel } from '../memory/memory-read-model.js';
import {
  QueryRefused,
  ReadModelUnavailable,
  type Filter,
  type ReadModel,
  type Sort,
  type StoredDocument,
} from '../port.js';
import { totalSort } from '../query-subset.js';
import { openSqliteReadModel } from './sqlite-read-model.js';

readModelContract('SQLite', async (options) => openSqliteReadModel({ file: ':memory:', ...options }));

describe('the SQLite read model in a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cairn-readmodel-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const put = (model: ReadModel, id: string, fields: object, p = '1') =>
    model.writeGuarded('things', [{ id, expected: null, next: { _id: id, _p: p, ...fields } }]);

  it('is there again after closing: documents, indexes, what is known of indexed fields, checkpoints, leases, queues', async () => {
    const index: IndexDefinition = { name: 'by-tag', fields: [['tag', 1]], unique: true };
    const later: IndexDefinition = { name: 'by-many', fields: [['many', 1]] };
    let model = openSqliteReadModel({ file: at('a.db') });
    await model.ensureCollection('things', [index, later]);
    await put(model, 'a', { tag: 'x', many: ['p', 'q'] });
    await model.saveCheckpoint('lane', null, { position: '1', lastEventId: 'e', epoch: 4 });
    await model.acquireLease('lane', 'me', 1000);
    await model.enqueue('mail', [{ id: 'm', payload: { n: 1 }, dueAt: '2026-01-01T00:00:00.000Z' }]);
    await model.close();

    model = openSqliteReadModel({ file: at('a.db') });
    expect(await model.load('things', ['a'])).toEqual([{ _id: 'a', _p: '1', tag: 'x', many: ['p', 'q'] }]);
    expect(await put(model, 'b', { tag: 'x' })).toEqual(['lost']);
    expect(await model.find('things', { many: 'q' }, { limit: 5 })).toHaveLength(1);
    await expect(model.ensureCollection('things', [{ name: 'by-tag', fields: [['tag', -1]] }])).rejects.toThrow(
      /by-tag/,
    );
    expect(await model.loadCheckpoint('lane')).toEqual({ name: 'lane', position: '1', lastEventId: 'e', epoch: 4 });
    expect((await model.acquireLease('lane', 'me', 1000))?.epoch).toBe(2);
    expect(await model.claim('mail', 'me', 5, '2026-01-02T00:00:00.000Z', 1000)).toHaveLength(1);
    await model.close();
  });

  it('refuses a second opener with a clear message', async () => {
    const model = openSqliteReadModel({ file: at('a.db') });
    expect(() => openSqliteReadModel({ file: at('a.db') })).toThrow(ReadModelUnavailable);
    expect(() => openSqliteReadModel({ file: at('a.db') })).toThrow(
      /a\.db is in use by another process: stop that one first/,
    );
    await model.close();
    await openSqliteReadModel({ file: at('a.db') }).close();
  });

  it('says what to do with a damaged file, and with one of a newer version', async () => {
    writeFileSync(at('noise.db'), 'this is not a database, whatever its name says'.repeat(100));
    expect(() => openSqliteReadModel({ file: at('noise.db') })).toThrow(
      /is damaged: delete it, it will be rebuilt from the log/,
    );
    expect(() => openSqliteReadModel({ file: at('no/such/folder.db') })).toThrow(ReadModelUnavailable);

    await openSqliteReadModel({ file: at('newer.db') }).close();
    const bytes = readFileSync(at('newer.db'));
    bytes.writeUInt32BE(99, 60); // user_version of the file header
    writeFileSync(at('newer.db'), bytes);
    expect(() => openSqliteReadModel({ file: at('newer.db') })).toThrow(/written by a newer version/);
  });

  it('after losing any tail of its WAL, never has a checkpoint ahead of the documents', async () => {
    const model = openSqliteReadModel({ file: at('live.db') });
    await model.ensureCollection('things', [{ name: 'by-n', fields: [['n', 1]] }]);
    const BATCHES = 12;
    for (let batch = 1; batch <= BATCHES; batch++) {
      // As the runner does: documents first, then the checkpoint that covers them.
      await model.writeGuarded(
        'things',
        Array.from({ length: 20 }, (_, i) => {
          const _id = `${batch}-${i}`;
          return { id: _id, expected: null, next: { _id, _p: String(batch), n: i, text: 'x'.repeat(300) } };
        }),
      );
      const expected = batch === 1 ? null : String(batch - 1);
      await model.saveCheckpoint('lane', expected, { position: String(batch), lastEventId: null, epoch: 1 });
    }
    copyFileSync(at('live.db'), at('base.db'));
    copyFileSync(at('live.db-wal'), at('base.db-wal'));
    await model.close();

    const size = statSync(at('base.db-wal')).size;
    const seen = new Set<number>();
    for (let cut = size; cut > 0; cut -= 8192 / 2 + 7) {
      copyFileSync(at('base.db'), at('cut.db'));
      copyFileSync(at('base.db-wal'), at('cut.db-wal'));
      truncateSync(at('cut.db-wal'), cut);
      const after = openSqliteReadModel({ file: at('cut.db') });
      const checkpoint = Number((await after.loadCheckpoint('lane'))?.position ?? 0);
      const documents = await after.find('things', {}, { limit: 1000 });
      const whole = new Set(documents.map(({ _p }) => Number(_p)));
      // Every batch up to the checkpoint is whole; at most the next one is there besides.
      expect(documents).toHaveLength(whole.size * 20);
      for (let batch = 1; batch <= checkpoint; batch++) expect(whole).toContain(batch);
      expect(whole.size - checkpoint).toBeLessThanOrEqual(1);
      seen.add(checkpoint);
      await after.close();
      rmSync(at('cut.db'));
      rmSync(at('cut.db-wal'), { force: true });
    }
    expect(seen.size).toBe(BATCHES + 1);
  }, 30_000);

  it('writes nothing of a bulk that is refused', async () => {
    const model = openSqliteReadModel({ file: ':memory:' });
    await model.ensureCollection('things', []);
    const big = { _id: 'big', _p: '1', parts: Array.from({ length: 13 }, () => 'x'.repeat(1024 * 1024)) };
    await expect(
      model.writeGuarded('things', [
        { id: 'a', expected: null, next: { _id: 'a', _p: '1' } },
        { id: 'big', expected: null, next: big },
      ]),
    ).rejects.toThrow(/"big" has \d+ bytes of JSON/);
    expect(await model.load('things', ['a'])).toEqual([]);
    await model.close();
  });
});

describe('SQLite and memory answer alike', () => {
  const scalar = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<unknown>(0, 1, 2, -1, 1.5, 'a', 'b', '1', '', 'é', '\uffee', '\u{1f600}') },
    { weight: 2, arbitrary: fc.constantFrom<unknown>(null, true, false) },
    { weight: 1, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme' }) },
  );
  const field = fc.constantFrom('a', 'b', 'c', 'o.x', 'o.y');
  // Sets of documents with few types per field, so that indexes are really used for order and equality.
  const tame = fc.record(
    { a: fc.constantFrom(0, 1, 2, -1, 1.5, 'a', 'b', null), b: fc.boolean(), c: scalar, o: fc.record({ x: scalar }) },
    { requiredKeys: [] },
  );
  const item = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));
  const wild = fc.record(
    {
      a: item,
      b: fc.oneof(item, fc.record({ x: scalar })),
      c: item,
      o: fc.oneof(
        item,
        fc.record({ x: item, y: item }),
        fc.array(fc.record({ x: scalar, y: scalar }, { requiredKeys: [] }), { maxLength: 3 }),
      ),
    },
    { requiredKeys: [] },
  );
  const documents = fc
    .oneof(fc.array(tame, { maxLength: 25 }), fc.array(wild, { maxLength: 25 }))
    .map((list) =>
      list.map((fields, i): StoredDocument => ({ _id: `d${(i * 7) % 25}`, _p: '1', ...fields }) as StoredDocument),
    );
  const bound = scalar.filter((value) => value !== null);
  const condition = fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 2 }),
    fc.record({ $in: fc.array(scalar, { maxLength: 3 }) }),
    fc.record({ $gt: bound, $lte: bound }, { requiredKeys: [] }).filter((c) => Object.keys(c).length > 0),
    fc.record({ $gte: bound, $lt: bound }, { requiredKeys: [] }).filter((c) => Object.keys(c).length > 0),
    fc.record({ $exists: fc.boolean() }),
    fc.record({ $elemMatch: fc.record({ $gte: bound }) }),
  );
  const simple = fc
    .dictionary(fc.oneof(field, fc.constant('_id')), condition, { maxKeys: 3 })
    .filter(({ _id }) => _id === undefined || (typeof _id === 'object' && _id !== null && !Array.isArray(_id)));
  const filter = fc.oneof(
    simple,
    fc.record({ $and: fc.array(simple, { minLength: 1, maxLength: 2 }) }),
    fc.record({ $or: fc.array(simple, { minLength: 1, maxLength: 2 }), a: condition }),
  ) as fc.Arbitrary<Filter>;
  const direction = fc.constantFrom<1 | -1>(1, -1);
  const sort: fc.Arbitrary<Sort> = fc.uniqueArray(fc.tuple(field, direction), {
    maxLength: 3,
    selector: ([name]) => name,
  });
  const indexes: fc.Arbitrary<readonly IndexDefinition[]> = fc
    .uniqueArray(
      fc.uniqueArray(fc.tuple(field, direction), { minLength: 1, maxLength: 3, selector: ([name]) => name }),
      {
        maxLength: 4,
        selector: (fields) => JSON.stringify(fields),
      },
    )
    .map((list) => list.map((fields, i) => ({ name: `i${i}`, fields })));

  it('over random documents, indexes, filters and orders, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(
        documents,
        indexes,
        filter,
        sort,
        fc.integer({ min: 1, max: 9 }),
        async (docs, defs, query, order, limit) => {
          const models = [createMemoryReadModel(), openSqliteReadModel({ file: ':memory:' })] as const;
          try {
            for (const model of models) {
              await model.ensureCollection('things', defs.slice(0, 2));
              for (const next of docs) await model.writeGuarded('things', [{ id: next._id, expected: null, next }]);
              await model.ensureCollection('things', defs);
            }
            const [expected, found] = await Promise.all(
              models.map(async (model) => {
                const pages: string[] = [];
                let after: readonly unknown[] | undefined;
                for (let page = 0; page < 5; page++) {
                  const answer = await model
                    .find('things', query, { sort: order, limit, ...(after ? { after } : {}) })
                    .catch((error: unknown) =>
                      error instanceof QueryRefused ? error.operator : Promise.reject(error as Error),
                    );
                  pages.push(typeof answer === 'string' ? answer : answer.map(({ _id }) => _id).join(' '));
                  const last = typeof answer === 'string' ? undefined : answer.at(-1);
                  if (!last) break;
                  after = totalSort(order).map(([name]) =>
                    name
                      .split('.')
                      .reduce<unknown>(
                        (value, key) => (value as { [key: string]: unknown } | undefined)?.[key] ?? null,
                        last,
                      ),
                  );
                }
                return pages;
              }),
            );
            expect(found).toEqual(expected);
          } finally {
            await Promise.all(models.map((model) => model.close()));
          }
        },
      ),
      { numRuns: 400 },
    );
  }, 60_000);

  it('finds every fraction by equality through an index, to the last bit', async () => {
    const model = openSqliteReadModel({ file: ':memory:' });
    await model.ensureCollection('things', [{ name: 'by-n', fields: [['n', 1]] }]);
    const numbers = fc.sample(
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Number.isInteger(n)),
      2000,
    );
    const writes = numbers.map((n, i) => ({ id: `d${i}`, expected: null, next: { _id: `d${i}`, _p: '1', n } }));
    await model.writeGuarded('things', writes);
    for (const [i, n] of numbers.entries())
      expect((await model.find('things', { n }, { limit: 10_000 })).map(({ _id }) => _id)).toContain(`d${i}`);
    await model.close();
  });
});
