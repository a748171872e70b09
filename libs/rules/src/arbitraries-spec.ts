// Random small worlds: a handful of modules and templates over two years around changes of the clocks.
import type { Instant } from '@cairn/kernel';
import fc from 'fast-check';
import type { EvaluationContext, Fact, Interval, Limits, Requirement, Selector } from './types.js';

const MODULES = ['A', 'B', 'C', 'D'] as const;
const TEMPLATES = ['T', 'U'] as const;
const STEPS = ['L1', 'L2'] as const;
const AREAS = ['x', 'y', 'z'] as const;
const START = Date.parse('2024-01-01T00:00:00.000Z');
const HALF_HOUR = 1_800_000;

const isoOf = (halfHours: number): Instant => new Date(START + halfHours * HALF_HOUR).toISOString() as Instant;
const dayOfYear = (day: number): string => isoOf(day * 48).slice(0, 10);

/** Mostly noon of one of few days, so that things meet; sometimes around local midnight. */
export const instant: fc.Arbitrary<Instant> = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.constantFrom(24, 24, 24, 45, 46, 47))
  .map(([day, half]) => isoOf(day * 12 * 48 + half));
/** Mostly after everything. */
export const asked: fc.Arbitrary<Instant> = fc.oneof({ weight: 3, arbitrary: fc.constant(isoOf(1000 * 48)) }, instant);
const date = fc.integer({ min: 0, max: 700 }).map(dayOfYear);
const span = fc.constantFrom('P12D', 'P24D', 'P1M', 'P60D', 'P6M', 'P1Y');

const interval: fc.Arbitrary<Interval> = fc
  .tuple(instant, instant, fc.boolean())
  .map(([a, b, open]) => (open ? { from: a } : a < b ? { from: a, until: b } : { from: b, until: a }));

const credits = fc.constantFrom(0, 2.5, 5, 5, 10);
/** Absent in `n` of `n + 1` cases. */
const rarely = <T>(n: number, of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: n, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => rarely(1, of);
/** Absent members are left out, as exactOptionalPropertyTypes wants. */
const record = <T>(shape: { [K in keyof T]: fc.Arbitrary<T[K] | undefined> }): fc.Arbitrary<T> =>
  fc.record(shape as { [K in keyof T]: fc.Arbitrary<T[K]> }).map((value) => {
    const entries = Object.entries(value as object).filter(([, member]) => member !== undefined);
    return Object.fromEntries(entries) as T;
  });

type Loose = Record<string, unknown>;
const fact = (ids: readonly string[]): fc.Arbitrary<Fact> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: record<Loose>({
        kind: fc.constant('completion'),
        moduleId: fc.constantFrom(...MODULES),
        at: instant,
        achievedAt: rarely(5, instant),
        grade: optional(fc.constantFrom(40, 60, 80)),
        credits,
        area: optional(fc.constantFrom(...AREAS)),
        external: optional(fc.boolean()),
      }),
    },
    {
      weight: 3,
      arbitrary: record<Loose>({
        kind: fc.constant('credential'),
        templateId: fc.constantFrom(...TEMPLATES),
        valid: fc.array(interval, { maxLength: 2 }),
        achievedAt: rarely(5, instant),
        credits: optional(credits),
        area: optional(fc.constantFrom(...AREAS)),
        external: optional(fc.boolean()),
      }),
    },
    {
      weight: 1,
      arbitrary: record<Loose>({ kind: fc.constant('step'), stepId: fc.constantFrom(...STEPS), at: instant }),
    },
    {
      weight: 1,
      arbitrary: record<Loose>({ kind: fc.constant('waiver'), requirementId: fc.constantFrom(...ids), at: instant }),
    },
  ) as unknown as fc.Arbitrary<Fact>;

