// Cache hits per second of one listing: our edge beside nginx and Varnish, in one run, in turns.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../scripts/free-port.ts';
import { startLotok } from '../tests/system/lotok.ts';
import { until } from '../tests/until.ts';
import { run, start } from './processes.ts';

export interface HitsOptions {
  readonly rounds: number;
  readonly secondsPerRound: number;
}

const path = '/v1/ads?limit=5';

export async function benchHits({ rounds, secondsPerRound }: HitsOptions): Promise<void> {
  await using lotok = await startLotok();
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  // The origin that all three stand before: an edge of its own would favour ours, so it is the listing as bytes.
  const listing = await (await fetch(lotok.url + path)).text();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const origin = await freePort();
  await writeFile(join(folder, 'origin.mjs'), originSource(listing, origin));
  stack.use(start('load', process.execPath, [join(folder, 'origin.mjs')]));

  const contenders = [
    { name: 'nginx', port: await freePort() },
    { name: 'Varnish', port: await freePort() },
    { name: 'Lotok on Node', port: await freePort() },
    { name: 'Lotok on Deno', port: await freePort() },
  ] as const;
  const [nginx, varnish, node, deno] = contenders;
  await mkdir(join(folder, 'nginx'));
  await writeFile(join(folder, 'nginx.conf'), nginxConfig(folder, nginx.port, origin));
  stack.use(start('server', 'nginx', ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off;']));
  stack.use(
    start('server', 'varnishd', [
      '-F',
      '-n',
      join(folder, 'varnish'),
      '-a',
      `127.0.0.1:${varnish.port}`,
      '-b',
      `127.0.0.1:${origin}`,
      '-s',
      'malloc,64m',
    ]),
  );
  const cacheProxy = ['edge/cache-proxy.ts', '--origin', `http://127.0.0.1:${origin}`];
  stack.use(start('server', process.execPath, cacheProxy, { PORT: String(node.port) }));
  stack.use(start('server', 'node_modules/.bin/deno', ['run', '-A', ...cacheProxy], { PORT: String(deno.port) }));
  for (const { name, port } of contenders) {
    await until(`${name} answers`, async () => (await fetch(`http://127.0.0.1:${port}${path}`)).ok, {
      timeoutMs: 20_000,
    });
  }

  const rates = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const tails = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, port } of contenders) {
      const printed = await run('load', 'wrk', [
        '-t1',
        '-c32',
        `-d${secondsPerRound}s`,
        '--latency',
        `http://127.0.0.1:${port}${path}`,
      ]);
      rates.get(name)?.push(Number(/Requests\/sec:\s+([\d.]+)/.exec(printed)?.[1]));
      tails.get(name)?.push(milliseconds(/99%\s+([\d.]+)(us|ms|s)/.exec(printed)));
    }
  }
  const reference = median(rates.get('nginx') ?? []);
  console.log(
    `\nCache hits per second, ${Buffer.byteLength(listing)} bytes, 32 connections, median of ${rounds} rounds of ${secondsPerRound} s`,
  );
  console.table(
    contenders.map(({ name }) => ({
      server: name,
      'hits/s': Math.round(median(rates.get(name) ?? [])),
      'nginx = 1': (median(rates.get(name) ?? []) / reference).toFixed(2),
      'p99 ms': median(tails.get(name) ?? []).toFixed(1),
    })),
  );
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const milliseconds = (match: RegExpExecArray | null): number =>
  Number(match?.[1]) * ({ us: 0.001, ms: 1, s: 1000 }[match?.[2] ?? 'ms'] ?? 1);

const originSource = (body: string, port: number): string => `
import { createServer } from 'node:http';
const body = ${JSON.stringify(body)};
createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=3600', etag: '"1"' });
  response.end(body);
}).listen(${port}, '127.0.0.1');
`;

// Started as root it would give up its rights, and then couldn't reach a folder that is ours alone.
const nginxConfig = (folder: string, port: number, origin: number): string => `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  proxy_cache_path ${folder}/nginx keys_zone=hits:10m;
  client_body_temp_path ${folder}/nginx/body;
  proxy_temp_path ${folder}/nginx/proxy;
  fastcgi_temp_path ${folder}/nginx/fastcgi;
  uwsgi_temp_path ${folder}/nginx/uwsgi;
  scgi_temp_path ${folder}/nginx/scgi;
  server {
    listen 127.0.0.1:${port};
    keepalive_requests 1000000000;
    location / { proxy_pass http://127.0.0.1:${origin}; proxy_cache hits; }
  }
}
`;
