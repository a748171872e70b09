// E1 First aid (product description, section 5): two-year terms, renewal in window and grace, what rests on a lapsed level.
// Each row its own sandbox: the clock moves from act to act, so that whatever falls due in between falls due.
import { e1Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

type Act = readonly [module: string, day: string, score?: number, recorded?: string];
const P: Act = ['FA-101', '2024-03-10', 85];
const R1 = (day: string): Act => ['FA-R1', day];

/** Enrolled before the first fact; each act is recorded at noon of its day unless said. */
async function history(
  slug: string,
  ...acts: readonly Act[]
): Promise<{ readonly world: AcceptanceWorld; readonly learner: AcceptanceLearner }> {
  const world = await openWorld(server, slug, e1Catalog(), '2024-01-10T12:00:00Z');
  const learner = await world.learner();
  await learner.enroll('first-aid', '2024-01-10');
  for (const [module, day, score, recorded = `${day}T12:00:00Z`] of acts) {
    await world.moveTo(recorded);
    await learner.complete(module, day, score);
  }
  return { world, learner };
}
const asOf = (day: string, knownAt?: string): string =>
  `?asOf=${day}T12:00:00Z${knownAt === undefined ? '' : `&knownAt=${knownAt}T12:00:00Z`}`;

const BLS1 = 'BLS#1 [2024-03-10, 2026-03-10)';

it('a: renewed in the window, the next term starts at the old end', async () => {
  const { world, learner } = await history('e1-a', P, R1('2026-01-15'));
  expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-03-10, 2028-03-10)']);
  await world.moveTo('2026-03-20');
  expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-03-10, 2028-03-10)']);
  const page = await server.as(undefined).get(`/c/${await learner.credential('BLS')}.json`);
  expect(page.body).toMatchObject({
    status: 'valid',
    serial: 2,
    since: '2024-03-10T09:00:00.000Z',
    history: [{ what: 'issued' }, { what: 'renewal-opened' }, { what: 'renewed', at: '2026-01-15T09:00:00.000Z' }],
  });
  expect(await learner.verdicts()).toEqual(['BLS valid']);
});

it('b: too early does not count; in the grace the term starts at the fact, and the gap stays', async () => {
  const { learner } = await history('e1-b', P, R1('2025-11-30'), R1('2026-04-02'));
  expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-04-02, 2028-04-02)']);
  expect(await learner.terms(asOf('2026-03-20'))).toEqual([`${BLS1} expired`]);
  expect(await learner.terms(asOf('2026-03-09'))).toEqual([BLS1]);
});

const C: readonly Act[] = [
  P,
  ['FA-201', '2024-05-04'],
  ['FA-SIM', '2024-06-01'],
  R1('2026-05-20'),
  ['FA-101', '2026-05-21', 90],
];
const ADV = 'ADV#1 [2024-06-01, 2026-06-01)';
const AS_C = [`${BLS1} expired`, ADV, 'BLS/2#1 [2026-05-21, 2028-05-21)'];

it('c: too late renews nothing; what rests on it is suspended until it is earned again', async () => {
  const { world, learner } = await history('e1-c', ...C);
  expect(await learner.terms()).toEqual(AS_C);
  const answerAt = async (instant: string) =>
    (await server.as(undefined).get(`/c/${await learner.credential('ADV')}.json?asOf=${instant}`)).body
      .status as string;
  expect(await answerAt('2026-03-09T22:59:59.999Z')).toBe('valid');
  expect(await answerAt('2026-03-09T23:00:00Z')).toBe('suspended');
  expect(await answerAt('2026-05-21T08:59:59.999Z')).toBe('suspended');
  expect(await answerAt('2026-05-21T09:00:00Z')).toBe('valid');
  // Why, at any pair of instants: each effect leads to its first cause.
  const path = `/api/credentials/${await learner.credential('ADV')}/explain`;
  expect((await world.client.get(path)).body).toMatchObject({
    changes: [
      {
        what: 'suspended',
        at: '2026-03-09T23:00:00.000Z',
        text: { en: 'Suspended: component expired' },
        causes: [
          { text: { en: 'By the rules of its template (component expired of “Basic life support”): suspend' } },
          { text: { en: '“Basic life support”: expired' }, at: '2026-03-09T23:00:00.000Z' },
        ],
      },
      {
        what: 'reinstated',
        at: '2026-05-21T09:00:00.000Z',
        causes: [{}, { text: { en: '“Basic life support” counts' } }],
      },
    ],
  });
  const then = (await world.client.get(`${path}${asOf('2026-05-20', '2026-05-20')}`)).body;
  expect(then).toMatchObject({ status: 'suspended', changes: [{ what: 'suspended' }] });
  expect((await world.client.get(`${path}${asOf('2026-03-01')}`)).body).not.toHaveProperty('changes');
});

