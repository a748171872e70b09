import { defineTimekeeper, type CredentialId, type Instant, type LearnerId } from '@cairn/kernel';
import type { WithdrawStackComponent } from '@cairn/contexts/progress';
import type { ExpireCredential, NoteRenewalWindow, RequestRenewalReminder } from '../contracts/credential.commands.js';
import type {
  ComponentExpiry,
  CredentialExpiry,
  RenewalReminder,
  RenewalWindow,
} from '../projections/due-work.projection.js';

/** Commands of the scheduler that come late are answers: the credential ended, or is not there any more. */
const ENDED = ['credential-revoked', 'credential-superseded'];

/**
 * The end of a credential's term becomes a fact of its stream, once, for everybody who acts on it: its own status is
 * computed from the term whenever it is read.
 */
export const credentialExpiryClock = defineTimekeeper<CredentialExpiry>({
  name: 'expiry-clock',
  kind: 'credential-expiry',
  command: ({ subject, term }): ExpireCredential => ({
    type: 'ExpireCredential',
    data: { credentialId: subject as CredentialId, serial: term },
  }),
  tolerates: ENDED,
});

/** A component recognised from outside is over when its own term is; the record decides what that means. */
export const componentExpiryClock = defineTimekeeper<ComponentExpiry>({
  name: 'expiry-clock',
  kind: 'component-expiry',
  command: ({ learnerId, subject, dueAt, ref }): WithdrawStackComponent => ({
    type: 'WithdrawStackComponent',
    data: {
      learnerId: learnerId as LearnerId,
      componentId: subject,
      cause: 'expired',
      effectiveAt: dueAt as Instant,
      ref,
    },
  }),
  // Nothing more is recorded about an erased learner.
  tolerates: ['learner-erased'],
});

/** Opens and closes of a renewal window, for those who remind and plan: what counts is decided by dates alone. */
export const renewalClock = defineTimekeeper<RenewalWindow>({
  name: 'renewal-clock',
  kind: 'renewal-window',
  command: ({ subject, term, stage }): NoteRenewalWindow => ({
    type: 'NoteRenewalWindow',
    data: { credentialId: subject as CredentialId, serial: term, stage },
  }),
  tolerates: ENDED,
});

/** Asks for the next reminder of the end of a term. */
export const reminderClock = defineTimekeeper<RenewalReminder>({
  name: 'reminder-clock',
  kind: 'renewal-reminder',
  command: ({ subject, term }): RequestRenewalReminder => ({
    type: 'RequestRenewalReminder',
    data: { credentialId: subject as CredentialId, serial: term },
  }),
  // The term is over by now: there is nothing to remind of.
  tolerates: [...ENDED, 'credential-not-active'],
});
