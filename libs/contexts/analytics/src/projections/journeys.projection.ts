// `journeys` (t:enrollment:version): what happened when, per enrollment and version of its rules; every analysis that the counters cannot answer.
// Nothing personal: random ids only. Taken-back entries are kept with the instant they were taken back, so that a past
// answer can be given again.
import { defineProjection, type EventOf, type Recorded } from '@cairn/kernel';
import {
  credentialEarned,
  credentialEntitlementWithdrawn,
  credentialGranted,
  enrollmentMovedToVersion,
  enrollmentReinstated,
  enrollmentWithdrawn,
  learnerEnrolled,
  moduleCompleted,
  moduleStarted,
  renewalEarned,
  requirementWaived,
  stepReopened,
  stepSatisfied,
} from '@cairn/contexts/progress';
import type { Journey, JourneyStep } from '../domain/journey.js';

const events = [
  learnerEnrolled,
  enrollmentWithdrawn,
  enrollmentReinstated,
  enrollmentMovedToVersion,
  moduleStarted,
  moduleCompleted,
  requirementWaived,
  stepSatisfied,
  stepReopened,
  credentialEarned,
  credentialGranted,
  credentialEntitlementWithdrawn,
  renewalEarned,
] as const;
type JourneyEvent = Recorded<EventOf<(typeof events)[number]>>;
type Moved = Recorded<EventOf<typeof enrollmentMovedToVersion>>;

const idOf = (tenant: string, { enrollmentId, version }: Moved['data']['enrollment']): string =>
  `${tenant}:${enrollmentId}:${version}`;

export const journeys = defineProjection<Journey, (typeof events)[number]>({
  name: 'journeys',
  version: 4,
  events,
  keys: (event) => {
    const { tenant } = event.meta;
    if (event.type === 'enrollment-moved-to-version') {
      const { from, enrollment } = event.data;
      return [idOf(tenant, { ...enrollment, version: from.version }), idOf(tenant, enrollment)];
    }
    const { data } = event;
    if ('enrollments' in data) return data.enrollments.map((ref) => idOf(tenant, ref));
    const own = data.enrollment ? [idOf(tenant, data.enrollment)] : [];
    const others = 'alsoMeets' in data ? (data.alsoMeets ?? []) : [];
    return [...own, ...others.map(({ enrollment }) => idOf(tenant, enrollment))];
  },
  evolve: (journey, event, id) => {
    if (event.type === 'enrollment-moved-to-version') {
      const { occurredAt: at, recordedAt, tenant } = event.meta;
      if (id === idOf(tenant, event.data.enrollment)) return movedIn(event);
      return journey && { ...journey, movedOn: { at, recordedAt } };
    }
    if (event.type === 'learner-enrolled') {
      const { enrollment, label, attempt, steps, opens } = event.data;
      const at = event.meta.occurredAt;
      const recordedAt = event.meta.recordedAt;
      return {
        tenant: event.meta.tenant,
        ...enrollment,
        label,
        attempt,
        enrolledAt: at,
        enrolledRecordedAt: recordedAt,
        steps: steps.map((id) => ({ id, ...(opens.includes(id) ? { reached: [{ at, recordedAt }] } : {}) })),
        leaves: [],
        awards: heldAs(event.data.held, recordedAt),
        activity: [],
        lastActivityAt: at,
      };
    }
    if (!journey) return null; // an enrollment begins with learner-enrolled; without it there is nothing to tell
    return active(evolveExisting(journey, event, id), event);
  },
  indexes: [
    {
      name: 'by_pathway',
      fields: [
        ['tenant', 1],
        ['pathwayId', 1],
        ['version', 1],
        ['cohortWeek', 1],
      ],
    },
  ],
});

/** The journey goes on in another version: what was met before counts there from the move on. */
function movedIn({ data, meta }: Moved): Journey {
  const { enrollment, label, attempt, joinedAt, steps, opens, satisfied, inOrder, awards, earlier = [], held } = data;
  const { occurredAt: movedAt, recordedAt } = meta;
  const met = new Map(satisfied.map((step) => [step.stepId, step]));
  const activity = earlier.map(({ at }) => ({ at, recordedAt }));
  return {
    tenant: meta.tenant,
    ...enrollment,
    label,
    attempt,
    enrolledAt: joinedAt,
    enrolledRecordedAt: recordedAt,
    movedInAt: movedAt,
    steps: steps.map((id) => {
      const step = met.get(id);
      return {
        id,
        ...(opens.includes(id) ? { reached: [{ at: step?.reachedAt ?? movedAt, recordedAt }] } : {}),
        ...(step ? { satisfied: [{ at: step.at, reachedAt: step.reachedAt, recordedAt }] } : {}),
        ...(step && inOrder.includes(id) ? { inOrder: [{ at: step.at, recordedAt }] } : {}),
      };
    }),
    leaves: [],
    awards: [
      ...awards.map(({ awardKind, ...award }) => ({ ...award, kind: awardKind, recordedAt })),
      ...heldAs(held, recordedAt),
    ],
    activity,
    lastActivityAt: activity.reduce<string>((last, { at }) => (at > last ? at : last), joinedAt),
  };
}

type Held = EventOf<typeof learnerEnrolled>['data']['held'];

