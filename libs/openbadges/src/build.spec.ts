import * as fc from 'fast-check';
import { InvalidCredentialError, buildAchievementCredential, hashIdentity, wholeSecond } from './build.js';
import { checkCredential } from './check.js';
import { SHARED_IS_THERE, credentialInputs, exampleInput, officialSchema, withShared } from './test-samples.js';
import type { CredentialInput } from './types.js';

const { subject, achievement } = exampleInput;

/** The complete example of the design, without its proof. */
const example = {
  '@context': [
    'https://www.w3.org/ns/credentials/v2',
    'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json',
    'https://purl.imsglobal.org/spec/ob/v3p0/extensions.json',
  ],
  id: 'https://cairn.example/c/crd_7Q2mX9kV4tRbNc3yHw5ZpL',
  type: ['VerifiableCredential', 'OpenBadgeCredential'],
  name: 'Water Quality Technician',
  issuer: {
    id: 'did:web:cairn.example:issuers:northlake',
    type: ['Profile'],
    name: 'Northlake College',
    url: 'https://northlake.example',
  },
  awardedDate: '2025-09-01T08:30:00Z',
  validFrom: '2026-09-01T08:30:00Z',
  validUntil: '2028-09-01T08:30:00Z',
  credentialSubject: {
    id: 'urn:uuid:0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21',
    type: ['AchievementSubject'],
    identifier: [
      {
        type: 'IdentityObject',
        identityType: 'emailAddress',
        hashed: true,
        salt: 'Kosher',
        identityHash: 'sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399',
      },
    ],
    creditsEarned: 12,
    achievement: {
      id: 'https://cairn.example/a/wqt/2',
      type: ['Achievement'],
      achievementType: 'Certificate',
      name: 'Water Quality Technician',
      description: 'Samples, tests and reports water quality.',
      version: '2',
      criteria: {
        id: 'https://cairn.example/a/wqt/2/criteria',
        narrative: 'Three sampling modules and the Laboratory Safety badge.',
      },
      image: { id: 'https://cairn.example/a/wqt/2.png', type: 'Image' },
      alignment: [
        {
          type: ['Alignment'],
          targetName: 'Collect samples',
          targetUrl: 'https://case.example/CFItems/5f0e',
          targetType: 'CFItem',
          targetFramework: 'Water Framework',
          targetCode: 'WF-4.2',
        },
      ],
    },
  },
  evidence: [
    {
      id: 'https://cairn.example/c/crd_Jd8sT2wLk6Pq4FzVb9XyAe',
      type: ['Evidence'],
      name: 'Laboratory Safety badge',
    },
  ],
  credentialSchema: [
    {
      id: 'https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json',
      type: '1EdTechJsonSchemaValidator2019',
    },
  ],
  credentialStatus: {
    id: 'https://cairn.example/status/northlake-1#94567',
    type: 'BitstringStatusListEntry',
    statusPurpose: 'revocation',
    statusListIndex: '94567',
    statusListCredential: 'https://cairn.example/status/northlake-1',
  },
  refreshService: {
    id: 'https://cairn.example/c/crd_7Q2mX9kV4tRbNc3yHw5ZpL/refresh',
    type: '1EdTechCredentialRefresh',
  },
};

