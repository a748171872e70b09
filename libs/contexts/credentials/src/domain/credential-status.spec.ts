import type { Decided, Instant, Recorded } from '@cairn/kernel';
import { at, foldOf, issued, recorded } from '@cairn/testing';
import fc from 'fast-check';
import type { CredentialCommand } from '../contracts/credential.commands.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import { nowFor, standingOf } from './credential-status.js';
import { createCredentialDecider } from './credential.decider.js';
import {
  EARNED,
  HOLD,
  POLICY,
  RECORD,
  barredEvent,
  componentTemplate,
  credentialId,
  earned,
  flaggedEvent,
  issuedEvent,
  learnerId,
  reinstatedEvent,
  renewedEvent,
  revokedEvent,
  signed,
  SUCCESSOR,
  supersededEvent,
  suspendedEvent,
  templateId,
  unflaggedEvent,
} from './samples-spec.js';

/** A stream, each event recorded at its own instant or, by default, when it took effect. */
const stream = (
  ...events: readonly (Decided<CredentialEvent> | [Decided<CredentialEvent>, recordedAt: Instant])[]
): readonly Recorded<CredentialEvent>[] =>
  events.map((each, revision) => {
    const [event, recordedAt] = Array.isArray(each) ? (each as [Decided<CredentialEvent>, Instant]) : [each, undefined];
    return recorded(event, { revision, ...(recordedAt === undefined ? {} : { recordedAt }) });
  });
const ending = { ...issuedEvent, data: { ...issuedEvent.data, validUntil: at('2028-03-10') } };
const standing = (events: readonly Recorded<CredentialEvent>[], asOf: string, knownAt?: string) =>
  standingOf(events, { asOf: at(asOf), knownAt: knownAt === undefined ? undefined : at(knownAt) });

describe('over a chain of terms', () => {
  const early = stream(ending, [renewedEvent(), at('2028-01-15')]);
  const late = stream(ending, [renewedEvent(at('2028-04-02'), at('2028-04-02'), at('2030-04-02')), at('2028-04-02')]);

  it.each([
    ['renewed in the window, before it', early, '2028-01-14', undefined, 'valid', 1, 1, '2026-03-10'],
    [
      'on that day: the next term is known, the first runs',
      early,
      '2028-01-15',
      undefined,
      'valid',
      1,
      2,
      '2026-03-10',
    ],
    ['at the old end', early, '2028-03-10', undefined, 'valid', 2, 2, '2026-03-10'],
    ['at the new end', early, '2030-03-10', undefined, 'expired', 2, 2, '2030-03-10'],
    ['by what was known before it', early, '2028-03-10', '2028-01-14', 'expired', 1, 1, '2028-03-10'],
    ['renewed in the grace, in the gap', late, '2028-03-20', undefined, 'expired', 1, 1, '2028-03-10'],
    ['after the gap', late, '2028-04-02', undefined, 'valid', 2, 2, '2028-04-02'],
    ['in the gap, whatever is known now', late, '2028-04-01', '2031-01-01', 'expired', 1, 1, '2028-03-10'],
  ] as const)('%s', (_, events, asOf, knownAt, status, serial, terms, since) => {
    const found = standing(events, asOf, knownAt);
    expect(found).toMatchObject({ status, term: { serial }, since: at(since) });
    expect(found?.terms).toHaveLength(terms);
  });
  it('the copy is the newest that was known, whatever instant is asked about', () => {
    expect(standing(early, '2027-01-01')?.copy).toMatchObject({ serial: 2, vcHash: 'e'.repeat(64), keyId: 'k2' });
    expect(standing(early, '2027-01-01', '2028-01-14')?.copy).toMatchObject({ serial: 1 });
  });
  it('a suspension or an end goes before every term', () => {
    const held = stream(ending, suspendedEvent(at('2028-02-01')), [renewedEvent(at('2028-02-10')), at('2028-02-10')]);
    expect(standing(held, '2028-04-01')).toMatchObject({ status: 'suspended', term: { serial: 2 } });
    expect(standing(stream(ending, renewedEvent(), revokedEvent(at('2029-01-01'))), '2031-01-01')).toMatchObject({
      status: 'revoked',
    });
  });
});

describe('superseded', () => {
  it('for good, from then on, with the edition in its place', () => {
    const events = stream(ending, supersededEvent());
    expect(standing(events, '2026-07-31')).toMatchObject({ status: 'valid' });
    expect(standing(events, '2026-08-01')).toMatchObject({
      status: 'superseded',
      since: at('2026-08-01'),
      reason: 'new-name',
      supersededBy: SUCCESSOR,
    });
    expect(standing(events, '2029-01-01')).toMatchObject({ status: 'superseded' });
  });
  it('a revoked one stays revoked and leads on', () =>
    expect(standing(stream(ending, revokedEvent(), supersededEvent()), '2027-01-01')).toMatchObject({
      status: 'revoked',
      supersededBy: SUCCESSOR,
    }));
});

