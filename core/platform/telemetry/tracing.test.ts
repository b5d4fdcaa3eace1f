import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { currentTraceId, extractTrace, injectTrace, inSpan, startTracing } from './tracing.ts';

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly { readonly key: string; readonly value: unknown }[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly name: string;
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly status: { readonly code?: number };
      }[];
    }[];
  }[];
}

/** A collector that keeps what it is sent. */
async function collector() {
  const received: Exported[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.url === '/v1/traces') received.push(JSON.parse(Buffer.concat(chunks).toString()) as Exported);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () => received.flatMap((each) => each.resourceSpans.flatMap((r) => r.scopeSpans.flatMap((s) => s.spans))),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('tracing', () => {
  it('carries one trace through headers and awaits, without a collector too', async () => {
    await using _tracing = startTracing({ service: 'test' });
    const headers: Record<string, string> = {};
    const traceId = await inSpan('first', {}, async () => {
      await Promise.resolve();
      injectTrace(headers);
      return currentTraceId();
    });
    expect(headers['traceparent']).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-0[01]$`));
    await inSpan('second', { parent: extractTrace(headers) }, () => expect(currentTraceId()).toBe(traceId));
  });

  it('begins anew on headers that are nonsense', async () => {
    await using _tracing = startTracing({ service: 'test' });
    for (const traceparent of ['', 'x', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'ff-1-2-3']) {
      expect(trace.getSpanContext(extractTrace({ traceparent }))).toBeUndefined();
    }
    await inSpan('anew', { parent: extractTrace({}) }, () => expect(currentTraceId()).toMatch(/^[0-9a-f]{32}$/));
  });

  it('exports spans with their parents, their service and their failures before it ends', async () => {
    await using sink = await collector();
    const tracing = startTracing({ service: 'lotok-core', otlpEndpoint: `${sink.url}/` });
    await inSpan('outer', {}, async () => {
      await inSpan('refused', {}, () => {
        throw new ProblemError('not-found');
      }).catch(() => undefined);
      await inSpan('broken', {}, () => {
        throw new Error('boom');
      }).catch(() => undefined);
    });
    await tracing[Symbol.asyncDispose]();

    const named = (name: string) => sink.spans().find((span) => span.name === name);
    expect(named('refused')?.parentSpanId).toBe(named('outer')?.spanId);
    expect(named('refused')?.traceId).toBe(named('outer')?.traceId);
    expect(named('refused')?.status.code ?? 0).toBe(0);
    expect(named('broken')?.status.code).toBe(2);
    expect(sink.received[0]?.resourceSpans[0]?.resource.attributes).toContainEqual({
      key: 'service.name',
      value: { stringValue: 'lotok-core' },
    });
  });

  it('ends cleanly when its collector is away', async () => {
    const sink = await collector();
    await sink[Symbol.asyncDispose]();
    const tracing = startTracing({ service: 'lotok-core', otlpEndpoint: sink.url });
    await inSpan('lost', {}, () => undefined);
    await expect(tracing[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });
});
