// The edge's metrics, all declared here; each edge has a registry of its own.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { StreamMetrics } from '../streams/fanin.ts';

export type Metrics = ReturnType<typeof createMetrics>;

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `lotok_edge_${name}`, help, labelNames, registers, collect: countQuick });
  /** What hits count, in plain numbers: to look labels up costs as much as the rest of a hit. Told when somebody asks. */
  const quick = new Map<string, { count: number; tell(count: number): void }>();
  const countQuickly = (key: string, tell: (count: number) => void): void => {
    const known = quick.get(key);
    if (known) known.count += 1;
    else quick.set(key, { count: 1, tell });
  };
  function countQuick(): void {
    for (const each of quick.values()) {
      if (each.count > 0) each.tell(each.count);
      each.count = 0;
    }
  }
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name: `lotok_edge_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, ...labelNames: string[]) =>
    new Histogram({ name: `lotok_edge_${name}`, help, labelNames, buckets: seconds, registers });

  const requests = counter('requests_total', 'Answers given, by route and status', 'route', 'method', 'code');
  const requestSeconds = histogram('request_seconds', 'Time to the answer', 'route', 'method');
  const cache = counter('cache_total', 'Cache results: hit, stale, miss, revalidated, collapsed, bypass', 'result');
  return {
    registry,
    requests,
    requestSeconds,
    cacheInvalidated: counter('cache_invalidated_total', 'Stored answers that were invalidated', 'by'),
    upstreamSeconds: histogram('upstream_seconds', 'Time to the upstream’s header', 'service'),
    upstreamResponses: counter(
      'upstream_responses_total',
      'Upstream answers by status; failed ones by kind',
      'service',
      'code',
    ),
    upstreamRetries: counter('upstream_retries_total', 'Requests sent to an upstream again', 'service'),
    rateLimited: counter('rate_limited_total', 'Requests refused by a rate limit', 'policy'),
    shed: counter('shed_total', 'Requests refused under load, by what had no room: loop, upstream', 'reason'),
    breaker: gauge('upstream_breaker_state', '0 closed, 1 half open, 2 open', 'origin'),
    concurrencyLimit: gauge('upstream_concurrency_limit', 'Requests that an upstream is given at once', 'origin'),
    ratesLocal: counter('rates_local_total', 'Requests counted by this edge alone, since what edges share was away'),
    sessionsAsked: counter(
      'sessions_asked_total',
      'Sessions that core was asked about: alive, ended, unknown',
      'state',
    ),
    streams: gauge('streams_open', 'Open client streams, subscribed channels, connected realtime nodes', 'what'),
    streamEvents: counter('stream_events_total', 'Messages in and out, resets, losses', 'event'),
    streamSeconds: histogram('stream_delivery_seconds', 'From a message’s writing to its delivery'),

    /** Counts an answer that came straight from the cache: too many and too quick to time each. */
    hit(route: string, method: string, status: number): void {
      countQuickly(`${method} ${status} ${route}`, (count) =>
        requests.inc({ route, method, code: String(status) }, count),
      );
    },

    cacheResult(result: string): void {
      countQuickly(result, (count) => cache.inc({ result }, count));
    },

    watchCacheBytes(bytes: () => number): void {
      new Gauge({
        name: 'lotok_edge_cache_bytes',
        help: 'Bytes of stored answers',
        registers,
        collect() {
          this.set(bytes());
        },
      });
    },
  };
}

/** Of the process that starts the others of a cluster. */
export function createSupervisorMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    restarts: new Counter({
      name: 'lotok_edge_worker_restarts_total',
      help: 'Workers that ended and were started again',
      registers,
    }),
    watchWorkers(running: () => number): void {
      new Gauge({
        name: 'lotok_edge_workers',
        help: 'Processes that serve this edge',
        registers,
        collect() {
          this.set(running());
        },
      });
    },
  };
}

export const streamMetrics = (metrics: Metrics): StreamMetrics => ({
  gauge: (what, value) => metrics.streams.set({ what }, value),
  count: (event) => metrics.streamEvents.inc({ event }),
  latency: (latencySeconds) => metrics.streamSeconds.observe(latencySeconds),
});
