import { createMemoryEventLog, LogUnavailable } from '@cairn/eventlog';
import { uuidv5, type CommandOutcome, type Issued, type Reactor, type Recorded } from '@cairn/kernel';
import { createMemoryReadModel } from '@cairn/readmodel';
import { TENANT } from '@cairn/testing';
import { createReactorRunner } from './reactor-runner.js';
import { accountStream, deposited, rewardLargeDeposits } from './spec/bank.js';
import { close, deposit, open, startedProcess, type Process, type WorldOptions } from './spec/world.js';

const running: Process[] = [];
async function started(options: WorldOptions = {}, log = createMemoryEventLog(), readModel = createMemoryReadModel()) {
  const process = await startedProcess(log, readModel, {
    projections: [],
    reactors: [rewardLargeDeposits],
    ...options,
  });
  running.push(process);
  return process;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((process) => process.stop()));
});

const bonusesOf = async ({ log }: Process, account: string): Promise<readonly string[]> =>
  (await log.read(accountStream(account))).flatMap(({ type, data }) =>
    type === 'bonus-granted' ? [data['because'] as string] : [],
  );

/** A reactor on deposits, recording what it was shown; `react` may throw or wait. */
function watcher(react: (event: Recorded, seen: string[]) => void | Promise<void> = () => {}) {
  const seen: string[] = [];
  const reactor: Reactor<typeof deposited> = {
    ...rewardLargeDeposits,
    name: 'watcher',
    react: async (event) => {
      await react(event, seen);
      seen.push(`${event.data.account}${event.data.amount}`);
      return [];
    },
  };
  return { seen, reactor };
}

