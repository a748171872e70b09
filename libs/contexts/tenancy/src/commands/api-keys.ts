// Issuing and revoking API keys: by a tenant's admin, and by the operator for a tenant that has none yet.
import { Body, Controller, Inject, Injectable, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { hmacSha256, publicId, uuidv5, type CommandContext, type TenantId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  INSTALLATION,
  InstantField,
  instantOf,
  OneOfMany,
  OperatorOnly,
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { newApiKey, SECRET_BYTES } from '../contracts/api-key.js';
import type { IssueApiKey, RevokeApiKey } from '../contracts/tenancy.commands.js';
import { SCOPES, type Scope } from '../contracts/tenancy.events.js';
import { tenantFold, tenantStream } from '../contracts/tenancy.folds.js';

export class IssueApiKeyMessage extends CommandMessage<IssueApiKey> {
  static readonly type = 'IssueApiKey';
}
@CommandHandler(IssueApiKeyMessage)
export class IssueApiKeyHandler extends DecidedHandler {}

export class RevokeApiKeyMessage extends CommandMessage<RevokeApiKey> {
  static readonly type = 'RevokeApiKey';
}
@CommandHandler(RevokeApiKeyMessage)
export class RevokeApiKeyHandler extends DecidedHandler {}

class IssueApiKeyBody {
  @Text({ max: 200, example: 'LMS' }) name!: string;
  @OneOfMany(SCOPES, { example: ['progress:write', 'events:read'] }) scopes!: Scope[];
  @InstantField({ optional: true, description: 'From when on it opens nothing; never if left out.' })
  expiresAt?: string;
}
class RevokeApiKeyBody {
  @Code({ example: 'rotated' }) reasonCode!: string;
}

@Injectable()
export class ApiKeyDesk {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  async issue(request: CairnRequest, context: CommandContext, body: IssueApiKeyBody) {
    const { tenant, commandId } = context;
    // Drawn from the vault's secret by the command's id: the same key is told again to a retry, and nowhere kept.
    const drawn = hmacSha256(await this.installation.keyVault.secret(tenant, 'api-keys'), commandId);
    const key = newApiKey(tenant, Buffer.from(drawn, 'hex').subarray(0, SECRET_BYTES));
    const keyId = uuidv5(commandId, 'api-key');
    const outcome = await this.gateway.send<IssueApiKey>(
      request,
      {
        type: 'IssueApiKey',
        data: {
          keyId,
          name: body.name,
          hash: key.hash,
          lastFour: key.lastFour,
          scopes: body.scopes,
          ...(body.expiresAt === undefined ? {} : { expiresAt: instantOf(body.expiresAt) }),
        },
      },
      context,
    );
    const id = publicId('key', keyId);
    return this.gateway.answer(outcome, { id, location: `/api/api-keys/${id}`, more: { key: key.text } });
  }
}

@ApiTags('tenancy')
@Controller('api')
export class ApiKeyRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly desk: ApiKeyDesk,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post('tenants/:id/api-keys')
  @OperatorOnly()
  @ApiOperation({ summary: "Issues a tenant's API key; the answer is the only place that shows it" })
  async issueForTenant(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: IssueApiKeyBody) {
    const tenant = idFromPath<TenantId>('ten', id);
    const { state } = await this.installation.executor.snapshot(tenantFold, tenantStream(tenant));
    if (!state.registered) throw new ProblemException('not-found', 'There is no such tenant.');
    const { namespace } = state.registered;
    const now = await this.installation.now(tenant);
    return this.desk.issue(request, { ...this.gateway.contextOf(request, { tenant, namespace }), now }, body);
  }

  @Post('api-keys')
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'Issues an API key; the answer is the only place that shows it' })
  async issue(@Req() request: CairnRequest, @Body() body: IssueApiKeyBody) {
    return this.desk.issue(request, this.gateway.contextOf(request), body);
  }

  @Post('api-keys/:id/revoke')
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'Ends an API key at once' })
  async revoke(
    @Req() request: CairnRequest,
    @Caller() _caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: RevokeApiKeyBody,
  ) {
    const keyId = idFromPath<string>('key', id);
    const outcome = await this.gateway.send<RevokeApiKey>(request, {
      type: 'RevokeApiKey',
      data: { keyId, reasonCode: body.reasonCode },
    });
    return this.gateway.answer(outcome, { id });
  }
}
