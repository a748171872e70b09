// What the specs of this context share: one learner, one template, one issuer, and the events about them.
import type { CredentialId, Decided, Instant, IssuerId, LearnerId, TemplateId } from '@cairn/kernel';
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import { recordStream } from '@cairn/contexts/progress';
import type { IssuerState } from '@cairn/contexts/tenancy';
import { TENANT, at } from '@cairn/testing';
import type { CredentialEvent } from '../contracts/credential.events.js';
import type { Basis, SignedCopy } from './credential.decider.js';

export const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId;
export const credentialId = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293' as CredentialId;
export const templateId = '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d' as TemplateId;
export const componentTemplate = '2d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d' as TemplateId;
export const issuerId = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;
export const EARNED = '11111111-2222-5333-8444-555555555501';
export const POLICY = '11111111-2222-5333-8444-555555555577';
export const HOLD = `component-revoked:${componentTemplate}`;
export const RECORD = recordStream(TENANT, learnerId);
export const NAMESPACE = '9b3c6d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e';
export const BASE_URL = 'https://cairn.example';

export const earnedData = {
  learnerId,
  credentialId,
  awardId: 'L1',
  awardKind: 'step',
  templateId,
  templateVersion: 1,
  occurrence: 1,
  edition: 1,
  at: at('2026-03-10'),
  from: at('2026-03-10'),
  satisfied: [{ requirementId: 'L1/0', by: ['11111111-2222-5333-8444-555555555511'] }],
  components: [],
  rulesHash: 'c'.repeat(64),
  issue: 'automatic',
} as const satisfies Basis['data'];

export const earned = { type: 'credential-earned', data: earnedData } as const;
export const granted = {
  type: 'credential-granted',
  data: { ...earnedData, satisfied: [], reasonCode: 'honorary', authority: 'senate' },
} as const;

export const signed: SignedCopy = {
  issuerId,
  status: { listId: 'northlake-1', index: '94567' },
  vcHash: 'd'.repeat(64),
  keyId: 'k1',
};

export const issuedEvent = {
  type: 'credential-issued',
  occurredAt: at('2026-03-10'),
  data: {
    learnerId,
    credentialId,
    templateId,
    templateVersion: 1,
    issuerId,
    basis: { stream: RECORD, revision: 3, eventId: EARNED },
    occurrence: 1,
    edition: 1,
    components: [],
    serial: 1,
    status: signed.status,
    validFrom: at('2026-03-10'),
    awardedAt: at('2026-03-10'),
    vcHash: signed.vcHash,
    keyId: 'k1',
  },
} as const satisfies Decided<CredentialEvent>;

const who = { learnerId, credentialId, templateId };
export const flaggedEvent = (effectiveAt: Instant = at('2026-06-01'), hold = HOLD) =>
  ({
    type: 'credential-flagged',
    occurredAt: effectiveAt,
    data: {
      ...who,
      hold,
      cause: 'component-revoked',
      because: POLICY,
      componentTemplateId: componentTemplate,
      effectiveAt,
    },
  }) as const;
export const unflaggedEvent = (effectiveAt: Instant = at('2026-07-01'), hold = HOLD) =>
  ({
    type: 'credential-unflagged',
    occurredAt: effectiveAt,
    data: { ...who, hold, because: POLICY, effectiveAt },
  }) as const;
export const revokedEvent = (effectiveAt: Instant = at('2026-05-05')) =>
  ({
    type: 'credential-revoked',
    occurredAt: effectiveAt,
    data: { ...who, reasonCode: 'issued-in-error', effectiveAt, authority: 'registrar' },
  }) as const;
export const suspendedEvent = (effectiveAt: Instant = at('2026-06-01'), hold = 'manual:inquiry') =>
  ({
    type: 'credential-suspended',
    occurredAt: effectiveAt,
    data: { ...who, hold, reasonCode: 'inquiry', effectiveAt, authority: 'registrar' },
  }) as const;
export const reinstatedEvent = (effectiveAt: Instant = at('2026-07-01'), hold = 'manual:inquiry') =>
  ({
    type: 'credential-reinstated',
    occurredAt: effectiveAt,
    data: {
      ...who,
      hold,
      reasonCode: 'inquiry',
      effectiveAt,
      authority: 'registrar',
      resumes: { serial: 1, validFrom: effectiveAt, awardedAt: at('2026-03-10') },
    },
  }) as const;
export const barredEvent = (effectiveAt: Instant = at('2026-05-05')) =>
  ({
    type: 'credential-issuance-barred',
    occurredAt: effectiveAt,
    data: { ...who, because: POLICY, effectiveAt },
  }) as const;

/** Its second term, met in the window of the first: terms meet at 2028-03-10. */
export const renewedEvent = (at_ = at('2028-01-15'), validFrom = at('2028-03-10'), validUntil = at('2030-03-10')) =>
  ({
    type: 'credential-renewed',
    occurredAt: at_,
    data: {
      ...who,
      serial: 2,
      basis: { stream: RECORD, revision: 7, eventId: '11111111-2222-5333-8444-555555555522' },
      at: at_,
      validFrom,
      validUntil,
      awardedAt: at('2026-03-10'),
      vcHash: 'e'.repeat(64),
      keyId: 'k2',
    },
  }) as const;
export const SUCCESSOR = '7b8c9d0e-1f2a-5b3c-8d4e-5f6071829304' as CredentialId;
export const supersededEvent = (effectiveAt: Instant = at('2026-08-01')) =>
  ({
    type: 'credential-superseded',
    occurredAt: effectiveAt,
    data: { ...who, by: SUCCESSOR, reasonCode: 'new-name', effectiveAt, because: EARNED, authority: 'registrar' },
  }) as const;

export const template: PublishedTemplate = {
  templateId,
  slug: 'L1',
  version: 1,
  achievement: {
    name: { en: 'Data skills, level 1', de: 'Datenkompetenz, Stufe 1' },
    description: { en: 'Reads and cleans data.' },
    achievementType: 'MicroCredential',
    criteria: { en: 'Modules DS-101 and DS-102.' },
    level: 1,
    credits: 10,
    alignments: [{ targetName: 'Data literacy', targetUrl: 'https://case.example/CFItems/5f0e', targetType: 'CFItem' }],
  },
  componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke' },
  issue: 'automatic',
  issuerId,
  hash: 'b'.repeat(64),
};

export const issuer: NonNullable<IssuerState['registered']> = {
  issuerId,
  slug: 'northlake',
  name: 'Northlake College',
  url: 'https://northlake.example',
  did: 'did:web:cairn.example:issuers:northlake',
  zone: 'Europe/Berlin',
};
