import { Controller, HttpCode, Post, Query as QueryString, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import {
  Caller,
  CommandGateway,
  NDJSON,
  ndjson,
  OneOf,
  ProblemException,
  RequireScope,
  Text,
  UPLOAD_TYPES,
  type CairnRequest,
  type TenantCaller,
} from '@cairn/platform';
import { ROW_COLUMNS, type CompletionMapping, type RowColumn } from '../domain/completion-row.js';
import { CompletionImport } from './completion-import.js';

class ImportQuery implements Partial<Record<RowColumn, string>> {
  @Text({ max: 100, description: 'Column with the learner’s identifier.', example: 'student_id' }) learner!: string;
  @Text({ max: 100, description: 'Column with the id or slug of the module.' }) module!: string;
  @Text({ max: 100, description: 'Column with the day, local time or instant.' }) occurredAt!: string;
  @Text({ optional: true, max: 100, description: 'Column with the grade, 0 to 100.' }) score?: string;
  @Text({ optional: true, max: 100, description: 'Column with true or false.' }) honours?: string;
  @Text({ optional: true, max: 100, description: 'Column with the id of the record in its channel.' })
  sourceId?: string;
  @Text({ optional: true, max: 100, description: 'Column with where the evidence lies.' }) evidenceRef?: string;
  @Text({ optional: true, max: 100, description: 'Column with who assessed, by role or id.' }) assessor?: string;
  @Text({ optional: true, max: 100, description: 'Column with the zone of the row.' }) zone?: string;
  @Text({ optional: true, max: 64, description: 'Zone of times without an offset; the tenant’s if left out.' })
  defaultZone?: string;
  @OneOf(['email', 'external-id'], { optional: true, description: 'external-id if left out.' })
  learnerBy?: 'email' | 'external-id';
  @Text({ optional: true, max: 64, description: 'System of the external ids; left out: each is `system:value`.' })
  system?: string;
  @Text({ optional: true, max: 64, description: 'Channel of all rows; `import` if left out.', example: 'lms' })
  source?: string;
  @Text({ optional: true, max: 100, description: 'Name of the file in the report.' }) file?: string;
  @Text({ optional: true, max: 1, description: 'Between the columns of CSV; a comma if left out.' })
  delimiter?: string;
  @OneOf(['true', 'false'], { optional: true, description: 'true: what each row would come to; nothing is written.' })
  dryRun?: string;
}

@ApiTags('progress')
@Controller('api/imports')
export class ImportRoute {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly imports: CompletionImport,
  ) {}

  @Post()
  @HttpCode(200)
  @RequireScope('imports:run')
  @ApiConsumes(...UPLOAD_TYPES)
  @ApiProduces(NDJSON)
  @ApiBody({
    schema: { type: 'string', description: 'The file, at most 5 MB; larger ones in parts under one Cairn-Run.' },
  })
  @ApiOperation({
    summary: 'Completions from CSV or NDJSON, a command a row',
    description:
      'The run’s id, a line for each row (recorded, unchanged, or refused with code and reason) and at the end the ' +
      'counts. One row a line. It goes on as the answer is read; cut off or cancelled, send it again with the same ' +
      'Idempotency-Key or Cairn-Run. It is undone by its run id.',
  })
  async import(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Caller() { zone }: TenantCaller,
    @QueryString() query: ImportQuery,
  ): Promise<void> {
    if (!Buffer.isBuffer(request.body))
      throw new ProblemException('media-type-unsupported', `Send the file itself, as ${UPLOAD_TYPES.join(' or ')}.`);
    const context = this.gateway.contextOf(request);
    const format = request.headers['content-type']?.startsWith(NDJSON) ? 'ndjson' : 'csv';
    const source = {
      file: query.file ?? 'upload',
      format,
      ...(query.delimiter === undefined ? {} : { delimiter: query.delimiter }),
      bytes: [request.body],
    } as const;
    const { head, rows } = await this.imports.import(source, mappingOf(query, zone), context, query.dryRun === 'true');
    await reply
      .type(NDJSON)
      .header('Location', `/api/operations/${head.run}`)
      .send(Readable.from(ndjson(head, rows)));
  }
}

function mappingOf(query: ImportQuery, zone: string): CompletionMapping {
  const columns = Object.fromEntries(
    ROW_COLUMNS.flatMap((member) => (query[member] === undefined ? [] : [[member, query[member]]])),
  ) as CompletionMapping['columns'];
  return {
    columns,
    learnerBy: query.learnerBy ?? 'external-id',
    ...(query.system === undefined ? {} : { system: query.system }),
    zone: query.defaultZone ?? zone,
    source: query.source ?? 'import',
  };
}
