// The clock of a sandbox: where it stands, and moving it on.
import { Body, Controller, Get, Inject, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId } from '@cairn/kernel';
import {
  Caller,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  INSTALLATION,
  InstantField,
  instantOf,
  RequireScope,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { sandboxClock } from '../contracts/tenancy.folds.js';
import type { SetTenantClock } from '../contracts/tenancy.commands.js';

export class SetTenantClockMessage extends CommandMessage<SetTenantClock> {
  static readonly type = 'SetTenantClock';
}
@CommandHandler(SetTenantClockMessage)
export class SetTenantClockHandler extends DecidedHandler {}

class SetClockBody {
  @InstantField({ example: '2028-03-10T09:00:00.000Z', description: 'Not before where the clock stands.' }) to!: string;
}

@ApiTags('tenancy')
@Controller('api/clock')
export class ClockRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get()
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: "The tenant's time: real, or that of its sandbox" })
  async read(@Caller() { tenant }: TenantCaller) {
    const { executor } = this.installation;
    const isSandbox = (await sandboxClock(executor.loader, tenant)) !== undefined;
    return { now: await this.installation.now(tenant), sandbox: isSandbox };
  }

  @Post()
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: "Moves a sandbox's clock on; what falls due by then is done, in order of due time" })
  async set(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Body() body: SetClockBody) {
    const to = instantOf<SetTenantClock['data']['to']>(body.to);
    const outcome = await this.gateway.send<SetTenantClock>(request, { type: 'SetTenantClock', data: { to } });
    return this.gateway.answer(outcome, { id: publicId('ten', tenant), more: { now: to } });
  }
}
