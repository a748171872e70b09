// What runs behind the API: projections, reactors, parked work. Acts that go on record are governance's.
import { Body, Controller, Get, HttpCode, Inject, Logger, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { join } from 'node:path';
import type { Configuration } from './configuration.js';
import { Flag } from './dto.js';
import type { Installation } from './installation.js';
import { OperatorOnly } from './policy.js';
import { CONFIGURATION, INSTALLATION } from './tokens.js';

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

  @Get('parked')
  @ApiOperation({ summary: 'What was set aside because an event could not be handled' })
  async parked(): Promise<object> {
    return { items: await this.installation.parked() };
  }
}
