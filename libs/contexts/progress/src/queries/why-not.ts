// What is missing in an enrollment: for each step and award, the requirements that are not met and the way there.
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { templateFold, templateStream, type PublishedTemplate } from '@cairn/contexts/catalog';
import { issuerFold, issuerStream } from '@cairn/contexts/tenancy';
import { publicId, type EnrollmentId, type TemplateId, type TenantId } from '@cairn/kernel';
import { mapGet, mapValues } from '@cairn/rules';
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
import { recordOwner } from '../contracts/merged-records.js';
import { recordDecider } from '../domain/record.decider.js';
import { loadPinnedVersions } from '../domain/record.facts.js';
import { enrollmentOf } from '../domain/record.state.js';
import type { EnrollmentState, HoldingState, RecordState } from '../domain/record.types.js';
import { versionKey, type Version } from '../domain/version.js';
import { namesNeeded, whyNot, type WhyNotAnswer } from '../domain/why-not.js';
import { whyNotRenewed, type RenewalStanding } from '../domain/why-not-renewed.js';
import { catalogWords } from './catalog-words.js';

type Answer = WhyNotAnswer & {
  readonly enrollment: string;
  /** Of what the pathway awards and the learner holds: when the next term can be had, and what is missing for it. */
  readonly renewals: readonly RenewalStanding[];
};

/** Undefined: the tenant has no such enrollment. */
export class WhyNotQuery extends Query<Answer | undefined> {
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
    const { state } = await executor.snapshot(
      recordDecider,
      recordStream(tenant, await recordOwner(executor.loader.fold, tenant, learnerOf(enrollmentId))),
    );
    const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
    if (!enrollment) return undefined;
    const versions = await loadPinnedVersions(executor.loader, tenant, state);
    const versionOf = ({ ref }: EnrollmentState) => versions.get(versionKey(ref.pathwayId, ref.version)) as Version;
    const version = versionOf(enrollment);
    const { templateOf, issuerZoneOf } = await this.heldBy(tenant, state, version);
    const zoneOf = (holding: HoldingState): string => {
      const own = holding.data.enrollment && enrollmentOf(state, holding.data.enrollment.enrollmentId);
      return own ? versionOf(own).rules.zone : issuerZoneOf(holding);
    };
    const renewing = Array.from(mapValues(state.holdings)).flatMap((holding) => {
      const requirement = templateOf(holding)?.renewal?.requirement;
      return requirement ? [requirement] : [];
    });
    const words = await catalogWords(executor.loader, tenant, namesNeeded(version, renewing));
    const at = await now(tenant);
    return {
      enrollment: publicId('enr', enrollmentId),
      ...whyNot(state, enrollment, versionOf, at, words),
      renewals: whyNotRenewed(state, version, templateOf, zoneOf, at, words),
    };
  }

  /** The template version that each credential in the version's awards was earned by, and its issuer's zone. */
  private async heldBy(tenant: TenantId, state: RecordState, version: Version) {
    const { loader } = this.installation.executor;
    const held = new Map<TemplateId, { readonly template: PublishedTemplate; readonly zone: string }>();
    for (const id of new Set(version.awards.map((award) => award.template as TemplateId))) {
      const holding = mapGet(state.holdings, id);
      if (!holding) continue;
      const { versions } = await loader.fold(templateFold, templateStream(tenant, id));
      const template = versions[holding.data.templateVersion - 1] as PublishedTemplate;
      const { registered } = await loader.fold(issuerFold, issuerStream(tenant, template.issuerId));
      held.set(id, { template, zone: registered?.zone ?? version.rules.zone });
    }
    return {
      templateOf: ({ data }: HoldingState) => held.get(data.templateId)?.template,
      issuerZoneOf: ({ data }: HoldingState) => held.get(data.templateId)?.zone ?? version.rules.zone,
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
