// What is missing, as facts that would do: for each unmet node, and the shortest way known for the whole.
import type { Instant } from '@cairn/kernel';
import { addToDayNumber, localDayNumber, startOfDayNumber } from './calendar.js';
import { compile, leavesOf, type Compiled, type CreditsLeaf, type Leaf, type Node } from './compile.js';
import { attemptOf, counterOf, matches, type Attempt, type Counter } from './credits.js';
import { ALL_DAYS, attemptsAt, choose, nodeSpans, viewOf, type Days, type View } from './engine.js';
import { evaluateView, holdsNow } from './evaluate.js';
import { addFact, baseOf, bucketOf, entryOf, type Entry, type FactBase } from './fact-base.js';
import type { ModuleWorth } from './lint.js';
import { evaluateAward, evaluateStep, orderOf, stepView, stepsBefore, type PathwayContext } from './pathway.js';
import { alwaysFrom, spansHold, unionOf } from './spans.js';
import type { CompletionFact, EvaluationContext, Fact, PathwayRules, Requirement, StepId } from './types.js';

/** What modules are worth: without it credits are guessed from what was seen, else from what is missing. */
export type Worths = { readonly modules?: ReadonlyMap<string, ModuleWorth> };

export type UnmetNode = {
  readonly requirementId: string;
  readonly requirement: Requirement;
  /** Facts that, if added, meet the node; absent: nothing that happens now can. */
  readonly facts?: readonly Fact[];
};

export type WhyNotYet = {
  readonly met: boolean;
  /** Every node that does not hold now, parents first. Empty if met. */
  readonly nodes: readonly UnmetNode[];
  /** The fewest facts known that meet the whole; absent: nothing that happens now can. */
  readonly route?: readonly Fact[];
};

/**
 * What would meet a requirement that is not met. The facts named are of the instant `at`, with refs that begin with
 * `new-`; adding those of a node meets the node.
 */
export function whyNotYet(
  requirement: Requirement,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: EvaluationContext & Worths,
): WhyNotYet {
  const compiled = compile(requirement);
  const view = viewOf(baseOf(facts), context);
  if (evaluateView(compiled, view, at, context.during).met) return { met: true, nodes: [], route: [] };
  return { met: false, ...missingFacts(compiled, { view, at, context }) };
}

type Task = {
  readonly view: View;
  readonly at: Instant;
  readonly context: EvaluationContext & Worths;
  /** Facts that satisfy a step, its own fact the last; left out: a step is a fact like others. */
  readonly stepRoute?: (stepId: StepId, base: FactBase) => readonly Fact[] | undefined;
};

function missingFacts(compiled: Compiled, task: Task): Omit<WhyNotYet, 'met'> {
  const now = Date.parse(task.at);
  const nodes: UnmetNode[] = [];
  const visit = (node: Node): void => {
    const own = { root: node, contended: compiled.contended };
    if (spansHold(nodeSpans(node, task.view), now) && holdsNow(own, now, task.view)) return;
    const route = shortestRoute(own, task);
    nodes.push({ requirementId: node.id, requirement: node.source, ...(route ? { facts: route } : {}) });
    if (node.kind === 'group') for (const child of node.children) visit(child);
  };
  visit(compiled.root);
  const route = shortestRoute(compiled, task);
  return { nodes, ...(route ? { route } : {}) };
}

/** Facts known so far: those there are, those planned, and which of them serve a node already. */
type Plan = { readonly base: FactBase; readonly taken: ReadonlySet<Entry>; readonly facts: readonly Fact[] };

function shortestRoute(compiled: Compiled, task: Task): readonly Fact[] | undefined {
  const now = Date.parse(task.at);
  const { during } = task.context;
  if (during && !during.some(({ from, until }) => from <= task.at && (until === undefined || task.at < until)))
    return undefined;
  const start: Plan = { base: task.view.base, taken: new Set(), facts: [] };
  const plan = plannerFor(task)(compiled.root, ALL_DAYS, start);
  if (!plan) return undefined;
  const holdsWith = (facts: readonly Fact[]): boolean =>
    holdsNow(compiled, now, { ...task.view, base: facts.reduce(addFact, task.view.base), known: undefined });
  // A plan goes node by node; seen as a whole, some facts may not be needed.
  let route = plan.facts;
  for (const fact of plan.facts) {
    if (task.stepRoute) break; // facts behind a step are not seen from here
    const without = route.filter((one) => one !== fact);
    if (holdsWith(without)) route = without;
  }
  return holdsWith(route) ? route : undefined;
}

