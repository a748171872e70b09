// The holds on a credential that are open, as both of its read models list them.
import type { Document, EventOf } from '@cairn/kernel';
import type {
  credentialFlagged,
  credentialReinstated,
  credentialSuspended,
  credentialUnflagged,
} from '../contracts/credential.events.js';

export type OpenHold = Document & { readonly hold: string; readonly cause: string; readonly since: string };

type HoldEvent = EventOf<
  typeof credentialFlagged | typeof credentialUnflagged | typeof credentialSuspended | typeof credentialReinstated
>;

/** The list after an event: begun, or ended by its own counterpart (D4). */
export function holdsAfter(holds: readonly OpenHold[], { type, data }: HoldEvent): readonly OpenHold[] {
  if (type === 'credential-unflagged' || type === 'credential-reinstated')
    return holds.filter(({ hold }) => hold !== data.hold);
  const cause = type === 'credential-flagged' ? data.cause : data.reasonCode;
  return [...holds, { hold: data.hold, cause, since: data.effectiveAt }];
}
