import { defineReactor } from '@cairn/kernel';
import { externalCredentialCounts, externalCredentialCountsNoMore } from '../contracts/external-credential.events.js';
import type { CreditStackComponent, WithdrawStackComponent } from '../contracts/record.commands.js';

/** Brings what a credential of another issuer counts as, and the end of that, to the learner's record. */
export const creditExternal = defineReactor<typeof externalCredentialCounts | typeof externalCredentialCountsNoMore>({
  name: 'credit-external',
  events: [externalCredentialCounts, externalCredentialCountsNoMore],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { learnerId, componentId, authority, reasonCode } = event.data;
    // The same one may count again after it was suspended: each time is another note.
    const ref = event.id;
    if (event.type === 'external-credential-counts-no-more') {
      const { cause, effectiveAt } = event.data;
      const command: WithdrawStackComponent = {
        type: 'WithdrawStackComponent',
        data: { learnerId, componentId, cause, effectiveAt, ref, authority, reasonCode },
      };
      return [{ command }];
    }
    const { equivalence, from, until, achievedAt } = event.data;
    const command: CreditStackComponent = {
      type: 'CreditStackComponent',
      data: {
        learnerId,
        componentId,
        origin: 'recognised',
        ...equivalence,
        validFrom: from,
        ...(until === undefined ? {} : { validUntil: until }),
        achievedAt,
        ref,
        authority,
        reasonCode,
        occurredAt: from,
      },
    };
    return [{ command }];
  },
  tolerates: ['learner-erased'],
});
