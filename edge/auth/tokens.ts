// Access tokens: verified against a JWKS, remembered while valid, refused once their session was ended.
import { errors, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.ts';
import { AccessClaims } from '../../contracts/users.ts';
import type { Log } from '../log.ts';
import type { Keys } from './keys.ts';
import type { Sessions } from './sessions.ts';

/** What core says of a session; `unknown` when it can't be asked. */
export type SessionState = 'alive' | 'ended' | 'unknown';

export interface TokenOptions {
  readonly keys: Keys;
  readonly issuer: string;
  readonly audience: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly sessions: Sessions;
  /** Asks core for the session of a token; only done while we may have missed news of it. */
  readonly askSession: (token: string) => Promise<SessionState>;
  readonly log: Log;
  readonly onSessionAsked?: (state: SessionState) => void;
}

export interface Tokens {
  /** Throws `unauthenticated`, or `unavailable` while the keys can't be fetched. */
  verify(token: string): Promise<AccessClaims>;
  /** Takes the request's `Authorization`; throws `unauthenticated` when there is none. */
  authenticate(headers: Headers): Promise<AccessClaims>;
}

/** Signatures by a private key only: a shared secret, or none, would let anybody sign (RFC 8725, section 3.1). */
const algorithms = ['ES256', 'EdDSA'];
export const clockToleranceSeconds = 5;
const maxTokenLength = 8 * 1024;
const maxRememberedBytes = 8 * 1024 * 1024;
const claimsBytes = 500;

interface Verified {
  readonly claims: AccessClaims;
  /** Of the keys: when they change, every token is verified again, so that a key that was withdrawn ends with that. */
  readonly generation: number;
}

export function createTokens(options: TokenOptions): Tokens {
  const { keys, issuer, audience, clock, sessions, askSession, log, onSessionAsked } = options;
  const verified = new LRUCache<string, Verified>({
    maxSize: maxRememberedBytes,
    sizeCalculation: (_verified, token) => 2 * token.length + claimsBytes,
  });
  const asking = new Map<string, Promise<SessionState>>();

  async function claimsOf(token: string): Promise<AccessClaims> {
    keys.tend();
    const known = verified.get(token);
    if (known?.generation === keys.generation) return known.claims;
    const { payload } = await jwtVerify(token, keys.find, {
      issuer,
      audience,
      algorithms,
      requiredClaims: ['exp'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock()),
    });
    const claims = AccessClaims.parse(payload);
    verified.set(token, { claims, generation: keys.generation });
    return claims;
  }

  async function check(token: string, claims: AccessClaims): Promise<void> {
    const { sid, exp, iat, roles } = claims;
    if (exp + clockToleranceSeconds <= clock() / 1000) throw unauthenticated('The access token has expired');
    if (!sessions.hasEnded(sid) && sessions.mayHaveEnded(sid, iat)) {
      const state = await stateOf(sid, token);
      if (state === 'ended') sessions.end(sid, exp);
      // Nobody can be asked: the token's short life bounds what a user's could do, but not what an operator's could.
      if (state === 'unknown' && roles.some((role) => role !== 'user')) throw new ProblemError('unavailable');
    }
    if (sessions.hasEnded(sid)) throw unauthenticated('This session was ended');
  }

  /** Requests of one session that come at once share one question. */
  function stateOf(sid: string, token: string): Promise<SessionState> {
    let answer = asking.get(sid);
    if (answer) return answer;
    const askedAt = clock();
    answer = askSession(token)
      .catch((error: unknown): SessionState => {
        log.warn('sessions.core_unreachable', { error });
        return 'unknown';
      })
      .then((state) => {
        if (state === 'alive') sessions.confirm(sid, askedAt);
        onSessionAsked?.(state);
        return state;
      })
      .finally(() => asking.delete(sid));
    asking.set(sid, answer);
    return answer;
  }

  const tokens: Tokens = {
    async verify(token) {
      if (token.length > maxTokenLength) throw unauthenticated('The access token is not valid');
      try {
        const claims = await claimsOf(token);
        await check(token, claims);
        return claims;
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
  const tokenIsWrong = error instanceof errors.JOSEError || error instanceof z.ZodError;
  return tokenIsWrong
    ? unauthenticated('The access token is not valid')
    : new ProblemError('unavailable', { cause: error });
}

const unauthenticated = (detail: string, challenge = 'Bearer error="invalid_token"'): ProblemError =>
  new ProblemError('unauthenticated', { detail, headers: { 'www-authenticate': challenge } });
