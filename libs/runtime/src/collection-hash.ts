// What a read model holds, as one hash: equal for equal contents, whichever store, position or history they have.
import { createHash } from 'node:crypto';
import { canonicalJson } from '@cairn/kernel';
import type { ReadModel, StoredDocument } from '@cairn/readmodel';

/** A document's canonical text without its position; undefined for the tombstone of a deleted one. */
export function contentOf({ _p, ...document }: StoredDocument): string | undefined {
  return document['_deleted'] === true ? undefined : canonicalJson(document);
}

/** SHA-256 over the canonical JSON of a collection's documents in order of their ids, one a line. */
export async function collectionHash(
  readModel: ReadModel,
  collection: string,
): Promise<{ readonly documents: number; readonly hash: string }> {
  const hash = createHash('sha256');
  let documents = 0;
  for await (const document of readModel.scan(collection)) {
    const content = contentOf(document);
    if (content === undefined) continue;
    hash.update(content).update('\n');
    documents++;
  }
  return { documents, hash: hash.digest('hex') };
}