it('d: what needs the lapsed level is kept as out of order', async () => {
  const { world, learner } = await history('e1-d', ...C, ['FA-301', '2026-07-01']);
  expect(await learner.terms()).toEqual([AS_C[0], `${ADV} expired`, AS_C[2]]);
  const { body } = await world.client.get(`/api/enrollments/${learner.id.replace('lrn_', 'enr_')}-1`);
  expect(body.steps).toMatchObject([{ state: 'satisfied' }, { state: 'satisfied' }, { state: 'open' }]);
});

it.each<[string, readonly Act[]]>([
  ['a mark below', [['FA-101', '2024-03-10', 78]]],
  ['a refresher alone', [R1('2024-03-10')]],
])('e: %s earns nothing', async (name, acts) => {
  const { learner } = await history(`e1-e-${name.length}`, ...acts);
  expect(await learner.terms()).toEqual([]);
});

it('f: a term of two years from 29 February', async () => {
  const { learner } = await history('e1-f', ['FA-101', '2024-02-29', 85], R1('2026-01-15'));
  expect(await learner.terms()).toEqual(['BLS#1 [2024-02-29, 2026-02-28)', 'BLS#2 [2026-02-28, 2028-02-28)']);
});

it('g: recorded late, it was true before it was known', async () => {
  const { learner } = await history('e1-g', ['FA-101', '2024-03-10', 85, '2024-04-02T12:00:00Z']);
  expect(await learner.terms()).toEqual([BLS1]);
  expect(await learner.terms(asOf('2024-03-20'))).toEqual([BLS1]);
  expect(await learner.terms(asOf('2024-03-20', '2024-03-20'))).toEqual([]);
  const page = `/c/${await learner.credential('BLS')}.json`;
  expect(await server.as(undefined).get(`${page}${asOf('2024-03-20', '2024-03-20')}`)).toMatchObject({ status: 404 });
  expect(await server.as(undefined).get(`${page}${asOf('2024-03-20')}`)).toMatchObject({ body: { status: 'valid' } });
});

describe('all of it recorded years later, in one go: the same credentials, on both axes of time', () => {
  let world: AcceptanceWorld;
  beforeAll(async () => {
    world = await openWorld(server, 'e1-late', e1Catalog(), '2026-08-01T12:00:00Z');
  });
  const late = async (...acts: readonly Act[]): Promise<AcceptanceLearner> => {
    const learner = await world.learner();
    await learner.enroll('first-aid', '2024-01-10');
    for (const [module, day, score] of acts) await learner.complete(module, day, score);
    return learner;
  };
  const at = async (learner: AcceptanceLearner, ...days: readonly string[]) =>
    Promise.all(days.map(async (day) => (await learner.terms(asOf(day))).map((term) => term.replace(/ \[.*\)/, ''))));

  it.each<[string, readonly Act[], readonly string[]]>([
    ['a', [P, R1('2026-01-15')], [BLS1, 'BLS#2 [2026-03-10, 2028-03-10)']],
    ['a, the refresher first', [R1('2026-01-15'), P], [BLS1, 'BLS#2 [2026-03-10, 2028-03-10)']],
    ['b', [P, R1('2025-11-30'), R1('2026-04-02')], [BLS1, 'BLS#2 [2026-04-02, 2028-04-02)']],
    ['c', C, [`${BLS1} expired`, `${ADV} expired`, 'BLS/2#1 [2026-05-21, 2028-05-21)']],
  ])('%s', async (_, acts, expected) =>
    expect((await (await late(...acts)).terms()).toSorted()).toEqual([...expected].toSorted()),
  );

  it('c: the level above was suspended while it was, by its own instants', async () => {
    const learner = await late(...C);
    expect(await at(learner, '2026-03-09', '2026-03-20', '2026-05-22', '2026-07-01')).toEqual([
      // What is known now to begin later is not yet valid then.
      ['BLS#1', 'ADV#1', 'BLS/2#1 not-yet-valid'],
      ['BLS#1 expired', 'ADV#1 suspended', 'BLS/2#1 not-yet-valid'],
      ['BLS#1 expired', 'ADV#1', 'BLS/2#1'],
      ['BLS#1 expired', 'ADV#1 expired', 'BLS/2#1'],
    ]);
  });

  it.each([
    ['2026-02-01', true], // all valid
    ['2026-04-01', false], // ADV suspended
    ['2026-05-25', true], // valid again
    ['2026-07-01', false], // ADV expired
  ])('d: the course above, on %s, counts only if the level before it was in force then', async (day, counts) => {
    const learner = await late(...C, ['FA-301', day]);
    expect((await learner.terms()).some((term) => term.startsWith('INS'))).toBe(counts);
  });
});
