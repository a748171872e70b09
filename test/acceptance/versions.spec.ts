// Pathway versions under living learners: E2 with a second version, over HTTP.
import { e2Catalog, e2SecondVersion } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'versions', e2Catalog());
});

const funnel = async (version: string, more = '') => {
  const { body } = await world.client.get(`/api/analytics/pathways/data-skills/funnel?version=${version}${more}`);
  const [first] = body.steps as { reached: number; satisfied: number }[];
  return { enrolled: body.enrolled as number, ...first };
};

it('a move takes the learner from one version’s funnel to the other’s; a past answer stays as it was', async () => {
  const [old, next] = [e2Catalog().pathways[0]?.label as string, e2SecondVersion().label];
  const learner = await world.learner();
  const { id } = await learner.enroll('data-skills', '2024-09-01');
  await learner.complete('DS-101', '2024-09-10');
  await learner.complete('DS-102', '2024-09-20');
  await world.publish(e2SecondVersion());

  const { body: diff } = await world.client.get(`/api/pathways/data-skills/versions/${next}/diff`);
  expect(JSON.stringify(diff)).toMatch(/Foundations.*DS-103/);

  expect(await funnel(old)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  const body = { version: next, reasonCode: 'rules-revised', occurredAt: '2024-10-01T09:00:00Z' };
  const lost = await world.client.send('POST', `/api/enrollments/${id}/move`, { ...body, mapping: { L1: 'nowhere' } });
  expect(lost).toMatchObject({ status: 422, body: { code: 'mapping-incomplete' } });
  expect(await world.client.post(`/api/enrollments/${id}/move`, body)).toMatchObject({ outcome: 'recorded' });
  await server.settled();

  expect(await funnel(old)).toMatchObject({ enrolled: 0, reached: 0, satisfied: 0 });
  expect(await funnel(next)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  // Asked about an instant, the journeys answer: now as the counters, before the move as it was.
  const now = `&asOf=${new Date().toISOString()}`;
  expect(await funnel(old, now)).toMatchObject({ enrolled: 0, reached: 0, satisfied: 0 });
  expect(await funnel(next, now)).toMatchObject({ enrolled: 1, reached: 1, satisfied: 1 });
  expect(await funnel(old, '&asOf=2024-09-25T00:00:00.000Z')).toMatchObject({ enrolled: 1, satisfied: 1 });
  expect(await funnel(next, '&asOf=2024-09-25T00:00:00.000Z')).toMatchObject({ enrolled: 0, satisfied: 0 });
  // What was earned stays, and follows again from the rules that it was earned by.
  expect(await learner.credentials()).toEqual(['L1 from 2024-09-20']);
  expect(await learner.verdicts()).toEqual(['L1 valid']);
  expect((await world.client.get(`/api/enrollments/${id}`)).body).toMatchObject({ label: next, openSteps: ['L2'] });
});

const ndjson = (text: string) =>
  text
    .trim()
    .split('\n')
    // oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by tests as they come
    .map((line) => JSON.parse(line) as any);
const simulate = async (on: AcceptanceWorld, body: object) => {
  const answer = await on.client.send('POST', '/api/pathways/data-skills/simulate', body);
  expect(answer.status).toBe(200);
  const [head, ...rows] = ndjson(answer.text);
  return { head, rows: rows.slice(0, -1), counts: rows.at(-1).counts };
};

describe('a change of rules', () => {
  let changed: AcceptanceWorld;
  const ids: Record<string, string> = {};
  beforeAll(async () => {
    changed = await openWorld(server, 'changed', e2Catalog());
    const start = async (name: string, ...modules: readonly string[]) => {
      const learner = await changed.learner();
      ids[name] = (await learner.enroll('data-skills', '2024-09-01')).id as string;
      for (const [index, module] of modules.entries()) await learner.complete(module, `2024-09-${10 + index}`);
      return learner;
    };
    await start('half', 'DS-101');
    await start('one', 'DS-101', 'DS-102');
    await start('both', 'DS-101', 'DS-102', 'DS-103');
    const gone = await start('gone', 'DS-101');
    await changed.client.post(`/api/enrollments/${ids['gone']}/withdraw`, { reasonCode: 'learner-request' });
    expect(await gone.credentials()).toEqual([]);
  });
  const outcomes = (rows: readonly { enrollment: string; outcome: string }[]) =>
    Object.fromEntries(
      Object.entries(ids).map(([name, id]) => [name, rows.find(({ enrollment }) => enrollment === id)?.outcome]),
    );

  it('is previewed from the draft: who loses by it is told what it would ask for', async () => {
    const { slug: _slug, label: _label, ...draft } = e2SecondVersion();
    await changed.client.send('PUT', '/api/pathways/data-skills/draft', draft);
    await server.settled();
    const before = await server.installation.log.head();
    const { head, rows, counts } = await simulate(changed, {});
    expect(head).toMatchObject({ pathway: 'data-skills', version: null, position: expect.any(String) });
    expect(outcomes(rows)).toEqual({ half: 'unchanged', one: 'loses', both: 'unchanged', gone: 'refused' });
    expect(counts).toEqual({ gains: 0, loses: 1, unchanged: 2, refused: 1 });
    expect(rows.find(({ outcome }) => outcome === 'loses').loses).toEqual([
      expect.objectContaining({ award: 'L1', because: [expect.stringContaining('DS-103')] }),
    ]);
    expect(rows.find(({ outcome }) => outcome === 'refused').refusal).toMatchObject({ code: 'enrollment-not-active' });
    // Nothing is written, by construction.
    expect(await server.installation.log.head()).toBe(before);
  });

  it('that asks for less shows who gains what, and by which facts', async () => {
    const { slug: _slug, label: _label, ...draft } = e2Catalog().pathways[0]!;
    const steps = draft.rules.steps.map((step) => (step.id === 'L1' ? { ...step, need: { module: 'DS-101' } } : step));
    await changed.client.send('PUT', '/api/pathways/data-skills/draft', { ...draft, rules: { ...draft.rules, steps } });
    const { rows, counts } = await simulate(changed, {});
    expect(counts).toEqual({ gains: 1, loses: 0, unchanged: 2, refused: 1 });
    expect(outcomes(rows)['half']).toBe('gains');
    expect(rows.find(({ outcome }) => outcome === 'gains')).toMatchObject({
      stepsMet: ['L1'],
      gains: [{ award: 'L1', from: '2024-09-10T09:00:00.000Z', because: [{ by: [expect.stringMatching(/^evt_/)] }] }],
    });
  });

  it('names a version that is not there', async () => {
    const none = await changed.client.send('POST', '/api/pathways/data-skills/simulate', { version: '9' });
    expect(none).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });
});

it('a preview is run as it was: who changed since is not touched, a second run does nothing, awards stay', async () => {
  const running = await openWorld(server, 'running', e2Catalog());
  const start = async (...modules: readonly string[]) => {
    const learner = await running.learner();
    const { id } = await learner.enroll('data-skills', '2024-09-01');
    for (const [index, module] of modules.entries()) await learner.complete(module, `2024-09-${10 + index}`);
    return { learner, id: id as string };
  };
  const gains = await start('DS-101', 'DS-103');
  const keeps = await start('DS-101', 'DS-102');
  const changes = await start('DS-101');
  const [first] = e2Catalog().pathways;
  const need = { all: [{ module: 'DS-101' }, { module: 'DS-103' }] };
  const steps = first!.rules.steps.map((step) => (step.id === 'L1' ? { ...step, need } : step));
  await running.publish({ ...first!, label: 'ethics', rules: { ...first!.rules, steps } });

  const { head, rows, counts } = await simulate(running, { version: 'ethics' });
  expect(counts).toEqual({ gains: 1, loses: 1, unchanged: 1, refused: 0 });
  await changes.learner.complete('DS-201', '2024-10-01');

  const run = async () => {
    const body = { version: 'ethics', position: head.position, asOf: head.asOf, reasonCode: 'rules-revised' };
    const answer = await running.client.send('POST', '/api/pathways/data-skills/move', body);
    expect(answer.status).toBe(200);
    await server.settled();
    const [of, ...lines] = ndjson(answer.text);
    return { run: of.run as string, lines: lines.slice(0, -1), counts: lines.at(-1).counts };
  };
  const once = await run();
  expect(once.counts).toEqual({ moved: 2, unchanged: 0, 'changed-since': 1, refused: 0 });
  expect(once.lines.find(({ enrollment }) => enrollment === changes.id)).toMatchObject({ outcome: 'changed-since' });
  const versionOf = async (id: string) => (await running.client.get(`/api/enrollments/${id}`)).body.label as string;
  expect(await Promise.all([gains, keeps, changes].map(({ id }) => versionOf(id)))).toEqual([
    'ethics',
    'ethics',
    first!.label,
  ]);
  // Exactly what the preview said was earned, at the same instants; what was held is held.
  const promised = rows.find(({ enrollment }) => enrollment === gains.id).gains;
  expect(promised).toMatchObject([{ award: 'L1', from: '2024-09-11T09:00:00.000Z' }]);
  expect(await gains.learner.credentials()).toEqual(['L1 from 2024-09-11']);
  expect(await keeps.learner.credentials()).toEqual(['L1 from 2024-09-11']);
  expect(await changes.learner.credentials()).toEqual([]);

  const before = await server.installation.log.head();
  expect((await run()).counts).toEqual({ moved: 0, unchanged: 2, 'changed-since': 1, refused: 0 });
  expect(await server.installation.log.head()).toBe(before);
});

it('afterwards every read model can be folded again from the log', async () => {
  await server.settled();
  expect((await server.installation.rebuild()).filter(({ equal }) => !equal)).toEqual([]);
});
