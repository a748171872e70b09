// A further term by hand: what was earned under a template that people issue, or what an authority decides.
import { Body, Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  uuidv5,
  type CommandOutcome,
  type CredentialId,
  type Instant,
  type Issued,
  type Recorded,
} from '@cairn/kernel';
import { recordsOf, recordStream, type GrantRenewal, type RecordEvent } from '@cairn/contexts/progress';
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
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type {
  NoteRenewalWindow,
  RenewCredential,
  RequestRenewalReminder,
  SupersedeCredential,
} from '../contracts/credential.commands.js';
import { credentialStream, type CredentialEvent } from '../contracts/credential.events.js';
import { issueOnEarned } from '../reactors/issue-on-earned.reactor.js';

export class RenewCredentialMessage extends CommandMessage<RenewCredential> {
  static readonly type = 'RenewCredential';
}
@CommandHandler(RenewCredentialMessage)
export class RenewCredentialHandler extends DecidedHandler {}

/** Sent by the scheduler when a window opens or closes. */
export class NoteRenewalWindowMessage extends CommandMessage<NoteRenewalWindow> {
  static readonly type = 'NoteRenewalWindow';
}
@CommandHandler(NoteRenewalWindowMessage)
export class NoteRenewalWindowHandler extends DecidedHandler {}

/** Sent by the scheduler when a reminder of the end of a term is due. */
export class RequestRenewalReminderMessage extends CommandMessage<RequestRenewalReminder> {
  static readonly type = 'RequestRenewalReminder';
}
@CommandHandler(RequestRenewalReminderMessage)
export class RequestRenewalReminderHandler extends DecidedHandler {}

/** Sent by the reactor once the next edition is issued. */
export class SupersedeCredentialMessage extends CommandMessage<SupersedeCredential> {
  static readonly type = 'SupersedeCredential';
}
@CommandHandler(SupersedeCredentialMessage)
export class SupersedeCredentialHandler extends DecidedHandler {}

class RenewCredentialBody {
  @Code({ optional: true, description: 'Why it is renewed by decision.', example: 'attended-elsewhere' })
  reasonCode?: string;
  @Text({ optional: true, max: 200, description: 'Who is entitled to decide it.' }) authority?: string;
  @InstantField({ optional: true, description: 'When it was decided, in window or grace; now if left out.' })
  occurredAt?: string;
}

type RenewalEarned = Recorded<Extract<RecordEvent, { type: 'renewal-earned' }>>;

@ApiTags('credentials')
@Controller('api/credentials')
export class RenewCredentialRoute {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post(':id/renew')
  @RequireScope('credentials:issue')
  @ApiOperation({
    summary: 'Gives a credential its next term: what was earned, or what an authority decides for a reason',
    description:
      'Without a body it issues the terms that were earned and wait for a person. With reasonCode and authority it ' +
      'decides the next term, in the window before the end of the last one or in the grace after it.',
  })
  async renew(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: RenewCredentialBody,
  ) {
    const { executor } = this.installation;
    const credentialId = idFromPath<CredentialId>('crd', id);
    const events = (await executor.history(
      credentialStream(tenant, credentialId),
    )) as readonly Recorded<CredentialEvent>[];
    const issued = events.find((event) => event.type === 'credential-issued');
    if (!issued) throw new ProblemException('not-found', 'No such credential was issued.');
    const { learnerId } = issued.data;
    const known = new Set(events.flatMap((event) => (event.type === 'credential-renewed' ? [event.data.serial] : [])));
    const records = await recordsOf(executor.loader.fold, tenant, learnerId);
    const histories = await Promise.all(records.map((one) => executor.history(recordStream(tenant, one))));
    const record = histories.flat() as readonly Recorded<RecordEvent>[];
    const waiting = record.filter(
      (event): event is RenewalEarned =>
        event.type === 'renewal-earned' && event.data.credentialId === credentialId && !known.has(event.data.serial),
    );
    const context = this.gateway.contextOf(request);
    const byDecision = body.reasonCode !== undefined || body.authority !== undefined;
    const granted =
      waiting.length > 0 && !byDecision
        ? []
        : (
            (
              await this.gateway.send<GrantRenewal>(
                request,
                {
                  type: 'GrantRenewal',
                  data: {
                    learnerId,
                    credentialId,
                    // Left out, the decision itself refuses: outside the window first, else `reason-required`.
                    reasonCode: body.reasonCode ?? '',
                    authority: body.authority ?? '',
                    occurredAt: body.occurredAt === undefined ? context.now : instantOf<Instant>(body.occurredAt),
                  },
                },
                context,
              )
            ).events as readonly Recorded<RecordEvent>[]
          ).filter((event): event is RenewalEarned => event.type === 'renewal-earned');
    let last: Extract<CommandOutcome, { accepted: true }> | undefined;
    for (const { id: eventId, stream, revision, meta } of [...waiting, ...granted]) {
      const command: Issued<RenewCredential> = {
        ...context,
        type: 'RenewCredential',
        data: { learnerId, credentialId, basis: { stream, revision, eventId } },
        // The command that the reactor would send, under the same id: both ways meet in one term.
        commandId: uuidv5(eventId, issueOnEarned.name, 0),
        idSource: 'derived',
        correlationId: meta.$correlationId,
        causedBy: eventId,
      };
      const outcome = await this.gateway.dispatch(command);
      if (!outcome.accepted) throw ProblemException.of(outcome);
      last = outcome;
    }
    if (!last) throw new ProblemException('credential-not-active', 'There is no further term to give.');
    return this.gateway.answer(last, { id });
  }
}
