import { defineReactor } from '@cairn/kernel';
import { componentPolicyApplied } from '@cairn/contexts/progress';
import type {
  FlagCredential,
  ReinstateCredential,
  RevokeCredential,
  SuspendCredential,
  UnflagCredential,
} from '../contracts/credential.commands.js';

/**
 * Brings what the record decided by policy to the credential that rests on the lapsed one, issued or not (D3).
 * A lift does not say which effect it ends, so it goes to both; where no such hold stands nothing is recorded.
 */
export const applyPolicy = defineReactor<typeof componentPolicyApplied>({
  name: 'apply-policy',
  events: [componentPolicyApplied],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { learnerId, credentialId, templateId, hold, cause, effect, effectiveAt, componentTemplateId } = event.data;
    const about = { learnerId, credentialId, templateId, because: event.id, effectiveAt };
    switch (effect) {
      case 'flag': {
        const component = componentTemplateId === undefined ? {} : { componentTemplateId };
        const command: FlagCredential = { type: 'FlagCredential', data: { ...about, hold, cause, ...component } };
        return [{ command }];
      }
      case 'suspend': {
        const command: SuspendCredential = { type: 'SuspendCredential', data: { ...about, hold, reasonCode: cause } };
        return [{ command }];
      }
      case 'lift': {
        const command: UnflagCredential = { type: 'UnflagCredential', data: { ...about, hold } };
        const reinstate: ReinstateCredential = {
          type: 'ReinstateCredential',
          data: { ...about, hold, reasonCode: cause },
        };
        return [{ command }, { command: reinstate }];
      }
      case 'revoke': {
        const command: RevokeCredential = { type: 'RevokeCredential', data: { ...about, reasonCode: cause } };
        return [{ command }];
      }
      default:
        return effect satisfies never;
    }
  },
  // Revoked, corrected and barred ones are final: a further hold adds nothing.
  tolerates: ['credential-revoked', 'credential-superseded', 'issuance-barred'],
});
