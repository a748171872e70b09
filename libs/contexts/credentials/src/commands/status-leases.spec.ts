import { createCodec, type Cipher, type Instant, type IssuerId } from '@cairn/kernel';
import { createMemoryEventLog } from '@cairn/eventlog';
import { createCommandExecutor } from '@cairn/runtime';
import { TENANT, at } from '@cairn/testing';
import { statusListEvents } from '../contracts/credential.events.js';
import {
  STATUS_BLOCK_SIZE,
  STATUS_LIST_SIZE,
  statusListDecider,
  statusListId,
  statusListStream,
} from '../domain/status-list.decider.js';
import { NAMESPACE, issuerId } from '../domain/samples-spec.js';
import { createStatusLeases, type StatusEntryOwner } from './status-leases.js';

const owner: StatusEntryOwner = { tenant: TENANT, namespace: NAMESPACE, issuerId };
const cipher: Cipher = {
  seal: () => {
    throw new Error('nothing personal here');
  },
  open: () => undefined,
};
const clock = { now: (): Instant => at('2026-03-10') };

function world() {
  const log = createMemoryEventLog();
  const executor = createCommandExecutor({
    log,
    codec: createCodec(statusListEvents, cipher),
    deciders: [statusListDecider],
    clock,
    app: 'test',
  });
  const lessee = (blockSize = STATUS_BLOCK_SIZE) =>
    createStatusLeases({ execute: (command) => executor.execute(command), clock, blockSize });
  const events = async (listId: string) =>
    (await executor.history(statusListStream(TENANT, listId))).map(({ type }) => type);
  return { lessee, events };
}

describe('status entries of several processes at once (D6)', () => {
  it('are all distinct', async () => {
    const { lessee } = world();
    const lessees = [lessee(7), lessee(7), lessee(7)];
    const entries = await Promise.all(
      Array.from({ length: 600 }, (_, n) => (lessees[n % 3] as ReturnType<typeof lessee>).next(owner)),
    );
    expect(new Set(entries.map(({ listId, index }) => `${listId}#${index}`)).size).toBe(600);
  });
  it('share one lease for a block', async () => {
    const { lessee, events } = world();
    const leases = lessee();
    await Promise.all(Array.from({ length: STATUS_BLOCK_SIZE }, () => leases.next(owner)));
    expect(await events(statusListId(issuerId, 1))).toEqual(['status-list-opened', 'status-block-leased']);
    await leases.next(owner);
    expect(await events(statusListId(issuerId, 1))).toHaveLength(3);
  });
  it('go on in the next list when one is full', async () => {
    const { lessee, events } = world();
    const big = lessee(STATUS_LIST_SIZE);
    await big.next(owner);
    expect(await events(statusListId(issuerId, 1))).toContain('status-list-closed');
    expect((await lessee(10).next(owner)).listId).toBe(statusListId(issuerId, 2));
  });
  it('are another list for another issuer', async () => {
    const leases = world().lessee();
    await leases.next(owner);
    const other = await leases.next({ ...owner, issuerId: NAMESPACE as IssuerId });
    expect(other.listId).toBe(statusListId(NAMESPACE as IssuerId, 1));
  });
  it('reject, and can be asked for again, if a lease fails', async () => {
    let fails = true;
    const { lessee } = world();
    const real = lessee();
    const leases = createStatusLeases({
      execute: (command) => {
        if (fails) return Promise.reject(new Error('log down'));
        return real.next(owner).then(() => ({
          accepted: true as const,
          outcome: 'recorded' as const,
          replayed: false,
          stream: '',
          revision: 0,
          position: '',
          events: [{ type: 'status-block-leased', data: { ...command.data, from: 0, to: 4 } } as never],
        }));
      },
      clock,
    });
    await expect(leases.next(owner)).rejects.toThrow('log down');
    fails = false;
    await expect(leases.next(owner)).resolves.toMatchObject({ listId: statusListId(issuerId, 1) });
  });
});
