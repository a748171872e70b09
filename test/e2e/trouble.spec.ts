// Bad input and trouble: each with a stable code, what is wrong, where, and what to do; nothing is half done.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalJson, uuidv5, type LearnerId, type NewEvent } from '@cairn/kernel';
import { recordStream } from '@cairn/contexts/progress';
import { loadConfiguration } from '@cairn/platform';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
let client: Client;
let issuer: string;
let learner: string;
let enrollment: string;
const anyone = (): Client => server.as(undefined);

beforeAll(async () => {
  server = await startServer();
  ({ client, issuer } = await server.tenant('northlake'));
  for (const slug of ['M1', 'M2'])
    await client.post('/api/modules', { slug, title: { en: slug }, credits: 5, passMark: 40 });
  await client.post('/api/templates', {
    slug: 'T1',
    issuer,
    achievement: { name: { en: 'T1' }, description: { en: 'd' }, achievementType: 'Badge', criteria: { en: 'M1' } },
  });
  await client.post('/api/templates/T1/publish', {}, { 'if-match': '"0"' });
  await client.post('/api/pathways', {
    slug: 'p',
    title: { en: 'P' },
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'S1' }],
      steps: [{ id: 'S1', need: { module: 'M1' } }],
      awards: [{ id: 'A1', template: 'T1', kind: 'final', when: 'S1' }],
    },
  });
  await client.post('/api/pathways/p/publish', { label: '1' }, { 'if-match': '"0"' });
  learner = (await client.post('/api/learners', { name: 'Canary McPersonal', email: 'canary@example.org' })).id;
  enrollment = (await client.post('/api/enrollments', { learner, pathway: 'p' })).id;
});
afterAll(() => server.close());

const complete = (body: unknown, headers?: Record<string, string>) =>
  client.send('POST', `/api/enrollments/${enrollment}/complete-module`, body, headers);

