// The whole gateway, read from top to bottom: what each request meets, in order.
import { SpanKind } from '@opentelemetry/api';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import { ProblemError } from '../contracts/problem.ts';
import type { RouteSpec } from '../contracts/route.ts';
import { routes } from '../contracts/routes.ts';
import { createTokens } from './auth/tokens.ts';
import type { EdgeEnv, RequestContext } from './context.ts';
import { clientAddress, networks } from './limits/address.ts';
import { bodyLimit, checkContentType, readBody } from './limits/body.ts';
import type { Platform } from './platform.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createTracing } from './telemetry/tracing.ts';
import { requestHeaders } from './upstream/headers.ts';
import { createUpstream } from './upstream/upstream.ts';

export interface Edge extends AsyncDisposable {
  fetch(request: Request): Response | Promise<Response>;
}

export function createEdge(platform: Platform): Edge {
  const { config, log } = platform;
  const metrics = createMetrics();
  const tracing = createTracing(platform);
  const upstream = createUpstream(platform, metrics, tracing);
  const trusted = networks(config.trustedProxies);
  const tokens = createTokens({
    jwksUrl: config.jwksUrl ?? `${config.serviceUrls.users ?? config.coreUrl}/.well-known/jwks.json`,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    clock: platform.clock,
    fetch: (url, { headers, signal }) => platform.fetchUpstream({ url, method: 'GET', headers, signal }),
  });

  const app = new Hono<EdgeEnv>();
  app.get('/healthz', (c) => c.json({ status: 'ok' }));

  app.use('/v1/*', cors({ origin: '*' }));
  for (const spec of Object.values<RouteSpec>(routes)) {
    app.on(spec.method, honoPath(spec.path), guarded(spec), proxied(spec));
  }
  for (const [path, methods] of methodsByPath()) {
    app.all(path, () => {
      throw new ProblemError('method-not-allowed', { headers: { allow: methods.join(', ') } });
    });
  }
  app.notFound((c) => new ProblemError('not-found', { detail: 'No such path' }).toResponse(c.env.context.traceId));
  app.onError((error, c) => {
    const { traceId } = c.env.context;
    if (error instanceof ProblemError) return error.toResponse(traceId);
    log.error('request.failed', { error, trace_id: traceId });
    return new ProblemError('internal').toResponse(traceId);
  });

  function guarded(spec: RouteSpec): MiddlewareHandler<EdgeEnv> {
    return async (c, next) => {
      c.set('route', spec.path);
      if (spec.auth === 'user' || spec.auth === 'moderator') {
        const claims = await tokens.authenticate(c.req.raw.headers);
        if (spec.auth === 'moderator' && !claims.roles.includes('moderator')) throw new ProblemError('forbidden');
        c.set('claims', claims);
      }
      await next();
    };
  }

  function proxied(spec: RouteSpec) {
    return async (c: Context<EdgeEnv>): Promise<Response> => {
      checkContentType(spec, c.req.raw.headers);
      const body = await readBody(c.req.raw, bodyLimit(spec));
      const { pathname, search } = new URL(c.req.url);
      const headers = requestHeaders(c.req.raw.headers, c.env.context);
      if (spec.auth === 'public') headers.delete('authorization');
      return upstream.forward({
        service: spec.service,
        url: `${config.serviceUrls[spec.service] ?? config.coreUrl}${pathname}${search}`,
        method: c.req.raw.method,
        headers,
        body,
        trace: c.env.context.trace,
        repeatable: spec.method === 'GET',
        timeoutMs: config.upstreamTimeoutMs,
      });
    };
  }

  return {
    fetch(request) {
      const { context: parent, traceId } = tracing.extract(request.headers);
      const url = new URL(request.url);
      return tracing.span(`${request.method} ${url.pathname}`, { parent, kind: SpanKind.SERVER }, async (trace) => {
        const context: RequestContext = {
          requestId: crypto.randomUUID(),
          address: clientAddress(platform.peerAddress(request), request.headers.get('x-forwarded-for'), trusted),
          origin: url.origin,
          trace,
          traceId,
          internal: false,
        };
        return app.fetch(request, { context });
      });
    },
    async [Symbol.asyncDispose]() {
      await tracing.flush();
    },
  };
}

/** `/media/{id}/{variant}.webp` → `/media/:id/:variant{[^/]+\.webp}`. */
export const honoPath = (path: string): string =>
  path.replaceAll(/\{(\w+)\}([^/]*)/g, (_whole, name: string, rest: string) =>
    rest === '' ? `:${name}` : `:${name}{[^/]+${rest.replaceAll('.', '\\.')}}`,
  );

function methodsByPath(): Map<string, string[]> {
  const methods = new Map<string, string[]>();
  for (const { method, path } of Object.values<RouteSpec>(routes)) {
    const known = methods.get(honoPath(path)) ?? [];
    known.push(method);
    methods.set(honoPath(path), known);
  }
  return methods;
}
