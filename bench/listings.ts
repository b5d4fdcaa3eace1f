// Listings while ads change: a thousand addresses asked for as people do (Zipf), at one pace through our edge and
// through nginx with the same time to live and no purge, before the same core. How much is answered from the cache,
// what is left for core, and how many answers were older than a second.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ad } from '../contracts/ads.ts';
import { freePort } from '../scripts/free-port.ts';
import { luckOf } from '../tests/faults/luck.ts';
import { Client } from '../tests/system/client.ts';
import { until } from '../tests/until.ts';
import { inParallel } from './buyers.ts';
import { start } from './processes.ts';
import { openShop, type Shop } from './shop.ts';
import { quantile } from './statistics.ts';

export interface ListingsOptions {
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly changesPerSecond: number;
}

interface Listing {
  readonly items: readonly Pick<Ad, 'id' | 'price'>[];
}

const keys = 1_000;
const ttlSeconds = 300;
/** What is older than this should not be shown any more. */
const outdatedAfterMs = 1_000;

export async function benchListings(options: ListingsOptions): Promise<void> {
  await using shop = await openShop({ cores: 1 });
  await using nginx = await startNginx(shop.coreUrl);
  const seller = await Client.signIn(shop.url, 'seller@demo.lotok');
  const direct = new Client(shop.coreUrl, seller.token);
  const paths = await listingPaths(shop.url);

  const rows = [];
  for (const { name, url } of [
    { name: 'nginx', url: nginx.url },
    { name: 'Lotok', url: shop.url },
  ]) {
    // Each begins with everything in its cache.
    await inParallel(8, paths.length, async (index) => (await fetch(url + paths[index])).arrayBuffer());
    // As they are after the changes of the round before, which no cache may hide.
    const own = await direct.get<{ items: Ad[] }>(`/v1/ads?seller=${seller.userId}&limit=50`);
    const ads = own.body.items.filter(({ status }) => status === 'active');
    if (ads.length === 0) throw new Error('the demo seller has no ads');
    const before = await loadOf(shop);
    const seen = await ask({ url, paths, seller: direct, ads, ...options });
    const after = await loadOf(shop);
    const asked = after.listings - before.listings;
    rows.push({
      server: name,
      requests: seen.answers,
      'hit ratio': (1 - asked / seen.answers).toFixed(3),
      'core, listings/s': (asked / options.seconds).toFixed(1),
      'core, CPU ms/s': (((after.cpuSeconds - before.cpuSeconds) * 1000) / options.seconds).toFixed(0),
      'older than a second': seen.outdated,
      'p50 ms': quantile(seen.milliseconds, 0.5).toFixed(1),
      'p99 ms': quantile(seen.milliseconds, 0.99).toFixed(1),
    });
  }
  console.log(
    `\n${keys} listings by Zipf, ${options.requestsPerSecond} requests and ${options.changesPerSecond} changes a second for ${options.seconds} s, ${ttlSeconds} s to live`,
  );
  console.table(rows);
}

/** Distinct addresses, in the order in which people like them: every category is among the first. */
async function listingPaths(url: string): Promise<string[]> {
  const { items } = (await (await fetch(`${url}/v1/categories`)).json()) as { items: { id: string }[] };
  return Array.from({ length: keys }, (_none, index) => {
    const category = items[index % items.length]?.id ?? '';
    const from = Math.floor(index / items.length) * 10_000;
    return `/v1/ads?category=${category}&limit=20${from === 0 ? '' : `&price_min=${from}`}`;
  });
}

