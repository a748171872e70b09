// Further histories of the worlds of the product description, section 5: what its rules (section 4) make of them was
// worked out from their words, term by term, before the code was asked.
import { e1Catalog, e4Catalog, e5Catalog, e6Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

type Act = readonly [module: string, day: string, score?: number | undefined, recorded?: string];
const instant = (day: string): string => (day.includes('T') ? day : `${day}T09:00:00Z`);

/** In a sandbox, each act recorded when it happened unless said. */
async function lived(slug: string, pathway: string, from: string, acts: readonly Act[]) {
  const world = await openWorld(server, slug, slug.startsWith('e1') ? e1Catalog() : e6Catalog(), instant(from));
  const learner = await world.learner();
  await learner.enroll(pathway, from);
  let now = instant(from);
  for (const [module, day, score, recorded = day] of acts) {
    if (instant(recorded) > now) await world.moveTo((now = instant(recorded)));
    await learner.complete(module, instant(day), score);
  }
  return { world, learner };
}

describe('E1', () => {
  const P: Act = ['FA-101', '2024-03-10', 85];
  const BLS1 = 'BLS#1 [2024-03-10, 2026-03-10)';
  const first = (slug: string, ...acts: readonly Act[]) => lived(`e1-${slug}`, 'first-aid', '2024-01-10', [P, ...acts]);

  it('a term decided in the grace stays, though a refresher within the window comes to light', async () => {
    const { learner } = await first('late', ['FA-R1', '2026-04-02'], ['FA-R1', '2026-01-15', undefined, '2026-05-01']);
    expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-04-02, 2028-04-02)']);
  });

  it('terms with a gap, then without: each window is that of the term before it', async () => {
    const { learner } = await first(
      'chain',
      ['FA-R1', '2026-04-09T21:59:59Z'], // the last second of the grace in Berlin
      ['FA-R1', '2028-01-08T22:59:59Z'], // the window opens on 9 January
      ['FA-R1', '2028-01-08T23:00:00Z'],
      ['FA-R1', '2030-01-08'],
    );
    expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-04-09, 2028-04-09)', 'BLS#3 [2028-04-09, 2030-04-09)']);
  });

  it('what came while the level before was not valid never counts, though that is renewed in its grace', async () => {
    const { learner } = await first(
      'between',
      ['FA-201', '2026-03-15'],
      ['FA-SIM', '2026-03-16'],
      ['FA-R1', '2026-03-20'],
      ['FA-PED', '2026-03-24'],
      ['FA-201', '2026-03-25'],
    );
    expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-03-20, 2028-03-20)', 'ADV#1 [2026-03-25, 2028-03-25)']);
  });

  it('a refresher that comes to light leaves no gap, and what was suspended for it was so only as far as was known', async () => {
    const { world, learner } = await first('light', ['FA-201', '2024-05-04'], ['FA-SIM', '2024-06-01']);
    await world.moveTo('2026-03-15');
    expect(await learner.terms()).toEqual([`${BLS1} expired`, 'ADV#1 [2024-06-01, 2026-06-01) suspended']);
    await world.moveTo('2026-03-16');
    await learner.complete('FA-R1', '2026-03-01');
    const whole = [BLS1, 'BLS#2 [2026-03-10, 2028-03-10)', 'ADV#1 [2024-06-01, 2026-06-01)'];
    expect(await learner.terms()).toEqual(whole);
    await world.moveTo('2026-03-20');
    expect(await learner.terms('?asOf=2026-03-12T09:00:00Z')).toEqual(whole);
    expect(await learner.terms('?asOf=2026-03-12T09:00:00Z&knownAt=2026-03-15T12:00:00Z')).toEqual([
      `${BLS1} expired`,
      'ADV#1 [2024-06-01, 2026-06-01) suspended',
    ]);
  });
});

describe('E4', () => {
  const three = { slug: 'HD-03', title: { en: 'Practice' }, credits: 3 };
  const catalog = { ...e4Catalog(), modules: [...e4Catalog().modules, three] };
  const professional = async (slug: string): Promise<AcceptanceLearner> => {
    const world = await openWorld(server, slug, catalog);
    const learner = await world.learner();
    for (const pathway of ['professional', 'higher-diploma']) await learner.enroll(pathway, '2019-01-01');
    await learner.complete('CLOUD-101', '2025-01-10');
    await learner.complete('NET-101', '2025-03-10');
    await learner.credit({ template: 'CERT-X' }, '2025-04-01');
    return learner;
  };
  const held = ['CLOUD from 2025-01-10', 'NET from 2025-03-10', 'PRO from 2025-04-01'];

  it('credits from outside age from their own date; a fact that comes to light finds them young enough', async () => {
    const learner = await professional('e4-young');
    await learner.complete('HD-12', '2024-03-01');
    await learner.credit({ module: 'EXT-20' }, '2023-06-01', { achievedAt: '2020-10-15T09:00:00Z' });
    // 12 + 4, and nothing from outside since 15 October.
    await learner.complete('HD-04', '2025-10-20');
    expect(await learner.credentials()).toEqual(held);
    // On 10 October: 12 + 3 + 15, of the twenty.
    await learner.complete('HD-03', '2025-10-10');
    expect(await learner.credentials()).toEqual([...held, 'HD from 2025-10-10']);
  });

  it.each([
    ['until the last second of the local day before', '2025-10-14T21:59:59Z', ['HD from 2025-10-14']],
    ['not from its first', '2025-10-14T22:00:00Z', []],
  ])('five years later a fact counts %s', async (_what, day, more) => {
    const learner = await professional(`e4-${more.length}`);
    await learner.complete('HD-12', '2020-10-15T20:00:00Z');
    await learner.credit({ module: 'EXT-20' }, '2023-06-01');
    await learner.complete('HD-03', day);
    expect(await learner.credentials()).toEqual([...held, ...more]);
  });

  it('what is over the cap is not there: half of thirty, whatever it is half of', async () => {
    const learner = await professional('e4-cap');
    await learner.credit({ module: 'EXT-20' }, '2025-06-01');
    await learner.credit({ module: 'HD-04' }, '2025-06-02');
    await learner.complete('HD-12', '2025-07-01');
    expect(await learner.credentials()).toEqual(held); // 15 + 12
    // Passed here, the module counts as ours; its credits count once.
    await learner.complete('HD-04', '2025-08-01');
    expect(await learner.credentials()).toEqual([...held, 'HD from 2025-08-01']); // 15 + 12 + 4
  });
});

