// The whole gateway, read from top to bottom: what each request meets, in order.
import { Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { graphqlParameters } from '../contracts/graphql.ts';
import { ProblemError } from '../contracts/problem.ts';
import { routes } from '../contracts/routes.ts';
import { createApi, queryParameters } from './api.ts';
import { createKeys } from './auth/keys.ts';
import { createSessionQuestion } from './auth/session-question.ts';
import { createSessions } from './auth/sessions.ts';
import { clockToleranceSeconds, createTokens } from './auth/tokens.ts';
import { type CacheAnswer, type HeaderPairs, toResponse } from './cache/cache-answer.ts';
import { Cache } from './cache/engine.ts';
import { routeKeyOf } from './cache/key.ts';
import type { ReadHeader } from './cache/vary.ts';
import { type EdgeEnv, type RequestContext, requestContext } from './context.ts';
import { createDocs } from './docs/docs.ts';
import { createGraphql } from './graphql/graphql.ts';
import { networks } from './limits/address.ts';
import { limitedHeaderSize } from './limits/header-size.ts';
import { createLimits } from './limits/limited.ts';
import { createRates } from './limits/shared-rates.ts';
import { createShedding, shedsLoad, watchLoop } from './limits/shedding.ts';
import { observed } from './observe.ts';
import { createOperations } from './operations.ts';
import type { Platform } from './platform.ts';
import { createNewsPoll, listenForNews } from './purge.ts';
import {
  addSecurityHeaders,
  anyOrigin,
  crossOrigin,
  crossOriginHeaders,
  graphiqlPolicy,
  isSecure,
  withCrossOrigin,
} from './security.ts';
import type { ApiOptions } from './site/deps.ts';
import { createSite } from './site/index.ts';
import { createStreamRoutes } from './stream-routes.ts';
import { createFanIn } from './streams/fanin.ts';
import { createTickets } from './streams/ticket.ts';
import { createMetrics, streamMetrics } from './telemetry/metrics.ts';
import { createTracing } from './telemetry/tracing.ts';
import { createUpstream } from './upstream/upstream.ts';

export interface Edge extends AsyncDisposable {
  fetch(request: Request): Promise<Response>;
  /** The short way of a hit: an entry file may ask this first and write the answer itself. */
  hit(method: string, url: string, header: ReadHeader): CacheAnswer | null;
}

const restKey = routeKeyOf((name) => queryParameters.has(name));
const graphqlKey = routeKeyOf((name) => (graphqlParameters as readonly string[]).includes(name));
const isGraphql = (url: string): boolean => url.startsWith('/graphql', url.indexOf('/', url.indexOf('//') + 2));

export function createEdge(platform: Platform): Edge {
  const { config, log, clock, siblings } = platform;
  const metrics = createMetrics();
  const tracing = createTracing(platform);
  const trusted = networks(config.trustedProxies);
  const upstream = createUpstream(platform, metrics, tracing, { maxConcurrency: config.upstreamConcurrency });
  const rates = createRates({ shared: platform.sharedRates, clock, log, onLocal: () => metrics.ratesLocal.inc() });
  const limits = createLimits(config, rates, metrics);
  const sessions = createSessions(clock, clockToleranceSeconds);
  const usersUrl = (config.serviceUrls.users ?? config.coreUrl).replace(/\/$/, '');
  const tokens = createTokens({
    keys: createKeys({
      url: config.jwksUrl ?? `${usersUrl}${routes.jwks.path}`,
      fetch: (url, signal) => platform.fetchUpstream({ url, method: 'GET', headers: new Headers(), signal }),
      clock,
      waitUntil: platform.waitUntil,
      log,
    }),
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
    clock,
    sessions,
    askSession: createSessionQuestion(upstream, `${usersUrl}${routes.checkSession.path}`),
    log,
    onSessionAsked: (state) => metrics.sessionsAsked.inc({ state }),
  });
  const cache = new Cache({
    name: 'lotok',
    maxBytes: config.cacheBytes,
    clock,
    waitUntil: platform.waitUntil,
    keyOf: (url) => (isGraphql(url) ? graphqlKey(url) : restKey(url)),
    // Anybody could use it to reach core as often as they like.
    honourRequestDirectives: false,
    prepare: prepareStored,
    ...(platform.records ? { records: platform.records } : {}),
    onRecordsError: (error) => log.warn('cache.second_level_failed', { error }),
    onResult: (result) => metrics.cacheResult(result),
    onInvalidated: (by, count) => metrics.cacheInvalidated.inc({ by }, count),
    ...(siblings ? { onChange: (change) => siblings.tell(change) } : {}),
  });
  metrics.watchCacheBytes(() => cache.bytes);

  // News of changes: by one stream from realtime, or, where an isolate can't hold one, asked of its hub.
  const disposing = new AsyncDisposableStack();
  const shedding = createShedding({ maxDelayMs: config.maxLoopDelayMs });
  // Workers have timers only while they answer, and a runtime that spreads requests over isolates by itself.
  if (platform.runtime !== 'workerd') disposing.use(watchLoop(shedding));
  const fanIn =
    platform.streamHub || config.realtimeUrls.length === 0
      ? null
      : createFanIn({
          nodes: config.realtimeUrls,
          token: config.realtimeToken ?? '',
          connect: platform.connectWebSocket,
          log,
          clock,
          metrics: streamMetrics(metrics),
          limits: { maxStreamsPerAddress: config.streamsPerAddress },
        });
  if (fanIn) {
    disposing.use(fanIn);
    disposing.use(listenForNews(fanIn, { cache, sessions, log }));
  }
  const hearNews = platform.streamHub
    ? createNewsPoll({ ...platform, streamHub: platform.streamHub }, { cache, sessions, log })
    : undefined;
  // Nobody will tell, so core is asked again and again.
  if (!fanIn && !hearNews) sessions.newsBehind();

  const streamConnected = (): boolean | null => fanIn?.connected ?? null;
  siblings?.answerWith({
    metrics: () => metrics.registry.getMetricsAsJSON(),
    ready: () => streamConnected() !== false,
    forget: (change) => cache.invalidate(change),
  });

  const app = new Hono<EdgeEnv>();
  app.use(observed({ metrics, tracing, log, shared: anyOrigin(config) }));
  app.use(limitedHeaderSize);
  app.route('/', createOperations({ platform, metrics, streamConnected }));
  for (const path of ['/v1/*', '/graphql', '/media/*', '/.well-known/*', '/openapi.json', '/asyncapi.json'])
    app.use(path, crossOrigin(config));
  app.use(shedsLoad(shedding, () => metrics.shed.inc({ reason: 'loop' })));
  app.route(
    '/',
    createStreamRoutes({
      platform,
      fanIn,
      tokens,
      sessions,
      tickets: createTickets({ secret: config.ticketSecret, clock }),
      limits,
      tracing,
    }),
  );
  app.route('/', createApi({ config, tokens, cache, limits, upstream }));
  if (!config.production) app.use('/graphql', graphiqlPolicy);
  app.route(
    '/',
    createGraphql({
      production: config.production,
      trustedOnly: config.graphqlTrustedOnly,
      limits,
      tokens,
      cache,
      api: call,
      log,
    }),
  );
  app.route('/', createDocs());
  for (const path of ['/v1/*', '/media/*', '/.well-known/*', '/sandbox/*']) {
    app.all(path, () => {
      throw new ProblemError('not-found', { detail: 'No such path' });
    });
  }
  app.route(
    '/',
    createSite({
      api: call,
      asset: platform.asset,
      clock,
      log,
      verify: (token) =>
        tokens.verify(token).catch((error: unknown) => {
          if (error instanceof ProblemError && error.code === 'unauthenticated') return null;
          throw error;
        }),
      config: {
        demo: config.sandbox,
        mediaOrigins: config.mediaOrigins,
        publicUrl: config.publicUrl,
        traceUrl: config.traceUrl,
      },
    }),
  );
  app.notFound((c) => new ProblemError('not-found', { detail: 'No such path' }).toResponse(c.env.context.traceId));
  app.onError((error, c) => {
    const { traceId, requestId } = c.env.context;
    if (error instanceof HTTPException) return error.getResponse();
    if (error instanceof ProblemError) {
      // Nobody reads what a client that left is told.
      if (error.status >= 500 && !c.req.raw.signal.aborted)
        log.warn('http.problem', { code: error.code, trace_id: traceId, error: error.cause });
      return error.toResponse(traceId);
    }
    log.error('http.failed', { error, trace_id: traceId, request_id: requestId });
    return new ProblemError('internal').toResponse(traceId);
  });

  function hit(method: string, url: string, header: ReadHeader): CacheAnswer | null {
    const found = cache.hit(method, url, header);
    if (!found) return null;
    metrics.hit(found.label, method, found.status);
    const headers: HeaderPairs = [...found.headers, ['x-request-id', crypto.randomUUID()]];
    return { ...found, headers: anyOrigin(config) ? headers : withCrossOrigin(headers, config, header('origin')) };
  }

  /** A client's request, or one that the storefront or GraphQL makes on the way of answering one. */
  async function dispatch(request: Request, contextOf: () => RequestContext): Promise<Response> {
    await hearNews?.();
    const found = hit(request.method, request.url, (name) => request.headers.get(name));
    return found ? toResponse(found) : app.fetch(request, { context: contextOf() });
  }

  function call(
    method: string,
    path: string,
    { context, token, query = {}, body, headers, signal }: ApiOptions,
  ): Promise<Response> {
    const url = new URL(path, context.origin);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const sent = new Headers(headers);
    if (token !== undefined) sent.set('authorization', `Bearer ${token}`);
    if (body !== undefined) sent.set('content-type', 'application/json');
    const init = {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    };
    return dispatch(new Request(url, init), () => ({ ...context, internal: true }));
  }

  /** What is stored is sent as it is, so it already has what every answer of the API carries. */
  function prepareStored(headers: Headers): void {
    addSecurityHeaders(headers, { secure: isSecure(config), shared: anyOrigin(config) });
    // Meant for us alone: a cache in front of us hears of no invalidation.
    headers.delete('cdn-cache-control');
    if (anyOrigin(config))
      for (const [name, value] of Object.entries(crossOriginHeaders(config, null))) headers.set(name, value);
  }

  return {
    hit,
    fetch: (request) => dispatch(request, () => requestContext(request, platform, tracing, trusted)),
    async [Symbol.asyncDispose]() {
      await disposing.disposeAsync();
      await tracing.flush();
    },
  };
}
