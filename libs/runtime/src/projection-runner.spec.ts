import { createMemoryEventLog } from '@cairn/eventlog';
import type { Recorded } from '@cairn/kernel';
import {
  createMemoryReadModel,
  openMongoReadModel,
  openSqliteReadModel,
  ReadModelUnavailable,
  type ReadModel,
} from '@cairn/readmodel';
import { freshId, startMongoDouble, TENANT } from '@cairn/testing';
import { collectionHash } from './collection-hash.js';
import { createProjectionRunner } from './projection-runner.js';
import { accountStream, balances, bankCodec, bankProjections, branches } from './spec/bank.js';
import {
  close,
  deposit,
  move,
  open,
  processOn,
  startedProcess,
  type Process,
  type WorldOptions,
} from './spec/world.js';

const id = (account: string): string => `${TENANT}:${account}`;
const running: Process[] = [];
const started: typeof startedProcess = async (...options) => {
  const process = await startedProcess(...options);
  running.push(process);
  return process;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((process) => process.stop()));
});

async function eventually(check: () => Promise<void>, deadline = Date.now() + 2_000): Promise<void> {
  for (;;)
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

const viewsOf = ({ views }: Process) => views;
async function someHistory({ run }: Process): Promise<void> {
  for (const account of ['a', 'b', 'c']) await run(open(account, account === 'c' ? 'south' : 'north'));
  await run(deposit('a', 10, 20));
  await run(move('a', 'b', 5));
  await run(close('c'));
}

/** `balances` with an evolve that fails on deposits of 13. */
const fussy = (failsOn = 13): typeof balances => ({
  ...balances,
  evolve: (document, event, key) => {
    if (event.type === 'money-deposited' && event.data.amount === failsOn) throw new Error('unlucky');
    return balances.evolve(document, event, key);
  },
});

describe('projections', () => {
  it('hold what the events say, documents of several events and events of several documents included', async () => {
    const process = await started();
    await someHistory(process);
    await process.caughtUp();
    const views = viewsOf(process);
    expect(await views.get('balances', id('a'))).toEqual({ _id: id('a'), account: 'a', balance: 25, facts: 4 });
    expect(await views.get('balances', id('b'))).toMatchObject({ balance: 5, facts: 2 });
    expect(await views.get('branches', id('north'))).toMatchObject({ 'account-opened': 2, 'money-moved': 1, sum: 35 });
    const found = await views.find('balances', { balance: { $gte: 5 } }, { sort: [['balance', -1]], limit: 10 });
    expect(found.map(({ account }) => account)).toEqual(['a', 'b']);
  });

  it('hide what was deleted, and bring it back when it comes back', async () => {
    const process = await started();
    await someHistory(process);
    await process.caughtUp();
    const views = viewsOf(process);
    expect(await views.get('balances', id('c'))).toBeUndefined();
    expect(await views.find('balances', {}, { limit: 10 })).toHaveLength(2);
    expect(await views.find('balances', { _id: { $gt: '' } }, { limit: 10 })).toHaveLength(2);
    expect(await views.aggregate('balances', [{ $group: { _id: null, n: { $sum: 1 } } }])).toMatchObject([{ n: 2 }]);
    await process.run(open('c', 'east'));
    await process.run(deposit('c', 7));
    await process.caughtUp();
    expect(await views.get('balances', id('c'))).toMatchObject({ balance: 7, facts: 2 });
  });

  it('remove tombstones once the checkpoint has passed them for long enough', async () => {
    const process = await started(undefined, undefined, { limits: { tombstoneMs: 0 } });
    await someHistory(process);
    await process.caughtUp();
    await process.run(deposit('a', 1));
    await process.caughtUp();
    await process.stop();
    running.pop();
    expect(await process.readModel.load('balances__v1', [id('c')])).toEqual([]);
  });

  it('go on after a restart where they were, on whichever side of the checkpoint the crash was', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    let saved = 0;
    const crashing: ReadModel = {
      ...readModel,
      saveCheckpoint: async (...save) => (saved++ < 2 ? readModel.saveCheckpoint(...save) : false),
    };
    const first = await started(log, crashing);
    await someHistory(first);
    await first.waiters.waitFor(['branches'], await log.head(), 1_000);
    const second = await started(log, readModel, { owner: 'only' });
    await second.caughtUp();
    expect(await viewsOf(second).get('branches', id('north'))).toMatchObject({ sum: 35, 'money-deposited': 2 });
    await second.stop();
    expect((await readModel.loadCheckpoint('balances__v1#0of1'))?.epoch).toBeGreaterThan(1);
  });

  describe('far behind', () => {
    const behind = async (options: WorldOptions = {}, wrap = (readModel: ReadModel): ReadModel => readModel) => {
      const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
      const writer = await started(log, undefined, { projections: [] });
      await someHistory(writer);
      for (let n = 1; n <= 60; n++) await writer.run(deposit(n % 3 === 0 ? 'a' : 'b', n));
      await writer.stop();
      let writes = 0;
      const counting: ReadModel = {
        ...readModel,
        writeGuarded: (collection, bulk) => {
          if (collection === 'balances__v1') writes += bulk.length;
          return readModel.writeGuarded(collection, bulk);
        },
      };
      const process = await started(log, wrap(counting), { batchEvents: 2, ...options });
      await process.caughtUp();
      return { process, readModel, writes };
    };
    const sums = { a: 25 + 630, b: 5 + 1_200 };

    it('write each document once for many batches', async () => {
      const { process, writes } = await behind();
      expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: sums.a, facts: 24 });
      expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: sums.b });
      expect(writes).toBeLessThan(10);
    });

    it('go back and fold again what was lost, refused for a while, or written by somebody else', async () => {
      let calls = 0;
      const { process } = await behind({}, (readModel) => ({
        ...readModel,
        writeGuarded: async (collection, bulk) => {
          if (collection !== 'balances__v1') return readModel.writeGuarded(collection, bulk);
          calls++;
          if (calls === 1) return bulk.map(() => 'lost'); // nothing written
          if (calls === 2) throw new ReadModelUnavailable('for a moment');
          if (calls !== 3) return readModel.writeGuarded(collection, bulk);
          await readModel.writeGuarded(collection, bulk); // the answer is lost
          throw new ReadModelUnavailable('for a moment');
        },
      }));
      expect(calls).toBeGreaterThan(3);
      expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: sums.a, facts: 24 });
      expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: sums.b });
    });

    it('park what fails among many batches, fold the rest, and fold the parked key on a retry', async () => {
      let unlucky = true;
      const grudging: typeof balances = {
        ...balances,
        evolve: (...args) => (unlucky ? fussy(33) : balances).evolve(...args),
      };
      const { process } = await behind({ projections: [grudging] });
      expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: sums.b });
      expect(await process.runner.parked()).toMatchObject([{ key: id('a'), code: 'handler-failed' }]);
      unlucky = false;
      expect(await process.runner.retry('balances', id('a'))).toBeUndefined();
      expect(await viewsOf(process).get('balances', id('a'))).toEqual({
        _id: id('a'),
        account: 'a',
        balance: sums.a,
        facts: 24,
      });
    });
  });

  it('read again and fold on what somebody else wrote in the meantime', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const writer = await started(log, undefined, { projections: [] });
    await writer.run(open('a'));
    const afterOpening = await log.head();
    await writer.run(deposit('a', 7));
    let raced = false;
    const contended: ReadModel = {
      ...readModel,
      writeGuarded: async (collection, writes) => {
        if (collection === 'balances__v1' && !raced) {
          raced = true; // another holder, that had read only the first event
          const next = { _id: id('a'), _p: afterOpening, account: 'a', balance: 0, facts: 1 };
          await readModel.writeGuarded(collection, [{ id: id('a'), expected: null, next }]);
        }
        return readModel.writeGuarded(collection, writes);
      },
    };
    const process = await started(log, contended);
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 7, facts: 2 });
    expect(raced).toBe(true);
  });

  it('leave positions of documents alone that an event does not change', async () => {
    const process = await started();
    await someHistory(process);
    await process.caughtUp();
    const [before] = await process.readModel.load('balances__v1', [id('b')]);
    await process.run(move('a', 'nowhere', 1));
    await process.caughtUp();
    expect(await process.readModel.load('balances__v1', [id('b')])).toEqual([before]);
    expect(await process.readModel.load('balances__v1', [id('nowhere')])).toEqual([]);
  });

  it('wait out a store that cannot be reached, and write what was due', async () => {
    const readModel = createMemoryReadModel();
    let failures = 0;
    const flaky =
      <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
      async (...given: A): Promise<R> => {
        if (failures > 0 && failures-- > 0) throw new ReadModelUnavailable('gone for a moment');
        return call(...given);
      };
    const process = await started(undefined, {
      ...readModel,
      load: flaky(readModel.load),
      writeGuarded: flaky(readModel.writeGuarded),
      saveCheckpoint: flaky(readModel.saveCheckpoint),
    });
    await someHistory(process);
    failures = 9;
    await process.run(deposit('b', 100));
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: 105 });
    expect(process.troubles.length).toBeGreaterThan(0);
  });

  it('of several lanes hold the same as of one', async () => {
    const log = createMemoryEventLog();
    const one = await started(log);
    const four = await started(log, undefined, { lanes: 4 });
    for (let i = 0; i < 20; i++) await one.run(open(`x${i}`, `branch${i % 5}`));
    for (let i = 0; i < 20; i++) await one.run(deposit(`x${i}`, i + 1));
    await one.caughtUp();
    await four.caughtUp();
    for (const { name } of bankProjections)
      expect(await collectionHash(four.readModel, `${name}__v1`)).toEqual(
        await collectionHash(one.readModel, `${name}__v1`),
      );
    await four.stop();
    for (const lane of [0, 1, 2, 3])
      expect(await four.readModel.loadCheckpoint(`balances__v1#${lane}of4`)).toMatchObject({
        position: await log.head(),
      });
  });

  it('tell where they stand', async () => {
    const process = await started();
    await someHistory(process);
    await process.caughtUp();
    const head = await process.log.head();
    expect(await process.runner.status()).toMatchObject([
      { name: 'balances', version: 1, collection: 'balances__v1', state: 'live', position: head, lagMs: 0, parked: 0 },
      { name: 'branches', state: 'live' },
      { name: 'bonus_list', state: 'live', position: head },
    ]);
  });

  it('are refused when two have a name, or with a unique index', async () => {
    const process = await started();
    const create = (projections: readonly (typeof balances)[]) =>
      createProjectionRunner({ ...process, codec: bankCodec(), projections, owner: 'x' });
    expect(() => create([balances, balances])).toThrow('two projections');
    expect(() => create([{ ...balances, indexes: [{ name: 'u', fields: [['a', 1]], unique: true }] }])).toThrow(
      'unique',
    );
  });
});

