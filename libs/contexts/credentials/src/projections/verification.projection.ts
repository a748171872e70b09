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

/** What bulk and offline verification need of one credential; nothing that names or links the learner. */
export type VerificationDocument = Document & {
  readonly tenant: string;
  readonly credentialId: string;
  readonly state: 'not-issued' | 'issued' | 'revoked';
  readonly issuerId?: string;
  readonly templateId?: string;
  readonly templateVersion?: number;
  readonly serial?: number;
  /** Half-open. */
  readonly validFrom?: string;
  readonly validUntil?: string;
  readonly revokedAt?: string;
  readonly reasonCode?: string;
  readonly flags: readonly { readonly hold: string; readonly cause: string; readonly since: string }[];
  /** Holds that make it not valid; absent if there never was one. */
  readonly suspensions?: readonly { readonly hold: string; readonly cause: string; readonly since: string }[];
  readonly statusList?: string;
  readonly statusIndex?: string;
  readonly vcHash?: string;
  readonly keyId?: string;
};

/**
 * State of every credential for batches and bundles: `_id` = `<t>:<credentialId>`. It may lag; the public answer about
 * one credential reads its stream instead (D5).
 */
export const verificationProjection = defineProjection<VerificationDocument, Definition>({
  name: 'verification',
  version: 2,
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
      case 'credential-flagged': {
        const { hold, cause, effectiveAt } = event.data;
        return { ...base, flags: [...base.flags, { hold, cause, since: effectiveAt }] };
      }
      case 'credential-unflagged':
        return { ...base, flags: base.flags.filter(({ hold }) => hold !== event.data.hold) };
      case 'credential-revoked':
        return { ...base, state: 'revoked', revokedAt: event.data.effectiveAt, reasonCode: event.data.reasonCode };
      case 'credential-suspended': {
        const { hold, reasonCode, effectiveAt } = event.data;
        return { ...base, suspensions: [...(base.suspensions ?? []), { hold, cause: reasonCode, since: effectiveAt }] };
      }
      case 'credential-reinstated':
        return { ...base, suspensions: (base.suspensions ?? []).filter(({ hold }) => hold !== event.data.hold) };
      case 'credential-expired':
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
