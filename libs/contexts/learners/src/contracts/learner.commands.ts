import type { Command, LearnerId, Personal } from '@cairn/kernel';
import type { IDENTITY_KINDS, LearnerProfile } from './learner.events.js';

/** The learner's id derives from the command id. Identifiers are claimed first, by ClaimIdentity. */
export type RegisterLearner = Command<
  'RegisterLearner',
  { readonly learnerId: LearnerId; readonly profile: Personal<LearnerProfile> }
>;
export type ChangeLearnerProfile = Command<
  'ChangeLearnerProfile',
  { readonly learnerId: LearnerId; readonly profile: Personal<LearnerProfile> }
>;
export type EraseLearner = Command<
  'EraseLearner',
  { readonly learnerId: LearnerId; readonly approvedBy: string; readonly reasonCode: string }
>;
/** Its handler releases identifiers, purges blobs and destroys the key; then it is recorded. */
export type RecordKeyDestroyed = Command<'RecordKeyDestroyed', { readonly learnerId: LearnerId }>;
/** Who is known twice goes on as `into`; carried out by the reactor `merge-cascade`. */
export type MergeLearners = Command<
  'MergeLearners',
  { readonly learnerId: LearnerId; readonly into: LearnerId; readonly reasonCode: string; readonly authority: string }
>;
export type UnmergeLearners = Command<
  'UnmergeLearners',
  { readonly learnerId: LearnerId; readonly reasonCode: string; readonly authority: string }
>;
export type LearnerCommand =
  RegisterLearner | ChangeLearnerProfile | EraseLearner | RecordKeyDestroyed | MergeLearners | UnmergeLearners;

/** `hash` names the stream: HMAC of kind and normalised value. */
export type ClaimIdentity = Command<
  'ClaimIdentity',
  { readonly hash: string; readonly learnerId: LearnerId; readonly kind: (typeof IDENTITY_KINDS)[number] }
>;
export type ReleaseIdentity = Command<
  'ReleaseIdentity',
  { readonly hash: string; readonly learnerId: LearnerId; readonly reasonCode: string }
>;
export type IdentityCommand = ClaimIdentity | ReleaseIdentity;

/** Releases what a profile named formerly; no decider: its handler sends claims and releases. */
export type SettleIdentities = Command<'SettleIdentities', { readonly learnerId: LearnerId }>;
