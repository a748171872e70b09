import { defineProjection, type Document } from '@cairn/kernel';
import { credentialEvents } from '../contracts/credential.events.js';
import { holdsAfter, type OpenHold } from './open-holds.js';

/** What bulk and offline verification need of one credential; nothing that names or links the learner. */
export type VerificationDocument = Document & {
  readonly tenant: string;
  readonly credentialId: string;
  /** `revoked` and `superseded`: its bit in the status list is set. */
  readonly state: 'not-issued' | 'issued' | 'revoked' | 'superseded';
  readonly issuerId?: string;
  readonly templateId?: string;
  readonly templateVersion?: number;
  readonly serial?: number;
  /** The last term, half-open. */
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly revokedAt?: string;
  readonly reasonCode?: string;
  readonly flags: readonly OpenHold[];
  /** Holds that make it not valid; absent if there never was one. */
  readonly suspensions?: readonly OpenHold[];
  readonly statusList?: string;
  readonly statusIndex?: string;
  readonly vcHash?: string;
  readonly keyId?: string;
};

/**
 * State of every credential for batches and bundles: `_id` = `<t>:<credentialId>`. It may lag; the public answer about
 * one credential reads its stream instead (D5).
 */
export const verificationProjection = defineProjection<VerificationDocument, (typeof credentialEvents)[number]>({
  name: 'verification',
  version: 3,
  events: credentialEvents,
  keys: (event) => [`${event.meta.tenant}:${event.data.credentialId}`],
  evolve: (document, event) => {
    const base: VerificationDocument = document ?? {
      tenant: event.meta.tenant,
      credentialId: event.data.credentialId,
      state: 'not-issued',
      flags: [],
    };
    switch (event.type) {
      case 'credential-issued': {
        const { issuerId, templateId, templateVersion, serial, validFrom, validUntil, status, vcHash, keyId } =
          event.data;
        return {
          ...base,
          state: 'issued',
          issuerId,
          templateId,
          templateVersion,
          serial,
          validFrom,
          ...(validUntil === undefined ? {} : { validUntil }),
          statusList: status.listId,
          statusIndex: status.index,
          vcHash,
          keyId,
        };
      }
      case 'credential-renewed': {
        const { serial, validFrom, validUntil, vcHash, keyId } = event.data;
        return { ...base, serial, validFrom, validUntil, vcHash, keyId };
      }
      case 'credential-superseded':
        return base.state === 'revoked' ? base : { ...base, state: 'superseded', revokedAt: event.data.effectiveAt };
      case 'credential-flagged':
      case 'credential-unflagged':
        return { ...base, flags: holdsAfter(base.flags, event) };
      case 'credential-revoked':
        return { ...base, state: 'revoked', revokedAt: event.data.effectiveAt, reasonCode: event.data.reasonCode };
      case 'credential-suspended':
      case 'credential-reinstated':
        return { ...base, suspensions: holdsAfter(base.suspensions ?? [], event) };
      case 'credential-expired':
      case 'renewal-window-opened':
      case 'renewal-window-closed':
      case 'renewal-reminder-requested':
        return base; // computed when read
      case 'credential-issuance-barred':
        return { ...base, revokedAt: event.data.effectiveAt };
      default:
        return event satisfies never;
    }
  },
  // By list, for rebuilding the bits of a status list.
  indexes: [
    {
      name: 'tenant-list',
      fields: [
        ['tenant', 1],
        ['statusList', 1],
        ['state', 1],
        ['_id', 1],
      ],
    },
  ],
});
