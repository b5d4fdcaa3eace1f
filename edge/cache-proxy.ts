// The edge's cache and upstream code alone, as a caching reverse proxy: npm run edge:cache -- --origin URL
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { getRequestListener } from '@hono/node-server';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { ProblemError } from '../contracts/problem.ts';
import { Cache } from './cache/engine.ts';
import { addressKey } from './cache/key.ts';
import { createLog } from './log.ts';
import { createNodeUpstream } from './node-upstream.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { createTracing } from './telemetry/tracing.ts';
import { withoutHopByHop } from './upstream/headers.ts';
import { createUpstream } from './upstream/upstream.ts';

export interface CacheProxyOptions {
  readonly origin: string;
  readonly port: number;
  readonly hostname: string;
  readonly cacheBytes: number;
  readonly timeoutMs: number;
}

export async function startCacheProxy({ origin, port, hostname, cacheBytes, timeoutMs }: CacheProxyOptions) {
  const log = createLog('info', (line) => process.stdout.write(`${line}\n`), { part: 'edge-cache' });
  const waitUntil = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => log.error('background.failed', { error }));
  };
  const pool = createNodeUpstream({ timeoutMs, http2: false });
  const metrics = createMetrics();
  const tracing = createTracing({ config: { otlpEndpoint: undefined }, waitUntil, log, runtime: 'node' });
  const upstream = createUpstream({ fetchUpstream: pool.fetch, log }, metrics, tracing, {
    maxConcurrency: null,
  });
  const cache = new Cache({
    name: 'lotok',
    maxBytes: cacheBytes,
    clock: Date.now,
    waitUntil,
    keyOf: addressKey,
    honourRequestDirectives: true,
    onResult: (result) => metrics.cache.inc({ result }),
  });

  const target = (url: string): string =>
    origin.replace(/\/$/, '') + url.slice(url.indexOf('/', url.indexOf('//') + 2));
  const answer = async (request: Request, outgoing: ServerResponse): Promise<Response> => {
    const body =
      request.body && request.method !== 'GET' && request.method !== 'HEAD'
        ? new Uint8Array(await request.arrayBuffer())
        : null;
    return cache.handle({ method: request.method, url: request.url, headers: request.headers }, (asked) => {
      const headers = withoutHopByHop(asked);
      for (const name of ['host', 'content-length', 'expect']) headers.delete(name);
      return upstream.forward({
        service: 'origin',
        url: target(request.url),
        method: request.method,
        headers,
        body,
        trace: ROOT_CONTEXT,
        repeatable: false,
        timeoutMs,
        onInterim: (status, told) => outgoing.writeInformation(status, told),
      });
    });
  };
  const listener = getRequestListener(
    (request, { outgoing }) =>
      answer(request, outgoing as ServerResponse).catch((error: unknown) => {
        if (error instanceof ProblemError) return error.toResponse();
        log.error('request.failed', { error });
        return new ProblemError('internal').toResponse();
      }),
    { overrideGlobalObjects: false },
  );
  const server = createServer((incoming, outgoing) => {
    const host = incoming.headers.host ?? 'localhost';
    const hit = cache.hit(incoming.method ?? '', `http://${host}${incoming.url ?? '/'}`, (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    });
    if (!hit) return void listener(incoming, outgoing);
    outgoing.writeHead(hit.status, hit.headers);
    outgoing.end(hit.body);
  });
  await new Promise<void>((resolve) => server.listen(port, hostname, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await pool[Symbol.asyncDispose]();
    },
  };
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { origin: { type: 'string' } } });
  if (!values.origin || !URL.canParse(values.origin)) {
    console.error('usage: npm run edge:cache -- --origin URL');
    process.exit(2);
  }
  const proxy = await startCacheProxy({
    origin: values.origin,
    hostname: process.env['HOST'] ?? '127.0.0.1',
    port: Number(process.env['PORT'] ?? 8080),
    cacheBytes: Number(process.env['CACHE_BYTES'] ?? 64 * 1024 * 1024),
    timeoutMs: Number(process.env['UPSTREAM_TIMEOUT_MS'] ?? 30_000),
  });
  console.log(JSON.stringify({ event: 'ready', url: `http://127.0.0.1:${proxy.port}` }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void proxy[Symbol.asyncDispose]().then(() => process.exit(0)));
}
