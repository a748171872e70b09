// Registering and changing a person across several streams: identifiers are claimed first, then the learner's own
// stream is written. Each step may be the last before a crash: the same call again goes on from there, and whoever
// meets a claim without its learner finishes it.
import {
  invalid,
  Personal,
  reject,
  uuidv5,
  type Command,
  type CommandContext,
  type CommandOutcome,
  type FactLoader,
  type Issued,
  type LearnerId,
  type Rejected,
  type TenantId,
} from '@cairn/kernel';
import type {
  ChangeLearnerProfile,
  ClaimIdentity,
  RegisterLearner,
  ReleaseIdentity,
} from '../contracts/learner.commands.js';
import { identitiesOf, identityHash, type Identity, type IdentityKind } from '../contracts/identity.js';
import type { LearnerEvent, LearnerProfile } from '../contracts/learner.events.js';
import { identityFold, identityStream, learnerFold, learnerStream } from '../contracts/learner.folds.js';
import { identifierTaken, sameProfile } from './learner.decider.js';

/** What the edge lends. */
export type RegistrationPorts = {
  readonly execute: (command: Issued) => Promise<CommandOutcome>;
  readonly fold: FactLoader['fold'];
  /** A fresh random id. */
  readonly newId: () => string;
  /** Used for identity hashes and nothing else. */
  readonly identityKey: (tenant: TenantId) => Promise<Uint8Array>;
};

type Done = Extract<CommandOutcome, { accepted: true }>;
export type Registration = (Done & { readonly learnerId: LearnerId }) | Rejected;

/** How often a race for an identifier is looked at anew before it counts as taken. */
const ROUNDS = 3;

/** The id of the learner that a registration makes. */
export const newLearnerId = (commandId: string): LearnerId => uuidv5(commandId, 'learner') as LearnerId;

/**
 * Registers a person, or changes nothing if the identifiers lead to a learner with the same profile. The learner's id
 * derives from the command id, so the same Idempotency-Key gives the same learner; it is another one's only if that
 * one's registration was broken off and is finished here. Refuses with `identifier-taken`, `validation-failed`,
 * `idempotency-key-reused`.
 */
export async function registerLearner(
  ports: RegistrationPorts,
  context: CommandContext,
  profile: LearnerProfile,
): Promise<Registration> {
  const { identities, faulty } = identitiesOf(profile);
  if (faulty.length > 0) return identifiersInvalid(faulty);
  const own = newLearnerId(context.commandId);
  for (let round = 1; round <= ROUNDS; round++) {
    const learnerId = await learnerBehind(ports, context.tenant, identities, own);
    if (learnerId === undefined) break;
    const state = await ports.fold(learnerFold, learnerStream(context.tenant, learnerId));
    // A learner who is there already gets no new claims from here: the decision below is replay, unchanged or refusal.
    const refused = state.status === 'unknown' ? await claimAll(ports, context, identities, learnerId) : undefined;
    if (refused?.code === 'identifier-taken') continue;
    if (refused) return refused;
    const outcome = await ports.execute({
      ...context,
      type: 'RegisterLearner',
      data: { learnerId, profile: Personal.of(profile) },
    } satisfies Issued<RegisterLearner>);
    return answered(outcome, context, learnerId, profile);
  }
  return identifierTaken();
}

/**
 * Replaces a learner's profile. New identifiers are claimed first; former ones are released by the reactor
 * `settle-identities`. `execute` sends the change itself, with the caller's If-Match. Refuses with `identifier-taken`, `validation-failed`, `not-found`, `learner-erased`,
 * `idempotency-key-reused`.
 */
export async function changeProfile(
  ports: RegistrationPorts,
  context: CommandContext,
  learnerId: LearnerId,
  profile: LearnerProfile,
  execute: RegistrationPorts['execute'] = ports.execute,
): Promise<Registration> {
  const { identities, faulty } = identitiesOf(profile);
  if (faulty.length > 0) return identifiersInvalid(faulty);
  const notHeld = async (): Promise<readonly Identity[]> => {
    const state = await ports.fold(learnerFold, learnerStream(context.tenant, learnerId));
    return state.status === 'registered'
      ? without(identities, identitiesOf(state.profile.reveal() ?? {}).identities)
      : [];
  };
  const refused = await claimAll(ports, context, await notHeld(), learnerId);
  const outcome =
    refused ??
    (await execute({
      ...context,
      type: 'ChangeLearnerProfile',
      data: { learnerId, profile: Personal.of(profile) },
    } satisfies Issued<ChangeLearnerProfile>));
  // Claims that the profile did not come to name must block nobody.
  if (!outcome.accepted) await releaseAll(ports, context, await notHeld(), learnerId, 'change-refused');
  return answered(outcome, context, learnerId, profile);
}

