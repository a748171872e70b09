// Sets of instants as flat lists of half-open spans: [from0, until0, from1, until1, …] in ms, sorted, apart.

export type Spans = readonly number[];

export const NEVER: Spans = [];
export const alwaysFrom = (from: number): Spans => [from, Infinity];

const isRay = (spans: Spans): boolean => spans.length === 2 && spans[1] === Infinity;

export function spansHold(spans: Spans, at: number): boolean {
  for (let i = 0; i < spans.length && (spans[i] as number) <= at; i += 2)
    if (at < (spans[i + 1] as number)) return true;
  return false;
}

/** The instants that lie in at least `n` of the sets. */
export function inAtLeast(n: number, sets: readonly Spans[]): Spans {
  if (n <= 0) return alwaysFrom(-Infinity);
  if (n > sets.length) return NEVER;
  if (sets.length === 1) return sets[0] as Spans;
  if (sets.every(isRay)) {
    const starts = sets.map((spans) => spans[0] as number);
    return alwaysFrom(n === 1 ? Math.min(...starts) : (starts.toSorted((a, b) => a - b)[n - 1] as number));
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

export function unionOf(sets: readonly Spans[]): Spans {
  const filled = sets.filter((spans) => spans.length > 0);
  return filled.length <= 1 ? (filled[0] ?? NEVER) : inAtLeast(1, filled);
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
