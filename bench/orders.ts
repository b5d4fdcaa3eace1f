// Orders per second to `paid` and to `completed` on real services, beside what a loop without any of our code reaches
// with the same numbers of transactions and Kafka sends in the same run.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import type { Ad } from '../contracts/ads.ts';
import { freePort } from '../scripts/free-port.ts';
import { findServices, readState } from '../scripts/services/state.ts';
import { Client, type StreamMessage } from '../tests/system/client.ts';
import { type Part, startPart } from '../tests/system/processes.ts';
import { until } from '../tests/until.ts';
import { type CpuSeconds, cpuOf, withChildren } from './cpu.ts';

export interface OrdersOptions {
  readonly count: number;
  readonly atOnce: number;
  readonly cores: number;
}

interface Counters {
  readonly commits: number;
  readonly writes: number;
  readonly sends: number;
  readonly messages: number;
  /** By part and service. */
  readonly cpu: ReadonlyMap<string, CpuSeconds>;
}

export async function benchOrders({ count, atOnce, cores }: OrdersOptions): Promise<void> {
  const { postgres, kafka: brokers, redis } = findServices(process.env);
  if (!postgres || !brokers || !redis) throw new Error('needs PostgreSQL, Kafka and Redis: `npm run services`');
  await using stack = new AsyncDisposableStack();
  const database = `lotok_bench_${randomBytes(4).toString('hex')}`;
  const admin = new pg.Client({ connectionString: postgres });
  await admin.connect();
  stack.defer(() => admin.end());
  await admin.query(`create database ${database}`);
  stack.defer(async () => {
    await admin.query(`drop database if exists ${database} with (force)`);
  });
  const databaseUrl = new URL(postgres);
  databaseUrl.pathname = `/${database}`;
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));

  const rest = await freePort();
  const secret = randomBytes(24).toString('base64url');
  const common = {
    LOTOK_DATA: folder,
    DATABASE_URL: databaseUrl.href,
    KAFKA_BROKERS: brokers,
    REDIS_URL: redis,
    CORE_URL: `http://127.0.0.1:${rest}`,
    REALTIME_TOKEN: secret,
    TICKET_SECRET: secret,
    SANDBOX: '1',
    SANDBOX_STEP_MS: '40',
    LOG_LEVEL: 'error',
  };
  const parts: [name: string, part: Part][] = [];
  const start = async (name: string, part: Parameters<typeof startPart>[0], env: Record<string, string>) => {
    const started = stack.use(await startPart(part, { ...common, ...env }));
    parts.push([name, started]);
    return started;
  };
  for (let index = 0; index < cores; index += 1)
    await start(`core ${index + 1}`, 'core', { GRPC_PORT: '0', ...(index === 0 ? { PORT: String(rest) } : {}) });
  const realtime = await start('realtime', 'realtime', {});
  const edge = await start('edge', 'edge', { REALTIME_URL: realtime.url });

  const seller = await Client.signIn(edge.url, 'seller@demo.lotok');
  const buyers = await Promise.all(
    ['buyer@demo.lotok', 'buyer2@demo.lotok'].map((email) => Client.signIn(edge.url, email)),
  );
  const warmUp = Math.min(50, count);
  const ads = await inParallel(8, count + warmUp, () => publishAd(seller));
  const run = await openRun(buyers, stack);
  await run.drive(ads.slice(0, warmUp), atOnce);
  await calm(parts);

  const counters = (): Promise<Counters> => readCounters(admin, database, parts);
  const before = await counters();
  const began = performance.now();
  const times = await run.drive(ads.slice(warmUp), atOnce);
  const seconds = (performance.now() - began) / 1000;
  await calm(parts);
  const after = await counters();

  const perOrder = (value: (counters: Counters) => number): number => (value(after) - value(before)) / count;
  const writes = perOrder((each) => each.writes);
  const reads = perOrder((each) => each.commits) - writes;
  const sends = perOrder((each) => each.sends);
  const load = { writes: Math.round(writes), reads: Math.round(reads), sends: Math.max(1, Math.round(sends)) };
  const ceiling = await bareLoop({
    databaseUrl: databaseUrl.href,
    brokers,
    orders: Math.min(count, 300),
    atOnce,
    ...load,
  });

  console.log(`\n${count} orders by ${atOnce} buyers at once, ${cores} core process(es), on real services`);
  console.table([
    {
      'orders/s': (count / seconds).toFixed(1),
      'ceiling/s': ceiling.toFixed(1),
      ratio: (count / seconds / ceiling).toFixed(2),
      'to paid p50': ms(times.paid, 0.5),
      'to paid p99': ms(times.paid, 0.99),
      'approved → paid on screen p50': ms(times.shown, 0.5),
      p99: ms(times.shown, 0.99),
      'to completed p50': ms(times.completed, 0.5),
    },
  ]);
  console.log('Per order:');
  console.table([
    {
      'write transactions': writes.toFixed(1),
      'read transactions': reads.toFixed(1),
      'Kafka sends': sends.toFixed(2),
      'Kafka messages': perOrder((each) => each.messages).toFixed(1),
    },
  ]);
  const cpuMs = (name: string, mode: keyof CpuSeconds): string =>
    (perOrder(({ cpu }) => cpu.get(name)?.[mode] ?? 0) * 1000).toFixed(1);
  console.table(
    [...after.cpu.keys()].map((name) => ({
      'CPU ms per order': name,
      user: cpuMs(name, 'user'),
      kernel: cpuMs(name, 'kernel'),
    })),
  );
}

const ms = (values: readonly number[], share: number): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return `${Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN)} ms`;
};

