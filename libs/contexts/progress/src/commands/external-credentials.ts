// Credentials of other issuers: recorded, checked, reviewed by a person, looked at.
import { Body, Controller, Get, Inject, Param, Post, Query, Req, Res } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  Personal,
  publicId,
  sha256,
  uuidv5,
  type Document,
  type Instant,
  type LearnerId,
  type ModuleId,
  type TemplateId,
  type TenantId,
} from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  idOrSlug,
  INSTALLATION,
  InstantField,
  instantOf,
  IntegerField,
  NumberField,
  OneOf,
  pageAnswer,
  pageOf,
  PageQuery,
  ProblemException,
  PublicId,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type {
  AcceptExternalCredential,
  DeclineExternalCredential,
  RecordExternalCredential,
  RecordExternalVerification,
} from '../contracts/external-credential.commands.js';
import {
  EXTERNAL_FORMATS,
  externalCredentialStream,
  VERIFICATION_OUTCOMES,
  type ExternalDetails,
} from '../contracts/external-credential.events.js';
import { FOREIGN_VERIFIER, type ForeignVerifier } from '../contracts/foreign-verifier.js';
import { externalCredentialFold } from '../domain/external-credential.decider.js';

export class RecordExternalCredentialMessage extends CommandMessage<RecordExternalCredential> {
  static readonly type = 'RecordExternalCredential';
}
@CommandHandler(RecordExternalCredentialMessage)
export class RecordExternalCredentialHandler extends DecidedHandler {}

export class RecordExternalVerificationMessage extends CommandMessage<RecordExternalVerification> {
  static readonly type = 'RecordExternalVerification';
}
@CommandHandler(RecordExternalVerificationMessage)
export class RecordExternalVerificationHandler extends DecidedHandler {}

export class AcceptExternalCredentialMessage extends CommandMessage<AcceptExternalCredential> {
  static readonly type = 'AcceptExternalCredential';
}
@CommandHandler(AcceptExternalCredentialMessage)
export class AcceptExternalCredentialHandler extends DecidedHandler {}

export class DeclineExternalCredentialMessage extends CommandMessage<DeclineExternalCredential> {
  static readonly type = 'DeclineExternalCredential';
}
@CommandHandler(DeclineExternalCredentialMessage)
export class DeclineExternalCredentialHandler extends DecidedHandler {}

