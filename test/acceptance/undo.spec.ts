// I24: a wrong run is undone by its id: all its effects and only those; history shows both.
import { e2Catalog, e2SecondVersion } from '@cairn/testing';
import { publicId, uuidv5 } from '@cairn/kernel';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
const runId = uuidv5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'autumn results');
const run = publicId('imp', runId);
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'undo', e2Catalog());
});

const LEVEL_ONE = 'L1 from 2024-09-20';
let wronged: AcceptanceLearner;
let untouched: AcceptanceLearner;
const inRun = { 'cairn-run': run };
const undo = (body: object, id = run) => world.client.send('POST', `/api/operations/${id}/undo`, body);

it('a run may span several requests and learners', async () => {
  wronged = await world.learner();
  untouched = await world.learner();
  const enrollments: string[] = [];
  for (const learner of [wronged, untouched]) {
    enrollments.push((await learner.enroll('data-skills', '2024-09-01')).id as string);
    await learner.complete('DS-101', '2024-09-10');
  }
  await untouched.complete('DS-102', '2024-09-20');
  // The wrong file: a result that brings level one, a waiver, and a person nobody knew.
  const complete = { module: 'DS-102', occurredAt: '2024-09-20T09:00:00Z' };
  await world.client.post(`/api/learners/${wronged.id}/complete-module`, complete, inRun);
  const waiver = { requirement: 'L2/1', reasonCode: 'prior-learning', authority: 'programme board' };
  await world.client.post(`/api/enrollments/${enrollments[0]}/waive`, waiver, inRun);
  await world.client.post('/api/learners', { name: 'Nobody', email: 'nobody@example.org' }, inRun);
  await server.settled();
  expect(await wronged.credentials()).toEqual([LEVEL_ONE]);
});

it('shows what an undo would do, and does nothing yet', async () => {
  const { status, body } = await undo({ authority: 'registrar' });
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { run: runId, effects: 2, types: { 'module-completed': 1, 'requirement-waived': 1 }, gone: 0 },
  });
  expect(body.follows).toBeGreaterThanOrEqual(3); // step, award and issued credential are decided anew with them
  expect((body.remains as { type: string }[]).map(({ type }) => type).toSorted()).toEqual([
    'identity-claimed',
    'learner-registered',
  ]);
  expect(body).not.toHaveProperty('done');
  expect(await wronged.credentials()).toEqual([LEVEL_ONE]);
});

it('refuses what was not previewed, a run that is not there, and a missing authority', async () => {
  expect(await undo({ authority: 'registrar', confirm: 3 })).toMatchObject({
    status: 409,
    body: { code: 'preview-stale', detail: expect.stringContaining('2 effects') as string },
  });
  expect(await undo({ authority: 'registrar' }, publicId('imp', uuidv5(runId, 'other')))).toMatchObject({
    status: 404,
  });
  expect(await undo({ authority: 'registrar' }, 'run-7')).toMatchObject({ status: 404 });
  expect(await undo({})).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  const other = await server.tenant('undo-other');
  expect(await other.client.send('POST', `/api/operations/${run}/undo`, { authority: 'x' })).toMatchObject({
    status: 404,
  });
});

it('takes back all effects of the run and only those', async () => {
  const { status, body } = await undo({ authority: 'registrar', confirm: 2 });
  expect({ status, body }).toMatchObject({ status: 200, body: { done: { compensated: 2, refused: [] } } });
  await server.settled();
  expect(await wronged.credentials()).toEqual([`${LEVEL_ONE}, revoked`]);
  expect(await untouched.credentials()).toEqual([LEVEL_ONE]);
  const trail = await world.client.get(`/api/audit/events?correlation=${body.undo as string}`);
  const types = (trail.body.items as { type: string }[]).map(({ type }) => type);
  expect(types).toEqual(
    expect.arrayContaining(['module-completion-invalidated', 'requirement-waiver-withdrawn', 'credential-revoked']),
  );
});

it('finds nothing to do the second time, and does not undo an undo', async () => {
  const again = await undo({ authority: 'registrar' });
  expect(again).toMatchObject({ status: 200, body: { effects: 0, gone: 2 } });
  expect(await undo({ authority: 'registrar' }, again.body.undo as string)).toMatchObject({
    status: 409,
    body: { code: 'undo-of-undo' },
  });
});

it('the right file can be sent afterwards: business keys are free again', async () => {
  await wronged.complete('DS-102', '2024-10-01');
  expect(await wronged.credentials()).toEqual([`${LEVEL_ONE}, revoked`, expect.stringMatching(/^L1\/2 from /)]);
});

