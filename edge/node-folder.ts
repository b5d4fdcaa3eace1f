// A folder as a second level on Node: one file a record, bounded by bytes, still there after a restart.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { RecordStore } from './cache/second-level.ts';
import type { EdgeConfig } from './config.ts';

const draftMs = 60_000;

const isName = (file: string): boolean => /^[0-9a-f]{64}$/.test(file);

/** What Node lends the cache by its configuration; `processes` share the folder and its bytes. */
export async function folderOf(
  config: Pick<EdgeConfig, 'cacheApi' | 'cacheFolder' | 'secondLevelBytes'>,
  processes = 1,
): Promise<{ readonly records?: RecordStore }> {
  if (config.cacheApi)
    throw new Error('configuration: CACHE_API is for Deno and Cloudflare; on Node name a CACHE_FOLDER');
  return config.cacheFolder === undefined
    ? {}
    : { records: await openFolder(config.cacheFolder, Math.floor(config.secondLevelBytes / processes)) };
}

/** Each process bounds what it wrote and what it found at its start; a file that another one removed is a miss. */
export async function openFolder(folder: string, maxBytes: number): Promise<RecordStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const removed: string[] = [];
  const sizes = new LRUCache<string, number>({
    maxSize: maxBytes,
    sizeCalculation: (size) => Math.max(1, size),
    dispose: (_size, name, reason) => {
      if (reason === 'evict') removed.push(name);
    },
  });
  const path = (name: string): string => join(folder, name);
  const remove = (file: string): Promise<void> => rm(path(file), { force: true });
  const removeEvicted = async (): Promise<void> => {
    for (const name of removed.splice(0)) if (!sizes.has(name)) await remove(name);
  };

  const found: { readonly name: string; readonly size: number; readonly writtenAt: number }[] = [];
  for (const file of await readdir(folder)) {
    const isDraft = file.startsWith('draft-');
    if (!isDraft && !isName(file)) continue;
    const known = await stat(path(file)).catch(() => null);
    if (!known) continue;
    const { size, mtimeMs } = known;
    if (isDraft) {
      // One whose writer was killed: no write takes that long.
      if (Date.now() - mtimeMs > draftMs) await remove(file);
    } else if (size > maxBytes) await remove(file);
    else found.push({ name: file, size, writtenAt: mtimeMs });
  }
  for (const { name, size } of found.sort((a, b) => a.writtenAt - b.writtenAt)) sizes.set(name, size);
  await removeEvicted();

  return {
    async get(name) {
      if (sizes.get(name) === undefined) return null;
      try {
        return new Uint8Array(await readFile(path(name)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        sizes.delete(name);
        return null;
      }
    },
    async put(name, record) {
      if (record.byteLength > maxBytes) return;
      const draft = path(`draft-${randomUUID()}`);
      try {
        await writeFile(draft, record, { mode: 0o600 });
        // A name shows the old record or the new one, never half of one.
        await rename(draft, path(name));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      sizes.set(name, record.byteLength);
      await removeEvicted();
    },
    async delete(name) {
      sizes.delete(name);
      await remove(name);
    },
  };
}
