import { defineTimekeeper, type Instant, type LearnerId } from '@cairn/kernel';
import type { WithdrawStackComponent } from '@cairn/contexts/progress';
import type { ComponentExpiry } from '../projections/due-work.projection.js';

/**
 * A component is over when its own term is; the record, which noted the term, decides what that means for the steps and
 * credentials that rest on it. The status of the component itself is computed when it is read, from its stream.
 */
export const componentExpiryClock = defineTimekeeper<ComponentExpiry>({
  name: 'expiry-clock',
  kind: 'component-expiry',
  command: ({ learnerId, subject, dueAt, ref, origin }): WithdrawStackComponent => ({
    type: 'WithdrawStackComponent',
    data: {
      learnerId: learnerId as LearnerId,
      componentId: subject,
      cause: 'expired',
      effectiveAt: dueAt as Instant,
      // Own ones are noted by events, each once: the end of a term is named after its beginning.
      ref: origin === 'own' ? `${ref}:until` : ref,
    },
  }),
  // Nothing more is recorded about an erased learner.
  tolerates: ['learner-erased'],
});
