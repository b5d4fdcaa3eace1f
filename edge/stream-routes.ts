// The live stream at the edge: who may open one, and which part of the edge serves it.
import { type Context, Hono } from 'hono';
import { sseHeaders } from '../contracts/client-stream.ts';
import { ProblemError } from '../contracts/problem.ts';
import type { Sessions } from './auth/sessions.ts';
import type { Tokens } from './auth/tokens.ts';
import type { EdgeEnv, RequestContext } from './context.ts';
import type { Limits } from './limits/limited.ts';
import { onlyMethods } from './methods.ts';
import type { Platform } from './platform.ts';
import { sessionToken } from './site/session.ts';
import { hubStreamRequest } from './streams/durable-object.ts';
import type { FanIn } from './streams/fanin.ts';
import { type StreamServing, streamRequest } from './streams/serving.ts';
import { serveSse } from './streams/sse.ts';
import type { Ticket, Tickets } from './streams/ticket.ts';
import { serveSocket } from './streams/websocket.ts';
import type { Tracing } from './telemetry/tracing.ts';

export interface StreamRoutesDeps {
  readonly platform: Platform;
  /** Null where no realtime node is configured, or where the platform's hub serves the streams. */
  readonly fanIn: FanIn | null;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly tickets: Tickets;
  readonly limits: Limits;
  readonly tracing: Tracing;
}

export function createStreamRoutes({
  platform,
  fanIn,
  tokens,
  sessions,
  tickets,
  limits,
  tracing,
}: StreamRoutesDeps): Hono<EdgeEnv> {
  const { clock, log } = platform;
  const app = new Hono<EdgeEnv>();

  app.post('/v1/stream/tickets', limits.byAddress({ signIn: false }), async (c) => {
    c.set('route', '/v1/stream/tickets');
    const { sub, sid, exp } = await tokens.authenticate(c.req.raw.headers);
    return c.json(await tickets.issue({ sub, sid, until: exp }), 201, { 'cache-control': 'no-store' });
  });

  app.get('/v1/stream', limits.byAddress({ signIn: false }), async (c) => {
    c.set('route', '/v1/stream');
    const holder = await holderOf(c);
    const wanted = streamRequest(c.req.raw, holder.sub);
    // Hono answers HEAD by the handler of GET and lets go of its body unread: that stream would never end.
    if (c.req.raw.method === 'HEAD') return new Response(null, { headers: sseHeaders });
    const who = { expiresAt: holder.until * 1000, sid: holder.sid, address: c.env.context.address };
    if (platform.streamHub) return platform.streamHub.fetch(hubStreamRequest(c.req.raw, wanted, who));
    if (!fanIn) throw new ProblemError('unavailable', { detail: 'There is no realtime node' });
    const session = sessions.watch(holder.sid);
    c.req.raw.signal.addEventListener('abort', () => session[Symbol.dispose](), { once: true });
    return serveSse(wanted, { ...who, revoked: session.signal }, serving(fanIn, c.env.context, c.req.raw.signal));
  });

  app.get('/v1/ws', limits.byAddress({ signIn: false }), async (c) => {
    c.set('route', '/v1/ws');
    const { raw } = c.req;
    if (raw.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
      return new Response('Upgrade to websocket', {
        status: 426,
        headers: { upgrade: 'websocket', 'cache-control': 'no-store' },
      });
    }
    checkOrigin(raw, c.env.context, platform.config.corsOrigins);
    const holder = await holderOf(c);
    const wanted = streamRequest(raw, holder.sub);
    const who = { expiresAt: holder.until * 1000, sid: holder.sid, address: c.env.context.address };
    if (platform.streamHub) return platform.streamHub.fetch(hubStreamRequest(raw, wanted, who));
    if (!fanIn) throw new ProblemError('unavailable', { detail: 'There is no realtime node' });
    const { socket, response } = platform.upgradeWebSocket(raw);
    const session = sessions.watch(holder.sid);
    const served = serveSocket(
      socket,
      wanted,
      { ...who, revoked: session.signal },
      serving(fanIn, c.env.context, never),
    );
    platform.waitUntil(
      served
        .catch((error: unknown) => {
          // The client was told by the close code; only what nobody expected is news.
          if (!(error instanceof ProblemError)) log.error('stream.socket_failed', { error });
        })
        .finally(() => session[Symbol.dispose]()),
    );
    return response;
  });

  app.all('/v1/stream/tickets', onlyMethods('POST'));
  app.all('/v1/stream', onlyMethods('GET, HEAD'));
  app.all('/v1/ws', onlyMethods('GET'));

  /** By header, by ticket, or by the storefront's cookie, which a browser sends only from our own pages. */
  async function holderOf(c: Context<EdgeEnv>): Promise<Ticket> {
    const { raw } = c.req;
    const ticket = c.req.query('ticket');
    if (ticket !== undefined) {
      const holder = await tickets.verify(ticket);
      if (sessions.hasEnded(holder.sid))
        throw new ProblemError('unauthenticated', { detail: 'This session was ended' });
      sessions.confirm(holder.sid, holder.iat * 1000);
      // With a ticket core can't be asked, but a new ticket is not given without asking.
      if (sessions.mayHaveEnded(holder.sid, undefined))
        throw new ProblemError('unauthenticated', { detail: 'Ask for a new ticket' });
      return holder;
    }
    const cookie =
      raw.headers.has('authorization') || isForeign(raw, c.env.context) ? null : sessionToken(raw, c.env.context);
    const claims = cookie === null ? await tokens.authenticate(raw.headers) : await tokens.verify(cookie);
    return { sub: claims.sub, sid: claims.sid, until: claims.exp };
  }

  function serving(from: FanIn, context: RequestContext, signal: AbortSignal): StreamServing {
    return {
      fanIn: from,
      clock,
      signal,
      onDeliver: (event) => {
        if (event.traceparent !== undefined)
          tracing.mark(`deliver ${event.event}`, event.traceparent, { 'lotok.request_id': context.requestId });
      },
    };
  }

  return app;
}

/** A WebSocket isn't kept from other origins' pages by CORS, so the cookie doesn't count there (RFC 6455, section 10.2). */
function isForeign(request: Request, context: RequestContext): boolean {
  const origin = request.headers.get('origin');
  return (origin !== null && origin !== context.origin) || request.headers.get('sec-fetch-site') === 'cross-site';
}

/** The same pages may open a WebSocket that may read the API: nothing else would ask that. */
function checkOrigin({ headers }: Request, context: RequestContext, allowed: readonly string[]): void {
  const origin = headers.get('origin');
  if (origin === null || origin === context.origin || allowed.includes('*') || allowed.includes(origin)) return;
  throw new ProblemError('forbidden', { detail: 'Pages of this origin may not connect' });
}

/** A socket tells by its close event that the client left. */
const never = new AbortController().signal;
