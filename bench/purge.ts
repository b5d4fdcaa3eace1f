// How soon a change of an ad is out of every edge: from core's answer to the seller until each edge sends the new ad.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ad } from '../contracts/ads.ts';
import { Client } from '../tests/system/client.ts';
import { Hopeless, until } from '../tests/until.ts';
import { inParallel, publishAds } from './buyers.ts';
import { openShop, type Shop } from './shop.ts';
import { quantile } from './statistics.ts';

const atOnce = 4;
const pauseMs = 5;
const patienceMs = 30_000;

export async function benchPurge({ changes }: { readonly changes: number }): Promise<void> {
  await using shop = await openShop({ cores: 1, edges: ['edge', 'edge', 'edge on Deno', 'edge on workerd'] });
  const { edges, coreUrl } = shop;
  const ads = await publishAds(shop.url, Math.max(atOnce, Math.min(50, changes)));
  await shop.calm();
  for (const { name, url } of edges)
    await until(`the ${name} answers from its cache`, async () => (await read(url, ads[0])).isHit, {
      timeoutMs: 30_000,
    });

  const seller = await Client.signIn(coreUrl, 'seller@demo.lotok');
  const times: number[][] = edges.map(() => []);
  const slowest: number[] = [];
  // Each works on ads of its own, so that no change is overtaken by the next.
  await inParallel(atOnce, atOnce, async (worker) => {
    for (let number = worker; number < changes; number += atOnce) {
      const ad = ads[worker + atOnce * (Math.floor(number / atOnce) % Math.floor(ads.length / atOnce))];
      if (!ad) throw new Error('there is no ad to change');
      // What is not held can't be out of date.
      await Promise.all(edges.map(({ name, url }) => until(`the ${name} holds ${ad.id}`, () => isHeld(url, ad))));
      const amount = 1_000_000 + number;
      const { status } = await seller.send('PATCH', `/v1/ads/${ad.id}`, { price: { amount, currency: 'RUB' } });
      if (status !== 200) throw new Error(`change of ${ad.id}: ${status}`);
      const changed = performance.now();
      const took = await Promise.all(edges.map(({ url }) => untilShown(url, ad, amount, changed)));
      for (const [edge, ms] of took.entries()) times[edge]?.push(ms);
      slowest.push(Math.max(...took));
    }
  });
  tell(shop, changes, times, slowest);
}

async function read(url: string, ad: Ad | undefined): Promise<{ amount: number; isHit: boolean }> {
  const { status, headers, body } = await new Client(url).get<Ad>(`/v1/ads/${ad?.id}`);
  // An edge that has too much to do says so; whoever asks comes back.
  if (status === 503) return { amount: Number.NaN, isHit: false };
  if (status !== 200) throw new Hopeless(`${url} answers ${status}`);
  return { amount: body.price.amount, isHit: /; hit/.test(headers.get('cache-status') ?? '') };
}

const isHeld = async (url: string, ad: Ad): Promise<boolean> => (await read(url, ad)).isHit;

async function untilShown(url: string, ad: Ad, amount: number, since: number): Promise<number> {
  for (;;) {
    const asked = performance.now();
    if ((await read(url, ad)).amount === amount) return performance.now() - since;
    if (asked - since > patienceMs) throw new Error(`${url} shows the old price of ${ad.id} after ${patienceMs} ms`);
    await sleep(pauseMs);
  }
}

function tell({ edges }: Shop, changes: number, times: readonly number[][], slowest: readonly number[]): void {
  const row = (name: string, all: readonly number[]) => ({
    edge: name,
    'p50 ms': quantile(all, 0.5).toFixed(0),
    'p99 ms': quantile(all, 0.99).toFixed(0),
    'longest ms': quantile(all, 1).toFixed(0),
  });
  console.log(`\nFrom the answer to a change until an edge sends what is new, ${changes} changes, ${atOnce} at once`);
  console.table([...edges.map(({ name }, edge) => row(name, times[edge] ?? [])), row('every edge', slowest)]);
}
