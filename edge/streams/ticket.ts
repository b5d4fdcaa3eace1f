// Tickets: short-lived permissions to open a stream where a header can't be set (EventSource, WebSocket in browsers).
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.ts';

export const Ticket = z.object({
  sub: z.string(),
  sid: z.string(),
  /** When the access token behind it expires (Unix seconds): the stream lives no longer. */
  until: z.int(),
});
export type Ticket = z.infer<typeof Ticket>;
/** `iat` (Unix seconds): when it was issued, and the session alive. */
const IssuedTicket = Ticket.extend({ iat: z.int() });
export type IssuedTicket = z.infer<typeof IssuedTicket>;

export interface Tickets {
  issue(holder: Ticket): Promise<{ readonly ticket: string; readonly expires_in: number }>;
  /** Throws `unauthenticated`. */
  verify(ticket: string): Promise<IssuedTicket>;
}

const lifetimeSeconds = 60;
/** Keeps a ticket from passing for an access token and the other way round (RFC 8725, section 3.11). */
const type = 'lotok-stream-ticket+jwt';

/** Edges behind one name share `secret`, at least 16 characters; without one, tickets hold for this process alone. */
export function createTickets({
  secret,
  clock,
}: {
  readonly secret?: string | undefined;
  readonly clock: () => number;
}): Tickets {
  const material = secret === undefined ? crypto.getRandomValues(new Uint8Array(32)) : new TextEncoder().encode(secret);
  // HS256 wants 256 bits (RFC 7518, section 3.2), whatever the length of the secret.
  let key: Promise<Uint8Array> | undefined;
  const derived = (): Promise<Uint8Array> => {
    key ??= crypto.subtle.digest('SHA-256', material).then((digest) => new Uint8Array(digest));
    return key;
  };
  return {
    async issue({ sub, sid, until }) {
      const now = Math.floor(clock() / 1000);
      const expires = Math.min(now + lifetimeSeconds, until);
      const ticket = await new SignJWT({ sid, until })
        .setProtectedHeader({ alg: 'HS256', typ: type })
        .setSubject(sub)
        .setIssuedAt(now)
        .setExpirationTime(expires)
        .sign(await derived());
      return { ticket, expires_in: expires - now };
    },
    async verify(ticket) {
      try {
        const { payload } = await jwtVerify(ticket, await derived(), {
          algorithms: ['HS256'],
          typ: type,
          requiredClaims: ['exp', 'sub'],
          currentDate: new Date(clock()),
        });
        return IssuedTicket.parse(payload);
      } catch (cause) {
        throw new ProblemError('unauthenticated', { detail: 'The ticket is not valid or has expired', cause });
      }
    },
  };
}
