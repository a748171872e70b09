// Pathway versions under living learners: E2 with a second version, over HTTP.
import { e2Catalog, e2SecondVersion } from '@cairn/testing';
import { startServer, type TestServer } from '../support/server.js';
import { openWorld, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startServer();
  world = await openWorld(server, 'versions', e2Catalog());
});
afterAll(() => server.close());

const funnel = async (version: string, more = '') => {
  const { body } = await world.client.get(`/api/analytics/pathways/data-skills/funnel?version=${version}${more}`);
  const [first] = body.steps as { reached: number; satisfied: number }[];
  return { enrolled: body.enrolled as number, ...first };
};

it('a move takes the learner from one version’s funnel to the other’s; a past answer stays as it was', async () => {
  const [old, next] = [e2Catalog().pathways[0]?.label as string, e2SecondVersion().label];
  const learner = await world.learner();
  const { id } = await learner.enroll('data-skills', '2024-09-01');
  await learner.complete('DS-101', '2024-09-10');
  await learner.complete('DS-102', '2024-09-20');
  await world.publish(e2SecondVersion());

  const { body: diff } = await world.client.get(`/api/pathways/data-skills/versions/${next}/diff`);
  expect(JSON.stringify(diff)).toMatch(/Foundations.*DS-103/);

  expect(await funnel(old)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  const body = { version: next, reasonCode: 'rules-revised', occurredAt: '2024-10-01T09:00:00Z' };
  const lost = await world.client.send('POST', `/api/enrollments/${id}/move`, { ...body, mapping: { L1: 'nowhere' } });
  expect(lost).toMatchObject({ status: 422, body: { code: 'mapping-incomplete' } });
  expect(await world.client.post(`/api/enrollments/${id}/move`, body)).toMatchObject({ outcome: 'recorded' });
  await server.settled();

  expect(await funnel(old)).toMatchObject({ enrolled: 0, reached: 0, satisfied: 0 });
  expect(await funnel(next)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  // Asked about an instant, the journeys answer: now as the counters, before the move as it was.
  const now = `&asOf=${new Date().toISOString()}`;
  expect(await funnel(old, now)).toMatchObject({ enrolled: 0, reached: 0, satisfied: 0 });
  expect(await funnel(next, now)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  expect(await funnel(old, '&asOf=2024-09-25T00:00:00.000Z')).toMatchObject({ enrolled: 1, satisfied: 1 });
  expect(await funnel(next, '&asOf=2024-09-25T00:00:00.000Z')).toMatchObject({ enrolled: 0, satisfied: 0 });
  // What was earned stays, and follows again from the rules that it was earned by.
  expect(await learner.credentials()).toEqual(['L1 from 2024-09-20']);
  expect(await learner.verdicts()).toEqual(['L1 valid']);
  expect((await world.client.get(`/api/enrollments/${id}`)).body).toMatchObject({ label: next, openSteps: ['L2'] });
});

it('afterwards every read model can be folded again from the log', async () => {
  await server.settled();
  expect((await server.installation.rebuild()).filter(({ equal }) => !equal)).toEqual([]);
});
