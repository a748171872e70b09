import { defineProjection, type DueItem, type EventOf, type Recorded } from '@cairn/kernel';
import {
  messageBounced,
  messageDeferred,
  messageFailed,
  messageHandedOver,
  messageRequested,
  messageResendRequested,
  messageSuppressed,
} from '@cairn/contexts/messages';
import { stackComponentCredited, stackComponentWithdrawn } from '@cairn/contexts/progress';
import {
  credentialExpired,
  credentialIssued,
  credentialRenewed,
  credentialRevoked,
  credentialSuperseded,
  renewalReminderRequested,
  renewalWindowClosed,
  renewalWindowOpened,
} from '../contracts/credential.events.js';

/** A component recognised from outside: its term ends. */
export type ComponentExpiry = DueItem & {
  readonly kind: 'component-expiry';
  readonly learnerId: string;
  /** Of the term that ends: what the record noted it by. */
  readonly ref: string;
};
/** The last term of a credential ends. */
export type CredentialExpiry = DueItem & {
  readonly kind: 'credential-expiry';
  readonly learnerId: string;
  /** Its serial within the credential. */
  readonly term: number;
};
/** The window for the next term opens; then it closes. */
export type RenewalWindow = DueItem & {
  readonly kind: 'renewal-window';
  readonly learnerId: string;
  readonly term: number;
  readonly stage: 'opens' | 'closes';
};
/** The next reminder of the end of the last term. */
export type RenewalReminder = DueItem & {
  readonly kind: 'renewal-reminder';
  readonly learnerId: string;
  readonly term: number;
};
/** A message that is to go out. */
export type MessageToSend = DueItem & { readonly kind: 'message'; readonly learnerId: string; readonly apart: true };
type Due = ComponentExpiry | CredentialExpiry | RenewalWindow | RenewalReminder | MessageToSend;

const events = [
  stackComponentCredited,
  stackComponentWithdrawn,
  credentialIssued,
  credentialRenewed,
  credentialExpired,
  credentialRevoked,
  credentialSuperseded,
  renewalWindowOpened,
  renewalWindowClosed,
  renewalReminderRequested,
  messageRequested,
  messageDeferred,
  messageResendRequested,
  messageHandedOver,
  messageSuppressed,
  messageFailed,
  messageBounced,
] as const;
type Event = Recorded<EventOf<(typeof events)[number]>>;

/**
 * What falls due, made and closed by events alone: `_id` = `<t>:<kind>:<subject>`. A later term of the same subject is
 * the same document with the next serial and another due time, so that an event can close it without knowing either.
 */
export const dueWorkProjection = defineProjection<Due, (typeof events)[number]>({
  name: 'due_work',
  version: 4,
  events,
  keys: (event) => kindsOf(event).map((kind) => `${event.meta.tenant}:${kind}:${subjectOf(event)}`),
  evolve: (document, event, id) => {
    const kind = kindsOf(event).find((one) => id === `${event.meta.tenant}:${one}:${subjectOf(event)}`);
    const next = kind && nextOf(kind, event);
    if (!next) return document && { ...document, state: 'done' };
    return {
      tenant: event.meta.tenant,
      subject: subjectOf(event),
      serial: (document?.serial ?? 0) + 1,
      state: 'open',
      learnerId: event.data.learnerId,
      ...next,
    };
  },
  indexes: [
    {
      name: 'tenant-state-due',
      fields: [
        ['tenant', 1],
        ['state', 1],
        ['dueAt', 1],
      ],
    },
  ],
});

const subjectOf = ({ data }: Event): string =>
  'messageId' in data ? data.messageId : 'componentId' in data ? data.componentId : data.credentialId;

function kindsOf(event: Event): readonly Due['kind'][] {
  switch (event.type) {
    case 'stack-component-credited':
      return event.data.origin === 'recognised' ? ['component-expiry'] : [];
    case 'stack-component-withdrawn':
      return ['component-expiry'];
    case 'credential-expired':
      return ['credential-expiry', 'renewal-reminder'];
    case 'renewal-reminder-requested':
      return ['renewal-reminder'];
    case 'renewal-window-opened':
    case 'renewal-window-closed':
      return ['renewal-window'];
    case 'message-requested':
    case 'message-deferred':
    case 'message-resend-requested':
    case 'message-handed-over':
    case 'message-suppressed':
    case 'message-failed':
    case 'message-bounced':
      return ['message'];
    default:
      return ['credential-expiry', 'renewal-window', 'renewal-reminder'];
  }
}

type Own =
  | Pick<ComponentExpiry, 'kind' | 'dueAt' | 'ref'>
  | Pick<CredentialExpiry, 'kind' | 'dueAt' | 'term'>
  | Pick<RenewalWindow, 'kind' | 'dueAt' | 'term' | 'stage'>
  | Pick<RenewalReminder, 'kind' | 'dueAt' | 'term'>
  | Pick<MessageToSend, 'kind' | 'dueAt' | 'apart'>;

/** What is due next after the event; undefined: nothing any more. */
function nextOf(kind: Due['kind'], event: Event): Own | undefined {
  switch (event.type) {
    case 'stack-component-credited': {
      const { validUntil, ref } = event.data;
      return validUntil === undefined ? undefined : { kind: 'component-expiry', dueAt: validUntil, ref };
    }
    case 'credential-issued':
    case 'credential-renewed': {
      const { serial: term, validUntil, renewal, reminders } = event.data;
      if (kind === 'credential-expiry') return validUntil === undefined ? undefined : { kind, dueAt: validUntil, term };
      if (kind === 'renewal-window')
        return renewal && { kind: 'renewal-window', dueAt: renewal.opens, term, stage: 'opens' };
      // What had gone by when the term came to be known is no news.
      const first = reminders?.find(({ at }) => at > event.meta.recordedAt);
      return first && { kind: 'renewal-reminder', dueAt: first.at, term };
    }
    case 'renewal-reminder-requested': {
      const { serial: term, next } = event.data;
      return next && { kind: 'renewal-reminder', dueAt: next.at, term };
    }
    case 'renewal-window-opened': {
      const { serial: term, closes } = event.data;
      return { kind: 'renewal-window', dueAt: closes, term, stage: 'closes' };
    }
    case 'message-requested':
    case 'message-resend-requested':
      return { kind: 'message', dueAt: event.meta.recordedAt, apart: true };
    case 'message-deferred':
      return { kind: 'message', dueAt: event.data.until, apart: true };
    default:
      return undefined;
  }
}