describe('a reactor', () => {
  it('answers events with commands that say where they come from', async () => {
    const sent: Issued[] = [];
    const process = await started({
      dispatch: async (command): Promise<CommandOutcome> => {
        sent.push(command);
        return process.executor.execute(command);
      },
    });
    await process.run(open('a'));
    await process.run(deposit('a', 99, 100));
    await process.settled();
    const event = (await process.log.read(accountStream('a')))[2]!;
    expect(sent).toMatchObject([
      {
        type: 'grant-bonus',
        data: { account: 'a', because: event.id },
        tenant: TENANT,
        commandId: uuidv5(event.id, 'reward-large-deposits', 0),
        idSource: 'derived',
        actor: 'reactor:reward-large-deposits',
        correlationId: event.meta['$correlationId'],
        causedBy: event.id,
      },
    ]);
    expect(await bonusesOf(process, 'a')).toEqual([event.id]);
  });

  it('names a command by its key where it has one, so that another order of the answers changes nothing', async () => {
    const sent: string[] = [];
    const process = await started({
      reactors: [
        {
          ...rewardLargeDeposits,
          react: () => ['y', 'x'].map((key) => ({ key, command: open(key) })),
        },
      ],
      dispatch: (command): Promise<CommandOutcome> => {
        sent.push(command.commandId);
        return Promise.resolve({ accepted: false, code: 'account-missing', detail: '' });
      },
    });
    await process.run(open('a'));
    await process.run(deposit('a', 1));
    await process.settled();
    const event = (await process.log.read(accountStream('a')))[1]!;
    expect(sent).toEqual(['y', 'x'].map((key) => uuidv5(event.id, 'reward-large-deposits', key)));
  });

  it('has its effect once, though everything comes again', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const first = await started({}, log, readModel);
    await first.run(open('a'));
    await first.run(deposit('a', 100, 200, 300));
    await first.settled();
    await first.stop();
    await readModel.deleteCheckpoint('reactor/reward-large-deposits');
    const second = await started({ startAt: () => 'beginning' }, log, readModel);
    await second.settled();
    expect(await bonusesOf(second, 'a')).toHaveLength(3);
  });

  it('goes on after a restart where it was', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const one = watcher();
    const first = await started({ reactors: [one.reactor] }, log, readModel);
    await first.run(open('a'));
    await first.run(deposit('a', 1, 2));
    await first.settled();
    await first.stop();
    await first.run(deposit('a', 3));
    const two = watcher();
    const second = await started({ reactors: [two.reactor] }, log, readModel);
    await second.settled();
    expect([one.seen, two.seen]).toEqual([['a1', 'a2'], ['a3']]);
  });

  it('begins now when it is new, or at the beginning if told so', async () => {
    const log = createMemoryEventLog();
    const writer = await started({ reactors: [] }, log);
    await writer.run(open('a'));
    await writer.run(deposit('a', 1));
    const [fromNow, fromStart] = [watcher(), watcher()];
    const young = await started({ reactors: [fromNow.reactor] }, log);
    const thorough = await started({ reactors: [fromStart.reactor], startAt: () => 'beginning' }, log);
    await writer.run(deposit('a', 2));
    await young.settled();
    await thorough.settled();
    expect([fromNow.seen, fromStart.seen]).toEqual([['a2'], ['a1', 'a2']]);
  });

  it('keeps the order within a partition and works on many partitions at once, but not on too many', async () => {
    const gate = Promise.withResolvers<void>();
    let now = 0;
    let most = 0;
    const { reactor, seen } = watcher(async () => {
      most = Math.max(most, ++now);
      await gate.promise;
      now--;
    });
    const process = await started({ reactors: [reactor], limits: { partitionsAtOnce: 3, unfinishedEvents: 6 } });
    for (const account of ['a', 'b', 'c', 'd', 'e']) await process.run(open(account));
    for (let i = 1; i <= 4; i++)
      for (const account of ['a', 'b', 'c', 'd', 'e']) await process.run(deposit(account, i));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(most).toBe(3);
    gate.resolve();
    await process.settled();
    expect(most).toBe(3);
    for (const account of ['a', 'b', 'c', 'd', 'e'])
      expect(seen.filter((entry) => entry.startsWith(account))).toEqual([1, 2, 3, 4].map((i) => `${account}${i}`));
  });

  it('never lets its checkpoint pass an event that is not finished', async () => {
    const gate = Promise.withResolvers<void>();
    const { reactor } = watcher((event) =>
      (event.data as { account: string }).account === 'slow' ? gate.promise : undefined,
    );
    const process = await started({ reactors: [reactor] });
    await process.run(open('slow'));
    await process.run(open('a'));
    const before = await process.log.head();
    await process.run(deposit('slow', 1));
    await process.run(deposit('a', 1, 2, 3));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await process.reactions.status()).toMatchObject([{ state: 'running', unfinished: 1, position: before }]);
    expect(await process.readModel.loadCheckpoint('reactor/watcher')).toMatchObject({ position: before });
    gate.resolve();
    await process.settled();
    await process.stop();
    expect(await process.readModel.loadCheckpoint('reactor/watcher')).toMatchObject({
      position: await process.log.head(),
    });
  });

  it('takes the refusals that it lists for answers, and tries again after a lost race or an outage', async () => {
    const answers: (CommandOutcome | Error)[] = [
      { accepted: false, code: 'revision-conflict', detail: '' },
      new LogUnavailable('unknown', 'gone'),
    ];
    const process = await started({
      dispatch: async (command) => {
        const next = answers.shift();
        if (next instanceof Error) throw next;
        return next ?? process.executor.execute(command);
      },
    });
    await process.run(open('a'));
    await process.run(deposit('a', 100, 200));
    await process.settled();
    expect(await bonusesOf(process, 'a')).toHaveLength(2);
    await process.stop();
    await process.run(deposit('a', 100));
    await process.run(close('a'));
    const late = await started({}, process.log, process.readModel);
    await late.settled();
    expect(await late.reactions.parked()).toEqual([]);
  });

  it('may wait for a projection and look things up there', async () => {
    const { balances } = await import('./spec/bank.js');
    const found: unknown[] = [];
    const { reactor } = watcher();
    const looking: typeof reactor = {
      ...reactor,
      react: async (event, context) => {
        await context.waitFor('balances', event.position);
        found.push(...(await context.find('balances', { account: event.data.account }, { limit: 1 })));
        return [];
      },
    };
    const process = await started({ projections: [balances], reactors: [looking] });
    await process.run(open('a'));
    await process.run(deposit('a', 1));
    await process.settled();
    expect(found).toMatchObject([{ balance: 1 }]);
  });

  it('waits, and does not skip, while the projection that it asks for is behind', async () => {
    const { reactor, seen } = watcher();
    const looking: typeof reactor = {
      ...reactor,
      react: async (event, context) => {
        await context.waitFor('balances', event.position);
        return reactor.react(event, context);
      },
    };
    const process = await started({ reactors: [looking] });
    await process.run(open('a'));
    await process.run(deposit('a', 1));
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(process.troubles.join()).toContain('balances has not reached');
    process.waiters.advance('balances', await process.log.head());
    await process.settled();
    expect(seen).toEqual(['a1']);
  });

  it('is refused when two have a name', () => {
    expect(() => createReactorRunner({ reactors: [rewardLargeDeposits, rewardLargeDeposits] } as never)).toThrow(
      'two reactors',
    );
  });
});

