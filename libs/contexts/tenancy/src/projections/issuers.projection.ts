import { defineProjection, type Document } from '@cairn/kernel';
import { issuerRegistered, signingKeyAdded, signingKeyRetired } from '../contracts/tenancy.events.js';

export type IssuerDocument = Document & {
  readonly tenant: string;
  readonly issuerId: string;
  readonly slug: string;
  readonly name: string;
  readonly url?: string;
  readonly did: string;
  readonly zone: string;
  /** In the order they were added. */
  readonly keys: readonly {
    readonly keyId: string;
    readonly algorithm: string;
    readonly notBefore: string;
    readonly retiredAt?: string;
  }[];
};

/** Lists the issuers of a tenant; what decides (signing, verifying) reads the stream. `_id` = `<t>:<issuerId>`. */
export const issuersProjection = defineProjection<
  IssuerDocument,
  typeof issuerRegistered | typeof signingKeyAdded | typeof signingKeyRetired
>({
  name: 'issuers',
  version: 1,
  events: [issuerRegistered, signingKeyAdded, signingKeyRetired],
  keys: (event) => [`${event.meta.tenant}:${event.data.issuerId}`],
  evolve: (document, event) => {
    if (event.type === 'issuer-registered') return { tenant: event.meta.tenant, ...event.data, keys: [] };
    if (!document) throw new Error(`${event.type} of issuer ${event.data.issuerId}, which was never registered`);
    if (event.type === 'signing-key-added') {
      const { keyId, algorithm, notBefore } = event.data;
      return { ...document, keys: [...document.keys, { keyId, algorithm, notBefore }] };
    }
    const { keyId, at } = event.data;
    return { ...document, keys: document.keys.map((key) => (key.keyId === keyId ? { ...key, retiredAt: at } : key)) };
  },
  indexes: [
    {
      name: 'tenant-slug',
      fields: [
        ['tenant', 1],
        ['slug', 1],
      ],
    },
  ],
});
