import type { Decided, Document, EventDefinition, EventOf, Projection, Recorded } from '@cairn/kernel';
import { TENANT, at, recorded } from '@cairn/testing';
import type { CredentialEvent } from '../contracts/credential.events.js';
import {
  HOLD,
  barredEvent,
  credentialId,
  flaggedEvent,
  issuedEvent,
  learnerId,
  renewedEvent,
  revokedEvent,
  SUCCESSOR,
  supersededEvent,
  templateId,
  unflaggedEvent,
} from '../domain/samples-spec.js';
import { registerProjection } from './register.projection.js';
import { verificationProjection } from './verification.projection.js';
import { walletProjection } from './wallet.projection.js';

/** The only document that the events touch, after all of them. */
function documentOf<D extends Document, Def extends EventDefinition>(
  projection: Projection<D, Def>,
  id: string,
  ...events: readonly Decided<EventOf<Def>>[]
): D | null {
  return events
    .map((event, revision): Recorded<EventOf<Def>> => recorded(event, { revision, recordedAt: at('2026-03-11') }))
    .reduce<D | null>((document, event) => {
      expect(projection.keys(event)).toEqual([id]);
      return projection.evolve(document, event, id);
    }, null);
}
const id = `${TENANT}:${credentialId}`;
const flag = { hold: HOLD, cause: 'component-revoked', since: at('2026-06-01') };

describe('renewed and superseded', () => {
  const first = { ...issuedEvent, data: { ...issuedEvent.data, validUntil: at('2028-03-10') } };
  const second = { serial: 2, validFrom: at('2028-03-10'), validUntil: at('2030-03-10') };
  const learners = `${TENANT}:${learnerId}`;

  it('all three hold the last term; the wallet each of them', () => {
    const copy = { vcHash: 'e'.repeat(64), keyId: 'k2' };
    expect(documentOf(registerProjection, id, first, renewedEvent())).toMatchObject({ ...second, ...copy });
    expect(documentOf(verificationProjection, id, first, renewedEvent())).toMatchObject({
      ...second,
      ...copy,
      statusIndex: '94567',
    });
    expect(documentOf(walletProjection, learners, first, renewedEvent())?.credentials).toMatchObject([
      { ...second, terms: [{ serial: 1, validFrom: at('2026-03-10'), validUntil: at('2028-03-10') }, second] },
    ]);
  });
  it('superseded is final, but what is revoked stays so', () => {
    expect(documentOf(registerProjection, id, first, supersededEvent())).toMatchObject({
      state: 'superseded',
      supersededBy: SUCCESSOR,
      supersededAt: at('2026-08-01'),
    });
    expect(documentOf(verificationProjection, id, first, supersededEvent())).toMatchObject({ state: 'superseded' });
    expect(documentOf(walletProjection, learners, first, supersededEvent())?.credentials).toMatchObject([
      { state: 'superseded', supersededBy: SUCCESSOR },
    ]);
    expect(documentOf(registerProjection, id, first, revokedEvent(), supersededEvent())).toMatchObject({
      state: 'revoked',
      supersededBy: SUCCESSOR,
    });
    expect(documentOf(verificationProjection, id, first, revokedEvent(), supersededEvent())).toMatchObject({
      state: 'revoked',
    });
    expect(documentOf(walletProjection, learners, first, revokedEvent(), supersededEvent())?.credentials).toMatchObject(
      [{ state: 'revoked', supersededBy: SUCCESSOR }],
    );
  });
});

