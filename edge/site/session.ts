// A signed-in visitor: tokens in HttpOnly cookies, renewed here when the access token runs out.
import type { Context } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import type { CookieOptions } from 'hono/utils/cookie';
import type { Tokens } from '../../contracts/users.ts';
import type { RequestContext } from '../context.ts';
import { CallFailed, createClient } from './client.ts';
import type { SiteDeps } from './deps.ts';

export interface Session {
  readonly userId: string;
  readonly roles: readonly string[];
  readonly token: string;
}

type Kind = 'access' | 'refresh';
const refreshCookieSeconds = 30 * 24 * 3600;
/** Renewed this long before it expires, so that a page's calls to core don't outlive the token. */
const renewBeforeMs = 60_000;

/** `__Host-` cookies can't be set from a sub-domain or over plain HTTP (RFC 6265bis, section 4.1.3.2). */
const cookieName = (kind: Kind, secure: boolean): string => `${secure ? '__Host-' : ''}lotok_${kind}`;

export function readCookie(headers: Headers, name: string): string | undefined {
  for (const part of (headers.get('cookie') ?? '').split(';')) {
    const equals = part.indexOf('=');
    if (equals > 0 && part.slice(0, equals).trim() === name) return part.slice(equals + 1).trim() || undefined;
  }
  return undefined;
}

/**
 * The access token of a page's visitor, for requests that scripts make with cookies alone, such as EventSource.
 * Over TLS only the `__Host-` cookie counts: any other could have been planted from a sub-domain.
 */
export const sessionToken = (request: Request, context: Pick<RequestContext, 'origin'>): string | null =>
  readCookie(request.headers, cookieName('access', isSecure(context))) ?? null;

const isSecure = (context: Pick<RequestContext, 'origin'>): boolean => context.origin.startsWith('https:');

export function startSession(c: Context, context: RequestContext, tokens: Tokens): void {
  const secure = isSecure(context);
  const common: CookieOptions = { httpOnly: true, sameSite: 'Lax', secure, path: '/' };
  setCookie(c, cookieName('access', secure), tokens.access_token, { ...common, maxAge: tokens.expires_in });
  setCookie(c, cookieName('refresh', secure), tokens.refresh_token, { ...common, maxAge: refreshCookieSeconds });
}

export function endSession(c: Context, context: RequestContext): void {
  const secure = isSecure(context);
  for (const kind of ['access', 'refresh'] as const) deleteCookie(c, cookieName(kind, secure), { path: '/', secure });
}

export const refreshToken = (request: Request, context: RequestContext): string | undefined =>
  readCookie(request.headers, cookieName('refresh', isSecure(context)));

type Renewal = { readonly tokens: Tokens } | 'ended' | 'unavailable';

/**
 * Refresh tokens can be used once, and using one twice ends the session. A browser sends several
 * requests with the same cookie, so all of them share one renewal, also those that were under way
 * while its answer was travelling.
 */
export function createRenewal(deps: Pick<SiteDeps, 'api' | 'clock'>) {
  const keepMs = 30_000;
  const maxKept = 10_000;
  const renewals = new Map<string, { readonly at: number; readonly result: Promise<Renewal> }>();

  const forgetOld = (now: number): void => {
    for (const [token, { at }] of renewals) {
      if (now - at < keepMs && renewals.size <= maxKept) break;
      renewals.delete(token);
    }
  };

  const ask = async (token: string, context: RequestContext): Promise<Renewal> => {
    try {
      const tokens = await createClient({ api: deps.api, context, token: undefined }).get('refresh', {
        body: { refresh_token: token },
      });
      return { tokens };
    } catch (error) {
      if (error instanceof CallFailed && [400, 401, 403, 422].includes(error.status)) return 'ended';
      if (error instanceof CallFailed) return 'unavailable';
      throw error;
    }
  };

  return async (token: string, context: RequestContext): Promise<Renewal> => {
    const now = deps.clock();
    forgetOld(now);
    const known = renewals.get(token);
    if (known) return known.result;
    const result = ask(token, context);
    renewals.set(token, { at: now, result });
    const outcome = await result;
    // Core may have rotated nothing when it couldn't answer: the next request tries again.
    if (outcome === 'unavailable') renewals.delete(token);
    return outcome;
  };
}
export type Renew = ReturnType<typeof createRenewal>;

/** Who the visitor is. Sets or clears cookies on the way where the tokens changed. */
export async function findSession(
  c: Context,
  context: RequestContext,
  deps: SiteDeps,
  renew: Renew,
): Promise<Session | null> {
  const access = sessionToken(c.req.raw, context);
  const claims = access === null ? null : await deps.verify(access);
  const current = access !== null && claims ? { userId: claims.sub, roles: claims.roles, token: access } : null;
  if (current && claims && claims.exp * 1000 - deps.clock() > renewBeforeMs) return current;
  const refresh = refreshToken(c.req.raw, context);
  if (refresh === undefined) return current;
  const renewal = await renew(refresh, context);
  if (renewal === 'unavailable') return current;
  if (renewal === 'ended') {
    endSession(c, context);
    return null;
  }
  startSession(c, context, renewal.tokens);
  const renewed = await deps.verify(renewal.tokens.access_token);
  return renewed && { userId: renewed.sub, roles: renewed.roles, token: renewal.tokens.access_token };
}
