import { createMemoryEventLog, LogUnavailable, type EventLog } from '@cairn/eventlog';
import {
  accept,
  eventIdOf,
  isInstant,
  type Command,
  type CommandOutcome,
  type FactLoader,
  type Instant,
  type Issued,
} from '@cairn/kernel';
import { at, freshId, issued, TENANT } from '@cairn/testing';
import { createCommandExecutor, type CommandReport, type ExecutorOptions } from './command-executor.js';
import { CommandOutcomeUnknown, Overloaded } from './errors.js';
import { account, accountStream, bankCodec } from './spec/bank.js';
import { systemClock } from './time.js';

const STREAM = accountStream('a');
const open = { type: 'open', data: { account: 'a', branch: 'north' } };
const deposit = (...amounts: number[]) => ({ type: 'deposit', data: { account: 'a', amounts } });
const move = (amount: number) => ({ type: 'move', data: { account: 'a', to: 'b', amount } });

function executorOn(log: EventLog, more: Partial<ExecutorOptions> = {}) {
  return createCommandExecutor({
    log,
    codec: bankCodec(),
    deciders: [account],
    clock: systemClock,
    app: 'bank/1',
    ...more,
  });
}

/** The log with every call counted and the next appends replaced by what the script says. */
function scripted(log: EventLog) {
  const script: ((append: () => ReturnType<EventLog['append']>) => ReturnType<EventLog['append']>)[] = [];
  const calls = { append: 0, read: 0 };
  const wrapped: EventLog = {
    ...log,
    append: (...request) => {
      calls.append++;
      const step = script.shift();
      return step ? step(() => log.append(...request)) : log.append(...request);
    },
    read: (...request) => {
      calls.read++;
      return log.read(...request);
    },
  };
  return { log: wrapped, script, calls };
}

const lostReply = async (append: () => Promise<unknown>): Promise<never> => {
  await append();
  throw new LogUnavailable('unknown', 'the reply was lost');
};
const lostRequest = async (): Promise<never> => {
  throw new LogUnavailable('unknown', 'the request was lost');
};
const refused = async (): Promise<never> => {
  throw new LogUnavailable('not-written', 'connection refused');
};
const never = (): Promise<never> => new Promise(() => {});

