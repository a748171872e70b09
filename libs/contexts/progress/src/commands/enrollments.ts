// Joining, leaving and returning to a pathway.
import { Body, Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type EnrollmentId, type LearnerId, type PathwayId, type Recorded } from '@cairn/kernel';
import { pathwayFold, pathwayStream, versionByLabelOrNumber } from '@cairn/contexts/catalog';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  idFromPath,
  idOrSlug,
  INSTALLATION,
  InstantField,
  instantOf,
  IntegerField,
  NameMap,
  plain,
  PublicId,
  RequireScope,
  Text,
  ProblemException,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type {
  EnrollLearner,
  MoveEnrollmentToVersion,
  ReinstateEnrollment,
  WithdrawEnrollment,
} from '../contracts/record.commands.js';
import { recordOwner } from '../contracts/merged-records.js';
import { learnerOf, recordStream, type RecordEvent } from '../contracts/record.events.js';
import { RecordHandler } from './record-handler.js';
import { recordDecider } from '../domain/record.decider.js';

export class EnrollLearnerMessage extends CommandMessage<EnrollLearner> {
  static readonly type = 'EnrollLearner';
}
@CommandHandler(EnrollLearnerMessage)
export class EnrollLearnerHandler extends RecordHandler {}

export class WithdrawEnrollmentMessage extends CommandMessage<WithdrawEnrollment> {
  static readonly type = 'WithdrawEnrollment';
}
@CommandHandler(WithdrawEnrollmentMessage)
export class WithdrawEnrollmentHandler extends RecordHandler {}

export class ReinstateEnrollmentMessage extends CommandMessage<ReinstateEnrollment> {
  static readonly type = 'ReinstateEnrollment';
}
@CommandHandler(ReinstateEnrollmentMessage)
export class ReinstateEnrollmentHandler extends RecordHandler {}

export class MoveEnrollmentMessage extends CommandMessage<MoveEnrollmentToVersion> {
  static readonly type = 'MoveEnrollmentToVersion';
}
@CommandHandler(MoveEnrollmentMessage)
export class MoveEnrollmentHandler extends RecordHandler {}

class EnrollBody {
  @PublicId('lrn') learner!: string;
  @Text({ max: 64, description: 'Id or slug of the pathway.' }) pathway!: string;
  @Text({ optional: true, max: 64, description: 'Label or number of the version; the newest if left out.' })
  version?: string;
  @Text({ optional: true, max: 64, description: 'Where to enter; the first entry point if left out.' })
  entryPoint?: string;
  @IntegerField({
    optional: true,
    min: 1,
    max: 1000,
    description: 'A repeat is asked for by its number; 1 if left out.',
  })
  attempt?: number;
  @InstantField({ optional: true, description: 'When the learner joined; now if left out.' }) occurredAt?: string;
}
class LeaveBody {
  @Code({ description: 'Why.', example: 'learner-request' }) reasonCode!: string;
  @InstantField({ optional: true, description: 'When; now if left out.' }) occurredAt?: string;
}
class ReturnBody extends LeaveBody {
  @NameMap({
    optional: true,
    description: 'Step left → step that it becomes, should the learner have been away too long to keep the version.',
    example: { L1: 'basics' },
  })
  mapping?: Record<string, string>;
  @Text({ optional: true, max: 64, description: 'Entry point of the newest version that stands for the old one.' })
  entryPoint?: string;
}

class MoveBody {
  @Text({ max: 64, description: 'Label or number of the newer version.' }) version!: string;
  @NameMap({
    optional: true,
    description: 'Step left → step that it becomes; a step not named goes on under its own id.',
    example: { L1: 'basics' },
  })
  mapping?: Record<string, string>;
  @Text({ optional: true, max: 64, description: 'Entry point of the new version that stands for the old one.' })
  entryPoint?: string;
  @Code({ description: 'Why.', example: 'rules-revised' }) reasonCode!: string;
  @InstantField({ optional: true, description: 'When; now if left out.' }) occurredAt?: string;
}

