// How other contexts read tenants and issuers: folds of their streams.
import type { FactLoader, Fold, Instant, IssuerId, JsonObject, TenantId } from '@cairn/kernel';
import type { IssuerEvent, Scope, SigningAlgorithm, TenantEvent } from './tenancy.events.js';

export const tenantStream = (tenant: TenantId): string => `tenant-${tenant}.${tenant}`;
export const issuerStream = (tenant: TenantId, issuer: IssuerId): string => `issuer-${tenant}.${issuer}`;

export type ApiKeyState = {
  readonly keyId: string;
  readonly name: string;
  readonly hash: string;
  readonly lastFour: string;
  readonly scopes: readonly Scope[];
  readonly issuedAt: Instant;
  readonly expiresAt?: Instant;
  readonly revokedAt?: Instant;
};
export type TenantState = {
  readonly registered?: {
    readonly tenantId: TenantId;
    readonly slug: string;
    readonly name: string;
    readonly zone: string;
    readonly namespace: string;
    readonly sandboxClock?: Instant;
  };
  /** Where a sandbox's clock stands; undefined: the tenant lives by real time. */
  readonly clock?: Instant;
  readonly keys: readonly ApiKeyState[];
};
export const tenantFold: Fold<TenantState, TenantEvent> = {
  category: 'tenant',
  initial: { keys: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'tenant-registered':
        return {
          ...state,
          registered: event.data,
          ...(event.data.sandboxClock === undefined ? {} : { clock: event.data.sandboxClock }),
        };
      case 'tenant-clock-set':
        return { ...state, clock: event.data.to };
      case 'api-key-issued':
        return { ...state, keys: [...state.keys, { ...event.data, issuedAt: event.meta.occurredAt }] };
      case 'api-key-revoked':
        return {
          ...state,
          keys: state.keys.map((key) =>
            key.keyId === event.data.keyId ? { ...key, revokedAt: event.meta.occurredAt } : key,
          ),
        };
      default:
        return event satisfies never;
    }
  },
};

/**
 * Where the clock of a sandbox stands; undefined for a tenant that lives by real time. Which of both a tenant is, its
 * registration says for good, so the stream is read again for sandboxes only.
 */
export async function sandboxClock(loader: FactLoader, tenant: TenantId): Promise<Instant | undefined> {
  const isReal = (state: TenantState): boolean => state.registered !== undefined && state.clock === undefined;
  return (await loader.foldHaving(tenantFold, tenantStream(tenant), isReal)).clock;
}

export type IssuerKeyState = {
  readonly keyId: string;
  readonly algorithm: SigningAlgorithm;
  readonly publicJwk: JsonObject;
  readonly notBefore: Instant;
  readonly retired?: { readonly at: Instant; readonly reasonCode: string };
};
export type IssuerState = {
  readonly registered?: {
    readonly issuerId: IssuerId;
    readonly slug: string;
    readonly name: string;
    readonly url?: string;
    readonly did: string;
    readonly zone: string;
  };
  /** In the order they were added; the newest in force signs. */
  readonly keys: readonly IssuerKeyState[];
};
export const issuerFold: Fold<IssuerState, IssuerEvent> = {
  category: 'issuer',
  initial: { keys: [] },
  evolve: (state, event) => {
    switch (event.type) {
      case 'issuer-registered':
        return { ...state, registered: event.data };
      case 'signing-key-added':
        return { ...state, keys: [...state.keys, event.data] };
      case 'signing-key-retired':
        return {
          ...state,
          keys: state.keys.map((key) =>
            key.keyId === event.data.keyId
              ? { ...key, retired: { at: event.data.at, reasonCode: event.data.reasonCode } }
              : key,
          ),
        };
      default:
        return event satisfies never;
    }
  },
};

/** True from `notBefore` until the key is retired (half-open). */
export const isInForce = (key: IssuerKeyState, at: Instant): boolean =>
  key.notBefore <= at && (key.retired === undefined || at < key.retired.at);

/** The key that signs at an instant: the one in force that was added last. */
export const signingKeyAt = (issuer: Pick<IssuerState, 'keys'>, at: Instant): IssuerKeyState | undefined =>
  issuer.keys.findLast((key) => isInForce(key, at));