describe('a request that does not fit', () => {
  it.each<[string, unknown, string, string]>([
    ['an unknown field', { module: 'M1', score: 50, issuedAt: 'now' }, '/issuedAt', 'unknown-field'],
    ['a wrong type', { module: 'M1', score: '50' }, '/score', 'number'],
    ['a number out of range', { module: 'M1', score: 101 }, '/score', 'max'],
    ['a missing field', { score: 50 }, '/module', 'string'],
    [
      'an instant without a zone',
      { module: 'M1', score: 50, occurredAt: '2026-01-01T09:00:00' },
      '/occurredAt',
      'instant',
    ],
    [
      'a day that does not exist',
      { module: 'M1', score: 50, occurredAt: '2026-02-30T09:00:00Z' },
      '/occurredAt',
      'instant',
    ],
    ['an operator as a key', { module: { $gt: '' } }, '/module/$gt', 'key-not-allowed'],
    ['a dot in a key', { 'a.b': 1 }, '/a.b', 'key-not-allowed'],
    ['a list instead of an object', [{ module: 'M1' }], '', 'object'],
    ['null instead of an object', null, '', 'object'],
    ['a text that is too long', { module: 'M'.repeat(9_000) }, '/module', 'too-long'],
    [
      'too deep a body',
      { module: JSON.parse(`${'['.repeat(30)}${']'.repeat(30)}`) as unknown },
      '/module/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0',
      'too-deep',
    ],
  ])('%s is refused by its pointer', async (_what, body, pointer, code) => {
    const answer = await complete(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'validation-failed', next: expect.any(String) } });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const errors = answer.body.errors as { pointer: string; code: string }[];
    expect(errors).toContainEqual(expect.objectContaining({ pointer, code: expect.stringContaining(code) }));
  });

  it('names all faults at once', async () => {
    const { body } = await complete({ score: -1, extra: 1 });
    expect(body.errors.map((error: { pointer: string }) => error.pointer).toSorted()).toEqual([
      '/extra',
      '/module',
      '/score',
    ]);
  });

  it('says of each in words what would do', async () => {
    const { body } = await complete({ score: '50' });
    expect(body.errors).toEqual([
      { pointer: '/score', code: 'number', message: 'must be a number' },
      { pointer: '/module', code: 'string', message: 'is missing; it must be a string' },
    ]);
  });

  it.each([
    ['what is no JSON', '{"module":', 400, 'malformed-request', 'application/json'],
    ['a polluting key', '{"__proto__": {"polluted": 1}}', 400, 'validation-failed', 'application/json'],
    ['more than 64 KB', JSON.stringify({ module: 'x'.repeat(70_000) }), 413, 'body-too-large', 'application/json'],
    ['another media type', 'module=M1', 415, 'media-type-unsupported', 'application/x-www-form-urlencoded'],
    ['plain text', '{"module":"M1"}', 415, 'media-type-unsupported', 'text/plain'],
  ])('%s: %s', async (_what, payload, status, code, type) => {
    const answer = await complete(payload, { 'content-type': type });
    expect(answer).toMatchObject({ status, body: { code } });
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a command that is refused', () => {
  it.each<[string, () => Promise<{ status: number; body: { code: string } }>, number, string]>([
    [
      'an unknown pathway',
      () => client.send('POST', '/api/enrollments', { learner, pathway: 'nowhere' }),
      404,
      'not-found',
    ],
    ['a module outside the version', () => complete({ module: 'M2', score: 50 }), 422, 'module-not-in-version'],
    ['an unknown module', () => complete({ module: 'M9', score: 50 }), 404, 'not-found'],
    ['a grade below the pass mark', () => complete({ module: 'M1', score: 39.9 }), 422, 'evidence-refused'],
    [
      'a date in the future',
      () => complete({ module: 'M1', score: 50, occurredAt: '2999-01-01T00:00:00Z' }),
      422,
      'date-in-future',
    ],
    [
      'a second enrollment',
      () => client.send('POST', '/api/enrollments', { learner, pathway: 'p' }),
      409,
      'already-enrolled',
    ],
    [
      'a waiver without a reason',
      () => client.send('POST', `/api/enrollments/${enrollment}/waive`, { requirement: 'S1', authority: 'dean' }),
      422,
      'reason-required',
    ],
    [
      'a waiver without an authority',
      () =>
        client.send('POST', `/api/enrollments/${enrollment}/waive`, {
          requirement: 'S1',
          reasonCode: 'prior-learning',
        }),
      422,
      'authority-required',
    ],
    [
      'an identifier of somebody else',
      () => client.send('POST', '/api/learners', { name: 'Other', email: 'CANARY@example.org ' }),
      409,
      'identifier-taken',
    ],
    [
      'a change of a published version',
      () => client.send('PUT', '/api/pathways/p/versions/1', {}),
      409,
      'version-immutable',
    ],
    ['publishing without If-Match', () => client.send('POST', '/api/pathways/p/publish', {}), 428, 'if-match-required'],
    [
      'a stale If-Match',
      () => client.send('POST', '/api/pathways/p/publish', { label: '9' }, { 'if-match': '"0"' }),
      412,
      'revision-stale',
    ],
    [
      'a position of another log',
      () => client.get('/api/events?after=00000000-00000000000000000001'),
      400,
      'position-foreign',
    ],
    ['a cursor that is none', () => client.get('/api/modules?cursor=nonsense'), 400, 'cursor-invalid'],
    ['no key', () => anyone().get('/api/modules'), 401, 'authentication-required'],
    ['a wrong key', () => server.as('cairn_live_nonsense').get('/api/modules'), 401, 'token-invalid'],
    ['a route that is not there', () => client.get('/api/nothing'), 404, 'not-found'],
  ])('%s', async (_what, send, status, code) => {
    const head = await server.installation.log.head();
    const answer = await send();
    expect(answer).toMatchObject({
      status,
      body: { code, next: expect.any(String), traceId: expect.stringMatching(/^[0-9a-f]{32}$/) },
    });
    expect(await server.installation.log.head()).toBe(head);
    const page = await anyone().get(`/docs/problems/${code}`);
    expect(page.text).toContain('What to do:');
  });

  it('a key without the scope', async () => {
    const { key } = await client.post('/api/api-keys', { name: 'reader', scopes: ['catalog:read'] });
    const reader = server.as(key);
    expect((await reader.get('/api/modules')).status).toBe(200);
    expect(await reader.send('POST', '/api/modules', { slug: 'X', title: { en: 'X' } })).toMatchObject({
      status: 403,
      body: { code: 'scope-missing' },
    });
  });

  it('an id of another tenant looks like none', async () => {
    const other = await server.tenant('elsewhere');
    const unknown = `lrn_${'0'.repeat(26)}`;
    for (const path of [
      '/api/learners/ID',
      '/api/learners/ID/wallet',
      '/api/enrollments/ID-1',
      '/api/enrollments/ID-1/why-not',
    ]) {
      const foreign = await other.client.get(
        path.replace('ID', path.includes('enrollments') ? learner.replace('lrn_', 'enr_') : learner),
      );
      const missing = await other.client.get(
        path.replace('ID', path.includes('enrollments') ? unknown.replace('lrn_', 'enr_') : unknown),
      );
      expect({ path, status: foreign.status }).toEqual({ path, status: missing.status });
      expect(foreign.text).not.toContain('Canary');
    }
    const feed = await other.client.get('/api/events');
    expect(feed.body).toEqual([]);
  });
});