async function ask({
  url,
  paths,
  seller,
  ads,
  seconds,
  requestsPerSecond,
  changesPerSecond,
}: ListingsOptions & {
  readonly url: string;
  readonly paths: readonly string[];
  /** Speaks to core itself: what a cache in between learns of a change on the way would tell nothing of purging. */
  readonly seller: Client;
  readonly ads: readonly Ad[];
}) {
  const luck = luckOf(1, 'listings');
  const rankOf = zipf(paths.length);
  const prices = new Map(ads.map(({ id, price }) => [id, { amount: price.amount, at: 0 }]));
  const milliseconds: number[] = [];
  let outdated = 0;

  const request = async (path: string): Promise<void> => {
    const sent = performance.now();
    const response = await fetch(url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    const { items } = (await response.json()) as Listing;
    milliseconds.push(performance.now() - sent);
    const isOld = items.some(({ id, price }) => {
      const known = prices.get(id);
      return known !== undefined && known.amount !== price.amount && sent - known.at > outdatedAfterMs;
    });
    if (isOld) outdated += 1;
  };
  const change = async (number: number): Promise<void> => {
    const ad = ads[number % ads.length];
    if (!ad) return;
    const price = { amount: ad.price.amount + 1_000 + Math.floor(luck.next() * 1_000), currency: ad.price.currency };
    const { status, body } = await seller.send<Ad>('PATCH', `/v1/ads/${ad.id}`, { price });
    if (status !== 200) throw new Error(`change: ${status} ${JSON.stringify(body)}`);
    prices.set(ad.id, { amount: price.amount, at: performance.now() });
  };
  const chosen = Array.from({ length: seconds * requestsPerSecond }, () => paths[rankOf(luck.next())] ?? '');
  await Promise.all([
    atPace(chosen.length, requestsPerSecond, (index) => request(chosen[index] ?? '')),
    atPace(seconds * changesPerSecond, changesPerSecond, change),
  ]);
  return { answers: milliseconds.length, outdated, milliseconds };
}

/** Begins each when its time has come, however long those before it take. */
async function atPace(count: number, perSecond: number, work: (index: number) => Promise<void>): Promise<void> {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_none, index) => {
      await sleep(Math.max(0, began + (index * 1000) / perSecond - performance.now()));
      await work(index);
    }),
  );
}

/** The rank of a number from 0 to 1, where the nth is asked for 1/n as often as the first. */
function zipf(count: number): (luck: number) => number {
  let total = 0;
  const sums = Array.from({ length: count }, (_none, index) => {
    total += 1 / (index + 1);
    return total;
  });
  return (luck) =>
    Math.max(
      0,
      sums.findIndex((sum) => sum >= luck * total),
    );
}

async function loadOf(shop: Shop): Promise<{ listings: number; cpuSeconds: number }> {
  const { cpu } = await shop.counters();
  const { user = 0, kernel = 0 } = cpu.get('core 1') ?? {};
  const metrics = await (await fetch(`${shop.coreUrl}/metrics`)).text();
  const listings = [...metrics.matchAll(/^lotok_http_requests_total\{route="\/v1\/ads",method="GET".*\} (\d+)$/gm)];
  return {
    listings: listings.reduce((sum, [, value]) => sum + Number(value), 0),
    cpuSeconds: user + kernel,
  };
}

async function startNginx(origin: string): Promise<AsyncDisposable & { readonly url: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  await mkdir(join(folder, 'temporary'));
  await writeFile(join(folder, 'nginx.conf'), nginxConfiguration(folder, port, origin));
  stack.use(start('server', 'nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']));
  const url = `http://127.0.0.1:${port}`;
  await until('nginx answers', async () => (await fetch(`${url}/v1/categories`)).ok);
  const opened = stack.move();
  return { url, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

// Started as root it would give up its rights, and then couldn't reach a folder that is ours alone.
const nginxConfiguration = (folder: string, port: number, origin: string): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  proxy_cache_path ${folder}/cache keys_zone=listings:10m;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/temporary/${name};`).join('\n  ')}
  upstream core { server ${new URL(origin).host}; keepalive 32; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://core;
      proxy_http_version 1.1;
      proxy_set_header connection "";
      proxy_cache listings;
      proxy_cache_lock on;
      proxy_cache_use_stale updating;
      proxy_cache_background_update on;
      proxy_ignore_headers cache-control expires vary;
      proxy_cache_valid 200 ${ttlSeconds}s;
    }
  }
}
`;
