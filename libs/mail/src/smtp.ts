// SMTP by nodemailer: which of its errors are about a message, and which about the server or our way to it.
import { createTransport } from 'nodemailer';
import { MailServerUnavailable, type MailAnswer, type MailDelivery, type MailStatus } from './port.js';

export const SMTP_TLS = ['starttls', 'implicit', 'none'] as const;

export type SmtpOptions = {
  readonly host: string;
  readonly port: number;
  /** `starttls` insists on it; `implicit` speaks TLS from the first byte; `none` is for a server on this machine. */
  readonly tls: (typeof SMTP_TLS)[number];
  readonly user?: string;
  readonly password?: string;
  /** `Northlake College <no-reply@northlake.example>` or the address alone. */
  readonly from: string;
  /** Certificates to trust besides those of the system; PEM. */
  readonly ca?: string;
  /** How long each step may take; default 10 s. */
  readonly timeoutMs?: number;
};

/** After trouble no new connection is tried so soon; doubled by each further one up to the second. */
const PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export function createSmtpDelivery(options: SmtpOptions): MailDelivery {
  const { host, port, tls, user, password, from, ca, timeoutMs = 10_000 } = options;
  const transport = createTransport({
    pool: true,
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user === undefined ? {} : { auth: { user, pass: password ?? '' } }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: 2 * timeoutMs,
    dnsTimeout: timeoutMs,
    // A message is text: nothing in it may name a file or an address to be fetched.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  let trouble: string | undefined;
  let failures = 0;
  let pausedUntilMs = 0;

  const worked = (): void => {
    trouble = undefined;
    failures = 0;
    pausedUntilMs = 0;
  };
  const failed = (error: unknown): MailServerUnavailable => {
    trouble = inWords(error as SmtpError, options);
    pausedUntilMs = performance.now() + Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** failures++);
    return new MailServerUnavailable(trouble);
  };

  return {
    channel: 'smtp',
    send: async ({ messageId, to, subject, text, language, date }): Promise<MailAnswer> => {
      if (trouble !== undefined && performance.now() < pausedUntilMs) throw new MailServerUnavailable(trouble);
      try {
        await transport.sendMail({
          // Objects, not texts: what is in a name never becomes a second address or a header.
          envelope: { from: addressOf(from), to: [to.address] },
          from,
          to: to.name === undefined ? to.address : { name: to.name, address: to.address },
          subject,
          text,
          date,
          messageId: `<${messageId}>`,
          headers: { 'Content-Language': language, 'Auto-Submitted': 'auto-generated' },
        });
        worked();
        return { outcome: 'taken' };
      } catch (error) {
        const answer = answerOf(error as SmtpError);
        if (!answer) throw failed(error);
        worked();
        return answer;
      }
    },
    check: async () => {
      try {
        await transport.verify();
        worked();
      } catch (error) {
        failed(error);
      }
    },
    status: (): MailStatus => ({ channel: 'smtp', ...(trouble === undefined ? {} : { trouble }) }),
    close: () => transport.close(),
  };
}

type SmtpError = Error & {
  readonly code?: string;
  readonly command?: string;
  readonly responseCode?: number;
  readonly response?: string;
};

/** What an error says about this one message; undefined if it is about the server or our way to it. */
function answerOf({ code, command, responseCode, response }: SmtpError): MailAnswer | undefined {
  // A recipient that cannot even be said in this session (RFC 6531) is refused, like one that the server refuses.
  if (responseCode === undefined) return code === 'EENVELOPE' ? { outcome: 'refused' } : undefined;
  // 421: the service is closing; MAIL FROM: our own sender is refused. All messages would fare the same.
  if (responseCode === 421 || command === 'MAIL FROM') return undefined;
  if (code !== 'EENVELOPE' && code !== 'EMESSAGE') return undefined;
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1];
  const reply = enhanced === undefined ? String(responseCode) : `${responseCode} ${enhanced}`;
  return { outcome: responseCode >= 500 ? 'refused' : 'later', reply };
}

/** What is wrong, where, and what to do; without the server's own words, which may name people. */
function inWords({ code, command, responseCode, message }: SmtpError, { host, port, tls, user }: SmtpOptions): string {
  const where = `the mail server ${host}:${port}`;
  const said = responseCode === undefined ? '' : ` (it said ${responseCode})`;
  if (code === 'EAUTH' || responseCode === 530)
    return user === undefined
      ? `${where} wants a login${said}: set CAIRN_SMTP_USER and CAIRN_SMTP_PASSWORD_FILE`
      : `${where} does not accept the login${said}: correct CAIRN_SMTP_USER and CAIRN_SMTP_PASSWORD_FILE`;
  if (command === 'MAIL FROM') return `${where} refuses our sender${said}: correct CAIRN_MAIL_FROM`;
  if (code === 'ETLS' || /certificate|self.signed|wrong version number|SSL|TLS/i.test(message))
    return tls === 'starttls' && !/certificate|self.signed/i.test(message)
      ? `${where} offers no STARTTLS: nothing is sent in clear. Set CAIRN_SMTP_TLS to implicit if it speaks TLS from the start`
      : `the TLS connection to ${where} failed (${certificateFault(message)}): correct its certificate, CAIRN_SMTP_TLS or NODE_EXTRA_CA_CERTS`;
  if (code === 'EDNS') return `${where} is not known by that name: correct CAIRN_SMTP_HOST`;
  if (code === 'ETIMEDOUT') return `${where} did not answer in time${said}`;
  return `${where} cannot be reached${said}${code === undefined ? '' : `: ${code}`}`;
}

const certificateFault = (message: string): string =>
  /self.signed/i.test(message)
    ? 'its certificate is self-signed'
    : /expired/i.test(message)
      ? 'its certificate has expired'
      : /altname|does not match/i.test(message)
        ? 'its certificate is for another name'
        : 'no common way to encrypt';

/** The bare address of `Name <address>`. */
export const addressOf = (from: string): string => /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim();
