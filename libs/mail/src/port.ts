// How a message leaves the house: a port, so that whoever decides about messages knows nothing of SMTP.

/** One message to one person. `messageId` is the Message-ID header without brackets: the same for every try. */
export type MailMessage = {
  readonly messageId: string;
  readonly to: { readonly name?: string; readonly address: string };
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
  /** BCP 47, for Content-Language. */
  readonly language: string;
  readonly date: Date;
};

/**
 * What came of a try. `reply` is the server's number, with the enhanced one if it gave it (RFC 3463), such as
 * `550 5.1.1`; never its words, which may repeat the address (D11).
 */
export type MailAnswer =
  | { readonly outcome: 'taken' }
  /** Not now: the mailbox is full, the server greylists. */
  | { readonly outcome: 'later'; readonly reply?: string }
  /** Never, as it is. */
  | { readonly outcome: 'refused'; readonly reply?: string };

export type MailStatus = {
  /** `outbox`: there is no mail server; messages are kept for people to see. */
  readonly channel: 'smtp' | 'outbox';
  /** Why nothing can be sent at the moment, and what to do; undefined: nothing is known against it. */
  readonly trouble?: string;
};

export type MailDelivery = {
  readonly channel: MailStatus['channel'];
  /** Throws {@link MailServerUnavailable} if the fault is not with this message: then all messages wait. */
  readonly send: (message: MailMessage) => Promise<MailAnswer>;
  /** Connects and signs in without sending; what is wrong is in `status` afterwards. */
  readonly check: () => Promise<void>;
  readonly status: () => MailStatus;
  readonly close: () => void;
};

/** The mail server is away, or does not let us in: goes away by itself or by an operator, never by the message. */
export class MailServerUnavailable extends Error {
  constructor(detail: string) {
    super(detail);
    this.name = 'MailServerUnavailable';
  }
}

/** Without a mail server: every message is taken, by nobody. */
export const outboxAlone: MailDelivery = {
  channel: 'outbox',
  send: () => Promise.resolve({ outcome: 'taken' }),
  check: () => Promise.resolve(),
  status: () => ({ channel: 'outbox' }),
  close: () => undefined,
};
