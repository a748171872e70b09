import { at, given, TENANT } from '@cairn/testing';
import type { IssueApiKey, RegisterTenant } from '../contracts/tenancy.commands.js';
import { tenantDecider } from './tenant.decider.js';

const tenant = given(tenantDecider);
const registration = { slug: 'northlake', name: 'Northlake College', zone: 'Europe/Berlin' };
const namespace = '9b3c6d0e-1f2a-4b3c-8d4e-5f6a7b8c9d0e';
const register: RegisterTenant = { type: 'RegisterTenant', data: { ...registration, namespace } };
const registered = { type: 'tenant-registered', data: { tenantId: TENANT, ...registration, namespace } } as const;

const keyId = '2f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4';
const issue: IssueApiKey = {
  type: 'IssueApiKey',
  data: { keyId, name: 'LMS', hash: 'a'.repeat(64), lastFour: '7q2m', scopes: ['progress:write', 'events:read'] },
};
const keyIssued = { type: 'api-key-issued', data: issue.data } as const;
const revoke = { type: 'RevokeApiKey', data: { keyId, reasonCode: 'rotated' } } as const;
const keyRevoked = { type: 'api-key-revoked', data: revoke.data } as const;

describe('RegisterTenant', () => {
  it('registers', () => tenant.when(register, undefined).then(registered));

  it('changes nothing the second time, and keeps the namespace of the first', () =>
    given(tenantDecider, registered)
      .when({ ...register, data: { ...register.data, namespace: 'ffffffff-1f2a-4b3c-8d4e-5f6a7b8c9d0e' } }, undefined)
      .thenUnchanged());

  it('refuses other content under the same id', () =>
    given(tenantDecider, registered)
      .when({ ...register, data: { ...register.data, name: 'Southlake' } }, undefined)
      .thenRejected('idempotency-key-reused'));

  it.each(['Mars/Olympus', '+01:00', '', 'europe'])('refuses the time zone "%s"', (zone) => {
    const answer = tenant.when({ ...register, data: { ...register.data, zone } }, undefined);
    answer.thenRejected('validation-failed');
    expect(answer.decision).toMatchObject({ errors: [{ pointer: '/zone', code: 'zone-unknown' }] });
  });

  it.each(['UTC', 'America/Argentina/Buenos_Aires'])('takes the time zone "%s"', (zone) =>
    tenant
      .when({ ...register, data: { ...register.data, zone } }, undefined)
      .then({ ...registered, data: { ...registered.data, zone } }),
  );
});

describe('SetTenantClock', () => {
  const sandbox = { ...registered, data: { ...registered.data, sandboxClock: at('2024-01-01') } } as const;
  const move = (to: string) => ({ type: 'SetTenantClock', data: { to: at(to) } }) as const;
  const moved = { type: 'tenant-clock-set', data: { from: at('2024-01-01'), to: at('2026-01-01') } } as const;

  it('begins where the registration says', () =>
    tenant.when({ ...register, data: { ...register.data, sandboxClock: at('2024-01-01') } }, undefined).then(sandbox));

  it('goes forward', () => given(tenantDecider, sandbox).when(move('2026-01-01'), undefined).then(moved));

  it('stands where it stands', () => {
    given(tenantDecider, sandbox).when(move('2024-01-01'), undefined).thenUnchanged();
    given(tenantDecider, sandbox, moved).when(move('2026-01-01'), undefined).thenUnchanged();
  });

  it.each([['2025-12-31'], ['2024-01-01']])('never goes back: %s', (to) =>
    given(tenantDecider, sandbox, moved).when(move(to), undefined).thenRejected('clock-backwards'),
  );

  it('is refused to a tenant that lives by real time, and to one that does not exist', () => {
    given(tenantDecider, registered).when(move('2026-01-01'), undefined).thenRejected('not-a-sandbox');
    tenant.when(move('2026-01-01'), undefined).thenRejected('not-found');
  });

  it('does not make a sandbox of a tenant that was registered without one', () =>
    given(tenantDecider, registered)
      .when({ ...register, data: { ...register.data, sandboxClock: at('2024-01-01') } }, undefined)
      .thenRejected('idempotency-key-reused'));
});

describe('IssueApiKey', () => {
  const ofTenant = given(tenantDecider, registered);

  it('issues a key', () => ofTenant.when(issue, undefined).then(keyIssued));

  it('lets two keys live side by side, for rotation', () => {
    const second = { ...issue.data, keyId: '3f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4', hash: 'b'.repeat(64) };
    given(tenantDecider, registered, keyIssued)
      .when({ ...issue, data: second }, undefined)
      .then({ type: 'api-key-issued', data: second });
  });

  it('changes nothing the second time, whatever secret was drawn then', () =>
    given(tenantDecider, registered, keyIssued)
      .when({ ...issue, data: { ...issue.data, hash: 'c'.repeat(64) } }, undefined)
      .thenUnchanged());

  it('refuses other content under the same id', () =>
    given(tenantDecider, registered, keyIssued)
      .when({ ...issue, data: { ...issue.data, scopes: ['tenant:admin'] } }, undefined)
      .thenRejected('idempotency-key-reused'));

  it('refuses an unknown tenant', () => tenant.when(issue, undefined).thenRejected('not-found'));

  const now = at('2026-03-10');
  it.each([
    ['no scope', { scopes: [] }, '/scopes'],
    ['a repeated scope', { scopes: ['events:read', 'events:read'] }, '/scopes'],
    ['an expiry that is now', { expiresAt: now }, '/expiresAt'],
    ['a hash in use', { keyId: '3f6f3a0c-9b10-5d5e-8a3e-0b0e7c1c52a4' }, '/hash'],
  ] as const)('refuses %s', (_what, fault, pointer) => {
    const history = pointer === '/hash' ? [registered, keyIssued] : [registered];
    const answer = given(tenantDecider, ...history).when({ ...issue, data: { ...issue.data, ...fault } }, undefined, {
      now,
    });
    expect(answer.decision).toMatchObject({ accepted: false, code: 'validation-failed', errors: [{ pointer }] });
  });
});

describe('RevokeApiKey', () => {
  it('revokes', () => given(tenantDecider, registered, keyIssued).when(revoke, undefined).then(keyRevoked));

  it('changes nothing the second time', () =>
    given(tenantDecider, registered, keyIssued, keyRevoked).when(revoke, undefined).thenUnchanged());

  it('refuses a key that the tenant does not have', () =>
    given(tenantDecider, registered).when(revoke, undefined).thenRejected('not-found'));

  it('refuses to revoke without a reason', () =>
    given(tenantDecider, registered, keyIssued)
      .when({ ...revoke, data: { keyId, reasonCode: '' } }, undefined)
      .thenRejected('reason-required'));
});
