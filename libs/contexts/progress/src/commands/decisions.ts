// What named authorities decide: waivers, and components from outside.
import { Body, Controller, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { uuidv5, type EnrollmentId, type Instant, type LearnerId, type ModuleId, type TemplateId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  idOrSlug,
  InstantField,
  instantOf,
  IntegerField,
  NumberField,
  OneOf,
  RequireScope,
  Text,
  type CairnRequest,
  type TenantCaller,
} from '@cairn/platform';
import type {
  CloseRecord,
  CreditStackComponent,
  GrantCredential,
  GrantRenewal,
  WaiveRequirement,
  WithdrawRenewal,
  WithdrawStackComponent,
  WithdrawWaiver,
} from '../contracts/record.commands.js';
import { RecordHandler } from './record-handler.js';

export class WaiveRequirementMessage extends CommandMessage<WaiveRequirement> {
  static readonly type = 'WaiveRequirement';
}
@CommandHandler(WaiveRequirementMessage)
export class WaiveRequirementHandler extends RecordHandler {}

export class WithdrawWaiverMessage extends CommandMessage<WithdrawWaiver> {
  static readonly type = 'WithdrawWaiver';
}
@CommandHandler(WithdrawWaiverMessage)
export class WithdrawWaiverHandler extends RecordHandler {}

export class CreditComponentMessage extends CommandMessage<CreditStackComponent> {
  static readonly type = 'CreditStackComponent';
}
@CommandHandler(CreditComponentMessage)
export class CreditComponentHandler extends RecordHandler {}

export class WithdrawComponentMessage extends CommandMessage<WithdrawStackComponent> {
  static readonly type = 'WithdrawStackComponent';
}
@CommandHandler(WithdrawComponentMessage)
export class WithdrawComponentHandler extends RecordHandler {}

/** Sent by the route of credentials. */
export class GrantCredentialMessage extends CommandMessage<GrantCredential> {
  static readonly type = 'GrantCredential';
}
@CommandHandler(GrantCredentialMessage)
export class GrantCredentialHandler extends RecordHandler {}

/** Sent by the route of credentials. */
export class GrantRenewalMessage extends CommandMessage<GrantRenewal> {
  static readonly type = 'GrantRenewal';
}
@CommandHandler(GrantRenewalMessage)
export class GrantRenewalHandler extends RecordHandler {}

/** Sent by the undo of a run. */
export class WithdrawRenewalMessage extends CommandMessage<WithdrawRenewal> {
  static readonly type = 'WithdrawRenewal';
}
@CommandHandler(WithdrawRenewalMessage)
export class WithdrawRenewalHandler extends RecordHandler {}

/** Sent by the erasure reactor. */
export class CloseRecordMessage extends CommandMessage<CloseRecord> {
  static readonly type = 'CloseRecord';
}
@CommandHandler(CloseRecordMessage)
export class CloseRecordHandler extends DecidedHandler {}

class WaiverBody {
  @Text({ max: 300, description: 'The requirement, as why-not names it.', example: 'L1/1' }) requirement!: string;
  @Code({ optional: true, description: 'Why; without it the act is refused.', example: 'prior-learning' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it; without it the act is refused.' })
  authority?: string;
  @InstantField({ optional: true, description: 'From when on; now if left out.' }) occurredAt?: string;
}
class ComponentBody {
  @Text({ max: 2048, description: 'Reference of the outside credential or record: the same one counts once.' })
  ref!: string;
  @Text({ optional: true, max: 64, description: 'Template that it counts as: id or slug.' }) template?: string;
  @Text({ optional: true, max: 64, description: 'Or the module that it counts as: id or slug.' }) module?: string;
  @InstantField({ optional: true, description: 'Accepted from then on; now if left out.' }) validFrom?: string;
  @InstantField({ optional: true, description: 'First instant of no validity.' }) validUntil?: string;
  @InstantField({ optional: true, description: 'When it was achieved: from then its credits age.' })
  achievedAt?: string;
  @NumberField({ optional: true, min: 0, max: 1000, decimals: 2 }) credits?: number;
  @Text({ optional: true, max: 100 }) area?: string;
  @IntegerField({ optional: true, max: 20 }) level?: number;
  @Code({ optional: true }) reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who accepted it; without it the act is refused.' })
  authority?: string;
}
class WithdrawComponentBody {
  @Text({ max: 2048, description: 'The reference under which it was credited.' }) ref!: string;
  @OneOf(['revoked', 'expired', 'suspended', 'superseded']) cause!: 'revoked' | 'expired' | 'suspended' | 'superseded';
  @InstantField({ optional: true, description: 'From when on; now if left out.' }) effectiveAt?: string;
  @Code({ optional: true }) reasonCode?: string;
  @Text({ optional: true, max: 200 }) authority?: string;
}

/** A component's id follows from its reference: credited twice, it is the same one. */
const componentIdOf = (learnerId: LearnerId, ref: string): string => uuidv5(learnerId, 'component', ref);

@ApiTags('progress')
@Controller('api')
@RequireScope('progress:write')
export class DecisionRoutes {
  constructor(private readonly gateway: CommandGateway) {}

  @Post('enrollments/:id/waive')
  @ApiOperation({ summary: 'A named authority decides that a requirement is met' })
  waive(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: WaiverBody) {
    return this.waiver(request, 'WaiveRequirement', id, body);
  }

  @Post('enrollments/:id/withdraw-waiver')
  @ApiOperation({ summary: 'A waiver does not count any more; what used it is decided anew' })
  withdrawWaiver(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: WaiverBody) {
    return this.waiver(request, 'WithdrawWaiver', id, body);
  }

  @Post('learners/:id/credit')
  @ApiOperation({ summary: 'Recognises a credential or module from outside' })
  async credit(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: ComponentBody,
  ) {
    const context = this.gateway.contextOf(request);
    const learnerId = idFromPath<LearnerId>('lrn', id);
    const validFrom = body.validFrom === undefined ? context.now : instantOf<Instant>(body.validFrom);
    const outcome = await this.gateway.send<CreditStackComponent>(
      request,
      {
        type: 'CreditStackComponent',
        data: {
          learnerId,
          componentId: componentIdOf(learnerId, body.ref),
          origin: 'recognised',
          ...(body.template === undefined ? {} : { templateId: idOrSlug<TemplateId>('tpl', tenant, body.template) }),
          ...(body.module === undefined ? {} : { moduleId: idOrSlug<ModuleId>('mod', tenant, body.module) }),
          validFrom,
          ...(body.validUntil === undefined ? {} : { validUntil: instantOf<Instant>(body.validUntil) }),
          ...(body.achievedAt === undefined ? {} : { achievedAt: instantOf<Instant>(body.achievedAt) }),
          ...(body.credits === undefined ? {} : { credits: body.credits }),
          ...(body.area === undefined ? {} : { area: body.area }),
          ...(body.level === undefined ? {} : { level: body.level }),
          ref: body.ref,
          ...(body.authority === undefined ? {} : { authority: body.authority }),
          ...(body.reasonCode === undefined ? {} : { reasonCode: body.reasonCode }),
          occurredAt: validFrom,
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }

  @Post('learners/:id/withdraw-component')
  @ApiOperation({ summary: 'A recognised component counts no more' })
  async withdrawComponent(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: WithdrawComponentBody) {
    const context = this.gateway.contextOf(request);
    const learnerId = idFromPath<LearnerId>('lrn', id);
    const outcome = await this.gateway.send<WithdrawStackComponent>(
      request,
      {
        type: 'WithdrawStackComponent',
        data: {
          learnerId,
          componentId: componentIdOf(learnerId, body.ref),
          cause: body.cause,
          effectiveAt: body.effectiveAt === undefined ? context.now : instantOf<Instant>(body.effectiveAt),
          ref: body.ref,
          ...(body.authority === undefined ? {} : { authority: body.authority }),
          ...(body.reasonCode === undefined ? {} : { reasonCode: body.reasonCode }),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }

  private async waiver(
    request: CairnRequest,
    type: 'WaiveRequirement' | 'WithdrawWaiver',
    id: string,
    body: WaiverBody,
  ) {
    const context = this.gateway.contextOf(request);
    const data = {
      enrollmentId: idFromPath<EnrollmentId>('enr', id),
      requirementId: body.requirement,
      reasonCode: body.reasonCode ?? '',
      authority: body.authority ?? '',
      occurredAt: body.occurredAt === undefined ? context.now : instantOf<Instant>(body.occurredAt),
    };
    const outcome = await this.gateway.send<WaiveRequirement | WithdrawWaiver>(request, { type, data }, context);
    return this.gateway.answer(outcome, { id });
  }
}
