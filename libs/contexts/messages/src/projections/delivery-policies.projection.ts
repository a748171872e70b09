import { defineProjection, type Document } from '@cairn/kernel';
import { deliveryPolicySet } from '../contracts/message.events.js';

export type DeliveryPolicyDocument = Document & {
  readonly tenant: string;
  readonly tell: readonly string[];
  /** Since when anything is told at all: what was recorded before is history, not news. */
  readonly since: string;
};

/** Whether a tenant's learners are told anything. `_id` = `<t>:delivery`. */
export const deliveryPoliciesProjection = defineProjection<DeliveryPolicyDocument, typeof deliveryPolicySet>({
  name: 'delivery_policies',
  version: 1,
  events: [deliveryPolicySet],
  keys: ({ meta }) => [`${meta.tenant}:delivery`],
  evolve: (document, { data, meta }) => ({
    tenant: meta.tenant,
    tell: data.tell,
    since: document && document.tell.length > 0 ? document.since : meta.recordedAt,
  }),
  indexes: [],
});
