import type { Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTestDatabase } from '../../../tests/database.ts';
import { until } from '../../../tests/until.ts';
import { type TestClock, testClock } from '../../../tests/world.ts';
import type { ServiceTables } from '../service.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import type { DatabaseProvider } from './database.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createInboxTable } from './inbox.ts';
import { createOutboxTables } from './outbox.ts';

let databases: DatabaseProvider;
let clock: TestClock;
beforeEach(async () => {
  databases = await openTestDatabase();
  clock = testClock();
});
afterEach(() => databases[Symbol.asyncDispose]());

const hour = 3600;
const day = 24 * hour;
const ago = (seconds: number): Date => new Date(clock.now().getTime() - seconds * 1000);

const openService = (name: string): Promise<Kysely<ServiceTables>> =>
  databases.open<ServiceTables>(name, {
    '001': {
      async up(db) {
        await createOutboxTables(db);
        await createInboxTable(db);
      },
    },
  });

async function fill(db: Kysely<ServiceTables>): Promise<void> {
  const event = (key: string, createdAt: Date, publishedAt: Date | null) => ({
    topic: 'ads.v1',
    key,
    value: '{}',
    headers: '{}',
    created_at: createdAt,
    published_at: publishedAt,
  });
  await db
    .insertInto('outbox')
    .values([
      event('relayed long ago', ago(30 * hour), ago(25 * hour)),
      event('relayed lately', ago(30 * hour), ago(23 * hour)),
      event('not relayed for long', ago(90 * day), null),
    ])
    .execute();
  await db
    .insertInto('inbox')
    .values([
      { event_id: 'old', received_at: ago(61 * day) },
      { event_id: 'young', received_at: ago(59 * day) },
    ])
    .execute();
}

const kept = async (db: Kysely<ServiceTables>): Promise<string[]> => [
  ...(await db.selectFrom('outbox').select('key').orderBy('id').execute()).map(({ key }) => key),
  ...(await db.selectFrom('inbox').select('event_id').orderBy('event_id').execute()).map((row) => row.event_id),
];

describe('housekeeping', () => {
  it('forgets what was relayed or heard long ago, and never what waits', async () => {
    const [ads, orders] = [await openService('ads'), await openService('orders')];
    await fill(ads);
    await fill(orders);
    await using keeping = await startHousekeeping({ databases: [ads, orders], clock, log: silentLog });
    await until('both are tidy', async () => (await kept(ads)).length === 3 && (await kept(orders)).length === 3);
    expect(await kept(ads)).toEqual(['relayed lately', 'not relayed for long', 'young']);
    clock.advance(2 * day);
    keeping.wake();
    await until('time has gone on', async () => (await kept(orders)).length === 1);
    expect(await kept(ads)).toEqual(['not relayed for long']);
  });

  it('forgets more than one statement takes', async () => {
    const ads = await openService('ads');
    const rows = Array.from({ length: 12_000 }, (_, index) => ({ event_id: `${index}`, received_at: ago(61 * day) }));
    while (rows.length > 0) await ads.insertInto('inbox').values(rows.splice(0, 6_000)).execute();
    await using _ = await startHousekeeping({ databases: [ads], clock, log: silentLog });
    await until('all are gone', async () => (await kept(ads)).length === 0);
  });

  it('of one service goes on when that of another fails', async () => {
    const [broken, orders] = [await openService('ads'), await openService('orders')];
    await broken.schema.dropTable('outbox').execute();
    await fill(orders);
    const failures: string[] = [];
    const log: Log = { ...silentLog, error: (event) => void failures.push(event) };
    await using _ = await startHousekeeping({ databases: [broken, orders], clock, log });
    await until('the other is tidy', async () => (await kept(orders)).length === 3);
    await until('the failure is told', () => failures.includes('loop.failed'));
  });
});
