// Sessions: access tokens that live minutes, and a chain of refresh tokens each of which works once.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import type { UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { sessionChannel } from '../../contracts/stream.ts';
import type { Role, Tokens } from '../../contracts/users.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { SigningKeys } from './keys.ts';
import { type Db, lockPassword, type Trx } from './store.ts';

export interface SessionOptions {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly keys: SigningKeys;
  readonly issuer: string;
  readonly audience: string;
  readonly accessTokenSeconds: number;
}

const dayMs = 24 * 3_600_000;
const refreshTokenMs = 30 * dayMs;
const sessionMs = 180 * dayMs;
const sessionsPerUser = 50;
/** Verifiers allow for clocks that differ this much. */
const clockToleranceSeconds = 10;
/**
 * A client whose answer was lost, or that refreshed twice at the same moment, may use its token again for this long
 * and gets the same successor, as long as nobody has used that one. A thief in the same window holds no more than the
 * owner does: of the two who then have the successor, the second one to use it gives the theft away.
 */
const graceMs = 10_000;

export interface SignedIn {
  readonly id: UserId;
  readonly roles: readonly Role[];
  /** As it was when the password was found to be right. */
  readonly password_hash: string;
}

/** Opens a session; the oldest ones of a user with very many end. Throws `invalid-credentials` where the password was changed meanwhile. */
export async function openSession(options: SessionOptions, user: SignedIn): Promise<Tokens> {
  const { id: userId, roles } = user;
  const now = options.clock.now();
  const sessionId = uuidv7();
  const refreshToken = randomBytes(32).toString('base64url');
  const access = await signAccessToken(options, { userId, sessionId, roles });
  await options.db.transaction().execute(async (trx) => {
    if ((await lockPassword(trx, userId))?.password_hash !== user.password_hash)
      throw new ProblemError('invalid-credentials');
    await trx
      .insertInto('sessions')
      .values({
        id: sessionId,
        user_id: userId,
        created_at: now,
        expires_at: new Date(now.getTime() + sessionMs),
        tokens_until: access.expires + clockToleranceSeconds,
      })
      .execute();
    await insertRefreshToken(trx, refreshToken, sessionId, now);
    const surplus = await trx
      .selectFrom('sessions')
      .select('id')
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .orderBy('id', 'desc')
      .offset(sessionsPerUser)
      .limit(10)
      .execute();
    for (const { id } of surplus) await endSession(options, trx, id, now);
  });
  return tokens(options, userId, access.token, refreshToken);
}

/** Exchanges a refresh token; throws `invalid-credentials`. */
export async function refreshSession(options: SessionOptions, refreshToken: string): Promise<Tokens> {
  const now = options.clock.now();
  const rotated = await options.db.transaction().execute(async (trx) => {
    const row = await lockRefreshToken(trx, refreshToken);
    if (!row || row.ended_at || row.expires_at <= now || row.session_expires_at <= now) return null;

    if (row.used_at) {
      const inGrace = now.getTime() - row.used_at.getTime() <= graceMs;
      const successor = row.successor_nonce ? successorOf(refreshToken, row.successor_nonce) : null;
      if (inGrace && successor && (await isUnused(trx, successor))) return { ...row, successor };
      // Used before: one of its two users isn't the owner, and nobody can say which.
      await endSession(options, trx, row.session_id, now);
      return null;
    }

    const nonce = randomBytes(32).toString('base64url');
    const successor = successorOf(refreshToken, nonce);
    await trx
      .updateTable('refresh_tokens')
      .set({ used_at: now, successor_nonce: nonce })
      .where('hash', '=', hashOf(refreshToken))
      .execute();
    await insertRefreshToken(trx, successor, row.session_id, now);
    await trx
      .updateTable('sessions')
      .set({ tokens_until: Math.floor(now.getTime() / 1000) + options.accessTokenSeconds + clockToleranceSeconds })
      .where('id', '=', row.session_id)
      .execute();
    return { ...row, successor };
  });
  if (!rotated)
    throw new ProblemError('invalid-credentials', { detail: 'The refresh token is not valid; sign in again' });
  const { user_id: userId, session_id: sessionId, roles, successor } = rotated;
  const access = await signAccessToken(options, { userId, sessionId, roles }, now);
  return tokens(options, userId, access.token, successor);
}

