// Identifiers of people: their one normal form, and the keyed hash that names their stream.
import { hmacSha256, type TenantId } from '@cairn/kernel';
import type { IDENTITY_KINDS, LearnerProfile } from './learner.events.js';

export type IdentityKind = (typeof IDENTITY_KINDS)[number];
/** `value` is in normal form. Personal data: never logged, never stored but sealed or hashed. */
export type Identity = { readonly kind: IdentityKind; readonly value: string };

/**
 * The normal form of an identifier; undefined for what is none. An e-mail address is compatibility-composed (NFKC),
 * in lower case and without outer blanks; an external id is `system:value`, both parts without outer blanks, its case
 * kept. Two texts with one normal form are one identifier.
 */
export function normaliseIdentity(kind: IdentityKind, text: string): string | undefined {
  if (kind === 'email') {
    // Lower case can undo a composition, so it is composed again.
    const address = text.normalize('NFKC').toLowerCase().normalize('NFKC').trim();
    return /^[^\s@]+@[^\s@]+$/u.test(address) ? address : undefined;
  }
  const colon = text.indexOf(':');
  const system = text.slice(0, Math.max(colon, 0)).trim();
  const value = text.slice(colon + 1).trim();
  return system === '' || value === '' ? undefined : `${system}:${value}`;
}

/**
 * Name of the identifier's stream within the tenant. Keyed, so that nobody can test guesses against the log; the key
 * serves nothing else.
 */
export function identityHash(key: Uint8Array, tenant: TenantId, { kind, value }: Identity): string {
  return hmacSha256(key, [tenant, kind, value].join('\u0000'));
}

/** The identifiers in a profile, each once, in one fixed order; and the pointers of those that are none. */
export function identitiesOf(profile: LearnerProfile): {
  readonly identities: readonly Identity[];
  readonly faulty: readonly string[];
} {
  const found = new Map<string, Identity>();
  const faulty: string[] = [];
  const add = (kind: IdentityKind, text: string, pointer: string): void => {
    const value = normaliseIdentity(kind, text);
    if (value === undefined) faulty.push(pointer);
    else found.set(`${kind} ${value}`, { kind, value });
  };
  for (const [index, { system, value }] of (profile.externalIds ?? []).entries())
    if (system.includes(':'))
      faulty.push(`/externalIds/${index}/system`); // `a:b` + `c` would be `a` + `b:c`
    else add('external-id', `${system}:${value}`, `/externalIds/${index}`);
  if (profile.email !== undefined) add('email', profile.email, '/email');
  return { identities: [...found.keys()].toSorted().map((key) => found.get(key) as Identity), faulty };
}
