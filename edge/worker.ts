// The edge on Cloudflare Workers (workerd). Bundled by scripts/edge-worker-bundle.ts, which fills in the assets.
import { waitUntil } from 'cloudflare:workers';
import { assets } from 'lotok:assets';
import { createEdge, type Edge } from './app.ts';
import { type CacheApi, cacheApiOf } from './cache/cache-api.ts';
import { edgeConfig } from './config.ts';
import { createShardedRates } from './limits/durable-object.ts';
import { createLog } from './log.ts';
import type { Asset, Platform } from './platform.ts';
import { fetchFromWeb } from './web-upstream.ts';

export { RateShard } from './limits/durable-object.ts';
export { StreamHub } from './streams/durable-object.ts';

/** A namespace of Durable Objects. */
interface Namespace {
  idFromName(name: string): unknown;
  get(id: unknown): { fetch(request: Request): Promise<Response> };
}

/** Bindings: the same names as the other runtimes' environment, the hub, and where requests are counted. */
type Env = Readonly<Record<string, string | undefined>> & {
  readonly STREAM_HUB?: Namespace;
  readonly RATE_SHARDS?: Namespace;
};

/** One edge per isolate, made by the first request: timers and random numbers are not to be had before. */
let edge: Edge | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    edge ??= createEdge(createWorkerPlatform(env));
    return edge.fetch(request);
  },
};

function createWorkerPlatform(env: Env): Platform {
  const { STREAM_HUB: hubs, RATE_SHARDS: shards, ...variables } = env;
  const config = edgeConfig(variables as Readonly<Record<string, string | undefined>>);
  const log = createLog(config.logLevel, console.log, { part: 'edge' });
  return {
    runtime: 'workerd',
    config,
    log,
    clock: Date.now,
    fetchUpstream: fetchFromWeb,
    connectWebSocket: () => Promise.reject(new Error('an isolate holds no connection; the stream hub does')),
    upgradeWebSocket: () => {
      throw new Error('an isolate holds no connection; the stream hub does');
    },
    // Cloudflare sets `cf` and this field itself; a bare workerd sets neither, and then a client could have.
    peerAddress: (request) => ('cf' in request && request.cf ? (request.headers.get('cf-connecting-ip') ?? '') : ''),
    ...cacheApiOf(config, (caches as unknown as { default: CacheApi }).default),
    asset: (path) => assetOf(path),
    waitUntil: (work) => waitUntil(work.catch((error: unknown) => log.error('background.failed', { error }))),
    // A stub belongs to the request that made it, so each call makes its own.
    ...(hubs ? { streamHub: { fetch: (request: Request) => hubs.get(hubs.idFromName('hub')).fetch(request) } } : {}),
    ...(shards
      ? { sharedRates: createShardedRates((shard, request) => shards.get(shards.idFromName(shard)).fetch(request)) }
      : {}),
  };
}

const decoded = new Map<string, Asset>();

function assetOf(path: string): Asset | null {
  const known = decoded.get(path);
  if (known) return known;
  const file = Object.hasOwn(assets, path) ? assets[path] : undefined;
  if (!file) return null;
  const asset = {
    bytes: Uint8Array.from(atob(file.base64), (character) => character.charCodeAt(0)),
    contentType: file.contentType,
  };
  decoded.set(path, asset);
  return asset;
}
