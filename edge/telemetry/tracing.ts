// Traces: W3C trace context continued or begun, spans with explicit parents, exported by OTLP over fetch.
import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { JsonTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Platform } from '../platform.ts';

export interface Tracing {
  /** The context that a request's headers carry, or a new one. */
  extract(headers: Headers): { readonly context: Context; readonly traceId: string };
  /** Runs `work` in a span; it ends with the promise, and fails with it. */
  span<Result>(
    name: string,
    options: SpanOptions,
    work: (context: Context, span: Span) => Promise<Result>,
  ): Promise<Result>;
  /** A moment in a trace that came with a message instead of a request. */
  mark(name: string, traceparent: string, attributes: Record<string, string>): void;
  /** Sends what is still buffered. */
  flush(): Promise<void>;
}

export interface SpanOptions {
  readonly parent: Context;
  readonly kind?: SpanKind;
  readonly attributes?: Record<string, string | number | boolean>;
}

/** `traceparent` of the context's active span (W3C Trace Context, section 3.2). */
export function traceparent(context: Context): string | undefined {
  const span = trace.getSpanContext(context);
  return span && `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
}

export function createTracing(
  platform: Pick<Platform, 'waitUntil' | 'log' | 'runtime'> & {
    readonly config: { readonly otlpEndpoint?: string | undefined };
  },
): Tracing {
  const endpoint = platform.config.otlpEndpoint;
  const exporter =
    endpoint === undefined ? undefined : createExporter(`${endpoint.replace(/\/$/, '')}/v1/traces`, platform);
  const tracer: Tracer = exporter
    ? new BasicTracerProvider({
        resource: resourceFromAttributes({ 'service.name': 'lotok-edge', 'lotok.runtime': platform.runtime }),
        spanProcessors: [exporter],
      }).getTracer('lotok-edge')
    : trace.getTracer('lotok-edge');

  return {
    extract(headers) {
      const sampled = exporter ? TraceFlags.SAMPLED : TraceFlags.NONE;
      const span = parseTraceparent(headers.get('traceparent')) ?? {
        traceId: randomHex(16),
        spanId: randomHex(8),
        traceFlags: sampled,
        isRemote: true,
      };
      return { context: trace.setSpanContext(ROOT_CONTEXT, span), traceId: span.traceId };
    },

    async span(name, { parent, kind = SpanKind.INTERNAL, attributes = {} }, work) {
      const span = tracer.startSpan(name, { kind, attributes }, parent);
      // The no-op tracer hands the parent on, so that core still continues the client's trace.
      const context = trace.setSpan(parent, span);
      try {
        return await work(context, span);
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
        throw error;
      } finally {
        span.end();
      }
    },

    mark(name, traceparentOfMessage, attributes) {
      const parent = exporter && parseTraceparent(traceparentOfMessage);
      if (parent)
        tracer
          .startSpan(name, { kind: SpanKind.PRODUCER, attributes }, trace.setSpanContext(ROOT_CONTEXT, parent))
          .end();
    },

    async flush() {
      await exporter?.forceFlush();
    },
  };
}

function parseTraceparent(header: string | null): SpanContext | null {
  const match = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(
    header ?? '',
  );
  if (!match?.[1] || !match[2] || !match[3]) return null;
  return { traceId: match[1], spanId: match[2], traceFlags: Number.parseInt(match[3], 16) & 1, isRemote: true };
}

const randomHex = (bytes: number): string =>
  crypto.getRandomValues(new Uint8Array(bytes)).reduce((text, byte) => text + byte.toString(16).padStart(2, '0'), '');

const flushAfterMs = 500;
const maxBuffered = 4_096;

/** Collects spans and sends them half a second later, within what the platform lets outlive an answer. */
function createExporter(url: string, { waitUntil, log }: Pick<Platform, 'waitUntil' | 'log'>): SpanProcessor {
  let buffered: ReadableSpan[] = [];
  let scheduled = false;

  const send = async (): Promise<void> => {
    scheduled = false;
    const spans = buffered;
    buffered = [];
    if (spans.length === 0) return;
    const body = JsonTraceSerializer.serializeRequest(spans);
    if (!body) return;
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: new Uint8Array(body),
        signal: AbortSignal.timeout(5_000),
      });
      await response.body?.cancel();
      if (!response.ok) log.warn('traces.refused', { status: response.status, spans: spans.length });
    } catch (error) {
      log.warn('traces.lost', { error, spans: spans.length });
    }
  };

  return {
    onStart: () => undefined,
    onEnd(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0 || buffered.length >= maxBuffered) return;
      buffered.push(span);
      if (scheduled) return;
      scheduled = true;
      waitUntil(new Promise((resolve) => setTimeout(resolve, flushAfterMs)).then(send));
    },
    forceFlush: send,
    shutdown: send,
  };
}
