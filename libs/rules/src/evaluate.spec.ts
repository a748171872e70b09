// A table per construct: what is met, since when, by which facts.
import type { Instant } from '@cairn/kernel';
import {
  evaluate,
  holdsDuring,
  type CompletionFact,
  type CredentialFact,
  type EvaluationContext,
  type Fact,
  type Interval,
  type Requirement,
  type WaiverFact,
} from './index.js';

const at = (text: string): Instant => (text.includes('T') ? text : `${text}T12:00:00.000Z`) as Instant;
const NOW = at('2030-01-01');
const done = (moduleId: string, when: string, more: Partial<CompletionFact> = {}): CompletionFact => ({
  kind: 'completion',
  ref: `${moduleId}@${when}`,
  moduleId,
  at: at(when),
  credits: 0,
  ...more,
});
const held = (
  templateId: string,
  valid: readonly (readonly [string, string?])[],
  more: Partial<CredentialFact> = {},
): CredentialFact => ({
  kind: 'credential',
  ref: `${templateId}@${valid[0]?.[0] ?? 'revoked'}`,
  templateId,
  valid: valid.map(([from, until]) => ({ from: at(from), ...(until ? { until: at(until) } : {}) })),
  ...more,
});
const waived = (requirementId: string, when: string): WaiverFact => ({
  kind: 'waiver',
  ref: `waiver ${requirementId}@${when}`,
  requirementId,
  at: at(when),
});
const day = (text: string): Interval['from'] => at(text);

/** `since` and `by` in short, or `unmet`. */
function ask(
  requirement: Requirement,
  facts: readonly Fact[],
  context: Partial<EvaluationContext> = {},
  when = NOW,
): string {
  const { met, since, by } = evaluate(requirement, facts, when, { zone: 'Europe/Berlin', ...context });
  return met ? `${since?.replace('T12:00:00.000Z', '')}: ${by.join(', ')}` : 'unmet';
}

type Row = readonly [
  what: string,
  requirement: Requirement,
  facts: readonly Fact[],
  answer: string,
  context?: Partial<EvaluationContext>,
];
const A = done('A', '2024-01-01');
const B = done('B', '2024-02-01');
const C = done('C', '2024-03-01');

