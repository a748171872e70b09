// Bad input of the life cycle, each refused with its code and what to do next, and nothing half-applied: the log stands
// where it stood.
import { e2Catalog, e2SecondVersion, type PathwayDraft } from '@cairn/testing';
import { publicId } from '@cairn/kernel';
import { randomUUID } from 'node:crypto';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
let learner: AcceptanceLearner;
let enrollment: string;
const WORD = { reasonCode: 'entered-in-error', authority: 'registrar' };
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'refused', e2Catalog(), '2025-01-01T08:00:00Z');
  learner = await world.learner();
  enrollment = (await learner.enroll('data-skills', '2024-09-01')).id as string;
  await learner.complete('DS-101', '2024-09-10');
  await learner.complete('DS-102', '2024-09-11');
}, 60_000);

/** Sends it; the answer, if it is a problem with its code and a next step and nothing was recorded. */
async function refused(method: 'POST' | 'PUT', path: string, body: object, headers: Record<string, string> = {}) {
  await server.settled();
  const before = await server.installation.log.head();
  const { status, body: problem } = await world.client.send(method, path, body, headers);
  await server.settled();
  expect({ path, head: await server.installation.log.head() }).toEqual({ path, head: before });
  expect({ path, next: problem.next as unknown }).toEqual({ path, next: expect.stringMatching(/\w+.*\w+/) });
  return { status, ...(problem as { code: string; detail: string; errors?: { pointer: string; code: string }[] }) };
}
const draftOf = ({ slug: _slug, label: _label, ...draft }: PathwayDraft) => draft;
const etagOf = async (path: string) => ({ 'if-match': (await world.client.get(path)).headers['etag'] as string });

it('a mapping that loses a satisfied step', async () => {
  const next = e2SecondVersion();
  const renamed = JSON.parse(JSON.stringify(next).replaceAll('"L1"', '"basics"').replaceAll('template":"basics', 'template":"L1')) as PathwayDraft; // prettier-ignore
  await world.publish(renamed);
  const body = { version: renamed.label, reasonCode: 'rules-revised' };
  expect(await refused('POST', `/api/enrollments/${enrollment}/move`, body)).toMatchObject({
    status: 422,
    code: 'mapping-incomplete',
    errors: [{ pointer: '/mapping/L1', code: 'lost' }],
  });
  const mapped = await world.client.send('POST', `/api/enrollments/${enrollment}/move`, { ...body, mapping: { L1: 'basics' } }); // prettier-ignore
  expect(mapped).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
});

it('credentials that would rest on each other in a circle, so that no policy ever cascades for ever', async () => {
  const one = (slug: string, credential: string, template: string): PathwayDraft => ({
    slug,
    label: '1',
    title: { en: slug },
    enrollment: 'on-request',
    rules: {
      zone: 'Europe/Berlin',
      order: 'advisory',
      entryPoints: [{ id: 'start', at: 'only' }],
      steps: [{ id: 'only', need: { credential } }],
      awards: [{ id: template, template, kind: 'final', when: 'only' }],
    },
  });
  await world.publish(one('upwards', 'L3', 'L4'));
  await world.client.post('/api/pathways', { slug: 'downwards', ...draftOf(one('downwards', 'L4', 'L3')) });
  const found = await refused('POST', '/api/pathways/downwards/publish', {}, await etagOf('/api/pathways/downwards'));
  expect(found).toMatchObject({ status: 422, code: 'pathway-lint-failed', errors: [{ code: 'pathway-cycle' }] });
});

