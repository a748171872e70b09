// The outbox: every message, what became of it, and for those who may see people what it says and to whom it went.
import { Controller, Get, Inject, Param, Query as QueryString, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { bareId, publicActor, publicId, type Recorded, type TenantId } from '@cairn/kernel';
import {
  Caller,
  CONFIGURATION,
  idFromPath,
  INSTALLATION,
  OneOf,
  pageAnswer,
  pageOf,
  PageQuery,
  ProblemException,
  PublicId,
  ReadGate,
  RequireScope,
  type CairnRequest,
  type Configuration,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { Filter } from '@cairn/readmodel';
import { messageIdHeader, type WrittenMessage } from '../commands/send-message.js';
import { messageStream, type MessageEvent } from '../contracts/message.events.js';
import { messageDecider, type MessageState } from '../domain/message.decider.js';
import { OUTBOX_STATES, type OutboxDocument } from '../projections/outbox.projection.js';

class OutboxQuery extends PageQuery {
  @OneOf([...OUTBOX_STATES, 'unclaimed'], {
    optional: true,
    description: '`unclaimed`: told of a credential that its holder has not taken yet.',
  })
  state?: string;
  @PublicId('lrn', { optional: true }) learner?: string;
  @PublicId('crd', { optional: true }) credential?: string;
}

const ofState = (state: string | undefined): Filter =>
  state === undefined
    ? {}
    : state === 'unclaimed'
      ? { state: { $in: ['sent', 'kept', 'bounced', 'failed'] }, kind: { $in: ['issued', 'renewed'] }, claimed: false }
      : { state };

@ApiTags('messages')
@Controller('api/outbox')
export class OutboxRoutes {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    private readonly gate: ReadGate,
  ) {}

  @Get()
  @RequireScope('credentials:read')
  @ApiOperation({ summary: 'Messages to learners, newest first, without personal data' })
  async list(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @QueryString() query: OutboxQuery,
  ) {
    await this.gate.pass(request, reply, 'outbox');
    const filter: Filter = {
      tenant,
      ...ofState(query.state),
      ...(query.learner === undefined ? {} : { learnerId: bareId('lrn', query.learner) as string }),
      ...(query.credential === undefined ? {} : { credentialId: bareId('crd', query.credential) as string }),
    };
    const page = await pageOf(this.installation.views, 'outbox', filter, query, [['requestedAt', -1]]);
    return pageAnswer(reply, request, page, (document) => listed(document as unknown as OutboxDocument));
  }

  @Get(':id')
  @RequireScope('learners:read')
  @ApiOperation({ summary: 'One message as it went out, with its history; nothing of it once its learner is erased' })
  async one(
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const stream = messageStream(tenant, idFromPath('msg', id));
    const { executor } = this.installation;
    const events = (await executor.history(stream)) as readonly Recorded<MessageEvent>[];
    const message = events.reduce(messageDecider.evolve, messageDecider.initial);
    if (!message.requested) throw new ProblemException('not-found', 'There is no such message.');
    const { messageId, learnerId, credentialId, templateId, kind, serial, stage } = message.requested;
    void reply.header('Cache-Control', 'no-store');
    return {
      message: id,
      messageId: `<${messageIdHeader(messageId, this.configuration.baseUrl)}>`,
      learner: publicId('lrn', learnerId),
      credential: publicId('crd', credentialId),
      template: publicId('tpl', templateId),
      kind,
      serial,
      ...(stage === undefined ? {} : { stage }),
      state: stateOf(message),
      claimed: message.delivered !== undefined,
      content: await this.contentOf(tenant, message),
      history: events.map(({ id: eventId, type, data, meta }) => ({
        event: publicId('evt', eventId),
        type,
        recordedAt: meta.recordedAt,
        actor: publicActor(meta.actor),
        ...('reasonCode' in data && data.reasonCode !== undefined ? { reasonCode: data.reasonCode } : {}),
        ...('reply' in data && data.reply !== undefined ? { reply: data.reply } : {}),
        ...('until' in data ? { until: data.until } : {}),
      })),
    };
  }

  /** Null: it was never written, or cannot be read any more. */
  private async contentOf(tenant: TenantId, { handedOver }: MessageState): Promise<WrittenMessage | null> {
    if (!handedOver) return null;
    const { addressee, contentHash } = handedOver;
    const bytes = await this.installation.blobVault.get({ tenant, learner: addressee }, contentHash);
    return bytes === undefined ? null : (JSON.parse(Buffer.from(bytes).toString('utf8')) as WrittenMessage);
  }
}

const stateOf = ({ status, handedOver }: MessageState): OutboxDocument['state'] =>
  status === 'handed-over' ? (handedOver?.channel === 'smtp' ? 'sent' : 'kept') : status;

function listed({ _id, _p, tenant: _t, messageId, learnerId, credentialId, templateId, ...rest }: OutboxDocument) {
  return {
    message: publicId('msg', messageId),
    learner: publicId('lrn', learnerId),
    credential: publicId('crd', credentialId),
    template: publicId('tpl', templateId),
    ...rest,
  };
}
