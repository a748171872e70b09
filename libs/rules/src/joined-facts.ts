// A person's facts and the decisions of one enrollment, looked at together.
import type { FactBase } from './fact-base.js';

/**
 * Completions and credentials of `shared` with steps and waivers of `own`: nothing is copied. Only for evaluation
 * without a window; to add or remove facts, or to evaluate within a window, add the facts of one base to the other.
 */
export const joinFacts = (shared: FactBase, own: FactBase): FactBase => ({
  ...shared,
  steps: own.steps,
  waivers: own.waivers,
});
