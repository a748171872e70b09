// Double counting (`uses n`): which trees have taken a module, and what is left of its uses.
import { factOf } from '@cairn/rules';
import { heldIn } from './merged-record.js';
import { enrollmentOf } from './record.state.js';
import type { EnrollmentState, RecordState } from './record.types.js';
import type { Target, Version } from './version.js';

export type Used = ReadonlyMap<string, ReadonlyMap<string, number>>;
type Satisfied = readonly { readonly requirementId: string; readonly by: readonly string[] }[];

/**
 * How many trees of each group have taken each module: those of steps satisfied and awards decided, wherever. The
 * tree that asks does not count against itself. Undefined for a target without such limits.
 */
export function usedByOthers(
  state: RecordState,
  versionOf: (enrollment: EnrollmentState) => Version,
  enrollment: EnrollmentState,
  target: Target,
): Used | undefined {
  if (!versionOf(enrollment).groups.has(target)) return undefined;
  const takers = new Map<string, Map<string, Set<string>>>();
  const self = `${enrollment.number} ${target}`;
  const take = (number: number, of: Version, satisfied: Satisfied): void => {
    for (const { requirementId, by } of satisfied) {
      const group = of.groupOf.get(requirementId);
      if (group === undefined) continue;
      const owner = `${number} ${of.ownerOf.get(requirementId)}`;
      if (owner !== self) for (const moduleId of modulesOf(state, by)) note(takers, group, moduleId, owner);
    }
  };
  for (const other of state.enrollments) {
    const of = versionOf(other);
    if (of.groupOf.size > 0) for (const { data } of other.steps.values()) take(other.number, of, data.satisfied);
  }
  for (const holding of heldIn(state)) {
    const ref = holding.data.enrollment;
    const from = ref && enrollmentOf(state, ref.enrollmentId);
    if (from && holding.withdrawn === undefined) take(from.number, versionOf(from), holding.data.satisfied);
  }
  return new Map(
    Array.from(takers, ([group, modules]) => [
      group,
      new Map(Array.from(modules, ([moduleId, owners]) => [moduleId, owners.size])),
    ]),
  );
}

function modulesOf(state: RecordState, refs: readonly string[]): readonly string[] {
  return refs.flatMap((ref) => {
    const fact = factOf(state.facts, ref);
    return fact?.kind === 'completion' ? [fact.moduleId] : [];
  });
}

function note(takers: Map<string, Map<string, Set<string>>>, group: string, moduleId: string, owner: string): void {
  const modules = takers.get(group) ?? new Map<string, Set<string>>();
  takers.set(group, modules.set(moduleId, (modules.get(moduleId) ?? new Set<string>()).add(owner)));
}
