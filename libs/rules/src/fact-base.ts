// Facts, indexed by what a rule asks for. Immutable: a version with one fact more or less shares the rest.
import type { Fact } from './types.js';
import { EMPTY_MAP, mapGet, mapOf, mapSet, mapValues, type PersistentMap } from './persistent-map.js';
import { alwaysFrom, NEVER, unionOf, type Spans } from './spans.js';

/** A fact with its times as numbers (ms). */
export type Entry = {
  readonly fact: Fact;
  readonly ref: string;
  /** When it begins to count; Infinity for a revoked credential, which never does. */
  readonly from: number;
  /** The fact's own date: ageing, `within` and calendar windows look at it. */
  readonly own: number;
  /** When it counts, limits apart. */
  readonly spans: Spans;
  /** The terms of a credential one by one, for what asks when a term begins; they may touch or overlap. */
  readonly terms?: readonly Spans[];
};

/** All attempts at one module, or all credentials of one template, oldest first. */
type Bucket = readonly Entry[];

/** An immutable, indexed set of facts. Make one with {@link factBase}. */
export type FactBase = {
  readonly byRef: PersistentMap<Entry>;
  readonly completions: PersistentMap<Bucket>;
  readonly credentials: PersistentMap<Bucket>;
  readonly steps: PersistentMap<Bucket>;
  readonly waivers: PersistentMap<Bucket>;
};
type Index = Exclude<keyof FactBase, 'byRef'>;

export const NO_FACTS: FactBase = {
  byRef: EMPTY_MAP,
  completions: EMPTY_MAP,
  credentials: EMPTY_MAP,
  steps: EMPTY_MAP,
  waivers: EMPTY_MAP,
};
const NONE: Bucket = [];

/** Older first; of one instant the lower id first. */
export function compareEntries(a: Entry, b: Entry): number {
  if (a.from !== b.from) return a.from < b.from ? -1 : 1;
  return a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : 0;
}

function entryFor(fact: Fact): Entry {
  if (fact.kind !== 'credential') {
    const from = Date.parse(fact.at);
    const own = fact.kind === 'completion' && fact.achievedAt !== undefined ? Date.parse(fact.achievedAt) : from;
    return { fact, ref: fact.ref, from, own, spans: alwaysFrom(from) };
  }
  const terms = fact.valid.map((term): Spans => {
    const start = Date.parse(term.from);
    const end = term.until === undefined ? Infinity : Date.parse(term.until);
    return start < end ? [start, end] : NEVER;
  });
  const spans = unionOf(terms);
  const from = spans[0] ?? Infinity;
  const own = fact.achievedAt === undefined ? from : Date.parse(fact.achievedAt);
  return { fact, ref: fact.ref, from, own, spans, ...(terms.length > 1 ? { terms } : {}) };
}

/** When an entry counts if only those of its terms do that begin as the test wants. */
export function spansBeginning(entry: Entry, test: (from: number) => boolean): Spans {
  const passes = (term: Spans): boolean => term.length > 0 && test(term[0] as number);
  if (!entry.terms) return passes(entry.spans) ? entry.spans : NEVER;
  return unionOf(entry.terms.filter(passes));
}

function placeOf(fact: Fact): { index: Index; key: string } {
  switch (fact.kind) {
    case 'completion':
      return { index: 'completions', key: fact.moduleId };
    case 'credential':
      return { index: 'credentials', key: fact.templateId };
    case 'step':
      return { index: 'steps', key: fact.stepId };
    case 'waiver':
      return { index: 'waivers', key: fact.requirementId };
  }
}

/** Indexes facts once. Of two facts with one `ref` the later in the list stands. */
export function factBase(facts: readonly Fact[]): FactBase {
  const byRef = new Map<string, Entry>();
  for (const fact of facts) byRef.set(fact.ref, entryFor(fact));
  const indexes = {
    completions: new Map<string, Entry[]>(),
    credentials: new Map<string, Entry[]>(),
    steps: new Map<string, Entry[]>(),
    waivers: new Map<string, Entry[]>(),
  };
  for (const entry of byRef.values()) {
    const { index, key } = placeOf(entry.fact);
    const bucket = indexes[index].get(key);
    if (bucket) bucket.push(entry);
    else indexes[index].set(key, [entry]);
  }
  for (const index of Object.values(indexes)) for (const bucket of index.values()) bucket.sort(compareEntries);
  return {
    byRef: mapOf(byRef),
    completions: mapOf(indexes.completions),
    credentials: mapOf(indexes.credentials),
    steps: mapOf(indexes.steps),
    waivers: mapOf(indexes.waivers),
  };
}

/** A base with one fact more; a fact of the same `ref` is replaced. Costs no more on a long history. */
export function addFact(base: FactBase, fact: Fact): FactBase {
  const without = removeFact(base, fact.ref);
  const entry = entryFor(fact);
  const { index, key } = placeOf(fact);
  const bucket = mapGet(without[index], key) ?? NONE;
  let place = bucket.length;
  while (place > 0 && compareEntries(entry, bucket[place - 1] as Entry) < 0) place--;
  return {
    ...without,
    byRef: mapSet(without.byRef, fact.ref, entry),
    [index]: mapSet(without[index], key, bucket.toSpliced(place, 0, entry)),
  };
}

/** A base without the fact of that `ref`; the same base if it has none. */
export function removeFact(base: FactBase, ref: string): FactBase {
  const entry = mapGet(base.byRef, ref);
  if (!entry) return base;
  const { index, key } = placeOf(entry.fact);
  const bucket = (mapGet(base[index], key) ?? NONE).filter((other) => other !== entry);
  return {
    ...base,
    byRef: mapSet(base.byRef, ref, undefined),
    [index]: mapSet(base[index], key, bucket.length > 0 ? bucket : undefined),
  };
}

/** The fact of that `ref`, if the base has it. */
export function factOf(base: FactBase, ref: string): Fact | undefined {
  return mapGet(base.byRef, ref)?.fact;
}

export const entryOf = (base: FactBase, ref: string): Entry | undefined => mapGet(base.byRef, ref);

/** All facts of a base, in no particular order. */
export function factsOf(base: FactBase): readonly Fact[] {
  return Array.from(mapValues(base.byRef), (entry) => entry.fact);
}

export const bucketOf = (base: FactBase, index: Index, key: string): Bucket => mapGet(base[index], key) ?? NONE;

/** What may bear credits of the named modules and templates. */
export function* bearersOf(base: FactBase, keys: ReadonlySet<string>): Iterable<Entry> {
  for (const key of keys) {
    yield* bucketOf(base, 'completions', key);
    yield* bucketOf(base, 'credentials', key);
  }
}

/** Everything that may bear credits. */
export function* creditBearers(base: FactBase): Iterable<Entry> {
  for (const bucket of mapValues(base.completions)) yield* bucket;
  for (const bucket of mapValues(base.credentials)) yield* bucket;
}

export const baseOf = (facts: FactBase | readonly Fact[]): FactBase =>
  Array.isArray(facts) ? factBase(facts) : (facts as FactBase);
