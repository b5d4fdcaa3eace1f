// Who may connect: clients by access token (JWT by JWKS), edges by the service token.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { ZodError } from 'zod';
import { ProblemError } from '../contracts/problem.ts';
import { AccessClaims } from '../contracts/users.ts';

export interface AccessOptions {
  readonly jwksUrl: string;
  readonly issuer: string;
  readonly audience: string;
  readonly serviceToken: string;
  readonly clock: () => number;
}

export interface Access {
  /** Throws `unauthenticated`, or `unavailable` while the keys can't be fetched. */
  client(token: string | null): Promise<AccessClaims>;
  edge(token: string | null): boolean;
  /** The session ended before its tokens did (`until` in Unix seconds). */
  revoke(sid: string, until: number): void;
  isRevoked(sid: string): boolean;
}

const clockToleranceSeconds = 5;
const maxTokenChars = 8 * 1024;

export function createAccess({ jwksUrl, issuer, audience, serviceToken, clock }: AccessOptions): Access {
  const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 3_000, cooldownDuration: 5_000 });
  const expected = digest(serviceToken);
  const revoked = new Map<string, number>();

  return {
    async client(token) {
      if (token === null) throw unauthenticated('Send Authorization: Bearer with an access token', 'Bearer');
      if (token.length > maxTokenChars) throw unauthenticated('The access token is not valid');
      let claims: AccessClaims;
      try {
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience,
          algorithms: ['ES256', 'EdDSA'],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(clock()),
        });
        claims = AccessClaims.parse(payload);
      } catch (error) {
        throw translate(error);
      }
      if (revoked.has(claims.sid)) throw unauthenticated('This session was ended');
      return claims;
    },
    isRevoked: (sid) => revoked.has(sid),
    edge: (token) => token !== null && timingSafeEqual(digest(token), expected),
    revoke(sid, until) {
      revoked.set(sid, until);
      const now = clock() / 1000;
      for (const [each, end] of revoked) if (end + clockToleranceSeconds < now) revoked.delete(each);
    },
  };
}

/** Digests are of one length, which `timingSafeEqual` wants, and give the token's away to nobody. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export const bearerOf = (authorization: string | null | undefined): string | null =>
  /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null;

function translate(error: unknown): ProblemError {
  if (error instanceof errors.JWTExpired) return unauthenticated('The access token has expired');
  const aboutKeys = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'];
  const tokenIsWrong =
    (error instanceof errors.JOSEError && !aboutKeys.includes(error.code)) || error instanceof ZodError;
  return tokenIsWrong
    ? unauthenticated('The access token is not valid')
    : new ProblemError('unavailable', { cause: error });
}

const unauthenticated = (detail: string, challenge = 'Bearer error="invalid_token"'): ProblemError =>
  new ProblemError('unauthenticated', { detail, headers: { 'www-authenticate': challenge } });
