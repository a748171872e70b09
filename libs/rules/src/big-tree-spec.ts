// A large rule and a long history, always the same: for measuring.
import type { Instant } from '@cairn/kernel';
import type { Fact, Requirement } from './types.js';

const START = Date.parse('2020-01-01T09:00:00.000Z');
const instantOf = (day: number): Instant => new Date(START + day * 86_400_000).toISOString() as Instant;

/**
 * About `nodes` nodes in four levels: modules with grades, any of two, two of four, credentials, credits from a list
 * with ageing and areas, credits by area with a cap, and a `within` of 60 days; and `facts` facts that meet them late.
 */
export function bigTree(nodes = 200, facts = 500): { requirement: Requirement; facts: readonly Fact[]; at: Instant } {
  const modules = Math.ceil(facts / 2);
  const m = (i: number): string => `M-${i % modules}`;
  const branches: Requirement[] = [];
  let count = 1;
  for (let i = 0; count < nodes; i++) {
    const k = i * 16;
    branches.push({
      all: [
        { module: m(k), minGrade: 50 },
        { any: [{ module: m(k + 1) }, { module: m(k + 2) }] },
        {
          atLeast: 2,
          of: [
            { module: m(k + 3) },
            { module: m(k + 4) },
            { credential: `T-${i % 10}` },
            { module: m(k + 5), minGrade: 60 },
          ],
        },
        { within: 'P60D', all: [{ module: m(k + 6) }, { any: [{ module: m(k + 7) }, { module: m(k + 8) }] }] },
        {
          credits: 10,
          from: Array.from({ length: 6 }, (_, j) => m(k + 10 + j)),
          minGrade: 40,
          maxAge: 'P5Y',
          distinct: { by: 'area', min: 2 },
        },
      ],
    });
    count += 16;
  }
  const history: Fact[] = [];
  for (let i = 0; i < facts; i++) {
    if (i % 50 === 49)
      history.push({
        kind: 'credential',
        ref: `e-${i}`,
        templateId: `T-${Math.floor(i / 50) % 10}`,
        valid: [{ from: instantOf(i), until: instantOf(i + 730) }],
      });
    else
      history.push({
        kind: 'completion',
        ref: `e-${i}`,
        moduleId: m(i),
        at: instantOf(i),
        grade: 30 + ((i * 37) % 71),
        credits: 5,
        area: `area-${i % 4}`,
        external: i % 9 === 0,
      });
  }
  return { requirement: { all: branches }, facts: history, at: instantOf(facts + 1) };
}
