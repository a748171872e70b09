// People over HTTP: identifiers, one learner for one key, erasure that leaves nothing personal anywhere (D11).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startServer();
  ({ client } = await server.tenant('people'));
});
afterAll(() => server.close());

const find = (body: object) => client.send('POST', '/api/learners/find', body);

it('a learner is registered, found by each identifier in any spelling, and read', async () => {
  const profile = { name: 'Ada Example', email: 'Ada@Example.org', externalIds: [{ system: 'sis', value: '1' }] };
  const { id } = await client.post('/api/learners', profile);
  expect(await find({ email: 'ADA@example.org' })).toMatchObject({ status: 200, body: { id } });
  expect(await find({ externalId: { system: 'sis', value: '1' } })).toMatchObject({ body: { id } });
  expect(await find({ email: 'nobody@example.org' })).toMatchObject({ status: 404 });
  expect(await find({})).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  expect((await client.get(`/api/learners/${id}`)).body).toEqual({ id, ...profile });
});

it('50 equal posts under one key at once: one learner, equal answers; another body is refused', async () => {
  const post = (body: object) => client.send('POST', '/api/learners', body, { 'idempotency-key': 'fifty' });
  const profile = { email: 'fifty@example.org' };
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(profile)));
  const [first] = answers;
  for (const answer of answers) {
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual(first?.body);
  }
  expect(await post({ email: 'other@example.org' })).toMatchObject({
    status: 422,
    body: { code: 'idempotency-key-reused' },
  });
});

it('an identifier of somebody else is refused without a word about them', async () => {
  await client.post('/api/learners', { name: 'Taken Person', email: 'taken@example.org' });
  const answer = await client.send('POST', '/api/learners', { name: 'Other', email: 'taken@example.org' });
  expect(answer).toMatchObject({ status: 409, body: { code: 'identifier-taken' } });
  expect(answer.text).not.toMatch(/Taken|taken@/);
});

it('what is no identifier is named', async () => {
  const answer = await client.send('POST', '/api/learners', {
    email: 'not an address',
    externalIds: [{ system: 'a:b', value: '1' }],
  });
  expect(answer).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/externalIds/0/system' }, { pointer: '/email' }] },
  });
});

it('a profile is changed by a merge patch; what it names no more is free', async () => {
  const { id } = await client.post('/api/learners', { name: 'Bob', email: 'bob@example.org' });
  const etag = (await client.get(`/api/learners/${id}`)).headers['etag'] as string;
  const patch = { email: 'robert@example.org', name: null };
  expect(await client.send('PATCH', `/api/learners/${id}`, patch, { 'if-match': etag })).toMatchObject({ status: 200 });
  expect(await client.send('PATCH', `/api/learners/${id}`, { name: 'B' }, { 'if-match': etag })).toMatchObject({
    status: 412,
  });
  expect((await client.get(`/api/learners/${id}`)).body).toEqual({ id, email: 'robert@example.org' });
  await server.settled();
  expect(await find({ email: 'bob@example.org' })).toMatchObject({ status: 404 });
  expect(await client.send('POST', '/api/learners', { name: 'New', email: 'bob@example.org' })).toMatchObject({
    status: 201,
  });
});

it('the list says who there is, and nothing personal', async () => {
  await server.settled();
  const { body, text } = await client.get('/api/learners?limit=2');
  expect(body.items).toHaveLength(2);
  expect(body.items[0]).toMatchObject({ id: expect.stringMatching(/^lrn_/), status: 'registered' });
  expect(text).not.toMatch(/Ada|example\.org/);
  const next = await client.get(`/api/learners?limit=2&cursor=${encodeURIComponent(body.nextCursor as string)}`);
  expect(next.body.items[0].id).not.toBe(body.items[1].id);
});

it('an erased learner is gone from every answer, and in clear nowhere on disk', async () => {
  const canary = 'Zyxwvut Canary';
  const { id } = await client.post('/api/learners', { name: canary, email: 'zyxwvut@canary.example' });
  const erase = () =>
    client.send('POST', `/api/learners/${id}/erase`, { reasonCode: 'data-subject-request', approvedBy: 'dpo' });
  expect(await erase()).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
  expect(await client.get(`/api/learners/${id}`)).toMatchObject({ status: 410, body: { code: 'learner-erased' } });
  expect(await find({ email: 'zyxwvut@canary.example' })).toMatchObject({ status: 404 });
  await server.settled();
  expect(await erase()).toMatchObject({ status: 200, body: { outcome: 'unchanged' } });
  const patch = await client.send('PATCH', `/api/learners/${id}`, { name: 'Back' });
  expect(patch).toMatchObject({ status: 410, body: { code: 'learner-erased' } });
  const types = (await server.installation.log.readAll({ after: '' as never, limit: 10_000 })).events
    .map(({ type }) => type)
    .slice(-4);
  expect(types).toContain('learner-key-destroyed');
  expect(types).toContain('identity-released');
  expect(await client.send('POST', '/api/learners', { name: 'Anew', email: 'zyxwvut@canary.example' })).toMatchObject({
    status: 201,
  });
  // The address now belongs to a new learner, whose data are sealed; the name was the erased one's alone.
  const files = readdirSync(server.directory).filter((file) => !file.endsWith('-shm'));
  const holding = files.filter((file) =>
    /Zyxwvut|zyxwvut@canary/.test(readFileSync(join(server.directory, file), 'latin1')),
  );
  expect(files.length).toBeGreaterThan(2);
  expect(holding).toEqual([]);
});

it('a learner of another tenant looks like one that is not there', async () => {
  const { id } = await client.post('/api/learners', { name: 'Private' });
  const { client: stranger } = await server.tenant('strangers');
  expect(await stranger.get(`/api/learners/${id}`)).toMatchObject({ status: 404, body: { code: 'not-found' } });
  const erase = { reasonCode: 'x', approvedBy: 'x' };
  expect(await stranger.send('POST', `/api/learners/${id}/erase`, erase)).toMatchObject({ status: 404 });
  // The same address in two tenants is two people.
  await client.post('/api/learners', { email: 'both@example.org' });
  expect(await stranger.send('POST', '/api/learners', { email: 'both@example.org' })).toMatchObject({ status: 201 });
});