describe('a command', () => {
  it('is decided on its stream and recorded with its envelope', async () => {
    const log = createMemoryEventLog();
    const { execute } = executorOn(log, { clock: { now: () => at('2026-05-05') } });
    const command = issued(open, {
      commandId: freshId(),
      actor: 'user:7',
      causedBy: freshId(),
      traceparent: '00-1-1-01',
    });
    const outcome = await execute(command);
    expect(outcome).toMatchObject({
      accepted: true,
      outcome: 'recorded',
      replayed: false,
      stream: STREAM,
      revision: 0,
    });
    const [stored] = await log.read(STREAM);
    expect(stored).toMatchObject({
      id: eventIdOf(command.commandId, 0),
      type: 'account-opened',
      data: open.data,
      meta: {
        $causationId: command.commandId,
        $correlationId: command.correlationId,
        actor: 'user:7',
        causedBy: command.causedBy,
        tenant: TENANT,
        schemaVersion: '1',
        occurredAt: command.now,
        recordedAt: at('2026-05-05'),
        traceparent: '00-1-1-01',
        app: 'bank/1',
      },
    });
    expect(outcome).toMatchObject({
      position: stored?.position,
      events: [{ id: stored?.id, position: stored?.position }],
    });
  });

  it('that has nothing to record is accepted as unchanged, at the revision and position as they are', async () => {
    const log = createMemoryEventLog();
    const { execute } = executorOn(log);
    await execute(issued(open));
    expect(await execute(issued(open))).toEqual({
      accepted: true,
      outcome: 'unchanged',
      replayed: false,
      stream: STREAM,
      revision: 0,
      position: await log.head(),
      events: [],
    });
  });

  it('that is refused leaves nothing', async () => {
    const log = createMemoryEventLog();
    expect(await executorOn(log).execute(issued(deposit(1)))).toMatchObject({
      accepted: false,
      code: 'account-missing',
    });
    expect(await log.head()).toBe('');
  });

  it('whose event its own stream could not fold again is never written', async () => {
    const log = createMemoryEventLog();
    const { execute } = executorOn(log);
    await execute(issued(open));
    await expect(execute(issued(deposit(666_666)))).rejects.toThrow('cannot bear');
    expect(await log.read(STREAM)).toHaveLength(1);
    expect(await execute(issued(deposit(1)))).toMatchObject({ accepted: true, revision: 1 });
  });

  it('of a foreign tenant, of no decider, or of two, is a broken program', async () => {
    const { execute } = executorOn(createMemoryEventLog());
    await expect(execute(issued(open, { tenant: freshId() as never }))).rejects.toThrow('D10');
    await expect(execute(issued({ type: 'unheard-of', data: {} }))).rejects.toThrow('no decider');
    expect(() => executorOn(createMemoryEventLog(), { deciders: [account, { ...account }] })).toThrow('two deciders');
  });

  it('on a stream that this program cannot read fails with the code of the event', async () => {
    const log = createMemoryEventLog();
    const meta = { tenant: TENANT, schemaVersion: '9', $causationId: 'x' };
    await log.append(STREAM, 'none', [{ id: freshId(), type: 'account-opened', data: {}, meta }]);
    await expect(executorOn(log).execute(issued(open))).rejects.toMatchObject({ code: 'schema-version-unknown' });
  });

  it('sees other streams as facts, newer events included, and kept ones as long as they will do', async () => {
    const { log, calls } = scripted(createMemoryEventLog());
    const { execute, loader, snapshot, history } = executorOn(log);
    await execute(issued(open));
    await execute(issued(deposit(5)));
    await executorOn(log).execute(issued(deposit(6))); // by another process
    expect((await loader.foldHaving(account, STREAM, ({ balance }) => balance >= 5)).balance).toBe(5);
    expect((await loader.fold(account, STREAM)).balance).toBe(11);
    expect((await loader.foldHaving(account, STREAM, ({ balance }) => balance >= 99)).balance).toBe(11);
    expect(await loader.event(STREAM, 1)).toMatchObject({ type: 'money-deposited', revision: 1, data: { amount: 5 } });
    expect(await loader.event(STREAM, 9)).toBeUndefined();
    expect(await snapshot(account, STREAM)).toMatchObject({ revision: 2, position: await log.head() });
    expect((await history(STREAM, { from: 1 })).map(({ revision }) => revision)).toEqual([1, 2]);
    expect(calls.append).toBe(3);
  });

  it('reports what it cost', async () => {
    const reports: CommandReport[] = [];
    const { execute } = executorOn(createMemoryEventLog(), { onCommand: (report) => reports.push(report) });
    const again = issued(open);
    await execute(again);
    await execute(again);
    await execute(issued(open));
    await execute(issued(move(1)));
    await execute(issued(deposit(666_666))).catch(() => {});
    expect(reports.map(({ outcome, code }) => code ?? outcome)).toEqual([
      'recorded',
      'replayed',
      'unchanged',
      'balance-too-low',
      'Error',
    ]);
  });
});

describe('a repeated command', () => {
  const key = { commandId: freshId(), idSource: 'client' as const };

  it.each(['the same process', 'another process'])('answers like the first time, from %s', async (where) => {
    const log = createMemoryEventLog();
    const first = executorOn(log);
    await first.execute(issued(open));
    const answer = await first.execute(issued(deposit(1, 2, 3), key));
    await first.execute(issued(deposit(4)));
    const second = where === 'the same process' ? first : executorOn(log);
    expect(await second.execute(issued(deposit(1, 2, 3), key))).toEqual({
      ...answer,
      replayed: true,
      events: (await log.read(STREAM, { from: 1, limit: 3 })).map((event) => expect.objectContaining({ id: event.id })),
    });
    expect(await log.read(STREAM)).toHaveLength(5);
  });

  it('with another payload is refused when the id is a client’s, and replayed when it is derived', async () => {
    const { execute } = executorOn(createMemoryEventLog());
    await execute(issued(open));
    await execute(issued(deposit(1), key));
    expect(await execute(issued(deposit(2), key))).toMatchObject({ accepted: false, code: 'idempotency-key-reused' });
    expect(await execute(issued(deposit(2), { ...key, idSource: 'derived' }))).toMatchObject({
      replayed: true,
      events: [{ data: { amount: 1 } }],
    });
  });

  it('is recognised by its content, not by its envelope', async () => {
    const { execute } = executorOn(createMemoryEventLog());
    await execute(issued(open, { ...key, now: at('2026-01-01'), correlationId: freshId() }));
    expect(await execute(issued(open, { ...key, now: at('2027-01-01') }))).toMatchObject({ replayed: true });
  });

  it('meets its result in spite of If-Match', async () => {
    const { execute } = executorOn(createMemoryEventLog());
    await execute(issued(open, key), { expectedRevision: 'none' });
    await execute(issued(deposit(1)));
    expect(await execute(issued(open, key), { expectedRevision: 'none' })).toMatchObject({
      replayed: true,
      revision: 0,
    });
  });
});

