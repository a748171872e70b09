// Counting credits: distinct items, areas, caps. All amounts in hundredths of a credit.
import type { CreditsLeaf, Matcher } from './compile.js';
import { hundredths } from './compile.js';
import type { Entry } from './fact-base.js';
import { NEVER, type Spans } from './spans.js';

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

const sameWorth = (a: Attempt, b: Attempt): boolean =>
  a.credits === b.credits && a.area === b.area && a.caps === b.caps;

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

const enough = (leaf: CreditsLeaf, tally: Tally): boolean =>
  tally.areas.size >= leaf.areas && total(leaf, tally) >= leaf.min - 1e-6;

/** Credits after caps: the most that can be counted with no cap exceeded. */
function total(leaf: CreditsLeaf, tally: Tally): number {
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
    ...maxima.map((max, cap) => [...classes.map(([caps]) => ((caps >> cap) & 1) as number), max]),
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

function byKey(attempts: readonly Attempt[]): Map<string, Attempt[]> {
  const groups = new Map<string, Attempt[]>();
  for (const attempt of attempts) {
    const group = groups.get(attempt.key);
    if (group) group.push(attempt);
    else groups.set(attempt.key, [attempt]);
  }
  return groups;
}

/** Do these attempts, each item counted once, make up the credits asked for? */
export function creditsMet(leaf: CreditsLeaf, attempts: readonly Attempt[]): boolean {
  if (leaf.min <= 0) return false;
  const tally = emptyTally();
  const open: Attempt[][] = [];
  for (const group of byKey(attempts).values()) {
    const best = group.filter(
      (a, i) => !group.some((b, j) => i !== j && atLeastAsGood(leaf, b, a) && (!atLeastAsGood(leaf, a, b) || j < i)),
    );
    if (best.length === 1) add(tally, best[0] as Attempt, 1);
    else open.push(best);
  }
  // Attempts at one item that differ in worth: some choice of them must do.
  const choose = (index: number): boolean => {
    const group = open[index];
    if (!group) return enough(leaf, tally);
    for (const attempt of group) {
      add(tally, attempt, 1);
      const met = choose(index + 1);
      add(tally, attempt, -1);
      if (met) return true;
    }
    return false;
  };
  return choose(0);
}

/** When the attempts make up the credits: one sweep over the instants at which one begins or ends to count. */
export function creditSpans(leaf: CreditsLeaf, attempts: readonly Attempt[]): Spans {
  if (leaf.min <= 0 || attempts.length === 0) return NEVER;
  const plain = [...byKey(attempts).values()].every((group) => group.every((a) => sameWorth(a, group[0] as Attempt)));
  const edges: { at: number; attempt: Attempt; sign: 1 | -1 }[] = [];
  for (const attempt of attempts)
    for (let i = 0; i < attempt.spans.length; i += 2) {
      edges.push({ at: attempt.spans[i] as number, attempt, sign: 1 });
      if (attempt.spans[i + 1] !== Infinity) edges.push({ at: attempt.spans[i + 1] as number, attempt, sign: -1 });
    }
  edges.sort((a, b) => a.at - b.at);
  const tally = emptyTally();
  const counts = new Map<string, number>();
  const live = new Map<Attempt, number>();
  const result: number[] = [];
  let met = false;
  for (let i = 0; i < edges.length;) {
    const at = (edges[i] as { at: number }).at;
    for (; i < edges.length && (edges[i] as { at: number }).at === at; i++) {
      const { attempt, sign } = edges[i] as (typeof edges)[number];
      if (!plain) {
        live.set(attempt, (live.get(attempt) ?? 0) + sign);
        continue;
      }
      const before = counts.get(attempt.key) ?? 0;
      counts.set(attempt.key, before + sign);
      if (before === 0 && sign === 1) add(tally, attempt, 1);
      else if (before === 1 && sign === -1) add(tally, attempt, -1);
    }
    const now = plain
      ? enough(leaf, tally)
      : creditsMet(
          leaf,
          attempts.filter((attempt) => (live.get(attempt) ?? 0) > 0),
        );
    if (now !== met) result.push(at);
    met = now;
  }
  if (met) result.push(Infinity);
  return result;
}

/**
 * The attempts that `by` names, of those at hand (oldest first): without the newest, then the next newest, and so on,
 * as long as the rest is enough.
 */
export function leastCredits(leaf: CreditsLeaf, attempts: readonly Attempt[]): readonly Attempt[] | undefined {
  if (!creditsMet(leaf, attempts)) return undefined;
  const kept: Attempt[] = [];
  let rest = attempts;
  while (!creditsMet(leaf, kept)) {
    let low = 1;
    let high = rest.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (creditsMet(leaf, [...rest.slice(0, middle), ...kept])) high = middle;
      else low = middle + 1;
    }
    kept.push(rest[low - 1] as Attempt);
    rest = rest.slice(0, low - 1);
  }
  return kept.reverse();
}

/** Credits counted and what each fact contributes, for explanations: caps trim the later facts first. */
export function creditAmounts(
  leaf: CreditsLeaf,
  attempts: readonly Attempt[],
): { total: number; each: Map<string, number> } {
  const tally = emptyTally();
  const each = new Map<string, number>();
  let before = 0;
  for (const group of byKey(attempts).values()) {
    const best = group.reduce((a, b) => (b.credits > a.credits ? b : a));
    add(tally, best, 1);
    const now = total(leaf, tally);
    each.set(best.entry.ref, (now - before) / 100);
    before = now;
  }
  return { total: before / 100, each };
}
