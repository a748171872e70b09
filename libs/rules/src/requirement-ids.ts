// Ids of requirement nodes: what a waiver names. Given by the author, or made from the node's place.
import { childId, partsOf } from './compile.js';
import type { PathwayRules, Requirement } from './types.js';

/**
 * Gives every node an id: the author's, else its place below `root` (`L2/1/0`). A bare step becomes an object, so
 * that it can be waived too. Ids in `taken` are avoided; new ones are added to it.
 */
export function withIds(requirement: Requirement, root: string, taken: Set<string> = new Set()): Requirement {
  collect(requirement, taken);
  return place(requirement, root, taken);
}

function collect(requirement: Requirement, into: Set<string>): void {
  if (typeof requirement === 'string') return;
  if (requirement.id !== undefined) into.add(requirement.id);
  for (const part of partsOf(requirement)) collect(part, into);
}

function place(requirement: Requirement, at: string, taken: Set<string>): Requirement {
  const node = typeof requirement === 'string' ? { step: requirement } : requirement;
  let id = node.id;
  if (id === undefined) {
    id = at;
    while (taken.has(id)) id += '~';
    taken.add(id);
  }
  const below = (part: Requirement, index: number): Requirement => place(part, childId(at, index), taken);
  if ('all' in node) return { ...node, id, all: node.all.map(below) };
  if ('any' in node) return { ...node, id, any: node.any.map(below) };
  if ('of' in node) return { ...node, id, of: node.of.map(below) };
  return { ...node, id };
}

/**
 * Every node of a pathway's trees with an id that is unique within the pathway: `<step>/0/1` in a step's tree,
 * `<award>!/0/1` in an award's, `<entry point>@<step>/0/1` in what an entry point recognises.
 */
export function withRequirementIds(rules: PathwayRules): PathwayRules {
  const taken = new Set<string>();
  for (const step of rules.steps) collect(step.need, taken);
  for (const award of rules.awards) collect(award.when, taken);
  for (const entry of rules.entryPoints) for (const { when } of entry.recognise ?? []) collect(when, taken);
  return {
    ...rules,
    steps: rules.steps.map((step) => ({ ...step, need: place(step.need, step.id, taken) })),
    awards: rules.awards.map((award) => ({ ...award, when: place(award.when, `${award.id}!`, taken) })),
    entryPoints: rules.entryPoints.map((entry) =>
      entry.recognise
        ? {
            ...entry,
            recognise: entry.recognise.map((one) => ({
              ...one,
              when: place(one.when, `${entry.id}@${one.step}`, taken),
            })),
          }
        : entry,
    ),
  };
}
