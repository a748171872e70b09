// What the specs share: the example of the design as input, keys, random inputs, and the official schema if it is there.
import { existsSync, readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { resolve } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import ajvFormats from 'ajv-formats';
import * as fc from 'fast-check';
import type { PublicJwk, SigningAlgorithm } from './keys.js';
import type { SigningKey } from './sign.js';
import type { AchievementInput, CredentialInput } from './types.js';
import { ACHIEVEMENT_TYPES, ALIGNMENT_TARGET_TYPES, IDENTIFIER_TYPES, RESULT_TYPES } from './vocabulary.js';

export const DID = 'did:web:cairn.example:issuers:northlake';

export const exampleInput: CredentialInput = {
  id: 'https://cairn.example/c/crd_7Q2mX9kV4tRbNc3yHw5ZpL',
  name: 'Water Quality Technician',
  issuer: { id: DID, name: 'Northlake College', url: 'https://northlake.example' },
  awardedDate: '2025-09-01T08:30:00Z',
  validFrom: '2026-09-01T08:30:00Z',
  validUntil: '2028-09-01T08:30:00Z',
  subject: {
    id: 'urn:uuid:0d9c5a52-7a4f-4c8b-8f5e-5b0f5f6f9d21',
    identifiers: [{ identityType: 'emailAddress', identity: 'a@example.com', salt: 'Kosher' }],
    creditsEarned: 12,
  },
  achievement: {
    id: 'https://cairn.example/a/wqt/2',
    achievementType: 'Certificate',
    name: 'Water Quality Technician',
    description: 'Samples, tests and reports water quality.',
    version: '2',
    criteria: {
      id: 'https://cairn.example/a/wqt/2/criteria',
      narrative: 'Three sampling modules and the Laboratory Safety badge.',
    },
    image: { id: 'https://cairn.example/a/wqt/2.png' },
    alignment: [
      {
        targetName: 'Collect samples',
        targetUrl: 'https://case.example/CFItems/5f0e',
        targetType: 'CFItem',
        targetFramework: 'Water Framework',
        targetCode: 'WF-4.2',
      },
    ],
  },
  evidence: [{ id: 'https://cairn.example/c/crd_Jd8sT2wLk6Pq4FzVb9XyAe', name: 'Laboratory Safety badge' }],
  status: { listUrl: 'https://cairn.example/status/northlake-1', index: 94567, purpose: 'revocation' },
  refreshUrl: 'https://cairn.example/c/crd_7Q2mX9kV4tRbNc3yHw5ZpL/refresh',
};

/** The example without the members that only a status list or a refresh service could back. */
export const plainInput: CredentialInput = (({ status: _status, refreshUrl: _refreshUrl, ...rest }) => rest)(
  exampleInput,
);

export function newKey(alg: SigningAlgorithm, curve = 'P-256', bits = 2048): SigningKey {
  const { privateKey, publicKey } =
    alg === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: bits })
      : generateKeyPairSync('ec', { namedCurve: curve });
  return { alg, privateKey, publicJwk: publicKey.export({ format: 'jwk' }) as PublicJwk };
}

const SHARED = resolve(process.cwd(), '../shared');
export const SHARED_IS_THERE = existsSync(resolve(SHARED, 'schemas/ob_v3p0_achievementcredential_schema.json'));
export const sharedFile = (path: string): Buffer => readFileSync(resolve(SHARED, path));
export const withShared = SHARED_IS_THERE ? '' : ' (skipped: the shared test data is not beside the project)';

/** The official schema under Ajv: undefined if valid, else the first fault. */
export function officialSchema(): (json: unknown) => string | undefined {
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  ajvFormats.default(ajv);
  const validate = ajv.compile(
    JSON.parse(sharedFile('schemas/ob_v3p0_achievementcredential_schema.json').toString()) as object,
  );
  return (json) => (validate(json) ? undefined : ajv.errorsText(validate.errors));
}

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 });
const path = fc.webPath().map((each) => encodeURI(each));
const url = fc.tuple(fc.webAuthority(), path).map(([host, rest]) => `https://${host}${rest}`);
const extension = fc.stringMatching(/^[A-Za-z0-9._][A-Za-z0-9._-]{0,8}$/).map((each) => `ext:${each}`);
const instant = fc
  .date({ min: new Date('1990-01-01T00:00:00Z'), max: new Date('2090-01-01T00:00:00Z'), noInvalidDate: true })
  .map((each) => each.toISOString());
