import { defineProjection, type Document } from '@cairn/kernel';
import { externalCredentialEvents, type Equivalence } from '../contracts/external-credential.events.js';

type Definition = (typeof externalCredentialEvents)[number];
type Review = { readonly state: 'accepted' | 'declined'; readonly at: string; readonly reasonCode: string };

/** Nothing personal: title, reference and document are read from the stream by who may see them. */
export type ExternalCredentialDocument = Document & {
  readonly tenant: string;
  readonly externalId: string;
  readonly learnerId: string;
  readonly issuer: string;
  readonly format: string;
  readonly hash: string;
  readonly validFrom: string;
  readonly validUntil?: string;
  readonly achievedAt?: string;
  readonly recordedAt: string;
  readonly verification: {
    readonly outcome: string;
    readonly finding: string;
    readonly at?: string;
    readonly authority?: string;
  };
  readonly review?: Document & Review & { readonly authority: string; readonly equivalence?: Equivalence };
  /** From when on it counts; absent while it does not. */
  readonly countsFrom?: string;
};

/** One document per credential of another issuer, `_id` = `<t>:<external id>`. */
export const externalCredentialsProjection = defineProjection<ExternalCredentialDocument, Definition>({
  name: 'external_credentials',
  version: 1,
  events: externalCredentialEvents,
  keys: (event) => [`${event.meta.tenant}:${event.data.externalId}`],
  evolve: (document, event) => {
    const at = event.meta.occurredAt;
    if (event.type === 'external-credential-recorded') {
      const { details: _, ...data } = event.data;
      return {
        tenant: event.meta.tenant,
        ...data,
        recordedAt: event.meta.recordedAt,
        verification: { outcome: 'unknown', finding: 'not-checked' },
      };
    }
    if (!document) throw new Error(`${event.type} of external credential ${event.data.externalId}, never recorded`);
    switch (event.type) {
      case 'external-credential-verified': {
        const { outcome, finding, authority } = event.data;
        return {
          ...document,
          verification: { outcome, finding, at, ...(authority === undefined ? {} : { authority }) },
        };
      }
      case 'external-credential-accepted': {
        const { equivalence, reasonCode, authority } = event.data;
        return { ...document, review: { state: 'accepted', at, reasonCode, authority, equivalence } };
      }
      case 'external-credential-declined': {
        const { reasonCode, authority } = event.data;
        return { ...document, review: { state: 'declined', at, reasonCode, authority } };
      }
      case 'external-credential-counts':
        return { ...document, countsFrom: event.data.from };
      case 'external-credential-counts-no-more': {
        const { countsFrom: _, ...rest } = document;
        return rest;
      }
      default:
        return event satisfies never;
    }
  },
  indexes: [
    {
      name: 'learner',
      fields: [
        ['tenant', 1],
        ['learnerId', 1],
        ['recordedAt', 1],
      ],
    },
  ],
});
