// Whether a message is sent, at the instant at which it could be: what was so when it was asked for may be over.
import type { Instant } from '@cairn/kernel';
import type { LearnerProfile } from '@cairn/contexts/learners';
import type { DeliveryOutcome } from '../contracts/message.commands.js';
import type { DeliveryPolicy } from '../contracts/message.events.js';
import type { CredentialNow } from './credential-now.fold.js';
import type { MessageState } from './message.decider.js';
import { quietUntil } from './quiet-hours.js';
import { oneLine } from './texts.js';

/** What is known when it could be sent. */
export type SendingFacts = {
  readonly message: NonNullable<MessageState['requested']>;
  readonly credential: CredentialNow;
  /** Undefined: erased, or not readable any more. */
  readonly profile: LearnerProfile | undefined;
  readonly policy: DeliveryPolicy | undefined;
  readonly now: Instant;
};

export type Sending =
  | { readonly to: { readonly name?: string; readonly address: string } }
  | { readonly instead: Exclude<DeliveryOutcome, { readonly kind: 'handed-over' | 'later' }> };

const suppressed = (reasonCode: string): Sending => ({ instead: { kind: 'suppressed', reasonCode } });

/** Reasons that end it come before the quiet hours, so that nothing waits a night for nothing. */
export function decideSending({ message, credential, profile, policy, now }: SendingFacts): Sending {
  if (profile === undefined) return suppressed('learner-erased');
  if (!policy?.tell.includes(message.kind)) return suppressed('switched-off');
  if (credential.ended) return suppressed(credential.ended);
  if (message.kind !== 'issued' && credential.serial > message.serial) return suppressed('credential-renewed');
  if (credential.validUntil !== undefined && credential.validUntil <= now) return suppressed('term-over');
  if (profile.email === undefined) return { instead: { kind: 'refused', reasonCode: 'no-address' } };
  const address = mailAddress(profile.email);
  if (address === undefined) return { instead: { kind: 'refused', reasonCode: 'address-invalid' } };
  const until = policy.quietHours && quietUntil(now, policy.quietHours);
  if (until !== undefined) return { instead: { kind: 'quiet', until } };
  const name = profile.name === undefined ? '' : oneLine(profile.name);
  return { to: { ...(name === '' ? {} : { name }), address } };
}

/**
 * One address that can stand in an envelope (RFC 5321, without quoted local parts, which could hold anything); undefined
 * for what is none, or would be several. Not in lower case: the part before the @ is the other side's business.
 */
export function mailAddress(text: string): string | undefined {
  const address = text.trim();
  const [local = '', domain = '', ...more] = address.split('@');
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  const plain = /^[^\s\u0000-\u0020\u007f-\u009f<>()[\]\\,;:"@]+$/u;
  if (more.length > 0 || local.length > 64 || domain.length > 253) return undefined;
  if (!plain.test(local) || !plain.test(domain)) return undefined;
  if (!/^[^.].*$/.test(local) || local.includes('..') || local.endsWith('.')) return undefined;
  return domain
    .split('.')
    .every((label) => /^[\p{L}\p{N}\p{M}]([\p{L}\p{N}\p{M}-]{0,61}[\p{L}\p{N}\p{M}])?$/u.test(label))
    ? address
    : undefined;
}
