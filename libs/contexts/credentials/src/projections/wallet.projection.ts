import { defineProjection, type Document, type EventOf } from '@cairn/kernel';
import { learnerErased } from '@cairn/contexts/learners';
import { recordClosed } from '@cairn/contexts/progress';
import {
  credentialFlagged,
  credentialIssued,
  credentialRenewed,
  credentialRevoked,
  credentialSuperseded,
  credentialUnflagged,
} from '../contracts/credential.events.js';

type Definition =
  | typeof credentialIssued
  | typeof credentialRenewed
  | typeof credentialFlagged
  | typeof credentialUnflagged
  | typeof credentialRevoked
  | typeof credentialSuperseded
  | typeof learnerErased
  | typeof recordClosed;

export type WalletItem = {
  readonly credentialId: string;
  readonly templateId: string;
  readonly templateVersion: number;
  readonly state: 'issued' | 'revoked' | 'superseded';
  readonly occurrence: number;
  readonly edition: number;
  readonly serial: number;
  readonly awardedAt: string;
  readonly issuedAt: string;
  /** The last term. */
  readonly validFrom: string;
  readonly validUntil?: string;
  /** All terms, if there is more than one. */
  readonly terms?: readonly { readonly serial: number; readonly validFrom: string; readonly validUntil?: string }[];
  readonly supersededBy?: string;
  readonly revokedAt?: string;
  readonly reasonCode?: string;
  /** Open remarks. */
  readonly flags: readonly { readonly hold: string; readonly cause: string; readonly since: string }[];
  /** What it rests on: the stack tree follows from these. */
  readonly components: readonly { readonly componentId: string; readonly templateId: string }[];
};

export type WalletDocument = Document & {
  readonly tenant: string;
  readonly learnerId: string;
  readonly erased: boolean;
  /** In the order of issue. */
  readonly credentials: readonly WalletItem[];
  /** Holds of credentials that are not issued yet, by credential. */
  readonly pending: { readonly [credentialId: string]: WalletItem['flags'] };
};

/** A learner's credentials: `_id` = `<t>:<learnerId>`. After an erasure it says only that, and stays so. */
export const walletProjection = defineProjection<WalletDocument, Definition>({
  name: 'wallet',
  version: 2,
  events: [
    credentialIssued,
    credentialRenewed,
    credentialFlagged,
    credentialUnflagged,
    credentialRevoked,
    credentialSuperseded,
    learnerErased,
    recordClosed,
  ],
  keys: (event) => [`${event.meta.tenant}:${event.data.learnerId}`],
  evolve: (document, event) => {
    const wallet: WalletDocument = document ?? {
      tenant: event.meta.tenant,
      learnerId: event.data.learnerId,
      erased: false,
      credentials: [],
      pending: {},
    };
    if (wallet.erased) return wallet;
    switch (event.type) {
      case 'record-closed':
        if (event.data.why === 'merged') return document;
        return { ...wallet, erased: true, credentials: [], pending: {} };
      case 'learner-erased':
        return { ...wallet, erased: true, credentials: [], pending: {} };
      case 'credential-issued': {
        const { [event.data.credentialId]: flags = [], ...pending } = wallet.pending;
        return {
          ...wallet,
          pending,
          credentials: [...wallet.credentials, itemOf(event.data, event.meta.recordedAt, flags)],
        };
      }
      case 'credential-flagged': {
        const { hold, cause, effectiveAt } = event.data;
        return changeFlags(wallet, event.data.credentialId, (flags) => [...flags, { hold, cause, since: effectiveAt }]);
      }
      case 'credential-unflagged':
        return changeFlags(wallet, event.data.credentialId, (flags) =>
          flags.filter(({ hold }) => hold !== event.data.hold),
        );
      case 'credential-renewed': {
        const { serial, validFrom, validUntil } = event.data;
        return change(wallet, event.data.credentialId, (item) => ({
          ...item,
          serial,
          validFrom,
          validUntil,
          terms: [...(item.terms ?? [termOf(item)]), { serial, validFrom, validUntil }],
        }));
      }
      case 'credential-superseded': {
        const { credentialId, by } = event.data;
        return change(wallet, credentialId, (item) => ({
          ...item,
          state: item.state === 'revoked' ? item.state : 'superseded',
          supersededBy: by,
        }));
      }
      case 'credential-revoked': {
        const { effectiveAt, reasonCode } = event.data;
        return change(wallet, event.data.credentialId, (item) => ({
          ...item,
          state: 'revoked',
          revokedAt: effectiveAt,
          reasonCode,
        }));
      }
      default:
        return event satisfies never;
    }
  },
  indexes: [],
});

const termOf = ({ serial, validFrom, validUntil }: WalletItem) => ({
  serial,
  validFrom,
  ...(validUntil === undefined ? {} : { validUntil }),
});

type Issued = EventOf<typeof credentialIssued>['data'];

function itemOf(data: Issued, issuedAt: string, flags: WalletItem['flags']): WalletItem {
  const { credentialId, templateId, templateVersion, occurrence, edition, serial, awardedAt, validFrom } = data;
  return {
    credentialId,
    templateId,
    templateVersion,
    state: 'issued',
    occurrence,
    edition,
    serial,
    awardedAt,
    issuedAt,
    validFrom,
    ...(data.validUntil === undefined ? {} : { validUntil: data.validUntil }),
    flags,
    components: data.components,
  };
}

const change = (
  wallet: WalletDocument,
  credentialId: string,
  next: (item: WalletItem) => WalletItem,
): WalletDocument => ({
  ...wallet,
  credentials: wallet.credentials.map((item) => (item.credentialId === credentialId ? next(item) : item)),
});

function changeFlags(
  wallet: WalletDocument,
  credentialId: string,
  next: (flags: WalletItem['flags']) => WalletItem['flags'],
): WalletDocument {
  if (wallet.credentials.some((item) => item.credentialId === credentialId))
    return change(wallet, credentialId, (item) => ({ ...item, flags: next(item.flags) }));
  return { ...wallet, pending: { ...wallet.pending, [credentialId]: next(wallet.pending[credentialId] ?? []) } };
}
