// A whole small world for the specs: a log, a store, and processes that run the bank on them and can crash.
import { createMemoryEventLog, type EventLog } from '@cairn/eventlog';
import type { Command, CommandContext, CommandOutcome } from '@cairn/kernel';
import { createMemoryReadModel, type ReadModel } from '@cairn/readmodel';
import { issued } from '@cairn/testing';
import { createCommandExecutor, type ExecutorOptions } from '../command-executor.js';
import { createFeed } from '../feed.js';
import { createProjectionRunner, type ProjectionRunnerOptions } from '../projection-runner.js';
import { createReactorRunner, type ReactorRunnerOptions } from '../reactor-runner.js';
import { systemClock, systemTimers, type OnTrouble } from '../time.js';
import { createViews } from '../views.js';
import { createWaiters, settled } from '../waiters.js';
import { account, bankCodec, bankProjections } from './bank.js';

export type WorldOptions = Partial<Omit<ProjectionRunnerOptions, 'feed' | 'waiters' | 'limits'>> &
  Partial<Pick<ReactorRunnerOptions, 'reactors' | 'dispatch' | 'startAt'>> &
  Partial<Pick<ExecutorOptions, 'deciders'>> & {
    readonly limits?: ProjectionRunnerOptions['limits'] & ReactorRunnerOptions['limits'];
    readonly batchEvents?: number;
  };

/** One process on a log and a store: executor, feed, projections and, if any are given, reactors. */
export function processOn(log: EventLog, readModel: ReadModel, options: WorldOptions = {}) {
  const troubles: string[] = [];
  const onTrouble: OnTrouble = (where, error) => troubles.push(`${where}: ${String(error)}`);
  const codec = options.codec ?? bankCodec();
  const timers = options.timers ?? systemTimers;
  const executor = createCommandExecutor({
    log,
    codec,
    deciders: options.deciders ?? [account],
    clock: options.clock ?? systemClock,
    app: 'bank/1',
    timers,
  });
  const feed = createFeed({
    log,
    codec,
    timers,
    onTrouble,
    ...(options.batchEvents === undefined ? {} : { batchEvents: options.batchEvents }),
  });
  const waiters = createWaiters(timers);
  const projections = options.projections ?? bankProjections;
  const reactors = options.reactors ?? [];
  const shared = {
    log,
    feed,
    readModel,
    codec,
    waiters,
    owner: 'only',
    leaseTtlMs: 300,
    onTrouble,
    ...options,
    limits: { checkpointMs: 5, waitMs: 50, ...options.limits },
  };
  const runner = createProjectionRunner({ ...shared, projections });
  const views = createViews(readModel, runner.collectionOf);
  const reactions = createReactorRunner({ dispatch: executor.execute, ...shared, find: views.find, reactors });
  const names = [...projections, ...reactors].map(({ name }) => name);
  return {
    log,
    readModel,
    executor,
    feed,
    waiters,
    runner,
    views,
    reactions,
    troubles,
    run: (command: Command, context?: Partial<CommandContext>): Promise<CommandOutcome> =>
      executor.execute(issued(command, context)),
    /** Resolves when all projections (or those named) are at the head. */
    caughtUp: async (which: readonly string[] = names, timeoutMs = 5_000): Promise<void> => {
      if (!(await waiters.waitFor(which, await log.head(), timeoutMs)))
        throw new Error(`not caught up: ${JSON.stringify(await runner.status())} ${troubles.join('\n')}`);
    },
    settled: async (timeoutMs = 5_000): Promise<void> => {
      if (!(await settled(waiters, names, feed.head, timeoutMs, timers)))
        throw new Error(`not settled: ${JSON.stringify(await reactions.status())} ${troubles.join('\n')}`);
    },
    stop: async (): Promise<void> => {
      await Promise.all([runner.stop(), reactions.stop()]);
      await feed.close();
    },
  };
}
export type Process = ReturnType<typeof processOn>;

export async function startedProcess(
  log: EventLog = createMemoryEventLog(),
  readModel: ReadModel = createMemoryReadModel(),
  options: WorldOptions = {},
): Promise<Process> {
  const process = processOn(log, readModel, options);
  await process.runner.start();
  await process.reactions.start();
  return process;
}

export const open = (id: string, branch = 'north') => ({ type: 'open', data: { account: id, branch } });
export const deposit = (id: string, ...amounts: number[]) => ({ type: 'deposit', data: { account: id, amounts } });
export const move = (from: string, to: string, amount: number) => ({
  type: 'move',
  data: { account: from, to, amount },
});
export const close = (id: string) => ({ type: 'close', data: { account: id } });
