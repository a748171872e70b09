// One message: asked for once, sent, put off, refused, come back, asked for again.
import type { CredentialId, Decided, Instant, LearnerId, TemplateId } from '@cairn/kernel';
import { at, foldOf, given, recorded } from '@cairn/testing';
import type { DeliveryOutcome } from '../contracts/message.commands.js';
import { messageEvents, messageIdOf, type MessageEvent } from '../contracts/message.events.js';
import { outboxProjection, type OutboxDocument } from '../projections/outbox.projection.js';
import { messageDecider, RETRY_PAUSES_MS } from './message.decider.js';

const credentialId = '6a7b8c9d-0e1f-5a2b-8c3d-4e5f60718293' as CredentialId;
const about = {
  messageId: messageIdOf(credentialId, 'issued', 1),
  learnerId: 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504' as LearnerId,
  credentialId,
  templateId: '1d9a0c3e-4b5f-5a6b-8c7d-0e1f2a3b4c5d' as TemplateId,
};
const { messageId } = about;
type Told = Decided<MessageEvent>;
const asked: Told = { type: 'message-requested', data: { ...about, kind: 'issued', serial: 1 } };
const how = { language: 'en', channel: 'smtp', addressee: about.learnerId, contentHash: 'a'.repeat(64) } as const;
const sent = (attempt = 1): Told => ({ type: 'message-handed-over', data: { ...about, ...how, attempt } });
const bounced: Told = { type: 'message-bounced', data: { ...about, reasonCode: 'mailbox-unknown' } };
const again: Told = { type: 'message-resend-requested', data: about };
const failed: Told = { type: 'message-failed', data: { ...about, attempt: 1, reasonCode: 'address-refused' } };
const suppressed: Told = { type: 'message-suppressed', data: { ...about, reasonCode: 'learner-erased' } };
const putOff = (attempt: number): Told => ({
  type: 'message-deferred',
  data: { ...about, attempt, until: at('2026-03-11'), reasonCode: 'not-taken-yet' },
});
const delivered: Told = { type: 'credential-delivered', data: { ...about, serial: 1, channel: 'portal' } };

const when = (...history: readonly Told[]) => ({
  comes: (outcome: DeliveryOutcome, now = at('2026-03-10')) =>
    given(messageDecider, ...history).when({ type: 'RecordDelivery', data: { messageId, outcome } }, undefined, {
      now,
    }),
  resent: () => given(messageDecider, ...history).when({ type: 'ResendMessage', data: { messageId } }, undefined),
  bounces: () =>
    given(messageDecider, ...history).when(
      { type: 'ReportBounce', data: { messageId, reasonCode: 'mailbox-unknown' } },
      undefined,
    ),
  delivered: () =>
    given(messageDecider, ...history).when(
      { type: 'DeliverCredential', data: { messageId, channel: 'portal' } },
      undefined,
    ),
});
const request = { type: 'RequestMessage', data: { ...about, kind: 'issued', serial: 1 } } as const;

it('is asked for once', () => {
  given(messageDecider).when(request, undefined).then(asked);
  given(messageDecider, asked, sent()).when(request, undefined).thenUnchanged();
});
it('is recorded as handed over once, also when two processes sent it', () => {
  when(asked)
    .comes({ kind: 'handed-over', ...how })
    .then(sent());
  when(asked, sent())
    .comes({ kind: 'handed-over', ...how })
    .thenUnchanged();
});
it('quiet hours count as no try', () =>
  when(asked)
    .comes({ kind: 'quiet', until: at('2026-03-11') })
    .then({
      type: 'message-deferred',
      data: { ...about, attempt: 0, until: at('2026-03-11'), reasonCode: 'quiet-hours' },
    }));
