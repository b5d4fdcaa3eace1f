import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockFolder } from './folder-lock.ts';
import { openPGlite } from './pglite.ts';

describe('the folder of an embedded database', () => {
  let data: string;
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'lotok-lock-'));
  });
  afterAll(() => rm(data, { recursive: true, force: true }));

  /** Another process that holds the lock on `folder` until it is killed. */
  async function holderOf(folder: string): Promise<ChildProcess> {
    const module = JSON.stringify(new URL('./folder-lock.ts', import.meta.url).href);
    const script = `await (await import(${module})).lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return child;
  }

  it('belongs to one process at a time, and to the next as soon as that one is killed', async () => {
    const folder = join(data, 'database');
    const holder = await holderOf(folder);
    await expect(lockFolder(folder, 0)).rejects.toThrow(`another process uses the data in ${data}`);
    const waiting = lockFolder(folder);
    holder.kill('SIGKILL');
    (await waiting)[Symbol.dispose]();
  });

  it('is free again when the database is closed', { timeout: 60_000 }, async () => {
    const folder = join(data, 'closed');
    const database = await openPGlite({ folder });
    await expect(lockFolder(folder, 0)).rejects.toThrow('another process');
    await database[Symbol.asyncDispose]();
    (await lockFolder(folder, 0))[Symbol.dispose]();
  });
});
