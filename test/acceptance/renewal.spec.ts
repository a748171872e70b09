// The rest of a credential's life over HTTP: renewal by decision and by people, correction, replacement, the end of terms
// as facts; old and new copies before an outside verifier; a scheduler that was away while several things fell due.
import { e1Catalog, e6Catalog } from '@cairn/testing';
import type { Answer, TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceLearner, type AcceptanceWorld } from './world.js';

let server: TestServer;
beforeAll(async () => {
  server = await startAcceptanceServer();
});

async function held(
  slug: string,
  catalog = e1Catalog(),
): Promise<{ readonly world: AcceptanceWorld; readonly learner: AcceptanceLearner; readonly path: string }> {
  const world = await openWorld(server, slug, catalog, '2024-04-01T12:00:00Z');
  const learner = await world.learner();
  await learner.enroll('first-aid', '2024-01-10');
  await learner.complete('FA-101', '2024-03-10', 85);
  return { world, learner, path: `/api/credentials/${await learner.credential('BLS')}` };
}
const BLS1 = 'BLS#1 [2024-03-10, 2026-03-10)';
const pageOf = (path: string): string => `/c/${path.split('/').at(-1)}`;
const open = () => server.as(undefined);
const by = { reasonCode: 'attended-elsewhere', authority: 'registrar' };

async function act(world: AcceptanceWorld, path: string, body: object): Promise<Answer> {
  const answer = await world.client.send('POST', path, body);
  await server.settled();
  return answer;
}

describe('by decision', () => {
  it('outside the window it is refused, with what to do next', async () => {
    const { world, path } = await held('decided');
    expect(await act(world, `${path}/renew`, by)).toMatchObject({
      status: 409,
      body: {
        code: 'renewal-window-not-open',
        detail: 'Term 1 ends 2026-03-10; renewal opens 2025-12-10.',
        next: 'Record what renews it, or decide it, dated 2025-12-10 or later.',
      },
    });
    await world.moveTo('2026-01-15T12:00:00Z');
    expect(await act(world, `${path}/renew`, {})).toMatchObject({ status: 422, body: { code: 'reason-required' } });
    expect(await act(world, `${path}/renew`, { reasonCode: 'attended-elsewhere' })).toMatchObject({
      body: { code: 'authority-required' },
    });
    await world.moveTo('2026-04-09T22:00:00Z');
    expect(await act(world, `${path}/renew`, by)).toMatchObject({
      status: 409,
      body: { code: 'renewal-window-closed', next: 'It must be earned again, by the rule of its award.' },
    });
    // What was decided in time may be recorded late, as any fact.
    expect(await act(world, `${path}/renew`, { ...by, occurredAt: '2026-03-20T09:00:00Z' })).toMatchObject({
      status: 200,
      body: { events: [{ type: 'credential-renewed' }] },
    });
  });

  it('in the grace the term starts at the decision, which is explained', async () => {
    const { world, learner, path } = await held('decided-late');
    await world.moveTo('2026-03-20T12:00:00Z');
    await act(world, `${path}/renew`, by);
    expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-03-20, 2028-03-20)']);
    expect((await world.client.get(`${path}/explain`)).body).toMatchObject({
      matches: true,
      renewals: [{ serial: 2, kind: 'granted', authority: 'registrar', reason: 'attended-elsewhere', matches: null }],
    });
  });

  it('a revoked one is not renewed', async () => {
    const { world, learner, path } = await held('decided-revoked');
    await world.moveTo('2026-01-15T12:00:00Z');
    await learner.revoke('BLS', '2026-01-10');
    expect(await act(world, `${path}/renew`, by)).toMatchObject({ status: 409, body: { code: 'credential-revoked' } });
  });

  it('why it is not renewed yet is told: when, by what, and when it is too late', async () => {
    const { world, learner, path } = await held('why-not-renewed');
    const [{ id }] = (await world.client.get(`/api/enrollments?learner=${learner.id}`)).body.items as [{ id: string }];
    const why = async () => {
      const { body } = await world.client.get(`/api/enrollments/${id}/why-not`);
      const [one, ...others] = body.renewals as Record<string, unknown>[];
      expect(others).toEqual([]);
      expect(`/api/credentials/${one?.['credential'] as string}`).toBe(path);
      return one;
    };
    const window = { opens: '2025-12-09T23:00:00.000Z', closes: '2026-04-09T22:00:00.000Z', term: { serial: 1 } };
    const missing = [
      { metBy: ['module FA-R1 Basic life support refresher'] },
      { metBy: ['module FA-101 Basic life support course with 80'] },
    ];
    // What would do at the opening is told before it.
    expect(await why()).toMatchObject({ ...window, state: 'not-open', missing });
    await world.moveTo('2025-12-09T23:00:00Z');
    expect(await why()).toMatchObject({ ...window, state: 'open', missing });
    await world.moveTo('2026-03-09T23:00:00Z');
    expect(await why()).toMatchObject({ ...window, state: 'grace', missing });
    // What is listed does it: the window of the next term follows.
    const completed = await learner.complete('FA-R1', '2026-03-09T23:00:00Z');
    expect(await why()).toMatchObject({
      term: { serial: 2, until: '2028-03-09T23:00:00.000Z' },
      opens: '2027-12-09T23:00:00.000Z',
      state: 'not-open',
    });
    await world.moveTo('2026-03-15T12:00:00Z');
    await learner.invalidate(completed, '2026-03-15T12:00:00Z');
    expect(await why()).toMatchObject({ ...window, state: 'taken-back', missing });
    await world.moveTo('2026-04-09T22:00:00Z');
    expect(await why()).toMatchObject({ ...window, state: 'taken-back', missing: [{}, {}] });
    expect(JSON.stringify(await why())).not.toContain('metBy');
    await learner.revoke('BLS', '2026-04-09T22:00:00Z');
    const { body } = await world.client.get(`/api/enrollments/${id}/why-not`);
    expect(body.renewals).toEqual([]);
  });

  it('a template that people issue is renewed by them when it is earned', async () => {
    const catalog = e1Catalog();
    const manual = { ...catalog, templates: catalog.templates.map((one) => ({ ...one, issue: 'manual' as const })) };
    const world = await openWorld(server, 'by-hand', manual, '2024-04-01T12:00:00Z');
    const learner = await world.learner();
    await learner.enroll('first-aid', '2024-01-10');
    const { events } = await learner.complete('FA-101', '2024-03-10', 85);
    const earned = (events as { id: string; type: string }[]).find(({ type }) => type === 'credential-earned');
    await act(world, '/api/credentials', { learner: learner.id, earned: earned?.id });
    await world.moveTo('2026-01-15T12:00:00Z');
    await learner.complete('FA-R1', '2026-01-15');
    expect(await learner.terms()).toEqual([BLS1]);
    const path = `/api/credentials/${await learner.credential('BLS')}`;
    expect(await act(world, `${path}/renew`, {})).toMatchObject({ status: 200 });
    expect(await learner.terms()).toEqual([BLS1, 'BLS#2 [2026-03-10, 2028-03-10)']);
    expect(await act(world, `${path}/renew`, {})).toMatchObject({ body: { code: 'renewal-window-not-open' } });
  });
});

