// E6 Compliance (product description, section 5): two modules close together, a yearly term, a waiver, local days.
import { e6Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

/** A bare day is 09:00 UTC; each act is recorded at once. */
type Act = readonly [module: string, day: string];
async function history(
  slug: string,
  ...acts: readonly Act[]
): Promise<{ readonly world: AcceptanceWorld; readonly learner: AcceptanceLearner }> {
  const world = await openWorld(server, slug, e6Catalog(), '2025-01-02T09:00:00Z');
  const learner = await world.learner();
  await learner.enroll('site-access', '2025-01-01');
  let now = '2025-01-02T09:00:00Z';
  for (const [module, day] of acts) {
    const at = day.includes('T') ? day : `${day}T09:00:00Z`;
    if (at > now) await world.moveTo(at);
    if (at > now) now = at;
    await learner.complete(module, day);
  }
  return { world, learner };
}
const A: readonly Act[] = [
  ['SAFETY', '2025-01-10'],
  ['NON-DRIVER', '2025-01-10'],
  ['DATA', '2025-02-20'],
];
const SA1 = 'SA#1 [2025-02-20, 2026-02-20)';

it('a: both within sixty days', async () => {
  const { learner } = await history('e6-a', ...A);
  expect(await learner.terms()).toEqual([SA1]);
  expect(await learner.verdicts()).toEqual(['SA valid']);
});

it('b: 81 days apart is too far; another attempt counts', async () => {
  const { world, learner } = await history('e6-b', A[0] as Act, A[1] as Act, ['DATA', '2025-04-01']);
  expect(await learner.terms()).toEqual([]);
  await world.moveTo('2025-04-03T09:00:00Z');
  await learner.complete('SAFETY', '2025-04-03');
  expect(await learner.terms()).toEqual(['SA#1 [2025-04-03, 2026-04-03)']);
});

it('c: renewed in window and grace together, the term starts at the later; the gap stays', async () => {
  const { world, learner } = await history('e6-c', ...A, ['R-SAFETY', '2026-01-05'], ['R-DATA', '2026-02-27']);
  expect(await learner.terms()).toEqual([SA1, 'SA#2 [2026-02-27, 2027-02-27)']);
  expect(await learner.terms('?asOf=2026-02-20T00:00:00Z')).toEqual([`${SA1} expired`]);
  expect(await learner.terms('?asOf=2026-02-19T22:59:59Z')).toEqual([SA1]);
  const { body } = await world.client.get(`/api/credentials/${await learner.credential('SA')}/explain`);
  expect(body).toMatchObject({
    matches: true,
    renewals: [{ serial: 2, kind: 'earned', matches: true, requirements: [{ facts: [{}] }, { facts: [{}] }] }],
  });
});

it('d: a waiver with reason and authority is shown in the explanation; without a reason it is refused', async () => {
  const { world, learner } = await history('e6-d', A[0] as Act, A[1] as Act);
  await world.moveTo('2025-02-01T09:00:00Z');
  const path = `/api/enrollments/${learner.id.replace('lrn_', 'enr_')}-1/waive`;
  const waiver = { requirement: 'data', authority: 'site manager', occurredAt: '2025-02-01T09:00:00Z' };
  expect(await world.client.send('POST', path, waiver)).toMatchObject({
    status: 422,
    body: { code: 'reason-required' },
  });
  expect(await learner.terms()).toEqual([]);
  await world.client.post(path, { ...waiver, reasonCode: 'prior-learning' });
  await server.settled();
  expect(await learner.terms()).toEqual(['SA#1 [2025-02-01, 2026-02-01)']);
  const { body } = await world.client.get(`/api/credentials/${await learner.credential('SA')}/explain`);
  const waived = (body.requirements as { waived: boolean; facts: object[] }[]).find((one) => one.waived);
  expect(waived?.facts).toMatchObject([{ kind: 'waiver', authority: 'site manager', reason: 'prior-learning' }]);
});

it('e: the day is the local one', async () => {
  const { learner } = await history(
    'e6-e',
    ['SAFETY', '2025-03-20'],
    ['NON-DRIVER', '2025-03-20'],
    ['DATA', '2025-03-30T23:30:00Z'],
  );
  expect(await learner.terms()).toEqual(['SA#1 [2025-03-31, 2026-03-31)']);
});
