// Orders per second to `paid` and to `completed`, beside what a loop without any of our code reaches with the same
// numbers of transactions and Kafka sends in the same run; and how soon a payment is on the buyer's screen at half of that.
import { openBuyers, publishAds, type Times } from './buyers.ts';
import { ceilingOf } from './ceiling.ts';
import type { CpuSeconds } from './cpu.ts';
import { type Counters, openEmbeddedShop, openShop } from './shop.ts';
import { quantile } from './statistics.ts';

export interface OrdersOptions {
  readonly count: number;
  readonly atOnce: number;
  readonly cores: number;
}

const mostWarmUp = 50;
const mostOfCeiling = 300;

export async function benchOrders({ count, atOnce, cores }: OrdersOptions): Promise<void> {
  await using shop = await openShop({ cores });
  const warmUp = Math.min(mostWarmUp, count);
  const ads = await publishAds(shop.url, warmUp + 2 * count);
  using buyers = await openBuyers(shop.url);
  await buyers.buyAll(ads.slice(0, warmUp), atOnce);
  await shop.calm();

  const before = await shop.counters();
  const began = performance.now();
  const full = await buyers.buyAll(ads.slice(warmUp, warmUp + count), atOnce);
  const perSecond = count / ((performance.now() - began) / 1000);
  await shop.calm();
  const after = await shop.counters();
  const half = await buyers.buyAtPace(ads.slice(warmUp + count), perSecond / 2);

  const perOrder = (value: (counters: Counters) => number): number => (value(after) - value(before)) / count;
  const writes = perOrder((each) => each.writes);
  const reads = perOrder((each) => each.commits) - writes;
  const sends = perOrder((each) => each.sends);
  const ceiling = await ceilingOf({
    databaseUrl: shop.databaseUrl,
    brokers: shop.brokers,
    orders: Math.min(count, mostOfCeiling),
    atOnce,
    writes: Math.round(writes),
    reads: Math.round(reads),
    sends: Math.round(sends),
  });

  console.log(`\n${count} orders by ${atOnce} buyers at once, ${cores} core process(es), on real services`);
  console.table([
    { 'orders/s': perSecond.toFixed(1), 'ceiling/s': ceiling.toFixed(1), ratio: (perSecond / ceiling).toFixed(2) },
  ]);
  console.table([
    { load: 'full', ...latencies(full) },
    { load: 'half', ...latencies(half) },
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

export async function benchEmbeddedOrders({ count, atOnce }: Omit<OrdersOptions, 'cores'>): Promise<void> {
  await using shop = await openEmbeddedShop();
  const warmUp = Math.min(mostWarmUp, count);
  const ads = await publishAds(shop.url, warmUp + count);
  using buyers = await openBuyers(shop.url);
  await buyers.buyAll(ads.slice(0, warmUp), atOnce);
  const began = performance.now();
  const times = await buyers.buyAll(ads.slice(warmUp), atOnce);
  const perSecond = count / ((performance.now() - began) / 1000);
  console.log(`\n${count} orders by ${atOnce} buyers at once, on embedded ports, all in one process`);
  console.table([{ 'orders/s': perSecond.toFixed(1), ...latencies(times) }]);
}

const latencies = ({ paid, shown, completed }: Times) => ({
  'to paid p50': ms(paid, 0.5),
  'to paid p99': ms(paid, 0.99),
  'approved → on screen p50': ms(shown, 0.5),
  'approved → on screen p99': ms(shown, 0.99),
  'to completed p50': ms(completed, 0.5),
  'to completed p99': ms(completed, 0.99),
});

const ms = (values: readonly number[], share: number): string => `${Math.round(quantile(values, share))} ms`;
