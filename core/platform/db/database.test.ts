// What every database does, whichever adapter it is. Runs on PGlite, and on PostgreSQL where that is there.
import { setTimeout as pause } from 'node:timers/promises';
import { type Generated, type Kysely, sql, type Transaction } from 'kysely';
import type { Migration } from 'kysely/migration';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestDatabase } from '../../../tests/database.ts';
import { until } from '../../../tests/until.ts';
import { silentLog } from '../telemetry/log.ts';
import type { DatabaseProvider } from './database.ts';
import { later } from './later.ts';
import { openPostgres } from './postgres.ts';

interface Tables {
  jobs: { id: Generated<number>; name: string; taken: Generated<boolean> };
}

const onServer = process.env['TEST_DATABASE'] === 'postgres';

/** One migration that notes how often it ran. */
function jobMigrations() {
  const ran: string[] = [];
  const migrations: Record<string, Migration> = {
    '001_jobs': {
      async up(db) {
        ran.push('001_jobs');
        await db.schema
          .createTable('jobs')
          .addColumn('id', 'integer', (column) => column.generatedAlwaysAsIdentity().primaryKey())
          .addColumn('name', 'text', (column) => column.notNull())
          .addColumn('taken', 'boolean', (column) => column.notNull().defaultTo(false))
          .execute();
      },
    },
  };
  return { migrations, ran };
}

let databases: DatabaseProvider;
const others: AsyncDisposable[] = [];
beforeEach(async () => {
  databases = await openTestDatabase();
});
afterEach(async () => {
  for (const other of others.splice(0)) await other[Symbol.asyncDispose]();
  await databases[Symbol.asyncDispose]();
});

const openJobs = (service = 'ads', provider = databases): Promise<Kysely<Tables>> =>
  provider.open<Tables>(service, jobMigrations().migrations);
const names = async (db: Kysely<Tables>): Promise<string[]> =>
  (await db.selectFrom('jobs').select('name').orderBy('id').execute()).map(({ name }) => name);
const notify = (db: Kysely<Tables>, channel: string) => sql`select pg_notify(${channel}, '')`.execute(db);

describe('migrations', () => {
  it('run once, and newer ones after them when the service comes again', async () => {
    const { migrations, ran } = jobMigrations();
    const db = await databases.open<Tables>('ads', migrations);
    await db.insertInto('jobs').values({ name: 'kept' }).execute();
    await databases.open<Tables>('ads', migrations);
    const newer: Record<string, Migration> = {
      ...migrations,
      '002_colour': {
        async up(schema) {
          ran.push('002_colour');
          await schema.schema.alterTable('jobs').addColumn('colour', 'text').execute();
        },
      },
    };
    const again = await databases.open<Tables>('ads', newer);
    expect(ran).toEqual(['001_jobs', '002_colour']);
    expect(await names(again)).toEqual(['kept']);
  });

  it('run once when several open the schema at the same time', async () => {
    const { migrations, ran } = jobMigrations();
    const providers = onServer ? [databases, await second(), await second()] : [databases, databases, databases];
    const opened = await Promise.all(providers.map((provider) => provider.open<Tables>('ads', migrations)));
    expect(ran).toEqual(['001_jobs']);
    for (const db of opened) expect(await names(db)).toEqual([]);
  });

  it('that fail name themselves, and leave nothing behind', async () => {
    const { migrations } = jobMigrations();
    const broken: Record<string, Migration> = {
      ...migrations,
      '002_broken': {
        async up(db) {
          await db.schema.createTable('half').addColumn('id', 'integer').execute();
          await sql`select 1 / 0`.execute(db);
        },
      },
    };
    const failure = await databases.open('ads', broken).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure?.message).toContain('002_broken');
    expect(failure?.message).toContain('ads');
    expect(String(failure?.cause)).toContain('division by zero');
    const db = await openJobs();
    expect(await names(db)).toEqual([]);
    await expect(sql`select * from ads.half`.execute(db)).rejects.toThrow('does not exist');
  });

  it.runIf(onServer)('may take long, whereas a statement of the service may not', async () => {
    const limits: string[] = [];
    const limit = async (db: Kysely<Tables>): Promise<void> => {
      const { rows } = await sql<{ statement_timeout: string }>`show statement_timeout`.execute(db);
      limits.push(rows[0]?.statement_timeout ?? '');
    };
    await limit(await databases.open<Tables>('ads', { '001_long': { up: limit } }));
    expect(limits).toEqual(['0', '15s']);
  });

  it('refuse a schema whose name is no identifier', async () => {
    await expect(databases.open('ads; drop schema public', {})).rejects.toThrow('not an identifier');
    await expect(databases.listen('a"b', () => undefined)).rejects.toThrow('not an identifier');
  });
});

