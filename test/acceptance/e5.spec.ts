// E5 Nested, two destinations (product description, section 5): a pathway within another, an exit award, a module that
// counts once, absence, and an entitlement taken back; each row its own learner.
import { e5Catalog, e5LaterVersions, type CatalogWorld } from '@cairn/testing';
import type { Answer, TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'e5', e5Catalog(), '2026-06-01T09:00:00Z');
});

const UC = 'UC from 2024-12-01';
const TECH = 'TECH from 2025-03-01';

type Joined = { readonly learner: AcceptanceLearner; readonly enrollment: string };

async function joined(where: AcceptanceWorld = world): Promise<Joined> {
  const learner = await where.learner();
  const { id } = await learner.enroll('associate', '2024-09-01');
  return { learner, enrollment: id as string };
}
async function certified(where: AcceptanceWorld = world): Promise<Joined & { readonly m2: Answer['body'] }> {
  const { learner, enrollment } = await joined(where);
  await learner.complete('M1', '2024-10-01');
  const m2 = await learner.complete('M2', '2024-11-01');
  await learner.complete('M3', '2024-12-01');
  return { learner, enrollment, m2 };
}

it('a: joining the outer pathway joins the inner; both certificates come of one chain', async () => {
  const { learner, enrollment } = await certified();
  expect(await learner.credentials()).toEqual([UC]);
  await learner.complete('T1', '2025-02-01');
  await learner.complete('T2', '2025-03-01');
  expect(await learner.credentials()).toEqual([UC, TECH]);
  expect(await learner.verdicts()).toEqual(['TECH valid', 'UC valid']);

  const { body: wallet } = await world.client.get(`/api/enrollments?learner=${learner.id}`);
  expect(wallet.items).toHaveLength(2);
  const { body: trail } = await world.client.get(`/api/audit/events?learner=${learner.id}&limit=200`);
  const events = trail.items as { type: string; id: string; correlation: string }[];
  const { body: history } = await world.client.get(`/api/enrollments/${enrollment}/history`);
  const outer = (history.items as { id: string; type: string; data: { stepId?: string } }[]).find(
    ({ type, data }) => type === 'step-satisfied' && data.stepId === 'UC',
  );
  const [issued] = events.filter(({ type }) => type === 'credential-issued');
  expect(events.find(({ id }) => id === outer?.id)?.correlation).toBe(issued?.correlation);
});

it('b: held for two years, the inner certificate is not issued again', async () => {
  const learner = await world.learner();
  await learner.enroll('university-certificate', '2022-09-01');
  for (const module of ['M1', 'M2', 'M3']) await learner.complete(module, '2022-12-01');
  await learner.enroll('associate', '2024-12-01');
  await learner.complete('T1', '2025-02-01');
  await learner.complete('T2', '2025-03-01');
  expect(await learner.credentials()).toEqual(['UC from 2022-12-01', TECH]);
});

describe('c: away and back', () => {
  /** v3 is current when the learner returns; each version keeps whoever is back within so many days. */
  async function away(slug: string, returnWithinDays: number): Promise<Joined & { readonly on: AcceptanceWorld }> {
    const catalog = e5Catalog();
    const keeping = catalog.pathways.map((pathway) =>
      pathway.slug === 'associate' ? { ...pathway, returnWithinDays } : pathway,
    );
    const whole: CatalogWorld = { ...catalog, pathways: keeping };
    const on = await openWorld(server, slug, whole, '2026-06-01T09:00:00Z');
    const { learner, enrollment } = await certified(on);
    await learner.withdraw(enrollment, '2025-01-31');
    for (const version of e5LaterVersions()) await on.publish({ ...version, returnWithinDays });
    return { on, learner, enrollment };
  }
  const stateAt = async (on: AcceptanceWorld, asOf: string) => {
    const { body } = await on.client.get(
      `/api/analytics/pathways/associate/drop-off?version=1&asOf=${asOf}T09:00:00.000Z`,
    );
    return Object.entries(body.states as Record<string, number>).filter(([, count]) => count > 0);
  };

  it('within the days kept: on the version that was left', async () => {
    const { on, learner, enrollment } = await away('e5-kept', 730);
    expect(await stateAt(on, '2025-06-01')).toEqual([['exited-with-award', 1]]);
    await learner.reinstate(enrollment, '2026-03-07');
    await learner.complete('T1', '2026-04-01');
    await learner.complete('T2', '2026-05-01');
    expect(await learner.credentials()).toEqual([UC, 'TECH from 2026-05-01']);
    expect((await on.client.get(`/api/enrollments/${enrollment}`)).body).toMatchObject({ version: 1, label: '1' });
    expect(await stateAt(on, '2025-06-01')).toEqual([['exited-with-award', 1]]);
  });

  it('later: on the newest version, with all that was met', async () => {
    const { on, learner, enrollment } = await away('e5-moved', 365);
    expect(await learner.reinstate(enrollment, '2026-03-07')).toMatchObject({
      events: [{ type: 'enrollment-reinstated' }, { type: 'enrollment-moved-to-version' }],
    });
    expect((await on.client.get(`/api/enrollments/${enrollment}`)).body).toMatchObject({
      version: 3,
      label: '3',
      percent: 33,
    });
    await learner.complete('T1', '2026-04-01');
    await learner.complete('T2', '2026-05-01');
    expect(await learner.credentials()).toEqual([UC]); // v3 asks for T2 and T3
    await learner.complete('T3', '2026-05-15');
    expect(await learner.credentials()).toEqual([UC, 'TECH from 2026-05-15']);
  });
});

it('d: a module that counts once goes to the destination decided first', async () => {
  const { learner } = await certified();
  await learner.complete('T1', '2025-02-01');
  await learner.complete('S1', '2025-03-01');
  await learner.complete('B1', '2025-04-01');
  expect(await learner.credentials()).toEqual([UC, TECH]);
  await learner.complete('B2', '2025-05-01');
  expect(await learner.credentials()).toEqual([UC, TECH, 'BUS from 2025-05-01']);
});

it('e: a completion taken back revokes what it entitled to and suspends what rests on that, until it is passed again', async () => {
  const { learner, m2 } = await certified();
  await learner.complete('T1', '2025-02-01');
  await learner.complete('T2', '2025-03-01');
  await learner.invalidate(m2, '2025-04-01');
  expect(await learner.credentials()).toEqual([`${UC}, revoked`, `${TECH}, suspended`]);
  expect(await learner.verdicts()).toEqual(['TECH suspended', 'UC revoked']);
  await learner.complete('M2', '2025-05-01');
  expect(await learner.credentials()).toEqual([`${UC}, revoked`, TECH, 'UC/2 from 2025-05-01']);
  expect(await learner.verdicts()).toEqual(['TECH valid', 'UC revoked', 'UC valid']);
});
