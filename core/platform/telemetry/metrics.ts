// Core's metrics, all in one place. Names follow Prometheus; labels are few and bounded.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Seconds. Fine where P50/P90/P99 of a healthy call lie, coarse above. */
const latencyBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics({ part }: { part: string }) {
  const registry = new Registry();
  registry.setDefaultLabels({ part });
  collectDefaultMetrics({ register: registry });
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers: [registry] });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name, help, labelNames: [...labelNames], buckets: latencyBuckets, registers: [registry] });

  return {
    registry,
    httpRequests: counter('lotok_http_requests_total', 'REST requests', ['route', 'method', 'code']),
    httpSeconds: histogram('lotok_http_request_seconds', 'Time to answer a REST request', ['route', 'method']),
    rpcServed: counter('lotok_rpc_served_total', 'gRPC calls answered', ['service', 'method', 'code']),
    rpcServedSeconds: histogram('lotok_rpc_served_seconds', 'Time to answer a gRPC call', ['service', 'method']),
    rpcCalls: counter('lotok_rpc_calls_total', 'gRPC calls made, retries not counted', ['service', 'method', 'code']),
    rpcCallSeconds: histogram('lotok_rpc_call_seconds', 'Time of a gRPC call with its retries', ['service', 'method']),
    rpcRetries: counter('lotok_rpc_retries_total', 'Repeated tries of gRPC calls', ['service', 'method']),
    rpcBreakerOpen: gauge('lotok_rpc_breaker_open', '1 while the circuit breaker towards a service is open', [
      'service',
    ]),
    busPublished: counter('lotok_bus_published_total', 'Messages published', ['topic']),
    busConsumed: counter('lotok_bus_consumed_total', 'Messages handled', ['service', 'topic', 'result']),
    busHandleSeconds: histogram('lotok_bus_handle_seconds', 'Time to handle a message', ['service', 'topic']),
    busDeadLetters: counter('lotok_bus_dead_letters_total', 'Messages put aside', ['service', 'topic']),
    busLag: gauge('lotok_bus_lag', 'Messages behind the end of a topic', ['service', 'topic']),
    outboxWaiting: gauge('lotok_outbox_waiting', 'Events not yet published', ['service']),
    outboxPublished: counter('lotok_outbox_published_total', 'Events published from the outbox', ['service']),
    sagaTransitions: counter('lotok_saga_transitions_total', 'Changes of an order’s status', ['from', 'to', 'event']),
    sagaCommands: counter('lotok_saga_commands_total', 'Steps of the saga by their result', ['step', 'result']),
    sagaTimers: counter('lotok_saga_timers_total', 'Orders whose time was up', ['status']),
  };
}
