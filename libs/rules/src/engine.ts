// When a compiled requirement holds, and by which facts. Facts shared between nodes are left to `exact.ts`.
import type { Instant } from '@cairn/kernel';
import { addToDayNumber, localDayNumber, startOfDayNumber } from './calendar.js';
import { leavesOf, type CreditsLeaf, type Leaf, type Node, type SingleLeaf } from './compile.js';
import { attemptOf, creditSpans, leastCredits, matches, type Attempt } from './credits.js';
import {
  bearersOf,
  bucketOf,
  compareEntries,
  creditBearers,
  spansBeginning,
  type Entry,
  type FactBase,
} from './fact-base.js';
import { clip, inAtLeast, NEVER, spansHold, unionOf, type Spans } from './spans.js';
import type { EvaluationContext } from './types.js';

/** The facts as a tree may see them. */
export type View = {
  readonly base: FactBase;
  readonly zone: string;
  /** Only what begins in `[windowFrom, windowUntil)` counts. */
  readonly windowFrom: number;
  readonly windowUntil: number;
  readonly used: NonNullable<EvaluationContext['used']>;
  /** Order `gate`: nothing counts earlier; Infinity: nothing counts. */
  readonly gate: number;
  /** Order `enforced`: only what begins in these spans counts. */
  readonly allowed?: Spans;
  /** Facts left out; the second: left out where a `uses` limit bears on them. */
  readonly without?: ReadonlySet<Entry>;
  readonly withoutLimited?: ReadonlySet<Entry>;
  /** What was worked out over all days already; never shared by views that see different facts. */
  readonly known: Known | undefined;
};
type Known = { readonly spans: Map<Node, Spans>; readonly attempts: Map<CreditsLeaf, readonly Attempt[]> };

/** A fact in its role: what one leaf (or waived node) takes it for. */
export type Use = { readonly entry: Entry; readonly node: Node; readonly limited: boolean };

/** Local days that count, narrowed by each `within` on the way down. */
export type Days = { readonly low: number; readonly high: number };
export const ALL_DAYS: Days = { low: -Infinity, high: Infinity };
const NO_DAYS: Days = { low: Infinity, high: -Infinity };
const NOTHING_USED: View['used'] = new Map();

export function viewOf(base: FactBase, context: EvaluationContext): View {
  return {
    base,
    zone: context.zone,
    windowFrom: context.window ? Date.parse(context.window.from) : -Infinity,
    windowUntil: context.window?.until === undefined ? Infinity : Date.parse(context.window.until),
    used: context.used ?? NOTHING_USED,
    gate: -Infinity,
    known: { spans: new Map(), attempts: new Map() },
  };
}

export const spansOfInterval = (interval: { readonly from: Instant; readonly until?: Instant }): Spans => {
  const from = Date.parse(interval.from);
  const until = interval.until === undefined ? Infinity : Date.parse(interval.until);
  return from < until ? [from, until] : NEVER;
};

/** When an entry counts for the view, whatever asks for it. */
function seen(entry: Entry, view: View): Spans {
  if (entry.spans.length === 0 || view.without?.has(entry)) return NEVER;
  const { windowFrom, windowUntil, allowed, gate } = view;
  const spans =
    windowFrom > -Infinity || windowUntil < Infinity || allowed
      ? spansBeginning(
          entry,
          (from) => from >= windowFrom && from < windowUntil && (!allowed || spansHold(allowed, from)),
        )
      : entry.spans;
  return gate > -Infinity ? clip(spans, gate, Infinity) : spans;
}

