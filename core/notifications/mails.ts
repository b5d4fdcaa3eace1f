// The queue of mails: each is sent until the next hop has it, with growing pauses and not for ever.

import { ProblemError } from '../../contracts/problem.ts';
import { backoffMs } from '../platform/backoff.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import { type Mailer, MailRefused } from '../platform/mail/mailer.ts';
import type { RpcClients } from '../platform/service.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import type { NotificationsOptions } from './service.ts';
import { mailsChannel, type NotificationRow, type OrderRow, readOrders, takeMails, writeMailState } from './store.ts';
import { mailOf } from './words/render.ts';

export interface MailsOptions extends NotificationsOptions {
  readonly databases: DatabaseProvider;
  readonly rpc: Pick<RpcClients, 'users'>;
  readonly mailer: Mailer;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly publicUrl: string;
}

/** Beyond the longest try: the address is asked for before, and the end written down after it. While a mail is leased nobody else begins it. */
const leaseMarginMs = 10_000;
const atOnce = 20;
const firstPauseMs = 2_000;
const longestPauseMs = 3_600_000;
/** With these pauses, more than four hours. */
const mostAttempts = 14;

export const startMailLoop = (options: MailsOptions): Promise<Loop> =>
  startLoop({
    name: 'notifications.mails',
    pollMs: 1_000,
    log: options.log,
    wake: (heard) => options.databases.listen(mailsChannel, heard),
    run: () => sendDueMails(options),
  });

/** True when more may be waiting. */
export async function sendDueMails(options: MailsOptions): Promise<boolean> {
  const now = options.clock.now();
  const mails = await takeMails(
    options.db,
    now,
    new Date(now.getTime() + leaseMarginMs + options.mailer.longestTryMs),
    atOnce,
  );
  if (mails.length === 0) return false;
  const orders = await readOrders(options.db, [...new Set(mails.flatMap(({ order_id }) => order_id ?? []))]);
  await Promise.all(mails.map((mail) => sendOne(options, mail, mail.order_id ? orders.get(mail.order_id) : undefined)));
  return mails.length === atOnce;
}

/**
 * A crash between the mail's departure and the note of it sends the mail again, with the same id: the mailbox knows it
 * by that, and mail programs by the Message-ID.
 */
async function sendOne(options: MailsOptions, mail: NotificationRow, order: OrderRow | undefined): Promise<void> {
  const { db, clock, log, metrics } = options;
  const count = (result: 'sent' | 'postponed' | 'failed'): void => metrics.mails.inc({ kind: mail.kind, result });
  const about = { notification_id: mail.id, order_id: mail.order_id, kind: mail.kind, attempt: mail.mail_attempts };
  const span = { parent: extractTrace(mail.headers), attributes: { 'lotok.notification_id': mail.id } };
  await inSpan(`notifications mail ${mail.kind}`, span, async () => {
    try {
      await deliver(options, mail, order);
      await writeMailState(db, mail.id, { mail: 'sent', mail_error: null, mailed_at: clock.now() });
      count('sent');
      log.info('mail.sent', about);
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      if (isFinal(error) || mail.mail_attempts >= mostAttempts) {
        await writeMailState(db, mail.id, { mail: 'failed', mail_error: reason });
        count('failed');
        log.error('mail.failed', { ...about, reason });
        return;
      }
      const pauseMs = backoffMs(mail.mail_attempts - 1, { firstMs: firstPauseMs, longestMs: longestPauseMs });
      const notBefore = new Date(clock.now().getTime() + pauseMs);
      await writeMailState(db, mail.id, { mail_not_before: notBefore, mail_error: reason });
      count('postponed');
      log.warn('mail.postponed', { ...about, reason });
    }
  });
}

/** Addresses are asked for when they are needed, so that none is kept here and the newest one counts. */
async function deliver(
  { rpc, mailer, publicUrl }: MailsOptions,
  mail: NotificationRow,
  order: OrderRow | undefined,
): Promise<void> {
  const contacts = await rpc.users.getContacts({ userId: mail.user_id }, { deadlineMs: 5_000 });
  const language = contacts.language === 'en' ? 'en' : 'ru';
  const rendered = mailOf(mail, order, { name: contacts.name, language }, publicUrl);
  await mailer.send({ id: mail.id, to: contacts.email, ...rendered });
}

/** The next hop won't have it, or there is nobody to write to. */
const isFinal = (error: unknown): boolean =>
  error instanceof MailRefused || (error instanceof ProblemError && error.code === 'not-found');
