import { defineReactor } from '@cairn/kernel';
import { componentPolicyApplied } from '@cairn/contexts/progress';
import type { FlagCredential, RevokeCredential, UnflagCredential } from '../contracts/credential.commands.js';

/**
 * Brings what the record decided by policy to the credential that rests on the lapsed one, issued or not (D3).
 * `suspend` is brought as a flag for now: the credential names what lapsed, the record keeps that suspension was
 * decided, and the life cycle of suspensions can start from there.
 */
export const applyPolicy = defineReactor<typeof componentPolicyApplied>({
  name: 'apply-policy',
  events: [componentPolicyApplied],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { learnerId, credentialId, templateId, hold, cause, effect, effectiveAt, componentTemplateId } = event.data;
    const about = { learnerId, credentialId, templateId, because: event.id, effectiveAt };
    switch (effect) {
      case 'flag':
      case 'suspend': {
        const component = componentTemplateId === undefined ? {} : { componentTemplateId };
        const command: FlagCredential = { type: 'FlagCredential', data: { ...about, hold, cause, ...component } };
        return [{ command }];
      }
      case 'lift': {
        const command: UnflagCredential = { type: 'UnflagCredential', data: { ...about, hold } };
        return [{ command }];
      }
      case 'revoke': {
        const command: RevokeCredential = { type: 'RevokeCredential', data: { ...about, reasonCode: cause } };
        return [{ command }];
      }
      default:
        return effect satisfies never;
    }
  },
  // Revoked and barred ones are final: a further hold adds nothing.
  tolerates: ['credential-revoked', 'issuance-barred'],
});
