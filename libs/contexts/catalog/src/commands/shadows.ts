// A draft in shadow: evaluated beside the versions that people are in. What it finds, `progress` tells.
import { Body, Controller, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { hashJson, publicId, reject, type CommandOutcome, type PathwayId, type Recorded } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idOrSlug,
  INSTALLATION,
  NameMap,
  plain,
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { StartPathwayShadow, StopPathwayShadow } from '../contracts/catalog.commands.js';
import type { PathwayEvent } from '../contracts/catalog.events.js';
import { pathwayFold, pathwayStream, versionByLabelOrNumber } from '../contracts/catalog.folds.js';
import { withGranting } from './pathways.js';

export class StartPathwayShadowMessage extends CommandMessage<StartPathwayShadow> {
  static readonly type = 'StartPathwayShadow';
}
export class StopPathwayShadowMessage extends CommandMessage<StopPathwayShadow> {
  static readonly type = 'StopPathwayShadow';
}
@CommandHandler(StopPathwayShadowMessage)
export class StopPathwayShadowHandler extends DecidedHandler {}

/** Finds which pathways grant what the draft's rules name, as publishing it would. */
@CommandHandler(StartPathwayShadowMessage)
export class StartPathwayShadowHandler implements ICommandHandler<StartPathwayShadowMessage> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  async execute({ issued, options }: StartPathwayShadowMessage): Promise<CommandOutcome> {
    const command = await withGranting(this.installation, issued);
    // As for publishing: what the catalog grants is no part of what a client says, so that is compared here.
    const outcome = await this.installation.executor.execute({ ...command, idSource: 'derived' }, options);
    const [event] = (outcome.accepted ? outcome.events : []) as readonly Recorded<PathwayEvent>[];
    if (!outcome.accepted || !outcome.replayed || issued.idSource !== 'client') return outcome;
    if (event?.type !== 'pathway-shadow-started') return outcome;
    const { candidate: _candidate, ...started } = event.data;
    return hashJson(started) === hashJson(issued.data)
      ? outcome
      : reject('idempotency-key-reused', 'This idempotency key was used to start another shadow.');
  }
}

class StartShadowBody {
  @Text({ optional: true, max: 64, description: 'Only who is in this version; in any older one if left out.' })
  from?: string;
  @NameMap({ optional: true, description: 'Step left → step that it becomes.', example: { L1: 'basics' } })
  mapping?: Record<string, string>;
  @Text({ optional: true, max: 64, description: 'Entry point of the draft that stands for the old one.' })
  entryPoint?: string;
}
class StopShadowBody {
  @Code({ example: 'seen-enough' }) reasonCode!: string;
}

@ApiTags('catalog')
@Controller('api/pathways')
export class ShadowRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post(':id/shadow')
  @HttpCode(200)
  @RequireScope('catalog:publish')
  @ApiOperation({
    summary: 'Puts the draft in shadow: evaluated beside the versions that people are in; it issues nothing',
    description: 'It ends when it is stopped, and when the draft is published or rewritten.',
  })
  async start(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: StartShadowBody,
  ) {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { from, ...more } = plain(body);
    const { state } = await this.installation.executor.snapshot(pathwayFold, pathwayStream(tenant, pathwayId));
    if (!state.draft) throw new ProblemException('not-found', 'There is no such pathway.');
    const version = from === undefined ? undefined : versionByLabelOrNumber(state, from);
    if (from !== undefined && !version)
      throw new ProblemException('not-found', `The pathway has no published version "${from}".`);
    const outcome = await this.gateway.send<StartPathwayShadow>(request, {
      type: 'StartPathwayShadow',
      data: { pathwayId, ...(version ? { from: version.version } : {}), ...more },
    });
    return this.gateway.answer(outcome, { id: publicId('pwy', pathwayId) });
  }

  @Post(':id/shadow/stop')
  @HttpCode(200)
  @RequireScope('catalog:publish')
  @ApiOperation({ summary: 'Ends the shadow; what it found up to now can still be asked' })
  async stop(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: StopShadowBody,
  ) {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const outcome = await this.gateway.send<StopPathwayShadow>(request, {
      type: 'StopPathwayShadow',
      data: { pathwayId, reasonCode: body.reasonCode },
    });
    return this.gateway.answer(outcome, { id: publicId('pwy', pathwayId) });
  }
}
