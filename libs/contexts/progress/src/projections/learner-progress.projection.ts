// How far a learner is in each enrollment: for the learner, the advisor and the list of those who are stuck.
import { defineProjection, type Document, type EventOf, type Instant, type Recorded } from '@cairn/kernel';
import {
  credentialEarned,
  credentialEntitlementWithdrawn,
  enrollmentMovedToVersion,
  enrollmentReinstated,
  enrollmentWithdrawn,
  learnerEnrolled,
  moduleCompleted,
  moduleCompletionInvalidated,
  moduleStarted,
  recordClosed,
  renewalEarned,
  requirementWaived,
  requirementWaiverWithdrawn,
  stackComponentCredited,
  stackComponentWithdrawn,
  stepReopened,
  stepSatisfied,
  type EnrollmentRef,
} from '../contracts/record.events.js';

const events = [
  learnerEnrolled,
  enrollmentWithdrawn,
  enrollmentReinstated,
  enrollmentMovedToVersion,
  moduleStarted,
  moduleCompleted,
  moduleCompletionInvalidated,
  requirementWaived,
  requirementWaiverWithdrawn,
  stackComponentCredited,
  stackComponentWithdrawn,
  stepSatisfied,
  stepReopened,
  credentialEarned,
  credentialEntitlementWithdrawn,
  renewalEarned,
  recordClosed,
] as const;
type Definition = (typeof events)[number];
type ProgressEvent = Recorded<EventOf<Definition>>;

export type StepProgress = {
  readonly id: string;
  /** `locked`: the steps before it are not satisfied, nor is it. */
  readonly state: 'locked' | 'open' | 'satisfied';
  readonly at?: string;
  readonly recognised?: true;
};
export type ModuleProgress = {
  readonly moduleId: string;
  readonly startedAt?: string;
  /** Completions that stand, oldest first. */
  readonly completions: readonly { readonly id: string; readonly at: string; readonly score?: number }[];
};
export type EarnedProgress = {
  readonly credentialId: string;
  readonly templateId: string;
  readonly awardId: string;
  readonly awardKind: string;
  readonly occurrence: number;
  readonly from: string;
  /** Of the last term. */
  readonly until?: string;
  readonly withdrawnAt?: string;
};
/** A credential or module in the stack that the version looks at. */
export type ComponentProgress = {
  readonly componentId: string;
  readonly origin: string;
  readonly templateId?: string;
  readonly moduleId?: string;
  readonly from: string;
  readonly until?: string;
  readonly ended?: string;
};

export type LearnerProgressDocument = Document & {
  readonly tenant: string;
  readonly learnerId: string;
  readonly enrollmentId: string;
  readonly pathwayId: string;
  readonly version: number;
  readonly label: string;
  readonly cohortWeek: string;
  readonly entryPoint: string;
  readonly attempt: number;
  readonly because?: string;
  readonly joinedAt: string;
  /** `completed`: a final award is earned; further ones stay open. */
  readonly state: 'active' | 'withdrawn' | 'completed';
  readonly steps: readonly StepProgress[];
  readonly openSteps: readonly string[];
  /** Satisfied steps in whole per cent of all, rounded down. */
  readonly percent: number;
  readonly modules: readonly ModuleProgress[];
  readonly waivers: readonly { readonly requirementId: string; readonly authority: string; readonly at: string }[];
  readonly components: readonly ComponentProgress[];
  readonly earned: readonly EarnedProgress[];
  /** The learner's own doing: joined, came back, began or completed a module. */
  readonly lastActivityAt: string;
};

