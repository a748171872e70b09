import { Global, Module } from '@nestjs/common';
import { defineContext, PRINCIPALS } from '@cairn/platform';
import {
  ApiKeyDesk,
  ApiKeyRoutes,
  IssueApiKeyHandler,
  IssueApiKeyMessage,
  RevokeApiKeyHandler,
  RevokeApiKeyMessage,
} from './commands/api-keys.js';
import {
  AddSigningKeyHandler,
  AddSigningKeyMessage,
  IssuerRoutes,
  RegisterIssuerHandler,
  RegisterIssuerMessage,
  RetireSigningKeyHandler,
  RetireSigningKeyMessage,
} from './commands/issuers.js';
import { RegisterTenantHandler, RegisterTenantMessage, RegisterTenantRoute } from './commands/register-tenant.js';
import { ClockRoutes, SetTenantClockHandler, SetTenantClockMessage } from './commands/set-clock.js';
import { sandboxClock } from './contracts/tenancy.folds.js';
import { tenancyEvents } from './contracts/tenancy.events.js';
import { issuerDecider } from './domain/issuer.decider.js';
import { tenantDecider } from './domain/tenant.decider.js';
import { issuersProjection } from './projections/issuers.projection.js';
import { tenantsProjection } from './projections/tenants.projection.js';
import { KeyUse } from './queries/key-use.js';
import { ApiKeyPrincipals } from './queries/principals.js';
import { TenancyController } from './queries/tenancy.controller.js';

export const tenancyContext = defineContext({
  name: 'tenancy',
  events: tenancyEvents,
  deciders: [tenantDecider, issuerDecider],
  projections: [tenantsProjection, issuersProjection],
  reactors: [],
  tenantClock: sandboxClock,
  messages: [
    RegisterTenantMessage,
    SetTenantClockMessage,
    IssueApiKeyMessage,
    RevokeApiKeyMessage,
    RegisterIssuerMessage,
    AddSigningKeyMessage,
    RetireSigningKeyMessage,
  ],
});

/** Global, for the guard of every route asks {@link PRINCIPALS} who calls. */
@Global()
@Module({
  controllers: [RegisterTenantRoute, ClockRoutes, ApiKeyRoutes, IssuerRoutes, TenancyController],
  providers: [
    RegisterTenantHandler,
    SetTenantClockHandler,
    IssueApiKeyHandler,
    RevokeApiKeyHandler,
    RegisterIssuerHandler,
    AddSigningKeyHandler,
    RetireSigningKeyHandler,
    ApiKeyDesk,
    KeyUse,
    { provide: PRINCIPALS, useClass: ApiKeyPrincipals },
  ],
  exports: [PRINCIPALS],
})
export class TenancyModule {}
