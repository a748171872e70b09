import { defineProjection, type Document } from '@cairn/kernel';
import {
  learnerErased,
  learnerKeyDestroyed,
  learnerProfileChanged,
  learnerRegistered,
  learnersMerged,
  learnersUnmerged,
} from '../contracts/learner.events.js';

/** Nothing personal (D11): names and identifiers are read from the learner's stream when somebody may see them. */
export type LearnerDocument = Document & {
  readonly tenant: string;
  readonly learnerId: string;
  readonly status: 'registered' | 'merged' | 'erased';
  /** The person goes on as this learner. */
  readonly mergedInto?: string;
  readonly registeredAt: string;
  readonly changedAt: string;
  readonly keyDestroyedAt?: string;
};

/** Lists the learners of a tenant. `_id` = `<t>:<learnerId>`. */
export const learnersProjection = defineProjection<
  LearnerDocument,
  | typeof learnerRegistered
  | typeof learnerProfileChanged
  | typeof learnerErased
  | typeof learnerKeyDestroyed
  | typeof learnersMerged
  | typeof learnersUnmerged
>({
  name: 'learners',
  version: 2,
  events: [
    learnerRegistered,
    learnerProfileChanged,
    learnerErased,
    learnerKeyDestroyed,
    learnersMerged,
    learnersUnmerged,
  ],
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
      case 'learners-merged':
        return { ...document, status: 'merged', mergedInto: event.data.into, changedAt: recordedAt };
      case 'learners-unmerged': {
        const { mergedInto: _, ...alone } = document;
        return { ...alone, status: 'registered', changedAt: recordedAt };
      }
      // It stays known whom an erasure reaches.
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
      name: 'tenant-merged-into',
      fields: [
        ['tenant', 1],
        ['mergedInto', 1],
      ],
    },
    {
      name: 'tenant-registered',
      fields: [
        ['tenant', 1],
        ['registeredAt', 1],
      ],
    },
  ],
});