describe('E5', () => {
  const certified = async (slug: string) => {
    const world = await openWorld(server, slug, e5Catalog());
    const learner = await world.learner();
    await learner.enroll('associate', '2024-09-01');
    for (const module of ['M1', 'M2', 'M3']) await learner.complete(module, '2024-09-10');
    return learner;
  };
  const UC = 'UC from 2024-09-10';

  it('what counts once goes to the destination that is decided first', async () => {
    const learner = await certified('e5-first');
    await learner.complete('B1', '2024-10-01');
    await learner.complete('S1', '2024-10-02');
    await learner.complete('T1', '2024-10-03');
    expect(await learner.credentials()).toEqual([UC, 'BUS from 2024-10-02']);
    await learner.complete('T2', '2024-10-04');
    expect(await learner.credentials()).toEqual([UC, 'BUS from 2024-10-02', 'TECH from 2024-10-04']);
  });

  it('of two at one instant to the one listed first, and to the other once that is taken back', async () => {
    const learner = await certified('e5-listed');
    const technology = await learner.complete('T1', '2024-10-01');
    await learner.complete('B1', '2024-10-02');
    await learner.complete('S1', '2024-10-03');
    expect(await learner.credentials()).toEqual([UC, 'TECH from 2024-10-03']);
    await learner.invalidate(technology, '2024-11-01');
    expect(await learner.credentials()).toEqual([UC, 'TECH from 2024-10-03, revoked', 'BUS from 2024-10-03']);
    // T2 does not take S1 back; T1 passed again does without it.
    await learner.complete('T2', '2024-11-02');
    await learner.complete('T1', '2024-11-03');
    expect(await learner.credentials()).toEqual([
      UC,
      'TECH from 2024-10-03, revoked',
      'BUS from 2024-10-03',
      'TECH/2 from 2024-11-03',
    ]);
  });
});

describe('E6', () => {
  const site = (slug: string, ...acts: readonly Act[]) => lived(`e6-${slug}`, 'site-access', '2025-01-02', acts);
  const SA1 = 'SA#1 [2025-02-20, 2026-02-20)';
  const begun: readonly Act[] = [
    ['SAFETY', '2025-01-10'],
    ['NON-DRIVER', '2025-01-10'],
    ['DATA', '2025-02-20'],
  ];

  it('sixty days apart is within, sixty-one is not, by local days', async () => {
    const both: readonly Act[] = [
      ['NON-DRIVER', '2025-01-10'],
      ['SAFETY', '2025-01-10T21:00:00Z'],
    ];
    const sixty = await site('sixty', ...both, ['DATA', '2025-03-11T22:59:59Z']);
    expect(await sixty.learner.terms()).toEqual(['SA#1 [2025-03-11, 2026-03-11)']);
    const more = await site('more', ...both, ['DATA', '2025-03-11T23:00:00Z']);
    expect(await more.learner.terms()).toEqual([]);
  });

  it('window and grace are of local days, and both refreshers must lie within', async () => {
    const { learner } = await site(
      'window',
      ...begun,
      ['R-SAFETY', '2025-12-21'], // a day before the window
      ['R-DATA', '2026-01-05'],
      ['R-SAFETY', '2026-03-05T22:59:59Z'], // the last second of the grace
    );
    expect(await learner.terms()).toEqual([SA1, 'SA#2 [2026-03-05, 2027-03-05)']);
  });

  it('after the grace it is earned again, by facts that begin then', async () => {
    const { world, learner } = await site(
      'again',
      ...begun,
      ['SAFETY', '2026-02-25'], // awards nothing while it can be renewed
      ['DATA', '2026-02-26'],
      ['NON-DRIVER', '2026-03-05'],
      ['R-DATA', '2026-01-05', undefined, '2026-03-06'],
      ['R-SAFETY', '2026-03-06'], // too late
      ['SAFETY', '2026-03-10'],
      ['DATA', '2026-03-11'],
    );
    expect(await learner.terms()).toEqual([`${SA1} expired`]);
    await world.moveTo('2026-03-12');
    await learner.complete('FORKLIFT', '2026-03-12');
    expect(await learner.terms()).toEqual([`${SA1} expired`, 'SA/2#1 [2026-03-12, 2027-03-12)']);
  });
});
