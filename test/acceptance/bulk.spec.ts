// I23: suspend many, reinstate some, revoke the rest, replace a few; each act previewed with what follows, confirmed in
// words, done as previewed, resumed, and undone by its run.
import { e1Catalog, e5Catalog } from '@cairn/testing';
import { SCOPES } from '@cairn/contexts/tenancy';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
const learners: AcceptanceLearner[] = [];
/** The credentials of UC, by learner. */
const held: string[] = [];
const MODULES = ['M1', 'M2', 'M3', 'T1', 'T2'];

beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'bulk', e5Catalog());
  for (let index = 0; index < 8; index++) {
    const learner = await world.learner();
    await learner.enroll('associate', '2024-09-01');
    // The last two get no further than UC.
    for (const [day, module] of MODULES.slice(0, index < 6 ? 5 : 3).entries())
      await world.client.post(`/api/learners/${learner.id}/complete-module`, {
        module,
        occurredAt: `2024-09-1${day}T09:00:00Z`,
      });
    learners.push(learner);
  }
  await server.settled();
  for (const learner of learners) held.push(await learner.credential('UC'));
}, 60_000);

type Row = { credential: string; learner: string; outcome: string; effect: string; revision: number };
async function batch(body: object, client = world.client) {
  const answer = await client.send('POST', '/api/credential-batches', {
    reasonCode: 'inquiry',
    authority: 'registrar',
    ...body,
  });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by tests as they come
  const lines = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as any);
  return { head: lines[0], rows: lines.slice(1, -1) as Row[], end: lines.at(-1), location: answer.headers['location'] };
}
async function confirmed(body: object, preview: Awaited<ReturnType<typeof batch>>, client = world.client) {
  const { position, asOf } = preview.head;
  const result = await batch({ ...body, position, asOf, confirm: preview.end.confirm }, client);
  await server.settled();
  return result;
}
const act = async (body: object) => confirmed(body, await batch({ ...body, dryRun: true }));
const states = async (template: string) => {
  const { body } = await world.client.get(`/api/credentials?template=${template}&limit=200`);
  const answers = await Promise.all(
    (body.items as { credential: string }[]).map(async ({ credential }) => {
      const { body: verdict } = await server.as(undefined).get(`/c/${credential}.json`);
      return verdict.status as string;
    }),
  );
  return answers.reduce<Record<string, number>>(
    (counts, state) => ({ ...counts, [state]: (counts[state] ?? 0) + 1 }),
    {},
  );
};

it('a preview counts, says what follows for each item, and writes nothing', async () => {
  const before = await server.installation.log.head();
  const { head, rows, end, location } = await batch({
    action: 'revoke',
    selection: { template: 'UC' },
    dryRun: true,
  });
  expect(head).toMatchObject({ action: 'revoke', run: expect.stringMatching(/^opr_/), position: expect.any(String) });
  expect(location).toBe(`/api/operations/${head.run}`);
  expect(end).toEqual({
    counts: { affected: 8, unchanged: 0, refused: 0 },
    cascade: expect.objectContaining({ suspended: 6 }),
    confirm: 'revoke 8',
  });
  const first = rows.find(({ learner }) => learner === learners[0]?.id);
  expect(first).toMatchObject({
    credential: held[0],
    effect: 'revoke',
    revision: 0,
    cascade: expect.arrayContaining([
      expect.objectContaining({ effect: 'suspended', because: 'component-revoked', template: expect.any(String) }),
    ]),
  });
  expect(await server.installation.log.head()).toBe(before);
});

it('refuses what was not confirmed in the words of the preview, and a selection that says too much or too little', async () => {
  const act8 = { action: 'revoke', selection: { template: 'UC' }, reasonCode: 'x', authority: 'registrar' };
  const { head } = await batch({ ...act8, dryRun: true });
  const send = (body: object) => world.client.send('POST', '/api/credential-batches', body);
  const at = { position: head.position, asOf: head.asOf };
  expect(await send({ ...act8, ...at, confirm: 'revoke 7' })).toMatchObject({
    status: 409,
    body: { code: 'preview-stale', detail: expect.stringContaining('revoke 8') as string },
  });
  expect(await send(act8)).toMatchObject({ status: 400, body: { errors: [{ pointer: '/position' }, {}, {}] } });
  for (const selection of [{}, { credentials: held, template: 'UC' }])
    expect(await send({ ...act8, selection, dryRun: true })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/selection' }] },
    });
  expect(await send({ ...act8, selection: { credentials: ['crd_x'] }, dryRun: true })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/selection/credentials/0' }] },
  });
  expect(await send({ ...act8, action: 'suspend', dryRun: true })).toMatchObject({
    status: 400,
    body: { errors: [{ pointer: '/hold' }] },
  });
  expect(await states('UC')).toEqual({ valid: 8 });
});