describe('the copies of a renewed credential', () => {
  it('keep id, award and status entry; the old one is judged by its own dates, the new one lies at its refresh address', async () => {
    const { world, learner, path } = await held('copies');
    const first = (await open().get(`${pageOf(path)}.jwt`)).text;
    await world.moveTo('2026-01-15T12:00:00Z');
    await learner.complete('FA-R1', '2026-01-15');
    const payload = (jwt: string): Record<string, unknown> =>
      JSON.parse(Buffer.from(jwt.split('.')[1] as string, 'base64url').toString()) as Record<string, unknown>;
    const address = (payload(first)['refreshService'] as { id: string }).id;
    const second = (await open().get(new URL(address).pathname)).text;
    const [was, is] = [payload(first), payload(second)];
    expect(is).toMatchObject({
      id: was['id'],
      awardedDate: '2024-03-10T09:00:00Z',
      credentialStatus: was['credentialStatus'],
      validFrom: '2026-01-15T12:00:00Z',
      validUntil: '2028-03-09T23:00:00Z',
    });
    expect(was).toMatchObject({ validFrom: '2024-03-10T09:00:00Z', validUntil: '2026-03-09T23:00:00Z' });
    const verdictOn = async (credential: string, asOf: string) =>
      (await open().send('POST', '/api/verifications', { credential, asOf })).body.verdict as string;
    expect(await verdictOn(first, '2026-02-01T00:00:00Z')).toBe('valid');
    expect(await verdictOn(second, '2026-02-01T00:00:00Z')).toBe('valid');
    expect(await verdictOn(first, '2026-03-09T23:00:00Z')).toBe('expired');
    expect(await verdictOn(second, '2026-03-09T23:00:00Z')).toBe('valid');
    expect(await verdictOn(second, '2028-03-09T23:00:00Z')).toBe('expired');
  });
});

