// What runs behind the API: projections, reactors, parked work.
import { Body, Controller, Get, HttpCode, Inject, Logger, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { join } from 'node:path';
import type { Configuration } from './configuration.js';
import { Flag, ListOfText } from './dto.js';
import type { Installation } from './installation.js';
import { OperatorOnly } from './policy.js';
import { ProblemException } from './problems.js';
import { CONFIGURATION, INSTALLATION } from './tokens.js';

class RebuildBody {
  @ListOfText({ optional: true, max: 100, description: 'Names of projections; all if left out.' })
  projections?: string[];
}
class BackupBody {
  @Flag({
    optional: true,
    description: 'Copy the key vault, the master key and the signed copies too: whoever has them can read everything.',
  })
  keys?: boolean;
}

@ApiTags('operations')
@Controller('ops')
@OperatorOnly()
export class OpsController {
  private readonly logger = new Logger('operations');

  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  @Post('backup')
  @HttpCode(200)
  @ApiOperation({ summary: 'Copies the event log to a new folder under <data>/backups while the server runs' })
  async backup(@Body() body: BackupBody): Promise<object> {
    const name = this.installation.clock.now().replaceAll(':', '-');
    const folder = join(this.configuration.dataDirectory, 'backups', name);
    const result = await this.installation.backup(folder, { keys: body.keys ?? false });
    this.logger.log({ act: 'backup', ...result });
    return result;
  }

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

  @Post('parked/:name/:key/retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'Tries a parked key again' })
  async retry(@Param('name') name: string, @Param('key') key: string): Promise<object> {
    const parked = await this.installation.parked();
    if (!parked.some((item) => item.name === name && item.key === key))
      throw new ProblemException('not-found', `Nothing is parked as ${name} ${key}.`);
    const still = await this.installation.settleParked('retry', name, key);
    return { free: still === undefined, ...(still === undefined ? {} : { parked: still }) };
  }
}
