import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { publicId, type LearnerId } from '@cairn/kernel';
import { buildAchievementCredential, checkCredential, hashIdentity } from '@cairn/openbadges';
import { at } from '@cairn/testing';
import { Ajv2019 } from 'ajv/dist/2019.js';
import ajvFormats from 'ajv-formats';
import fc from 'fast-check';
import { jwtKeyAt, plainText, prepareCredential, subjectIdOf, type Preparation } from './issue-preparation.js';
import { BASE_URL, NAMESPACE, credentialId, earnedData, issuer, learnerId, template } from './samples-spec.js';

const preparation: Preparation = {
  basis: earnedData,
  template,
  issuer,
  status: { listId: 'northlake-1', index: 94_567 },
  namespace: NAMESPACE,
  restsOn: [],
  baseUrl: BASE_URL,
  now: at('2026-03-11'),
};
const build = (over: Partial<Preparation> = {}) =>
  buildAchievementCredential(prepareCredential({ ...preparation, ...over }));

describe('the credential that is signed', () => {
  it('names its page, its issuer by DID, and when it was awarded', () =>
    expect(build()).toMatchObject({
      id: `https://cairn.example/c/${publicId('crd', credentialId)}`,
      name: 'Data skills, level 1',
      issuer: { id: 'did:web:cairn.example:issuers:northlake', name: 'Northlake College' },
      awardedDate: '2026-03-10T09:00:00Z',
      validFrom: '2026-03-10T09:00:00Z',
    }));
  it('takes achievement, criteria, alignment, level and credits from the template version', () =>
    expect(build().credentialSubject).toMatchObject({
      creditsEarned: 10,
      achievement: {
        id: expect.stringMatching(/^https:\/\/cairn\.example\/a\/tpl_[0-9a-z]{26}\/1$/),
        version: '1',
        achievementType: 'MicroCredential',
        criteria: { narrative: 'Modules DS-101 and DS-102.' },
        alignment: [{ type: ['Alignment'], targetName: 'Data literacy' }],
        tag: ['Level 1'],
      },
    }));
  it('has its status entry', () =>
    expect(build().credentialStatus).toMatchObject({
      statusPurpose: 'revocation',
      statusListIndex: '94567',
      statusListCredential: 'https://cairn.example/status/northlake-1',
    }));
  it('links to the credentials of ours that it rests on', () =>
    expect(build({ restsOn: [{ credentialId, title: { en: 'Basics' } }] }).evidence).toEqual([
      { id: expect.stringMatching(/^https:\/\/cairn\.example\/c\/crd_/), type: ['Evidence'], name: 'Basics' },
    ]));
  it('begins at the earlier of term start and signing, to the second (§3)', () => {
    const later = { ...earnedData, from: at('2026-05-01T00:00:00.500Z') };
    expect(build({ basis: later, now: at('2026-04-01T10:00:00.900Z') }).validFrom).toBe('2026-04-01T10:00:00Z');
    expect(build({ basis: later, now: at('2026-06-01') }).validFrom).toBe('2026-05-01T00:00:00Z');
  });
  it('names where renewed copies will be, if its template can be renewed', () => {
    const renewal = { requirement: { module: 'x' }, window: 'P3M', grace: 'P1M' };
    expect(build()).not.toHaveProperty('refreshService');
    expect(build({ template: { ...template, renewal } }).refreshService?.id).toMatch(/\/c\/crd_[0-9a-z]{26}\/refresh$/);
  });
});

describe('who it is about', () => {
  it('is an opaque id that tells nothing of the learner id', () => {
    expect(subjectIdOf(NAMESPACE, learnerId)).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect(JSON.stringify(build())).not.toContain(learnerId);
  });
  it('is the same in all credentials of a learner, and another for others and in other tenants', () => {
    const ids = [
      subjectIdOf(NAMESPACE, learnerId),
      subjectIdOf(NAMESPACE, credentialId as string as LearnerId),
      subjectIdOf(issuer.issuerId, learnerId),
    ];
    expect(build().credentialSubject.id).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });
  it('has the e-mail address as a salted hash only, if one is known', () => {
    const email = { address: 'a@example.com', salt: 'c2FsdCBvZiAxMjggYml0cw' };
    const credential = build({ email });
    expect(credential.credentialSubject.identifier).toEqual([
      {
        type: 'IdentityObject',
        identityType: 'emailAddress',
        hashed: true,
        salt: email.salt,
        identityHash: hashIdentity(email.address, email.salt),
      },
    ]);
    expect(JSON.stringify(credential)).not.toContain('example.com"');
    expect(build().credentialSubject).not.toHaveProperty('identifier');
  });
});

