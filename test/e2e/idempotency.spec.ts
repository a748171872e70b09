// Idempotency-Key over HTTP (api.md, section 3): a retry is recognised even where the server filled in the time.
import { e3Catalog } from '@cairn/testing';
import { openWorld } from '../acceptance/world.js';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
let client: Client;
beforeAll(async () => {
  server = await startServer();
  ({ client } = await openWorld(server, 'retries', e3Catalog()));
});
afterAll(() => server.close());

const newLearner = async (): Promise<string> => (await client.post('/api/learners', { name: 'Ada' })).id as string;

it('a write without a time of its own, sent again later, gives the first answer', async () => {
  const learner = await newLearner();
  const enroll = () =>
    client.send('POST', '/api/enrollments', { learner, pathway: 'digital-marketing' }, { 'idempotency-key': 'join' });
  const first = await enroll();
  expect(first).toMatchObject({ status: 201, body: { outcome: 'recorded' } });
  await new Promise((done) => setTimeout(done, 5));
  const again = await enroll();
  expect(again).toMatchObject({ status: 201, headers: { 'idempotency-replayed': 'true' } });
  expect(again.body).toEqual(first.body);
});

it('the same key with another body is refused', async () => {
  const learner = await newLearner();
  const complete = (body: object) =>
    client.send('POST', `/api/learners/${learner}/complete-module`, body, { 'idempotency-key': 'one' });
  expect(await complete({ module: 'SEO-101' })).toMatchObject({ status: 200 });
  const refused = { status: 422, body: { code: 'idempotency-key-reused' } };
  expect(await complete({ module: 'ADS-101' })).toMatchObject(refused);
  expect(await complete({ module: 'SEO-101', score: 80 })).toMatchObject(refused);
  expect(await complete({ module: 'SEO-101', occurredAt: '2025-01-01T00:00:00Z' })).toMatchObject(refused);
  expect(await complete({ module: 'SEO-101' })).toMatchObject({ headers: { 'idempotency-replayed': 'true' } });
});

it('a time said by the client is part of what it said, even if it is now', async () => {
  const learner = await newLearner();
  const complete = (occurredAt: string) =>
    client.send(
      'POST',
      `/api/learners/${learner}/complete-module`,
      { module: 'ADS-101', occurredAt },
      { 'idempotency-key': 'said' },
    );
  const now = new Date().toISOString();
  expect(await complete(now)).toMatchObject({ status: 200 });
  expect(await complete(now)).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
  expect(await complete('2025-01-01T00:00:00Z')).toMatchObject({ status: 422 });
});

it('fifty equal posts at once have one effect and equal answers (B2)', async () => {
  const learner = await newLearner();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      client.send(
        'POST',
        `/api/learners/${learner}/complete-module`,
        { module: 'ANA-101' },
        { 'idempotency-key': 'fifty' },
      ),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  await server.settled();
  const feed = await client.get(`/api/events?types=cairn.module.completed.v1&subject=${learner}`);
  expect(feed.body).toHaveLength(1);
});

it('an answer that nothing changed is the answer to its retry too, whatever has happened since', async () => {
  const body = { slug: 'RET-1', title: { en: 'Retries' } };
  const created = await client.post('/api/modules', body);
  const again = () => client.send('POST', '/api/modules', body, { 'idempotency-key': 'same' });
  const first = await again();
  expect(first).toMatchObject({ status: 200, body: { outcome: 'unchanged', events: [] } });
  await client.send('PATCH', `/api/modules/${created.id}`, { title: { en: 'Otherwise' } });
  const retry = await again();
  expect(retry).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
  expect(retry.body).toEqual(first.body);
  expect((await client.get(`/api/modules/${created.id}`)).body.title).toEqual({ en: 'Otherwise' });
  expect(
    await client.send('POST', '/api/modules', { ...body, title: { en: 'Third' } }, { 'idempotency-key': 'same' }),
  ).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
});
