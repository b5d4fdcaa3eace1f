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
  /** `gathered` leaves with the mail of another notification; `suppressed` would not arrive. */
  mail: 'none' | 'owed' | 'gathered' | 'sent' | 'failed' | 'suppressed';
  /** Waits for the end of a burst, to leave together with others. */
  mail_held: boolean;
  /** The notification whose mail has this one in it; itself where it has others in it. */
  mailed_with: NotificationId | null;
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
  /** Addresses that mails came back from: not the address, but what it is known by (`addressMark`). */
  blocked_addresses: { user_id: UserId; mark: string; reason: string; since: Timestamp };
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

type MailState = Partial<
  Pick<NotificationRow, 'mail' | 'mail_not_before' | 'mail_error' | 'mailed_at' | 'mail_attempts' | 'mail_held'>
>;

/** Of a mail and of those that leave with it. */
export async function writeMailState(db: Db, id: NotificationId, change: MailState): Promise<void> {
  const isOver = change.mail !== undefined;
  await db
    .updateTable('notifications')
    .set(change)
    .where((where) =>
      where.or([
        where.and([where('id', '=', id), where('mail', '=', 'owed')]),
        ...(isOver ? [where.and([where('mailed_with', '=', id), where('mail', '=', 'gathered')])] : []),
      ]),
    )
    .execute();
}

/** When each of the newest mails to a person left, since then. */
export async function readMailTimes(db: Db, userId: UserId, since: Date, limit: number): Promise<Date[]> {
  const rows = await db
    .selectFrom('notifications')
    .select('mailed_at')
    .where('user_id', '=', userId)
    .where('mail', '=', sql.lit('sent'))
    .where('mailed_at', '>', since)
    .where((where) => where.or([where('mailed_with', 'is', null), where('mailed_with', '=', where.ref('id'))]))
    .orderBy('mailed_at', 'desc')
    .limit(limit)
    .execute();
  return rows.flatMap(({ mailed_at }) => mailed_at ?? []);
}

/**
 * Lets all that waits for the end of a person's burst leave with one mail. Written down before that leaves, so that a
 * repeated try has the same in it; a mail that another sender has taken, or has tried, goes its own way.
 */
export async function gatherMails(
  db: Db,
  { id, user_id }: NotificationRow,
  /** Mails that whoever asks has taken. */
  taken: readonly NotificationId[],
  limit: number,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const gathered = await trx
      .updateTable('notifications')
      .set({ mail: 'gathered', mailed_with: id })
      .where('id', 'in', (select) =>
        select
          .selectFrom('notifications as waiting')
          .select('waiting.id')
          .where('waiting.user_id', '=', user_id)
          .where('waiting.mail', '=', sql.lit('owed'))
          .where('waiting.mail_held', '=', true)
          .where('waiting.mailed_with', 'is', null)
          .where((where) =>
            where.or([
              where('waiting.mail_attempts', '=', 0),
              ...(taken.length > 0
                ? [where.and([where('waiting.mail_attempts', '=', 1), where('waiting.id', 'in', taken)])]
                : []),
            ]),
          )
          .where('waiting.id', '<>', id)
          .orderBy('waiting.id')
          .limit(limit)
          .forUpdate()
          .skipLocked(),
      )
      .returning('id')
      .execute();
    if (gathered.length > 0)
      await trx.updateTable('notifications').set({ mailed_with: id }).where('id', '=', id).execute();
  });
}

export const readGathered = (db: Db, id: NotificationId): Promise<NotificationRow[]> =>
  db.selectFrom('notifications').selectAll().where('mailed_with', '=', id).orderBy('id').execute();

export const readBlocked = (db: Db, userId: UserId) =>
  db
    .selectFrom('blocked_addresses')
    .select(['mark', 'reason', 'since'])
    .where('user_id', '=', userId)
    .executeTakeFirst();

export async function blockAddress(
  db: Db,
  blocked: { user_id: UserId; mark: string; reason: string; since: Date },
): Promise<void> {
  const { user_id, ...rest } = blocked;
  await db
    .insertInto('blocked_addresses')
    .values({ user_id, ...rest })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet(rest))
    .execute();
}

export async function unblockAddress(db: Db, userId: UserId): Promise<void> {
  await db.deleteFrom('blocked_addresses').where('user_id', '=', userId).execute();
}

/** In one statement, so that preferences that are being changed at the same moment keep what they say. */
export async function turnMailsOff(db: Db, userId: UserId): Promise<void> {
  await db
    .insertInto('preferences')
    .values({ user_id: userId, ...everything, email: false, muted: JSON.stringify(everything.muted) })
    .onConflict((conflict) => conflict.column('user_id').doUpdateSet({ email: false }))
    .execute();
}

export async function prune(db: Db, before: Date): Promise<void> {
  await db
    .deleteFrom('notifications')
    .where('created_at', '<', before)
    .where('mail', 'not in', ['owed', 'gathered'])
    .execute();
  await db.deleteFrom('orders').where('updated_at', '<', before).execute();
  await db.deleteFrom('ads').where('updated_at', '<', before).execute();
}