describe('commands at the same time', () => {
  it('queue up per stream: all succeed without a conflict, in a few appends, and the stream is read once', async () => {
    const { log, calls } = scripted(createMemoryEventLog());
    const reports: CommandReport[] = [];
    const { execute } = executorOn(log, { onCommand: (report) => reports.push(report) });
    const outcomes = await Promise.all([
      execute(issued(open)),
      ...Array.from({ length: 64 }, () => execute(issued(deposit(1)))),
    ]);
    expect(outcomes.map((outcome) => outcome.accepted && outcome.revision)).toEqual([...outcomes.keys()]);
    expect(reports.every(({ retries }) => retries === 0)).toBe(true);
    expect(calls).toEqual({ append: 2, read: 1 });
  });

  it('of different streams append at the same time, so that a log can group them', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    let under = 0;
    for (let i = 0; i < 8; i++)
      script.push(async (append) => {
        if (++under === 8) release();
        await gate;
        return append();
      });
    const { execute } = executorOn(log);
    const names = 'abcdefgh'.split('');
    await Promise.all(names.map((name) => execute(issued({ type: 'open', data: { account: name, branch: 'x' } }))));
    expect(under).toBe(8);
  });

  it('from two processes are decided again on what the other wrote', async () => {
    const log = createMemoryEventLog();
    const [one, two] = [executorOn(log), executorOn(log)];
    await one.execute(issued(open));
    await two.execute(issued(deposit(10)));
    const outcomes = await Promise.all([one.execute(issued(move(10))), two.execute(issued(move(10)))]);
    expect(outcomes.map((outcome) => (outcome.accepted ? outcome.outcome : outcome.code)).toSorted()).toEqual([
      'balance-too-low',
      'recorded',
    ]);
    const many = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).execute(issued(deposit(1)))),
    );
    expect(many.every(({ accepted }) => accepted)).toBe(true);
    expect((await one.snapshot(account, STREAM)).state.balance).toBe(20);
  });

  it('are refused with the current revision after five lost races', async () => {
    const { log, script, calls } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    const other = executorOn(log);
    const beaten = async (append: () => ReturnType<EventLog['append']>) => {
      await other.execute(issued(deposit(1)));
      return append();
    };
    const through = (append: () => ReturnType<EventLog['append']>) => append();
    script.push(...Array.from({ length: 5 }, () => [beaten, through]).flat());
    expect(await execute(issued(deposit(5)))).toMatchObject({
      accepted: false,
      code: 'revision-conflict',
      detail: expect.stringContaining('5') as string,
    });
    expect(calls.append).toBe(11);
  });

  it('with If-Match are never decided again', async () => {
    const log = createMemoryEventLog();
    const [one, two] = [executorOn(log), executorOn(log)];
    await one.execute(issued(open));
    await two.execute(issued(deposit(10)));
    const stale = { accepted: false, code: 'revision-stale' };
    expect(await one.execute(issued(move(1)), { expectedRevision: 0 })).toMatchObject(stale);
    expect(await one.execute(issued(move(1)), { expectedRevision: 5 })).toMatchObject(stale);
    expect(await one.execute(issued(open), { expectedRevision: 'none' })).toMatchObject(stale);
    expect(await one.execute(issued(move(1)), { expectedRevision: 1 })).toMatchObject({ accepted: true, revision: 2 });
    await two.execute(issued(deposit(1)));
    // `one` does not know of it yet: the append finds out
    expect(await one.execute(issued(move(1)), { expectedRevision: 2 })).toMatchObject(stale);
  });

  it('never answer from a fold that is behind', async () => {
    const log = createMemoryEventLog();
    const [one, two] = [executorOn(log), executorOn(log)];
    await one.execute(issued(open));
    await two.execute(issued(deposit(10)));
    expect(await one.execute(issued(move(10)))).toMatchObject({ accepted: true, revision: 2 });
    await two.execute(issued({ type: 'close', data: { account: 'a' } }));
    expect(await one.execute(issued(open))).toMatchObject({ outcome: 'recorded', revision: 4 });
  });

  it('beyond what may wait are refused at once, with nothing written', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    script.push(never);
    const { execute } = executorOn(log, { queue: { perStream: 2, total: 3 } });
    const stuck = [execute(issued(open), { deadlineMs: 50 }), execute(issued(open), { deadlineMs: 20 })];
    const settled = Promise.allSettled(stuck);
    await expect(execute(issued(open))).rejects.toBeInstanceOf(Overloaded);
    expect(await execute(issued({ type: 'open', data: { account: 'b', branch: 'x' } }))).toMatchObject({
      accepted: true,
    });
    const [first, second] = await settled;
    expect(first).toMatchObject({ reason: expect.any(CommandOutcomeUnknown) as unknown });
    expect(second).toMatchObject({ reason: expect.any(Overloaded) as unknown });
    expect(await execute(issued(open))).toMatchObject({ outcome: 'recorded' });
  });
});

