// `pathway_funnel` (t:pathway:version:cohort week): counters per entry point and step, for dashboards at any scale.
// Folds the same events as `journeys`, never its documents; a reconciliation compares both.
import { defineProjection, type Document, type EventOf, type Recorded } from '@cairn/kernel';
import {
  enrollmentMovedToVersion,
  enrollmentWithdrawn,
  learnerEnrolled,
  stepReopened,
  stepSatisfied,
} from '@cairn/contexts/progress';
import { LEAVES_COUNTS } from '../domain/journey.js';

export type StepCounts = Document & { readonly reached: number; readonly satisfied: number; readonly inOrder: number };
export type EntryCounts = Document & {
  readonly enrolled: number;
  /** Enrollments ever withdrawn as undone or merged: the counters still hold them, so the journeys must be counted instead. */
  readonly undone?: number;
  readonly steps: { readonly [stepId: string]: StepCounts };
};
export type FunnelCounts = Document & {
  readonly tenant: string;
  readonly pathwayId: string;
  readonly version: number;
  readonly cohortWeek: string;
  readonly entryPoints: { readonly [entryPoint: string]: EntryCounts };
};

const NONE: StepCounts = { reached: 0, satisfied: 0, inOrder: 0 };

type Deltas = { readonly [stepId: string]: { readonly [K in keyof StepCounts]?: number } };

const events = [learnerEnrolled, enrollmentMovedToVersion, enrollmentWithdrawn, stepSatisfied, stepReopened] as const;
type FunnelEvent = Recorded<EventOf<(typeof events)[number]>>;
type Ref = FunnelEvent['data']['enrollment'];

const idOf = (tenant: string, { pathwayId, version, cohortWeek }: Ref): string =>
  `${tenant}:${pathwayId}:${String(version).padStart(6, '0')}:${cohortWeek}`;

/** Where a moved enrollment counted before. */
const leftBy = (event: FunnelEvent): Ref | undefined =>
  event.type === 'enrollment-moved-to-version'
    ? { ...event.data.enrollment, version: event.data.from.version, entryPoint: event.data.from.entryPoint }
    : undefined;

export const pathwayFunnel = defineProjection<FunnelCounts, (typeof events)[number]>({
  name: 'pathway_funnel',
  version: 3,
  events,
  keys: (event) => {
    const left = leftBy(event);
    const { tenant } = event.meta;
    return [...(left ? [idOf(tenant, left)] : []), idOf(tenant, event.data.enrollment)];
  },
  evolve: (counts, event, id) => {
    const left = leftBy(event);
    const leaves = left !== undefined && id === idOf(event.meta.tenant, left);
    const { pathwayId, version, cohortWeek, entryPoint } = leaves ? left : event.data.enrollment;
    const before: FunnelCounts = counts ?? {
      tenant: event.meta.tenant,
      pathwayId,
      version,
      cohortWeek,
      entryPoints: {},
    };
    const entry: EntryCounts = before.entryPoints[entryPoint] ?? { enrolled: 0, steps: {} };
    const add = (enrolled: number, deltas: Deltas): FunnelCounts => {
      const steps = { ...entry.steps };
      for (const [id, delta] of Object.entries(deltas)) {
        const now = steps[id] ?? NONE;
        steps[id] = {
          reached: now.reached + (delta.reached ?? 0),
          satisfied: now.satisfied + (delta.satisfied ?? 0),
          inOrder: now.inOrder + (delta.inOrder ?? 0),
        };
      }
      return {
        ...before,
        entryPoints: { ...before.entryPoints, [entryPoint]: { ...entry, enrolled: entry.enrolled + enrolled, steps } },
      };
    };
    switch (event.type) {
      case 'learner-enrolled': {
        const { steps, opens } = event.data;
        return add(1, Object.fromEntries(steps.map((id) => [id, { reached: opens.includes(id) ? 1 : 0 }])));
      }
      case 'enrollment-moved-to-version': {
        const { from, opens, satisfied, inOrder, steps } = event.data;
        if (leaves) return add(-1, sumsOf(from.reached, from.satisfied, from.inOrder, -1));
        const met = satisfied.map(({ stepId }) => stepId);
        return add(1, { ...Object.fromEntries(steps.map((step) => [step, {}])), ...sumsOf(opens, met, inOrder, 1) });
      }
      case 'enrollment-withdrawn': {
        if (!LEAVES_COUNTS.has(event.data.reasonCode)) return counts;
        const undone = { ...entry, undone: (entry.undone ?? 0) + 1 };
        return { ...before, entryPoints: { ...before.entryPoints, [entryPoint]: undone } };
      }
      case 'step-satisfied':
        return add(0, deltasOf(event.data.stepId, event.data.opens, event.data.inOrder, 1));
      case 'step-reopened':
        return add(0, deltasOf(event.data.stepId, event.data.closes, event.data.notInOrder, -1));
      default:
        return event satisfies never;
    }
  },
  indexes: [
    {
      name: 'by_pathway',
      fields: [
        ['tenant', 1],
        ['pathwayId', 1],
        ['version', 1],
      ],
    },
  ],
});

const deltasOf = (stepId: string, reached: readonly string[], inOrder: readonly string[], sign: 1 | -1): Deltas =>
  sumsOf(reached, [stepId], inOrder, sign);

function sumsOf(
  reached: readonly string[],
  satisfied: readonly string[],
  inOrder: readonly string[],
  sign: 1 | -1,
): Deltas {
  const deltas: { [stepId: string]: { reached?: number; satisfied?: number; inOrder?: number } } = {};
  for (const id of satisfied) deltas[id] = { satisfied: sign };
  for (const id of reached) deltas[id] = { ...deltas[id], reached: sign };
  for (const id of inOrder) deltas[id] = { ...deltas[id], inOrder: sign };
  return deltas;
}
