// The gRPC server of one service: who calls, whether they may, how long it may take, and what they are told.
import {
  experimental,
  type Metadata,
  Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { type Span, SpanKind } from '@opentelemetry/api';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { extractTrace, inSpan } from '../telemetry/tracing.ts';
import { withDeadline } from './deadline.ts';
import {
  callerHeader,
  idempotencyKeyHeader,
  longestIdempotencyKey,
  pathParts,
  type RequestOf,
  type ResponseOf,
  type RpcDefinition,
  type RpcMethod,
  readsOnly,
} from './definition.ts';
import { addHealth } from './health.ts';
import { callerOf, peerNames } from './peer.ts';
import { type Permissions, permissions } from './permissions.ts';
import { addReflection } from './reflection.ts';
import { plainRefusal, type Refusal, refusalOf, statusName } from './status.ts';
import { heartbeatEveryMs, pump } from './stream.ts';
import type { TlsSource } from './tls-source.ts';

/** What a handler knows of the call beside the request. */
export interface RpcCall {
  /** Always there on methods that change something. */
  readonly idempotencyKey: string | undefined;
  /** The calling service, by its certificate. */
  readonly peer: string;
  /** Fires when nobody waits for the answer any more: cancelled, out of time, or a stream while the server ends. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. Calls that the handler makes end by then without being told. */
  readonly deadline: number;
}

export type RpcHandler<Method extends RpcMethod> = Method extends { readonly responseStream: true }
  ? (request: RequestOf<Method>, call: RpcCall) => AsyncIterable<ResponseOf<Method>>
  : (request: RequestOf<Method>, call: RpcCall) => Promise<ResponseOf<Method>>;

export type RpcHandlers<Definition extends RpcDefinition> = {
  readonly [Name in keyof Definition]: RpcHandler<Definition[Name]>;
};

export interface RpcServerOptions {
  readonly service: string;
  readonly tls: TlsSource;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Who may call what; the system's own table by default. */
  readonly allow?: Permissions;
  /** How long a stream may be silent before it sends an empty message. */
  readonly heartbeatMs?: number;
  /** How long running calls may take to end when the server ends. */
  readonly drainMs?: number;
}

export interface RpcServer extends AsyncDisposable {
  add<Definition extends RpcDefinition>(definition: Definition, handlers: RpcHandlers<Definition>): void;
  /** Resolves with the bound port; 0 asks for any. */
  listen(host: string, port: number): Promise<number>;
}

const largestMessage = 1024 * 1024;
/** For callers that name no deadline. Nobody waits longer for one answer. */
const longestUnaryMs = 30_000;
const longestStreamMs = 3_600_000;
const longestConnectionMs = 3_600_000;

export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { service, tls, log, metrics, allow = permissions, heartbeatMs = heartbeatEveryMs, drainMs = 10_000 } = options;
  const server = new Server({
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage,
    'grpc.max_concurrent_streams': 1_000,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Callers come back with the certificate that they have by then.
    'grpc.max_connection_age_ms': longestConnectionMs,
    'grpc.max_connection_age_grace_ms': longestUnaryMs,
  });
  const health = addHealth(server);
  const offered = new Set(['grpc.health.v1.Health']);
  const ending = new AbortController();
  const running = new Set<Promise<void>>();

  const answer: Answer = async ({ key, method, call, work, refuse }) => {
    const names = pathParts(method);
    const labels = { service: names.service, method: names.method };
    const start = performance.now();
    const stop = stopSignal(call, method, ending.signal);
    const parent = withDeadline(extractTrace(textHeaders(call.metadata)), stop.deadline);
    metrics.rpcServerRunning.inc({ service: names.service });
    let code = 'OK';
    try {
      const attributes = { 'rpc.system': 'grpc', 'rpc.service': names.service, 'rpc.method': names.method };
      await inSpan(`${names.service}/${names.method}`, { kind: SpanKind.SERVER, attributes, parent }, async (span) => {
        try {
          const admitted = admit(call, key, method, allow);
          if ('refused' in admitted) {
            code = statusName(admitted.refused.code);
            log.warn('rpc.refused', { ...labels, code, why: admitted.refused.details });
            refuse(admitted.refused);
            return;
          }
          span.setAttribute('lotok.peer', admitted.peer);
          const known = { ...admitted, signal: stop.signal, deadline: stop.deadline };
          await work(known);
        } catch (error) {
          const refusal = explain(error, { stop, labels, log, span });
          code = statusName(refusal.code);
          refuse(refusal);
        } finally {
          if (call.cancelled && code === 'OK') code = 'CANCELLED';
          span.setAttribute('rpc.response.status_code', code);
        }
      });
    } finally {
      stop.clear();
      metrics.rpcServerRunning.dec({ service: names.service });
      metrics.rpcServerCalls.inc({ ...labels, code });
      metrics.rpcServerSeconds.observe(labels, (performance.now() - start) / 1000);
    }
  };
  const run = (answering: Promise<void>): void => {
    const ended = answering
      .catch((error: unknown) => log.error('rpc.answer_failed', { service, error }))
      .finally(() => running.delete(ended));
    running.add(ended);
  };

  return {
    add(definition, handlers) {
      const implementation: Record<string, (call: never, callback: never) => void> = {};
      for (const [key, method] of Object.entries<RpcMethod>(definition)) {
        if (method.requestStream) throw new Error(`${method.path}: streams of requests are not offered`);
        const handler = handlers[key] as (request: unknown, call: RpcCall) => unknown;
        if (method.responseStream) {
          implementation[key] = (call: ServerWritableStream<unknown, unknown>) => {
            const refuse = (refusal: Refusal): void => {
              if (!call.destroyed) call.emit('error', refusal);
            };
            const work = (known: RpcCall): Promise<void> =>
              pump(handler(call.request, known) as AsyncIterable<unknown>, call, {
                signal: known.signal,
                heartbeat: { everyMs: heartbeatMs, message: method.responseDeserialize(Buffer.alloc(0)) },
              });
            run(answer({ key, method, call, work, refuse }));
          };
        } else {
          implementation[key] = (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
            const work = async (known: RpcCall): Promise<void> => callback(null, await handler(call.request, known));
            run(answer({ key, method, call, work, refuse: callback }));
          };
        }
      }
      server.addService(definition as unknown as ServiceDefinition, implementation as never);
      for (const name of new Set(Object.values(definition).map((method) => pathParts(method).service))) {
        health.add(name);
        offered.add(name);
      }
    },

    async listen(host, port) {
      await addReflection(server, [...offered]);
      // The last argument refuses connections of clients without a good certificate.
      const credentials = experimental.createCertificateProviderServerCredentials(tls, tls, true);
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
      return new Promise((resolve, reject) => {
        server.bindAsync(address, credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
      });
    },

    /** Takes no new calls, tells streams to go elsewhere, lets running calls end, and gives up on those that don't. */
    async [Symbol.asyncDispose]() {
      ending.abort();
      health.end();
      let force: NodeJS.Timeout | undefined;
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const late = new Promise<'late'>((resolve) => {
        force = setTimeout(() => resolve('late'), drainMs);
      });
      if ((await Promise.race([Promise.all([closed, ...running]), late])) === 'late') {
        log.warn('rpc.drain_timeout', { service, running: running.size });
        server.forceShutdown();
      }
      clearTimeout(force);
    },
  };
}

/** What both kinds of calls have. */
interface AnyCall
  extends Pick<ServerUnaryCall<unknown, unknown>, 'metadata' | 'cancelled' | 'getDeadline' | 'getAuthContext'> {
  once(event: 'cancelled', listener: () => void): unknown;
  off(event: 'cancelled', listener: () => void): unknown;
}

type Answer = (what: {
  /** The method's name in code. */
  readonly key: string;
  readonly method: RpcMethod;
  readonly call: AnyCall;
  readonly work: (known: RpcCall) => Promise<void>;
  readonly refuse: (refusal: Refusal) => void;
}) => Promise<void>;

/** Everything that is checked before a handler sees the call. */
function admit(
  call: AnyCall,
  key: string,
  method: RpcMethod,
  allow: Permissions,
): Pick<RpcCall, 'peer' | 'idempotencyKey'> | { readonly refused: Refusal } {
  const peer = callerOf(peerNames(call), textOf(call.metadata, callerHeader));
  if (peer === undefined) return { refused: plainRefusal('UNAUTHENTICATED', 'the certificate names no such service') };
  const { service } = pathParts(method);
  if (!allow[service]?.[key]?.includes(peer)) {
    return { refused: plainRefusal('PERMISSION_DENIED', `${peer} may not call ${method.path}`) };
  }
  const idempotencyKey = textOf(call.metadata, idempotencyKeyHeader);
  if (!readsOnly(key) && !idempotencyKey) {
    return { refused: plainRefusal('INVALID_ARGUMENT', `${method.path} needs an ${idempotencyKeyHeader}`) };
  }
  if ((idempotencyKey?.length ?? 0) > longestIdempotencyKey) {
    return { refused: plainRefusal('INVALID_ARGUMENT', `${idempotencyKeyHeader} is too long`) };
  }
  return { peer, idempotencyKey };
}

interface Explaining {
  readonly stop: StopSignal;
  readonly labels: { readonly service: string; readonly method: string };
  readonly log: Log;
  readonly span: Span;
}

/** Rules that say no are told to the caller; defects are logged here, once, and told to nobody. */
function explain(error: unknown, { stop, labels, log, span }: Explaining): Refusal {
  if (error instanceof ProblemError) {
    span.setAttribute('lotok.problem', error.code);
    if (error.status >= 500)
      log.warn('rpc.problem', { ...labels, code: error.code, error: error.extras.cause ?? error });
    return refusalOf(error);
  }
  if (stop.signal.aborted) return stop.refusal();
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
  log.error('rpc.failed', { ...labels, error });
  return plainRefusal('INTERNAL', 'internal error');
}

interface StopSignal {
  readonly signal: AbortSignal;
  readonly deadline: number;
  /** What a call is told that ends by this signal. */
  refusal(): Refusal;
  clear(): void;
}

/** A running answer is worth finishing while the server ends; an endless stream is not. */
function stopSignal(call: AnyCall, method: RpcMethod, ending: AbortSignal): StopSignal {
  const stopped = new AbortController();
  const now = Date.now();
  const asked = Number(call.getDeadline());
  const deadline = Math.min(asked, now + (method.responseStream ? longestStreamMs : longestUnaryMs));
  const late = (): void => stopped.abort(new ProblemError('timeout'));
  const gone = (): void => stopped.abort(new DOMException('the caller cancelled', 'AbortError'));
  const end = (): void => stopped.abort(new ProblemError('unavailable', { detail: 'The server is ending' }));
  const timer = setTimeout(late, Math.max(0, deadline - now));
  call.once('cancelled', gone);
  if (method.responseStream) {
    ending.addEventListener('abort', end, { once: true });
    if (ending.aborted) end();
  }
  return {
    signal: stopped.signal,
    deadline,
    refusal() {
      const reason: unknown = stopped.signal.reason;
      return reason instanceof ProblemError ? refusalOf(reason) : plainRefusal('CANCELLED', 'cancelled');
    },
    clear() {
      clearTimeout(timer);
      call.off('cancelled', gone);
      ending.removeEventListener('abort', end);
    },
  };
}

const textOf = (metadata: Metadata, name: string): string | undefined => {
  const [value] = metadata.get(name);
  return typeof value === 'string' && value !== '' ? value : undefined;
};

const textHeaders = (metadata: Metadata): Record<string, string | undefined> => ({
  traceparent: textOf(metadata, 'traceparent'),
  tracestate: textOf(metadata, 'tracestate'),
});