export const without = (identities: readonly Identity[], others: readonly Identity[]): readonly Identity[] =>
  identities.filter(({ kind, value }) => !others.some((other) => other.kind === kind && other.value === value));

/**
 * The learner that the identifiers lead to: the one who holds some of them, else the new one. Undefined if they lead to
 * several. Looking before claiming keeps a second registration of the same person from claiming for itself.
 */
async function learnerBehind(
  { fold, identityKey }: RegistrationPorts,
  tenant: TenantId,
  identities: readonly Identity[],
  own: LearnerId,
): Promise<LearnerId | undefined> {
  const owners = new Set<LearnerId>();
  for (const identity of identities) {
    const { owner } = await fold(
      identityFold,
      identityStream(tenant, identityHash(await identityKey(tenant), tenant, identity)),
    );
    if (owner === undefined) continue;
    const { status } = await fold(learnerFold, learnerStream(tenant, owner));
    if (status !== 'erased') owners.add(owner);
  }
  if (owners.size > 1) return undefined;
  return [...owners][0] ?? own;
}

export async function claimAll(
  ports: Omit<RegistrationPorts, 'fold'>,
  context: CommandContext,
  identities: readonly Identity[],
  learnerId: LearnerId,
): Promise<Rejected | undefined> {
  for (const identity of identities) {
    const hash = identityHash(await ports.identityKey(context.tenant), context.tenant, identity);
    const claim: ClaimIdentity = { type: 'ClaimIdentity', data: { hash, learnerId, kind: identity.kind } };
    const outcome = await ports.execute(stepOf(ports, context, claim));
    if (!outcome.accepted) return outcome;
  }
  return undefined;
}

export async function releaseAll(
  ports: Omit<RegistrationPorts, 'fold'>,
  context: CommandContext,
  identities: readonly Identity[],
  learnerId: LearnerId,
  reasonCode: string,
): Promise<void> {
  for (const identity of identities) {
    const hash = identityHash(await ports.identityKey(context.tenant), context.tenant, identity);
    const release: ReleaseIdentity = { type: 'ReleaseIdentity', data: { hash, learnerId, reasonCode } };
    const outcome = await ports.execute(stepOf(ports, context, release));
    if (!outcome.accepted) throw new Error(`an identity could not be released: ${outcome.code}`);
  }
}

/**
 * A step of the same act. Its id is fresh: claims and releases alternate, so a repeated one must be decided by who holds
 * the identifier now, not be taken for an earlier one.
 */
const stepOf = <C extends Command>(
  { newId }: Pick<RegistrationPorts, 'newId'>,
  context: CommandContext,
  command: C,
): Issued<C> => ({ ...context, ...command, commandId: newId(), idSource: 'derived' });

/**
 * The hash of a command sees nothing personal, so the executor cannot tell that a client's key came back with another
 * profile; here it can be seen, as long as the recorded one is readable.
 */
function answered(
  outcome: CommandOutcome,
  context: CommandContext,
  learnerId: LearnerId,
  profile: LearnerProfile,
): Registration {
  if (!outcome.accepted) return outcome;
  const [event] = outcome.events as readonly LearnerEvent[];
  const written = event && 'profile' in event.data ? event.data.profile : undefined;
  const differs = written?.reveal() !== undefined && !sameProfile(written, Personal.of(profile));
  if (outcome.replayed && differs && context.idSource === 'client')
    return reject(
      'idempotency-key-reused',
      'This idempotency key was used for another profile.',
      'Use a new key for a new request; repeat a request only unchanged.',
    );
  return { ...outcome, learnerId };
}

function identifiersInvalid(pointers: readonly string[]): Rejected {
  const [first] = pointers.map((pointer) =>
    invalid(pointer, 'identifier-invalid', 'This is not an e-mail address, or not an id with its system.'),
  ) as [Rejected];
  const errors = pointers.map((pointer) => ({ pointer, code: 'identifier-invalid', message: first.detail }));
  return { ...first, errors };
}

/** The learner with an identifier; undefined if nobody has it. Nothing is written. */
export async function findLearner(
  { fold, identityKey }: Pick<RegistrationPorts, 'fold' | 'identityKey'>,
  tenant: TenantId,
  kind: IdentityKind,
  normalised: string,
): Promise<LearnerId | undefined> {
  const hash = identityHash(await identityKey(tenant), tenant, { kind, value: normalised });
  const { owner } = await fold(identityFold, identityStream(tenant, hash));
  if (owner === undefined) return undefined;
  const { status } = await fold(learnerFold, learnerStream(tenant, owner));
  return status === 'registered' ? owner : undefined;
}
