// One installation in several processes, each with roles of its own, on EventStoreDB and MongoDB: the servers of
// CAIRN_TEST_EVENTSTORE_URL and CAIRN_TEST_MONGODB_URL, else the doubles. The log of a given server may be in use.
import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { openMongoReadModel } from '@cairn/readmodel';
import { publishOneModule } from '../support/catalog.js';
import { eventually, startCluster, type Cluster, type Process } from '../support/cluster.js';
import { createTenant, type Answer, type Client, type Tenant } from '../support/server.js';

const LEASE_SECONDS = 3;

let cluster: Cluster;
let api: Process;
let worker: Process;
let scheduler: Process;
let tenant: Tenant;
let client: Client;

const settled = (): Promise<Answer> =>
  eventually(
    () => api.operator.get('/ops/projections'),
    ({ body }) => body.settled === true,
  );

type Completion = { readonly learner: string; readonly done: Answer; readonly again: () => Promise<Answer> };

/** One more learner who completes the module; the answer of that command, and how to send it again. */
async function complete(name: string, more: Record<string, string> = {}): Promise<Completion> {
  const learner = (await client.post('/api/learners', { name, email: `${name.toLowerCase()}@example.org` })).id;
  const enrollment = await client.post('/api/enrollments', {
    learner,
    pathway: 'seo',
    occurredAt: '2026-01-10T09:00:00Z',
  });
  const body = { module: 'SEO', score: 81, occurredAt: '2026-02-01T09:00:00Z' };
  const again = () => client.send('POST', `/api/enrollments/${enrollment.id}/complete-module`, body, more);
  const done = await again();
  expect(done).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
  return { learner, done, again };
}

/** The learner's credential, once it is issued, as anyone verifies it. */
async function verified(learner: string): Promise<Answer> {
  const { body } = await eventually(
    () => client.get(`/api/credentials?learner=${learner}`),
    (answer) => answer.status === 200 && answer.body.items.length === 1,
  );
  return api.as(undefined).get(`/c/${body.items[0].credential}.json`);
}

beforeAll(async () => {
  cluster = await startCluster({ leaseSeconds: LEASE_SECONDS });
  [worker, scheduler, api] = await Promise.all([
    cluster.start('projector,reactor'),
    cluster.start('scheduler'),
    cluster.start('api'),
  ]);
  tenant = await createTenant(api.as, `northlake-${randomUUID().slice(0, 8)}`);
  ({ client } = tenant);
  await publishOneModule(client, tenant.issuer);
}, 300_000);
afterAll(() => cluster.close());

it('what the api process records, the workers fold and answer; it reads its own writes', async () => {
  const { learner, done } = await complete('Ada');
  const position = { 'if-position-at-least': done.headers['position'] as string };
  const progress = await client.get(`/api/learners/${learner}/wallet`, position);
  expect(progress.status).toBe(200);
  expect((await verified(learner)).body).toMatchObject({
    status: 'valid',
    holder: { name: 'Ada' },
    title: { en: 'Search optimisation' },
  });
  const { body } = await settled();
  expect(body.projections.every((row: { state: string }) => row.state === 'live')).toBe(true);
  expect((await client.get(`/api/learners/${learner}`)).body).toMatchObject({ name: 'Ada', email: 'ada@example.org' });
});

it('each process does what its roles say and refuses the rest, naming the role', async () => {
  const elsewhere = await worker.as(tenant.key).get('/api/learners');
  expect(elsewhere).toMatchObject({ status: 409, body: { code: 'works-elsewhere', detail: /role api/ as never } });
  for (const process of [api, worker, scheduler]) {
    expect((await process.as(undefined).get('/livez')).status).toBe(200);
    expect(await process.as(undefined).get('/readyz')).toMatchObject({ status: 200, body: { ready: true } });
  }
  const rebuild = await api.operator.send('POST', '/ops/projections/rebuild', { projections: ['learners'] });
  expect(rebuild).toMatchObject({ status: 409, body: { code: 'works-elsewhere' } });
  const rebuilt = await worker.operator.post('/ops/projections/rebuild', { projections: ['learners'] });
  expect(rebuilt.parity).toMatchObject([{ name: 'learners', equal: true, documents: 1 }]);
  // Another collection is live now: this process learns that by itself.
  await complete('Grace');
  await eventually(
    () => client.get('/api/learners'),
    ({ body }) => body.items?.length === 2,
  );
});

