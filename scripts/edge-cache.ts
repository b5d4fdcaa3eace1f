// `npm run edge:cache -- --origin URL [--runtime node|deno|workerd]`: the edge's cache as a reverse proxy before any origin.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type CacheProxyConfig, cacheProxyConfig } from '../edge/cache-proxy/app.ts';
import { type RunningCacheProxy, startCacheProxy } from '../edge/cache-proxy/node.ts';
import { serveWorker } from './workerd.ts';

export const cacheRuntimes = ['node', 'deno', 'workerd'] as const;
export type CacheRuntime = (typeof cacheRuntimes)[number];

export function startCacheOn(runtime: CacheRuntime, config: CacheProxyConfig): Promise<RunningCacheProxy> {
  if (runtime === 'node') return startCacheProxy(config);
  if (runtime === 'deno') return startOnDeno(config);
  return serveWorker({
    entry: 'edge/cache-proxy/worker.ts',
    hostname: config.hostname,
    port: config.port,
    variables: variablesOf(config),
    durableObjects: {},
  });
}

const root = join(import.meta.dirname, '..');

async function startOnDeno(config: CacheProxyConfig): Promise<RunningCacheProxy> {
  const child = spawn(
    join(root, 'node_modules/.bin/deno'),
    [
      'run',
      '--no-prompt',
      '--unstable-no-legacy-abort',
      '--allow-net',
      '--allow-env',
      '--allow-read=edge,contracts,node_modules',
      'edge/cache-proxy/deno.ts',
    ],
    {
      cwd: root,
      env: { ...process.env, ...variablesOf(config), NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const said = line.startsWith('{') ? (JSON.parse(line) as { event: string; url?: string }) : undefined;
    if (said?.event !== 'ready' || said.url === undefined) continue;
    child.stdout.pipe(process.stdout);
    return {
      url: said.url,
      async [Symbol.asyncDispose]() {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }
  throw new Error('Deno ended before it was ready');
}

const variablesOf = (config: CacheProxyConfig): Record<string, string> => ({
  ORIGIN: config.origin,
  HOST: config.hostname,
  PORT: String(config.port),
  CACHE_BYTES: String(config.cacheBytes),
  ...(config.cacheFolder === undefined ? {} : { CACHE_FOLDER: config.cacheFolder }),
  CACHE_API: config.cacheApi ? '1' : '0',
  CACHE_SECOND_LEVEL_BYTES: String(config.secondLevelBytes),
  UPSTREAM_TIMEOUT_MS: String(config.timeoutMs),
});

if (import.meta.main) {
  const { values } = parseArgs({
    options: { origin: { type: 'string' }, runtime: { type: 'string', default: 'node' } },
  });
  const runtime = cacheRuntimes.find((each) => each === values.runtime);
  if (values.origin === undefined || !runtime) {
    console.error('usage: npm run edge:cache -- --origin URL [--runtime node|deno|workerd]');
    process.exit(2);
  }
  const proxy = await startCacheOn(runtime, cacheProxyConfig({ ...process.env, ORIGIN: values.origin }));
  console.log(JSON.stringify({ event: 'ready', url: proxy.url }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void proxy[Symbol.asyncDispose]().then(() => process.exit(0)));
}
