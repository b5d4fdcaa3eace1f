// What users does for people: accounts, signing in, the seller's page and reviews.
import { createHash } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import type { OrderId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { cacheChannel } from '../../contracts/stream.ts';
import type {
  Credentials,
  NewReview,
  PasswordChange,
  Profile,
  ProfileChange,
  Registration,
  Review,
  SellerPage,
  Tokens,
} from '../../contracts/users.ts';
import type { Passwords } from './passwords.ts';
import { endSessionsOf, openSession, type SessionOptions } from './sessions.ts';
import type { Trx, UserRow } from './store.ts';
import * as store from './store.ts';

export interface UsersOptions extends SessionOptions {
  readonly passwords: Passwords;
}

export const cacheGroupOf = (userId: UserId): string => `user-${userId}`;

/**
 * Tries of passwords: few for one account from one address; more for one account from all addresses together, so that
 * a stranger who guesses slows only himself down, and many strangers slow the owner down but never lock them out.
 */
const triesFromAddress = { capacity: 8, refillSeconds: 20 };
const triesOfAccount = { capacity: 60, refillSeconds: 4 };

export async function register(options: UsersOptions, registration: z.output<typeof Registration>): Promise<Tokens> {
  const { db, clock, passwords } = options;
  const { email, password, language } = registration;
  if (await store.readUserByEmail(db, email)) throw new ProblemError('email-taken');
  const user: UserRow = {
    ...newUser(clock.now()),
    email,
    password_hash: await passwords.hash(password),
    name: registration.name ?? (email.split('@', 1)[0] ?? '').slice(0, 60),
    language,
  };
  const added = await db.transaction().execute((trx) => addUser(options, trx, user));
  if (!added) throw new ProblemError('email-taken');
  return openSession(options, user);
}

export const newUser = (now: Date): Omit<UserRow, 'email' | 'password_hash' | 'name' | 'language'> => ({
  id: uuidv7() as UserId,
  phone: null,
  roles: ['user'],
  rating_sum: 0,
  reviews: 0,
  sales: 0,
  version: 1,
  created_at: now,
  updated_at: now,
});

export async function addUser({ outbox }: Pick<UsersOptions, 'outbox'>, trx: Trx, user: UserRow): Promise<boolean> {
  if (!(await store.insertUser(trx, user))) return false;
  await outbox.add(trx, 'user.changed', user.id, publicFacts(user));
  return true;
}

/** Throws `invalid-credentials`, or `too-many-requests` when there were too many tries. `address` is the client's. */
export async function login(
  options: UsersOptions,
  { email, password }: z.output<typeof Credentials>,
  address: string,
): Promise<Tokens> {
  const { db, passwords } = options;
  // Emails that nobody has are throttled and verified all the same, so that an answer doesn't tell which exist.
  const budgets = await spendTries(options, email, address);
  const user = await store.readUserByEmail(db, email);
  if (!(await passwords.verify(user?.password_hash, password)) || !user) throw new ProblemError('invalid-credentials');
  await store.restoreTries(db, budgets);
  if (!passwords.isOutdated(user.password_hash)) return openSession(options, user);
  const renewed = await passwords.hash(password);
  await store.replacePasswordHash(db, user.id, user.password_hash, renewed);
  return openSession(options, { ...user, password_hash: renewed });
}

/** Returns what to restore when the password is right. */
async function spendTries({ db, clock }: UsersOptions, email: string, address: string): Promise<string[]> {
  const account = createHash('sha256').update(email).digest('base64url');
  const budgets = [
    { ...triesFromAddress, key: `${account}@${address}` },
    { ...triesOfAccount, key: account },
  ];
  for (const budget of budgets) {
    const waitSeconds = await store.spendTry(db, budget, clock.now());
    if (waitSeconds !== null) {
      throw new ProblemError('too-many-requests', {
        detail: 'Too many tries of this account’s password',
        headers: { 'retry-after': String(waitSeconds) },
      });
    }
  }
  return budgets.map(({ key }) => key);
}

/** Ends all sessions but the one that asks: whoever else is signed in may be why the password was changed. */
export async function changePassword(
  options: UsersOptions,
  { userId, sessionId, address }: { userId: UserId; sessionId: string; address: string },
  { current_password, new_password }: z.output<typeof PasswordChange>,
): Promise<void> {
  const { db, passwords } = options;
  const user = found(await store.readUser(db, userId));
  // Somebody with a stolen token must not guess here either.
  const budgets = await spendTries(options, user.email, address);
  const wrong = (): ProblemError =>
    new ProblemError('invalid-field', { errors: [{ field: 'current_password', message: 'is not your password' }] });
  if (!(await passwords.verify(user.password_hash, current_password))) throw wrong();
  await store.restoreTries(db, budgets);
  const hash = await passwords.hash(new_password);
  await db.transaction().execute(async (trx) => {
    // Of two changes at once the second one's password is no longer right; and sign-ins wait for the end of this.
    if ((await store.lockPassword(trx, userId))?.password_hash !== user.password_hash) throw wrong();
    await store.replacePasswordHash(trx, userId, user.password_hash, hash);
    await endSessionsOf(options, trx, userId, { except: sessionId });
  });
}

export async function signOutEverywhere(options: UsersOptions, userId: UserId): Promise<number> {
  found(await store.readUser(options.db, userId));
  return options.db.transaction().execute((trx) => endSessionsOf(options, trx, userId));
}

export async function getProfile({ db }: UsersOptions, id: UserId): Promise<Profile> {
  return presentProfile(found(await store.readUser(db, id)));
}

export async function changeProfile(
  options: UsersOptions,
  id: UserId,
  change: z.output<typeof ProfileChange>,
): Promise<Profile> {
  const { db, clock, outbox } = options;
  return db.transaction().execute(async (trx) => {
    const user = found(await store.changeProfile(trx, id, change, clock.now()));
    if (change.name !== undefined || change.language !== undefined) {
      await outbox.add(trx, 'user.changed', id, publicFacts(user));
    }
    if (change.name !== undefined) await purgeSeller(options, trx, id);
    return presentProfile(user);
  });
}

export interface SellerAnswer {
  readonly page: z.output<typeof SellerPage>;
  readonly version: number;
  readonly changedAt: Date;
}

export async function getSeller({ db }: UsersOptions, id: UserId): Promise<SellerAnswer> {
  return toSeller(found(await store.readUser(db, id)));
}

export async function getSellers({ db }: UsersOptions, ids: readonly UserId[]): Promise<SellerAnswer[]> {
  return (await store.readUsers(db, ids)).map(toSeller);
}

const toSeller = (user: store.UserRow): SellerAnswer => ({
  page: {
    id: user.id,
    name: user.name,
    since: user.created_at.toISOString(),
    rating: ratingOf(user),
    reviews: user.reviews,
    sales: user.sales,
  },
  version: user.version,
  changedAt: user.updated_at,
});

export async function listReviews(
  { db }: UsersOptions,
  sellerId: UserId,
  page: { before: string | undefined; limit: number },
): Promise<{ items: z.output<typeof Review>[]; next: string | null }> {
  found(await store.readUser(db, sellerId));
  const rows = await store.listReviews(db, sellerId, { ...page, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit);
  const items = shown.map((row) => ({
    order_id: row.order_id,
    author: { id: row.author_id, name: row.author_name },
    rating: row.rating,
    text: row.text,
    created_at: row.created_at.toISOString(),
  }));
  return { items, next: rows.length > page.limit ? (shown.at(-1)?.id ?? null) : null };
}

/** By the buyer of a completed order, once. Orders are known from their events, so a review may come a moment too early. */
export async function createReview(
  options: UsersOptions,
  authorId: UserId,
  review: z.output<typeof NewReview>,
): Promise<z.output<typeof Review>> {
  const { db, clock, outbox } = options;
  const { order_id, rating, text } = review;
  const author = found(await store.readUser(db, authorId));
  const purchase = await store.readPurchase(db, order_id);
  if (purchase?.buyer_id !== authorId) throw new ProblemError('not-found', { detail: 'You have no such order' });
  if (!purchase.completed_at) {
    throw new ProblemError('conflict', { detail: 'Only a completed order can be reviewed' });
  }
  const { seller_id } = purchase;
  const now = clock.now();
  await db.transaction().execute(async (trx) => {
    const row = { id: uuidv7(), order_id, seller_id, author_id: authorId, rating, text, created_at: now };
    if (!(await store.insertReview(trx, row))) {
      throw new ProblemError('conflict', { detail: 'You have reviewed this order already' });
    }
    const seller = await store.countReview(trx, seller_id, rating, now);
    if (seller) await outbox.add(trx, 'user.changed', seller_id, publicFacts(seller));
    await purgeSeller(options, trx, seller_id);
  });
  return { order_id, author: { id: authorId, name: author.name }, rating, text, created_at: now.toISOString() };
}

/** What orders tells of a purchase: who may review whom, and when it counts as a sale. */
export async function hearOfOrder(
  options: Pick<UsersOptions, 'outbox' | 'clock'>,
  trx: Trx,
  order: { id: OrderId; buyerId: UserId; sellerId: UserId; completedAt: Date | null },
): Promise<void> {
  const completed = await store.notePurchase(trx, {
    order_id: order.id,
    buyer_id: order.buyerId,
    seller_id: order.sellerId,
    completed_at: order.completedAt,
  });
  if (!completed) return;
  await store.countSale(trx, order.sellerId, options.clock.now());
  await purgeSeller(options, trx, order.sellerId);
}

/** Edges drop what they keep of a seller's page. */
async function purgeSeller(
  { outbox, clock }: Pick<UsersOptions, 'outbox' | 'clock'>,
  trx: Trx,
  userId: UserId,
): Promise<void> {
  await outbox.addRealtime(trx, [cacheChannel], {
    event: 'cache.invalidate',
    data: { groups: [cacheGroupOf(userId)], at: clock.now().toISOString() },
  });
}

const publicFacts = (user: UserRow) => ({
  user_id: user.id,
  name: user.name,
  rating: ratingOf(user),
  reviews: user.reviews,
  language: user.language,
  version: user.version,
});

const ratingOf = ({ rating_sum, reviews }: UserRow): number | null =>
  reviews === 0 ? null : Math.round((rating_sum / reviews) * 100) / 100;

const presentProfile = ({ id, email, name, phone, language, roles, created_at }: UserRow): Profile => ({
  id,
  email,
  name,
  phone,
  language,
  roles: [...roles],
  created_at: created_at.toISOString(),
});

function found(user: UserRow | undefined): UserRow {
  if (!user) throw new ProblemError('not-found');
  return user;
}
