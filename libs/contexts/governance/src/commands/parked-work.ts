// Passing over an event that nobody could handle, or trying it again: first on record with who and why, then done
// (architecture §5).
import { Body, Controller, HttpCode, Inject, Injectable, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  isUuid,
  parseStream,
  publicId,
  type CommandContext,
  type CredentialId,
  type Issued,
  type LearnerId,
  type StoredEvent,
  type TenantId,
} from '@cairn/kernel';
import {
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  INSTALLATION,
  OperatorOnly,
  ProblemException,
  type CairnRequest,
  type Installation,
} from '@cairn/platform';
import type { ParkedKey } from '@cairn/runtime';
import type { DiscardParkedWork, RetryParkedWork } from '../contracts/governance.commands.js';

export class DiscardParkedWorkMessage extends CommandMessage<DiscardParkedWork> {
  static readonly type = 'DiscardParkedWork';
}
@CommandHandler(DiscardParkedWorkMessage)
export class DiscardParkedWorkHandler extends DecidedHandler {}

export class RetryParkedWorkMessage extends CommandMessage<RetryParkedWork> {
  static readonly type = 'RetryParkedWork';
}
@CommandHandler(RetryParkedWorkMessage)
export class RetryParkedWorkHandler extends DecidedHandler {}

const STOPS_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** Whose month it is where no event, hence no tenant, is concerned: that of the installation itself. */
export const INSTALLATION_ITSELF = '0' as TenantId;

export type Settled = {
  /** `evt_…`: the act on record. */
  readonly recorded: string;
  /** What it is parked for now; absent if it is free. */
  readonly parked?: ParkedKey;
};

@Injectable()
export class ParkedDesk {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly gateway: CommandGateway,
  ) {}

  /**
   * Records the act, then passes over the event. Broken off in between, the work is still parked and the act is done,
   * and recorded, again. Throws `not-found` if nothing is parked there.
   */
  async discard(
    name: string,
    key: string,
    reasonCode: string,
    contextOf: (tenant: TenantId) => CommandContext,
  ): Promise<Settled> {
    const row = await this.parkedRow(name, key);
    if (row.eventId === '' && row.runner === 'projection')
      throw new ProblemException('malformed-request', `No single event stopped ${name}: there is none to pass over.`, {
        next: 'Mend the cause, then retry.',
      });
    const { data, tenant } = await this.waitingWork(row);
    return this.recordThenDo('discard', name, key, {
      type: 'DiscardParkedWork',
      data: { ...data, reasonCode },
      ...contextOf(tenant),
    } satisfies Issued<DiscardParkedWork>);
  }

  /** Records the act, then lets the work try the event again. Throws `not-found` if nothing is parked there. */
  async retry(
    name: string,
    key: string,
    reasonCode: string | undefined,
    contextOf: (tenant: TenantId) => CommandContext,
  ): Promise<Settled> {
    const { data, tenant } = await this.waitingWork(await this.parkedRow(name, key));
    return this.recordThenDo('retry', name, key, {
      type: 'RetryParkedWork',
      data: { ...data, ...(reasonCode === undefined ? {} : { reasonCode }) },
      ...contextOf(tenant),
    } satisfies Issued<RetryParkedWork>);
  }

  private async recordThenDo(act: 'retry' | 'discard', name: string, key: string, issued: Issued): Promise<Settled> {
    const outcome = await this.gateway.dispatch(issued);
    if (!outcome.accepted) throw ProblemException.of(outcome);
    const parked = await this.installation.settleParked(act, name, key);
    return {
      recorded: publicId('evt', outcome.events[0]?.id as string),
      ...(parked === undefined ? {} : { parked }),
    };
  }

  private async parkedRow(name: string, key: string): Promise<ParkedKey> {
    const row = await this.stopped(name, key);
    if (!row) throw new ProblemException('not-found', `Nothing is parked as ${name} ${key}.`);
    const role = row.runner === 'projection' ? 'projector' : 'reactor';
    if (!this.installation.roles.has(role))
      throw new ProblemException(
        'works-elsewhere',
        `What waits for "${name}" is done by a process with the role ${role}.`,
      );
    return row;
  }

  /** What goes on record of it, and in whose stream. */
  private async waitingWork(
    row: ParkedKey,
  ): Promise<{ readonly data: RetryParkedWork['data']; readonly tenant: TenantId }> {
    const event = await this.eventOf(row);
    const { learnerId, credentialId } = (event?.data ?? {}) as { learnerId?: unknown; credentialId?: unknown };
    const { runner, name, key, code } = row;
    return {
      data: {
        runner,
        name,
        key,
        code,
        ...(event ? { event: { eventId: event.id, stream: event.stream, revision: event.revision } } : {}),
        ...(isUuid(learnerId) ? { learnerId: learnerId as LearnerId } : {}),
        ...(isUuid(credentialId) ? { credentialId: credentialId as CredentialId } : {}),
      },
      tenant: event ? parseStream(event.stream).tenant : INSTALLATION_ITSELF,
    };
  }

  /** A lane that stopped in an earlier process is tried again at the start: there is nothing to pass over before it stops. */
  async stopped(name: string, key: string): Promise<ParkedKey | undefined> {
    const deadline = Date.now() + STOPS_MS;
    for (;;) {
      const row = (await this.installation.parked()).find((each) => each.name === name && each.key === key);
      if (key !== '*') return row;
      const { settled, projections, reactors } = await this.installation.status();
      const runner = [...projections, ...reactors].find((each) => each.name === name);
      if (row && runner?.state === 'stopped') return row;
      if (!runner || settled || Date.now() > deadline) return undefined;
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** As it is stored: often it is parked because nobody can read it. */
  private async eventOf({ after, eventId }: ParkedKey): Promise<StoredEvent | undefined> {
    if (eventId === '') return undefined;
    const { events } = await this.installation.log.readAll({ after, limit: 1 });
    return events.find(({ id }) => id === eventId);
  }
}

class DiscardBody {
  @Code({ description: 'Why the event may be passed over.' }) reasonCode!: string;
}
class RetryBody {
  @Code({ optional: true, description: 'Why it will succeed now.' }) reasonCode?: string;
}

@ApiTags('operations')
@Controller('ops/parked')
@OperatorOnly()
export class ParkedWorkRoutes {
  constructor(
    private readonly desk: ParkedDesk,
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post(':name/:key/discard')
  @HttpCode(200)
  @ApiOperation({ summary: 'Passes over the event that a parked key waits for; on record with its reason' })
  async discard(
    @Req() request: CairnRequest,
    @Param('name') name: string,
    @Param('key') key: string,
    @Body() { reasonCode }: DiscardBody,
  ): Promise<object> {
    return this.answered(await this.desk.discard(name, key, reasonCode, this.contextFor(request)));
  }

  @Post(':name/:key/retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'Tries a parked key again; on record' })
  async retry(
    @Req() request: CairnRequest,
    @Param('name') name: string,
    @Param('key') key: string,
    @Body() { reasonCode }: RetryBody,
  ): Promise<object> {
    return this.answered(await this.desk.retry(name, key, reasonCode, this.contextFor(request)));
  }

  private contextFor(request: CairnRequest): (tenant: TenantId) => CommandContext {
    const namespace = this.installation.logId;
    return (tenant) => this.gateway.contextOf(request, { tenant, namespace });
  }

  private answered({ recorded, parked }: Settled): object {
    return { free: parked === undefined, recorded, ...(parked === undefined ? {} : { parked }) };
  }
}
