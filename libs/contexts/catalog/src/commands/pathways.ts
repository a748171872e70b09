import { Body, Controller, HttpCode, Inject, Param, Post, Put, Req } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  isUuid,
  publicId,
  reject,
  type CommandOutcome,
  type Issued,
  type PathwayId,
  type Recorded,
  type Rejected,
  type TenantId,
} from '@cairn/kernel';
import type { PathwayRules } from '@cairn/rules';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idOrSlug,
  INSTALLATION,
  IntegerField,
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
import type {
  DraftPathway,
  PublishPathwayVersion,
  RetirePathwayVersion,
  StartPathwayShadow,
} from '../contracts/catalog.commands.js';
import {
  ENROLLMENT_MODES,
  pathwayIdOf,
  templateIdOf,
  type PathwayEvent,
  type PublishedPathway,
} from '../contracts/catalog.events.js';
import { pathwayFold, pathwayStream, versionByLabelOrNumber, type PathwayState } from '../contracts/catalog.folds.js';
import { findingsOf, pathwayDecider } from '../domain/pathway.decider.js';
import { referencesOf, type RuleFault } from '../domain/references.js';
import type { GrantsDocument } from '../projections/catalog.projection.js';

export class DraftPathwayMessage extends CommandMessage<DraftPathway> {
  static readonly type = 'DraftPathway';
}
@CommandHandler(DraftPathwayMessage)
export class DraftPathwayHandler extends DecidedHandler {}

export class RetirePathwayVersionMessage extends CommandMessage<RetirePathwayVersion> {
  static readonly type = 'RetirePathwayVersion';
}
@CommandHandler(RetirePathwayVersionMessage)
export class RetirePathwayVersionHandler extends DecidedHandler {}

export class PublishPathwayVersionMessage extends CommandMessage<PublishPathwayVersion> {
  static readonly type = 'PublishPathwayVersion';
}

type Finding = RuleFault & { readonly severity: 'error' | 'warning' };

/** Finds which pathways grant what the rules name, then lets the decider look at their streams. */
@CommandHandler(PublishPathwayVersionMessage)
export class PublishPathwayVersionHandler implements ICommandHandler<PublishPathwayVersionMessage> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  async execute({ issued, options }: PublishPathwayVersionMessage): Promise<CommandOutcome> {
    const command = await withGranting(this.installation, issued);
    // What the catalog grants by now may differ from what it granted at the first try, so the executor would take a
    // retry for another command: the one thing that a client says, the label, is compared here.
    const outcome = await this.installation.executor.execute({ ...command, idSource: 'derived' }, options);
    const [event] = (outcome.accepted ? outcome.events : []) as readonly Recorded<PathwayEvent>[];
    const published = event?.type === 'pathway-version-published' ? event.data : undefined;
    const { label = published && String(published.version) } = issued.data;
    return outcome.accepted && outcome.replayed && issued.idSource === 'client' && published?.label !== label
      ? reject('idempotency-key-reused', 'This idempotency key was used to publish under another label.')
      : outcome;
  }

  /** What publishing the draft would be refused for, and what is only shown. Nothing is written. */
  async lint(issued: Issued<PublishPathwayVersion>): Promise<readonly Finding[]> {
    const { decision, state, facts } = await this.decide(issued);
    const errors = decision.accepted ? [] : (decision.errors ?? []);
    const warnings = state.draft && facts ? findingsOf(issued.tenant, state.draft, facts.things).warnings : [];
    return [
      ...errors.map((fault) => ({ severity: 'error' as const, ...fault })),
      ...warnings.map((fault) => ({ severity: 'warning' as const, ...fault })),
    ];
  }

  /** The version that the draft would become: the newest, if that says the same. Nothing is written. */
  async wouldBe(tenant: TenantId, pathwayId: PathwayId): Promise<PublishedPathway | Rejected> {
    const { decision, state } = await this.decide({
      type: 'PublishPathwayVersion',
      data: { pathwayId },
      tenant,
      commandId: pathwayId,
      idSource: 'derived',
      actor: 'service:preview',
      correlationId: pathwayId,
      now: await this.installation.now(tenant),
    });
    if (!decision.accepted) return decision;
    const [event] = decision.events;
    return event?.type === 'pathway-version-published' ? event.data : (state.versions.at(-1) as PublishedPathway);
  }

  private async decide(issued: Issued<PublishPathwayVersion>) {
    const { executor } = this.installation;
    const command = await withGranting(this.installation, issued);
    const { state } = await executor.snapshot(pathwayDecider, pathwayDecider.streamOf(command));
    const facts = await pathwayDecider.loadFacts?.(command, state, executor.loader);
    return { decision: pathwayDecider.decide(command, state, facts), state, facts };
  }
}

/** A command about the draft, with the pathways that grant what its rules name. */
export async function withGranting<C extends Issued<PublishPathwayVersion | StartPathwayShadow>>(
  installation: Installation,
  issued: C,
): Promise<C> {
  const { tenant, data } = issued;
  const { state } = await installation.executor.snapshot(pathwayFold, pathwayStream(tenant, data.pathwayId));
  const named = state.draft === undefined ? [] : templatesNamed(tenant, state.draft.rules);
  return { ...issued, data: { ...data, grantedBy: await granting(installation, tenant, named) } };
}

