// Tracing: each delivery is a span under the trace that the message carries.
import { ROOT_CONTEXT, SpanKind, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { ClientEvent } from '../contracts/client-stream.ts';

export interface Tracing extends AsyncDisposable {
  readonly tracer: Tracer;
}

/** Spans go nowhere without an endpoint. */
export function startTracing(otlpEndpoint: string | undefined): Tracing {
  // Looked up where nobody registered a provider, a tracer does nothing.
  if (otlpEndpoint === undefined)
    return { tracer: trace.getTracer('realtime'), [Symbol.asyncDispose]: async () => undefined };
  const exporter = new OTLPTraceExporter({
    url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: 5_000,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': 'lotok-realtime' }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000 })],
  });
  return {
    tracer: provider.getTracer('realtime'),
    // A collector that is away must not turn a clean end into a failure.
    [Symbol.asyncDispose]: () => provider.shutdown().catch(() => undefined),
  };
}

/** The span from the message's writing to its delivery, in the trace of what caused it. */
export function traceDelivery(
  tracer: Tracer,
  name: string,
  { event, traceparent, time }: Pick<ClientEvent, 'event' | 'traceparent' | 'time'>,
  now: number,
): void {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(traceparent ?? '');
  if (!match) return;
  const [, traceId = '', spanId = '', flags = '0'] = match;
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    isRemote: true,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
  });
  const attributes = { 'messaging.operation.type': 'deliver', 'lotok.event': event };
  tracer
    .startSpan(name, { kind: SpanKind.CONSUMER, startTime: Math.min(time ?? now, now), attributes }, parent)
    .end(now);
}
