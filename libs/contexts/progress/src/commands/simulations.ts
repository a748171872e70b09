// A change of rules under learners who are under way: previewed for everyone, then run exactly as previewed.
import { Body, Controller, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import type { Instant, PathwayId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  idOrSlug,
  InstantField,
  instantOf,
  NameMap,
  NDJSON,
  ndjson,
  plain,
  RequireScope,
  Text,
  type CairnRequest,
  type TenantCaller,
} from '@cairn/platform';
import { SimulationReport } from '../queries/simulation-report.js';

class SimulateBody {
  @Text({ optional: true, max: 64, description: 'Label or number of the version; the draft if left out.' })
  version?: string;
  @Text({ optional: true, max: 64, description: 'Only who is in this version; in any older one if left out.' })
  from?: string;
  @NameMap({ optional: true, description: 'Step left → step that it becomes.', example: { L1: 'basics' } })
  mapping?: Record<string, string>;
  @Text({ optional: true, max: 64, description: 'Entry point of the new version that stands for the old one.' })
  entryPoint?: string;
}

class RunBody {
  @Text({ max: 64, description: 'Label or number of the version that was previewed.' }) version!: string;
  @Text({ optional: true, max: 64, description: 'As in the preview.' }) from?: string;
  @NameMap({ optional: true, description: 'As in the preview.', example: { L1: 'basics' } })
  mapping?: Record<string, string>;
  @Text({ optional: true, max: 64, description: 'As in the preview.' }) entryPoint?: string;
  @Text({ max: 60, description: 'Position that the preview gave.' }) position!: string;
  @InstantField({ description: 'Instant that the preview gave.' }) asOf!: string;
  @Code({ description: 'Why.', example: 'rules-revised' }) reasonCode!: string;
}

@ApiTags('progress')
@Controller('api/pathways')
export class SimulationRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly report: SimulationReport,
  ) {}

  @Post(':id/simulate')
  @HttpCode(200)
  @RequireScope('catalog:write')
  @ApiProduces(NDJSON)
  @ApiOperation({
    summary: 'Who would gain, lose or stay as they are under a version; nothing is written',
    description:
      'One JSON object a line: what was asked and the position and instant of the answer, one line for each ' +
      'enrollment, and at the end the counts. Without its last line an answer is not complete.',
  })
  async simulate(
    @Res() reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: SimulateBody,
  ): Promise<void> {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const { head, rows } = await this.report.preview({ tenant, pathwayId, ...plain(body) });
    await reply.type(NDJSON).send(Readable.from(ndjson(head, rows)));
  }

  @Post(':id/move')
  @HttpCode(200)
  @RequireScope('progress:write')
  @ApiProduces(NDJSON)
  @ApiOperation({
    summary: 'Moves everyone to a version exactly as previewed',
    description:
      'A line for each enrollment, as for a preview: moved, unchanged (it is in the version), changed-since (the record ' +
      'or the decision is not as previewed; not touched) or refused. It goes on as the answer is read; cut off, send it again.',
  })
  async move(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: RunBody,
  ): Promise<void> {
    const pathwayId = idOrSlug<PathwayId>('pwy', tenant, id);
    const target = { tenant, pathwayId, ...plain(body), asOf: instantOf<Instant>(body.asOf) };
    const { head, rows } = await this.report.run(target, this.gateway.contextOf(request));
    await reply.type(NDJSON).send(Readable.from(ndjson(head, rows)));
  }
}
