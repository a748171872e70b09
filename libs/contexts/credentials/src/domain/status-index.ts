// From a sequence number to a place in the list: a keyed permutation, so that a place tells nothing about when a
// credential was issued, and no two numbers share a place (D6).
import { sha256 } from '@cairn/kernel';

const ROUNDS = 8;

/**
 * The index of the n-th entry leased: a bijection of [0, size) for every key. A Feistel network over the next even
 * number of bits, walked until the value is inside (cycle walking). The key is the tenant's secret namespace: it lies
 * in the log, so a list can never be continued under another permutation.
 */
export function statusIndexOf(namespace: string, listId: string, sequence: number, size: number): number {
  if (!Number.isSafeInteger(sequence) || sequence < 0 || sequence >= size)
    throw new RangeError(`${sequence} is not a sequence number of a list of ${size}`);
  const halfBits = Math.ceil(Math.log2(size) / 2);
  const mask = 2 ** halfBits - 1;
  let value = sequence;
  do {
    let left = value >>> halfBits;
    let right = value & mask;
    for (let round = 0; round < ROUNDS; round++) {
      const mixed = parseInt(sha256(`${namespace}|${listId}|${round}|${right}`).slice(0, 8), 16) & mask;
      [left, right] = [right, left ^ mixed];
    }
    value = (left << halfBits) | right;
  } while (value >= size);
  return value;
}