/** What is held by another enrollment counts here as an award from then on. */
const heldAs = (held: Held, recordedAt: string): Journey['awards'] =>
  (held ?? []).map(({ credentialId, awardId, awardKind, from, until }) => ({
    credentialId,
    awardId,
    kind: awardKind,
    from,
    recordedAt,
    ...(until === undefined ? {} : { until }),
  }));

function evolveExisting(journey: Journey, event: Exclude<JourneyEvent, Moved>, id: string): Journey {
  const { recordedAt, occurredAt } = event.meta;
  switch (event.type) {
    case 'enrollment-withdrawn':
      return {
        ...journey,
        leaves: [...journey.leaves, { at: occurredAt, recordedAt, reasonCode: event.data.reasonCode }],
      };
    case 'enrollment-reinstated':
      return {
        ...journey,
        leaves: journey.leaves.map((leave, index) =>
          index === journey.leaves.length - 1 ? { ...leave, back: { at: occurredAt, recordedAt } } : leave,
        ),
        awards: [
          ...journey.awards,
          ...heldAs(event.data.held, recordedAt).filter(
            ({ credentialId }) => !journey.awards.some((award) => award.credentialId === credentialId),
          ),
        ],
      };
    case 'step-satisfied': {
      const { stepId, at, reachedAt, opens, inOrder } = event.data;
      const marked = (step: JourneyStep): JourneyStep => {
        let next = step;
        if (step.id === stepId)
          next = { ...next, satisfied: [...(next.satisfied ?? []), { at, reachedAt, recordedAt }] };
        if (opens.includes(step.id))
          next = {
            ...next,
            reached: [...(next.reached ?? []), { at: step.id === stepId ? reachedAt : at, recordedAt }],
          };
        if (inOrder.includes(step.id))
          next = {
            ...next,
            inOrder: [...(next.inOrder ?? []), { at: step.id === stepId ? at : laterOf(step, at), recordedAt }],
          };
        return next;
      };
      return { ...journey, steps: journey.steps.map(marked) };
    }
    case 'step-reopened': {
      const { stepId, closes, notInOrder } = event.data;
      const gone = { goneAt: occurredAt, goneRecordedAt: recordedAt };
      const endLast = <T extends object>(entries: readonly T[] | undefined): readonly T[] =>
        (entries ?? []).map((entry, index, all) => (index === all.length - 1 ? { ...entry, ...gone } : entry));
      return {
        ...journey,
        steps: journey.steps.map((step) => ({
          ...step,
          ...(step.id === stepId ? { satisfied: endLast(step.satisfied) } : {}),
          ...(closes.includes(step.id) ? { reached: endLast(step.reached) } : {}),
          ...(notInOrder.includes(step.id) ? { inOrder: endLast(step.inOrder) } : {}),
        })),
      };
    }
    case 'credential-earned':
    case 'credential-granted': {
      const { credentialId, from, until, alsoMeets } = event.data;
      const { awardId, awardKind } =
        alsoMeets?.find(({ enrollment }) => idOf(event.meta.tenant, enrollment) === id) ?? event.data;
      const award = {
        credentialId,
        awardId,
        kind: awardKind,
        from,
        recordedAt,
        ...(until === undefined ? {} : { until }),
      };
      return { ...journey, awards: [...journey.awards, award] };
    }
    case 'renewal-earned':
      return {
        ...journey,
        awards: journey.awards.map((award) =>
          award.credentialId === event.data.credentialId
            ? { ...award, renewals: [...(award.renewals ?? []), termOf(event)] }
            : award,
        ),
      };
    case 'credential-entitlement-withdrawn':
      return {
        ...journey,
        awards: journey.awards.map((award) =>
          award.credentialId === event.data.credentialId
            ? { ...award, goneAt: event.data.effectiveAt, goneRecordedAt: recordedAt }
            : award,
        ),
      };
    case 'module-started':
    case 'module-completed':
    case 'requirement-waived':
    case 'learner-enrolled':
      return journey;
    default:
      return event satisfies never;
  }
}

const termOf = ({ data: { at, from, until }, meta }: Recorded<EventOf<typeof renewalEarned>>) => ({
  from,
  until,
  at,
  recordedAt: meta.recordedAt,
});

/** A step that counts in order through a later one's arrival counts from its own instant. */
function laterOf(step: JourneyStep, at: string): string {
  const own = step.satisfied?.at(-1)?.at ?? at;
  return own > at ? own : at;
}

const ACTS: ReadonlySet<string> = new Set(['module-started', 'module-completed']);

/** The learner's own acts; decisions about them are not activity. Days suffice, one entry each. */
function active(journey: Journey, event: JourneyEvent): Journey {
  if (!ACTS.has(event.type)) return journey;
  const { occurredAt, recordedAt } = event.meta;
  const lastActivityAt = occurredAt > journey.lastActivityAt ? occurredAt : journey.lastActivityAt;
  if (journey.activity.some((entry) => entry.at.slice(0, 10) === occurredAt.slice(0, 10) && entry.at >= occurredAt))
    return { ...journey, lastActivityAt };
  return { ...journey, lastActivityAt, activity: [...journey.activity, { at: occurredAt, recordedAt }] };
}
