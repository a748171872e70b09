// Reading projections by their name: the live build's collection, without the runtime's tombstones and positions.
import type { Document } from '@cairn/kernel';
import type { Filter, FindOptions, ReadModel, StoredDocument } from '@cairn/readmodel';

/** A document as queries see it. `_parked` is there if the document waits for a person and is behind. */
export type ViewDocument = Document & {
  readonly _id: string;
  readonly _parked?: { readonly event: string; readonly code: string };
};

export type Views = {
  readonly get: (projection: string, id: string) => Promise<ViewDocument | undefined>;
  readonly find: (projection: string, filter: Filter, options: FindOptions) => Promise<readonly ViewDocument[]>;
  readonly aggregate: (projection: string, pipeline: readonly Document[]) => Promise<readonly Document[]>;
};

export function createViews(readModel: ReadModel, collectionOf: (projection: string) => string): Views {
  return {
    get: async (projection, id) => {
      const [stored] = await readModel.load(collectionOf(projection), [id]);
      return stored && seen(stored);
    },
    find: async (projection, filter, options) =>
      (await readModel.find(collectionOf(projection), withoutTombstones(filter), options)).map(
        (stored) => seen(stored) as ViewDocument,
      ),
    aggregate: (projection, pipeline) => {
      const [first, ...rest] = pipeline;
      const match = first?.['$match'] as Filter | undefined;
      const stages = match ? rest : pipeline;
      return readModel.aggregate(collectionOf(projection), [
        { $match: withoutTombstones(match ?? {}) as Document },
        ...stages,
      ]);
    },
  };
}

function seen({ _p, _deleted, ...document }: StoredDocument): ViewDocument | undefined {
  if (_deleted !== true) return document as ViewDocument;
  // Parked before it ever came to be, or after it was deleted: the reader must learn that nothing is sure.
  return document['_parked'] === undefined ? undefined : (document as ViewDocument);
}

/** A tombstone has no fields of its own, so a filter that asks for a value of one cannot meet it. */
function withoutTombstones(filter: Filter): Filter {
  const asksForValue = Object.entries(filter).some(
    ([field, condition]) =>
      !field.startsWith('$') &&
      field !== '_id' &&
      condition !== null &&
      (typeof condition !== 'object' ||
        Object.keys(condition).some((operator) => /^\$(gte?|lte?|elemMatch)$/.test(operator))),
  );
  return asksForValue ? filter : { $and: [filter, { _deleted: { $exists: false } }] };
}
