import type { Recorded } from '@cairn/kernel';
import { at, recorded } from '@cairn/testing';
import type { VerificationAnswer } from '../contracts/verification-answer.js';
import type { CredentialEvent } from '../contracts/credential.events.js';
import { standingOf, type Standing } from './credential-status.js';
import { prepareCredential } from './issue-preparation.js';
import {
  BASE_URL,
  EARNED,
  NAMESPACE,
  RECORD,
  componentTemplate,
  credentialId,
  earned,
  earnedData,
  flaggedEvent,
  granted,
  issuedEvent,
  issuer,
  learnerId,
  revokedEvent,
  template,
  unflaggedEvent,
} from './samples-spec.js';
import { unreadableAnswer, verificationAnswer, type Reading, type SignedCopyFinding } from './verification.js';
import { buildAchievementCredential } from '@cairn/openbadges';

const until = '2028-03-09T23:00:00.000Z';
const basis = recorded(earned, { stream: RECORD, revision: 3, id: EARNED });
const standing = (asOf: string, ...events: readonly Recorded<CredentialEvent>[]): Standing => {
  const found = standingOf(events, { asOf: at(asOf) });
  if (!found) throw new Error('not issued');
  return found;
};
const issuedUntil = recorded(
  { ...issuedEvent, data: { ...issuedEvent.data, validUntil: at(until) } },
  { revision: 0, recordedAt: at('2026-03-11') },
);
const key = { keyId: 'k1', algorithm: 'ES256', publicJwk: { kty: 'EC' }, notBefore: at('2026-01-01') } as const;
const signedCredential = JSON.parse(
  JSON.stringify(
    buildAchievementCredential(
      prepareCredential({
        basis: { ...earnedData, until: at(until) },
        template,
        issuer,
        status: { listId: 'northlake-1', index: 94_567 },
        namespace: NAMESPACE,
        restsOn: [],
        baseUrl: BASE_URL,
        now: at('2026-03-11'),
      }),
    ),
  ),
) as Extract<SignedCopyFinding, { found: 'verified' }>['credential'];
const copy: SignedCopyFinding = { found: 'verified', outcome: 'pass', why: '', credential: signedCredential };

const reading: Reading = {
  credentialId,
  baseUrl: BASE_URL,
  asOf: at('2026-04-01'),
  knownAt: at('2026-04-01'),
  standing: standing('2026-04-01', issuedUntil),
  template,
  issuer: { registered: issuer, keys: [key] },
  holder: { is: 'named', name: 'Ada Example' },
  basis,
  copy,
  restsOn: [],
  countsTowards: [{ title: { en: 'Data skills, level 2' } }],
  rule: { text: { en: 'Modules DS-101 and DS-102' }, pathway: { en: 'Data skills' }, version: 1, label: '2026' },
  titles: new Map([[componentTemplate, { en: 'Basics' }]]),
};
const answer = (over: Partial<Reading> = {}): VerificationAnswer => verificationAnswer({ ...reading, ...over });
const outcomes = ({ checks }: VerificationAnswer) =>
  Object.fromEntries(checks.map(({ check, outcome }) => [check, outcome]));

