// How far a consumer of the log has come, kept where its lease fences it: whoever was replaced cannot move it.
import type { EventLog } from '@cairn/eventlog';
import { BEGINNING, type Position } from '@cairn/kernel';
import type { Lease, ReadModel } from '@cairn/readmodel';
import type { FeedEvent } from './feed.js';
import type { LeaseKeeper } from './lease.js';

/** Another holder took over: stop at once, write nothing more, and begin anew once the lease is held again. */
export class LeaseLost extends Error {}

export type Checkpoint = {
  /** Reads it and marks it with the lease's epoch. Undefined if there is none yet. Throws {@link LeaseLost}. */
  readonly takeOver: (
    lease: Lease,
  ) => Promise<{ readonly position: Position; readonly lastEventId: string | null } | undefined>;
  /** Moves it forwards; `last` is the event at `position`, if it is known. Throws {@link LeaseLost}. */
  readonly save: (lease: Lease, position: Position, last: FeedEvent | undefined) => Promise<void>;
  /** As stored; '' if there is none. */
  readonly saved: () => Position;
};

/** `patient` repeats what it is given until the store answers. */
export function createCheckpoint(
  readModel: ReadModel,
  name: string,
  keeper: LeaseKeeper,
  patient: <T>(task: () => Promise<T>) => Promise<T>,
): Checkpoint {
  let saved: string | null = null;

  const giveUp = (lease: Lease): never => {
    keeper.lost(lease);
    throw new LeaseLost();
  };

  return {
    saved: () => (saved ?? BEGINNING) as Position,
    takeOver: async (lease) => {
      const stored = await patient(() => readModel.loadCheckpoint(name));
      saved = stored?.position ?? null;
      if (!stored) return undefined;
      const { position, lastEventId } = stored;
      const marked = { position, lastEventId, epoch: lease.epoch };
      if (!(await patient(() => readModel.saveCheckpoint(name, position, marked)))) giveUp(lease);
      return { position: position as Position, lastEventId };
    },
    save: async (lease, position, last) => {
      const lastEventId = last ? eventReference(last.stored) : null;
      while (saved === null || position > saved) {
        const next = { position, lastEventId, epoch: lease.epoch };
        if (await patient(() => readModel.saveCheckpoint(name, saved, next))) {
          saved = position;
          return;
        }
        // Somebody else moved it, or our own write got through unseen.
        const stored = await patient(() => readModel.loadCheckpoint(name));
        if (!stored || stored.epoch > lease.epoch) return giveUp(lease);
        saved = stored.position;
      }
    },
  };
}

/** What a checkpoint remembers its last event by: enough to find it in the log, or to find it gone. */
function eventReference({ id, stream, revision }: FeedEvent['stored']): string {
  return `${id} ${revision}@${stream}`;
}

/** True if the event that a checkpoint stands at is in the log, at that place: else the log was rewound. */
export async function isInLog(
  log: EventLog,
  { position, lastEventId }: { readonly position: string; readonly lastEventId: string | null },
): Promise<boolean> {
  const match = /^(\S+) (\d+)@(.+)$/.exec(lastEventId ?? '');
  if (!match) return position <= (await log.head());
  const [, id, revision, stream] = match as unknown as [string, string, string, string];
  const [event] = await log.read(stream, { from: Number(revision), limit: 1 });
  return event?.id === id && event.position === position;
}