describe('schemas', () => {
  it('are apart: a table of one name is another in each', async () => {
    const [ads, orders] = [await openJobs('ads'), await openJobs('orders')];
    await ads.insertInto('jobs').values({ name: 'of ads' }).execute();
    expect(await names(ads)).toEqual(['of ads']);
    expect(await names(orders)).toEqual([]);
  });

  it.runIf(onServer)('of other services can be neither read nor written nor made', async () => {
    const [ads, orders] = [await openJobs('ads'), await openJobs('orders')];
    await expect(sql`select * from orders.jobs`.execute(ads)).rejects.toThrow('permission denied');
    await expect(sql`insert into ads.jobs (name) values ('x')`.execute(orders)).rejects.toThrow('permission denied');
    await expect(sql`create schema mine`.execute(ads)).rejects.toThrow('permission denied');
    await expect(sql`select pg_read_file('/etc/hostname')`.execute(ads)).rejects.toThrow('permission denied');
  });
});

describe('a transaction', () => {
  it('that fails leaves nothing', async () => {
    const db = await openJobs();
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('jobs').values({ name: 'lost' }).execute();
      expect(await trx.selectFrom('jobs').select('name').execute()).toHaveLength(1);
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect(await names(db)).toEqual([]);
  });

  it('can be followed by others after a statement of it failed', async () => {
    const db = await openJobs();
    await expect(db.transaction().execute((trx) => sql`select nonsense`.execute(trx))).rejects.toThrow('nonsense');
    await db.transaction().execute((trx) => trx.insertInto('jobs').values({ name: 'kept' }).execute());
    expect(await names(db)).toEqual(['kept']);
  });

  it('beside others keeps each whole', async () => {
    const db = await openJobs();
    const add = (name: string, fails: boolean) =>
      db.transaction().execute(async (trx) => {
        await trx.insertInto('jobs').values({ name }).execute();
        await trx.insertInto('jobs').values({ name }).execute();
        if (fails) throw new Error('no');
      });
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, (_, index) => add(`job-${index}`, index % 3 === 0)),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
    const kept = await names(db);
    expect(kept).toHaveLength(16);
    expect(new Set(kept).size).toBe(8);
  });
});

