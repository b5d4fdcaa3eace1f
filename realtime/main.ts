// The realtime node's composition root: bus → bridge → history → hub → edges and clients.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { sseHeaders } from '../contracts/client-stream.ts';
import { realtimeTopic } from '../contracts/events.ts';
import { ProblemError } from '../contracts/problem.ts';
import { bearerOf, createAccess } from './access.ts';
import { startBridge } from './bridge.ts';
import { createClients } from './clients.ts';
import { type RealtimeConfig, realtimeConfig } from './config.ts';
import { type History, type HistoryLimits, historyLimits } from './history.ts';
import { MemoryHistory } from './history-memory.ts';
import { historyName, RedisHistory } from './history-redis.ts';
import { Hub, type HubLimits } from './hub.ts';
import { openKafkaSource } from './kafka.ts';
import { createLog, type Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createReadiness } from './readiness.ts';
import type { EventSource } from './source.ts';
import { createSse, type SseTimes } from './sse.ts';
import { startTracing } from './tracing.ts';
import { acceptUpgrades, asksForWebSocket } from './upgrades.ts';

export interface Realtime extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export interface RealtimeParts {
  /** The bus of core in the same process; Kafka when not given. Whoever gave it ends it. */
  readonly source?: EventSource;
  readonly log?: Log;
  readonly clock?: () => number;
  readonly random?: () => number;
  readonly hubLimits?: Partial<HubLimits>;
  readonly sseTimes?: Partial<SseTimes>;
}

/** Resolves once it listens and, with an embedded bus, once the history is there. */
export async function startRealtime(config: RealtimeConfig, parts: RealtimeParts = {}): Promise<Realtime> {
  // Whatever was started is ended in the opposite order, also when a later start fails.
  const started = new AsyncDisposableStack();
  try {
    const { log = createLog(config.logLevel), clock = Date.now, random = Math.random } = parts;
    const metrics = createMetrics();
    const { tracer } = started.use(startTracing(config.otlpEndpoint));
    const source = parts.source ?? started.use(kafkaSource(config, log));
    const limits: HistoryLimits = {
      maxCount: config.historyCount,
      maxAgeMs: config.historyHours * 3_600_000,
      maxIds: Math.max(config.historyCount, historyLimits.maxIds),
    };
    const { topicEpoch, partitions } = await topicOf(source, log);
    const history: History = started.use(
      config.redisUrl
        ? new RedisHistory({ address: config.redisUrl, topicEpoch, partitions, clock, log, limits })
        : new MemoryHistory({ topicEpoch, clock, limits }),
    );
    const shared = config.redisUrl !== undefined;
    const bridge = started.use(
      startBridge({
        source,
        history,
        log,
        metrics,
        tracer,
        group: `realtime-${shared ? historyName(topicEpoch, partitions) : randomUUID()}`,
        rebuild: !shared,
      }),
    );
    const hub = started.use(
      new Hub({
        history,
        log,
        metrics,
        clock,
        limits: { maxStreamsPerAddress: config.streamsPerAddress, ...parts.hubLimits },
      }),
    );
    const access = createAccess({
      jwksUrl: config.jwksUrl,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      serviceToken: config.token,
      clock,
    });
    let draining = false;
    // A shared history answers at once; one of our own only when it was rebuilt.
    const isReady = (): boolean => !draining && (shared || bridge.isReady);
    const clients = started.use(
      createClients({
        access,
        hub,
        metrics,
        tracer,
        log,
        clock,
        isReady,
      }),
    );

    const app = new Hono();
    app.get('/healthz', (c) => c.json({ status: 'ok' }));
    const readiness = createReadiness({ bridge, history, isDraining: () => draining, log });
    app.get('/readyz', async (c) => {
      const { ready, ...details } = await readiness();
      return c.json({ status: ready ? 'ready' : 'not ready', ...details }, ready ? 200 : 503);
    });
    app.get('/metrics', async (c) =>
      c.body(await metrics.registry.metrics(), 200, { 'content-type': metrics.registry.contentType }),
    );
    app.use(
      '/v1/*',
      cors({
        origin: config.corsOrigins.includes('*') ? '*' : config.corsOrigins,
        allowHeaders: ['authorization', 'last-event-id'],
      }),
    );
    // HEAD alone comes here: what it is told holds, but it opens nothing.
    app.get('/v1/stream', async (c) => {
      const asked = { kind: 'sse', token: bearerOf(c.req.header('authorization')), address: '' } as const;
      const query = new URL(c.req.url).searchParams;
      (await clients.open({ ...asked, query, lastEventId: c.req.header('last-event-id') ?? null })).leave();
      return new Response(null, { headers: sseHeaders });
    });
    app.notFound(() => new ProblemError('not-found').toResponse());
    const refusal = (error: unknown): Response => {
      const problem = error instanceof ProblemError ? error : new ProblemError('internal', { cause: error });
      metrics.refused.inc({ problem: problem.code });
      if (problem.code === 'internal') log.error('request.failed', { error });
      return problem.toResponse();
    };
    app.onError(refusal);

    const sse = started.use(
      createSse({ clients, random, clock, isDraining: () => draining, times: parts.sseTimes ?? {} }),
    );
    const otherwise = getRequestListener(app.fetch, { hostname: config.hostname, overrideGlobalObjects: false });
    const server = createServer({ shouldUpgradeCallback: asksForWebSocket }, (request, response) => {
      if (request.method !== 'GET' || !/^\/v1\/stream(\?|$)/.test(request.url ?? '')) {
        void otherwise(request, response);
        return;
      }
      const headers = crossOrigin(config.corsOrigins, request.headers.origin);
      sse.serve(request, response, headers).catch(async (error: unknown) => {
        const answer = refusal(error);
        response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...headers });
        response.end(await answer.text());
      });
    });
    const upgrades = acceptUpgrades({
      server,
      access,
      clients,
      isReady,
      metrics,
      log,
      origins: config.corsOrigins,
      mux: { hub, history, metrics, log, clock },
    });
    server.listen(config.port, config.hostname);
    await once(server, 'listening');
    // Clients and edges are told to go, and have a while for it, before anything under them ends.
    started.defer(async () => {
      draining = true;
      const closed = once(server, 'close');
      server.close();
      upgrades.drain();
      hub.endWatches();
      const gone = new AbortController();
      const tidying = setInterval(() => server.closeIdleConnections(), 20);
      await Promise.race([closed, sleep(config.drainMs, undefined, { signal: gone.signal })]);
      gone.abort();
      clearInterval(tidying);
      upgrades[Symbol.dispose]();
      server.closeAllConnections();
      await closed;
    });
    // A long log takes its time; until it is read, edges and clients are asked to come again.
    if (!shared) await Promise.race([bridge.ready, sleep(5_000, undefined, { ref: false })]);

    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    const hostname = config.hostname === '0.0.0.0' || config.hostname === '::' ? '127.0.0.1' : config.hostname;
    const url = `http://${hostname}:${address.port}`;
    log.info('realtime.ready', { url, history: shared ? 'redis' : 'memory' });
    return { url, port: address.port, [Symbol.asyncDispose]: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    throw error;
  }
}

