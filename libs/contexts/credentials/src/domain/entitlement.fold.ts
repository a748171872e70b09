// What issuing has to know of a learner's record: which decisions still entitle to which credential (D2).
import type { Fold, Recorded } from '@cairn/kernel';
import type { RecordEvent } from '@cairn/contexts/progress';

export type Entitlement = {
  /** Id of the CredentialEarned or CredentialGranted. */
  readonly event: string;
  /** The facts that stand do not entitle to it (any more). */
  readonly withdrawn: boolean;
  /** The occurrence is over: its credential is revoked, or was to be. */
  readonly ended: boolean;
};
export type Entitlements = {
  readonly byCredential: { readonly [credentialId: string]: Entitlement };
  /** Components of the stack that are credentials of ours; all others were recognised from outside. */
  readonly own: readonly string[];
  readonly closed: boolean;
};

export const entitlementFold: Fold<Entitlements, RecordEvent> = {
  category: 'record',
  initial: { byCredential: {}, own: [], closed: false },
  evolve: (state, event) => {
    const change = (credentialId: string, next: Partial<Entitlement>): Entitlements => {
      const known = state.byCredential[credentialId];
      return known
        ? { ...state, byCredential: { ...state.byCredential, [credentialId]: { ...known, ...next } } }
        : state;
    };
    switch (event.type) {
      case 'credential-earned':
      case 'credential-granted': {
        const entitlement = { event: event.id, withdrawn: false, ended: false };
        const { credentialId } = event.data;
        return { ...state, byCredential: { ...state.byCredential, [credentialId]: entitlement } };
      }
      case 'credential-entitlement-withdrawn':
        return change(event.data.credentialId, { withdrawn: true });
      case 'component-policy-applied': {
        const { credentialId, cause, effect } = event.data;
        if (effect === 'revoke') return change(credentialId, { ended: true });
        // The tree is met again: the withdrawal is over, without a new earning event.
        if (effect === 'lift' && cause === 'entitlement-withdrawn') return change(credentialId, { withdrawn: false });
        return state;
      }
      case 'stack-component-credited': {
        const { origin, componentId } = event.data;
        return origin === 'own' && !state.own.includes(componentId)
          ? { ...state, own: [...state.own, componentId] }
          : state;
      }
      case 'stack-component-withdrawn': {
        const { cause, componentId } = event.data;
        return cause === 'revoked' || cause === 'superseded' ? change(componentId, { ended: true }) : state;
      }
      case 'record-closed':
        return { ...state, closed: state.closed || event.data.why === 'erased' };
      // What another record of the same person entitled to, by the copies of its events.
      case 'record-absorbed':
      case 'record-reopened':
        return event.data.events.reduce(
          (before, copy) => entitlementFold.evolve(before, copy as unknown as Recorded<RecordEvent>),
          state,
        );
      default:
        return state; // facts, steps and enrollments entitle to nothing by themselves
    }
  },
};
