import type { Instant, IssuerId } from '@cairn/kernel';
import { at, given, issued, recorded } from '@cairn/testing';
import fc from 'fast-check';
import type { IssuerCommand, RegisterIssuer } from '../contracts/tenancy.commands.js';
import { signingKeyAt } from '../contracts/tenancy.folds.js';
import { issuerDecider } from './issuer.decider.js';

const issuerId = '7d2a1b3c-4e5f-5a6b-8c7d-9e0f1a2b3c4d' as IssuerId;
const register: RegisterIssuer = {
  type: 'RegisterIssuer',
  data: {
    issuerId,
    slug: 'northlake',
    name: 'Northlake College',
    did: 'did:web:cairn.example:issuers:northlake',
    zone: 'Europe/Berlin',
  },
};
const registered = { type: 'issuer-registered', data: register.data } as const;

const add = (keyId: string, notBefore: Instant) =>
  ({
    type: 'AddSigningKey',
    data: { issuerId, keyId, algorithm: 'ES256', publicJwk: { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }, notBefore },
  }) as const;
const added = (keyId: string, notBefore: Instant) =>
  ({ type: 'signing-key-added', data: add(keyId, notBefore).data }) as const;
const retire = (keyId: string, when: Instant, reasonCode = 'rotated') =>
  ({ type: 'RetireSigningKey', data: { issuerId, keyId, at: when, reasonCode } }) as const;
const retired = (keyId: string, when: Instant) =>
  ({ type: 'signing-key-retired', data: retire(keyId, when).data }) as const;

describe('RegisterIssuer', () => {
  it('registers', () => given(issuerDecider).when(register, undefined).then(registered));
  it('changes nothing the second time', () =>
    given(issuerDecider, registered).when(register, undefined).thenUnchanged());
  it('refuses other content under the same id', () =>
    given(issuerDecider, registered)
      .when({ ...register, data: { ...register.data, zone: 'UTC' } }, undefined)
      .thenRejected('idempotency-key-reused'));
  it('refuses a zone that is not an IANA zone', () =>
    given(issuerDecider)
      .when({ ...register, data: { ...register.data, zone: 'Berlin' } }, undefined)
      .thenRejected('validation-failed'));
});

describe('AddSigningKey', () => {
  const command = add('k1', at('2026-01-01'));
  it('adds', () =>
    given(issuerDecider, registered)
      .when(command, undefined)
      .then(added('k1', at('2026-01-01'))));
  it('changes nothing the second time', () =>
    given(issuerDecider, registered, added('k1', at('2026-01-01')))
      .when(command, undefined)
      .thenUnchanged());
  it('refuses another key under the same id', () =>
    given(issuerDecider, registered, added('k1', at('2026-02-01')))
      .when(command, undefined)
      .thenRejected('validation-failed'));
  it('refuses an unknown issuer', () => given(issuerDecider).when(command, undefined).thenRejected('not-found'));
  it.each(['d', 'k'])('refuses a key with its private member "%s"', (member) =>
    given(issuerDecider, registered)
      .when({ ...command, data: { ...command.data, publicJwk: { kty: 'EC', [member]: 'AA' } } }, undefined)
      .thenRejected('validation-failed'),
  );
});

describe('RetireSigningKey', () => {
  const now = { now: at('2026-05-01') };
  const two = [registered, added('k1', at('2026-01-01')), added('k2', at('2026-06-01'))] as const;

  it('retires a key once its successor is in force', () =>
    given(issuerDecider, ...two)
      .when(retire('k1', at('2026-06-01')), undefined, now)
      .then(retired('k1', at('2026-06-01'))));
  it('refuses to leave a time without a key', () =>
    given(issuerDecider, ...two)
      .when(retire('k1', at('2026-05-31')), undefined, now)
      .thenRejected('last-key'));
  it('refuses the last key', () =>
    given(issuerDecider, registered, added('k1', at('2026-01-01')))
      .when(retire('k1', at('2026-05-31')), undefined, now)
      .thenRejected('last-key'));
  it('lets a compromised key end in the past, before its successor began', () =>
    given(issuerDecider, registered, added('k1', at('2026-01-01')), added('k2', at('2026-05-01')))
      .when(retire('k1', at('2026-03-01'), 'compromised'), undefined, now)
      .then({ ...retired('k1', at('2026-03-01')), data: retire('k1', at('2026-03-01'), 'compromised').data }));
  it('moves a retirement to an earlier instant', () =>
    given(issuerDecider, ...two, retired('k1', at('2026-08-01')))
      .when(retire('k1', at('2026-07-01')), undefined, now)
      .then(retired('k1', at('2026-07-01'))));
  it('never moves it to a later one', () =>
    given(issuerDecider, ...two, retired('k1', at('2026-07-01')))
      .when(retire('k1', at('2026-08-01')), undefined, now)
      .thenUnchanged());
  it('refuses an unknown key', () =>
    given(issuerDecider, ...two)
      .when(retire('k9', at('2026-07-01')), undefined, now)
      .thenRejected('not-found'));
  it('refuses to retire without a reason', () =>
    given(issuerDecider, ...two)
      .when(retire('k1', at('2026-07-01'), ''), undefined, now)
      .thenRejected('reason-required'));
});

describe('signingKeyAt', () => {
  const keys = [
    { ...added('k1', at('2026-01-01')).data, retired: { at: at('2026-07-01'), reasonCode: 'rotated' } },
    added('k2', at('2026-06-01')).data,
  ];
  it.each([
    ['2025-12-31', undefined],
    ['2026-01-01', 'k1'],
    ['2026-05-31', 'k1'],
    ['2026-06-01', 'k2'],
    ['2026-07-01', 'k2'],
  ])('at %s is %s', (day, keyId) => expect(signingKeyAt({ keys }, at(day))?.keyId).toBe(keyId));

  it('exists from the first key in force on, for all orders of adding and retiring', () => {
    const day = fc.integer({ min: 1, max: 28 }).map((n) => at(`2026-02-${String(n).padStart(2, '0')}`));
    const keyId = fc.constantFrom('k1', 'k2', 'k3');
    const command: fc.Arbitrary<IssuerCommand> = fc.oneof(
      fc.tuple(keyId, day).map(([id, when]) => add(id, when)),
      fc.tuple(keyId, day).map(([id, when]) => retire(id, when)),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(command, day), { maxLength: 12 }), (commands) => {
        let state = issuerDecider.evolve(issuerDecider.initial, recorded(registered));
        let decidedAt = at('2026-02-01');
        for (const [next, time] of commands) {
          if (time > decidedAt) decidedAt = time; // the clock does not go back
          const before = signingKeyAt(state, decidedAt);
          const decision = issuerDecider.decide(issued(next, { now: decidedAt }), state, undefined);
          if (decision.accepted)
            state = decision.events.reduce((folded, event) => issuerDecider.evolve(folded, recorded(event)), state);
          const days = Array.from({ length: 28 }, (_, n) => at(`2026-02-${String(n + 1).padStart(2, '0')}`));
          const unsigned = days.filter((instant) => instant >= decidedAt && !signingKeyAt(state, instant));
          expect(before ? unsigned : []).toEqual([]);
        }
      }),
    );
  });
});
