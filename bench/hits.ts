// Cache hits per second of one listing, and what a miss costs: our edge on each runtime beside nginx, Varnish, Caddy and
// Fastify with its cache plugin, in one run, in turns. One core for the server, one for the load.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheRuntimes } from '../scripts/edge-cache.ts';
import { freePort } from '../scripts/free-port.ts';
import { until } from '../tests/until.ts';
import { cpuOf, withChildren } from './cpu.ts';
import { caddyConfig, nginxConfig, varnishArguments } from './peers/configurations.ts';
import { type Running, run, start } from './processes.ts';
import { median } from './statistics.ts';

export interface HitsOptions {
  readonly rounds: number;
  readonly secondsPerRound: number;
}

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly running: Running;
  readonly rates: number[];
  readonly tails: number[];
  /** Processor time of one hit, which a busy machine distorts less than the rate. */
  readonly cpuMicroseconds: number[];
  missMs: number;
}

const path = '/v1/ads?limit=20';
const misses = 500;

export async function benchHits({ rounds, secondsPerRound }: HitsOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const origin = await freePort();
  await writeFile(join(folder, 'origin.mjs'), originSource(origin));
  await writeFile(join(folder, 'misses.mjs'), missesSource);
  await writeFile(join(folder, 'listing.json'), listing);
  stack.use(start('load', process.execPath, [join(folder, 'origin.mjs')]));
  const contenders = await startContenders(folder, origin, stack);
  for (const { name, port } of contenders) {
    await until(`${name} answers`, async () => (await fetch(`http://127.0.0.1:${port}${path}`)).ok, {
      timeoutMs: 60_000,
    });
  }

  for (let round = 0; round < rounds; round += 1)
    for (const contender of contenders) await measureHits(contender, secondsPerRound);
  const missOf = async (port: number): Promise<number> =>
    Number(await run('load', process.execPath, [join(folder, 'misses.mjs'), String(port), String(misses)]));
  const directMs = await missOf(origin);
  for (const contender of contenders) contender.missMs = (await missOf(contender.port)) - directMs;

  const nginx = contenders.find(({ name }) => name === 'nginx');
  const ratio = (mine: readonly number[], others: readonly number[] | undefined): string =>
    others ? (median(mine) / median(others)).toFixed(2) : '';
  console.log(
    `\nCache hits, ${Buffer.byteLength(listing)} bytes, 32 connections, median of ${rounds} rounds of ${secondsPerRound} s; ` +
      `misses one after the other, p50 of ${misses} beyond the origin's own time`,
  );
  console.table(
    contenders.map(({ name, rates, tails, cpuMicroseconds, missMs }) => ({
      server: name,
      'hits/s': Math.round(median(rates)),
      'nginx = 1': ratio(rates, nginx?.rates),
      'p99 ms': median(tails).toFixed(1),
      'CPU µs a hit': median(cpuMicroseconds).toFixed(1),
      'CPU, nginx = 1': ratio(nginx?.cpuMicroseconds ?? [], cpuMicroseconds),
      'miss adds ms': missMs.toFixed(2),
    })),
  );
}

async function startContenders(folder: string, origin: number, stack: AsyncDisposableStack): Promise<Contender[]> {
  const contenders: Contender[] = [];
  const add = async (name: string, startAt: (port: number) => Running | Promise<Running>): Promise<void> => {
    const port = await freePort();
    const running = stack.use(await startAt(port));
    contenders.push({ name, port, running, rates: [], tails: [], cpuMicroseconds: [], missMs: Number.NaN });
  };
  const peer = async (program: string, name: string, startAt: Parameters<typeof add>[1]): Promise<void> => {
    if (isInstalled(program)) await add(name, startAt);
    else console.log(`${program} is not installed: ${name} is left out`);
  };
  await peer('nginx', 'nginx', async (port) => {
    await mkdir(join(folder, 'nginx'));
    await writeFile(join(folder, 'nginx.conf'), nginxConfig(folder, port, origin));
    return start('server', 'nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']);
  });
  await peer('varnishd', 'Varnish', (port) => start('server', 'varnishd', varnishArguments(folder, port, origin)));
  await peer('caddy', 'Caddy (a file, no cache)', async (port) => {
    await writeFile(join(folder, 'Caddyfile'), caddyConfig(port, folder));
    return start('server', 'caddy', ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'], {
      GOMAXPROCS: '1',
    });
  });
  const originUrl = `http://127.0.0.1:${origin}`;
  await add('Fastify with @fastify/caching', (port) =>
    start('server', process.execPath, ['bench/peers/fastify.mjs'], { ORIGIN: originUrl, PORT: String(port) }),
  );
  for (const runtime of cacheRuntimes) {
    const options = ['scripts/edge-cache.ts', '--origin', originUrl, '--runtime', runtime];
    await add(`Lotok on ${runtime}`, (port) => start('server', process.execPath, options, { PORT: String(port) }));
  }
  return contenders;
}

async function measureHits({ port, running, rates, tails, cpuMicroseconds }: Contender, seconds: number) {
  const pids = withChildren(running.child.pid ?? 0);
  const before = cpuOf(pids);
  const printed = await run('load', 'wrk', [
    '-t1',
    '-c32',
    `-d${seconds}s`,
    '--latency',
    `http://127.0.0.1:${port}${path}`,
  ]);
  const after = cpuOf(pids);
  if (/Non-2xx/.test(printed)) throw new Error(`not every answer was a listing: ${printed}`);
  const requests = Number(/(\d+) requests in/.exec(printed)?.[1]);
  rates.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]));
  tails.push(milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(printed)));
  cpuMicroseconds.push(((after.user + after.kernel - before.user - before.kernel) * 1e6) / requests);
}

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));

const milliseconds = (match: RegExpExecArray | null): number =>
  Number(match?.[1]) * ({ us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? 'ms'] ?? 1);

/** As a listing of twenty ads is: 4 KiB of JSON. */
const listing = JSON.stringify({
  items: Array.from({ length: 20 }, (_, index) => ({
    id: `0192f0c4-2222-7000-8000-0000000000${String(index).padStart(2, '0')}`,
    title: `Велосипед горный, номер ${index}`,
    price: { amount: 1_500_000 + index, currency: 'RUB' },
    category: 'bicycles',
    city: 'moscow',
    status: 'active',
  })),
  next_cursor: null,
});

/** The origin that all stand before: an edge of its own would favour ours. */
const originSource = (port: number): string => `
import { createServer } from 'node:http';
const body = ${JSON.stringify(listing)};
createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600', etag: '"1"' });
  response.end(body);
}).listen(${port}, '127.0.0.1');
`;

/** One after the other over one connection, each for an address that nobody asked for before; prints the median in ms. */
const missesSource = `
import { Agent, get } from 'node:http';
const [port, count] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const times = [];
for (let index = 0; index < count; index += 1) {
  const began = performance.now();
  await new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: '/v1/ads?miss=' + port + '-' + index }, (response) => {
      response.resume().once('end', resolve);
    }).once('error', reject);
  });
  times.push(performance.now() - began);
}
agent.destroy();
console.log(times.sort((a, b) => a - b)[Math.floor(count / 2)]);
`;
