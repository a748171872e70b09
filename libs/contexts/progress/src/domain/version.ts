// A published pathway version made ready for decisions: which facts can affect which steps and awards, and in which
// order steps are decided. Made once per version: versions never change.
import type { PublishedPathway } from '@cairn/contexts/catalog';
import type { ModuleId, PathwayId, TemplateId } from '@cairn/kernel';
import {
  stepsShownBefore,
  withRequirementIds,
  type Award,
  type EntryPoint,
  type PathwayRules,
  type Requirement,
  type Selector,
  type Step,
  type StepId,
} from '@cairn/rules';

/** Place of a step or award in the order of decisions: steps before the steps and awards that build on them. */
export type Target = number;

/** What a fact carries that a selector may ask for. */
export type Carried = {
  readonly key: ModuleId | TemplateId;
  readonly area?: string;
  readonly level?: number;
  readonly external?: boolean;
};

/** The order of showing steps, as it is where one entered. */
export type Course = {
  /** Steps reached by joining. */
  readonly first: readonly StepId[];
  readonly before: ReadonlyMap<StepId, readonly StepId[]>;
  readonly next: ReadonlyMap<StepId, readonly StepId[]>;
};

export type Version = {
  readonly published: PublishedPathway;
  /** With an id at every requirement. */
  readonly rules: PathwayRules;
  readonly steps: readonly Step[];
  readonly awards: readonly Award[];
  /** All targets, in order. */
  readonly all: readonly Target[];
  /** Steps and awards whose own tree looks at what the fact carries, or whose order looks at the credential. */
  readonly affectedBy: (carried: Carried) => readonly Target[];
  /** Does any rule look at the module? */
  readonly looksAt: (carried: Carried) => boolean;
  /** Steps and awards whose tree, or order, looks at a step. */
  readonly buildingOn: ReadonlyMap<StepId, readonly Target[]>;
  /** Steps and awards whose own tree looks at it; order apart. */
  readonly lookingAt: (carried: Carried) => readonly Target[];
  readonly awardsOf: ReadonlyMap<TemplateId, readonly Target[]>;
  /** Awards whose tree names their own template, itself or through steps: holding it meets them, and issues nothing. */
  readonly namingThemselves: ReadonlySet<Target>;
  /** Steps that an award names, and those that these name. */
  readonly stepsBehind: (award: Award) => readonly Step[];
  /** Awards that a step stands behind: a further occurrence counts steps by their trees. */
  readonly awardsThrough: ReadonlyMap<Target, readonly Target[]>;
  /** Templates of the step awards of steps that must be in force before a step; none unless its order is `enforced`. */
  readonly enforcedBefore: (step: Step, entryPoint: string) => readonly TemplateId[];
  readonly course: (entryPoint: string) => Course;
  readonly entryPoint: (id: string) => EntryPoint | undefined;
  /** Every requirement id and whose tree it is in; none for what an entry point recognises. */
  readonly ownerOf: ReadonlyMap<string, Target | undefined>;
  /** Requirements with a `uses` limit: their group. */
  readonly groupOf: ReadonlyMap<string, string>;
  /** Groups of the limits in a target's own tree. */
  readonly groups: ReadonlyMap<Target, readonly string[]>;
};

export const versionKey = (pathwayId: PathwayId, version: number): string => `${pathwayId}@${version}`;

const cache = new WeakMap<PublishedPathway, Version>();

export function versionOf(published: PublishedPathway): Version {
  let version = cache.get(published);
  if (!version) {
    version = build(published);
    cache.set(published, version);
  }
  return version;
}

/** The nodes of a requirement, parents first. Bare steps have become objects with an id. */
export function nodesOf(requirement: Requirement): readonly Exclude<Requirement, string>[] {
  if (typeof requirement === 'string') return [];
  const parts =
    'all' in requirement
      ? requirement.all
      : 'any' in requirement
        ? requirement.any
        : 'of' in requirement
          ? requirement.of
          : [];
  return [requirement, ...parts.flatMap(nodesOf)];
}

type Named = {
  readonly keys: ReadonlySet<string>;
  readonly selectors: readonly Exclude<Selector, readonly string[]>[];
  readonly steps: ReadonlySet<StepId>;
};

