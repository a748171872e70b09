// `audit`: where in the log each trail is to be found, not the trails themselves: those are read from the log. Nothing
// is kept for a single event, so that this costs a few bytes for each and most events write nothing.
//
// A learner and a credential have few streams: their document lists them (t:learner:l, t:credential:c). An actor and
// a correlation may have any number, so that their events are sought in the log itself: a stretch is a hundred
// positions, and a document lists the stretches of ten thousand positions in which there are any (t:actor:a:n).
import { defineProjection, type Document, type EventDefinition, type Position, type Recorded } from '@cairn/kernel';

export type StreamsDocument = Document & {
  /** In the order of their first event about it. */
  readonly streams: readonly string[];
};

/** Where a stretch begins: its first event of the trail. */
export type Stretch = readonly [position: string, stream: string, revision: number];
export type StretchesDocument = Document & {
  /** No event was recorded after this hour, such as 2026-03-10T09. */
  readonly until: string;
  readonly stretches: readonly Stretch[];
};

/** Every event has these two ids, if at all, under these names, whatever its schema version. */
type Ids = { readonly learnerId?: unknown; readonly credentialId?: unknown };

/** Positions are text of one width: what share their beginning follow each other. */
export const stretchOf = (position: string): string => position.slice(0, -2);
const chunkOf = (position: string): string => position.slice(0, -4);
export const hourOf = (instant: string): string => instant.slice(0, 13);

export const streamsId = (tenant: string, by: 'learner' | 'credential', id: string): string => `${tenant}:${by}:${id}`;

/** Ids of one trail are in the log's order. An actor's colons are written otherwise, so that no trail begins another. */
export const stretchesId = (tenant: string, by: 'actor' | 'correlation', id: string, position: Position): string =>
  `${tenant}:${by}:${id.replaceAll('%', '%25').replaceAll(':', '%3A')}:${chunkOf(position)}`;

/** `definitions`: every event of the installation; an audit trail with gaps is none. */
export const auditProjection = (definitions: readonly EventDefinition[]) =>
  defineProjection<StreamsDocument | StretchesDocument, EventDefinition>({
    name: 'audit',
    version: 3,
    events: definitions,
    // Also what cannot be read is found: in an audit above all.
    undecoded: true,
    keys: ({ data, meta: { tenant, actor, $correlationId }, position }: Recorded) => {
      const { learnerId, credentialId } = data as Ids;
      return [
        ...(typeof learnerId === 'string' ? [streamsId(tenant, 'learner', learnerId)] : []),
        ...(typeof credentialId === 'string' ? [streamsId(tenant, 'credential', credentialId)] : []),
        stretchesId(tenant, 'actor', actor, position),
        stretchesId(tenant, 'correlation', $correlationId, position),
      ];
    },
    evolve: (document, event, id) => {
      const holdsStreams = document ? 'streams' in document : /^[^:]+:(learner|credential):/.test(id);
      return holdsStreams
        ? withStream(document as StreamsDocument | null, event as Recorded)
        : withStretch(document as StretchesDocument | null, event as Recorded);
    },
    indexes: [],
  });

function withStream(document: StreamsDocument | null, { stream }: Recorded): StreamsDocument {
  if (!document) return { streams: [stream] };
  return document.streams.includes(stream) ? document : { streams: [...document.streams, stream] };
}

function withStretch(document: StretchesDocument | null, event: Recorded): StretchesDocument {
  const { position, stream, revision } = event;
  const hour = hourOf(event.meta.recordedAt);
  if (!document) return { until: hour, stretches: [[position, stream, revision]] };
  const { until, stretches } = document;
  const begun = stretchOf((stretches.at(-1) as Stretch)[0]) === stretchOf(position);
  if (begun && hour <= until) return document;
  return {
    until: hour > until ? hour : until,
    stretches: begun ? stretches : [...stretches, [position, stream, revision]],
  };
}