describe('commands that wait for one stream', () => {
  const balance = async (log: EventLog) => (await executorOn(log).snapshot(account, STREAM)).state.balance;
  const eventIds = (outcome: CommandOutcome | undefined) =>
    outcome?.accepted ? outcome.events.map(({ id }) => id) : undefined;
  const revisions = (outcomes: readonly CommandOutcome[]) =>
    outcomes.map((outcome) => (outcome.accepted ? outcome.revision : outcome.code));

  it('are written with it in one append, each decided upon those before it', async () => {
    const { log, calls } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    const commands = [deposit(10), move(7), deposit(5, 5), move(7)].map((command) => issued(command));
    const outcomes = await Promise.all(commands.map((command) => execute(command)));
    expect(revisions(outcomes)).toEqual([1, 2, 4, 5]);
    expect(calls.append).toBe(2);
    const stored = await log.read(STREAM, { from: 1 });
    expect(stored.map(({ meta }) => meta['$causationId'])).toEqual([0, 1, 2, 2, 3].map((i) => commands[i]?.commandId));
    for (const [i, command] of commands.entries()) {
      const again = await execute(command);
      expect(again).toMatchObject({ replayed: true, revision: revisions(outcomes)[i] });
      expect(eventIds(again)).toEqual(eventIds(outcomes[i]));
    }
  });

  it('a refusal, nothing to do, a retry, If-Match and a fault are each answered in their own turn', async () => {
    const { log } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    const once = issued(deposit(1));
    const outcomes = await Promise.allSettled([
      execute(once),
      execute(issued(move(100))),
      execute(issued(open)),
      execute(once),
      execute(issued(deposit(666_666))),
      execute(issued(deposit(2)), { expectedRevision: 0 }),
      execute(issued(deposit(3)), { expectedRevision: 1 }),
      execute(issued(deposit(4))),
    ]);
    expect(
      outcomes.map((settled) => {
        if (settled.status === 'rejected') return 'fault';
        const { value } = settled;
        return value.accepted ? `${value.outcome}${value.replayed ? ' before' : ''}@${value.revision}` : value.code;
      }),
    ).toEqual([
      'recorded@1',
      'balance-too-low',
      'unchanged@1',
      'recorded before@1',
      'fault',
      'revision-stale',
      'recorded@2',
      'recorded@3',
    ]);
    expect(await balance(log)).toBe(8);
  });

  it.each([
    ['got through', lostReply],
    ['got lost', lostRequest],
  ])('an append without an answer that %s leaves each of them recorded once', async (_, fault) => {
    const { log, script } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    script.push(fault);
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => execute(issued(deposit(1)))));
    expect(revisions(outcomes)).toEqual(Array.from({ length: 10 }, (__, i) => i + 1));
    expect(outcomes.every((outcome) => outcome.accepted && !outcome.replayed)).toBe(true);
    expect(await balance(log)).toBe(10);
  });

  it('the reply got lost and others wrote since: each still is told what it did, as the first time', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    const other = executorOn(log);
    script.push(async (append) => {
      await append();
      await other.execute(issued(deposit(100)));
      throw new LogUnavailable('unknown', 'the reply was lost');
    });
    // The memory log knows its own last append only, so that the repeated one is a conflict.
    script.push(async () => ({ ok: false, actual: 4 }));
    const outcomes = await Promise.all([1, 2, 3].map((amount) => execute(issued(deposit(amount)))));
    expect(outcomes).toMatchObject([1, 2, 3].map((revision) => ({ outcome: 'recorded', replayed: false, revision })));
    expect(await balance(log)).toBe(106);
  });

  it('the outcome stays unknown: to none of them anything else is said, and their ids bring the answers', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    let land = (): void => {};
    script.push((append) => {
      land = () => void append();
      return never();
    });
    // Upon what was recorded the second would be refused; in the append that is under way it was not.
    const commands = [deposit(10), move(10)].map((command) => issued(command));
    const settled = await Promise.allSettled(
      commands.map((command, i) => execute(command, { deadlineMs: i === 0 ? 300 : 5_000 })),
    );
    expect(settled).toMatchObject(
      commands.map(({ commandId }) => ({ reason: { name: 'CommandOutcomeUnknown', commandId } })),
    );
    land();
    for (const [i, command] of commands.entries())
      expect(await execute(command)).toMatchObject({ replayed: true, revision: i + 1 });
  });

  it('somebody was faster: they are decided again, one after another', async () => {
    const log = createMemoryEventLog();
    const [one, two] = [executorOn(log), executorOn(log)];
    await one.execute(issued(open));
    await one.execute(issued(deposit(10)));
    await two.execute(issued(move(10)));
    const outcomes = await Promise.all([deposit(5), move(5), move(5)].map((command) => one.execute(issued(command))));
    expect(revisions(outcomes)).toEqual([3, 4, 'balance-too-low']);
  });

  it('too large to be written together they are written apart', async () => {
    const { log, script, calls } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    script.push(async () => {
      throw new RangeError('too large');
    });
    const outcomes = await Promise.all([1, 2, 3].map((amount) => execute(issued(deposit(amount)))));
    expect(revisions(outcomes)).toEqual([1, 2, 3]);
    expect(calls.append).toBe(5);
  });

  it('one that reads its own stream for its decision is decided when that stream is as it says', async () => {
    const log = createMemoryEventLog();
    const seen: number[] = [];
    const curious = {
      ...account,
      loadFacts: async (_: unknown, __: unknown, loader: FactLoader) =>
        void seen.push((await loader.fold(account, STREAM)).balance),
    };
    const { execute } = executorOn(log, { deciders: [curious as never] });
    await execute(issued(open));
    await Promise.all([1, 2, 3].map((amount) => execute(issued(deposit(amount)))));
    // Each met the balance of those before it when it was decided in earnest.
    expect([...new Set(seen)]).toEqual([0, 1, 3]);
    expect(await balance(log)).toBe(6);
  });
});

