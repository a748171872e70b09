import { credentialIssuanceBarred, credentialIssued, credentialRevoked } from '@cairn/contexts/credentials';
import { defineReactor } from '@cairn/kernel';
import type { CreditStackComponent, WithdrawStackComponent } from '../contracts/record.commands.js';

/**
 * Notes each own credential's term and end in its learner's record: stacking looks at these notes, never at what was
 * earned (D8). One reactor in order per learner: two could note an end before its beginning.
 */
export const stackOnCredential = defineReactor<
  typeof credentialIssued | typeof credentialRevoked | typeof credentialIssuanceBarred
>({
  name: 'stack-on-credential',
  events: [credentialIssued, credentialRevoked, credentialIssuanceBarred],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    if (event.type === 'credential-issued') {
      const { learnerId, credentialId, templateId, serial, validFrom, validUntil, awardedAt } = event.data;
      const command: CreditStackComponent = {
        type: 'CreditStackComponent',
        data: {
          learnerId,
          componentId: credentialId,
          origin: 'own',
          templateId,
          serial,
          validFrom,
          ...(validUntil === undefined ? {} : { validUntil }),
          achievedAt: awardedAt,
          ref: event.id,
          occurredAt: validFrom,
        },
      };
      return [{ command }];
    }
    // Revoked before it was issued is revoked all the same.
    const { learnerId, credentialId, effectiveAt } = event.data;
    const command: WithdrawStackComponent = {
      type: 'WithdrawStackComponent',
      data: { learnerId, componentId: credentialId, cause: 'revoked', effectiveAt, ref: event.id },
    };
    return [{ command }];
  },
  tolerates: ['learner-erased'],
});
