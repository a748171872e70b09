// One issuer: a signing identity of a tenant, and the public parts of its keys.
import {
  accept,
  hashJson,
  invalid,
  reject,
  type Decider,
  type Decision,
  type Instant,
  type Issued,
} from '@cairn/kernel';
import { isZone } from '@cairn/rules';
import type { AddSigningKey, IssuerCommand, RegisterIssuer, RetireSigningKey } from '../contracts/tenancy.commands.js';
import type { IssuerEvent } from '../contracts/tenancy.events.js';
import {
  issuerFold,
  issuerStream,
  signingKeyAt,
  type IssuerKeyState,
  type IssuerState,
} from '../contracts/tenancy.folds.js';
import { otherContent } from './refusals.js';

export const issuerDecider: Decider<IssuerState, IssuerCommand, IssuerEvent> = {
  ...issuerFold,
  commands: ['RegisterIssuer', 'AddSigningKey', 'RetireSigningKey'],
  streamOf: (command) => issuerStream(command.tenant, command.data.issuerId),
  decide: (command, state) => {
    switch (command.type) {
      case 'RegisterIssuer':
        return registerIssuer(command, state);
      case 'AddSigningKey':
        return addSigningKey(command, state);
      case 'RetireSigningKey':
        return retireSigningKey(command, state);
      default:
        return command satisfies never;
    }
  },
};

function registerIssuer({ data }: Issued<RegisterIssuer>, state: IssuerState): Decision<IssuerEvent> {
  if (!isZone(data.zone)) return invalid('/zone', 'zone-unknown', `"${data.zone}" is not an IANA time zone.`);
  if (!state.registered) return accept({ type: 'issuer-registered', data });
  return hashJson(state.registered) === hashJson(data) ? accept() : otherContent('issuer');
}

function addSigningKey({ data }: Issued<AddSigningKey>, state: IssuerState): Decision<IssuerEvent> {
  if (!state.registered)
    return reject('not-found', 'There is no such issuer.', 'Register the issuer first, or check its id.');
  // An oct key's `k` is as secret as a private exponent.
  if ('d' in data.publicJwk || 'k' in data.publicJwk)
    return invalid('/publicJwk', 'private-key', 'Only the public part of a key may be recorded; this one is private.');
  const existing = state.keys.find((key) => key.keyId === data.keyId);
  if (!existing) return accept({ type: 'signing-key-added', data });
  const same =
    existing.algorithm === data.algorithm &&
    existing.notBefore === data.notBefore &&
    hashJson(existing.publicJwk) === hashJson(data.publicJwk);
  return same ? accept() : invalid('/keyId', 'taken', 'This key id already names another key of the issuer.');
}

function retireSigningKey({ data, now }: Issued<RetireSigningKey>, state: IssuerState): Decision<IssuerEvent> {
  const key = state.keys.find((candidate) => candidate.keyId === data.keyId);
  if (!key) return reject('not-found', 'The issuer has no such key.', 'List its keys and name one of them.');
  // A retirement may move to an earlier instant (a compromise found out later), never to a later one.
  if (key.retired && key.retired.at <= data.at) return accept();
  if (data.reasonCode === '')
    return reject('reason-required', 'A key is retired for a reason.', 'Send a reason code such as "rotated".');
  const gap = firstGap(
    state.keys.map((other) => (other === key ? { ...other, retired: data } : other)),
    data.at > now ? data.at : now,
  );
  if (gap !== undefined)
    return reject(
      'last-key',
      `From ${gap} on the issuer would have no key to sign with.`,
      'Add the next signing key first.',
    );
  return accept({ type: 'signing-key-retired', data });
}

/** First instant from `from` on at which no key is in force. Only an end of a key can begin such a gap. */
function firstGap(keys: readonly IssuerKeyState[], from: Instant): Instant | undefined {
  const ends = keys.flatMap((key) => (key.retired && key.retired.at > from ? [key.retired.at] : []));
  return [from, ...ends].toSorted().find((instant) => signingKeyAt({ keys }, instant) === undefined);
}
