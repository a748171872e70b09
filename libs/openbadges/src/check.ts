// Our rules for a credential, on top of the schema: what neither a schema nor JSON-LD would notice (credentials.md §13).
import {
  achievementCredentialFaults,
  achievementFaults,
  endorsementCredentialFaults,
  isDateTime,
  isObject,
  pointerTo,
  type Members,
} from './shape.js';
import type { Fault } from './types.js';
import {
  EXTENSIONS_CONTEXT,
  EXTENSION_TYPES,
  GLOBAL_TERMS,
  OB_CONTEXT_PATTERN,
  PINNED_CONTEXTS,
  TERMS_BY_TYPE,
  VC_V2,
} from './vocabulary.js';

const WHOLE_SECOND = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`\p{Cc}]+$/u;
export const isUri = (value: unknown): boolean => typeof value === 'string' && ABSOLUTE_URI.test(value);

export const asList = (value: unknown): readonly unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];
const membersOf = (value: unknown): Members => (isObject(value) ? value : {});

/** True if the node's `type` has the name, alone or in a list. */
export const hasType = (node: unknown, name: string): boolean => asList(membersOf(node)['type']).includes(name);

/** Nulls, empty lists and ids that are no URIs, anywhere. */
function checkValues(value: unknown, pointer: string, key: string, faults: Fault[]): void {
  if (value === null) faults.push({ pointer, code: 'null', message: 'leave it out instead of null' });
  else if (Array.isArray(value)) {
    if (value.length === 0)
      faults.push({ pointer, code: 'empty-list', message: 'leave it out instead of an empty list' });
    value.forEach((item, i) => checkValues(item, pointerTo(pointer, i), key, faults));
  } else if (isObject(value)) {
    for (const [name, member] of Object.entries(value))
      if (member !== undefined && name !== '@context') checkValues(member, pointerTo(pointer, name), name, faults);
  } else if (key === 'id' && !isUri(value))
    faults.push({ pointer, code: 'not-a-uri', message: `${JSON.stringify(value)} is not an absolute URI` });
}

function checkEnvelope(credential: Members, kinds: readonly string[], faults: Fault[]): void {
  const contexts = credential['@context'];
  if (!Array.isArray(contexts) || contexts[0] !== VC_V2 || !OB_CONTEXT_PATTERN.test(String(contexts[1])))
    faults.push({
      pointer: '/@context',
      code: 'contexts',
      message: 'expected a list that begins with the contexts of VC 2.0 and Open Badges 3.0, in this order',
    });
  const types = credential['type'];
  if (!Array.isArray(types) || !types.includes('VerifiableCredential') || !kinds.some((kind) => types.includes(kind)))
    faults.push({
      pointer: '/type',
      code: 'type',
      message: `expected a list with VerifiableCredential and ${kinds.join(' or ')}`,
    });
  if (!hasType(credential['issuer'], 'Profile') || !isUri(membersOf(credential['issuer'])['id']))
    faults.push({ pointer: '/issuer', code: 'issuer', message: 'expected a Profile with the id of the issuer' });
  for (const key of ['awardedDate', 'validFrom', 'validUntil'])
    if (isDateTime(credential[key]) && !WHOLE_SECOND.test(credential[key]))
      faults.push({
        pointer: `/${key}`,
        code: 'date-form',
        message: 'expected whole seconds in UTC, such as 2026-03-10T09:00:00Z',
      });
  const { validFrom, validUntil } = credential;
  if (isDateTime(validFrom) && isDateTime(validUntil) && Date.parse(validUntil) < Date.parse(validFrom))
    faults.push({ pointer: '/validUntil', code: 'term-reversed', message: 'ends before validFrom' });
}

function checkAchievementRules(achievement: Members, at: string, faults: Fault[]): void {
  if (!hasType(achievement, 'Achievement'))
    faults.push({ pointer: `${at}/type`, code: 'type', message: 'expected Achievement' });
  const criteria = membersOf(achievement['criteria']);
  if (criteria['id'] === undefined && !criteria['narrative'])
    faults.push({ pointer: `${at}/criteria`, code: 'criteria-empty', message: 'expected a link or a narrative' });
  asList(achievement['resultDescription']).forEach((description, i) => {
    const { requiredLevel, rubricCriterionLevel } = membersOf(description);
    if (requiredLevel !== undefined && !idsOf(rubricCriterionLevel).has(requiredLevel))
      faults.push({
        pointer: `${at}/resultDescription/${i}/requiredLevel`,
        code: 'dangling-id',
        message: 'names no level of this result description',
      });
  });
}

const idsOf = (nodes: unknown): ReadonlySet<unknown> => new Set(asList(nodes).map((node) => membersOf(node)['id']));

function checkSubject(subject: Members, faults: Fault[]): void {
  const at = '/credentialSubject';
  if (!hasType(subject, 'AchievementSubject'))
    faults.push({ pointer: `${at}/type`, code: 'type', message: 'expected AchievementSubject' });
  if (subject['id'] === undefined && asList(subject['identifier']).length === 0)
    faults.push({ pointer: at, code: 'subject-unidentified', message: 'expected an id or an identifier' });
  const achievement = membersOf(subject['achievement']);
  checkAchievementRules(achievement, `${at}/achievement`, faults);

  const descriptions = asList(achievement['resultDescription']).map(membersOf);
  const levels = new Set(descriptions.flatMap((description) => [...idsOf(description['rubricCriterionLevel'])]));
  asList(subject['result']).forEach((item, i) => {
    const result = membersOf(item);
    const pointer = `${at}/result/${i}`;
    const named = result['resultDescription'];
    const description = descriptions.find((each) => each['id'] === named);
    if (named !== undefined && !description)
      faults.push({
        pointer: `${pointer}/resultDescription`,
        code: 'dangling-id',
        message: 'names no result description of the achievement',
      });
    if (result['achievedLevel'] !== undefined && !levels.has(result['achievedLevel']))
      faults.push({
        pointer: `${pointer}/achievedLevel`,
        code: 'dangling-id',
        message: 'names no level of the achievement',
      });
    if (description?.['resultType'] === 'Status' && result['status'] === undefined)
      faults.push({ pointer, code: 'result-status', message: 'a result of type Status needs a status' });
    const allowed = asList(description?.['allowedValue']);
    if (typeof result['value'] === 'string' && allowed.length > 0 && !allowed.includes(result['value']))
      faults.push({
        pointer: `${pointer}/value`,
        code: 'result-value',
        message: `expected one of ${allowed.join(', ')}`,
      });
  });
}

/** A status entry that nobody could look up. Its own list: for a verifier it means `unknown`, not `malformed` (§6, 10). */
export function statusEntryFaults(credential: unknown): Fault[] {
  const entry = membersOf(credential)['credentialStatus'];
  if (!hasType(entry, 'BitstringStatusListEntry')) return [];
  const { id, statusPurpose, statusListIndex, statusListCredential, statusSize } = membersOf(entry);
  const faults: Fault[] = [];
  const at = (key: string, code: string, message: string): number =>
    faults.push({ pointer: `/credentialStatus/${key}`, code, message });
  if (typeof statusPurpose !== 'string' || !statusPurpose) at('statusPurpose', 'status-entry', 'expected a purpose');
  if (typeof statusListIndex === 'number') at('statusListIndex', 'status-index-form', 'expected a text, not a number');
  if (!/^(0|[1-9]\d{0,14})$/.test(String(statusListIndex)))
    at('statusListIndex', 'status-entry', 'expected a whole number from 0 in base 10');
  if (!isUri(statusListCredential)) at('statusListCredential', 'status-entry', 'expected the URL of the list');
  else if (id === statusListCredential) at('id', 'status-entry', 'must differ from the URL of the list');
  if (statusSize !== undefined && statusSize !== 1)
    at('statusSize', 'status-entry', 'only entries of one bit are known');
  return faults;
}

function checkTerms(value: unknown, pointer: string, extensions: boolean, faults: Fault[]): void {
  if (Array.isArray(value)) value.forEach((item, i) => checkTerms(item, pointerTo(pointer, i), extensions, faults));
  if (!isObject(value)) return;
  const scopes: ReadonlySet<string>[] = [GLOBAL_TERMS];
  asList(value['type']).forEach((type) => {
    const scope = typeof type === 'string' ? TERMS_BY_TYPE.get(type) : undefined;
    if (scope) scopes.push(scope);
    else if (typeof type === 'string' && EXTENSION_TYPES.has(type) ? !extensions : !isUri(type))
      faults.push({
        pointer: `${pointer}/type`,
        code: 'undefined-term',
        message: `no context of this credential defines the type ${JSON.stringify(type)}`,
      });
  });
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined || key === '@context') continue;
    const at = pointerTo(pointer, key);
    if (!scopes.some((scope) => scope.has(key)) && !isUri(key))
      faults.push({ pointer: at, code: 'undefined-term', message: `no context of this credential defines ${key}` });
    else if (key !== 'type' && key !== 'jsonSchema') checkTerms(member, at, extensions, faults);
  }
}

/** True if every context, nested ones too, is one whose terms are known here. */
export function contextsArePinned(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(contextsArePinned);
  if (!isObject(value)) return true;
  const own = value['@context'];
  if (own !== undefined && !asList(own).every((context) => PINNED_CONTEXTS.has(context as string))) return false;
  return Object.entries(value).every(([key, member]) => key === '@context' || contextsArePinned(member));
}

/** Properties and types that the pinned contexts do not define: a signature over them says nothing (safe mode, §2.1.4). */
export function undefinedTerms(credential: unknown): Fault[] {
  const faults: Fault[] = [];
  const extensions = asList(membersOf(credential)['@context']).includes(EXTENSIONS_CONTEXT);
  checkTerms(credential, '', extensions, faults);
  return faults;
}

/** Faults of an achievement credential's structure: schema and our rules, without terms and status entry. */
export function structureFaults(credential: unknown): Fault[] {
  const faults = achievementCredentialFaults(credential);
  if (!isObject(credential)) return faults;
  checkValues(credential, '', '', faults);
  checkEnvelope(credential, ['OpenBadgeCredential', 'AchievementCredential'], faults);
  checkSubject(membersOf(credential['credentialSubject']), faults);
  return faults;
}

export function endorsementFaults(credential: unknown): Fault[] {
  const faults = endorsementCredentialFaults(credential);
  if (!isObject(credential)) return faults;
  checkValues(credential, '', '', faults);
  checkEnvelope(credential, ['EndorsementCredential'], faults);
  return faults;
}

/** All rules for an achievement, e.g. before its template is published. */
export function checkAchievement(achievement: unknown): readonly Fault[] {
  const faults = achievementFaults(achievement, '');
  checkValues(achievement, '', '', faults);
  checkTerms(achievement, '', true, faults);
  if (isObject(achievement)) checkAchievementRules(achievement, '', faults);
  return faults;
}

/**
 * Everything that is wrong with an achievement credential by the official schema, the pinned contexts and our rules
 * (credentials.md §2, §13); none means that we would sign it.
 */
export function checkCredential(credential: unknown): readonly Fault[] {
  return [...structureFaults(credential), ...undefinedTerms(credential), ...statusEntryFaults(credential)];
}