describe('a retry', () => {
  it('with the same key and body has one effect and the same answer; another body is refused', async () => {
    const key = { 'idempotency-key': 'k-1' };
    const body = { module: 'M1', score: 70, occurredAt: '2026-03-01T09:00:00Z' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => complete(body, key)));
    expect(new Set(answers.map((answer) => canonicalJson(answer.body)))).toHaveProperty('size', 1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect(await complete({ ...body, score: 71 }, key)).toMatchObject({
      status: 422,
      body: { code: 'idempotency-key-reused' },
    });
  });

  it('by another channel is unchanged', async () => {
    expect(
      await complete({ module: 'M1', score: 70, occurredAt: '2026-03-01T15:00:00Z', source: 'file' }),
    ).toMatchObject({ status: 200, body: { outcome: 'unchanged' } });
  });
});

describe('personal data (D11)', () => {
  it('stands in the clear in none of the files, read models or feeds, and is gone after erasure', async () => {
    await server.settled();
    const files = [
      'events.sqlite',
      'events.sqlite-wal',
      'read-models.sqlite',
      'read-models.sqlite-wal',
      'blobs.sqlite',
      'blobs.sqlite-wal',
      'keys.sqlite',
      'keys.sqlite-wal',
    ];
    const clear = (): string[] =>
      files.filter((file) => {
        try {
          return (
            readFileSync(join(server.directory, file)).includes('Canary') ||
            readFileSync(join(server.directory, file)).includes('canary@')
          );
        } catch {
          return false; // no such file
        }
      });
    expect(clear()).toEqual([]);
    expect((await client.get('/api/events?limit=1000')).text).not.toMatch(/canary/i);
    const { body: wallet } = await client.get(`/api/learners/${learner}/wallet`);
    const credential = wallet.items?.[0]?.credential ?? wallet.credentials?.[0]?.credential;
    expect((await anyone().get(`/c/${credential}`)).text).toContain('Canary McPersonal');

    await client.post(`/api/learners/${learner}/erase`, {
      reasonCode: 'data-subject-request',
      approvedBy: 'data protection officer',
    });
    await server.settled();
    expect(await client.get(`/api/learners/${learner}`)).toMatchObject({
      status: 410,
      body: { code: 'learner-erased' },
    });
    const page = await anyone().get(`/c/${credential}`);
    expect(page.text).not.toMatch(/canary/i);
    expect(page.text).toContain('Valid');
    expect((await anyone().get(`/c/${credential}.jwt`)).status).toBe(404);
    expect(await complete({ module: 'M1', score: 99 })).toMatchObject({
      status: 410,
      body: { code: 'learner-erased' },
    });
    const [parity] = await server.installation.rebuild(['learner_progress']);
    expect(parity).toMatchObject({ equal: true });
  });
});

