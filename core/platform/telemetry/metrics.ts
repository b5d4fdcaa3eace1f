// Core's metrics, all declared here. Each part of a process has a registry of its own.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type Metrics = ReturnType<typeof createMetrics>;

// Fine enough around a few milliseconds and up to the longest deadline that P50, P90 and P99 can be read off.
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** Process metrics describe the process, so only its first registry has them. */
let processMetricsTaken = false;

export function createMetrics({ part }: { readonly part: string }) {
  const registry = new Registry();
  registry.setDefaultLabels({ part });
  if (!processMetricsTaken) {
    processMetricsTaken = true;
    collectDefaultMetrics({ register: registry });
  }
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `lotok_${name}_total`, help, labelNames, registers });
  const histogram = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Histogram({ name: `lotok_${name}_seconds`, help, labelNames, buckets: seconds, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `lotok_${name}`, help, labelNames, registers });

  return {
    registry,

    httpRequests: counter('http_requests', 'REST requests answered', ['route', 'method', 'code']),
    httpSeconds: histogram('http_request', 'Time to the REST answer', ['route', 'method']),

    rpcServerCalls: counter('rpc_server_calls', 'gRPC calls answered, by status', ['service', 'method', 'code']),
    rpcServerSeconds: histogram('rpc_server_call', 'Time to the gRPC answer', ['service', 'method']),
    rpcServerRunning: gauge('rpc_server_running', 'gRPC calls being answered now', ['service']),
    rpcClientCalls: counter('rpc_client_calls', 'gRPC calls made, by final status', ['service', 'method', 'code']),
    rpcClientSeconds: histogram('rpc_client_call', 'Time of gRPC calls, retries included', ['service', 'method']),
    rpcClientRetries: counter('rpc_client_retries', 'gRPC calls sent again', ['service', 'method', 'code']),
    rpcClientRetriesDenied: counter('rpc_client_retries_denied', 'gRPC calls not sent again: the budget was spent', [
      'service',
    ]),
    rpcBreakerState: gauge('rpc_breaker_state', 'Circuit breaker: 0 closed, 1 half open, 2 open', [
      'service',
      'target',
    ]),

    partnerCalls: counter('partner_calls', 'Calls to payment providers and couriers, by final result', [
      'partner',
      'operation',
      'result',
    ]),
    partnerSeconds: histogram('partner_call', 'Time of calls to partners, retries included', ['partner', 'operation']),
    courierUnknownStatuses: counter('courier_unknown_statuses', 'Statuses of couriers that changed nothing', [
      'courier',
    ]),
    partnerRetries: counter('partner_retries', 'Calls to partners sent again', ['partner', 'operation']),

    busPublished: counter('bus_published', 'Messages handed to the bus', ['topic']),
    busSends: counter('bus_sends', 'Requests to the bus that carried messages', []),
    busConsumed: counter('bus_consumed', 'Messages handled', ['service', 'topic', 'result']),
    busHandleSeconds: histogram('bus_handle', 'Time to handle a message', ['service', 'topic']),
    busDeadLetters: counter('bus_dead_letters', 'Messages put aside', ['service', 'topic']),
    busLag: gauge('bus_lag', 'Messages that a group is behind', ['group', 'topic', 'partition']),

    outboxPending: gauge('outbox_pending', 'Events that wait for the relay', ['service']),
    outboxPublished: counter('outbox_published', 'Events relayed to the bus', ['service']),

    sagaTransitions: counter('saga_transitions', 'State changes of orders', ['from', 'to', 'event']),
    sagaCommands: counter('saga_commands', 'Commands of the saga', ['step', 'result']),
    sagaTimers: counter('saga_timers', 'Timers of the saga that fired, by the status that ran out', ['status']),
    sagaAttention: gauge('saga_orders_needing_attention', 'Orders that a person has to look at', []),
    mails: counter('mails', 'Tries to send a mail, by what came of them', ['kind', 'result']),

    watchConnections(counts: () => Readonly<Record<'open' | 'idle' | 'waiting', number>>): void {
      new Gauge({
        name: 'lotok_db_connections',
        help: 'Database connections: open, idle, waited for',
        labelNames: ['state'],
        registers,
        collect() {
          for (const [state, count] of Object.entries(counts())) this.set({ state }, count);
        },
      });
    },
  };
}
