import { defineReactor } from '@cairn/kernel';
import { credentialEarned, credentialGranted, renewalEarned } from '@cairn/contexts/progress';
import type { IssueCredential, RenewCredential } from '../contracts/credential.commands.js';

/**
 * Issues what was earned and renews what got a further term, if its template issues automatically, and whatever a
 * person has decided. One reactor in order per learner: no renewal comes before its issue. A request by hand sends the
 * same command under the same id, so both ways meet in one effect (D1).
 */
export const issueOnEarned = defineReactor<typeof credentialEarned | typeof credentialGranted | typeof renewalEarned>({
  name: 'issue-on-earned',
  events: [credentialEarned, credentialGranted, renewalEarned],
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    const { learnerId, credentialId } = event.data;
    const basis = { stream: event.stream, revision: event.revision, eventId: event.id };
    const byPerson =
      event.type === 'credential-granted' || (event.type === 'renewal-earned' && event.data.authority !== undefined);
    if (event.data.issue === 'manual' && !byPerson) return [];
    const command: IssueCredential | RenewCredential = {
      type: event.type === 'renewal-earned' ? 'RenewCredential' : 'IssueCredential',
      data: { learnerId, credentialId, basis },
    };
    return [{ command }];
  },
  // The entitlement was withdrawn, the credential barred, ended or never issued, the person erased in between: then
  // nothing is issued or renewed (D3).
  tolerates: [
    'criteria-not-met',
    'issuance-barred',
    'learner-erased',
    'credential-not-active',
    'credential-revoked',
    'credential-superseded',
  ],
});
