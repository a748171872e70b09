// Messages to learners over HTTP and SMTP: what arrives at a real mail server in this process, when, once each; what does
// not go out, what comes back, and what the outbox tells of it.
import { e1Catalog } from '@cairn/testing';
import { startMailServer, type Arrived, type MailServer } from '../support/mail-server.js';
import type { TestServer } from '../support/server.js';
import { startAcceptanceServer } from './server.js';
import { openWorld, type AcceptanceWorld } from './world.js';

let mail: MailServer;
let server: TestServer;
beforeAll(async () => {
  mail = await startMailServer();
  server = await startAcceptanceServer({
    smtp: { host: '127.0.0.1', port: mail.port, tls: 'none', from: 'Northlake <no-reply@northlake.example>' },
  });
});
beforeEach(() => {
  mail.arrived.length = 0;
  mail.refuse = undefined;
  mail.taken = undefined;
});
afterAll(() => mail.close());

const POLICY = { tell: ['issued', 'renewed', 'reminder'], language: 'en' };

async function openMailWorld(slug: string, policy: object = POLICY, on = server) {
  const catalog = e1Catalog();
  const templates = catalog.templates.map((template) => ({ ...template, reminders: ['P90D', 'P30D', 'P7D'] }));
  const world = await openWorld(on, slug, { ...catalog, templates }, '2024-04-01T12:00:00Z');
  const set = await world.client.send('PUT', '/api/delivery-policy', policy);
  expect(set).toMatchObject({ status: 200, body: { outcome: 'recorded' } });
  await on.settled();
  return world;
}
const issueTo = async (learner: Awaited<ReturnType<AcceptanceWorld['learner']>>) => {
  await learner.enroll('first-aid', '2024-01-10');
  await learner.complete('FA-101', '2024-03-10', 85);
};
const outbox = async (world: AcceptanceWorld, query = '') => {
  const { status, body } = await world.client.get(`/api/outbox?limit=200${query}`);
  expect(status).toBe(200);
  return body.items as { message: string; kind: string; state: string; reasonCode?: string }[];
};
const states = async (world: AcceptanceWorld) =>
  (await outbox(world)).map(({ kind, state, reasonCode }) =>
    [kind, state, ...(reasonCode ? [reasonCode] : [])].join(' '),
  );
const subjects = () => mail.arrived.map(({ subject }) => subject);
const header = ({ headers }: Arrived, name: string) => headers.find(({ key }) => key === name)?.value;

it('a new credential is told of: one message, from the sender configured, to the learner, with an id of ours', async () => {
  const world = await openMailWorld('told-of');
  const learner = await world.learner();
  await issueTo(learner);
  expect(mail.arrived).toHaveLength(1);
  const [message] = mail.arrived as [Arrived];
  const credential = await learner.credential('BLS');
  expect(message).toMatchObject({
    envelopeTo: [learner.email],
    from: { name: 'Northlake', address: 'no-reply@northlake.example' },
    to: [{ name: 'Person 1', address: learner.email }],
    subject: '[Test] Your credential: Basic life support',
    messageId: expect.stringMatching(/^<msg_[0-9a-z]{26}@cairn\.example>$/) as string,
    date: '2024-04-01T12:00:00.000Z',
  });
  expect(header(message, 'content-language')).toBe('en');
  expect(header(message, 'auto-submitted')).toBe('auto-generated');
  expect(message.html).toBeUndefined();
  expect(message.text).toContain('Hello Person 1,');
  expect(message.text).toContain(`https://cairn.example/c/${credential}`);
  expect(message.text).toContain('valid until March 9, 2026');
  const [shown] = await outbox(world);
  expect(shown).toMatchObject({ kind: 'issued', state: 'sent', credential, attempts: 1, resends: 0, claimed: false });
  const { body } = await world.client.get(`/api/outbox/${shown?.message}`);
  expect(body).toMatchObject({
    messageId: message.messageId,
    content: { to: { name: 'Person 1', address: learner.email }, subject: message.subject },
    history: [{ type: 'message-requested' }, { type: 'message-handed-over' }],
  });
  expect((body.content as { text: string }).text.trim()).toBe(message.text?.trim());
});