class ExternalBody {
  @PublicId('lrn') learner!: string;
  @Text({ max: 512, example: 'did:web:industry.example', description: 'The other issuer: name, DID or address.' })
  issuer!: string;
  @OneOf(EXTERNAL_FORMATS, { optional: true, description: '`other` if left out.' })
  format?: (typeof EXTERNAL_FORMATS)[number];
  @Text({ optional: true, max: 8192, description: 'The credential itself; kept sealed under the learner’s key.' })
  document?: string;
  @Text({
    optional: true,
    max: 64,
    pattern: /^[0-9a-f]{64}$/,
    hint: 'must be a SHA-256 in lower-case hexadecimal',
    description: 'SHA-256 of the credential, if the credential itself is not sent.',
  })
  hash?: string;
  @Text({ optional: true, max: 300, description: 'What it is called there; sealed.' }) title?: string;
  @Text({ optional: true, max: 2048, description: 'Where it can be looked up; sealed.' }) reference?: string;
  @InstantField({ optional: true, description: 'First instant of its validity; now if left out.' }) validFrom?: string;
  @InstantField({ optional: true, description: 'First instant of no validity.' }) validUntil?: string;
  @InstantField({ optional: true, description: 'When it was achieved: from then its credits age.' })
  achievedAt?: string;
}
class CheckBody {
  @OneOf(VERIFICATION_OUTCOMES, { optional: true, description: 'What a person found; left out: the program looks.' })
  outcome?: (typeof VERIFICATION_OUTCOMES)[number];
  @Code({ optional: true, description: 'What was found, as a code.', example: 'confirmed-by-issuer' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who checked it, by role; without it a person’s word is refused.' })
  authority?: string;
  @InstantField({ optional: true, description: 'When it was checked; now if left out.' }) checkedAt?: string;
}
class ReviewBody {
  @Code({ optional: true, description: 'Why; without it the act is refused.', example: 'equivalent' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who decided it, by role; without it the act is refused.' })
  authority?: string;
  @InstantField({ optional: true, description: 'When it was decided; now if left out.' }) occurredAt?: string;
}
class AcceptBody extends ReviewBody {
  @Text({ optional: true, max: 64, description: 'Template that it counts as: id or slug.' }) template?: string;
  @Text({ optional: true, max: 64, description: 'Or the module that it counts as: id or slug.' }) module?: string;
  @NumberField({ optional: true, min: 0, max: 1000, decimals: 2 }) credits?: number;
  @Text({ optional: true, max: 100 }) area?: string;
  @IntegerField({ optional: true, max: 20 }) level?: number;
}
class ExternalListQuery extends PageQuery {
  @Text({ optional: true, max: 64, description: 'Only of this learner: `lrn_…`.' }) learner?: string;
}

function shown({ _id, tenant: _tenant, externalId, learnerId, review, ...rest }: Document) {
  const { equivalence, ...word } = (review ?? {}) as Document;
  const { templateId, moduleId, ...worth } = (equivalence ?? {}) as Document;
  return {
    id: publicId('ext', externalId as string),
    learner: publicId('lrn', learnerId as string),
    ...rest,
    ...(review === undefined
      ? {}
      : {
          review: {
            ...word,
            ...(templateId === undefined ? {} : { template: publicId('tpl', templateId as string) }),
            ...(moduleId === undefined ? {} : { module: publicId('mod', moduleId as string) }),
            ...worth,
          },
        }),
  };
}

@ApiTags('progress')
@Controller('api/external-credentials')
export class ExternalCredentialRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly gate: ReadGate,
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(FOREIGN_VERIFIER) private readonly verifier: ForeignVerifier,
  ) {}

  @Post()
  @RequireScope('learners:write')
  @ApiOperation({ summary: 'Records a credential of another issuer; it satisfies nothing until valid and accepted' })
  async record(@Req() request: CairnRequest, @Body() body: ExternalBody) {
    if ((body.document === undefined) === (body.hash === undefined))
      throw new ProblemException('validation-failed', 'Send either the credential itself or its hash.', {
        errors: [{ pointer: '/document', code: 'one-of', message: 'send either document or hash' }],
      });
    const context = this.gateway.contextOf(request);
    const learnerId = idFromPath<LearnerId>('lrn', body.learner);
    const hash = body.hash ?? sha256(body.document as string);
    const externalId = uuidv5(learnerId, 'external-credential', hash);
    const { issuer, format = 'other', title, reference, document } = body;
    const details: ExternalDetails = {
      ...(title === undefined ? {} : { title }),
      ...(reference === undefined ? {} : { reference }),
      ...(document === undefined ? {} : { document }),
    };
    const outcome = await this.gateway.send<RecordExternalCredential>(
      request,
      {
        type: 'RecordExternalCredential',
        data: {
          externalId,
          learnerId,
          issuer,
          format,
          hash,
          validFrom: body.validFrom === undefined ? context.now : instantOf<Instant>(body.validFrom),
          ...(body.validUntil === undefined ? {} : { validUntil: instantOf<Instant>(body.validUntil) }),
          ...(body.achievedAt === undefined ? {} : { achievedAt: instantOf<Instant>(body.achievedAt) }),
          ...(Object.keys(details).length === 0 ? {} : { details: Personal.of(details) }),
        },
      },
      context,
    );
    const verdict = await this.verifier.verify({
      format,
      issuer,
      hash,
      ...(document === undefined ? {} : { document }),
    });
    // Whoever records it again learns what is known; only the first time it is looked at by itself.
    if (outcome.outcome === 'recorded')
      await this.gateway.dispatch({
        ...context,
        commandId: uuidv5(context.commandId, 'verification'),
        idSource: 'derived',
        type: 'RecordExternalVerification',
        data: { externalId, ...verdict, by: 'program', checkedAt: context.now },
      });
    const id = publicId('ext', externalId);
    return this.gateway.answer(outcome, {
      id,
      location: `/api/external-credentials/${id}`,
      more: await this.standing(context.tenant, externalId),
    });
  }

  @Post(':id/verify')
  @RequireScope('progress:write')
  @ApiOperation({ summary: 'Checks it again, or records what a named person found' })
  async verify(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: CheckBody,
  ) {
    const context = this.gateway.contextOf(request);
    const externalId = idFromPath<string>('ext', id);
    const verdict =
      body.outcome === undefined
        ? { ...(await this.look(tenant, externalId)), by: 'program' as const }
        : { outcome: body.outcome, finding: body.reasonCode ?? `found-${body.outcome}`, by: 'person' as const };
    const outcome = await this.gateway.send<RecordExternalVerification>(
      request,
      {
        type: 'RecordExternalVerification',
        data: {
          externalId,
          ...verdict,
          ...(body.authority === undefined || body.outcome === undefined ? {} : { authority: body.authority }),
          checkedAt: body.checkedAt === undefined ? context.now : instantOf<Instant>(body.checkedAt),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id, more: await this.standing(tenant, externalId) });
  }

  @Post(':id/accept')
  @RequireScope('progress:write')
  @ApiOperation({ summary: 'A named authority decides what it counts as; it does while it is valid' })
  async accept(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: AcceptBody,
  ) {
    const context = this.gateway.contextOf(request);
    const externalId = idFromPath<string>('ext', id);
    const outcome = await this.gateway.send<AcceptExternalCredential>(
      request,
      {
        type: 'AcceptExternalCredential',
        data: {
          ...reviewOf(externalId, body, context.now),
          equivalence: {
            ...(body.template === undefined ? {} : { templateId: idOrSlug<TemplateId>('tpl', tenant, body.template) }),
            ...(body.module === undefined ? {} : { moduleId: idOrSlug<ModuleId>('mod', tenant, body.module) }),
            ...(body.credits === undefined ? {} : { credits: body.credits }),
            ...(body.area === undefined ? {} : { area: body.area }),
            ...(body.level === undefined ? {} : { level: body.level }),
          },
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id, more: await this.standing(tenant, externalId) });
  }

  @Post(':id/decline')
  @RequireScope('progress:write')
  @ApiOperation({ summary: 'A named authority decides that it counts as nothing; if it did, it does no more' })
  async decline(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: ReviewBody,
  ) {
    const context = this.gateway.contextOf(request);
    const externalId = idFromPath<string>('ext', id);
    const outcome = await this.gateway.send<DeclineExternalCredential>(
      request,
      { type: 'DeclineExternalCredential', data: reviewOf(externalId, body, context.now) },
      context,
    );
    return this.gateway.answer(outcome, { id, more: await this.standing(tenant, externalId) });
  }

  @Get()
  @RequireScope('progress:read')
  @ApiOperation({ summary: 'Credentials of other issuers, of one learner or all, without personal data' })
  async list(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Query() query: ExternalListQuery,
  ) {
    await this.gate.pass(request, reply, 'external_credentials');
    const learnerId = query.learner === undefined ? {} : { learnerId: idFromPath<string>('lrn', query.learner) };
    const page = await pageOf(this.installation.views, 'external_credentials', { tenant, ...learnerId }, query, [
      ['recordedAt', 1],
    ]);
    return pageAnswer(reply, request, page, shown);
  }

  @Get(':id')
  @RequireScope('progress:read')
  @ApiOperation({ summary: 'One credential of another issuer, with what is sealed under the learner’s key' })
  async one(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
  ) {
    await this.gate.pass(request, reply, 'external_credentials');
    const externalId = idFromPath<string>('ext', id);
    const document = await this.installation.views.get('external_credentials', `${tenant}:${externalId}`);
    if (!document) throw new ProblemException('not-found', 'There is no external credential of that id.');
    const { state, revision } = await this.state(tenant, externalId);
    void reply.headers({ ETag: `"${revision}"`, 'Cache-Control': 'no-store' });
    return { ...shown(document), ...state.recorded?.details?.reveal() };
  }

  private state(tenant: TenantId, externalId: string) {
    return this.installation.executor.snapshot(externalCredentialFold, externalCredentialStream(tenant, externalId));
  }

  /** Whether it counts now, and if not, what is missing. */
  private async standing(tenant: TenantId, externalId: string) {
    const { state } = await this.state(tenant, externalId);
    const { verification, review, counts } = state;
    const missing = [
      ...(verification?.outcome === 'valid' ? [] : [`verification-${verification?.outcome ?? 'unknown'}`]),
      ...(review?.equivalence ? [] : [review ? 'declined' : 'not-reviewed']),
    ];
    return counts ? { counts: true, countsFrom: counts.from } : { counts: false, missing };
  }

  private async look(tenant: TenantId, externalId: string) {
    const { state } = await this.state(tenant, externalId);
    if (!state.recorded) throw new ProblemException('not-found', 'There is no external credential of that id.');
    const { format, issuer, hash, details } = state.recorded;
    const document = details?.reveal()?.document;
    return this.verifier.verify({ format, issuer, hash, ...(document === undefined ? {} : { document }) });
  }
}

const reviewOf = (externalId: string, { reasonCode, authority, occurredAt }: ReviewBody, now: Instant) => ({
  externalId,
  reasonCode: reasonCode ?? '',
  authority: authority ?? '',
  occurredAt: occurredAt === undefined ? now : instantOf<Instant>(occurredAt),
});