/** When an entry counts for a leaf. */
export function entrySpans(leaf: Leaf, entry: Entry, view: View, days: Days): Spans {
  const { minGrade, uses, maxAges } = leaf;
  const fact = entry.fact;
  if (minGrade !== undefined && !(fact.kind === 'completion' && fact.grade !== undefined && fact.grade >= minGrade))
    return NEVER;
  if (uses && fact.kind === 'completion' && (view.used.get(uses.group)?.get(fact.moduleId) ?? 0) >= uses.n)
    return NEVER;
  let spans = seen(entry, view);
  if (spans.length === 0 || (uses && view.withoutLimited?.has(entry))) return NEVER;
  const low = Math.max(days.low, leaf.notBefore);
  const high = Math.min(days.high, leaf.notAfter);
  if (low === -Infinity && high === Infinity && maxAges.length === 0) return spans;
  const day = localDayNumber(entry.own, view.zone);
  if (day < low || day > high) return NEVER;
  for (const age of maxAges) spans = clip(spans, -Infinity, startOfDayNumber(addToDayNumber(day, age), view.zone));
  return spans;
}

const INDEX = { module: 'completions', credential: 'credentials', step: 'steps' } as const;

export const bucketFor = (leaf: SingleLeaf, base: FactBase): readonly Entry[] =>
  bucketOf(base, INDEX[leaf.kind], leaf.key);

function singleSpans(leaf: SingleLeaf, view: View, days: Days): Spans {
  const sets: Spans[] = [];
  for (const entry of bucketFor(leaf, view.base)) {
    const spans = entrySpans(leaf, entry, view, days);
    if (spans.length === 0) continue;
    sets.push(spans);
    if (spans[1] === Infinity && (spans[0] as number) <= Math.max(entry.from, view.gate)) break; // later ones add nothing
  }
  return unionOf(sets);
}

/** The facts that a credits node may count, oldest first. */
export function attemptsFor(leaf: CreditsLeaf, view: View, days: Days): readonly Attempt[] {
  const known = days === ALL_DAYS ? view.known?.attempts : undefined;
  let attempts = known?.get(leaf);
  if (!attempts) {
    attempts = findAttempts(leaf, view, days);
    known?.set(leaf, attempts);
  }
  return attempts;
}

function findAttempts(leaf: CreditsLeaf, view: View, days: Days): readonly Attempt[] {
  const attempts: Attempt[] = [];
  for (const entry of leaf.from.keys ? bearersOf(view.base, leaf.from.keys) : creditBearers(view.base)) {
    if (!matches(leaf.from, entry)) continue;
    const spans = entrySpans(leaf, entry, view, days);
    if (spans.length === 0) continue;
    const attempt = attemptOf(leaf, entry, spans);
    if (attempt) attempts.push(attempt);
  }
  return attempts.toSorted((a, b) => compareEntries(a.entry, b.entry));
}

/** Whatever may bear credits for a node, oldest first. */
export const bearersFor = (leaf: CreditsLeaf, base: FactBase): readonly Entry[] =>
  [...(leaf.from.keys ? bearersOf(base, leaf.from.keys) : creditBearers(base))].toSorted(compareEntries);

/** Waivers that name the node, oldest first, with when they count. */
export function waiversOf(node: Node, view: View): readonly { entry: Entry; spans: Spans }[] {
  if (view.base.waivers.size === 0) return [];
  return bucketOf(view.base, 'waivers', node.id).map((entry) => ({ entry, spans: seen(entry, view) }));
}

/** The spans of days to try for a node's `within`: one from each day on which something below it is dated. */
export function windowsOf(node: Node, view: View, days: Days): readonly Days[] {
  const length = node.within;
  if (!length) return [days];
  const dated = new Set<number>();
  for (const leaf of leavesOf(node)) {
    if (leaf.kind === 'credits')
      for (const { entry } of attemptsFor(leaf, view, days)) dated.add(localDayNumber(entry.own, view.zone));
    else
      for (const entry of bucketFor(leaf, view.base))
        if (entrySpans(leaf, entry, view, days).length > 0) dated.add(localDayNumber(entry.own, view.zone));
  }
  if (dated.size === 0) return [NO_DAYS];
  return [...dated]
    .toSorted((a, b) => a - b)
    .map((day) => ({ low: Math.max(days.low, day), high: Math.min(days.high, addToDayNumber(day, length)) }));
}