describe('a failing document', () => {
  it('is parked with its later events while all others go on, and says so', async () => {
    const process = await started(undefined, undefined, { projections: [fussy(), branches] });
    await someHistory(process);
    await process.run(deposit('a', 1, 13, 100));
    await process.run(deposit('b', 2));
    await process.caughtUp();
    const views = viewsOf(process);
    const [event] = await process.log.read(accountStream('a'), { from: 5, limit: 1 });
    expect(await views.get('balances', id('a'))).toMatchObject({
      balance: 26,
      _parked: { event: event?.id, code: 'handler-failed' },
    });
    expect(await views.get('balances', id('b'))).toMatchObject({ balance: 7 });
    expect(await views.get('branches', id('north'))).toMatchObject({ sum: 151 });
    expect(await process.runner.parked()).toMatchObject([
      {
        name: 'balances',
        key: id('a'),
        code: 'handler-failed',
        detail: 'unlucky',
        eventId: event?.id,
        runner: 'projection',
      },
    ]);
    expect((await process.runner.status())[0]).toMatchObject({ state: 'live', parked: 1 });
  });

  it('that never came to be is seen as parked, not as missing', async () => {
    const never = { ...balances, evolve: () => { throw new Error('no'); } }; // prettier-ignore
    const process = await started(undefined, undefined, { projections: [never] });
    await process.run(open('a'));
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('a'))).toEqual({
      _id: id('a'),
      _parked: { event: expect.any(String) as string, code: 'handler-failed' },
    });
    expect(await viewsOf(process).find('balances', {}, { limit: 10 })).toEqual([]);
  });

  it('stays parked over a restart, and is folded to the end by a retry with a mended program', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const broken = await started(log, readModel, { projections: [fussy()] });
    await someHistory(broken);
    await broken.run(deposit('a', 13, 100));
    await broken.caughtUp();
    expect(await broken.runner.retry('balances', id('a'))).toMatchObject({ code: 'handler-failed' });
    await broken.stop();
    const mended = await started(log, readModel, { projections: [balances] });
    await mended.run(deposit('a', 1_000));
    await mended.caughtUp();
    expect(await viewsOf(mended).get('balances', id('a'))).toMatchObject({ balance: 25 });
    expect(await mended.runner.retry('balances', id('a'))).toBeUndefined();
    expect(await viewsOf(mended).get('balances', id('a'))).toEqual({
      _id: id('a'),
      account: 'a',
      balance: 1_138,
      facts: 7,
    });
    expect(await mended.runner.parked()).toEqual([]);
    await mended.run(deposit('a', 1));
    await mended.caughtUp();
    expect(await viewsOf(mended).get('balances', id('a'))).toMatchObject({ balance: 1_139 });
  });

  it('goes on without the event that a person discards, for ever', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const process = await started(log, readModel, { projections: [fussy()] });
    await someHistory(process);
    await process.run(deposit('a', 13, 50, 13));
    await process.caughtUp();
    expect(await process.runner.discard('balances', id('a'))).toMatchObject({ code: 'handler-failed' });
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 75 });
    expect(await process.runner.discard('balances', id('a'))).toBeUndefined();
    expect(await viewsOf(process).get('balances', id('a'))).not.toHaveProperty('_parked');
    await process.stop();
    await readModel.deleteCheckpoint('balances__v1#0of1'); // everything comes again
    const again = await started(log, readModel, { projections: [fussy()] });
    await again.caughtUp();
    expect(await again.runner.parked()).toEqual([]);
    expect(await viewsOf(again).get('balances', id('a'))).toMatchObject({ balance: 75 });
  });

  it('is found event by event when the store will not take what it became', async () => {
    const unsafe = {
      ...balances,
      evolve: (...[document, event, key]: Parameters<typeof balances.evolve>) => {
        const next = balances.evolve(document, event, key);
        return next && event.type === 'money-deposited' && event.data.amount === 13
          ? { ...next, balance: Number.NaN }
          : next;
      },
    };
    const process = await started(undefined, undefined, { projections: [unsafe] });
    await someHistory(process);
    await Promise.all([process.run(deposit('a', 1, 13, 1)), process.run(deposit('b', 1))]);
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({
      balance: 26,
      _parked: { code: 'document-refused' },
    });
    expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: 6 });
  });

  it('among too many stops the lane, which goes on by a retry', async () => {
    const process = await started(undefined, undefined, {
      projections: [fussy(), branches],
      limits: { parkedKeys: 2 },
    });
    for (const account of ['a', 'b', 'c', 'd']) await process.run(open(account));
    for (const account of ['a', 'b', 'c']) await process.run(deposit(account, 13));
    await process.caughtUp(['branches']);
    await process.caughtUp();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await process.runner.status())[0]).toMatchObject({
      state: 'stopped',
      lanes: [{ reason: expect.stringContaining('too-many-parked') as string }],
    });
    await expect(process.runner.discard('balances', '*')).rejects.toThrow('no single event');
    for (const account of ['a', 'b']) await process.runner.discard('balances', id(account));
    await process.runner.retry('balances', '*');
    await process.run(deposit('d', 5));
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('d'))).toMatchObject({ balance: 5 });
  });
});

