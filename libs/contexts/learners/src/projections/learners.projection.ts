import { defineProjection, type Document } from '@cairn/kernel';
import {
  learnerErased,
  learnerKeyDestroyed,
  learnerProfileChanged,
  learnerRegistered,
} from '../contracts/learner.events.js';

/** Nothing personal (D11): names and identifiers are read from the learner's stream when somebody may see them. */
export type LearnerDocument = Document & {
  readonly tenant: string;
  readonly learnerId: string;
  readonly status: 'registered' | 'erased';
  readonly registeredAt: string;
  readonly changedAt: string;
  readonly keyDestroyedAt?: string;
};

/** Lists the learners of a tenant. `_id` = `<t>:<learnerId>`. */
export const learnersProjection = defineProjection<
  LearnerDocument,
  typeof learnerRegistered | typeof learnerProfileChanged | typeof learnerErased | typeof learnerKeyDestroyed
>({
  name: 'learners',
  version: 1,
  events: [learnerRegistered, learnerProfileChanged, learnerErased, learnerKeyDestroyed],
  keys: (event) => [`${event.meta.tenant}:${event.data.learnerId}`],
  evolve: (document, event) => {
    const { tenant, recordedAt } = event.meta;
    const { learnerId } = event.data;
    if (event.type === 'learner-registered')
      return { tenant, learnerId, status: 'registered', registeredAt: recordedAt, changedAt: recordedAt };
    if (!document) throw new Error(`${event.type} of learner ${learnerId}, who was never registered`);
    switch (event.type) {
      case 'learner-profile-changed':
        return { ...document, changedAt: recordedAt };
      case 'learner-erased':
        return { ...document, status: 'erased', changedAt: recordedAt };
      case 'learner-key-destroyed':
        return { ...document, keyDestroyedAt: recordedAt };
      default:
        return event satisfies never;
    }
  },
  indexes: [
    {
      name: 'tenant-registered',
      fields: [
        ['tenant', 1],
        ['registeredAt', 1],
      ],
    },
  ],
});
