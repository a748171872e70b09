// E4 Hybrid with an industry certification (product description, section 5): breadth, a credential from outside that is
// followed to its expiry, credits with a cap and an age; each row its own learner.
import { e4Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'e4', e4Catalog(), '2025-08-01T09:00:00Z');
});

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
const UNTIL = '2026-03-31T22:00:00Z';
const BOARD = { reasonCode: 'equivalent', authority: 'examination board' };
/** A certification from outside, checked by a person on the one day and accepted on the other. */
async function certify(
  learner: AcceptanceLearner,
  { checked, accepted, ...more }: { checked?: string; accepted: string; validFrom: string; validUntil?: string },
) {
  const { id } = await learner.act('/api/external-credentials', {
    learner: learner.id,
    issuer: 'did:web:industry.example',
    format: 'open-badge-3',
    document: `{"credential": "X", "of": "${learner.id}", "from": "${more.validFrom}"}`,
    ...more,
  });
  const path = `/api/external-credentials/${id}`;
  const check = (day: string, outcome: string) =>
    learner.act(`${path}/verify`, {
      outcome,
      reasonCode: 'asked-the-issuer',
      authority: 'registrar',
      checkedAt: `${day}T09:00:00Z`,
    });
  if (checked !== undefined) await check(checked, 'valid');
  const answer = await learner.act(`${path}/accept`, {
    template: 'CERT-X',
    ...BOARD,
    occurredAt: `${accepted}T09:00:00Z`,
  });
  return { path, check, answer };
}
async function professional(): Promise<AcceptanceLearner> {
  const learner = await broad();
  await certify(learner, {
    checked: '2025-04-01',
    accepted: '2025-04-01',
    validFrom: '2025-03-15T00:00:00Z',
    validUntil: UNTIL,
  });
  await learner.complete('SEC-101', '2025-06-01');
  return learner;
}

it('a: two of three and the certification; the third changes nothing', async () => {
  const learner = await professional();
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
  expect(await learner.verdicts()).toEqual(['CLOUD valid', 'NET valid', 'PRO valid', 'SEC valid']);
});

it('b: what cannot be verified is unknown and satisfies nothing; found valid later, it counts from then on', async () => {
  const learner = await broad();
  const { path, check, answer } = await certify(learner, {
    accepted: '2025-04-01',
    validFrom: '2025-03-15T00:00:00Z',
    validUntil: UNTIL,
  });
  expect(answer).toMatchObject({ outcome: 'recorded', counts: false, missing: ['verification-unknown'] });
  expect(await learner.credentials()).toEqual([CLOUD, NET]);
  expect(await check('2025-04-02', 'unknown')).toMatchObject({ counts: false });
  expect(await check('2025-04-05', 'valid')).toMatchObject({ counts: true, countsFrom: '2025-04-05T09:00:00.000Z' });
  expect(await learner.credentials()).toEqual([CLOUD, NET, 'PRO from 2025-04-05']);
  expect((await world.client.get(path)).body).toMatchObject({
    learner: learner.id,
    issuer: 'did:web:industry.example',
    verification: { outcome: 'valid', finding: 'asked-the-issuer', at: '2025-04-05T09:00:00.000Z' },
    review: { state: 'accepted', ...BOARD },
    countsFrom: '2025-04-05T09:00:00.000Z',
  });

  // Not to be found out again, it acts as expired; found out to be revoked, it counts at no time.
  await check('2025-06-01', 'unknown');
  expect(await learner.credentials()).toEqual([CLOUD, NET, 'PRO from 2025-04-05, suspended']);
  await check('2025-06-02', 'valid');
  expect(await learner.credentials()).toEqual([CLOUD, NET, 'PRO from 2025-04-05']);
  await check('2025-06-03', 'invalid');
  expect(await learner.credentials()).toEqual([CLOUD, NET, 'PRO from 2025-04-05, flag component-revoked']);
});

it('a review has a reason, an authority and one equivalence; a declined one counts no more', async () => {
  const learner = await broad();
  const { path } = await certify(learner, {
    checked: '2025-04-01',
    accepted: '2025-04-01',
    validFrom: '2025-03-15T00:00:00Z',
  });
  const send = (act: string, body: object) => world.client.send('POST', `${path}/${act}`, body);
  expect(await send('accept', { template: 'CERT-X', authority: 'board' })).toMatchObject({
    status: 422,
    body: { code: 'reason-required' },
  });
  expect(await send('decline', { reasonCode: 'not-equivalent' })).toMatchObject({
    body: { code: 'authority-required' },
  });
  expect(await send('accept', BOARD)).toMatchObject({ status: 400, body: { code: 'validation-failed' } });
  expect(await send('accept', { template: 'NOTHING', ...BOARD })).toMatchObject({ status: 404 });
  expect(await send('accept', { template: 'CERT-X', ...BOARD, occurredAt: '2099-01-01T00:00:00Z' })).toMatchObject({
    body: { code: 'date-in-future' },
  });
  expect(await send('verify', { outcome: 'valid' })).toMatchObject({ body: { code: 'authority-required' } });
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO]);
  await learner.act(`${path}/decline`, { reasonCode: 'not-equivalent', authority: 'examination board' });
  expect(await learner.credentials()).toEqual([CLOUD, NET, `${PRO}, flag component-revoked`]);
  expect((await world.client.get(`/api/external-credentials?learner=${learner.id}`)).body.items).toMatchObject([
    { review: { state: 'declined' } },
  ]);
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
  await certify(learner, { checked: '2026-05-02', accepted: '2026-05-02', validFrom: '2026-05-02T08:00:00Z' });
  expect(await learner.credentials()).toEqual([CLOUD, NET, PRO, SEC]);
});
