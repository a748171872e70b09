import { defineProjection, type Document } from '@cairn/kernel';
import {
  credentialEvents,
  credentialExpired,
  credentialFlagged,
  credentialIssuanceBarred,
  credentialIssued,
  credentialReinstated,
  credentialRevoked,
  credentialSuspended,
  credentialUnflagged,
} from '../contracts/credential.events.js';

type Definition =
  | typeof credentialIssued
  | typeof credentialFlagged
  | typeof credentialUnflagged
  | typeof credentialRevoked
  | typeof credentialSuspended
  | typeof credentialReinstated
  | typeof credentialExpired
  | typeof credentialIssuanceBarred;

/** One credential in the issuer's register. Expiry is not in it: it is computed when read, from `validUntil`. */
export type RegisterDocument = Document & {
  readonly tenant: string;
  readonly credentialId: string;
  readonly learnerId: string;
  readonly templateId: string;
  /** `announced`: holds came before the issue; `barred`: it never will be issued. */
  readonly state: 'announced' | 'issued' | 'revoked' | 'barred';
  readonly holds: readonly { readonly hold: string; readonly cause: string; readonly since: string }[];
  /** Holds that make it not valid; absent if there never was one. */
  readonly suspensions?: readonly { readonly hold: string; readonly cause: string; readonly since: string }[];
  readonly templateVersion?: number;
  readonly issuerId?: string;
  readonly occurrence?: number;
  readonly edition?: number;
  readonly serial?: number;
  readonly awardedAt?: string;
  readonly issuedAt?: string;
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly vcHash?: string;
  readonly keyId?: string;
  readonly statusList?: string;
  readonly statusIndex?: string;
  /** The decision behind it: its stream, revision and event. */
  readonly basis?: { readonly stream: string; readonly revision: number; readonly eventId: string };
  readonly components?: readonly { readonly componentId: string; readonly templateId: string }[];
  readonly reasonCode?: string;
  readonly authority?: string;
  readonly revokedAt?: string;
  readonly revocationReason?: string;
  readonly revocationAuthority?: string;
  readonly revision: number;
};

/** The issuance history of a tenant: `_id` = `<t>:<credentialId>`. Serves lists and exports, never verification. */
export const registerProjection = defineProjection<RegisterDocument, Definition>({
  name: 'register',
  version: 2,
  events: credentialEvents,
  keys: (event) => [`${event.meta.tenant}:${event.data.credentialId}`],
  evolve: (document, event) => {
    const { learnerId, credentialId, templateId } = event.data;
    const base: RegisterDocument = {
      ...(document ?? { state: 'announced', holds: [] }),
      tenant: event.meta.tenant,
      credentialId,
      learnerId,
      templateId,
      revision: event.revision,
    };
    switch (event.type) {
      case 'credential-issued': {
        const { templateVersion, issuerId, occurrence, edition, serial, awardedAt, validFrom, validUntil } = event.data;
        const { vcHash, keyId, status, basis, components, reasonCode, authority } = event.data;
        return {
          ...base,
          state: 'issued',
          templateVersion,
          issuerId,
          occurrence,
          edition,
          serial,
          awardedAt,
          issuedAt: event.meta.recordedAt,
          validFrom,
          ...(validUntil === undefined ? {} : { validUntil }),
          vcHash,
          keyId,
          statusList: status.listId,
          statusIndex: status.index,
          basis,
          components,
          ...(reasonCode === undefined ? {} : { reasonCode }),
          ...(authority === undefined ? {} : { authority }),
        };
      }
      case 'credential-flagged': {
        const { hold, cause, effectiveAt } = event.data;
        return { ...base, holds: [...base.holds, { hold, cause, since: effectiveAt }] };
      }
      case 'credential-unflagged':
        return { ...base, holds: base.holds.filter(({ hold }) => hold !== event.data.hold) };
      case 'credential-revoked': {
        const { effectiveAt, reasonCode, authority } = event.data;
        return {
          ...base,
          state: 'revoked',
          revokedAt: effectiveAt,
          revocationReason: reasonCode,
          ...(authority === undefined ? {} : { revocationAuthority: authority }),
        };
      }
      case 'credential-suspended': {
        const { hold, reasonCode, effectiveAt } = event.data;
        return { ...base, suspensions: [...(base.suspensions ?? []), { hold, cause: reasonCode, since: effectiveAt }] };
      }
      case 'credential-reinstated':
        return { ...base, suspensions: (base.suspensions ?? []).filter(({ hold }) => hold !== event.data.hold) };
      case 'credential-expired':
        return base; // computed when read
      case 'credential-issuance-barred':
        return { ...base, state: 'barred', revokedAt: event.data.effectiveAt };
      default:
        return event satisfies never;
    }
  },
  // Each list of the API is one of these, followed by `_id`: newest first, for a tenant, template or learner. The first
  // finds the tenant of a public id.
  indexes: [
    { name: 'credential', fields: [['credentialId', 1]] },
    {
      name: 'tenant-issued',
      fields: [
        ['tenant', 1],
        ['issuedAt', -1],
        ['_id', 1],
      ],
    },
    {
      name: 'tenant-state-issued',
      fields: [
        ['tenant', 1],
        ['state', 1],
        ['issuedAt', -1],
        ['_id', 1],
      ],
    },
    {
      name: 'tenant-template-issued',
      fields: [
        ['tenant', 1],
        ['templateId', 1],
        ['issuedAt', -1],
        ['_id', 1],
      ],
    },
    {
      name: 'tenant-learner-issued',
      fields: [
        ['tenant', 1],
        ['learnerId', 1],
        ['issuedAt', -1],
        ['_id', 1],
      ],
    },
  ],
});
