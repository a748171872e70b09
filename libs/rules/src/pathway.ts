// Steps and awards of a pathway: the requirement language plus order, entry points and windows.
import type { Instant } from '@cairn/kernel';
import { isoInstant, localDayNumber } from './calendar.js';
import { compile, leavesOf } from './compile.js';
import { matches } from './credits.js';
import { viewOf, type View } from './engine.js';
import { evaluateView } from './evaluate.js';
import {
  addFact,
  baseOf,
  bucketOf,
  compareEntries,
  creditBearers,
  removeFact,
  spansBeginning,
  type Entry,
  type FactBase,
} from './fact-base.js';
import { alwaysFrom, inAtLeast, NEVER, spansHold, unionOf, type Spans } from './spans.js';
import type {
  Award,
  EntryPoint,
  Evaluation,
  EvaluationContext,
  Fact,
  Order,
  PathwayRules,
  Requirement,
  Step,
  StepId,
} from './types.js';

/** What a step or award is evaluated in. */
export type PathwayContext = EvaluationContext & {
  /** Id of the entry point by which the learner joined. */
  readonly entryPoint?: string;
  /** When the learner joined: no step is reached earlier, unless it is satisfied earlier. */
  readonly enrolledAt?: Instant;
};

export type StepEvaluation = Evaluation & {
  /** The later of joining and the steps before it being satisfied, at the latest `since`; absent: not reached. */
  readonly reachedAt?: Instant;
  /** Satisfied, the steps before it too and no later (same local day is in order), and each of those in order. */
  readonly inOrder: boolean;
  /** Facts that the step asks for and that `enforced` order does not count. */
  readonly outOfOrder: readonly string[];
};

function stepOf(rules: PathwayRules, stepId: StepId): Step {
  const step = rules.steps.find(({ id }) => id === stepId);
  if (!step) throw new RangeError(`the pathway has no step "${stepId}"`);
  return step;
}

function awardOf(rules: PathwayRules, awardId: string): Award {
  const award = rules.awards.find(({ id }) => id === awardId);
  if (!award) throw new RangeError(`the pathway has no award "${awardId}"`);
  return award;
}

export function entryPointOf(rules: PathwayRules, id: string | undefined): EntryPoint | undefined {
  return id === undefined ? undefined : rules.entryPoints.find((entry) => entry.id === id);
}

/**
 * Steps that have to be met before this one. Where one enters, only those are that the entry point recognises:
 * the others were passed over by joining there.
 */
export function stepsBefore(rules: PathwayRules, stepId: StepId, entryPoint?: string): readonly StepId[] {
  const after = stepOf(rules, stepId).after ?? [];
  const entry = entryPointOf(rules, entryPoint);
  if (entry?.at !== stepId) return after;
  return after.filter((id) => entry.recognise?.some(({ step }) => step === id));
}

/** Steps shown before this one: those of `after`, else the one listed before; none where one enters. */
export function stepsShownBefore(rules: PathwayRules, stepId: StepId, entryPoint?: string): readonly StepId[] {
  const step = stepOf(rules, stepId);
  if (step.after || entryPointOf(rules, entryPoint)?.at === stepId) return stepsBefore(rules, stepId, entryPoint);
  const previous = rules.steps[rules.steps.indexOf(step) - 1];
  return previous ? [previous.id] : [];
}

export const orderOf = (rules: PathwayRules, step: Step): Order => step.order ?? rules.order;

/** Templates awarded for one step: kind `step`, and no other step in the tree. */
function stepAwardTemplates(rules: PathwayRules, stepId: StepId): readonly string[] {
  return rules.awards
    .filter((award) => {
      if (award.kind !== 'step') return false;
      const steps = leavesOf(compile(award.when).root).filter((leaf) => leaf.kind === 'step');
      return steps.length > 0 && steps.every((leaf) => 'key' in leaf && leaf.key === stepId);
    })
    .map((award) => award.template);
}

