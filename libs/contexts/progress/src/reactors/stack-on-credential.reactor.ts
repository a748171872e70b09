import {
  credentialExpired,
  credentialIssuanceBarred,
  credentialIssued,
  credentialReinstated,
  credentialRenewed,
  credentialRevoked,
  credentialSuperseded,
  credentialSuspended,
} from '@cairn/contexts/credentials';
import { defineReactor, type EventOf, type Instant, type Reaction, type Recorded } from '@cairn/kernel';
import type { CreditStackComponent, WithdrawStackComponent } from '../contracts/record.commands.js';

const events = [
  credentialIssued,
  credentialRenewed,
  credentialRevoked,
  credentialIssuanceBarred,
  credentialSuspended,
  credentialReinstated,
  credentialExpired,
  credentialSuperseded,
] as const;
type Event = Recorded<EventOf<(typeof events)[number]>>;

/**
 * Notes each own credential's terms and end in its learner's record: stacking looks at these notes, never at what was
 * earned (D8). One reactor in order per learner: two could note an end before its beginning.
 */
export const stackOnCredential = defineReactor<(typeof events)[number]>({
  name: 'stack-on-credential',
  events,
  partitionBy: (event) => event.data.learnerId,
  react: (event) => {
    switch (event.type) {
      case 'credential-issued':
        return begin(event, event.data, event.data.validFrom);
      case 'credential-renewed':
        // A term that follows begins later: what is noted is true since it was decided.
        return begin(event, event.data, event.data.at);
      case 'credential-reinstated': {
        const { resumes, resumesToo = [] } = event.data;
        // Another hold stands, or nothing is left of the term.
        if (!resumes) return [];
        return [resumes, ...resumesToo].map((term, index) =>
          credit(event, term, event.data.effectiveAt, index === 0 ? event.id : `${event.id}:${term.serial}`),
        );
      }
      case 'credential-expired':
        return [end(event, 'expired', event.data.validUntil)];
      case 'credential-suspended':
        return [end(event, 'suspended', event.data.effectiveAt)];
      case 'credential-superseded':
        return [end(event, 'superseded', event.data.effectiveAt)];
      case 'credential-revoked':
      case 'credential-issuance-barred': // revoked before it was issued is revoked all the same
        return [end(event, 'revoked', event.data.effectiveAt)];
      default:
        return event satisfies never;
    }
  },
  tolerates: ['learner-erased'],
});

type Term = {
  readonly serial: number;
  readonly validFrom: Instant;
  readonly validUntil?: Instant;
  readonly awardedAt: Instant;
};

/** A term that begins under a hold counts until that; the rest is noted when the hold is lifted. */
function begin(event: Event, term: Term & { readonly held?: Instant }, at: Instant): readonly Reaction[] {
  const { held, ...whole } = term;
  if (held === undefined || (term.validUntil !== undefined && term.validUntil <= held))
    return [credit(event, whole, at, event.id)];
  if (held <= term.validFrom) return [];
  return [
    credit(event, { ...whole, validUntil: held }, at, event.id),
    end(event, 'suspended', held, `${event.id}:held`),
  ];
}

function credit(
  { data: { learnerId, credentialId, templateId } }: Event,
  { serial, validFrom, validUntil, awardedAt }: Term,
  occurredAt: Instant,
  ref: string,
): Reaction {
  const command: CreditStackComponent = {
    type: 'CreditStackComponent',
    data: {
      learnerId,
      componentId: credentialId,
      origin: 'own',
      templateId,
      serial,
      validFrom,
      ...(validUntil === undefined ? {} : { validUntil }),
      achievedAt: awardedAt,
      ref,
      occurredAt,
    },
  };
  return { command };
}

function end(
  { id, data: { learnerId, credentialId } }: Event,
  cause: WithdrawStackComponent['data']['cause'],
  effectiveAt: Instant,
  ref: string = id,
): Reaction {
  const command: WithdrawStackComponent = {
    type: 'WithdrawStackComponent',
    data: { learnerId, componentId: credentialId, cause, effectiveAt, ref },
  };
  return { command };
}
