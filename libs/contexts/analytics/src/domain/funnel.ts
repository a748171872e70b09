// Funnel, drop-off and time in step: pure functions from counters or journeys to answers with their definitions.
import type { Instant } from '@cairn/kernel';
import type { PathwayRules } from '@cairn/rules';
import {
  isEnrolled,
  JOURNEY_STATES,
  quantile,
  standing,
  stateOf,
  timeInStepMs,
  type Axes,
  type Journey,
  type JourneyState,
} from './journey.js';
import type { FunnelCounts } from '../projections/pathway-funnel.projection.js';

export type FunnelOrder = 'any' | 'in-order';

export type FunnelStep = {
  readonly id: string;
  readonly title?: string;
  readonly reached: number;
  readonly satisfied: number;
  /** satisfied / reached; absent if nobody reached it. */
  readonly conversion?: number;
  /** satisfied / enrolled. */
  readonly share?: number;
};
export type FunnelCountsAnswer = { readonly enrolled: number; readonly steps: readonly FunnelStep[] };

export const FUNNEL_DEFINITION: Readonly<Record<FunnelOrder, string>> = {
  any:
    'Reached: enrolled, and the steps before it satisfied, at the latest when it is satisfied itself. ' +
    'Satisfied: counted whenever it was satisfied. Enrollments withdrawn as undone are left out.',
  'in-order':
    'Satisfied: counted only if the step before it counted and was satisfied no later (same local day is in order). ' +
    'Reached: the steps before it counted. Enrollments withdrawn as undone are left out.',
};

/** The steps before a step: those named by `after`, else the one listed before it; none for the first. */
export function stepsBefore(rules: PathwayRules, stepId: string): readonly string[] {
  const index = rules.steps.findIndex((step) => step.id === stepId);
  const after = rules.steps[index]?.after;
  if (after) return after;
  const before = rules.steps[index - 1];
  return before ? [before.id] : [];
}

function withRates(
  rules: PathwayRules,
  enrolled: number,
  counts: ReadonlyMap<string, { reached: number; satisfied: number }>,
): FunnelCountsAnswer {
  return {
    enrolled,
    steps: rules.steps.map(({ id, title }) => {
      const { reached, satisfied } = counts.get(id) ?? { reached: 0, satisfied: 0 };
      return {
        id,
        ...(title === undefined ? {} : { title }),
        reached,
        satisfied,
        ...(reached === 0 ? {} : { conversion: satisfied / reached }),
        ...(enrolled === 0 ? {} : { share: satisfied / enrolled }),
      };
    }),
  };
}

/** True if the counters alone can answer: in order, a step with several steps before it needs the journeys. */
export function countersSuffice(rules: PathwayRules, order: FunnelOrder): boolean {
  return order === 'any' || rules.steps.every((step) => stepsBefore(rules, step.id).length <= 1);
}

/** Counters cannot take an enrollment out again: what was withdrawn as undone is left out by counting journeys. */
export const holdUndone = (documents: readonly FunnelCounts[]): boolean =>
  documents.some(({ entryPoints }) => Object.values(entryPoints).some(({ undone }) => undone !== undefined));

/** The funnel from `pathway_funnel` documents of one version. */
export function funnelFromCounters(
  rules: PathwayRules,
  documents: readonly FunnelCounts[],
  order: FunnelOrder,
  entryPoint?: string,
): FunnelCountsAnswer {
  let enrolled = 0;
  const sums = new Map<string, { reached: number; satisfied: number; inOrder: number }>();
  const startedAt = new Map<string, number>();
  for (const document of documents)
    for (const [entry, counts] of Object.entries(document.entryPoints)) {
      if (entryPoint !== undefined && entry !== entryPoint) continue;
      enrolled += counts.enrolled;
      startedAt.set(entry, (startedAt.get(entry) ?? 0) + counts.enrolled);
      for (const [id, step] of Object.entries(counts.steps)) {
        const sum = sums.get(id) ?? { reached: 0, satisfied: 0, inOrder: 0 };
        sum.reached += step.reached;
        sum.satisfied += step.satisfied;
        sum.inOrder += step.inOrder;
        sums.set(id, sum);
      }
    }
  const counts = new Map<string, { reached: number; satisfied: number }>();
  for (const { id } of rules.steps) {
    const sum = sums.get(id) ?? { reached: 0, satisfied: 0, inOrder: 0 };
    if (order === 'any') counts.set(id, sum);
    else {
      const [before] = stepsBefore(rules, id);
      const reached = before === undefined ? enrolled : (sums.get(before)?.inOrder ?? 0);
      counts.set(id, { reached, satisfied: sum.inOrder });
    }
  }
  return withRates(rules, enrolled, counts);
}

