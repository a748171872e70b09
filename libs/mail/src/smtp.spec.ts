// What is about a message, and what about the mail server or our way to it: against a real server in this process.
import { startMailServer, type MailServer } from '../../../test/support/mail-server.js';
import { MailServerUnavailable, type MailMessage } from './port.js';
import { createSmtpDelivery, type SmtpOptions } from './smtp.js';

const message: MailMessage = {
  messageId: 'msg_1@cairn.example',
  to: { name: 'Ada', address: 'ada@example.org' },
  subject: 'Grüße',
  text: 'Hello Ada,\n.\nbye\n',
  language: 'en',
  date: new Date('2026-03-10T09:00:00Z'),
};
const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});
async function server(options?: Parameters<typeof startMailServer>[0]): Promise<MailServer> {
  const mail = await startMailServer(options);
  open.push(mail);
  return mail;
}
function delivery(port: number, over: Partial<SmtpOptions> = {}) {
  const from = 'Northlake <no-reply@northlake.example>';
  const made = createSmtpDelivery({ host: '127.0.0.1', port, tls: 'none', from, timeoutMs: 1_000, ...over });
  open.push(made);
  return made;
}

it('hands the message over as it is', async () => {
  const mail = await server();
  expect(await delivery(mail.port).send(message)).toEqual({ outcome: 'taken' });
  expect(mail.arrived).toMatchObject([{ subject: 'Grüße', messageId: '<msg_1@cairn.example>', text: message.text }]);
});

it.each([
  ['450 4.2.2', { outcome: 'later', reply: '450' }],
  ['550 5.1.1', { outcome: 'refused', reply: '550' }],
])('%s to the recipient is about the message, and its words are kept to nobody', async (reply, answer) => {
  const mail = await server();
  mail.refuse = () => reply;
  const made = delivery(mail.port);
  const found = await made.send(message);
  expect(found).toMatchObject({ outcome: answer.outcome, reply: expect.stringContaining(answer.reply) as string });
  expect(JSON.stringify(found)).not.toContain('somebody');
  expect(made.status()).toEqual({ channel: 'smtp' });
});

describe('what is wrong with the server is said with what to do, and thrown', () => {
  const troubleOf = async (made: ReturnType<typeof delivery>): Promise<string | undefined> => {
    await expect(made.send(message)).rejects.toThrow(MailServerUnavailable);
    const { trouble } = made.status();
    expect(trouble).not.toMatch(/ada|s3cret/i);
    return trouble;
  };
  it('nobody listens', async () => {
    const mail = await startMailServer();
    await mail.close();
    expect(await troubleOf(delivery(mail.port))).toMatch(/mail server 127\.0\.0\.1:\d+ cannot be reached/);
  });
  it('the login is wrong', async () => {
    const mail = await server({ login: { user: 'cairn', password: 'right' } });
    expect(await troubleOf(delivery(mail.port, { user: 'cairn', password: 's3cret' }))).toMatch(
      /does not accept the login.*CAIRN_SMTP_USER/,
    );
  });
  it('a login is wanted', async () => {
    const mail = await server({ login: { user: 'cairn', password: 'right' } });
    expect(await troubleOf(delivery(mail.port))).toMatch(/wants a login.*CAIRN_SMTP_USER/);
  });
  it('STARTTLS is expected and not there', async () => {
    const mail = await server();
    expect(await troubleOf(delivery(mail.port, { tls: 'starttls' }))).toMatch(
      /offers no STARTTLS: nothing is sent in clear/,
    );
    expect(mail.arrived).toEqual([]);
  });
  it('TLS is expected from the first byte and not there', async () => {
    const mail = await server();
    expect(await troubleOf(delivery(mail.port, { tls: 'implicit' }))).toMatch(
      /TLS connection to .* failed|did not answer in time/,
    );
  });
});

it('is checked without sending, and is well again once the server is', async () => {
  const gone = await startMailServer();
  await gone.close();
  const made = delivery(gone.port);
  await made.check();
  expect(made.status().trouble).toMatch(/cannot be reached/);
  const mail = await server({ port: gone.port });
  await made.check();
  expect(made.status()).toEqual({ channel: 'smtp' });
  expect(await made.send(message)).toEqual({ outcome: 'taken' });
  expect(mail.arrived).toHaveLength(1);
});
