// Starting, completing and invalidating modules: on an enrollment, on a learner, or by ids of other systems.
import { Body, Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { bareId, publicId, type EnrollmentId, type Instant, type LearnerId, type ModuleId } from '@cairn/kernel';
import { identityFold, identityHash, identityStream, normaliseIdentity } from '@cairn/contexts/learners';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  Flag,
  idFromPath,
  idOrSlug,
  INSTALLATION,
  InstantField,
  instantOf,
  NumberField,
  OneOf,
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { CompleteModule, InvalidateModuleCompletion, StartModule } from '../contracts/record.commands.js';
import { learnerOf } from '../contracts/record.events.js';
import { RecordHandler } from './record-handler.js';

export class StartModuleMessage extends CommandMessage<StartModule> {
  static readonly type = 'StartModule';
}
@CommandHandler(StartModuleMessage)
export class StartModuleHandler extends RecordHandler {}

export class CompleteModuleMessage extends CommandMessage<CompleteModule> {
  static readonly type = 'CompleteModule';
}
@CommandHandler(CompleteModuleMessage)
export class CompleteModuleHandler extends RecordHandler {}

export class InvalidateCompletionMessage extends CommandMessage<InvalidateModuleCompletion> {
  static readonly type = 'InvalidateModuleCompletion';
}
@CommandHandler(InvalidateCompletionMessage)
export class InvalidateCompletionHandler extends RecordHandler {}

class StartBody {
  @Text({ max: 64, description: 'Id or slug of the module.' }) module!: string;
  @InstantField({ optional: true, description: 'When; now if left out.' }) occurredAt?: string;
}
class CompleteBody extends StartBody {
  @NumberField({ min: 0, max: 100, optional: true, description: 'Grade, 0 to 100.' }) score?: number;
  @Flag({ optional: true }) honours?: boolean;
  @Text({ optional: true, max: 2048, description: 'Where the evidence lies; no personal data.' }) evidenceRef?: string;
  @Text({ optional: true, max: 200, description: 'Who assessed, by role or id.' }) assessor?: string;
  @Text({ optional: true, max: 64, description: 'Channel it comes by; `api` if left out.', example: 'lms' })
  source?: string;
  @Text({ optional: true, max: 200, description: 'Id of the record in that channel: with source its business key.' })
  sourceId?: string;
}
class InvalidateBody {
  @Text({ max: 64, description: 'The completion: id (`evt_…`) of its module-completed event.' }) completion!: string;
  @Code({ optional: true, description: 'Why; without it the act is refused.', example: 'entered-in-error' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it.' }) authority?: string;
  @InstantField({ optional: true, description: 'When; now if left out.' }) occurredAt?: string;
}
class ExternalCompletionBody extends CompleteBody {
  @OneOf(['email', 'external-id']) learnerBy!: 'email' | 'external-id';
  @Text({ max: 320, description: 'The e-mail address, or `system:value`.', example: 'sis:4711' }) learner!: string;
}

const completionData = (tenant: TenantCaller['tenant'], now: Instant, body: CompleteBody) => ({
  moduleId: idOrSlug<ModuleId>('mod', tenant, body.module),
  ...(body.score === undefined ? {} : { score: body.score }),
  ...(body.honours === undefined ? {} : { honours: body.honours }),
  ...(body.evidenceRef === undefined ? {} : { evidenceRef: body.evidenceRef }),
  ...(body.assessor === undefined ? {} : { assessor: body.assessor }),
  source: body.source ?? 'api',
  ...(body.sourceId === undefined ? {} : { sourceId: body.sourceId }),
  occurredAt: body.occurredAt === undefined ? now : instantOf<Instant>(body.occurredAt),
});

type Whose = { readonly learnerId: LearnerId; readonly enrollmentId?: EnrollmentId };

/** `enr_…` or `lrn_…` in the path: an enrollment names its learner. */
function whose(kind: 'enrollments' | 'learners', id: string): Whose {
  if (kind === 'learners') return { learnerId: idFromPath<LearnerId>('lrn', id) };
  const enrollmentId = idFromPath<EnrollmentId>('enr', id);
  return { learnerId: learnerOf(enrollmentId), enrollmentId };
}

@ApiTags('progress')
@Controller('api')
@RequireScope('progress:write')
export class ModuleRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post('enrollments/:id/start-module')
  @ApiOperation({ summary: 'Records that the learner began a module of the enrollment' })
  startInEnrollment(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: StartBody,
  ) {
    return this.start(request, caller, whose('enrollments', id), id, body);
  }

  @Post('learners/:id/start-module')
  @ApiOperation({ summary: 'Records that the learner began a module' })
  startOfLearner(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: StartBody,
  ) {
    return this.start(request, caller, whose('learners', id), id, body);
  }

  @Post('enrollments/:id/complete-module')
  @ApiOperation({ summary: 'Records that the learner finished a module of the enrollment' })
  completeInEnrollment(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: CompleteBody,
  ) {
    return this.complete(request, caller, whose('enrollments', id), id, body);
  }

  @Post('learners/:id/complete-module')
  @ApiOperation({ summary: 'Records that the learner finished a module; it counts in every open enrollment' })
  completeOfLearner(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: CompleteBody,
  ) {
    return this.complete(request, caller, whose('learners', id), id, body);
  }

  @Post('completions')
  @ApiOperation({ summary: 'The same by ids of other systems: source + sourceId is the business key' })
  async completeByExternalIds(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Body() body: ExternalCompletionBody,
  ) {
    const { tenant } = caller;
    const value = normaliseIdentity(body.learnerBy, body.learner);
    const key = await this.installation.keyVault.secret(tenant, 'identity');
    const owner =
      value === undefined
        ? undefined
        : await this.installation.executor.loader.fold(
            identityFold,
            identityStream(tenant, identityHash(key, tenant, { kind: body.learnerBy, value })),
          );
    if (!owner?.owner)
      throw new ProblemException('not-found', 'No learner has this identifier.', {
        next: 'Register the learner first.',
      });
    return this.complete(request, caller, { learnerId: owner.owner }, undefined, body);
  }

  @Post('enrollments/:id/invalidate-completion')
  @ApiOperation({ summary: 'A completion does not count any more; what used it is decided anew' })
  invalidateInEnrollment(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: InvalidateBody) {
    return this.invalidate(request, whose('enrollments', id), id, body);
  }

  @Post('learners/:id/invalidate-completion')
  @ApiOperation({ summary: 'A completion does not count any more; what used it is decided anew' })
  invalidateOfLearner(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: InvalidateBody) {
    return this.invalidate(request, whose('learners', id), id, body);
  }

  private async start(request: CairnRequest, { tenant }: TenantCaller, who: Whose, id: string, body: StartBody) {
    const context = this.gateway.contextOf(request);
    const outcome = await this.gateway.send<StartModule>(
      request,
      {
        type: 'StartModule',
        data: {
          ...who,
          moduleId: idOrSlug<ModuleId>('mod', tenant, body.module),
          occurredAt: body.occurredAt === undefined ? context.now : instantOf<Instant>(body.occurredAt),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }

  private async complete(
    request: CairnRequest,
    { tenant }: TenantCaller,
    who: Whose,
    id: string | undefined,
    body: CompleteBody,
  ) {
    const context = this.gateway.contextOf(request);
    const outcome = await this.gateway.send<CompleteModule>(
      request,
      { type: 'CompleteModule', data: { ...who, ...completionData(tenant, context.now, body) } },
      context,
    );
    return this.gateway.answer(outcome, { id: id ?? publicId('lrn', who.learnerId) });
  }

  private async invalidate(request: CairnRequest, { learnerId }: Whose, id: string, body: InvalidateBody) {
    const context = this.gateway.contextOf(request);
    const completion = bareId('evt', body.completion);
    if (completion === undefined)
      throw new ProblemException('not-found', `"${body.completion}" is not the id of an event.`);
    const outcome = await this.gateway.send<InvalidateModuleCompletion>(
      request,
      {
        type: 'InvalidateModuleCompletion',
        data: {
          learnerId,
          completion,
          reasonCode: body.reasonCode ?? '',
          ...(body.authority === undefined ? {} : { authority: body.authority }),
          occurredAt: body.occurredAt === undefined ? context.now : instantOf<Instant>(body.occurredAt),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }
}
