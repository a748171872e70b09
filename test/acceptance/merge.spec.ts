// Two records turn out to be one person, and two after all (feature I26): progress unites and awards fire; the way back
// returns to each what is theirs and flags what rested on the other.
import { e3Catalog, e5Catalog } from '@cairn/testing';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
let world: AcceptanceWorld;
beforeAll(async () => {
  server = await startAcceptanceServer();
  world = await openWorld(server, 'merge', e3Catalog(), '2026-01-10T09:00:00Z');
});

const WORD = { reasonCode: 'registered-twice', authority: 'registrar' };
const send = (learner: AcceptanceLearner, act: 'merge' | 'unmerge', body: object) =>
  world.client.send('POST', `/api/learners/${learner.id}/${act}`, body);
const merge = (from: AcceptanceLearner, into: AcceptanceLearner) =>
  from.act(`/api/learners/${from.id}/merge`, { into: into.id, ...WORD });
const unmerge = (from: AcceptanceLearner) =>
  from.act(`/api/learners/${from.id}/unmerge`, { reasonCode: 'two-persons', authority: 'registrar' });
const funnel = async (pathway = 'digital-marketing') => {
  const { body } = await world.client.get(`/api/analytics/pathways/${pathway}/funnel`);
  return {
    enrolled: body.enrolled as number,
    satisfied: (body.steps as { satisfied: number }[]).map((s) => s.satisfied),
  };
};
const joined = async (): Promise<AcceptanceLearner> => {
  const learner = await world.learner();
  await learner.enroll('digital-marketing', '2025-01-01');
  return learner;
};

describe('two halves of one certificate', () => {
  let one: AcceptanceLearner;
  let other: AcceptanceLearner;
  beforeAll(async () => {
    one = await joined();
    await one.complete('SEO-101', '2025-02-01');
    await one.complete('ADS-101', '2025-06-01');
    other = await joined();
    await other.complete('ANA-101', '2025-09-01');
  });
  const SEO = 'SEO from 2025-02-01';
  const ADS = 'ADS from 2025-06-01';
  const ANA = 'ANA from 2025-09-01';
  const DMC = 'DMC from 2025-09-01';

  it('a preview shows what would follow, and changes nothing', async () => {
    const answer = await send(other, 'merge', { into: one.id, ...WORD, dryRun: true });
    expect(answer).toMatchObject({
      body: { dryRun: true, effects: { credentials: [{ from: '2025-09-01T09:00:00.000Z' }], holds: [] } },
    });
    expect(await one.credentials()).toEqual([SEO, ADS]);
    expect(await funnel()).toEqual({ enrolled: 2, satisfied: [1, 1, 1] });
  });

  it('merged, the certificate is earned; one person is counted', async () => {
    await merge(other, one);
    expect((await one.credentials()).toSorted()).toEqual([ADS, ANA, DMC, SEO]);
    expect(await other.credentials()).toEqual(await one.credentials());
    expect(await one.verdicts()).toEqual(['ADS valid', 'ANA valid', 'DMC valid', 'SEO valid']);
    expect(await funnel()).toEqual({ enrolled: 1, satisfied: [1, 1, 1] });
  });

  it('identifiers lead to the one who stays; facts sent to the other count', async () => {
    const found = await world.client.send('POST', '/api/learners/find', { email: other.email });
    expect(found.body).toEqual({ id: one.id });
    expect((await world.client.get(`/api/learners/${other.id}`)).body).toMatchObject({ mergedInto: one.id });
    expect(await other.completeBy('lms', 'again-1', 'SEO-101', '2025-11-01')).toMatchObject({ outcome: 'recorded' });
    expect(await one.credentials()).toHaveLength(4);
  });

  it('what the merge issued is flagged when it is taken back; each has what is theirs', async () => {
    const preview = await send(other, 'unmerge', { reasonCode: 'two-persons', authority: 'registrar', dryRun: true });
    expect(preview.body.effects).toMatchObject({
      holds: [{ effect: 'flag', cause: 'entitlement-withdrawn' }],
      back: expect.arrayContaining([expect.stringMatching(/^enr_/)]) as unknown,
    });
    await unmerge(other);
    expect(await one.credentials()).toEqual([SEO, ADS, `${DMC}, flag entitlement-withdrawn`]);
    expect(await other.credentials()).toEqual([ANA, 'SEO from 2025-11-01']);
    expect(await funnel()).toEqual({ enrolled: 2, satisfied: [2, 1, 1] });
    expect((await world.client.send('POST', '/api/learners/find', { email: other.email })).body).toEqual({
      id: other.id,
    });
    await other.complete('ADS-101', '2025-12-01');
    expect(await other.credentials()).toContain('DMC from 2025-12-01');
    await one.complete('ANA-101', '2025-12-02');
    expect(await one.credentials()).toEqual([SEO, ADS, DMC, 'ANA from 2025-12-02']);
  });

  it('and again: merged anew, the better of two credentials of a kind is what counts', async () => {
    await merge(other, one);
    expect(await one.credentials()).toHaveLength(8);
    expect(await funnel()).toEqual({ enrolled: 1, satisfied: [1, 1, 1] });
    await one.revoke('SEO', '2026-01-09');
    expect(await one.verdicts()).toEqual([
      'ADS valid',
      'ADS valid',
      'ANA valid',
      'ANA valid',
      'DMC valid',
      'DMC valid',
      'SEO revoked',
      'SEO valid',
    ]);
    await unmerge(other);
    expect(await one.credentials()).toHaveLength(4);
    expect(await other.credentials()).toHaveLength(4);
  });
});

