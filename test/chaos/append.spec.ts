// F1: killed in the middle of appending. Whatever a client was told holds, whatever it was not told is whole or not there.
// F2: killed in the middle of folding: the read models equal those folded anew.
import { setTimeout as sleep } from 'node:timers/promises';
import { chaos, type CrashPoint, type Program } from './harness.js';

const APPEND: readonly (CrashPoint | 'timer')[] = [{ point: 'append.before' }, { point: 'append.after' }, 'timer'];

chaos('F1', 'kill -9 in append', {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 100 },
  round: ({ programs: [program] }, random, n) => {
    const point = APPEND[n % APPEND.length] as (typeof APPEND)[number];
    return {
      before: async () => {
        if (point !== 'timer') await program?.crashAt({ ...point, nth: 1 + Math.floor(random() * 15) });
      },
      inject: async () => {
        if (point !== 'timer') return program?.died(5_000);
        await sleep(random() * 400);
        return program?.signal('SIGKILL');
      },
    };
  },
});

const FOLD: readonly CrashPoint['point'][] = ['checkpoint.before', 'bulk.middle', 'bulk.after'];

chaos('F2', 'kill -9 in a projection', {
  stores: ['embedded', 'cluster'],
  rounds: { slice: 1, ci: 100 },
  round: ({ programs: [program] }, random, n) => ({
    before: () =>
      (program as Program).crashAt({
        point: FOLD[n % FOLD.length] as CrashPoint['point'],
        nth: 1 + Math.floor(random() * 20),
      }),
    inject: async () => program?.died(5_000),
  }),
});
