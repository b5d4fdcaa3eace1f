// Core's REST routes at the edge: who may pass, what is answered from the cache, which service is asked.
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { ProblemError } from '../contracts/problem.ts';
import { needsToken, type RouteSpec, roleFor, type ServiceName } from '../contracts/route.ts';
import { routes } from '../contracts/routes.ts';
import type { Tokens } from './auth/tokens.ts';
import type { Cache } from './cache/engine.ts';
import type { EdgeConfig } from './config.ts';
import type { EdgeEnv } from './context.ts';
import { bodyLimit, checkContentType, readBody } from './limits/body.ts';
import type { Limits } from './limits/limited.ts';
import { onlyMethods } from './methods.ts';
import { requestHeaders, sharedRequestHeaders, withoutHopByHop } from './upstream/headers.ts';
import type { Upstream } from './upstream/upstream.ts';

export interface ApiDeps {
  readonly config: EdgeConfig;
  readonly tokens: Tokens;
  readonly cache: Cache;
  readonly limits: Limits;
  readonly upstream: Upstream;
}

/** Names that the query of some route gives a meaning; core ignores all others. */
export const queryParameters: ReadonlySet<string> = new Set(
  Object.values<RouteSpec>(routes).flatMap(({ query }) => Object.keys(query?.shape ?? {})),
);
const signInRoutes = new Set<string>([routes.login.id, routes.register.id]);
const sandboxServices: Readonly<Record<string, ServiceName>> = {
  templates: 'notifications',
  psp: 'payments',
  courier: 'delivery',
  mail: 'notifications',
};

export function createApi({ config, tokens, cache, limits, upstream }: ApiDeps): Hono<EdgeEnv> {
  const app = new Hono<EdgeEnv>();

  for (const [path, specs] of routesByPath()) {
    for (const spec of specs) add(spec, path);
    app.all(path, onlyMethods(methodsOf(specs)));
  }
  if (config.sandbox) app.all('/sandbox/*', limits.byAddress({ signIn: false }), sandbox);

  function add(spec: RouteSpec, path: string): void {
    const handler = spec.auth === 'public' ? shared(spec) : direct(spec);
    app.on(
      spec.method,
      path,
      limits.byAddress({ signIn: signInRoutes.has(spec.id) }),
      guarded(spec),
      limits.ofRoute(spec.id),
      handler,
    );
  }
  function guarded(spec: RouteSpec): MiddlewareHandler<EdgeEnv> {
    return async (c, next) => {
      c.set('route', spec.path);
      if (needsToken(spec)) {
        const claims = await tokens.authenticate(c.req.raw.headers);
        c.set('claims', claims);
        const role = roleFor(spec);
        if (role && !claims.roles.includes(role)) {
          throw new ProblemError('forbidden', { detail: `Only ${role}s may do this` });
        }
      }
      await next();
    };
  }

  /** Answers that are the same for everybody: the token stays here, so that core can't make them personal. */
  function shared(spec: RouteSpec) {
    return async (c: Context<EdgeEnv>): Promise<Response> => {
      const { raw } = c.req;
      checkContentType(spec, raw.headers);
      const body = await readBody(raw, bodyLimit(spec));
      const headers = new Headers(raw.headers);
      headers.delete('authorization');
      headers.delete('cookie');
      return cache.handle({ method: raw.method, url: raw.url, headers, label: spec.path }, (asked) =>
        upstream.forward({
          ...forwarded(c, spec.service, asked),
          ...(spec.method === 'GET' ? { headers: sharedRequestHeaders(asked, c.env.context) } : {}),
          body,
          repeatable: spec.method === 'GET',
        }),
      );
    };
  }

  /** A user's own business, and signed calls of providers: nothing is kept, but a change invalidates. */
  function direct(spec: RouteSpec) {
    return async (c: Context<EdgeEnv>): Promise<Response> => {
      const { raw } = c.req;
      checkContentType(spec, raw.headers);
      const body = await readBody(raw, bodyLimit(spec));
      const headers = new Headers(raw.headers);
      headers.delete('cookie');
      const safe = spec.method === 'GET';
      const forward = (asked: Headers): Promise<Response> =>
        upstream.forward({
          ...forwarded(c, spec.service, asked),
          body,
          repeatable: safe || spec.method === 'PUT' || spec.method === 'DELETE' || raw.headers.has('idempotency-key'),
          // A read that nobody waits for can end; a change that has begun should go on.
          ...(safe ? { signal: raw.signal } : {}),
        });
      if (safe) return withoutHop(await forward(headers));
      return cache.handle({ method: raw.method, url: raw.url, headers }, forward);
    };
  }

  async function sandbox(c: Context<EdgeEnv>): Promise<Response> {
    c.set('route', '/sandbox/*');
    const service = sandboxServices[c.req.path.split('/')[2] ?? ''] ?? 'payments';
    const body = await readBody(c.req.raw, 64 * 1024);
    return withoutHop(await upstream.forward({ ...forwarded(c, service, c.req.raw.headers), body, repeatable: false }));
  }

  function forwarded(c: Context<EdgeEnv>, service: ServiceName, headers: Headers) {
    const { pathname, search } = new URL(c.req.url);
    return {
      service,
      url: `${(config.serviceUrls[service] ?? config.coreUrl).replace(/\/$/, '')}${pathname}${search}`,
      method: c.req.raw.method,
      headers: requestHeaders(headers, c.env.context),
      trace: c.env.context.trace,
      timeoutMs: config.upstreamTimeoutMs,
      route: c.get('route') ?? service,
    };
  }

  return app;
}

function withoutHop(response: Response): Response {
  return new Response(response.body, { status: response.status, headers: withoutHopByHop(response.headers) });
}

/** `/media/{id}/{variant}.webp` → `/media/:id/:variant{[^/]+\.webp}`. */
export const honoPath = (path: string): string =>
  path.replaceAll(/\{(\w+)\}([^/]*)/g, (_whole, name: string, rest: string) =>
    rest === '' ? `:${name}` : `:${name}{[^/]+${rest.replaceAll('.', '\\.')}}`,
  );

/** Those without parameters first: what is at `/v1/media/uploads` is not the picture of that name, whatever the method. */
function routesByPath(): [path: string, specs: RouteSpec[]][] {
  const byPath = Map.groupBy(Object.values<RouteSpec>(routes), ({ path }) => path);
  return [...byPath]
    .sort(([a], [b]) => Number(a.includes('{')) - Number(b.includes('{')))
    .map(([path, specs]) => [honoPath(path), specs]);
}

const methodsOf = (specs: readonly RouteSpec[]): string =>
  specs.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
