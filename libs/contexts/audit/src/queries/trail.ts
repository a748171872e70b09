// The trail of a learner, a credential, an actor or a correlation, and the state of any stream at any point.
import { Controller, Get, Inject, Query as QueryString, Req, Res } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  bareId,
  parseStream,
  publicActor,
  publicId,
  storedActor,
  type IdPrefix,
  type Recorded,
  type TenantId,
} from '@cairn/kernel';
import {
  Caller,
  INSTALLATION,
  InstantField,
  instantOf,
  IntegerField,
  PageQuery,
  pageOf,
  positionToken,
  ProblemException,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { AuditEntry } from '../projections/audit.projection.js';

export type TrailSubject = { readonly by: 'learner' | 'credential' | 'actor' | 'correlation'; readonly id: string };

/** One recorded event. `data` shows personal values as a placeholder, never the values. */
export type TrailItem = {
  readonly id: string;
  readonly type: string;
  readonly means: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly actor: string;
  readonly correlation: string;
  readonly command: string;
  readonly causedBy?: string;
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
  readonly data: object;
};
export type Trail = { readonly items: readonly TrailItem[]; readonly nextCursor?: string; readonly position: string };

export class TrailQuery extends Query<Trail> {
  constructor(
    readonly tenant: TenantId,
    readonly subject: TrailSubject,
    readonly page: PageQuery,
  ) {
    super();
  }
}

@QueryHandler(TrailQuery)
export class TrailHandler implements IQueryHandler<TrailQuery> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  async execute({ tenant, subject, page }: TrailQuery): Promise<Trail> {
    const { installation } = this;
    const filter = { tenant, [subject.by]: subject.id };
    const found = await pageOf(installation.views, 'audit', filter, page, [['position', 1]]);
    const items = await Promise.all(
      found.items.map(async (document) => {
        const entry = document as unknown as AuditEntry;
        const [event] = await installation.executor.history(entry.stream, { from: entry.revision, limit: 1 });
        if (!event) throw new ProblemException('event-corrupt', `${entry.stream} has no revision ${entry.revision}.`);
        return trailItem(installation, event);
      }),
    );
    return {
      items,
      ...(found.nextCursor === undefined ? {} : { nextCursor: found.nextCursor }),
      position: positionToken(installation.logId, installation.positionOfProjections(['audit'])),
    };
  }
}

function trailItem(installation: Installation, event: Recorded): TrailItem {
  return {
    id: publicId('evt', event.id),
    type: event.type,
    means: installation.codec.definitions.get(event.type)?.means ?? '',
    occurredAt: event.meta.occurredAt,
    recordedAt: event.meta.recordedAt,
    actor: publicActor(event.meta.actor),
    correlation: event.meta.$correlationId,
    command: event.meta.$causationId,
    ...(event.meta.causedBy === undefined ? {} : { causedBy: publicId('evt', event.meta.causedBy) }),
    stream: event.stream,
    revision: event.revision,
    position: positionToken(installation.logId, event.position),
    data: event.data as object,
  };
}

class TrailQueryString extends PageQuery {
  @Text({ optional: true, max: 64, description: '`lrn_…`' }) learner?: string;
  @Text({ optional: true, max: 64, description: '`crd_…`' }) credential?: string;
  @Text({ optional: true, max: 300, description: '`service:key_…`, `user:…` or `reactor:…`' }) actor?: string;
  @Text({ optional: true, max: 64, description: 'Correlation id: everything that one request set off.' })
  correlation?: string;
}
class StateQueryString {
  @Text({ max: 300, description: 'Name of a stream, as the trail gives it.' }) stream!: string;
  @IntegerField({ optional: true, fromQuery: true, description: 'State after this revision; the last if left out.' })
  revision?: number;
  @InstantField({ optional: true, description: 'State by what was recorded up to this instant.' }) knownAt?: string;
}

const PREFIXES: Partial<Record<TrailSubject['by'], IdPrefix>> = { learner: 'lrn', credential: 'crd' };

/** The bare form of the one subject that is named. Throws `validation-failed`'s kin for none, several, or a wrong id. */
export function subjectOf(named: { readonly [By in TrailSubject['by']]?: string }): TrailSubject {
  const given = (['learner', 'credential', 'actor', 'correlation'] as const).filter((by) => named[by] !== undefined);
  const by = given[0];
  if (by === undefined || given.length > 1)
    throw new ProblemException('malformed-request', 'Name exactly one of learner, credential, actor, correlation.', {
      next: 'Ask for one of them, such as ?learner=lrn_… or ?actor=service:operator.',
    });
  const text = named[by] as string;
  const prefix = PREFIXES[by];
  const id = by === 'actor' ? storedActor(text) : prefix === undefined ? text : bareId(prefix, text);
  if (id === undefined) throw new ProblemException('not-found', `"${text}" is not the id of a ${by}.`);
  return { by, id };
}

@ApiTags('audit')
@Controller('api/audit')
@RequireScope('audit:read')
export class AuditController {
  constructor(
    private readonly queries: QueryBus,
    private readonly gate: ReadGate,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get('events')
  @ApiOperation({ summary: 'Everything recorded about a learner or credential, by an actor, or through one request' })
  async trail(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @QueryString() query: TrailQueryString,
  ): Promise<Trail> {
    await this.gate.pass(request, reply, 'audit');
    return this.queries.execute(new TrailQuery(caller.tenant, subjectOf(query), query));
  }

  @Get('state')
  @ApiOperation({ summary: 'The state of any stream at any revision or recorded instant, folded from its events' })
  async state(@Caller() caller: TenantCaller, @QueryString() query: StateQueryString): Promise<object> {
    const missing = new ProblemException('not-found', 'There is no such stream.');
    let category: string;
    try {
      const parts = parseStream(query.stream);
      if (parts.tenant !== caller.tenant) throw missing;
      ({ category } = parts);
    } catch {
      throw missing; // a foreign tenant's stream looks like no stream
    }
    const fold = this.installation.contexts
      .flatMap(({ deciders }) => deciders)
      .find((decider) => decider.category === category);
    if (!fold) throw missing;
    const events = (await this.installation.executor.history(query.stream)).filter(
      (event) =>
        (query.revision === undefined || event.revision <= query.revision) &&
        (query.knownAt === undefined || event.meta.recordedAt <= instantOf(query.knownAt)),
    );
    const last = events.at(-1);
    if (!last) throw missing;
    const state: unknown = events.reduce<unknown>(
      (before, event) => fold.evolve(before as never, event as never),
      fold.initial,
    );
    return {
      stream: query.stream,
      revision: last.revision,
      recordedAt: last.meta.recordedAt,
      position: positionToken(this.installation.logId, last.position),
      // Maps and sets are how deciders index; JSON shows their content.
      state: JSON.parse(JSON.stringify(state, plain)) as unknown,
      events: events.map((event) => ({ id: publicId('evt', event.id), type: event.type, revision: event.revision })),
    };
  }
}

const plain = (_key: string, value: unknown): unknown =>
  value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value;
