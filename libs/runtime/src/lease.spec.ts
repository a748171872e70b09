import { createMemoryReadModel, ReadModelUnavailable, type ReadModel } from '@cairn/readmodel';
import { keepLease, type LeaseKeeper } from './lease.js';
import type { Timers } from './time.js';

/** Time that passes only when told to. */
function manualTime() {
  let nowMs = 0;
  let due: { readonly at: number; readonly callback: () => void }[] = [];
  const timers: Timers = {
    random: Math.random,
    monotonicMs: () => nowMs,
    after: (ms, callback) => {
      const timer = { at: nowMs + ms, callback };
      due.push(timer);
      return () => {
        due = due.filter((other) => other !== timer);
      };
    },
  };
  const pass = async (ms: number): Promise<void> => {
    const end = nowMs + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = due.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (!next) break;
      due = due.filter((other) => other !== next);
      nowMs = next.at;
      next.callback();
    }
    nowMs = end;
  };
  return { timers, pass, now: () => nowMs };
}

const keepers: LeaseKeeper[] = [];
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.stop()));
});

function world() {
  const time = manualTime();
  const store = createMemoryReadModel({ now: time.now });
  const keep = (owner: string, readModel: ReadModel = store): LeaseKeeper => {
    const keeper = keepLease({ readModel, name: 'lane', owner, ttlMs: 300, timers: time.timers });
    keepers.push(keeper);
    return keeper;
  };
  return { ...time, store, keep };
}

describe('a lease', () => {
  it('is renewed while its holder lives, so that nobody else gets it', async () => {
    const { keep, pass } = world();
    const one = keep('one');
    await pass(10);
    const two = keep('two');
    for (let i = 0; i < 20; i++) {
      await pass(90);
      expect(one.held()).toMatchObject({ owner: 'one', epoch: 1 });
      expect(two.held()).toBeUndefined();
    }
  });

  it('is given up by the own clock before it ends, if the store does not answer', async () => {
    const { keep, pass, store } = world();
    let reachable = true;
    const renewLease: ReadModel['renewLease'] = async (...renewal) => {
      if (!reachable) throw new ReadModelUnavailable('gone');
      return store.renewLease(...renewal);
    };
    const one = keep('one', { ...store, renewLease });
    await pass(10);
    const lease = one.held()!;
    const over = one.endOf(lease);
    reachable = false;
    await pass(265);
    expect(one.held()).toBeUndefined();
    expect(await store.acquireLease('lane', 'two', 300)).toBeUndefined(); // not yet over for others
    reachable = true;
    // Who worked under it may have given up meanwhile: it does not come back as if nothing had been.
    expect(over.aborted).toBe(false);
    await pass(100);
    expect(over.aborted).toBe(true);
    expect(one.held()).toMatchObject({ epoch: 2 });
    expect(one.endOf(lease).aborted).toBe(true);
    expect(one.endOf(one.held()!).aborted).toBe(false);
  });

  it('goes to the next with a higher epoch, and back with a yet higher one', async () => {
    const { keep, pass } = world();
    const one = keep('one');
    await pass(10);
    const two = keep('two');
    await one.stop();
    await pass(100);
    expect(two.held()).toMatchObject({ owner: 'two', epoch: 2 });
    two.lost(two.held()!);
    expect(two.held()).toBeUndefined();
    const waiting = two.whenHeld(new AbortController().signal);
    await pass(100);
    expect(await waiting).toMatchObject({ owner: 'two', epoch: 3 });
  });

  it('is taken over at once by the same owner, as after a crash', async () => {
    const { keep, pass } = world();
    keep('embedded');
    await pass(1);
    const again = keep('embedded');
    await pass(1);
    expect(again.held()).toMatchObject({ epoch: 2 });
    const giving = new AbortController();
    const waiting = keep('other').whenHeld(giving.signal);
    giving.abort();
    expect(await waiting).toBeUndefined();
  });
});