describe('a write that nobody waits for', () => {
  const add = (trx: Transaction<Tables>, name: string | null) =>
    later(trx, trx.insertInto('jobs').values({ name: name as string }));

  it('is seen by what follows, and is there after the commit', async () => {
    const db = await openJobs();
    const seen = await db.transaction().execute(async (trx) => {
      await add(trx, 'first');
      await add(trx, 'second');
      return names(trx);
    });
    expect(seen).toEqual(['first', 'second']);
    await db.transaction().execute((trx) => add(trx, 'third'));
    expect(await names(db)).toEqual(['first', 'second', 'third']);
  });

  it('fails the transaction where it fails, by its own error', async () => {
    const db = await openJobs();
    const atTheEnd = db.transaction().execute(async (trx) => {
      await trx.insertInto('jobs').values({ name: 'with it' }).execute();
      await add(trx, null);
    });
    await expect(atTheEnd).rejects.toThrow('null value');
    const before = db.transaction().execute(async (trx) => {
      await add(trx, null);
      await trx.insertInto('jobs').values({ name: 'after it' }).execute();
    });
    await expect(before).rejects.toThrow('null value');
    expect(await names(db)).toEqual([]);
    await db.transaction().execute((trx) => add(trx, 'later'));
    expect(await names(db)).toEqual(['later']);
  });

  it('is undone with the transaction', async () => {
    const db = await openJobs();
    const undone = db.transaction().execute(async (trx) => {
      await add(trx, 'never');
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    expect(await names(db)).toEqual([]);
  });
});

describe('listening', () => {
  it('hears after a commit, and never of what was rolled back', async () => {
    const db = await openJobs();
    let heard = 0;
    let seen: string[] = [];
    const listener = await databases.listen('news', () => {
      heard += 1;
    });
    others.push(listener);
    const rolledBack = db.transaction().execute(async (trx) => {
      await sql`select pg_notify('news', 'lost')`.execute(trx);
      throw new Error('no');
    });
    await expect(rolledBack).rejects.toThrow('no');
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('jobs').values({ name: 'said' }).execute();
      await sql`select pg_notify('news', '')`.execute(trx);
      await trx.insertInto('jobs').values({ name: 'said later' }).execute();
      await pause(20); // not before the commit, however long that takes
      expect(heard).toBe(0);
    });
    await until('it has heard', () => heard > 0);
    seen = await names(db);
    expect(seen).toEqual(['said', 'said later']);
    // Notices come in order: one of the rollback would have come before this one.
    await notify(db, 'news');
    await until('it has heard again', () => heard > 1);
    expect(heard).toBe(2);
  });

  it('tells all who listen to a channel, nobody of another, and nobody who has gone', async () => {
    const db = await openJobs();
    const counts = { first: 0, second: 0, twice: 0, other: 0 };
    const counting = (name: keyof typeof counts) => () => {
      counts[name] += 1;
    };
    const twice = counting('twice');
    const first = await databases.listen('news', counting('first'));
    others.push(await databases.listen('news', counting('second')));
    others.push(await databases.listen('elsewhere', counting('other')));
    const same = await databases.listen('news', twice);
    others.push(await databases.listen('news', twice));
    await notify(db, 'news');
    await until('all have heard', () => counts.first === 1 && counts.second === 1 && counts.twice === 2);
    await first[Symbol.asyncDispose]();
    await same[Symbol.asyncDispose]();
    await same[Symbol.asyncDispose]();
    await notify(db, 'news');
    await until('those who stayed have heard', () => counts.second === 2 && counts.twice === 3);
    expect(counts).toEqual({ first: 1, second: 2, twice: 3, other: 0 });
  });

  it.runIf(onServer)('comes back after its connection was lost, and says so', async () => {
    const db = await openJobs();
    let heard = 0;
    others.push(
      await databases.listen('news', () => {
        heard += 1;
      }),
    );
    await terminate(await databaseName(db), 'lotok-listen');
    await until('it tells that something may have been missed', () => heard === 1);
    await notify(db, 'news');
    await until('it hears again', () => heard === 2);
  });

  it.runIf(onServer)('takes one connection, however many channels there are', async () => {
    const db = await openJobs();
    const counts = new Map<string, number>();
    for (const channel of ['news', 'elsewhere', 'here'])
      await databases.listen(channel, () => counts.set(channel, (counts.get(channel) ?? 0) + 1));
    await terminate(await databaseName(db), 'lotok-listen');
    await until('all are told that something may have been missed', () => counts.size === 3);
    await notify(db, 'here');
    await until('the one is told again', () => counts.get('here') === 2);
    expect(await connections(await databaseName(db), 'lotok-listen')).toBe(1);
  });

  it.runIf(onServer)('tells nothing after it was disposed while it was coming back', async () => {
    const db = await openJobs();
    const name = await databaseName(db);
    let heard = 0;
    const listener = await databases.listen('news', () => {
      heard += 1;
    });
    await terminate(name, 'lotok-listen');
    await until('the connection has gone', async () => (await connections(name, 'lotok-listen')) === 0);
    await until('it is back, or nearly', async () => (await connections(name, 'lotok-listen')) === 1, {
      everyMs: 1,
    });
    await listener[Symbol.asyncDispose]();
    const before = heard;
    let others = 0;
    await databases.listen('news', () => {
      others += 1;
    });
    await notify(db, 'news');
    await until('somebody else has heard', () => others > 0);
    expect(heard).toBe(before);
  });
});

describe('takers of work', () => {
  const take = (db: Kysely<Tables>) =>
    db
      .updateTable('jobs')
      .set({ taken: true })
      .where('id', 'in', (select) =>
        select
          .selectFrom('jobs')
          .select('id')
          .where('taken', '=', false)
          .orderBy('id')
          .limit(5)
          .forUpdate()
          .skipLocked(),
      )
      .returning('id')
      .execute();

  it('never take the same row', async () => {
    const db = await openJobs();
    const jobs = Array.from({ length: 40 }, (_, index) => ({ name: `job-${index}` }));
    await db.insertInto('jobs').values(jobs).execute();
    const taken = (await Promise.all(Array.from({ length: 12 }, () => take(db)))).flat().map(({ id }) => id);
    while (taken.length < 40) {
      const more = await take(db);
      expect(more, 'rows are left').not.toHaveLength(0);
      taken.push(...more.map(({ id }) => id));
    }
    expect(new Set(taken).size).toBe(40);
    expect(await take(db)).toEqual([]);
  });

  it.runIf(onServer)('pass by what another holds instead of waiting for it', async () => {
    const db = await openJobs();
    const jobs = Array.from({ length: 20 }, (_, index) => ({ name: `job-${index}` }));
    await db.insertInto('jobs').values(jobs).execute();
    const all = Promise.withResolvers<void>();
    const taken: number[][] = [];
    const taker = () =>
      db.transaction().execute(async (trx) => {
        taken.push((await take(trx)).map(({ id }) => id));
        if (taken.length === 4) all.resolve();
        await all.promise; // each holds its rows until all have some
      });
    await Promise.all([taker(), taker(), taker(), taker()]);
    expect(taken.map((ids) => ids.length)).toEqual([5, 5, 5, 5]);
    expect(new Set(taken.flat()).size).toBe(20);
  });
});