/** Facts with distinct refs whose order says nothing about their times; waivers name places of the tree. */
export const history = (
  ids: readonly string[] = ['/', '/0', '/1', '/0/0', '/0/1', '/1/0'],
  maxLength = 7,
): fc.Arbitrary<readonly Fact[]> =>
  fc
    .array(fact(ids), { minLength: 1, maxLength, size: 'max' })
    .map((facts) => facts.map((one, i) => ({ ...one, ref: `${'hcaegbdf'[i % 8]}${Math.floor(i / 8)}` })));

const limits = record<Limits>({
  within: rarely(5, span),
  notBefore: rarely(9, date),
  notAfter: rarely(9, date),
  maxAge: rarely(6, span),
});
const uses = rarely(4, fc.record({ n: fc.integer({ min: 1, max: 2 }), group: fc.constantFrom('g', 'h') }));
const selector: fc.Arbitrary<Selector> = fc.oneof(
  fc.subarray([...MODULES, ...TEMPLATES], { minLength: 1 }),
  record<{ area?: string; origin?: 'own' | 'external' }>({
    area: optional(fc.constantFrom(...AREAS)),
    origin: optional(fc.constantFrom('own' as const, 'external' as const)),
  }),
);
const minGrade = rarely(4, fc.constantFrom(50, 70));

const leaf: fc.Arbitrary<Requirement> = fc.oneof(
  {
    weight: 6,
    arbitrary: record<Loose>({ module: fc.constantFrom(...MODULES), minGrade, uses }),
  },
  { weight: 2, arbitrary: record<Loose>({ credential: fc.constantFrom(...TEMPLATES) }) },
  { weight: 1, arbitrary: record<Loose>({ step: fc.constantFrom(...STEPS) }) },
  {
    weight: 4,
    arbitrary: record<Loose>({
      credits: fc.constantFrom(2.5, 5, 7.5, 10, 15),
      from: selector,
      minGrade,
      uses,
      distinct: rarely(4, fc.record({ by: fc.constant('area'), min: fc.integer({ min: 1, max: 2 }) })),
      cap: rarely(
        3,
        fc.array(fc.record({ from: selector, max: fc.constantFrom(2.5, 5, '50%', '20%') }), {
          minLength: 1,
          maxLength: 2,
        }),
      ),
    }),
  },
) as unknown as fc.Arbitrary<Requirement>;

const withLimits = (node: fc.Arbitrary<Requirement>): fc.Arbitrary<Requirement> =>
  fc.tuple(node, limits).map(([one, more]) => (typeof one === 'string' ? one : { ...one, ...more }));

/** Trees of at most `depth` levels with at most three children a node. */
export function tree(depth: number): fc.Arbitrary<Requirement> {
  if (depth === 1) return fc.oneof({ weight: 9, arbitrary: withLimits(leaf) }, fc.constantFrom(...STEPS));
  const parts = fc.array(tree(depth - 1), { minLength: 1, maxLength: 3 });
  const group = fc.oneof(
    { weight: 3, arbitrary: parts.map((all): Requirement => ({ all })) },
    { weight: 2, arbitrary: parts.map((any): Requirement => ({ any })) },
    {
      weight: 2,
      arbitrary: fc.tuple(parts, fc.integer({ min: 1, max: 2 })).map(([of, n]): Requirement => ({ atLeast: n, of })),
    },
  );
  return fc.oneof({ weight: 1, arbitrary: tree(depth - 1) }, { weight: 4, arbitrary: withLimits(group) });
}

export const context: fc.Arbitrary<EvaluationContext> = fc
  .record({
    zone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Africa/Cairo'),
    window: rarely(9, interval),
    during: rarely(6, fc.array(interval, { minLength: 1, maxLength: 2 })),
    used: fc.constantFrom(
      undefined,
      new Map([
        [
          'g',
          new Map([
            ['A', 1],
            ['B', 2],
          ]),
        ],
      ]),
    ),
  })
  .map(({ zone, window, during, used }) => ({
    zone,
    ...(window ? { window } : {}),
    ...(during ? { during } : {}),
    ...(used ? { used } : {}),
  }));
