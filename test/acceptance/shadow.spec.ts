// Shadow rules: a draft beside the version that people are in, over HTTP. What it says is what a dry run says of the
// same events, whatever happened in between; nothing is ever issued by it.
import { e2Catalog, e2SecondVersion, type PathwayDraft } from '@cairn/testing';
import type { Position } from '@cairn/kernel';
import fc from 'fast-check';
import type { TestServer } from '../support/server.js';
import { runs, startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

const [first] = e2Catalog().pathways as [PathwayDraft];
/** Of the fragment: level 1 by one module alone. */
const easier: PathwayDraft = {
  ...first,
  rules: {
    ...first.rules,
    steps: first.rules.steps.map((step) => (step.id === 'L1' ? { ...step, need: { module: 'DS-101' } } : step)),
  },
};
const shadowOf = '/api/pathways/data-skills/shadow';

// oxlint-disable-next-line typescript/no-explicit-any -- answers are looked into by tests as they come
type Line = any;
const linesOf = (text: string): Line[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

function on({ client }: AcceptanceWorld) {
  const asked = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const { status, text } = await (method === 'GET' ? client.get(path) : client.send(method, path, body));
    expect({ path, status, text: status === 200 ? '' : text }).toEqual({ path, status: 200, text: '' });
    const [head, ...rows] = linesOf(text);
    return { head, rows: rows.slice(0, -1), counts: rows.at(-1).counts };
  };
  return {
    draft: async ({ slug: _slug, label: _label, ...body }: PathwayDraft) =>
      expect((await client.send('PUT', '/api/pathways/data-skills/draft', body)).status).toBe(200),
    start: (body: object = {}) => client.send('POST', shadowOf, body),
    stop: () => client.send('POST', `${shadowOf}/stop`, { reasonCode: 'seen-enough' }),
    dryRun: () => asked('POST', '/api/pathways/data-skills/simulate', {}),
    report: (at?: { position: string; asOf: string }) =>
      asked('GET', at ? `${shadowOf}?position=${at.position}&asOf=${at.asOf}` : shadowOf),
    changes: async (enrollment: string) =>
      (await client.get(`${shadowOf}/enrollments/${enrollment}`)).body.changes as Line[],
  };
}
const withoutSince = (rows: readonly Line[]) => rows.map(({ since: _since, ...row }) => row as object);
const typesSince = async (position: Position) =>
  (await server.installation.log.readAll({ after: position, limit: 10_000 })).events.map(({ type }) => type);

it('seven days beside the live version: nothing is issued, and the report is the dry run of the same events', async () => {
  const world = await openWorld(server, 'week', e2Catalog(), '2025-01-01T08:00:00Z');
  const shadow = on(world);
  const start = async (...modules: readonly string[]) => {
    const learner = await world.learner();
    const { id } = await learner.enroll('data-skills', '2025-01-01T08:00:00Z');
    for (const module of modules) await learner.complete(module, '2025-01-01T08:00:00Z');
    return { learner, id: id as string };
  };
  const half = await start('DS-101');
  const both = await start('DS-101', 'DS-102');
  const none = await start();
  await shadow.draft(easier);
  expect(await shadow.start()).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
  const before = await server.installation.log.head();

  for (let day = 2; day <= 8; day++) {
    await world.moveTo(`2025-01-0${day}T08:00:00Z`);
    if (day === 4) await none.learner.complete('DS-101', '2025-01-03T08:00:00Z');
    if (day === 6) await half.learner.complete('DS-102', '2025-01-06T08:00:00Z');
    const dryRun = await shadow.dryRun();
    const report = await shadow.report();
    expect(withoutSince(report.rows)).toEqual(dryRun.rows);
    expect(report.counts).toEqual(dryRun.counts);
    expect(report.head).toMatchObject({
      shadow: 'running',
      hash: dryRun.head.hash,
      started: { by: expect.stringMatching(/^service:key_/) },
    });
  }
  const { rows } = await shadow.report();
  const row = (id: string) => rows.find(({ enrollment }) => enrollment === id);
  // By the live rules nobody but `both` and, from the sixth on, `half` has level 1; the draft gives it for DS-101.
  expect(await both.learner.credentials()).toEqual(['L1 from 2025-01-01']);
  expect(await half.learner.credentials()).toEqual(['L1 from 2025-01-06']);
  expect(await none.learner.credentials()).toEqual([]);
  expect(row(none.id)).toMatchObject({
    outcome: 'gains',
    gains: [{ award: 'L1', from: '2025-01-03T08:00:00.000Z', because: [{ by: [expect.stringMatching(/^evt_/)] }] }],
    since: { by: 'event', at: '2025-01-04T08:00:00.000Z', event: expect.stringMatching(/^evt_/) },
  });
  expect(row(half.id)).toEqual(expect.objectContaining({ outcome: 'unchanged' }));
  expect(await shadow.changes(half.id)).toMatchObject([
    { outcome: 'gains', gains: [{ award: 'L1' }], since: { by: 'start' } },
    { outcome: 'unchanged', since: { by: 'event', at: '2025-01-06T08:00:00.000Z' } },
  ]);
  expect(await shadow.changes(both.id)).toMatchObject([{ outcome: 'unchanged', since: { by: 'start' } }]);
  // What the log holds is what people did: the draft wrote nothing.
  expect((await typesSince(before)).filter((type) => /shadow|moved/.test(type))).toEqual([]);
  expect((await typesSince(before)).filter((type) => type === 'credential-issued')).toHaveLength(1);
});

it('ends when it is stopped, and when its draft is rewritten or published; what it found stays as it was', async () => {
  const world = await openWorld(server, 'ends', e2Catalog());
  const shadow = on(world);
  expect(await world.client.get(shadowOf)).toMatchObject({ status: 404 });
  // The draft that says what is published, or none at all, tells nothing.
  expect(await shadow.start()).toMatchObject({ status: 409, body: { code: 'nothing-to-shadow' } });
  expect(await world.client.send('POST', '/api/pathways/nowhere/shadow', {})).toMatchObject({ status: 404 });
  const learner = await world.learner();
  await learner.enroll('data-skills', '2024-09-01');
  await learner.complete('DS-101', '2024-09-10');

  await shadow.draft(easier);
  expect(await shadow.start({ from: 'nowhere' })).toMatchObject({ status: 404 });
  expect(await shadow.start()).toMatchObject({ body: { outcome: 'recorded' } });
  expect(await shadow.start()).toMatchObject({ body: { outcome: 'unchanged' } });
  expect(await shadow.start({ from: first.label })).toMatchObject({ status: 409, body: { code: 'shadow-running' } });
  expect(await shadow.stop()).toMatchObject({ body: { outcome: 'recorded' } });
  expect(await shadow.stop()).toMatchObject({ body: { outcome: 'unchanged' } });
  const stopped = await shadow.report();
  expect(stopped).toMatchObject({
    head: {
      shadow: 'ended',
      ended: { why: 'stopped', reasonCode: 'seen-enough', by: expect.stringMatching(/^service:key_/) },
    },
    counts: { gains: 1, loses: 0, unchanged: 0, refused: 0 },
  });
  // Later facts, and another version under the number that the draft would have had, change nothing in it.
  await learner.complete('DS-102', '2024-09-11');
  await world.publish(e2SecondVersion());
  expect(await shadow.report()).toEqual(stopped);

  await shadow.draft(easier);
  await shadow.start();
  await shadow.draft({ ...easier, title: { en: 'Another title' } });
  expect((await shadow.report()).head).toMatchObject({ shadow: 'ended', ended: { why: 'redrafted' } });
  await shadow.start();
  const etag = (await world.client.get('/api/pathways/data-skills')).headers['etag'] as string;
  await world.client.post('/api/pathways/data-skills/publish', { label: 'easier' }, { 'if-match': etag });
  const published = await shadow.report();
  expect(published.head).toMatchObject({ shadow: 'ended', ended: { why: 'published' } });
  expect(published.head.hash).toBe((await world.client.get('/api/pathways/data-skills/versions/easier')).body.hash);
  expect(await learner.credentials()).toEqual(['L1 from 2024-09-11']);
});

it('for any acts, asked at any of the positions between them, it is the dry run of then', async () => {
  const MODULES = ['DS-101', 'DS-102', 'DS-103', 'DS-201', 'DS-210', 'DS-211', 'DS-310', 'DS-320'];
  const act = fc.record({
    who: fc.nat({ max: 2 }),
    does: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...MODULES) },
      { weight: 1, arbitrary: fc.constantFrom('withdraw', 'reinstate', 'invalidate', 'enroll', 'merge') },
    ),
  });
  let tenants = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(act, { minLength: 4, maxLength: 9 }),
      fc.constantFrom(easier, e2SecondVersion()),
      async (acts, draft) => {
        const world = await openWorld(server, `any-${++tenants}`, e2Catalog());
        const shadow = on(world);
        const people: { learner: AcceptanceLearner; id: string; done: Line[] }[] = [];
        for (let person = 0; person < 3; person++) {
          const learner = await world.learner();
          people.push({ learner, id: (await learner.enroll('data-skills', '2024-09-01')).id as string, done: [] });
        }
        await shadow.draft(draft);
        expect((await shadow.start()).status).toBe(200);
        const dryRuns = [await shadow.dryRun()];
        for (const [index, { who, does }] of acts.entries()) {
          const { learner, id, done } = people[who] as (typeof people)[number];
          const day = `2024-10-0${index + 1}`;
          // Refusals are fine: the draft has nothing more to see then.
          if (does === 'withdraw') await learner.withdraw(id, day).catch(() => {});
          else if (does === 'reinstate') await learner.reinstate(id, day).catch(() => {});
          else if (does === 'enroll') await (await world.learner()).enroll('data-skills', day);
          // From then on the other's enrollment stands in the first one's record.
          else if (does === 'merge' && who > 0)
            await learner
              .act(`/api/learners/${learner.id}/merge`, {
                into: people[0]?.learner.id,
                reasonCode: 'registered-twice',
                authority: 'registrar',
              })
              .catch(() => {});
          else if (does === 'merge') continue;
          else if (does === 'invalidate') {
            const last = done.pop();
            if (last) await learner.invalidate(last, day);
          } else done.push(await learner.complete(does, day, 70));
          dryRuns.push(await shadow.dryRun());
        }
        // The log has moved on since all but the last of them.
        for (const dryRun of dryRuns) {
          const report = await shadow.report(dryRun.head);
          expect(withoutSince(report.rows)).toEqual(dryRun.rows);
          expect(report.counts).toEqual(dryRun.counts);
        }
        // And what it says of each learner now is the last of the changes that it tells.
        for (const { enrollment, since, ...row } of (await shadow.report()).rows) {
          const last = (await shadow.changes(enrollment)).at(-1);
          expect(row).toMatchObject({ outcome: last.outcome, gains: last.gains, loses: last.loses });
          if (since) expect(last.since).toEqual(since);
        }
      },
    ),
    { numRuns: runs(10) },
  );
}, 300_000);