describe('work that one process does alone', () => {
  it('waits for its turn, also after work that failed, and gives back what came of it', async () => {
    const elsewhere = onServer ? await second() : databases;
    let running = 0;
    const work = (result: string) => async (): Promise<string> => {
      running += 1;
      expect(running).toBe(1);
      await sql`select 1`.execute(await databases.open('ads', {}));
      running -= 1;
      if (result === 'fails') throw new Error(result);
      return result;
    };
    const results = await Promise.allSettled([
      databases.alone('seed', work('one')),
      elsewhere.alone('seed', work('fails')),
      databases.alone('seed', work('three')),
    ]);
    expect(results).toMatchObject([{ value: 'one' }, { reason: new Error('fails') }, { value: 'three' }]);
  });

  it('of another name does not wait', async () => {
    const begun = Promise.withResolvers<void>();
    await databases.alone('seed', async () => {
      await databases.alone('sweep', async () => begun.resolve());
    });
    await begun.promise;
  });
});

describe('a provider', () => {
  it('answers a ping until it is disposed, which may be twice', async () => {
    const provider = await openTestDatabase();
    await openJobs('ads', provider);
    await provider.listen('news', () => undefined);
    await expect(provider.ping()).resolves.toBeUndefined();
    await provider[Symbol.asyncDispose]();
    await expect(provider.ping()).rejects.toThrow();
    await expect(provider[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  it.runIf(onServer)('goes on when a newer process has changed a table', async () => {
    const db = await openJobs();
    const insert = () => db.insertInto('jobs').values({ name: 'kept' }).returningAll().execute();
    const read = () => db.selectFrom('jobs').selectAll().where('name', '=', 'kept').execute();
    await Promise.all([insert(), insert(), insert(), insert()]);
    await Promise.all([read(), read(), read(), read()]);
    const migrations = {
      ...jobMigrations().migrations,
      '002_more': {
        up: (newer: Kysely<unknown>) => newer.schema.alterTable('jobs').addColumn('more', 'text').execute(),
      },
    };
    await (await second()).open('ads', migrations);
    expect((await Promise.all([read(), read(), read(), read()])).flat()).toHaveLength(16);
    // A transaction that meets it is over, and can be tried again.
    const transaction = () => db.transaction().execute((trx) => trx.selectFrom('jobs').selectAll().execute());
    await expect(transaction().catch(transaction)).resolves.toHaveLength(4);
  });

  it.runIf(onServer)('goes on after all its connections were lost', async () => {
    const db = await openJobs();
    await db.insertInto('jobs').values({ name: 'kept' }).execute();
    await terminate(await databaseName(db));
    await until('it answers again', async () => {
      await databases.ping();
      return (await names(db)).length === 1;
    });
  });
});

const databaseName = async (db: Kysely<Tables>): Promise<string> => {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
  return rows[0]?.name ?? '';
};

/** Another process on the same server and database. */
async function second(): Promise<DatabaseProvider> {
  const url = new URL(process.env['DATABASE_URL'] ?? '');
  const name = await databaseName(await databases.open<Tables>('probe', {}));
  url.pathname = `/${name}`;
  const provider = await openPostgres({ url: url.href, poolSize: 2, log: silentLog });
  others.push(provider);
  return provider;
}

async function asAdmin<Row extends pg.QueryResultRow>(statement: string, values: readonly string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: process.env['DATABASE_URL'] });
  await client.connect();
  try {
    return (await client.query<Row>(statement, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Ends a database's connections, or only those that call themselves so. */
const terminate = (database: string, application = '%') =>
  asAdmin('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name like $2', [
    database,
    application,
  ]);

async function connections(database: string, application: string): Promise<number> {
  const rows = await asAdmin('select 1 from pg_stat_activity where datname = $1 and application_name = $2', [
    database,
    application,
  ]);
  return rows.length;
}
