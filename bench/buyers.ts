// Sellers and buyers of a benchmark, who follow their orders by the stream alone: asking for each status would be a
// load of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ad } from '../contracts/ads.ts';
import { Client, type StreamMessage } from '../tests/system/client.ts';

/** In milliseconds, of each order. */
export interface Times {
  readonly paid: number[];
  /** From the buyer's approval at the provider to the status on their stream. */
  readonly shown: number[];
  readonly completed: number[];
}

export interface Buyers extends Disposable {
  /** So many at once, each the next when one is completed. */
  buyAll(ads: readonly Ad[], atOnce: number): Promise<Times>;
  /** One after the other at this pace, however long each takes. */
  buyAtPace(ads: readonly Ad[], perSecond: number): Promise<Times>;
}

export async function inParallel<Result>(
  atOnce: number,
  count: number,
  work: (index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let index = next++; index < count; index = next++) results.push(await work(index));
    }),
  );
  return results;
}

export async function publishAds(url: string, count: number): Promise<Ad[]> {
  const seller = await Client.signIn(url, 'seller@demo.lotok');
  return inParallel(8, count, async () => {
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
  });
}

const patienceMs = 60_000;

export async function openBuyers(url: string): Promise<Buyers> {
  const clients = await Promise.all(
    ['buyer@demo.lotok', 'buyer2@demo.lotok'].map((email) => Client.signIn(url, email)),
  );
  const waiting = new Map<string, () => void>();
  const heard = new Set<string>();
  const hear = ({ event, data }: StreamMessage): void => {
    if (event !== 'order.status') return;
    const news = `${data['order_id']} ${data['status']}`;
    heard.add(news);
    waiting.get(news)?.();
  };
  const watching = new AbortController();
  for (const client of clients) {
    const messages = await client.watches('topics=orders', watching.signal);
    // Heard when they come, not when somebody looks.
    messages.push = (...news) => {
      for (const message of news) hear(message);
      return 0;
    };
  }
  const told = (order: string, status: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const news = `${order} ${status}`;
      const late = setTimeout(() => reject(new Error(`not told within a minute: ${news}`)), patienceMs);
      waiting.set(news, () => {
        clearTimeout(late);
        waiting.delete(news);
        resolve();
      });
      if (heard.has(news)) waiting.get(news)?.();
    });

  const buy = async (ad: Ad, index: number, times: Times): Promise<void> => {
    const buyer = clients[index % clients.length];
    if (!buyer) throw new Error('nobody buys');
    const began = performance.now();
    const order = await buyer.orders(ad);
    const approved = performance.now();
    await Promise.all([buyer.pays(order), told(order.id, 'paid')]);
    times.paid.push(performance.now() - began);
    times.shown.push(performance.now() - approved);
    await told(order.id, 'delivered');
    await buyer.post(`/v1/orders/${order.id}/accept`);
    await told(order.id, 'completed');
    times.completed.push(performance.now() - began);
  };
  const noTimes = (): Times => ({ paid: [], shown: [], completed: [] });

  return {
    async buyAll(ads, atOnce) {
      const times = noTimes();
      await inParallel(atOnce, ads.length, async (index) => {
        const ad = ads[index];
        if (ad) await buy(ad, index, times);
      });
      return times;
    },
    async buyAtPace(ads, perSecond) {
      const times = noTimes();
      const began = performance.now();
      await Promise.all(
        ads.map(async (ad, index) => {
          await sleep(Math.max(0, began + (index * 1000) / perSecond - performance.now()));
          await buy(ad, index, times);
        }),
      );
      return times;
    },
    [Symbol.dispose]: () => watching.abort(),
  };
}
