// The audit trail over HTTP (api.md §10): subject, actor, correlation and from, page by page.
import { BEGINNING, publicId, uuidv5, type LearnerId, type NewEvent, type TenantId } from '@cairn/kernel';
import { recordStream } from '@cairn/contexts/progress';
import { e3Catalog } from '@cairn/testing';
import { trailFilter, TrailHandler, TrailQuery } from '../../libs/contexts/audit/src/queries/trail.js';
import { openWorld } from '../acceptance/world.js';
import { startServer, type Answer, type Client, type TestServer } from '../support/server.js';

type Item = {
  id: string;
  type: string;
  actor: string;
  correlation: string;
  recordedAt: string;
  position: string;
  stream: string;
  data: Record<string, unknown>;
  unreadable?: string;
};

let server: TestServer;
let client: Client;
let learner: string;
let enrollment: string;
const RUN = publicId('opr', uuidv5('0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10', 'a run'));

beforeAll(async () => {
  server = await startServer();
  ({ client } = await openWorld(server, 'audited', e3Catalog()));
  ({ id: learner } = await client.post('/api/learners', { name: 'Ada' }));
  ({ id: enrollment } = await client.post('/api/enrollments', { learner, pathway: 'digital-marketing' }));
  await client.post('/api/learners', { name: 'Grace' }, { 'cairn-run': RUN });
  await client.post(`/api/learners/${learner}/complete-module`, { module: 'SEO-101', score: 90 }, { 'cairn-run': RUN });
  await server.settled();
});
afterAll(() => server.close());

const trail = async (query: string): Promise<Item[]> => {
  const answer = await client.get(`/api/audit/events?${query}`);
  expect(answer.status).toBe(200);
  expect(answer.body.nextCursor).toBeUndefined();
  return answer.body.items as Item[];
};
const ids = (items: readonly Item[]): readonly string[] => items.map(({ id }) => id);
const types = (items: readonly Item[]): readonly string[] => items.map(({ type }) => type);

it('a subject is whatever an id names', async () => {
  const about = await trail(`subject=${learner}`);
  expect(types(about)).toEqual(
    expect.arrayContaining(['learner-registered', 'learner-enrolled', 'module-completed', 'step-satisfied']),
  );
  expect(about.map(({ position }) => position)).toEqual(about.map(({ position }) => position).toSorted());
  expect(ids(await trail(`learner=${learner}`))).toEqual(ids(about));

  // The other pathways that the learner joined on the way are not this enrollment's.
  const enrolled = await trail(`subject=${enrollment}`);
  expect(types(enrolled)).toEqual(['learner-enrolled', 'stack-component-credited', 'step-satisfied']);
  expect(ids(about)).toEqual(expect.arrayContaining([...ids(enrolled)]));

  const { items } = (await client.get('/api/pathways')).body;
  const pathway = (items as { id: string; slug: string }[]).find(({ slug }) => slug === 'digital-marketing');
  expect(types(await trail(`subject=${pathway?.id}`))).toEqual(['pathway-drafted', 'pathway-version-published']);
});

it('subject, actor, correlation and from narrow it down together', async () => {
  const about = await trail(`subject=${learner}`);
  const inRun = await trail(`correlation=${RUN}`);
  expect(new Set(inRun.map(({ correlation }) => correlation)).size).toBe(1);
  expect(types(inRun)).toEqual(expect.arrayContaining(['learner-registered', 'module-completed']));
  const both = await trail(`subject=${learner}&correlation=${RUN}`);
  expect(ids(both)).toEqual(ids(about).filter((id) => ids(inRun).includes(id)));
  expect(both.length).toBeGreaterThan(0);
  expect(both.length).toBeLessThan(inRun.length);

  const { actor } = about[0] as Item;
  expect(ids(await trail(`subject=${learner}&actor=${actor}`))).toEqual(
    ids(about.filter((item) => item.actor === actor)),
  );
  expect(await trail(`subject=${learner}&actor=user:nobody`)).toEqual([]);

  const late = (about.at(-1) as Item).recordedAt;
  const later = await trail(`subject=${learner}&from=${late}`);
  expect(ids(later)).toEqual(ids(about.filter(({ recordedAt }) => recordedAt >= late)));
  expect(later.length).toBeLessThan(about.length);
  expect(await trail(`actor=${actor}&from=2999-01-01T00:00:00Z`)).toEqual([]);
});

