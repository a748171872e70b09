// What is missing in an enrollment: the unmet requirements nearest to the leaves, step by step, by the pinned version.
import type { Instant } from '@cairn/kernel';
import type { PublishedPathway } from '@cairn/contexts/catalog';
import { evaluateAward, evaluateStep, joinFacts, type Requirement } from '@cairn/rules';
import type { EnrollmentState, RecordState } from './record.state.js';

export type MissingRequirement = { readonly requirement: string; readonly rule: Requirement };
export type WhyNotAnswer = {
  readonly pathway: string;
  readonly version: string;
  /** Steps that are not satisfied, in the order of the pathway. */
  readonly steps: readonly {
    readonly id: string;
    readonly title?: string;
    readonly reached: boolean;
    readonly missing: readonly MissingRequirement[];
    /** Facts that are kept but came before the steps they needed (`enforced` order). */
    readonly outOfOrder: readonly string[];
  }[];
  /** Awards whose tree is not met. */
  readonly awards: readonly {
    readonly id: string;
    readonly kind: string;
    readonly missing: readonly MissingRequirement[];
  }[];
};

export function whyNot(
  state: RecordState,
  enrollment: EnrollmentState,
  { slug, label, rules }: PublishedPathway,
  now: Instant,
): WhyNotAnswer {
  const facts = joinFacts(state.facts, enrollment.own);
  const context = { zone: rules.zone, entryPoint: enrollment.ref.entryPoint, enrolledAt: enrollment.joinedAt };
  const named = (
    missing: readonly { requirementId: string; requirement: Requirement }[],
  ): readonly MissingRequirement[] =>
    missing.map(({ requirementId, requirement }) => ({ requirement: requirementId, rule: requirement }));
  return {
    pathway: slug,
    version: label,
    steps: rules.steps
      .filter(({ id }) => !enrollment.steps.has(id))
      .map(({ id, title }) => {
        const evaluation = evaluateStep(id, rules, facts, now, context);
        return {
          id,
          ...(title === undefined ? {} : { title }),
          reached: enrollment.opened.has(id),
          missing: named(evaluation.missing),
          outOfOrder: evaluation.outOfOrder,
        };
      }),
    awards: rules.awards.flatMap(({ id, kind }) => {
      const evaluation = evaluateAward(id, rules, facts, now, context);
      return evaluation.met ? [] : [{ id, kind, missing: named(evaluation.missing) }];
    }),
  };
}