describe('a suspension between two terms', () => {
  it('holds the renewed credential too; what rests on it comes back with the last hold', async () => {
    const { world, learner, path } = await held('suspended');
    await world.moveTo('2024-06-02T12:00:00Z');
    await learner.complete('FA-201', '2024-05-04');
    await learner.complete('FA-SIM', '2024-06-01');
    await world.moveTo('2026-01-10T12:00:00Z');
    const send = async (what: string) => {
      const etag = (await world.client.get(path)).headers['etag'] as string;
      const body = { hold: 'inquiry-1', reasonCode: 'inquiry', authority: 'registrar' };
      expect(await world.client.send('POST', `${path}/${what}`, body, { 'if-match': etag })).toMatchObject({
        status: 200,
      });
      await server.settled();
    };
    await send('suspend');
    await world.moveTo('2026-01-15T12:00:00Z');
    await learner.complete('FA-R1', '2026-01-15');
    const ADV = 'ADV#1 [2024-06-01, 2026-06-01)';
    const BLS2 = 'BLS#2 [2026-03-10, 2028-03-10)';
    expect(await learner.terms()).toEqual([BLS1, `${BLS2} suspended`, `${ADV} suspended`]);
    await world.moveTo('2026-02-01T12:00:00Z');
    await send('reinstate');
    expect(await learner.terms()).toEqual([BLS1, BLS2, ADV]);
    // The next term goes on without a gap, for what rests on it too.
    await world.moveTo('2026-03-11T12:00:00Z');
    expect(await learner.terms()).toEqual([BLS1, BLS2, ADV]);
    expect(await learner.terms('?asOf=2026-01-20T00:00:00Z')).toEqual([BLS1, `${BLS2} suspended`, `${ADV} suspended`]);
  });
});

describe('correction and replacement', () => {
  it('a corrected credential is superseded for good, and its page leads on', async () => {
    const { world, learner, path } = await held('corrected');
    const old = pageOf(path);
    const jwt = (await open().get(`${old}.jwt`)).text;
    await world.moveTo('2024-05-01T12:00:00Z');
    const body = { reasonCode: 'new-name', authority: 'registrar' };
    expect(await act(world, `${path}/supersede`, { authority: 'registrar' })).toMatchObject({
      body: { code: 'reason-required' },
    });
    const answer = await act(world, `${path}/supersede`, body);
    expect(answer).toMatchObject({ status: 201 });
    const next = answer.body.id as string;
    expect(await learner.terms()).toEqual([`${BLS1} superseded`, 'BLS edition 2#1 [2024-03-10, 2026-03-10)']);
    expect((await open().get(`${old}.json`)).body).toMatchObject({
      status: 'superseded',
      reason: 'new-name',
      supersededBy: next,
      checks: [{ check: 'life-cycle', outcome: 'fail' }, {}, {}, {}, {}],
    });
    expect((await open().get(old, { accept: 'text/html' })).text).toContain(`/c/${next}`);
    expect((await open().send('POST', '/api/verifications', { credential: jwt })).body).toMatchObject({
      verdict: 'superseded',
    });
    expect((await open().get(`/c/${next}.json`)).body).toMatchObject({
      status: 'valid',
      awardedAt: '2024-03-10T09:00:00.000Z',
    });
    // Final: neither renewed, held, revoked nor corrected again.
    expect(await act(world, `${path}/supersede`, body)).toMatchObject({ body: { code: 'criteria-not-met' } });
    const etag = (await world.client.get(path)).headers['etag'] as string;
    const revoke = { reasonCode: 'issued-in-error', authority: 'registrar' };
    expect(await world.client.send('POST', `${path}/revoke`, revoke, { 'if-match': etag })).toMatchObject({
      status: 409,
      body: { code: 'credential-superseded' },
    });
    // The new edition lives on as the old one would have.
    await world.moveTo('2026-01-15T12:00:00Z');
    await learner.complete('FA-R1', '2026-01-15');
    expect((await learner.terms()).slice(1)).toEqual([
      'BLS edition 2#1 [2024-03-10, 2026-03-10)',
      'BLS edition 2#2 [2026-03-10, 2028-03-10)',
    ]);
  });

  it('what rests on a corrected credential rests on its next edition, and ends with that', async () => {
    const { world, learner, path } = await held('corrected-below');
    await world.moveTo('2024-06-02T12:00:00Z');
    await learner.complete('FA-201', '2024-05-04');
    await learner.complete('FA-SIM', '2024-06-01');
    await act(world, `${path}/supersede`, { reasonCode: 'new-name', authority: 'registrar' });
    const ADV = 'ADV#1 [2024-06-01, 2026-06-01)';
    const EDITION = 'BLS edition 2#1 [2024-03-10, 2026-03-10)';
    expect(await learner.terms()).toEqual([`${BLS1} superseded`, ADV, EDITION]);
    expect(await learner.verdicts()).toEqual(['ADV valid', 'BLS superseded', 'BLS valid']);
    await world.moveTo('2026-03-10T12:00:00Z');
    expect(await learner.terms()).toEqual([`${BLS1} superseded`, `${ADV} suspended`, `${EDITION} expired`]);
  });

  it('a suspended one is not corrected: the hold would be left behind', async () => {
    const { world, path } = await held('corrected-held');
    const etag = (await world.client.get(path)).headers['etag'] as string;
    const hold = { hold: 'inquiry-1', reasonCode: 'inquiry', authority: 'registrar' };
    await world.client.send('POST', `${path}/suspend`, hold, { 'if-match': etag });
    await server.settled();
    expect(await act(world, `${path}/supersede`, by)).toMatchObject({
      status: 409,
      body: { code: 'credential-not-active', next: expect.stringContaining('End what holds it first') },
    });
  });

  it('one revoked by mistake is replaced with its old term, and leads on while it stays revoked', async () => {
    const { world, learner, path } = await held('replaced');
    await world.moveTo('2024-05-01T12:00:00Z');
    await learner.revoke('BLS', '2024-04-20');
    expect(await act(world, `${path}/supersede`, by)).toMatchObject({ body: { code: 'credential-revoked' } });
    const answer = await act(world, '/api/credentials', {
      learner: learner.id,
      template: 'BLS',
      ...by,
      replaces: await learner.credential('BLS'),
      occurredAt: '2024-05-01T09:00:00Z',
    });
    expect(await learner.terms()).toEqual([`${BLS1} revoked`, 'BLS edition 2#1 [2024-03-10, 2026-03-10)']);
    expect((await open().get(`${pageOf(path)}.json`)).body).toMatchObject({
      status: 'revoked',
      supersededBy: answer.body.id,
    });
  });
});