it('reminders come once for each stage, in the language of the learner, with the days that are left', async () => {
  const world = await openMailWorld('reminded');
  const learner = await world.learner();
  await world.client.send('PATCH', `/api/learners/${learner.id}`, { language: 'de-AT' });
  await issueTo(learner);
  for (const day of ['2025-12-10', '2025-12-11', '2026-02-08', '2026-03-03', '2026-03-09']) await world.moveTo(day);
  expect(subjects().slice(1)).toEqual(Array(3).fill('[Test] Basic life support gilt bis 9. März 2026'));
  expect(mail.arrived.map(({ text }) => /noch (ein Tag|\d+ Tage)/.exec(text ?? '')?.[0]).slice(1)).toEqual([
    'noch 89 Tage',
    'noch 29 Tage',
    'noch 6 Tage',
  ]);
  expect(new Set(mail.arrived.map(({ messageId }) => messageId)).size).toBe(4);
});

it('nobody is told of what was before the tenant told anybody anything, or of a kind that is switched off', async () => {
  const world = await openMailWorld('switched', { tell: [], language: 'en' });
  await issueTo(await world.learner());
  await world.moveTo('2024-04-02T12:00:00Z');
  await world.client.send('PUT', '/api/delivery-policy', { ...POLICY, tell: ['reminder'] });
  await issueTo(await world.learner());
  expect(mail.arrived).toEqual([]);
  expect(await outbox(world)).toEqual([]);
});

it('in quiet hours a message waits for their end, also where clocks jump over it', async () => {
  // Berlin, 31 March 2024: 02:00 to 03:00 is left out.
  const world = await openMailWorld('quiet', { ...POLICY, quietHours: { from: '13:00', until: '02:30' } });
  expect((await world.client.get('/api/delivery-policy')).body).toMatchObject({
    quietHours: { from: '13:00', until: '02:30', zone: 'Europe/Berlin' },
  });
  await issueTo(await world.learner()); // 14:00 in Berlin
  expect(await states(world)).toEqual(['issued waiting quiet-hours']);
  await world.moveTo('2024-04-02T00:29:59Z');
  expect(mail.arrived).toEqual([]);
  await world.moveTo('2024-04-02T00:30:00Z');
  expect(mail.arrived).toHaveLength(1);
  await world.moveTo('2025-03-29T22:00:00Z');
  await issueTo(await world.learner());
  expect((await outbox(world, '&state=waiting'))[0]).toMatchObject({ notBefore: '2025-03-30T01:00:00.000Z' });
  await world.moveTo('2025-03-30T00:59:59Z');
  expect(mail.arrived).toHaveLength(1);
  await world.moveTo('2025-03-30T01:00:00Z');
  expect(mail.arrived).toHaveLength(2);
});

it('what is renewed, revoked or erased while a reminder waits is not reminded of', async () => {
  const world = await openMailWorld('too-late', {
    tell: ['reminder'],
    language: 'en',
    quietHours: { from: '08:00', until: '20:00' },
  });
  const [renewed, revoked, erased, left] = [
    await world.learner(),
    await world.learner(),
    await world.learner(),
    await world.learner(),
  ];
  for (const learner of [renewed, revoked, erased, left]) await issueTo(learner);
  await world.moveTo('2026-02-08T12:00:00Z');
  expect(await states(world)).toEqual(Array(4).fill('reminder waiting quiet-hours'));
  await renewed.complete('FA-R1', '2026-02-08');
  await revoked.revoke('BLS', '2026-02-08');
  await world.client.post(`/api/learners/${erased.id}/erase`, {
    reasonCode: 'data-subject-request',
    approvedBy: 'dpo',
  });
  await server.settled();
  await world.moveTo('2026-02-08T20:00:00Z');
  expect((await states(world)).toSorted()).toEqual([
    'reminder sent',
    'reminder suppressed credential-renewed',
    'reminder suppressed credential-revoked',
    'reminder suppressed learner-erased',
  ]);
  expect(mail.arrived.map(({ envelopeTo }) => envelopeTo)).toEqual([[left.email]]);
});

