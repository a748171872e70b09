// The reader of this installation, and what it looks up in read models: titles of what a credential counts towards.
import { Inject, Injectable, Optional } from '@nestjs/common';
import type { CredentialId, TemplateId, TenantId } from '@cairn/kernel';
import { CONFIGURATION, INSTALLATION, type Configuration, type Installation } from '@cairn/platform';
import { isInfrastructure } from '@cairn/runtime';
import { SigningDesk } from '../commands/signing-desk.js';
import { DECISION_REPLAY, type DecisionReplay } from '../contracts/decision-replay.js';
import type { LanguageMap, VerificationAnswer } from '../contracts/verification-answer.js';
import { unreadableAnswer } from '../domain/verification.js';
import { CredentialLocator } from './credential-locator.js';
import { createCredentialReader, type AsOf, type CredentialReader } from './credential-reader.js';

const PATHWAYS = 1_000;

@Injectable()
export class CredentialReading {
  readonly reader: CredentialReader;

  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    private readonly locator: CredentialLocator,
    desk: SigningDesk,
    @Optional() @Inject(DECISION_REPLAY) decideAgain?: DecisionReplay,
  ) {
    const { executor, now } = installation;
    this.reader = createCredentialReader({
      history: executor.history,
      loader: executor.loader,
      copies: desk.copies,
      now,
      baseUrl: configuration.baseUrl,
      countsTowards: (tenant, template) => this.countsTowards(tenant, template),
      decideAgain,
    });
  }

  /** For anyone who has the id. Undefined if no tenant has such a credential; `unknown` if that cannot be established. */
  async verify(id: CredentialId, at: AsOf = {}): Promise<VerificationAnswer | undefined> {
    try {
      const tenant = await this.locator.tenantOf(id);
      return tenant === undefined ? undefined : await this.reader.verify(tenant, id, at);
    } catch (error) {
      if (!isInfrastructure(error)) throw error;
      const now = this.installation.clock.now();
      return unreadableAnswer(id, this.configuration.baseUrl, at.asOf ?? now, at.knownAt ?? now);
    }
  }

  /** The credential's signed copy, for anyone who has the id. */
  async signedCopy(id: CredentialId): Promise<string | undefined> {
    const tenant = await this.locator.tenantOf(id);
    return tenant === undefined ? undefined : this.reader.signedCopy(tenant, id);
  }

  private async countsTowards(tenant: TenantId, template: TemplateId) {
    const { views } = this.installation;
    const titleOf = async (kind: 'template' | 'pathway', id: string): Promise<LanguageMap | undefined> =>
      (await views.get('catalog', `${tenant}:${kind}:${id}`))?.['title'] as LanguageMap | undefined;
    const grants = await views.find('catalog', { tenant, kind: 'grants' }, { limit: PATHWAYS });
    const resting = grants.filter(
      ({ needs, templateId }) => (needs as readonly string[]).includes(template) && templateId !== template,
    );
    const towards = await Promise.all(
      resting.map(async ({ templateId, pathwayId }) => ({
        title: await titleOf('template', templateId as string),
        pathway: await titleOf('pathway', pathwayId as string),
      })),
    );
    return towards.flatMap(({ title, pathway }) => (title ? [{ title, ...(pathway ? { pathway } : {}) }] : []));
  }
}
