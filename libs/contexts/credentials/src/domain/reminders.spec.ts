// Reminders of the end of a term: once for each stage, the last of several that went by, none once it is renewed.
import type { Decided } from '@cairn/kernel';
import { at, given, recorded } from '@cairn/testing';
import type { CredentialEvent } from '../contracts/credential.events.js';
import { createCredentialDecider } from './credential.decider.js';
import {
  credentialId,
  issuedEvent,
  learnerId,
  revokedEvent,
  signed,
  suspendedEvent,
  templateId,
} from './samples-spec.js';

const decider = createCredentialDecider(() => Promise.resolve(signed));
const reminders = [
  { stage: 'P90D', at: at('2027-12-11') },
  { stage: 'P30D', at: at('2028-02-09') },
  { stage: 'P7D', at: at('2028-03-03') },
];
const until = at('2028-03-10');
const term1: Decided<CredentialEvent> = {
  ...issuedEvent,
  data: { ...issuedEvent.data, validUntil: until, reminders },
};
const who = { learnerId, credentialId, templateId };
const requested = (index: number, passed: readonly string[] = []): Decided<CredentialEvent> => {
  const { stage, at: dueAt } = reminders[index] as (typeof reminders)[number];
  const next = reminders[index + 1];
  return {
    type: 'renewal-reminder-requested',
    occurredAt: dueAt,
    data: {
      ...who,
      serial: 1,
      stage,
      dueAt,
      validUntil: until,
      ...(passed.length > 0 ? { passed } : {}),
      ...(next ? { next } : {}),
    },
  };
};
const term2: Decided<CredentialEvent> = {
  type: 'credential-renewed',
  data: {
    ...who,
    serial: 2,
    basis: issuedEvent.data.basis,
    at: at('2028-01-15'),
    validFrom: until,
    validUntil: at('2030-03-10'),
    awardedAt: at('2026-03-10'),
    vcHash: 'e'.repeat(64),
    keyId: 'k1',
  },
};
const remind = { type: 'RequestRenewalReminder', data: { credentialId, serial: 1 } } as const;
const when = (now: string, ...events: readonly Decided<CredentialEvent>[]) =>
  given(decider, ...events).when(remind, undefined, { now: at(now) });

it('is asked for when it is due', () => when('2027-12-11', term1).then(requested(0)));
it('is asked for once', () => when('2027-12-12', term1, requested(0)).thenRejected('credential-not-active'));
it('is followed by the next one', () => when('2028-02-09', term1, requested(0)).then(requested(1)));
it('of several that went by the last speaks for all', () =>
  when('2028-03-05', term1).then(requested(2, ['P90D', 'P30D'])));
it('after the last one nothing is left', () => when('2028-03-05', term1, requested(2)).thenUnchanged());
it('not before its day', () => when('2027-12-01', term1).thenRejected('credential-not-active'));
it('not of a term that is over', () => when('2028-03-10', term1).thenRejected('credential-not-active'));
it('not once the credential is renewed', () => when('2028-02-09', term1, term2).thenUnchanged());
it('of a suspended one as well: its term runs', () =>
  when('2027-12-11', term1, suspendedEvent(at('2027-01-01'))).then(requested(0)));
it('not of a revoked one', () => when('2027-12-11', term1, revokedEvent()).thenRejected('credential-revoked'));
it('not of one that was never issued', () => when('2027-12-11').thenRejected('not-found'));
it('not where the template names none', () => when('2027-12-11', issuedEvent).thenRejected('credential-not-active'));

it('the stream is well-formed: what was asked for is read back', () => {
  const events = [term1, requested(0)].map((event, revision) => recorded(event, { revision }));
  expect(events.reduce(decider.evolve, decider.initial).reminded).toEqual({ serial: 1, stage: 'P90D' });
});
