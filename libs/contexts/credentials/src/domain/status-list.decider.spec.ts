import type { IssuerId } from '@cairn/kernel';
import { given, issued, recorded } from '@cairn/testing';
import fc from 'fast-check';
import {
  issuerOfList,
  STATUS_BLOCK_SIZE,
  STATUS_LIST_SIZE,
  statusListDecider,
  statusListId,
} from './status-list.decider.js';
import { statusIndexOf } from './status-index.js';
import { NAMESPACE, issuerId } from './samples-spec.js';

const listId = statusListId(issuerId, 1);
const lease = (size = STATUS_BLOCK_SIZE, lessee = 'a1') =>
  ({ type: 'LeaseStatusBlock', data: { listId, issuerId, lessee, size } }) as const;
const opened = {
  type: 'status-list-opened',
  data: { listId, issuerId, purpose: 'revocation', size: STATUS_LIST_SIZE },
} as const;
const leased = (from: number, to: number, lessee = 'a1') =>
  ({ type: 'status-block-leased', data: { listId, from, to, lessee } }) as const;
const closed = { type: 'status-list-closed', data: { listId } } as const;

describe('LeaseStatusBlock', () => {
  it('opens the list with the first block', () =>
    given(statusListDecider).when(lease(), undefined).then(opened, leased(0, 256)));
  it('goes on where the last block ended, whoever leased it', () =>
    given(statusListDecider, opened, leased(0, 256, 'b2'))
      .when(lease(), undefined)
      .then(leased(256, 512)));
  it('closes the list with its last block, which may be shorter', () =>
    given(statusListDecider, opened, leased(0, STATUS_LIST_SIZE - 100))
      .when(lease(), undefined)
      .then(leased(STATUS_LIST_SIZE - 100, STATUS_LIST_SIZE), closed));
  it('refuses a full list', () =>
    given(statusListDecider, opened, leased(0, STATUS_LIST_SIZE), closed)
      .when(lease(), undefined)
      .thenRejected('status-list-full'));
  it.each([0, -1, 1.5, STATUS_LIST_SIZE + 1])('refuses a block of %s', (size) =>
    given(statusListDecider).when(lease(size), undefined).thenRejected('validation-failed'),
  );
  it('names the lists of an issuer by number, and finds the issuer in the name', () => {
    expect(statusListId(issuerId, 12)).toMatch(/^[0-9a-z]{26}-12$/);
    expect(issuerOfList(statusListId(issuerId, 12))).toBe(issuerId);
    for (const text of ['northlake-1', `${listId}0000000`, listId.toUpperCase(), `${listId.slice(0, -1)}0`, ''])
      expect(issuerOfList(text)).toBeUndefined();
  });
});

describe('indexes (D6)', () => {
  it('are all distinct over a whole list, with lessees taking turns', () => {
    let state = statusListDecider.initial;
    const blocks: { from: number; to: number }[] = [];
    for (let turn = 0; !state.closed; turn++) {
      const decision = statusListDecider.decide(issued(lease(STATUS_BLOCK_SIZE, `p${turn % 3}`)), state, undefined);
      if (!decision.accepted) throw new Error(decision.code);
      for (const event of decision.events) {
        state = statusListDecider.evolve(state, recorded(event));
        if (event.type === 'status-block-leased') blocks.push(event.data);
      }
    }
    expect(blocks).toHaveLength(512);
    const used = new Uint8Array(STATUS_LIST_SIZE);
    for (const { from, to } of blocks)
      for (let sequence = from; sequence < to; sequence++)
        (used[statusIndexOf(NAMESPACE, listId, sequence, STATUS_LIST_SIZE)] as number)++;
    expect(used.every((times) => times === 1)).toBe(true);
  });

  it('are a permutation for every key and size', () =>
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 2, max: 300 }), (namespace, size) => {
        const indexes = new Set(Array.from({ length: size }, (_, n) => statusIndexOf(namespace, listId, n, size)));
        expect([...indexes].toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, n) => n));
      }),
      { numRuns: 50 },
    ));

  it('do not follow the order of issue, and differ by list and tenant', () => {
    const first = (namespace: string, list: string) =>
      Array.from({ length: 64 }, (_, n) => statusIndexOf(namespace, list, n, STATUS_LIST_SIZE));
    const here = first(NAMESPACE, listId);
    const rising = here.filter((index, n) => n > 0 && index > (here[n - 1] as number)).length;
    expect(rising).toBeGreaterThan(16);
    expect(rising).toBeLessThan(48);
    expect(first(NAMESPACE, 'northlake-2')).not.toEqual(here);
    expect(first(issuerId satisfies IssuerId, listId)).not.toEqual(here);
  });

  it('exist only inside the list', () =>
    expect(() => statusIndexOf(NAMESPACE, listId, STATUS_LIST_SIZE, STATUS_LIST_SIZE)).toThrow(RangeError));
});
