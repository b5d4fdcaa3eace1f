import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind } from '@opentelemetry/api';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../tests/until.ts';
import { createLog } from '../log.ts';
import { createTracing, traceparent } from './tracing.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const theirs = `00-${traceId}-b7ad6b7169203331-01`;
const log = createLog('silent', () => undefined);
const disposing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of disposing.splice(0)) await each();
});

interface Sent {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
}

/** Something that takes OTLP over HTTP, as a collector does. */
async function collector() {
  const spans: Sent[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Sent[] }[] }[] };
    spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans)));
    expect(request.url).toBe('/v1/traces');
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  disposing.push(() => new Promise((resolve) => server.close(resolve)));
  return { spans, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const tracingTo = (otlpEndpoint: string | undefined) => {
  const background: Promise<unknown>[] = [];
  const tracing = createTracing({
    config: { otlpEndpoint },
    waitUntil: (work) => background.push(work),
    log,
    runtime: 'node',
  });
  return { tracing, background };
};

describe('a trace', () => {
  it('that a client began goes on, span within span, to the collector', async () => {
    const { spans, url } = await collector();
    const { tracing } = tracingTo(url);
    const { context } = tracing.extract(new Headers({ traceparent: theirs }));
    let onwards: string | undefined;
    await tracing.span('GET /v1/ads', { parent: context, kind: SpanKind.SERVER }, (server) =>
      tracing.span('GET ads', { parent: server, kind: SpanKind.CLIENT }, async (client) => {
        onwards = traceparent(client);
      }),
    );
    tracing.mark('deliver order.status', theirs, {});
    await until('the spans arrived', () => spans.length === 3);
    const [client, server, delivered] = spans;
    expect([client?.name, server?.name, delivered?.name]).toEqual(['GET ads', 'GET /v1/ads', 'deliver order.status']);
    expect(spans.every((span) => span.traceId === traceId)).toBe(true);
    expect([server?.parentSpanId, client?.parentSpanId, delivered?.parentSpanId]).toEqual([
      'b7ad6b7169203331',
      server?.spanId,
      'b7ad6b7169203331',
    ]);
    expect(onwards).toBe(`00-${traceId}-${client?.spanId}-01`);
  });

  it('is handed on as it came when nobody collects', async () => {
    const { tracing } = tracingTo(undefined);
    const { context } = tracing.extract(new Headers({ traceparent: theirs }));
    expect(await tracing.span('x', { parent: context }, async (within) => traceparent(within))).toBe(theirs);
  });

  it.each([
    null,
    'nonsense',
    `ff-${traceId}-b7ad6b7169203331-01`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
  ])('begins anew when the header is %s', (header) => {
    const { tracing } = tracingTo(undefined);
    const made = tracing.extract(new Headers(header === null ? {} : { traceparent: header }));
    expect(made.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(made.traceId).not.toBe(traceId);
    expect(traceparent(made.context)).toContain(made.traceId);
  });

  it('is lost without harm while the collector is away', async () => {
    const { tracing, background } = tracingTo('http://127.0.0.1:9');
    const { context } = tracing.extract(new Headers({ traceparent: theirs }));
    await tracing.span('x', { parent: context }, async () => undefined);
    await Promise.all(background);
    expect(background).toHaveLength(1);
  });
});
