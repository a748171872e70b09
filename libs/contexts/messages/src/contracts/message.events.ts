// Events of the streams `message-{t}.{m}` and `delivery-{t}.{t}`. Nothing personal (D11): what was written to whom lies
// sealed in the blob vault under its hash.
import {
  defineEvent,
  s,
  streamName,
  uuidv5,
  type CredentialId,
  type EventOf,
  type LearnerId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';

/** What a message tells: a credential is there, has a further term, or its term ends. */
export const MESSAGE_KINDS = ['issued', 'renewed', 'reminder'] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** One message for each term, and for each stage of its reminders: whoever asks again meets the same stream. */
export const messageIdOf = (credential: CredentialId, kind: MessageKind, serial: number, stage = ''): string =>
  uuidv5(credential, 'message', kind, serial, stage);
export const messageStream = (tenant: TenantId, id: string): string => streamName('message', tenant, id);
export const deliveryStream = (tenant: TenantId): string => streamName('delivery', tenant, tenant);

const about = {
  messageId: s.uuid(),
  learnerId: s.uuid<LearnerId>(),
  credentialId: s.uuid<CredentialId>(),
  templateId: s.uuid<TemplateId>(),
};
const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
/** What the mail server answered, in numbers: `550 5.1.1`. */
const reply = s.optional(s.string({ max: 20, pattern: /^\d{3}( \d\.\d{1,3}\.\d{1,3})?$/ }));
const language = s.string({ max: 35, pattern: /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/ });
const time = s.string({ pattern: /^([01]\d|2[0-3]):[0-5]\d$/ });

const L = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';
const sample = {
  messageId: '3c2b1a09-8f7e-5d6c-8b5a-493827161504',
  learnerId: L,
  credentialId: '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293',
  templateId: '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d',
};

export const messageRequested = defineEvent({
  type: 'message-requested',
  version: 1,
  means: 'A learner is to be told something about a credential.',
  schema: s.object({
    ...about,
    kind: s.oneOf(MESSAGE_KINDS),
    serial: s.integer({ min: 1 }),
    /** Of a reminder: how long before the end of the term. */
    stage: s.optional(s.string({ max: 20 })),
  }),
  samples: {
    1: [
      { ...sample, kind: 'issued', serial: 1 },
      { ...sample, kind: 'reminder', serial: 2, stage: 'P30D' },
    ],
  },
});
export const messageHandedOver = defineEvent({
  type: 'message-handed-over',
  version: 1,
  means: 'The message went to the mail server; where there is none, it is kept in the outbox.',
  schema: s.object({
    ...about,
    channel: s.oneOf(['smtp', 'outbox'] as const),
    attempt: s.integer({ min: 1 }),
    language,
    /** Whom it went to: after a merge, as whom the learner goes on. What was written is sealed with their key. */
    addressee: s.uuid<LearnerId>(),
    /** SHA-256 of what was written, hex: its address in the blob vault. */
    contentHash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
  }),
  samples: {
    1: [{ ...sample, channel: 'smtp', attempt: 1, language: 'de', addressee: L, contentHash: 'a'.repeat(64) }],
  },
});
export const messageDeferred = defineEvent({
  type: 'message-deferred',
  version: 1,
  means: 'It is not sent now but later: hours are quiet, or the mail server cannot take it yet.',
  schema: s.object({ ...about, until: s.instant(), attempt: s.integer(), reasonCode, reply }),
  samples: {
    1: [
      { ...sample, until: '2026-03-11T07:00:00.000Z', attempt: 0, reasonCode: 'quiet-hours' },
      { ...sample, until: '2026-03-11T07:01:00.000Z', attempt: 1, reasonCode: 'not-taken-yet', reply: '451 4.7.1' },
    ],
  },
});
export const messageSuppressed = defineEvent({
  type: 'message-suppressed',
  version: 1,
  means: 'It is not sent at all: what it would say is no longer so, or nobody is there to be told.',
  schema: s.object({ ...about, reasonCode }),
  samples: { 1: [{ ...sample, reasonCode: 'credential-renewed' }] },
});
export const messageFailed = defineEvent({
  type: 'message-failed',
  version: 1,
  means: 'It could not be sent and is not tried again unless somebody asks for it.',
  schema: s.object({ ...about, attempt: s.integer(), reasonCode, reply }),
  samples: { 1: [{ ...sample, attempt: 1, reasonCode: 'address-refused', reply: '550 5.1.1' }] },
});
export const messageBounced = defineEvent({
  type: 'message-bounced',
  version: 1,
  means: 'The mail system says that it was taken but never arrived.',
  schema: s.object({ ...about, reasonCode, reply }),
  samples: { 1: [{ ...sample, reasonCode: 'mailbox-unknown', reply: '550 5.1.1' }] },
});
export const messageResendRequested = defineEvent({
  type: 'message-resend-requested',
  version: 1,
  means: 'Somebody wants it sent once more, under the same id.',
  schema: s.object({ ...about, reasonCode: s.optional(reasonCode) }),
  samples: { 1: [{ ...sample, reasonCode: 'address-corrected' }] },
});
export const credentialDelivered = defineEvent({
  type: 'credential-delivered',
  version: 1,
  means: 'The holder has the credential that the message told of: it is claimed.',
  schema: s.object({ ...about, serial: s.integer({ min: 1 }), channel: reasonCode }),
  samples: { 1: [{ ...sample, serial: 1, channel: 'learner-portal' }] },
});
export const deliveryPolicySet = defineEvent({
  type: 'delivery-policy-set',
  version: 1,
  means:
    'What learners of the tenant are told from now on, in which language unless they have their own, and when not.',
  schema: s.object({
    /** Empty: nothing. */
    tell: s.array(s.oneOf(MESSAGE_KINDS)),
    language,
    /** Local times of day, half-open; over midnight if `until` is the earlier one. */
    quietHours: s.optional(s.object({ from: time, until: time, zone: s.string({ max: 64 }) })),
  }),
  samples: {
    1: [
      {
        tell: ['issued', 'reminder'],
        language: 'en',
        quietHours: { from: '21:00', until: '08:00', zone: 'Europe/Berlin' },
      },
    ],
  },
});

export const messageEvents = [
  messageRequested,
  messageHandedOver,
  messageDeferred,
  messageSuppressed,
  messageFailed,
  messageBounced,
  messageResendRequested,
  credentialDelivered,
] as const;
export type MessageEvent = EventOf<(typeof messageEvents)[number]>;
export type DeliveryPolicyEvent = EventOf<typeof deliveryPolicySet>;
export type DeliveryPolicy = DeliveryPolicyEvent['data'];
