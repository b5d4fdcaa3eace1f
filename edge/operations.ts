// For whoever operates the edge: is it alive, can it work, what does it count.
import { Hono } from 'hono';
import { ProblemError } from '../contracts/problem.ts';
import type { EdgeEnv } from './context.ts';
import { onlyMethods } from './methods.ts';
import type { Platform } from './platform.ts';
import { HubGauges, hubGaugesRequest } from './streams/durable-object.ts';
import { type Metrics, streamMetrics } from './telemetry/metrics.ts';

export interface OperationsDeps {
  readonly platform: Platform;
  readonly metrics: Metrics;
  /** Null where no stream is configured. */
  readonly streamConnected: () => boolean | null;
}

const readyTimeoutMs = 2_000;

export function createOperations({ platform, metrics, streamConnected }: OperationsDeps): Hono<EdgeEnv> {
  const { config, log, siblings } = platform;
  const app = new Hono<EdgeEnv>();

  app.get('/healthz', (c) => c.json({ status: 'ok' }, 200, { 'cache-control': 'no-store' }));

  app.get('/readyz', async (c) => {
    const [core, others] = await Promise.all([
      reaches(`${config.coreUrl.replace(/\/$/, '')}/readyz`),
      siblings?.ready(),
    ]);
    const stream = streamConnected();
    const ready = core && stream !== false && others !== false;
    const checks = {
      core,
      ...(stream === null ? {} : { stream }),
      ...(others === undefined ? {} : { siblings: others }),
    };
    return c.json({ status: ready ? 'ready' : 'not ready', checks }, ready ? 200 : 503, {
      'cache-control': 'no-store',
    });
  });

  app.get('/metrics', async (c) => {
    if (config.production && !(await isSame(c.req.header('authorization') ?? '', config.metricsToken)))
      throw new ProblemError('not-found');
    if (platform.streamHub) {
      const {
        upstreams = 0,
        channels = 0,
        streams = 0,
      } = HubGauges.parse(await (await platform.streamHub.fetch(hubGaugesRequest())).json());
      const sink = streamMetrics(metrics);
      sink.gauge('upstreams', upstreams);
      sink.gauge('channels', channels);
      sink.gauge('streams', streams);
    }
    return c.body(await (siblings ?? metrics.registry).metrics(), 200, {
      'content-type': metrics.registry.contentType,
      'cache-control': 'no-store',
    });
  });

  app.all('/healthz', onlyMethods('GET, HEAD'));
  app.all('/readyz', onlyMethods('GET, HEAD'));
  if (!config.production) app.all('/metrics', onlyMethods('GET, HEAD'));

  async function reaches(url: string): Promise<boolean> {
    try {
      const response = await platform.fetchUpstream({
        url,
        method: 'GET',
        headers: new Headers(),
        signal: AbortSignal.timeout(readyTimeoutMs),
      });
      await response.body?.cancel();
      return response.ok;
    } catch (error) {
      log.warn('readyz.core_unreachable', { error });
      return false;
    }
  }

  return app;
}

/** Compares digests, so that the time taken tells nothing about the token. */
async function isSame(authorization: string, token: string | undefined): Promise<boolean> {
  if (token === undefined) return false;
  const [given, wanted] = await Promise.all(
    [authorization, `Bearer ${token}`].map(
      async (text) => new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
    ),
  );
  return given !== undefined && wanted !== undefined && given.every((byte, index) => byte === wanted[index]);
}
