// Events of the streams `credential-{t}.{c}` and `statuslist-{t}.{listId}`.
import {
  defineEvent,
  s,
  uuidv5,
  type CredentialId,
  type EventOf,
  type IssuerId,
  type LearnerId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';

/** One stream for each (learner, template, occurrence, edition): at most one issuance (D1). `namespace` is the tenant's secret. */
export const credentialIdOf = (
  namespace: string,
  learner: LearnerId,
  template: TemplateId,
  occurrence: number,
  edition: number,
): CredentialId => uuidv5(namespace, 'credential', learner, template, occurrence, edition) as CredentialId;

export const credentialStream = (tenant: TenantId, id: CredentialId): string => `credential-${tenant}.${id}`;

const learnerId = s.uuid<LearnerId>();
const credentialId = s.uuid<CredentialId>();
const templateId = s.uuid<TemplateId>();
const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
const eventRef = s.uuid();

const L = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';
const CRD = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293';
const T = '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d';
const E = '11111111-2222-5333-8444-555555555501';
const I = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d';
const who = { learnerId: L, credentialId: CRD, templateId: T };
const HOLD = 'component-revoked:2d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d';

/** When facts count for the term after one. */
const renewal = s.optional(s.object({ opens: s.instant(), closes: s.instant() }));
const reminder = s.object({ stage: s.string({ max: 20 }), at: s.instant() });

export const credentialIssued = defineEvent({
  type: 'credential-issued',
  version: 1,
  means: 'The credential was signed and exists.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    templateVersion: s.integer({ min: 1 }),
    issuerId: s.uuid<IssuerId>(),
    /** The earning or granting event (D2). */
    basis: s.object({ stream: s.string({ max: 300 }), revision: s.integer(), eventId: eventRef }),
    occurrence: s.integer({ min: 1 }),
    edition: s.integer({ min: 1 }),
    /** Public ids stay out of it: these are component ids of the record. */
    components: s.array(s.object({ componentId: s.uuid(), templateId })),
    serial: s.integer({ min: 1, max: 1 }),
    status: s.object({ listId: s.string({ max: 128 }), index: s.string({ pattern: /^\d{1,9}$/ }) }),
    validFrom: s.instant(),
    validUntil: s.optional(s.instant()),
    /** When the award was met: `awardedDate` of every representation. */
    awardedAt: s.instant(),
    /** SHA-256 of the signed bytes, hex: their address in the blob vault. */
    vcHash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
    keyId: s.string({ max: 128 }),
    /** When a fact renews this term, half-open; left out: it has no renewal. */
    renewal,
    /** When its holder is reminded of the end of the term, the earliest first. */
    reminders: s.optional(s.array(reminder)),
    /** A hold stands since then: the term counts in the stack until it, and again when it is lifted. */
    held: s.optional(s.instant()),
    /** The edition before this one, of the same award. */
    replaces: s.optional(credentialId),
    /** Who decided, for an issue by hand. */
    reasonCode: s.optional(reasonCode),
    authority: s.optional(s.string({ max: 200 })),
  }),
  samples: {
    1: [
      {
        ...who,
        templateVersion: 1,
        issuerId: I,
        basis: { stream: `record-0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10.${L}`, revision: 3, eventId: E },
        occurrence: 1,
        edition: 1,
        components: [],
        serial: 1,
        status: { listId: 'northlake-1', index: '94567' },
        validFrom: '2026-03-10T09:00:00.000Z',
        awardedAt: '2026-03-10T09:00:00.000Z',
        vcHash: 'd'.repeat(64),
        keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
      },
    ],
  },
});
export const credentialRenewed = defineEvent({
  type: 'credential-renewed',
  version: 1,
  means: 'The credential has a further term; a newer signed copy says so under the same id.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    serial: s.integer({ min: 2 }),
    /** The RenewalEarned. */
    basis: s.object({ stream: s.string({ max: 300 }), revision: s.integer(), eventId: eventRef }),
    /** When it was met or decided: from then on it is known that there will be no end, or was one. */
    at: s.instant(),
    validFrom: s.instant(),
    validUntil: s.instant(),
    awardedAt: s.instant(),
    vcHash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
    keyId: s.string({ max: 128 }),
    renewal,
    reminders: s.optional(s.array(reminder)),
    /** A hold stands since then: the term counts in the stack until it, and again when it is lifted. */
    held: s.optional(s.instant()),
    reasonCode: s.optional(reasonCode),
    authority: s.optional(s.string({ max: 200 })),
  }),
  samples: {
    1: [
      {
        ...who,
        serial: 2,
        basis: { stream: `record-0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10.${L}`, revision: 7, eventId: E },
        at: '2028-01-15T09:00:00.000Z',
        validFrom: '2028-03-09T23:00:00.000Z',
        validUntil: '2030-03-09T23:00:00.000Z',
        awardedAt: '2026-03-10T09:00:00.000Z',
        vcHash: 'e'.repeat(64),
        keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
        renewal: { opens: '2029-12-09T23:00:00.000Z', closes: '2030-04-09T22:00:00.000Z' },
      },
    ],
  },
});
export const credentialFlagged = defineEvent({
  type: 'credential-flagged',
  version: 1,
  means: 'Valid, with a remark: a credential that it rests on has lapsed.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    hold: s.string({ max: 200 }),
    cause: s.string({ max: 64 }),
    because: eventRef,
    componentTemplateId: s.optional(templateId),
    effectiveAt: s.instant(),
  }),
  samples: {
    1: [{ ...who, hold: HOLD, cause: 'component-revoked', because: E, effectiveAt: '2026-07-01T00:00:00.000Z' }],
  },
});
export const credentialUnflagged = defineEvent({
  type: 'credential-unflagged',
  version: 1,
  means: 'The remark of that hold is over.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    hold: s.string({ max: 200 }),
    because: eventRef,
    effectiveAt: s.instant(),
  }),
  samples: { 1: [{ ...who, hold: HOLD, because: E, effectiveAt: '2026-08-01T00:00:00.000Z' }] },
});
export const credentialRevoked = defineEvent({
  type: 'credential-revoked',
  version: 1,
  means: 'Withdrawn for good, for a reason.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    reasonCode,
    effectiveAt: s.instant(),
    because: s.optional(eventRef),
    authority: s.optional(s.string({ max: 200 })),
  }),
  samples: {
    1: [{ ...who, reasonCode: 'issued-in-error', effectiveAt: '2026-07-01T00:00:00.000Z', authority: 'registrar' }],
  },
});
export const credentialIssuanceBarred = defineEvent({
  type: 'credential-issuance-barred',
  version: 1,
  means: 'Revoked before it was issued: it never will be.',
  schema: s.object({ learnerId, credentialId, templateId, because: eventRef, effectiveAt: s.instant() }),
  samples: { 1: [{ ...who, because: E, effectiveAt: '2026-07-01T00:00:00.000Z' }] },
});

