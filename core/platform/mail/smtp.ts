// Mail over SMTP, through a small pool of connections.
import { createTransport } from 'nodemailer';
import { type Mail, type Mailer, MailRefused } from './mailer.ts';

export interface SmtpOptions {
  /** `smtps://user:password@host:465`, or `smtp://…:587?requireTLS=true`. */
  readonly url: string;
  /** `Name <address>`; the address's domain is also the one of Message-IDs. */
  readonly from: string;
}

const connectTimeoutMs = 10_000;
const silenceTimeoutMs = 30_000;

export async function openSmtp({ url, from }: SmtpOptions): Promise<Mailer> {
  const domain = /@([\w.-]+)>?\s*$/.exec(from)?.[1];
  if (!domain) throw new Error('the sender of mails has no address: set MAIL_FROM');
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: 3,
    connectionTimeout: connectTimeoutMs,
    greetingTimeout: connectTimeoutMs,
    socketTimeout: silenceTimeoutMs,
    // Whoever sends knows better when to try again; a silent second try here could be a second mail.
    maxRequeues: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    // A few silences, behind others in the pool.
    longestTryMs: 6 * silenceTimeoutMs,
    async send({ id, to, subject, text, html, headers = {} }: Mail) {
      try {
        await transport.sendMail({
          from,
          // As an object it is one address, whatever characters are in it.
          to: { name: '', address: to },
          subject,
          text,
          html,
          messageId: `<${id}@${domain}>`,
          // Nobody's out-of-office answers this (RFC 3834, section 5).
          headers: { 'Auto-Submitted': 'auto-generated', ...headers },
        });
      } catch (error) {
        throw isFinal(error) ? new MailRefused(reasonOf(error), { cause: error, bounced: isBounce(error) }) : error;
      }
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}

interface SmtpError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly command?: string;
  readonly response?: string;
}

/**
 * 5xx about this recipient or this message is final (RFC 5321, section 4.2.1). 5xx about us, such as a wrong
 * password or a sender that isn't allowed, is for the operator to mend, and the mail waits for that.
 */
function isFinal(error: unknown): error is SmtpError {
  if (!(error instanceof Error)) return false;
  const { code, responseCode, command } = error as SmtpError;
  if (code !== 'EENVELOPE' && code !== 'EMESSAGE') return false;
  if (command === 'MAIL FROM' && code === 'EENVELOPE') return false;
  return responseCode === undefined || responseCode >= 500;
}

/**
 * There is no such mailbox, or it is closed: X.1.x and X.2.1 (RFC 3463, sections 3.2 and 3.3), or a bare 5xx to `RCPT TO`.
 * X.7.x is somebody's policy, and may be about us.
 */
function isBounce(error: SmtpError): boolean {
  const { code, command, response = '', message } = error;
  if (code !== 'EENVELOPE' || (command !== undefined && command !== 'RCPT TO')) return false;
  const status = /\b5\.(\d{1,3})\.(\d{1,3})\b/.exec(response || message);
  if (!status) return true;
  return status[1] === '1' || (status[1] === '2' && status[2] === '1');
}

const reasonOf = ({ response, message }: SmtpError): string => (response ?? message).slice(0, 500);
