import { Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Installation } from './installation.js';
import { Public } from './policy.js';
import { INSTALLATION } from './tokens.js';

@ApiTags('health')
@Controller()
@Public()
export class HealthController {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  /** The process lives. */
  @Get('livez')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Ready for work: the log answers, and projections and reactors run. */
  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const status = await this.installation.status();
    void reply.status(status.ready ? 200 : 503);
    return status;
  }

  @Get('version')
  version(): object {
    return { name: 'cairn', version: this.installation.version, logId: this.installation.logId };
  }
}
