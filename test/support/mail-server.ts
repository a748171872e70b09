// A real SMTP server in this process, which keeps what arrives and can be told to misbehave.
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

export type Arrived = Email & { readonly envelopeTo: readonly string[] };

export type MailServer = {
  readonly port: number;
  readonly arrived: Arrived[];
  /** How the next recipients are answered: `550 5.1.1` and so on; undefined: they are taken. */
  refuse: ((address: string) => string | undefined) | undefined;
  /** Called once a message was taken and before that is said. */
  taken: (() => Promise<void>) | undefined;
  readonly close: () => Promise<void>;
};

export async function startMailServer(
  options: { port?: number; login?: { user: string; password: string }; tls?: { key: string; cert: string } } = {},
): Promise<MailServer> {
  const { login, tls } = options;
  const refused = (reply: string): Error => {
    const [code, enhanced = ''] = reply.split(' ');
    return Object.assign(new Error(`${enhanced} said of somebody@example.org`.trim()), { responseCode: Number(code) });
  };
  const server = new SMTPServer({
    disabledCommands: [...(login ? [] : ['AUTH']), ...(tls ? [] : ['STARTTLS'])],
    authOptional: !login,
    allowInsecureAuth: true,
    logger: false,
    closeTimeout: 200,
    ...tls,
    onAuth: ({ username, password }, _session, done) =>
      username === login?.user && password === login?.password
        ? done(null, { user: username })
        : done(Object.assign(new Error('no'), { responseCode: 535 })),
    onRcptTo: ({ address }, _session, done) => {
      const reply = mail.refuse?.(address);
      if (reply === undefined) done();
      else done(refused(reply));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        void arrive(Buffer.concat(chunks), to, done);
      });
    },
  });
  server.on('error', () => undefined);
  const arrive = async (bytes: Buffer, envelopeTo: readonly string[], done: (error?: Error) => void): Promise<void> => {
    try {
      mail.arrived.push({ ...(await PostalMime.parse(bytes)), envelopeTo });
      await mail.taken?.();
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  const port = await new Promise<number>((resolve) => {
    const listening = server.listen(options.port ?? 0, '127.0.0.1', () => {
      resolve((listening.address() as { port: number }).port);
    });
  });
  const mail: MailServer = {
    port,
    arrived: [],
    refuse: undefined,
    taken: undefined,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
  return mail;
}
