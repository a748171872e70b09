// F1: killed in the middle of appending. Whatever a client was told holds, whatever it was not told is whole or not there.
import { setTimeout as sleep } from 'node:timers/promises';
import { chaos, type CrashPoint } from './harness.js';

const POINTS: readonly (CrashPoint | 'timer')[] = [{ point: 'append.before' }, { point: 'append.after' }, 'timer'];

chaos('F1', 'kill -9 in append', {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 3, ci: 100 },
  round: ({ programs: [program] }, random, n) => {
    const point = POINTS[n % POINTS.length];
    const isTimer = point === 'timer' || point === undefined;
    return {
      before: async () => {
        if (!isTimer) await program?.crashAt({ ...point, nth: 1 + Math.floor(random() * 15) });
      },
      inject: async () => {
        if (!isTimer) return program?.died(5_000);
        await sleep(random() * 400);
        return program?.signal('SIGKILL');
      },
    };
  },
});