describe('status at an instant', () => {
  it('is valid from the beginning of the term on', () =>
    expect(standing(stream(issuedEvent), '2026-03-10')).toMatchObject({ status: 'valid', since: at('2026-03-10') }));
  it('is not yet valid before', () =>
    expect(standing(stream(issuedEvent), '2026-03-09')).toMatchObject({ status: 'not-yet-valid' }));
  it.each([
    ['2028-03-09', 'valid'],
    ['2028-03-10', 'expired'],
  ])('of a term that ends on 2028-03-10, on %s, is %s: terms are half-open', (day, status) =>
    expect(standing(stream(ending), day)).toMatchObject({ status }),
  );
  it('is expired since the end of the term', () =>
    expect(standing(stream(ending), '2029-01-01')).toMatchObject({ since: at('2028-03-10') }));

  const revoked = stream(ending, [revokedEvent(at('2026-05-05')), at('2026-05-09')]);
  it.each([
    ['2026-05-04', 'valid'],
    ['2026-05-05', 'revoked'],
    ['2026-05-06', 'revoked'],
    ['2029-01-01', 'revoked'],
  ])('revoked on 5 May: on %s it is %s (V5)', (day, status) =>
    expect(standing(revoked, day)).toMatchObject({ status }),
  );
  it('says since when and why it is revoked', () =>
    expect(standing(revoked, '2026-06-01')).toMatchObject({ since: at('2026-05-05'), reason: 'issued-in-error' }));
  it('stays held in a span that an earlier, back-dated one of the same name does not touch', () => {
    const days = ['2026-06-10', '2026-06-20', '2026-06-05', '2026-06-08'].map((day) => at(day));
    const [held, freed, heldBefore, freedBefore] = days as [Instant, Instant, Instant, Instant];
    const late = at('2026-07-01');
    const suspensions = stream(
      issuedEvent,
      [suspendedEvent(held), late],
      [reinstatedEvent(freed), late],
      [suspendedEvent(heldBefore), late],
      [reinstatedEvent(freedBefore), late],
    );
    const statuses = ['2026-06-06', '2026-06-09', '2026-06-15', '2026-06-21'].map((day) => standing(suspensions, day));
    expect(statuses.map((found) => found?.status)).toEqual(['suspended', 'valid', 'suspended', 'valid']);
  });
  it('was valid by what was known before the revocation was recorded', () =>
    expect(standing(revoked, '2026-05-06', '2026-05-08')).toMatchObject({ status: 'valid' }));
  it('is not found before anything was recorded (E1g)', () => {
    const late = stream([
      { ...issuedEvent, data: { ...issuedEvent.data, validFrom: at('2024-03-10') } },
      at('2024-04-02'),
    ]);
    expect(standing(late, '2024-03-20')).toMatchObject({ status: 'valid' });
    expect(standing(late, '2024-03-20', '2024-03-20')).toBeUndefined();
    expect(standing(late, '2024-03-20', '2024-04-02')).toMatchObject({ status: 'valid' });
  });
  it.each<[string, readonly Recorded<CredentialEvent>[]]>([
    ['nothing', []],
    ['holds only', stream(flaggedEvent())],
    ['barred', stream(barredEvent())],
  ])('is not found for a stream with %s', (_name, events) => expect(standing(events, '2029-01-01')).toBeUndefined());
});

describe('suspension at an instant', () => {
  const other = 'manual:other';
  const events = stream(
    ending,
    suspendedEvent(at('2026-06-01')),
    suspendedEvent(at('2026-06-10'), other),
    reinstatedEvent(at('2026-07-01')),
    reinstatedEvent(at('2026-07-10'), other),
  );
  it.each([
    ['2026-05-31', 'valid', '2026-03-10'],
    ['2026-06-01', 'suspended', '2026-06-01'],
    ['2026-07-01', 'suspended', '2026-06-10'],
    ['2026-07-10', 'valid', '2026-03-10'],
    ['2028-03-10', 'expired', '2028-03-10'],
  ])('on %s: %s since %s; each hold ends by its own counterpart', (day, status, since) =>
    expect(standing(events, day)).toMatchObject({ status, since: at(since) }),
  );
  it('comes before expired and after revoked', () => {
    expect(standing(events.slice(0, 2), '2029-01-01')).toMatchObject({ status: 'suspended', reason: 'inquiry' });
    expect(standing(stream(ending, suspendedEvent(), revokedEvent()), '2026-06-02')).toMatchObject({
      status: 'revoked',
    });
  });
});

