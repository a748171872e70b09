// Whether it is sent, when it is quiet, and what it says.
import type { CredentialId, IssuerId, LearnerId, TemplateId } from '@cairn/kernel';
import { at, given } from '@cairn/testing';
import fc from 'fast-check';
import { deliveryPolicyDecider } from './delivery-policy.decider.js';
import { quietUntil } from './quiet-hours.js';
import { decideSending, mailAddress, type SendingFacts } from './sending.js';
import { compose, LANGUAGES, languageOf, type TextFacts } from './texts.js';

const facts: SendingFacts = {
  message: {
    messageId: 'm',
    learnerId: 'l' as LearnerId,
    credentialId: 'c' as CredentialId,
    templateId: 't' as TemplateId,
    kind: 'reminder',
    serial: 1,
    stage: 'P30D',
  },
  credential: {
    issued: { templateId: 't' as TemplateId, templateVersion: 1, issuerId: 'i' as IssuerId },
    serial: 1,
    validUntil: at('2026-03-10'),
  },
  profile: { name: 'Ada', email: 'Ada@example.org' },
  policy: { tell: ['reminder', 'issued'], language: 'en' },
  now: at('2026-02-08'),
};

describe('decideSending', () => {
  it('sends to the address as it is written', () =>
    expect(decideSending(facts)).toEqual({ to: { name: 'Ada', address: 'Ada@example.org' } }));
  it.each<[string, Partial<SendingFacts>]>([
    ['learner-erased', { profile: undefined }],
    ['switched-off', { policy: undefined }],
    ['switched-off', { policy: { tell: ['issued'], language: 'en' } }],
    ['credential-revoked', { credential: { ...facts.credential, ended: 'credential-revoked' } }],
    ['credential-superseded', { credential: { ...facts.credential, ended: 'credential-superseded' } }],
    ['credential-renewed', { credential: { ...facts.credential, serial: 2 } }],
    ['term-over', { now: at('2026-03-10') }],
  ])('suppresses it: %s', (reasonCode, over) => {
    const quietHours = { from: '00:00', until: '23:59', zone: 'UTC' };
    const policy = 'policy' in over ? over.policy : { tell: ['reminder' as const], language: 'en', quietHours };
    expect(decideSending({ ...facts, ...over, policy })).toEqual({ instead: { kind: 'suppressed', reasonCode } });
  });
  it('a new credential is told of also when it was renewed meanwhile', () =>
    expect(
      decideSending({
        ...facts,
        message: { ...facts.message, kind: 'issued' },
        credential: { ...facts.credential, serial: 2 },
      }),
    ).toHaveProperty('to'));
});

describe('an address', () => {
  it.each(['ada@example.org', 'Ada.L+x@example.org', "o'neil@example.org", 'josé@bücher.example', 'a@localhost'])(
    '%s is one',
    (text) => expect(mailAddress(text)).toBe(text),
  );
  it.each([
    'ada',
    'a@b@c',
    'a,b@example.org',
    'a@example.org, b@example.org',
    'Ada <a@example.org>',
    '"a b"@example.org',
    'a@[127.0.0.1]',
    'a\r\nbcc:b@example.org',
    '.a@example.org',
    'a..b@example.org',
    'a@example..org',
    'a@-example.org',
    `${'a'.repeat(65)}@example.org`,
  ])('%j is none', (text) => expect(mailAddress(text)).toBeUndefined());
});

