// Access tokens: verified against a JWKS, remembered while valid, refused once their session was ended.
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.ts';
import { AccessClaims } from '../../contracts/users.ts';
import type { Sessions } from './sessions.ts';

export interface TokenOptions {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly fetch: (url: string, init: { headers: Headers; signal: AbortSignal }) => Promise<Response>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly sessions: Sessions;
}

export interface Tokens {
  /** Throws `unauthenticated`, or `unavailable` while the keys can't be fetched. */
  verify(token: string): Promise<AccessClaims>;
  /** Takes the request's `Authorization`; throws `unauthenticated` when there is none. */
  authenticate(headers: Headers): Promise<AccessClaims>;
}

const algorithms = ['ES256', 'EdDSA'];
export const clockToleranceSeconds = 5;
const maxTokenLength = 8 * 1024;

export function createTokens({ jwksUrl, issuer, audience, fetch, clock, sessions }: TokenOptions): Tokens {
  // The cooldown bounds what made-up key ids can make us fetch.
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: 3_000,
    cooldownDuration: 5_000,
    [customFetch]: (url, { headers, signal }) => fetch(url, { headers, signal }),
  });
  // Forgotten after a minute, so that a key that was withdrawn ends soon.
  const verified = new LRUCache<string, AccessClaims>({ max: 5_000, ttl: 60_000 });

  const check = (claims: AccessClaims): AccessClaims => {
    const now = clock() / 1000;
    if (claims.exp + clockToleranceSeconds <= now) throw unauthenticated('The access token has expired');
    if (sessions.hasEnded(claims.sid)) throw unauthenticated('This session was ended');
    return claims;
  };

  const tokens: Tokens = {
    async verify(token) {
      if (token.length > maxTokenLength) throw unauthenticated('The access token is not valid');
      const known = verified.get(token);
      if (known) return check(known);
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms,
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(clock()),
        });
        const claims = AccessClaims.parse(payload);
        verified.set(token, claims);
        return check(claims);
      } catch (error) {
        throw translate(error);
      }
    },

    async authenticate(headers) {
      const token = /^Bearer +([\w.-]+) *$/i.exec(headers.get('authorization') ?? '')?.[1];
      if (!token) throw unauthenticated('Send Authorization: Bearer with an access token', 'Bearer');
      return tokens.verify(token);
    },
  };
  return tokens;
}

function translate(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated('The access token has expired');
  // What is wrong with the token is a kind of JOSE error or of claims; the rest is about fetching the keys.
  const aboutKeys = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'];
  const tokenIsWrong =
    (error instanceof errors.JOSEError && !aboutKeys.includes(error.code)) || error instanceof z.ZodError;
  return tokenIsWrong
    ? unauthenticated('The access token is not valid')
    : new ProblemError('unavailable', { cause: error });
}

const unauthenticated = (detail: string, challenge = 'Bearer error="invalid_token"'): ProblemError =>
  new ProblemError('unauthenticated', { detail, headers: { 'www-authenticate': challenge } });