describe('an append without an answer', () => {
  it.each([
    ['that got through', lostReply],
    ['that got lost', lostRequest],
    ['that was refused', refused],
  ])('%s is repeated, identical, until it answers', async (_, fault) => {
    const { log, script, calls } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    script.push(fault, lostRequest, fault);
    expect(await execute(issued(open))).toMatchObject({ outcome: 'recorded', replayed: false, revision: 0 });
    expect(await log.read(STREAM)).toHaveLength(1);
    expect(calls.append).toBe(4);
    expect(await execute(issued(deposit(1)))).toMatchObject({ revision: 1 });
  });

  it('that got lost while another writer got through is decided again', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    await execute(issued(open));
    await execute(issued(deposit(10)));
    const other = executorOn(log);
    script.push(async () => {
      await other.execute(issued(move(7)));
      return lostRequest();
    });
    expect(await execute(issued(move(7)))).toMatchObject({ accepted: false, code: 'balance-too-low' });
    expect((await other.snapshot(account, STREAM)).state.balance).toBe(3);
  });

  it('leaves the outcome unknown at the deadline; the same command id then brings the answer', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    const { execute } = executorOn(log);
    const command = issued(open);
    script.push(async (append) => {
      await append();
      return never();
    });
    await expect(execute(command, { deadlineMs: 300 })).rejects.toMatchObject({
      name: 'CommandOutcomeUnknown',
      code: 'log-unavailable',
    });
    expect(await execute(command)).toMatchObject({ outcome: 'recorded', replayed: true, revision: 0 });
    expect(await log.read(STREAM)).toHaveLength(1);
  });

  it('is known to be unwritten if every try was refused', async () => {
    const { log, script } = scripted(createMemoryEventLog());
    script.push(...Array.from({ length: 100 }, () => refused));
    await expect(executorOn(log).execute(issued(open), { deadlineMs: 40 })).rejects.toMatchObject({
      name: 'LogUnavailable',
      outcome: 'not-written',
    });
  });
});

