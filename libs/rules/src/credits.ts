// Counting credits: distinct items, areas, caps. All amounts in hundredths of a credit.
import type { CreditsLeaf, Matcher } from './compile.js';
import { hundredths } from './compile.js';
import type { Entry } from './fact-base.js';
import type { Spans } from './spans.js';

/** A fact as a credits node counts it. Attempts with one key count once. */
export type Attempt = {
  readonly entry: Entry;
  readonly spans: Spans;
  readonly key: string;
  readonly credits: number;
  readonly area: string | undefined;
  /** Bit i: it falls under the node's i-th cap. */
  readonly caps: number;
};

export const keyOf = (entry: Entry): string =>
  entry.fact.kind === 'completion'
    ? entry.fact.moduleId
    : entry.fact.kind === 'credential'
      ? entry.fact.templateId
      : '';

export function matches(matcher: Matcher, entry: Entry): boolean {
  const fact = entry.fact;
  if (fact.kind !== 'completion' && fact.kind !== 'credential') return false;
  if (matcher.keys && !matcher.keys.has(keyOf(entry))) return false;
  if (matcher.area !== undefined && fact.area !== matcher.area) return false;
  if (matcher.level !== undefined && fact.level !== matcher.level) return false;
  return matcher.origin === undefined || (fact.external === true) === (matcher.origin === 'external');
}

/** Undefined for what bears no credits. */
export function attemptOf(leaf: CreditsLeaf, entry: Entry, spans: Spans): Attempt | undefined {
  const fact = entry.fact;
  if (fact.kind !== 'completion' && fact.kind !== 'credential') return undefined;
  const credits = hundredths(fact.credits ?? 0);
  if (credits <= 0) return undefined;
  let caps = 0;
  leaf.caps.forEach((cap, index) => {
    if (matches(cap.from, entry)) caps |= 1 << index;
  });
  return { entry, spans, key: `${fact.kind} ${keyOf(entry)}`, credits, area: fact.area, caps };
}

/** `a` is at least as good as `b` whatever else is counted. */
const atLeastAsGood = (leaf: CreditsLeaf, a: Attempt, b: Attempt): boolean =>
  a.credits >= b.credits && (leaf.areas === 0 || a.area === b.area || b.area === undefined) && (a.caps & ~b.caps) === 0;

/** A running count; adding and taking away cost the same however much is in. */
type Tally = { plain: number; readonly capped: Map<number, number>; readonly areas: Map<string, number> };

const emptyTally = (): Tally => ({ plain: 0, capped: new Map(), areas: new Map() });

function add(tally: Tally, attempt: Attempt, sign: 1 | -1): void {
  if (attempt.caps === 0) tally.plain += sign * attempt.credits;
  else tally.capped.set(attempt.caps, (tally.capped.get(attempt.caps) ?? 0) + sign * attempt.credits);
  if (attempt.area === undefined) return;
  const count = (tally.areas.get(attempt.area) ?? 0) + sign;
  if (count === 0) tally.areas.delete(attempt.area);
  else tally.areas.set(attempt.area, count);
}

const isEnough = (leaf: CreditsLeaf, tally: Tally): boolean =>
  tally.areas.size >= leaf.areas && total(leaf, tally) >= leaf.min - 1e-6;

/** Credits after caps: the most that can be counted with no cap exceeded. */
function total(leaf: CreditsLeaf, tally: Tally): number {
  if (tally.capped.size === 0) return tally.plain;
  const capped = [...tally.capped].filter(([, sum]) => sum > 0);
  if (capped.every(([caps]) => (caps & (caps - 1)) === 0))
    return capped.reduce(
      (sum, [caps, credits]) => sum + Math.min(credits, (leaf.caps[31 - Math.clz32(caps)] as { max: number }).max),
      tally.plain,
    );
  return (
    tally.plain +
    mostUnderCaps(
      capped,
      leaf.caps.map((cap) => cap.max),
    )
  );
}

/**
 * The largest sum of x with 0 ≤ x_class ≤ its credits and, per cap, the sum over its classes ≤ its maximum:
 * the simplex method with Bland's rule. Only items under several caps at once come here.
 */
