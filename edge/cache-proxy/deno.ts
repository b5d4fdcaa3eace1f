// The caching reverse proxy on Deno.
import { cacheApiOf, openEmptyCache } from '../cache/cache-api.ts';
import { createLog } from '../log.ts';
import { fetchFromWeb } from '../web-upstream.ts';
import { cacheProxyConfig, createCacheProxy } from './app.ts';

/** The part of Deno's namespace that is used here; the project's types are not Deno's. */
declare const Deno: {
  env: { toObject(): Record<string, string> };
  serve(
    options: { hostname: string; port: number; onListen(address: { port: number }): void },
    handler: (request: Request) => Response | Promise<Response>,
  ): unknown;
};

const config = cacheProxyConfig(Deno.env.toObject());
const log = createLog('info', console.log, { part: 'edge-cache' });
const proxy = createCacheProxy(config, {
  runtime: 'deno',
  fetchUpstream: fetchFromWeb,
  log,
  ...cacheApiOf(config, await openEmptyCache()),
  waitUntil: (work) => {
    work.catch((error: unknown) => log.error('background.failed', { error }));
  },
});
const { hostname, port } = config;
Deno.serve(
  {
    hostname,
    port,
    onListen: (address) => console.log(JSON.stringify({ event: 'ready', url: `http://${hostname}:${address.port}` })),
  },
  (request) => proxy.fetch(request),
);
