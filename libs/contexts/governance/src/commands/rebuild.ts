// Folding read models anew: first on record with who and why, then done.
import { Body, Controller, HttpCode, Inject, Injectable, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { CommandContext, Issued, TenantId } from '@cairn/kernel';
import {
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  INSTALLATION,
  ListOfText,
  OperatorOnly,
  ProblemException,
  type CairnRequest,
  type Installation,
} from '@cairn/platform';
import type { Parity, RebuildOptions } from '@cairn/runtime';
import type { RebuildReadModels } from '../contracts/governance.commands.js';
import { INSTALLATION_ITSELF } from './parked-work.js';

export class RebuildReadModelsMessage extends CommandMessage<RebuildReadModels> {
  static readonly type = 'RebuildReadModels';
}
@CommandHandler(RebuildReadModelsMessage)
export class RebuildReadModelsHandler extends DecidedHandler {}

@Injectable()
export class RebuildDesk {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly gateway: CommandGateway,
  ) {}

  /** Records the act, then folds the projections (all, if none is named) anew. Throws `not-found`, `works-elsewhere`. */
  async rebuild(
    wanted: readonly string[] | undefined,
    reasonCode: string | undefined,
    contextOf: (tenant: TenantId) => CommandContext,
    options?: RebuildOptions,
  ): Promise<readonly Parity[]> {
    const { projectionNames, roles } = this.installation;
    for (const name of wanted ?? [])
      if (!projectionNames.includes(name))
        throw new ProblemException(
          'not-found',
          `There is no projection "${name}"; there are ${projectionNames.join(', ')}.`,
        );
    if (!roles.has('projector'))
      throw new ProblemException('works-elsewhere', 'A rebuild is done by a process with the role projector.');
    const outcome = await this.gateway.dispatch({
      type: 'RebuildReadModels',
      data: { projections: wanted ?? projectionNames, ...(reasonCode === undefined ? {} : { reasonCode }) },
      ...contextOf(INSTALLATION_ITSELF),
    } satisfies Issued<RebuildReadModels>);
    if (!outcome.accepted) throw ProblemException.of(outcome);
    return this.installation.rebuild(wanted, options);
  }
}

class RebuildBody {
  @ListOfText({ optional: true, max: 100, description: 'Names of projections; all if left out.' })
  projections?: string[];
  @Code({ optional: true, description: 'Why they are folded anew.' }) reasonCode?: string;
}

@ApiTags('operations')
@Controller('ops/projections')
@OperatorOnly()
export class RebuildRoute {
  constructor(
    private readonly desk: RebuildDesk,
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post('rebuild')
  @HttpCode(200)
  @ApiOperation({ summary: 'Folds read models anew beside the live ones, compares, switches; on record' })
  async rebuild(@Req() request: CairnRequest, @Body() { projections, reasonCode }: RebuildBody): Promise<object> {
    const namespace = this.installation.logId;
    const contextOf = (tenant: TenantId): CommandContext => this.gateway.contextOf(request, { tenant, namespace });
    return { parity: await this.desk.rebuild(projections, reasonCode, contextOf) };
  }
}
