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
  /** Some fact may serve two nodes that are needed together. */
  readonly tangled: boolean;
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
  return { root, tangled: keysOf(root).tangled };
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

type Keys = { readonly named: Set<string>; readonly everything: boolean; readonly tangled: boolean };

/** What facts a node looks at, and whether two nodes needed together look at the same ones. */
function keysOf(node: Node): Keys {
  if (node.kind === 'credits') {
    const named = new Set<string>();
    for (const key of node.from.keys ?? []) named.add(`module ${key}`).add(`credential ${key}`);
    return { named, everything: node.from.keys === undefined, tangled: false };
  }
  if (node.kind !== 'group') return { named: new Set([`${node.kind} ${node.key}`]), everything: false, tangled: false };
  const named = new Set<string>();
  let everything = false;
  let countable = false;
  let tangled = false;
  for (const child of node.children) {
    const keys = keysOf(child);
    const childCounts = [...keys.named].some((key) => !key.startsWith('step '));
    const meets =
      [...keys.named].some((key) => named.has(key)) ||
      (everything && (childCounts || keys.everything)) ||
      (keys.everything && countable);
    tangled ||= keys.tangled || (meets && node.need > 1);
    everything ||= keys.everything;
    countable ||= childCounts;
    for (const key of keys.named) named.add(key);
  }
  return { named, everything, tangled };
}

/** All leaves below a node, in order. */
export function leavesOf(node: Node): readonly Leaf[] {
  return node.kind === 'group' ? node.children.flatMap(leavesOf) : [node];
}

/** A node and all below it. */
export function nodesOf(node: Node): readonly Node[] {
  return node.kind === 'group' ? [node, ...node.children.flatMap(nodesOf)] : [node];
}
