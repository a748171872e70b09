import { Body, Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Readable } from 'node:stream';
import { bareId, type CredentialId, type Instant, type LearnerId, type TemplateId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  Flag,
  idOrSlug,
  InstantField,
  instantOf,
  ListOfText,
  NDJSON,
  ndjson,
  Nested,
  OneOf,
  ProblemException,
  RequireScope,
  Text,
  validationProblem,
  type CairnRequest,
  type ProblemError,
  type TenantCaller,
} from '@cairn/platform';
import { BULK_ACTS, type BulkAct } from '../domain/bulk-acts.js';
import type { BulkSelection, BulkTarget } from '../queries/bulk-items.js';
import { BulkRun } from './bulk-run.js';

class SelectionBody {
  @ListOfText({ optional: true, min: 1, max: 40, description: 'Ids of credentials; alone.' }) credentials?: string[];
  @ListOfText({ optional: true, min: 1, max: 40, description: 'Ids of learners.' }) learners?: string[];
  @Text({ optional: true, max: 64, description: 'Id or slug of a template.' }) template?: string;
}
class BulkBody {
  @OneOf(BULK_ACTS) action!: BulkAct;
  @Nested(() => SelectionBody, {
    description: 'credentials; or learners, template, or both. To issue: learners and template.',
  })
  selection!: SelectionBody;
  @Code({ description: 'Why.', example: 'issued-in-error' }) reasonCode!: string;
  @Text({ max: 200, description: 'Who is entitled to decide it.' }) authority!: string;
  @Code({ optional: true, description: 'To suspend and reinstate: name of the hold.', example: 'inquiry-17' })
  hold?: string;
  @InstantField({ optional: true, description: 'From when on, not in the future; the preview’s instant if left out.' })
  effectiveAt?: string;
  @Flag({ optional: true, description: 'true: a preview; nothing is written.' }) dryRun?: boolean;
  @Text({ optional: true, max: 60, description: 'Position that the preview gave.' }) position?: string;
  @InstantField({ optional: true, description: 'Instant that the preview gave.' }) asOf?: string;
  @Text({ optional: true, max: 60, description: 'The words that the preview ended with.', example: 'revoke 500' })
  confirm?: string;
}

@ApiTags('credentials')
@Controller('api/credential-batches')
export class BulkRoute {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly bulk: BulkRun,
  ) {}

  @Post()
  @HttpCode(200)
  @RequireScope('credentials:manage')
  @ApiProduces(NDJSON)
  @ApiOperation({
    summary: 'One act on many credentials, previewed and then done exactly as previewed',
    description:
      'With dryRun a preview: the run’s id, position and instant, a line for each item with its revision, effect and ' +
      'what follows from it, and at the end the counts and the words that confirm them. Send it again with position, ' +
      'asOf and confirm: a line for each item says done, unchanged, changed-since (not as previewed; not touched) or ' +
      'refused. It goes on as the answer is read; cut off or cancelled, send it again. It is undone by its run id.',
  })
  async act(
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @Body() body: BulkBody,
  ): Promise<void> {
    if ((body.action === 'issue' || body.action === 'renew') && !caller.scopes.includes('credentials:issue'))
      throw new ProblemException('scope-missing', `To ${body.action} needs the scope credentials:issue.`);
    const target = targetOf(caller, body);
    const context = this.gateway.contextOf(request);
    const run = request.headers['cairn-run'] === undefined ? undefined : context.correlationId;
    const { head, rows } =
      body.dryRun === true
        ? await this.bulk.preview(target, run)
        : await this.bulk.run(target, ...previewed(body), context, run);
    await reply
      .type(NDJSON)
      .header('Location', `/api/operations/${head.run}`)
      .send(Readable.from(ndjson(head, rows as AsyncIterable<object>)));
  }
}

function targetOf({ tenant, namespace }: TenantCaller, body: BulkBody): BulkTarget {
  const { action, reasonCode, authority, hold, effectiveAt } = body;
  const errors: ProblemError[] = [];
  const holds = action === 'suspend' || action === 'reinstate';
  if (holds !== (hold !== undefined))
    errors.push({
      pointer: '/hold',
      code: holds ? 'required' : 'not-allowed',
      message: holds ? 'name the hold' : `to ${action} needs no hold`,
    });
  const selection = selectionOf(tenant, body, errors);
  if (errors.length > 0) throw validationProblem(errors);
  return {
    tenant,
    namespace,
    action,
    selection,
    words: {
      reasonCode,
      authority,
      ...(hold === undefined ? {} : { hold }),
      ...(effectiveAt === undefined ? {} : { effectiveAt: instantOf<Instant>(effectiveAt) }),
    },
  };
}

function selectionOf(
  tenant: TenantCaller['tenant'],
  { action, selection }: BulkBody,
  errors: ProblemError[],
): BulkSelection {
  const ids = <T extends string>(prefix: 'crd' | 'lrn', member: 'credentials' | 'learners'): readonly T[] | undefined =>
    selection[member]?.map((text, index) => {
      const id = bareId(prefix, text);
      if (id === undefined)
        errors.push({
          pointer: `/selection/${member}/${index}`,
          code: 'public-id',
          message: `must be an id such as ${prefix}_…`,
        });
      return id as T;
    });
  const credentials = ids<CredentialId>('crd', 'credentials');
  const learners = ids<LearnerId>('lrn', 'learners');
  const template =
    selection.template === undefined ? undefined : idOrSlug<TemplateId>('tpl', tenant, selection.template);
  const byName = credentials !== undefined;
  const byOwner = learners !== undefined || template !== undefined;
  if (action === 'issue' ? byName || !learners || !template : byName === byOwner)
    errors.push({
      pointer: '/selection',
      code: 'one-of',
      message:
        action === 'issue' ? 'name learners and a template' : 'name credentials; or learners, a template, or both',
    });
  return {
    ...(credentials ? { credentials } : {}),
    ...(learners ? { learners } : {}),
    ...(template ? { template } : {}),
  };
}

function previewed({ position, asOf, confirm }: BulkBody): [{ position: string; asOf: Instant }, string] {
  if (position !== undefined && asOf !== undefined && confirm !== undefined)
    return [{ position, asOf: instantOf<Instant>(asOf) }, confirm];
  throw validationProblem(
    Object.entries({ position, asOf, confirm }).flatMap(([name, value]) =>
      value === undefined
        ? [{ pointer: `/${name}`, code: 'required', message: 'send what the preview gave, or dryRun: true' }]
        : [],
    ),
  );
}
