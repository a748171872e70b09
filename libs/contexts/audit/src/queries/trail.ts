// The trail of whatever an id names, of an actor or of a correlation, and the state of any stream at any point.
import { Controller, Get, Inject, Query as QueryString, Req, Res } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import {
  bareId,
  BEGINNING,
  DecodeError,
  parseStream,
  publicActor,
  publicId,
  storedActor,
  type IdPrefix,
  type Instant,
  type Position,
  type StoredEvent,
  type TenantId,
} from '@cairn/kernel';
import {
  bareRunId,
  Caller,
  cursorOf,
  cursorValues,
  INSTALLATION,
  InstantField,
  instantOf,
  IntegerField,
  linkNext,
  PageQuery,
  positionToken,
  ProblemException,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { lookedAt, meets, type TrailFilter, type TrailSubject } from './trail-events.js';

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
  /** Why this program cannot read the event; `data` is empty then. */
  readonly unreadable?: string;
};
/** With `nextCursor` there may be more, also if fewer items came than asked for. */
export type Trail = { readonly items: readonly TrailItem[]; readonly nextCursor?: string; readonly position: string };

export class TrailQuery extends Query<Trail> {
  constructor(
    readonly tenant: TenantId,
    readonly filter: TrailFilter,
    readonly page: PageQuery,
  ) {
    super();
  }
}

/** For one page. What is rare in a long trail, as one actor in a great import, takes several pages to find. */
const MOST_LOOKED_AT = 20_000;

@QueryHandler(TrailQuery)
export class TrailHandler implements IQueryHandler<TrailQuery> {
  constructor(@Inject(INSTALLATION) private readonly installation: Installation) {}

  async execute({ tenant, filter, page }: TrailQuery): Promise<Trail> {
    const { installation } = this;
    const reached = installation.positionOfProjections(['audit']);
    // A new version of the projection is being filled. No trail at all must not look like an empty one.
    if (reached === BEGINNING) throw new ProblemException('read-model-behind', 'The audit trail is being built anew.');
    const position = positionToken(installation.logId, reached);
    const limit = page.limit ?? 50;
    const items: TrailItem[] = [];
    let looked = 0;
    let last = page.cursor === undefined ? BEGINNING : positionIn(page.cursor);
    for await (const event of lookedAt(installation, tenant, filter, last)) {
      const found = meets(filter, tenant, event);
      if (found && items.length === limit) return { items, nextCursor: cursorOf([last]), position };
      if (found) items.push(trailItem(installation, event));
      last = event.position;
      if (++looked === MOST_LOOKED_AT) return { items, nextCursor: cursorOf([last]), position };
    }
    return { items, position };
  }
}

function positionIn(cursor: string): Position {
  const [position] = cursorValues(cursor, 1);
  if (typeof position === 'string' && /^\d{1,40}$/.test(position)) return position as Position;
  throw new ProblemException('cursor-invalid', 'The cursor was not handed out for this list.');
}

function trailItem({ codec, logId }: Installation, event: StoredEvent): TrailItem {
  const meta = (member: string): string => event.meta[member] ?? '';
  const causedBy = event.meta['causedBy'];
  return {
    id: publicId('evt', event.id),
    type: event.type,
    means: codec.definitions.get(event.type)?.means ?? '',
    occurredAt: meta('occurredAt'),
    recordedAt: meta('recordedAt'),
    actor: publicActor(meta('actor')),
    correlation: meta('$correlationId'),
    command: meta('$causationId'),
    ...(causedBy === undefined ? {} : { causedBy: publicId('evt', causedBy) }),
    stream: event.stream,
    revision: event.revision,
    position: positionToken(logId, event.position),
    ...readable(codec, event),
  };
}

/** An event that is damaged, or newer than this program, is part of the trail all the same. */
function readable(codec: Installation['codec'], event: StoredEvent): Pick<TrailItem, 'data' | 'unreadable'> {
  try {
    return { data: codec.decode(event).data as object };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { data: {}, unreadable: error.code };
  }
}

