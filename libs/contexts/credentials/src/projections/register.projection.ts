import { defineProjection, type Document } from '@cairn/kernel';
import { credentialEvents } from '../contracts/credential.events.js';
import { holdsAfter, type OpenHold } from './open-holds.js';

/** One credential in the issuer's register. Expiry is not in it: it is computed when read, from `validUntil`. */
export type RegisterDocument = Document & {
  readonly tenant: string;
  readonly credentialId: string;
  readonly learnerId: string;
  readonly templateId: string;
  /** `announced`: holds came before the issue; `barred`: it never will be issued. */
  readonly state: 'announced' | 'issued' | 'revoked' | 'superseded' | 'barred';
  readonly holds: readonly OpenHold[];
  /** Holds that make it not valid; absent if there never was one. */
  readonly suspensions?: readonly OpenHold[];
  readonly templateVersion?: number;
  readonly issuerId?: string;
  readonly occurrence?: number;
  readonly edition?: number;
  readonly serial?: number;
  readonly awardedAt?: string;
  readonly issuedAt?: string;
  /** The last term, and the copy that says so. */
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
  /** The next edition, and the one before; public pages lead on. */
  readonly supersededBy?: string;
  readonly supersededAt?: string;
  readonly replaces?: string;
  /** When the last term may be renewed. */
  readonly renewal?: { readonly opens: string; readonly closes: string };
  readonly revision: number;
};

/** The issuance history of a tenant: `_id` = `<t>:<credentialId>`. Serves lists and exports, never verification. */
export const registerProjection = defineProjection<RegisterDocument, (typeof credentialEvents)[number]>({
  name: 'register',
  version: 3,
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
        const { vcHash, keyId, status, basis, components, reasonCode, authority, renewal, replaces } = event.data;
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
          ...(renewal === undefined ? {} : { renewal }),
          ...(replaces === undefined ? {} : { replaces }),
          ...(reasonCode === undefined ? {} : { reasonCode }),
          ...(authority === undefined ? {} : { authority }),
        };
      }
      case 'credential-renewed': {
        const { serial, validFrom, validUntil, vcHash, keyId, renewal } = event.data;
        const { renewal: _, ...rest } = base;
        return { ...rest, serial, validFrom, validUntil, vcHash, keyId, ...(renewal === undefined ? {} : { renewal }) };
      }
      case 'credential-superseded': {
        const { by, effectiveAt } = event.data;
        const state = base.state === 'revoked' ? base.state : 'superseded';
        return { ...base, state, supersededBy: by, supersededAt: effectiveAt };
      }
      case 'credential-flagged':
      case 'credential-unflagged':
        return { ...base, holds: holdsAfter(base.holds, event) };
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
      case 'credential-suspended':
      case 'credential-reinstated':
        return { ...base, suspensions: holdsAfter(base.suspensions ?? [], event) };
      case 'credential-expired':
      case 'renewal-window-opened':
      case 'renewal-window-closed':
      case 'renewal-reminder-requested':
        return base; // computed when read
      case 'credential-issuance-barred':
        return { ...base, state: 'barred', revokedAt: event.data.effectiveAt };
      default:
        return event satisfies never;
    }
  },
  // Each list of the API is one of these: newest first, for a tenant, template or learner. The first
  // finds the tenant of a public id.
  indexes: [
    { name: 'credential', fields: [['credentialId', 1]] },
    {
      name: 'tenant-issued',
      fields: [
        ['tenant', 1],
        ['issuedAt', -1],
      ],
    },
    {
      name: 'tenant-state-issued',
      fields: [
        ['tenant', 1],
        ['state', 1],
        ['issuedAt', -1],
      ],
    },
    {
      name: 'tenant-template-issued',
      fields: [
        ['tenant', 1],
        ['templateId', 1],
        ['issuedAt', -1],
      ],
    },
    {
      name: 'tenant-learner-issued',
      fields: [
        ['tenant', 1],
        ['learnerId', 1],
        ['issuedAt', -1],
      ],
    },
  ],
});
