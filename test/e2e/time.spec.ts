// The clock of a sandbox over HTTP: what is said and read follows it, and what falls due is done in order of due time.
import { e1Catalog } from '@cairn/testing';
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { openWorld } from '../acceptance/world.js';
import { startServer, type Client, type TestServer } from '../support/server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const stored = async (type: string) =>
  (await server.installation.log.readAll({ after: '' as never, limit: 1_000 })).events.filter(
    (event) => event.type === type,
  );

describe('a sandbox', () => {
  it('lives by its own clock, which is moved forward and never back', async () => {
    const { client, id } = await server.tenant('clock', '2024-02-28T12:00:00Z');
    expect((await client.get('/api/clock')).body).toEqual({ now: '2024-02-28T12:00:00.000Z', sandbox: true });
    const moved = await client.post('/api/clock', { to: '2024-02-29T12:00:00Z' });
    expect(moved).toMatchObject({ id, now: '2024-02-29T12:00:00.000Z', outcome: 'recorded' });
    expect(await client.post('/api/clock', { to: '2024-02-29T12:00:00Z' })).toMatchObject({ outcome: 'unchanged' });
    const back = await client.send('POST', '/api/clock', { to: '2024-02-29T11:59:59Z' });
    expect(back).toMatchObject({ status: 422, body: { code: 'clock-backwards' } });
    expect((await client.get('/api/clock')).body.now).toBe('2024-02-29T12:00:00.000Z');
  });

  it('is what a tenant of real time is not', async () => {
    const { client } = await server.tenant('real');
    const answer = await client.send('POST', '/api/clock', { to: '2040-01-01T00:00:00Z' });
    expect(answer).toMatchObject({ status: 409, body: { code: 'not-a-sandbox' } });
    const { now, sandbox } = (await client.get('/api/clock')).body;
    expect(sandbox).toBe(false);
    expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
  });

  it('takes facts up to its now, and records them at it', async () => {
    const { client } = await server.tenant('facts', '2024-01-10T09:00:00Z');
    await client.post('/api/modules', { slug: 'M', title: { en: 'M' }, credits: 5 });
    const { id: learner } = await client.post('/api/learners', { name: 'Ann', email: 'ann@example.org' });
    const complete = (occurredAt: string) =>
      client.send('POST', `/api/learners/${learner}/complete-module`, { module: 'M', occurredAt, source: 'lms' });
    expect(await complete('2024-01-11T09:00:00Z')).toMatchObject({ status: 422, body: { code: 'date-in-future' } });
    await client.post('/api/clock', { to: '2024-01-11T09:00:00Z' });
    expect(await complete('2024-01-11T09:00:00Z')).toMatchObject({ status: 200 });
    const [completion] = await stored('module-completed');
    expect(completion?.meta).toMatchObject({ recordedAt: '2024-01-11T09:00:00.000Z' });
  });
});

/** Makes a template in the catalog and recognises such a credential from outside, one for each term's end. */
async function recognised({ client, issuer }: { client: Client; issuer: string }, untils: Record<string, string>) {
  const template = '/api/templates/FIRST-AID';
  const text = { en: 'First aid' };
  const achievement = { name: text, description: text, achievementType: 'Certificate', criteria: text };
  await client.post('/api/templates', { slug: 'FIRST-AID', issuer, achievement });
  const etag = (await client.get(template)).headers['etag'] as string;
  await client.post(`${template}/publish`, {}, { 'if-match': etag });
  const { id } = await client.post('/api/learners', { name: 'Bea', email: 'bea@example.org' });
  for (const [ref, validUntil] of Object.entries(untils))
    await client.post(`/api/learners/${id}/credit`, {
      template: 'FIRST-AID',
      ref,
      validFrom: '2024-01-01T00:00:00Z',
      validUntil,
      authority: 'registrar',
      reasonCode: 'prior-learning',
    });
}