/** What a tree looks at. Modules and templates share one set: their ids never meet. */
function namedBy(requirement: Requirement): Named {
  const keys = new Set<string>();
  const selectors: Exclude<Selector, readonly string[]>[] = [];
  const steps = new Set<StepId>();
  for (const node of nodesOf(requirement)) {
    if ('step' in node) steps.add(node.step);
    else if ('module' in node) keys.add(node.module);
    else if ('credential' in node) keys.add(node.credential);
    else if ('credits' in node) {
      if (isList(node.from)) for (const key of node.from) keys.add(key);
      else selectors.push(node.from);
    }
  }
  return { keys, selectors, steps };
}

const isList = (selector: Selector): selector is readonly string[] => Array.isArray(selector);

const selects = (selector: Exclude<Selector, readonly string[]>, carried: Carried): boolean =>
  (selector.area === undefined || selector.area === carried.area) &&
  (selector.level === undefined || selector.level === carried.level) &&
  (selector.origin === undefined || (selector.origin === 'external') === (carried.external === true));

/** Does a requirement that belongs to no pathway, as a renewal's, look at what a fact carries? */
export function requirementLooksAt(requirement: Requirement, carried: Carried): boolean {
  const { keys, selectors } = namedBy(requirement);
  return keys.has(carried.key) || selectors.some((selector) => selects(selector, carried));
}

/** Which targets look at what: by key, or by a selector that asks for area, level or origin. */
function createLookup() {
  const byKey = new Map<string, Set<Target>>();
  const bySelector: { readonly selector: Exclude<Selector, readonly string[]>; readonly target: Target }[] = [];
  const addKey = (key: string, target: Target): void => addTo(byKey, key, target);
  return {
    addKey,
    add: ({ keys, selectors }: Named, target: Target): void => {
      for (const key of keys) addKey(key, target);
      for (const selector of selectors) bySelector.push({ selector, target });
    },
    find: (carried: Carried): readonly Target[] => {
      const targets = new Set(byKey.get(carried.key));
      for (const { selector, target } of bySelector) if (selects(selector, carried)) targets.add(target);
      return sorted(targets);
    },
  };
}

/** Steps so that each comes after those that its order or tree looks at; else as listed. */
function inOrderOfDecision(rules: PathwayRules): readonly Step[] {
  const byId = new Map(rules.steps.map((step) => [step.id, step]));
  const sorted = new Set<Step>();
  const visit = (step: Step, above: ReadonlySet<Step>): void => {
    if (sorted.has(step) || above.has(step)) return;
    const on = new Set(above).add(step);
    for (const id of [...(step.after ?? []), ...namedBy(step.need).steps]) {
      const earlier = byId.get(id);
      if (earlier) visit(earlier, on);
    }
    sorted.add(step);
  };
  for (const step of rules.steps) visit(step, new Set());
  return [...sorted];
}