async function publishAd(seller: Client): Promise<Ad> {
  const { status, body } = await seller.post<Ad>('/v1/ads', {
    title: 'Велосипед горный',
    description: 'Почти новый, катались два раза, всё работает.',
    price: { amount: 1_500_000, currency: 'RUB' },
    category: 'bicycles',
    city: 'moscow',
    attributes: { condition: 'good' },
  });
  if (status !== 201) throw new Error(`ad: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function inParallel<Result>(atOnce: number, count: number, work: (index: number) => Promise<Result>) {
  const results: Result[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let index = next++; index < count; index = next++) results.push(await work(index));
    }),
  );
  return results;
}

/** Buyers who follow their orders by the stream alone: asking for each status would be a load of its own. */
async function openRun(buyers: readonly Client[], stack: AsyncDisposableStack) {
  const told = new Map<string, () => void>();
  const heard = new Set<string>();
  const hear = ({ event, data }: StreamMessage): void => {
    if (event !== 'order.status') return;
    const what = `${data['order_id']} ${data['status']}`;
    heard.add(what);
    told.get(what)?.();
  };
  const watching = new AbortController();
  stack.defer(() => watching.abort());
  for (const buyer of buyers) {
    const messages = await buyer.watches('topics=orders', watching.signal);
    messages.push = (...news) => {
      for (const message of news) hear(message);
      return 0;
    };
  }
  const status = (order: string, wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const what = `${order} ${wanted}`;
      const late = setTimeout(() => reject(new Error(`not told within a minute: ${what}`)), 60_000);
      told.set(what, () => {
        clearTimeout(late);
        told.delete(what);
        resolve();
      });
      if (heard.has(what)) told.get(what)?.();
    });

  return {
    async drive(ads: readonly Ad[], atOnce: number) {
      const times = { paid: [] as number[], shown: [] as number[], completed: [] as number[] };
      await inParallel(atOnce, ads.length, async (index) => {
        const buyer = buyers[index % buyers.length];
        const ad = ads[index];
        if (!buyer || !ad) throw new Error('nobody buys');
        const start = performance.now();
        const order = await buyer.orders(ad);
        const approved = performance.now();
        await Promise.all([buyer.pays(order), status(order.id, 'paid')]);
        times.paid.push(performance.now() - start);
        times.shown.push(performance.now() - approved);
        await status(order.id, 'delivered');
        await buyer.post(`/v1/orders/${order.id}/accept`);
        await status(order.id, 'completed');
        times.completed.push(performance.now() - start);
      });
      return times;
    },
  };
}

/** Nothing waits in an outbox and no consumer is behind, as core's own metrics say. */
async function calm(parts: readonly (readonly [string, Part])[]): Promise<void> {
  for (const [name, part] of parts) {
    if (!name.startsWith('core')) continue;
    await until(
      `${name} is calm`,
      async () => {
        const metrics = await readMetrics(part);
        return sum(metrics, 'lotok_outbox_pending') === 0 && sum(metrics, 'lotok_bus_lag') === 0;
      },
      { timeoutMs: 120_000, everyMs: 500 },
    );
  }
}

const readMetrics = async (part: Part): Promise<string> => (await fetch(`${part.url}/metrics`)).text();

const sum = (metrics: string, name: string): number =>
  [...metrics.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'))].reduce(
    (total, [, value]) => total + Number(value),
    0,
  );

async function readCounters(admin: pg.Client, database: string, parts: readonly (readonly [string, Part])[]) {
  // Backends report with a delay of up to a second once they are idle.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const { rows } = await admin.query<{ commits: string; writes: string }>(
    'select xact_commit as commits, pg_current_xact_id()::text as writes from pg_stat_database where datname = $1',
    [database],
  );
  let sends = 0;
  let messages = 0;
  const cpu = new Map<string, CpuSeconds>();
  for (const [name, part] of parts) {
    const metrics = await readMetrics(part);
    sends += sum(metrics, 'lotok_bus_sends_total');
    messages += sum(metrics, 'lotok_bus_published_total');
    cpu.set(name, cpuOf([part.child.pid ?? 0]));
  }
  for (const [name, { process: service }] of Object.entries(readState()?.services ?? {}))
    if (service) cpu.set(name, cpuOf(withChildren(service.pid)));
  cpu.set('this load', cpuOf([process.pid]));
  return { commits: Number(rows[0]?.commits), writes: Number(rows[0]?.writes), sends, messages, cpu };
}

/** Orders per second of a loop that only writes, reads and sends. */
async function bareLoop(options: {
  readonly databaseUrl: string;
  readonly brokers: string;
  readonly orders: number;
  readonly atOnce: number;
  readonly writes: number;
  readonly reads: number;
  readonly sends: number;
}): Promise<number> {
  const { databaseUrl, brokers, orders, atOnce, writes, reads, sends } = options;
  const pool = new pg.Pool({ connectionString: databaseUrl, max: atOnce });
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const value = 'x'.repeat(500);
  const topic = 'bench';
  const topics = kafka.admin();
  await topics.connect();
  await topics.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 4 }] });
  await topics.disconnect();
  try {
    await pool.query('create table bare (id bigint generated always as identity primary key, value text not null)');
    const send = () => producer.send({ topic, acks: -1, messages: [{ key: 'bare', value }] });
    const write = async (): Promise<void> => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await client.query('insert into bare (value) values ($1)', [value]);
        await client.query('commit');
      } finally {
        client.release();
      }
    };
    const began = performance.now();
    await inParallel(atOnce, orders, async (order) => {
      for (let index = 0; index < Math.max(writes, reads, sends); index += 1) {
        if (index < writes) await write();
        if (index < reads) await pool.query('select value from bare where id = $1', [order]);
        if (index < sends) await send();
      }
    });
    return orders / ((performance.now() - began) / 1000);
  } finally {
    await producer.disconnect();
    await pool.end();
  }
}
