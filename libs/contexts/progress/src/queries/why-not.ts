// What is missing in an enrollment: for each step and award, the requirements that are not met and the way there.
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type EnrollmentId, type ModuleId, type TemplateId, type TenantId } from '@cairn/kernel';
import {
  moduleFold,
  moduleStream,
  templateFold,
  templateStream,
  type ModuleDefinition,
  type PublishedTemplate,
} from '@cairn/contexts/catalog';
import {
  Caller,
  idFromPath,
  INSTALLATION,
  ProblemException,
  RequireScope,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { learnerOf, recordStream } from '../contracts/record.events.js';
import { recordDecider } from '../domain/record.decider.js';
import { loadPinnedVersions } from '../domain/record.facts.js';
import type { EnrollmentState } from '../domain/record.state.js';
import { versionKey, type Version } from '../domain/version.js';
import { namesNeeded, whyNot, type CatalogWords, type WhyNotAnswer } from '../domain/why-not.js';

/** Undefined: the tenant has no such enrollment. */
export class WhyNotQuery extends Query<(WhyNotAnswer & { readonly enrollment: string }) | undefined> {
  constructor(
    readonly tenant: TenantId,
    readonly enrollmentId: EnrollmentId,
  ) {
    super();
  }
}

@QueryHandler(WhyNotQuery)
export class WhyNotHandler implements IQueryHandler<WhyNotQuery> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  async execute({ tenant, enrollmentId }: WhyNotQuery) {
    const { executor, now } = this.installation;
    const { state } = await executor.snapshot(recordDecider, recordStream(tenant, learnerOf(enrollmentId)));
    const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
    if (!enrollment) return undefined;
    const versions = await loadPinnedVersions(executor.loader, tenant, state);
    const versionOf = ({ ref }: EnrollmentState) => versions.get(versionKey(ref.pathwayId, ref.version)) as Version;
    const words = await this.words(tenant, namesNeeded(versionOf(enrollment)));
    return {
      enrollment: publicId('enr', enrollmentId),
      ...whyNot(state, enrollment, versionOf, await now(tenant), words),
    };
  }

  /** Titles of modules and templates, and what modules are worth. An id is the one or the other. */
  private async words(tenant: TenantId, ids: readonly string[]): Promise<CatalogWords> {
    const { loader } = this.installation.executor;
    const modules = new Map<string, ModuleDefinition>();
    const templates = new Map<string, PublishedTemplate>();
    await Promise.all(
      ids.map(async (id) => {
        const { definition } = await loader.fold(moduleFold, moduleStream(tenant, id as ModuleId));
        if (definition) modules.set(id, definition);
        const template = (await loader.fold(templateFold, templateStream(tenant, id as TemplateId))).versions.at(-1);
        if (template) templates.set(id, template);
      }),
    );
    const named = (slug: string | undefined, title: { readonly [language: string]: string } | undefined) =>
      slug === undefined ? undefined : [slug, title?.['en'] ?? Object.values(title ?? {})[0]].filter(Boolean).join(' ');
    return {
      modules,
      names: {
        module: (id) => named(modules.get(id)?.slug, modules.get(id)?.title),
        credential: (id) => named(templates.get(id)?.slug, templates.get(id)?.achievement.name),
      },
    };
  }
}

@ApiTags('progress')
@Controller('api/enrollments')
@RequireScope('progress:read')
export class WhyNotRoute {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id/why-not')
  @ApiOperation({ summary: 'What is missing for each step and award' })
  async whyNot(@Caller() { tenant }: TenantCaller, @Param('id') id: string) {
    const answer = await this.queries.execute(new WhyNotQuery(tenant, idFromPath<EnrollmentId>('enr', id)));
    if (!answer) throw new ProblemException('not-found', 'There is no such enrollment.');
    return answer;
  }
}
