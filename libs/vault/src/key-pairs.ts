// Signing keys of the vault's algorithms.
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { VaultAlgorithm } from './port.js';

const generate = promisify(generateKeyPair);

export function generatePair(alg: VaultAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (alg) {
    case 'RS256':
      return generate('rsa', { modulusLength: 2048 });
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'Ed25519':
      return generate('ed25519', {});
    default:
      throw new RangeError(`"${String(alg satisfies never)}" is not an algorithm of the vault: RS256, ES256, Ed25519`);
  }
}
