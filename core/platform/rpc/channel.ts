// Connections to the targets of one service: mutual TLS, the server's name checked, a breaker each.
import { Client, type ClientOptions, experimental } from '@grpc/grpc-js';
import { type BulkheadPolicy, bulkhead } from 'cockatiel';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Breaker, type BreakerState, createBreaker } from './breaker.ts';
import { hostnameOf } from './definition.ts';
import { isTargetFailure } from './retry.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import type { TlsSource } from './tls-source.ts';

export interface Target {
  readonly address: string;
  readonly client: Client;
  readonly breaker: Breaker;
  /** Calls that are under way: more are refused at once, so that a slow target does not fill our memory. */
  readonly room: BulkheadPolicy;
}

export interface ChannelOptions {
  /** `host:port`, or several with commas between them. */
  readonly target: string;
  /** The service that has to answer there. */
  readonly service: string;
  readonly tls: TlsSource;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly probeAfterMs?: number | undefined;
  /** Calls to one target at the same time; 500 by default. */
  readonly mostAtOnce?: number | undefined;
}

export interface Channel {
  /** The next target in turn whose breaker lets calls through; else the next in turn. */
  pick(): Target;
  readonly retryBudget: RetryBudget;
  close(): void;
}

const largestMessage = 1024 * 1024;
const defaultMostAtOnce = 500;

export function openChannel(channelOptions: ChannelOptions): Channel {
  const { target, service, tls, log, metrics, probeAfterMs, mostAtOnce = defaultMostAtOnce } = channelOptions;
  const addresses = target.split(',').map((address) => address.trim());
  const name = hostnameOf(service);
  const options: ClientOptions = {
    'grpc.ssl_target_name_override': name,
    'grpc.default_authority': name,
    // Each service has a certificate of its own, so connections are not shared with others in the process.
    'grpc.use_local_subchannel_pool': 1,
    // Retries are ours: counted, inside the deadline, and only where they do no harm.
    'grpc.enable_retries': 0,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage,
  };
  const secure = experimental.createCertificateProviderChannelCredentials(tls, tls);
  const targets = addresses.map((address): Target => {
    const onState = (state: BreakerState): void => {
      metrics.rpcBreakerState.set({ service, target: address }, state);
      if (state > 0) log.warn('rpc.breaker', { service, target: address, state: state === 2 ? 'open' : 'half open' });
    };
    return {
      address,
      client: new Client(address, secure, options),
      breaker: createBreaker({ target: address, isFailure: isTargetFailure, onState, probeAfterMs }),
      room: bulkhead(mostAtOnce),
    };
  });
  let turn = 0;
  const next = (): Target => {
    const chosen = targets[turn % targets.length];
    turn += 1;
    if (!chosen) throw new Error('no target');
    return chosen;
  };
  return {
    retryBudget: createRetryBudget(),
    pick() {
      let chosen = next();
      for (let tries = 1; tries < targets.length && !chosen.breaker.lets; tries += 1) chosen = next();
      return chosen;
    },
    close() {
      for (const { client } of targets) client.close();
    },
  };
}
