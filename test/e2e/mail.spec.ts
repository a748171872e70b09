// The mail server's troubles and our restarts: messages wait, are sent once, and the operator is told why they wait.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { e1Catalog } from '@cairn/testing';
import { loadConfiguration } from '@cairn/platform';
import { openWorld } from '../acceptance/world.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startServer, type Client, type TestServer } from '../support/server.js';

const POLICY = { tell: ['issued'], language: 'en' };
const directory = mkdtempSync(join(tmpdir(), 'cairn-mail-'));
let mail: MailServer;
let server: TestServer;
const start = async (port: number): Promise<void> => {
  server = await startServer({
    directory,
    keep: true,
    smtp: { host: '127.0.0.1', port, tls: 'none', from: 'a@b.example' },
  });
};
const until = async (reached: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 400 && !reached(); tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(reached()).toBe(true);
};
afterAll(async () => {
  await server.close();
  await mail.close();
  rmSync(directory, { recursive: true, force: true });
});
const statesOf = async (client: Client) =>
  ((await client.get('/api/outbox')).body.items as { state: string }[]).map(({ state }) => state);

it('a mail server that is down holds up nothing else; its trouble is told; restarted or not, each message goes out once', async () => {
  const first = await startMailServer();
  await first.close();
  await start(first.port);
  const world = await openWorld(server, 'down', e1Catalog());
  await world.client.send('PUT', '/api/delivery-policy', POLICY);
  await server.settled();
  const learner = await world.learner();
  await learner.enroll('first-aid', '2024-01-10');
  await learner.complete('FA-101', '2024-03-10', 85);
  expect(await learner.credentials()).toHaveLength(1);
  // Its term is over by now: told of is what still holds.
  await learner.complete('FA-101', '2026-11-20', 85);
  await until(() => server.installation.mail.status().trouble !== undefined);
  const ready = await server.operator.get('/readyz');
  expect(ready).toMatchObject({ status: 200, body: { ready: true, status: { mail: { channel: 'smtp' } } } });
  expect(ready.body.status.mail.trouble).toContain('cannot be reached');
  expect((await server.operator.get('/metrics')).text).toContain('cairn_mail_up{channel="smtp"} 0');
  expect(await statesOf(world.client)).toContain('waiting');
  await server.close();

  mail = await startMailServer({ port: first.port });
  // Of two credentials one still holds. The first try to tell of it is taken, but the answer says otherwise: nobody can know, so it is sent again under the same id.
  let spoiled = false;
  mail.taken = () => {
    if (spoiled) return Promise.resolve();
    spoiled = true;
    return Promise.reject(Object.assign(new Error('closing'), { responseCode: 421 }));
  };
  await start(first.port);
  await until(() => mail.arrived.length > 1);
  await server.settled();
  expect(mail.arrived).toHaveLength(2);
  expect(new Set(mail.arrived.map(({ messageId }) => messageId)).size).toBe(1);
  await server.close();

  await start(first.port);
  await server.settled();
  await server.installation.rebuild();
  await server.settled();
  expect(mail.arrived).toHaveLength(2);
  expect((await server.operator.get('/metrics')).text).toContain('cairn_mail_up{channel="smtp"} 1');
});

it('without a mail server, messages are kept for people to see', async () => {
  const alone = await startServer();
  try {
    const world = await openWorld(alone, 'alone', e1Catalog(), '2024-04-01T12:00:00Z');
    await world.client.send('PUT', '/api/delivery-policy', POLICY);
    await alone.settled();
    const learner = await world.learner();
    await learner.enroll('first-aid', '2024-01-10');
    await learner.complete('FA-101', '2024-03-10', 85);
    const { items } = (await world.client.get('/api/outbox?state=kept')).body as { items: { message: string }[] };
    expect(items).toHaveLength(1);
    const { body } = await world.client.get(`/api/outbox/${items[0]?.message}`);
    expect(body).toMatchObject({ state: 'kept', content: { to: { address: learner.email } } });
  } finally {
    await alone.close();
  }
});

it.each([
  [{ CAIRN_SMTP_PORT: '25' }, /CAIRN_SMTP_PORT: is for a mail server; name it by CAIRN_SMTP_HOST/],
  [{ CAIRN_SMTP_HOST: 'mail.example' }, /CAIRN_MAIL_FROM: is missing/],
  [{ CAIRN_SMTP_HOST: 'mail.example', CAIRN_MAIL_FROM: 'nobody' }, /CAIRN_MAIL_FROM: is no sender such as/],
  [
    { CAIRN_SMTP_HOST: 'mail.example', CAIRN_MAIL_FROM: 'a@b.example', CAIRN_SMTP_USER: 'x' },
    /CAIRN_SMTP_PASSWORD: is missing/,
  ],
  [
    { CAIRN_SMTP_HOST: 'mail.example', CAIRN_MAIL_FROM: 'a@b.example', CAIRN_SMTP_TLS: 'none' },
    /in clear to mail\.example/,
  ],
])('the configuration %j is refused', (env, words) =>
  expect(() => loadConfiguration({ CAIRN_DATA: directory, ...env })).toThrow(words),
);