it('suspends all, reinstates some, revokes the rest; a second run does nothing; what rests on them follows', async () => {
  const hold = { hold: 'inquiry-17' };
  const all = { action: 'suspend', selection: { credentials: held }, ...hold };
  const preview = await batch({ ...all, dryRun: true });
  expect((await confirmed(all, preview)).end.counts).toEqual({ done: 8, unchanged: 0, 'changed-since': 0, refused: 0 });
  expect(await states('UC')).toEqual({ suspended: 8 });

  const before = await server.installation.log.head();
  expect((await confirmed(all, preview)).end.counts).toEqual({ done: 0, unchanged: 8, 'changed-since': 0, refused: 0 });
  expect((await act(all)).end.counts).toEqual({ done: 0, unchanged: 8, 'changed-since': 0, refused: 0 });
  expect(await server.installation.log.head()).toBe(before);

  const some = held.slice(0, 3);
  const reinstated = await act({ action: 'reinstate', selection: { credentials: some }, ...hold });
  expect(reinstated.end.counts).toMatchObject({ done: 3 });
  expect(await states('UC')).toEqual({ suspended: 5, valid: 3 });

  const rest = held.slice(3);
  const revoked = await act({ action: 'revoke', selection: { credentials: rest }, reasonCode: 'issued-in-error' });
  expect(revoked.end.counts).toMatchObject({ done: 5 });
  expect(await states('UC')).toEqual({ revoked: 5, valid: 3 });
  // TECH rests on UC: held while none is valid.
  expect(await states('TECH')).toEqual({ valid: 3, suspended: 3 });
});

it('who changed since the preview is reported and not touched; others of the run are no strangers', async () => {
  const body = { action: 'revoke', selection: { learners: learners.slice(0, 3).map(({ id }) => id) } };
  const preview = await batch({ ...body, dryRun: true });
  expect(preview.end.confirm).toBe('revoke 6'); // UC and TECH of three
  const [changed] = held;
  await act({ action: 'suspend', selection: { credentials: [changed as string] }, hold: 'other' });
  const result = await confirmed(body, preview);
  // TECH of the first was suspended by policy along with its UC, so that has changed since too.
  expect(result.end.counts).toEqual({ done: 4, unchanged: 0, 'changed-since': 2, refused: 0 });
  expect(result.rows.filter(({ outcome }) => outcome === 'changed-since').map(({ learner }) => learner)).toEqual([
    learners[0]?.id,
    learners[0]?.id,
  ]);
  await act({ action: 'reinstate', selection: { credentials: [changed as string] }, hold: 'other' });
});

it('issues to many: grants what is not held, once', async () => {
  const some = learners.slice(5, 8).map(({ id }) => id);
  const body = { action: 'issue', selection: { learners: some, template: 'BUS' }, reasonCode: 'prior-learning' };
  const preview = await batch({ ...body, dryRun: true });
  expect(preview.end).toMatchObject({ counts: { affected: 3 }, confirm: 'issue 3' });
  expect((await confirmed(body, preview)).end.counts).toMatchObject({ done: 3 });
  expect(await states('BUS')).toEqual({ valid: 3 });
  expect((await act(body)).end.counts).toMatchObject({ done: 0, unchanged: 3 });

  const undo = (more: object) =>
    world.client.send('POST', `/api/operations/${preview.head.run}/undo`, { authority: 'registrar', ...more });
  expect((await undo({})).body).toMatchObject({ effects: 3, types: { 'credential-granted': 3 } });
  expect((await undo({ confirm: 3 })).body.done).toEqual({ compensated: 3, refused: [] });
  await server.settled();
  expect(await states('BUS')).toEqual({ revoked: 3 });
  // The same run is not begun again: what was undone would look like done.
  const { position, asOf } = preview.head;
  const again = { ...body, position, asOf, confirm: 'issue 3', authority: 'registrar' };
  expect(await world.client.send('POST', '/api/credential-batches', again)).toMatchObject({
    status: 409,
    body: { code: 'run-undone' },
  });
});

