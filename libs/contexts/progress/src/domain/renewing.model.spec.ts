// Random histories of one credential's terms against an oracle that knows nothing but local dates: no zones, no records.
import fc from 'fast-check';
import { createWorld, m, t } from './record-world-spec.js';

type Length = { readonly months: number; readonly days: number };
type Fact = { readonly kind: 'award' | 'refresher' | 'below'; readonly after: number };
type History = {
  readonly zone: string;
  readonly first: string;
  readonly months: number;
  readonly window: Length;
  readonly grace: Length;
  readonly facts: readonly Fact[];
};

// ---- local dates, reckoned plainly --------------------------------------------------------------------------------

const DAY = 86_400_000;
const ms = (date: string): number => Date.parse(`${date}T00:00:00Z`);
const plusDays = (date: string, days: number): string => new Date(ms(date) + days * DAY).toISOString().slice(0, 10);
function plus(date: string, { months, days }: Length, sign: 1 | -1): string {
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const index = year * 12 + month - 1 + sign * months;
  const last = new Date(Date.UTC(Math.floor(index / 12), (index % 12) + 1, 0)).getUTCDate();
  const clamped = new Date(Date.UTC(Math.floor(index / 12), index % 12, Math.min(day, last)));
  return plusDays(clamped.toISOString().slice(0, 10), sign * days);
}
const iso = ({ months, days }: Length): string => `P${months > 0 ? `${months}M` : ''}${days > 0 ? `${days}D` : ''}`;

/** Noon of a local day: found by looking at the clock on the wall, not by offsets. */
function noon(date: string, zone: string): string {
  const wall = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' });
  for (let hour = -15; hour <= 15; hour += 0.25) {
    const instant = new Date(ms(date) + (12 + hour) * 3_600_000);
    if (wall.format(instant) === `${date} 12:00`) return instant.toISOString();
  }
  throw new RangeError(`${date} has no noon in ${zone}`);
}

/** `C [from, until) [from, until)` of each occurrence, from facts in the order of time. */
function oracle({ months, window, grace, facts, first }: History): readonly string[] {
  const occurrences: [from: string, until: string][][] = [];
  const until = (from: string): string => plus(from, { months, days: 0 }, 1);
  let date = first;
  for (const { kind, after } of facts) {
    date = plusDays(date, after);
    if (kind === 'below') continue;
    const terms = occurrences.at(-1);
    const end = terms?.at(-1)?.[1];
    const closes = end === undefined ? '' : plus(end, grace, 1);
    if (terms && end !== undefined && date < closes) {
      if (date < plus(end, window, -1)) continue;
      const from = date < end ? end : date;
      terms.push([from, until(from)]);
    } else if (kind === 'award') occurrences.push([[date, until(date)]]);
  }
  return occurrences
    .map((terms, index) =>
      [index === 0 ? 'C' : `C/${index + 1}.1`, ...terms.map(([from, end]) => `[${from}, ${end})`)].join(' '),
    )
    .toSorted();
}

const ZONES = [
  'Europe/Berlin',
  'America/Los_Angeles',
  'Pacific/Auckland',
  'America/Sao_Paulo',
  'Asia/Kathmandu',
  'UTC',
];
const history: fc.Arbitrary<History> = fc.record({
  zone: fc.constantFrom(...ZONES),
  first: fc.oneof(
    fc.constantFrom('2016-02-29', '2017-01-31', '2018-03-25', '2019-12-31', '2020-02-29'),
    fc.integer({ min: 0, max: 1500 }).map((days) => plusDays('2016-01-01', days)),
  ),
  months: fc.constantFrom(6, 12, 24),
  window: fc.constantFrom({ months: 3, days: 0 }, { months: 0, days: 60 }, { months: 1, days: 10 }),
  grace: fc.constantFrom({ months: 1, days: 0 }, { months: 0, days: 14 }, { months: 0, days: 1 }),
  facts: fc.array(
    fc.record({
      kind: fc.constantFrom('award' as const, 'refresher' as const, 'refresher' as const, 'below' as const),
      after: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 41, max: 400 })),
    }),
    { minLength: 1, maxLength: 10 },
  ),
});

async function played({ zone, first, months, window, grace, facts }: History): Promise<readonly string[]> {
  const world = createWorld({ zone })
    .modules('A', 'R')
    .template('C', {
      validityMonths: months,
      renewal: {
        requirement: { any: [{ module: m('R') }, { module: m('A'), minGrade: 80 }] },
        window: iso(window),
        grace: iso(grace),
      },
    })
    .pathway('p', {
      rules: {
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'A' }],
        steps: [{ id: 'A', need: { module: m('A'), minGrade: 80 } }],
        awards: [{ id: 'C', template: t('C'), kind: 'final', when: 'A' }],
      },
    });
  await world.enroll('p', noon(first, zone));
  let date = first;
  for (const { kind, after } of facts) {
    date = plusDays(date, after);
    const instant = noon(date, zone);
    if (kind === 'refresher') await world.complete('R', instant);
    else await world.complete('A', instant, { score: kind === 'award' ? 85 : 60 });
  }
  return world.credentials();
}

it('terms, windows, graces and occurrences follow from local dates, whatever the zone', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (one) => expect(await played(one)).toEqual(oracle(one))),
    { numRuns: 150 },
  );
}, 120_000);

it('one refresher in each window: whatever order they arrive in, the chain of terms is the same', async () => {
  const days = ['2018-01-20', '2020-02-05', '2022-03-01', '2024-01-02'];
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([...days, 'award'], { minLength: 5 }), async (order) => {
      const world = createWorld()
        .modules('A', 'R')
        .template('C', {
          validityMonths: 24,
          renewal: { requirement: { module: m('R') }, window: 'P3M', grace: 'P1M' },
        })
        .pathway('p', {
          rules: {
            order: 'advisory',
            entryPoints: [{ id: 'start', at: 'A' }],
            steps: [{ id: 'A', need: { module: m('A') } }],
            awards: [{ id: 'C', template: t('C'), kind: 'final', when: 'A' }],
          },
        });
      await world.enroll('p', '2016-01-01');
      for (const what of order)
        if (what === 'award') await world.complete('A', '2016-03-10', {}, { now: '2024-06-01' });
        else await world.complete('R', what, {}, { now: '2024-06-01' });
      expect(world.credentials()).toEqual([
        'C [2016-03-10, 2018-03-10) [2018-03-10, 2020-03-10) [2020-03-10, 2022-03-10) [2022-03-10, 2024-03-10) [2024-03-10, 2026-03-10)',
      ]);
    }),
    { numRuns: 30 },
  );
}, 60_000);