it('what the mail server cannot take yet is tried again later; what it refuses is not, until somebody asks', async () => {
  const world = await openMailWorld('refusals');
  mail.refuse = () => '451 4.7.1';
  const learner = await world.learner();
  await issueTo(learner);
  expect(await outbox(world)).toMatchObject([
    { state: 'waiting', reasonCode: 'not-taken-yet', reply: '451 4.7.1', attempts: 1 },
  ]);
  mail.refuse = () => '550 5.1.1';
  await world.moveTo('2024-04-01T12:02:00Z');
  const [failed] = await outbox(world);
  expect(failed).toMatchObject({ state: 'failed', reasonCode: 'address-refused', reply: '550 5.1.1', attempts: 2 });
  await world.moveTo('2024-04-03T12:00:00Z');
  expect(mail.arrived).toEqual([]);
  mail.refuse = undefined;
  await world.client.send('PATCH', `/api/learners/${learner.id}`, { email: 'corrected@example.org' });
  await world.client.post(`/api/outbox/${failed?.message}/resend`, { reasonCode: 'address-corrected' });
  await server.settled();
  expect(mail.arrived.map(({ envelopeTo }) => envelopeTo)).toEqual([['corrected@example.org']]);
  expect(await outbox(world)).toMatchObject([{ message: failed?.message, state: 'sent', resends: 1 }]);
});

it('a bounce shows; sent again, the message keeps its id; delivered, it is claimed', async () => {
  const world = await openMailWorld('bounces');
  const learner = await world.learner();
  await issueTo(learner);
  const [first] = mail.arrived as [Arrived];
  expect(await outbox(world, '&state=unclaimed')).toHaveLength(1);
  const bounce = { message: first.messageId, reasonCode: 'mailbox-unknown', reply: '550 5.1.1' };
  expect(
    await world.client.send('POST', '/api/outbox/bounces', { ...bounce, reply: 'no such user ada' }),
  ).toMatchObject({ status: 400 });
  await world.client.post('/api/outbox/bounces', bounce);
  expect(await world.client.post('/api/outbox/bounces', bounce)).toMatchObject({ outcome: 'unchanged' });
  await server.settled();
  const [bounced] = await outbox(world, '&state=bounced');
  expect(bounced).toMatchObject({ reasonCode: 'mailbox-unknown', reply: '550 5.1.1' });
  await world.client.post(`/api/outbox/${bounced?.message}/resend`, {});
  await server.settled();
  expect(mail.arrived.map(({ messageId }) => messageId)).toEqual([first.messageId, first.messageId]);
  const credential = await learner.credential('BLS');
  await world.client.post(`/api/credentials/${credential}/deliver`, { channel: 'learner-portal' });
  await server.settled();
  expect(await outbox(world, '&state=unclaimed')).toEqual([]);
  expect(await outbox(world, `&credential=${credential}`)).toMatchObject([{ state: 'sent', claimed: true }]);
  const { body } = await world.client.get(`/api/audit/events?subject=${credential}&limit=200`);
  const types = (body.items as { type: string }[]).map(({ type }) => type);
  for (const type of ['message-handed-over', 'message-bounced', 'message-resend-requested', 'credential-delivered'])
    expect(types).toContain(type);
});

it('a name can be no header, an address no list, and who has none is told so in the outbox', async () => {
  const world = await openMailWorld('nasty');
  const learner = await world.learner();
  const name = 'Ada\r\nBcc: eve@example.org\r\n\r\nHi';
  expect(await world.client.send('PATCH', `/api/learners/${learner.id}`, { name })).toMatchObject({ status: 200 });
  await issueTo(learner);
  expect(mail.arrived).toHaveLength(1);
  const [message] = mail.arrived as [Arrived];
  expect(message.envelopeTo).toEqual([learner.email]);
  expect(message.bcc).toBeUndefined();
  expect(message.to?.[0]).toMatchObject({ address: learner.email });
  for (const email of ['a,b@example.org', null]) {
    const other = await world.learner();
    expect(await world.client.send('PATCH', `/api/learners/${other.id}`, { email })).toMatchObject({ status: 200 });
    await issueTo(other);
  }
  expect(mail.arrived).toHaveLength(1);
  expect((await states(world)).toSorted()).toEqual([
    'issued failed address-invalid',
    'issued failed no-address',
    'issued sent',
  ]);
});

it('once its learner is erased, nothing is left of a message but that there was one', async () => {
  const world = await openMailWorld('erased');
  const learner = await world.learner();
  await issueTo(learner);
  const [shown] = await outbox(world);
  await world.client.post(`/api/learners/${learner.id}/erase`, {
    reasonCode: 'data-subject-request',
    approvedBy: 'dpo',
  });
  await server.settled();
  expect((await world.client.get(`/api/outbox/${shown?.message}`)).body).toMatchObject({
    state: 'sent',
    content: null,
  });
  await world.client.post(`/api/outbox/${shown?.message}/resend`, {});
  await server.settled();
  expect(mail.arrived).toHaveLength(1);
  expect(await states(world)).toEqual(['issued suppressed learner-erased']);
});
