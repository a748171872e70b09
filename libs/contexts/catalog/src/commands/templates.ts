import { Body, Controller, Inject, Param, Post, Put, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import { bareId, publicId, uuidv5, type IssuerId, type TemplateId, type TenantId } from '@cairn/kernel';
import type { Requirement } from '@cairn/rules';
import {
  Caller,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idOrSlug,
  INSTALLATION,
  IntegerField,
  ListOf,
  ListOfText,
  Nested,
  NumberField,
  OneOf,
  plain,
  ProblemException,
  requireIfMatch,
  RequireScope,
  RuleField,
  Slug,
  Text,
  TextMap,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { DraftTemplate, PublishTemplate } from '../contracts/catalog.commands.js';
import { POLICY_EFFECTS, templateIdOf, type PolicyEffect } from '../contracts/catalog.events.js';
import { templateFold, templateStream } from '../contracts/catalog.folds.js';

export class DraftTemplateMessage extends CommandMessage<DraftTemplate> {
  static readonly type = 'DraftTemplate';
}
@CommandHandler(DraftTemplateMessage)
export class DraftTemplateHandler extends DecidedHandler {}

export class PublishTemplateMessage extends CommandMessage<PublishTemplate> {
  static readonly type = 'PublishTemplate';
}
@CommandHandler(PublishTemplateMessage)
export class PublishTemplateHandler extends DecidedHandler {}

class AlignmentBody {
  @Text({ max: 500 }) targetName!: string;
  @Text({ max: 2048, pattern: /^https?:\/\//, hint: 'must be a URL' }) targetUrl!: string;
  @Text({ max: 64, optional: true, example: 'CFItem' }) targetType?: string;
  @Text({ max: 500, optional: true }) targetFramework?: string;
  @Text({ max: 200, optional: true }) targetCode?: string;
}
class AchievementBody {
  @TextMap({ example: { en: 'Data skills, level 1' } }) name!: Record<string, string>;
  @TextMap({ example: { en: 'Reads and cleans data.' } }) description!: Record<string, string>;
  @Text({ max: 64, example: 'MicroCredential', description: 'Achievement type of Open Badges 3.0, or `ext:…`.' })
  achievementType!: string;
  @TextMap({ example: { en: 'Modules DS-101 and DS-102.' }, description: 'What has to be shown, in words.' })
  criteria!: Record<string, string>;
  @IntegerField({ optional: true, max: 20 }) level?: number;
  @NumberField({ optional: true, min: 0, max: 1000, decimals: 2 }) credits?: number;
  @ListOf(() => AlignmentBody, { optional: true, max: 100 }) alignments?: AlignmentBody[];
}
class RenewalBody {
  @RuleField({ description: 'Requirement of a further term.' }) requirement!: Requirement;
  @Text({ max: 20, example: 'P3M', description: 'Before the end of the term.' }) window!: string;
  @Text({ max: 20, example: 'P1M', description: 'After the end of the term.' }) grace!: string;
}
class ComponentPolicyBody {
  @OneOf(POLICY_EFFECTS, { optional: true, description: 'A component was revoked; flag if left out.' })
  revoked?: PolicyEffect;
  @OneOf(POLICY_EFFECTS, { optional: true, description: 'A component expired; flag if left out.' })
  expired?: PolicyEffect;
  @OneOf(POLICY_EFFECTS, { optional: true, description: 'The entitlement was withdrawn; revoke if left out.' })
  withdrawn?: PolicyEffect;
}
class TemplateDraftBody {
  @Nested(() => AchievementBody) achievement!: AchievementBody;
  @IntegerField({ optional: true, min: 1, max: 1200, description: 'Length of a term; for ever if left out.' })
  validityMonths?: number;
  @Nested(() => RenewalBody, { optional: true }) renewal?: RenewalBody;
  @ListOfText({
    optional: true,
    max: 20,
    maxItems: 10,
    description: 'How long before the end of a term its holder is reminded, as durations: `P90D`, `P30D`, `P7D`.',
  })
  reminders?: string[];
  @Nested(() => ComponentPolicyBody, { optional: true }) componentPolicy?: ComponentPolicyBody;
  @OneOf(['automatic', 'manual'], { optional: true, description: 'automatic if left out' }) issue?:
    'automatic' | 'manual';
  @Text({ max: 64, description: 'The issuer: id or slug.' }) issuer!: string;
}
class TemplateBody extends TemplateDraftBody {
  @Slug({ example: 'L1' }) slug!: string;
}

@ApiTags('catalog')
@Controller('api/templates')
export class TemplateRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'Drafts a credential template' })
  draft(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Body() body: TemplateBody) {
    const { slug, ...draft } = body;
    return this.write(request, tenant, templateIdOf(tenant, slug), slug, draft);
  }

  @Put(':id/draft')
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'Rewrites the draft; published versions stay as they are' })
  async redraft(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: TemplateDraftBody,
  ) {
    const templateId = idOrSlug<TemplateId>('tpl', tenant, id);
    const { state } = await this.installation.executor.snapshot(templateFold, templateStream(tenant, templateId));
    if (!state.draft) throw new ProblemException('not-found', 'There is no such template.');
    return this.write(request, tenant, templateId, state.draft.slug, body);
  }

  @Post(':id/publish')
  @RequireScope('catalog:publish')
  @ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the draft that was decided on' })
  @ApiOperation({ summary: 'Publishes the draft as the next, immutable version' })
  async publish(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Param('id') id: string) {
    requireIfMatch(request);
    const templateId = idOrSlug<TemplateId>('tpl', tenant, id);
    const outcome = await this.gateway.send<PublishTemplate>(request, {
      type: 'PublishTemplate',
      data: { templateId },
    });
    return this.gateway.answer(outcome, { id: publicId('tpl', templateId) });
  }

  private async write(
    request: CairnRequest,
    tenant: TenantId,
    templateId: TemplateId,
    slug: string,
    body: TemplateDraftBody,
  ) {
    const { issuer, componentPolicy = {}, ...rest } = plain(body);
    const outcome = await this.gateway.send<DraftTemplate>(request, {
      type: 'DraftTemplate',
      data: {
        templateId,
        slug,
        ...rest,
        componentPolicy: { revoked: 'flag', expired: 'flag', withdrawn: 'revoke', ...plain(componentPolicy) },
        issue: body.issue ?? 'automatic',
        issuerId: (bareId('iss', issuer) ?? (await this.issuerBySlug(tenant, issuer))) as IssuerId,
      },
    });
    const id = publicId('tpl', templateId);
    // A later draft replaces the first one: nothing is created.
    const created = outcome.events[0]?.revision === 0;
    return this.gateway.answer(outcome, { id, created, location: `/api/templates/${id}` });
  }

  private async issuerBySlug(tenant: TenantId, slug: string): Promise<string> {
    const head = await this.installation.log.head();
    await this.installation.waitFor(['issuers'], head, 2_000);
    const found = await this.installation.views.find('issuers', { tenant, slug }, { limit: 1 });
    const id = found[0]?._id.slice(tenant.length + 1);
    // An id of nobody: the decider refuses it when it matters, at publishing; a draft may come first.
    return id ?? uuidv5(tenant, 'issuer', slug);
  }
}
