import { Body, Controller, Inject, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { randomUUID } from 'node:crypto';
import { publicId, uuidv5, type TenantId } from '@cairn/kernel';
import {
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  IDEMPOTENCY_KEY,
  INSTALLATION,
  InstantField,
  instantOf,
  OperatorOnly,
  Text,
  type CairnRequest,
  type Installation,
} from '@cairn/platform';
import type { RegisterTenant } from '../contracts/tenancy.commands.js';

export class RegisterTenantMessage extends CommandMessage<RegisterTenant> {
  static readonly type = 'RegisterTenant';
}
@CommandHandler(RegisterTenantMessage)
export class RegisterTenantHandler extends DecidedHandler {}

export const TENANT_SLUG = {
  max: 63,
  pattern: /^[a-z0-9](-?[a-z0-9]){1,62}$/,
  hint: 'must be lower-case letters and digits, with single hyphens between them',
};

class RegisterTenantBody {
  @Text({ ...TENANT_SLUG, example: 'northlake' }) slug!: string;
  @Text({ max: 200, example: 'Northlake College' }) name!: string;
  @Text({ max: 64, example: 'Europe/Berlin', description: 'IANA time zone.' }) zone!: string;
  @InstantField({
    optional: true,
    description:
      'Makes it a sandbox: its clock stands here until it is moved on. Left out: the tenant lives by real time.',
  })
  sandboxClock?: string;
}

@ApiTags('tenancy')
@Controller('api/tenants')
export class RegisterTenantRoute {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @OperatorOnly()
  @ApiOperation({ summary: 'Registers a tenant; issue its first API key next' })
  async register(@Req() request: CairnRequest, @Body() body: RegisterTenantBody) {
    const key = request.headers[IDEMPOTENCY_KEY];
    const { logId, keyVault } = this.installation;
    const tenant = (typeof key === 'string' ? uuidv5(logId, 'tenant', key) : randomUUID()) as TenantId;
    // Random, but the same for every try: a retry is then the same command.
    const namespace = uuidv5(tenant, (await keyVault.secret(tenant, 'id-namespace')).toString('hex'));
    const outcome = await this.gateway.send<RegisterTenant>(
      request,
      {
        type: 'RegisterTenant',
        data: {
          slug: body.slug,
          name: body.name,
          zone: body.zone,
          namespace,
          ...(body.sandboxClock === undefined ? {} : { sandboxClock: instantOf(body.sandboxClock) }),
        },
      },
      this.gateway.contextOf(request, { tenant, namespace }),
    );
    const id = publicId('ten', tenant);
    return this.gateway.answer(outcome, { id, location: `/api/tenants/${id}` });
  }
}
