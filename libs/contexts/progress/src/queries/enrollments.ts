// What is known of an enrollment: progress from the read model, history and why-not from the record.
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  publicActor,
  publicId,
  type Document,
  type EnrollmentId,
  type Instant,
  type LearnerId,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import { onePerson } from '@cairn/contexts/learners';
import {
  Caller,
  idFromPath,
  INSTALLATION,
  InstantField,
  instantOf,
  pageAnswer,
  PageQuery,
  pageOf,
  positionToken,
  ProblemException,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { learnerOf, recordStream, type RecordEvent } from '../contracts/record.events.js';
import { recordOwner, recordsOf } from '../contracts/merged-records.js';
import { recordDecider } from '../domain/record.decider.js';
import { progressAt } from '../projections/learner-progress.projection.js';

class EnrollmentListQuery extends PageQuery {
  @Text({ optional: true, max: 64, description: 'Only of this learner: `lrn_…`.' }) learner?: string;
}
class EnrollmentQuery {
  @InstantField({ optional: true, description: 'Effective time asked about; now if left out.' }) asOf?: string;
  @InstantField({ optional: true, description: 'How much of the log is used, by recorded time; all if left out.' })
  knownAt?: string;
}

function shown({ _id, tenant: _tenant, learnerId, enrollmentId, pathwayId, ...rest }: Document) {
  return {
    id: publicId('enr', enrollmentId as string),
    learner: publicId('lrn', learnerId as string),
    pathway: publicId('pwy', pathwayId as string),
    ...rest,
  };
}

@ApiTags('progress')
@Controller('api')
@RequireScope('progress:read')
export class EnrollmentQueries {
  constructor(
    private readonly gate: ReadGate,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get('enrollments')
  @ApiOperation({ summary: 'Enrollments, of one learner or all' })
  async list(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Query() query: EnrollmentListQuery,
  ) {
    await this.gate.pass(request, reply, 'learner_progress');
    const { executor, views } = this.installation;
    const ports = { fold: executor.loader.fold, find: views.find };
    const filter =
      query.learner === undefined
        ? { _id: { $gte: `${tenant}:`, $lt: `${tenant}:~` } }
        : {
            tenant,
            learnerId: { $in: await onePerson(ports, tenant, idFromPath<LearnerId>('lrn', query.learner)) },
          };
    return pageAnswer(reply, request, await pageOf(this.installation.views, 'learner_progress', filter, query), shown);
  }

  @Get('enrollments/:id')
  @ApiOperation({ summary: 'How far the learner is; ETag is that of the record' })
  async one(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Query() query: EnrollmentQuery,
  ) {
    const enrollmentId = idFromPath<EnrollmentId>('enr', id);
    if (query.asOf !== undefined || query.knownAt !== undefined) return this.at(tenant, enrollmentId, query);
    await this.gate.pass(request, reply, 'learner_progress');
    const document = await this.installation.views.get('learner_progress', `${tenant}:${enrollmentId}`);
    if (!document) throw new ProblemException('not-found', 'There is no such enrollment.');
    const { executor } = this.installation;
    const record = await recordOwner(executor.loader.fold, tenant, learnerOf(enrollmentId));
    const { revision } = await executor.snapshot(recordDecider, recordStream(tenant, record));
    void reply.header('ETag', `"${revision}"`);
    return shown(document);
  }

  /** The same fold over the part of the record that was known and in effect then; no ETag, since nothing is decided on it. */
  private async at(tenant: TenantId, enrollmentId: EnrollmentId, { asOf, knownAt }: EnrollmentQuery) {
    const history = await this.recordOf(tenant, enrollmentId);
    const document = progressAt(history, enrollmentId, {
      ...(asOf === undefined ? {} : { asOf: instantOf<Instant>(asOf) }),
      ...(knownAt === undefined ? {} : { knownAt: instantOf<Instant>(knownAt) }),
    });
    if (!document) throw new ProblemException('not-found', 'No such enrollment was known at that time.');
    return shown(document);
  }

  @Get('enrollments/:id/history')
  @ApiOperation({ summary: 'Every recorded event that concerns the enrollment, oldest first' })
  async history(@Caller() { tenant }: TenantCaller, @Param('id') id: string) {
    const enrollmentId = idFromPath<EnrollmentId>('enr', id);
    const events = await this.recordOf(tenant, enrollmentId);
    const concerns = ({ data }: RecordEvent): boolean =>
      'enrollments' in data && data.enrollments !== undefined
        ? data.enrollments.some((ref) => ref.enrollmentId === enrollmentId)
        : 'enrollment' in data && data.enrollment?.enrollmentId === enrollmentId;
    const items = events.filter(concerns);
    if (items.length === 0) throw new ProblemException('not-found', 'There is no such enrollment.');
    return {
      items: items.map((event) => ({
        id: publicId('evt', event.id),
        type: event.type,
        occurredAt: event.meta.occurredAt,
        recordedAt: event.meta.recordedAt,
        actor: publicActor(event.meta.actor),
        revision: event.revision,
        position: positionToken(this.installation.logId, event.position),
        data: event.data,
      })),
    };
  }

  /** The events of every record that the enrollment was or is in, in the log's order. */
  private async recordOf(tenant: TenantId, enrollment: EnrollmentId): Promise<readonly Recorded<RecordEvent>[]> {
    const { executor } = this.installation;
    const records = await recordsOf(executor.loader.fold, tenant, learnerOf(enrollment));
    const histories = await Promise.all(records.map((record) => executor.history(recordStream(tenant, record))));
    const events = histories.flat() as readonly Recorded<RecordEvent>[];
    return records.length === 1 ? events : events.toSorted((a, b) => (a.position < b.position ? -1 : 1));
  }
}