export const credentialSuspended = defineEvent({
  type: 'credential-suspended',
  version: 1,
  means: 'Not valid for the time being: a hold with a name was put on it.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    hold: s.string({ max: 200 }),
    reasonCode,
    effectiveAt: s.instant(),
    /** The ComponentPolicyApplied behind it; a suspension by people names an authority instead. */
    because: s.optional(eventRef),
    authority: s.optional(s.string({ max: 200 })),
  }),
  samples: {
    1: [
      { ...who, hold: HOLD, reasonCode: 'component-revoked', effectiveAt: '2026-07-01T00:00:00.000Z', because: E },
      {
        ...who,
        hold: 'manual:inquiry',
        reasonCode: 'inquiry',
        effectiveAt: '2026-07-01T00:00:00.000Z',
        authority: 'registrar',
      },
    ],
  },
});
const restOfTerm = {
  serial: s.integer({ min: 1 }),
  validFrom: s.instant(),
  validUntil: s.optional(s.instant()),
  awardedAt: s.instant(),
};

export const credentialReinstated = defineEvent({
  type: 'credential-reinstated',
  version: 1,
  means: 'The hold of that name is over; without another one the credential is valid again.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    hold: s.string({ max: 200 }),
    reasonCode: s.optional(reasonCode),
    effectiveAt: s.instant(),
    because: s.optional(eventRef),
    authority: s.optional(s.string({ max: 200 })),
    /** The rest of its term, which counts in the stack again; left out while another hold stands or before the issue. */
    resumes: s.optional(s.object(restOfTerm)),
    /** Terms after that one. */
    resumesToo: s.optional(s.array(s.object(restOfTerm))),
  }),
  samples: {
    1: [
      {
        ...who,
        hold: 'manual:inquiry',
        reasonCode: 'inquiry-closed',
        effectiveAt: '2026-08-01T00:00:00.000Z',
        authority: 'registrar',
        resumes: { serial: 1, validFrom: '2026-08-01T00:00:00.000Z', awardedAt: '2026-03-10T09:00:00.000Z' },
      },
    ],
  },
});
export const credentialExpired = defineEvent({
  type: 'credential-expired',
  version: 1,
  means: 'Its term ended. Validity is computed from the term when read; this tells everybody else.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    serial: s.integer({ min: 1 }),
    validUntil: s.instant(),
  }),
  samples: { 1: [{ ...who, serial: 1, validUntil: '2028-03-10T00:00:00.000Z' }] },
});