it('comes page by page, and what is recorded meanwhile is not lost and moves nothing', async () => {
  const { actor } = ((await trail(`subject=${learner}`)) as [Item])[0];
  for (const query of [`subject=${learner}`, `actor=${actor}`]) {
    const before = await trail(`${query}&limit=200`);
    const read: string[] = [];
    let next: string | undefined = `/api/audit/events?${query}&limit=3`;
    while (next !== undefined) {
      const answer: Answer = await client.get(next);
      read.push(...ids(answer.body.items as Item[]));
      const link: RegExpExecArray | null = /^<(.+)>; rel="next"$/.exec(String(answer.headers['link'] ?? ''));
      expect(link !== null).toBe(answer.body.nextCursor !== undefined);
      next = link?.[1];
      if (read.length === 3) {
        await client.post(`/api/learners/${learner}/start-module`, { module: 'SEO-101' });
        await server.settled();
      }
    }
    expect(read.slice(0, before.length)).toEqual(ids(before));
    expect(read).toEqual(ids(await trail(`${query}&limit=200`)));
  }
});

it.each([
  ['', 400, 'malformed-request'],
  ['from=2026-01-01T00:00:00Z', 400, 'malformed-request'],
  ['subject=lrn_00000000000000000000000001&credential=crd_00000000000000000000000001', 400, 'malformed-request'],
  ['subject=lrn_x', 404, 'not-found'],
  ['subject=evt_00000000000000000000000001', 404, 'not-found'],
  ['subject=constructor_1', 404, 'not-found'],
  ['learner=crd_00000000000000000000000001', 404, 'not-found'],
  ['actor=user:a&from=yesterday', 400, 'validation-failed'],
  ['actor=user:a&cursor=abc', 400, 'cursor-invalid'],
  ['actor=user:a&cursor=WyJ4Il0', 400, 'cursor-invalid'],
])('?%s is refused', async (query, status, code) => {
  expect(await client.get(`/api/audit/events?${query}`)).toMatchObject({ status, body: { code } });
});

it('of another tenant shows nothing', async () => {
  const { client: stranger } = await server.tenant('stranger');
  for (const query of [`subject=${learner}`, `subject=${enrollment}`, `correlation=${RUN}`])
    expect((await stranger.get(`/api/audit/events?${query}`)).body.items).toEqual([]);
});

it('that is being built anew is not shown as an empty one', async () => {
  const handler = new TrailHandler({ ...server.installation, positionOfProjections: () => BEGINNING });
  const asked = handler.execute(new TrailQuery('t' as TenantId, trailFilter({ subject: learner }), {}));
  await expect(asked).rejects.toMatchObject({ code: 'read-model-behind' });
});

it('holds also what no program can read, and says so', async () => {
  const [registered] = (await trail(`subject=${learner}`)) as [Item];
  const [stored] = await server.installation.log.read(registered.stream, { limit: 1 });
  const someone = uuidv5('0b0e7c1c-52a4-4d5e-8a3e-2f6f3a0c9b10', 'someone') as LearnerId;
  const { meta } = stored as NewEvent;
  const broken: NewEvent = {
    id: uuidv5(someone, 'broken'),
    type: 'module-completed',
    data: { learnerId: someone, secret: 'x' },
    meta,
  };
  await server.installation.log.append(recordStream(meta['tenant'] as never, someone), 'none', [broken]);
  await server.installation.waitFor(['audit'], await server.installation.log.head(), 5_000);
  const found = await trail(`subject=${publicId('lrn', someone)}`);
  expect(found).toMatchObject([{ type: 'module-completed', unreadable: 'event-corrupt', data: {} }]);
  const parked = await server.installation.parked();
  expect(parked.filter(({ name }) => name === 'audit')).toEqual([]);
});