/** Plans for one task: extends a plan by what it takes to meet a node too; undefined if nothing does. */
function plannerFor(task: Task): (node: Node, days: Days, plan: Plan) => Plan | undefined {
  const now = Date.parse(task.at);
  const today = localDayNumber(now, task.view.zone);
  let count = 0;

  function meet(node: Node, days: Days, plan: Plan): Plan | undefined {
    const view = planView(plan);
    const choice = choose(node, now, view, days);
    const entries = choice?.map(({ entry }) => entry);
    if (entries && new Set(entries).size === entries.length)
      return { ...plan, taken: new Set([...plan.taken, ...entries]) };
    const within = node.within ? daysWithin(node.within, days) : days;
    if (node.kind === 'group') return meetGroup(node.children, node.need, within, plan);
    if (!countsToday(node, within)) return undefined;
    return node.kind === 'credits' ? meetCredits(node, within, plan) : meetSingle(node, plan);
  }

  function planView(plan: Plan): View {
    return { ...task.view, base: plan.base, without: plan.taken, known: undefined };
  }

  /** The widest span of days that ends today. */
  function daysWithin(length: NonNullable<Node['within']>, days: Days): Days {
    let first = today;
    while (first > days.low && addToDayNumber(first - 1, length) >= today) first--;
    return { low: Math.max(days.low, first), high: Math.min(days.high, today) };
  }

  function meetGroup(children: readonly Node[], need: number, days: Days, plan: Plan): Plan | undefined {
    if (need < 1 || need > children.length) return undefined;
    // Cheapest first; what is there already costs nothing. Of equal ones the pickier, and rather new than again.
    const ranked = children
      .flatMap((child) => {
        const alone = meet(child, days, plan);
        return alone ? [{ child, alone }] : [];
      })
      .toSorted(
        (a, b) =>
          a.alone.facts.length - b.alone.facts.length ||
          repeatsIn(a.alone) - repeatsIn(b.alone) ||
          leavesOf(a.child).length - leavesOf(b.child).length,
      );
    let result = plan;
    let met = 0;
    for (const { child, alone } of ranked) {
      const next = met < need ? (merge(plan, result, alone) ?? meet(child, days, result)) : undefined;
      if (!next) continue;
      result = next;
      met++;
    }
    return met === need ? result : undefined;
  }

  const repeatsIn = ({ facts }: Plan): number =>
    facts.filter(
      (fact) => fact.kind === 'completion' && bucketOf(task.view.base, 'completions', fact.moduleId).length > 0,
    ).length;

  /** Two plans that both go on from `start`, if they share no fact; steps met on the way may be shared: not merged. */
  function merge(start: Plan, one: Plan, other: Plan): Plan | undefined {
    if (one === start) return other;
    if (task.stepRoute) return undefined;
    const more = [...other.taken].filter((entry) => !start.taken.has(entry));
    if (more.some((entry) => one.taken.has(entry))) return undefined;
    const facts = other.facts.slice(start.facts.length);
    return {
      base: facts.reduce(addFact, one.base),
      taken: new Set([...one.taken, ...more]),
      facts: [...one.facts, ...facts],
    };
  }

  /** Could a fact of this instant count for the leaf? */
  function countsToday(leaf: Leaf, days: Days): boolean {
    const { windowFrom, windowUntil, zone } = task.view;
    return (
      today >= Math.max(days.low, leaf.notBefore) &&
      today <= Math.min(days.high, leaf.notAfter) &&
      now >= windowFrom &&
      now < windowUntil &&
      leaf.maxAges.every((age) => startOfDayNumber(addToDayNumber(today, age), zone) > now)
    );
  }

  function usedUp(leaf: Leaf, moduleId: string): boolean {
    const { uses } = leaf;
    return uses !== undefined && (task.view.used.get(uses.group)?.get(moduleId) ?? 0) >= uses.n;
  }

  function grow(plan: Plan, facts: readonly Fact[], serves = facts): Plan {
    const base = facts.reduce(addFact, plan.base);
    const entries = serves.map(({ ref }) => entryOf(base, ref) as Entry);
    return { base, taken: new Set([...plan.taken, ...entries]), facts: [...plan.facts, ...facts] };
  }

  function newRef(): string {
    return `new-${++count}`;
  }

  function meetSingle(leaf: Exclude<Leaf, CreditsLeaf>, plan: Plan): Plan | undefined {
    const { at } = task;
    const { key } = leaf;
    if (leaf.kind === 'credential')
      return grow(plan, [{ kind: 'credential', ref: newRef(), templateId: key, valid: [{ from: at }] }]);
    if (leaf.kind === 'step') {
      const { stepRoute } = task;
      if (!stepRoute) return grow(plan, [{ kind: 'step', ref: newRef(), stepId: key, at }]);
      const route = stepRoute(key, plan.base);
      return route && grow(plan, route, route.slice(-1));
    }
    if (usedUp(leaf, key) || (leaf.minGrade ?? 0) > 100) return undefined;
    return grow(plan, [completion(key, leaf.minGrade, worthOf(key, plan.base))]);
  }

  function completion(moduleId: string, grade: number | undefined, worth: ModuleWorth | undefined): CompletionFact {
    return {
      kind: 'completion',
      ref: newRef(),
      moduleId,
      at: task.at,
      credits: 0,
      ...worth,
      ...(grade === undefined ? {} : { grade }),
    };
  }

  /** As the catalog says, else as last seen. */
  function worthOf(moduleId: string, base: FactBase): ModuleWorth | undefined {
    const known = task.context.modules?.get(moduleId);
    if (known) return known;
    const last = bucketOf(base, 'completions', moduleId).at(-1)?.fact;
    if (last?.kind !== 'completion') return undefined;
    const { credits, area, level } = last;
    return { credits, ...(area === undefined ? {} : { area }), ...(level === undefined ? {} : { level }) };
  }

  /** Adds one module after the other, each time the one that brings most. */
  function meetCredits(leaf: CreditsLeaf, days: Days, plan: Plan): Plan | undefined {
    if (leaf.min <= 0 || (leaf.minGrade ?? 0) > 100) return undefined;
    const there = attemptsAt(leaf, now, planView(plan), days);
    const counter = counterOf(leaf);
    for (const attempt of there) counter.change(attempt, 1);
    const added: Attempt[] = [];
    const known = candidates(leaf, plan.base);
    while (!counter.enough()) {
      const best = bestOf(leaf, counter, [...known, ...guesses(leaf, counter, plan.base, added)]);
      if (!best || added.length > 200) return undefined;
      counter.change(best, 1);
      added.push(best);
    }
    // The first ones may have become needless.
    const needed = added.filter((attempt) => {
      counter.change(attempt, -1);
      if (counter.enough()) return false;
      counter.change(attempt, 1);
      return true;
    });
    const next = grow(
      plan,
      needed.map(({ entry }) => entry.fact),
    );
    // All that is there is taken: what this node leaves over is not worked out.
    return { ...next, taken: new Set([...next.taken, ...there.map(({ entry }) => entry)]) };
  }

  function bestOf(leaf: CreditsLeaf, counter: Counter, among: readonly Attempt[]): Attempt | undefined {
    const before = counter.progress();
    let best: Attempt | undefined;
    let most = 0;
    for (const attempt of among) {
      counter.change(attempt, 1);
      const { credits, areas } = counter.progress();
      counter.change(attempt, -1);
      const gain =
        Math.max(0, Math.min(credits, leaf.min) - Math.min(before.credits, leaf.min)) / leaf.min +
        (Math.min(areas, leaf.areas) - Math.min(before.areas, leaf.areas));
      if (gain > most + 1e-9) {
        best = attempt;
        most = gain;
      }
    }
    return best;
  }

  /** Modules that are known to bring credits. */
  function candidates(leaf: CreditsLeaf, base: FactBase): readonly Attempt[] {
    const { modules } = task.context;
    const names = leaf.from.keys ?? modules?.keys() ?? [];
    const found: Attempt[] = [];
    for (const name of names) {
      const worth = worthOf(name, base);
      if (worth) offer(leaf, name, worth, found);
    }
    return found;
  }

  function offer(leaf: CreditsLeaf, moduleId: string, worth: ModuleWorth, into: Attempt[]): void {
    if (usedUp(leaf, moduleId)) return;
    const external = leaf.from.origin === 'external' ? { external: true } : {};
    const fact: Fact = { ...completion(moduleId, leaf.minGrade, worth), ...external };
    const entry = entryOf(addFact(baseOf([]), fact), fact.ref) as Entry;
    const attempt = matches(leaf.from, entry) ? attemptOf(leaf, entry, alwaysFrom(now)) : undefined;
    if (attempt) into.push(attempt);
  }

  /** Where the worth of a module is not known: as many credits as are missing, in an area of its own. */
  function guesses(leaf: CreditsLeaf, counter: Counter, base: FactBase, added: readonly Attempt[]): readonly Attempt[] {
    const { credits } = counter.progress();
    const lacking = Math.max(leaf.min - credits, 100) / 100;
    const { keys, area, level } = leaf.from;
    const worth: ModuleWorth = {
      credits: lacking,
      area: area ?? `new-area-${added.length + 1}`,
      ...(level === undefined ? {} : { level }),
    };
    const used = new Set(added.map(({ entry }) => (entry.fact.kind === 'completion' ? entry.fact.moduleId : '')));
    const found: Attempt[] = [];
    if (keys) {
      for (const name of keys) if (!used.has(name) && !worthOf(name, base)) offer(leaf, name, worth, found);
    } else if (!task.context.modules || leaf.from.origin === 'external')
      offer(leaf, `new-module-${added.length + 1}`, worth, found);
    return found;
  }

  return meet;
}

