// Undoing a run: everything that the commands of one correlation id set off, compensated by commands of its own (I24).
// Only what people and systems put in is compensated. What was decided from it follows by itself, by the same rules as
// ever, so an undo has no side way into the log.
import { uuidv5, type CredentialId, type EventOf, type Instant, type LearnerId, type Recorded } from '@cairn/kernel';
import { mapGet } from '@cairn/rules';
import type {
  CredentialEvent,
  ReinstateCredential,
  RevokeCredential,
  SuspendCredential,
} from '@cairn/contexts/credentials';
import type { DeclineExternalCredential } from '../contracts/external-credential.commands.js';
import type { externalCredentialAccepted } from '../contracts/external-credential.events.js';
import type { RecordCommand } from '../contracts/record.commands.js';
import type { RecordEvent } from '../contracts/record.events.js';
import { holdingOf } from './merged-record.js';
import { isOpen } from './record.state.js';
import type { RecordState } from './record.types.js';

/** Reason code of compensations, by which an undo is known as one; enrollments undone leave every count. */
export const RUN_UNDONE = 'run-undone';
const UNDONE = 'undone';

export type Compensation = {
  /** Id of the event that is compensated. */
  readonly event: string;
  readonly type: string;
  readonly learnerId: LearnerId;
  /** Derived from the run and the event: sent again, it is the same command. */
  readonly commandId: string;
  readonly command:
    RecordCommand | RevokeCredential | SuspendCredential | ReinstateCredential | DeclineExternalCredential;
};
export type UndoPlan = {
  /** In the order to send them: the last effect first. */
  readonly compensations: readonly Compensation[];
  /** Effects that stand no more: undone already, or taken back by someone since. */
  readonly gone: number;
  /** Decisions that follow from the others and are decided anew with them. */
  readonly follows: number;
  /** What stays, and why. */
  readonly remains: readonly { readonly type: string; readonly count: number; readonly why: string }[];
};

const REMAINS: Readonly<Record<string, string>> = {
  'module-started': 'that a module was begun decides nothing',
  'renewal-withdrawn': 'decide the term again if it was right',
  'module-completion-invalidated': 'record the completion again if it was right',
  'requirement-waiver-withdrawn': 'waive the requirement again if it was right',
  'record-closed': 'an erasure is for good',
  'learners-merged': 'un-merge the two if they are two persons',
  'learners-unmerged': 'merge the two again if they are one person',
  'external-credential-recorded': 'it satisfies nothing by itself',
  'external-credential-verified': 'have it checked again if that was wrong',
  'external-credential-declined': 'accept it if that was wrong',
  'learner-registered': 'the learner stays, without what the run recorded',
  'identity-claimed': 'the learner stays, with what identifies them',
  'learner-erased': 'an erasure is for good',
};
const FOLLOWS = new Set([
  'step-satisfied',
  'step-reopened',
  'credential-earned',
  'credential-entitlement-withdrawn',
  'renewal-earned',
  'component-policy-applied',
  'credential-issued',
  'record-absorbed',
  'record-released',
  'record-reopened',
  'external-credential-counts',
  'external-credential-counts-no-more',
  'credential-renewed',
]);

type RunEvent = Pick<Recorded, 'id' | 'type' | 'data'>;

/** What of the present a plan is made of. */
export type Standing = {
  readonly stateOf: (learner: LearnerId) => RecordState;
  /** Holds of people that are open on a credential; undefined once it has ended. */
  readonly holdsOf: (credential: CredentialId) => ReadonlySet<string> | undefined;
};

/** Open suspensions after a credential's events; undefined: it has ended. */
export function openHolds(events: readonly RunEvent[]): ReadonlySet<string> | undefined {
  const open = new Set<string>();
  for (const event of events as readonly (CredentialEvent & RunEvent)[]) {
    if (event.type === 'credential-suspended') open.add(event.data.hold);
    if (event.type === 'credential-reinstated') open.delete(event.data.hold);
    if (event.type === 'credential-revoked' || event.type === 'credential-superseded') return undefined;
  }
  return open;
}

