// The runtime's Cache API as a second level: on Cloudflare the data centre's, shared by all isolates there; on Deno a disk's.
import { LRUCache } from 'lru-cache';
import type { EdgeConfig } from '../config.ts';
import type { RecordStore } from './second-level.ts';

/** The part of the standard's `Cache` that every runtime has. */
export interface CacheApi {
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

const addressOf = (name: string): string => `https://cache.lotok.internal/${name}`;
/** For the place that keeps it; how long an answer is fresh stands in the record. */
const keptSeconds = 7 * 24 * 3600;

/** What a runtime with a Cache API lends the cache by its configuration. */
export function cacheApiOf(
  config: Pick<EdgeConfig, 'cacheApi' | 'cacheFolder' | 'secondLevelBytes'>,
  cache: CacheApi,
): { readonly records?: RecordStore } {
  if (config.cacheFolder !== undefined)
    throw new Error('configuration: CACHE_FOLDER is for Node; here CACHE_API=1 turns the second level on');
  return config.cacheApi ? { records: cacheApiStore(cache, config.secondLevelBytes) } : {};
}

/** Where it outlives the process: nobody counts the bytes that one before left. */
export async function openEmptyCache(): Promise<CacheApi> {
  await caches.delete('lotok');
  return caches.open('lotok');
}

export function cacheApiStore(cache: CacheApi, maxBytes: number): RecordStore {
  const removed: string[] = [];
  const sizes = new LRUCache<string, number>({
    maxSize: maxBytes,
    sizeCalculation: (size) => size,
    dispose: (_size, name, reason) => {
      if (reason === 'evict') removed.push(name);
    },
  });
  return {
    async get(name) {
      sizes.get(name);
      const response = await cache.match(addressOf(name));
      return response ? new Uint8Array(await response.arrayBuffer()) : null;
    },
    async put(name, record) {
      if (record.byteLength > maxBytes) return;
      sizes.set(name, record.byteLength);
      const headers = { 'cache-control': `max-age=${keptSeconds}`, 'content-length': String(record.byteLength) };
      await cache.put(addressOf(name), new Response(record, { headers }));
      for (const each of removed.splice(0)) await cache.delete(addressOf(each));
    },
    async delete(name) {
      sizes.delete(name);
      await cache.delete(addressOf(name));
    },
  };
}
