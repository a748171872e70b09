// The feed: pull and SSE of the same public events with the same ids in the same order (api.md §8).
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { categoryOf, parseStream, type Position, type TenantId } from '@cairn/kernel';
import type { FeedEvent } from '@cairn/runtime';
import {
  Caller,
  CONFIGURATION,
  FeedMarks,
  INSTALLATION,
  IntegerField,
  positionOf,
  positionToken,
  ProblemException,
  Public,
  RequireScope,
  Text,
  type CairnRequest,
  type Configuration,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import {
  cloudEventOf,
  PUBLIC_CATEGORIES,
  PUBLIC_EVENTS,
  publicType,
  schemaUrl,
  type CloudEvent,
} from '../domain/public-events.js';

class FeedQuery {
  @Text({ optional: true, max: 64, description: 'Position after which to read; left out: from the first event.' })
  after?: string;
  @IntegerField({
    optional: true,
    min: 1,
    max: 1000,
    fromQuery: true,
    description: 'Events in one answer; 100 if left out.',
  })
  limit?: number;
  @Text({
    optional: true,
    max: 1000,
    description: 'Types, separated by commas; left out: all.',
    example: 'cairn.credential.issued.v1',
  })
  types?: string;
  @Text({ optional: true, max: 64, description: 'Only events about this id.' })
  subject?: string;
}

/** At most so many events of the log are looked at for one answer: a filter that matches nothing must end too. */
const SCAN_EVENTS = 20_000;
const HEARTBEAT_MS = 15_000;
const RETRY_MS = 2_000;

@ApiTags('events')
@Controller()
export class FeedController {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    private readonly marks: FeedMarks,
  ) {}

  @Get('api/events')
  @RequireScope('events:read')
  @ApiOperation({
    summary: 'Public events after a position, as a batch or (Accept: text/event-stream) as a stream',
    description:
      'Delivery is at least once with stable ids and order; for an idempotent consumer the effect is effectively once. ' +
      'The Position header says how far the log was really read: continue after it.',
  })
  @ApiProduces('application/cloudevents-batch+json', 'text/event-stream')
  async events(
    @Caller() caller: TenantCaller,
    @Req() request: CairnRequest,
    @Res() reply: FastifyReply,
    @Query() query: FeedQuery,
  ) {
    const select = this.selector(caller.tenant, query);
    const resumed = request.headers['last-event-id'];
    const token = (typeof resumed === 'string' && resumed !== '' ? resumed : undefined) ?? query.after;
    const after = token === undefined ? ('' as Position) : positionOf(this.installation.logId, token);
    if ((request.headers.accept ?? '').includes('text/event-stream')) return this.stream(reply, caller, after, select);
    const { events, readUpTo } = await this.pull(after, query.limit ?? 100, select);
    if (events.length > 0) await this.marks.note(caller.tenant, caller.actor, readUpTo);
    const position = positionToken(this.installation.logId, readUpTo);
    const next = new URLSearchParams({ ...(query as Record<string, string>), after: position });
    return reply
      .headers({
        'Content-Type': 'application/cloudevents-batch+json; charset=utf-8',
        Position: position,
        Link: `</api/events?${next.toString()}>; rel="next"`,
      })
      .send(JSON.stringify(events));
  }

  @Get('api/event-types')
  @RequireScope('events:read')
  @ApiOperation({ summary: 'The catalogue of public events' })
  types(): object {
    return {
      items: PUBLIC_EVENTS.map(({ name, means }) => ({
        type: publicType(name),
        means,
        dataschema: schemaUrl(this.configuration.baseUrl, name),
      })),
    };
  }

  @Get('schemas/:name')
  @Public()
  @ApiOperation({ summary: 'JSON Schema of the data of a public event' })
  schema(@Param('name') name: string): object {
    const found = PUBLIC_EVENTS.find((event) => `${event.name}.json` === name);
    if (!found) throw new ProblemException('not-found', `There is no schema "${name.slice(0, 80)}".`);
    return {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: publicType(found.name),
      description: found.means,
      ...found.schema.json,
    };
  }

  /** Turns an event of the log into what this reader gets, if anything. */
  private selector(tenant: TenantId, query: FeedQuery): (event: FeedEvent) => CloudEvent | undefined {
    const types = query.types === undefined ? undefined : new Set(query.types.split(',').map((type) => type.trim()));
    const known = new Set(PUBLIC_EVENTS.map(({ name }) => publicType(name)));
    for (const type of types ?? [])
      if (!known.has(type))
        throw new ProblemException('malformed-request', `"${type.slice(0, 80)}" is not a public event type.`, {
          next: 'Use types that GET /api/event-types lists, separated by commas.',
        });
    const categories = new Set<string>(PUBLIC_CATEGORIES);
    return (event) => {
      const { stream } = event.stored;
      if (!categories.has(categoryOf(stream)) || parseStream(stream).tenant !== tenant) return undefined;
      const cloudEvent = cloudEventOf(
        event.decoded(),
        (position) => positionToken(this.installation.logId, position),
        this.configuration.baseUrl,
      );
      if (!cloudEvent || (types && !types.has(cloudEvent.type))) return undefined;
      return query.subject === undefined || cloudEvent.subject === query.subject ? cloudEvent : undefined;
    };
  }

  private async pull(after: Position, limit: number, select: (event: FeedEvent) => CloudEvent | undefined) {
    const events: CloudEvent[] = [];
    let readUpTo = after;
    for (let scanned = 0; scanned < SCAN_EVENTS;) {
      const page = await this.installation.feed.page(readUpTo);
      if (page.length === 0) break;
      for (const event of page) {
        const selected = select(event);
        if (selected) events.push(selected);
        readUpTo = event.stored.position;
        if (events.length === limit) return { events, readUpTo };
      }
      scanned += page.length;
    }
    return { events, readUpTo };
  }

  /** A stalled client is waited for, not buffered for: back-pressure of the socket stops the loop. */
  private async stream(
    reply: FastifyReply,
    { tenant, actor }: TenantCaller,
    from: Position,
    select: (event: FeedEvent) => CloudEvent | undefined,
  ): Promise<void> {
    const { raw } = reply.hijack();
    const gone = new AbortController();
    raw.on('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.installation.closing]);
    const write = (text: string): Promise<void> | undefined =>
      raw.write(text)
        ? undefined
        : new Promise((resolve) => {
            raw.once('drain', resolve);
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
    });
    await write(`retry: ${RETRY_MS}\n\n`);
    const heartbeat = setInterval(() => raw.writableNeedDrain || raw.write(': still here\n\n'), HEARTBEAT_MS);
    try {
      let after = from;
      while (!signal.aborted) {
        const batch = await this.installation.feed.next(after, signal);
        let text = '';
        for (const event of batch) {
          after = event.stored.position;
          const selected = select(event);
          if (selected)
            text += `id: ${selected.sequence}\nevent: ${selected.type}\ndata: ${JSON.stringify(selected)}\n\n`;
        }
        if (text === '') continue;
        await write(text);
        await this.marks.note(tenant, actor, after);
      }
    } finally {
      clearInterval(heartbeat);
      raw.end();
    }
  }
}
