// One call by a client: as many tries as its deadline and its safety allow, seen as one span.
import { type ClientReadableStream, Metadata } from '@grpc/grpc-js';
import { type Context, context, type Span, SpanKind, trace } from '@opentelemetry/api';
import { BulkheadRejectedError } from 'cockatiel';
import { ProblemError } from '../../../contracts/problem.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { failSpan, injectTrace, startSpan } from '../telemetry/tracing.ts';
import { BreakerOpen } from './breaker.ts';
import type { Channel, Target } from './channel.ts';
import { inheritedDeadline } from './deadline.ts';
import { callerHeader, idempotencyKeyHeader, pathParts, type RpcMethod, readsOnly } from './definition.ts';
import { isPassing, isServiceError, mostAttempts, pauseMs } from './retry.ts';
import { errorOf, statusName } from './status.ts';
import { longestSilenceMs } from './stream.ts';

export interface RpcCallOptions {
  /** Needed by methods that change something; the same key on a repetition gets the first answer. */
  readonly idempotencyKey?: string;
  /** For everything, retries included: 2 s by default (15 min for streams), never longer than the caller's own deadline. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export interface CallingOptions {
  readonly channel: Channel;
  /** The method's name in code. */
  readonly key: string;
  readonly method: RpcMethod;
  readonly metrics: Metrics;
  readonly caller?: string;
  readonly tryDeadlineMs?: number;
  readonly longestSilenceMs?: number;
}

/** An empty message of a stream. */
const heartbeat = Symbol('heartbeat');

const defaultDeadlineMs = 2_000;
const defaultStreamDeadlineMs = 15 * 60_000;

export async function callOnce(
  options: CallingOptions,
  callOptions: RpcCallOptions,
  request: unknown,
): Promise<unknown> {
  const call = beginCall(options, callOptions, context.active());
  try {
    const response = await withRetries(call, (target, deadline) => unary(target, call, request, deadline));
    call.end();
    return response;
  } catch (error) {
    throw call.fail(error);
  }
}

/** Tried again only until it is open: who has heard a part knows better where to go on. */
export async function* callStream(
  options: CallingOptions,
  callOptions: RpcCallOptions,
  request: unknown,
  parent: Context,
): AsyncGenerator<unknown, void, undefined> {
  const call = beginCall(options, callOptions, parent);
  let stream: ClientReadableStream<unknown> | undefined;
  const cancel = (): void => stream?.cancel();
  let silence: NodeJS.Timeout | undefined;
  const listen = (): void => {
    const dead = (): void =>
      void stream?.destroy(new ProblemError('unavailable', { detail: 'The stream fell silent' }));
    silence = setTimeout(dead, options.longestSilenceMs ?? longestSilenceMs);
  };
  try {
    stream = await withRetries(call, (target) => openStream(target, call, request));
    call.signal?.addEventListener('abort', cancel, { once: true });
    listen();
    for await (const message of stream) {
      clearTimeout(silence); // while its reader is busy nobody listens
      if (message !== heartbeat) yield message;
      listen();
    }
    call.end();
  } catch (error) {
    throw call.fail(error);
  } finally {
    clearTimeout(silence);
    call.signal?.removeEventListener('abort', cancel);
    stream?.cancel();
    call.end(); // also when its reader has stopped reading
  }
}

interface Call {
  readonly options: CallingOptions;
  readonly method: RpcMethod;
  readonly metadata: Metadata;
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly mayRepeat: boolean;
  repeated(error: unknown): void;
  /** The retry budget was spent. */
  notRepeated(): void;
  end(): void;
  /** What the caller gets to see of the failure. */
  fail(error: unknown): unknown;
}

function beginCall(options: CallingOptions, callOptions: RpcCallOptions, parent: Context): Call {
  const { key, method, metrics } = options;
  const { service, method: name } = pathParts(method);
  const { idempotencyKey, signal } = callOptions;
  const labels = { service, method: name };
  const start = performance.now();
  const deadlineMs = callOptions.deadlineMs ?? (method.responseStream ? defaultStreamDeadlineMs : defaultDeadlineMs);
  const attributes = { 'rpc.system': 'grpc', 'rpc.service': service, 'rpc.method': name };
  const span = startSpan(`${service}/${name}`, SpanKind.CLIENT, attributes, parent);
  let repeats = 0;
  let ended = false;

  const end = (code = 'OK'): void => {
    if (ended) return;
    ended = true;
    metrics.rpcClientCalls.inc({ ...labels, code });
    metrics.rpcClientSeconds.observe(labels, (performance.now() - start) / 1000);
    if (repeats > 0) span.setAttribute('rpc.retries', repeats);
    span.setAttribute('rpc.response.status_code', code);
    span.end();
  };
  return {
    options,
    method,
    metadata: metadataOf(span, parent, { [idempotencyKeyHeader]: idempotencyKey, [callerHeader]: options.caller }),
    deadline: Math.min(Date.now() + deadlineMs, context.with(parent, inheritedDeadline)),
    signal,
    mayRepeat: readsOnly(key) || idempotencyKey !== undefined,
    repeated(error) {
      repeats += 1;
      metrics.rpcClientRetries.inc({ ...labels, code: codeOf(error) });
    },
    notRepeated: () => metrics.rpcClientRetriesDenied.inc({ service }),
    end: () => end(),
    fail(error) {
      const seen = signal?.aborted ? signal.reason : seenError(error, `${service}/${name}`);
      if (!ended) failSpan(span, seen);
      end(signal?.aborted ? 'CANCELLED' : codeOf(error));
      return seen;
    },
  };
}