/** The funnel recounted from journeys, at any pair of instants. */
export function funnelFromJourneys(
  rules: PathwayRules,
  journeys: readonly Journey[],
  order: FunnelOrder,
  axes: Axes,
): FunnelCountsAnswer {
  const counts = new Map(rules.steps.map(({ id }) => [id, { reached: 0, satisfied: 0 }]));
  let enrolled = 0;
  for (const journey of journeys) {
    if (!isEnrolled(journey, axes)) continue;
    enrolled++;
    const steps = new Map(journey.steps.map((step) => [step.id, step]));
    for (const { id } of rules.steps) {
      const count = counts.get(id) as { reached: number; satisfied: number };
      const step = steps.get(id);
      if (order === 'any') {
        if (standing(step?.reached, axes)) count.reached++;
        if (standing(step?.satisfied, axes)) count.satisfied++;
      } else {
        const before = stepsBefore(rules, id);
        if (before.every((stepId) => standing(steps.get(stepId)?.inOrder, axes))) count.reached++;
        if (standing(step?.inOrder, axes)) count.satisfied++;
      }
    }
  }
  return withRates(rules, enrolled, counts);
}

export type DropOffAnswer = {
  readonly enrolled: number;
  readonly states: Readonly<Record<JourneyState, number>>;
  /** Of those dropped off: the step they had reached and not satisfied, furthest along. */
  readonly droppedAt: readonly { readonly step: string; readonly count: number }[];
};

export const dropOffDefinition = (activeDays: number): string =>
  `An enrollment is in the first state that applies: expired (all its awards are), completed (holds a final award), ` +
  `exited with award (holds an exit award; withdrawn or not active), withdrawn, paused, active (an own act within ` +
  `${activeDays} days before the as-of instant), drop-off. Enrollments withdrawn as undone are left out.`;

export function dropOff(
  rules: PathwayRules,
  journeys: readonly Journey[],
  axes: Axes,
  activeDays: number,
): DropOffAnswer {
  const states = Object.fromEntries(JOURNEY_STATES.map((state) => [state, 0])) as Record<JourneyState, number>;
  const droppedAt = new Map<string, number>();
  let enrolled = 0;
  for (const journey of journeys) {
    if (!isEnrolled(journey, axes)) continue;
    enrolled++;
    const state = stateOf(journey, axes, activeDays);
    states[state]++;
    if (state !== 'drop-off') continue;
    const open = journey.steps.findLast((step) => standing(step.reached, axes) && !standing(step.satisfied, axes));
    if (open) droppedAt.set(open.id, (droppedAt.get(open.id) ?? 0) + 1);
  }
  return {
    enrolled,
    states,
    droppedAt: rules.steps.flatMap(({ id }) =>
      droppedAt.has(id) ? [{ step: id, count: droppedAt.get(id) as number }] : [],
    ),
  };
}

export type TimeInStep = {
  readonly id: string;
  readonly count: number;
  readonly medianSeconds?: number;
  readonly p90Seconds?: number;
};

export const TIME_IN_STEP_DEFINITION =
  'Seconds from reaching a step to satisfying it, at least 0, of those who have satisfied it; median and p90 by nearest rank.';

export function timeInStep(rules: PathwayRules, journeys: readonly Journey[], axes: Axes): readonly TimeInStep[] {
  const durations = new Map<string, number[]>(rules.steps.map(({ id }) => [id, []]));
  for (const journey of journeys) {
    if (!isEnrolled(journey, axes)) continue;
    for (const step of journey.steps) {
      const ms = timeInStepMs(step, axes);
      if (ms !== undefined) durations.get(step.id)?.push(ms);
    }
  }
  return rules.steps.map(({ id }) => {
    const sorted = (durations.get(id) as number[]).toSorted((a, b) => a - b);
    const median = quantile(sorted, 0.5);
    const p90 = quantile(sorted, 0.9);
    return {
      id,
      count: sorted.length,
      ...(median === undefined ? {} : { medianSeconds: median / 1000 }),
      ...(p90 === undefined ? {} : { p90Seconds: p90 / 1000 }),
    };
  });
}

export type AnalysisFrame = {
  readonly pathway: string;
  readonly version: string;
  readonly definition: string;
  readonly position: string;
  readonly asOf: Instant;
};
