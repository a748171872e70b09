// One tenant: its registration and its API keys.
import {
  accept,
  hashJson,
  invalid,
  reject,
  type Decider,
  type Decision,
  type Issued,
  type Rejected,
} from '@cairn/kernel';
import { isZone } from '@cairn/rules';
import type {
  IssueApiKey,
  RegisterTenant,
  RevokeApiKey,
  SetTenantClock,
  TenantCommand,
} from '../contracts/tenancy.commands.js';
import type { TenantEvent } from '../contracts/tenancy.events.js';
import { tenantFold, tenantStream, type TenantState } from '../contracts/tenancy.folds.js';
import { otherContent } from './refusals.js';

export const tenantDecider: Decider<TenantState, TenantCommand, TenantEvent> = {
  ...tenantFold,
  commands: ['RegisterTenant', 'SetTenantClock', 'IssueApiKey', 'RevokeApiKey'],
  streamOf: (command) => tenantStream(command.tenant),
  decide: (command, state) => {
    switch (command.type) {
      case 'RegisterTenant':
        return registerTenant(command, state);
      case 'SetTenantClock':
        return setTenantClock(command, state);
      case 'IssueApiKey':
        return issueApiKey(command, state);
      case 'RevokeApiKey':
        return revokeApiKey(command, state);
      default:
        return command satisfies never;
    }
  },
};

const unknownTenant = (): Rejected =>
  reject('not-found', 'There is no such tenant.', 'Register the tenant first, or check its id.');

function registerTenant({ data, tenant }: Issued<RegisterTenant>, state: TenantState): Decision<TenantEvent> {
  const { slug, name, zone, namespace, sandboxClock } = data;
  if (!isZone(zone)) return invalid('/zone', 'zone-unknown', `"${zone}" is not an IANA time zone.`);
  if (!state.registered) {
    return accept({
      type: 'tenant-registered',
      data: {
        tenantId: tenant,
        slug,
        name,
        zone,
        namespace,
        ...(sandboxClock === undefined ? {} : { sandboxClock }),
      },
    });
  }
  // The namespace is drawn anew by every try; the first one stays, for ids of credentials derive from it.
  const { registered } = state;
  const same =
    registered.slug === slug &&
    registered.name === name &&
    registered.zone === zone &&
    registered.sandboxClock === sandboxClock;
  return same ? accept() : otherContent('tenant');
}

function setTenantClock({ data: { to } }: Issued<SetTenantClock>, state: TenantState): Decision<TenantEvent> {
  if (!state.registered) return unknownTenant();
  const { clock } = state;
  if (clock === undefined)
    return reject(
      'not-a-sandbox',
      'This tenant lives by real time.',
      'Register a sandbox: a tenant with sandboxClock. A tenant stays what it was registered as.',
    );
  if (to < clock)
    return reject(
      'clock-backwards',
      `The clock stands at ${clock} and cannot go back to ${to}.`,
      `Send an instant after ${clock}, or register another sandbox.`,
    );
  return to === clock ? accept() : accept({ type: 'tenant-clock-set', data: { from: clock, to } });
}

function issueApiKey({ data, now }: Issued<IssueApiKey>, state: TenantState): Decision<TenantEvent> {
  if (!state.registered) return unknownTenant();
  const existing = state.keys.find((key) => key.keyId === data.keyId);
  if (existing) {
    // The hash is of a secret that every try draws anew: only the first one's was shown.
    const same =
      existing.name === data.name &&
      existing.expiresAt === data.expiresAt &&
      hashJson(existing.scopes) === hashJson(data.scopes);
    return same ? accept() : otherContent('API key');
  }
  if (data.scopes.length === 0) return invalid('/scopes', 'required', 'A key needs at least one scope.');
  if (new Set(data.scopes).size < data.scopes.length)
    return invalid('/scopes', 'repeated', 'A scope is named more than once.');
  if (data.expiresAt !== undefined && data.expiresAt <= now)
    return invalid(
      '/expiresAt',
      'in-the-past',
      `The key would have expired at ${data.expiresAt}, before it is issued.`,
    );
  if (state.keys.some((key) => key.hash === data.hash))
    return invalid('/hash', 'taken', 'Another key of this tenant has this hash.');
  return accept({ type: 'api-key-issued', data });
}

function revokeApiKey({ data }: Issued<RevokeApiKey>, state: TenantState): Decision<TenantEvent> {
  const key = state.keys.find((candidate) => candidate.keyId === data.keyId);
  if (!key) return reject('not-found', 'This tenant has no such API key.', 'List its keys and name one of them.');
  if (key.revokedAt !== undefined) return accept();
  if (data.reasonCode === '')
    return reject('reason-required', 'A key is revoked for a reason.', 'Send a reason code such as "rotated".');
  return accept({ type: 'api-key-revoked', data });
}