/** One document per enrollment, `_id` = `<t>:<enrollment id>`; gone once the record is closed. */
export const learnerProgressProjection = defineProjection<LearnerProgressDocument, Definition>({
  name: 'learner_progress',
  version: 3,
  events,
  keys: (event) => enrollmentsOf(event).map(({ enrollmentId }) => `${event.meta.tenant}:${enrollmentId}`),
  evolve: (document, event) => {
    if (event.type === 'learner-enrolled') return joined(event);
    // Merged, its enrollments go on in the record of another.
    if (event.type === 'record-closed') return event.data.why === 'merged' ? document : null;
    if (!document) return null;
    return summed(evolve(document, event), document);
  },
  indexes: [
    {
      name: 'learner',
      fields: [
        ['tenant', 1],
        ['learnerId', 1],
        ['enrollmentId', 1],
      ],
    },
    {
      name: 'last-activity',
      fields: [
        ['tenant', 1],
        ['pathwayId', 1],
        ['state', 1],
        ['lastActivityAt', 1],
      ],
    },
  ],
});

/**
 * The document of one enrollment as it stood: by what was recorded up to `knownAt` and had taken effect by `asOf`.
 * `history` is the learner's whole record. Undefined: the learner had not joined, or the record is closed.
 */
export function progressAt(
  history: readonly Recorded<{ readonly type: string; readonly data: object }>[],
  enrollmentId: string,
  { asOf, knownAt }: { readonly asOf?: Instant; readonly knownAt?: Instant },
): LearnerProgressDocument | undefined {
  const types = new Set<string>(events.map(({ type }) => type));
  let document: LearnerProgressDocument | null = null;
  for (const event of history as unknown as readonly ProgressEvent[]) {
    if (!types.has(event.type) || !enrollmentsOf(event).some((ref) => ref.enrollmentId === enrollmentId)) continue;
    if (knownAt !== undefined && event.meta.recordedAt > knownAt) continue;
    // What erasure took away is not shown as of an earlier day either.
    if (asOf !== undefined && event.type !== 'record-closed' && effectiveAt(event) > asOf) continue;
    document = learnerProgressProjection.evolve(document, event, `${event.meta.tenant}:${enrollmentId}`);
  }
  return document ?? undefined;
}

/** A decision may take effect on another day than the fact that led to it. */
function effectiveAt(event: ProgressEvent): string {
  switch (event.type) {
    case 'step-satisfied':
      return event.data.at;
    case 'credential-earned':
      return event.data.from;
    case 'credential-entitlement-withdrawn':
      return event.data.effectiveAt;
    case 'stack-component-credited':
      return event.data.validFrom;
    default:
      return event.meta.occurredAt;
  }
}

function enrollmentsOf({ data }: ProgressEvent): readonly EnrollmentRef[] {
  if ('enrollments' in data) return data.enrollments ?? [];
  const own = 'enrollment' in data && data.enrollment ? [data.enrollment] : [];
  return 'alsoMeets' in data && data.alsoMeets ? [...own, ...data.alsoMeets.map((one) => one.enrollment)] : own;
}

function joined(event: Extract<ProgressEvent, { type: 'learner-enrolled' }>): LearnerProgressDocument {
  const { learnerId, enrollment, label, attempt, steps, opens, because, earlier, held } = event.data;
  const at = event.meta.occurredAt;
  return summed({
    tenant: event.meta.tenant,
    learnerId,
    ...enrollment,
    label,
    attempt,
    ...(because === undefined ? {} : { because }),
    joinedAt: at,
    state: 'active',
    steps: steps.map((id) => ({ id, state: opens.includes(id) ? 'open' : 'locked' })),
    openSteps: [],
    percent: 0,
    modules: withEarlier([], earlier),
    waivers: [],
    components: [],
    earned: withHeld([], held),
    lastActivityAt: at,
  });
}

/** What follows from the rest of the document; most events leave that as it is in `before`. */
function summed(document: LearnerProgressDocument, before?: LearnerProgressDocument): LearnerProgressDocument {
  const { steps, earned, state } = document;
  if (before && steps === before.steps && earned === before.earned && state === before.state) return document;
  const completed = earned.some((one) => one.awardKind === 'final' && one.withdrawnAt === undefined);
  const openSteps: string[] = [];
  let satisfied = 0;
  for (const step of steps)
    if (step.state === 'open') openSteps.push(step.id);
    else if (step.state === 'satisfied') satisfied++;
  return {
    ...document,
    state: state === 'withdrawn' ? state : completed ? 'completed' : 'active',
    openSteps,
    percent: steps.length === 0 ? 0 : Math.floor((100 * satisfied) / steps.length),
  };
}

