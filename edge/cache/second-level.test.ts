import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { caches, Response as UndiciResponse } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { folderOf, openFolder } from '../node-folder.ts';
import { type CacheApi, cacheApiOf, cacheApiStore } from './cache-api.ts';
import { Cache, type CacheOptions } from './engine.ts';
import { addressKey } from './key.ts';
import { nameOf, recordStoreContract } from './record-store.contract.ts';
import type { RecordStore } from './second-level.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});
async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lotok-cache-'));
  folders.push(folder);
  return folder;
}
let opened = 0;
/** undici's, which takes only answers of its own make. */
async function openCache(): Promise<CacheApi> {
  const cache = await caches.open(`test-${++opened}`);
  return {
    match: async (url) => (await cache.match(url)) as Response | undefined,
    put: async (url, response) =>
      cache.put(url, new UndiciResponse(await response.arrayBuffer(), { headers: [...response.headers] })),
    delete: (url) => cache.delete(url),
  };
}

recordStoreContract('a folder', async (maxBytes) => openFolder(await newFolder(), maxBytes));
recordStoreContract('a Cache API', async (maxBytes) => cacheApiStore(await openCache(), maxBytes));

describe('a folder', () => {
  const record = new Uint8Array(400).fill(7);

  it('still has everything after a restart, within the bytes that are allowed then', async () => {
    const folder = await newFolder();
    const before = await openFolder(folder, 10_000);
    for (const digit of [1, 2, 3]) await before.put(nameOf(digit), record);
    const after = await openFolder(folder, 10_000);
    for (const digit of [1, 2, 3]) expect(await after.get(nameOf(digit))).toEqual(record);
    await openFolder(folder, 900);
    expect(await readdir(folder)).toHaveLength(2);
  });

  it('removes drafts of a process that was killed and leaves what is not its own', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'draft-1'), record);
    await utimes(join(folder, 'draft-1'), 1_700_000_000, 1_700_000_000);
    // Another process may be about to rename this one.
    await writeFile(join(folder, 'draft-2'), record);
    await writeFile(join(folder, 'README'), 'mine');
    await openFolder(folder, 10_000);
    expect((await readdir(folder)).sort()).toEqual(['README', 'draft-2']);
  });

  it('misses a file that somebody removed', async () => {
    const folder = await newFolder();
    const store = await openFolder(folder, 10_000);
    await store.put(nameOf(1), record);
    await rm(join(folder, nameOf(1)));
    expect(await store.get(nameOf(1))).toBeNull();
  });
});

describe('the configuration of a second level', () => {
  const config = { cacheApi: false, cacheFolder: undefined, secondLevelBytes: 1_000 };

  it('names what the runtime does not have', async () => {
    await expect(folderOf({ ...config, cacheApi: true })).rejects.toThrow('CACHE_API');
    const cache = await openCache();
    expect(() => cacheApiOf({ ...config, cacheFolder: '/tmp/x' }, cache)).toThrow('CACHE_FOLDER');
  });

  it('is nothing by default', async () => {
    expect(await folderOf(config)).toEqual({});
    expect(cacheApiOf(config, await openCache())).toEqual({});
  });
});

/** A cache with little memory over a second level; `restarted` is another process over the same one. */
function world(records: RecordStore, options: Partial<CacheOptions> = {}) {
  const background: Promise<unknown>[] = [];
  const errors: unknown[] = [];
  let version = 1;
  const asked: Headers[] = [];
  const cache = new Cache({
    name: 'lotok',
    maxBytes: 10_000,
    clock: () => Date.parse('2026-11-24T10:00:00Z'),
    waitUntil: (work) => background.push(work),
    keyOf: addressKey,
    honourRequestDirectives: false,
    records,
    onRecordsError: (error) => errors.push(error),
    ...options,
  });
  const get = async (path: string) => {
    const url = `http://lotok.example${path}`;
    const response = await cache.handle({ method: 'GET', url, headers: new Headers() }, async (headers) => {
      asked.push(headers);
      const etag = `"${version}"`;
      const fields = { 'cache-control': 'max-age=600, stale-if-error=600', 'cache-groups': `"${path}"`, etag };
      if (headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers: fields });
      return new Response(`${path} v${version} `.padEnd(900, 'x'), { headers: fields });
    });
    const body = await response.text();
    await Promise.all(background.splice(0));
    return { text: body.replace(/ x+$/, '').trim(), cacheStatus: response.headers.get('cache-status') };
  };
  return {
    cache,
    get,
    asked,
    errors,
    change: () => {
      version += 1;
    },
    /** Asks for enough else that nothing from before is left in memory. */
    async crowd() {
      for (let page = 0; page < 10; page += 1) await get(`/crowd/${page}`);
    },
  };
}

