// A fresh database for a test: embedded by default, on the real server with TEST_DATABASE=postgres.
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { DatabaseProvider } from '../core/platform/db/database.ts';
import { openPGlite } from '../core/platform/db/pglite.ts';
import { openPostgres } from '../core/platform/db/postgres.ts';
import { silentLog } from '../core/platform/telemetry/log.ts';

export async function openTestDatabase(): Promise<DatabaseProvider> {
  return process.env['TEST_DATABASE'] === 'postgres' ? openOnServer() : openPGlite({ template: await template() });
}

/** Making a data directory takes seconds, loading one a moment; so one is kept. */
async function template(): Promise<Blob> {
  const folder = join(import.meta.dirname, '../node_modules/.cache/lotok');
  const file = join(folder, 'pglite-template.tar');
  try {
    return new Blob([await readFile(file)]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const pglite = await PGlite.create();
  const dump = await pglite.dumpDataDir('none');
  await pglite.close();
  await mkdir(folder, { recursive: true });
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, new Uint8Array(await dump.arrayBuffer()));
  await rename(draft, file);
  return dump;
}

async function openOnServer(): Promise<DatabaseProvider> {
  const server = process.env['DATABASE_URL'];
  if (!server) throw new Error('TEST_DATABASE=postgres needs DATABASE_URL');
  const database = await createDatabase(server);
  const provider = await openPostgres({ url: database.url, poolSize: 4, log: silentLog });
  return {
    ...provider,
    async [Symbol.asyncDispose]() {
      await provider[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** A database of its own on a real server, gone when disposed. */
export async function createDatabase(server: string): Promise<AsyncDisposable & { readonly url: string }> {
  const name = `lotok_test_${randomBytes(6).toString('hex')}`;
  const run = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await run(`create database ${name}`);
  // From the first time on, so that a statement which works only when its values are known fails here.
  await run(`alter database ${name} set plan_cache_mode = force_generic_plan`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => run(`drop database if exists ${name} with (force)`),
  };
}