/** Was this run an undo itself? */
export const isUndo = (events: readonly RunEvent[]): boolean =>
  events.some(({ data }) => [RUN_UNDONE, UNDONE].includes((data as { reasonCode?: string }).reasonCode ?? ''));

/**
 * `events`: all of the run, in the log's order. `standing`: what stands now. `authority`: who decided it.
 */
export function planUndo(
  run: string,
  events: readonly RunEvent[],
  standing: Standing,
  authority: string,
  now: Instant,
): UndoPlan {
  const compensations: Compensation[] = [];
  const remains = new Map<string, number>();
  let gone = 0;
  let follows = 0;
  // What a credential of another issuer counts as is taken back with its review.
  const counted = new Set(events.flatMap(({ type, id }) => (type === 'external-credential-counts' ? [id] : [])));
  const isCounted = ({ type, data }: RunEvent): boolean =>
    type === 'stack-component-credited' && counted.has((data as { ref: string }).ref);
  for (const event of events.toReversed()) {
    const found = isCounted(event) ? undefined : compensationOf(event as Undoable, standing, authority, now);
    if (found === 'gone') gone++;
    else if (found !== undefined)
      compensations.push({
        event: event.id,
        type: event.type,
        learnerId: (event.data as { learnerId: LearnerId }).learnerId,
        commandId: uuidv5(run, 'undo', event.id),
        command: found,
      });
    else if (FOLLOWS.has(event.type) || isByPolicy(event) || isCounted(event) || isOfMerge(event)) follows++;
    else remains.set(event.type, (remains.get(event.type) ?? 0) + 1);
  }
  return {
    compensations,
    gone,
    follows,
    remains: Array.from(remains, ([type, count]) => ({
      type,
      count,
      why: REMAINS[type] ?? 'it concerns no learner’s progress',
    })),
  };
}

/** A record is closed by an erasure, or by a merge that stays until it is taken back itself. */
const isOfMerge = ({ type, data }: RunEvent): boolean =>
  type === 'record-closed' && (data as { why: string }).why === 'merged';

/** Of the notes and holds that reactors bring over, each names what it answers. */
const isByPolicy = ({ type, data }: RunEvent): boolean => {
  const { because, origin } = data as { because?: string; origin?: string };
  return (
    origin === 'own' ||
    type === 'stack-component-withdrawn' ||
    (type.startsWith('credential-') && because !== undefined) ||
    type.startsWith('status-')
  );
};

type Undoable = (
  | RecordEvent
  | AcceptedEvent
  | Extract<CredentialEvent, { type: 'credential-revoked' | 'credential-suspended' | 'credential-reinstated' }>
) & {
  readonly id: string;
};
type AcceptedEvent = EventOf<typeof externalCredentialAccepted>;

