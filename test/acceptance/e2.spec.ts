// E2 University data skills (product description, section 5): four levels, order gate; each row its own learner.
import { e2Catalog, e2SecondVersion } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'e2', e2Catalog());
});

const L1 = 'L1 from 2024-09-20';
const L2 = 'L2 from 2024-10-10';

async function joined(): Promise<AcceptanceLearner> {
  const learner = await world.learner();
  await learner.enroll('data-skills', '2024-09-01');
  return learner;
}
async function withLevelTwo(): Promise<AcceptanceLearner> {
  const learner = await joined();
  await learner.complete('DS-101', '2024-09-10');
  await learner.complete('DS-102', '2024-09-20');
  await learner.complete('DS-201', '2024-10-01');
  await learner.complete('DS-211', '2024-10-10');
  expect(await learner.credentials()).toEqual([L1, L2]);
  return learner;
}

it('a: all modules in turn bring four levels; the last brings the certificate too', async () => {
  const learner = await withLevelTwo();
  await learner.complete('DS-310', '2024-11-01', 62);
  await learner.complete('DS-320', '2024-11-10', 71);
  expect(await learner.credentials()).toEqual([L1, L2, 'L3 from 2024-11-10']);
  await learner.complete('DS-401', '2024-12-01', 66);
  expect(await learner.credentials()).toEqual([
    L1,
    L2,
    'L3 from 2024-11-10',
    'L4 from 2024-12-01',
    'STACK from 2024-12-01',
  ]);
  expect(await learner.verdicts()).toEqual(['L1 valid', 'L2 valid', 'L3 valid', 'L4 valid', 'STACK valid']);
});

it('b: the modules of level two taken first count from when level one is there', async () => {
  const learner = await joined();
  await learner.complete('DS-201', '2024-10-01');
  await learner.complete('DS-210', '2024-10-02');
  await learner.complete('DS-101', '2024-11-01');
  expect(await learner.credentials()).toEqual([]);
  await learner.complete('DS-102', '2024-12-01');
  expect(await learner.credentials()).toEqual(['L1 from 2024-12-01', 'L2 from 2024-12-01']);
});

it('c: twenty credits of one area are not enough; five of another bring level three', async () => {
  const learner = await withLevelTwo();
  await learner.complete('DS-310', '2024-11-01', 60);
  await learner.complete('DS-311', '2024-11-10', 60);
  expect(await learner.credentials()).toEqual([L1, L2]);
  const done = await learner.complete('DS-330', '2024-11-20', 55);
  expect(done.events.map(({ type }: { type: string }) => type)).toEqual([
    'module-completed',
    'step-satisfied',
    'credential-earned',
  ]);
  expect(await learner.credentials()).toEqual([L1, L2, 'L3 from 2024-11-20']);
  // All three modules count, 25 credits: the explanation names them.
  const { body } = await world.client.get(`/api/credentials/${await learner.credential('L3')}/explain`);
  const facts = (body.requirements as { facts: { kind: string; credits?: number }[] }[]).flatMap((met) => met.facts);
  const credits = facts.flatMap((fact) => (fact.kind === 'completion' ? [fact.credits] : []));
  expect(credits).toEqual([10, 10, 5]);
  expect(body).toMatchObject({
    matches: true,
    rule: {
      text: {
        en: expect.stringMatching(/^20 credits from “Regression”, .+, each with at least 50, from at least 2 areas$/),
      },
    },
  });
});

it('d: an attempt below the grade does not count, its repeat does, and both count once', async () => {
  const learner = await withLevelTwo();
  await learner.complete('DS-310', '2024-11-01', 60);
  await learner.complete('DS-320', '2024-11-10', 45);
  expect(await learner.credentials()).toEqual([L1, L2]);
  await learner.complete('DS-320', '2024-11-20', 58);
  expect(await learner.credentials()).toEqual([L1, L2, 'L3 from 2024-11-20']);
});

it('e: who enters at level two by recognition gets everything but level one', async () => {
  const learner = await world.learner();
  await learner.recognise('EXT-DF', '2024-08-01');
  await learner.enroll('data-skills', '2024-09-01', { entryPoint: 'direct' });
  await learner.complete('DS-201', '2024-10-01');
  await learner.complete('DS-210', '2024-10-10');
  await learner.complete('DS-310', '2024-11-01', 62);
  await learner.complete('DS-320', '2024-11-10', 71);
  await learner.complete('DS-401', '2024-12-01', 66);
  expect(await learner.credentials()).toEqual([
    L2,
    'L3 from 2024-11-10',
    'L4 from 2024-12-01',
    'STACK from 2024-12-01',
  ]);
});

it('f: who is in version 1 stays in it; who joins later meets version 2', async () => {
  const versions = await openWorld(server, 'e2-versions', e2Catalog());
  const early = await versions.learner();
  await early.enroll('data-skills', '2024-09-01');
  await early.complete('DS-101', '2024-09-10');
  await versions.publish(e2SecondVersion());
  await early.complete('DS-102', '2024-09-20');
  expect(await early.credentials()).toEqual([L1]);

  const late = await versions.learner();
  await late.enroll('data-skills', '2024-09-05');
  await late.complete('DS-101', '2024-09-10');
  await late.complete('DS-102', '2024-09-20');
  expect(await late.credentials()).toEqual([]);
  await late.complete('DS-103', '2024-09-21');
  expect(await late.credentials()).toEqual(['L1 from 2024-09-21']);
});
