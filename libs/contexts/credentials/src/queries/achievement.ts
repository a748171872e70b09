// The achievement that signed copies name: one published version of a template, for anyone.
import { Controller, Get, Inject, Param, Res } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { publicId, type TemplateId, type TenantId } from '@cairn/kernel';
import { issuerFold, issuerStream } from '@cairn/contexts/tenancy';
import { achievementDocument } from '@cairn/openbadges';
import {
  CONFIGURATION,
  idFromPath,
  INSTALLATION,
  ProblemException,
  Public,
  type Configuration,
  type Installation,
} from '@cairn/platform';
import { publishedTemplate } from '../commands/prepare-issue.js';
import type { AchievementAnswer } from '../contracts/achievement-answer.js';
import { achievementOf } from '../domain/issue-preparation.js';

/** Undefined: no such version was published. */
export class AchievementQuery extends Query<AchievementAnswer | undefined> {
  constructor(
    readonly templateId: TemplateId,
    readonly version: number,
  ) {
    super();
  }
}

/** The number of a version in an address; undefined for what is none. */
export const versionOf = (text: string): number | undefined => (/^[1-9]\d{0,5}$/.test(text) ? Number(text) : undefined);

@QueryHandler(AchievementQuery)
export class AchievementHandler implements IQueryHandler<AchievementQuery> {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  async execute({ templateId, version }: AchievementQuery): Promise<AchievementAnswer | undefined> {
    const { views, executor } = this.installation;
    // The read model only says whose template it is; what was published comes from the stream.
    const [found] = await views.find('catalog', { id: templateId, kind: 'template' }, { limit: 1 });
    if (!found) return undefined;
    const tenant = found['tenant'] as TenantId;
    const template = await publishedTemplate(executor.loader, tenant, templateId, version);
    if (!template) return undefined;
    const { registered: issuer } = await executor.loader.fold(issuerFold, issuerStream(tenant, template.issuerId));
    const { name, description, criteria, achievementType, level, credits, alignments = [] } = template.achievement;
    return {
      document: achievementDocument(achievementOf(template, this.configuration.baseUrl)),
      template: publicId('tpl', templateId),
      version,
      title: name,
      description,
      criteria,
      achievementType,
      ...(level === undefined ? {} : { level }),
      ...(credits === undefined ? {} : { credits }),
      ...(issuer
        ? { issuer: { id: issuer.did, name: issuer.name, ...(issuer.url === undefined ? {} : { url: issuer.url }) } }
        : {}),
      alignments: alignments.map(({ targetName, targetUrl, targetFramework }) => ({
        name: targetName,
        url: targetUrl,
        ...(targetFramework === undefined ? {} : { framework: targetFramework }),
      })),
    };
  }
}

/** A published version never changes; its address may be put to other use if the installation moves. */
export const ACHIEVEMENT_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Cache-Control': 'public, max-age=3600',
} as const;

@ApiTags('verification')
@Public()
@Controller('a')
export class AchievementRoute {
  constructor(private readonly queries: QueryBus) {}

  @Get(':template/:version.json')
  @ApiOperation({ summary: 'The achievement that signed copies name, as JSON-LD' })
  @ApiProduces('application/ld+json')
  async achievement(
    @Param('template') template: string,
    @Param('version') version: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const number = versionOf(version);
    const templateId = idFromPath<TemplateId>('tpl', template);
    const found =
      number === undefined ? undefined : await this.queries.execute(new AchievementQuery(templateId, number));
    if (!found) throw new ProblemException('not-found', 'No such version of a template was published.');
    void reply.headers({ ...ACHIEVEMENT_HEADERS, 'Content-Type': 'application/ld+json' });
    return found.document;
  }
}
