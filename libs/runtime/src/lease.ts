// A lease, kept: renewed at a third of its time to live, and given up by the own monotonic clock before others may
// take it. The epoch grows with every holder; checkpoints carry it, so a holder that was replaced cannot move them. A
// lease that lapsed is over even if nobody else took it: whoever worked under it may have given up, so it is not
// renewed but acquired anew, with another epoch.
import type { Lease, ReadModel } from '@cairn/readmodel';
import { sleep, systemTimers, untilWoken, type OnTrouble, type Timers } from './time.js';

export type LeaseKeeper = {
  /** The lease while it is surely ours; undefined otherwise. */
  readonly held: () => Lease | undefined;
  /** Resolves with the lease as soon as it is ours; with undefined when `signal` aborts first. */
  readonly whenHeld: (signal: AbortSignal) => Promise<Lease | undefined>;
  /** Aborts when the lease is found to be over; what waits while it is held waits no longer. */
  readonly endOf: (lease: Lease) => AbortSignal;
  /** To be called when somebody with a newer epoch was met. */
  readonly lost: (lease: Lease) => void;
  readonly stop: () => Promise<void>;
};

/** A part of the time to live is kept back for clocks that run at different speeds. */
const SAFETY = 0.9;

export function keepLease(options: {
  readonly readModel: ReadModel;
  readonly name: string;
  /** Who holds it. A program that alone can open its store should use a constant, to take over at once after a crash. */
  readonly owner: string;
  readonly ttlMs: number;
  readonly timers?: Timers;
  readonly onTrouble?: OnTrouble;
}): LeaseKeeper {
  const { readModel, name, owner, ttlMs, timers = systemTimers, onTrouble } = options;
  const stopping = new AbortController();
  let waiting: (() => void)[] = [];
  let lease: Lease | undefined;
  let ended = new AbortController();
  let surelyUntilMs = 0;

  const held = (): Lease | undefined => (timers.monotonicMs() < surelyUntilMs ? lease : undefined);

  function giveUp(): void {
    if (!lease) return;
    lease = undefined;
    ended.abort();
    ended = new AbortController();
  }

  async function renewOrAcquire(): Promise<void> {
    // Counted from before the call: the store's time to live begins no earlier.
    const asked = timers.monotonicMs();
    try {
      const current = held();
      if (current && (await readModel.renewLease(current, ttlMs)) && held() === current) {
        surelyUntilMs = asked + ttlMs * SAFETY;
        return;
      }
      giveUp();
      lease = await readModel.acquireLease(name, owner, ttlMs);
      if (lease) surelyUntilMs = asked + ttlMs * SAFETY;
    } catch (error) {
      onTrouble?.(`lease ${name}`, error);
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await renewOrAcquire();
      if (held()) {
        const woken = waiting;
        waiting = [];
        for (const wake of woken) wake();
      }
      await sleep(timers, ttlMs / 3, stopping.signal);
    }
    if (lease) await readModel.releaseLease(lease).catch((error: unknown) => onTrouble?.(`lease ${name}`, error));
    giveUp();
  }
  const running = run();

  return {
    held,
    whenHeld: async (signal) => {
      if (!held()) await untilWoken(signal, (wake) => waiting.push(wake));
      return held();
    },
    endOf: ({ epoch }) => (lease?.epoch === epoch ? ended.signal : AbortSignal.abort()),
    lost: ({ epoch }) => {
      if (lease?.epoch === epoch) giveUp();
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
