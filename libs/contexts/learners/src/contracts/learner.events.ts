// Events of the streams `learner-{t}.{l}` and `identity-{t}.{h}`.
import { defineEvent, s, type EventOf, type JsonObject, type LearnerId } from '@cairn/kernel';

/** What is known of a person. Kept sealed with the learner's own key; destroying that key erases it. */
export type LearnerProfile = JsonObject & {
  readonly name?: string;
  readonly email?: string;
  /** BCP 47: in which they are written to, if there are texts in it. */
  readonly language?: string;
  /** Ids in other systems. */
  readonly externalIds?: readonly { readonly system: string; readonly value: string }[];
};

const sealed = {
  alg: 'A256GCM',
  iv: 'AAAAAAAAAAAAAAAA',
  data: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
};
const learnerId = 'd1c0b0a9-8f7e-5d6c-8b5a-493827161504';

export const learnerRegistered = defineEvent({
  type: 'learner-registered',
  version: 1,
  means: 'A person became known; the personal part is sealed.',
  schema: s.object({ learnerId: s.uuid<LearnerId>(), profile: s.personal<LearnerProfile>() }),
  personal: ['profile'],
  samples: { 1: [{ learnerId, profile: sealed }] },
});
export const learnerProfileChanged = defineEvent({
  type: 'learner-profile-changed',
  version: 1,
  means: 'The whole personal part was replaced.',
  schema: s.object({ learnerId: s.uuid<LearnerId>(), profile: s.personal<LearnerProfile>() }),
  personal: ['profile'],
  samples: { 1: [{ learnerId, profile: sealed }] },
});
export const learnerErased = defineEvent({
  type: 'learner-erased',
  version: 1,
  means: 'It was decided to erase the person; from here on every read treats them as erased.',
  schema: s.object({
    learnerId: s.uuid<LearnerId>(),
    approvedBy: s.string({ max: 200 }),
    reasonCode: s.string({ max: 64 }),
  }),
  samples: { 1: [{ learnerId, approvedBy: 'user:dpo', reasonCode: 'data-subject-request' }] },
});
export const learnerKeyDestroyed = defineEvent({
  type: 'learner-key-destroyed',
  version: 1,
  means: 'The key of the personal data is gone, and with it everything sealed under it.',
  schema: s.object({ learnerId: s.uuid<LearnerId>() }),
  samples: { 1: [{ learnerId }] },
});

const reasonCode = s.string({ max: 64, pattern: /^[a-z0-9]+(-[a-z0-9]+)*$/ });
const otherId = 'e2d1c1ba-9a80-5e7d-8c6b-5a4938271615';
export const learnersMerged = defineEvent({
  type: 'learners-merged',
  version: 1,
  means: 'A named authority decided that two learners are one person, who goes on as the other one.',
  schema: s.object({
    learnerId: s.uuid<LearnerId>(),
    into: s.uuid<LearnerId>(),
    reasonCode,
    /** A person or body by role, never free text about the learner. */
    authority: s.string({ max: 200 }),
  }),
  samples: { 1: [{ learnerId, into: otherId, reasonCode: 'registered-twice', authority: 'registrar' }] },
});
export const learnersUnmerged = defineEvent({
  type: 'learners-unmerged',
  version: 1,
  means: 'They are two persons after all, or could not be merged: each goes on with what is theirs.',
  schema: s.object({
    learnerId: s.uuid<LearnerId>(),
    from: s.uuid<LearnerId>(),
    reasonCode,
    authority: s.string({ max: 200 }),
  }),
  samples: { 1: [{ learnerId, from: otherId, reasonCode: 'two-persons', authority: 'registrar' }] },
});

export const IDENTITY_KINDS = ['email', 'external-id'] as const;
export const identityClaimed = defineEvent({
  type: 'identity-claimed',
  version: 1,
  means: 'An e-mail address or external id belongs to one learner; the stream is named by its keyed hash.',
  schema: s.object({ learnerId: s.uuid<LearnerId>(), kind: s.oneOf(IDENTITY_KINDS) }),
  samples: { 1: [{ learnerId, kind: 'external-id' }] },
});
export const identityReleased = defineEvent({
  type: 'identity-released',
  version: 1,
  means: 'The identifier is free again.',
  schema: s.object({ learnerId: s.uuid<LearnerId>(), reasonCode: s.string({ max: 64 }) }),
  samples: { 1: [{ learnerId, reasonCode: 'erased' }] },
});

export const learnerEvents = [
  learnerRegistered,
  learnerProfileChanged,
  learnerErased,
  learnerKeyDestroyed,
  learnersMerged,
  learnersUnmerged,
  identityClaimed,
  identityReleased,
] as const;
export type LearnerEvent = EventOf<
  | typeof learnerRegistered
  | typeof learnerProfileChanged
  | typeof learnerErased
  | typeof learnerKeyDestroyed
  | typeof learnersMerged
  | typeof learnersUnmerged
>;
export type IdentityEvent = EventOf<typeof identityClaimed | typeof identityReleased>;