describe('quiet hours', () => {
  const night = { from: '21:00', until: '08:00', zone: 'Europe/Berlin' };
  it.each([
    ['in the evening, until the next morning', '2026-03-10T20:00:00Z', night, '2026-03-11T07:00:00Z'],
    ['after midnight, until the same morning', '2026-03-11T01:00:00Z', night, '2026-03-11T07:00:00Z'],
    ['not from their end on', '2026-03-11T07:00:00Z', night, undefined],
    ['not before they begin', '2026-03-10T19:59:59Z', night, undefined],
    ['a night that is an hour shorter', '2026-03-28T22:00:00Z', night, '2026-03-29T06:00:00Z'],
    ['a night that is an hour longer', '2026-10-24T22:00:00Z', night, '2026-10-25T07:00:00Z'],
    ['an end that clocks jump over', '2026-03-28T23:00:00Z', { ...night, until: '02:30' }, '2026-03-29T01:00:00Z'],
    ['an end that clocks show twice', '2026-10-25T00:45:00Z', { ...night, until: '02:30' }, '2026-10-25T01:30:00Z'],
    ['a beginning that clocks jump over', '2026-03-29T01:00:00Z', { ...night, from: '02:30' }, '2026-03-29T06:00:00Z'],
    ['at noon', '2026-03-10T11:30:00Z', { ...night, from: '12:00', until: '14:00' }, '2026-03-10T13:00:00Z'],
    ['a day that was left out', '2011-12-30T09:00:00Z', { ...night, zone: 'Pacific/Apia' }, '2011-12-30T18:00:00Z'],
  ])('%s', (_what, now, quiet, expected) =>
    expect(quietUntil(at(now), quiet)).toBe(expected === undefined ? undefined : at(expected)),
  );
  it('end within a day, at an instant that is not quiet, wherever and whenever', () => {
    const time = fc
      .integer({ min: 0, max: 1439 })
      .map((minute) => new Date(minute * 60_000).toISOString().slice(11, 16));
    const zone = fc.constantFrom('Europe/Berlin', 'America/Havana', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC');
    const instant = fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2030-01-01') });
    fc.assert(
      fc.property(time, time, zone, instant, (from, until, name, ms) => {
        fc.pre(from !== until);
        const now = at(new Date(ms).toISOString());
        const end = quietUntil(now, { from, until, zone: name });
        if (end === undefined) return;
        expect(end > now).toBe(true);
        expect(Date.parse(end) - ms).toBeLessThanOrEqual(26 * 3_600_000);
        expect(quietUntil(end, { from, until, zone: name })).toBeUndefined();
      }),
    );
  });
});

describe('what it says', () => {
  const told: TextFacts = {
    kind: 'reminder',
    name: 'Ada',
    title: { en: 'First aid', de: 'Erste Hilfe' },
    issuer: 'Northlake',
    zone: 'Europe/Berlin',
    url: 'https://cairn.example/c/crd_x',
    validUntil: at('2026-03-09T23:00:00Z'),
    now: at('2026-03-08T12:00:00Z'),
    sandbox: false,
  };
  it('names the last day as people write it, and how many are left in words that fit the number', () => {
    expect(compose('en', told)).toMatchObject({ subject: 'First aid is valid until March 9, 2026' });
    expect(compose('en', told).text).toContain('one more day');
    expect(compose('de', told)).toMatchObject({ subject: 'Erste Hilfe gilt bis 9. März 2026' });
    expect(compose('de', { ...told, now: at('2026-03-01') }).text).toContain('noch 8 Tage');
    expect(compose('fr', told)).toMatchObject({ subject: 'First aid est valable jusqu’au 9 mars 2026' });
    expect(compose('fr', { ...told, now: at('2026-03-01') }).text).toContain('encore 8 jours');
  });
  it.each(LANGUAGES)('%s has all kinds, with and without name and end', (language) => {
    for (const kind of ['issued', 'renewed', 'reminder'] as const)
      for (const more of [told, { ...told, name: undefined, validUntil: undefined }]) {
        const { name, validUntil, ...rest } = more;
        const { subject, text } = compose(language, {
          ...rest,
          kind,
          ...(name === undefined ? {} : { name }),
          ...(validUntil === undefined ? {} : { validUntil }),
        });
        expect(`${subject}${text}`).not.toMatch(/undefined|\{|\}/);
        expect(text).toContain(told.url);
      }
  });
  it('no text by others begins a line or turns the writing round', () => {
    const nasty = 'A\r\nBcc: eve@example.org\u2028\u202e';
    const { subject, text } = compose('en', { ...told, name: nasty, title: { en: nasty }, issuer: nasty });
    expect(subject).not.toMatch(/[\r\n\u2028\u202e]/);
    expect(text).not.toMatch(/^Bcc/m);
  });
  it('falls back from region to language, to the tenant’s, to English', () => {
    expect(languageOf('de-AT', 'fr')).toBe('de');
    expect(languageOf('tlh', 'fr')).toBe('fr');
    expect(languageOf(undefined, 'tlh')).toBe('en');
  });
});

describe('SetDeliveryPolicy', () => {
  const policy = {
    tell: ['issued'],
    language: 'de',
    quietHours: { from: '21:00', until: '08:00', zone: 'UTC' },
  } as const;
  const set = (over: object = {}) =>
    given(deliveryPolicyDecider).when({ type: 'SetDeliveryPolicy', data: { ...policy, ...over } }, undefined);
  it('is recorded', () => set().then({ type: 'delivery-policy-set', data: policy }));
  it('the same again is nothing new', () =>
    given(deliveryPolicyDecider, { type: 'delivery-policy-set', data: policy })
      .when({ type: 'SetDeliveryPolicy', data: policy }, undefined)
      .thenUnchanged());
  it.each<[string, object]>([
    ['a kind named twice', { tell: ['issued', 'issued'] }],
    ['a language without texts', { language: 'tlh' }],
    ['a zone that is none', { quietHours: { ...policy.quietHours, zone: 'Mars/Base' } }],
    ['a day that is all quiet', { quietHours: { ...policy.quietHours, until: '21:00' } }],
  ])('%s is refused', (_what, over) => set(over).thenRejected('validation-failed'));
});
