import {
  credentialExpired,
  credentialIssuanceBarred,
  credentialIssued,
  credentialReinstated,
  credentialRevoked,
  credentialSuspended,
} from '@cairn/contexts/credentials';
import { defineReactor } from '@cairn/kernel';
import type { CreditStackComponent, WithdrawStackComponent } from '../contracts/record.commands.js';

/**
 * Notes each own credential's term and end in its learner's record: stacking looks at these notes, never at what was
 * earned (D8). One reactor in order per learner: two could note an end before its beginning.
 */
export const stackOnCredential = defineReactor<
  | typeof credentialIssued
  | typeof credentialRevoked
  | typeof credentialIssuanceBarred
  | typeof credentialSuspended
  | typeof credentialReinstated
  | typeof credentialExpired
>({
  name: 'stack-on-credential',
  events: [
    credentialIssued,
    credentialRevoked,
    credentialIssuanceBarred,
    credentialSuspended,
    credentialReinstated,
    credentialExpired,
  ],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    if (event.type === 'credential-issued' || event.type === 'credential-reinstated') {
      const { learnerId, credentialId, templateId } = event.data;
      const term = event.type === 'credential-issued' ? event.data : event.data.resumes;
      // Another hold stands, or nothing is left of the term.
      if (!term) return [];
      const { serial, validFrom, validUntil, awardedAt } = term;
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
    const { learnerId, credentialId } = event.data;
    const effectiveAt = event.type === 'credential-expired' ? event.data.validUntil : event.data.effectiveAt;
    // Revoked before it was issued is revoked all the same.
    const cause =
      event.type === 'credential-expired' ? 'expired' : event.type === 'credential-suspended' ? 'suspended' : 'revoked';
    const command: WithdrawStackComponent = {
      type: 'WithdrawStackComponent',
      data: { learnerId, componentId: credentialId, cause, effectiveAt, ref: event.id },
    };
    return [{ command }];
  },
  tolerates: ['learner-erased'],
});
