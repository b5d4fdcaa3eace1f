import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentLog } from '../../core/platform/telemetry/log.ts';
import { createKafkaClient } from '../../kafka/client.ts';
import { freePort } from '../../scripts/free-port.ts';
import { describeWith } from '../services.ts';
import { until } from '../until.ts';
import { Client, type StreamMessage } from './client.ts';
import { type Part, type PartName, startPart } from './processes.ts';

// One describe inside another: each service is needed, and each that is missing is named.
describeWith('postgres', 'the parts on PostgreSQL', (server) =>
  describeWith('kafka', 'and Kafka', (brokers) =>
    describeWith('redis', 'and Redis', (redis) => {
      const started = new AsyncDisposableStack();
      const edges = new Map<PartName, Part>();
      let cores: Part[];
      let nodes: Part[];
      let databaseUrl: URL;

      beforeAll(async () => {
        const name = `lotok_system_${randomBytes(5).toString('hex')}`;
        const folder = await mkdtemp(join(tmpdir(), 'lotok-real-'));
        await query(server, `create database ${name}`);
        databaseUrl = new URL(server);
        databaseUrl.pathname = `/${name}`;
        started.defer(async () => {
          await query(server, `drop database if exists ${name} with (force)`);
          await rm(folder, { recursive: true, force: true });
        });

        const secret = randomBytes(24).toString('base64url');
        const rest = await freePort();
        const common = {
          LOTOK_DATA: folder,
          DATABASE_URL: databaseUrl.href,
          KAFKA_BROKERS: brokers,
          REDIS_URL: redis,
          CORE_URL: `http://127.0.0.1:${rest}`,
          REALTIME_TOKEN: secret,
          TICKET_SECRET: secret,
          SANDBOX: '1',
          SANDBOX_STEP_MS: '0',
        };
        const start = async (part: PartName, env: Record<string, string>): Promise<Part> =>
          started.use(await startPart(part, { ...common, ...env }));
        cores = [await start('core', { PORT: String(rest), GRPC_PORT: '0' })];
        cores.push(await start('core', { GRPC_PORT: '0' }));
        nodes = [await start('realtime', {}), await start('realtime', {})];
        const realtime = { REALTIME_URL: nodes.map(({ url }) => url).join(',') };
        for (const part of ['edge', 'edge on Deno', 'edge on workerd'] as const)
          edges.set(part, await start(part, realtime));
      }, 180_000);
      afterAll(() => started.disposeAsync(), 90_000);

      it.each<PartName>(['edge', 'edge on Deno', 'edge on workerd'])(
        'carry a purchase through the %s, watched live',
        { timeout: 90_000 },
        async (part) => {
          const base = edges.get(part)?.url ?? '';
          const buyer = await Client.signIn(base, 'buyer@demo.lotok');
          const watching = new AbortController();
          const messages = await buyer.watches('topics=orders,deliveries', watching.signal);
          const [ad] = await buyer.adsForSale();
          if (!ad) throw new Error('no ad is for sale');
          const order = await buyer.orders(ad);
          await buyer.pays(order);
          const paid = await until(
            'there is a shipment',
            async () => {
              const now = await buyer.order(order.id);
              return now.delivery.shipment_id ? now : null;
            },
            { timeoutMs: 30_000 },
          );
          for (const stage of ['accepted', 'in_transit', 'delivered']) await buyer.parcelIs(paid, stage);
          await told(messages, order.id, 'delivered');
          await buyer.post(`/v1/orders/${order.id}/accept`);
          await told(messages, order.id, 'completed');
          expect(statuses(messages, order.id)).toEqual([
            'pending_payment',
            'paid',
            'in_delivery',
            'delivered',
            'completed',
          ]);
          watching.abort();
        },
      );

      it('goes on with an order whose core is killed, on the other one', { timeout: 120_000 }, async () => {
        const base = edges.get('edge')?.url ?? '';
        const buyer = await Client.signIn(base, 'buyer2@demo.lotok');
        const [ad] = await buyer.adsForSale('&sort=oldest');
        if (!ad) throw new Error('no ad is for sale');
        const order = await buyer.orders(ad);
        const watching = new AbortController();
        const messages = await buyer.watches('topics=orders', watching.signal);
        // The second core is the one that nobody talks to by REST; consumers and loops move to the first.
        await cores[1]?.kill();
        await buyer.pays(order);
        await told(messages, order.id, 'paid', 60_000);
        watching.abort();
      });

      it('loses no update when a realtime node is killed', { timeout: 120_000 }, async () => {
        const base = edges.get('edge')?.url ?? '';
        const buyer = await Client.signIn(base, 'buyer@demo.lotok');
        const watching = new AbortController();
        const messages = await buyer.watches('topics=orders', watching.signal);
        const [ad] = await buyer.adsForSale('&sort=price_asc');
        if (!ad) throw new Error('no ad is for sale');
        const order = await buyer.orders(ad);
        await told(messages, order.id, 'pending_payment');
        await nodes[1]?.kill();
        await buyer.pays(order);
        await told(messages, order.id, 'paid', 60_000);
        expect(statuses(messages, order.id)).toEqual(['pending_payment', 'paid']);
        watching.abort();
      });

      it('hold every invariant, while they work and when all is calm', { timeout: 240_000 }, async () => {
        const verify = (...args: string[]) =>
          verifyInvariants(args, { DATABASE_URL: databaseUrl.href, KAFKA_BROKERS: brokers });
        const base = edges.get('edge')?.url ?? '';
        const buyer = await Client.signIn(base, 'buyer2@demo.lotok');
        const ads = (await buyer.adsForSale('&sort=price_desc')).slice(0, 6);
        const buying = Promise.all(
          ads.map(async (ad, index) => {
            const order = await buyer.orders(ad);
            await buyer.pays(order, index % 3 === 0 ? 'decline' : 'approve');
            const end = index % 3 === 0 ? 'failed' : 'authorized';
            await until('it is paid or declined', async () => (await buyer.order(order.id)).payment.status === end, {
              timeoutMs: 60_000,
            });
            if (index % 3 === 1) await buyer.post(`/v1/orders/${order.id}/cancel`);
          }),
        );
        expect(await verify('--live')).toMatchObject({ code: 0, violated: [] });
        await buying;
        await until('all books agree', async () => (await verify()).code === 0, { timeoutMs: 120_000, everyMs: 500 });

        // Looking for it would be no use if it could not be seen.
        await query(
          databaseUrl.href,
          'delete from search.inbox where event_id = (select min(event_id) from search.inbox)',
        );
        expect(await verify()).toMatchObject({ code: 1, violated: ['every-event-has-its-effect'] });
      });

      it('speaks events that anybody can read: CloudEvents with the trace', { timeout: 60_000 }, async () => {
        const kafka = createKafkaClient({ brokers: brokers.split(','), clientId: 'system-test', log: silentLog });
        const consumer = kafka.consumer({ groupId: `test-${randomBytes(4).toString('hex')}` });
        const seen: Record<string, string>[] = [];
        await consumer.connect();
        await consumer.subscribe({ topic: 'orders.v1', fromBeginning: true });
        await consumer.run({
          eachMessage: async ({ message }) => {
            seen.push(
              Object.fromEntries(Object.entries(message.headers ?? {}).map(([key, value]) => [key, String(value)])),
            );
          },
        });
        await until(
          'an event of an order',
          () =>
            seen.find(
              (headers) =>
                headers['ce_type'] === 'order.status_changed' &&
                headers['ce_specversion'] === '1.0' &&
                /^00-[0-9a-f]{32}-/.test(headers['traceparent'] ?? ''),
            ),
          { timeoutMs: 30_000 },
        );
        await consumer.disconnect();
      });

      it('set no timer to the past', () => {
        for (const part of [...cores, ...nodes, ...edges.values()])
          expect(part.output()).not.toContain('TimeoutNegativeWarning');
      });
    }),
  ),
);

const statuses = (messages: readonly StreamMessage[], orderId: string) =>
  messages
    .filter(({ event, data }) => event === 'order.status' && data['order_id'] === orderId)
    .map(({ data }) => data['status']);

const told = (messages: readonly StreamMessage[], orderId: string, status: string, timeoutMs = 30_000) =>
  until(`the stream tells ${status}`, () => statuses(messages, orderId).includes(status), { timeoutMs });

async function verifyInvariants(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; violated: string[]; errors: string }> {
  const child = spawn(process.execPath, ['scripts/verify-invariants.ts', '--json', ...args], {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [report, errors, code] = await Promise.all([
    child.stdout.setEncoding('utf8').toArray(),
    child.stderr.setEncoding('utf8').toArray(),
    new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
  ]);
  const { verdicts = [] } = JSON.parse(report.join('') || '{}') as { verdicts?: { name: string; status: string }[] };
  const violated = verdicts.flatMap(({ name, status }) => (status === 'violated' ? [name] : []));
  return { code, violated, errors: errors.join('') };
}

async function query(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
