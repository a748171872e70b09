// The official JSON Schema of Open Badges 3.0 (AchievementCredential and what it refers to) as a table: the same
// verdicts as a schema validator (proven against Ajv in shape.spec.ts), without one at run time.
import type { Fault } from './types.js';
import {
  ACHIEVEMENT_TYPES,
  ALIGNMENT_TARGET_TYPES,
  EXTENSION,
  IDENTIFIER_TYPES,
  OB_CONTEXT_PATTERN,
  RESULT_STATUSES,
  RESULT_TYPES,
  VC_V2,
} from './vocabulary.js';

export type Members = { readonly [key: string]: unknown };
type Rule = (value: unknown, at: string, faults: Fault[]) => void;
type Shape = {
  readonly required: readonly string[];
  readonly members: { readonly [key: string]: Rule };
  readonly closed?: boolean;
};

export const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const pointerTo = (at: string, key: string | number): string =>
  `${at}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

const leaf =
  (expected: string, test: (value: unknown) => boolean): Rule =>
  (value, pointer, faults) => {
    if (!test(value)) faults.push({ pointer, code: 'schema', message: `expected ${expected}` });
  };

const LANGUAGE_KEY = /^[a-z]{2}(-[A-Z]{2})?$/;
/** A text, or a map from language to text. */
const isText = (value: unknown, test: (text: string) => boolean = () => true): boolean =>
  typeof value === 'string'
    ? test(value)
    : isObject(value) &&
      Object.entries(value).every(([key, text]) => LANGUAGE_KEY.test(key) && typeof text === 'string' && test(text));
const text = leaf('a text', (value) => isText(value));
const textLike = (pattern: RegExp): Rule =>
  leaf(`a text matching ${pattern.source}`, (value) => isText(value, (each) => pattern.test(each)));
const number = leaf('a number', (value) => typeof value === 'number' && Number.isFinite(value));
const boolean = leaf('true or false', (value) => typeof value === 'boolean');
const closedList = (values: readonly string[]): Rule =>
  leaf(`one of ${values.join(', ')}`, (value) => values.includes(value as string));
const openList = (values: readonly string[]): Rule =>
  leaf(
    `one of ${values.join(', ')}, or ext:…`,
    (value) => typeof value === 'string' && (values.includes(value) || EXTENSION.test(value)),
  );

const DATE_TIME =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const daysIn = (date: string): number =>
  new Date(Date.UTC(Number(date.slice(0, 4)), Number(date.slice(5, 7)), 0)).getUTCDate();

/** RFC 3339 date-time with a zone; leap seconds, which no clock here can name, are refused. */
export const isDateTime = (value: unknown): value is string =>
  typeof value === 'string' && DATE_TIME.test(value) && Number(value.slice(8, 10)) <= daysIn(value);
const dateTime = leaf('a date with time and zone, such as 2026-03-10T09:00:00Z', isDateTime);
const date = leaf(
  'a date, such as 2026-03-10',
  (value) => typeof value === 'string' && isDateTime(`${value}T00:00:00Z`),
);

/** A set is a list; the schema also takes its only item alone (our rule does not: §2.1.7). */
const set =
  (rule: Rule): Rule =>
  (value, pointer, faults) => {
    if (Array.isArray(value)) value.forEach((item, i) => rule(item, pointerTo(pointer, i), faults));
    else {
      faults.push({ pointer, code: 'single-for-set', message: 'expected a list, even for one item' });
      rule(value, pointer, faults);
    }
  };
const either =
  (rule: Rule): Rule =>
  (value, pointer, faults) => {
    if (Array.isArray(value)) value.forEach((item, i) => rule(item, pointerTo(pointer, i), faults));
    else rule(value, pointer, faults);
  };

/** The types of a node: a list that has `name`, or a text (which our rules hold against the name too). */
const types = (...names: readonly string[]): Rule =>
  leaf(`a list with ${names.join(' or ')}`, (value) =>
    Array.isArray(value)
      ? value.every((item) => isText(item)) && names.some((name) => value.includes(name))
      : isText(value),
  );
/** A node with exactly one type, not in a list; the schema takes a language map of it too. */
const typed = (name: string): Rule => leaf(`"${name}"`, (value) => isText(value, (each) => each === name));

const node =
  (shape: () => Shape): Rule =>
  (value, pointer, faults) => {
    if (!isObject(value)) {
      faults.push({ pointer, code: 'schema', message: 'expected an object' });
      return;
    }
    const { required, members, closed } = shape();
    for (const key of required)
      if (value[key] === undefined)
        faults.push({ pointer: pointerTo(pointer, key), code: 'schema', message: 'is missing' });
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      const rule = Object.hasOwn(members, key) ? members[key] : undefined;
      if (rule) rule(member, pointerTo(pointer, key), faults);
      else if (closed)
        faults.push({ pointer: pointerTo(pointer, key), code: 'schema', message: 'is not a member of this class' });
    }
  };

const contexts: Rule = (value, pointer, faults) => {
  const isContext = (item: unknown): boolean => typeof item === 'string' || isObject(item);
  const good = Array.isArray(value)
    ? value.length >= 2 && value[0] === VC_V2 && OB_CONTEXT_PATTERN.test(String(value[1])) && value.every(isContext)
    : isContext(value);
  if (!good)
    faults.push({
      pointer,
      code: 'schema',
      message: 'expected the contexts of VC 2.0 and Open Badges 3.0, in this order',
    });
};

const LANGUAGE = textLike(/^[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$/);
const JWT = textLike(/^[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]*\.[a-zA-Z0-9_-]+$/);

const image = node(() => ({
  required: ['id', 'type'],
  members: { id: text, type: typed('Image'), caption: text },
  closed: true,
}));
const idAndType = node(() => ({ required: ['id', 'type'], members: { id: text, type: text } }));
const typeOnly = node(() => ({ required: ['type'], members: { id: text, type: text } }));
const alignment = node(() => ({
  required: ['type', 'targetName', 'targetUrl'],
  members: {
    type: types('Alignment'),
    targetCode: text,
    targetDescription: text,
    targetName: text,
    targetFramework: text,
    targetType: openList(ALIGNMENT_TARGET_TYPES),
    targetUrl: text,
  },
}));
const identifierEntry = node(() => ({
  required: ['type', 'identifier', 'identifierType'],
  members: { type: typed('IdentifierEntry'), identifier: text, identifierType: openList(IDENTIFIER_TYPES) },
  closed: true,
}));
const identityObject = node(() => ({
  required: ['type', 'hashed', 'identityHash', 'identityType'],
  members: {
    type: typed('IdentityObject'),
    hashed: boolean,
    identityHash: text,
    identityType: openList(IDENTIFIER_TYPES),
    salt: text,
  },
  closed: true,
}));
const geo = node(() => ({
  required: ['type', 'latitude', 'longitude'],
  members: { type: typed('GeoCoordinates'), latitude: number, longitude: number },
}));
const address = node(() => ({
  required: ['type'],
  members: {
    type: types('Address'),
    addressCountry: text,
    addressCountryCode: text,
    addressRegion: text,
    addressLocality: text,
    streetAddress: text,
    postOfficeBoxNumber: text,
    postalCode: text,
    geo,
  },
}));
const endorsements = {
  endorsement: set((value, at, faults) => endorsementCredential(value, at, faults)),
  endorsementJwt: set(JWT),
};
const profile: Rule = node(() => ({
  required: ['id', 'type'],
  members: {
    id: text,
    type: types('Profile'),
    name: text,
    url: text,
    phone: text,
    description: text,
    ...endorsements,
    image,
    email: text,
    address,
    otherIdentifier: set(identifierEntry),
    official: text,
    parentOrg: profile,
    familyName: text,
    givenName: text,
    additionalName: text,
    patronymicName: text,
    honorificPrefix: text,
    honorificSuffix: text,
    familyNamePrefix: text,
    dateOfBirth: date,
  },
}));
/** The schema also takes a text; our rules do not (§2.1.5). */
const issuer: Rule = (value, at, faults) => {
  if (!isText(value)) profile(value, at, faults);
};
const proof = node(() => ({
  required: ['type'],
  members: {
    type: text,
    created: dateTime,
    cryptosuite: text,
    challenge: text,
    domain: text,
    nonce: text,
    proofPurpose: text,
    proofValue: text,
    verificationMethod: text,
  },
}));
const evidence = node(() => ({
  required: ['type'],
  members: {
    id: text,
    type: types('Evidence'),
    narrative: text,
    name: text,
    description: text,
    genre: text,
    audience: text,
  },
}));
const rubricCriterionLevel = node(() => ({
  required: ['id', 'type', 'name'],
  members: {
    id: text,
    type: types('RubricCriterionLevel'),
    alignment: set(alignment),
    description: text,
    level: text,
    name: text,
    points: text,
  },
}));
const resultDescription = node(() => ({
  required: ['id', 'type', 'name', 'resultType'],
  members: {
    id: text,
    type: types('ResultDescription'),
    alignment: set(alignment),
    allowedValue: set(text),
    name: text,
    requiredLevel: text,
    requiredValue: text,
    resultType: openList(RESULT_TYPES),
    rubricCriterionLevel: set(rubricCriterionLevel),
    valueMax: text,
    valueMin: text,
  },
}));
const related = node(() => ({
  required: ['id', 'type'],
  members: { id: text, type: types('Related'), inLanguage: LANGUAGE, version: text },
}));
const achievement = node(() => ({
  required: ['id', 'type', 'criteria', 'description', 'name'],
  members: {
    id: text,
    type: types('Achievement'),
    alignment: set(alignment),
    achievementType: openList(ACHIEVEMENT_TYPES),
    creator: profile,
    creditsAvailable: number,
    criteria: node(() => ({ required: [], members: { id: text, narrative: text } })),
    description: text,
    ...endorsements,
    fieldOfStudy: text,
    humanCode: text,
    image,
    inLanguage: LANGUAGE,
    name: text,
    otherIdentifier: set(identifierEntry),
    related: set(related),
    resultDescription: set(resultDescription),
    specialization: text,
    tag: set(text),
    version: text,
  },
}));
const result = node(() => ({
  required: ['type'],
  members: {
    type: types('Result'),
    achievedLevel: text,
    alignment: set(alignment),
    resultDescription: text,
    status: closedList(RESULT_STATUSES),
    value: text,
  },
}));
const achievementSubject = node(() => ({
  required: ['type', 'achievement'],
  members: {
    id: text,
    type: types('AchievementSubject'),
    activityEndDate: dateTime,
    activityStartDate: dateTime,
    creditsEarned: number,
    achievement,
    identifier: set(identityObject),
    image,
    licenseNumber: text,
    narrative: text,
    result: set(result),
    role: text,
    source: profile,
    term: text,
  },
}));
const endorsementSubject = node(() => ({
  required: ['id', 'type'],
  members: { id: text, type: types('EndorsementSubject'), endorsementComment: text },
}));

/** The schema asks for both types of a list; a text passes (our rules refuse it). */
const credentialTypes = (...names: readonly string[]): Rule =>
  leaf(`a list with VerifiableCredential and ${names.join(' or ')}`, (value) =>
    Array.isArray(value)
      ? value.every((item) => isText(item)) &&
        value.includes('VerifiableCredential') &&
        names.some((name) => value.includes(name))
      : isText(value),
  );
const credentialMembers = {
  '@context': contexts,
  id: text,
  name: text,
  description: text,
  awardedDate: dateTime,
  issuer,
  validFrom: dateTime,
  validUntil: dateTime,
  proof: either(proof),
  credentialSchema: either(idAndType),
  credentialStatus: typeOnly,
  refreshService: idAndType,
  termsOfUse: either(typeOnly),
  evidence: set(evidence),
};
const achievementCredential = node(() => ({
  required: ['@context', 'id', 'type', 'credentialSubject', 'issuer', 'validFrom'],
  members: {
    ...credentialMembers,
    type: credentialTypes('AchievementCredential', 'OpenBadgeCredential'),
    image,
    credentialSubject: achievementSubject,
    ...endorsements,
  },
}));
const endorsementCredential = node(() => ({
  required: ['@context', 'type', 'id', 'name', 'credentialSubject', 'issuer', 'validFrom'],
  members: {
    ...credentialMembers,
    type: credentialTypes('EndorsementCredential'),
    credentialSubject: endorsementSubject,
  },
}));

const collect = (rule: Rule, value: unknown, at = ''): Fault[] => {
  const faults: Fault[] = [];
  rule(value, at, faults);
  return faults;
};

/** Faults against the schema (`schema`), and sets written as single items (`single-for-set`). */
export const achievementCredentialFaults = (json: unknown): Fault[] => collect(achievementCredential, json);
export const endorsementCredentialFaults = (json: unknown): Fault[] => collect(endorsementCredential, json);
export const achievementFaults = (json: unknown, at: string): Fault[] => collect(achievement, json, at);