export function mostUnderCaps(
  classes: readonly (readonly [caps: number, credits: number])[],
  maxima: readonly number[],
): number {
  const n = classes.length;
  const rows = [
    ...classes.map(([, credits], i) => [...classes.map((_, j) => (i === j ? 1 : 0)), credits]),
    ...maxima.map((max, cap) => [...classes.map(([caps]) => (caps >> cap) & 1), max]),
  ];
  // Tableau in dictionary form: basic variables (rows) in terms of the n non-basic ones, which stand at 0.
  const m = rows.length;
  const table = rows.map((row) => row.slice());
  const objective = [...classes.map(() => 1), 0];
  const columns = classes.map((_, j) => j);
  const basis = rows.map((_, i) => n + i);
  for (;;) {
    let enter = -1;
    for (let j = 0; j < n; j++)
      if ((objective[j] as number) > 1e-9 && (enter < 0 || (columns[j] as number) < (columns[enter] as number)))
        enter = j;
    if (enter < 0) return objective[n] as number;
    let leave = -1;
    let ratio = Infinity;
    for (let i = 0; i < m; i++) {
      const row = table[i] as number[];
      if ((row[enter] as number) <= 1e-9) continue;
      const bound = (row[n] as number) / (row[enter] as number);
      if (bound < ratio - 1e-9 || (bound < ratio + 1e-9 && (basis[i] as number) < (basis[leave] as number))) {
        ratio = bound;
        leave = i;
      }
    }
    const pivotRow = table[leave] as number[];
    const pivot = pivotRow[enter] as number;
    for (let j = 0; j <= n; j++) pivotRow[j] = (j === enter ? 1 : (pivotRow[j] as number)) / pivot;
    for (const row of [...table, objective]) {
      if (row === pivotRow) continue;
      const factor = row[enter] as number;
      const sign = row === objective ? -1 : 1;
      for (let j = 0; j < n; j++) row[j] = (j === enter ? 0 : (row[j] as number)) - factor * (pivotRow[j] as number);
      row[n] = (row[n] as number) - sign * factor * (pivotRow[n] as number);
    }
    const left = basis[leave] as number;
    basis[leave] = columns[enter] as number;
    columns[enter] = left;
  }
}

/** Choices among attempts at one item that differ in worth are tried up to here; more than that is not met. */
const CHOICES = 20_000;

/** Counts attempts, each item once. Adding and taking away cost the same however many are in. */
export type Counter = {
  readonly change: (attempt: Attempt, sign: 1 | -1) => void;
  readonly enough: () => boolean;
  /** How far it has come; where attempts at one item differ, by the one with the most credits. */
  readonly progress: () => { readonly credits: number; readonly areas: number };
};

export function counterOf(leaf: CreditsLeaf): Counter {
  const tally = emptyTally();
  const items = new Map<string, Attempt[]>();
  /** Items of which more than one attempt may be the one to count. */
  const open = new Map<string, readonly Attempt[]>();

  const settle = (key: string, attempts: readonly Attempt[], sign: 1 | -1): void => {
    const best =
      attempts.length < 2
        ? attempts
        : attempts.filter(
            (a, i) =>
              !attempts.some((b, j) => i !== j && atLeastAsGood(leaf, b, a) && (!atLeastAsGood(leaf, a, b) || j < i)),
          );
    if (best.length === 1) add(tally, best[0] as Attempt, sign);
    else if (sign === 1 && best.length > 1) open.set(key, best);
    else open.delete(key);
  };

  const change: Counter['change'] = (attempt, sign) => {
    const attempts = items.get(attempt.key);
    if (!attempts) {
      items.set(attempt.key, [attempt]);
      add(tally, attempt, 1);
      return;
    }
    settle(attempt.key, attempts, -1);
    if (sign === 1) attempts.push(attempt);
    else attempts.splice(attempts.indexOf(attempt), 1);
    settle(attempt.key, attempts, 1);
  };

  const enough: Counter['enough'] = () => {
    if (leaf.min <= 0) return false;
    if (open.size === 0) return isEnough(leaf, tally);
    const choices = [...open.values()].map((attempts) => attempts.toSorted((a, b) => b.credits - a.credits));
    const atMost = choices.map((_, i) => choices.slice(i).reduce((sum, [most]) => sum + (most as Attempt).credits, 0));
    let steps = 0;
    const choose = (index: number): boolean => {
      const attempts = choices[index];
      if (!attempts) return isEnough(leaf, tally);
      if (++steps > CHOICES || total(leaf, tally) + (atMost[index] as number) < leaf.min) return false;
      return attempts.some((attempt) => {
        add(tally, attempt, 1);
        const met = choose(index + 1);
        add(tally, attempt, -1);
        return met;
      });
    };
    return choose(0);
  };
  const progress: Counter['progress'] = () => {
    const most = Array.from(open.values(), (attempts) => attempts.reduce((a, b) => (b.credits > a.credits ? b : a)));
    for (const attempt of most) add(tally, attempt, 1);
    const result = { credits: total(leaf, tally), areas: tally.areas.size };
    for (const attempt of most) add(tally, attempt, -1);
    return result;
  };
  return { change, enough, progress };
}

