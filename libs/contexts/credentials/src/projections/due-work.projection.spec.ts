import type { Decided, Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';
import { at, recorded, TENANT } from '@cairn/testing';
import type { CredentialEvent } from '../contracts/credential.events.js';
import {
  componentExpiryClock,
  credentialExpiryClock,
  reminderClock,
  renewalClock,
} from '../timekeepers/expiry-clock.timekeeper.js';
import {
  credentialId,
  EARNED,
  issuedEvent,
  learnerId,
  revokedEvent,
  suspendedEvent,
  templateId,
} from '../domain/samples-spec.js';
import { dueWorkProjection } from './due-work.projection.js';

type StackEvent = Extract<RecordEvent, { type: 'stack-component-credited' | 'stack-component-withdrawn' }>;
type Event = StackEvent | CredentialEvent;

const componentId = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293';
/** The item of a kind after the events; whatever does not touch it is left out by its keys. */
const due = (kind: string, ...events: readonly Decided<Event>[]) =>
  events
    .map((event, revision) => recorded(event, { revision }) as Recorded<Event>)
    .reduce<ReturnType<typeof dueWorkProjection.evolve>>((document, event) => {
      const id = `${TENANT}:${kind}:${componentId}`;
      const known = dueWorkProjection.events.some(({ type }) => type === event.type);
      return known && dueWorkProjection.keys(event as never).includes(id)
        ? dueWorkProjection.evolve(document, event as never, id)
        : document;
    }, null);

describe('the end of a recognised component', () => {
  const credited = (
    until?: string,
    ref = 'urn:x',
    origin: 'own' | 'recognised' = 'recognised',
  ): Decided<StackEvent> => ({
    type: 'stack-component-credited',
    data: {
      learnerId,
      componentId,
      origin,
      templateId,
      validFrom: at('2024-01-01'),
      ...(until === undefined ? {} : { validUntil: at(until) }),
      ref,
      enrollments: [],
    },
  });
  const withdrawn = (cause: 'expired' | 'revoked'): Decided<StackEvent> => ({
    type: 'stack-component-withdrawn',
    data: { learnerId, componentId, cause, effectiveAt: at('2025-01-01'), ref: 'urn:x', enrollments: [] },
  });
  const item = (...events: readonly Decided<Event>[]) => due('component-expiry', ...events);

  it('is due then', () =>
    expect(item(credited('2025-01-01'))).toEqual({
      tenant: TENANT,
      kind: 'component-expiry',
      subject: componentId,
      serial: 1,
      dueAt: at('2025-01-01'),
      state: 'open',
      learnerId,
      ref: 'urn:x',
    }));
  it('is not due if there is none, nor of an own credential: its own stream says when it ends', () => {
    expect(item(credited())).toBeNull();
    expect(item(credited('2025-01-01'), credited(undefined, 'urn:for-life'))).toMatchObject({ state: 'done' });
    expect(item(credited('2025-01-01', EARNED, 'own'))).toBeNull();
  });
  it.each(['expired', 'revoked'] as const)('is done with once it is noted as %s', (cause) => {
    expect(item(credited('2025-01-01'), withdrawn(cause))).toMatchObject({ state: 'done', serial: 1 });
    expect(item(withdrawn(cause))).toBeNull();
  });
  it('moves with the next term, also after an end', () => {
    const next = { serial: 2, dueAt: at('2026-01-01'), state: 'open', ref: 'urn:y' };
    expect(item(credited('2025-01-01'), credited('2026-01-01', 'urn:y'))).toMatchObject(next);
    expect(item(credited('2025-01-01'), withdrawn('expired'), credited('2026-01-01', 'urn:y'))).toMatchObject(next);
  });
  it('is noted in the record at its own instant', () =>
    expect(componentExpiryClock.command(item(credited('2025-01-01')) as never)).toEqual({
      type: 'WithdrawStackComponent',
      data: { learnerId, componentId, cause: 'expired', effectiveAt: at('2025-01-01'), ref: 'urn:x' },
    }));
});

describe('the end and the window of an own credential', () => {
  const who = { learnerId, credentialId, templateId };
  const window = { opens: at('2027-12-10'), closes: at('2028-04-10') };
  const issued: Decided<Event> = {
    ...issuedEvent,
    data: { ...issuedEvent.data, validUntil: at('2028-03-10'), renewal: window },
  };
  const next = { opens: at('2029-12-10'), closes: at('2030-04-10') };
  const renewed: Decided<Event> = {
    type: 'credential-renewed',
    data: {
      ...who,
      serial: 2,
      basis: issuedEvent.data.basis,
      at: at('2028-01-15'),
      validFrom: at('2028-03-10'),
      validUntil: at('2030-03-10'),
      awardedAt: at('2026-03-10'),
      vcHash: 'e'.repeat(64),
      keyId: 'k1',
      renewal: next,
    },
  };
  const expired: Decided<Event> = {
    type: 'credential-expired',
    data: { ...who, serial: 1, validUntil: at('2028-03-10') },
  };
  const noted = (type: 'renewal-window-opened' | 'renewal-window-closed'): Decided<Event> => ({
    type,
    data: { ...who, serial: 1, validUntil: at('2028-03-10'), ...window },
  });
  const end = (...events: readonly Decided<Event>[]) => due('credential-expiry', ...events);
  const opening = (...events: readonly Decided<Event>[]) => due('renewal-window', ...events);

  it('falls due at the end of the last term, whatever holds it, and once', () => {
    expect(end(issued)).toMatchObject({ dueAt: at('2028-03-10'), term: 1, state: 'open' });
    expect(end(issued, suspendedEvent())).toMatchObject({ dueAt: at('2028-03-10'), state: 'open' });
    expect(end(issued, expired)).toMatchObject({ state: 'done' });
    expect(end(issued, renewed)).toMatchObject({ dueAt: at('2030-03-10'), term: 2, serial: 2, state: 'open' });
    expect(end(issued, expired, renewed)).toMatchObject({ dueAt: at('2030-03-10'), state: 'open' });
    expect(end(issued, revokedEvent())).toMatchObject({ state: 'done' });
    expect(end(issuedEvent)).toBeNull();
  });
  it('opens, then closes; a renewal moves on to the next window', () => {
    expect(opening(issued)).toMatchObject({ dueAt: window.opens, stage: 'opens', term: 1, state: 'open' });
    const opened = noted('renewal-window-opened');
    expect(opening(issued, opened)).toMatchObject({ dueAt: window.closes, stage: 'closes', term: 1, state: 'open' });
    expect(opening(issued, opened, noted('renewal-window-closed'))).toMatchObject({ state: 'done' });
    expect(opening(issued, opened, renewed)).toMatchObject({ dueAt: next.opens, stage: 'opens', term: 2 });
    expect(opening(issued, revokedEvent())).toMatchObject({ state: 'done' });
    expect(opening(issuedEvent)).toBeNull();
  });
  it('sends what names the term, so that a renewal in between makes it idle', () => {
    expect(credentialExpiryClock.command(end(issued) as never)).toEqual({
      type: 'ExpireCredential',
      data: { credentialId, serial: 1 },
    });
    expect(renewalClock.command(opening(issued) as never)).toEqual({
      type: 'NoteRenewalWindow',
      data: { credentialId, serial: 1, stage: 'opens' },
    });
  });
});

describe('the next reminder of the end of a term', () => {
  const reminders = [
    { stage: 'P90D', at: at('2027-12-11') },
    { stage: 'P7D', at: at('2028-03-03') },
  ];
  const until = at('2028-03-10');
  const term = { ...issuedEvent, data: { ...issuedEvent.data, validUntil: until, reminders } };
  const requested = (index: number): Decided<CredentialEvent> => ({
    type: 'renewal-reminder-requested',
    data: {
      learnerId,
      credentialId,
      templateId,
      serial: 1,
      stage: reminders[index]!.stage,
      dueAt: reminders[index]!.at,
      validUntil: until,
      ...(reminders[index + 1] ? { next: reminders[index + 1]! } : {}),
    },
  });
  const item = (...events: readonly Decided<Event>[]) => due('renewal-reminder', ...events);

  it('is due at the first stage, then at the next', () => {
    expect(item(term)).toMatchObject({ dueAt: reminders[0]!.at, term: 1, state: 'open' });
    expect(item(term, requested(0))).toMatchObject({ dueAt: reminders[1]!.at, serial: 2, state: 'open' });
  });
  it('is due no more after the last, the end of the term, or a revocation', () => {
    expect(item(term, requested(0), requested(1))).toMatchObject({ state: 'done' });
    const expired = { learnerId, credentialId, templateId, serial: 1, validUntil: until };
    expect(item(term, { type: 'credential-expired', data: expired })).toMatchObject({ state: 'done' });
    expect(item(term, revokedEvent())).toMatchObject({ state: 'done' });
  });
  it('leaves out what had gone by when the term came to be known', () => {
    const late = recorded(term, { recordedAt: at('2028-01-01') });
    const id = `${TENANT}:renewal-reminder:${credentialId}`;
    expect(dueWorkProjection.evolve(null, late as never, id)).toMatchObject({ dueAt: reminders[1]!.at });
  });
  it('is none where the template names none', () => expect(item(issuedEvent)).toBeNull());
  it('is asked for by the scheduler under the term it was due for', () =>
    expect(reminderClock.command(item(term) as never)).toEqual({
      type: 'RequestRenewalReminder',
      data: { credentialId, serial: 1 },
    }));
});