const tables: Record<string, readonly Row[]> = {
  module: [
    ['completed', { module: 'A' }, [A], '2024-01-01: A@2024-01-01'],
    ['another one completed', { module: 'A' }, [B], 'unmet'],
    ['the first of several attempts', { module: 'A' }, [done('A', '2025-01-01'), A], '2024-01-01: A@2024-01-01'],
    [
      'grade reached at the second attempt',
      { module: 'A', minGrade: 60 },
      [done('A', '2024-01-01', { grade: 59 }), done('A', '2024-05-01', { grade: 60 })],
      '2024-05-01: A@2024-05-01',
    ],
    ['no grade reaches none', { module: 'A', minGrade: 0 }, [A], 'unmet'],
    ['after the instant asked about', { module: 'A' }, [done('A', '2031-01-01')], 'unmet'],
    [
      'of one instant the lower id',
      { module: 'A' },
      [
        { ...A, ref: 'b' },
        { ...A, ref: 'a' },
      ],
      '2024-01-01: a',
    ],
  ],
  credential: [
    ['valid', { credential: 'T' }, [held('T', [['2024-01-01', '2026-01-01']])], '2024-01-01: T@2024-01-01'],
    ['revoked: at no time', { credential: 'T' }, [held('T', [])], 'unmet'],
    ['valid later', { credential: 'T' }, [held('T', [['2031-01-01']])], 'unmet'],
    [
      'two that were never valid together',
      { all: [{ credential: 'T' }, { credential: 'U' }] },
      [held('T', [['2024-01-01', '2025-01-01']]), held('U', [['2025-01-01']])],
      'unmet',
    ],
    [
      'two valid together in the second term',
      { all: [{ credential: 'T' }, { credential: 'U' }] },
      [
        held('T', [
          ['2024-01-01', '2025-01-01'],
          ['2026-01-01', '2027-01-01'],
        ]),
        held('U', [['2025-06-01']]),
      ],
      '2026-01-01: T@2024-01-01, U@2025-06-01',
    ],
    ['empty interval', { credential: 'T' }, [held('T', [['2024-01-01', '2024-01-01']])], 'unmet'],
  ],
  'all, any, atLeast': [
    ['all', { all: [{ module: 'A' }, { module: 'B' }] }, [A, B], '2024-02-01: A@2024-01-01, B@2024-02-01'],
    ['all, one missing', { all: [{ module: 'A' }, { module: 'B' }] }, [A], 'unmet'],
    ['any takes the earliest', { any: [{ module: 'C' }, { module: 'B' }] }, [B, C], '2024-02-01: B@2024-02-01'],
    [
      'two of three',
      { atLeast: 2, of: [{ module: 'A' }, { module: 'B' }, { module: 'C' }] },
      [C, A],
      '2024-03-01: A@2024-01-01, C@2024-03-01',
    ],
    ['no child, no award', { all: [] }, [A], 'unmet'],
    ['none of none', { atLeast: 0, of: [{ module: 'A' }] }, [A], 'unmet'],
    ['one fact, two children', { all: [{ module: 'A' }, { module: 'A' }] }, [A], 'unmet'],
    [
      'two attempts, two children',
      { all: [{ module: 'A' }, { module: 'A', minGrade: 60 }] },
      [done('A', '2024-01-01', { grade: 80 }), done('A', '2024-04-01', { grade: 50 })],
      '2024-04-01: A@2024-01-01, A@2024-04-01',
    ],
    [
      'one fact, two alternatives',
      { any: [{ module: 'A' }, { all: [{ module: 'A' }, { module: 'B' }] }] },
      [A],
      '2024-01-01: A@2024-01-01',
    ],
    [
      'distinct across levels',
      { all: [{ any: [{ module: 'A' }, { module: 'B' }] }, { any: [{ module: 'A' }, { module: 'C' }] }] },
      [A, B],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
    [
      'the matching may have to give up its first choice',
      { all: [{ any: [{ module: 'A' }, { module: 'B' }] }, { module: 'A' }] },
      [A, B],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
  ],
  waiver: [
    [
      'of a leaf',
      { all: [{ module: 'A' }, { module: 'B', id: 'b' }] },
      [A, waived('b', '2024-06-01')],
      '2024-06-01: A@2024-01-01, waiver b@2024-06-01',
    ],
    [
      'of the whole',
      { id: 'x', all: [{ module: 'A' }, { module: 'B' }] },
      [waived('x', '2024-06-01')],
      '2024-06-01: waiver x@2024-06-01',
    ],
    [
      'the earlier of fact and waiver',
      { module: 'A', id: 'a' },
      [A, waived('a', '2023-06-01')],
      '2023-06-01: waiver a@2023-06-01',
    ],
    [
      'brings no credits',
      { credits: 5, from: ['A', 'B'] },
      [done('A', '2024-01-01', { credits: 4 }), waived('b', '2024-01-01')],
      'unmet',
    ],
    [
      'is left out of within',
      { within: 'P60D', all: [{ module: 'A', id: 'a' }, { module: 'B' }] },
      [waived('a', '2020-01-01'), B],
      '2024-02-01: waiver a@2020-01-01, B@2024-02-01',
    ],
    [
      'by place when no id was given',
      { all: [{ module: 'A' }, { module: 'B' }] },
      [A, waived('/1', '2024-06-01')],
      '2024-06-01: A@2024-01-01, waiver /1@2024-06-01',
    ],
  ],
  credits: [
    [
      'summed',
      { credits: 10, from: ['A', 'B', 'C'] },
      [
        done('A', '2024-01-01', { credits: 4 }),
        done('B', '2024-02-01', { credits: 6 }),
        done('C', '2024-03-01', { credits: 6 }),
      ],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
    [
      'hundredths add up',
      { credits: 0.3, from: ['A', 'B'] },
      [done('A', '2024-01-01', { credits: 0.1 }), done('B', '2024-02-01', { credits: 0.2 })],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
    [
      'an item counts once',
      { credits: 10, from: ['A'] },
      [done('A', '2024-01-01', { credits: 5 }), done('A', '2024-02-01', { credits: 5 })],
      'unmet',
    ],
    [
      'with the grade',
      { credits: 5, from: ['A'], minGrade: 50 },
      [done('A', '2024-01-01', { credits: 5, grade: 49 }), done('A', '2024-02-01', { credits: 5, grade: 50 })],
      '2024-02-01: A@2024-02-01',
    ],
    [
      'not what is not needed',
      { credits: 10, from: ['A', 'B'] },
      [done('A', '2024-01-01', { credits: 3 }), done('B', '2024-02-01', { credits: 10 })],
      '2024-02-01: B@2024-02-01',
    ],
    [
      'by area',
      { credits: 5, from: { area: 'x' } },
      [done('A', '2024-01-01', { credits: 5, area: 'y' }), done('B', '2024-02-01', { credits: 5, area: 'x' })],
      '2024-02-01: B@2024-02-01',
    ],
    [
      'by level and origin',
      { credits: 5, from: { level: 2, origin: 'external' } },
      [
        done('A', '2024-01-01', { credits: 5, level: 2 }),
        done('B', '2024-02-01', { credits: 5, level: 2, external: true }),
      ],
      '2024-02-01: B@2024-02-01',
    ],
    [
      'of a credential while it is valid',
      { all: [{ credits: 5, from: ['T'] }, { module: 'A' }] },
      [held('T', [['2020-01-01', '2023-01-01']], { credits: 5 }), A],
      'unmet',
    ],
    [
      'distinct areas',
      { credits: 10, from: ['A', 'B', 'C'], distinct: { by: 'area', min: 2 } },
      [
        done('A', '2024-01-01', { credits: 10, area: 'x' }),
        done('B', '2024-02-01', { credits: 10, area: 'x' }),
        done('C', '2024-03-01', { credits: 1, area: 'y' }),
      ],
      '2024-03-01: A@2024-01-01, C@2024-03-01',
    ],
    [
      'cap as a number',
      { credits: 10, from: {}, cap: [{ from: { area: 'x' }, max: 4 }] },
      [
        done('A', '2024-01-01', { credits: 9, area: 'x' }),
        done('B', '2024-02-01', { credits: 5 }),
        done('C', '2024-03-01', { credits: 1 }),
      ],
      '2024-03-01: A@2024-01-01, B@2024-02-01, C@2024-03-01',
    ],
    [
      'cap in per cent of the minimum',
      { credits: 10, from: {}, cap: [{ from: { origin: 'external' }, max: '50%' }] },
      [done('A', '2024-01-01', { credits: 50, external: true }), done('B', '2024-02-01', { credits: 5 })],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
    [
      'own attempt preferred where the cap cuts the external one',
      { credits: 8, from: {}, cap: [{ from: { origin: 'external' }, max: 5 }] },
      [done('A', '2024-01-01', { credits: 8 }), done('A', '2023-01-01', { credits: 10, external: true })],
      '2024-01-01: A@2024-01-01',
    ],
    [
      'two caps on one item: trimmed by both, not twice',
      {
        credits: 10,
        from: {},
        cap: [
          { from: { origin: 'external' }, max: 5 },
          { from: { area: 'x' }, max: 5 },
        ],
      },
      [done('A', '2024-01-01', { credits: 9, area: 'x', external: true }), done('B', '2024-02-01', { credits: 5 })],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
    [
      'shared out between two nodes',
      {
        all: [
          { credits: 10, from: ['A', 'B', 'C'] },
          { credits: 5, from: ['B', 'C'] },
        ],
      },
      [
        done('A', '2024-01-01', { credits: 5 }),
        done('B', '2024-02-01', { credits: 5 }),
        done('C', '2024-03-01', { credits: 5 }),
      ],
      '2024-03-01: A@2024-01-01, B@2024-02-01, C@2024-03-01',
    ],
    [
      'one module apart from the rest',
      { all: [{ module: 'A' }, { credits: 10, from: {} }] },
      [done('A', '2024-01-01', { credits: 10 }), done('B', '2024-02-01', { credits: 10 })],
      '2024-02-01: A@2024-01-01, B@2024-02-01',
    ],
  ],
  maxAge: [
    [
      'until the start of the local day',
      { all: [{ module: 'A', maxAge: 'P1Y' }, { module: 'B' }] },
      [done('A', '2023-02-01T22:59:59.000Z'), done('B', '2024-01-31T22:59:59.999Z')],
      '2024-01-31T22:59:59.999Z: A@2023-02-01T22:59:59.000Z, B@2024-01-31T22:59:59.999Z',
    ],
    [
      'from that start on no more',
      { all: [{ module: 'A', maxAge: 'P1Y' }, { module: 'B' }] },
      [done('A', '2023-02-01T22:59:59.000Z'), done('B', '2024-01-31T23:00:00.000Z')],
      'unmet',
    ],
    ['met once is met', { module: 'A', maxAge: 'P1D' }, [A], '2024-01-01: A@2024-01-01'],
    [
      'external credits age from their own date',
      { credits: 5, from: {}, maxAge: 'P1Y' },
      [done('A', '2024-01-01', { credits: 5, external: true, achievedAt: at('2022-06-01') })],
      'unmet',
    ],
    ['of a group bears on all below', { maxAge: 'P1M', all: [{ module: 'A' }, { module: 'B' }] }, [A, B], 'unmet'],
    [
      'a waiver does not age',
      { maxAge: 'P1M', all: [{ module: 'A', id: 'a' }, { module: 'B' }] },
      [waived('a', '2020-01-01'), B],
      '2024-02-01: waiver a@2020-01-01, B@2024-02-01',
    ],
  ],
  'within, notBefore, notAfter': [
    [
      '60 days apart',
      { within: 'P60D', all: [{ module: 'A' }, { module: 'B' }] },
      [A, done('B', '2024-03-01')],
      '2024-03-01: A@2024-01-01, B@2024-03-01',
    ],
    [
      '61 days apart',
      { within: 'P60D', all: [{ module: 'A' }, { module: 'B' }] },
      [A, done('B', '2024-03-02')],
      'unmet',
    ],
    [
      'a repeat makes it',
      { within: 'P60D', all: [{ module: 'A' }, { module: 'B' }] },
      [A, done('B', '2024-03-02'), done('A', '2024-03-05')],
      '2024-03-05: B@2024-03-02, A@2024-03-05',
    ],
    [
      'days are local',
      { within: 'P1D', all: [{ module: 'A' }, { module: 'B' }] },
      [done('A', '2024-01-01T22:59:59.000Z'), done('B', '2024-01-02T23:00:00.000Z')],
      'unmet',
    ],
    [
      'credits within',
      { within: 'P10D', credits: 10, from: ['A', 'B', 'C'] },
      [
        done('A', '2024-01-01', { credits: 5 }),
        done('B', '2024-02-01', { credits: 5 }),
        done('C', '2024-02-11', { credits: 5 }),
      ],
      '2024-02-11: B@2024-02-01, C@2024-02-11',
    ],
    [
      'a month from the 31st',
      { within: 'P1M', all: [{ module: 'A' }, { module: 'B' }] },
      [done('A', '2024-01-31'), done('B', '2024-02-29')],
      '2024-02-29: A@2024-01-31, B@2024-02-29',
    ],
    ['not before', { module: 'A', notBefore: '2024-01-02' }, [A, done('A', '2024-01-02')], '2024-01-02: A@2024-01-02'],
    ['the last day counts', { module: 'A', notAfter: '2024-01-01' }, [A], '2024-01-01: A@2024-01-01'],
    ['not after', { module: 'A', notAfter: '2023-12-31' }, [A], 'unmet'],
    [
      'of a group bears on all below',
      { notAfter: '2024-01-15', all: [{ module: 'A' }, { module: 'B' }] },
      [A, B],
      'unmet',
    ],
    [
      'nested',
      { within: 'P40D', all: [{ within: 'P5D', all: [{ module: 'A' }, { module: 'B' }] }, { module: 'C' }] },
      [done('A', '2024-01-01'), done('B', '2024-01-04'), done('C', '2024-02-11'), done('C', '2024-02-10')],
      '2024-02-10: A@2024-01-01, B@2024-01-04, C@2024-02-10',
    ],
  ],
  uses: [
    [
      'used up',
      { module: 'S', uses: { n: 1, group: 'g' } },
      [done('S', '2024-01-01')],
      'unmet',
      { used: new Map([['g', new Map([['S', 1]])]]) },
    ],
    [
      'in another group',
      { module: 'S', uses: { n: 1, group: 'g' } },
      [done('S', '2024-01-01')],
      '2024-01-01: S@2024-01-01',
      { used: new Map([['h', new Map([['S', 1]])]]) },
    ],
    [
      'once more',
      { module: 'S', uses: { n: 2, group: 'g' } },
      [done('S', '2024-01-01')],
      '2024-01-01: S@2024-01-01',
      { used: new Map([['g', new Map([['S', 1]])]]) },
    ],
    [
      'all attempts together',
      { module: 'S', uses: { n: 1, group: 'g' } },
      [done('S', '2024-01-01'), done('S', '2024-02-01')],
      'unmet',
      { used: new Map([['g', new Map([['S', 1]])]]) },
    ],
    [
      'a fact without limit goes first',
      {
        all: [
          { atLeast: 2, of: [{ module: 'S', uses: { n: 1, group: 'g' } }, { module: 'A' }, { module: 'B' }] },
          { module: 'C' },
        ],
      },
      [done('S', '2023-01-01'), A, B, C],
      '2024-03-01: A@2024-01-01, B@2024-02-01, C@2024-03-01',
    ],
    [
      'but the earliest since wins',
      { atLeast: 2, of: [{ module: 'S', uses: { n: 1, group: 'g' } }, { module: 'A' }, { module: 'B' }] },
      [done('S', '2023-01-01'), A, B],
      '2024-01-01: S@2023-01-01, A@2024-01-01',
    ],
    [
      'credits of a used-up module',
      { credits: 10, from: ['S', 'A'], uses: { n: 1, group: 'g' } },
      [done('S', '2024-01-01', { credits: 5 }), done('A', '2024-01-01', { credits: 5 })],
      'unmet',
      { used: new Map([['g', new Map([['S', 1]])]]) },
    ],
  ],
  'window and during': [
    [
      'only what begins inside',
      { module: 'A' },
      [A, done('A', '2024-06-01')],
      '2024-06-01: A@2024-06-01',
      { window: { from: day('2024-02-01') } },
    ],
    [
      'the end is out',
      { module: 'A' },
      [done('A', '2024-06-01')],
      'unmet',
      { window: { from: day('2024-02-01'), until: day('2024-06-01') } },
    ],
    [
      'a term that begins inside',
      { credential: 'T' },
      [
        held('T', [
          ['2024-01-01', '2025-01-01'],
          ['2025-01-01', '2026-01-01'],
        ]),
      ],
      '2025-01-01: T@2024-01-01',
      { window: { from: day('2024-06-01') } },
    ],
    [
      'a waiver from before',
      { module: 'A', id: 'a' },
      [waived('a', '2024-01-01')],
      'unmet',
      { window: { from: day('2024-06-01') } },
    ],
    [
      'since is looked for while enrolled',
      { module: 'A' },
      [A],
      '2025-01-01: A@2024-01-01',
      { during: [{ from: day('2025-01-01') }] },
    ],
    [
      'not while away',
      { credential: 'T' },
      [held('T', [['2024-03-01', '2024-04-01']])],
      'unmet',
      { during: [{ from: day('2024-01-01'), until: day('2024-03-01') }, { from: day('2024-04-01') }] },
    ],
  ],
  'found by the oracle': [
    [
      'a waiver that makes up for a fact wanted twice',
      { any: [{ all: [{ module: 'A' }, { credits: 5, from: {} }] }, { module: 'X', id: 'x' }] },
      [done('A', '2024-01-01', { credits: 5 }), waived('x', '2024-06-01')],
      '2024-06-01: waiver x@2024-06-01',
    ],
    [
      'of two credentials the one whose term began inside the window',
      { credential: 'T' },
      [held('T', [['2024-01-01'], ['2024-09-01']]), held('T', [['2024-05-01']], { ref: 'other' })],
      '2024-05-01: other',
      { window: { from: day('2024-02-01') } },
    ],
    [
      'within on a leaf that wants a fact which another wants',
      { all: [{ module: 'A' }, { module: 'A', within: 'P1M' }] },
      [A, done('A', '2024-05-01')],
      '2024-05-01: A@2024-01-01, A@2024-05-01',
    ],
  ],
  step: [
    [
      'decided',
      { all: ['L1', { step: 'L2' }] },
      [
        { kind: 'step', ref: 's1', stepId: 'L1', at: at('2024-01-01') },
        { kind: 'step', ref: 's2', stepId: 'L2', at: at('2024-02-01') },
      ],
      '2024-02-01: s1, s2',
    ],
    ['not decided', 'L1', [A], 'unmet'],
  ],
};

describe.each(Object.entries(tables))('%s', (_, rows) => {
  const named = rows.map(([what, requirement, facts, answer, context]) => ({
    what,
    requirement,
    facts,
    answer,
    context,
  }));
  test.each(named)('$what', ({ requirement, facts, answer, context }) => {
    expect(ask(requirement, facts, context)).toBe(answer);
    expect(ask(requirement, facts.toReversed(), context)).toBe(answer);
  });
});

describe('missing', () => {
  const missing = (requirement: Requirement, facts: readonly Fact[]): readonly string[] =>
    evaluate(requirement, facts, NOW, { zone: 'UTC' }).missing.map((node) => node.requirementId);

  test('names the unmet nodes nearest to the leaves', () => {
    const tree: Requirement = { all: [{ module: 'A' }, { any: [{ module: 'B' }, { module: 'C' }] }, { module: 'D' }] };
    expect(missing(tree, [A])).toEqual(['/1/0', '/1/1', '/2']);
  });
  test('names the group where its children hold, but not together', () => {
    expect(missing({ within: 'P1D', all: [{ module: 'A' }, { module: 'B' }] }, [A, B])).toEqual(['/']);
    expect(missing({ all: [{ module: 'A' }, { module: 'A' }] }, [A])).toEqual(['/']);
  });
  test('is empty when met', () => {
    expect(missing({ module: 'A' }, [A])).toEqual([]);
  });
});

describe('holdsDuring', () => {
  test('gives the terms in which all of it holds', () => {
    const facts = [
      held('T', [
        ['2024-01-01', '2025-01-01'],
        ['2026-01-01', '2027-01-01'],
      ]),
      held('U', [['2024-06-01', '2026-06-01']]),
    ];
    expect(holdsDuring({ all: [{ credential: 'T' }, { credential: 'U' }] }, facts, { zone: 'UTC' })).toEqual([
      { from: at('2024-06-01'), until: at('2025-01-01') },
      { from: at('2026-01-01'), until: at('2026-06-01') },
    ]);
  });
  test('counts no fact twice', () => {
    const facts = [held('T', [['2024-01-01', '2026-01-01']]), { ...held('T', [['2025-01-01']]), ref: 'second' }];
    expect(holdsDuring({ all: [{ credential: 'T' }, { credential: 'T' }] }, facts, { zone: 'UTC' })).toEqual([
      { from: at('2025-01-01'), until: at('2026-01-01') },
    ]);
  });
});
