// Builds the credential that is signed (credentials.md §2.1–2.3).
import { createHash } from 'node:crypto';
import { checkCredential } from './check.js';
import { isDateTime } from './shape.js';
import type {
  Achievement,
  AchievementCredential,
  AchievementDocument,
  AchievementInput,
  CredentialInput,
  Fault,
  IdentityInput,
  IdentityObject,
  WholeSecond,
} from './types.js';
import { CONTEXTS, OB_SCHEMA_URL } from './vocabulary.js';

/** What the caller said cannot become a credential: each fault says where and why. */
export class InvalidCredentialError extends Error {
  constructor(readonly faults: readonly Fault[]) {
    super(`not a credential we issue: ${faults.map((fault) => `${fault.pointer} ${fault.message}`).join('; ')}`);
    this.name = 'InvalidCredentialError';
  }
}

/** `sha256$` and the hex SHA-256 of UTF-8(identity + salt) (Open Badges 3.0, IdentityHash). */
export function hashIdentity(identity: string, salt: string): string {
  return `sha256$${createHash('sha256')
    .update(identity + salt, 'utf8')
    .digest('hex')}`;
}

/** Cuts an RFC 3339 instant to the second: `YYYY-MM-DDThh:mm:ssZ`. What is no instant comes back as it is. */
export function wholeSecond(instant: string): WholeSecond {
  return isDateTime(instant) ? `${new Date(instant).toISOString().slice(0, 19)}Z` : instant;
}

type Without<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Leaves out undefined members and empty lists: a credential has neither nulls nor empty sets (§2.1.7). */
function present<T extends object>(members: T): Without<T> {
  const entries = Object.entries(members).filter(
    ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(entries) as Without<T>;
}

function identityObject({ identityType, identity, salt }: IdentityInput): IdentityObject {
  const type = 'IdentityObject';
  return salt === undefined
    ? { type, identityType, hashed: false, identityHash: identity }
    : { type, identityType, hashed: true, salt, identityHash: hashIdentity(identity, salt) };
}

/** The achievement of a template, complete with types: the same bytes in every credential of that template. */
export function buildAchievement(input: AchievementInput): Achievement {
  return present({
    id: input.id,
    type: ['Achievement'] as const,
    achievementType: input.achievementType,
    name: input.name,
    description: input.description,
    version: input.version,
    criteria: present({ id: input.criteria.id, narrative: input.criteria.narrative }),
    image: input.image && present({ id: input.image.id, type: 'Image' as const, caption: input.image.caption }),
    alignment: input.alignment?.map((alignment) => present({ type: ['Alignment'] as const, ...alignment })),
    resultDescription: input.resultDescription?.map((description) =>
      present({
        type: ['ResultDescription'] as const,
        ...description,
        rubricCriterionLevel: description.rubricCriterionLevel?.map((level) =>
          present({ type: ['RubricCriterionLevel'] as const, ...level }),
        ),
      }),
    ),
    tag: input.tag,
  }) as Achievement;
}

/** An achievement on its own, with the contexts of the credentials that hold it. */
export const achievementDocument = (input: AchievementInput): AchievementDocument => ({
  '@context': CONTEXTS,
  ...buildAchievement(input),
});

/** HTTPS; on this machine itself, where a trial runs and no outsider can be misled, HTTP too. */
function isHttps(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname));
}

function inputFaults(input: CredentialInput): Fault[] {
  const faults: Fault[] = [];
  const https = (url: string | undefined, pointer: string): void => {
    if (url !== undefined && !isHttps(url))
      faults.push({ pointer, code: 'not-https', message: `"${url}" is not an https URL` });
  };
  https(input.id, '/id');
  https(input.issuer.url, '/issuer/url');
  https(input.status?.listUrl, '/credentialStatus/statusListCredential');
  https(input.refreshUrl, '/refreshService/id');
  if (!/^did:[a-z0-9]+:./.test(input.issuer.id))
    faults.push({ pointer: '/issuer/id', code: 'issuer-not-a-did', message: 'expected the DID that controls the key' });
  if (input.validUntil !== undefined && wholeSecond(input.validUntil) === wholeSecond(input.validFrom))
    faults.push({ pointer: '/validUntil', code: 'term-empty', message: 'the term has no instant' });
  const index = input.status?.index;
  if (index !== undefined && !(Number.isSafeInteger(index) && index >= 0))
    faults.push({
      pointer: '/credentialStatus/statusListIndex',
      code: 'status-entry',
      message: 'expected a whole number',
    });
  return faults;
}

/**
 * The credential to sign, its members in the order of credentials.md §2.2. The same input gives the same bytes.
 * Throws {@link InvalidCredentialError} with everything that is wrong.
 */
export function buildAchievementCredential(input: CredentialInput): AchievementCredential {
  const { subject, status } = input;
  const credential = present({
    '@context': CONTEXTS,
    id: input.id,
    type: ['VerifiableCredential', 'OpenBadgeCredential'] as const,
    name: input.name,
    description: input.description,
    issuer: present({
      id: input.issuer.id,
      type: ['Profile'] as const,
      name: input.issuer.name,
      url: input.issuer.url,
    }),
    awardedDate: wholeSecond(input.awardedDate),
    validFrom: wholeSecond(input.validFrom),
    validUntil: input.validUntil === undefined ? undefined : wholeSecond(input.validUntil),
    credentialSubject: present({
      id: subject.id,
      type: ['AchievementSubject'] as const,
      identifier: subject.identifiers?.map(identityObject),
      image: subject.image && present({ id: subject.image.id, type: 'Image' as const, caption: subject.image.caption }),
      creditsEarned: subject.creditsEarned,
      achievement: buildAchievement(input.achievement),
      result: subject.results?.map((result) => present({ type: ['Result'] as const, ...result })),
    }),
    evidence: input.evidence?.map((evidence) => present({ type: ['Evidence'] as const, ...evidence })),
    credentialSchema: [{ id: OB_SCHEMA_URL, type: '1EdTechJsonSchemaValidator2019' }] as const,
    credentialStatus: status && {
      id: `${status.listUrl}#${status.index}`,
      type: 'BitstringStatusListEntry' as const,
      statusPurpose: status.purpose,
      statusListIndex: String(status.index),
      statusListCredential: status.listUrl,
    },
    refreshService:
      input.refreshUrl === undefined ? undefined : { id: input.refreshUrl, type: '1EdTechCredentialRefresh' as const },
  }) as AchievementCredential;
  const faults = [...inputFaults(input), ...checkCredential(credential)];
  if (faults.length > 0) throw new InvalidCredentialError(faults);
  return credential;
}