/** As Hono's middleware gives it to every other answer. */
function crossOrigin(allowed: readonly string[], origin: string | undefined): Record<string, string> {
  if (allowed.includes('*')) return { 'access-control-allow-origin': '*' };
  return {
    vary: 'Origin',
    ...(origin !== undefined && allowed.includes(origin) ? { 'access-control-allow-origin': origin } : {}),
  };
}

/** The bus may come later than we do. */
async function topicOf(
  source: EventSource,
  log: Log,
): Promise<{ readonly topicEpoch: string; readonly partitions: number }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const topicEpoch = await source.epoch(realtimeTopic);
      // Of any group: what counts here is how many partitions there are.
      const { length: partitions } = await source.lag('realtime', [realtimeTopic]);
      if (partitions === 0) throw new Error(`${realtimeTopic} has no partitions`);
      return { topicEpoch, partitions };
    } catch (error) {
      if (attempt === busAttempts) throw error;
      log.warn('realtime.bus_unreachable', { topic: realtimeTopic, attempt, error });
      await sleep(1_000);
    }
  }
}

const busAttempts = 120;

function kafkaSource(config: RealtimeConfig, log: Log): EventSource & AsyncDisposable {
  if (!config.kafkaBrokers) throw new Error('configuration: KAFKA_BROKERS is needed to run alone');
  return openKafkaSource({ brokers: config.kafkaBrokers, log });
}

if (import.meta.main) {
  const realtime = await startRealtime(realtimeConfig(process.env));
  const stop = (): void => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    realtime[Symbol.asyncDispose]().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
}
