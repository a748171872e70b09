// Checks of writes and index definitions that every adapter makes before it touches its store.
import type { IndexDefinition } from '@cairn/kernel';
import { IndexRefused, type GuardedWrite } from './port.js';
import { checkDocument, checkId, checkIndexDefinition, checkUniqueFields } from './query-subset.js';

/** Throws a RangeError for a bulk that is a broken program, QueryRefused for a document that stores would not carry alike. */
export function checkWrites(
  collection: string,
  indexes: readonly IndexDefinition[] | undefined,
  writes: readonly GuardedWrite[],
): void {
  if (!indexes) throw new RangeError(`collection "${collection}" does not exist: call ensureCollection before writing`);
  const ids = new Set<string>();
  const unique = indexes.filter((index) => index.unique);
  for (const { id, expected, next } of writes) {
    checkId(id);
    // Items of a bulk have no order: two on one document would race each other.
    if (ids.has(id)) throw new RangeError(`"${id}" is twice in one bulk: fold its events first, then write once`);
    ids.add(id);
    if (next) {
      if (next._id !== id) throw new RangeError(`the write of "${id}" holds the document "${next._id}"`);
      checkDocument(next);
      if (unique.length > 0) checkUniqueFields(next, unique);
    } else if (expected === null) throw new RangeError(`the write of "${id}" expects no document and leaves none`);
  }
}

const keyOf = (index: IndexDefinition): string => JSON.stringify(index.fields);
const textOf = (index: IndexDefinition): string =>
  `${index.unique ? 'unique ' : ''}"${index.name}" (${index.fields.map(([field, d]) => `${field} ${d}`).join(', ')})`;

/** The wanted indexes that do not exist yet. Throws {@link IndexRefused} for one that contradicts another. */
export function checkNewIndexes(
  collection: string,
  existing: readonly IndexDefinition[],
  wanted: readonly IndexDefinition[],
): readonly IndexDefinition[] {
  const fresh: IndexDefinition[] = [];
  for (const index of wanted) {
    checkIndexDefinition(index);
    const other = [...existing, ...fresh].find((one) => one.name === index.name || keyOf(one) === keyOf(index));
    if (!other) {
      fresh.push({ name: index.name, fields: index.fields, ...(index.unique ? { unique: true } : {}) });
      continue;
    }
    if (textOf(other) !== textOf(index))
      throw new IndexRefused(
        index,
        other,
        `collection "${collection}" has the index ${textOf(other)}; wanted is ${textOf(index)}. ` +
          'Give the new one another name and other fields, or build a new version of the projection',
      );
  }
  return fresh;
}

/** Grows with each claim, and with time, so that a claim on an item since removed and queued anew stays stale. */
export function nextClaimEpoch(current: number, now: string): number {
  return Math.max(current + 1, Date.parse(now));
}
