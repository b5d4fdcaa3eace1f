// What is known about a request while it is answered: its id, its trace, where it came from.
import type { Context as TraceContext } from '@opentelemetry/api';
import type { AccessClaims } from '../contracts/users.ts';

export interface RequestContext {
  readonly requestId: string;
  /** The client's address, looked up through trusted proxies. */
  readonly address: string;
  /** The origin under which the client reached us, such as `https://lotok.example`. */
  readonly origin: string;
  /** Holds the span that is active for this request; spans are given their parent explicitly. */
  readonly trace: TraceContext;
  readonly traceId: string;
  /** Made in process for the storefront or GraphQL: its outer request was counted already. */
  readonly internal: boolean;
}

/** Hono's environment: handlers read `c.env.context` and, behind a guard, `c.get('claims')`. */
export interface EdgeEnv {
  Bindings: { readonly context: RequestContext };
  Variables: { claims: AccessClaims; route: string };
}