function compensationOf(
  event: Undoable,
  { stateOf, holdsOf }: Standing,
  authority: string,
  occurredAt: Instant,
): Compensation['command'] | 'gone' | undefined {
  const decided = { reasonCode: RUN_UNDONE, authority };
  switch (event.type) {
    case 'module-completed': {
      const { learnerId } = event.data;
      if (mapGet(stateOf(learnerId).completions, event.id)?.valid !== true) return 'gone';
      return { type: 'InvalidateModuleCompletion', data: { learnerId, completion: event.id, ...decided, occurredAt } };
    }
    case 'learner-enrolled':
    case 'enrollment-reinstated': {
      const { learnerId, enrollment } = event.data;
      if (!isOpenNow(stateOf(learnerId), enrollment.enrollmentId)) return 'gone';
      const reasonCode = event.type === 'learner-enrolled' ? UNDONE : RUN_UNDONE;
      return { type: 'WithdrawEnrollment', data: { enrollmentId: enrollment.enrollmentId, reasonCode, occurredAt } };
    }
    case 'enrollment-withdrawn': {
      const { learnerId, enrollment } = event.data;
      if (isOpenNow(stateOf(learnerId), enrollment.enrollmentId)) return 'gone';
      return {
        type: 'ReinstateEnrollment',
        data: { enrollmentId: enrollment.enrollmentId, reasonCode: RUN_UNDONE, occurredAt },
      };
    }
    case 'requirement-waived': {
      const { learnerId, enrollment, requirementId } = event.data;
      const { enrollmentId } = enrollment;
      const found = stateOf(learnerId).enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
      if (found?.waivers.get(requirementId)?.ref !== event.id) return 'gone';
      return { type: 'WithdrawWaiver', data: { enrollmentId, requirementId, ...decided, occurredAt } };
    }
    case 'stack-component-credited': {
      const { learnerId, componentId, origin, ref } = event.data;
      if (origin === 'own') return undefined;
      if (mapGet(stateOf(learnerId).components, componentId)?.end) return 'gone';
      return {
        type: 'WithdrawStackComponent',
        data: { learnerId, componentId, cause: 'revoked', effectiveAt: occurredAt, ref, ...decided },
      };
    }
    case 'external-credential-accepted': {
      const { externalId } = event.data;
      return { type: 'DeclineExternalCredential', data: { externalId, ...decided, occurredAt } };
    }
    case 'enrollment-moved-to-version': {
      const { learnerId, enrollment, from, undoes } = event.data;
      const { enrollmentId } = enrollment;
      const found = stateOf(learnerId).enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
      if (undoes !== undefined || found?.lastMove?.ref !== event.id || !isOpen(found)) return 'gone';
      return {
        type: 'MoveEnrollmentToVersion',
        data: { enrollmentId, version: from.version, reasonCode: RUN_UNDONE, occurredAt, undoes: event.id },
      };
    }
    case 'credential-suspended': {
      const { credentialId, hold, because } = event.data;
      if (because !== undefined) return undefined;
      if (!holdsOf(credentialId)?.has(hold)) return 'gone';
      return { type: 'ReinstateCredential', data: { credentialId, hold, ...decided } };
    }
    case 'credential-reinstated': {
      const { credentialId, hold, because } = event.data;
      if (because !== undefined) return undefined;
      const open = holdsOf(credentialId);
      if (!open || open.has(hold)) return 'gone';
      return { type: 'SuspendCredential', data: { credentialId, hold, ...decided } };
    }
    case 'credential-granted': {
      const { learnerId, credentialId } = event.data;
      const holding = holdingOf(stateOf(learnerId), credentialId);
      if (!holding || holding.ended) return 'gone';
      return { type: 'RevokeCredential', data: { credentialId, ...decided } };
    }
    case 'renewal-earned': {
      const { learnerId, credentialId, serial, authority: by } = event.data;
      // One by facts falls with them.
      if (by === undefined) return undefined;
      const holding = holdingOf(stateOf(learnerId), credentialId);
      const renewal = holding?.renewals.find(({ ref }) => ref === event.id);
      if (!renewal || renewal.undecided || holding?.ended) return 'gone';
      return { type: 'WithdrawRenewal', data: { learnerId, credentialId, serial, ...decided, occurredAt } };
    }
    case 'credential-revoked': {
      const { learnerId, credentialId, templateId, because } = event.data;
      if (because !== undefined) return undefined;
      // Revoked is final: the learner gets a replacement (unless there is one).
      const holding = mapGet(stateOf(learnerId).holdings, templateId);
      if (holding?.data.credentialId !== credentialId || !holding.ended) return 'gone';
      return {
        type: 'GrantCredential',
        data: { learnerId, templateId, replaces: credentialId, ...decided, occurredAt },
      };
    }
    default:
      return undefined;
  }
}

function isOpenNow(state: RecordState, enrollmentId: string): boolean {
  const enrollment = state.enrollments.find(({ ref }) => ref.enrollmentId === enrollmentId);
  return enrollment !== undefined && isOpen(enrollment);
}