describe('an event that cannot be decoded', () => {
  const foreign = (type: string, data: object, schemaVersion = '1') => ({
    id: freshId(),
    type,
    data: data as Recorded['data'] as never,
    meta: { tenant: TENANT, schemaVersion, $causationId: freshId(), recordedAt: '2026-01-01T00:00:00.000Z' },
  });

  it('of an unknown type is nobody’s business', async () => {
    const process = await started();
    await process.log.append(accountStream('a'), 'none', [foreign('never-heard-of', {})]);
    await process.run(open('b'));
    await process.caughtUp();
    expect(await process.runner.parked()).toEqual([]);
  });

  it('parks the documents that it surely touches', async () => {
    const process = await started(undefined, undefined, { projections: [balances, branches] });
    await process.run(open('a'));
    await process.log.append(accountStream('a'), 0, [
      foreign('money-deposited', { account: 'a', branch: 'north', amount: 'much' }, '2'),
    ]);
    await process.run(open('b', 'south'));
    await process.caughtUp();
    expect(await process.runner.parked()).toMatchObject([
      { key: id('a'), code: 'event-corrupt' },
      { key: id('north'), code: 'event-corrupt' },
    ]);
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ _parked: { code: 'event-corrupt' } });
    expect(await viewsOf(process).get('balances', id('b'))).toMatchObject({ balance: 0 });
  });

  it('parks nothing of a projection that takes events undecoded: it is given what is stored', async () => {
    const seen: unknown[] = [];
    const counting: typeof branches = {
      ...branches,
      undecoded: true,
      evolve: (document, event) => {
        seen.push(event.data);
        return { sum: (document?.['sum'] ?? 0) + 1 };
      },
    };
    const process = await started(undefined, undefined, { projections: [counting] });
    await process.run(open('a'));
    const broken = { account: 'a', branch: 'north', amount: 'much' };
    await process.log.append(accountStream('a'), 0, [foreign('money-deposited', broken, '99')]);
    await process.caughtUp();
    expect(await process.runner.parked()).toEqual([]);
    expect(await viewsOf(process).get('branches', id('north'))).toMatchObject({ sum: 2 });
    expect(seen[1]).toEqual(broken);
  });

  it('stops the projection if nobody can say which documents it touches; a newer program or a discard goes on', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const old = await started(log, readModel, { projections: [balances, branches] });
    await old.run(open('a'));
    await log.append(accountStream('a'), 0, [foreign('account-closed', { account: 5, branch: 'north' })]);
    await old.run(open('b', 'south'));
    await old.caughtUp(['branches']);
    expect(await old.waiters.waitFor(['balances'], await log.head(), 100)).toBe(false);
    expect((await old.runner.status())[0]).toMatchObject({ state: 'stopped', parked: 0 });
    expect(await old.runner.parked()).toMatchObject([
      { name: 'balances', key: '*', code: 'event-corrupt', eventType: 'account-closed' },
      { name: 'branches', key: id('north'), code: 'event-corrupt' },
    ]);
    await old.stop();
    const same = await started(log, readModel, { projections: [balances, branches] });
    expect(await same.waiters.waitFor(['balances'], await log.head(), 100)).toBe(false);
    await same.runner.discard('balances', '*');
    await same.caughtUp();
    expect(await viewsOf(same).get('balances', id('b'))).toMatchObject({ balance: 0 });
    expect(await same.runner.parked()).toMatchObject([{ name: 'branches' }]);
  });
});