describe('the answer about a valid credential', () => {
  it('says so, with everything that was checked', () => {
    const valid = answer();
    expect(valid).toMatchObject({ status: 'valid', since: at('2026-03-10'), flags: [], supersededBy: null });
    expect(outcomes(valid)).toEqual({
      'life-cycle': 'pass',
      term: 'pass',
      signature: 'pass',
      content: 'pass',
      basis: 'pass',
    });
    expect(valid.text).toEqual({ en: 'Valid from 10 March 2026 to 9 March 2028.' });
  });
  it('names what, by whom, for whom, and the rule in words', () =>
    expect(answer()).toMatchObject({
      title: template.achievement.name,
      level: { number: 1, text: { en: 'Level 1' } },
      credits: 10,
      criteriaText: { en: 'Modules DS-101 and DS-102.' },
      criteria: expect.stringContaining('https://cairn.example/a/tpl_'),
      issuer: { id: 'did:web:cairn.example:issuers:northlake', name: 'Northlake College' },
      holder: { name: 'Ada Example' },
      stack: { rule: { en: 'Modules DS-101 and DS-102' }, version: 1, versionLabel: '2026' },
      basis: { kind: 'earned' },
      history: [{ what: 'issued', at: at('2026-03-10'), recordedAt: at('2026-03-11') }],
    }));
  it('gives the term half-open, and the last valid day in the zone of the issuer', () =>
    expect(answer()).toMatchObject({
      validUntil: until,
      firstValidDay: '2026-03-10',
      lastValidDay: '2028-03-09',
      zone: 'Europe/Berlin',
    }));
  it('never names the learner id', () => expect(JSON.stringify(answer())).not.toContain(learnerId));
  it('names reason and authority of a grant', () => {
    const issuedByGrant = recorded({
      ...issuedEvent,
      data: { ...issuedEvent.data, validUntil: at(until), reasonCode: 'honorary', authority: 'senate' },
    });
    expect(
      answer({
        standing: standing('2026-04-01', issuedByGrant),
        basis: recorded(granted, { stream: RECORD, revision: 3, id: EARNED }),
      }),
    ).toMatchObject({
      status: 'valid',
      basis: { kind: 'granted', reason: 'honorary', authority: 'senate' },
      history: [{ text: { en: 'Issued by Northlake College, by decision of senate (honorary).' } }],
    });
  });
});

describe('the answer about one that is not valid', () => {
  it('is revoked, since when and why', () => {
    const revoked = recorded(revokedEvent(), { revision: 1 });
    const negative = answer({ standing: standing('2026-06-01', issuedUntil, revoked), asOf: at('2026-06-01') });
    expect(negative).toMatchObject({ status: 'revoked', since: at('2026-05-05'), reason: 'issued-in-error' });
    expect(negative.text).toEqual({ en: 'Revoked on 5 May 2026: issued in error.' });
    expect(negative.history.map(({ what }) => what)).toEqual(['issued', 'revoked']);
    expect(outcomes(negative)).toMatchObject({ 'life-cycle': 'fail', signature: 'pass' });
  });
  it('is expired', () => {
    const expired = answer({ standing: standing('2028-03-10', issuedUntil), asOf: at('2028-03-10') });
    expect(expired).toMatchObject({ status: 'expired', text: { en: 'Expired: its last day was 9 March 2028.' } });
    expect(outcomes(expired)).toMatchObject({ term: 'fail' });
  });
  it('is not yet valid', () =>
    expect(answer({ standing: standing('2026-03-01', issuedUntil), asOf: at('2026-03-01') })).toMatchObject({
      status: 'not-yet-valid',
      text: { en: 'Not yet valid on 1 March 2026: it begins on 10 March 2026.' },
    }));
});

describe('flags', () => {
  const flagged = recorded(flaggedEvent(), { revision: 1 });
  it('name what lapsed, and leave the status', () =>
    expect(answer({ standing: standing('2026-06-15', issuedUntil, flagged) })).toMatchObject({
      status: 'valid',
      flags: [{ cause: 'component-revoked', since: at('2026-06-01'), component: { en: 'Basics' } }],
      text: { en: expect.stringContaining('has lapsed') },
    }));
  it('stay in the history once lifted', () => {
    const lifted = recorded(unflaggedEvent(), { revision: 2 });
    const after = answer({ standing: standing('2026-08-01', issuedUntil, flagged, lifted) });
    expect(after.flags).toEqual([]);
    expect(after.history.map(({ what }) => what)).toEqual(['issued', 'flagged', 'flag-lifted']);
  });
});

