// The catalog over HTTP: the six worked examples, versions that never change, faults with their pointers.
import { e3Catalog, e2Catalog, e2SecondVersion, WORLDS, type CatalogWorld, type PathwayDraft } from '@cairn/testing';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const etagOf = async (client: Client, path: string) => ({
  'if-match': (await client.get(path)).headers['etag'] as string,
});

async function publish(client: Client, { label, ...draft }: PathwayDraft) {
  await client.post('/api/pathways', draft);
  const path = `/api/pathways/${draft.slug}`;
  return client.post(`${path}/publish`, { label }, await etagOf(client, path));
}

async function create(client: Client, issuer: string, world: CatalogWorld): Promise<void> {
  for (const module of world.modules) await client.post('/api/modules', module);
  for (const template of world.templates) {
    await client.post('/api/templates', { ...template, issuer });
    const path = `/api/templates/${template.slug}`;
    await client.post(`${path}/publish`, {}, await etagOf(client, path));
  }
  for (const pathway of world.pathways) await publish(client, pathway);
}

it.each(Object.entries(WORLDS))('%s is published whole, and sent again changes nothing', async (name, createWorld) => {
  const { client, issuer } = await server.tenant(`world-${name.toLowerCase()}`);
  const world = createWorld();
  await create(client, issuer, world);
  for (const pathway of world.pathways)
    expect(await publish(client, pathway)).toMatchObject({ outcome: 'unchanged', version: 1, label: pathway.label });
});

it('joining the outer pathway joins those that grant its parts: they are found in the read model', async () => {
  const { client, issuer } = await server.tenant('inner');
  await create(client, issuer, e3Catalog());
  const { body } = await client.get('/api/pathways/digital-marketing/versions/1');
  const inner = await Promise.all(
    ['seo', 'ads', 'ana'].map(
      async (slug) => (await client.get(`/api/pathways/${slug}`)).body.draft.pathwayId as string,
    ),
  );
  expect(new Set(body.inner.map(({ pathwayId }: { pathwayId: string }) => pathwayId))).toEqual(new Set(inner));
});

