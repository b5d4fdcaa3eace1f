import { spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm';
import { type Kysely, sql, type Transaction } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventTypes } from '../../contracts/events.ts';
import { services } from '../../contracts/route.ts';
import { lockFolder } from '../../core/platform/db/folder-lock.ts';
import { root } from '../services/state.ts';
import { invariants } from './all.ts';
import { breaks, dieUnheard, sights } from './breaks.testing.ts';
import type { Database } from './database.ts';
import { orderIn, parcelBecomes, putIntoTopic } from './forge.testing.ts';
import { hearers } from './hearers.ts';
import { makeMarket } from './market.testing.ts';
import { embeddedTopics } from './topics-embedded.ts';
import { examine, type Report, type VerifyOptions } from './verify.ts';

let folder: string;
let database: Database;
let db: Kysely<unknown>;
/** The market's clock stands still from here on, however long the tests take. */
let stoppedAt: Date;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lotok-invariants-'));
  database = await makeMarket(join(folder, 'data'));
  db = database.db;
  stoppedAt = database.stoppedAt ?? new Date();
}, 240_000);
afterAll(async () => {
  await database?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

class Undone extends Error {}

/** What the verification says after `change`; the change is undone again. */
async function reportAfter(
  change: (trx: Transaction<unknown>) => Promise<unknown>,
  options: Partial<VerifyOptions> = {},
): Promise<Report> {
  let report: Report | undefined;
  await db
    .transaction()
    .execute(async (trx) => {
      // What triggers forbid is broken here as somebody who owns the database could.
      await sql`set local session_replication_role = replica`.execute(trx);
      await change(trx);
      const asked = { live: false, boundSeconds: 60, progress: () => undefined, ...options };
      report = await examine(trx, embeddedTopics(trx), undefined, stoppedAt, asked);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  if (!report) throw new Error('there is no report');
  return report;
}

const violated = ({ verdicts }: Report): string[] =>
  verdicts.flatMap(({ name, status }) => (status === 'violated' ? [name] : []));
const unchanged = async (): Promise<void> => undefined;

async function writeWatched(lines: readonly object[]): Promise<string> {
  const file = join(folder, 'watched.jsonl');
  await writeFile(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return file;
}

describe('a market where everything went right', () => {
  it('breaks no invariant', async () => {
    const watched = await db.transaction().execute((trx) => sights(trx, 'delivered'));
    const report = await reportAfter(unchanged, { watched: await writeWatched(watched) });
    expect(report.verdicts.filter(({ status }) => status !== 'holds')).toEqual([]);
    expect(report.orders).toBe(11);
  });
});

describe('each invariant', () => {
  it('can be broken', () => {
    expect([...new Set(breaks.map(({ invariant }) => invariant))].sort()).toEqual(
      invariants.map(({ name }) => name).sort(),
    );
  });

  it.each(breaks)('$invariant is violated, and no other, when $when', async ({ invariant, make, watched }) => {
    const options = watched
      ? { watched: await writeWatched(await db.transaction().execute((trx) => watched(trx))) }
      : {};
    const report = await reportAfter(make, options);
    expect(violated(report)).toEqual([invariant]);
    const verdict = report.verdicts.find(({ name }) => name === invariant);
    expect(verdict?.violations[0]).toMatchObject({ expected: expect.any(String), found: expect.any(String) });
    expect(Object.keys(verdict?.violations[0]?.about ?? {})).not.toEqual([]);
  });
});

describe('while the system works', () => {
  const live = { live: true } as const;
  /** Between the courier's books and ours. */
  const parcelIsTaken = async (db: Transaction<unknown>, ago: string): Promise<void> => {
    const changed = sql`updated_at = ${stoppedAt}::timestamptz - ${ago}::interval where stage = 'created'`;
    await sql`update delivery.shipments set ${changed}`.execute(db);
    await sql`update sandbox_courier.shipments set stage = 'accepted', ${changed}`.execute(db);
  };

  it('two books may differ about what has just changed', async () => {
    const change = (db: Transaction<unknown>) => parcelIsTaken(db, '10 seconds');
    expect(violated(await reportAfter(change, live))).toEqual([]);
    expect(violated(await reportAfter(change))).toEqual(['courier-agrees']);
  });

  it('and not about what changed longer ago than the bound', async () => {
    const change = (db: Transaction<unknown>) => parcelIsTaken(db, '10 seconds');
    expect(violated(await reportAfter(change, { ...live, boundSeconds: 5 }))).toEqual(['courier-agrees']);
  });

  it('a screen may be behind, and not elsewhere', async () => {
    const forgetStage = async (db: Transaction<unknown>, stage: string): Promise<void> => {
      const order = await orderIn(db, 'paid');
      await parcelBecomes(db, order, 'accepted');
      await sql`
        with unsaid as (
          delete from notifications.outbox
          where value like ${`%"order_id":"${order.id}","stage":"${stage}"%`} returning headers->>'ce_id' as id)
        delete from bus.messages where headers->>'ce_id' in (select id from unsaid)`.execute(db);
    };
    // The order has to go with its parcel, in its time.
    expect(violated(await reportAfter((db) => forgetStage(db, 'accepted'), live))).toEqual([]);
    expect(violated(await reportAfter((db) => forgetStage(db, 'created'), live))).toEqual(['stream-shows-the-parcel']);
  });
});

describe('what an operator decided', () => {
  const broken = (invariant: string) => {
    const found = breaks.find((each) => each.invariant === invariant);
    if (!found) throw new Error(`nothing breaks ${invariant}`);
    return found.make;
  };

  it.each([
    ['completed-sale-is-paid-out', 'pay_out_seller', 'completed'],
    ['goods-are-paid', 'capture_payment', 'delivered'],
    ['sold-ad-is-off-sale', 'mark_ad_sold', 'completed'],
    ['cancelled-parcel-is-stopped', 'cancel_shipment', 'cancelled'],
    ['cancelled-order-holds-no-money', 'return_money', 'cancelled'],
  ])('is believed: %s does not ask for a skipped %s', async (invariant, step, status) => {
    const skip = async (trx: Transaction<unknown>): Promise<void> => {
      await broken(invariant)(trx);
      await sql`
        update orders.commands set state = 'skipped'
        where step = ${step} and order_id in (select id from orders.orders where status = ${status})`.execute(trx);
    };
    expect(violated(await reportAfter(skip))).toEqual([]);
  });

  it('is believed of dead letters, too', async () => {
    const discard = async (trx: Transaction<unknown>): Promise<void> => {
      const of = await dieUnheard(trx);
      const mark = { of, action: 'discarded', by: 'anna', at: new Date().toISOString() };
      const told = { service: 'orders', topic: 'payments.v1.dlq', type: '', key: 'x', data: mark };
      await putIntoTopic(trx, told, { dlq_mark: 'discarded' });
    };
    expect(violated(await reportAfter(discard))).toEqual([]);
  });

  it('a replay needs no row in an outbox', async () => {
    const replay = (trx: Transaction<unknown>): Promise<string> => {
      const told = { service: 'users', topic: 'users.v1', type: 'session.ended', key: 'x', data: {} };
      return putIntoTopic(trx, told, { dlq_replay_for: 'ads', dlq_replay_of: 'users.v1.dlq/0/0', dlq_replays: '1' });
    };
    expect(violated(await reportAfter(replay))).toEqual([]);
  });
});

describe('what watchers saw', () => {
  const seen = () => db.transaction().execute((trx) => sights(trx, 'delivered'));
  const reset = { event: 'reset', id: 'r', user_id: 'anna' };
  const byAnna = (lines: readonly object[]): object[] => lines.map((line) => ({ ...line, user_id: 'anna' }));

  it('may miss what came before a reset, and not come out of turn', async () => {
    const [first, ...rest] = await seen();
    if (!first) throw new Error('nothing was seen');
    const missed = await writeWatched([reset, ...byAnna(rest.filter(({ id }) => id !== first.id))]);
    expect(violated(await reportAfter(unchanged, { watched: missed }))).toEqual([]);
    const turned = await writeWatched([reset, ...byAnna([...rest, { ...first, id: 'late' }])]);
    expect(violated(await reportAfter(unchanged, { watched: turned }))).toEqual(['watchers-saw-what-happened']);
  });

  it('may be orders alone', async () => {
    const watched = await writeWatched((await seen()).filter(({ event }) => event === 'order.status'));
    expect(violated(await reportAfter(unchanged, { watched }))).toEqual([]);
  });

  it.each([
    ['no JSON', 'nonsense', /watched.jsonl:2 is not JSON/],
    [
      'no status',
      '{"order_id":"01935b5e-7d00-7000-8000-000000000001","event":"order.status","id":"1"}',
      /:2: [\s\S]*status/,
    ],
    ['another event', '{"event":"greeting","id":"1"}', /:2: [\s\S]*event/],
  ])('is refused with its line when that is %s', async (_what, line, message) => {
    const file = join(folder, 'watched.jsonl');
    await writeFile(file, `\n${line}\n`);
    await expect(reportAfter(unchanged, { watched: file })).rejects.toThrow(message);
  });
});

describe('who hears what', () => {
  it('is what the services have subscribed to', async () => {
    const { rows } = await sql<{ group: string; topic: string }>`
      select distinct "group", topic from bus.offsets where "group" like 'core-%' order by 1, 2`.execute(db);
    const expected = services.flatMap((service) =>
      [...new Set(hearers[service].map((type) => eventTypes[type].topic))].map((topic) => ({
        group: `core-${service}`,
        topic,
      })),
    );
    const sorted = expected.sort((a, b) => (`${a.group} ${a.topic}` < `${b.group} ${b.topic}` ? -1 : 1));
    expect(rows).toEqual(sorted);
  });
});

describe('npm run verify:invariants', { timeout: 60_000 }, () => {
  const run = async (...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
    const child = spawn(process.execPath, [join(root, 'scripts/verify-invariants.ts'), ...args], {
      env: { ...process.env, LOTOK_SERVICES: 'env', DATABASE_URL: '', KAFKA_BROKERS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      child.stderr.setEncoding('utf8').toArray(),
      new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve)),
    ]);
    return { code, stdout: stdout.join(''), stderr: stderr.join('') };
  };
  const filesOf = async (path: string): Promise<string[]> => {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(files.sort().map(async (file) => `${file} ${(await stat(file)).mtimeMs}`));
  };

  it('ends with 0 when all hold, tells it as a table or as JSON, and leaves the data as they were', async () => {
    const data = join(folder, 'data');
    const before = await filesOf(join(data, 'database'));
    const table = await run('--data', data);
    expect(table).toMatchObject({ code: 0 });
    expect(table.stdout).toMatch(/holds +\d+ ms +nothing-is-charged-twice +No order is charged twice\./);
    expect(table.stdout).toMatch(/65 hold, 0 violated, 1 not checked/);
    const json = await run('--data', data, '--json', '--bound-seconds', '30');
    expect(JSON.parse(json.stdout)).toMatchObject({ holds: true, mode: 'settled', boundSeconds: 30, orders: 11 });
    expect(await filesOf(join(data, 'database'))).toEqual(before);
  });

  it('ends with 1 when one is violated, and names some of many cases', async () => {
    const data = join(folder, 'broken');
    await cp(join(folder, 'data', 'database'), join(data, 'database'), { recursive: true });
    {
      await using pglite = await PGlite.create({ dataDir: join(data, 'database'), extensions: { pg_trgm } });
      await pglite.query(
        'update search.ads set active = false where id in (select id from search.ads where active limit 30)',
      );
    }
    // The clock of these data is that of the change, which is later than anything that was due.
    const { code, stdout } = await run('--data', data, '--json', '--bound-seconds', '3600');
    expect(code).toBe(1);
    const report = JSON.parse(stdout) as Report;
    expect(violated(report)).toEqual(['search-shows-what-is-on-sale']);
    const verdict = report.verdicts.find(({ status }) => status === 'violated');
    expect(verdict).toMatchObject({ total: 30 });
    expect(verdict?.violations).toHaveLength(20);
    const table = await run('--data', data);
    expect(table.stdout).toContain(`ad ${verdict?.violations[0]?.about['ad']}`);
    expect(table.stdout).toContain('and 10 more');
  });

  it('ends with 2 when a process uses the data, and says so', async () => {
    using _ = await lockFolder(join(folder, 'data', 'database'));
    const { code, stderr } = await run('--data', join(folder, 'data'));
    expect(code).toBe(2);
    expect(stderr).toContain('another process uses the data');
  });

  it.each([
    [['--data', '/nowhere'], 'there is no embedded database in /nowhere'],
    [['--bound-seconds', 'soon'], 'bound-seconds'],
    [['--bound-second', '5'], '--bound-second'],
    [['everything'], 'everything'],
  ])('ends with 2 on %j and says what is wrong', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});
