// The clock of a sandbox over HTTP: what is said and read follows it, and what falls due is done in order of due time.
import { verifyLog } from '../../apps/cli/src/verify-log.js';
import { startServer, type TestServer } from '../support/server.js';

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

describe('what falls due', () => {
  it('is done in order of due time when the clock jumps over two years: recognised components expire', async () => {
    const { client, issuer } = await server.tenant('jump', '2024-01-10T09:00:00Z');
    const etag = async (path: string) => ({ 'if-match': (await client.get(path)).headers['etag'] as string });
    const template = async (slug: string): Promise<void> => {
      await client.post('/api/templates', {
        slug,
        issuer,
        achievement: {
          name: { en: slug },
          description: { en: slug },
          achievementType: 'Certificate',
          criteria: { en: slug },
        },
      });
      await client.post(`/api/templates/${slug}/publish`, {}, await etag(`/api/templates/${slug}`));
    };
    await template('FIRST-AID');
    const { id: learner } = await client.post('/api/learners', { name: 'Bea', email: 'bea@example.org' });
    const recognise = (ref: string, validUntil: string) =>
      client.post(`/api/learners/${learner}/credit`, {
        template: 'FIRST-AID',
        ref,
        validFrom: '2024-01-01T00:00:00Z',
        validUntil,
        authority: 'registrar',
        reasonCode: 'prior-learning',
      });
    await recognise('urn:c', '2025-11-01T00:00:00Z');
    await recognise('urn:a', '2024-02-29T00:00:00Z');
    await recognise('urn:b', '2025-03-30T01:00:00Z');
    await recognise('urn:d', '2026-06-01T00:00:00Z');
    await server.settled();
    expect(await stored('stack-component-withdrawn')).toEqual([]);
    await client.post('/api/clock', { to: '2026-01-10T09:00:00Z' });
    await server.settled();
    const ended = await stored('stack-component-withdrawn');
    expect(ended.map(({ data, meta }) => [data['ref'], data['effectiveAt'], meta['actor']])).toEqual([
      ['urn:a', '2024-02-29T00:00:00.000Z', 'scheduler:expiry-clock'],
      ['urn:b', '2025-03-30T01:00:00.000Z', 'scheduler:expiry-clock'],
      ['urn:c', '2025-11-01T00:00:00.000Z', 'scheduler:expiry-clock'],
    ]);
    expect((await verifyLog(server.installation, { redecide: true })).faults).toEqual([]);
  });
});
