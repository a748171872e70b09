import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { publicActor, publicId, type ModuleId, type PathwayId, type Recorded, type TemplateId } from '@cairn/kernel';
import {
  Caller,
  idOrSlug,
  INSTALLATION,
  pageAnswer,
  PageQuery,
  pageOf,
  ProblemException,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import {
  moduleFold,
  moduleStream,
  pathwayFold,
  pathwayStream,
  templateFold,
  templateStream,
  versionByLabelOrNumber,
} from '../contracts/catalog.folds.js';
import type { PathwayEvent, PublishedPathway } from '../contracts/catalog.events.js';
import { loadNamedThings, referencesOf } from '../domain/references.js';
import { versionDiff } from '../domain/version-diff.js';

class DiffQuery {
  @Text({ optional: true, max: 64, description: 'Label or number of the version to compare with.' }) from?: string;
}

const KINDS = { modules: ['module', 'mod'], templates: ['template', 'tpl'], pathways: ['pathway', 'pwy'] } as const;
type Kind = keyof typeof KINDS;

/** Published things from the read model, single ones from their own streams with their ETag. */
@ApiTags('catalog')
@Controller('api')
@RequireScope('catalog:read')
export class CatalogController {
  constructor(
    private readonly gate: ReadGate,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get('modules')
  @ApiOperation({ summary: 'Modules, by slug' })
  modules(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Query() query: PageQuery,
  ) {
    return this.list('modules', request, reply, caller, query);
  }

  @Get('templates')
  @ApiOperation({ summary: 'Credential templates, by slug' })
  templates(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Query() query: PageQuery,
  ) {
    return this.list('templates', request, reply, caller, query);
  }

  @Get('pathways')
  @ApiOperation({ summary: 'Pathways, by slug' })
  pathways(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Query() query: PageQuery,
  ) {
    return this.list('pathways', request, reply, caller, query);
  }

  @Get('modules/:id')
  @ApiOperation({ summary: 'One module' })
  async module(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
  ) {
    const moduleId = idOrSlug<ModuleId>('mod', tenant, id);
    const { state, revision } = await this.installation.executor.snapshot(moduleFold, moduleStream(tenant, moduleId));
    if (!state.definition) throw new ProblemException('not-found', 'There is no such module.');
    void reply.header('ETag', `"${revision}"`);
    return { ...state.definition, id: publicId('mod', moduleId), moduleId: undefined };
  }

  @Get('templates/:id')
  @ApiOperation({ summary: 'One template: its draft and its published versions' })
  async template(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
  ) {
    const templateId = idOrSlug<TemplateId>('tpl', tenant, id);
    const { state, revision } = await this.installation.executor.snapshot(
      templateFold,
      templateStream(tenant, templateId),
    );
    if (!state.draft) throw new ProblemException('not-found', 'There is no such template.');
    void reply.header('ETag', `"${revision}"`);
    return { id: publicId('tpl', templateId), slug: state.draft.slug, draft: state.draft, versions: state.versions };
  }

  @Get('pathways/:id')
  @ApiOperation({ summary: 'One pathway: its draft and its published versions' })
  async pathway(
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
  ) {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { state, revision } = await this.installation.executor.snapshot(
      pathwayFold,
      pathwayStream(tenant, pathwayId),
    );
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    void reply.header('ETag', `"${revision}"`);
    const { draft, versions, retired } = state;
    return { id: publicId('pwy', pathwayId), slug: draft.slug, draft, versions, retired };
  }

  @Get('pathways/:id/versions/:version')
  @ApiOperation({ summary: 'One published version, by label or number' })
  async version(@Caller() { tenant }: TenantCaller, @Param('id') id: string, @Param('version') version: string) {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { state } = await this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    const found = versionByLabelOrNumber(state, version);
    if (!found) throw new ProblemException('not-found', `There is no version "${version}" of this pathway.`);
    return found;
  }

  @Get('pathways/:id/versions/:version/diff')
  @ApiOperation({ summary: 'What a version changes, in plain English, against the one before or the one named' })
  async diff(
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Param('version') version: string,
    @Query() query: DiffQuery,
  ) {
    const { executor } = this.installation;
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { state } = await executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    const found = (text: string): PublishedPathway => {
      const one = versionByLabelOrNumber(state, text);
      if (!one) throw new ProblemException('not-found', `There is no version "${text}" of this pathway.`);
      return one;
    };
    const after = found(version);
    const before = query.from === undefined ? state.versions[after.version - 2] : found(query.from);
    if (!before) throw new ProblemException('not-found', 'It is the first version: there is nothing before it.');
    const references = [...referencesOf(before.rules), ...referencesOf(after.rules)];
    const { modules, templates } = await loadNamedThings(tenant, references, executor.loader);
    const changes = versionDiff(before, after, {
      module: (name) => modules.get(name)?.definition?.slug,
      credential: (name) => templates.get(name)?.draft?.slug,
    });
    const history = (await executor.history(pathwayStream(tenant, pathwayId))) as readonly Recorded<PathwayEvent>[];
    const summary = ({ version: number, label }: PublishedPathway) => {
      const event = history.find((one) => one.type === 'pathway-version-published' && one.data.version === number);
      return {
        version: number,
        label,
        publishedAt: event?.meta.recordedAt,
        publishedBy: event && publicActor(event.meta.actor),
      };
    };
    return { id: publicId('pwy', pathwayId), from: summary(before), to: summary(after), changes };
  }

  private async list(
    kind: Kind,
    request: CairnRequest,
    reply: FastifyReply,
    { tenant }: TenantCaller,
    query: PageQuery,
  ) {
    const [name, prefix] = KINDS[kind];
    await this.gate.pass(request, reply, 'catalog');
    const page = await pageOf(this.installation.views, 'catalog', { tenant, kind: name }, query, [['slug', 1]]);
    return pageAnswer(reply, request, page, ({ _id, tenant: _tenant, kind: _kind, id, ...rest }) => ({
      id: publicId(prefix, id as string),
      ...rest,
    }));
  }
}
