// Whether and how a tenant's learners are written to.
import { Body, Controller, Get, Inject, Put, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type TenantId } from '@cairn/kernel';
import { tenantFold, tenantStream } from '@cairn/contexts/tenancy';
import {
  Caller,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  INSTALLATION,
  Nested,
  OneOf,
  OneOfMany,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { SetDeliveryPolicy } from '../contracts/message.commands.js';
import { deliveryStream, MESSAGE_KINDS, type MessageKind } from '../contracts/message.events.js';
import { deliveryPolicyFold } from '../domain/delivery-policy.decider.js';
import { LANGUAGES } from '../domain/texts.js';

export class SetDeliveryPolicyMessage extends CommandMessage<SetDeliveryPolicy> {
  static readonly type = 'SetDeliveryPolicy';
}
@CommandHandler(SetDeliveryPolicyMessage)
export class SetDeliveryPolicyHandler extends DecidedHandler {}

const TIME = { max: 5, pattern: /^([01]\d|2[0-3]):[0-5]\d$/, hint: 'must be a local time such as 21:00' };
class QuietHoursBody {
  @Text({ ...TIME, example: '21:00' }) from!: string;
  @Text({ ...TIME, example: '08:00', description: 'Over midnight if it is the earlier one.' }) until!: string;
  @Text({ optional: true, max: 64, example: 'Europe/Berlin', description: "IANA zone; the tenant's if left out." })
  zone?: string;
}
class DeliveryPolicyBody {
  @OneOfMany(MESSAGE_KINDS, { min: 0, description: 'Of what learners are told; an empty list: of nothing.' })
  tell!: MessageKind[];
  @OneOf(LANGUAGES, { description: 'For learners without a language that there are texts in.' }) language!: string;
  @Nested(() => QuietHoursBody, { optional: true, description: 'When nobody is written to.' })
  quietHours?: QuietHoursBody;
}

@ApiTags('messages')
@RequireScope('tenant:admin')
@Controller('api/delivery-policy')
export class DeliveryPolicyRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Of what the learners of the tenant are told, in which language, and when not' })
  async read(@Caller() { tenant }: TenantCaller) {
    const { policy } = await this.installation.executor.loader.fold(deliveryPolicyFold, deliveryStream(tenant));
    return { ...(policy ?? { tell: [], language: 'en' }), channel: this.installation.mail.channel };
  }

  @Put()
  @ApiOperation({
    summary: 'Sets it; what happened before anybody was told anything stays untold',
    description: 'Until this is set, learners are told nothing. Templates say by `reminders` when to remind.',
  })
  async set(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Body() body: DeliveryPolicyBody) {
    const { tell, language, quietHours } = body;
    const outcome = await this.gateway.send<SetDeliveryPolicy>(request, {
      type: 'SetDeliveryPolicy',
      data: {
        tell,
        language,
        ...(quietHours
          ? {
              quietHours: {
                from: quietHours.from,
                until: quietHours.until,
                zone: quietHours.zone ?? (await this.zoneOf(tenant)),
              },
            }
          : {}),
      },
    });
    return this.gateway.answer(outcome, { id: publicId('ten', tenant), created: false });
  }

  private async zoneOf(tenant: TenantId): Promise<string> {
    const { registered } = await this.installation.executor.loader.fold(tenantFold, tenantStream(tenant));
    return registered?.zone ?? 'UTC';
  }
}
