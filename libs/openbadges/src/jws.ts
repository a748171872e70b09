// One compact JWS, read strictly (RFC 7515), and what its header may say (credentials.md §2.5; §6, checks 1 and 2).
import type { JsonObject } from '@cairn/kernel';
import { MalformedError, decodeUtf8, parseObject } from './json-text.js';
import { isUri } from './check.js';
import { keyFault, type PublicJwk, type SigningAlgorithm } from './keys.js';

export type CompactJws = {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly signature: Buffer;
};

/** Base64url without padding, in its one canonical form: else two texts would be one signature (RFC 4648 §3.5). */
function fromBase64url(part: string, what: string): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part)
    throw new MalformedError('base64url', `the ${what} is not canonical base64url without padding`);
  return bytes;
}

/** Splits and decodes; says nothing about the signature. Throws {@link MalformedError}. */
export function parseCompact(text: string): CompactJws {
  if (text.startsWith('{')) throw new MalformedError('jws-json', 'a JWS in JSON form: only the compact form is read');
  const parts = text.split('.');
  if (parts.length === 5) throw new MalformedError('jwe', 'five segments: an encrypted JWT (JWE), not a signed one');
  if (parts.length !== 3) throw new MalformedError('segments', `a JWS has three segments, this text ${parts.length}`);
  const [header, payload, signature] = parts as [string, string, string];
  const decoded = (part: string, what: string): JsonObject =>
    parseObject(decodeUtf8(fromBase64url(part, what), `the ${what}`), `the ${what}`);
  return {
    header: decoded(header, 'header'),
    payload: decoded(payload, 'payload'),
    signature: fromBase64url(signature, 'signature'),
  };
}

/** What the header says about the key: embedded, by name, or both. */
export type SigningHeader = {
  readonly alg: SigningAlgorithm;
  readonly jwk?: PublicJwk;
  readonly kid?: string;
};

const WHY_REFUSED: ReadonlyMap<string, string> = new Map([
  ['crit', 'it demands extensions, and none is known here'],
  ['b64', 'an unencoded payload'],
  ['jku', 'keys from a URL that the signer chose'],
  ['x5u', 'a certificate from a URL that the signer chose'],
  ['x5c', 'a certificate chain that nobody here vouches for'],
  ['zip', 'compression is not for signatures'],
  ['enc', 'encryption'],
  ['cty', 'the W3C profile of JWT credentials, which contradicts the Open Badges one'],
]);
const ALLOWED = new Set(['alg', 'typ', 'jwk', 'kid']);

/** The header of the Open Badges profile and nothing else. Throws {@link MalformedError} with the reason. */
export function readHeader(header: JsonObject): SigningHeader {
  const refuse = (code: string, message: string): never => {
    throw new MalformedError(code, message);
  };
  const { alg, typ, jwk, kid } = header;
  if (alg === undefined) return refuse('alg-missing', 'the header names no algorithm');
  if (typeof alg !== 'string') return refuse('alg-form', 'the algorithm is not a text');
  if (alg.toLowerCase() === 'none') return refuse('alg-none', 'the algorithm "none" means unsigned');
  if (/^HS\d/i.test(alg))
    return refuse('alg-symmetric', `${alg} is symmetric: whoever can check it could have made it`);
  if (alg !== 'RS256' && alg !== 'ES256')
    return refuse('alg-unsupported', `the algorithm ${JSON.stringify(alg.slice(0, 40))} is neither RS256 nor ES256`);
  for (const name of Object.keys(header))
    if (!ALLOWED.has(name))
      refuse(
        `header-member`,
        `the header member ${JSON.stringify(name.slice(0, 40))} is refused: ${WHY_REFUSED.get(name) ?? 'not in the profile'}`,
      );
  if (typ !== undefined && typ !== 'JWT')
    refuse('typ', `the header says typ ${JSON.stringify(typ).slice(0, 40)}: absent or "JWT" for a credential`);

  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 512 || !/^(https|did):/.test(kid) || !isUri(kid)))
    refuse('kid', 'kid is not an https URL or a DID URL of at most 512 characters');
  if (jwk === undefined && kid === undefined) refuse('no-key', 'the header names no key: neither jwk nor kid');
  if (jwk === undefined) return { alg, kid: kid as string };
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk))
    return refuse('jwk-invalid', 'jwk is not an object');
  const fault = keyFault(jwk as PublicJwk, alg);
  if (fault) refuse(...fault);
  return { alg, jwk: jwk as PublicJwk, ...(kid === undefined ? {} : { kid: kid as string }) };
}
