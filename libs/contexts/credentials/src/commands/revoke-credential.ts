import { Body, Controller, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiHeader, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { CredentialId } from '@cairn/kernel';
import {
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  InstantField,
  instantOf,
  requireIfMatch,
  RequireScope,
  Text,
  type CairnRequest,
} from '@cairn/platform';
import type { RevokeCredential } from '../contracts/credential.commands.js';

export class RevokeCredentialMessage extends CommandMessage<RevokeCredential> {
  static readonly type = 'RevokeCredential';
}
@CommandHandler(RevokeCredentialMessage)
export class RevokeCredentialHandler extends DecidedHandler {}

class RevokeCredentialBody {
  @Code({ optional: true, description: 'Why; without it the revocation is refused.', example: 'issued-in-error' })
  reasonCode?: string;
  @Text({
    optional: true,
    max: 200,
    description: 'Who is entitled to decide it; without it the revocation is refused.',
  })
  authority?: string;
  @InstantField({ optional: true, description: 'From when on it is revoked, not in the future; now if left out.' })
  effectiveAt?: string;
}

@ApiTags('credentials')
@Controller('api/credentials')
export class RevokeCredentialRoute {
  constructor(private readonly gateway: CommandGateway) {}

  @Post(':id/revoke')
  @RequireScope('credentials:manage')
  @ApiOperation({ summary: 'Withdraws a credential for good' })
  @ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the credential that was decided on' })
  async revoke(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: RevokeCredentialBody) {
    requireIfMatch(request);
    const outcome = await this.gateway.send<RevokeCredential>(request, {
      type: 'RevokeCredential',
      data: {
        credentialId: idFromPath<CredentialId>('crd', id),
        reasonCode: body.reasonCode ?? '',
        ...(body.authority === undefined ? {} : { authority: body.authority }),
        ...(body.effectiveAt === undefined ? {} : { effectiveAt: instantOf(body.effectiveAt) }),
      },
    });
    return this.gateway.answer(outcome, { id });
  }
}
