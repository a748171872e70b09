// A requirement made ready for evaluation: limits read once, inherited by the leaves, conflicts found.
import type { CalendarLength } from './calendar.js';
import { dayNumberOf, parseDuration } from './calendar.js';
import type { Limits, Requirement, Selector } from './types.js';

export type Matcher = {
  readonly keys?: ReadonlySet<string>;
  readonly area?: string;
  readonly level?: number;
  readonly origin?: 'own' | 'external';
};

type Common = {
  readonly id: string;
  readonly source: Requirement;
  readonly within?: CalendarLength;
};
/** Limits of a leaf, its own and those of all nodes above. */
type LeafLimits = {
  readonly notBefore: number;
  readonly notAfter: number;
  readonly maxAges: readonly CalendarLength[];
  readonly minGrade?: number;
  readonly uses?: { readonly n: number; readonly group: string };
};
export type Group = Common & { readonly kind: 'group'; readonly need: number; readonly children: readonly Node[] };
export type SingleLeaf = Common &
  LeafLimits & { readonly kind: 'module' | 'credential' | 'step'; readonly key: string };
export type CreditsLeaf = Common &
  LeafLimits & {
    readonly kind: 'credits';
    /** In hundredths of a credit, so that sums are exact. */
    readonly min: number;
    readonly from: Matcher;
    readonly areas: number;
    readonly caps: readonly { readonly from: Matcher; readonly max: number }[];
  };
export type Leaf = SingleLeaf | CreditsLeaf;
export type Node = Group | Leaf;

export type Compiled = {
  readonly root: Node;
  /** Leaves that may want a fact which another leaf, needed together with them, wants too. */
  readonly contended: ReadonlySet<Leaf>;
};

const cache = new WeakMap<object, Compiled>();

/** Compiles once per requirement object: requirements are immutable. */
export function compile(requirement: Requirement): Compiled {
  if (typeof requirement === 'string') return compileNow(requirement);
  let compiled = cache.get(requirement);
  if (!compiled) {
    compiled = compileNow(requirement);
    cache.set(requirement, compiled);
  }
  return compiled;
}

function compileNow(requirement: Requirement): Compiled {
  const root = build(requirement, '/', { notBefore: -Infinity, notAfter: Infinity, maxAges: [] });
  return { root, contended: contended(root) };
}

/** Id of a node that has none: its place below the root. */
export const childId = (parent: string, index: number): string => (parent === '/' ? `/${index}` : `${parent}/${index}`);

export const hundredths = (credits: number): number => Math.round(credits * 100);

/** The children of a group; none for other nodes. */
export function partsOf(requirement: Requirement): readonly Requirement[] {
  if (typeof requirement === 'string') return [];
  if ('all' in requirement) return requirement.all;
  if ('any' in requirement) return requirement.any;
  return 'of' in requirement ? requirement.of : [];
}

type Inherited = Pick<LeafLimits, 'notBefore' | 'notAfter' | 'maxAges'>;

function build(requirement: Requirement, place: string, above: Inherited): Node {
  if (typeof requirement === 'string')
    return { kind: 'step', id: place, source: requirement, key: requirement, ...above };
  const id = requirement.id ?? place;
  const limits = inherit(requirement, above);
  const within = requirement.within === undefined ? {} : { within: duration(requirement.within) };
  const common: Common = { id, source: requirement, ...within };
  if ('step' in requirement) return { kind: 'step', ...common, ...limits, key: requirement.step };
  if ('credential' in requirement) return { kind: 'credential', ...common, ...limits, key: requirement.credential };
  if ('module' in requirement)
    return { kind: 'module', ...common, ...limits, ...gradeAndUses(requirement), key: requirement.module };
  if ('credits' in requirement) {
    const min = hundredths(requirement.credits);
    return {
      kind: 'credits',
      ...common,
      ...limits,
      ...gradeAndUses(requirement),
      min,
      from: matcherOf(requirement.from),
      areas: requirement.distinct?.min ?? 0,
      caps: (requirement.cap ?? []).map((cap) => ({ from: matcherOf(cap.from), max: capMax(cap.max, min) })),
    };
  }
  const parts = partsOf(requirement);
  const need = 'all' in requirement ? parts.length : 'any' in requirement ? 1 : requirement.atLeast;
  return {
    kind: 'group',
    ...common,
    need,
    children: parts.map((part, index) => build(part, childId(place, index), limits)),
  };
}

