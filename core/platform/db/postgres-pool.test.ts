// What becomes of connections that break: cut with a reset, or dead without a word.
import { sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { Link } from '../../../tests/faults/link.ts';
import { describeWith } from '../../../tests/services.ts';
import { until } from '../../../tests/until.ts';
import { silentLog } from '../telemetry/log.ts';
import type { DatabaseProvider } from './database.ts';
import { openPostgres } from './postgres.ts';

describeWith('postgres', 'connections to PostgreSQL', (server) => {
  let opened = new AsyncDisposableStack();
  afterEach(async () => {
    await opened.disposeAsync();
    opened = new AsyncDisposableStack();
  });

  /** One connection, through a link. */
  async function world(): Promise<{ link: Link; databases: DatabaseProvider }> {
    const url = new URL(server);
    const link = opened.use(await Link.open({ name: 'postgres', targets: [Number(url.port)] }));
    url.port = String(link.port);
    const timing = { answerTimeoutMs: 1_500, pingMs: 300 };
    const databases = opened.use(await openPostgres({ url: url.href, poolSize: 1, log: silentLog, timing }));
    return { link, databases };
  }

  it('that break between two statements of a transaction fail it, and nothing else', async () => {
    const { link, databases } = await world();
    const db = await databases.open<Record<string, never>>('ads', {});
    const broken = db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx);
      link.cut();
      await until('all connections are gone', () => link.size === 0);
      await sql`select 2`.execute(trx);
    });
    await expect(broken).rejects.toThrow();
    const { rows } = await sql<{ three: number }>`select 3 as three`.execute(db);
    expect(rows).toEqual([{ three: 3 }]);
  });

  it('that die without a word are given up after a while, and replaced', async () => {
    const { link, databases } = await world();
    const db = await databases.open<Record<string, never>>('ads', {});
    await sql`select 1`.execute(db);
    link.halfOpen();
    await expect(sql`select 2`.execute(db)).rejects.toThrow('timeout');
    await sql`select 3`.execute(db);

    const broken = db.transaction().execute(async (trx) => {
      await sql`select 4`.execute(trx);
      link.halfOpen();
      await sql`select 5`.execute(trx);
    });
    await expect(broken).rejects.toThrow('timeout');
    await sql`select 6`.execute(db);
    // The provider's own connections as well.
    await until('it answers a ping', () => databases.ping().then(() => true));
  });

  it('that only listen are replaced too, and say so', async () => {
    const { link, databases } = await world();
    const db = await databases.open<Record<string, never>>('ads', {});
    let heard = 0;
    opened.use(
      await databases.listen('broken_listener', () => {
        heard += 1;
      }),
    );
    link.halfOpen();
    await until('it says that something may have been missed', () => heard > 0);
    const before = heard;
    await until('a statement gets through', async () => sql`select 1`.execute(db));
    await sql`select pg_notify('broken_listener', '')`.execute(db);
    await until('it hears again', () => heard > before);
  });
});
