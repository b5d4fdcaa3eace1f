// The mail port. Adapters: mailbox.ts (a page at /sandbox/mail), smtp.ts.

export interface Mail {
  /** The same id is sent at most once by the mailbox, and is the Message-ID over SMTP. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Mailer extends AsyncDisposable {
  /** No try takes longer. */
  readonly longestTryMs: number;
  /** Resolves when the next hop has taken the mail; rejects to be tried again, or with `MailRefused`. */
  send(mail: Mail): Promise<void>;
}

/** The next hop will not take this mail, however often it is sent. The message says why. */
export class MailRefused extends Error {
  /** It is the address: nothing that is sent there arrives. */
  readonly bounced: boolean;

  constructor(reason: string, { bounced = false, ...options }: ErrorOptions & { bounced?: boolean } = {}) {
    super(reason, options);
    this.name = 'MailRefused';
    this.bounced = bounced;
  }
}