describe('a rebuild', () => {
  it('folds everything anew beside the live collection, finds it equal, and takes its place', async () => {
    const process = await started();
    await someHistory(process);
    const parities = await process.runner.rebuild();
    expect(parities).toMatchObject([
      { name: 'balances', documents: 2, equal: true, differing: [] },
      { name: 'branches', documents: 2, equal: true },
      { name: 'bonus_list', documents: 0, equal: true },
    ]);
    for (const { liveHash, rebuiltHash } of parities) expect(rebuiltHash).toBe(liveHash);
    expect(process.runner.collectionOf('balances')).toBe('balances__v1__2');
    expect(await process.readModel.collections()).toEqual(expect.arrayContaining(['balances__v1', 'balances__v1__2']));
    await process.run(deposit('a', 1));
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 26 });
    expect(parities[0]?.rebuiltHash).not.toBe((await collectionHash(process.readModel, 'balances__v1__2')).hash);
    expect(parities[0]?.liveHash).toBe((await collectionHash(process.readModel, 'balances__v1')).hash);
  });

  it('goes on when its leases lapsed because the process was held up', async () => {
    const [log, memory] = [createMemoryEventLog(), createMemoryReadModel()];
    let held = 0;
    const readModel: ReadModel = {
      ...memory,
      find: async (collection, filter, options) => {
        const found = await memory.find(collection, filter, options);
        if (collection === 'balances__v1__2' && held++ === 0) for (const until = Date.now() + 400; Date.now() < until;);
        return found;
      },
    };
    const process = await started(log, readModel, { leaseTtlMs: 300 });
    await someHistory(process);
    expect(await process.runner.rebuild(['balances'])).toMatchObject([{ documents: 2, equal: true }]);
    expect(held).toBeGreaterThan(0);
    expect(process.runner.collectionOf('balances')).toBe('balances__v1__2');
  });

  it('names the documents that differ, and leaves no trace if it is only to compare', async () => {
    const process = await started();
    await someHistory(process);
    await process.caughtUp();
    const [document] = await process.readModel.load('balances__v1', [id('a')]);
    await process.readModel.writeGuarded('balances__v1', [
      { id: id('a'), expected: document!._p, next: { ...document!, balance: 1_000_000 } },
      { id: id('zz'), expected: null, next: { _id: id('zz'), _p: '', balance: 1 } },
    ]);
    const before = await process.readModel.collections();
    expect(await process.runner.rebuild(['balances'], { switch: false })).toMatchObject([
      { equal: false, differing: [id('a'), id('zz')], documents: 2 },
    ]);
    expect(await process.readModel.collections()).toEqual(before);
    expect(process.runner.collectionOf('balances')).toBe('balances__v1');
    await process.runner.rebuild(['balances'], { dropOld: true });
    expect(await process.readModel.collections()).not.toContain('balances__v1');
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 25 });
  });

  it('compares at one position though commands go on', async () => {
    const process = await started(undefined, undefined, { lanes: 2 });
    await someHistory(process);
    let going = true;
    const traffic = (async () => {
      for (let i = 0; going; i++) {
        await process.run(deposit(i % 2 ? 'a' : 'b', 1));
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const parities = await process.runner.rebuild();
    going = false;
    await traffic;
    expect(parities.map(({ equal }) => equal)).toEqual([true, true, true]);
    await process.caughtUp();
    expect(await process.runner.rebuild()).toMatchObject([{ equal: true }, { equal: true }, { equal: true }]);
  });

  it('broken off by a crash leaves the live collection serving, and is cleared away at the next start', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const gate = Promise.withResolvers<void>();
    const stuck: ReadModel = {
      ...readModel,
      writeGuarded: async (collection, writes) => {
        if (collection === 'balances__v1__2') await gate.promise;
        return readModel.writeGuarded(collection, writes);
      },
    };
    const first = processOn(log, stuck);
    await first.runner.start();
    await someHistory(first);
    await first.caughtUp();
    const broken = first.runner.rebuild(['balances']);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await readModel.collections()).toContain('balances__v1__2');
    const second = await started(log, readModel);
    await eventually(async () => expect(await readModel.collections()).not.toContain('balances__v1__2'));
    expect(second.runner.collectionOf('balances')).toBe('balances__v1');
    await second.caughtUp();
    expect(await second.runner.rebuild()).toMatchObject([{ equal: true }, { equal: true }, { equal: true }]);
    first.stop().catch(() => {});
    gate.resolve();
    await expect(broken).rejects.toThrow('broken off');
  });
});

