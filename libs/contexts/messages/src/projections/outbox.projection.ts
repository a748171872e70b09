import { defineProjection, type Document } from '@cairn/kernel';
import { messageEvents } from '../contracts/message.events.js';

/** Where a message stands: `sent` went to the mail server, `kept` is in the outbox alone. */
export const OUTBOX_STATES = ['waiting', 'sent', 'kept', 'bounced', 'failed', 'suppressed'] as const;

/** Nothing personal (D11): whom it went to and what it says is read from the vault when somebody may see it. */
export type OutboxDocument = Document & {
  readonly tenant: string;
  readonly messageId: string;
  readonly learnerId: string;
  readonly credentialId: string;
  readonly templateId: string;
  readonly kind: string;
  readonly serial: number;
  readonly stage?: string;
  readonly state: (typeof OUTBOX_STATES)[number];
  readonly requestedAt: string;
  /** Tries since it was asked for, or asked for again. */
  readonly attempts: number;
  readonly resends: number;
  /** When it is tried next, if not at once. */
  readonly notBefore?: string;
  /** Why it waits, failed, bounced or is not sent. */
  readonly reasonCode?: string;
  readonly reply?: string;
  readonly language?: string;
  readonly sentAt?: string;
  /** The credential it told of is with its holder. */
  readonly claimed: boolean;
  readonly claimedAt?: string;
};

/** Every message and what became of it. `_id` = `<t>:<messageId>`. */
export const outboxProjection = defineProjection<OutboxDocument, (typeof messageEvents)[number]>({
  name: 'outbox',
  version: 1,
  events: messageEvents,
  keys: ({ meta, data }) => [`${meta.tenant}:${data.messageId}`],
  evolve: (document, { type, data, meta }) => {
    if (type === 'message-requested')
      return {
        tenant: meta.tenant,
        ...data,
        state: 'waiting',
        requestedAt: meta.recordedAt,
        attempts: 0,
        resends: 0,
        claimed: false,
      };
    if (!document) throw new Error(`${type} of message ${data.messageId}, which nobody asked for`);
    const { notBefore: _1, reasonCode: _2, reply: _3, ...rest } = document;
    switch (type) {
      case 'message-handed-over':
        return {
          ...rest,
          state: data.channel === 'smtp' ? 'sent' : 'kept',
          attempts: data.attempt,
          language: data.language,
          sentAt: meta.recordedAt,
        };
      case 'message-deferred':
        return { ...rest, state: 'waiting', attempts: data.attempt, notBefore: data.until, ...why(data) };
      case 'message-suppressed':
        return { ...rest, state: 'suppressed', ...why(data) };
      case 'message-failed':
        return { ...rest, state: 'failed', attempts: data.attempt, ...why(data) };
      case 'message-bounced':
        return { ...rest, state: 'bounced', ...why(data) };
      case 'message-resend-requested':
        return { ...rest, state: 'waiting', attempts: 0, resends: document.resends + 1 };
      case 'credential-delivered':
        return { ...document, claimed: true, claimedAt: meta.recordedAt };
      default:
        return type satisfies never;
    }
  },
  indexes: [
    { name: 'tenant-requested', fields: [['tenant', 1], ['requestedAt', -1]] }, // prettier-ignore
    { name: 'tenant-state-requested', fields: [['tenant', 1], ['state', 1], ['requestedAt', -1]] }, // prettier-ignore
    { name: 'tenant-learner', fields: [['tenant', 1], ['learnerId', 1]] }, // prettier-ignore
    { name: 'tenant-credential', fields: [['tenant', 1], ['credentialId', 1]] }, // prettier-ignore
  ],
});

const why = ({ reasonCode, reply }: { readonly reasonCode: string; readonly reply?: string | undefined }) => ({
  reasonCode,
  ...(reply === undefined ? {} : { reply }),
});
