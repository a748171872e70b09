// F15: processes that are killed again and again, four at once: the work goes on. F17: a holder of lanes that is stopped,
// replaced, and wakes up: it can't write over what its successor has done.
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/cluster.js';
import { chaos, CI, type CrashPoint, type Program, type Random, type World } from './harness.js';

const STORM_MS = CI ? 300_000 : 5_000;

chaos('F15', `restart storm of ${STORM_MS / 1_000} s`, {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 5 },
  programs: 4,
  round: ({ programs }, random) => ({
    load: { learners: CI ? 100 : 12 },
    inject: async () => {
      for (const end = performance.now() + STORM_MS; performance.now() < end;) {
        await sleep(500 + random() * 2_500);
        const one = programs[Math.floor(random() * programs.length)] as Program;
        await one.signal('SIGKILL');
        one.start().catch(() => undefined); // may be killed on the way
      }
      await Promise.all(programs.map((one) => one.signal('SIGKILL')));
    },
  }),
});

type Checkpoint = { readonly name: string; readonly position: string; readonly epoch: number };
const POINTS: readonly (CrashPoint['point'] | 'anywhere')[] = ['bulk.before', 'checkpoint.before', 'anywhere'];

/** Whoever folds now. */
async function holderOf({ programs }: World): Promise<Program> {
  const found = await eventually(
    async () => {
      const states = await Promise.all(programs.map((one) => one.ask<boolean>('holds')));
      return states.findIndex(Boolean);
    },
    (index) => index >= 0,
  );
  return programs[found] as Program;
}

chaos('F17', 'two owners of a lane', {
  stores: ['cluster'],
  notOn: { embedded: 'the data folder admits one process, which a lock sees to' },
  rounds: { slice: 1, ci: 100 },
  programs: 2,
  leaseSeconds: 1,
  round: (world: World, random: Random, n) => {
    const point = POINTS[n % POINTS.length] as (typeof POINTS)[number];
    let holder: Program;
    let other: Program;
    const checkpoints = async (): Promise<ReadonlyMap<string, Checkpoint>> => {
      const all = (await other.ask<{ checkpoints: readonly Checkpoint[] }>('checkpoints')).checkpoints;
      return new Map(all.map((one) => [one.name, one]));
    };
    return {
      // The one that will be stopped gets no requests: they would only wait.
      load: { learners: 8, by: [world.programs[1] as Program] },
      before: async () => {
        // Which of the two folds is left to chance: the first is made to, by stopping the second for a while.
        const [first, second] = world.programs as readonly [Program, Program];
        [holder, other] = [first, second];
        while ((await holderOf(world)) !== first) {
          await second.signal('SIGSTOP');
          await eventually(() => first.ask<boolean>('holds'), Boolean);
          await second.signal('SIGCONT');
          await sleep(200);
        }
        if (point !== 'anywhere') await holder.crashAt({ point, nth: 1 + Math.floor(random() * 4), signal: 'SIGSTOP' });
      },
      inject: async () => {
        if (point === 'anywhere') {
          await sleep(random() * 500);
          await holder.signal('SIGSTOP');
        }
        const stopped = await eventually(() => Promise.resolve(holder.isStopped()), Boolean, 5_000).catch(() => false);
        if (!stopped) {
          await holder.ask('disarm');
          return false;
        }
        await eventually(() => other.ask<boolean>('holds'), Boolean);
        const before = await checkpoints();
        await holder.signal('SIGCONT');
        await sleep(1_000);
        for (const [name, { epoch, position }] of await checkpoints()) {
          const earlier = before.get(name);
          if (earlier && (epoch < earlier.epoch || position < earlier.position))
            throw new Error(
              `F17: ${name} went back from epoch ${earlier.epoch} at ${earlier.position} to ${epoch} at ${position}`,
            );
        }
        return true;
      },
      heal: () => holder.signal('SIGCONT'),
    };
  },
});