export type WhyNotYetStep = WhyNotYet & {
  /** Earlier steps that have to be met first or, with `enforced` order, whose award has to be valid. */
  readonly waitsFor: readonly StepId[];
};

/** {@link whyNotYet} for a step; the route leads through the steps before it as well. */
export function whyNotYetStep(
  stepId: StepId,
  rules: PathwayRules,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: PathwayContext & Worths,
): WhyNotYetStep {
  const base = baseOf(facts);
  if (evaluateStep(stepId, rules, base, at, context).met) return { met: true, nodes: [], route: [], waitsFor: [] };
  const route = routeToStep(stepId, { rules, at, context, open: [] }, base);
  const step = rules.steps.find(({ id }) => id === stepId) as PathwayRules['steps'][number];
  const { nodes } = missingFacts(compile(step.need), taskOf(step, { rules, at, context, open: [stepId] }, base));
  return {
    met: false,
    nodes,
    ...(route ? { route: route.filter(({ kind }) => kind !== 'step') } : {}),
    waitsFor: waitsFor(stepId, rules, base, at, context),
  };
}

/** {@link whyNotYet} for an award; the route leads through the steps that it needs. */
export function whyNotYetAward(
  awardId: string,
  rules: PathwayRules,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: PathwayContext & Worths,
): WhyNotYet {
  const base = baseOf(facts);
  if (evaluateAward(awardId, rules, base, at, context).met) return { met: true, nodes: [], route: [] };
  const award = rules.awards.find(({ id }) => id === awardId) as PathwayRules['awards'][number];
  const way: Way = { rules, at, context, open: [] };
  const task: Task = {
    view: viewOf(base, context),
    at,
    context,
    stepRoute: (id, known) => routeToStep(id, way, known),
  };
  const found = missingFacts(compile(award.when), task);
  const facts_ = (some: readonly Fact[]): readonly Fact[] => some.filter(({ kind }) => kind !== 'step');
  return {
    met: false,
    nodes: found.nodes.map((node) => (node.facts ? { ...node, facts: facts_(node.facts) } : node)),
    ...(found.route ? { route: facts_(found.route) } : {}),
  };
}

