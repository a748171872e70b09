import * as fc from 'fast-check';
import { buildAchievement, buildAchievementCredential } from './build.js';
import { checkAchievement, checkCredential } from './check.js';
import { achievementCredentialFaults } from './shape.js';
import {
  SHARED_IS_THERE,
  achievementInputs,
  credentialInputs,
  exampleInput,
  officialSchema,
  sharedFile,
  withShared,
} from './test-samples.js';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

const pathsOf = (value: Json, path: Path = []): Path[] => [
  ...(path.length > 0 ? [path] : []),
  ...(typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, member]) =>
        pathsOf(member, [...path, Array.isArray(value) ? Number(key) : key]),
      )
    : []),
];

const POOL: readonly Json[] = [
  null, true, false, 0, 1.5, '', 'x', 'https://x.example/', 'Achievement', 'ext:Thing', 'ext:', 'Completed',
  '2026-03-10T09:00:00Z', '2026-03-10T09:00:00', '2026-03-10', [], ['x'], [[]], {}, { en: 'x' }, { en: 1 }, { english: 'x' },
  { id: 'https://x.example/', type: 'Image' }, { id: 'urn:x', type: ['Profile'] }, { type: 'IdentityObject' },
]; // prettier-ignore

type Mutation = { readonly at: number; readonly how: number; readonly value: Json };

/** Deletes, replaces, wraps, unwraps, renames or adds at one place of the document. */
function mutate(document: Json, { at, how, value }: Mutation): Json {
  const copy = structuredClone(document);
  const paths = pathsOf(copy);
  const path = paths[at % paths.length] as Path;
  const key = path.at(-1) as string;
  const parent = path
    .slice(0, -1)
    .reduce<Json>((node, step) => (node as Record<string, Json>)[step] as Json, copy) as Record<string, Json>;
  const old = parent[key] as Json;
  if (how === 0 && !Array.isArray(parent)) delete parent[key];
  else if (how === 1) parent[key] = [old];
  else if (how === 2 && Array.isArray(old)) parent[key] = old[0] ?? null;
  else if (how === 3 && !Array.isArray(parent)) {
    delete parent[key];
    parent[`${key}x`] = old;
  } else if (how === 4 && typeof old === 'object' && old !== null && !Array.isArray(old)) old['extra'] = value;
  else parent[key] = value;
  return copy;
}

const mutations = fc.array(fc.record({ at: fc.nat(), how: fc.nat(6), value: fc.constantFrom(...POOL) }), {
  minLength: 1,
  maxLength: 2,
});

const schemaFaults = (json: unknown): unknown[] =>
  achievementCredentialFaults(json).filter(({ code }) => code === 'schema');

(SHARED_IS_THERE ? describe : describe.skip)(`the shapes say what the official JSON Schema says${withShared}`, () => {
  const schemaFault = SHARED_IS_THERE ? officialSchema() : () => undefined;
  const complete = JSON.parse(
    SHARED_IS_THERE ? sharedFile('fixtures/openbadges/complete.json').toString() : '{}',
  ) as Json;

  function agree(document: Json, changes: readonly Mutation[]): void {
    const mutant = changes.reduce(mutate, document);
    const ajv = schemaFault(mutant);
    const ours = schemaFaults(mutant);
    // Compared with both sides' words, so that a difference names itself.
    expect({ valid: ours.length === 0, ajv, ours }).toEqual({ valid: ajv === undefined, ajv, ours });
  }

  it('of 600 mutants of the most complete sample', () => {
    expect(schemaFault(complete)).toBeUndefined();
    fc.assert(
      fc.property(mutations, (changes) => agree(complete, changes)),
      { numRuns: 600 },
    );
  });

  it('of 300 mutants of credentials that we build', () => {
    fc.assert(
      fc.property(credentialInputs, mutations, (input, changes) =>
        agree(JSON.parse(JSON.stringify(buildAchievementCredential(input))) as Json, changes),
      ),
      { numRuns: 300 },
    );
  });
});

