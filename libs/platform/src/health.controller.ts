import { Controller, Get, Header, Inject, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { isOperator } from './auth.guard.js';
import type { Configuration } from './configuration.js';
import type { Installation } from './installation.js';
import { metricsPage } from './metrics.js';
import { OperatorOnly, Public } from './policy.js';
import type { CairnRequest } from './request.js';
import { CONFIGURATION, INSTALLATION } from './tokens.js';

@ApiTags('health')
@Controller()
@Public()
export class HealthController {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  /** The process lives. */
  @Get('livez')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * Ready for work: its stores answer, nothing of its own has stopped, and it is not shutting down. How far behind it is
   * does not matter here. Why it is not ready, where what runs and stands: to the operator only.
   */
  @Get('readyz')
  @ApiOperation({ summary: 'Whether it can work: log, read model, lag, parked, delivery age; details to the operator' })
  async ready(@Req() request: CairnRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const health = await this.installation.health();
    const { ready, lagMs, deliveryAgeMs, parked } = health;
    void reply.status(ready ? 200 : 503).header('Cache-Control', 'no-store');
    if (!ready) void reply.header('Retry-After', '1');
    if (isOperator(request.headers.authorization, this.configuration))
      return { roles: [...this.installation.roles], ...health };
    return { ready, log: { ok: health.log.ok }, readModel: { ok: health.readModel.ok }, lagMs, deliveryAgeMs, parked };
  }

  @Get('metrics')
  @OperatorOnly()
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  @ApiOperation({ summary: 'For Prometheus, which sends the operator’s token' })
  async metrics(): Promise<string> {
    const { metrics, health, version, roles } = this.installation;
    return metricsPage(metrics, await health(), version, [...roles]);
  }

  @Get('version')
  version(): object {
    return { name: 'cairn', version: this.installation.version, logId: this.installation.logId };
  }
}
