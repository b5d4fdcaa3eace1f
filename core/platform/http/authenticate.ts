// Who asks: verifies access tokens against a JWKS. Core trusts no header that says so.
import { createRemoteJWKSet, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { UserId } from '../../../contracts/common.ts';
import { ProblemError } from '../../../contracts/problem.ts';
import { AccessClaims } from '../../../contracts/users.ts';

export interface Identity {
  readonly userId: UserId;
  readonly sessionId: string;
  readonly roles: readonly string[];
}

/** Takes the value of the Authorization header; throws `unauthenticated`. */
export type Authenticate = (authorization: string | null) => Promise<Identity>;

export interface TokenOptions {
  /** Asked for when the first token comes, since a core that serves its own JWKS knows its address late. */
  readonly jwksUrl: () => string;
  readonly issuer: string;
  readonly audience: string;
}

const clockToleranceSeconds = 5;

export function createAuthenticate({ jwksUrl, issuer, audience }: TokenOptions): Authenticate {
  let keys: JWTVerifyGetKey | undefined;
  // Forgotten after a minute, so that a key that was withdrawn ends soon.
  const verified = new LRUCache<string, AccessClaims>({ max: 5_000, ttl: 60_000 });
  return async (authorization) => {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (!token) throw unauthenticated('Send Authorization: Bearer with an access token');
    const known = verified.get(token);
    if (known && known.exp + clockToleranceSeconds > Date.now() / 1000) return identityOf(known);
    keys ??= remoteKeys(new URL(jwksUrl()));
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ['ES256', 'EdDSA'],
        clockTolerance: clockToleranceSeconds,
      });
      const claims = AccessClaims.parse(payload);
      verified.set(token, claims);
      return identityOf(claims);
    } catch (error) {
      if (error instanceof ProblemError) throw error;
      if (error instanceof errors.JWTExpired) throw unauthenticated('The access token has expired');
      throw unauthenticated('The access token is not valid');
    }
  };
}

const identityOf = ({ sub, sid, roles }: AccessClaims): Identity => ({ userId: sub, sessionId: sid, roles });

/** Tells what is wrong with a token from what is wrong with the key set: only the first is the caller's to mend. */
function remoteKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { timeoutDuration: 3_000, cooldownDuration: 5_000 });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (tokenFaults.some((fault) => error instanceof fault)) throw error;
      throw new ProblemError('unavailable', { detail: 'Tokens cannot be verified right now', cause: error });
    }
  };
}

const tokenFaults = [errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys, errors.JOSENotSupported];

const unauthenticated = (detail: string): ProblemError =>
  new ProblemError('unauthenticated', { detail, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } });
