// Copies one event log into another: global order, streams, revisions, ids, data and metadata stay as they are.
//
// The copy needs no notes of its own to be resumed: what the target holds must be the beginning of the source, which is
// compared event by event; the rest follows. At the end both are read side by side once more.
import type { NewEvent, Position, StoredEvent } from '@cairn/kernel';
import { LogUnavailable, MAX_APPEND_BYTES, type EventLog } from './port.js';

export type CopyOptions = {
  readonly from: EventLog;
  /** Empty, or left by a copy of the same source that was broken off. Nobody else may write to it meanwhile. */
  readonly to: EventLog;
  readonly onProgress?: (events: number) => void;
  /** An event of the target's own that may follow the copied ones: the mark of a copy that is finished. */
  readonly isEndMark?: (event: StoredEvent) => boolean;
};

export type CopyResult = {
  readonly events: number;
  readonly streams: number;
  /** Events that the target held already. */
  readonly found: number;
  /** True if the target holds the end mark. */
  readonly ended: boolean;
};

/** The target is not, or no longer, the beginning of the source. Nothing of it was changed. */
export class LogsDiffer extends Error {
  constructor(detail: string) {
    super(`the target is no copy of this log: ${detail}. Copy into an empty one`);
    this.name = 'LogsDiffer';
  }
}

const PAGE = 1_000;
const BATCH_EVENTS = 200;
/** Half of what the port allows, for the count here is of characters. */
const BATCH_CHARACTERS = MAX_APPEND_BYTES / 4;
const APPEND_TRIES = 8;

/** Copies what is missing, then compares both logs whole. Throws {@link LogsDiffer}, {@link LogUnavailable}. */
export async function copyLog(options: CopyOptions): Promise<CopyResult> {
  const { from, to } = options;
  const { events: found, ended } = await compare(options, 'prefix');
  if (!ended) {
    const rest = everything(from);
    for (let skipped = 0; skipped < found; skipped++) await rest.next();
    let done = found;
    let batch: StoredEvent[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      await append(to, batch);
      done += batch.length;
      batch = [];
      characters = 0;
      options.onProgress?.(done);
    };
    for await (const event of rest) {
      const size = JSON.stringify(event).length;
      const first = batch[0];
      // One append is one stream: where the stream changes, the order of the log does.
      if (
        first &&
        (first.stream !== event.stream || batch.length === BATCH_EVENTS || characters + size > BATCH_CHARACTERS)
      )
        await flush();
      batch.push(event);
      characters += size;
    }
    await flush();
  }
  const { events, streams } = await compare(options, 'whole');
  return { events, streams, found, ended };
}

async function append(to: EventLog, batch: readonly StoredEvent[]): Promise<void> {
  const { stream, revision } = batch[0] as StoredEvent;
  const events = batch.map(({ id, type, data, meta }): NewEvent => ({ id, type, data, meta }));
  for (let attempt = 1; ; attempt++) {
    try {
      // Repeated after an unknown outcome this answers with the first result: the port says so.
      const result = await to.append(stream, revision === 0 ? 'none' : revision - 1, events);
      if (result.ok) return;
      throw new LogsDiffer(
        `${stream} ends at ${result.actual} where ${revision - 1} was expected: somebody else writes`,
      );
    } catch (error) {
      if (!(error instanceof LogUnavailable) || attempt === APPEND_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
    }
  }
}

/** `prefix`: the target may end before the source. */
async function compare({ from, to, isEndMark }: CopyOptions, extent: 'prefix' | 'whole') {
  const source = everything(from);
  const streams = new Set<string>();
  let events = 0;
  for await (const there of everything(to)) {
    const { value: here } = await source.next();
    if (!here) {
      if (!isEndMark?.(there)) throw new LogsDiffer(`it holds ${place(there)} beyond the end of the source`);
      return { events, streams: streams.size, ended: true };
    }
    const fault = difference(here, there);
    if (fault)
      throw new LogsDiffer(`${fault} of event ${events + 1} differs: ${place(here)} here, ${place(there)} there`);
    streams.add(here.stream);
    events++;
  }
  const { value: next } = await source.next();
  if (extent === 'whole' && next) throw new LogsDiffer(`${place(next)} is missing in it`);
  return { events, streams: streams.size, ended: false };
}

function difference(a: StoredEvent, b: StoredEvent): string | undefined {
  const of = ({ stream, revision, id, type, data, meta }: StoredEvent): readonly (readonly [string, string])[] => [
    ['the stream', stream],
    ['the revision', String(revision)],
    ['the id', id],
    ['the type', type],
    ['the data', JSON.stringify(data)],
    ['the metadata', JSON.stringify(meta)],
  ];
  const there = of(b);
  return of(a).find(([, value], index) => value !== there[index]?.[1])?.[0];
}

const place = ({ stream, revision, id }: StoredEvent): string => `${stream}@${revision} (${id})`;

async function* everything(log: EventLog): AsyncGenerator<StoredEvent, undefined> {
  let after = '' as Position;
  for (;;) {
    const page = await log.readAll({ after, limit: PAGE });
    yield* page.events;
    if (page.atEnd) return undefined;
    after = page.readUpTo;
  }
}
