import { defineReactor } from '@cairn/kernel';
import { credentialIssued } from '../contracts/credential.events.js';
import type { SupersedeCredential } from '../contracts/credential.commands.js';

/**
 * Once the next edition is there, the one before it is superseded and its page leads on: never before, so that nobody is
 * left without.
 */
export const supersedeOnReplacement = defineReactor<typeof credentialIssued>({
  name: 'supersede-on-replacement',
  events: [credentialIssued],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { replaces, credentialId, reasonCode, authority } = event.data;
    if (replaces === undefined) return [];
    const command: SupersedeCredential = {
      type: 'SupersedeCredential',
      data: {
        credentialId: replaces,
        by: credentialId,
        reasonCode: reasonCode ?? 'replaced',
        effectiveAt: event.meta.recordedAt,
        because: event.id,
        ...(authority === undefined ? {} : { authority }),
      },
    };
    return [{ command }];
  },
  // What was barred has no page that could lead on.
  tolerates: ['issuance-barred', 'not-found'],
});
