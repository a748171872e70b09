// Where this installation signs: keys and blobs of its vaults, status entries leased through its executor.
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { JsonObject, TenantId } from '@cairn/kernel';
import type { IssuerKeyState } from '@cairn/contexts/tenancy';
import type { PublicJwk, SigningKey } from '@cairn/openbadges';
import { CONFIGURATION, INSTALLATION, type Configuration, type Installation } from '@cairn/platform';
import { createPrepareIssue, type SignedCopies } from './prepare-issue.js';
import { openSigningDesk } from './signing-desks.js';
import { createStatusLeases } from './status-leases.js';

@Injectable()
export class SigningDesk implements OnModuleInit {
  readonly copies: SignedCopies;
  /** By the public key as the issuer's stream gives it: what is signed is checked against what was published (F19). */
  readonly #keys = new WeakMap<JsonObject, SigningKey>();

  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {
    const { blobVault } = installation;
    this.copies = {
      store: (tenant, learner, jwt) => blobVault.put({ tenant, learner }, Buffer.from(jwt)),
      read: async (tenant, learner, hash) => {
        const bytes = await blobVault.get({ tenant, learner }, hash);
        return bytes && Buffer.from(bytes).toString('utf8');
      },
    };
  }

  /** The private half of an issuer's key; undefined if the vault does not have it, or it signs no VC-JWT. */
  async signingKey(tenant: TenantId, key: IssuerKeyState): Promise<SigningKey | undefined> {
    if (key.algorithm === 'Ed25519') return undefined; // for embedded proofs
    const signer = await this.installation.keyVault.signer(tenant, key.keyId);
    if (!signer) return undefined;
    const known = this.#keys.get(key.publicJwk);
    if (known) return known;
    const made: SigningKey = {
      alg: key.algorithm,
      privateKey: signer.privateKey,
      publicJwk: key.publicJwk as PublicJwk,
    };
    this.#keys.set(key.publicJwk, made);
    return made;
  }

  onModuleInit(): void {
    const { executor, clock } = this.installation;
    openSigningDesk(
      executor.loader,
      createPrepareIssue({
        signingKey: (tenant, key) => this.signingKey(tenant, key),
        copies: this.copies,
        leases: createStatusLeases({ execute: (command) => executor.execute(command), clock }),
        baseUrl: this.configuration.baseUrl,
      }),
    );
  }
}
