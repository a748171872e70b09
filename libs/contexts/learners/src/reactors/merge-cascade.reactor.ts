import { defineReactor } from '@cairn/kernel';
import type { CarryOutMerge, CarryOutUnmerge } from '@cairn/contexts/progress';
import { learnersMerged, learnersUnmerged } from '../contracts/learner.events.js';

/** Carries a decided merge, or its end, over to the records; in order, since one may follow the other at once. */
export const mergeCascade = defineReactor<typeof learnersMerged | typeof learnersUnmerged>({
  name: 'merge-cascade',
  events: [learnersMerged, learnersUnmerged],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { learnerId } = event.data;
    if (event.type === 'learners-merged') {
      const command: CarryOutMerge = { type: 'CarryOutMerge', data: { learnerId, into: event.data.into } };
      return [{ command }];
    }
    const data = { learnerId, from: event.data.from, because: event.id };
    return [{ command: { type: 'CarryOutUnmerge', data } satisfies CarryOutUnmerge }];
  },
  tolerates: ['learner-erased'],
});