describe('what falls due', () => {
  it('is done in order of due time when the clock jumps over two years: recognised components expire', async () => {
    const tenant = await server.tenant('jump', '2024-01-10T09:00:00Z');
    await recognised(tenant, {
      'urn:c': '2025-11-01T00:00:00Z',
      'urn:a': '2024-02-29T00:00:00Z',
      'urn:b': '2025-03-30T01:00:00Z',
      'urn:d': '2026-06-01T00:00:00Z',
    });
    await server.settled();
    expect(await stored('stack-component-withdrawn')).toEqual([]);
    await tenant.client.post('/api/clock', { to: '2026-01-10T09:00:00Z' });
    await server.settled();
    const ended = await stored('stack-component-withdrawn');
    expect(ended.map(({ data, meta }) => [data['ref'], data['effectiveAt'], meta['actor']])).toEqual([
      ['urn:a', '2024-02-29T00:00:00.000Z', 'scheduler:expiry-clock'],
      ['urn:b', '2025-03-30T01:00:00.000Z', 'scheduler:expiry-clock'],
      ['urn:c', '2025-11-01T00:00:00.000Z', 'scheduler:expiry-clock'],
    ]);
    expect((await verifyLog(server.installation, { redecide: true })).faults).toEqual([]);
  });

  it('is done once each and in order by the next process, when the server was down over several due dates', async () => {
    const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();
    const first = await startServer({ keep: true });
    await recognised(await first.tenant('down'), { 'urn:2': soon(1_600), 'urn:3': soon(1_700), 'urn:1': soon(1_500) });
    await first.settled();
    await first.close();
    await new Promise((resolve) => setTimeout(resolve, 1_800));
    const ended = async (each: TestServer) =>
      (await each.installation.log.readAll({ after: '' as never, limit: 1_000 })).events.flatMap(({ type, data }) =>
        type === 'stack-component-withdrawn' ? [data['ref']] : [],
      );
    const second = await startServer({ directory: first.directory, keep: true });
    await second.settled();
    expect(await ended(second)).toEqual(['urn:1', 'urn:2', 'urn:3']);
    await second.close();
    const third = await startServer({ directory: first.directory });
    await third.settled();
    expect(await ended(third)).toEqual(['urn:1', 'urn:2', 'urn:3']);
    await third.close();
  });
});

describe('the end of an own term', () => {
  it('reaches what rests on it: example E1 lives through two years in seconds', async () => {
    const world = await openWorld(server, 'first-aid', e1Catalog(), '2024-03-01T09:00:00Z');
    const moveTo = async (to: string): Promise<void> => {
      await world.client.post('/api/clock', { to });
      await server.settled();
    };
    const learner = await world.learner();
    await learner.enroll('first-aid', '2024-03-01');
    await moveTo('2024-06-02T09:00:00Z');
    await learner.complete('FA-101', '2024-03-10', 85);
    await learner.complete('FA-201', '2024-05-04');
    await learner.complete('FA-SIM', '2024-06-01');
    const bls = 'BLS from 2024-03-10, until 2026-03-10';
    const adv = 'ADV from 2024-06-01, until 2026-06-01';
    expect(await learner.credentials()).toEqual([bls, adv]);
    expect(await learner.verdicts()).toEqual(['ADV valid', 'BLS valid']);
    // By real time, nobody has been active here for years.
    const dropOff = await world.client.get('/api/analytics/pathways/first-aid/drop-off');
    expect(dropOff.body).toMatchObject({ asOf: '2024-06-02T09:00:00.000Z', states: { active: 1, 'drop-off': 0 } });
    await moveTo('2026-03-09T22:59:59.999Z');
    expect(await learner.credentials()).toEqual([bls, adv]);
    await moveTo('2026-03-09T23:00:00Z');
    expect(await learner.credentials()).toEqual([`${bls}, expired`, `${adv}, suspended`]);
    expect((await verifyLog(server.installation, { redecide: true })).faults).toEqual([]);
  });
});
