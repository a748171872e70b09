// What runs behind the API: projections, reactors, parked work.
import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Code, ListOfText } from './dto.js';
import type { Installation } from './installation.js';
import { OperatorOnly } from './policy.js';
import { ProblemException } from './problems.js';
import { INSTALLATION } from './tokens.js';

class RebuildBody {
  @ListOfText({ optional: true, max: 100, description: 'Names of projections; all if left out.' })
  projections?: string[];
}
class DiscardBody {
  @Code({ description: 'Why the event may be passed over.' }) reasonCode!: string;
}

@ApiTags('operations')
@Controller('ops')
@OperatorOnly()
export class OpsController {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  @Get('projections')
  @ApiOperation({ summary: 'Where projections and reactors stand; `settled` when all is done' })
  projections(): Promise<object> {
    return this.installation.status();
  }

  @Post('projections/rebuild')
  @HttpCode(200)
  @ApiOperation({ summary: 'Folds read models anew beside the live ones, compares, switches' })
  async rebuild(@Body() body: RebuildBody): Promise<object> {
    const known = this.installation.projectionNames;
    for (const name of body.projections ?? [])
      if (!known.includes(name))
        throw new ProblemException('not-found', `There is no projection "${name}"; there are ${known.join(', ')}.`);
    return { parity: await this.installation.rebuild(body.projections) };
  }

  @Get('parked')
  @ApiOperation({ summary: 'What was set aside because an event could not be handled' })
  async parked(): Promise<object> {
    return { items: await this.installation.parked() };
  }

  @Post('parked/:owner/:key/retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'Tries a parked key again' })
  retry(@Param('owner') owner: string, @Param('key') key: string): Promise<object> {
    return this.settle('retry', owner, key);
  }

  @Post('parked/:owner/:key/discard')
  @HttpCode(200)
  @ApiOperation({ summary: 'Passes over the event that a parked key waits for; recorded with its reason' })
  discard(@Param('owner') owner: string, @Param('key') key: string, @Body() body: DiscardBody): Promise<object> {
    return this.settle('discard', owner, key, body.reasonCode);
  }

  private async settle(act: 'retry' | 'discard', owner: string, key: string, reasonCode = ''): Promise<object> {
    const parked = await this.installation.parked();
    if (!parked.some((item) => item.owner === owner && item.key === key))
      throw new ProblemException('not-found', `Nothing is parked as ${owner} ${key}.`);
    const still = await this.installation.settleParked(act, owner, key, { actor: 'service:operator', reasonCode });
    return { free: still === undefined, ...(still === undefined ? {} : { parked: still }) };
  }
}
