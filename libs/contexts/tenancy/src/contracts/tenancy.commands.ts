import type { Command, Instant, IssuerId, JsonObject } from '@cairn/kernel';
import type { Scope, SigningAlgorithm } from './tenancy.events.js';

/** The tenant in the envelope is the new one; `namespace` is random, made by the handler. */
export type RegisterTenant = Command<
  'RegisterTenant',
  {
    readonly slug: string;
    readonly name: string;
    readonly zone: string;
    readonly namespace: string;
    /** Makes it a sandbox, whose clock stands here first. */
    readonly sandboxClock?: Instant;
  }
>;
/** Moves a sandbox's clock on. */
export type SetTenantClock = Command<'SetTenantClock', { readonly to: Instant }>;
/** `keyId` derives from the command id; the hash is of a key that only the caller's answer shows. */
export type IssueApiKey = Command<
  'IssueApiKey',
  {
    readonly keyId: string;
    readonly name: string;
    readonly hash: string;
    readonly lastFour: string;
    readonly scopes: readonly Scope[];
    readonly expiresAt?: Instant;
  }
>;
export type RevokeApiKey = Command<'RevokeApiKey', { readonly keyId: string; readonly reasonCode: string }>;
export type TenantCommand = RegisterTenant | SetTenantClock | IssueApiKey | RevokeApiKey;

export type RegisterIssuer = Command<
  'RegisterIssuer',
  {
    readonly issuerId: IssuerId;
    readonly slug: string;
    readonly name: string;
    readonly url?: string;
    readonly did: string;
    readonly zone: string;
  }
>;
export type AddSigningKey = Command<
  'AddSigningKey',
  {
    readonly issuerId: IssuerId;
    readonly keyId: string;
    readonly algorithm: SigningAlgorithm;
    readonly publicJwk: JsonObject;
    readonly notBefore: Instant;
  }
>;
export type RetireSigningKey = Command<
  'RetireSigningKey',
  { readonly issuerId: IssuerId; readonly keyId: string; readonly at: Instant; readonly reasonCode: string }
>;
export type IssuerCommand = RegisterIssuer | AddSigningKey | RetireSigningKey;
