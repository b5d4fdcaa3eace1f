// Traces: W3C context through every channel, exported by OTLP where an endpoint is set.
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

export interface TracingOptions {
  /** `service.name` of the resource. */
  readonly service: string;
  /** Base URL of an OTLP/HTTP receiver; without it traces are only carried on. */
  readonly otlpEndpoint?: string | undefined;
}

/**
 * Sets up tracing of this process. Where several parts share a process the first one's setup serves all,
 * so each span also names its part by its tracer.
 */
export function startTracing({ service, otlpEndpoint }: TracingOptions): AsyncDisposable {
  const contexts = new AsyncLocalStorageContextManager().enable();
  if (!context.setGlobalContextManager(contexts)) {
    contexts.disable();
    return { [Symbol.asyncDispose]: async () => undefined };
  }
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const processors = otlpEndpoint
    ? [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${otlpEndpoint.replace(/\/$/, '')}/v1/traces` }))]
    : [];
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: processors,
  });
  trace.setGlobalTracerProvider(provider);
  return {
    async [Symbol.asyncDispose]() {
      await provider.shutdown();
      trace.disable();
      propagation.disable();
      context.disable();
    },
  };
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** The active context when not given. */
  readonly parent?: Context;
}

/** Runs `work` in a span of its own, which ends with it and carries its failure. */
export async function inSpan<Result>(
  name: string,
  options: SpanOptions,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  const { kind = SpanKind.INTERNAL, attributes = {}, parent = context.active() } = options;
  return trace.getTracer('lotok-core').startActiveSpan(name, { kind, attributes }, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Writes `traceparent` of the active span into headers or metadata. */
export function injectTrace(carrier: Record<string, string>): void {
  propagation.inject(context.active(), carrier);
}

/** The context that headers or metadata carry; the root when they carry none. */
export const extractTrace = (carrier: Readonly<Record<string, unknown>>): Context =>
  propagation.extract(ROOT_CONTEXT, carrier);

export const currentTraceId = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;
