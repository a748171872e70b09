// The runtime's own documents in the read model store: which build of a projection is live, and what is parked.
// Few and small; each change is one compare-and-swap on a counter in `_p`.
import type { Document, Instant, Position } from '@cairn/kernel';
import type { ReadModel, StoredDocument } from '@cairn/readmodel';

/** One filling of a projection: its collection, and into how many lanes its documents are dealt. */
export type BuildRecord = { readonly collection: string; readonly version: number; readonly lanes: number };

/** The builds of a projection; `live` is what queries read. */
export type Builds = {
  readonly live: BuildRecord;
  /** Being filled beside the live one. */
  readonly next?: BuildRecord;
  /** The one before, kept for the way back. */
  readonly previous?: BuildRecord;
};

/** Something deterministic went wrong: this key waits, with its later events, until a person decides. */
export type ParkedKey = {
  readonly runner: 'projection' | 'reactor';
  /** The projection's or reactor's name. */
  readonly name: string;
  /** Collection for a projection, name for a reactor: what `name` stood for when it happened. */
  readonly target: string;
  /** Document id or partition; `*` for a whole lane or reactor. */
  readonly key: string;
  readonly code: string;
  readonly detail: string;
  /** The event that could not be handled; '' if no single event is to blame. */
  readonly eventId: string;
  readonly eventType: string;
  readonly position: Position;
  /** Position of the event before it: where to read again from. */
  readonly after: Position;
  readonly lane: number;
  readonly at: Instant;
};

export type Records = {
  readonly builds: (name: string) => Promise<Builds | undefined>;
  /** Of all projections, by name. */
  readonly allBuilds: () => Promise<ReadonlyMap<string, Builds>>;
  /**
   * Stores what `change` makes of the builds as they are, and returns it. Several processes may change them at once:
   * who was slower is asked again, with what the faster one stored. Nothing is written if `change` returns its argument.
   */
  readonly changeBuilds: (
    name: string,
    change: (stored: Builds | undefined) => Builds | Promise<Builds>,
  ) => Promise<Builds>;
  readonly parked: (target?: string) => Promise<readonly ParkedKey[]>;
  readonly park: (parked: ParkedKey) => Promise<void>;
  readonly unpark: (target: string, key: string, lane: number) => Promise<void>;
};

const BUILDS = 'runtime_builds';
const PARKED = 'runtime_parked';
const MAX_PARKED_LISTED = 10_000;
const MAX_BUILDS_LISTED = 10_000;

export async function openRecords(readModel: ReadModel): Promise<Records> {
  await readModel.ensureCollection(BUILDS, []);
  await readModel.ensureCollection(PARKED, [{ name: 'by_target', fields: [['target', 1]] }]);

  /** Replaces a document by what `change` makes of it (null: deletes it), until nobody was faster. */
  async function swap<T extends Document | null>(
    collection: string,
    id: string,
    change: (content: Document | undefined) => T | Promise<T>,
  ): Promise<T> {
    for (;;) {
      const [stored] = await readModel.load(collection, [id]);
      const before = stored && bare(stored);
      const content = await change(before);
      if (content === before || (!stored && content === null)) return content;
      const next = content && { ...content, _id: id, _p: String(Number(stored?._p ?? 0) + 1).padStart(20, '0') };
      const [outcome] = await readModel.writeGuarded(collection, [{ id, expected: stored?._p ?? null, next }]);
      if (outcome === 'done') return content;
    }
  }

  const parkedId = (target: string, key: string, lane: number): string =>
    key === '*' ? `${target}|${lane}|*` : `${target}|${key}`;

  return {
    builds: async (name) => {
      const [stored] = await readModel.load(BUILDS, [name]);
      return stored && (bare(stored) as unknown as Builds);
    },
    allBuilds: async () => {
      const found = await readModel.find(BUILDS, {}, { limit: MAX_BUILDS_LISTED });
      return new Map(found.map((stored) => [stored._id, bare(stored) as unknown as Builds]));
    },
    changeBuilds: (name, change) =>
      swap(
        BUILDS,
        name,
        change as unknown as (content: Document | undefined) => Document,
      ) as unknown as Promise<Builds>,
    parked: async (target) => {
      const filter = target === undefined ? {} : { target };
      const found = await readModel.find(PARKED, filter, { limit: MAX_PARKED_LISTED });
      return found.map((document) => bare(document) as unknown as ParkedKey);
    },
    park: async (parked) => {
      const content = parked as unknown as Document;
      await swap(PARKED, parkedId(parked.target, parked.key, parked.lane), () => content);
    },
    unpark: async (target, key, lane) => {
      await swap(PARKED, parkedId(target, key, lane), () => null);
    },
  };
}

function bare({ _id, _p, ...content }: StoredDocument): Document {
  return content;
}
