// E3 Digital marketing (product description, section 5): horizontal stacking; each row its own learner.
import { e3Catalog, type CatalogWorld } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'e3', e3Catalog());
});

const FACTS = [
  ['SEO-101', '2025-02-01'],
  ['ADS-101', '2025-06-01'],
  ['ANA-101', '2025-09-01'],
] as const;
const SEO = 'SEO from 2025-02-01';
const ADS = 'ADS from 2025-06-01';
const ANA = 'ANA from 2025-09-01';
const DMC = 'DMC from 2025-09-01';

async function joined(): Promise<AcceptanceLearner> {
  const learner = await world.learner();
  await learner.enroll('digital-marketing', '2025-01-01');
  return learner;
}
async function certified(order: readonly number[] = [0, 1, 2]): Promise<AcceptanceLearner> {
  const learner = await joined();
  for (const index of order) {
    const [module, day] = FACTS[index] as (typeof FACTS)[number];
    await learner.complete(module, day);
  }
  return learner;
}

it.each([
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
])(
  'a: delivered in the order %i %i %i, the certificate begins when all three are valid',
  async (...order: number[]) => {
    const learner = await certified(order);
    const credentials = await learner.credentials();
    expect(credentials.at(-1)).toBe(DMC);
    expect(credentials.toSorted()).toEqual([ADS, ANA, DMC, SEO]);
    expect(await learner.verdicts()).toEqual(['ADS valid', 'ANA valid', 'DMC valid', 'SEO valid']);
  },
);

it('b: what was earned before the pathway was published counts in it and is not issued again', async () => {
  const whole = e3Catalog();
  const parts: CatalogWorld = { ...whole, pathways: whole.pathways.slice(0, 3) };
  const later = await openWorld(server, 'e3-later', parts);
  const learner = await later.learner();
  await learner.complete('SEO-101', '2024-02-01');
  expect(await learner.credentials()).toEqual(['SEO from 2024-02-01']);
  for (const pathway of whole.pathways.slice(3)) await later.publish(pathway);
  await learner.enroll('digital-marketing', '2025-06-01');
  await learner.complete('ADS-101', '2025-06-10');
  await learner.complete('ANA-101', '2025-09-01');
  expect(await learner.credentials()).toEqual(['SEO from 2024-02-01', 'ADS from 2025-06-10', ANA, DMC]);
});

it('c: a credential known to be revoked counts at no time', async () => {
  const learner = await joined();
  await learner.complete('SEO-101', '2025-02-01');
  await learner.complete('ADS-101', '2025-06-01');
  await learner.revoke('SEO', '2025-07-01');
  await learner.complete('ANA-101', '2025-09-01');
  expect(await learner.credentials()).toEqual([`${SEO}, revoked`, ADS, ANA]);
  expect(await learner.verdicts()).toEqual(['ADS valid', 'ANA valid', 'SEO revoked']);
});

it('d: a component revoked later flags the certificate; earned anew, the flag is gone', async () => {
  const learner = await certified();
  const path = `/api/credentials/${await learner.credential('SEO')}/revoke`;
  const reasoned = { reasonCode: 'issued-in-error', authority: 'registrar', effectiveAt: '2025-10-10T09:00:00Z' };
  const send = (body: object, etag?: string) =>
    world.client.send('POST', path, body, etag === undefined ? {} : { 'if-match': etag });
  expect(await send(reasoned)).toMatchObject({ status: 428, body: { code: 'if-match-required' } });
  const { authority: _authority, ...withoutAuthority } = reasoned;
  expect(await send(withoutAuthority, '"0"')).toMatchObject({ status: 422, body: { code: 'authority-required' } });
  const { reasonCode: _reason, ...withoutReason } = reasoned;
  expect(await send(withoutReason, '"0"')).toMatchObject({ status: 422, body: { code: 'reason-required' } });
  expect(await learner.credentials()).toEqual([SEO, ADS, ANA, DMC]);

  await learner.revoke('SEO', '2025-10-10');
  expect(await learner.credentials()).toEqual([`${SEO}, revoked`, ADS, ANA, `${DMC}, flag component-revoked`]);
  expect(await learner.verdicts()).toEqual(['ADS valid', 'ANA valid', 'DMC valid', 'SEO revoked']);

  await learner.complete('SEO-101', '2025-11-01');
  expect(await learner.credentials()).toEqual([`${SEO}, revoked`, ADS, ANA, DMC, 'SEO/2 from 2025-11-01']);
});

it('e: one result sent by the learning platform and again in a file counts once', async () => {
  const learner = await joined();
  await learner.complete('SEO-101', '2025-02-01');
  await learner.complete('ADS-101', '2025-06-01');
  const first = await learner.completeBy('lms', '77', 'ANA-101', '2025-09-01');
  expect(first).toMatchObject({ outcome: 'recorded' });
  const again = await learner.completeBy('file', 'row-5', 'ANA-101', '2025-09-01');
  expect(again).toMatchObject({ outcome: 'unchanged', events: [] });
  const replay = await learner.completeBy('lms', '77', 'ANA-101', '2025-09-01');
  expect(replay).toMatchObject({ outcome: 'unchanged', events: [] });
  expect(await learner.credentials()).toEqual([SEO, ADS, ANA, DMC]);
});
