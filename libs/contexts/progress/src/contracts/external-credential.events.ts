// Events of the stream `external-{t}.{x}`: a credential that another issuer gave, from its record here to what it counts
// as. Only what is valid and accepted by a person counts; from then on the learner's record follows it to its end.
import {
  defineEvent,
  s,
  streamName,
  type EventOf,
  type Infer,
  type JsonObject,
  type LearnerId,
  type ModuleId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';

/** What may say who the learner is: kept sealed with the learner's own key. */
export type ExternalDetails = JsonObject & {
  readonly title?: string;
  /** Where it can be looked up. */
  readonly reference?: string;
  /** The credential itself, as it was sent. */
  readonly document?: string;
};

export const EXTERNAL_FORMATS = ['open-badge-2', 'open-badge-3', 'verifiable-credential', 'other'] as const;
export const VERIFICATION_OUTCOMES = ['valid', 'invalid', 'unknown'] as const;

const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
const authority = s.string({ max: 200 });
const externalId = s.uuid();
const learnerId = s.uuid<LearnerId>();
/** What it counts as: a template or a module, and what it is worth there. */
const equivalence = s.object({
  templateId: s.optional(s.uuid<TemplateId>()),
  moduleId: s.optional(s.uuid<ModuleId>()),
  credits: s.optional(s.number({ min: 0 })),
  area: s.optional(s.string({ max: 100 })),
  level: s.optional(s.integer()),
});
export type Equivalence = Infer<typeof equivalence>;

const X = '5f1e2d3c-4b5a-5968-8778-695a4b3c2d1e';
const L = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';
const C = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293';
const T = '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d';

export const externalCredentialRecorded = defineEvent({
  type: 'external-credential-recorded',
  version: 1,
  means: 'A credential of another issuer is on record; it satisfies nothing until it is valid and accepted.',
  schema: s.object({
    externalId,
    learnerId,
    /** The other issuer: a name, a DID or an address. */
    issuer: s.string({ max: 512 }),
    format: s.oneOf(EXTERNAL_FORMATS),
    /** SHA-256 of the credential as it was sent: which one it is, whatever is kept of it. */
    hash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
    validFrom: s.instant(),
    validUntil: s.optional(s.instant()),
    /** When it was achieved: from then its credits age. */
    achievedAt: s.optional(s.instant()),
    details: s.optional(s.personal<ExternalDetails>()),
  }),
  personal: ['details'],
  samples: {
    1: [
      {
        externalId: X,
        learnerId: L,
        issuer: 'did:web:industry.example',
        format: 'open-badge-3',
        hash: 'a'.repeat(64),
        validFrom: '2025-04-01T00:00:00.000Z',
        validUntil: '2026-04-01T00:00:00.000Z',
        details: { alg: 'A256GCM', iv: 'AAAAAAAAAAAAAAAA', data: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' },
      },
    ],
  },
});
export const externalCredentialVerified = defineEvent({
  type: 'external-credential-verified',
  version: 1,
  means: 'It was checked whether the credential of another issuer is valid; what could not be found out is unknown.',
  schema: s.object({
    externalId,
    learnerId,
    outcome: s.oneOf(VERIFICATION_OUTCOMES),
    /** What was found, as a code. */
    finding: reasonCode,
    /** The person who checked it, by role; left out: this program did. */
    authority: s.optional(authority),
  }),
  samples: { 1: [{ externalId: X, learnerId: L, outcome: 'unknown', finding: 'format-not-supported' }] },
});
export const externalCredentialAccepted = defineEvent({
  type: 'external-credential-accepted',
  version: 1,
  means: 'A person decided what the credential of another issuer counts as; it does while it is valid.',
  schema: s.object({ externalId, learnerId, equivalence, reasonCode, authority }),
  samples: {
    1: [
      {
        externalId: X,
        learnerId: L,
        equivalence: { templateId: T },
        reasonCode: 'equivalent',
        authority: 'admissions',
      },
    ],
  },
});
export const externalCredentialDeclined = defineEvent({
  type: 'external-credential-declined',
  version: 1,
  means: 'A person decided that the credential of another issuer counts as nothing here.',
  schema: s.object({ externalId, learnerId, reasonCode, authority }),
  samples: { 1: [{ externalId: X, learnerId: L, reasonCode: 'not-equivalent', authority: 'admissions' }] },
});
export const externalCredentialCounts = defineEvent({
  type: 'external-credential-counts',
  version: 1,
  means: 'Valid and accepted, the credential of another issuer counts from the instant on.',
  schema: s.object({
    externalId,
    learnerId,
    /** The component that the learner's record knows it by. */
    componentId: s.uuid(),
    equivalence,
    from: s.instant(),
    until: s.optional(s.instant()),
    achievedAt: s.instant(),
    reasonCode,
    authority,
  }),
  samples: {
    1: [
      {
        externalId: X,
        learnerId: L,
        componentId: C,
        equivalence: { templateId: T },
        from: '2025-04-01T09:00:00.000Z',
        until: '2026-04-01T00:00:00.000Z',
        achievedAt: '2025-04-01T00:00:00.000Z',
        reasonCode: 'equivalent',
        authority: 'admissions',
      },
    ],
  },
});
export const externalCredentialCountsNoMore = defineEvent({
  type: 'external-credential-counts-no-more',
  version: 1,
  means: 'The credential of another issuer counts no more: at no time if revoked, else from the instant on.',
  schema: s.object({
    externalId,
    learnerId,
    componentId: s.uuid(),
    /** `suspended`: whether it is valid cannot be found out at present. */
    cause: s.oneOf(['revoked', 'suspended'] as const),
    effectiveAt: s.instant(),
    reasonCode,
    authority,
  }),
  samples: {
    1: [
      {
        externalId: X,
        learnerId: L,
        componentId: C,
        cause: 'revoked',
        effectiveAt: '2025-07-01T09:00:00.000Z',
        reasonCode: 'withdrawn-by-issuer',
        authority: 'admissions',
      },
    ],
  },
});

export const externalCredentialEvents = [
  externalCredentialRecorded,
  externalCredentialVerified,
  externalCredentialAccepted,
  externalCredentialDeclined,
  externalCredentialCounts,
  externalCredentialCountsNoMore,
] as const;
export type ExternalCredentialEvent = EventOf<(typeof externalCredentialEvents)[number]>;

export const externalCredentialStream = (tenant: TenantId, external: string): string =>
  streamName('external', tenant, external);
