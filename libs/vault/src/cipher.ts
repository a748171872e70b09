// Personal values in events (D11): sealed by the learner's key, bound to learner, event type and field.
import type { Cipher, Json, JsonObject, Subject } from '@cairn/kernel';
import { SealBroken, type KeyVault } from './port.js';
import { NONCE_BYTES } from './sealing.js';

const ALGORITHM = 'A256GCM';

/** The cipher of the event codec. A sealed value is `{alg: 'A256GCM', iv, data}`, base64url; data ends with the tag. */
export function createCipher(vault: Pick<KeyVault, 'seal' | 'open' | 'prepare' | 'fetch'>): Cipher {
  const { fetch, prepare } = vault;
  return {
    ...(fetch
      ? { fetchKeys: async (subjects, { create = false } = {}) => (create ? prepare(subjects) : fetch(subjects)) }
      : {}),
    seal: (subject, field, value) => {
      const sealed = vault.seal(subject, purposeOf(field), Buffer.from(JSON.stringify(value)));
      return {
        alg: ALGORITHM,
        iv: sealed.toString('base64url', 0, NONCE_BYTES),
        data: sealed.toString('base64url', NONCE_BYTES),
      };
    },
    open: (subject, field, sealed) => {
      const plaintext = vault.open(subject, purposeOf(field), bytesOf(subject, field, sealed));
      return plaintext && (JSON.parse(plaintext.toString('utf8')) as Json);
    },
  };
}

const purposeOf = (field: string): string => `field ${field}`;

function bytesOf(subject: Subject, field: string, sealed: JsonObject): Buffer {
  const { alg, iv, data } = sealed;
  const where = `personal value ${field} of learner ${subject.learner}`;
  if (alg !== ALGORITHM) throw new SealBroken(`${where}: alg is ${JSON.stringify(alg)}, expected "${ALGORITHM}"`);
  if (typeof iv !== 'string' || typeof data !== 'string') throw new SealBroken(`${where}: iv or data is missing`);
  const nonce = Buffer.from(iv, 'base64url');
  const rest = Buffer.from(data, 'base64url');
  // One canonical text each (RFC 4648 §3.5): else changed text could be the same bytes.
  if (nonce.length !== NONCE_BYTES || nonce.toString('base64url') !== iv || rest.toString('base64url') !== data)
    throw new SealBroken(`${where}: iv or data is not canonical base64url of the right length`);
  return Buffer.concat([nonce, rest]);
}
