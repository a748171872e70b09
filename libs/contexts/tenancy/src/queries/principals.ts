// Whom a bearer token stands for. Read from the tenant's stream each time: a revoked key fails at once, on every process.
import { Inject, Injectable } from '@nestjs/common';
import {
  INSTALLATION,
  type Installation,
  type KeyRefusal,
  type Principal,
  type PrincipalSource,
} from '@cairn/platform';
import { parseApiKey, principalOf } from '../contracts/api-key.js';
import { tenantFold, tenantStream } from '../contracts/tenancy.folds.js';
import { KeyUse } from './key-use.js';

@Injectable()
export class ApiKeyPrincipals implements PrincipalSource {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly use: KeyUse,
  ) {}

  async resolve(token: string): Promise<Principal | KeyRefusal> {
    const parsed = parseApiKey(token);
    if (!parsed) return 'unknown';
    const { tenant, hash } = parsed;
    const { executor, clock } = this.installation;
    const { state } = await executor.snapshot(tenantFold, tenantStream(tenant));
    const now = state.clock ?? clock.now();
    const found = principalOf(state, hash, now);
    if ('refused' in found) return found.refused;
    if (!state.registered) return 'unknown';
    const { keyId, scopes } = found.key;
    this.use.note(tenant, keyId, now);
    const { namespace, zone } = state.registered;
    return {
      kind: 'key',
      tenant,
      namespace,
      zone,
      actor: `service:${keyId}`,
      scopes,
      ...(state.clock === undefined ? {} : { clock: state.clock }),
    };
  }
}
