// What follows a profile change or an erasure in other streams and in the vaults. Every step may be repeated, and each
// may be the last before a crash.
import type { CommandContext, CommandOutcome, Issued, LearnerId, Recorded, TenantId } from '@cairn/kernel';
import { identitiesOf, type Identity } from '../contracts/identity.js';
import type { RecordKeyDestroyed } from '../contracts/learner.commands.js';
import type { LearnerEvent } from '../contracts/learner.events.js';
import { learnerFold, learnerStream } from '../contracts/learner.folds.js';
import { claimAll, releaseAll, without, type RegistrationPorts } from './registration.js';

export type SettlingPorts = RegistrationPorts & {
  /** All events of a stream. */
  readonly history: (stream: string) => Promise<readonly Recorded[]>;
};
export type ErasurePorts = SettlingPorts & {
  readonly purgeBlobs: (tenant: TenantId, learner: LearnerId) => Promise<void>;
  readonly destroyKey: (tenant: TenantId, learner: LearnerId) => Promise<void>;
};

/** Releases every identifier that some profile of the learner named and the present one does not. */
export async function settleIdentities(
  ports: SettlingPorts,
  context: CommandContext,
  learnerId: LearnerId,
): Promise<void> {
  const { named, present } = await identitiesNamed(ports, context.tenant, learnerId);
  await releaseAll(ports, context, without(named, present), learnerId, 'profile-changed');
  // The profile may have gone back to a former identifier meanwhile: what it names now is claimed again.
  const { present: now } = await identitiesNamed(ports, context.tenant, learnerId);
  await claimAll(ports, context, without(now, present), learnerId);
}

/**
 * Releases the identifiers while they can still be read, purges blobs, destroys the key, then records that. For a
 * learner who is not erased nothing is touched: the decider refuses.
 */
export async function destroyTraces(ports: ErasurePorts, command: Issued<RecordKeyDestroyed>): Promise<CommandOutcome> {
  const { tenant } = command;
  const { learnerId } = command.data;
  const state = await ports.fold(learnerFold, learnerStream(tenant, learnerId));
  if (state.status === 'erased' && !state.keyDestroyed) {
    const { named } = await identitiesNamed(ports, tenant, learnerId);
    await releaseAll(ports, command, named, learnerId, 'erased');
    await ports.purgeBlobs(tenant, learnerId);
    await ports.destroyKey(tenant, learnerId);
  }
  return ports.execute(command);
}

async function identitiesNamed(
  { history }: SettlingPorts,
  tenant: TenantId,
  learnerId: LearnerId,
): Promise<{ readonly named: readonly Identity[]; readonly present: readonly Identity[] }> {
  const named: Identity[] = [];
  let present: readonly Identity[] = [];
  for (const event of (await history(learnerStream(tenant, learnerId))) as readonly Recorded<LearnerEvent>[]) {
    // Once the key is destroyed nothing can be read any more; by then it was released.
    present = 'profile' in event.data ? identitiesOf(event.data.profile.reveal() ?? {}).identities : present;
    if (event.type === 'learner-erased') present = [];
    named.push(...without(present, named));
  }
  return { named, present };
}
