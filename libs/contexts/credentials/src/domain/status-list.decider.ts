// One status list: its sequence numbers are leased in blocks, each once (D6). What a crashed lessee left stays unused.
import {
  accept,
  base32OfUuid,
  reject,
  streamName,
  uuidOfBase32,
  type Decided,
  type Decider,
  type IssuerId,
  type TenantId,
} from '@cairn/kernel';
import type { LeaseStatusBlock } from '../contracts/credential.commands.js';
import type { StatusListEvent } from '../contracts/credential.events.js';

/** Entries of a list: the least that a Bitstring Status List may have, so that an entry says little (privacy). */
export const STATUS_LIST_SIZE = 131_072;
/** Entries of a block: 512 lease events fill a list. */
export const STATUS_BLOCK_SIZE = 256;

export const statusListStream = (tenant: TenantId, listId: string): string => streamName('statuslist', tenant, listId);

/**
 * The n-th list of an issuer, from 1: the last part of its public address, so it has to be one of a kind in the whole
 * installation, which an issuer's slug is not (ADR 0003).
 */
export const statusListId = (issuer: IssuerId, n: number): string => `${base32OfUuid(issuer)}-${n}`;

/** Whose list it is; undefined for what is no list id. */
export function issuerOfList(listId: string): IssuerId | undefined {
  const [, issuer] = /^(.{26})-[1-9]\d{0,5}$/.exec(listId) ?? [];
  return issuer === undefined ? undefined : (uuidOfBase32(issuer) as IssuerId | undefined);
}

export type StatusListState = {
  readonly opened: boolean;
  /** First sequence number that nobody has leased. */
  readonly next: number;
  readonly closed: boolean;
};

export const statusListDecider: Decider<StatusListState, LeaseStatusBlock, StatusListEvent> = {
  category: 'statuslist',
  commands: ['LeaseStatusBlock'],
  initial: { opened: false, next: 0, closed: false },
  evolve: (state, event) => {
    switch (event.type) {
      case 'status-list-opened':
        return { ...state, opened: true };
      case 'status-block-leased':
        return { ...state, next: event.data.to };
      case 'status-list-closed':
        return { ...state, closed: true };
      default:
        return event satisfies never;
    }
  },
  streamOf: (command) => statusListStream(command.tenant, command.data.listId),
  decide: (command, state) => {
    const { listId, issuerId, lessee, size } = command.data;
    if (state.closed)
      return reject('status-list-full', `All entries of the list ${listId} are leased.`, 'Use the next list.');
    if (!Number.isSafeInteger(size) || size < 1 || size > STATUS_LIST_SIZE)
      return reject('validation-failed', `A block has 1 to ${STATUS_LIST_SIZE} entries, not ${size}.`);
    const from = state.next;
    const to = Math.min(from + size, STATUS_LIST_SIZE);
    const events: Decided<StatusListEvent>[] = [];
    if (!state.opened)
      events.push({
        type: 'status-list-opened',
        data: { listId, issuerId, purpose: 'revocation', size: STATUS_LIST_SIZE },
      });
    events.push({ type: 'status-block-leased', data: { listId, from, to, lessee } });
    if (to === STATUS_LIST_SIZE) events.push({ type: 'status-list-closed', data: { listId } });
    return accept(...events);
  },
};
