// Instalments fall due, one after the other, while the processes that collect them crash, freeze and meet faults.
import fc from 'fast-check';
import { createMemoryEventLog, withFaults, type EventLog } from '@cairn/eventlog';
import { createCodec, type Instant, type StoredEvent } from '@cairn/kernel';
import { createMemoryReadModel, type ReadModel } from '@cairn/readmodel';
import { at, createMemoryCipher, issued, TENANT } from '@cairn/testing';
import { createCommandExecutor } from './command-executor.js';
import { createFeed } from './feed.js';
import { createProjectionRunner } from './projection-runner.js';
import { createScheduler, dueCommandId, type SchedulerOptions } from './scheduler.js';
import { faultPlans } from './spec/faults.js';
import { collector, dueWork, instalmentPaid, later, loanDecider, loanTaken } from './spec/loans.js';
import { createLife, flaky, livingOn, type Life } from './spec/mortal.js';
import { systemTimers, type Clock } from './time.js';
import { createViews } from './views.js';
import { createWaiters } from './waiters.js';

const codec = createCodec([loanTaken, instalmentPaid], createMemoryCipher());
const START = at('2026-01-01');

/** One process that collects what is due. */
function processOn(log: EventLog, readModel: ReadModel, clock: Clock, over: Partial<SchedulerOptions> = {}) {
  const timers = over.timers ?? systemTimers;
  const troubles: string[] = [];
  const onTrouble = (where: string, error: unknown): number => troubles.push(`${where}: ${String(error)}`);
  const executor = createCommandExecutor({ log, codec, deciders: [loanDecider], clock, app: 'loans', timers });
  const feed = createFeed({ log, codec, timers });
  const waiters = createWaiters(timers);
  const owner = over.owner ?? 'only';
  const shared = { log, feed, readModel, codec, waiters, owner, timers, leaseTtlMs: 15_000 };
  const runner = createProjectionRunner({ ...shared, projections: [dueWork], limits: { checkpointMs: 5 } });
  const views = createViews(readModel, runner.collectionOf);
  const sent: string[] = [];
  const scheduler = createScheduler({
    timekeepers: [collector],
    readModel,
    find: views.find,
    tenants: () => Promise.resolve([TENANT]),
    now: () => Promise.resolve(clock.now()),
    dispatch: (command) => {
      sent.push(command.commandId);
      return executor.execute(command);
    },
    followed: (position) => waiters.waitFor(['due_work'], position, 5_000),
    owner,
    leaseTtlMs: 15_000,
    pollMs: 10,
    timers,
    onTrouble,
    ...over,
  });
  const take = (loan: string, dueAt: Instant, days = 1, instalments = 1) =>
    executor.execute(issued({ type: 'take-loan', data: { loan, dueAt, days, instalments } }, { now: clock.now() }));
  return {
    scheduler,
    views,
    sent,
    troubles,
    take,
    caughtUp: async () => {
      if (!(await waiters.waitFor(['due_work'], await log.head(), 5_000))) throw new Error('due_work is behind');
    },
    /** Resolves when nothing is due. */
    idle: async (tries = 4_000) => {
      for (let attempt = 0; !(await scheduler.isIdle().catch(() => false)); attempt++) {
        if (attempt === tries)
          throw new Error(`still due: ${JSON.stringify(scheduler.status())} ${troubles.join('\n')}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    },
    start: async () => {
      await runner.start();
      scheduler.start();
    },
    stop: async () => {
      await scheduler.stop();
      await runner.stop();
      await feed.close();
    },
  };
}

const paid = async (log: EventLog): Promise<readonly { loan: string; dueAt: string }[]> =>
  (await everything(log)).flatMap(({ type, data }) =>
    type === 'instalment-paid' ? [{ loan: data['loan'] as string, dueAt: data['dueAt'] as string }] : [],
  );
async function everything(log: EventLog): Promise<readonly StoredEvent[]> {
  return (await log.readAll({ after: '' as StoredEvent['position'], limit: 10_000 })).events;
}

/** A clock that tests move. */
function movable(start: Instant) {
  let now = start;
  return { now: () => now, moveTo: (to: Instant): void => void (now = to) };
}

describe('what falls due', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  async function started(over: Partial<SchedulerOptions> = {}, log = createMemoryEventLog(), clock = movable(START)) {
    const readModel = createMemoryReadModel();
    const process = processOn(log, readModel, clock, over);
    await process.start();
    stops.push(process.stop);
    return { log, readModel, clock, process };
  }

  it('is sent at its instant, not before (half-open)', async () => {
    const { log, clock, process } = await started();
    await process.take('a', later(START, 1));
    await process.caughtUp();
    clock.moveTo(new Date(Date.parse(later(START, 1)) - 1).toISOString() as Instant);
    await process.idle();
    expect(await paid(log)).toEqual([]);
    clock.moveTo(later(START, 1));
    await process.idle();
    expect(await paid(log)).toEqual([{ loan: 'a', dueAt: later(START, 1) }]);
  });

  it('is sent in order of due time after an outage over several dates, also what only follows from what was due', async () => {
    const { log, clock, process } = await started();
    await process.take('weekly', later(START, 3), 7, 3);
    await process.take('daily', later(START, 2), 1, 4);
    await process.take('once', later(START, 10));
    await process.caughtUp();
    clock.moveTo(later(START, 400));
    await process.idle();
    const days = (await paid(log)).map(({ loan, dueAt }) => [
      loan,
      (Date.parse(dueAt) - Date.parse(START)) / 86_400_000,
    ]);
    expect(days.map(([, day]) => day)).toEqual([2, 3, 3, 4, 5, 10, 10, 17]);
    expect(days.filter(([loan]) => loan === 'daily')).toHaveLength(4);
  });

  it('names its command after the item and its due time, and says who sent it', async () => {
    const { log, clock, process } = await started();
    await process.take('a', later(START, 1), 1, 2);
    await process.caughtUp();
    clock.moveTo(later(START, 2));
    await process.idle();
    const [, first, second] = await everything(log);
    const item = `${TENANT}:instalment:a`;
    expect(first?.meta['$causationId']).toBe(dueCommandId({ _id: item, dueAt: later(START, 1) }));
    expect(second?.meta['$causationId']).toBe(dueCommandId({ _id: item, dueAt: later(START, 2) }));
    expect(first?.meta['actor']).toBe('scheduler:collector');
  });

  it('does not stand in the way of others when it is refused, and is tried again from time to time', async () => {
    const { log, clock, process } = await started({ setAsideMs: 50 });
    await process.take('broke', later(START, 1));
    await process.take('a', later(START, 2));
    await process.caughtUp();
    clock.moveTo(later(START, 3));
    await process.idle();
    expect((await paid(log)).map(({ loan }) => loan)).toEqual(['a']);
    expect(process.scheduler.status().setAside).toMatchObject([{ code: 'balance-too-low' }]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(process.sent.length).toBeGreaterThan(2);
    expect(process.troubles[0]).toContain('balance-too-low');
  });

  it('is set aside quietly and for good by a refusal that is an answer', async () => {
    const { clock, process } = await started({
      setAsideMs: 1,
      timekeepers: [{ ...collector, tolerates: ['balance-too-low'] }],
    });
    await process.take('broke', later(START, 1));
    await process.caughtUp();
    clock.moveTo(later(START, 1));
    await process.idle();
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect({ sent: process.sent.length, troubles: process.troubles }).toEqual({ sent: 1, troubles: [] });
  });

  it('is not sent for ever if no event closes it', async () => {
    const { clock, process } = await started();
    await process.take('mute', later(START, 1));
    await process.caughtUp();
    clock.moveTo(later(START, 1));
    await process.idle();
    expect(process.sent).toHaveLength(1);
    expect(process.scheduler.status().setAside).toMatchObject([{ code: 'still-open' }]);
  });

  it('is sent by the holder of the lease only', async () => {
    const { log, readModel, clock, process } = await started();
    const other = processOn(log, readModel, clock, { owner: 'other' });
    other.scheduler.start();
    stops.push(other.scheduler.stop);
    await process.take('a', later(START, 1), 1, 5);
    await process.caughtUp();
    clock.moveTo(later(START, 9));
    await process.idle();
    expect({ sent: process.sent.length, others: other.sent.length }).toEqual({ sent: 5, others: 0 });
    expect(other.scheduler.status().state).toBe('standby');
  });

  it('has one timekeeper a kind', () => {
    expect(() => processOn(createMemoryEventLog(), createMemoryReadModel(), movable(START), {
      timekeepers: [collector, collector],
    })).toThrow('two timekeepers'); // prettier-ignore
  });
});

describe('a scheduler that crashes and freezes on unreliable stores', () => {
  const RUNS = Number(process.env['CAIRN_TEST_RUNS'] ?? 60);
  const faults = faultPlans({ earlyCheckpoints: false });
  const loans = fc.array(
    fc.record({ day: fc.integer({ min: 1, max: 20 }), days: fc.integer({ min: 1, max: 9 }), instalments: fc.integer({ min: 1, max: 4 }) }), // prettier-ignore
    { minLength: 1, maxLength: 8 },
  );
  const happenings = fc.array(
    fc.oneof(
      fc.constantFrom('crash' as const, 'freeze' as const, 'thaw' as const, 'breathe' as const),
      fc.integer({ min: 1, max: 15 }).map((days) => ({ days })),
    ),
    { minLength: 1, maxLength: 25 },
  );

  it('sends everything that is due once, in order of due time', async () => {
    const property = fc.asyncProperty(
      faults,
      fc.constantFrom(0, 0.05, 0.15),
      loans,
      happenings,
      async (plan, storeFaults, given, script) => {
        const inner = createMemoryEventLog();
        const log = withFaults(inner, plan);
        let storeClock = 0;
        const store = createMemoryReadModel({ now: () => Date.now() + storeClock });
        let state = plan.seed | 1;
        const random = (): number => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
          return state / 0x80000000;
        };
        const unreliable = flaky(store, storeFaults, random);
        const clock = movable(START);
        const lives: Life[] = [];
        const frozen: Life[] = [];
        let owner = 0;
        const start = () => {
          const life = createLife();
          lives.push(life);
          const living = livingOn(life, log, unreliable.readModel);
          const process = processOn(living.log, living.readModel, clock, {
            timers: life.timers,
            owner: `owner ${owner}`,
            setAsideMs: 1_000,
          });
          void process.start();
          return { life, process };
        };

        const client = createCommandExecutor({ log: inner, codec, deciders: [loanDecider], clock, app: 'loans' });
        for (const [index, { day, days, instalments }] of given.entries())
          await client.execute(
            issued({ type: 'take-loan', data: { loan: `l${index}`, dueAt: later(START, day), days, instalments } }),
          );
        const turns = async (count: number): Promise<void> => {
          for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
        };

        // Everything is known before anything is due, so the order is that of the due times alone.
        const folder = processOn(inner, store, clock);
        await folder.start();
        await folder.caughtUp();
        await folder.stop();

        let current = start();
        for (const step of script) {
          await turns(3);
          if (typeof step === 'object') clock.moveTo(later(clock.now(), step.days));
          else if (step === 'breathe') await turns(40);
          else if (step === 'thaw') frozen.shift()?.thaw();
          else {
            if (step === 'crash') current.life.kill();
            else {
              current.life.freeze();
              frozen.push(current.life);
              storeClock += 20_000; // its leases run out
              owner++;
            }
            current = start();
          }
        }
        await log.heal();
        unreliable.heal();
        for (const life of frozen) life.thaw();
        await turns(30);
        for (const life of lives) if (life !== current.life) life.kill();
        storeClock += 20_000;
        await current.process.idle();
        // Idle may mean that items are set aside after faults that a frozen predecessor caused: none may be.
        expect(current.process.scheduler.status().setAside).toEqual([]);

        const due = given.flatMap(({ day, days, instalments }, index) =>
          Array.from({ length: instalments }, (_, n) => ({ loan: `l${index}`, dueAt: later(START, day + n * days) })),
        );
        const collected = await paid(inner);
        const text = ({ loan, dueAt }: { loan: string; dueAt: string }): string => `${dueAt} ${loan}`;
        expect(collected.map(text).toSorted()).toEqual(
          due.filter(({ dueAt }) => dueAt <= clock.now()).map(text).toSorted(), // prettier-ignore
        );
        expect(collected.map(({ dueAt }) => dueAt)).toEqual(collected.map(({ dueAt }) => dueAt).toSorted());
        await current.process.stop();
        current.life.kill();
        await inner.close();
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  }, 300_000);
});
