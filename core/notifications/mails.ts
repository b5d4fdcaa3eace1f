// The queue of mails: each is sent until the next hop has it, with growing pauses and not for ever.

import type { NotificationId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { backoffMs } from '../platform/backoff.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import { type Loop, startLoop } from '../platform/loop.ts';
import { type Mailer, MailRefused } from '../platform/mail/mailer.ts';
import type { RpcClients } from '../platform/service.ts';
import type { Log } from '../platform/telemetry/log.ts';
import type { Metrics } from '../platform/telemetry/metrics.ts';
import { extractTrace, inSpan } from '../platform/telemetry/tracing.ts';
import { kindRules } from './kinds.ts';
import type { NotificationsOptions } from './service.ts';
import {
  blockAddress,
  gatherMails,
  mailsChannel,
  type NotificationRow,
  type OrderRow,
  readBlocked,
  readGathered,
  readMailTimes,
  readOrders,
  takeMails,
  writeMailState,
} from './store.ts';
import { addressMark, unsubscribeHeaders, unsubscribeToken } from './unsubscribe.ts';
import { digestOf, mailOf } from './words/render.ts';

export interface MailsOptions extends NotificationsOptions {
  readonly databases: DatabaseProvider;
  readonly rpc: Pick<RpcClients, 'users'>;
  readonly mailer: Mailer;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly publicUrl: string;
  /** After `mails` to one person within the window the others wait for its end. A window of 0 turns that off. */
  readonly burst: { readonly mails: number; readonly windowMs: number };
}

/** Beyond the longest try: the address is asked for before, and the end written down after it. While a mail is leased nobody else begins it. */
const leaseMarginMs = 10_000;
const atOnce = 20;
/** In one mail. */
const mostGathered = 50;
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
  // One after another for each person, oldest first, so that a burst is noticed however many are taken at once.
  const inOrder = mails.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const people = Map.groupBy(inOrder, ({ user_id }) => user_id);
  await Promise.all(
    people.values().map(async (theirs) => {
      const left = new Map(theirs.map((mail) => [mail.id, mail]));
      for (const mail of theirs) {
        if (!left.delete(mail.id)) continue; // it is in another one's mail
        for (const id of await sendOne(options, mail, [...left.keys()])) left.delete(id);
      }
    }),
  );
  return mails.length === atOnce;
}

/**
 * Sends a mail, and says what was in it. `taken` are others of the same person that may come along.
 *
 * A crash between the mail's departure and the note of it sends the mail again, with the same id: the mailbox knows it
 * by that, and mail programs by the Message-ID.
 */
async function sendOne(
  options: MailsOptions,
  mail: NotificationRow,
  taken: readonly NotificationId[],
): Promise<readonly NotificationId[]> {
  let all: readonly NotificationRow[] = [];
  const { db, clock, log, metrics } = options;
  const count = (result: 'sent' | 'postponed' | 'failed' | 'held' | 'suppressed'): void =>
    metrics.mails.inc({ kind: mail.kind, result });
  const about = { notification_id: mail.id, order_id: mail.order_id, kind: mail.kind, attempt: mail.mail_attempts };
  const span = { parent: extractTrace(mail.headers), attributes: { 'lotok.notification_id': mail.id } };
  await inSpan(`notifications mail ${mail.kind}`, span, async () => {
    try {
      const heldUntil = await endOfBurst(options, mail);
      if (heldUntil) {
        await writeMailState(db, mail.id, { mail_held: true, mail_not_before: heldUntil, mail_attempts: 0 });
        count('held');
        return;
      }
      all = await gathered(options, mail, taken);
      await deliver(options, mail, all);
      await writeMailState(db, mail.id, { mail: 'sent', mail_error: null, mailed_at: clock.now() });
      count('sent');
      log.info('mail.sent', about);
    } catch (error) {
      const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
      if (error instanceof Suppressed) {
        await writeMailState(db, mail.id, { mail: 'suppressed', mail_error: reason });
        count('suppressed');
        log.warn('mail.suppressed', about);
        return;
      }
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
  return all.map(({ id }) => id);
}

/** When a mail may leave that has to wait for the end of a burst; null when it may leave now. */
async function endOfBurst({ db, clock, burst }: MailsOptions, mail: NotificationRow): Promise<Date | null> {
  // Once it has been tried it goes on: whether it has left is not known.
  if (burst.windowMs === 0 || !kindRules[mail.kind].gathers || mail.mail_attempts > 1) return null;
  const since = new Date(clock.now().getTime() - burst.windowMs);
  const times = await readMailTimes(db, mail.user_id, since, burst.mails);
  const oldest = times.at(-1);
  return times.length < burst.mails || !oldest ? null : new Date(oldest.getTime() + burst.windowMs);
}

/** All that leaves with this mail, itself included; it alone where no burst has ended. */
async function gathered(
  { db }: MailsOptions,
  mail: NotificationRow,
  taken: readonly NotificationId[],
): Promise<readonly NotificationRow[]> {
  if (!mail.mail_held) return [mail];
  if (mail.mailed_with === null) await gatherMails(db, mail, taken, mostGathered - 1);
  const all = await readGathered(db, mail.id);
  return all.length > 0 ? all : [mail];
}

/** Addresses are asked for when they are needed, so that none is kept here and the newest one counts. */
async function deliver(options: MailsOptions, mail: NotificationRow, all: readonly NotificationRow[]): Promise<void> {
  const { db, rpc, mailer, publicUrl, secret, clock, log } = options;
  const contacts = await rpc.users.getContacts({ userId: mail.user_id }, { deadlineMs: 5_000 });
  const mark = addressMark(contacts.email, secret);
  const blocked = await readBlocked(db, mail.user_id);
  if (blocked?.mark === mark) throw new Suppressed(blocked.reason);
  const orders = await readOrders(db, [...new Set(all.flatMap(({ order_id }) => order_id ?? []))]);
  const orderOf = ({ order_id }: NotificationRow): OrderRow | undefined =>
    order_id ? orders.get(order_id) : undefined;
  const reader = { name: contacts.name, language: contacts.language === 'en' ? 'en' : 'ru' } as const;
  // Whoever gets a mail about money gets it whatever they want; the others can be ended.
  const isMoney = all.some(({ kind }) => kindRules[kind].money);
  const link = `${publicUrl.replace(/\/$/, '')}/unsubscribe?token=${unsubscribeToken(mail.user_id, secret)}`;
  const to = { publicUrl, unsubscribe: isMoney ? null : link };
  const rendered =
    all.length === 1
      ? mailOf(mail, orderOf(mail), reader, to)
      : digestOf(
          all.map((each) => ({ notification: each, order: orderOf(each) })),
          reader,
          to,
        );
  try {
    await mailer.send({
      id: mail.id,
      to: contacts.email,
      ...rendered,
      ...(isMoney ? {} : { headers: unsubscribeHeaders(link) }),
    });
  } catch (error) {
    if (error instanceof MailRefused && error.bounced) {
      const { user_id } = mail;
      await blockAddress(db, { user_id, mark, reason: error.message.slice(0, 300), since: clock.now() });
      log.warn('mail.address_blocked', { user_id });
    }
    throw error;
  }
}

/** Mails to this address have come back. */
class Suppressed extends Error {
  constructor(reason: string) {
    super(`not sent, an earlier mail came back: ${reason}`);
    this.name = 'Suppressed';
  }
}

/** The next hop won't have it, or there is nobody to write to. */
const isFinal = (error: unknown): boolean =>
  error instanceof MailRefused || (error instanceof ProblemError && error.code === 'not-found');
