// What is missing in an enrollment: for each step and award, the requirements that are not met and the way there.
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type EnrollmentId, type TenantId } from '@cairn/kernel';
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
import type { EnrollmentState } from '../domain/record.types.js';
import { versionKey, type Version } from '../domain/version.js';
import { namesNeeded, whyNot, type WhyNotAnswer } from '../domain/why-not.js';
import { catalogWords } from './catalog-words.js';

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
    const { state } = await executor.snapshot(
      recordDecider,
      recordStream(tenant, await recordOwner(executor.loader.fold, tenant, learnerOf(enrollmentId))),
    );
    const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
    if (!enrollment) return undefined;
    const versions = await loadPinnedVersions(executor.loader, tenant, state);
    const versionOf = ({ ref }: EnrollmentState) => versions.get(versionKey(ref.pathwayId, ref.version)) as Version;
    const words = await catalogWords(executor.loader, tenant, namesNeeded(versionOf(enrollment)));
    return {
      enrollment: publicId('enr', enrollmentId),
      ...whyNot(state, enrollment, versionOf, await now(tenant), words),
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
