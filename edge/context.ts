// What is known about a request while it is answered: its id, its trace, where it came from.
import type { Context as TraceContext } from '@opentelemetry/api';
import type { AccessClaims } from '../contracts/users.ts';
import { clientAddress, type Hop, hopsOf, type Network } from './limits/address.ts';
import type { Platform } from './platform.ts';
import type { Tracing } from './telemetry/tracing.ts';

export interface RequestContext {
  readonly requestId: string;
  /** The client's address, looked up through trusted proxies. */
  readonly address: string;
  /** The origin under which the client reached us, such as `https://lotok.example`. */
  readonly origin: string;
  /** Holds the span that is active for this request; spans are given their parent explicitly. */
  readonly trace: TraceContext;
  readonly traceId: string;
  /** A call that the storefront or GraphQL makes while answering a request of a client. */
  readonly internal: boolean;
}

/** Hono's environment: handlers read `c.env.context` and, behind a guard, `c.get('claims')`. */
export interface EdgeEnv {
  Bindings: { readonly context: RequestContext };
  Variables: { claims?: AccessClaims; route?: string };
}

export function requestContext(
  request: Request,
  platform: Platform,
  tracing: Tracing,
  trusted: Network,
): RequestContext {
  const { headers } = request;
  const { publicUrl, trustedProxyHeader } = platform.config;
  const peer = platform.peerAddress(request);
  const hops = trusted(peer) ? hopsOf(headers, trustedProxyHeader) : [];
  const { context, traceId } = tracing.extract(headers);
  return {
    requestId: crypto.randomUUID(),
    address: clientAddress(peer, hops, trusted),
    origin: originOf(new URL(request.url), hops.at(-1), publicUrl),
    trace: context,
    traceId,
    internal: false,
  };
}

export const within = (context: RequestContext, trace: TraceContext): RequestContext => ({ ...context, trace });

/** What a proxy in front says counts only when it is trusted; the configured address tells the scheme. */
function originOf(url: URL, proxy: Hop | undefined, publicUrl: string | undefined): string {
  const host = proxy?.host ?? url.host;
  const known = publicUrl === undefined ? null : new URL(publicUrl);
  if (known?.host === host) return known.origin;
  const protocol = proxy?.proto === 'https' ? 'https:' : url.protocol;
  return URL.parse(`${protocol}//${host}`)?.origin ?? url.origin;
}
