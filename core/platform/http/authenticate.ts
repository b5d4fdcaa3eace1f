// Who asks: verifies access tokens against a JWKS. Core trusts no header that says so.
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
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

export function createAuthenticate({ jwksUrl, issuer, audience }: TokenOptions): Authenticate {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined;
  return async (authorization) => {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (!token) throw unauthenticated('Send Authorization: Bearer with an access token');
    keys ??= createRemoteJWKSet(new URL(jwksUrl()), { timeoutDuration: 3_000, cooldownDuration: 5_000 });
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: ['ES256', 'EdDSA'],
        clockTolerance: 5,
      });
      const claims = AccessClaims.parse(payload);
      return { userId: claims.sub, sessionId: claims.sid, roles: claims.roles };
    } catch (error) {
      if (error instanceof errors.JWKSTimeout) throw new ProblemError('unavailable', { cause: error });
      if (error instanceof errors.JWTExpired) throw unauthenticated('The access token has expired');
      throw unauthenticated('The access token is not valid');
    }
  };
}

const unauthenticated = (detail: string): ProblemError =>
  new ProblemError('unauthenticated', { detail, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } });
