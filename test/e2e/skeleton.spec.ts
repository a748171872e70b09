// The thinnest path through all layers over HTTP: a command, an event, a projection, a query, a credential, a page.
import { startServer, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

it('a completion becomes a credential that anyone can verify', async () => {
  const { client, issuer } = await server.tenant('northlake');
  await client.post('/api/modules', { slug: 'SEO', title: { en: 'Search' }, credits: 5, passMark: 40 });
  await client.post('/api/templates', {
    slug: 'SEO',
    issuer,
    achievement: {
      name: { en: 'Search optimisation' },
      description: { en: 'Makes pages findable.' },
      achievementType: 'MicroCredential',
      criteria: { en: 'The module SEO.' },
    },
  });
  const template = await client.get('/api/templates/SEO');
  await client.post('/api/templates/SEO/publish', {}, { 'if-match': template.headers['etag'] as string });
  await client.post('/api/pathways', {
    slug: 'seo',
    title: { en: 'Search optimisation' },
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'SEO' }],
      steps: [{ id: 'SEO', need: { module: 'SEO' } }],
      awards: [{ id: 'SEO', template: 'SEO', kind: 'final', when: 'SEO' }],
    },
  });
  const pathway = await client.get('/api/pathways/seo');
  await client.post('/api/pathways/seo/publish', { label: '2026' }, { 'if-match': pathway.headers['etag'] as string });

  const learner = await client.post('/api/learners', { name: 'Ada Example', email: 'ada@example.org' });
  const enrollment = await client.post('/api/enrollments', {
    learner: learner.id,
    pathway: 'seo',
    occurredAt: '2026-01-10T09:00:00Z',
  });
  const refused = await client.send('POST', `/api/enrollments/${enrollment.id}/complete-module`, {
    module: 'SEO',
    score: 39,
  });
  expect(refused).toMatchObject({ status: 422, body: { code: 'evidence-refused' } });
  const done = await client.send('POST', `/api/enrollments/${enrollment.id}/complete-module`, {
    module: 'SEO',
    score: 81,
    occurredAt: '2026-02-01T09:00:00Z',
  });
  expect(done).toMatchObject({
    status: 200,
    body: {
      outcome: 'recorded',
      events: [{ type: 'module-completed' }, { type: 'step-satisfied' }, { type: 'credential-earned' }],
    },
  });
  await server.settled();

  const progress = await client.get(`/api/enrollments/${enrollment.id}`, {
    'if-position-at-least': done.headers['position'] as string,
  });
  expect(progress.body).toMatchObject({ percent: 100, learner: learner.id });
  const { body: list } = await client.get('/api/credentials');
  expect(list.items).toHaveLength(1);
  const credential = list.items[0].credential as string;

  const anyone = server.as(undefined);
  const answer = await anyone.get(`/c/${credential}.json`);
  expect(answer.body).toMatchObject({
    status: 'valid',
    holder: { name: 'Ada Example' },
    title: { en: 'Search optimisation' },
  });
  expect(answer.body.checks.every((check: { outcome: string }) => check.outcome === 'pass')).toBe(true);
  expect(answer.text).not.toContain(learner.id);
  const page = await anyone.get(`/c/${credential}`);
  expect(page.text).toMatch(/<title>Valid: Search optimisation<\/title>/);

  const explain = await client.get(`/api/credentials/${credential}/explain`);
  expect(explain.body).toMatchObject({
    decision: { kind: 'earned' },
    matches: true,
    // The step, then what it asks.
    requirements: [{ requirement: 'SEO!' }, { requirement: 'SEO', facts: [{ kind: 'completion', score: 81 }] }],
  });
  const funnel = await client.get('/api/analytics/pathways/seo/funnel?order=in-order');
  expect(funnel.body).toMatchObject({
    pathway: 'seo',
    version: '2026',
    enrolled: 1,
    steps: [{ id: 'SEO', reached: 1, satisfied: 1 }],
  });
  const feed = await client.get('/api/events');
  expect(feed.body.map((event: { type: string }) => event.type)).toEqual([
    'cairn.enrollment.started.v1',
    'cairn.module.completed.v1',
    'cairn.step.satisfied.v1',
    'cairn.credential.earned.v1',
    'cairn.credential.issued.v1',
  ]);
  for (const page of ['why', 'funnel', 'trail']) {
    const subject = page === 'funnel' ? 'seo' : page === 'why' ? credential : learner.id;
    const { url } = await client.post('/api/page-links', { page, subject });
    const shown = await anyone.get(new URL(url).pathname + new URL(url).search);
    expect(shown).toMatchObject({ status: 200 });
    expect(Buffer.byteLength(shown.text)).toBeLessThan(25_000);
  }
});