const satisfactionOf = (base: FactBase, stepId: StepId): Entry | undefined => bucketOf(base, 'steps', stepId)[0];

/** When an earlier step is met and, unless it was recognised, a credential of each of its step awards is valid. */
function inForce(rules: PathwayRules, stepId: StepId, base: FactBase): Spans {
  const satisfied = satisfactionOf(base, stepId);
  if (!satisfied) return NEVER;
  const sets: Spans[] = [alwaysFrom(satisfied.from)];
  if (!(satisfied.fact.kind === 'step' && satisfied.fact.recognised))
    for (const template of stepAwardTemplates(rules, stepId))
      sets.push(unionOf(bucketOf(base, 'credentials', template).map((entry) => entry.spans)));
  return inAtLeast(sets.length, sets);
}

/** The facts as the order lets the step see them. */
export function stepView(
  rules: PathwayRules,
  step: Step,
  base: FactBase,
  context: PathwayContext,
  all: FactBase,
): View {
  const view = viewOf(base, context);
  const before = stepsBefore(rules, step.id, context.entryPoint);
  const order = orderOf(rules, step);
  if (before.length === 0 || order === 'advisory') return view;
  if (order === 'gate')
    return { ...view, gate: Math.max(...before.map((id) => satisfactionOf(all, id)?.from ?? Infinity)) };
  const sets = before.map((id) => inForce(rules, id, all));
  return { ...view, allowed: inAtLeast(sets.length, sets) };
}

/**
 * Evaluates a step's tree over the facts that the order counts. The facts hold the steps decided so far as step
 * facts; the step's own is not looked at, so a decided step can be decided anew.
 */
export function evaluateStep(
  stepId: StepId,
  rules: PathwayRules,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: PathwayContext,
): StepEvaluation {
  const step = stepOf(rules, stepId);
  const base = baseOf(facts);
  const view = stepView(rules, step, base, context, base);
  const compiled = compile(step.need);
  const evaluation = evaluateView(compiled, view, at, context.during);
  const since = evaluation.since;
  const reachedAt = reachedBy(rules, step, base, context, since);
  return {
    ...evaluation,
    ...(reachedAt === undefined ? {} : { reachedAt }),
    inOrder: since !== undefined && isInOrder(rules, stepId, since, base, context),
    outOfOrder: view.allowed ? outOfOrder(step.need, view, Date.parse(at)) : [],
  };
}

function reachedBy(
  rules: PathwayRules,
  step: Step,
  base: FactBase,
  context: PathwayContext,
  since: Instant | undefined,
): Instant | undefined {
  const joined = context.enrolledAt === undefined ? -Infinity : Date.parse(context.enrolledAt);
  const before = stepsShownBefore(rules, step.id, context.entryPoint);
  let reached = Math.max(joined, ...before.map((id) => satisfactionOf(base, id)?.from ?? Infinity));
  if (since !== undefined) reached = Math.min(reached === -Infinity ? Infinity : reached, Date.parse(since));
  return Number.isFinite(reached) ? isoInstant(reached) : undefined;
}

/** Would the step, satisfied at `since`, count in order? */
function isInOrder(
  rules: PathwayRules,
  stepId: StepId,
  since: Instant,
  base: FactBase,
  context: PathwayContext,
): boolean {
  const visiting = new Set<StepId>();
  const counts = (id: StepId, day: number): boolean => {
    if (visiting.has(id)) return false;
    visiting.add(id);
    const result = stepsShownBefore(rules, id, context.entryPoint).every((earlier) => {
      const satisfied = satisfactionOf(base, earlier);
      if (!satisfied) return false;
      const earlierDay = localDayNumber(satisfied.from, context.zone);
      return earlierDay <= day && counts(earlier, earlierDay);
    });
    visiting.delete(id);
    return result;
  };
  return counts(stepId, localDayNumber(Date.parse(since), context.zone));
}