/** Ends the session of a refresh token, if it is one. */
export async function closeSession(options: SessionOptions, refreshToken: string): Promise<void> {
  await options.db.transaction().execute(async (trx) => {
    const row = await lockRefreshToken(trx, refreshToken);
    if (row && !row.ended_at) await endSession(options, trx, row.session_id, options.clock.now());
  });
}

/** Ends all sessions of a user but perhaps one; returns how many. */
export async function endSessionsOf(
  options: SessionOptions,
  trx: Trx,
  userId: UserId,
  { except }: { readonly except?: string } = {},
): Promise<number> {
  const rows = await trx
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute();
  const ending = rows.filter(({ id }) => id !== except);
  const now = options.clock.now();
  for (const { id } of ending) await endSession(options, trx, id, now);
  return ending.length;
}

/** Throws `unauthenticated` when the session has ended and `not-found` when it is none of ours. */
export async function checkSession({ db }: SessionOptions, userId: UserId, sessionId: string): Promise<void> {
  const session = Uuid.safeParse(sessionId).success
    ? await db
        .selectFrom('sessions')
        .select('ended_at')
        .where('id', '=', sessionId)
        .where('user_id', '=', userId)
        .executeTakeFirst()
    : undefined;
  if (!session) throw new ProblemError('not-found');
  if (session.ended_at) throw new ProblemError('unauthenticated', { detail: 'This session was ended' });
}

const Uuid = z.uuid();

/** From now on edges refuse its access tokens, and no refresh token of it works. */
async function endSession({ outbox }: SessionOptions, trx: Trx, sessionId: string, now: Date): Promise<void> {
  const session = await trx
    .updateTable('sessions')
    .set({ ended_at: now })
    .where('id', '=', sessionId)
    .where('ended_at', 'is', null)
    .returning(['user_id', 'tokens_until'])
    .executeTakeFirst();
  if (!session) return;
  const { user_id, tokens_until } = session;
  await outbox.add(trx, 'session.ended', user_id, { user_id, sid: sessionId, tokens_until });
  await outbox.addRealtime(trx, [sessionChannel], {
    event: 'session.revoked',
    data: { sid: sessionId, until: tokens_until },
  });
}

async function signAccessToken(
  { keys, clock, issuer, audience, accessTokenSeconds }: SessionOptions,
  { userId, sessionId, roles }: { userId: UserId; sessionId: string; roles: readonly Role[] },
  now = clock.now(),
): Promise<{ token: string; expires: number }> {
  const { kid, privateKey } = await keys.current();
  const issued = Math.floor(now.getTime() / 1000);
  const expires = issued + accessTokenSeconds;
  const token = await new SignJWT({ sid: sessionId, roles })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issued)
    .setExpirationTime(expires)
    .sign(privateKey);
  return { token, expires };
}

const tokens = (options: SessionOptions, userId: UserId, accessToken: string, refreshToken: string): Tokens => ({
  access_token: accessToken,
  refresh_token: refreshToken,
  token_type: 'Bearer',
  expires_in: options.accessTokenSeconds,
  user_id: userId,
});

async function insertRefreshToken(trx: Trx, token: string, sessionId: string, now: Date): Promise<void> {
  await trx
    .insertInto('refresh_tokens')
    .values({ hash: hashOf(token), session_id: sessionId, expires_at: new Date(now.getTime() + refreshTokenMs) })
    .execute();
}

/** Two uses of one token wait for each other, so that only one of them is the first. */
const lockRefreshToken = (trx: Trx, token: string) =>
  trx
    .selectFrom('refresh_tokens')
    .innerJoin('sessions', 'sessions.id', 'refresh_tokens.session_id')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['session_id', 'used_at', 'successor_nonce', 'refresh_tokens.expires_at', 'user_id', 'ended_at', 'roles'])
    .select('sessions.expires_at as session_expires_at')
    .where('hash', '=', hashOf(token))
    .forUpdate(['refresh_tokens', 'sessions'])
    .executeTakeFirst();

async function isUnused(trx: Trx, token: string): Promise<boolean> {
  const row = await trx
    .selectFrom('refresh_tokens')
    .select('used_at')
    .where('hash', '=', hashOf(token))
    .executeTakeFirst();
  return row?.used_at === null;
}

// Tokens are random, so a plain hash is enough, and a lookup by hash tells nothing by its time.
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/**
 * The next token of a chain: 256 bits that take both the last token and a random nonce to know, so that neither
 * somebody with the database nor somebody with an old token can compute it, and yet it can be told again.
 */
const successorOf = (token: string, nonce: string): string =>
  createHmac('sha256', token).update(nonce).digest('base64url');
