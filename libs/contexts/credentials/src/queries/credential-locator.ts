// A public id names no tenant: which one it belongs to. It only locates; what is answered is read from the stream.
import { Inject, Injectable } from '@nestjs/common';
import type { CredentialId, TenantId } from '@cairn/kernel';
import { INSTALLATION, type Installation } from '@cairn/platform';
import { credentialStream } from '../contracts/credential.events.js';

const KEPT = 50_000;
const TENANTS = 10_000;

@Injectable()
export class CredentialLocator {
  /** An id belongs to one tenant for ever. */
  readonly #known = new Map<CredentialId, TenantId>();

  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** Undefined if no tenant has such a credential. Throws if that cannot be established. */
  async tenantOf(id: CredentialId): Promise<TenantId | undefined> {
    const tenant = this.#known.get(id) ?? (await this.registered(id)) ?? (await this.recorded(id));
    if (tenant !== undefined) {
      if (this.#known.size >= KEPT) this.#known.delete(this.#known.keys().next().value as CredentialId);
      this.#known.set(id, tenant);
    }
    return tenant;
  }

  private async registered(id: CredentialId): Promise<TenantId | undefined> {
    const [document] = await this.installation.views.find('register', { credentialId: id }, { limit: 1 });
    return document?.['tenant'] as TenantId | undefined;
  }

  /** The register may lag: a credential issued a moment ago is in the log only. */
  private async recorded(id: CredentialId): Promise<TenantId | undefined> {
    const { views, log } = this.installation;
    const tenants = await views.find('tenants', {}, { limit: TENANTS });
    for (const { tenant } of tenants) {
      const events = await log.read(credentialStream(tenant as TenantId, id), { limit: 1 });
      if (events.length > 0) return tenant as TenantId;
    }
    return undefined;
  }
}
