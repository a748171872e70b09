// What people and mail systems say about messages: send it again, it came back, the holder has the credential.
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { bareId, publicId, type CredentialId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  INSTALLATION,
  IntegerField,
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { credentialStream } from '@cairn/contexts/credentials';
import type { DeliverCredential, ReportBounce, RequestMessage, ResendMessage } from '../contracts/message.commands.js';
import { messageIdOf } from '../contracts/message.events.js';
import { credentialNowFold } from '../domain/credential-now.fold.js';

/** Sent by the reactor. */
export class RequestMessageMessage extends CommandMessage<RequestMessage> {
  static readonly type = 'RequestMessage';
}
@CommandHandler(RequestMessageMessage)
export class RequestMessageHandler extends DecidedHandler {}

export class ResendMessageMessage extends CommandMessage<ResendMessage> {
  static readonly type = 'ResendMessage';
}
@CommandHandler(ResendMessageMessage)
export class ResendMessageHandler extends DecidedHandler {}

export class ReportBounceMessage extends CommandMessage<ReportBounce> {
  static readonly type = 'ReportBounce';
}
@CommandHandler(ReportBounceMessage)
export class ReportBounceHandler extends DecidedHandler {}

export class DeliverCredentialMessage extends CommandMessage<DeliverCredential> {
  static readonly type = 'DeliverCredential';
}
@CommandHandler(DeliverCredentialMessage)
export class DeliverCredentialHandler extends DecidedHandler {}

class ResendBody {
  @Code({ optional: true, example: 'address-corrected' }) reasonCode?: string;
}
class BounceBody {
  @Text({ max: 300, example: 'msg_…', description: 'The message: its id, or its Message-ID header as it came back.' })
  message!: string;
  @Code({ example: 'mailbox-unknown' }) reasonCode!: string;
  @Text({
    optional: true,
    max: 20,
    pattern: /^\d{3}( \d\.\d{1,3}\.\d{1,3})?$/,
    hint: 'must be numbers only, such as 550 5.1.1: words may name people',
    example: '550 5.1.1',
  })
  reply?: string;
}
class DeliverBody {
  @Code({ example: 'learner-portal', description: 'How its holder got it.' }) channel!: string;
  @IntegerField({ optional: true, min: 1, max: 10_000, description: 'Of which term; the last if left out.' })
  serial?: number;
}

@ApiTags('messages')
@Controller('api')
export class OutboxActs {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post('outbox/:id/resend')
  @HttpCode(200)
  @RequireScope('credentials:manage')
  @ApiOperation({
    summary: 'Sends a message once more, under the same Message-ID',
    description: 'To the address that the learner has by now, and only if what it says is still so.',
  })
  async resend(@Req() request: CairnRequest, @Param('id') id: string, @Body() { reasonCode }: ResendBody) {
    const outcome = await this.gateway.send<ResendMessage>(request, {
      type: 'ResendMessage',
      data: { messageId: idFromPath('msg', id), ...(reasonCode === undefined ? {} : { reasonCode }) },
    });
    return this.gateway.answer(outcome, { id });
  }

  @Post('outbox/bounces')
  @HttpCode(200)
  @RequireScope('messages:report')
  @ApiOperation({ summary: 'The mail system says that a message came back' })
  async bounced(@Req() request: CairnRequest, @Body() { message, reasonCode, reply }: BounceBody) {
    const id = /^<?(msg_[0-9a-z]{26})(@[^\s<>]+)?>?$/.exec(message.trim())?.[1];
    const messageId = id === undefined ? undefined : bareId('msg', id);
    if (id === undefined || messageId === undefined)
      throw new ProblemException('validation-failed', 'This is no message of ours.', {
        errors: [{ pointer: '/message', code: 'message-id', message: 'is neither msg_… nor a Message-ID of ours' }],
      });
    const outcome = await this.gateway.send<ReportBounce>(request, {
      type: 'ReportBounce',
      data: { messageId, reasonCode, ...(reply === undefined ? {} : { reply }) },
    });
    return this.gateway.answer(outcome, { id });
  }

  @Post('credentials/:id/deliver')
  @HttpCode(200)
  @RequireScope('credentials:manage')
  @ApiOperation({ summary: 'A system on the holder’s side says that they have the credential: it is claimed' })
  async deliver(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() { channel, serial }: DeliverBody,
  ) {
    const credentialId = idFromPath<CredentialId>('crd', id);
    const { loader } = this.installation.executor;
    const credential = await loader.fold(credentialNowFold, credentialStream(tenant, credentialId));
    const term = serial ?? credential.serial;
    if (!credential.issued || term > credential.serial)
      throw new ProblemException('not-found', 'No such term of a credential was issued.');
    const messageId = messageIdOf(credentialId, term === 1 ? 'issued' : 'renewed', term);
    const outcome = await this.gateway.send<DeliverCredential>(request, {
      type: 'DeliverCredential',
      data: { messageId, channel },
    });
    return this.gateway.answer(outcome, { id, more: { message: publicId('msg', messageId) } });
  }
}