describe('the end of a term and its window are facts, in order, however late they are noted', () => {
  it('over a jump of four years past several due dates of several people', async () => {
    const world = await openWorld(server, 'jump', e1Catalog(), '2024-04-01T12:00:00Z');
    const days = ['2024-02-29', '2024-03-10', '2024-03-31'];
    const learners: AcceptanceLearner[] = [];
    for (const day of days) {
      const learner = await world.learner();
      await learner.enroll('first-aid', '2024-01-10');
      await learner.complete('FA-101', day, 85);
      learners.push(learner);
    }
    await world.moveTo('2028-04-01T12:00:00Z');
    const due = await Promise.all(
      learners.map(async (learner) => {
        const { body } = await world.client.get(`/api/credentials/${await learner.credential('BLS')}/history`);
        return (body.items as { type: string; at: string; actor: string }[])
          .filter(({ actor }) => actor.startsWith('scheduler:'))
          .map(({ type, at }) => `${type} ${at}`);
      }),
    );
    expect(due).toEqual([
      [
        'renewal-window-opened 2025-11-27T23:00:00.000Z',
        'credential-expired 2026-02-27T23:00:00.000Z',
        'renewal-window-closed 2026-03-27T23:00:00.000Z',
      ],
      [
        'renewal-window-opened 2025-12-09T23:00:00.000Z',
        'credential-expired 2026-03-09T23:00:00.000Z',
        'renewal-window-closed 2026-04-09T22:00:00.000Z',
      ],
      [
        // Three months before the end of March is the end of December; a month after it the end of April.
        'renewal-window-opened 2025-12-30T23:00:00.000Z',
        'credential-expired 2026-03-30T22:00:00.000Z',
        'renewal-window-closed 2026-04-29T22:00:00.000Z',
      ],
    ]);
  });
});

it('one who renews at the last instant of a yearly term in a gap of the clocks', async () => {
  const world = await openWorld(server, 'site', e6Catalog(), '2024-04-01T12:00:00Z');
  const learner = await world.learner();
  await learner.enroll('site-access', '2024-01-01');
  for (const module of ['SAFETY', 'DATA', 'NON-DRIVER']) await learner.complete(module, '2024-03-30T08:00:00Z');
  await world.moveTo('2025-03-31T12:00:00Z');
  await learner.complete('R-SAFETY', '2025-03-29T22:59:59.999Z');
  await learner.complete('R-DATA', '2025-03-29T23:00:00Z');
  // Both reckoned to the start of 30 March: the second comes at the end of the term itself, so it starts there.
  expect(await learner.terms()).toEqual(['SA#1 [2024-03-30, 2025-03-30)', 'SA#2 [2025-03-30, 2026-03-30)']);
});