const some = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(value, { maxLength: 3 });
/** A record whose further members may be absent. */
const partly = <A extends object, B extends object>(
  required: { [K in keyof A]: fc.Arbitrary<A[K]> },
  optional: { [K in keyof B]: fc.Arbitrary<B[K]> },
): fc.Arbitrary<A & Partial<B>> =>
  fc
    .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
    .map(([a, b]) => ({ ...a, ...b }) as A & Partial<B>);

const resultDescriptions = fc
  .array(
    partly(
      { name: text, resultType: fc.constantFrom(...RESULT_TYPES) },
      {
        allowedValue: fc.array(text, { minLength: 1, maxLength: 4 }),
        valueMin: text,
        valueMax: text,
        levels: some(text),
      },
    ),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map(({ levels, ...each }, i) => ({
      id: `urn:result:${i}`,
      ...each,
      ...(levels && levels.length > 0
        ? {
            rubricCriterionLevel: levels.map((name, n) => ({ id: `urn:level:${i}:${n}`, name })),
            requiredLevel: `urn:level:${i}:0`,
          }
        : {}),
    })),
  );

export const achievementInputs: fc.Arbitrary<AchievementInput> = partly(
  {
    id: url,
    name: text,
    description: text,
    criteria: fc.oneof(fc.record({ id: url }), fc.record({ narrative: text })),
  },
  {
    achievementType: fc.oneof(fc.constantFrom(...ACHIEVEMENT_TYPES), extension),
    version: text,
    image: partly({ id: url }, { caption: text }),
    alignment: some(
      partly(
        { targetName: text, targetUrl: url },
        {
          targetType: fc.oneof(fc.constantFrom(...ALIGNMENT_TARGET_TYPES), extension),
          targetFramework: text,
          targetCode: text,
          targetDescription: text,
        },
      ),
    ),
    resultDescription: resultDescriptions,
    tag: some(text),
  },
);

export const credentialInputs: fc.Arbitrary<CredentialInput> = fc
  .record({
    head: partly({ id: url, name: text }, { description: text, refreshUrl: url }),
    issuer: partly({ id: fc.constantFrom(DID, 'did:key:z6Mk'), name: text }, { url }),
    times: fc.uniqueArray(instant, { minLength: 3, maxLength: 3, selector: (each) => each.slice(0, 19) }),
    ends: fc.boolean(),
    subject: partly(
      { id: fc.uuid().map((each) => `urn:uuid:${each}`) },
      {
        identifiers: some(
          partly({ identityType: fc.constantFrom(...IDENTIFIER_TYPES), identity: text }, { salt: text }),
        ),
        creditsEarned: fc.double({ min: 0, max: 1000, noNaN: true }),
        image: partly({ id: url }, { caption: text }),
      },
    ),
    achievement: achievementInputs,
    evidence: some(partly({ id: url }, { name: text, description: text, narrative: text })),
    index: fc.option(fc.nat(131_071)),
    listUrl: url,
  })
  .map(({ head, issuer, times, ends, subject, achievement, evidence, index, listUrl }) => {
    const [awardedDate, validFrom, validUntil] = times.toSorted() as [string, string, string];
    const results = (achievement.resultDescription ?? []).map((description) => ({
      resultDescription: description.id,
      ...(description.allowedValue?.[0] === undefined ? { value: '7' } : { value: description.allowedValue[0] }),
      ...(description.resultType === 'Status' ? { status: 'Completed' } : {}),
      ...(description.requiredLevel === undefined ? {} : { achievedLevel: description.requiredLevel }),
    }));
    return {
      ...head,
      issuer,
      awardedDate,
      validFrom,
      ...(ends ? { validUntil } : {}),
      subject: { ...subject, results },
      achievement,
      evidence,
      ...(index === null ? {} : { status: { listUrl, index, purpose: 'revocation' as const } }),
    };
  });