it('what became of the other’s credentials and enrollments reaches the record they went on in, and goes back', async () => {
  const [one, other] = [await world.learner(), await world.learner()];
  const { id: enrollment } = await other.enroll('digital-marketing', '2025-01-01');
  await other.complete('SEO-101', '2025-02-01');
  await merge(other, one);
  await other.complete('ADS-101', '2025-06-01');
  await one.complete('ANA-101', '2025-09-01');
  expect(await one.credentials()).toHaveLength(4);
  const one1 = (await world.client.get(`/api/enrollments/${enrollment}`)).body;
  expect(one1).toMatchObject({ percent: 100, state: 'completed' });
  const why = await world.client.get(`/api/enrollments/${enrollment}/why-not`);
  expect(why.status).toBe(200);
  expect((await world.client.get(`/api/enrollments/${enrollment}/history`)).body.items.length).toBeGreaterThan(6);
  await other.withdraw(enrollment as string, '2025-10-01');
  await one.revoke('SEO', '2025-10-02');
  expect(await one.credentials()).toContain('DMC from 2025-09-01, flag component-revoked');

  await unmerge(other);
  expect(await other.credentials()).toEqual(['SEO from 2025-02-01, revoked', 'ADS from 2025-06-01']);
  expect((await world.client.get(`/api/enrollments/${enrollment}`)).body).toMatchObject({ state: 'withdrawn' });
  // What was issued while they were one stays with the one who holds it, flagged where it rested on the other's facts or
  // was met in an enrollment of theirs, as that for the third module.
  expect((await one.credentials()).toSorted()).toEqual([
    'ADS from 2025-06-01, flag entitlement-withdrawn',
    'ANA from 2025-09-01, flag entitlement-withdrawn',
    expect.stringMatching(/^DMC from 2025-09-01, flag .*entitlement-withdrawn/),
  ]);
});

