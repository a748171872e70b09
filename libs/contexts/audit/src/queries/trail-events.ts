// The events of a trail, read from the log where the projection `audit` says that they are.
import {
  BEGINNING,
  streamName,
  type Codec,
  type Instant,
  type Position,
  type Recorded,
  type StoredEvent,
  type TenantId,
} from '@cairn/kernel';
import type { EventLog } from '@cairn/eventlog';
import type { Views } from '@cairn/runtime';
import {
  hourOf,
  stretchesId,
  stretchOf,
  streamsId,
  type StreamsDocument,
  type StretchesDocument,
} from '../projections/audit.projection.js';

/** What a trail is about; of several all must hold. At least one of subject, actor and correlation is named. */
export type TrailFilter = {
  readonly subject?: TrailSubject;
  readonly actor?: string;
  readonly correlation?: string;
  /** Recorded then or later. */
  readonly from?: Instant;
};
export type TrailSubject =
  | { readonly kind: 'learner' | 'credential' | 'enrollment'; readonly id: string }
  /** Things with a stream of their own, named by its category. */
  | { readonly kind: 'thing'; readonly category: string; readonly id: string };

/** What of the installation a trail is read from. */
export type TrailSources = {
  readonly log: EventLog;
  readonly views: Views;
  readonly codec: Codec;
  readonly positionOfProjections: (projections: readonly string[]) => Position;
};

const STREAM_PAGE = 200;
/** About one stretch. */
const LOG_PAGE = 100;
const DOCUMENT_PAGE = 20;

/**
 * Every event after `after` that has to be looked at, in the log's order: those that the filter {@link meets} and
 * others. Ends at the position that the projection has reached, so that whoever goes on from there misses nothing.
 */
export async function* lookedAt(
  sources: TrailSources,
  tenant: string,
  filter: TrailFilter,
  after: Position,
): AsyncGenerator<StoredEvent, void, undefined> {
  const head = sources.positionOfProjections(['audit']);
  const { subject, actor, correlation, from } = filter;
  let events: AsyncIterable<StoredEvent>;
  if (subject) {
    const streams = await streamsOf(sources, tenant, subject);
    events = merged(streams.map((stream) => inStream(sources.log, stream, after, from)));
  } else if (correlation !== undefined)
    events = inStretches(sources, (position) => stretchesId(tenant, 'correlation', correlation, position), after, from);
  else
    events = inStretches(sources, (position) => stretchesId(tenant, 'actor', actor as string, position), after, from);
  for await (const event of events) {
    if (event.position > head) return;
    yield event;
  }
}

export function meets({ subject, actor, correlation, from }: TrailFilter, tenant: string, event: StoredEvent): boolean {
  const { meta } = event;
  return (
    meta['tenant'] === tenant &&
    (actor === undefined || meta['actor'] === actor) &&
    (correlation === undefined || meta['$correlationId'] === correlation) &&
    (from === undefined || (meta['recordedAt'] as string) >= from) &&
    (subject === undefined || concerns(subject, tenant, event))
  );
}

/** All events of one correlation, in the log's order. */
export async function eventsOfCorrelation(
  sources: TrailSources,
  tenant: string,
  correlation: string,
): Promise<readonly Recorded[]> {
  const events: Recorded[] = [];
  const filter = { correlation };
  for await (const event of lookedAt(sources, tenant, filter, BEGINNING))
    if (meets(filter, tenant, event)) events.push(sources.codec.decode(event));
  return events;
}

/** How many events carry a correlation, counted up to a number. */
export async function countOfCorrelation(
  sources: TrailSources,
  tenant: string,
  correlation: string,
  atMost = Infinity,
): Promise<number> {
  let count = 0;
  const filter = { correlation };
  for await (const event of lookedAt(sources, tenant, filter, BEGINNING))
    if (meets(filter, tenant, event) && ++count >= atMost) break;
  return count;
}

function concerns(subject: TrailSubject, tenant: string, { data, stream }: StoredEvent): boolean {
  switch (subject.kind) {
    case 'learner':
      return data['learnerId'] === subject.id;
    case 'credential':
      return data['credentialId'] === subject.id;
    case 'enrollment': {
      type Reference = { readonly enrollmentId?: unknown };
      const { enrollment, enrollments } = data as { enrollment?: Reference; enrollments?: readonly Reference[] };
      return [...(enrollment ? [enrollment] : []), ...(enrollments ?? [])].some(
        (one) => one.enrollmentId === subject.id,
      );
    }
    case 'thing':
      return stream === ownStream(tenant, subject);
  }
}

const ownStream = (tenant: string, { category, id }: Extract<TrailSubject, { kind: 'thing' }>): string =>
  streamName(category, tenant as TenantId, id);

