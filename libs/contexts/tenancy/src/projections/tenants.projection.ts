import { defineProjection, type Document } from '@cairn/kernel';
import { tenantRegistered } from '../contracts/tenancy.events.js';

/** One document a tenant. The namespace of its ids is left out: it never leaves the log. */
export type TenantDocument = Document & {
  readonly tenant: string;
  readonly slug: string;
  readonly name: string;
  readonly zone: string;
};

/** Resolves slugs; lists tenants for the CLI. `_id` = `<t>:tenant`. */
export const tenantsProjection = defineProjection<TenantDocument, typeof tenantRegistered>({
  name: 'tenants',
  version: 1,
  events: [tenantRegistered],
  keys: (event) => [`${event.data.tenantId}:tenant`],
  evolve: (_document, { data }) => ({ tenant: data.tenantId, slug: data.slug, name: data.name, zone: data.zone }),
  indexes: [{ name: 'slug', fields: [['slug', 1]] }],
});