it('each pause is longer than the one before, spread by up to a fifth; after the last it has failed', () => {
  const pauses = RETRY_PAUSES_MS.map((_pause, index) => {
    const { decision } = when(asked, putOff(index)).comes({ kind: 'later', spread: 0.5, reply: '451 4.7.1' });
    const [event] = decision.accepted ? decision.events : [];
    expect(event).toMatchObject({ type: 'message-deferred', data: { attempt: index + 1, reply: '451 4.7.1' } });
    return Date.parse((event as { data: { until: Instant } }).data.until) - Date.parse(at('2026-03-10'));
  });
  expect(pauses).toEqual(RETRY_PAUSES_MS.map((pause) => Math.floor(pause * 1.1)));
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  when(asked, putOff(RETRY_PAUSES_MS.length))
    .comes({ kind: 'later', spread: 0 })
    .then({ type: 'message-failed', data: { ...about, attempt: 8, reasonCode: 'tries-used-up' } });
});
it('what is refused or has become untrue is over', () => {
  when(asked).comes({ kind: 'refused', reasonCode: 'address-refused' }).then(failed);
  when(asked).comes({ kind: 'suppressed', reasonCode: 'learner-erased' }).then(suppressed);
});
it('comes back only from where it went', () => {
  when(asked, sent()).bounces().then(bounced);
  when(asked, sent(), bounced).bounces().thenUnchanged();
  when(asked).bounces().thenRejected('message-not-sent');
  when(asked, failed).bounces().thenRejected('message-not-sent');
  when().bounces().thenRejected('not-found');
});
it.each([
  ['sent', [sent()]],
  ['bounced', [sent(), bounced]],
  ['failed', [failed]],
  ['put off', [putOff(3)]],
  ['suppressed', [suppressed]],
])('%s, it can be asked for again, with all tries before it', (_state, events) => {
  when(asked, ...events)
    .resent()
    .then(again);
  expect(foldOf(messageDecider, [asked, ...events, again])).toMatchObject({ status: 'waiting', attempts: 0 });
});
it('about to be sent anyway, nothing is to be asked for', () => when(asked).resent().thenUnchanged());
it('is claimed once; a reminder brings nothing to claim', () => {
  when(asked, sent()).delivered().then(delivered);
  when(asked, sent(), delivered).delivered().thenUnchanged();
  when({ type: 'message-requested', data: { ...about, kind: 'reminder', serial: 1 } })
    .delivered()
    .thenRejected('not-found');
});

describe('the outbox', () => {
  const shown = (...events: readonly Told[]) =>
    events
      .map((event, revision) => recorded(event, { revision, recordedAt: at('2026-03-10') }))
      .reduce<OutboxDocument | null>((document, event) => outboxProjection.evolve(document, event, ''), null);
  it.each<[string, readonly Told[], object]>([
    ['waits', [], { state: 'waiting', attempts: 0, resends: 0, claimed: false }],
    [
      'was put off',
      [putOff(2)],
      { state: 'waiting', attempts: 2, notBefore: at('2026-03-11'), reasonCode: 'not-taken-yet' },
    ],
    ['was sent', [putOff(1), sent(2)], { state: 'sent', attempts: 2, sentAt: at('2026-03-10'), language: 'en' }],
    ['came back', [sent(), bounced], { state: 'bounced', reasonCode: 'mailbox-unknown' }],
    ['is sent again', [sent(), bounced, again], { state: 'waiting', attempts: 0, resends: 1 }],
    ['failed', [failed], { state: 'failed', attempts: 1, reasonCode: 'address-refused' }],
    ['is not sent', [suppressed], { state: 'suppressed', reasonCode: 'learner-erased' }],
    ['is claimed', [sent(), delivered], { state: 'sent', claimed: true, claimedAt: at('2026-03-10') }],
  ])('shows that it %s', (_what, events, expected) => expect(shown(asked, ...events)).toMatchObject(expected));
  it('forgets why it waited once it is sent', () => {
    expect(shown(asked, putOff(1), sent(2))).not.toHaveProperty('reasonCode');
    expect(shown(asked, putOff(1), sent(2))).not.toHaveProperty('notBefore');
  });
  it('holds nothing but ids, codes, numbers and instants', () =>
    expect(
      Object.keys(Object.assign({}, ...messageEvents.map(({ schema }) => schema.json['properties'])) as object),
    ).toEqual(expect.not.arrayContaining(['to', 'address', 'email', 'name', 'subject', 'text'])));
});
