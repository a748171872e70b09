import { defineReactor, type PathwayId, type Reaction } from '@cairn/kernel';
import type { EnrollLearner } from '../contracts/record.commands.js';
import { moduleCompleted, stackComponentCredited } from '../contracts/record.events.js';

/** Far more pathways than one fact can sensibly enroll in; reached, some would be passed over. */
const LIMIT = 1000;

/**
 * Whoever completes a module, or holds a credential, that an automatic pathway looks at joins that pathway, on the
 * date of the fact. The catalog is asked once it has reached the fact, so a pathway published before it is seen.
 */
export const enrollAutomatic = defineReactor<typeof moduleCompleted | typeof stackComponentCredited>({
  name: 'enroll-automatic',
  events: [moduleCompleted, stackComponentCredited],
  partitionBy: (event) => event.data.learnerId,
  react: async (event, { find, waitFor }) => {
    const { learnerId } = event.data;
    const target =
      event.type === 'module-completed' ? event.data.moduleId : (event.data.templateId ?? event.data.moduleId);
    await waitFor('catalog', event.position);
    const prefix = `${event.meta.tenant}:automatic:${target}:`;
    const found = await find('catalog', { _id: { $gte: prefix, $lt: `${prefix}~` } }, { limit: LIMIT });
    if (found.length === LIMIT) throw new RangeError(`${LIMIT} automatic pathways or more look at ${target}`);
    return found
      .map((document) => document['pathwayId'] as PathwayId)
      .map((pathwayId): Reaction => {
        const command: EnrollLearner = {
          type: 'EnrollLearner',
          data: { learnerId, pathwayId, occurredAt: event.meta.occurredAt, mode: 'automatic' },
        };
        return { command, key: pathwayId };
      });
  },
  // Erased, retired or not qualified for the entry point in the meantime: then nobody is enrolled.
  tolerates: ['learner-erased', 'not-found', 'criteria-not-met'],
});
