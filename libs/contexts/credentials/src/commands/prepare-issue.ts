// How a credential gets signed: everything that must be in place before `CredentialIssued` is recorded. A crash on the
// way leaves an unused status index and a sealed blob that no event names; neither is ever served.
import { randomBytes } from 'node:crypto';
import {
  reject,
  type CredentialId,
  type FactLoader,
  type LearnerId,
  type Rejected,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import { templateFold, templateStream, type PublishedTemplate } from '@cairn/contexts/catalog';
import { learnerFold, learnerStream } from '@cairn/contexts/learners';
import { issuerFold, issuerStream, tenantFold, tenantStream, type IssuerKeyState } from '@cairn/contexts/tenancy';
import { buildAchievementCredential, InvalidCredentialError, signVcJwt, type SigningKey } from '@cairn/openbadges';
import { reminderTimes, renewalWindow } from '@cairn/rules';
import { KeyDestroyed } from '@cairn/vault';
import type { PrepareIssue } from '../domain/credential.decider.js';
import { jwtKeyAt, prepareCredential, type Preparation } from '../domain/issue-preparation.js';
import type { StatusLeases } from './status-leases.js';

/** Where signed copies lie, sealed under the key of the learner that they are about; named by their SHA-256. */
export type SignedCopies = {
  /** Gives the digest. Throws if the learner's key was destroyed. */
  readonly store: (tenant: TenantId, learner: LearnerId, jwt: string) => Promise<string>;
  /** Undefined if there is no such copy, or nobody can read it any more. */
  readonly read: (tenant: TenantId, learner: LearnerId, sha256: string) => Promise<string | undefined>;
};

export type IssuePorts = {
  /** The private half of an issuer's key; undefined if the vault does not have it. Called for each issue: keep it. */
  readonly signingKey: (tenant: TenantId, key: IssuerKeyState) => Promise<SigningKey | undefined>;
  readonly copies: SignedCopies;
  readonly leases: StatusLeases;
  readonly baseUrl: string;
  /** 128 random bits, base64url; default from the system. */
  readonly salt?: () => string;
};

/** The published version of a template; undefined if there is none. */
export async function publishedTemplate(
  loader: FactLoader,
  tenant: TenantId,
  template: TemplateId,
  version: number,
): Promise<PublishedTemplate | undefined> {
  const { versions } = await loader.foldHaving(
    templateFold,
    templateStream(tenant, template),
    (state) => state.versions.length >= version,
  );
  return versions[version - 1];
}

export function createPrepareIssue(ports: IssuePorts): PrepareIssue {
  const { copies, leases, baseUrl, salt = () => randomBytes(16).toString('base64url') } = ports;

  return async (command, basis, entitlements, loader) => {
    const { tenant, now } = command;
    const template = await publishedTemplate(loader, tenant, basis.templateId, basis.templateVersion);
    if (!template) return reject('not-found', `Version ${basis.templateVersion} of the template is not published.`);
    const [issuer, { registered }, learner] = await Promise.all([
      loader.fold(issuerFold, issuerStream(tenant, template.issuerId)),
      loader.foldHaving(tenantFold, tenantStream(tenant), (state) => state.registered !== undefined),
      loader.fold(learnerFold, learnerStream(tenant, basis.learnerId)),
    ]);
    if (learner.status === 'erased') return erased();
    const key = jwtKeyAt(issuer, now);
    const signingKey = key && (await ports.signingKey(tenant, key));
    if (!issuer.registered || !registered || !key || !signingKey) return noKey(template);
    const { namespace } = registered;
    const { issuerId } = issuer.registered;

    const address = learner.status === 'registered' ? learner.profile.reveal()?.email : undefined;
    const own = basis.components.filter(({ componentId }) => entitlements.own.includes(componentId));
    const restsOn = await Promise.all(
      own.map(async ({ componentId, templateId }): Promise<Preparation['restsOn'][number]> => {
        const { versions } = await loader.foldHaving(
          templateFold,
          templateStream(tenant, templateId),
          (state) => state.versions.length > 0,
        );
        return { credentialId: componentId as CredentialId, title: versions.at(-1)?.achievement.name ?? {} };
      }),
    );
    // Renewed, a credential keeps its entry: one bit speaks for all its copies (credentials.md §3).
    const status = basis.status
      ? { listId: basis.status.listId, index: Number(basis.status.index) }
      : await leases.next({ tenant, namespace, issuerId });
    const input = prepareCredential({
      basis,
      template,
      issuer: issuer.registered,
      status,
      namespace,
      ...(address === undefined ? {} : { email: { address, salt: salt() } }),
      restsOn,
      baseUrl,
      now,
    });
    try {
      const jwt = await signVcJwt(buildAchievementCredential(input), signingKey);
      const vcHash = await copies.store(tenant, basis.learnerId, jwt);
      const { renewal, reminders } = template;
      const { zone } = issuer.registered;
      return {
        issuerId,
        status: { listId: status.listId, index: String(status.index) },
        vcHash,
        keyId: key.keyId,
        ...(renewal && basis.until !== undefined ? { renewal: renewalWindow(basis.until, renewal, zone) } : {}),
        ...(reminders && basis.until !== undefined ? { reminders: reminderTimes(basis.until, reminders, zone) } : {}),
      };
    } catch (error) {
      if (error instanceof InvalidCredentialError) return unfit(error);
      if (error instanceof KeyDestroyed) return erased();
      throw error;
    }
  };
}

const erased = (): Rejected => reject('learner-erased', 'The learner was erased.');

const noKey = ({ issuerId }: PublishedTemplate): Rejected =>
  reject(
    'signing-key-missing',
    `The issuer ${issuerId} has no RS256 or ES256 key in force whose private half is in the vault.`,
    'Add a signing key to the issuer, then send the command again.',
  );

const unfit = ({ faults }: InvalidCredentialError): Rejected =>
  reject(
    'credential-unfit',
    `The template does not make a valid Open Badges 3.0 credential: ${faults.map(({ pointer, message }) => `${pointer} ${message}`).join('; ')}.`,
    'Publish a version of the template that does.',
    faults.map(({ pointer, code, message }) => ({ pointer, code, message })),
  );
