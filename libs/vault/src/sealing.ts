// AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D §8.2.2): nonce, ciphertext, tag in one buffer.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';

export const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const KEY_BYTES = 32;

/** What is authenticated beside the bytes. As JSON, so that no two lists of parts give the same text. */
const associated = (parts: readonly string[]): Buffer => Buffer.from(JSON.stringify(parts));

export function sealBytes(key: Uint8Array, parts: readonly string[], plaintext: Uint8Array): Buffer {
  const nonce = randomFillSync(Buffer.allocUnsafe(NONCE_BYTES));
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(associated(parts));
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined unless the bytes are what {@link sealBytes} gave for this key and these parts. */
export function openBytes(key: Uint8Array, parts: readonly string[], sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(associated(parts));
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, end));
  try {
    return Buffer.concat([plaintext, decipher.final()]);
  } catch {
    // The only thing that final() reports: the tag does not fit.
    plaintext.fill(0);
    return undefined;
  }
}
