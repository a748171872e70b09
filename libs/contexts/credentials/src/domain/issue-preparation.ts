// From a decision of the record to the credential that is signed: pure, so that the same decision gives the same text.
import { publicId, uuidv5, type CredentialId, type Instant, type LearnerId, type TemplateId } from '@cairn/kernel';
import type { PublishedTemplate } from '@cairn/contexts/catalog';
import { isInForce, type IssuerKeyState, type IssuerState } from '@cairn/contexts/tenancy';
import type { AchievementInput, CredentialInput } from '@cairn/openbadges';
import type { LanguageMap } from '../contracts/verification-answer.js';
import type { CopyRequest } from './credential.decider.js';

export type Preparation = {
  readonly basis: CopyRequest;
  readonly template: PublishedTemplate;
  readonly issuer: NonNullable<IssuerState['registered']>;
  readonly status: { readonly listId: string; readonly index: number };
  /** The tenant's secret namespace: the subject's opaque id derives from it. */
  readonly namespace: string;
  /** If an e-mail address is known; the salt is random and per credential. */
  readonly email?: { readonly address: string; readonly salt: string };
  /** Credentials of ours that it rests on. Those recognised from outside have no page here. */
  readonly restsOn: readonly { readonly credentialId: CredentialId; readonly title: LanguageMap }[];
  /** Public address of the installation, without a slash at the end. */
  readonly baseUrl: string;
  readonly now: Instant;
};

export const credentialUrl = (baseUrl: string, id: CredentialId): string => `${baseUrl}/c/${publicId('crd', id)}`;
export const statusListUrl = (baseUrl: string, listId: string): string => `${baseUrl}/status/${listId}`;
/** What the signed copy names as its achievement: one URL for each published version of a template. */
export const achievementUrl = (baseUrl: string, template: TemplateId, version: number): string =>
  `${baseUrl}/a/${publicId('tpl', template)}/${version}`;

/**
 * Who the credential is about, for anyone: opaque, the same in all credentials of a tenant's learner, and not to be
 * computed from the learner's id without the tenant's namespace.
 */
export const subjectIdOf = (namespace: string, learner: LearnerId): string =>
  `urn:uuid:${uuidv5(namespace, 'subject', learner)}`;

/** One text where a format has no room for languages: English, else the first. */
export const plainText = (text: LanguageMap): string => text['en'] ?? Object.values(text)[0] ?? '';

/**
 * The key that signs a VC-JWT at an instant: of those in force that was added last. The Open Badges profile knows RS256
 * and ES256; an Ed25519 key is for embedded proofs.
 */
export const jwtKeyAt = (issuer: Pick<IssuerState, 'keys'>, at: Instant): IssuerKeyState | undefined =>
  issuer.keys.findLast((key) => key.algorithm !== 'Ed25519' && isInForce(key, at));

/** A published version of a template as the achievement that signed copies name and `/a/…` serves. */
export function achievementOf(
  { templateId, version, achievement }: Pick<PublishedTemplate, 'templateId' | 'version' | 'achievement'>,
  baseUrl: string,
): AchievementInput {
  return {
    id: achievementUrl(baseUrl, templateId, version),
    achievementType: achievement.achievementType,
    name: plainText(achievement.name),
    description: plainText(achievement.description),
    version: String(version),
    criteria: { narrative: plainText(achievement.criteria) },
    ...(achievement.alignments ? { alignment: achievement.alignments } : {}),
    // Open Badges 3.0 has no level: a tag is what it offers.
    ...(achievement.level === undefined ? {} : { tag: [`Level ${achievement.level}`] }),
  };
}

/** What `buildAchievementCredential` of libs/openbadges gets. */
export function prepareCredential(preparation: Preparation): CredentialInput {
  const { basis, template, issuer, status, namespace, email, restsOn, baseUrl, now } = preparation;
  const { achievement } = template;
  const id = credentialUrl(baseUrl, basis.credentialId);
  const name = plainText(achievement.name);
  return {
    id,
    name,
    issuer: { id: issuer.did, name: issuer.name, ...(issuer.url?.startsWith('https://') ? { url: issuer.url } : {}) },
    awardedDate: basis.at,
    // Of this copy: the earlier of term start and signing (credentials.md §3).
    validFrom: basis.from < now ? basis.from : now,
    ...(basis.until === undefined ? {} : { validUntil: basis.until }),
    subject: {
      id: subjectIdOf(namespace, basis.learnerId),
      ...(email ? { identifiers: [{ identityType: 'emailAddress', identity: email.address, salt: email.salt }] } : {}),
      ...(achievement.credits === undefined ? {} : { creditsEarned: achievement.credits }),
    },
    achievement: achievementOf(template, baseUrl),
    evidence: restsOn.map(({ credentialId, title }) => ({
      id: credentialUrl(baseUrl, credentialId),
      name: plainText(title) || 'Credential',
    })),
    status: { listUrl: statusListUrl(baseUrl, status.listId), index: status.index, purpose: 'revocation' },
    // Signed bytes never change: the address of renewed copies has to be in the first one.
    ...(template.renewal ? { refreshUrl: `${id}/refresh` } : {}),
  };
}