function build(published: PublishedPathway): Version {
  const rules = withRequirementIds(published.rules);
  const steps = inOrderOfDecision(rules);
  const { awards } = rules;
  const trees = [...steps.map(({ need }) => need), ...awards.map(({ when }) => when)];
  const named = trees.map(namedBy);
  const targetOf = new Map(steps.map(({ id }, target) => [id, target]));

  const stepsBehind = (award: Award): readonly Step[] => {
    const found = new Set<Step>();
    const visit = (ids: ReadonlySet<StepId>): void => {
      for (const id of ids) {
        const target = targetOf.get(id);
        if (target === undefined || found.has(steps[target] as Step)) continue;
        found.add(steps[target] as Step);
        visit((named[target] as Named).steps);
      }
    };
    visit(namedBy(award.when).steps);
    return [...found];
  };

  const orderOf = (step: Step): string => step.order ?? rules.order;
  const awardTemplates = (stepId: StepId): readonly TemplateId[] =>
    awards
      .filter(({ kind, when }) => kind === 'step' && namedBy(when).steps.has(stepId) && namedBy(when).steps.size === 1)
      .map(({ template }) => template as TemplateId);

  const direct = createLookup();
  const ordered = createLookup();
  const awardsThrough = new Map<Target, Set<Target>>();
  named.forEach((names, target) => direct.add(names, target));
  const buildingOn = new Map<StepId, Set<Target>>();
  const awardsOf = new Map<TemplateId, Set<Target>>();
  steps.forEach((step, target) => {
    for (const id of (named[target] as Named).steps) addTo(buildingOn, id, target);
    if (orderOf(step) === 'advisory') return;
    for (const id of step.after ?? []) {
      addTo(buildingOn, id, target);
      if (orderOf(step) === 'enforced') for (const template of awardTemplates(id)) ordered.addKey(template, target);
    }
  });
  awards.forEach((award, index) => {
    const target = steps.length + index;
    addTo(awardsOf, award.template as TemplateId, target);
    for (const id of namedBy(award.when).steps) addTo(buildingOn, id, target);
    for (const step of stepsBehind(award)) addTo(awardsThrough, targetOf.get(step.id) as Target, target);
  });

  const ownerOf = new Map<string, Target | undefined>();
  const groupOf = new Map<string, string>();
  const groups = new Map<Target, Set<string>>();
  trees.forEach((tree, target) => {
    for (const node of nodesOf(tree)) {
      ownerOf.set(node.id as string, target);
      if (!('uses' in node) || node.uses === undefined) continue;
      groupOf.set(node.id as string, node.uses.group);
      addTo(groups, target, node.uses.group);
    }
  });
  for (const { recognise } of rules.entryPoints)
    for (const { when } of recognise ?? []) for (const node of nodesOf(when)) ownerOf.set(node.id as string, undefined);

  const courses = new Map<string, Course>();

  return {
    published,
    rules,
    steps,
    awards,
    all: trees.map((_, target) => target),
    affectedBy: (carried) => sorted(new Set([...direct.find(carried), ...ordered.find(carried)])),
    looksAt: (carried) => direct.find(carried).length > 0,
    buildingOn: sortedLists(buildingOn),
    lookingAt: direct.find,
    awardsOf: sortedLists(awardsOf),
    namingThemselves: new Set(
      awards.flatMap((award, index) =>
        [award.when, ...stepsBehind(award).map(({ need }) => need)].some((tree) =>
          namedBy(tree).keys.has(award.template),
        )
          ? [steps.length + index]
          : [],
      ),
    ),
    stepsBehind,
    awardsThrough: sortedLists(awardsThrough),
    enforcedBefore: (step, entryPoint) =>
      orderOf(step) === 'enforced'
        ? (courseOf(rules, courses, entryPoint).before.get(step.id) ?? [])
            .filter((id) => step.after?.includes(id))
            .flatMap(awardTemplates)
        : [],
    course: (entryPoint) => courseOf(rules, courses, entryPoint),
    entryPoint: (id) => rules.entryPoints.find((entry) => entry.id === id),
    ownerOf,
    groupOf,
    groups: sortedLists(groups),
  };
}

function courseOf(rules: PathwayRules, courses: Map<string, Course>, entryPoint: string): Course {
  const known = courses.get(entryPoint);
  if (known) return known;
  const before = new Map(rules.steps.map(({ id }) => [id, stepsShownBefore(rules, id, entryPoint)]));
  const next = new Map<StepId, StepId[]>();
  for (const [id, earlier] of before) for (const one of earlier) next.set(one, [...(next.get(one) ?? []), id]);
  // Steps before the one where one enters are passed over by joining there: they are reached only if satisfied.
  const passed = new Set<StepId>();
  const pass = (id: StepId): void => {
    for (const earlier of stepsShownBefore(rules, id)) {
      if (passed.has(earlier)) continue;
      passed.add(earlier);
      pass(earlier);
    }
  };
  const entry = rules.entryPoints.find(({ id }) => id === entryPoint);
  if (entry) pass(entry.at);
  const first = rules.steps.map(({ id }) => id).filter((id) => before.get(id)?.length === 0 && !passed.has(id));
  const course: Course = { first, before, next };
  courses.set(entryPoint, course);
  return course;
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const values = map.get(key);
  if (values) values.add(value);
  else map.set(key, new Set([value]));
}

const sorted = (targets: ReadonlySet<Target>): readonly Target[] => [...targets].toSorted((a, b) => a - b);

const sortedLists = <K, V extends string | number>(map: ReadonlyMap<K, ReadonlySet<V>>): ReadonlyMap<K, readonly V[]> =>
  new Map(Array.from(map, ([key, values]) => [key, [...values].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))]));
