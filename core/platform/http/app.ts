// Core's HTTP app: what every request gets, whichever service answers it.
import { context, SpanKind, trace } from '@opentelemetry/api';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { currentTraceId, extractTrace, inSpan } from '../telemetry/tracing.ts';

export interface HttpAppOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Rejects while this process can't do its work. */
  readonly ready: () => Promise<void>;
}

export function createHttpApp({ log, metrics, ready }: HttpAppOptions): Hono {
  const app = new Hono();

  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    try {
      await ready();
      return c.json({ status: 'ready' });
    } catch (error) {
      log.warn('readyz.failed', { error });
      return c.json({ status: 'not ready' }, 503);
    }
  });
  app.get('/metrics', async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
  );

  app.use(async (c, next) => {
    const { method } = c.req;
    const carrier = Object.fromEntries(c.req.raw.headers);
    const start = performance.now();
    await inSpan(`${method} ${c.req.path}`, { kind: SpanKind.SERVER, parent: extractTrace(carrier) }, async () => {
      await next();
      const route = routePath(c, -1) === '/*' ? 'unmatched' : routePath(c, -1);
      trace
        .getSpan(context.active())
        ?.setAttributes({ 'http.route': route, 'http.response.status_code': c.res.status });
      const labels = { route, method, code: String(c.res.status) };
      metrics.httpRequests.inc(labels);
      metrics.httpSeconds.observe({ route, method }, (performance.now() - start) / 1000);
      log.debug('http.request', { ...labels, ms: Math.round(performance.now() - start) });
    });
  });

  app.notFound(() => new ProblemError('not-found', { detail: 'No such path' }).toResponse(currentTraceId()));
  app.onError((error, c) => {
    if (error instanceof ProblemError) {
      if (error.status >= 500) log.warn('http.problem', { route: routePath(c), code: error.code, error: error.cause });
      return error.toResponse(currentTraceId());
    }
    log.error('http.failed', { method: c.req.method, route: routePath(c), error });
    return new ProblemError('internal').toResponse(currentTraceId());
  });
  return app;
}
