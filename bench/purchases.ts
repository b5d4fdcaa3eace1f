// Purchases per second through to `paid`: every part in its place, a bounded number of buyers at once.

import { Client } from '../tests/system/client.ts';
import { startLotok } from '../tests/system/lotok.ts';
import { until } from '../tests/until.ts';

export interface PurchasesOptions {
  readonly count: number;
  readonly atOnce: number;
  /** Parts that already run; a system of its own on embedded ports when not given. */
  readonly url?: string | undefined;
}

export async function benchPurchases({ count, atOnce, url }: PurchasesOptions): Promise<void> {
  await using lotok = url === undefined ? await startLotok() : undefined;
  const base = url ?? lotok?.url ?? '';
  const buyer = await Client.signIn(base, 'buyer@demo.lotok');
  const ads = [];
  for (const sort of ['newest', 'oldest', 'price_asc', 'price_desc'])
    ads.push(...(await buyer.adsForSale(`&sort=${sort}`)));
  const forSale = [...new Map(ads.map((ad) => [ad.id, ad])).values()].slice(0, count);
  const total = forSale.length;

  // Asking for each order's status would be a load of its own; the stream tells it.
  const watching = new AbortController();
  const messages = await buyer.watches('topics=orders', watching.signal);
  const paid = new Set<unknown>();
  const isPaid = (id: string): boolean => {
    for (const { data } of messages.splice(0)) if (data['status'] === 'paid') paid.add(data['order_id']);
    return paid.has(id);
  };

  const durations: number[] = [];
  const began = performance.now();
  const buy = async (): Promise<void> => {
    for (let ad = forSale.shift(); ad; ad = forSale.shift()) {
      const start = performance.now();
      const order = await buyer.orders(ad);
      await buyer.pays(order);
      await until('paid', () => isPaid(order.id), { timeoutMs: 60_000, everyMs: 2 });
      durations.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, buy));
  const seconds = (performance.now() - began) / 1000;
  watching.abort();
  durations.sort((a, b) => a - b);
  const at = (share: number): string => `${Math.round(durations[Math.floor((durations.length - 1) * share)] ?? 0)} ms`;
  console.log(
    `\nPurchases to paid on ${url ? 'real services' : 'embedded ports'}: ${total} by ${atOnce} buyers at once`,
  );
  console.table([{ 'purchases/s': (total / seconds).toFixed(1), p50: at(0.5), p90: at(0.9), p99: at(0.99) }]);
}
