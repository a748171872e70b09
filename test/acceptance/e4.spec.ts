// E4 Hybrid with an industry certification (product description, section 5): breadth, a credential from outside that is
// followed to its expiry, credits with a cap and an age; each row its own learner.
import { e4Catalog } from '@cairn/testing';
import { startServer, type TestServer } from '../support/server.js';
import { expectSoundLog, openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startServer();
  world = await openWorld(server, 'e4', e4Catalog(), '2025-08-01T09:00:00Z');
});
afterAll(() => server.close());

const CLOUD = 'CLOUD from 2025-01-10';
const NET = 'NET from 2025-03-10';
const PRO = 'PRO from 2025-04-01';
const SEC = 'SEC from 2025-06-01';

async function broad(): Promise<AcceptanceLearner> {
  const learner = await world.learner();
  await learner.enroll('professional', '2019-01-01');
  await learner.enroll('higher-diploma', '2019-01-01');
  await learner.complete('CLOUD-101', '2025-01-10');
  await learner.complete('NET-101', '2025-03-10');
  return learner;
}
async function professional(): Promise<AcceptanceLearner> {
  const learner = await broad();
  await learner.credit({ template: 'CERT-X' }, '2025-04-01', { validUntil: '2026-03-31T22:00:00Z' });
  await learner.complete('SEC-101', '2025-06-01');
  return learner;
}

it('a: two of three and the certification; the third changes nothing', async () => {
  const learner = await professional();
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
  expect(await learner.verdicts()).toEqual(['CLOUD valid', 'NET valid', 'PRO valid', 'SEC valid']);
});

it('d, e: what is too old does not count, what is from outside up to the cap; four more credits make it', async () => {
  const learner = await professional();
  await learner.complete('HD-12', '2024-03-01');
  await learner.complete('HD-06', '2019-02-01');
  await learner.credit({ module: 'EXT-20' }, '2023-06-01');
  await world.moveTo('2025-09-01');
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
  await world.moveTo('2025-10-01');
  await learner.complete('HD-04', '2025-10-01');
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC, 'HD from 2025-10-01']);
});

it('c: the certification expires, what rests on it is suspended until the next one is accepted', async () => {
  const learner = await professional();
  await world.moveTo('2026-03-31T21:59:59Z');
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
  await world.moveTo('2026-03-31T22:00:00Z');
  expect(await learner.credentials()).toEqual([CLOUD, NET, `${PRO}, suspended`, SEC]);
  await world.moveTo('2026-05-02T09:00:00Z');
  await learner.credit({ template: 'CERT-X' }, '2026-05-02');
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
});

it('afterwards the log is sound and every read model can be folded again from it', () => expectSoundLog(server));
