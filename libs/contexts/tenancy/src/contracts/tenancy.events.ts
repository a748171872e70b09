// Events of the streams `installation-0.log`, `tenant-{t}.{t}` and `issuer-{t}.{issuerId}`.
import { defineEvent, s, type EventOf, type IssuerId, type JsonObject, type TenantId } from '@cairn/kernel';

export const SCOPES = [
  'tenant:admin',
  'catalog:read',
  'catalog:write',
  'catalog:publish',
  'learners:read',
  'learners:write',
  'erasure:approve',
  'progress:read',
  'progress:write',
  'credentials:read',
  'credentials:issue',
  'credentials:manage',
  'imports:run',
  'analytics:read',
  'audit:read',
  'events:read',
  'messages:report',
  'ops:manage',
] as const;
export type Scope = (typeof SCOPES)[number];

export const SIGNING_ALGORITHMS = ['RS256', 'ES256', 'Ed25519'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

const publicJwk = s.json<JsonObject>(
  (value) =>
    typeof value !== 'object' || value === null
      ? 'expected a JWK'
      : 'd' in value
        ? 'must not hold a private key'
        : undefined,
  { type: 'object' },
);

export const installationInitialised = defineEvent({
  type: 'installation-initialised',
  version: 1,
  means: 'The log got its identity; position tokens of another log are refused.',
  schema: s.object({ logId: s.uuid() }),
  samples: { 1: [{ logId: '5c1d1f5e-7c39-5f0a-9d65-0a3f3f1f1a01' }] },
});

export const tenantRegistered = defineEvent({
  type: 'tenant-registered',
  version: 1,
  means: 'A customer of the installation came to be.',
  schema: s.object({
    tenantId: s.uuid<TenantId>(),
    slug: s.string({ pattern: /^[a-z0-9](-?[a-z0-9]){1,62}$/ }),
    name: s.string({ max: 200 }),
    /** IANA zone: ISO weeks of analytics and the default of issuers. */
    zone: s.string({ max: 64 }),
    /** Random; ids of credentials derive from it. It never leaves the log. */
    namespace: s.uuid(),
    /** Where the clock of a sandbox stands first; left out: the tenant lives by real time, for good. */
    sandboxClock: s.optional(s.instant()),
  }),
  samples: {
    1: [
      {
        tenantId: '0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10',
        slug: 'northlake',
        name: 'Northlake College',
        zone: 'Europe/Berlin',
        namespace: '9b3c6d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e',
      },
    ],
  },
});

export const tenantClockSet = defineEvent({
  type: 'tenant-clock-set',
  version: 1,
  means: 'The clock of a sandbox was moved on; it stands there until it is moved again.',
  schema: s.object({ from: s.instant(), to: s.instant() }),
  samples: { 1: [{ from: '2026-03-10T09:00:00.000Z', to: '2028-03-10T09:00:00.000Z' }] },
});

export const apiKeyIssued = defineEvent({
  type: 'api-key-issued',
  version: 1,
  means: 'A machine was given access; only the hash of its key is kept.',
  schema: s.object({
    keyId: s.uuid(),
    name: s.string({ max: 200 }),
    /** SHA-256 of the whole key, hex. */
    hash: s.string({ pattern: /^[0-9a-f]{64}$/ }),
    lastFour: s.string({ min: 4, max: 4 }),
    scopes: s.array(s.oneOf(SCOPES), { min: 1 }),
    expiresAt: s.optional(s.instant()),
  }),
  samples: {
    1: [
      {
        keyId: '2f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4',
        name: 'LMS',
        hash: 'a'.repeat(64),
        lastFour: '7q2m',
        scopes: ['progress:write', 'events:read'],
        expiresAt: '2027-01-01T00:00:00.000Z',
      },
    ],
  },
});

export const apiKeyRevoked = defineEvent({
  type: 'api-key-revoked',
  version: 1,
  means: 'A key stopped working.',
  schema: s.object({ keyId: s.uuid(), reasonCode: s.string({ max: 64 }) }),
  samples: { 1: [{ keyId: '2f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4', reasonCode: 'rotated' }] },
});

export const issuerRegistered = defineEvent({
  type: 'issuer-registered',
  version: 1,
  means: 'A signing identity of the tenant came to be.',
  schema: s.object({
    issuerId: s.uuid<IssuerId>(),
    slug: s.string({ pattern: /^[a-z0-9](-?[a-z0-9]){1,62}$/ }),
    name: s.string({ max: 200 }),
    url: s.optional(s.string({ max: 2048, pattern: /^https?:\/\// })),
    /** did:web of the issuer; its document is served by the installation. */
    did: s.string({ max: 512, pattern: /^did:[a-z0-9]+:/ }),
    /** IANA zone of local days and terms. */
    zone: s.string({ max: 64 }),
  }),
  samples: {
    1: [
      {
        issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d',
        slug: 'northlake',
        name: 'Northlake College',
        url: 'https://northlake.example',
        did: 'did:web:cairn.example:issuers:northlake',
        zone: 'Europe/Berlin',
      },
    ],
  },
});

export const signingKeyAdded = defineEvent({
  type: 'signing-key-added',
  version: 1,
  means: 'A key pair of the issuer is in force from an instant; the private part lies in the key vault alone.',
  schema: s.object({
    issuerId: s.uuid<IssuerId>(),
    keyId: s.string({ max: 128 }),
    algorithm: s.oneOf(SIGNING_ALGORITHMS),
    publicJwk,
    notBefore: s.instant(),
  }),
  samples: {
    1: [
      {
        issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d',
        keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
        algorithm: 'ES256',
        publicJwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' },
        notBefore: '2026-01-01T00:00:00.000Z',
      },
    ],
  },
});

export const signingKeyRetired = defineEvent({
  type: 'signing-key-retired',
  version: 1,
  means: 'A key signs nothing more; what it signed stays verifiable.',
  schema: s.object({
    issuerId: s.uuid<IssuerId>(),
    keyId: s.string({ max: 128 }),
    at: s.instant(),
    reasonCode: s.string({ max: 64 }),
  }),
  samples: {
    1: [
      {
        issuerId: '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d',
        keyId: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
        at: '2026-06-01T00:00:00.000Z',
        reasonCode: 'rotated',
      },
    ],
  },
});

export const tenancyEvents = [
  installationInitialised,
  tenantRegistered,
  tenantClockSet,
  apiKeyIssued,
  apiKeyRevoked,
  issuerRegistered,
  signingKeyAdded,
  signingKeyRetired,
] as const;
export type TenantEvent = EventOf<
  typeof tenantRegistered | typeof tenantClockSet | typeof apiKeyIssued | typeof apiKeyRevoked
>;
export type IssuerEvent = EventOf<typeof issuerRegistered | typeof signingKeyAdded | typeof signingKeyRetired>;
