// What is reached and what counts in order, as deltas (domain.md §8). Both sets follow from the steps satisfied; events
// carry what enters and leaves them, so that a funnel only adds up.
import type { Instant } from '@cairn/kernel';
import { localDay, type StepId } from '@cairn/rules';
import type { EnrollmentState } from './record.types.js';
import type { Version } from './version.js';

/** Steps reached through a step's satisfaction: those after it, and itself if it was not reached before. */
export function newlyOpened(version: Version, enrollment: EnrollmentState, stepId: StepId): readonly StepId[] {
  const course = version.course(enrollment.ref.entryPoint);
  const satisfied = (id: StepId): boolean => id === stepId || enrollment.steps.has(id);
  return [stepId, ...(course.next.get(stepId) ?? []).filter((id) => course.before.get(id)?.every(satisfied))].filter(
    (id) => !enrollment.opened.has(id),
  );
}

/** Steps not reached any more once a step is re-opened. */
export function newlyClosed(version: Version, enrollment: EnrollmentState, stepId: StepId): readonly StepId[] {
  const course = version.course(enrollment.ref.entryPoint);
  const satisfied = (id: StepId): boolean => id !== stepId && enrollment.steps.has(id);
  const reached = (id: StepId): boolean => {
    const before = course.before.get(id) ?? [];
    return satisfied(id) || course.first.includes(id) || (before.length > 0 && before.every(satisfied));
  };
  return [stepId, ...(course.next.get(stepId) ?? [])].filter((id) => enrollment.opened.has(id) && !reached(id));
}

/** Steps that count in order once a step is satisfied: it, and later ones that only waited for it. */
export function newlyInOrder(
  version: Version,
  enrollment: EnrollmentState,
  stepId: StepId,
  at: Instant,
): readonly StepId[] {
  const { before, next } = version.course(enrollment.ref.entryPoint);
  const { zone } = version.rules;
  const dayOf = (id: StepId): string | undefined => {
    const instant = id === stepId ? at : enrollment.steps.get(id)?.data.at;
    return instant === undefined ? undefined : localDay(instant, zone);
  };
  const entered: StepId[] = [];
  const visit = (id: StepId): void => {
    const day = dayOf(id);
    if (day === undefined || enrollment.inOrder.has(id) || entered.includes(id)) return;
    const inOrder = (before.get(id) ?? []).every((earlier) => {
      const earlierDay = dayOf(earlier);
      return (
        earlierDay !== undefined && earlierDay <= day && (enrollment.inOrder.has(earlier) || entered.includes(earlier))
      );
    });
    if (!inOrder) return;
    entered.push(id);
    for (const later of next.get(id) ?? []) visit(later);
  };
  visit(stepId);
  return entered;
}

/** Steps that count in order no longer once a step is re-opened: it, and all that counted through it. */
export function noLongerInOrder(version: Version, enrollment: EnrollmentState, stepId: StepId): readonly StepId[] {
  const { next } = version.course(enrollment.ref.entryPoint);
  const left: StepId[] = [];
  const visit = (id: StepId): void => {
    if (!enrollment.inOrder.has(id) || left.includes(id)) return;
    left.push(id);
    for (const later of next.get(id) ?? []) visit(later);
  };
  visit(stepId);
  return left;
}

/** What is reached and in order in a version by nothing but the steps satisfied, each at its instant. */
export function standingOf(
  version: Version,
  entryPoint: string,
  satisfied: ReadonlyMap<StepId, Instant>,
): { readonly opens: readonly StepId[]; readonly inOrder: readonly StepId[] } {
  const { first, before } = version.course(entryPoint);
  const { zone, steps } = version.rules;
  const earlierOf = (id: StepId): readonly StepId[] => before.get(id) ?? [];
  const inOrder = (id: StepId): boolean => {
    const at = satisfied.get(id);
    return (
      at !== undefined &&
      earlierOf(id).every((earlier) => {
        const earlierAt = satisfied.get(earlier);
        return earlierAt !== undefined && localDay(earlierAt, zone) <= localDay(at, zone) && inOrder(earlier);
      })
    );
  };
  const reached = (id: StepId): boolean =>
    satisfied.has(id) ||
    first.includes(id) ||
    (earlierOf(id).length > 0 && earlierOf(id).every((earlier) => satisfied.has(earlier)));
  const ids = steps.map(({ id }) => id);
  return { opens: ids.filter(reached), inOrder: ids.filter(inOrder) };
}
