// The template graph (D9): which templates the awards of published pathways rest on. It may hold no cycle.
import type { PathwayRules, Requirement, Selector, Step, StepId } from '@cairn/rules';
import { nodesOf } from './nodes.js';

/** Template → templates that an award of it rests on. */
export type StackingEdges = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * The edges of one version: the credentials in an award's tree, in the steps it names, and in the steps that those wait
 * for (`gate`, `enforced`; with `enforced` the step awards of those as well). What an entry point recognises is left
 * out: a recognised step is met for good, so nothing rests on it later. So is what credits by area or level may count.
 */
export function stackingEdgesOf(rules: PathwayRules): StackingEdges {
  const steps = new Map(rules.steps.map((step) => [step.id, step]));
  const stepAwards = (step: StepId): readonly string[] =>
    rules.awards
      .filter(
        ({ kind, when }) => kind === 'step' && (typeof when === 'string' ? when : 'step' in when && when.step) === step,
      )
      .map(({ template }) => template);

  const edges = new Map<string, Set<string>>();
  for (const award of rules.awards) {
    const needed = edges.get(award.template) ?? new Set<string>();
    edges.set(award.template, needed);
    const seen = new Set<StepId>();
    const visitStep = (id: StepId): void => {
      const step = steps.get(id);
      if (!step || seen.has(id)) return;
      seen.add(id);
      visit(step.need);
      for (const earlier of waitsFor(step)) {
        visitStep(earlier);
        if ((step.order ?? rules.order) === 'enforced')
          for (const template of stepAwards(earlier)) needed.add(template);
      }
    };
    const waitsFor = (step: Step): readonly StepId[] =>
      (step.order ?? rules.order) === 'advisory' ? [] : (step.after ?? []);
    const visit = (tree: Requirement): void => {
      for (const { node } of nodesOf(tree, ''))
        if (typeof node === 'string') visitStep(node);
        else if ('step' in node) visitStep(node.step);
        else if ('credential' in node) needed.add(node.credential);
        else if ('credits' in node && isList(node.from)) for (const name of node.from) needed.add(name); // a module among them rests on nothing
    };
    visit(award.when);
  }
  return edges;
}

const isList = (selector: Selector): selector is readonly string[] => Array.isArray(selector);

/** The edges of several versions together. */
export function joinEdges(all: readonly StackingEdges[]): StackingEdges {
  const joined = new Map<string, Set<string>>();
  for (const edges of all)
    for (const [template, needed] of edges) joined.set(template, new Set([...(joined.get(template) ?? []), ...needed]));
  return joined;
}

/**
 * A cycle as the templates along it, or undefined. An award that rests on its own template is none: it names a
 * credential that is held by then, so it is met and issues nothing (an exit award for a credential of another pathway).
 */
export function findStackingCycle(edges: StackingEdges): readonly string[] | undefined {
  const finished = new Set<string>();
  const path: string[] = [];
  const visit = (template: string): readonly string[] | undefined => {
    if (finished.has(template)) return undefined;
    const start = path.indexOf(template);
    if (start >= 0) return path.slice(start);
    path.push(template);
    for (const needed of edges.get(template) ?? []) {
      const cycle = needed === template ? undefined : visit(needed);
      if (cycle) return cycle;
    }
    path.pop();
    finished.add(template);
    return undefined;
  };
  for (const template of edges.keys()) {
    const cycle = visit(template);
    if (cycle) return cycle;
  }
  return undefined;
}