it('a rule that could be evaluated for ever', async () => {
  const modules = e2Catalog().modules.map(({ slug }) => slug);
  // Eight nodes that take their credits from one pool: which fact goes where has more answers than can be tried.
  const need = { all: Array.from({ length: 8 }, (_, index) => ({ credits: 10 + index, from: modules })) };
  const [pathway] = e2Catalog().pathways as [PathwayDraft];
  const tangled = { ...pathway, slug: 'tangled', rules: { ...pathway.rules, steps: pathway.rules.steps.map((step) => (step.id === 'L1' ? { ...step, need } : step)) } }; // prettier-ignore
  await world.client.post('/api/pathways', { slug: 'tangled', ...draftOf(tangled as PathwayDraft) });
  const started = Date.now();
  const found = await refused('POST', '/api/pathways/tangled/publish', {}, await etagOf('/api/pathways/tangled'));
  expect(found).toMatchObject({ status: 422, code: 'pathway-lint-failed', errors: [{ code: 'too-tangled' }] });
  expect(Date.now() - started).toBeLessThan(20_000);
});

it('a merge with itself, and across tenants', async () => {
  const path = `/api/learners/${learner.id}/merge`;
  expect(await refused('POST', path, { into: learner.id, ...WORD })).toMatchObject({ status: 422, code: 'merge-with-itself' }); // prettier-ignore
  const elsewhere = await (await openWorld(server, 'refused-foreign', e2Catalog())).learner();
  expect(await refused('POST', path, { into: elsewhere.id, ...WORD })).toMatchObject({ status: 404, code: 'not-found' }); // prettier-ignore
});

it('an undo of an undo, and of a run that is none', async () => {
  const run = publicId('imp', randomUUID());
  await learner.act(`/api/learners/${learner.id}/complete-module`, { module: 'DS-201', occurredAt: '2024-10-01T09:00:00Z' }, { 'cairn-run': run }); // prettier-ignore
  const { undo } = await learner.act(`/api/operations/${run}/undo`, { authority: 'registrar', confirm: 1 });
  expect(await refused('POST', `/api/operations/${undo}/undo`, { authority: 'registrar' })).toMatchObject({ status: 409, code: 'undo-of-undo' }); // prettier-ignore
  const none = publicId('imp', randomUUID());
  expect(await refused('POST', `/api/operations/${none}/undo`, { authority: 'registrar' })).toMatchObject({ status: 404 }); // prettier-ignore
});

it('a renewal of what has none, and outside its window', async () => {
  const path = `/api/credentials/${await learner.credential('L1')}/renew`;
  expect(await refused('POST', path, WORD)).toMatchObject({ status: 409, code: 'not-renewable' });
  // Outside the window, with the day that it opens: renewal.spec.ts.
});

it('a sandbox clock set backwards, and that of a tenant that lives by real time', async () => {
  expect(await refused('POST', '/api/clock', { to: '2024-12-31T08:00:00Z' })).toMatchObject({ status: 422, code: 'clock-backwards' }); // prettier-ignore
});

it('an erased learner: by name in a bulk run, where the others go on, and alone', async () => {
  const gone = await world.learner();
  await gone.enroll('data-skills', '2024-09-01');
  for (const module of ['DS-101', 'DS-102', 'DS-103']) await gone.complete(module, '2024-09-10');
  const credential = await gone.credential('L1');
  await gone.act(`/api/learners/${gone.id}/erase`, { reasonCode: 'data-subject-request', approvedBy: 'dpo' });
  const body = { action: 'revoke', selection: { credentials: [credential, await learner.credential('L1')] }, ...WORD, dryRun: true }; // prettier-ignore
  const { text } = await world.client.send('POST', '/api/credential-batches', body);
  expect(text).toContain('"counts"');
  const [, ...rows] = text.trim().split('\n').map((line) => JSON.parse(line) as { effect?: string; refusal?: { code: string } }); // prettier-ignore
  expect(rows.slice(0, -1).map(({ effect, refusal }) => refusal?.code ?? effect)).toEqual(['learner-erased', 'revoke']);
  const facts = { module: 'DS-201', occurredAt: '2024-12-01T09:00:00Z' };
  expect(await refused('POST', `/api/learners/${gone.id}/complete-module`, facts)).toMatchObject({ status: 410, code: 'learner-erased' }); // prettier-ignore
});
