// Both ends of a hold by people. Those of a policy come from the record: no route sends them.
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
import type { ExpireCredential, ReinstateCredential, SuspendCredential } from '../contracts/credential.commands.js';

export class SuspendCredentialMessage extends CommandMessage<SuspendCredential> {
  static readonly type = 'SuspendCredential';
}
@CommandHandler(SuspendCredentialMessage)
export class SuspendCredentialHandler extends DecidedHandler {}

export class ReinstateCredentialMessage extends CommandMessage<ReinstateCredential> {
  static readonly type = 'ReinstateCredential';
}
@CommandHandler(ReinstateCredentialMessage)
export class ReinstateCredentialHandler extends DecidedHandler {}

/** Sent by the scheduler when the term is over. */
export class ExpireCredentialMessage extends CommandMessage<ExpireCredential> {
  static readonly type = 'ExpireCredential';
}
@CommandHandler(ExpireCredentialMessage)
export class ExpireCredentialHandler extends DecidedHandler {}

class HoldBody {
  @Code({
    description: 'Name of the hold: only a reinstatement that names the same one ends it.',
    example: 'inquiry-17',
  })
  hold!: string;
  @Code({ optional: true, description: 'Why; without it the command is refused.', example: 'inquiry' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it; without it the command is refused.' })
  authority?: string;
  @InstantField({ optional: true, description: 'From when on, not in the future; now if left out.' })
  effectiveAt?: string;
}

const dataOf = (id: string, body: HoldBody): SuspendCredential['data'] => ({
  credentialId: idFromPath<CredentialId>('crd', id),
  hold: `manual:${body.hold}`,
  reasonCode: body.reasonCode ?? '',
  ...(body.authority === undefined ? {} : { authority: body.authority }),
  ...(body.effectiveAt === undefined ? {} : { effectiveAt: instantOf(body.effectiveAt) }),
});

@ApiTags('credentials')
@Controller('api/credentials')
export class SuspendCredentialRoute {
  constructor(private readonly gateway: CommandGateway) {}

  @Post(':id/suspend')
  @RequireScope('credentials:manage')
  @ApiOperation({ summary: 'Puts a named hold on a credential: it is not valid until the hold is ended' })
  @ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the credential that was decided on' })
  async suspend(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: HoldBody) {
    requireIfMatch(request);
    const outcome = await this.gateway.send<SuspendCredential>(request, {
      type: 'SuspendCredential',
      data: dataOf(id, body),
    });
    return this.gateway.answer(outcome, { id });
  }

  @Post(':id/reinstate')
  @RequireScope('credentials:manage')
  @ApiOperation({ summary: 'Ends a named hold; without another one the credential is valid again' })
  @ApiHeader({ name: 'If-Match', required: true, description: 'ETag of the credential that was decided on' })
  async reinstate(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: HoldBody) {
    requireIfMatch(request);
    const outcome = await this.gateway.send<ReinstateCredential>(request, {
      type: 'ReinstateCredential',
      data: dataOf(id, body),
    });
    return this.gateway.answer(outcome, { id });
  }
}
