import type { Command, Instant, LearnerId } from '@cairn/kernel';
import type { DeliveryPolicy, MessageEvent } from './message.events.js';

/** The reactor's: somebody is to be told. */
export type RequestMessage = Command<
  'RequestMessage',
  Extract<MessageEvent, { readonly type: 'message-requested' }>['data']
>;
/** The scheduler's. Has no decider: its handler finds out what is so now, sends, and records what came of it. */
export type SendMessage = Command<'SendMessage', { readonly messageId: string }>;

/** What came of sending, or of not sending. */
export type DeliveryOutcome =
  | {
      readonly kind: 'handed-over';
      readonly channel: 'smtp' | 'outbox';
      readonly language: string;
      readonly addressee: LearnerId;
      readonly contentHash: string;
    }
  | { readonly kind: 'quiet'; readonly until: Instant }
  /** `spread` in [0, 1): by chance, so that many that were put off do not come back at once. */
  | { readonly kind: 'later'; readonly spread: number; readonly reply?: string }
  | { readonly kind: 'refused'; readonly reasonCode: string; readonly reply?: string }
  | { readonly kind: 'suppressed'; readonly reasonCode: string };
export type RecordDelivery = Command<
  'RecordDelivery',
  { readonly messageId: string; readonly outcome: DeliveryOutcome }
>;

export type ResendMessage = Command<'ResendMessage', { readonly messageId: string; readonly reasonCode?: string }>;
export type ReportBounce = Command<
  'ReportBounce',
  { readonly messageId: string; readonly reasonCode: string; readonly reply?: string }
>;
export type DeliverCredential = Command<'DeliverCredential', { readonly messageId: string; readonly channel: string }>;
export type MessageCommand = RequestMessage | RecordDelivery | ResendMessage | ReportBounce | DeliverCredential;

export type SetDeliveryPolicy = Command<'SetDeliveryPolicy', DeliveryPolicy>;
