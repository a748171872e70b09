import { defineReactor } from '@cairn/kernel';
import { credentialEarned, credentialGranted } from '@cairn/contexts/progress';
import type { IssueCredential } from '../contracts/credential.commands.js';

/**
 * Issues what was earned, if its template issues automatically, and whatever was granted: there a person has decided
 * already. A request by hand sends the same command under the same id, so both ways meet in one issuance (D1).
 */
export const issueOnEarned = defineReactor<typeof credentialEarned | typeof credentialGranted>({
  name: 'issue-on-earned',
  events: [credentialEarned, credentialGranted],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    if (event.type === 'credential-earned' && event.data.issue === 'manual') return [];
    const { learnerId, credentialId } = event.data;
    const basis = { stream: event.stream, revision: event.revision, eventId: event.id };
    const command: IssueCredential = { type: 'IssueCredential', data: { learnerId, credentialId, basis } };
    return [{ command }];
  },
  // The entitlement was withdrawn, the credential barred or the person erased in between: then nothing is issued (D3).
  tolerates: ['criteria-not-met', 'issuance-barred', 'learner-erased'],
});
