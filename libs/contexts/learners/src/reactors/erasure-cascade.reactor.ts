import { defineReactor, type LearnerId } from '@cairn/kernel';
import type { CloseRecord } from '@cairn/contexts/progress';
import type { EraseLearner, RecordKeyDestroyed } from '../contracts/learner.commands.js';
import { learnerErased } from '../contracts/learner.events.js';

/** Nobody is known more often than that. */
const KNOWN_AS = 1_000;

/**
 * Carries a decided erasure out: the record is closed, then the handler of RecordKeyDestroyed releases the identifiers,
 * purges the blobs, destroys the key and records it. Read models hold nothing personal, so none is purged. Learners who
 * were merged are one person: erasing one reaches all of them.
 */
export const erasureCascade = defineReactor({
  name: 'erasure-cascade',
  events: [learnerErased],
  partitionBy: (event) => event.data.learnerId,
  react: async ({ data, meta, position }, { find, waitFor }) => {
    const { learnerId, approvedBy, reasonCode } = data;
    const { tenant } = meta;
    await waitFor('learners', position);
    const merged = await find('learners', { tenant, mergedInto: learnerId }, { limit: KNOWN_AS });
    const [own] = await find('learners', { _id: `${tenant}:${learnerId}` }, { limit: 1 });
    const others = [...merged.map((document) => document['learnerId']), own?.['mergedInto']] as (
      LearnerId | undefined
    )[];
    return [
      { command: { type: 'CloseRecord', data: { learnerId, why: 'erased' } } satisfies CloseRecord },
      { command: { type: 'RecordKeyDestroyed', data: { learnerId } } satisfies RecordKeyDestroyed },
      ...others.flatMap((other) =>
        other === undefined
          ? []
          : [
              {
                command: {
                  type: 'EraseLearner',
                  data: { learnerId: other, approvedBy, reasonCode },
                } satisfies EraseLearner,
                key: other,
              },
            ],
      ),
    ];
  },
  tolerates: ['record-closed'],
});
