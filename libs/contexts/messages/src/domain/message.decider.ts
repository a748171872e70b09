// One message to one learner: asked for once, sent until the server takes it, and what became of it then.
import { accept, reject, type Decider, type Decision, type Instant, type Issued, type Rejected } from '@cairn/kernel';
import type { MessageCommand, RecordDelivery } from '../contracts/message.commands.js';
import { messageStream, type MessageEvent } from '../contracts/message.events.js';

type DataOf<T extends MessageEvent['type']> = Extract<MessageEvent, { readonly type: T }>['data'];

export type MessageState = {
  readonly requested?: DataOf<'message-requested'>;
  readonly status: 'waiting' | 'handed-over' | 'suppressed' | 'failed' | 'bounced';
  /** Tries that the mail server answered, since it was asked for or asked for again. */
  readonly attempts: number;
  /** When it is to be tried next; undefined: at once. */
  readonly notBefore?: Instant;
  /** As it went out last. */
  readonly handedOver?: DataOf<'message-handed-over'>;
  readonly delivered?: DataOf<'credential-delivered'>;
};

/** Pauses before further tries of what the server cannot take yet; after the last one it has failed. */
const MINUTE = 60_000;
export const RETRY_PAUSES_MS = [1, 5, 30, 120, 360, 720, 1_440].map((minutes) => minutes * MINUTE);
/** Each pause is up to so much longer, by chance. */
const SPREAD = 0.2;

export const messageDecider: Decider<MessageState, MessageCommand, MessageEvent> = {
  category: 'message',
  commands: ['RequestMessage', 'RecordDelivery', 'ResendMessage', 'ReportBounce', 'DeliverCredential'],
  initial: { status: 'waiting', attempts: 0 },
  evolve: (state, { type, data }) => {
    const { notBefore: _, ...rest } = state;
    switch (type) {
      case 'message-requested':
        return { ...state, requested: data };
      case 'message-handed-over':
        return { ...rest, status: 'handed-over', attempts: data.attempt, handedOver: data };
      case 'message-deferred':
        return { ...rest, status: 'waiting', attempts: data.attempt, notBefore: data.until };
      case 'message-suppressed':
        return { ...rest, status: 'suppressed' };
      case 'message-failed':
        return { ...rest, status: 'failed', attempts: data.attempt };
      case 'message-bounced':
        return { ...rest, status: 'bounced' };
      case 'message-resend-requested':
        return { ...rest, status: 'waiting', attempts: 0 };
      case 'credential-delivered':
        return { ...state, delivered: data };
      default:
        return data satisfies never;
    }
  },
  streamOf: ({ tenant, data }) => messageStream(tenant, data.messageId),
  decide: (command, state) => {
    const { type, data } = command;
    if (type === 'RequestMessage') return state.requested ? accept() : accept({ type: 'message-requested', data });
    const { requested } = state;
    if (!requested) return reject('not-found', 'There is no such message.', 'Check the id; the outbox lists them.');
    const { messageId, learnerId, credentialId, templateId, kind, serial } = requested;
    const about = { messageId, learnerId, credentialId, templateId };
    switch (type) {
      case 'RecordDelivery':
        return state.status === 'waiting' ? recordDelivery(command, state, about) : accept();
      case 'ResendMessage':
        if (state.status === 'waiting' && state.notBefore === undefined) return accept();
        return accept({
          type: 'message-resend-requested',
          data: { ...about, ...(data.reasonCode === undefined ? {} : { reasonCode: data.reasonCode }) },
        });
      case 'ReportBounce':
        if (state.status === 'bounced') return accept();
        if (state.status !== 'handed-over') return notSent();
        return accept({
          type: 'message-bounced',
          data: { ...about, reasonCode: data.reasonCode, ...(data.reply === undefined ? {} : { reply: data.reply }) },
        });
      case 'DeliverCredential':
        if (kind === 'reminder')
          return reject('not-found', 'A reminder brings no credential.', 'Name the message that told of the issue.');
        return state.delivered
          ? accept()
          : accept({ type: 'credential-delivered', data: { ...about, serial, channel: data.channel } });
      default:
        return type satisfies never;
    }
  },
};

type About = Pick<DataOf<'message-requested'>, 'messageId' | 'learnerId' | 'credentialId' | 'templateId'>;

function recordDelivery(
  { data: { outcome }, now }: Issued<RecordDelivery>,
  { attempts }: MessageState,
  about: About,
): Decision<MessageEvent> {
  const reply = 'reply' in outcome && outcome.reply !== undefined ? { reply: outcome.reply } : {};
  switch (outcome.kind) {
    case 'handed-over': {
      const { kind: _, ...how } = outcome;
      return accept({ type: 'message-handed-over', data: { ...about, ...how, attempt: attempts + 1 } });
    }
    case 'quiet':
      return accept({
        type: 'message-deferred',
        data: { ...about, until: outcome.until, attempt: attempts, reasonCode: 'quiet-hours' },
      });
    case 'later': {
      const pause = RETRY_PAUSES_MS[attempts];
      const attempt = attempts + 1;
      if (pause === undefined)
        return accept({ type: 'message-failed', data: { ...about, attempt, reasonCode: 'tries-used-up', ...reply } });
      const until = new Date(Date.parse(now) + pause * (1 + SPREAD * outcome.spread)).toISOString() as Instant;
      return accept({
        type: 'message-deferred',
        data: { ...about, until, attempt, reasonCode: 'not-taken-yet', ...reply },
      });
    }
    case 'refused':
      return accept({
        type: 'message-failed',
        data: { ...about, attempt: attempts + 1, reasonCode: outcome.reasonCode, ...reply },
      });
    case 'suppressed':
      return accept({ type: 'message-suppressed', data: { ...about, reasonCode: outcome.reasonCode } });
    default:
      return outcome satisfies never;
  }
}

const notSent = (): Rejected =>
  reject('message-not-sent', 'The message is not out: it cannot have come back.', 'Check which message bounced.');
