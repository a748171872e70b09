// Reminders of the end of a term over HTTP, on a sandbox clock: on the feed, once each, in order, none after renewal.
import { e1Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

async function reminded(slug: string) {
  const catalog = e1Catalog();
  const templates = catalog.templates.map((template) => ({ ...template, reminders: ['P90D', 'P30D', 'P7D'] }));
  const world = await openWorld(server, slug, { ...catalog, templates }, '2024-04-01T12:00:00Z');
  const learner = await world.learner();
  await learner.enroll('first-aid', '2024-01-10');
  await learner.complete('FA-101', '2024-03-10', 85);
  return { world, learner };
}

type Told = { readonly type: string; readonly data: { readonly stage: string; readonly dueAt: string } };
async function toldOn(world: AcceptanceWorld): Promise<readonly string[]> {
  const { body } = await world.client.get('/api/events?limit=1000');
  return (body as readonly Told[])
    .filter(({ type }) => type.endsWith('credential.renewal-reminder.v1'))
    .map(({ data }) => `${data.stage} ${data.dueAt}`);
}

it('each stage is told once, at nine in the zone of the issuer', async () => {
  const { world } = await reminded('told');
  await world.moveTo('2025-12-10T07:59:00Z');
  expect(await toldOn(world)).toEqual([]);
  await world.moveTo('2025-12-10T08:00:00Z');
  const first = 'P90D 2025-12-10T08:00:00.000Z';
  expect(await toldOn(world)).toEqual([first]);
  await world.moveTo('2026-02-20T12:00:00Z');
  await world.moveTo('2026-03-05T12:00:00Z');
  await world.moveTo('2026-05-05T12:00:00Z');
  expect(await toldOn(world)).toEqual([first, 'P30D 2026-02-08T08:00:00.000Z', 'P7D 2026-03-03T08:00:00.000Z']);
});

it('once it is renewed its holder is left in peace, until the next term ends', async () => {
  const { world, learner } = await reminded('renewed');
  await world.moveTo('2026-01-15T12:00:00Z');
  await learner.complete('FA-R1', '2026-01-15');
  await world.moveTo('2026-03-05T12:00:00Z');
  expect(await toldOn(world)).toEqual(['P90D 2025-12-10T08:00:00.000Z']);
  await world.moveTo('2027-12-11T12:00:00Z');
  expect(await toldOn(world)).toEqual(['P90D 2025-12-10T08:00:00.000Z', 'P90D 2027-12-11T08:00:00.000Z']);
});

it('a draft with reminders that nobody can read, twice the same, or without a term, is refused where it is wrong', async () => {
  const { world } = await reminded('refused');
  const [bls] = e1Catalog().templates;
  const redraft = async (over: object) => {
    const { slug: _slug, ...draft } = { ...bls, issuer: 'refused' };
    return world.client.send('PUT', '/api/templates/BLS/draft', { ...draft, ...over });
  };
  expect(await redraft({ reminders: ['P90D', 'soon'] })).toMatchObject({
    status: 422,
    body: { code: 'rule-invalid', errors: [{ pointer: '/reminders/1' }] },
  });
  expect(await redraft({ reminders: ['P90D', 'P90D'] })).toMatchObject({
    body: { errors: [{ pointer: '/reminders/1' }] },
  });
  expect(await redraft({ reminders: ['P90D'], validityMonths: undefined, renewal: undefined })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/reminders' }] },
  });
});
