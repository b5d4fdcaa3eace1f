// The edge's metrics, all declared here; each edge has a registry of its own.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    requests: new Counter({
      name: 'lotok_edge_requests_total',
      help: 'Answers given, by route and status',
      labelNames: ['route', 'method', 'code'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'lotok_edge_request_seconds',
      help: 'Time to the answer',
      labelNames: ['route', 'method'],
      buckets: seconds,
      registers,
    }),
    cache: new Counter({
      name: 'lotok_edge_cache_total',
      help: 'Cache results: hit, stale, miss, revalidated, collapsed, bypass',
      labelNames: ['result'],
      registers,
    }),
    cacheBytes: new Gauge({ name: 'lotok_edge_cache_bytes', help: 'Bytes of stored answers', registers }),
    cacheInvalidated: new Counter({
      name: 'lotok_edge_cache_invalidated_total',
      help: 'Stored answers that were invalidated',
      labelNames: ['by'],
      registers,
    }),
    upstreamSeconds: new Histogram({
      name: 'lotok_edge_upstream_seconds',
      help: 'Time to the upstream’s header',
      labelNames: ['service'],
      buckets: seconds,
      registers,
    }),
    upstreamResponses: new Counter({
      name: 'lotok_edge_upstream_responses_total',
      help: 'Upstream answers by status; failed ones by kind',
      labelNames: ['service', 'code'],
      registers,
    }),
    upstreamRetries: new Counter({
      name: 'lotok_edge_upstream_retries_total',
      help: 'Requests sent to an upstream again',
      labelNames: ['service'],
      registers,
    }),
    rateLimited: new Counter({
      name: 'lotok_edge_rate_limited_total',
      help: 'Requests refused by a rate limit',
      labelNames: ['policy'],
      registers,
    }),
    streams: new Gauge({
      name: 'lotok_edge_streams_open',
      help: 'Open client streams',
      labelNames: ['transport'],
      registers,
    }),
  };
}