/** Do these attempts, each item counted once, make up the credits asked for? */
export function creditsMet(leaf: CreditsLeaf, attempts: readonly Attempt[]): boolean {
  const counter = counterOf(leaf);
  for (const attempt of attempts) counter.change(attempt, 1);
  return counter.enough();
}

/** When the attempts make up the credits: one sweep over the instants at which one begins or ends to count. */
export function creditSpans(leaf: CreditsLeaf, attempts: readonly Attempt[]): Spans {
  const edges: { at: number; attempt: Attempt; sign: 1 | -1 }[] = [];
  for (const attempt of attempts)
    for (let i = 0; i < attempt.spans.length; i += 2) {
      edges.push({ at: attempt.spans[i] as number, attempt, sign: 1 });
      if (attempt.spans[i + 1] !== Infinity) edges.push({ at: attempt.spans[i + 1] as number, attempt, sign: -1 });
    }
  edges.sort((a, b) => a.at - b.at);
  const counter = counterOf(leaf);
  const result: number[] = [];
  let met = false;
  for (let i = 0; i < edges.length;) {
    const at = (edges[i] as { at: number }).at;
    for (; i < edges.length && (edges[i] as { at: number }).at === at; i++) {
      const { attempt, sign } = edges[i] as (typeof edges)[number];
      counter.change(attempt, sign);
    }
    if (counter.enough() !== met) {
      result.push(at);
      met = !met;
    }
  }
  if (met) result.push(Infinity);
  return result;
}

/**
 * The attempts that `by` names, of those at hand (oldest first): without the newest, then the next newest, and so on,
 * as long as the rest is enough.
 */
export function leastCredits(leaf: CreditsLeaf, attempts: readonly Attempt[]): readonly Attempt[] | undefined {
  const counter = counterOf(leaf);
  for (const attempt of attempts) counter.change(attempt, 1);
  if (!counter.enough()) return undefined;
  const kept: Attempt[] = [];
  for (const attempt of attempts.toReversed()) {
    counter.change(attempt, -1);
    if (counter.enough()) continue;
    counter.change(attempt, 1);
    kept.push(attempt);
  }
  return kept.toReversed();
}

/** Credits counted in all and by each fact (oldest first, so caps trim the later ones), in hundredths. */
export function creditAmounts(
  leaf: CreditsLeaf,
  attempts: readonly Attempt[],
): { readonly total: number; readonly each: ReadonlyMap<Entry, number> } {
  const tally = emptyTally();
  const each = new Map<Entry, number>();
  let before = 0;
  for (const group of Map.groupBy(attempts, ({ key }) => key).values()) {
    const best = group.reduce((a, b) => (b.credits > a.credits ? b : a));
    add(tally, best, 1);
    const now = total(leaf, tally);
    each.set(best.entry, now - before);
    before = now;
  }
  return { total: before, each };
}
