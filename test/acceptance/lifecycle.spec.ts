// E1 over two years: terms end by the clock, what rests on them is suspended at that instant and comes back by a new award;
// a hold by people cascades and is ended by its own counterpart.
import { e1Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
let learner: AcceptanceLearner;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'lifecycle', e1Catalog(), '2024-07-01T09:00:00Z');
  learner = await world.learner();
  await learner.enroll('first-aid', '2024-01-10');
  await learner.complete('FA-101', '2024-03-10', 85);
  await learner.complete('FA-201', '2024-05-04');
  await learner.complete('FA-SIM', '2024-06-01');
});

const moveTo = async (to: string): Promise<void> => {
  await world.client.post('/api/clock', { to });
  await server.settled();
};
const BLS = 'BLS from 2024-03-10, until 2026-03-10';
const ADV = 'ADV from 2024-06-01, until 2026-06-01';
const BLS2 = 'BLS/2 from 2026-05-21, until 2028-05-21';

it('a second before the end of the term all is valid; at its end what rests on it is suspended', async () => {
  await moveTo('2026-03-09T22:59:59Z');
  expect(await learner.credentials()).toEqual([BLS, ADV]);
  await moveTo('2026-03-09T23:00:00Z');
  expect(await learner.credentials()).toEqual([`${BLS}, expired`, `${ADV}, suspended`]);
  const answer = await server.as(undefined).get(`/c/${await learner.credential('ADV')}.json`);
  expect(answer.body).toMatchObject({
    status: 'suspended',
    since: '2026-03-09T23:00:00.000Z',
    reason: 'component-expired',
    checks: [{ check: 'life-cycle', outcome: 'fail' }, {}, {}, {}, {}],
  });
});

it('past its grace it is earned again, and the stack is whole again', async () => {
  await moveTo('2026-05-21T10:00:00Z');
  await learner.complete('FA-101', '2026-05-21', 90);
  expect(await learner.credentials()).toEqual([`${BLS}, expired`, ADV, BLS2]);
});

it('a hold by people cascades, and only its own counterpart ends it', async () => {
  const path = `/api/credentials/${await learner.credential('BLS')}`;
  const send = async (act: string, body: object) => {
    const etag = (await world.client.get(path)).headers['etag'] as string;
    const answer = await world.client.send('POST', `${path}/${act}`, body, { 'if-match': etag });
    await server.settled();
    return answer;
  };
  const hold = { hold: 'inquiry-17', reasonCode: 'inquiry', authority: 'registrar' };
  expect(await world.client.send('POST', `${path}/suspend`, hold)).toMatchObject({ status: 428 });
  expect(await send('suspend', { ...hold, authority: undefined })).toMatchObject({
    body: { code: 'authority-required' },
  });
  expect(await send('suspend', hold)).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
  expect(await learner.credentials()).toEqual([`${BLS}, expired`, `${ADV}, suspended`, `${BLS2}, suspended`]);
  expect(await send('reinstate', { ...hold, hold: 'inquiry-18' })).toMatchObject({
    status: 409,
    body: { code: 'credential-not-active' },
  });
  expect(await send('reinstate', { ...hold, reasonCode: 'cleared' })).toMatchObject({ status: 200 });
  expect(await learner.credentials()).toEqual([`${BLS}, expired`, ADV, BLS2]);
});