async function withRetries<Result>(
  call: Call,
  attempt: (target: Target, deadline: number) => Promise<Result>,
): Promise<Result> {
  const { channel, tryDeadlineMs = Number.POSITIVE_INFINITY } = call.options;
  channel.retryBudget.earn();
  for (let tries = 1; ; tries += 1) {
    call.signal?.throwIfAborted();
    if (Date.now() >= call.deadline) throw new ProblemError('timeout');
    const deadline = call.mayRepeat ? Math.min(call.deadline, Date.now() + tryDeadlineMs) : call.deadline;
    const target = channel.pick();
    try {
      return await target.room.execute(() => target.breaker.run(() => attempt(target, deadline)));
    } catch (error) {
      const again = call.mayRepeat && tries < mostAttempts && isPassing(error, deadline < call.deadline);
      const pause = pauseMs(tries);
      if (!again || call.signal?.aborted || Date.now() + pause >= call.deadline) throw error;
      if (!channel.retryBudget.spend()) {
        call.notRepeated();
        throw error;
      }
      call.repeated(error);
      await wait(pause, call.signal);
    }
  }
}

function unary(
  { client }: Target,
  { method, metadata, signal }: Call,
  request: unknown,
  deadline: number,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const serialize = method.requestSerialize as (value: unknown) => Buffer;
    const cancel = (): void => running.cancel();
    const running = client.makeUnaryRequest(
      method.path,
      serialize,
      method.responseDeserialize,
      request,
      metadata.clone(),
      { deadline },
      (error, response) => {
        signal?.removeEventListener('abort', cancel);
        if (error) reject(error);
        else resolve(response);
      },
    );
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/** Resolves when the server has begun to answer. */
function openStream(
  { client }: Target,
  { method, metadata, deadline, signal }: Call,
  request: unknown,
): Promise<ClientReadableStream<unknown>> {
  return new Promise((resolve, reject) => {
    const serialize = method.requestSerialize as (value: unknown) => Buffer;
    const stream = client.makeServerStreamRequest(
      method.path,
      serialize,
      (bytes) => (bytes.length === 0 ? heartbeat : method.responseDeserialize(bytes)),
      request,
      metadata.clone(),
      { deadline },
    );
    const cancel = (): void => stream.cancel();
    const opened = (): void => {
      signal?.removeEventListener('abort', cancel);
      resolve(stream);
    };
    signal?.addEventListener('abort', cancel, { once: true });
    stream.once('metadata', opened);
    // Stays: whoever stops reading cancels, and that is an error event too.
    stream.on('error', (error) => {
      signal?.removeEventListener('abort', cancel);
      reject(error);
    });
  });
}

function metadataOf(span: Span, parent: Context, headers: Readonly<Record<string, string | undefined>>): Metadata {
  const metadata = new Metadata();
  const carrier: Record<string, string> = {};
  context.with(trace.setSpan(parent, span), () => injectTrace(carrier));
  for (const [name, value] of Object.entries({ ...carrier, ...headers })) {
    if (value !== undefined) metadata.set(name, value);
  }
  return metadata;
}

function seenError(error: unknown, name: string): unknown {
  if (error instanceof BreakerOpen || error instanceof BulkheadRejectedError)
    return new ProblemError('unavailable', { cause: error });
  return isServiceError(error) ? errorOf(error, name) : error;
}

function codeOf(error: unknown): string {
  if (error instanceof BreakerOpen) return 'BREAKER_OPEN';
  if (error instanceof BulkheadRejectedError) return 'TOO_MANY_AT_ONCE';
  if (isServiceError(error)) return statusName(error.code);
  return error instanceof ProblemError && error.code === 'timeout' ? 'DEADLINE_EXCEEDED' : 'UNKNOWN';
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}
