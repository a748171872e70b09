import fc from 'fast-check';
import { mostUnderCaps } from './credits.js';

/** By duality: the least over prices of the caps; with three caps at most, prices of 0, ½ and 1 suffice. */
function leastBound(classes: readonly (readonly [number, number])[], maxima: readonly number[]): number {
  const prices = maxima.reduce<readonly (readonly number[])[]>(
    (all) => all.flatMap((some) => [0, 0.5, 1].map((price) => [...some, price])),
    [[]],
  );
  return Math.min(
    ...prices.map((price) => {
      const caps = maxima.reduce((sum, max, cap) => sum + max * (price[cap] as number), 0);
      const rest = classes.reduce((sum, [bits, credits]) => {
        const paid = maxima.reduce((all, _, cap) => all + ((bits >> cap) & 1) * (price[cap] as number), 0);
        return sum + credits * Math.max(0, 1 - paid);
      }, 0);
      return caps + rest;
    }),
  );
}

test.each([
  ['one item under two caps', [[3, 900]], [500, 400], 400],
  [
    'the free parts are used first',
    [
      [1, 500],
      [2, 500],
      [3, 500],
    ],
    [500, 700],
    1000,
  ],
  [
    'three caps in a ring',
    [
      [3, 10],
      [6, 10],
      [5, 10],
    ],
    [10, 10, 10],
    15,
  ],
  ['nothing allowed', [[3, 900]], [0, 400], 0],
] as const)('most credits under caps: %s', (_, classes, maxima, most) => {
  expect(mostUnderCaps(classes, maxima)).toBeCloseTo(most, 6);
});

test('equals the bound by duality for up to three caps', () => {
  const amount = fc.integer({ min: 0, max: 2000 });
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      fc.array(amount, { minLength: 7, maxLength: 7 }),
      fc.tuple(amount, amount, amount),
      (bits, credits, maxima) => {
        const classes = bits.map((bit, i) => [bit, credits[i] as number] as const);
        expect(mostUnderCaps(classes, maxima)).toBeCloseTo(leastBound(classes, maxima), 4);
      },
    ),
    { numRuns: 1000 },
  );
});