async function streamsOf({ views }: TrailSources, tenant: string, subject: TrailSubject): Promise<readonly string[]> {
  if (subject.kind === 'thing') return [ownStream(tenant, subject)];
  const [by, id] =
    subject.kind === 'enrollment'
      ? (['learner', subject.id.replace(/-\d+$/, '')] as const)
      : ([subject.kind, subject.id] as const);
  const found = (await views.get('audit', streamsId(tenant, by, id))) as unknown as StreamsDocument | undefined;
  return found?.streams ?? [];
}

async function* inStream(
  log: EventLog,
  stream: string,
  after: Position,
  from: Instant | undefined,
): AsyncGenerator<StoredEvent, void, undefined> {
  for (let revision = await firstRevision(log, stream, after, from); ;) {
    const page = await log.read(stream, { from: revision, limit: STREAM_PAGE });
    yield* page;
    if (page.length < STREAM_PAGE) return;
    revision += page.length;
  }
}

/** By halving: within a stream neither position nor recorded time ever falls. */
async function firstRevision(
  log: EventLog,
  stream: string,
  after: Position,
  from: Instant | undefined,
): Promise<number> {
  if (after === BEGINNING && from === undefined) return 0;
  const [last] = await log.read(stream, { direction: 'backwards', limit: 1 });
  let low = 0;
  let high = last ? last.revision + 1 : 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [event] = await log.read(stream, { from: middle, limit: 1 });
    const isBefore =
      event && (event.position <= after || (from !== undefined && (event.meta['recordedAt'] as string) < from));
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Several lists of events, each in the log's order, as one. */
async function* merged(
  lists: readonly AsyncGenerator<StoredEvent, void, undefined>[],
): AsyncGenerator<StoredEvent, void, undefined> {
  const heads = await Promise.all(lists.map((list) => list.next()));
  for (;;) {
    let least = -1;
    let first: StoredEvent | undefined;
    for (const [i, { value }] of heads.entries())
      if (value && (!first || value.position < first.position)) {
        least = i;
        first = value;
      }
    if (!first) return;
    yield first;
    heads[least] = await (lists[least] as (typeof lists)[number]).next();
  }
}

/** All events of the log after `after` in the stretches of a trail: a few too many, none too few. */
async function* inStretches(
  { log, views }: TrailSources,
  idAt: (position: Position) => string,
  after: Position,
  from: Instant | undefined,
): AsyncGenerator<StoredEvent, void, undefined> {
  let seen = after;
  let window: Window = { after: seen, upTo: seen, events: [], atEnd: false };
  for await (const { until, stretches } of stretchDocuments(views, idAt, after)) {
    if (from !== undefined && until < hourOf(from)) continue;
    for (const [first, stream, revision] of stretches) {
      const position = first as Position;
      const stretch = stretchOf(position);
      if (stretch < stretchOf(seen)) continue;
      if (position > window.after && position <= window.upTo) {
        if (seen < window.after) seen = window.after;
      } else if (position > seen) {
        yield* await log.read(stream, { from: revision, limit: 1 });
        seen = position;
      }
      for (;;) {
        if (seen < window.after || seen >= window.upTo) window = await readWindow(log, seen);
        const events = window.events.filter((event) => event.position > seen && event.position >= position);
        const inside = events.filter((event) => stretchOf(event.position) === stretch);
        yield* inside;
        seen = inside.at(-1)?.position ?? seen;
        if (inside.length < events.length || window.atEnd) break;
        seen = window.upTo;
        if (stretchOf(seen) > stretch) break;
      }
    }
  }
}

/** What was read of the log at once: every event after one position up to another. */
type Window = {
  readonly after: Position;
  readonly upTo: Position;
  readonly events: readonly StoredEvent[];
  readonly atEnd: boolean;
};

async function readWindow(log: EventLog, after: Position): Promise<Window> {
  const { events, readUpTo: upTo, atEnd } = await log.readAll({ after, limit: LOG_PAGE });
  return { after, upTo, events, atEnd };
}

async function* stretchDocuments(
  views: Views,
  idAt: (position: Position) => string,
  after: Position,
): AsyncGenerator<StretchesDocument, void, undefined> {
  const last = idAt('~~~~~' as Position); // after all digits
  let bound: object = { $gte: idAt(after), $lte: last };
  for (;;) {
    const found = await views.find('audit', { _id: bound }, { sort: [['_id', 1]], limit: DOCUMENT_PAGE });
    yield* found as unknown as readonly StretchesDocument[];
    const end = found.at(-1)?._id;
    if (found.length < DOCUMENT_PAGE || end === undefined) return;
    bound = { $gt: end, $lte: last };
  }
}