describe('our rules, which neither schema nor JSON-LD know', () => {
  const example = (): Record<string, Json> =>
    JSON.parse(JSON.stringify(buildAchievementCredential(exampleInput))) as Record<string, Json>;
  const set = (path: string, value: Json | undefined) => {
    const document = example();
    const keys = path.split('/').slice(1);
    const parent = keys.slice(0, -1).reduce((node, key) => node[key] as Record<string, Json>, document);
    if (value === undefined) delete parent[keys.at(-1) as string];
    else parent[keys.at(-1) as string] = value;
    return document;
  };

  const rules: readonly [what: string, path: string, value: Json | undefined, code: string][] = [
    ['no id and no identifier', '/credentialSubject', { type: ['AchievementSubject'], achievement: (example()['credentialSubject'] as Record<string, Json>)['achievement'] as Json }, 'subject-unidentified'],
    ['criteria that are empty', '/credentialSubject/achievement/criteria', {}, 'criteria-empty'],
    ['an empty list', '/evidence', [], 'empty-list'],
    ['an untyped null', '/credentialSubject/achievement/criteria/extra', null, 'null'],
    ['validUntil before validFrom', '/validUntil', '2026-09-01T08:29:59Z', 'term-reversed'],
    ['an issuer as text', '/issuer', 'did:web:cairn.example', 'issuer'],
    ['an issuer without the type Profile', '/issuer/type', 'Organization', 'issuer'],
    ['a numeric status index', '/credentialStatus/statusListIndex', 94567, 'status-index-form'],
    ['a status id that is the list', '/credentialStatus/id', 'https://cairn.example/status/northlake-1', 'status-entry'],
    ['a status without purpose', '/credentialStatus/statusPurpose', undefined, 'status-entry'],
    ['a status of two bits', '/credentialStatus/statusSize', 2, 'status-entry'],
    ['a sub-second date', '/awardedDate', '2025-09-01T08:30:00.123Z', 'date-form'],
    ['a date with an offset', '/validFrom', '2026-09-01T10:30:00+02:00', 'date-form'],
    ['a single object for a set', '/evidence', { id: 'https://x.example/', type: ['Evidence'] }, 'single-for-set'],
    ['an id that is no URI', '/credentialSubject/achievement/id', 'a/wqt/2', 'not-a-uri'],
    ['contexts in another order', '/@context', (example()['@context'] as Json[]).toReversed(), 'contexts'],
    ['one context alone', '/@context', 'https://www.w3.org/ns/credentials/v2', 'contexts'],
    ['a type as text', '/type', 'OpenBadgeCredential', 'type'],
    ['an undefined type', '/evidence/0/type', ['Evidence', 'Artifact'], 'undefined-term'],
    ['an undefined property', '/credentialSubject/achievement/level', '3', 'undefined-term'],
    ['a property of another class', '/credentialSubject/achievement/creditsEarned', 3, 'undefined-term'],
    ['a language map, which the context does not know', '/credentialSubject/achievement/name', { en: 'x' }, 'undefined-term'],
  ]; // prettier-ignore
  it.each(rules)('%s', (_what, path, value, code) => {
    expect(checkCredential(set(path, value)).map((fault) => fault.code)).toContain(code);
  });

  it('takes properties and types that are URIs themselves', () => {
    const document = set('/https:~1~1x.example~1p', undefined);
    document['https://x.example/p'] = 'v';
    document['evidence'] = [{ id: 'https://x.example/', type: ['Evidence', 'https://x.example/T'] }];
    expect(checkCredential(document)).toEqual([]);
  });

  it.each([null, 1, 'x', [], {}])('says what is wrong with %j', (value) => {
    expect(checkCredential(value).length).toBeGreaterThan(0);
  });

  it('an achievement that we build has no fault', () => {
    fc.assert(
      fc.property(achievementInputs, (input) => {
        expect(checkAchievement(JSON.parse(JSON.stringify(buildAchievement(input))))).toEqual([]);
      }),
    );
  });

  it('an achievement is judged with pointers from its own root', () => {
    const { criteria: _criteria, ...bare } = buildAchievement(exampleInput.achievement);
    expect(checkAchievement({ ...bare, achievementType: 'Nanodegree' })).toEqual([
      expect.objectContaining({ pointer: '/criteria', message: 'is missing' }),
      expect.objectContaining({ pointer: '/achievementType', code: 'schema' }),
      expect.objectContaining({ pointer: '/criteria', code: 'criteria-empty' }),
    ]);
  });
});
