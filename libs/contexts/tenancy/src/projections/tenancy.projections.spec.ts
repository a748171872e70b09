import { faultsOf, type Instant, type IssuerId, type JsonObject } from '@cairn/kernel';
import { at, recorded, TENANT } from '@cairn/testing';
import { tenancyEvents, type IssuerEvent } from '../contracts/tenancy.events.js';
import { issuersProjection, type IssuerDocument } from './issuers.projection.js';
import { tenantsProjection } from './tenants.projection.js';

const issuerId = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;

describe('tenants', () => {
  const event = recorded({
    type: 'tenant-registered',
    data: {
      tenantId: TENANT,
      slug: 'northlake',
      name: 'Northlake College',
      zone: 'Europe/Berlin',
      namespace: '9b3c6d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e',
    },
  } as const);

  it('has one document a tenant', () => expect(tenantsProjection.keys(event)).toEqual([`${TENANT}:tenant`]));
  it('tells slug, name and zone, and never the namespace of ids', () =>
    expect(tenantsProjection.evolve(null, event, `${TENANT}:tenant`)).toEqual({
      tenant: TENANT,
      slug: 'northlake',
      name: 'Northlake College',
      zone: 'Europe/Berlin',
    }));
});

describe('issuers', () => {
  const of = { tenant: TENANT, issuerId, slug: 'northlake', name: 'Northlake College', did: 'did:web:x', zone: 'UTC' };
  const { tenant: _tenant, ...registration } = of;
  const publicJwk: JsonObject = { kty: 'OKP', crv: 'Ed25519', x: 'AA' };
  const key = { issuerId, keyId: 'k1', algorithm: 'Ed25519', publicJwk, notBefore: at('2026-01-01') } as const;
  const history: readonly IssuerEvent[] = [
    { type: 'issuer-registered', data: registration },
    { type: 'signing-key-added', data: key },
    { type: 'signing-key-added', data: { ...key, keyId: 'k2' } },
    {
      type: 'signing-key-retired',
      data: { issuerId, keyId: 'k1', at: '2026-06-01T00:00:00.000Z' as Instant, reasonCode: 'x' },
    },
  ];

  it('folds an issuer with its keys', () => {
    const events = history.map((event) => recorded(event));
    expect(new Set(events.flatMap((event) => issuersProjection.keys(event)))).toEqual(
      new Set([`${TENANT}:${issuerId}`]),
    );
    const folded = events.reduce<IssuerDocument | null>(
      (document, event) => issuersProjection.evolve(document, event, `${TENANT}:${issuerId}`),
      null,
    );
    expect(folded).toEqual({
      ...of,
      keys: [
        { keyId: 'k1', algorithm: 'Ed25519', notBefore: at('2026-01-01'), retiredAt: '2026-06-01T00:00:00.000Z' },
        { keyId: 'k2', algorithm: 'Ed25519', notBefore: at('2026-01-01') },
      ],
    });
  });

  it('refuses a key of an issuer that was never registered', () =>
    expect(() => issuersProjection.evolve(null, recorded(history[1]!), '')).toThrow('never registered'));
});

it('every golden sample of the context fits its schema', () => {
  for (const definition of tenancyEvents)
    for (const sample of Object.values(definition.samples).flat())
      expect({ type: definition.type, faults: faultsOf(definition.schema, sample) }).toEqual({
        type: definition.type,
        faults: [],
      });
});
