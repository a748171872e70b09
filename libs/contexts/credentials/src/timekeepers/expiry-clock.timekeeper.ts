import { defineTimekeeper, type Instant, type LearnerId } from '@cairn/kernel';
import type { WithdrawStackComponent } from '@cairn/contexts/progress';
import type { ComponentExpiry } from '../projections/due-work.projection.js';

/** A component from outside is over when its own term is; the record decides what that means for what rests on it. */
export const componentExpiryClock = defineTimekeeper<ComponentExpiry>({
  name: 'expiry-clock',
  kind: 'component-expiry',
  command: ({ learnerId, subject, dueAt, ref }): WithdrawStackComponent => ({
    type: 'WithdrawStackComponent',
    data: {
      learnerId: learnerId as LearnerId,
      componentId: subject,
      cause: 'expired',
      effectiveAt: dueAt as Instant,
      ref,
    },
  }),
  // Nothing more is recorded about an erased learner.
  tolerates: ['learner-erased'],
});
