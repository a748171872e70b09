// Who asks. The tenant comes from the key, never from the request (D10).
import type { Instant, TenantId } from '@cairn/kernel';

export type Principal =
  | {
      readonly kind: 'key';
      readonly tenant: TenantId;
      /** Secret of the tenant from which ids of commands derive. */
      readonly namespace: string;
      readonly zone: string;
      /** `service:<key id>` */
      readonly actor: string;
      readonly scopes: readonly string[];
      /** Where the clock of a sandbox stands; left out: real time. */
      readonly clock?: Instant;
    }
  /** The operator of the installation: creates tenants, sees no tenant's data. */
  | { readonly kind: 'operator'; readonly actor: string };

export type KeyRefusal = 'unknown' | 'expired' | 'revoked';

export type PrincipalSource = {
  /** Who a bearer token stands for. Read from the tenant's stream, so a revoked key fails at once. */
  readonly resolve: (token: string) => Promise<Principal | KeyRefusal>;
};
