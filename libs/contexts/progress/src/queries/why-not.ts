// What is missing in an enrollment: for each step that is not satisfied, the requirements that are not met.
import { Controller, Get, Inject, Param } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type EnrollmentId, type TenantId } from '@cairn/kernel';
import { pathwayFold, pathwayStream } from '@cairn/contexts/catalog';
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
import { whyNot, type WhyNotAnswer } from '../domain/why-not.js';

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
    const { executor, clock } = this.installation;
    const { state } = await executor.snapshot(recordDecider, recordStream(tenant, learnerOf(enrollmentId)));
    const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
    if (!enrollment) return undefined;
    const pathway = await executor.snapshot(pathwayFold, pathwayStream(tenant, enrollment.ref.pathwayId));
    const version = pathway.state.versions[enrollment.ref.version - 1];
    if (!version) return undefined;
    return { enrollment: publicId('enr', enrollmentId), ...whyNot(state, enrollment, version, clock.now()) };
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
