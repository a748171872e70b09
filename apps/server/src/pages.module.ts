// The pages: public ones by a credential's id, others by signed links.
import {
  Body,
  Catch,
  Controller,
  Get,
  Header,
  Inject,
  Module,
  Param,
  Post,
  Query,
  Req,
  Res,
  UseFilters,
  type ArgumentsHost,
} from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiExcludeController, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { bareId, type CredentialId, type PathwayId, type TemplateId, type TenantId } from '@cairn/kernel';
import { pathwayFold, pathwayStream } from '@cairn/contexts/catalog';
import {
  achievementPage,
  explainPage,
  FAVICON,
  funnelPage,
  messagePage,
  STYLESHEET,
  trailPage,
  verificationPage,
} from '@cairn/pages';
import {
  Caller,
  CONFIGURATION,
  idOrSlug,
  INSTALLATION,
  IntegerField,
  OneOf,
  ProblemException,
  ProblemFilter,
  Public,
  RequireScope,
  Text,
  WriteAnswer,
  type CairnRequest,
  type Configuration,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { funnelCsv } from '../../../libs/contexts/analytics/src/queries/funnel-csv.js';
import {
  DropOffQuery,
  FunnelQuery,
  TimeInStepQuery,
} from '../../../libs/contexts/analytics/src/queries/pathway-analytics.js';
import { trailFilter, TrailQuery, type TrailItem } from '../../../libs/contexts/audit/src/queries/trail.js';
import {
  ACHIEVEMENT_HEADERS,
  AchievementQuery,
  versionOf,
} from '../../../libs/contexts/credentials/src/queries/achievement.js';
import { ExplainCredentialQuery } from '../../../libs/contexts/credentials/src/queries/explain-credential.js';
import {
  axesOf,
  AxesQuery,
  VerifyCredentialQuery,
} from '../../../libs/contexts/credentials/src/queries/verify-credential.js';
import { LINKED_PAGES, pageLink, tenantOfLink, type LinkedPage } from './page-links.js';
import { namedBy, trailWords, type CatalogKind } from './trail-words.js';

class PageLinkBody {
  @OneOf(LINKED_PAGES) page!: LinkedPage;
  @Text({ max: 300, description: 'Credential (`why`), pathway (`funnel`), or learner or credential (`trail`).' })
  subject!: string;
  @IntegerField({ optional: true, min: 1, max: 8760, description: '24 if left out.' }) hours?: number;
}
class LinkQuery {
  @Text({ max: 200 }) key!: string;
}
class FunnelPageQuery extends LinkQuery {
  @OneOf(['any', 'in-order'], { optional: true }) order?: 'any' | 'in-order';
  @Text({ optional: true, max: 64 }) version?: string;
  @OneOf(['html', 'json', 'csv'], { optional: true }) format?: 'html' | 'json' | 'csv';
}
class TrailPageQuery extends LinkQuery {
  @Text({ optional: true, max: 2000 }) cursor?: string;
}

const PAGE_SCOPES: Record<LinkedPage, string> = {
  why: 'credentials:read',
  funnel: 'analytics:read',
  trail: 'audit:read',
};
const HTML = 'text/html; charset=utf-8';
const DAY_SECONDS = 86_400;

@ApiTags('pages')
@Controller('api/page-links')
export class PageLinkRoute {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  @Post()
  @RequireScope('credentials:read')
  @ApiOperation({ summary: 'An expiring link to a page, for whoever is given it' })
  async create(@Caller() caller: TenantCaller, @Body() body: PageLinkBody) {
    const scope = PAGE_SCOPES[body.page];
    if (!caller.scopes.includes(scope))
      throw new ProblemException('scope-missing', `This page needs the scope ${scope}.`);
    const until = Math.floor(Date.parse(this.installation.clock.now()) / 1000) + (body.hours ?? 24) * 3600;
    const path = await pageLink(this.installation, caller.tenant, body.page, body.subject, until);
    const url = `${this.configuration.baseUrl}${path}`;
    return new WriteAnswer(201, { Location: url }, { url, expiresAt: new Date(until * 1000).toISOString() });
  }
}

/** People who follow a wrong address get a page, programs the problem as JSON. */
@Catch(ProblemException)
class PageProblems extends ProblemFilter {
  override catch(error: ProblemException, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<CairnRequest>();
    // oxlint-disable-next-line promise/valid-params -- Nest's exception filter, no promise
    if (!(request.headers.accept ?? '').includes('text/html')) return super.catch(error, host);
    const { status, title, next } = error.page();
    const faults = error.more.errors?.map(({ pointer, message }) => `${pointer.slice(1)} ${message}`) ?? [];
    const text = faults.length === 0 ? error.detail : `${faults.join('; ')}.`;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    void reply
      .status(status)
      .header('Cache-Control', 'no-store')
      .type(HTML)
      .send(messagePage({ heading: title, text, next }));
  }
}

@ApiExcludeController()
@Controller()
@Public()
@UseFilters(PageProblems)
export class PagesController {
  constructor(
    private readonly queries: QueryBus,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get('assets/cairn.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Cache-Control', `public, max-age=${DAY_SECONDS}`)
  stylesheet(): string {
    return STYLESHEET;
  }

  @Get('assets/cairn.svg')
  @Header('Content-Type', 'image/svg+xml')
  @Header('Cache-Control', `public, max-age=${DAY_SECONDS}`)
  icon(): string {
    return FAVICON;
  }

  /** Whoever opens the bare address finds the API's documentation. */
  @Get()
  root(@Res() reply: FastifyReply) {
    return reply.redirect('/docs', 302);
  }

  /** The verdict on one credential. Machines that ask for JSON or the signed copy are sent there. */
  @Get('c/:id')
  async credential(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Param('id') id: string,
    @Query() query: AxesQuery,
  ) {
    const accept = request.headers.accept ?? '';
    const search = new URL(request.url, 'http://localhost').search;
    void reply.header('Vary', 'Accept').header('Cache-Control', 'no-store');
    if (!accept.includes('text/html') && /application\/(\w+\+)*(json|ld\+json)/.test(accept))
      return reply.redirect(`/c/${encodeURIComponent(id)}.json${search}`, 303);
    if (accept.includes('application/vc+jwt')) return reply.redirect(`/c/${encodeURIComponent(id)}.jwt`, 303);
    const credentialId = bareId('crd', id) as CredentialId | undefined;
    const answer = credentialId && (await this.queries.execute(new VerifyCredentialQuery(credentialId, axesOf(query))));
    if (!answer)
      return reply
        .status(404)
        .type(HTML)
        .send(
          messagePage({
            heading: 'Not found',
            text: 'No credential with this id was known at the time asked about.',
            next: 'Check the address letter by letter; it is printed on the credential and behind its QR code.',
          }),
        );
    return reply.type(HTML).send(verificationPage(answer));
  }

  /** What credentials are awarded for: a page for people, for programs the JSON-LD that their credentials name. */
  @Get('a/:template/:version')
  async achievement(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Param('template') template: string,
    @Param('version') version: string,
  ) {
    const templateId = bareId('tpl', template) as TemplateId | undefined;
    const number = versionOf(version);
    const found =
      templateId !== undefined &&
      number !== undefined &&
      (await this.queries.execute(new AchievementQuery(templateId, number)));
    if (!found) throw new ProblemException('not-found', 'No such version of a template was published.');
    void reply.headers({ ...ACHIEVEMENT_HEADERS, Vary: 'Accept' });
    if ((request.headers.accept ?? '').includes('text/html')) return reply.type(HTML).send(achievementPage(found));
    return reply.type('application/ld+json').send(JSON.stringify(found.document));
  }

  @Get('pages/why/:subject')
  async why(@Res() reply: FastifyReply, @Param('subject') subject: string, @Query() query: LinkQuery) {
    return this.linked(reply, 'why', subject, query.key, async (tenant) => {
      const credentialId = bareId('crd', subject) as CredentialId | undefined;
      const answer =
        credentialId && (await this.queries.execute(new ExplainCredentialQuery(tenant, credentialId, 'learner')));
      if (!answer) throw new ProblemException('not-found', 'There is no such credential.');
      return explainPage(answer);
    });
  }

  @Get('pages/trail/:subject')
  async trail(@Res() reply: FastifyReply, @Param('subject') subject: string, @Query() query: TrailPageQuery) {
    return this.linked(reply, 'trail', subject, query.key, async (tenant) => {
      const by = subject.startsWith('crd_') ? 'credential' : 'learner';
      const trail = await this.queries.execute(
        new TrailQuery(tenant, trailFilter({ [by]: subject }), {
          limit: 100,
          ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
        }),
      );
      const titles = await this.titlesOf(tenant, trail.items.flatMap(namedBy));
      const what = (item: TrailItem): string => trailWords(item, (kind, id) => titles.get(`${kind} ${id}`));
      return trailPage({
        heading: `Trail of a ${by}`,
        subject,
        items: trail.items.map((item) => ({ ...item, what: what(item) })),
        position: trail.position,
        ...(trail.nextCursor === undefined
          ? {}
          : { next: `/pages/trail/${subject}?key=${query.key}&cursor=${encodeURIComponent(trail.nextCursor)}` }),
      });
    });
  }

  @Get('pages/funnel/:subject')
  async funnel(@Res() reply: FastifyReply, @Param('subject') subject: string, @Query() query: FunnelPageQuery) {
    return this.linked(reply, 'funnel', subject, query.key, async (tenant) => {
      const pathwayId = idOrSlug<PathwayId>('pwy', tenant, subject);
      const target = { tenant, pathwayId, ...(query.version === undefined ? {} : { version: query.version }) };
      const order = query.order ?? 'any';
      const [funnel, dropOff, times, { state }] = await Promise.all([
        this.queries.execute(new FunnelQuery(target, order)),
        this.queries.execute(new DropOffQuery(target, 30)),
        this.queries.execute(new TimeInStepQuery(target)),
        this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId)),
      ]);
      if (query.format === 'json') {
        void reply.type('application/json; charset=utf-8');
        return JSON.stringify(funnel);
      }
      if (query.format === 'csv') {
        void reply.type('text/csv; charset=utf-8');
        return funnelCsv(funnel);
      }
      const link = (changes: Record<string, string>): string =>
        `/pages/funnel/${encodeURIComponent(subject)}?${new URLSearchParams({ key: query.key, order, version: funnel.version, ...changes }).toString()}`;
      const timeOf = new Map(times.steps.map((step) => [step.id, step]));
      return funnelPage({
        pathway: funnel.pathway,
        title: state.versions.at(-1)?.title ?? {},
        version: funnel.version,
        order,
        enrolled: funnel.enrolled,
        steps: funnel.steps.map((step) => {
          const { medianSeconds, p90Seconds } = timeOf.get(step.id) ?? {};
          return {
            ...step,
            ...(medianSeconds === undefined ? {} : { medianSeconds }),
            ...(p90Seconds === undefined ? {} : { p90Seconds }),
          };
        }),
        states: Object.entries(dropOff.states).map(([name, count]) => ({ state: name, count })),
        definitions: [funnel.definition, dropOff.definition, times.definition],
        position: funnel.position,
        asOf: funnel.asOf,
        orders: [
          { label: 'Any order', href: link({ order: 'any' }), current: order === 'any' },
          { label: 'In order', href: link({ order: 'in-order' }), current: order === 'in-order' },
        ],
        versions: state.versions.map(({ label }) => ({
          label,
          href: link({ version: label }),
          current: label === funnel.version,
        })),
        data: [
          { label: 'JSON', href: link({ format: 'json' }) },
          { label: 'CSV', href: link({ format: 'csv' }) },
        ],
      });
    });
  }

  /** Titles by `<kind> <id>`; what the catalog does not know is left out. */
  private async titlesOf(
    tenant: TenantId,
    named: readonly { readonly kind: CatalogKind; readonly id: string }[],
  ): Promise<ReadonlyMap<string, string>> {
    const keys = new Map(named.map(({ kind, id }) => [`${kind} ${id}`, `${tenant}:${kind}:${id}`]));
    const titles = new Map<string, string>();
    await Promise.all(
      Array.from(keys, async ([name, key]) => {
        const title = (await this.installation.views.get('catalog', key))?.['title'] as
          Record<string, string> | undefined;
        const words = title?.['en'] ?? Object.values(title ?? {})[0];
        if (words !== undefined) titles.set(name, words);
      }),
    );
    return titles;
  }

  /** A page behind a signed link; what goes wrong is told as a page. */
  private async linked(
    reply: FastifyReply,
    page: LinkedPage,
    subject: string,
    key: string,
    render: (tenant: TenantCaller['tenant']) => Promise<string>,
  ) {
    void reply.header('Cache-Control', 'no-store').type(HTML);
    try {
      const tenant = await tenantOfLink(this.installation, page, subject, key);
      return reply.send(await render(tenant));
    } catch (error) {
      if (!(error instanceof ProblemException)) throw error;
      const { status, title, next } = error.page();
      return reply.status(status).send(messagePage({ heading: title, text: error.detail, next }));
    }
  }
}

@Module({ controllers: [PageLinkRoute, PagesController] })
export class PagesModule {}
