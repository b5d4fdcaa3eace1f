// Tracing: W3C trace context carried through everything, spans exported by OTLP where an endpoint is set.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Attributes,
  type Context,
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ProblemError } from '../../../contracts/problem.ts';
import { redactText } from './redact.ts';

export interface TracingOptions {
  /** `service.name` of the spans. */
  readonly service: string;
  /** Base address of an OTLP/HTTP collector. */
  readonly otlpEndpoint?: string | undefined;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** The context that the span continues; the active one by default. */
  readonly parent?: Context | undefined;
}

const longestFlushMs = 2_000;
const propagator = new W3CTraceContextPropagator();
/** Who exports now. Not OpenTelemetry's global provider: parts in one process each have their own `service.name`. */
const exporting: Tracer[] = [];

/**
 * From here on trace context follows every await. May be started several times in a process;
 * the last one that has an endpoint and isn't disposed exports the spans.
 */
export function startTracing({ service, otlpEndpoint }: TracingOptions): AsyncDisposable {
  // Another part may have set one already: the first is kept, and it serves all.
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  if (otlpEndpoint === undefined) return { [Symbol.asyncDispose]: async () => undefined };

  const exporter = new OTLPTraceExporter({
    url: `${otlpEndpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: 5_000,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000 })],
  });
  const tracer = provider.getTracer(service);
  exporting.push(tracer);
  return {
    async [Symbol.asyncDispose]() {
      const index = exporting.indexOf(tracer);
      if (index < 0) return;
      exporting.splice(index, 1);
      // A collector that is away must not turn a clean end into a failure, nor hold it up.
      const flushed = provider.shutdown().catch(() => undefined);
      await Promise.race([flushed, pause(longestFlushMs, undefined, { ref: false })]);
    },
  };
}

/** Runs `work` in a span that ends with it. Rules that say no are answers, not errors of the span. */
export async function inSpan<Result>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes = {}, parent = context.active() }: SpanOptions,
  work: (span: Span) => Promise<Result> | Result,
): Promise<Result> {
  const span = startSpan(name, kind, attributes, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** A span that the caller ends; without an exporter only its ids are real. */
export function startSpan(name: string, kind: SpanKind, attributes: Attributes, parent: Context): Span {
  const tracer = exporting.at(-1);
  if (tracer) return tracer.startSpan(name, { kind, attributes }, parent);
  return trace.wrapSpanContext(
    trace.getSpanContext(parent) ?? {
      traceId: randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: TraceFlags.NONE,
    },
  );
}

export function failSpan(span: Span, error: unknown): void {
  if (error instanceof ProblemError) span.setAttribute('lotok.problem', error.code);
  if (error instanceof ProblemError && error.status < 500) return;
  const message = redactText(error instanceof Error ? error.message : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
}

/** Writes `traceparent` (and `tracestate`) of the active span. */
export function injectTrace(carrier: Record<string, string>): void {
  propagator.inject(context.active(), carrier, defaultTextMapSetter);
}

/** The context that headers carry; an empty one when they carry none or nonsense. */
export const extractTrace = (carrier: Readonly<Record<string, string | undefined>>): Context =>
  propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter);

export const currentTraceId = (): string | undefined => trace.getSpanContext(context.active())?.traceId;

/** The trace that headers name, for whoever looks for it later. */
export const traceIdOf = (carrier: Readonly<Record<string, string | undefined>>): string | undefined =>
  trace.getSpanContext(extractTrace(carrier))?.traceId;