type Later = Exclude<ProgressEvent, { type: 'learner-enrolled' } | { type: 'record-closed' }>;

function evolve(document: LearnerProgressDocument, event: Later): LearnerProgressDocument {
  const at = event.meta.occurredAt;
  switch (event.type) {
    case 'enrollment-withdrawn':
      return { ...document, state: 'withdrawn' };
    case 'enrollment-reinstated':
      return active(
        {
          ...document,
          state: 'active',
          modules: withEarlier(document.modules, event.data.earlier),
          earned: withHeld(document.earned, event.data.held),
        },
        at,
      );
    case 'enrollment-moved-to-version':
      return moved(document, event.data);
    case 'module-started':
      return active(
        inModule(document, event.data.moduleId, (module) => ({ ...module, startedAt: at })),
        at,
      );
    case 'module-completed': {
      const { moduleId, score } = event.data;
      const completion = { id: event.id, at, ...(score === undefined ? {} : { score }) };
      return active(
        inModule(document, moduleId, (module) => withCompletion(module, completion)),
        at,
      );
    }
    case 'module-completion-invalidated': {
      const { moduleId, completion } = event.data;
      return inModule(document, moduleId, (module) => ({
        ...module,
        completions: module.completions.filter(({ id }) => id !== completion),
      }));
    }
    case 'requirement-waived': {
      const { requirementId, authority } = event.data;
      return { ...document, waivers: [...document.waivers, { requirementId, authority, at }] };
    }
    case 'requirement-waiver-withdrawn':
      return {
        ...document,
        waivers: document.waivers.filter(({ requirementId }) => requirementId !== event.data.requirementId),
      };
    case 'stack-component-credited': {
      const { componentId, origin, templateId, moduleId, validFrom, validUntil } = event.data;
      const component: ComponentProgress = {
        componentId,
        origin,
        from: validFrom,
        ...(templateId === undefined ? {} : { templateId }),
        ...(moduleId === undefined ? {} : { moduleId }),
        ...(validUntil === undefined ? {} : { until: validUntil }),
      };
      const others = document.components.filter((other) => other.componentId !== componentId);
      return { ...document, components: [...others, component] };
    }
    case 'stack-component-withdrawn': {
      const { componentId, cause } = event.data;
      const components = document.components.map((one) =>
        one.componentId === componentId ? { ...one, ended: cause } : one,
      );
      return { ...document, components };
    }
    case 'step-satisfied': {
      const { stepId, at: met, opens, recognised } = event.data;
      return inSteps(document, (step) => {
        if (step.id === stepId)
          return { id: stepId, state: 'satisfied', at: met, ...(recognised ? { recognised: true } : {}) };
        return opens.includes(step.id) && step.state === 'locked' ? { ...step, state: 'open' } : step;
      });
    }
    case 'step-reopened': {
      const { stepId, closes } = event.data;
      return inSteps(document, (step) => {
        if (closes.includes(step.id)) return { id: step.id, state: 'locked' };
        return step.id === stepId ? { id: stepId, state: 'open' } : step;
      });
    }
    case 'credential-earned': {
      const { credentialId, templateId, occurrence, from, until, alsoMeets } = event.data;
      const { awardId, awardKind } =
        alsoMeets?.find(({ enrollment }) => enrollment.enrollmentId === document.enrollmentId) ?? event.data;
      const one = { credentialId, templateId, awardId, awardKind, occurrence, from };
      return { ...document, earned: [...document.earned, { ...one, ...(until === undefined ? {} : { until }) }] };
    }
    case 'renewal-earned': {
      const { credentialId, until } = event.data;
      const earned = document.earned.map((one) => (one.credentialId === credentialId ? { ...one, until } : one));
      return { ...document, earned };
    }
    case 'credential-entitlement-withdrawn': {
      const { credentialId, effectiveAt } = event.data;
      const earned = document.earned.map((one) =>
        one.credentialId === credentialId ? { ...one, withdrawnAt: effectiveAt } : one,
      );
      return { ...document, earned };
    }
    default:
      return event satisfies never;
  }
}