describe('building an achievement credential', () => {
  it('gives the design’s example, member for member', () => {
    expect(buildAchievementCredential(exampleInput)).toEqual(example);
  });

  it('hashes identities as the test vector says', () => {
    expect(hashIdentity('a@example.com', 'Kosher')).toBe(
      'sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399',
    );
  });

  it('gives the same bytes for the same input', () => {
    const bytes = JSON.stringify(buildAchievementCredential(exampleInput));
    expect(JSON.stringify(buildAchievementCredential(structuredClone(exampleInput)))).toBe(bytes);
  });

  it.each([
    ['2026-03-10T09:00:00.999Z', '2026-03-10T09:00:00Z'],
    ['2026-03-10T09:00:00+01:00', '2026-03-10T08:00:00Z'],
    ['1969-12-31T23:59:59.500Z', '1969-12-31T23:59:59Z'],
  ])('cuts the instant %s to the second %s', (instant, second) => {
    expect(wholeSecond(instant)).toBe(second);
  });

  it('leaves out what was not given: no nulls, no empty lists', () => {
    const credential = buildAchievementCredential({
      ...exampleInput,
      evidence: [],
      subject: { id: 'urn:uuid:0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21', identifiers: [], results: [] },
      achievement: { ...achievement, alignment: [], resultDescription: [], tag: [] },
    });
    expect(JSON.stringify(credential)).not.toMatch(/null|\[\]/);
    expect(credential).not.toHaveProperty('evidence');
    expect(Object.keys(credential.credentialSubject)).toEqual(['id', 'type', 'achievement']);
  });

  it('writes an identity without a salt in plain text', () => {
    const identifiers = [{ identityType: 'name', identity: 'Ada Lovelace' }];
    const credential = buildAchievementCredential({ ...exampleInput, subject: { ...subject, identifiers } });
    expect(credential.credentialSubject.identifier).toEqual([
      { type: 'IdentityObject', identityType: 'name', hashed: false, identityHash: 'Ada Lovelace' },
    ]);
  });

  const grade = { id: 'urn:grade', name: 'Grade', resultType: 'LetterGrade', allowedValue: ['C', 'B', 'A'] };
  const graded = { ...achievement, resultDescription: [grade] };
  const refusals: readonly [string, Partial<CredentialInput>, pointer: string, code: string][] = [
    ['a date without zone', { validFrom: '2026-09-01T08:30:00' }, '/validFrom', 'schema'],
    ['a date without time', { awardedDate: '2026-09-01' }, '/awardedDate', 'schema'],
    ['the 30th of February', { awardedDate: '2026-02-30T00:00:00Z' }, '/awardedDate', 'schema'],
    ['a term that ends before it begins', { validUntil: '2026-09-01T08:29:59Z' }, '/validUntil', 'term-reversed'],
    ['a term without an instant', { validUntil: '2026-09-01T08:30:00.900Z' }, '/validUntil', 'term-empty'],
    ['an id that is no https URL', { id: 'http://cairn.example/c/1' }, '/id', 'not-https'],
    ['an id that only begins like this machine', { id: 'http://localhost.evil.example/c/1' }, '/id', 'not-https'],
    ['an id that is no URI', { id: 'crd_7Q2mX9kV4tRbNc3yHw5ZpL' }, '/id', 'not-a-uri'],
    [
      'an issuer that is no DID',
      { issuer: { id: 'https://northlake.example', name: 'N' } },
      '/issuer/id',
      'issuer-not-a-did',
    ],
    ['a subject nobody can recognise', { subject: {} }, '/credentialSubject', 'subject-unidentified'],
    [
      'an identity type off the list',
      { subject: { identifiers: [{ identityType: 'email', identity: 'a@b.example' }] } },
      '/credentialSubject/identifier/0/identityType',
      'schema',
    ],
    [
      'an achievement type off the list',
      { achievement: { ...achievement, achievementType: 'Nanodegree' } },
      '/credentialSubject/achievement/achievementType',
      'schema',
    ],
    [
      'an extension type without a name',
      { achievement: { ...achievement, achievementType: 'ext:' } },
      '/credentialSubject/achievement/achievementType',
      'schema',
    ],
    [
      'criteria that say nothing',
      { achievement: { ...achievement, criteria: {} } },
      '/credentialSubject/achievement/criteria',
      'criteria-empty',
    ],
    [
      'an alignment type off the list',
      {
        achievement: {
          ...achievement,
          alignment: [{ targetName: 'x', targetUrl: 'https://x.example', targetType: 'ESCO' }],
        },
      },
      '/credentialSubject/achievement/alignment/0/targetType',
      'schema',
    ],
    [
      'a result of no description',
      { subject: { ...subject, results: [{ resultDescription: 'urn:none', value: 'A' }] } },
      '/credentialSubject/result/0/resultDescription',
      'dangling-id',
    ],
    [
      'a result off the allowed values',
      { achievement: graded, subject: { ...subject, results: [{ resultDescription: 'urn:grade', value: 'D' }] } },
      '/credentialSubject/result/0/value',
      'result-value',
    ],
    [
      'a status result without a status',
      {
        achievement: { ...achievement, resultDescription: [{ id: 'urn:s', name: 'S', resultType: 'Status' }] },
        subject: { ...subject, results: [{ resultDescription: 'urn:s' }] },
      },
      '/credentialSubject/result/0',
      'result-status',
    ],
    [
      'a required level that does not exist',
      { achievement: { ...achievement, resultDescription: [{ ...grade, requiredLevel: 'urn:none' }] } },
      '/credentialSubject/achievement/resultDescription/0/requiredLevel',
      'dangling-id',
    ],
    [
      'a fractional status index',
      { status: { listUrl: 'https://cairn.example/status/1', index: 1.5, purpose: 'revocation' } },
      '/credentialStatus/statusListIndex',
      'status-entry',
    ],
    [
      'a negative status index',
      { status: { listUrl: 'https://cairn.example/status/1', index: -1, purpose: 'revocation' } },
      '/credentialStatus/statusListIndex',
      'status-entry',
    ],
    [
      'credits that are no number',
      { subject: { ...subject, creditsEarned: Number.NaN } },
      '/credentialSubject/creditsEarned',
      'schema',
    ],
    [
      'a property that no context defines',
      {
        achievement: {
          ...achievement,
          alignment: [{ targetName: 'x', targetUrl: 'https://x.example', level: '3' } as never],
        },
      },
      '/credentialSubject/achievement/alignment/0/level',
      'undefined-term',
    ],
  ];
  it.each(refusals)('refuses %s', (_what, change, pointer, code) => {
    let thrown: unknown;
    try {
      buildAchievementCredential({ ...exampleInput, ...change });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidCredentialError);
    expect((thrown as InvalidCredentialError).faults).toContainEqual(expect.objectContaining({ pointer, code }));
  });
});

(SHARED_IS_THERE ? describe : describe.skip)(`against the official JSON Schema${withShared}`, () => {
  const schemaFault = SHARED_IS_THERE ? officialSchema() : () => undefined;

  it('whatever we build is valid, and we find no fault in it', () => {
    fc.assert(
      fc.property(credentialInputs, (input) => {
        const credential = JSON.parse(JSON.stringify(buildAchievementCredential(input))) as unknown;
        expect(schemaFault(credential)).toBeUndefined();
        expect(checkCredential(credential)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