function outOfOrder(need: Requirement, view: View, at: number): readonly string[] {
  const allowed = view.allowed ?? NEVER;
  const asked = new Set<Entry>();
  for (const leaf of leavesOf(compile(need).root)) {
    if (leaf.kind === 'credits') {
      for (const entry of creditBearers(view.base)) if (matches(leaf.from, entry)) asked.add(entry);
    } else {
      const index = leaf.kind === 'module' ? 'completions' : leaf.kind === 'credential' ? 'credentials' : 'steps';
      for (const entry of bucketOf(view.base, index, leaf.key)) asked.add(entry);
    }
  }
  return [...asked]
    .filter(
      (entry) =>
        entry.from <= at && spansBeginning(entry, (from) => from <= at && spansHold(allowed, from)).length === 0,
    )
    .toSorted(compareEntries)
    .map((entry) => entry.ref);
}

/**
 * Evaluates an award's tree: a step counts if it is decided. With `context.window` (a further occurrence) a step
 * counts by its tree over the facts in the window, and stays so within it; a recognised one counts for good.
 */
export function evaluateAward(
  awardId: string,
  rules: PathwayRules,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: PathwayContext,
): Evaluation {
  const award = awardOf(rules, awardId);
  const base = baseOf(facts);
  if (!context.window) return evaluateView(compile(award.when), viewOf(base, context), at, context.during);
  const within = stepsInWindow(rules, award.when, base, at, context);
  const evaluation = evaluateView(compile(award.when), viewOf(within.base, context), at, context.during);
  if (!evaluation.met) return evaluation;
  // What a step rests on stands for it.
  const replaced = (refs: readonly string[]): readonly string[] => [
    ...new Set(
      refs.flatMap((ref) => {
        const step = within.behind.get(ref);
        return step ? replaced(step.by) : [ref];
      }),
    ),
  ];
  const unfolded = (satisfied: Evaluation['satisfied']): Evaluation['satisfied'] =>
    satisfied.flatMap(({ requirementId, by }) => [
      { requirementId, by: replaced(by) },
      ...by.flatMap((ref) => unfolded(within.behind.get(ref)?.satisfied ?? [])),
    ]);
  return { ...evaluation, by: replaced(evaluation.by), satisfied: unfolded(evaluation.satisfied) };
}

/** Replaces the decided steps by those met anew in the window. */
function stepsInWindow(
  rules: PathwayRules,
  when: Requirement,
  base: FactBase,
  at: Instant,
  context: PathwayContext,
): { base: FactBase; behind: ReadonlyMap<string, Evaluation> } {
  const behind = new Map<string, Evaluation>();
  const done = new Set<StepId>();
  const begin = (context.window as NonNullable<EvaluationContext['window']>).from;
  const { during: _, ...inWindow } = context;
  let result = base;
  for (const step of rules.steps)
    for (const entry of bucketOf(base, 'steps', step.id)) {
      const fact = entry.fact;
      result = removeFact(result, entry.ref);
      if (fact.kind === 'step' && fact.recognised)
        result = addFact(result, { ...fact, at: fact.at < begin ? begin : fact.at });
    }
  const visit = (requirement: Requirement): void => {
    for (const leaf of leavesOf(compile(requirement).root)) {
      if (leaf.kind !== 'step' || done.has(leaf.key)) continue;
      done.add(leaf.key);
      const step = rules.steps.find(({ id }) => id === leaf.key);
      if (!step || bucketOf(result, 'steps', step.id).length > 0) continue;
      visit(step.need);
      const evaluation = evaluateView(compile(step.need), stepView(rules, step, result, inWindow, base), at, undefined);
      if (evaluation.since === undefined) continue;
      const ref = `step ${step.id}`;
      behind.set(ref, evaluation);
      result = addFact(result, { kind: 'step', ref, stepId: step.id, at: evaluation.since });
    }
  };
  visit(when);
  return { base: result, behind };
}
