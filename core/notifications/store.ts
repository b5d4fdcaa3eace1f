// Queries of notifications; nobody else reads its schema.

import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { AdId, Language, Money, NotificationId, OrderId, UserId } from '../../contracts/common.ts';
import type { NotificationKind, Preferences } from '../../contracts/notifications.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import { later } from '../platform/db/later.ts';
import { addAndNotify } from '../platform/db/notify.ts';
import type { ServiceTables } from '../platform/service.ts';

export type Parameters = Readonly<Record<string, string>>;

interface NotificationTable {
  id: NotificationId;
  /** One notification per key, however often it is asked for. */
  dedupe_key: string;
  user_id: UserId;
  kind: NotificationKind;
  order_id: OrderId | null;
  /** A path of the storefront. */
  link: string | null;
  parameters: Json<Parameters>;
  /** False where the reader wants none: then the row only keeps the key taken. */
  in_app: boolean;
  read_at: NullableTimestamp;
  mail: 'none' | 'owed' | 'sent' | 'failed';
  mail_attempts: number;
  /** Not tried before; while it is being sent this is the end of the lease. */
  mail_not_before: Timestamp;
  /** Why the last try failed; with `failed`, why there will be no other. */
  mail_error: string | null;
  mailed_at: NullableTimestamp;
  /** The trace that it belongs to. */
  headers: Json<Record<string, string>>;
  created_at: Timestamp;
}
export type NotificationRow = Selectable<NotificationTable>;

/** What was heard of an order, so that each mail can say what was bought, for how much, and when it comes. */
interface OrderTable {
  order_id: OrderId;
  ad_title: string | null;
  total: Json<Money | null>;
  estimated: Json<{ from: string; to: string } | null>;
  tracking_number: string | null;
  was_paid: boolean;
  order_version: number;
  delivery_version: number;
  updated_at: Timestamp;
}
export type OrderRow = Selectable<OrderTable>;

export interface NotificationsTables extends ServiceTables {
  notifications: NotificationTable;
  preferences: { user_id: UserId; email: boolean; in_app: boolean; muted: Json<NotificationKind[]> };
  people: { user_id: UserId; language: Language; version: number };
  orders: OrderTable;
  /** The newest version of each ad that was heard of. */
  ads: { ad_id: AdId; version: number; updated_at: Timestamp };
}

export type Db = Kysely<NotificationsTables>;
export type Trx = Transaction<NotificationsTables>;

const everything: Preferences = { email: true, in_app: true, muted: [] };
const defaultLanguage: Language = 'ru';
export const mailsChannel = 'notifications_mails';

/** Also wakes whoever sends mails. False when there is one with this key already. */
export async function insertNotification(trx: Trx, row: NotificationRow): Promise<boolean> {
  const insert = trx
    .insertInto('notifications')
    .values({ ...row, parameters: JSON.stringify(row.parameters), headers: JSON.stringify(row.headers) })
    .onConflict((conflict) => conflict.column('dedupe_key').doNothing());
  return (await addAndNotify(trx, insert, mailsChannel)) === 1;
}

export async function idOfKey(db: Db, dedupeKey: string): Promise<NotificationId> {
  const { id } = await db
    .selectFrom('notifications')
    .select('id')
    .where('dedupe_key', '=', dedupeKey)
    .executeTakeFirstOrThrow();
  return id;
}

/** Newest first; `before` is the id of the last one of the page before. */
export function listNotifications(
  db: Db,
  userId: UserId,
  page: { before: string | undefined; limit: number },
): Promise<NotificationRow[]> {
  let query = db
    .selectFrom('notifications')
    .selectAll()
    .where('user_id', '=', userId)
    .where('in_app', '=', true)
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.before) query = query.where('id', '<', page.before as NotificationId);
  return query.execute();
}

export async function countUnread(db: Db, userId: UserId): Promise<number> {
  const { unread } = await db
    .selectFrom('notifications')
    .select(sql<number>`count(*)::integer`.as('unread'))
    .where('user_id', '=', userId)
    .where('in_app', '=', true)
    .where('read_at', 'is', null)
    .executeTakeFirstOrThrow();
  return unread;
}

export async function markRead(db: Db, userId: UserId, upTo: NotificationId, now: Date): Promise<void> {
  await db
    .updateTable('notifications')
    .set({ read_at: now })
    .where('user_id', '=', userId)
    .where('in_app', '=', true)
    .where('read_at', 'is', null)
    .where('id', '<=', upTo)
    .execute();
}

export async function readPreferences(db: Db, userId: UserId): Promise<Preferences> {
  const row = await db
    .selectFrom('preferences')
    .select(['email', 'in_app', 'muted'])
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row ?? everything;
}