describe('a partition', () => {
  it('is parked by a refusal that is not an answer, with its later events, until a retry', async () => {
    let refusing = true;
    const process = await started({
      dispatch: async (command) =>
        refusing && command.data !== null && (command.data as { account: string }).account === 'a'
          ? { accepted: false, code: 'date-in-future', detail: 'not yet' }
          : process.executor.execute(command),
    });
    for (const account of ['a', 'b']) await process.run(open(account));
    await process.run(deposit('a', 100, 200));
    await process.run(deposit('b', 100));
    await process.settled();
    expect(await bonusesOf(process, 'a')).toEqual([]);
    expect(await bonusesOf(process, 'b')).toHaveLength(1);
    const [event] = await process.log.read(accountStream('a'), { from: 1, limit: 1 });
    expect(await process.reactions.parked()).toMatchObject([
      { runner: 'reactor', name: 'reward-large-deposits', key: 'a', code: 'date-in-future', eventId: event?.id },
    ]);
    expect(await process.reactions.retry('reward-large-deposits', 'a')).toMatchObject({ code: 'date-in-future' });
    refusing = false;
    await process.run(deposit('a', 300));
    await process.settled();
    expect(await process.reactions.retry('reward-large-deposits', 'a')).toBeUndefined();
    expect(await bonusesOf(process, 'a')).toHaveLength(3);
    expect(await process.reactions.parked()).toEqual([]);
    await process.run(deposit('a', 400));
    await process.settled();
    expect(await bonusesOf(process, 'a')).toHaveLength(4);
  });

  it('stays parked over a restart, and goes on without the event that a person discards', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const broken = () =>
      watcher((event) => {
        if ((event.data as { amount: number }).amount === 13) throw new TypeError('unlucky');
      });
    const first = await started({ reactors: [broken().reactor] }, log, readModel);
    await first.run(open('a'));
    await first.run(deposit('a', 1, 13, 2));
    await first.settled();
    expect(await first.reactions.parked()).toMatchObject([{ key: 'a', code: 'handler-failed', detail: 'unlucky' }]);
    await first.stop();
    const { reactor, seen } = broken();
    const second = await started({ reactors: [reactor] }, log, readModel);
    await second.run(deposit('a', 3));
    await second.settled();
    expect(seen).toEqual([]);
    expect(await second.reactions.status()).toMatchObject([{ parked: 1 }]);
    expect(await second.reactions.discard('watcher', 'a')).toBeUndefined();
    expect(seen).toEqual(['a2', 'a3']);
    await second.run(deposit('a', 4));
    await second.settled();
    expect(seen).toEqual(['a2', 'a3', 'a4']);
  });

  it('is parked by an event that cannot be decoded; the reactor stops if nobody can say which partition that is', async () => {
    const { reactor, seen } = watcher();
    const process = await started({ reactors: [reactor] });
    const corrupt = (data: object) => ({
      id: uuidv5('00000000-0000-5000-8000-000000000000', JSON.stringify(data)),
      type: 'money-deposited',
      data: data as never,
      meta: { tenant: TENANT, schemaVersion: '2', $causationId: 'x', recordedAt: '2026-01-01T00:00:00.000Z' },
    });
    await process.log.append(accountStream('x'), 'none', [corrupt({ account: 'x', branch: 'north', amount: -1 })]);
    await process.run(open('b'));
    await process.run(deposit('b', 1));
    await process.settled();
    expect(await process.reactions.parked()).toMatchObject([{ key: 'x', code: 'event-corrupt' }]);
    await process.log.append(accountStream('x'), 0, [corrupt({ account: 7, branch: 'north', amount: 1 })]);
    await process.run(deposit('b', 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await process.reactions.status()).toMatchObject([{ state: 'stopped' }]);
    expect(seen).toEqual(['b1']);
    await process.reactions.discard('watcher', '*');
    await process.settled();
    expect(seen).toEqual(['b1', 'b2']);
  });
});

describe('a reactor whose log was rewound', () => {
  it.each(['retry', 'discard'] as const)('stops, and begins at the beginning or now by %s', async (how) => {
    const readModel = createMemoryReadModel();
    const before = await started({}, createMemoryEventLog(), readModel);
    for (const account of ['a', 'b', 'c']) await before.run(open(account));
    await before.run(deposit('a', 1));
    await before.settled();
    await before.stop();
    const restored = createMemoryEventLog();
    const writer = await started({ reactors: [] }, restored);
    await writer.run(open('a'));
    await writer.run(deposit('a', 100));
    const after = await started({}, restored, readModel);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await after.reactions.status()).toMatchObject([
      { state: 'stopped', reason: expect.stringContaining('log-rewound') as string },
    ]);
    await after.reactions[how]('reward-large-deposits', '*');
    await after.run(deposit('a', 200));
    await after.settled();
    expect(await bonusesOf(after, 'a')).toHaveLength(how === 'retry' ? 2 : 1);
  });
});

describe('two processes', () => {
  it('share a reactor: one works, the other takes over when the lease runs out', async () => {
    const [log, readModel] = [createMemoryEventLog(), createMemoryReadModel()];
    const one = await started({ owner: 'one', leaseTtlMs: 1_000 }, log, readModel);
    const two = await started({ owner: 'two', leaseTtlMs: 1_000 }, log, readModel);
    await one.run(open('a'));
    await one.run(deposit('a', 100));
    await one.settled();
    expect((await two.reactions.status())[0]).toMatchObject({ state: 'standby' });
    await one.stop();
    await two.run(deposit('a', 200));
    await two.settled();
    expect(await bonusesOf(two, 'a')).toHaveLength(2);
  });
});