it('status lists and achievements are the same at every process; a revocation at one is in the list of the other', async () => {
  const other = await cluster.start('api');
  const { learner } = await complete('Katherine');
  expect((await verified(learner)).body.status).toBe('valid');
  const { credential } = (await client.get(`/api/credentials?learner=${learner}`)).body.items[0] as {
    credential: string;
  };
  const contentOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString());
  const copy = contentOf((await other.as(undefined).get(`/c/${credential}.jwt`)).text);
  const { statusListCredential, statusListIndex } = copy.credentialStatus;
  const isSet = async (process: Process): Promise<boolean> => {
    const { status, text } = await process.as(undefined).get(new URL(statusListCredential).pathname);
    expect(status).toBe(200);
    const { encodedList } = contentOf(text).credentialSubject as { encodedList: string };
    const bits = gunzipSync(Buffer.from(encodedList.slice(1), 'base64url')); // behind the multibase prefix
    const index = Number(statusListIndex);
    return ((bits[index >> 3] as number) & (0x80 >> (index & 7))) !== 0;
  };
  expect([await isSet(api), await isSet(other)]).toEqual([false, false]);
  const path = `/api/credentials/${credential}`;
  const etag = (await client.get(path)).headers['etag'] as string;
  await client.post(`${path}/revoke`, { reasonCode: 'issued-in-error', authority: 'registrar' }, { 'if-match': etag });
  expect((await other.as(undefined).get(`/c/${credential}.json`)).body.status).toBe('revoked'); // at once, R9
  for (const process of [api, other])
    await eventually(
      () => isSet(process),
      (set) => set,
    );

  const achievement = new URL(copy.credentialSubject.achievement.id).pathname;
  expect(achievement).toMatch(/^\/a\/tpl_\w+\/1$/);
  const [here, there] = await Promise.all(
    [api, other].map((process) => process.as(undefined).get(`${achievement}.json`)),
  );
  expect(here).toMatchObject({ status: 200, body: { id: copy.credentialSubject.achievement.id } });
  expect(there?.text).toBe(here?.text);
  other.kill('SIGTERM');
  expect(await other.ended).toBe(0);
}, 300_000);

it('a second worker takes over from one that was killed; nothing is lost, nothing twice', async () => {
  const second = await cluster.start('projector,reactor');
  await settled();
  const { learner } = await complete('Edsger');
  worker.kill('SIGKILL');
  await worker.ended;
  const { learner: later } = await complete('Barbara');
  for (const one of [learner, later]) expect((await verified(one)).body.status).toBe('valid');
  await settled();
  const { body } = await client.get('/api/credentials');
  expect(body.items).toHaveLength(5);
  expect(new Set(body.items.map((item: { credential: string }) => item.credential)).size).toBe(5);
  worker = second;
}, 300_000);

it('SIGTERM: what is under way is answered, nothing new is taken, leases are free, and the exit code is 0', async () => {
  const { done, again } = await complete('Alan', { 'idempotency-key': 'completed-once' });
  const token = done.headers['position'] as string;
  const unreachable = `${token.split('-')[0]}-${'9'.repeat(20)}`;
  const slow = client.get('/api/learners', { 'if-position-at-least': unreachable, 'allow-stale': 'true' }); // 2 s
  await new Promise((resolve) => setTimeout(resolve, 300));
  const old = api;
  for (const process of [old, worker, scheduler]) process.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await expect(old.as(undefined).get('/livez')).rejects.toThrow(/fetch failed/);
  expect((await slow).status).toBe(200);
  expect(await Promise.all([old.ended, worker.ended, scheduler.ended])).toEqual([0, 0, 0]);

  const readModel = await openMongoReadModel({ url: cluster.mongoUrl, database: cluster.database });
  for (const name of ['projections/0', 'scheduler', 'reactor/issue-on-earned'])
    expect(await readModel.acquireLease(name, 'test', 1)).toBeDefined();
  await readModel.close();

  // One process with all roles goes on where they stopped, and knows the command of the process that is gone.
  api = await cluster.start('api,projector,reactor,scheduler');
  client = api.as(tenant.key);
  const replayed = await again();
  expect(replayed).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
  expect(replayed.body.events).toEqual(done.body.events);
  await settled();
  expect((await client.get('/api/learners')).body.items).toHaveLength(6);
}, 300_000);