describe('flags at an instant', () => {
  const flags = (events: readonly Recorded<CredentialEvent>[], asOf: string) =>
    standing(events, asOf)?.flags.map(({ cause, since }) => `${cause} ${since.slice(0, 10)}`);
  const lifted = stream(issuedEvent, flaggedEvent(at('2026-06-01')), unflaggedEvent(at('2026-07-01')));

  it.each<[string, readonly string[]]>([
    ['2026-05-31', []],
    ['2026-06-01', ['component-revoked 2026-06-01']],
    ['2026-06-30', ['component-revoked 2026-06-01']],
    ['2026-07-01', []],
  ])('a hold from 1 June to 1 July: on %s %j', (day, expected) => expect(flags(lifted, day)).toEqual(expected));
  it('that came before the issue count too (D3)', () =>
    expect(flags(stream(flaggedEvent(at('2026-03-01')), issuedEvent), '2026-04-01')).toEqual([
      'component-revoked 2026-03-01',
    ]));
  it('are told apart by their holds', () =>
    expect(
      flags(
        stream(
          issuedEvent,
          flaggedEvent(at('2026-06-01')),
          flaggedEvent(at('2026-06-02'), 'other'),
          unflaggedEvent(at('2026-06-03')),
        ),
        '2026-06-04',
      ),
    ).toEqual(['component-revoked 2026-06-02']));
  it('leave the credential valid', () => expect(standing(lifted, '2026-06-15')).toMatchObject({ status: 'valid' }));
});

describe('now', () => {
  it('is the clock', () => expect(nowFor(stream(issuedEvent), at('2027-01-01'))).toBe(at('2027-01-01')));
  it('is never before what is in the log, though another clock is ahead (D5)', () => {
    const events = stream(issuedEvent, revokedEvent(at('2026-05-05')));
    expect(standingOf(events, { asOf: nowFor(events, at('2026-05-04')) })).toMatchObject({ status: 'revoked' });
  });
});

describe('for all histories of commands (D5)', () => {
  const day = fc.integer({ min: 1, max: 60 }).map((n) => at(new Date(Date.UTC(2026, 2, n, 9)).toISOString()));
  const about = { credentialId, learnerId, templateId, because: POLICY };
  const command: fc.Arbitrary<CredentialCommand> = fc.oneof(
    fc.constant({
      type: 'IssueCredential' as const,
      data: { learnerId, credentialId, basis: { stream: RECORD, revision: 3, eventId: EARNED } },
    }),
    day.map((effectiveAt) => ({
      type: 'RevokeCredential' as const,
      data: { ...about, reasonCode: 'entitlement-withdrawn', effectiveAt },
    })),
    fc.tuple(day, fc.constantFrom(HOLD, 'other')).map(([effectiveAt, hold]) => ({
      type: 'FlagCredential' as const,
      data: { ...about, hold, cause: 'component-revoked', componentTemplateId: componentTemplate, effectiveAt },
    })),
    fc.tuple(day, fc.constantFrom(HOLD, 'other')).map(([effectiveAt, hold]) => ({
      type: 'UnflagCredential' as const,
      data: { ...about, hold, effectiveAt },
    })),
  );
  const decider = createCredentialDecider(() => Promise.resolve(signed));
  const facts = {
    basis: recorded(earned, { stream: RECORD, revision: 3, id: EARNED }),
    entitlements: {
      byCredential: { [credentialId]: { event: EARNED, withdrawn: false, ended: false } },
      own: [],
      closed: false,
    },
    signed,
  };
  const history = fc.array(fc.tuple(command, day), { maxLength: 12 }).map((commands) => {
    const events: Recorded<CredentialEvent>[] = [];
    let clock = at('2026-03-01');
    for (const [next, time] of commands) {
      if (time > clock) clock = time; // recorded time does not fall within a stream
      const decision = decider.decide(issued(next, { now: clock }), foldOf(decider, events), facts);
      if (!decision.accepted) continue;
      for (const event of decision.events) events.push(recorded(event, { revision: events.length, recordedAt: clock }));
    }
    return events;
  });

  it('nothing is valid once a revocation that was known is in effect', () =>
    fc.assert(
      fc.property(history, day, day, (events, asOf, knownAt) => {
        const revocation = events.find(({ type }) => type === 'credential-revoked');
        const known = revocation !== undefined && revocation.meta.recordedAt <= knownAt;
        const inEffect = known && revocation.meta.occurredAt <= asOf;
        const status = standingOf(events, { asOf, knownAt })?.status;
        expect(inEffect && status !== 'revoked').toBe(false);
        expect(!inEffect && status === 'revoked').toBe(false);
      }),
    ));
  it('at most one issuance and one end (D1)', () =>
    fc.assert(
      fc.property(history, (events) => {
        const count = (...types: readonly string[]) => events.filter(({ type }) => types.includes(type)).length;
        expect(count('credential-issued', 'credential-issuance-barred')).toBeLessThanOrEqual(1);
        expect(count('credential-revoked', 'credential-issuance-barred')).toBeLessThanOrEqual(1);
      }),
    ));
  it('what was known does not change when more is recorded', () =>
    fc.assert(
      fc.property(history, day, day, (events, asOf, knownAt) => {
        const then = events.filter(({ meta }) => meta.recordedAt <= knownAt);
        expect(standingOf(events, { asOf, knownAt })).toEqual(standingOf(then, { asOf }));
      }),
    ));
});
