// What notifications does: puts a notification into a user's list and into the queue of mails, once per reason.
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import type { Language, NotificationId, OrderId, UserId } from '../../contracts/common.ts';
import type { Notification, NotificationKind, Preferences, PreferencesNow } from '../../contracts/notifications.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { type NotificationMessage, userChannel } from '../../contracts/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import { redactText } from '../platform/telemetry/redact.ts';
import { injectTrace } from '../platform/telemetry/tracing.ts';
import { kindRules } from './kinds.ts';
import type { Db, NotificationRow, OrderRow, Parameters, Trx } from './store.ts';
import * as store from './store.ts';
import { readUnsubscribeToken } from './unsubscribe.ts';
import { messageOf } from './words/render.ts';

export interface NotificationsOptions {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Signs links in mails, and marks addresses. */
  readonly secret: string;
}

export interface Wish {
  readonly userId: UserId;
  readonly kind: NotificationKind;
  readonly orderId: OrderId | null;
  /** Where there is no order: what makes the notification one. */
  readonly key?: string;
  /** A path of the storefront; the order's when not given. */
  readonly link?: string;
  readonly parameters: Parameters;
}

/** Whoever asks first for a kind of news of an order to a user is heard; asking again changes nothing. */
const dedupeKeyOf = ({ userId, kind, orderId, key = '' }: Wish): string => `${orderId ?? key}:${kind}:${userId}`;

/** Part of a transaction: the row is at once the entry of the list, the key that is taken, and the mail that is owed. */
export async function notify(
  { outbox, clock }: Pick<NotificationsOptions, 'outbox' | 'clock'>,
  trx: Trx,
  wish: Wish,
  /** The order that it is about, as far as it is known. */
  order: OrderRow | undefined,
): Promise<void> {
  const { userId, kind, orderId, parameters } = wish;
  const rule = kindRules[kind];
  const { language, ...preferences } = await store.readReader(trx, userId);
  const muted = preferences.muted.includes(kind);
  const mail = rule.mail && (rule.money || (preferences.email && !muted));
  const headers: Record<string, string> = {};
  injectTrace(headers);
  const now = clock.now();
  const row: NotificationRow = {
    id: uuidv7() as NotificationId,
    dedupe_key: dedupeKeyOf(wish),
    user_id: userId,
    kind,
    order_id: orderId,
    link: wish.link ?? (orderId && `/orders/${orderId}`),
    parameters,
    in_app: preferences.in_app && !muted,
    read_at: null,
    mail: mail ? 'owed' : 'none',
    mail_held: false,
    mailed_with: null,
    mail_attempts: 0,
    mail_not_before: now,
    mail_error: null,
    mailed_at: null,
    headers,
    created_at: now,
  };
  if (!(await store.insertNotification(trx, row))) return;
  if (!row.in_app) return;
  const shown = present(row, order, language);
  const data: z.output<typeof NotificationMessage> = { ...shown, order_id: orderId, at: now.toISOString() };
  await outbox.addRealtime(trx, [userChannel(userId)], { event: 'notification', data });
}

/** The same in a transaction of its own, for callers by gRPC. */
export async function enqueue(options: NotificationsOptions, wish: Wish): Promise<NotificationId> {
  await options.db.transaction().execute(async (trx) => {
    const orders = await store.readOrders(trx, wish.orderId ? [wish.orderId] : []);
    await notify(options, trx, wish, wish.orderId ? orders.get(wish.orderId) : undefined);
  });
  return store.idOfKey(options.db, dedupeKeyOf(wish));
}

export interface NotificationPage {
  readonly items: Notification[];
  readonly next: NotificationId | null;
  readonly unread: number;
}

export async function listNotifications(
  { db }: NotificationsOptions,
  userId: UserId,
  { before, limit }: { before: string | undefined; limit: number },
): Promise<NotificationPage> {
  const rows = await store.listNotifications(db, userId, { before, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const orders = await store.readOrders(
    db,
    shown.flatMap(({ order_id }) => order_id ?? []),
  );
  const language = await store.languageOf(db, userId);
  return {
    items: shown.map((row) => present(row, row.order_id ? orders.get(row.order_id) : undefined, language)),
    next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
    unread: await store.countUnread(db, userId),
  };
}

export const markRead = ({ db, clock }: NotificationsOptions, userId: UserId, upTo: NotificationId): Promise<void> =>
  store.markRead(db, userId, upTo, clock.now());

export async function getPreferences({ db }: NotificationsOptions, userId: UserId): Promise<PreferencesNow> {
  const [preferences, blocked] = await Promise.all([store.readPreferences(db, userId), store.readBlocked(db, userId)]);
  const email_blocked = blocked ? { since: blocked.since.toISOString(), reason: redactText(blocked.reason) } : null;
  return { ...preferences, email_blocked };
}

/** The reader says that the address works; were it wrong, the next mail would come back, too. */
export const unblockEmail = ({ db }: NotificationsOptions, userId: UserId): Promise<void> =>
  store.unblockAddress(db, userId);

/** Mails about money stay. */
export async function unsubscribe({ db, secret }: NotificationsOptions, token: string): Promise<void> {
  const userId = readUnsubscribeToken(token, secret);
  if (!userId) throw new ProblemError('invalid-signature');
  await store.turnMailsOff(db, userId);
}

export async function putPreferences(
  { db }: NotificationsOptions,
  userId: UserId,
  wanted: Preferences,
): Promise<Preferences> {
  const preferences = { ...wanted, muted: [...new Set(wanted.muted)] };
  await store.writePreferences(db, userId, preferences);
  return preferences;
}

function present(row: NotificationRow, order: OrderRow | undefined, language: Language): Notification {
  const { title, text } = messageOf(row, order, language);
  return {
    id: row.id,
    kind: row.kind,
    title,
    text,
    link: row.link,
    read: row.read_at !== null,
    created_at: row.created_at.toISOString(),
  };
}