describe('trouble with the store', () => {
  it('a second process is refused, and told who holds the folder', () => {
    const run = spawnSync(process.execPath, ['scripts/cairn.mjs', '--data', server.directory, 'projections'], {
      encoding: 'utf8',
    });
    expect(run.status).toBe(3);
    expect(run.stderr).toContain(String(process.pid));
  }, 60_000);

  it('an empty folder, a wrong option and an unknown command say what to do', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-empty-'));
    const cairn = (...args: string[]) =>
      spawnSync(process.execPath, ['scripts/cairn.mjs', '--data', folder, ...args], { encoding: 'utf8' });
    expect(cairn('projections')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('There is no event log in'),
    });
    expect(cairn('import', 'oulad', '--from', folder)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('courses.csv does not exist'),
    });
    expect(cairn('frobnicate').status).toBe(2);
    rmSync(folder, { recursive: true });
  }, 60_000);

  it('the configuration’s faults are listed all at once', () => {
    expect(() =>
      loadConfiguration({ CAIRN_PORT: 'many', CAIRN_HOSTS: 'x', CAIRN_OPERATOR_TOKEN: 'short', CAIRN_DATA: '/tmp' }),
    ).toThrow(/3 fault\(s\)[^]*CAIRN_HOSTS[^]*CAIRN_PORT[^]*CAIRN_OPERATOR_TOKEN/);
  });

  it('events that this version cannot read stop what needs them, park their document, and leave the rest alone', async () => {
    const other = await startServer();
    try {
      const { client: owner, id } = await other.tenant('damaged');
      const people = await Promise.all(['One', 'Two'].map((name) => owner.post('/api/learners', { name })));
      await other.settled();
      const [events] = [await other.installation.log.readAll({ after: '' as never, limit: 100 })];
      const registered = events.events.find((event) => event.type === 'learner-registered') as NewEvent & {
        stream: string;
      };
      const tenant = registered.meta['tenant'] as never;
      const learnerId = registered.data['learnerId'] as LearnerId;
      const meta = { ...registered.meta, $causationId: uuidv5(learnerId, 'x') };
      const broken: NewEvent = {
        id: uuidv5(learnerId, 'broken'),
        type: 'module-completed',
        data: { learnerId, nonsense: true },
        meta,
      };
      const newer: NewEvent = { ...broken, id: uuidv5(learnerId, 'newer'), meta: { ...meta, schemaVersion: '99' } };
      const stream = recordStream(tenant, learnerId);
      await other.installation.log.append(stream, 'none', [broken]);
      await other.installation.log.append(stream, 0, [newer]);
      const one = people.find((person) => person.id) as { id: string };
      expect(id).toMatch(/^ten_/);
      await owner.post('/api/modules', { slug: 'M1', title: { en: 'M1' } });
      const answers = await Promise.all(
        people.map((person) => owner.send('POST', `/api/learners/${person.id}/complete-module`, { module: 'M1' })),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 500]);
      expect(answers.find(({ status }) => status === 500)?.body).toMatchObject({
        code: 'event-corrupt',
        next: expect.stringContaining('verify-log'),
      });
      expect(one.id).toMatch(/^lrn_/);
    } finally {
      await other.close();
    }
  });
});

describe('the address of the installation', () => {
  it('is that of the first start: another one is refused, none is the kept one', () => {
    const folder = mkdtempSync(join(tmpdir(), 'cairn-address-'));
    const load = (more: NodeJS.ProcessEnv) => loadConfiguration({ CAIRN_DATA: folder, ...more });
    expect(load({ CAIRN_BASE_URL: 'https://one.example/' }).baseUrl).toBe('https://one.example');
    expect(load({ CAIRN_PORT: '4000' }).baseUrl).toBe('https://one.example');
    expect(() => load({ CAIRN_BASE_URL: 'https://two.example' })).toThrow(/signed under https:\/\/one\.example/);
    rmSync(folder, { recursive: true });
  });
});
