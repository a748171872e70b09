// What holds for all trees and histories; above all: agreement with the naive oracle.
import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import { asked, context, history, tree } from './arbitraries-spec.js';
import {
  addFact,
  evaluate,
  factBase,
  factsOf,
  holdsAt,
  holdsDuring,
  NO_FACTS,
  removeFact,
  withIds,
  type Evaluation,
} from './index.js';
import { oracle } from './naive-oracle-spec.js';

const RUNS = 1000;
const FEWER = 300;

const short = ({ met, since, by }: Evaluation) => (met ? { since, by: [...by].toSorted() } : undefined);
/** Few modules, so that facts are wanted in several places at once. */
const narrow = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value).replaceAll('"D"', '"A"').replaceAll('"C"', '"B"')) as T;

test('agrees with the naive oracle: met, since and by', () => {
  fc.assert(
    fc.property(tree(3), history(), context, asked, (requirement, facts, around, at) => {
      expect(short(evaluate(requirement, facts, at, around))).toEqual(oracle(requirement, facts, at, around));
    }),
    { numRuns: RUNS },
  );
});

test('agrees with the naive oracle where facts are wanted in several places', () => {
  fc.assert(
    fc.property(tree(3).map(narrow), history().map(narrow), context, asked, (requirement, facts, around, at) => {
      expect(short(evaluate(requirement, facts, at, around))).toEqual(oracle(requirement, facts, at, around));
    }),
    { numRuns: RUNS },
  );
});

test('the order of facts never matters', () => {
  fc.assert(
    fc.property(
      tree(3),
      history().chain((facts) =>
        fc.tuple(fc.constant(facts), fc.shuffledSubarray([...facts], { minLength: facts.length })),
      ),
      context,
      asked,
      (requirement, [facts, shuffled], around, at) => {
        expect(evaluate(requirement, shuffled, at, around)).toEqual(evaluate(requirement, facts, at, around));
      },
    ),
    { numRuns: FEWER },
  );
});

test('a base that grew and shrank fact by fact answers like one made at once, and old versions stay as they were', () => {
  fc.assert(
    fc.property(tree(2), history(), history(['/9'], 4), context, asked, (requirement, facts, others, around, at) => {
      const passing = others.map((fact) => ({ ...fact, ref: `passing ${fact.ref}` }));
      const old = [...passing, ...facts.slice(0, 2)].reduce(addFact, NO_FACTS);
      const before = evaluate(requirement, old, at, around);
      const grown = facts.slice(2).reduce(addFact, old);
      const shrunk = passing.map(({ ref }) => ref).reduce(removeFact, grown);
      expect(evaluate(requirement, shrunk, at, around)).toEqual(evaluate(requirement, facts, at, around));
      expect(evaluate(requirement, old, at, around)).toEqual(before);
      expect(new Set(factsOf(shrunk))).toEqual(new Set(facts));
    }),
    { numRuns: FEWER },
  );
});

test('more facts never unsatisfy, nor make it later', () => {
  fc.assert(
    fc.property(tree(3), history(), history(), context, asked, (requirement, facts, others, around, at) => {
      const some = evaluate(requirement, facts, at, around);
      const more = [...facts, ...others.map((fact) => ({ ...fact, ref: `more ${fact.ref}` }))];
      const all = evaluate(requirement, more, at, around);
      if (some.met) expect(all.since !== undefined && all.since <= (some.since as Instant)).toBe(true);
    }),
    { numRuns: RUNS },
  );
});

test('what is met rests on `by` alone, at the same instant', () => {
  fc.assert(
    fc.property(tree(3), history(), context, asked, (requirement, facts, around, at) => {
      const { met, since, by, satisfied } = evaluate(requirement, facts, at, around);
      if (!met) return;
      const alone = evaluate(
        requirement,
        facts.filter(({ ref }) => by.includes(ref)),
        at,
        around,
      );
      expect(alone).toMatchObject({ since, by });
      // No fact has two roles.
      expect(satisfied.flatMap((leaf) => leaf.by).toSorted()).toEqual([...by].toSorted());
    }),
    { numRuns: FEWER },
  );
});

test('the first instant of holdsDuring is since; holdsAt agrees with it everywhere', () => {
  fc.assert(
    fc.property(tree(3).map(narrow), history().map(narrow), context, asked, (requirement, facts, around, at) => {
      const { during: _, ...always } = around;
      const intervals = holdsDuring(requirement, facts, always);
      const { since } = evaluate(requirement, facts, at, always);
      const first = intervals[0]?.from;
      expect(since).toBe(first !== undefined && first <= at ? first : undefined);
      expect(holdsAt(requirement, facts, at, always)).toBe(
        intervals.some(({ from, until }) => from <= at && (until === undefined || at < until)),
      );
    }),
    { numRuns: FEWER },
  );
});

test('ids do not change what is met', () => {
  fc.assert(
    fc.property(tree(3), history(['/9']), context, asked, (requirement, facts, around, at) => {
      const named = withIds(requirement, 'root');
      expect(short(evaluate(named, factBase(facts), at, around))).toEqual(
        short(evaluate(requirement, facts, at, around)),
      );
      expect(withIds(named, 'other')).toEqual(named);
    }),
    { numRuns: FEWER },
  );
});