export async function writePreferences(db: Db, userId: UserId, { email, in_app, muted }: Preferences): Promise<void> {
  const values = { email, in_app, muted: JSON.stringify(muted) };
  await db
    .insertInto('preferences')
    .values({ user_id: userId, ...values })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values))
    .execute();
}

export async function notePerson(
  trx: Trx,
  person: { user_id: UserId; language: Language; version: number },
): Promise<void> {
  const { language, version } = person;
  await trx
    .insertInto('people')
    .values(person)
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet({ language, version }).where('people.version', '<', version),
    )
    .execute();
}

/** What a user wants to hear, and in which language. */
export async function readReader(trx: Trx, userId: UserId): Promise<Preferences & { readonly language: Language }> {
  const { email, in_app, muted, language } = await trx
    .selectFrom(sql<{ id: UserId }>`(select ${userId}::uuid as id)`.as('reader'))
    .leftJoin('preferences', 'preferences.user_id', 'reader.id')
    .leftJoin('people', 'people.user_id', 'reader.id')
    .select(['email', 'in_app', 'muted', 'language'])
    .executeTakeFirstOrThrow();
  return {
    email: email ?? everything.email,
    in_app: in_app ?? everything.in_app,
    muted: muted ?? everything.muted,
    language: language ?? defaultLanguage,
  };
}

/** Russian until something else was heard. */
export async function languageOf(db: Db, userId: UserId): Promise<Language> {
  const row = await db.selectFrom('people').select('language').where('user_id', '=', userId).executeTakeFirst();
  return row?.language ?? defaultLanguage;
}

/** False when this version or a newer one was heard before. */
export async function noteAd(trx: Trx, ad: { ad_id: AdId; version: number; updated_at: Date }): Promise<boolean> {
  const { version, updated_at } = ad;
  const noted = await trx
    .insertInto('ads')
    .values(ad)
    .onConflict((conflict) =>
      conflict.column('ad_id').doUpdateSet({ version, updated_at }).where('ads.version', '<', version),
    )
    .returning('ad_id')
    .executeTakeFirst();
  return noted !== undefined;
}

/** The order's row, locked, so that what is told of one order keeps its order whichever topic it comes from. */
export async function lockOrder(trx: Trx, orderId: OrderId, now: Date): Promise<OrderRow> {
  return (
    trx
      .insertInto('orders')
      .values({
        order_id: orderId,
        ad_title: null,
        total: 'null',
        estimated: 'null',
        tracking_number: null,
        was_paid: false,
        order_version: 0,
        delivery_version: 0,
        updated_at: now,
      })
      // An update, although of nothing but the time, locks the row that is there.
      .onConflict((conflict) => conflict.column('order_id').doUpdateSet({ updated_at: now }))
      .returningAll()
      .executeTakeFirstOrThrow()
  );
}

export function writeOrder(trx: Trx, { order_id, ...row }: OrderRow): Promise<void> {
  const change = { ...row, total: JSON.stringify(row.total), estimated: JSON.stringify(row.estimated) };
  return later(trx, trx.updateTable('orders').set(change).where('order_id', '=', order_id));
}

export async function readOrders(db: Db, ids: readonly OrderId[]): Promise<Map<string, OrderRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom('orders').selectAll().where('order_id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.order_id, row]));
}

const mostTold = 100;

/** What an order's people were told, newest first. */
export const readTold = (db: Db, orderId: OrderId): Promise<NotificationRow[]> =>
  db
    .selectFrom('notifications')
    .selectAll()
    .where('order_id', '=', orderId)
    .orderBy('id', 'desc')
    .limit(mostTold)
    .execute();

/** Takes mails that are due, by a lease: they come again when their taker dies. */
export function takeMails(db: Db, now: Date, leaseUntil: Date, limit: number): Promise<NotificationRow[]> {
  return db
    .updateTable('notifications')
    .set((update) => ({ mail_attempts: update('mail_attempts', '+', 1), mail_not_before: leaseUntil }))
    .where('id', 'in', (select) =>
      select
        .selectFrom('notifications as due')
        .select('due.id')
        .where('due.mail', '=', sql.lit('owed'))
        .where('due.mail_not_before', '<=', now)
        .orderBy('due.mail_not_before')
        .orderBy('due.id')
        .limit(limit)
        // Two takers never take the same; neither waits for the other.
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute();
}

export async function writeMailState(
  db: Db,
  id: NotificationId,
  change: Partial<Pick<NotificationRow, 'mail' | 'mail_not_before' | 'mail_error' | 'mailed_at'>>,
): Promise<void> {
  await db.updateTable('notifications').set(change).where('id', '=', id).where('mail', '=', 'owed').execute();
}

export async function prune(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('notifications').where('created_at', '<', before).where('mail', '<>', 'owed').execute();
  await db.deleteFrom('orders').where('updated_at', '<', before).execute();
  await db.deleteFrom('ads').where('updated_at', '<', before).execute();
}
