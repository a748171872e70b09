// The requests of the how-tos are sent as they stand, in the order of their pages; only ids and positions are others.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer, type Answer, type Client, type TestServer } from '../support/server.js';

type Request = { method: 'POST' | 'PUT'; path: string; headers: Record<string, string>; body: string };

/** Blocks that begin with a method and a path: header lines, then the body. */
function requestsOf(page: string): readonly Request[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs/how-to', page), 'utf8');
  return [...text.matchAll(/```\n(POST|PUT) (\S+)\n([^]*?)```/g)].map(([, method, path = '', rest = '']) => {
    const lines = rest.split('\n');
    const first = lines.findIndex((line) => !/^[A-Z][\w-]+: /.test(line));
    const headers = lines.slice(0, first).map((line) => line.split(': ') as [string, string]);
    const body = lines.slice(first).join('\n');
    return { method: method as 'POST', path, headers: Object.fromEntries(headers), body };
  });
}

let server: TestServer;
let client: Client;
let issuer: string;
let learner = '';
const head = { position: '', asOf: '' };
beforeAll(async () => {
  server = await startServer();
  ({ client, issuer } = await server.tenant('how-to'));
});
afterAll(() => server.close());

async function sent({ method, path, headers, body }: Request): Promise<Answer> {
  const placed = body
    .replace('iss_…', issuer)
    .replace('lrn_…', learner)
    .replace('"position": "…"', `"position": "${head.position}"`)
    .replace('"asOf": "…"', `"asOf": "${head.asOf}"`);
  const answer = await client.send(method, path, placed, headers);
  expect({ path, status: answer.status < 300 ? 'good' : answer.text }).toEqual({ path, status: 'good' });
  await server.settled();
  if (path === '/api/learners') learner = (answer.body as { id: string }).id;
  if (path.endsWith('/simulate')) Object.assign(head, JSON.parse(answer.text.split('\n')[0] as string));
  return answer;
}

it('model a pathway, then change its rule: the learner gains what was previewed', async () => {
  const model = requestsOf('model-a-pathway.md');
  expect(model.length).toBeGreaterThan(7);
  for (const request of model) await sent(request);
  const credentials = async () => (await client.get(`/api/learners/${learner}/wallet`)).body.items as object[];
  expect(await credentials()).toEqual([]);
  const change = requestsOf('change-a-rule.md');
  expect(change.map(({ path }) => path.split('/').at(-1))).toEqual([
    'draft',
    'simulate',
    'shadow',
    'publish',
    'simulate',
    'move',
  ]);
  for (const request of change) {
    const answer = await sent(request);
    const last = answer.text.trim().split('\n').at(-1) as string;
    if (request.path.endsWith('/simulate')) expect(JSON.parse(last)).toMatchObject({ counts: { gains: 1 } });
    if (request.path.endsWith('/shadow')) {
      const { text } = await client.get(request.path);
      expect(JSON.parse(text.trim().split('\n').at(-1) as string)).toMatchObject({ counts: { gains: 1 } });
    }
    if (request.path.endsWith('/move')) expect(JSON.parse(last)).toMatchObject({ counts: { moved: 1 } });
  }
  expect(await credentials()).toHaveLength(1);
});

it('import a file', async () => {
  const [request] = requestsOf('import-a-file.md');
  expect((await sent(request as Request)).status).toBe(200);
});

it('undo a run: what it brought is taken back, and nothing else', async () => {
  learner = (await client.post('/api/learners', { name: 'Grace Example' })).id as string;
  const requests = requestsOf('undo-a-run.md');
  expect(requests).toHaveLength(3);
  const told: object[] = [];
  for (const request of requests)
    told.push((await sent({ ...request, path: request.path.replace('lrn_…', learner) })).body as object);
  expect(told).toMatchObject([
    { outcome: 'recorded' },
    { effects: 1, types: { 'module-completed': 1 } },
    { done: { compensated: 1, refused: [] } },
  ]);
});

it('merge two records, and part them again', async () => {
  const [one, other] = [
    await client.post('/api/learners', { name: 'Ada Example' }),
    await client.post('/api/learners', { name: 'Ada King' }),
  ] as { id: string }[];
  learner = one?.id as string;
  const requests = requestsOf('merge-two-records.md');
  expect(requests).toHaveLength(3);
  const states: unknown[] = [];
  for (const request of requests) {
    await sent({ ...request, path: request.path.replace('lrn_…', other?.id as string) });
    states.push((await client.get(`/api/learners/${other?.id}`)).body.mergedInto);
  }
  expect(states).toEqual([undefined, learner, undefined]);
});

it('tell learners', async () => {
  const [request] = requestsOf('send-messages.md');
  await sent(request as Request);
  expect((await client.get('/api/delivery-policy')).body).toMatchObject(
    JSON.parse((request as Request).body) as object,
  );
});