describe('texts', () => {
  it.each([
    [{ de: 'Zwei', en: 'Two' }, 'Two'],
    [{ de: 'Zwei', fr: 'Deux' }, 'Zwei'],
    [{}, ''],
  ])('%j in one language is %j', (text, plain) => expect(plainText(text)).toBe(plain));
});

describe('the signing key', () => {
  const key = (keyId: string, algorithm: 'RS256' | 'ES256' | 'Ed25519', notBefore: string, retiredAt?: string) => ({
    keyId,
    algorithm,
    publicJwk: { kty: 'EC' },
    notBefore: at(notBefore),
    ...(retiredAt === undefined ? {} : { retired: { at: at(retiredAt), reasonCode: 'rotated' } }),
  });
  const keys = [
    key('old', 'RS256', '2025-01-01', '2026-06-01'),
    key('new', 'ES256', '2026-05-01'),
    key('proofs', 'Ed25519', '2025-01-01'),
    key('next', 'RS256', '2027-01-01'),
  ];
  it.each([
    ['2024-12-31', undefined],
    ['2026-04-30', 'old'],
    ['2026-05-01', 'new'],
    ['2026-12-31', 'new'],
    ['2027-01-01', 'next'],
  ])('on %s is %s: never one for embedded proofs', (day, expected) =>
    expect(jwtKeyAt({ keys }, at(day))?.keyId).toBe(expected),
  );
});

describe('whatever a template says', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((each) => ({ en: each }));
  const preparations: fc.Arbitrary<Partial<Preparation>> = fc
    .record({
      name: text,
      description: text,
      criteria: text,
      level: fc.option(fc.nat(20), { nil: undefined }),
      credits: fc.option(fc.double({ min: 0, max: 1000, noNaN: true }), { nil: undefined }),
      until: fc.boolean(),
      email: fc.option(fc.emailAddress(), { nil: undefined }),
      rests: fc.array(text, { maxLength: 3 }),
      index: fc.nat(131_071),
    })
    .map(({ name, description, criteria, level, credits, until, email, rests, index }) => ({
      template: {
        ...template,
        achievement: {
          name,
          description,
          criteria,
          achievementType: 'Badge',
          ...(level === undefined ? {} : { level }),
          ...(credits === undefined ? {} : { credits }),
        },
      },
      basis: { ...earnedData, ...(until ? { until: at('2028-03-09T23:00:00.000Z') } : {}) },
      ...(email === undefined ? {} : { email: { address: email, salt: 'c2FsdCBvZiAxMjggYml0cw' } }),
      restsOn: rests.map((title) => ({ credentialId, title })),
      status: { listId: 'northlake-1', index },
    }));

  it('the credential keeps our own rules, and the same input gives the same bytes', () =>
    fc.assert(
      fc.property(preparations, (over) => {
        expect(checkCredential(build(over))).toEqual([]);
        expect(JSON.stringify(build(over))).toBe(JSON.stringify(build(over)));
      }),
    ));

  const file = resolve(process.cwd(), '../shared/schemas/ob_v3p0_achievementcredential_schema.json');
  const there = existsSync(file);
  const without = there ? '' : ' (skipped: the shared test data is not beside the project)';
  (there ? describe : describe.skip)(`against the official JSON Schema${without}`, () => {
    it('the credential is valid', () => {
      const ajv = new Ajv2019({ strict: false, allErrors: true });
      ajvFormats.default(ajv);
      const validate = ajv.compile(JSON.parse(readFileSync(file, 'utf8')) as object);
      fc.assert(
        fc.property(preparations, (over) => {
          validate(JSON.parse(JSON.stringify(build(over))));
          expect(validate.errors ?? []).toEqual([]);
        }),
        { numRuns: 50 },
      );
    });
  });
});
