// What the learners of a tenant are told, in which language, and when not.
import { accept, canonicalJson, invalid, type Decider, type Fold } from '@cairn/kernel';
import { isZone } from '@cairn/rules';
import type { SetDeliveryPolicy } from '../contracts/message.commands.js';
import { deliveryStream, type DeliveryPolicy, type DeliveryPolicyEvent } from '../contracts/message.events.js';
import { LANGUAGES } from './texts.js';

/** Undefined: nobody is told anything. */
export type DeliveryPolicyState = { readonly policy?: DeliveryPolicy };

export const deliveryPolicyFold: Fold<DeliveryPolicyState, DeliveryPolicyEvent> = {
  category: 'delivery',
  initial: {},
  evolve: (_state, { data }) => ({ policy: data }),
};

export const deliveryPolicyDecider: Decider<DeliveryPolicyState, SetDeliveryPolicy, DeliveryPolicyEvent> = {
  ...deliveryPolicyFold,
  commands: ['SetDeliveryPolicy'],
  streamOf: ({ tenant }) => deliveryStream(tenant),
  decide: ({ data }, { policy }) => {
    const { tell, language, quietHours } = data;
    if (new Set(tell).size < tell.length) return invalid('/tell', 'repeated', 'A kind is named more than once.');
    if (!LANGUAGES.includes(language))
      return invalid('/language', 'language-unknown', `There are texts in ${LANGUAGES.join(', ')}.`);
    if (quietHours && !isZone(quietHours.zone))
      return invalid('/quietHours/zone', 'zone-unknown', `"${quietHours.zone}" is not an IANA time zone.`);
    if (quietHours && quietHours.from === quietHours.until)
      return invalid('/quietHours/until', 'never-ends', 'Quiet hours that end when they begin leave no time to write.');
    if (policy && canonicalJson(policy) === canonicalJson(data)) return accept();
    return accept({ type: 'delivery-policy-set', data });
  },
};
