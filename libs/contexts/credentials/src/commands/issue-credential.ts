// Issuing by hand: what was earned under a template that is issued by people, or what an authority grants.
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  bareId,
  publicId,
  uuidv5,
  type CommandContext,
  type CredentialId,
  type Issued,
  type LearnerId,
  type Recorded,
  type TemplateId,
} from '@cairn/kernel';
import { recordsOf, recordStream, type GrantCredential, type RecordEvent } from '@cairn/contexts/progress';
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
  idOrSlug,
  ProblemException,
  PublicId,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { IssueCredential } from '../contracts/credential.commands.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import type { Basis } from '../domain/credential.decider.js';
import { issueOnEarned } from '../reactors/issue-on-earned.reactor.js';

export class IssueCredentialMessage extends CommandMessage<IssueCredential> {
  static readonly type = 'IssueCredential';
}
@CommandHandler(IssueCredentialMessage)
export class IssueCredentialHandler extends DecidedHandler {}

class IssueCredentialBody {
  @PublicId('lrn') learner!: string;
  @PublicId('evt', { optional: true, description: 'The CredentialEarned event; else say what is granted.' })
  earned?: string;
  @Text({ optional: true, max: 64, description: 'Id or slug of the template that is granted.' }) template?: string;
  @Code({ optional: true, description: 'Why it is granted.' }) reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to grant it.' }) authority?: string;
  @PublicId('crd', { optional: true, description: 'The credential that it replaces.' }) replaces?: string;
  @InstantField({ optional: true, description: 'When it was granted, not in the future.' }) occurredAt?: string;
}

class SupersedeBody {
  @Code({ optional: true, description: 'What was wrong; without it the act is refused.', example: 'new-name' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it; without it the act is refused.' })
  authority?: string;
  @InstantField({ optional: true, description: 'When it was decided, not in the future; now if left out.' })
  occurredAt?: string;
}

@ApiTags('credentials')
@Controller('api/credentials')
export class IssueCredentialRoute {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @RequireScope('credentials:issue')
  @ApiOperation({
    summary: 'Issues what was earned, or what an authority grants for a reason',
    description: 'Send learner and earned; or learner, template, reasonCode, authority and occurredAt.',
  })
  async issue(@Req() request: CairnRequest, @Caller() caller: TenantCaller, @Body() body: IssueCredentialBody) {
    if ((body.earned === undefined) === (body.template === undefined))
      throw new ProblemException('validation-failed', 'Name either the earning event or a template to grant.', {
        errors: [{ pointer: '/earned', code: 'one-of', message: 'send either earned or template' }],
      });
    const context = this.gateway.contextOf(request);
    const learnerId = bareId('lrn', body.learner) as LearnerId;
    const basis =
      body.template === undefined
        ? await this.earned(context, learnerId, bareId('evt', body.earned as string) as string)
        : await this.grant(request, context, caller, learnerId, body, body.template);
    return this.issueOn(context, basis);
  }

  @Post(':id/supersede')
  @HttpCode(201)
  @RequireScope('credentials:manage')
  @ApiOperation({
    summary: 'Corrects a credential: issues its next edition, and its old page leads on there',
    description: 'Same award, same term, signed anew with what is right by now; the old one stays superseded for good.',
  })
  async supersede(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: SupersedeBody,
  ) {
    const replaces = idFromPath<CredentialId>('crd', id);
    const events = (await this.installation.executor.history(
      credentialStream(caller.tenant, replaces),
    )) as readonly Recorded<CredentialEvent>[];
    const issued = events.find((event) => event.type === 'credential-issued');
    if (!issued) throw new ProblemException('not-found', 'No such credential was issued.');
    const context = this.gateway.contextOf(request);
    const { learnerId, templateId } = issued.data;
    const granted = await this.sendGrant(request, context, {
      learnerId,
      templateId,
      reasonCode: body.reasonCode ?? '',
      authority: body.authority ?? '',
      replaces,
      corrects: true,
      occurredAt: body.occurredAt === undefined ? context.now : instantOf(body.occurredAt),
    });
    return this.issueOn(context, granted);
  }

  /** Issues on an earning or granting event. */
  private async issueOn(context: CommandContext, basis: Recorded<Basis>) {
    const { credentialId, learnerId } = basis.data;
    const command: Issued<IssueCredential> = {
      ...context,
      type: 'IssueCredential',
      data: {
        learnerId,
        credentialId,
        basis: { stream: basis.stream, revision: basis.revision, eventId: basis.id },
      },
      // The command that the reactor would send, under the same id: both ways meet in one issuance (D1).
      commandId: uuidv5(basis.id, issueOnEarned.name, 0),
      idSource: 'derived',
      correlationId: basis.meta.$correlationId,
      causedBy: basis.id,
    };
    const outcome = await this.gateway.dispatch(command);
    if (!outcome.accepted) throw ProblemException.of(outcome);
    const id = publicId('crd', credentialId);
    return this.gateway.answer(outcome, { id, location: `/api/credentials/${id}` });
  }

  private async earned({ tenant }: CommandContext, learnerId: LearnerId, eventId: string): Promise<Recorded<Basis>> {
    const { executor } = this.installation;
    const records = await recordsOf(executor.loader.fold, tenant, learnerId);
    const histories = await Promise.all(records.map((record) => executor.history(recordStream(tenant, record))));
    const event = (histories.flat() as readonly Recorded<RecordEvent>[]).find(({ id }) => id === eventId);
    if (event?.type !== 'credential-earned' && event?.type !== 'credential-granted')
      throw new ProblemException('basis-unknown', 'The record of this learner has no such decision.');
    return event;
  }

  private async grant(
    request: CairnRequest,
    context: CommandContext,
    caller: TenantCaller,
    learnerId: LearnerId,
    body: IssueCredentialBody,
    template: string,
  ): Promise<Recorded<Basis>> {
    if (body.occurredAt === undefined)
      throw new ProblemException('validation-failed', 'A grant says when it was decided.', {
        errors: [{ pointer: '/occurredAt', code: 'required', message: 'send when it was granted' }],
      });
    return this.sendGrant(request, context, {
      learnerId,
      templateId: idOrSlug<TemplateId>('tpl', caller.tenant, template),
      // Left out, the decision itself refuses: `reason-required`, `authority-required`.
      reasonCode: body.reasonCode ?? '',
      authority: body.authority ?? '',
      ...(body.replaces === undefined ? {} : { replaces: bareId('crd', body.replaces) as CredentialId }),
      occurredAt: instantOf(body.occurredAt),
    });
  }

  private async sendGrant(
    request: CairnRequest,
    context: CommandContext,
    data: GrantCredential['data'],
  ): Promise<Recorded<Basis>> {
    const outcome = await this.gateway.send<GrantCredential>(request, { type: 'GrantCredential', data }, context);
    const granted = (outcome.events as readonly Recorded<RecordEvent>[]).find(
      (event) => event.type === 'credential-granted',
    );
    if (!granted) throw new ProblemException('credential-not-active', 'The learner holds this credential already.');
    return granted;
  }
}