describe('a new version of a projection', () => {
  const doubled = {
    ...balances,
    version: 2,
    evolve: (...[document, event, key]: Parameters<typeof balances.evolve>) => {
      const next = balances.evolve(document && { ...document, balance: document.balance / 2 }, event, key);
      return next && { ...next, balance: next.balance * 2 };
    },
  };

  it('is filled beside the old one and becomes live once it has caught up; the old one stays one release', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const old = await started(log, readModel, { projections: [balances] });
    await someHistory(old);
    await old.caughtUp();
    await old.stop();
    const gate = Promise.withResolvers<void>();
    const slow: ReadModel = {
      ...readModel,
      writeGuarded: async (collection, writes) => {
        if (collection === 'balances__v2') await gate.promise;
        return readModel.writeGuarded(collection, writes);
      },
    };
    const young = await started(log, slow, { projections: [doubled] });
    expect(await young.runner.status()).toMatchObject([{ state: 'warming', version: 2, collection: 'balances__v1' }]);
    expect(await viewsOf(young).get('balances', id('a'))).toMatchObject({ balance: 25 });
    expect(await young.waiters.waitFor(['balances'], await log.head(), 20)).toBe(false);
    gate.resolve();
    await young.caughtUp();
    expect(young.runner.collectionOf('balances')).toBe('balances__v2');
    expect(await viewsOf(young).get('balances', id('a'))).toMatchObject({ balance: 50 });
    expect(await readModel.collections()).toContain('balances__v1');
  });
});

