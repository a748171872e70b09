// Status indexes for an issuing process: blocks of a list leased through commands, handed out one by one from memory
// (D6). What a crash leaves of a block is never used.
import { randomUUID } from 'node:crypto';
import type { CommandOutcome, Instant, Issued, IssuerId, Recorded, TenantId } from '@cairn/kernel';
import type { LeaseStatusBlock } from '../contracts/credential.commands.js';
import type { StatusListEvent } from '../contracts/credential.events.js';
import { statusIndexOf } from '../domain/status-index.js';
import { STATUS_BLOCK_SIZE, STATUS_LIST_SIZE, statusListId } from '../domain/status-list.decider.js';

export type StatusEntryOwner = {
  readonly tenant: TenantId;
  /** The tenant's secret: key of the permutation. */
  readonly namespace: string;
  readonly issuerId: IssuerId;
};
export type StatusLeases = {
  /** An entry that nobody else has or will have. Rejects if no block can be leased. */
  readonly next: (owner: StatusEntryOwner) => Promise<{ readonly listId: string; readonly index: number }>;
};

export function createStatusLeases(options: {
  readonly execute: (command: Issued<LeaseStatusBlock>) => Promise<CommandOutcome>;
  readonly clock: { readonly now: () => Instant };
  /** Default {@link STATUS_BLOCK_SIZE}. */
  readonly blockSize?: number;
}): StatusLeases {
  const { execute, clock, blockSize = STATUS_BLOCK_SIZE } = options;
  const lessee = randomUUID();
  type Cursor = { list: number; next: number; to: number; leasing: Promise<void> | undefined };
  const cursors = new Map<string, Cursor>();

  async function lease(owner: StatusEntryOwner, cursor: Cursor): Promise<void> {
    for (;;) {
      const listId = statusListId(owner.issuerId, cursor.list);
      const commandId = randomUUID();
      const outcome = await execute({
        type: 'LeaseStatusBlock',
        data: { listId, issuerId: owner.issuerId, lessee, size: blockSize },
        tenant: owner.tenant,
        commandId,
        idSource: 'derived',
        actor: 'service:issuing',
        correlationId: commandId,
        now: clock.now(),
      });
      if (outcome.accepted) {
        const leased = (outcome.events as readonly Recorded<StatusListEvent>[]).find(
          (event) => event.type === 'status-block-leased',
        );
        if (!leased) throw new Error(`a lease of the list ${listId} was accepted without a block`);
        cursor.next = leased.data.from;
        cursor.to = leased.data.to;
        return;
      }
      if (outcome.code !== 'status-list-full')
        throw new Error(`no block of the list ${listId}: ${outcome.code}, ${outcome.detail}`);
      cursor.list++;
    }
  }

  const next: StatusLeases['next'] = async (owner) => {
    const key = `${owner.tenant}:${owner.issuerId}`;
    let cursor = cursors.get(key);
    if (!cursor) cursors.set(key, (cursor = { list: 1, next: 0, to: 0, leasing: undefined }));
    const mine = cursor;
    // All who wait share one lease; whoever comes too late for its entries takes part in the next.
    while (mine.next >= mine.to)
      await (mine.leasing ??= lease(owner, mine).finally(() => {
        mine.leasing = undefined;
      }));
    const listId = statusListId(owner.issuerId, mine.list);
    return { listId, index: statusIndexOf(owner.namespace, listId, mine.next++, STATUS_LIST_SIZE) };
  };

  return { next };
}
