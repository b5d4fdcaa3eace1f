// The edge's cache and upstream code alone, as a caching reverse proxy in front of any origin.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { z } from 'zod';
import { ProblemError } from '../../contracts/problem.ts';
import type { CacheAnswer } from '../cache/cache-answer.ts';
import { toResponse } from '../cache/cache-answer.ts';
import { Cache } from '../cache/engine.ts';
import { addressKey } from '../cache/key.ts';
import type { ReadHeader } from '../cache/vary.ts';
import { secondLevel, secondLevelOf } from '../config.ts';
import { readBody } from '../limits/body.ts';
import type { Platform, UpstreamRequest } from '../platform.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createTracing } from '../telemetry/tracing.ts';
import { withoutHopByHop } from '../upstream/headers.ts';
import { createUpstream } from '../upstream/upstream.ts';

const CacheProxyConfig = z.object({
  origin: z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/$/, '')),
  hostname: z.string().default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(8080),
  ...secondLevel,
  cacheBytes: z.coerce
    .number()
    .int()
    .min(0)
    .default(64 * 1024 * 1024),
  timeoutMs: z.coerce.number().int().min(1).max(3_600_000).default(30_000),
});
export type CacheProxyConfig = z.output<typeof CacheProxyConfig>;

/** Throws an error that names each variable that is wrong. */
export function cacheProxyConfig(env: Readonly<Record<string, string | undefined>>): CacheProxyConfig {
  const result = CacheProxyConfig.safeParse({
    origin: env['ORIGIN'],
    hostname: env['HOST'],
    port: env['PORT'],
    cacheBytes: env['CACHE_BYTES'],
    ...secondLevelOf(env),
    timeoutMs: env['UPSTREAM_TIMEOUT_MS'],
  });
  if (!result.success) throw new Error(`configuration: ${z.prettifyError(result.error)}`);
  return result.data;
}

export interface CacheProxy {
  /** A fresh answer, at once; null when there is none. */
  hit(method: string, url: string, header: ReadHeader): CacheAnswer | null;
  /** A hit at once, all else when it is there. */
  fetch(request: Request, onInterim?: UpstreamRequest['onInterim']): Response | Promise<Response>;
}

const maxBodyBytes = 16 * 1024 * 1024;

export function createCacheProxy(
  { origin, cacheBytes, timeoutMs }: CacheProxyConfig,
  platform: Pick<Platform, 'fetchUpstream' | 'log' | 'records' | 'runtime' | 'waitUntil'>,
): CacheProxy {
  const { log, waitUntil } = platform;
  const metrics = createMetrics();
  const tracing = createTracing({ ...platform, config: { otlpEndpoint: undefined } });
  const upstream = createUpstream(platform, metrics, tracing, { maxConcurrency: null });
  const cache = new Cache({
    name: 'lotok',
    maxBytes: cacheBytes,
    clock: Date.now,
    waitUntil,
    keyOf: addressKey,
    honourRequestDirectives: true,
    ...(platform.records ? { records: platform.records } : {}),
    onRecordsError: (error) => log.warn('cache.second_level_failed', { error }),
    onResult: (result) => metrics.cacheResult(result),
  });
  const hit = (method: string, url: string, header: ReadHeader): CacheAnswer | null => cache.hit(method, url, header);

  async function answer(request: Request, onInterim: UpstreamRequest['onInterim']): Promise<Response> {
    const { method, url, headers } = request;
    const body = await readBody(request, maxBodyBytes);
    return cache.handle({ method, url, headers }, (asked) => {
      const sent = withoutHopByHop(asked);
      for (const name of ['host', 'content-length', 'expect']) sent.delete(name);
      return upstream.forward({
        service: 'origin',
        url: origin + url.slice(url.indexOf('/', url.indexOf('//') + 2)),
        method,
        headers: sent,
        body,
        trace: ROOT_CONTEXT,
        repeatable: false,
        timeoutMs,
        ...(onInterim ? { onInterim } : {}),
      });
    });
  }

  return {
    hit,
    fetch(request, onInterim) {
      const found = hit(request.method, request.url, (name) => request.headers.get(name));
      if (found) return toResponse(found);
      return answer(request, onInterim).catch((error: unknown) => {
        if (error instanceof ProblemError) return error.toResponse();
        log.error('request.failed', { error });
        return new ProblemError('internal').toResponse();
      });
    },
  };
}