describe('register', () => {
  const register = (...events: readonly Decided<CredentialEvent>[]) => documentOf(registerProjection, id, ...events);

  it('holds who, what, which version, dates, hashes and references', () =>
    expect(register(issuedEvent)).toEqual({
      tenant: TENANT,
      credentialId,
      learnerId,
      templateId,
      templateVersion: 1,
      issuerId: issuedEvent.data.issuerId,
      state: 'issued',
      holds: [],
      occurrence: 1,
      edition: 1,
      serial: 1,
      awardedAt: at('2026-03-10'),
      issuedAt: at('2026-03-11'),
      validFrom: at('2026-03-10'),
      vcHash: 'd'.repeat(64),
      keyId: 'k1',
      statusList: 'northlake-1',
      statusIndex: '94567',
      basis: issuedEvent.data.basis,
      components: [],
      revision: 0,
    }));
  it.each<[string, readonly Decided<CredentialEvent>[], object]>([
    ['announced by a hold', [flaggedEvent()], { state: 'announced', holds: [flag] }],
    ['issued with a hold', [flaggedEvent(), issuedEvent], { state: 'issued', holds: [flag] }],
    ['flagged', [issuedEvent, flaggedEvent()], { state: 'issued', holds: [flag] }],
    ['unflagged', [issuedEvent, flaggedEvent(), unflaggedEvent()], { state: 'issued', holds: [], revision: 2 }],
    ['barred', [barredEvent()], { state: 'barred', revokedAt: at('2026-05-05') }],
    [
      'revoked',
      [issuedEvent, revokedEvent()],
      {
        state: 'revoked',
        revokedAt: at('2026-05-05'),
        revocationReason: 'issued-in-error',
        revocationAuthority: 'registrar',
      },
    ],
  ])('%s', (_name, events, expected) => expect(register(...events)).toMatchObject(expected));
});

describe('verification', () => {
  const verification = (...events: readonly Decided<CredentialEvent>[]) =>
    documentOf(verificationProjection, id, ...events);

  it('holds validity, list entry and digest, and nothing that links to the learner', () => {
    const document = verification(issuedEvent, flaggedEvent());
    expect(document).toMatchObject({
      state: 'issued',
      validFrom: at('2026-03-10'),
      statusList: 'northlake-1',
      statusIndex: '94567',
      flags: [flag],
    });
    expect(JSON.stringify(document)).not.toContain(learnerId);
  });
  it.each<[string, readonly Decided<CredentialEvent>[], object]>([
    ['flagged before the issue', [flaggedEvent()], { state: 'not-issued', flags: [flag] }],
    ['barred', [barredEvent()], { state: 'not-issued', revokedAt: at('2026-05-05') }],
    ['unflagged', [issuedEvent, flaggedEvent(), unflaggedEvent()], { state: 'issued', flags: [] }],
    [
      'revoked',
      [issuedEvent, revokedEvent()],
      { state: 'revoked', revokedAt: at('2026-05-05'), reasonCode: 'issued-in-error' },
    ],
  ])('%s', (_name, events, expected) => expect(verification(...events)).toMatchObject(expected));
});

describe('wallet', () => {
  type Event = EventOf<(typeof walletProjection.events)[number]>;
  const wallet = (...events: readonly Decided<Event>[]) =>
    documentOf(walletProjection, `${TENANT}:${learnerId}`, ...events);
  const second = { ...issuedEvent, data: { ...issuedEvent.data, credentialId: templateId as never } };
  const erased = {
    type: 'learner-erased',
    data: { learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' },
  } as const;
  const closed = { type: 'record-closed', data: { learnerId, why: 'erased' } } as const;

  it('holds the credentials in the order of issue', () =>
    expect(wallet(issuedEvent, second)?.credentials.map((item) => item.credentialId)).toEqual([
      credentialId,
      templateId,
    ]));
  it('marks the one that was revoked', () =>
    expect(wallet(issuedEvent, second, revokedEvent())?.credentials).toMatchObject([
      { state: 'revoked', reasonCode: 'issued-in-error' },
      { state: 'issued' },
    ]));
  it('keeps a hold that came first for the credential that follows', () =>
    expect(wallet(flaggedEvent(), second, issuedEvent)).toMatchObject({
      pending: {},
      credentials: [{ flags: [] }, { flags: [flag] }],
    }));
  it('drops a hold that was lifted', () =>
    expect(wallet(issuedEvent, flaggedEvent(), unflaggedEvent())?.credentials).toMatchObject([{ flags: [] }]));
  it.each([
    ['erasure', erased],
    ['the closing of the record', closed],
  ])('is empty after %s, whatever comes later', (_name, end) =>
    expect(wallet(issuedEvent, end, revokedEvent(), second)).toEqual({
      tenant: TENANT,
      learnerId,
      erased: true,
      credentials: [],
      pending: {},
    }),
  );
});
