export * from './types.js';
export {
  InvalidCredentialError,
  achievementDocument,
  buildAchievement,
  buildAchievementCredential,
  hashIdentity,
  wholeSecond,
} from './build.js';
export { checkAchievement, checkCredential } from './check.js';
export { thumbprintOf, type PublicJwk, type SigningAlgorithm } from './keys.js';
export { SignatureMismatchError, signVcJwt, type SigningKey } from './sign.js';
export { readPresented, type Presented, type PresentedForm } from './read.js';
export { verifyPresented, verifyVcJwt, type LifeCycle, type TrustedKeys, type VerifyOptions } from './verify.js';
export type { Check, CheckName, Outcome, VerificationReport, Verdict, Warning } from './report.js';
export { didDocument, didWebUrl, type DidDocument, type VerificationMethod } from './did.js';
export {
  MIN_LIST_SIZE,
  buildStatusListCredential,
  decodeStatusList,
  encodeStatusList,
  setStatusBit,
  statusBit,
  statusIndex,
} from './status-list.js';
