// The gRPC client of one service: its methods as functions.
import { context } from '@opentelemetry/api';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type CallingOptions, callOnce, callStream, type RpcCallOptions } from './call.ts';
import { openChannel } from './channel.ts';
import type { RequestOf, ResponseOf, RpcDefinition, RpcMethod } from './definition.ts';
import type { TlsSource } from './tls-source.ts';

export type RpcFunction<Method extends RpcMethod> = Method extends { readonly responseStream: true }
  ? (request: RequestOf<Method>, options?: RpcCallOptions) => AsyncIterable<ResponseOf<Method>>
  : (request: RequestOf<Method>, options?: RpcCallOptions) => Promise<ResponseOf<Method>>;

/** The methods of a service as functions. */
export type RpcClient<Definition extends RpcDefinition> = {
  readonly [Name in keyof Definition]: RpcFunction<Definition[Name]>;
} & AsyncDisposable;

export interface RpcClientOptions {
  /** `host:port`; several with commas between them are used in turn. */
  readonly target: string;
  /** The service that has to answer: its certificate must say so. */
  readonly service: string;
  readonly tls: TlsSource;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Which of the names in its certificate the caller acts as, where it has several. */
  readonly caller?: string;
  /** How long one try may take when the call may be tried again; by default as long as the whole call. */
  readonly tryDeadlineMs?: number;
  /** How long an open breaker waits before its first probe. */
  readonly probeAfterMs?: number;
  /** After how long without a message or a heartbeat a stream is taken for dead. */
  readonly longestSilenceMs?: number;
  /** Calls to one target at the same time; more are refused as `unavailable`. 500 by default. */
  readonly mostAtOnce?: number;
}

export function createRpcClient<Definition extends RpcDefinition>(
  definition: Definition,
  options: RpcClientOptions,
): RpcClient<Definition> {
  const channel = openChannel(options);
  const functions: Record<string | symbol, unknown> = {
    [Symbol.asyncDispose]: async () => channel.close(),
  };
  for (const [key, method] of Object.entries<RpcMethod>(definition)) {
    const calling: CallingOptions = { ...options, channel, key, method };
    functions[key] = method.responseStream
      ? (request: unknown, call: RpcCallOptions = {}) => callStream(calling, call, request, context.active())
      : (request: unknown, call: RpcCallOptions = {}) => callOnce(calling, call, request);
  }
  return functions as unknown as RpcClient<Definition>;
}
