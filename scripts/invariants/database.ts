// The database to look at: a PostgreSQL server, or a copy of an embedded data folder, so that looking changes nothing.
import { constants } from 'node:fs';
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import pg from 'pg';
import { lockFolder } from '../../core/platform/db/folder-lock.ts';

export interface Database extends AsyncDisposable {
  /** One connection: temporary tables and the transaction live in it. */
  readonly db: Kysely<unknown>;
  readonly title: string;
  /** When somebody last wrote; undefined where the system may still be running, and now is now. */
  readonly stoppedAt: Date | undefined;
}

/** Many small joins fit into this, and the big ones spill to disk: the server's memory is others' too. */
const settings = [
  'work_mem=128MB',
  'jit=off',
  'statement_timeout=600000',
  // Topics are read meanwhile.
  'idle_in_transaction_session_timeout=0',
];

export async function openServer(url: string): Promise<Database> {
  if (!URL.canParse(url)) throw new Error('DATABASE_URL is not a URL');
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: 10_000,
    application_name: 'lotok-verify-invariants',
    options: settings.map((setting) => `-c ${setting}`).join(' '),
  });
  pool.on('error', () => {}); // the query that finds it gone tells
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const { host, pathname } = new URL(url);
  return {
    db,
    title: `PostgreSQL at ${host}${pathname}`,
    stoppedAt: undefined,
    [Symbol.asyncDispose]: () => db.destroy(),
  };
}

export async function openFolder(dataFolder: string): Promise<Database> {
  const folder = join(dataFolder, 'database');
  const there = await stat(join(folder, 'PG_VERSION')).catch(() => undefined);
  if (!there) throw new Error(`there is no embedded database in ${dataFolder}`);
  const copy = await mkdtemp(join(tmpdir(), 'lotok-verify-'));
  try {
    let stoppedAt: Date;
    {
      using _ = await lockFolder(folder, 1_000);
      stoppedAt = await newestChange(folder);
      await cp(folder, copy, { recursive: true, mode: constants.COPYFILE_FICLONE });
    }
    const pglite = await PGlite.create({ dataDir: copy, extensions: { pg_trgm } });
    const db = new Kysely<unknown>({ dialect: new PGliteDialect({ pglite }) });
    return {
      db,
      title: `the embedded database in ${dataFolder}`,
      stoppedAt,
      async [Symbol.asyncDispose]() {
        await db.destroy();
        await rm(copy, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
}

/** A system that was stopped can't be late afterwards: its clock is that of its last write. */
async function newestChange(folder: string): Promise<Date> {
  let newest = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    newest = Math.max(newest, (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  }
  return new Date(newest);
}
