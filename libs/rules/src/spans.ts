// Sets of instants as flat lists of half-open spans: [from0, until0, from1, until1, …] in ms, sorted, apart.

export type Spans = readonly number[];

export const NEVER: Spans = [];
export const ALWAYS_FROM = (from: number): Spans => [from, Infinity];

const isRay = (spans: Spans): boolean => spans.length === 2 && spans[1] === Infinity;

export function spansHold(spans: Spans, at: number): boolean {
  for (let i = 0; i < spans.length && (spans[i] as number) <= at; i += 2)
    if (at < (spans[i + 1] as number)) return true;
  return false;
}

/** The instants that lie in at least `n` of the sets. */
export function inAtLeast(n: number, sets: readonly Spans[]): Spans {
  if (n <= 0) return ALWAYS_FROM(-Infinity);
  if (n > sets.length) return NEVER;
  if (sets.length === 1) return sets[0] as Spans;
  if (sets.every(isRay)) {
    const starts = sets.map((spans) => spans[0] as number);
    return ALWAYS_FROM(n === 1 ? Math.min(...starts) : (starts.sort((a, b) => a - b)[n - 1] as number));
  }
  const edges: (readonly [at: number, change: 1 | -1])[] = [];
  for (const spans of sets)
    for (let i = 0; i < spans.length; i += 2) {
      edges.push([spans[i] as number, 1]);
      if (spans[i + 1] !== Infinity) edges.push([spans[i + 1] as number, -1]);
    }
  edges.sort((a, b) => a[0] - b[0]);
  const result: number[] = [];
  let count = 0;
  for (let i = 0; i < edges.length;) {
    const at = (edges[i] as readonly [number, number])[0];
    const before = count;
    for (; i < edges.length && (edges[i] as readonly [number, number])[0] === at; i++)
      count += (edges[i] as readonly [number, number])[1];
    if (before >= n !== count >= n) result.push(at);
  }
  if (result.length % 2 === 1) result.push(Infinity);
  return result;
}

/** Union; `join` = false keeps spans apart that only touch (a renewed term begins where the old one ends). */
export function unionOf(sets: readonly Spans[], join = true): Spans {
  const filled = sets.filter((spans) => spans.length > 0);
  if (filled.length <= 1) return filled[0] ?? NEVER;
  if (join) return inAtLeast(1, filled);
  const pairs: [number, number][] = [];
  for (const spans of filled)
    for (let i = 0; i < spans.length; i += 2) pairs.push([spans[i] as number, spans[i + 1] as number]);
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const result: number[] = [];
  for (const [from, until] of pairs) {
    const last = result.length - 1;
    if (last < 0 || from >= (result[last] as number)) result.push(from, until);
    else if (until > (result[last] as number)) result[last] = until;
  }
  return result;
}

/** The part of the spans in `[from, until)`; what began earlier begins at `from`. */
export function clip(spans: Spans, from: number, until: number): Spans {
  if (spans.length === 0 || ((spans[0] as number) >= from && (spans.at(-1) as number) <= until)) return spans;
  const result: number[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const start = Math.max(spans[i] as number, from);
    const end = Math.min(spans[i + 1] as number, until);
    if (start < end) result.push(start, end);
  }
  return result;
}

/** The whole spans whose beginning passes the test. */
export function beginning(spans: Spans, test: (from: number) => boolean): Spans {
  const result: number[] = [];
  for (let i = 0; i < spans.length; i += 2)
    if (test(spans[i] as number)) result.push(spans[i] as number, spans[i + 1] as number);
  return result;
}

/** The first instant that lies in all the sets, no later than `until`. */
export function firstInAll(sets: readonly Spans[], until: number): number | undefined {
  const first = inAtLeast(sets.length, sets)[0];
  return first !== undefined && first <= until ? first : undefined;
}