describe.each([
  ['memory', async () => createMemoryReadModel()],
  ['SQLite', async () => openSqliteReadModel({ file: ':memory:' })],
  [
    "MongoDB's double",
    async () => {
      const double = await startMongoDouble();
      const model = await openMongoReadModel({ url: double.url, database: 'cairn' });
      return { ...model, close: () => model.close().then(double.stop) };
    },
  ],
] satisfies [string, () => Promise<ReadModel>][])('processes that start at once, on %s', (_store, openStore) => {
  let readModel: ReadModel;
  beforeEach(async () => {
    readModel = await openStore();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((process) => process.stop()));
    await readModel.close();
  });
  /** A process that found nothing in the store, and goes on when the other has long begun. */
  const hesitant = (goOn: Promise<void>): ReadModel => ({
    ...readModel,
    load: async (collection, ids) => {
      const found = await readModel.load(collection, ids);
      if (collection === 'runtime_builds') await goOn;
      return found;
    },
  });
  const both = async (projections: WorldOptions['projections'] & object): Promise<readonly [Process, Process]> => {
    const log = createMemoryEventLog();
    const gate = Promise.withResolvers<void>();
    const slow = processOn(log, hesitant(gate.promise), { projections, owner: 'slow' });
    running.push(slow);
    const starting = slow.runner.start();
    const quick = await started(log, readModel, { projections, owner: 'quick' });
    await someHistory(quick);
    await quick.caughtUp();
    gate.resolve();
    await starting;
    return [quick, slow];
  };

  it('fill one build of each projection', async () => {
    const [quick, slow] = await both(bankProjections);
    for (const { name } of bankProjections)
      expect(slow.runner.collectionOf(name)).toBe(quick.runner.collectionOf(name));
    expect((await readModel.collections()).filter((name) => name.endsWith('__2'))).toEqual([]);
    expect(await viewsOf(slow).get('balances', id('a'))).toMatchObject({ balance: 25 });
    await quick.runner.stop();
    await slow.run(deposit('a', 1));
    await slow.caughtUp();
    expect(await viewsOf(quick).get('balances', id('a'))).toMatchObject({ balance: 26 });
  });

  it('fill one build of a new version, and both read it once it is live', async () => {
    const old = await started(createMemoryEventLog(), readModel, { projections: [balances] });
    await old.stop();
    const [quick, slow] = await both([{ ...balances, version: 2 }]);
    await eventually(async () => expect(slow.runner.collectionOf('balances')).toBe('balances__v2'));
    expect(quick.runner.collectionOf('balances')).toBe('balances__v2');
    expect((await readModel.collections()).filter((name) => name.startsWith('balances'))).toEqual([
      'balances__v1',
      'balances__v2',
    ]);
  });

  it('leave a rebuild alone that the other has begun', async () => {
    const log = createMemoryEventLog();
    const gate = Promise.withResolvers<void>();
    const held: ReadModel = {
      ...readModel,
      writeGuarded: async (collection, writes) => {
        if (collection === 'balances__v1__2') await gate.promise;
        return readModel.writeGuarded(collection, writes);
      },
    };
    const first = await started(log, held, { owner: 'first' });
    await someHistory(first);
    await first.caughtUp();
    const rebuilding = first.runner.rebuild(['balances']);
    await eventually(async () => expect(await readModel.collections()).toContain('balances__v1__2'));
    const second = await started(log, readModel, { owner: 'second' });
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.resolve();
    expect(await rebuilding).toMatchObject([{ equal: true }]);
    expect(first.runner.collectionOf('balances')).toBe('balances__v1__2');
    expect(await second.readModel.load('balances__v1__2', [id('a')])).toMatchObject([{ balance: 25 }]);
  });
});