describe('refused, with what to do next', () => {
  let one: AcceptanceLearner;
  let other: AcceptanceLearner;
  beforeAll(async () => {
    [one, other] = [await world.learner(), await world.learner()];
  });
  it.each([
    ['with itself', () => send(one, 'merge', { into: one.id, ...WORD }), 422, 'merge-with-itself'],
    ['without a reason', () => send(one, 'merge', { into: other.id, authority: 'registrar' }), 422, 'reason-required'],
    [
      'without an authority',
      () => send(one, 'merge', { into: other.id, reasonCode: 'twice' }),
      422,
      'authority-required',
    ],
    ['that was never merged', () => send(one, 'unmerge', WORD), 409, 'not-merged'],
  ] as const)('%s', async (_what, act, status, code) => expect(await act()).toMatchObject({ status, body: { code } }));

  it('across tenants: nobody there', async () => {
    const foreign = await openWorld(server, 'merge-foreign', e5Catalog());
    const stranger = await foreign.learner();
    expect(await send(one, 'merge', { into: stranger.id, ...WORD })).toMatchObject({
      status: 404,
      body: { code: 'not-found', next: 'Check the id in into.' },
    });
  });

  it('twice, into one who was merged, and with an erased one', async () => {
    const third = await world.learner();
    await merge(other, one);
    expect(await send(other, 'merge', { into: one.id, ...WORD })).toMatchObject({
      status: 409,
      body: { code: 'learner-merged' },
    });
    expect(await send(third, 'merge', { into: other.id, ...WORD })).toMatchObject({
      status: 409,
      body: { code: 'learner-merged' },
    });
    expect(await send(one, 'merge', { into: other.id, ...WORD })).toMatchObject({
      status: 409,
      body: { code: 'learner-merged' },
    });
    const patch = await world.client.send('PATCH', `/api/learners/${other.id}`, { name: 'New Name' });
    expect(patch).toMatchObject({ status: 409, body: { code: 'learner-merged' } });
    await third.act(`/api/learners/${third.id}/erase`, { reasonCode: 'data-subject-request', approvedBy: 'dpo' });
    expect(await send(one, 'merge', { into: third.id, ...WORD })).toMatchObject({
      status: 410,
      body: { code: 'learner-erased' },
    });
    expect(await send(third, 'merge', { into: one.id, ...WORD })).toMatchObject({
      status: 410,
      body: { code: 'learner-erased' },
    });
  });
});

it('erasing one erases the person: every learner, every credential’s holder', async () => {
  const people = [await world.learner(), await world.learner(), await world.learner()] as const;
  for (const learner of people) await learner.complete('SEO-101', '2025-02-01');
  const credential = await people[0].credential('SEO');
  await merge(people[0], people[1]);
  await merge(people[1], people[2]);
  await people[1].act(`/api/learners/${people[1].id}/erase`, { reasonCode: 'data-subject-request', approvedBy: 'dpo' });
  for (const learner of people) {
    expect(await world.client.get(`/api/learners/${learner.id}`)).toMatchObject({
      status: 410,
      body: { code: 'learner-erased' },
    });
    expect((await world.client.get(`/api/learners/${learner.id}/wallet`)).status).toBe(410);
    expect((await world.client.send('POST', '/api/learners/find', { email: learner.email })).status).toBe(404);
    expect(
      (await world.client.send('POST', `/api/learners/${learner.id}/complete-module`, { module: 'ADS-101' })).status,
    ).toBe(410);
  }
  expect((await server.as(undefined).get(`/c/${credential}.json`)).body).toMatchObject({
    status: 'valid',
    holder: null,
  });
});

it('decided both ways at once, both go on alone or as one, and nothing is lost', async () => {
  const [one, other] = [await joined(), await joined()];
  await one.complete('SEO-101', '2025-02-01');
  await other.complete('ADS-101', '2025-06-01');
  await Promise.all([send(one, 'merge', { into: other.id, ...WORD }), send(other, 'merge', { into: one.id, ...WORD })]);
  await server.settled();
  const all = new Set([...(await one.credentials()), ...(await other.credentials())]);
  expect(all).toEqual(new Set(['SEO from 2025-02-01', 'ADS from 2025-06-01']));
  expect(await one.complete('ANA-101', '2025-09-01')).toMatchObject({ outcome: 'recorded' });
});