describe('a pathway', () => {
  let client: Client;
  beforeAll(async () => {
    const tenant = await server.tenant('data');
    client = tenant.client;
    await create(client, tenant.issuer, e2Catalog());
  });

  it('is published by a key once, whatever happens to the catalog in between', async () => {
    const { label: _label, ...draft } = e2SecondVersion();
    await client.send('PUT', '/api/pathways/data-skills/draft', { ...draft, slug: undefined });
    const headers = { ...(await etagOf(client, '/api/pathways/data-skills')), 'idempotency-key': 'second' };
    const first = await client.send('POST', '/api/pathways/data-skills/publish', {}, headers);
    expect(first).toMatchObject({ status: 200, body: { outcome: 'recorded', version: 2, label: '2' } });
    await publish(client, {
      slug: 'another',
      label: '1',
      title: { en: 'Another' },
      enrollment: 'on-request',
      rules: {
        zone: 'Europe/Berlin',
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'X' }],
        steps: [{ id: 'X', need: { module: 'DS-101' } }],
        awards: [{ id: 'X', template: 'EXT-DF', kind: 'final', when: 'X' }],
      },
    });
    const again = await client.send('POST', '/api/pathways/data-skills/publish', {}, headers);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotency-replayed']).toBe('true');
    const other = await client.send('POST', '/api/pathways/data-skills/publish', { label: 'other' }, headers);
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency-key-reused' } });
  });

  it('says in plain words what a version changes', async () => {
    const { body } = await client.get('/api/pathways/data-skills/versions/2/diff');
    expect(body).toMatchObject({ from: { version: 1, label: '1' }, to: { version: 2, label: '2' } });
    expect(body.to).toMatchObject({ publishedBy: expect.stringMatching(/^service:/), publishedAt: expect.any(String) });
    expect(body.changes).toHaveLength(1);
    expect(body.changes[0]).toMatch(/Foundations.*DS-103/);
    expect((await client.get('/api/pathways/data-skills/versions/2/diff?from=2')).body.changes).toEqual([]);
    expect(await client.get('/api/pathways/data-skills/versions/1/diff')).toMatchObject({ status: 404 });
  });

  it('is not published without If-Match, nor on a stale one', async () => {
    const path = '/api/pathways/data-skills/publish';
    expect(await client.send('POST', path, {})).toMatchObject({ status: 428 });
    expect(await client.send('POST', path, { label: 'x' }, { 'if-match': '"0"' })).toMatchObject({ status: 412 });
  });

  it('keeps its versions: PUT on one is refused, so is another draft under a taken label', async () => {
    const put = await client.send('PUT', '/api/pathways/data-skills/versions/1', {});
    expect(put).toMatchObject({ status: 409, body: { code: 'version-immutable' } });
    const headers = await etagOf(client, '/api/pathways/data-skills');
    const again = await client.send('POST', '/api/pathways/data-skills/publish', { label: '1' }, headers);
    expect(again).toMatchObject({ status: 409, body: { code: 'version-immutable', errors: [{ pointer: '/label' }] } });
  });

  it('answers to label and number, and to its id as to its slug', async () => {
    const bySlug = await client.get('/api/pathways/data-skills');
    expect((await client.get(`/api/pathways/${bySlug.body.id}`)).body).toEqual(bySlug.body);
    expect((await client.get('/api/pathways/data-skills/versions/2')).body).toMatchObject({ version: 2, label: '2' });
    expect(await client.get('/api/pathways/data-skills/versions/9')).toMatchObject({ status: 404 });
  });

  it('tells all faults of a draft, with and without publishing', async () => {
    await client.post('/api/pathways', {
      slug: 'faulty',
      title: { en: 'Faulty' },
      rules: {
        zone: 'Europe/Berlin',
        order: 'advisory',
        entryPoints: [{ id: 'start', at: 'X' }],
        steps: [{ id: 'X', need: { module: 'NO-SUCH' } }],
        awards: [{ id: 'X', template: 'NO-SUCH', kind: 'final', when: 'X' }],
      },
    });
    const faults = [
      { pointer: '/rules/steps/0/need/module', code: 'reference-unknown' },
      { pointer: '/rules/awards/0/template', code: 'reference-unknown' },
    ];
    expect((await client.post('/api/pathways/faulty/lint', {})).faults).toMatchObject(faults);
    const headers = await etagOf(client, '/api/pathways/faulty');
    const answer = await client.send('POST', '/api/pathways/faulty/publish', {}, headers);
    expect(answer).toMatchObject({ status: 422, body: { code: 'reference-unknown', errors: faults } });
    expect((await client.post('/api/pathways/data-skills/lint', {})).faults).toEqual([]);
  });

  it('is refused when its rules cannot be read', async () => {
    const answer = await client.send('POST', '/api/pathways', {
      slug: 'unreadable',
      title: { en: 'Unreadable' },
      rules: { zone: 'Europe/Berlin', order: 'sometimes', entryPoints: [], steps: [], awards: [] },
    });
    expect(answer).toMatchObject({
      status: 422,
      body: { code: 'rule-invalid', errors: [{ pointer: '/rules/order' }] },
    });
  });

  it('is retired once', async () => {
    const retire = () => client.post('/api/pathways/another/versions/1/retire', { reasonCode: 'replaced' });
    expect(await retire()).toMatchObject({ outcome: 'recorded' });
    expect(await retire()).toMatchObject({ outcome: 'unchanged' });
  });

  it('of another tenant looks like one that is not there', async () => {
    const { client: stranger } = await server.tenant('stranger');
    const { id } = (await client.get('/api/pathways/data-skills')).body;
    expect(await stranger.get(`/api/pathways/${id}`)).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });
});

describe('a module', () => {
  it('is revised by a merge patch: what is left out stays, null takes away', async () => {
    const { client } = await server.tenant('modules');
    await client.post('/api/modules', { slug: 'M', title: { en: 'M' }, credits: 5, area: 'x', level: 2 });
    expect(await client.send('PATCH', '/api/modules/M', { credits: 7.5, area: null })).toMatchObject({ status: 200 });
    const { body } = await client.get('/api/modules/M');
    expect(body).toMatchObject({ slug: 'M', title: { en: 'M' }, credits: 7.5, level: 2 });
    expect(body).not.toHaveProperty('area');
  });

  it('loses nothing to patches that arrive at once', async () => {
    const { client } = await server.tenant('patches');
    await client.post('/api/modules', { slug: 'M', title: { en: 'M' } });
    const patches = [{ credits: 5 }, { area: 'x' }, { level: 2 }, { passMark: 40 }];
    const answers = await Promise.all(patches.map((patch) => client.send('PATCH', '/api/modules/M', patch)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await client.get('/api/modules/M')).body).toMatchObject({ credits: 5, area: 'x', level: 2, passMark: 40 });
  });

  it.each([
    [{ title: { en: 'M' }, area: null, slug: 'N' }, '/area'],
    [{ title: { en: 'M' }, slug: 'N', owner: 'me' }, '/owner'],
    [{ title: {}, slug: 'N' }, '/title'],
    [{ title: { en: 'M' }, slug: 'N', credits: 1.234 }, '/credits'],
    [{ title: { en: 'M' }, slug: 'with space' }, '/slug'],
  ])('is refused as %j', async (body, pointer) => {
    const { client } = await server.tenant(`refused-${pointer.slice(1)}`);
    const answer = await client.send('POST', '/api/modules', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
    const errors = answer.body.errors as readonly { pointer: string }[];
    expect(new Set(errors.map((error) => error.pointer))).toEqual(new Set([pointer]));
  });
});
