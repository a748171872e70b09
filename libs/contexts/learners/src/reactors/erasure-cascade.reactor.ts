import { defineReactor } from '@cairn/kernel';
import type { CloseRecord } from '@cairn/contexts/progress';
import type { RecordKeyDestroyed } from '../contracts/learner.commands.js';
import { learnerErased } from '../contracts/learner.events.js';

/**
 * Carries a decided erasure out: the record is closed, then the handler of RecordKeyDestroyed releases the identifiers,
 * purges the blobs, destroys the key and records it. Read models hold nothing personal, so none is purged.
 */
export const erasureCascade = defineReactor({
  name: 'erasure-cascade',
  events: [learnerErased],
  partitionBy: (event) => event.data.learnerId,
  react: ({ data: { learnerId } }) => [
    { command: { type: 'CloseRecord', data: { learnerId, why: 'erased' } } satisfies CloseRecord },
    { command: { type: 'RecordKeyDestroyed', data: { learnerId } } satisfies RecordKeyDestroyed },
  ],
  tolerates: ['record-closed'],
});
