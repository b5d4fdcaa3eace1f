// The caching reverse proxy on workerd.
import { waitUntil } from 'cloudflare:workers';
import { type CacheApi, cacheApiOf } from '../cache/cache-api.ts';
import { createLog } from '../log.ts';
import { fetchFromWeb } from '../web-upstream.ts';
import { type CacheProxy, cacheProxyConfig, createCacheProxy } from './app.ts';

/** Made by the first request: random numbers and timers are not to be had before. */
let proxy: CacheProxy | undefined;

export default {
  fetch(request: Request, env: Readonly<Record<string, string | undefined>>): Response | Promise<Response> {
    proxy ??= startProxy(env);
    return proxy.fetch(request);
  },
};

function startProxy(env: Readonly<Record<string, string | undefined>>): CacheProxy {
  const log = createLog('info', console.log, { part: 'edge-cache' });
  const config = cacheProxyConfig(env);
  return createCacheProxy(config, {
    runtime: 'workerd',
    fetchUpstream: fetchFromWeb,
    log,
    ...cacheApiOf(config, (caches as unknown as { default: CacheApi }).default),
    waitUntil: (work) => waitUntil(work.catch((error: unknown) => log.error('background.failed', { error }))),
  });
}
