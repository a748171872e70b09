// Where a learner's record is: in its own stream, or in that of whom the learner was merged into.
import type { FactLoader, Fold, LearnerId, TenantId } from '@cairn/kernel';
import { recordStream, type RecordEvent } from './record.events.js';

/** In whose record that of a stream goes on. */
export const mergeFold: Fold<{ readonly into?: LearnerId }, RecordEvent> = {
  category: 'record',
  initial: {},
  evolve: (state, event) => {
    if (event.type === 'record-reopened') return {};
    return event.type === 'record-closed' && event.data.into !== undefined ? { into: event.data.into } : state;
  },
};

/** The records that a learner's went on in, their own first; the last one is open, unless the person was erased. */
export async function recordsOf(
  fold: FactLoader['fold'],
  tenant: TenantId,
  learner: LearnerId,
): Promise<readonly [LearnerId, ...LearnerId[]]> {
  const records: [LearnerId, ...LearnerId[]] = [learner];
  for (let last = learner; ;) {
    const { into } = await fold(mergeFold, recordStream(tenant, last));
    // Two merges decided at once may name each other, until one of them is taken back.
    if (into === undefined || records.includes(into)) return records;
    records.push((last = into));
  }
}

/** The learner in whose record a learner's goes on. */
export const recordOwner = async (fold: FactLoader['fold'], tenant: TenantId, learner: LearnerId): Promise<LearnerId> =>
  (await recordsOf(fold, tenant, learner)).at(-1) as LearnerId;