/** When a node holds; facts that two nodes would share are counted for both. */
export function nodeSpans(node: Node, view: View, days: Days = ALL_DAYS): Spans {
  const known = days === ALL_DAYS && node.kind !== 'module' ? view.known?.spans : undefined;
  let spans = known?.get(node);
  if (!spans) {
    spans = findSpans(node, view, days);
    known?.set(node, spans);
  }
  return spans;
}

function findSpans(node: Node, view: View, days: Days): Spans {
  const own = node.within
    ? unionOf(windowsOf(node, view, days).map((window) => coreSpans(node, view, window)))
    : coreSpans(node, view, days);
  const waivers = waiversOf(node, view);
  return waivers.length === 0 ? own : unionOf([own, ...waivers.map((waiver) => waiver.spans)]);
}

function coreSpans(node: Node, view: View, days: Days): Spans {
  if (node.kind === 'credits') return creditSpans(node, attemptsFor(node, view, days));
  if (node.kind !== 'group') return singleSpans(node, view, days);
  if (node.need < 1) return NEVER; // an empty node must not fire at once
  const sets: Spans[] = [];
  let left = node.children.length;
  for (const child of node.children) {
    const spans = nodeSpans(child, view, days);
    left--;
    if (spans.length > 0) sets.push(spans);
    if (sets.length + left < node.need) return NEVER;
  }
  return inAtLeast(node.need, sets);
}

/** Facts with a `uses` limit last; then older, then lower ids first. */
export function compareUses(a: Use, b: Use): number {
  if (a.limited !== b.limited) return a.limited ? 1 : -1;
  return compareEntries(a.entry, b.entry);
}

/** Of two choices the better one lacks the worst fact that is not in both. Both are sorted, worst fact first. */
function compareChoices(a: readonly Use[], b: readonly Use[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compareUses(a[i] as Use, b[i] as Use);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** The best choice of facts by which a node holds at an instant, worst fact first; undefined if it does not hold. */
export function choose(node: Node, at: number, view: View, days: Days = ALL_DAYS): readonly Use[] | undefined {
  if (days === ALL_DAYS && view.known && !spansHold(nodeSpans(node, view, days), at)) return undefined;
  let best: readonly Use[] | undefined;
  const offer = (choice: readonly Use[] | undefined): void => {
    if (choice && (!best || compareChoices(choice, best) < 0)) best = choice;
  };
  const waiver = waiversOf(node, view).find(({ spans }) => spansHold(spans, at));
  if (waiver) offer([{ entry: waiver.entry, node, limited: false }]);
  if (node.within) for (const window of windowsOf(node, view, days)) offer(chooseCore(node, at, view, window));
  else offer(chooseCore(node, at, view, days));
  return best;
}

function chooseCore(node: Node, at: number, view: View, days: Days): readonly Use[] | undefined {
  if (node.kind === 'credits') {
    const chosen = leastCredits(node, attemptsAt(node, at, view, days));
    return chosen
      ?.map(({ entry }) => useOf(node, entry))
      .toSorted(compareUses)
      .toReversed();
  }
  if (node.kind !== 'group') {
    const entry = bucketFor(node, view.base).find((candidate) =>
      spansHold(entrySpans(node, candidate, view, days), at),
    );
    return entry && [useOf(node, entry)];
  }
  if (node.need < 1) return undefined;
  const choices: (readonly Use[])[] = [];
  for (const child of node.children) {
    const choice = choose(child, at, view, days);
    if (choice) choices.push(choice);
    else if (node.need === node.children.length) return undefined;
  }
  if (choices.length < node.need) return undefined;
  const taken = choices.length === node.need ? choices : choices.toSorted(compareChoices).slice(0, node.need);
  if (taken.length === 1) return taken[0];
  return taken.flat().toSorted(compareUses).toReversed();
}

export const useOf = (leaf: Leaf, entry: Entry): Use => ({ entry, node: leaf, limited: leaf.uses !== undefined });

export const attemptsAt = (leaf: CreditsLeaf, at: number, view: View, days: Days): readonly Attempt[] =>
  attemptsFor(leaf, view, days).filter(({ spans }) => spansHold(spans, at));
