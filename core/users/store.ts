// Queries of accounts, purchases and reviews; nobody else reads the schema of users.
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Language, OrderId, UserId } from '../../contracts/common.ts';
import type { Role } from '../../contracts/users.ts';
import type { Json, NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import type { ServiceTables } from '../platform/service.ts';

interface UserTable {
  id: UserId;
  email: string;
  password_hash: string;
  name: string;
  phone: string | null;
  language: Language;
  roles: Json<Role[]>;
  rating_sum: number;
  reviews: number;
  sales: number;
  /** Grows with every change, so that old news of a user is told from new. */
  version: number;
  created_at: Timestamp;
  updated_at: Timestamp;
}
export type UserRow = Selectable<UserTable>;

interface ReviewTable {
  id: string;
  order_id: OrderId;
  seller_id: UserId;
  author_id: UserId;
  rating: number;
  text: string;
  created_at: Timestamp;
}

export interface UsersTables extends ServiceTables {
  users: UserTable;
  sessions: {
    id: string;
    user_id: UserId;
    created_at: Timestamp;
    expires_at: Timestamp;
    /** Unix seconds after which no access token of the session lives. */
    tokens_until: number;
    ended_at: NullableTimestamp;
  };
  refresh_tokens: {
    /** SHA-256 of the token, which itself is nowhere kept. */
    hash: string;
    session_id: string;
    expires_at: Timestamp;
    used_at: NullableTimestamp;
    /** With the token itself it makes the next one (`sessions.ts`). */
    successor_nonce: string | null;
  };
  keys: {
    generation: number;
    kid: string;
    public_jwk: Json<PublicJwk>;
    sealed_private_key: string;
    active_from: Timestamp;
  };
  login_budgets: { key: string; tries_left: number; at: Timestamp };
  purchases: { order_id: OrderId; buyer_id: UserId; seller_id: UserId; completed_at: NullableTimestamp };
  reviews: ReviewTable;
}

export interface PublicJwk extends Record<string, unknown> {
  readonly kty: string;
  readonly kid: string;
}

export type Db = Kysely<UsersTables>;
export type Trx = Transaction<UsersTables>;

export const readUser = (db: Db, id: UserId): Promise<UserRow | undefined> =>
  db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();

export const readUserByEmail = (db: Db, email: string): Promise<UserRow | undefined> =>
  db.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();

export const readUsers = async (db: Db, ids: readonly UserId[]): Promise<UserRow[]> =>
  ids.length === 0
    ? []
    : db
        .selectFrom('users')
        .selectAll()
        .where('id', 'in', [...ids])
        .orderBy('id')
        .execute();

/** False when somebody has the email, or the id, already. */
export async function insertUser(trx: Trx, user: UserRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('users')
    .values({ ...user, roles: JSON.stringify(user.roles) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function changeProfile(
  trx: Trx,
  id: UserId,
  change: { name?: string | undefined; phone?: string | null | undefined; language?: Language | undefined },
  now: Date,
): Promise<UserRow | undefined> {
  return trx
    .updateTable('users')
    .set((update) => ({ ...change, version: update('version', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst();
}

export async function replacePasswordHash(db: Db, id: UserId, from: string, to: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ password_hash: to })
    .where('id', '=', id)
    .where('password_hash', '=', from)
    .execute();
}

/** For a sign-in that has seen this password: one that was changed meanwhile must not open a session any more. */
export const lockPassword = (trx: Trx, id: UserId): Promise<{ password_hash: string } | undefined> =>
  trx.selectFrom('users').select('password_hash').where('id', '=', id).forUpdate().executeTakeFirst();

/** Writes down who buys from whom; true when this is the news that the purchase is complete. */
export async function notePurchase(
  trx: Trx,
  purchase: { order_id: OrderId; buyer_id: UserId; seller_id: UserId; completed_at: Date | null },
): Promise<boolean> {
  const before = await trx
    .selectFrom('purchases')
    .select('completed_at')
    .where('order_id', '=', purchase.order_id)
    .forUpdate()
    .executeTakeFirst();
  if (!before) await trx.insertInto('purchases').values(purchase).execute();
  else if (before.completed_at || !purchase.completed_at) return false;
  else {
    await trx
      .updateTable('purchases')
      .set({ completed_at: purchase.completed_at })
      .where('order_id', '=', purchase.order_id)
      .execute();
  }
  return purchase.completed_at !== null;
}

export async function countSale(trx: Trx, sellerId: UserId, now: Date): Promise<void> {
  await trx
    .updateTable('users')
    .set((update) => ({
      sales: update('sales', '+', 1),
      version: update('version', '+', 1),
      updated_at: now,
    }))
    .where('id', '=', sellerId)
    .execute();
}

export const readPurchase = (db: Db, orderId: OrderId) =>
  db.selectFrom('purchases').selectAll().where('order_id', '=', orderId).executeTakeFirst();

/** False when the order has a review already. */
export async function insertReview(trx: Trx, review: Selectable<ReviewTable>): Promise<boolean> {
  const inserted = await trx
    .insertInto('reviews')
    .values(review)
    .onConflict((conflict) => conflict.column('order_id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function countReview(trx: Trx, sellerId: UserId, rating: number, now: Date): Promise<UserRow | undefined> {
  return trx
    .updateTable('users')
    .set((update) => ({
      rating_sum: update('rating_sum', '+', rating),
      reviews: update('reviews', '+', 1),
      version: update('version', '+', 1),
      updated_at: now,
    }))
    .where('id', '=', sellerId)
    .returningAll()
    .executeTakeFirst();
}

/** Newest first; `before` is the id of the last review of the page before. */
export function listReviews(db: Db, sellerId: UserId, page: { before: string | undefined; limit: number }) {
  let query = db
    .selectFrom('reviews')
    .innerJoin('users', 'users.id', 'reviews.author_id')
    .select(['reviews.id', 'order_id', 'author_id', 'users.name as author_name', 'rating', 'text'])
    .select('reviews.created_at as created_at')
    .where('seller_id', '=', sellerId)
    .orderBy('reviews.id', 'desc')
    .limit(page.limit);
  if (page.before) query = query.where('reviews.id', '<', page.before);
  return query.execute();
}

/**
 * Spends one try of a budget that refills with time. Returns null when it had one,
 * otherwise the seconds until it has. One statement, so that tries at the same moment can't share one.
 */
export async function spendTry(
  db: Db,
  budget: { key: string; capacity: number; refillSeconds: number },
  now: Date,
): Promise<number | null> {
  const { key, capacity, refillSeconds } = budget;
  const refilled = sql<number>`least(${capacity}::float8, login_budgets.tries_left + greatest(0, extract(epoch from (${now}::timestamptz - login_budgets.at))) / ${refillSeconds}::float8)`;
  const spent = await db
    .insertInto('login_budgets')
    .values({ key, tries_left: capacity - 1, at: now })
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet({ tries_left: sql`${refilled} - 1`, at: now })
        .where(refilled, '>=', 1),
    )
    .returning('tries_left')
    .executeTakeFirst();
  if (spent) return null;
  const left = await db
    .selectFrom('login_budgets')
    .select(['tries_left', 'at'])
    .where('key', '=', key)
    .executeTakeFirst();
  if (!left) return 1;
  const missing = 1 - left.tries_left - (now.getTime() - left.at.getTime()) / 1000 / refillSeconds;
  return Math.max(1, Math.ceil(missing * refillSeconds));
}

export async function restoreTries(db: Db, keys: readonly string[]): Promise<void> {
  await db.deleteFrom('login_budgets').where('key', 'in', keys).execute();
}

/** Forgets what no longer matters; used tokens stay until they expire, since their reuse tells of a theft. */
export async function pruneUsers(db: Db, now: Date): Promise<void> {
  const dayAgo = new Date(now.getTime() - 24 * 3_600_000);
  await db.deleteFrom('refresh_tokens').where('expires_at', '<', now).execute();
  await db
    .deleteFrom('sessions')
    .where((where) => where.or([where('expires_at', '<', now), where('ended_at', '<', dayAgo)]))
    .execute();
  await db.deleteFrom('login_budgets').where('at', '<', dayAgo).execute();
}