export const credentialSuperseded = defineEvent({
  type: 'credential-superseded',
  version: 1,
  means: 'The next edition of the same award took its place; its page leads on there.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    /** The next edition. */
    by: credentialId,
    reasonCode,
    effectiveAt: s.instant(),
    because: eventRef,
    authority: s.optional(s.string({ max: 200 })),
  }),
  samples: {
    1: [
      {
        ...who,
        by: '7b8c9d0e-1f2a-5b3c-8d4e-5f6071829304',
        reasonCode: 'new-name',
        effectiveAt: '2026-07-01T00:00:00.000Z',
        because: E,
        authority: 'registrar',
      },
    ],
  },
});

const renewalWindow = {
  learnerId,
  credentialId,
  templateId,
  serial: s.integer({ min: 1 }),
  validUntil: s.instant(),
  opens: s.instant(),
  closes: s.instant(),
};
const windowSample = {
  ...who,
  serial: 1,
  validUntil: '2028-03-09T23:00:00.000Z',
  opens: '2027-12-09T23:00:00.000Z',
  closes: '2028-04-09T22:00:00.000Z',
};
export const renewalWindowOpened = defineEvent({
  type: 'renewal-window-opened',
  version: 1,
  means: 'From now on facts count for the next term.',
  schema: s.object(renewalWindow),
  samples: { 1: [windowSample] },
});
export const renewalWindowClosed = defineEvent({
  type: 'renewal-window-closed',
  version: 1,
  means: 'The grace is over: the credential can only be earned again.',
  schema: s.object(renewalWindow),
  samples: { 1: [windowSample] },
});

export const renewalReminderRequested = defineEvent({
  type: 'renewal-reminder-requested',
  version: 1,
  means: 'Its holder is to be told that the term ends.',
  schema: s.object({
    learnerId,
    credentialId,
    templateId,
    serial: s.integer({ min: 1 }),
    /** How long before the end of the term, as the template has it. */
    stage: s.string({ max: 20 }),
    dueAt: s.instant(),
    validUntil: s.instant(),
    /** Stages that went by while nobody could remind: this one speaks for them. */
    passed: s.optional(s.array(s.string({ max: 20 }))),
    /** The reminder after this one. */
    next: s.optional(reminder),
  }),
  samples: {
    1: [
      {
        ...who,
        serial: 1,
        stage: 'P30D',
        dueAt: '2028-02-09T08:00:00.000Z',
        validUntil: '2028-03-09T23:00:00.000Z',
        passed: ['P90D'],
        next: { stage: 'P7D', at: '2028-03-03T08:00:00.000Z' },
      },
    ],
  },
});

export const statusListOpened = defineEvent({
  type: 'status-list-opened',
  version: 1,
  means: 'A list of status indexes came to be; its index order is a keyed permutation.',
  schema: s.object({
    listId: s.string({ max: 128 }),
    issuerId: s.uuid<IssuerId>(),
    purpose: s.oneOf(['revocation'] as const),
    size: s.integer({ min: 131_072 }),
  }),
  samples: { 1: [{ listId: 'northlake-1', issuerId: I, purpose: 'revocation', size: 131_072 }] },
});
export const statusBlockLeased = defineEvent({
  type: 'status-block-leased',
  version: 1,
  means: 'Sequence numbers [from, to) belong to one issuing process; what it leaves stays unused (D6).',
  schema: s.object({
    listId: s.string({ max: 128 }),
    from: s.integer(),
    to: s.integer(),
    lessee: s.string({ max: 128 }),
  }),
  samples: { 1: [{ listId: 'northlake-1', from: 0, to: 256, lessee: 'a1b2' }] },
});
export const statusListClosed = defineEvent({
  type: 'status-list-closed',
  version: 1,
  means: 'All blocks are leased; the next list is in use.',
  schema: s.object({ listId: s.string({ max: 128 }) }),
  samples: { 1: [{ listId: 'northlake-1' }] },
});

export const credentialEvents = [
  credentialIssued,
  credentialRenewed,
  credentialFlagged,
  credentialUnflagged,
  credentialRevoked,
  credentialIssuanceBarred,
  credentialSuspended,
  credentialReinstated,
  credentialExpired,
  credentialSuperseded,
  renewalWindowOpened,
  renewalWindowClosed,
  renewalReminderRequested,
] as const;
export const statusListEvents = [statusListOpened, statusBlockLeased, statusListClosed] as const;
export type CredentialEvent = EventOf<(typeof credentialEvents)[number]>;
export type StatusListEvent = EventOf<(typeof statusListEvents)[number]>;