describe('fails closed: whatever cannot be established is never valid', () => {
  const bad = (over: Partial<Extract<SignedCopyFinding, { found: 'verified' }>>): SignedCopyFinding =>
    Object.assign({}, copy, over);
  const retired = (reasonCode: string) => ({
    registered: issuer,
    keys: [{ ...key, retired: { at: at('2026-02-01'), reasonCode } }],
  });
  it.each<[string, Partial<Reading>, string]>([
    ['the signed copy is missing', { copy: { found: 'missing' } }, 'signature-not-established'],
    ['the signed copy cannot be read', { copy: { found: 'unreadable' } }, 'signature-not-established'],
    ['the signature is bad', { copy: bad({ outcome: 'fail', why: 'tampered' }) }, 'signature-failed'],
    [
      'the signature could not be checked',
      { copy: bad({ outcome: 'unknown', why: 'no key' }) },
      'signature-not-established',
    ],
    ['the issuer cannot be read', { issuer: undefined }, 'signature-not-established'],
    ['the issuer never had the key', { issuer: { registered: issuer, keys: [] } }, 'signature-failed'],
    ['the key was compromised before', { issuer: retired('compromised') }, 'signature-failed'],
    ['the template cannot be read', { template: undefined }, 'content-not-established'],
    [
      'the signed copy ends later',
      { copy: bad({ credential: { ...signedCredential, validUntil: '2030-01-01T00:00:00Z' } }) },
      'content-failed',
    ],
    [
      'the signed copy is another one',
      { copy: bad({ credential: { ...signedCredential, id: 'https://cairn.example/c/x' } }) },
      'content-failed',
    ],
    [
      'the signed copy has no status entry',
      { copy: bad({ credential: { ...signedCredential, credentialStatus: undefined } }) },
      'content-failed',
    ],
    ['the decision cannot be read', { basis: undefined }, 'basis-not-established'],
    ['there is no such decision', { basis: null }, 'basis-failed'],
    ['the decision is another one', { basis: recorded(earned, { id: RECORD }) }, 'basis-failed'],
    [
      'the decision is about another credential',
      { basis: recorded({ ...earned, data: { ...earnedData, credentialId: learnerId as never } }, { id: EARNED }) },
      'basis-failed',
    ],
  ])('%s', (_when, over, reason) => {
    const doubtful = answer(over);
    expect(doubtful).toMatchObject({ status: 'unknown', reason });
    expect(doubtful).not.toHaveProperty('since');
  });
  it('a definite negative beats unknown', () => {
    const revoked = recorded(revokedEvent(), { revision: 1 });
    expect(
      answer({ standing: standing('2026-06-01', issuedUntil, revoked), copy: { found: 'missing' } }),
    ).toMatchObject({
      status: 'revoked',
    });
    expect(answer({ standing: standing('2029-01-01', issuedUntil), basis: undefined })).toMatchObject({
      status: 'expired',
    });
  });
  it('a rotated key keeps what it signed', () =>
    expect(answer({ issuer: retired('rotated') })).toMatchObject({ status: 'valid' }));
  it('a stream that cannot be read is unknown, and nothing else is said', () => {
    const unreadable = unreadableAnswer(credentialId, BASE_URL, at('2026-04-01'), at('2026-04-01'));
    expect(unreadable).toMatchObject({ status: 'unknown', reason: 'stream-unreadable', holder: null, history: [] });
    expect(unreadable).not.toHaveProperty('title');
  });
});

describe('an erased holder', () => {
  const erased = answer({ holder: { is: 'erased' }, copy: { found: 'erased' } });
  it('has no name, and the status stays', () =>
    expect(erased).toMatchObject({ status: 'valid', holder: null, holderIs: 'erased' }));
  it('leaves the digest of the signed copy, and no link to it', () => {
    expect(outcomes(erased)).toMatchObject({ signature: 'skipped', content: 'skipped' });
    expect(erased.proof?.sha256).toBe('d'.repeat(64));
    expect(erased.links).not.toHaveProperty('credential');
  });
});