describe('the cache with a second level', () => {
  it('answers from there what memory has no room for', async () => {
    const { get, crowd, asked } = world(await openFolder(await newFolder(), 1_000_000));
    await get('/a');
    await crowd();
    const before = asked.length;
    expect(await get('/a')).toEqual({ text: '/a v1', cacheStatus: 'lotok; hit; ttl=600; detail=second-level' });
    expect((await get('/a')).cacheStatus).toBe('lotok; hit; ttl=600');
    expect(asked).toHaveLength(before);
  });

  it('asks about what was purged while it lay there', async () => {
    const { get, crowd, cache, change } = world(await openFolder(await newFolder(), 1_000_000));
    await get('/a');
    await get('/b');
    await crowd();
    change();
    cache.invalidateGroups(['/a']);
    expect((await get('/a')).text).toBe('/a v2');
    expect((await get('/b')).cacheStatus).toMatch(/detail=second-level/);
    cache.invalidateAll();
    await crowd();
    expect((await get('/b')).text).toBe('/b v2');
  });

  it('asks after a restart whether what it finds is still right, and sends no body again when it is', async () => {
    const folder = await newFolder();
    const first = world(await openFolder(folder, 1_000_000));
    await first.get('/a');
    const second = world(await openFolder(folder, 1_000_000));
    expect(await second.get('/a')).toEqual({ text: '/a v1', cacheStatus: 'lotok; fwd=stale; fwd-status=304' });
    expect(second.asked[0]?.get('if-none-match')).toBe('"1"');
    expect((await second.get('/a')).cacheStatus).toMatch(/hit/);
  });

  it('never brings back after a restart what was purged meanwhile, not even when core is away', async () => {
    const folder = await newFolder();
    await world(await openFolder(folder, 1_000_000)).get('/a');
    const second = world(await openFolder(folder, 1_000_000));
    const request = { method: 'GET', url: 'http://lotok.example/a', headers: new Headers() };
    await expect(second.cache.handle(request, () => Promise.reject(new Error('core is away')))).rejects.toThrow(
      'core is away',
    );
    second.change();
    expect((await second.get('/a')).text).toBe('/a v2');
  });

  it('skips a file that is damaged in any place, and writes it anew', async () => {
    const folder = await newFolder();
    const { get, crowd, asked, errors } = world(await openFolder(folder, 1_000_000));
    await get('/a');
    const files = await readdir(folder);
    expect(files).toHaveLength(1);
    const file = join(folder, files[0] ?? '');
    const whole = await readFile(file);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.byteLength - 1), fc.boolean(), async (at, cut) => {
        await crowd();
        const damaged = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) damaged[at] = (damaged[at] ?? 0) ^ 0xff;
        await writeFile(file, damaged);
        const before = asked.length;
        expect((await get('/a')).text).toBe('/a v1');
        expect(asked).toHaveLength(before + 1);
      }),
      { numRuns: 20 },
    );
    expect(errors).toEqual([]);
  });

  it('does without a second level that fails or says nothing', async () => {
    const failing: RecordStore = {
      get: () => Promise.reject(new Error('disk')),
      put: () => Promise.reject(new Error('disk')),
      delete: () => Promise.reject(new Error('disk')),
    };
    const { get, errors } = world(failing);
    expect((await get('/a')).text).toBe('/a v1');
    expect(errors).toHaveLength(2);
    const silent: RecordStore = { ...failing, get: () => new Promise(() => undefined), put: async () => undefined };
    expect((await world(silent).get('/a')).text).toBe('/a v1');
  });

  it('never answers with less than was told before the request, whatever the order of things', async () => {
    const step = fc.constantFrom('ask a', 'ask b', 'crowd', 'change', 'tell a', 'tell b', 'tell all', 'restart');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (script) => {
        const folder = await newFolder();
        let present = world(await openFolder(folder, 1_000_000));
        let version = 1;
        const told = { a: 1, b: 1 };
        for (const each of script) {
          if (each === 'crowd') await present.crowd();
          else if (each === 'change') {
            version += 1;
            present.change();
          } else if (each === 'restart') {
            present = world(await openFolder(folder, 1_000_000));
            for (let count = 1; count < version; count += 1) present.change();
            // Whatever happened while nobody listened.
            told.a = told.b = version;
          } else if (each === 'tell all') {
            told.a = told.b = version;
            present.cache.invalidateAll();
          } else {
            const [what, which] = each.split(' ') as ['ask' | 'tell', 'a' | 'b'];
            if (what === 'tell') {
              told[which] = version;
              present.cache.invalidateGroups([`/${which}`]);
            } else
              expect(Number((await present.get(`/${which}`)).text.split('v')[1])).toBeGreaterThanOrEqual(told[which]);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});