/** The pathways that grant the templates, those that grant what these need, and so on. */
async function granting(
  { log, views, waitFor }: Installation,
  tenant: TenantId,
  templates: readonly string[],
): Promise<readonly PathwayId[]> {
  // A publication of a moment ago must be seen.
  if (templates.length > 0 && !(await waitFor(['catalog'], await log.head(), 10_000)))
    throw new ProblemException('read-model-behind', 'The catalog has not caught up; publish again in a moment.');
  const pathways = new Set<PathwayId>();
  const seen = new Set(templates);
  for (let open = [...seen]; open.length > 0;) {
    const found = (await views.find(
      'catalog',
      { tenant, kind: 'grants', templateId: { $in: open } },
      { limit: 10_000 },
    )) as unknown as readonly GrantsDocument[];
    for (const { pathwayId } of found) pathways.add(pathwayId as PathwayId);
    open = [...new Set(found.flatMap(({ needs }) => needs))].filter((template) => !seen.has(template));
    for (const template of open) seen.add(template);
  }
  return [...pathways];
}

/** Templates that the requirements may name; the names in a selector's list may be modules, which nothing grants. */
const templatesNamed = (tenant: TenantId, rules: PathwayRules): readonly string[] =>
  referencesOf(rules)
    .filter(({ kind }) => kind === 'credential' || kind === 'either')
    .map(({ name }) => (isUuid(name) ? name : templateIdOf(tenant, name)));

class PathwayDraftBody {
  @TextMap({ example: { en: 'Data skills' } }) title!: Record<string, string>;
  @RuleField({ description: 'Zone, order, entry points, steps and awards; see the rule language.' })
  rules!: PathwayRules;
  @OneOf(ENROLLMENT_MODES, { optional: true, description: 'on-request if left out' })
  enrollment?: (typeof ENROLLMENT_MODES)[number];
  @IntegerField({ optional: true, max: 36_500, description: 'Who returns within that many days keeps the version.' })
  returnWithinDays?: number;
}
class PathwayBody extends PathwayDraftBody {
  @Slug({ example: 'data-skills' }) slug!: string;
}
class PublishBody {
  @Text({ optional: true, max: 64, description: 'Name of the version, unique in the pathway; its number if left out.' })
  label?: string;
}
class RetireBody {
  @Code({ example: 'replaced' }) reasonCode!: string;
}

/** The version that an unchanged publication found. */
const publishedAs = (state: PathwayState, label: string | undefined) =>
  label === undefined ? state.versions.at(-1) : state.versions.find((version) => version.label === label);

@ApiTags('catalog')
@Controller('api/pathways')
export class PathwayRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly publisher: PublishPathwayVersionHandler,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'Drafts a pathway' })
  draft(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Body() body: PathwayBody) {
    const { slug, ...draft } = body;
    return this.write(request, pathwayIdOf(tenant, slug), slug, draft);
  }

  @Put(':id/draft')
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'Rewrites the draft; published versions stay as they are' })
  async redraft(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: PathwayDraftBody,
  ) {
    const { pathwayId, state } = await this.pathway(tenant, id);
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    return this.write(request, pathwayId, state.draft.slug, body);
  }

  @Put(':id/versions/:version')
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'Refused: a published version never changes' })
  immutable(@Param('id') _id: string, @Param('version') _version: string): never {
    throw new ProblemException('version-immutable', 'A published version never changes; write a draft and publish it.');
  }

  @Post(':id/publish')
  @RequireScope('catalog:publish')
  @ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the draft that was decided on' })
  @ApiOperation({ summary: 'Checks the draft and publishes it as the next, immutable version' })
  async publish(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: PublishBody,
  ) {
    requireIfMatch(request);
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const outcome = await this.gateway.send<PublishPathwayVersion>(request, {
      type: 'PublishPathwayVersion',
      data: { pathwayId, ...(body.label === undefined ? {} : { label: body.label }) },
    });
    const { state } = await this.pathway(tenant, id);
    const [event] = outcome.events as readonly Recorded<PathwayEvent>[];
    const version = event?.type === 'pathway-version-published' ? event.data : publishedAs(state, body.label);
    return this.gateway.answer(outcome, {
      id: publicId('pwy', pathwayId),
      more: { version: version?.version, label: version?.label },
    });
  }

  @Post(':id/lint')
  @HttpCode(200)
  @RequireScope('catalog:write')
  @ApiOperation({ summary: 'The faults that publishing the draft would be refused for; nothing is written' })
  async lint(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Param('id') id: string) {
    const { pathwayId, state } = await this.pathway(tenant, id);
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    const faults = await this.publisher.lint({
      ...this.gateway.contextOf(request),
      type: 'PublishPathwayVersion',
      data: { pathwayId },
    });
    return { faults };
  }

  @Post(':id/versions/:version/retire')
  @RequireScope('catalog:publish')
  @ApiOperation({ summary: 'Nobody new enrolls in the version; those in it go on' })
  async retire(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Param('version') version: string,
    @Body() body: RetireBody,
  ) {
    const { pathwayId, state } = await this.pathway(tenant, id);
    const found = versionByLabelOrNumber(state, version);
    if (!found) throw new ProblemException('not-found', `The pathway has no version "${version}".`);
    const outcome = await this.gateway.send<RetirePathwayVersion>(request, {
      type: 'RetirePathwayVersion',
      data: { pathwayId, version: found.version, reasonCode: body.reasonCode },
    });
    return this.gateway.answer(outcome, { id: publicId('pwy', pathwayId) });
  }

  private async pathway(tenant: TenantId, id: string) {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { state } = await this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    return { pathwayId, state };
  }

  private async write(request: CairnRequest, pathwayId: PathwayId, slug: string, body: PathwayDraftBody) {
    const data = { pathwayId, slug, ...plain(body), enrollment: body.enrollment ?? 'on-request' };
    const outcome = await this.gateway.send<DraftPathway>(request, { type: 'DraftPathway', data });
    const id = publicId('pwy', pathwayId);
    // A later draft replaces the first one: nothing is created.
    const created = outcome.events[0]?.revision === 0;
    return this.gateway.answer(outcome, { id, created, location: `/api/pathways/${id}` });
  }
}
