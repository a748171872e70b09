// What only MongoDB has: a server that is away, another kind, or fails in the middle. Against the in-process double.
import { MongoClient } from 'mongodb';
import { startMongoDouble, type MongoDouble } from '@cairn/testing';
import { ReadModelUnavailable, type ReadModel, type StoredDocument } from '../port.js';
import { openMongoReadModel, type MongoReadModelOptions } from './mongo-read-model.js';

const doc = (_id: string, _p: string, n = 0): StoredDocument => ({ _id, _p, n });

describe('the read model on MongoDB, against the in-process double', () => {
  let server: MongoDouble;
  const opened: ReadModel[] = [];
  const open = async (options: Partial<MongoReadModelOptions> = {}): Promise<ReadModel> => {
    const model = await openMongoReadModel({
      url: server.url,
      database: 'test',
      timeoutMs: 2000,
      selectionTimeoutMs: 1200,
      ...options,
    });
    opened.push(model);
    return model;
  };
  const fault = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ReadModelUnavailable);
    return (error as Error).message;
  };

  beforeEach(async () => {
    server = await startMongoDouble();
  });
  afterEach(async () => {
    server.faults.silent = false;
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await server.stop().catch(() => undefined);
  });

  describe('says what to do when', () => {
    it('no server is there', async () => {
      await server.stop();
      expect(await fault(open())).toMatch(/no MongoDB answers at 127\.0\.0\.1:\d+: is it running/);
    });
    it('the credentials are wrong, without showing them', async () => {
      const url = server.url.replace('mongodb://', 'mongodb://reader:s3cret@');
      const message = await fault(open({ url }));
      expect(message).toMatch(/refused the credentials: check user, password and authSource/);
      expect(message).not.toContain('s3cret');
    });
    it('TLS is expected and not there', async () => {
      expect(await fault(open({ url: `${server.url}&tls=true` }))).toMatch(/TLS/);
    });
    it('the address is none, without showing what it holds', async () => {
      const message = await fault(open({ url: 'mongo://user:s3cret@host' }));
      expect(message).toMatch(/not usable.*Expected mongodb:/);
      expect(message).not.toContain('s3cret');
    });
    it('there is no replica set, unless that is allowed', async () => {
      await server.stop();
      server = await startMongoDouble({ replicaSet: false });
      expect(await fault(open())).toMatch(/no replica set: start it with --replSet rs0, run rs\.initiate\(\)/);
      const model = await open({ standalone: true });
      expect(await model.collections()).toEqual([]);
    });
    it('the database is of another schema, or of another program', async () => {
      await (await open()).close();
      const client = new MongoClient(server.url);
      await client
        .db('test')
        .collection<{ _id: string }>('_schema')
        .updateOne({ _id: 'schema' }, { $set: { version: 7 } });
      await client.db('other').createCollection('users');
      await client.close();
      expect(await fault(open())).toMatch(/"test" at .* has schema 7, this program needs 1: drop the database/);
      expect(await fault(open({ database: 'other' }))).toMatch(/another program \(users\): name a database of its own/);
    });
    it('what listens never answers', async () => {
      server.faults.silent = true;
      expect(await fault(open())).toMatch(/no MongoDB answers/);
    });
  });

  describe('once open', () => {
    let model: ReadModel;
    const write = (id: string, expected: string | null, next: StoredDocument | null) =>
      model.writeGuarded('things', [{ id, expected, next }]);
    beforeEach(async () => {
      model = await open();
      await model.ensureCollection('things', []);
    });

    it('a write whose reply was cut is unknown; made again it is lost, and the document is there once', async () => {
      server.faults.cutReplies = { insert: 1 };
      expect(await fault(write('a', null, doc('a', '1', 1)))).toMatch(/MongoDB at 127/);
      expect(await write('a', null, doc('a', '1', 1))).toEqual(['lost']);
      expect(await model.load('things', ['a'])).toEqual([doc('a', '1', 1)]);
    });
    it('a replacement whose reply was cut stands, and the guard stops the second', async () => {
      await write('a', null, doc('a', '1'));
      server.faults.cutReplies = { update: 1 };
      await fault(write('a', '1', doc('a', '2', 1)));
      expect(await write('a', '1', doc('a', '2', 1))).toEqual(['lost']);
      expect(await model.load('things', ['a'])).toEqual([doc('a', '2', 1)]);
    });
    it('work that was queued while the connection broke is not said to be queued', async () => {
      const items = [{ id: 'a', payload: {}, dueAt: '2026-01-01T00:00:00.000Z' }];
      server.faults.cutReplies = { insert: 1 };
      await expect(model.enqueue('q', items)).rejects.toThrow(ReadModelUnavailable);
      server.faults.notPrimary = true;
      await expect(model.enqueue('q', items)).rejects.toThrow(ReadModelUnavailable);
      server.faults.notPrimary = false;
      await model.enqueue('q', items);
      expect(await model.claim('q', 'me', 10, '2026-01-02T00:00:00.000Z', 1_000)).toHaveLength(1);
    });
    it('a bulk of which some lose says which', async () => {
      const ids = Array.from({ length: 40 }, (_, i) => `k${i}`);
      await model.writeGuarded(
        'things',
        ids.map((id) => ({ id, expected: null, next: doc(id, '1') })),
      );
      const outcomes = await model.writeGuarded(
        'things',
        ids.map((id, i) => ({ id, expected: i % 4 === 1 ? '0' : i % 4 === 2 ? null : '1', next: doc(id, '2', i) })),
      );
      expect(outcomes).toEqual(ids.map((_, i) => (i % 4 === 1 || i % 4 === 2 ? 'lost' : 'done')));
    });
    it('a node that is no longer primary is unavailable, then serves again', async () => {
      server.faults.notPrimary = true;
      await fault(write('a', null, doc('a', '1')));
      server.faults.notPrimary = false;
      expect(await write('a', null, doc('a', '1'))).toEqual(['done']);
    });
    it('a server that is too slow, or silent, ends in its time', async () => {
      const hasty = await open({ timeoutMs: 200 });
      server.faults.delayMs = 250;
      expect(await fault(hasty.load('things', ['a']))).toMatch(/took too long/);
      server.faults.delayMs = 0;
      server.faults.silent = true;
      const began = performance.now();
      await fault(hasty.load('things', ['a']));
      expect(performance.now() - began).toBeLessThan(10_000);
    });
    it('a server that comes back is found again, with what it held', async () => {
      await write('a', null, doc('a', '1'));
      await server.stop();
      await fault(model.load('things', ['a']));
      await server.start();
      expect(await model.load('things', ['a'])).toEqual([doc('a', '1')]);
    });
    it('every write asks for the majority and the journal, and none for a transaction', async () => {
      await write('a', null, doc('a', '1'));
      await model.saveCheckpoint('lane', null, { position: '1', lastEventId: null, epoch: 1 });
      expect(server.writeConcerns).not.toHaveLength(0);
      for (const concern of server.writeConcerns) expect(concern).toMatchObject({ w: 'majority', j: true });
    });
    it('pages without gaps or repeats over values of every type, either way', async () => {
      const values = [null, undefined, -1, 0, 2.5, '', 'a', 'é', {}, { x: 1 }, [], [1, 'z'], [null], true, false];
      const rows = [...values, ...values].map((v, i): StoredDocument => ({
        _id: `i${String(i).padStart(2, '0')}`,
        _p: '1',
        ...(v === undefined ? {} : { v }),
      }));
      await model.writeGuarded(
        'things',
        rows.map((next) => ({ id: next._id, expected: null, next })),
      );
      const scalars = rows.filter(({ v }) => typeof v !== 'object' || v === null);
      for (const direction of [1, -1] as const) {
        const sort = [['v', direction]] as const;
        const all = await model.find('things', {}, { sort, limit: 100 });
        expect(all).toHaveLength(rows.length);
        for (const { _id, v } of scalars) {
          const rest = await model.find('things', {}, { sort, limit: 100, after: [v, _id] });
          expect(rest).toEqual(all.slice(all.findIndex((one) => one._id === _id) + 1));
        }
      }
    });
  });
});
