import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../until.ts';
import { Client } from './client.ts';
import { startLotok, type TestLotok } from './lotok.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
}

/** What an OTLP/HTTP receiver gets. */
async function startCollector() {
  const spans: Span[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        resourceSpans: {
          resource: { attributes: { key: string; value: { stringValue?: string } }[] };
          scopeSpans: { spans: Span[] }[];
        }[];
      };
      for (const { resource, scopeSpans } of resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('a trace', () => {
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let lotok: TestLotok;
  beforeAll(async () => {
    collector = await startCollector();
    lotok = await startLotok({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  }, 120_000);
  afterAll(async () => {
    await lotok?.[Symbol.asyncDispose]();
    await collector?.close();
  });

  it('is one for a whole purchase, from the client’s request to the message on its stream', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const buyer = await Client.signIn(lotok.url, 'buyer@demo.lotok');
    const watching = new AbortController();
    const messages = await buyer.watches('topics=orders', watching.signal);
    const [ad] = await buyer.adsForSale();
    const { body: order } = await buyer.post<{ id: string; payment: { id: string } }>(
      '/v1/orders',
      { ad_id: ad?.id, delivery: { method: 'courier', address: 'Москва, Тверская, 1' } },
      { 'idempotency-key': crypto.randomUUID(), traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    );
    await buyer.post(`/sandbox/psp/payments/${order.payment.id}/approve`);
    await until('it is paid, live', () =>
      messages.some(({ data }) => data['order_id'] === order.id && data['status'] === 'paid'),
    );
    await until('there is a shipment', async () => (await buyer.order(order.id)).delivery.shipment_id);
    watching.abort();

    const names = (): string[] =>
      collector.spans.filter((span) => span.traceId === traceId).map(({ service, name }) => `${service}: ${name}`);
    const wanted = [
      /edge: .*POST .*orders/,
      /core: POST .*orders/,
      /AdsService\/Reserve/i,
      /PaymentsService\/StartPayment/i,
      /orders handle payment.status_changed/,
      /orders step create_shipment/,
      /DeliveryService\/CreateShipment/i,
      /notifications handle order.status_changed/,
      /realtime: /,
      /edge: .*(sse|stream|deliver)/i,
    ];
    await until('all spans arrived', () => wanted.every((pattern) => names().some((name) => pattern.test(name))), {
      timeoutMs: 20_000,
    }).catch(() => undefined);
    expect(
      wanted.filter((pattern) => !names().some((name) => pattern.test(name))).map(String),
      names().join('\n'),
    ).toEqual([]);
  });
});
