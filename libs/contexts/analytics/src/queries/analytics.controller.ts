import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { PathwayId } from '@cairn/kernel';
import {
  Caller,
  idOrSlug,
  InstantField,
  instantOf,
  IntegerField,
  OneOf,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type TenantCaller,
} from '@cairn/platform';
import { funnelCsv } from './funnel-csv.js';
import { DropOffQuery, FunnelQuery, TimeInStepQuery, type AnalysisTarget } from './pathway-analytics.js';

class TargetQuery {
  @Text({ optional: true, max: 64, description: 'Label or number of the version; the newest if left out.' })
  version?: string;
  @Text({ optional: true, max: 64 }) entryPoint?: string;
  @Text({ optional: true, pattern: /^\d{4}-W\d{2}$/, hint: 'must be an ISO week such as 2026-W10' }) cohort?: string;
  @InstantField({ optional: true, description: 'Effective time asked about; now if left out.' }) asOf?: string;
  @InstantField({ optional: true, description: 'How much of the log is used; all if left out.' }) knownAt?: string;
}
class FunnelQueryString extends TargetQuery {
  @OneOf(['any', 'in-order'], { optional: true, description: 'any if left out' }) order?: 'any' | 'in-order';
  @OneOf(['json', 'csv'], { optional: true, description: 'json if left out' }) format?: 'json' | 'csv';
}
class DropOffQueryString extends TargetQuery {
  @IntegerField({
    optional: true,
    min: 1,
    max: 3650,
    fromQuery: true,
    description: 'N of the definition; 30 if left out.',
  })
  activeDays?: number;
}

@ApiTags('analytics')
@Controller('api/analytics/pathways/:id')
@RequireScope('analytics:read')
export class AnalyticsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly gate: ReadGate,
  ) {}

  @Get('funnel')
  @ApiOperation({ summary: 'Learners who reached and who satisfied each step' })
  @ApiProduces('application/json', 'text/csv')
  async funnel(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Query() query: FunnelQueryString,
  ) {
    await this.gate.pass(request, reply, 'pathway_funnel', 'journeys');
    const answer = await this.queries.execute(new FunnelQuery(targetOf(caller, id, query), query.order ?? 'any'));
    if (query.format !== 'csv') return answer;
    void reply
      .header('Content-Type', 'text/csv; charset=utf-8')
      .header('Content-Disposition', `attachment; filename="funnel-${answer.pathway}-${answer.version}.csv"`);
    return funnelCsv(answer);
  }

  @Get('drop-off')
  @ApiOperation({ summary: 'How many are active, finished, left, or dropped off, by the definition in the answer' })
  async dropOff(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Query() query: DropOffQueryString,
  ) {
    await this.gate.pass(request, reply, 'journeys');
    return this.queries.execute(new DropOffQuery(targetOf(caller, id, query), query.activeDays ?? 30));
  }

  @Get('time-in-step')
  @ApiOperation({ summary: 'Median and 90th percentile of the time between reaching and satisfying each step' })
  async timeInStep(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Query() query: TargetQuery,
  ) {
    await this.gate.pass(request, reply, 'journeys');
    return this.queries.execute(new TimeInStepQuery(targetOf(caller, id, query)));
  }
}

function targetOf(caller: TenantCaller, id: string, query: TargetQuery): AnalysisTarget {
  return {
    tenant: caller.tenant,
    pathwayId: idOrSlug<PathwayId>('pwy', caller.tenant, id),
    ...(query.version === undefined ? {} : { version: query.version }),
    ...(query.entryPoint === undefined ? {} : { entryPoint: query.entryPoint }),
    ...(query.cohort === undefined ? {} : { cohort: query.cohort }),
    ...(query.asOf === undefined ? {} : { asOf: instantOf(query.asOf) }),
    ...(query.knownAt === undefined ? {} : { knownAt: instantOf(query.knownAt) }),
  };
}
