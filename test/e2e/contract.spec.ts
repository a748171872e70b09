// Promises of api.md that belong to no single context: what errors say, what names mean, what codes are answered.
import { publicId } from '@cairn/kernel';
import { e3Catalog } from '@cairn/testing';
import { openWorld } from '../acceptance/world.js';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startServer();
  ({ client } = await openWorld(server, 'contract', e3Catalog()));
  const { id } = await client.post('/api/learners', { name: 'Ada' });
  await client.post('/api/enrollments', { learner: id, pathway: 'digital-marketing' });
  await server.settled();
});
afterAll(() => server.close());

it('the schema of an event is named by an absolute URI (CloudEvents 1.0), and served there', async () => {
  const { body } = await client.get('/api/events');
  for (const { dataschema } of body) {
    const url = new URL(dataschema as string);
    expect(url.origin).toBe('https://cairn.example');
    expect(await server.as(undefined).get(url.pathname)).toMatchObject({ status: 200, body: { type: 'object' } });
  }
  const types = await client.get('/api/event-types');
  for (const { dataschema } of types.body.items)
    expect(new URL(dataschema as string).origin).toBe('https://cairn.example');
});

it.each([
  ['version=never', 'version "never"'],
  ['entryPoint=nowhere', 'entry point "nowhere"'],
  ['cohort=1999-W01', 'cohort "1999-W01"'],
])('a funnel of an unknown %s names the known ones instead of counting nobody', async (query, named) => {
  for (const analysis of ['funnel', 'drop-off', 'time-in-step']) {
    const answer = await client.get(`/api/analytics/pathways/digital-marketing/${analysis}?${query}`);
    expect(answer).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(answer.body.detail).toContain(named);
    expect(answer.body.detail).toMatch(/it has \S+/);
  }
});

it('a cohort and an entry point that are there are answered', async () => {
  const path = '/api/analytics/pathways/digital-marketing';
  const { items } = (await client.get('/api/enrollments')).body;
  const { cohortWeek, entryPoint } = items[0];
  const answer = await client.get(`${path}/funnel?cohort=${cohortWeek}&entryPoint=${entryPoint}`);
  expect(answer).toMatchObject({ status: 200, body: { enrolled: 1 } });
});

it('a trail names the key that acted by its public id, and is found by it', async () => {
  const { items } = (await client.get('/api/api-keys')).body;
  const actor = `service:${items[0].id}`;
  const trail = await client.get(`/api/audit/events?actor=${actor}`);
  expect(trail.body.items.length).toBeGreaterThan(0);
  for (const item of trail.body.items) expect(item.actor).toBe(actor);
  expect(actor).toMatch(/^service:key_/);
});

it.each([
  ['/api/events?after=zzz', /position/i],
  ['/api/events?types=foo', /event-types/],
  ['/api/audit/events', /learner=|subject=/],
])('%s says what to do next', async (path, next) => {
  const answer = await client.get(path);
  expect(answer).toMatchObject({ status: 400, body: { code: 'malformed-request' } });
  expect(answer.body.next).toMatch(next);
});

it('one fault is told once', async () => {
  const { status, body } = await client.get('/api/enrollments?limit=x');
  expect(status).toBe(400);
  expect(body.errors).toEqual([expect.objectContaining({ pointer: '/limit', code: 'int' })]);
});

it('a body that would set a prototype is told so', async () => {
  const answer = await client.send('POST', '/api/learners', '{"name":"Ada","__proto__":{"a":1}}');
  expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  expect(answer.body.errors[0].message).toContain('__proto__');
});

it('a browser with a wrong address gets a page, a program the problem', async () => {
  const path = `/c/${publicId('crd', crypto.randomUUID())}?asOf=junk`;
  const page = await server.as(undefined).get(path, { accept: 'text/html' });
  expect(page).toMatchObject({ status: 400, headers: { 'content-type': 'text/html; charset=utf-8' } });
  expect(page.text).toContain('asOf must be an instant');
  expect(await server.as(undefined).get(path)).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
});

it('the first draft creates (201), a later one replaces (200)', async () => {
  const { draft } = (await client.get('/api/pathways/digital-marketing')).body;
  const { slug: _slug, pathwayId: _id, ...body } = draft;
  const first = await client.send('POST', '/api/pathways', { ...body, slug: 'another' });
  expect(first).toMatchObject({ status: 201, body: { outcome: 'recorded' } });
  const later = await client.send('PUT', '/api/pathways/another/draft', { ...body, title: { en: 'Other' } });
  expect(later).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
});