describe('a log that was rewound', () => {
  it('has its read models folded anew, without the documents of events that never were', async () => {
    const readModel = createMemoryReadModel();
    const before = await started(createMemoryEventLog(), readModel);
    await someHistory(before);
    await before.run(open('lost'));
    await before.caughtUp();
    await before.stop();
    const restored = createMemoryEventLog();
    const after = await started(restored, readModel);
    await after.run(open('a'));
    await after.run(deposit('a', 3));
    await after.caughtUp();
    const views = viewsOf(after);
    expect(await views.get('balances', id('lost'))).toBeUndefined();
    expect(await views.get('balances', id('a'))).toMatchObject({ balance: 3 });
    expect(after.troubles.join()).toContain('rewound');
    expect(await readModel.collections()).not.toContain('balances__v1');
  });
});

describe('a lane', () => {
  it('stands still while its lease cannot be renewed, and goes on when it can', async () => {
    const readModel = createMemoryReadModel();
    let reachable = true;
    const process = await started(
      undefined,
      {
        ...readModel,
        renewLease: async (...renewal) => {
          if (!reachable) throw new ReadModelUnavailable('gone');
          return readModel.renewLease(...renewal);
        },
        acquireLease: async (...asked) => {
          if (!reachable) throw new ReadModelUnavailable('gone');
          return readModel.acquireLease(...asked);
        },
      },
      { leaseTtlMs: 60 },
    );
    await someHistory(process);
    await process.caughtUp();
    reachable = false;
    await new Promise((resolve) => setTimeout(resolve, 70));
    await process.run(deposit('a', 5));
    expect(await process.waiters.waitFor(['balances'], await process.log.head(), 50)).toBe(false);
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 25 });
    expect((await process.runner.status())[0]).toMatchObject({ state: 'standby' });
    reachable = true;
    await process.caughtUp();
    expect(await viewsOf(process).get('balances', id('a'))).toMatchObject({ balance: 30 });
  });

  it('has one holder; the next takes over when the lease runs out, and the old one can no longer move anything', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const one = await started(log, readModel, { owner: 'one', leaseTtlMs: 1_000 });
    await someHistory(one);
    await one.caughtUp();
    const two = await started(log, readModel, { owner: 'two', leaseTtlMs: 1_000 });
    expect((await two.runner.status())[0]).toMatchObject({ state: 'standby' });
    await expect(two.runner.rebuild()).rejects.toThrow('standby');
    await one.stop();
    await two.run(deposit('a', 5));
    await two.caughtUp();
    expect(await viewsOf(two).get('balances', id('a'))).toMatchObject({ balance: 30 });
    const checkpoint = await readModel.loadCheckpoint('balances__v1#0of1');
    expect(checkpoint?.epoch).toBe(2);
    const stale = { ...checkpoint!, epoch: 1 };
    expect(await readModel.saveCheckpoint('balances__v1#0of1', checkpoint!.position, stale)).toBe(false);
  });
});