@ApiTags('progress')
@Controller('api/enrollments')
@RequireScope('progress:write')
export class EnrollmentRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Enrolls a learner in a pathway; what was earned before counts at once' })
  async enroll(@Req() request: CairnRequest, @Caller() caller: TenantCaller, @Body() body: EnrollBody) {
    const context = this.gateway.contextOf(request);
    const pathwayId = idOrSlug<PathwayId>('pwy', caller.tenant, body.pathway);
    const version = body.version === undefined ? undefined : await this.versionNumber(caller, pathwayId, body.version);
    const outcome = await this.gateway.send<EnrollLearner>(
      request,
      {
        type: 'EnrollLearner',
        data: {
          learnerId: idFromPath<LearnerId>('lrn', body.learner),
          pathwayId,
          ...(version === undefined ? {} : { version }),
          ...(body.entryPoint === undefined ? {} : { entryPoint: body.entryPoint }),
          ...(body.attempt === undefined ? {} : { attempt: body.attempt }),
          occurredAt: body.occurredAt === undefined ? context.now : instantOf(body.occurredAt),
          mode: 'requested',
        },
      },
      context,
    );
    const joined = (outcome.events as readonly Recorded<RecordEvent>[]).find(
      (event) => event.type === 'learner-enrolled' && event.data.enrollment.pathwayId === pathwayId,
    );
    if (joined?.type !== 'learner-enrolled') throw new TypeError('an accepted enrollment holds its event');
    const id = publicId('enr', joined.data.enrollment.enrollmentId);
    return this.gateway.answer(outcome, { id, location: `/api/enrollments/${id}` });
  }

  @Post(':id/withdraw')
  @ApiOperation({ summary: 'The learner leaves the pathway; what was earned stays' })
  async withdraw(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: LeaveBody) {
    return this.leaveOrReturn<WithdrawEnrollment>(request, id, body, (data) => ({ type: 'WithdrawEnrollment', data }));
  }

  @Post(':id/reinstate')
  @ApiOperation({
    summary: 'The learner comes back; facts recorded meanwhile count; away too long: by the newest version',
  })
  async reinstate(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: ReturnBody) {
    const { mapping, entryPoint } = body;
    return this.leaveOrReturn<ReinstateEnrollment>(request, id, body, (data) => ({
      type: 'ReinstateEnrollment',
      data: {
        ...data,
        ...(mapping === undefined ? {} : { mapping: plain(mapping) }),
        ...(entryPoint === undefined ? {} : { entryPoint }),
      },
    }));
  }

  @Post(':id/move')
  @ApiOperation({ summary: 'The learner goes on by a newer version; what was met and earned stays' })
  async move(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: MoveBody,
  ) {
    const context = this.gateway.contextOf(request);
    const enrollmentId = idFromPath<EnrollmentId>('enr', id);
    const { executor } = this.installation;
    const record = await recordOwner(executor.loader.fold, caller.tenant, learnerOf(enrollmentId));
    const { state } = await executor.snapshot(recordDecider, recordStream(caller.tenant, record));
    const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
    if (!enrollment) throw new ProblemException('not-found', 'There is no such enrollment.');
    const outcome = await this.gateway.send<MoveEnrollmentToVersion>(
      request,
      {
        type: 'MoveEnrollmentToVersion',
        data: {
          enrollmentId,
          version: await this.versionNumber(caller, enrollment.ref.pathwayId, body.version),
          ...(body.mapping === undefined ? {} : { mapping: plain(body.mapping) }),
          ...(body.entryPoint === undefined ? {} : { entryPoint: body.entryPoint }),
          reasonCode: body.reasonCode,
          occurredAt: body.occurredAt === undefined ? context.now : instantOf(body.occurredAt),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }

  private async leaveOrReturn<C extends WithdrawEnrollment | ReinstateEnrollment>(
    request: CairnRequest,
    id: string,
    { reasonCode, occurredAt }: LeaveBody,
    command: (data: WithdrawEnrollment['data']) => C,
  ) {
    const context = this.gateway.contextOf(request);
    const data = {
      enrollmentId: idFromPath<EnrollmentId>('enr', id),
      reasonCode,
      occurredAt: occurredAt === undefined ? context.now : instantOf<typeof context.now>(occurredAt),
    };
    return this.gateway.answer(await this.gateway.send<C>(request, command(data), context), { id });
  }

  private async versionNumber({ tenant }: TenantCaller, pathwayId: PathwayId, text: string): Promise<number> {
    const { state } = await this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    const found = versionByLabelOrNumber(state, text);
    if (!found) throw new ProblemException('not-found', `The pathway has no published version "${text}".`);
    return found.version;
  }
}
