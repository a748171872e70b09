export * from './types.js';
export { CONTEXTS, OB_SCHEMA_URL } from './vocabulary.js';
export {
  InvalidCredentialError,
  buildAchievement,
  buildAchievementCredential,
  hashIdentity,
  wholeSecond,
} from './build.js';
export { checkAchievement, checkCredential } from './check.js';
export { SignatureMismatchError, signVcJwt, type PublicJwk, type SigningAlgorithm, type SigningKey } from './sign.js';