function inherit(own: Limits, above: Inherited): Inherited {
  return {
    notBefore: own.notBefore === undefined ? above.notBefore : Math.max(above.notBefore, date(own.notBefore)),
    notAfter: own.notAfter === undefined ? above.notAfter : Math.min(above.notAfter, date(own.notAfter)),
    maxAges: own.maxAge === undefined ? above.maxAges : [...above.maxAges, duration(own.maxAge)],
  };
}

function gradeAndUses(own: {
  readonly minGrade?: number;
  readonly uses?: { readonly n: number; readonly group: string };
}): Pick<LeafLimits, 'minGrade' | 'uses'> {
  return {
    ...(own.minGrade === undefined ? {} : { minGrade: own.minGrade }),
    ...(own.uses === undefined ? {} : { uses: own.uses }),
  };
}

function matcherOf(selector: Selector): Matcher {
  return Array.isArray(selector) ? { keys: new Set(selector as readonly string[]) } : (selector as Matcher);
}

/** A cap in hundredths of a credit; per cent is of the required minimum. */
export function capMax(max: number | `${number}%`, min: number): number {
  return typeof max === 'number' ? hundredths(max) : (min * Number(max.slice(0, -1))) / 100;
}

function date(text: string): number {
  const day = dayNumberOf(text);
  if (day === undefined) throw new RangeError(`"${text}" is not a date such as 2026-03-10`);
  return day;
}

function duration(text: string): CalendarLength {
  const length = parseDuration(text);
  if (!length) throw new RangeError(`"${text}" is not a duration of whole years, months, weeks or days, such as P60D`);
  return length;
}

/**
 * Leaves that may want a fact which another leaf wants too, both being needed: the two lie below different children of
 * a group that needs more than one.
 */
function contended(root: Node): ReadonlySet<Leaf> {
  const hot = new Set<Leaf>();
  /** What is wanted below a node, by whom; `*`: by area, level or origin, so perhaps anything that bears credits. */
  const wanted = (node: Node): Map<string, Leaf[]> => {
    if (node.kind === 'credits') {
      const keys = node.from.keys
        ? [...node.from.keys].flatMap((key) => [`module ${key}`, `credential ${key}`])
        : ['*'];
      return new Map(keys.map((key) => [key, [node]]));
    }
    if (node.kind !== 'group') return new Map([[`${node.kind} ${node.key}`, [node]]]);
    const all = new Map<string, Leaf[]>();
    for (const child of node.children) {
      const below = wanted(child);
      if (node.need > 1) {
        for (const [key, leaves] of below) meet(leaves, all.get(key));
        meet(below.get('*'), countable(all));
        meet(countable(below), all.get('*'));
      }
      for (const [key, leaves] of below) all.set(key, [...(all.get(key) ?? []), ...leaves]);
    }
    return all;
  };
  const countable = (all: ReadonlyMap<string, readonly Leaf[]>): readonly Leaf[] =>
    [...all].flatMap(([key, leaves]) => (key.startsWith('step ') ? [] : leaves));
  const meet = (some: readonly Leaf[] = [], others: readonly Leaf[] = []): void => {
    if (some.length > 0 && others.length > 0) for (const leaf of [...some, ...others]) hot.add(leaf);
  };
  wanted(root);
  return hot;
}

/** All leaves below a node, in order. */
export function leavesOf(node: Node): readonly Leaf[] {
  return node.kind === 'group' ? node.children.flatMap(leavesOf) : [node];
}

/** A node and all below it. */
export function nodesOf(node: Node): readonly Node[] {
  return node.kind === 'group' ? [node, ...node.children.flatMap(nodesOf)] : [node];
}