it('an enrollment of a wrong run leaves every count; a wrong revocation is replaced', async () => {
  const second = publicId('opr', uuidv5(runId, 'second'));
  const header = { 'cairn-run': second };
  const learner = await world.learner();
  await world.client.post(
    '/api/enrollments',
    { learner: learner.id, pathway: 'data-skills', occurredAt: '2024-09-02T09:00:00Z' },
    header,
  );
  const credential = await untouched.credential('L1');
  const path = `/api/credentials/${credential}`;
  const etag = (await world.client.get(path)).headers['etag'] as string;
  await world.client.post(
    `${path}/revoke`,
    { reasonCode: 'issued-in-error', authority: 'registrar' },
    { 'if-match': etag, ...header },
  );
  await server.settled();
  const funnel = async () =>
    (await world.client.get('/api/analytics/pathways/data-skills/funnel')).body.enrolled as number;
  const before = await funnel();
  const preview = await undo({ authority: 'registrar' }, second);
  expect(preview.body).toMatchObject({ effects: 2, types: { 'learner-enrolled': 1, 'credential-revoked': 1 } });
  expect((await undo({ authority: 'registrar', confirm: 2 }, second)).body.done).toEqual({
    compensated: 2,
    refused: [],
  });
  await server.settled();
  expect(await funnel()).toBe(before - 1);
  const [old, replacement] = await untouched.credentials();
  expect(old).toBe(`${LEVEL_ONE}, revoked`);
  expect(replacement).toMatch(/^L1.* from 2024-09-20$/);
});

it('what others have seen since is told before: readers of the feed, signed copies, what rests on them', async () => {
  const third = publicId('imp', uuidv5(runId, 'third'));
  const learner = await world.learner();
  await learner.enroll('data-skills', '2024-09-01');
  for (const module of ['DS-101', 'DS-102'])
    await world.client.post(
      `/api/learners/${learner.id}/complete-module`,
      { module, occurredAt: '2024-09-20T09:00:00Z' },
      { 'cairn-run': third },
    );
  await server.settled();
  const seen = async () => (await undo({ authority: 'registrar' }, third)).body.seen;
  expect(await seen()).toEqual({ feed: [], issued: 1, restingOn: [] });
  let after = '';
  for (;;) {
    const page = await world.client.get(`/api/events?limit=1000${after}`);
    if ((page.body as unknown[]).length === 0) break;
    after = `&after=${page.headers['position'] as string}`;
  }
  expect(await seen()).toMatchObject({
    feed: [{ reader: expect.stringMatching(/^service:key_/) as string, events: expect.any(Number) as number }],
  });
  expect((await seen()).feed[0].events).toBeGreaterThan(3);
});

it('a move to another version is taken back, and so is a hold; each only while it stands', async () => {
  const fourth = publicId('opr', uuidv5(runId, 'fourth'));
  const inFourth = { 'cairn-run': fourth };
  const learner = await world.learner();
  const { id } = await learner.enroll('data-skills', '2024-09-01');
  await learner.complete('DS-101', '2024-09-10');
  await learner.complete('DS-102', '2024-09-20');
  await world.publish(e2SecondVersion());
  const move = { version: e2SecondVersion().label, reasonCode: 'rules-revised' };
  await world.client.post(`/api/enrollments/${id}/move`, { ...move, occurredAt: '2024-10-01T09:00:00Z' }, inFourth);
  const credential = await learner.credential('L1');
  const etag = (await world.client.get(`/api/credentials/${credential}`)).headers['etag'] as string;
  await world.client.post(
    `/api/credentials/${credential}/suspend`,
    { hold: 'inquiry', reasonCode: 'inquiry', authority: 'registrar' },
    { 'if-match': etag, ...inFourth },
  );
  await server.settled();
  const label = async () => (await world.client.get(`/api/enrollments/${id}`)).body.label as string;
  expect(await label()).toBe(e2SecondVersion().label);
  expect(await learner.credentials()).toEqual([`${LEVEL_ONE}, suspended`]);

  const preview = await undo({ authority: 'registrar' }, fourth);
  expect(preview.body).toMatchObject({
    effects: 2,
    types: { 'enrollment-moved-to-version': 1, 'credential-suspended': 1 },
  });
  expect((await undo({ authority: 'registrar', confirm: 2 }, fourth)).body.done).toEqual({
    compensated: 2,
    refused: [],
  });
  await server.settled();
  expect(await label()).toBe(e2Catalog().pathways[0]?.label);
  expect(await learner.credentials()).toEqual([LEVEL_ONE]);
  expect((await undo({ authority: 'registrar' }, fourth)).body).toMatchObject({ effects: 0, gone: 2 });
});