describe('recorded time', () => {
  it('never falls within a stream, whatever the clock does', async () => {
    const log = createMemoryEventLog();
    const times = ['2026-05-05', '2026-05-03', '2026-05-06', '2026-05-01'].map(at);
    const clock = { now: () => times.shift() as Instant };
    const { execute } = executorOn(log, { clock });
    await execute(issued(open, { now: at('2020-01-01') }));
    await execute(issued(deposit(1)));
    await execute(issued(deposit(1)));
    await executorOn(log, { clock }).execute(issued(deposit(1)));
    const metas = (await log.read(STREAM)).map(({ meta }) => meta);
    expect(metas.map(({ recordedAt }) => recordedAt)).toEqual(
      ['2026-05-05', '2026-05-05', '2026-05-06', '2026-05-06'].map(at),
    );
    expect(metas[0]?.['occurredAt']).toBe(at('2020-01-01'));
    expect(isInstant(systemClock.now())).toBe(true);
  });
});

describe('kept folds', () => {
  it('are bounded, and nothing depends on them', async () => {
    const log = createMemoryEventLog();
    const { execute } = executorOn(log, { cache: { streams: 2, events: 5 } });
    const commands: Issued<Command>[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'a', 'b', 'c', 'd'])
      commands.push(issued({ type: 'open', data: { account: name, branch: 'x' } }));
    for (const command of commands) await execute(command);
    for (let i = 0; i < 10; i++) await execute(issued(deposit(1)));
    for (const command of commands.slice(0, 4)) expect(await execute(command)).toMatchObject({ replayed: true });
    expect(await execute(issued(deposit(1)))).toMatchObject({ revision: 11 });
  });

  it('hold what a reader would get: personal members are sealed and opened again', async () => {
    const log = createMemoryEventLog();
    const personal = await import('@cairn/kernel').then(({ Personal }) => Personal);
    const decider = {
      ...account,
      evolve: (_: unknown, event: { data: { owner?: unknown } }) => event.data.owner,
      decide: (command: Command) =>
        accept({
          type: 'account-opened',
          data: { ...(command.data as object), owner: personal.of('Ada'), learnerId: 'l' },
        }),
    };
    const { execute, snapshot } = executorOn(log, { deciders: [decider as never] });
    const outcome = await execute(issued(open));
    expect(JSON.stringify(await log.read(STREAM))).toContain('"sealed":"account-opened.owner"');
    const { state } = await snapshot(decider as never, STREAM);
    expect(state).toBeInstanceOf(personal);
    expect((state as { reveal: () => string }).reveal()).toBe('Ada');
    expect(outcome).toMatchObject({ accepted: true });
  });
});