class TrailQueryString extends PageQuery {
  @Text({
    optional: true,
    max: 64,
    description: 'What it is about: `lrn_…`, `crd_…`, `enr_…`, `pwy_…`, `mod_…`, `tpl_…`, `iss_…`, `ext_…` or `ten_…`',
  })
  subject?: string;
  @Text({ optional: true, max: 64, description: '`lrn_…`: the same as `subject`' }) learner?: string;
  @Text({ optional: true, max: 64, description: '`crd_…`: the same as `subject`' }) credential?: string;
  @Text({ optional: true, max: 300, description: '`service:key_…`, `user:…` or `reactor:…`' }) actor?: string;
  @Text({ optional: true, max: 64, description: 'Correlation id: everything that one request or run set off.' })
  correlation?: string;
  @InstantField({ optional: true, description: 'What was recorded at this instant or later.' }) from?: string;
}
class StateQueryString {
  @Text({ max: 300, description: 'Name of a stream, as the trail gives it.' }) stream!: string;
  @IntegerField({ optional: true, fromQuery: true, description: 'State after this revision; the last if left out.' })
  revision?: number;
  @InstantField({ optional: true, description: 'State by what was recorded up to this instant.' }) knownAt?: string;
}

const KINDS: Readonly<Partial<Record<IdPrefix, Exclude<TrailSubject['kind'], 'thing'>>>> = {
  lrn: 'learner',
  crd: 'credential',
  enr: 'enrollment',
};
/** By the category of their streams. */
const THINGS: Readonly<Partial<Record<IdPrefix, string>>> = {
  pwy: 'pathway',
  mod: 'module',
  tpl: 'template',
  iss: 'issuer',
  ten: 'tenant',
  ext: 'external',
};

/** As people name what they want to see: by public ids. `learner` and `credential` are subjects of one kind. */
export type NamedTrail = {
  readonly subject?: string;
  readonly learner?: string;
  readonly credential?: string;
  readonly actor?: string;
  readonly correlation?: string;
  readonly from?: string;
};

/** Throws `malformed-request` if nothing or two subjects are named, `not-found` for what is no id. */
export function trailFilter({ subject, learner, credential, actor, correlation, from }: NamedTrail): TrailFilter {
  const subjects = [
    ...(subject === undefined ? [] : [subjectOf(subject)]),
    ...(learner === undefined ? [] : [subjectOf(learner, 'learner')]),
    ...(credential === undefined ? [] : [subjectOf(credential, 'credential')]),
  ];
  if (subjects.length > 1)
    throw new ProblemException('malformed-request', 'Name one subject: subject, learner or credential.', {
      next: 'Leave out all but one of them.',
    });
  const [about] = subjects;
  if (about === undefined && actor === undefined && correlation === undefined)
    throw new ProblemException('malformed-request', 'Name a subject, an actor or a correlation.', {
      next: 'Ask for one of them, such as ?subject=lrn_… or ?actor=service:operator; further ones narrow it down.',
    });
  return {
    ...(about === undefined ? {} : { subject: about }),
    ...(actor === undefined ? {} : { actor: storedActor(actor) }),
    ...(correlation === undefined ? {} : { correlation: correlationOf(correlation) }),
    ...(from === undefined ? {} : { from: instantOf<Instant>(from) }),
  };
}

function subjectOf(text: string, kind?: 'learner' | 'credential'): TrailSubject {
  const prefix = text.slice(0, text.indexOf('_')) as IdPrefix;
  const id = Object.hasOwn(KINDS, prefix) || Object.hasOwn(THINGS, prefix) ? bareId(prefix, text) : undefined;
  const found = KINDS[prefix];
  if (id === undefined || (kind !== undefined && kind !== found))
    throw new ProblemException('not-found', `"${text}" is not the id of a ${kind ?? 'thing that has a trail'}.`);
  return found ? { kind: found, id } : { kind: 'thing', category: THINGS[prefix] as string, id };
}

/** A run's id is the public form of its correlation. */
const correlationOf = (text: string): string => bareRunId(text) ?? text;

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
  @ApiOperation({ summary: 'Everything recorded about a subject, by an actor, or through one request or run' })
  async trail(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() caller: TenantCaller,
    @QueryString() query: TrailQueryString,
  ): Promise<Trail> {
    await this.gate.pass(request, reply, 'audit');
    const trail = await this.queries.execute(new TrailQuery(caller.tenant, trailFilter(query), query));
    linkNext(reply, request, trail.nextCursor);
    return trail;
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
