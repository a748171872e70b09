import { defineReactor } from '@cairn/kernel';
import { credentialIssued, credentialRenewed, renewalReminderRequested } from '@cairn/contexts/credentials';
import type { RequestMessage } from '../contracts/message.commands.js';
import { messageIdOf, type MessageKind } from '../contracts/message.events.js';

/** Of which the learner is told, if the tenant wants that. */
const KINDS: Readonly<Record<string, MessageKind>> = {
  'credential-issued': 'issued',
  'credential-renewed': 'renewed',
  'renewal-reminder-requested': 'reminder',
};

/**
 * Asks for a message about a new credential, a further term, a reminder that is due: one each, whoever asks again. What
 * was recorded before the tenant told its learners anything is history and told to nobody.
 */
export const tellLearner = defineReactor({
  name: 'tell-learner',
  events: [credentialIssued, credentialRenewed, renewalReminderRequested],
  partitionBy: (event) => event.data.learnerId,
  react: async ({ type, data, meta, position }, { find, waitFor }) => {
    await waitFor('delivery_policies', position);
    const [policy] = await find('delivery_policies', { _id: `${meta.tenant}:delivery` }, { limit: 1 });
    const kind = KINDS[type] as MessageKind;
    const told = policy as { readonly tell: readonly string[]; readonly since: string } | undefined;
    if (!told?.tell.includes(kind) || meta.recordedAt < told.since) return [];
    const { learnerId, credentialId, templateId, serial } = data;
    const stage = 'stage' in data ? data.stage : undefined;
    const command: RequestMessage = {
      type: 'RequestMessage',
      data: {
        messageId: messageIdOf(credentialId, kind, serial, stage),
        learnerId,
        credentialId,
        templateId,
        kind,
        serial,
        ...(stage === undefined ? {} : { stage }),
      },
    };
    return [{ command, key: kind }];
  },
  tolerates: [],
});
