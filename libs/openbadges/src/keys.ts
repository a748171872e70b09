// Public keys as JWK and Multikey: which may sign a credential, and what each is called.
import { createHash } from 'node:crypto';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** The public half of a key as headers and DID documents show it. `kid`, if there, is its full id. */
export type PublicJwk = { readonly kty: string; readonly [member: string]: unknown };

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
/** Multicodec of an Ed25519 public key. */
const ED25519 = Buffer.from([0xed, 0x01]);

function base58(bytes: Buffer): string {
  let text = '';
  for (let number = BigInt(`0x0${bytes.toString('hex')}`); number > 0n; number /= 58n)
    text = (ALPHABET[Number(number % 58n)] as string) + text;
  let zeros = 0;
  while (bytes[zeros] === 0) zeros++;
  return '1'.repeat(zeros) + text;
}

function fromBase58(text: string): Buffer | undefined {
  let number = 0n;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return undefined;
    number = number * 58n + BigInt(digit);
  }
  const hex = number.toString(16);
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Buffer.concat([Buffer.alloc(zeros), Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex')]);
}

/** `z6Mk…`: the Multikey text of an Ed25519 key. */
export function multikeyOf(jwk: PublicJwk): string {
  const key = typeof jwk['x'] === 'string' && jwk['crv'] === 'Ed25519' ? Buffer.from(jwk['x'], 'base64url') : undefined;
  if (key?.length !== 32) throw new TypeError('a Multikey is made of an Ed25519 JWK');
  return `z${base58(Buffer.concat([ED25519, key]))}`;
}

/** The Ed25519 key behind a Multikey text; undefined if the text is none. */
export function jwkOfMultikey(text: string): PublicJwk | undefined {
  if (!text.startsWith('z6Mk') || text.length > 60) return undefined;
  const bytes = fromBase58(text.slice(1));
  if (bytes?.length !== 34 || !bytes.subarray(0, 2).equals(ED25519)) return undefined;
  return { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(2).toString('base64url') };
}

const PUBLIC_MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['RSA', ['kty', 'n', 'e']],
  ['EC', ['kty', 'crv', 'x', 'y']],
  ['OKP', ['kty', 'crv', 'x']],
]);

/** The members that make up the key and no other, so that nothing private can be published. */
export function publicMembersOf(jwk: PublicJwk): PublicJwk {
  const members = PUBLIC_MEMBERS.get(jwk.kty)?.map((name) => [name, jwk[name]] as const);
  if (!members?.every(([, value]) => typeof value === 'string'))
    throw new TypeError(`not a public RSA, EC or Ed25519 JWK: kty ${JSON.stringify(jwk.kty)}`);
  return Object.fromEntries(members) as PublicJwk;
}

/** Equal by the members that make up a key; as good as equal thumbprints. */
export const sameKey = (a: PublicJwk, b: PublicJwk): boolean =>
  PUBLIC_MEMBERS.get(a.kty)?.every((name) => typeof a[name] === 'string' && a[name] === b[name]) ?? false;

/** RFC 7638 thumbprint, SHA-256, base64url: of the key's own members in alphabetical order, without white space. */
export function thumbprintOf(jwk: PublicJwk): string {
  const members = Object.entries(publicMembersOf(jwk)).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url');
}

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** Why a JWK cannot be a public key for the algorithm; undefined if it can (RFC 7518 §6). */
export function keyFault(jwk: PublicJwk, alg: SigningAlgorithm): readonly [code: string, reason: string] | undefined {
  const shown = PRIVATE_MEMBERS.find((name) => name in jwk);
  if (shown) return ['jwk-private', `the header's jwk shows the private member ${shown}: that key is worthless`];
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return ['jwk-use', 'the key is not for signatures'];
  if (jwk['alg'] !== undefined && jwk['alg'] !== alg)
    return ['alg-key', `the key is for another algorithm than ${alg}`];
  const bytes = (name: string): Buffer | undefined => {
    const value = jwk[name];
    if (typeof value !== 'string') return undefined;
    const decoded = Buffer.from(value, 'base64url');
    return decoded.length > 0 && decoded.toString('base64url') === value ? decoded : undefined;
  };
  if (alg === 'ES256') {
    if (jwk['kty'] !== 'EC' || jwk['crv'] !== 'P-256') return ['alg-key', 'ES256 needs an EC key on the curve P-256'];
    if (bytes('x')?.length !== 32 || bytes('y')?.length !== 32)
      return ['jwk-invalid', 'x and y of P-256 have 32 bytes each'];
    return undefined;
  }
  if (jwk['kty'] !== 'RSA') return ['alg-key', 'RS256 needs an RSA key'];
  const [n, e] = [bytes('n'), bytes('e')];
  if (!n || !e || n[0] === 0) return ['jwk-invalid', 'n and e of an RSA key are base64url without leading zeros'];
  const bits = n.length * 8 - Math.clz32(n[0] as number) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    return ['jwk-size', `an RSA key of ${bits} bits: ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are accepted`];
  const exponent = e.length > 4 ? 0 : e.readUIntBE(0, e.length);
  if (exponent < 3 || exponent % 2 === 0) return ['jwk-invalid', 'the public exponent is even, too small or too large'];
  return undefined;
}
