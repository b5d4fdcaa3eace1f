// What is written down about each answer: a span, metrics, one log line.

import { SpanKind } from '@opentelemetry/api';
import type { MiddlewareHandler } from 'hono';
import { type EdgeEnv, within } from './context.ts';
import type { Log } from './log.ts';
import { addSecurityHeaders } from './security.ts';
import type { Metrics } from './telemetry/metrics.ts';
import type { Tracing } from './telemetry/tracing.ts';

export interface Observing {
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly log: Log;
  /** Pages of any origin may read the API. */
  readonly shared: boolean;
}

export function observed({ metrics, tracing, log, shared }: Observing): MiddlewareHandler<EdgeEnv> {
  return async (c, next) => {
    const { context } = c.env;
    const { method, path } = c.req;
    const started = performance.now();
    const kind = context.internal ? SpanKind.INTERNAL : SpanKind.SERVER;
    const attributes = { 'http.request.method': method, 'url.path': path };
    await tracing.span(method, { parent: context.trace, kind, attributes }, async (trace, span) => {
      c.env = { context: within(context, trace) };
      await next();
      const route = c.get('route') ?? 'other';
      const { status } = c.res;
      span.updateName(`${method} ${route}`);
      span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
      const seconds = (performance.now() - started) / 1000;
      // Calls within a request are told apart from it, so that requests per second stay requests.
      const label = context.internal ? `${route} (internal)` : route;
      metrics.requests.inc({ route: label, method, code: String(status) });
      metrics.requestSeconds.observe({ route: label, method }, seconds);
      log.debug('http.request', {
        method,
        route,
        code: status,
        ms: Math.round(seconds * 1000),
        request_id: context.requestId,
        trace_id: context.traceId,
      });
    });
    // The answer to a WebSocket handshake belongs to the runtime.
    if (context.internal || c.req.header('upgrade') !== undefined) return;
    c.header('x-request-id', context.requestId);
    addSecurityHeaders(c.res.headers, { secure: context.origin.startsWith('https:'), shared });
  };
}