it('renews those whose window is open, by decision; the others are told why not', async () => {
  const firstAid = await openWorld(server, 'bulk-renewal', e1Catalog(), '2026-11-24T09:00:00Z');
  const passed = async (day: string) => {
    const learner = await firstAid.learner();
    await learner.enroll('first-aid', '2024-01-01');
    await learner.complete('FA-101', day, 90);
    return learner;
  };
  const open = [await passed('2024-12-20'), await passed('2025-01-10')];
  const early = await passed('2026-02-01');
  const body = { action: 'renew', selection: { template: 'BLS' }, reasonCode: 'attended-elsewhere' };
  const preview = await batch({ ...body, dryRun: true }, firstAid.client);
  expect(preview.end).toMatchObject({
    counts: { affected: 2, unchanged: 0, refused: 1 },
    confirm: 'renew 2',
  });
  expect(preview.rows.find(({ learner }) => learner === early.id)).toMatchObject({
    effect: 'refused',
    refusal: { code: 'renewal-window-not-open' },
  });
  const renewed = await confirmed(body, preview, firstAid.client);
  expect(renewed.end.counts).toEqual({ done: 2, unchanged: 0, 'changed-since': 0, refused: 1 });
  expect((await confirmed(body, preview, firstAid.client)).end.counts).toMatchObject({ done: 0, unchanged: 2 });
  for (const learner of open) {
    const { body: history } = await firstAid.client.get(`/api/credentials/${await learner.credential('BLS')}/history`);
    const types = (history.items as { type: string }[]).map(({ type }) => type);
    expect(types.filter((type) => type === 'credential-renewed')).toHaveLength(1);
  }

  // Undone, the terms are taken back: suspended until they are met or decided again.
  const { run } = renewed.head;
  const undo = async (more: object = {}) => {
    const body = { authority: 'registrar', ...more };
    const { body: answer } = await firstAid.client.send('POST', `/api/operations/${run}/undo`, body);
    await server.settled();
    return answer;
  };
  expect(await undo()).toMatchObject({ effects: 2, types: { 'renewal-earned': 2 } });
  expect(await undo({ confirm: 2 })).toMatchObject({ done: { compensated: 2, refused: [] } });
  const states = async () => Promise.all(open.map(async (learner) => (await learner.terms()).at(-1)));
  expect(await states()).toEqual([expect.stringMatching(/ suspended$/), expect.stringMatching(/ suspended$/)]);
  expect(await undo()).toMatchObject({ effects: 0, gone: 2 });
  await open[0]?.complete('FA-R1', '2026-11-24T08:00:00Z');
  const [first, second] = await states();
  expect([first, second]).toEqual([expect.not.stringContaining('suspended'), expect.stringMatching(/ suspended$/)]);
});

it('an erased learner and an unknown credential are refused by code, the others go on', async () => {
  const victim = learners[7] as AcceptanceLearner;
  await world.client.post(`/api/learners/${victim.id}/erase`, {
    reasonCode: 'data-subject-request',
    approvedBy: 'dpo',
  });
  await server.settled();
  const unknown = 'crd_00000000000000000000000000';
  const { rows, end } = await act({
    action: 'suspend',
    hold: 'audit',
    selection: { credentials: [held[0], held[1], unknown, held[7]] },
  });
  expect(end.counts).toEqual({ done: 1, unchanged: 0, 'changed-since': 0, refused: 3 });
  expect(rows.map((row) => (row as { refusal?: { code: string } }).refusal?.code)).toEqual([
    undefined,
    'credential-revoked',
    'not-found',
    'learner-erased',
  ]);
});

it('needs the scope to issue', async () => {
  const { id } = await server.operator.post('/api/tenants', { slug: 'few', name: 'Few', zone: 'Europe/Berlin' });
  const scopes = SCOPES.filter((scope) => scope !== 'credentials:issue');
  const { key } = await server.operator.post(`/api/tenants/${id}/api-keys`, { name: 'few', scopes });
  const body = { action: 'issue', selection: { learners: [learners[0]?.id], template: 'BUS' }, dryRun: true };
  expect(
    await server.as(key).send('POST', '/api/credential-batches', { ...body, reasonCode: 'x', authority: 'y' }),
  ).toMatchObject({ status: 403, body: { code: 'scope-missing' } });
});