type Way = {
  readonly rules: PathwayRules;
  readonly at: Instant;
  readonly context: PathwayContext & Worths;
  /** Steps being led to: none of them leads to itself. */
  readonly open: readonly StepId[];
};

function waitsFor(
  stepId: StepId,
  rules: PathwayRules,
  base: FactBase,
  at: Instant,
  context: PathwayContext,
): readonly StepId[] {
  const step = rules.steps.find(({ id }) => id === stepId);
  if (!step || orderOf(rules, step) === 'advisory') return [];
  return stepsBefore(rules, stepId, context.entryPoint).filter((id) => {
    const alone = { ...step, after: [id] };
    const { gate, allowed } = stepView(rules, alone, base, context, base);
    return gate > Date.parse(at) || (allowed !== undefined && !spansHold(allowed, Date.parse(at)));
  });
}

/** What a step looks at, as if whatever happens now were in order: the route sees to that. */
function taskOf(step: PathwayRules['steps'][number], way: Way, base: FactBase): Task {
  const view = stepView(way.rules, step, base, way.context, base);
  const now = alwaysFrom(Date.parse(way.at));
  return {
    view: {
      ...view,
      gate: Math.min(view.gate, Date.parse(way.at)),
      ...(view.allowed ? { allowed: unionOf([view.allowed, now]) } : {}),
    },
    at: way.at,
    context: way.context,
    stepRoute: (id, known) => routeToStep(id, way, known),
  };
}

/** Facts that satisfy a step, after those that satisfy the steps before it; its own fact is the last. */
function routeToStep(stepId: StepId, way: Way, base: FactBase): readonly Fact[] | undefined {
  const step = way.rules.steps.find(({ id }) => id === stepId);
  if (!step || way.open.includes(stepId)) return undefined;
  const onwards = { ...way, open: [...way.open, stepId] };
  const facts: Fact[] = [];
  let known = base;
  const go = (more: readonly Fact[] | undefined): boolean => {
    const fresh = more?.map((fact, i) => ({ ...fact, ref: `${stepId} ${facts.length + i} ${fact.ref}` }));
    if (!fresh) return false;
    facts.push(...fresh);
    known = fresh.reduce(addFact, known);
    return true;
  };
  if (orderOf(way.rules, step) !== 'advisory')
    for (const earlier of stepsBefore(way.rules, stepId, way.context.entryPoint))
      if (bucketOf(known, 'steps', earlier).length === 0 && !go(routeToStep(earlier, onwards, known))) return undefined;
  if (!go(shortestRoute(compile(step.need), taskOf(step, onwards, known)))) return undefined;
  return go([{ kind: 'step', ref: 'met', stepId, at: way.at }]) ? facts : undefined;
}