/** The steps are those of the new version; a module that it does not look at stays shown, it was done. */
function moved(
  document: LearnerProgressDocument,
  data: EventOf<typeof enrollmentMovedToVersion>['data'],
): LearnerProgressDocument {
  const { enrollment, label, steps, opens, satisfied, waivers, restored = [], earlier, held } = data;
  const met = new Map(satisfied.map((step) => [step.stepId, step]));
  return {
    ...document,
    ...enrollment,
    label,
    steps: steps.map((id) => {
      const step = met.get(id);
      if (!step) return { id, state: opens.includes(id) ? 'open' : 'locked' };
      return { id, state: 'satisfied', at: step.at, ...(step.recognised ? { recognised: true } : {}) };
    }),
    modules: withEarlier(document.modules, earlier),
    earned: withHeld(document.earned, held),
    waivers: [
      ...document.waivers.flatMap((waiver) => {
        const on = waivers.find(({ left }) => left === waiver.requirementId);
        return on ? [{ ...waiver, requirementId: on.requirementId }] : [];
      }),
      ...restored.map(({ waiver: _waiver, ...again }) => again),
    ],
  };
}

const active = (document: LearnerProgressDocument, at: string): LearnerProgressDocument =>
  at > document.lastActivityAt ? { ...document, lastActivityAt: at } : document;

const inSteps = (
  document: LearnerProgressDocument,
  change: (step: StepProgress) => StepProgress,
): LearnerProgressDocument => ({ ...document, steps: document.steps.map(change) });

function inModule(
  document: LearnerProgressDocument,
  moduleId: string,
  change: (module: ModuleProgress) => ModuleProgress,
): LearnerProgressDocument {
  const index = document.modules.findIndex((module) => module.moduleId === moduleId);
  const changed = change(document.modules[index] ?? { moduleId, completions: [] });
  return {
    ...document,
    modules: index < 0 ? [...document.modules, changed] : document.modules.with(index, changed),
  };
}

/** Once, however often it is told, and in order of time. */
function withCompletion(module: ModuleProgress, completion: ModuleProgress['completions'][number]): ModuleProgress {
  if (module.completions.some(({ id }) => id === completion.id)) return module;
  // Behind those of the same instant; nearly always behind all.
  const later = module.completions.findLastIndex(({ at }) => at <= completion.at) + 1;
  return { ...module, completions: module.completions.toSpliced(later, 0, completion) };
}

/** What is held by another enrollment counts as earned in this one, once. */
const withHeld = (
  earned: readonly EarnedProgress[],
  held: EventOf<typeof learnerEnrolled>['data']['held'] = [],
): readonly EarnedProgress[] => [
  ...earned,
  ...held.filter(({ credentialId }) => !earned.some((one) => one.credentialId === credentialId)),
];

function withEarlier(
  modules: readonly ModuleProgress[],
  earlier: EventOf<typeof learnerEnrolled>['data']['earlier'] = [],
): readonly ModuleProgress[] {
  const byId = new Map(modules.map((module) => [module.moduleId, module]));
  for (const { completion: id, moduleId, at, score } of earlier) {
    const module = byId.get(moduleId) ?? { moduleId, completions: [] };
    byId.set(moduleId, withCompletion(module, { id, at, ...(score === undefined ? {} : { score }) }));
  }
  return [...byId.values()];
}
