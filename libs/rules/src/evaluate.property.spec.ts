// What holds for all trees and histories; above all: agreement with the naive oracle.
import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { context, history, instant, tree } from './arbitraries-spec.js';
import { addFact, evaluate, factBase, factsOf, holdsAt, holdsDuring, NO_FACTS, removeFact } from './index.js';
import { oracle } from './naive-oracle-spec.js';

const RUNS = 1500;
const NOW = '2026-06-01T00:00:00.000Z' as Instant;

test('agrees with the naive oracle: met, since and by', () => {
  fc.assert(
    fc.property(tree(3), history(), context, instant, (requirement, facts, around, at) => {
      const answer = evaluate(requirement, facts, at, around);
      const expected = oracle(requirement, facts, at, around);
      expect(answer.met ? { since: answer.since, by: [...answer.by].sort() } : undefined).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});
