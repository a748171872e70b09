// evaluate: is a requirement met at some instant up to `at`, since when, by which facts, and what is missing?
import type { Instant } from '@cairn/kernel';
import { isoInstant } from './calendar.js';
import { compile, leavesOf, nodesOf, type Compiled, type Node } from './compile.js';
import {
  ALL_DAYS,
  attemptsFor,
  bucketFor,
  choose,
  entrySpans,
  nodeSpans,
  spansOfInterval,
  viewOf,
  waiversOf,
  type Use,
  type View,
} from './engine.js';
import { chooseApart, holdsApart } from './exact.js';
import { baseOf, compareEntries, type FactBase } from './fact-base.js';
import { clip, inAtLeast, NEVER, spansHold, unionOf, type Spans } from './spans.js';
import type { Evaluation, EvaluationContext, Fact, Interval, Missing, Requirement } from './types.js';

/**
 * Met if all of the requirement holds at some instant up to `at`; the first such is `since`.
 * Only effective times matter, never the order of the facts.
 */
export function evaluate(
  requirement: Requirement,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: EvaluationContext,
): Evaluation {
  return evaluateView(compile(requirement), viewOf(baseOf(facts), context), at, context.during);
}

/** Does the requirement hold at this very instant? (`evaluate` asks for any instant up to it.) */
export function holdsAt(
  requirement: Requirement,
  facts: FactBase | readonly Fact[],
  at: Instant,
  context: EvaluationContext,
): boolean {
  const compiled = compile(requirement);
  const view = viewOf(baseOf(facts), context);
  const ms = Date.parse(at);
  return holdsNow(compiled, ms, view);
}

/** {@link holdsAt} on a compiled requirement and a view. */
export const holdsNow = (compiled: Compiled, at: number, view: View): boolean =>
  spansHold(nodeSpans(compiled.root, view), at) && choiceAt(compiled, at, view) !== undefined;

/** All instants at which the requirement holds, by the facts as they are now. */
export function holdsDuring(
  requirement: Requirement,
  facts: FactBase | readonly Fact[],
  context: EvaluationContext,
): readonly Interval[] {
  return intervalsOf(exactSpans(compile(requirement), viewOf(baseOf(facts), context)));
}

export function intervalsOf(spans: Spans): readonly Interval[] {
  const intervals: Interval[] = [];
  for (let i = 0; i < spans.length; i += 2)
    intervals.push({
      from: isoInstant(spans[i] as number),
      ...(spans[i + 1] === Infinity ? {} : { until: isoInstant(spans[i + 1] as number) }),
    });
  return intervals;
}

/** {@link evaluate} on a compiled requirement and a view. */
export function evaluateView(
  compiled: Compiled,
  view: View,
  at: Instant,
  during: readonly Interval[] | undefined,
): Evaluation {
  const until = Date.parse(at);
  const found = firstChoice(compiled, view, until, during);
  if (!found) return { met: false, by: [], satisfied: [], missing: missingAt(compiled.root, view, until) };
  return { met: true, since: isoInstant(found.at), ...restsOn(found.uses), missing: [] };
}

export type FirstChoice = { readonly at: number; readonly uses: readonly Use[] };

/** The first instant at which the requirement holds, and the best choice of facts then. */
export function firstChoice(
  compiled: Compiled,
  view: View,
  until: number,
  during: readonly Interval[] | undefined,
): FirstChoice | undefined {
  let spans = nodeSpans(compiled.root, view);
  if (during) spans = inAtLeast(2, [spans, unionOf(during.map(spansOfInterval))]);
  const first = spans[0];
  if (first === undefined || first > until) return undefined;
  const uses = choose(compiled.root, first, view) as readonly Use[];
  if (compiled.contended.size === 0 || apart(uses)) return { at: first, uses };
  const { points, grows } = turningPoints(compiled.root, view, spans);
  const past = points.filter((point) => point <= until);
  let low = 0;
  if (grows) {
    // What holds once holds from then on: halve instead of trying each.
    let high = past.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holdsApart(compiled.root, past[middle] as number, view)) high = middle;
      else low = middle + 1;
    }
  } else while (low < past.length && !holdsApart(compiled.root, past[low] as number, view)) low++;
  const at = past[low];
  return at === undefined ? undefined : { at, uses: chooseApart(compiled.root, at, view) as readonly Use[] };
}

function choiceAt(compiled: Compiled, at: number, view: View): readonly Use[] | undefined {
  const uses = choose(compiled.root, at, view);
  return uses && compiled.contended.size > 0 && !apart(uses) ? chooseApart(compiled.root, at, view) : uses;
}

function exactSpans(compiled: Compiled, view: View): Spans {
  const spans = nodeSpans(compiled.root, view);
  if (compiled.contended.size === 0 || spans.length === 0) return spans;
  const { points } = turningPoints(compiled.root, view, spans);
  return unionOf(
    points.map((from, i) => (choiceAt(compiled, from, view) ? clip(spans, from, points[i + 1] ?? Infinity) : NEVER)),
  );
}

/** Has every fact one role only? Uses are sorted, so equal facts are neighbours unless limits differ. */
function apart(uses: readonly Use[]): boolean {
  return new Set(uses.map((use) => use.entry)).size === uses.length;
}

/**
 * Instants within the spans at which some fact begins or ends to count: between them nothing changes.
 * `grows`: nothing ends.
 */
function turningPoints(
  root: Node,
  view: View,
  spans: Spans,
): { readonly points: readonly number[]; readonly grows: boolean } {
  const points = new Set<number>();
  let grows = spans.length === 2;
  const note = (some: Spans): void => {
    for (const point of some) if (point !== Infinity && spansHold(spans, point)) points.add(point);
    if (some.length > 0 && (some.length > 2 || some[1] !== Infinity)) grows = false;
  };
  note(spans);
  for (const node of nodesOf(root)) for (const waiver of waiversOf(node, view)) note(waiver.spans);
  for (const leaf of leavesOf(root))
    if (leaf.kind === 'credits') for (const attempt of attemptsFor(leaf, view, ALL_DAYS)) note(attempt.spans);
    else for (const entry of bucketFor(leaf, view.base)) note(entrySpans(leaf, entry, view, ALL_DAYS));
  return { points: [...points].toSorted((a, b) => a - b), grows };
}

/** The facts behind a choice, all and per leaf, in order of time, then id. */
export function restsOn(uses: readonly Use[]): Pick<Evaluation, 'by' | 'satisfied'> {
  const ordered = [...uses].toSorted((a, b) => compareEntries(a.entry, b.entry));
  const perNode = new Map<Node, string[]>();
  for (const { node, entry } of ordered) {
    const refs = perNode.get(node);
    if (refs) refs.push(entry.ref);
    else perNode.set(node, [entry.ref]);
  }
  return {
    by: [...new Set(ordered.map((use) => use.entry.ref))],
    satisfied: Array.from(perNode, ([node, by]) => ({ requirementId: node.id, by })),
  };
}

/** The unmet nodes nearest to the leaves; a group whose children hold one by one, but not together, is its own. */
export function missingAt(node: Node, view: View, at: number): readonly Missing[] {
  const below: Missing[] = [];
  const visit = (inner: Node): boolean => {
    if (spansHold(nodeSpans(inner, view), at)) return true;
    const before = below.length;
    if (inner.kind === 'group') for (const child of inner.children) visit(child);
    if (below.length === before) below.push({ requirementId: inner.id, requirement: inner.source });
    return false;
  };
  // The whole holds only if facts are counted twice: the node itself is missing.
  if (visit(node)) below.push({ requirementId: node.id, requirement: node.source });
  return below;
}
