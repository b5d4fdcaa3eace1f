// A consumer in a process of its own, for tests that kill or freeze it: `MEMBER` says where and how (JSON).
import { type Generated, type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { ownTopics } from '../../../tests/own-topics.ts';
import { systemClock } from '../clock.ts';
import { createInboxTable, type InboxTables } from '../db/inbox.ts';
import { openPostgres } from '../db/postgres.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startConsumer } from './consumer.ts';
import { openKafkaBus } from './kafka.ts';

export type EffectTables = InboxTables & { effects: { id: Generated<number>; version: number; member: string } };

export const effectMigrations = {
  '001': {
    async up(db: Kysely<unknown>) {
      await createInboxTable(db);
      await db.schema
        .createTable('effects')
        .addColumn('id', 'integer', (column) => column.generatedAlwaysAsIdentity().primaryKey())
        .addColumn('version', 'integer', (column) => column.notNull())
        .addColumn('member', 'text', (column) => column.notNull())
        .execute();
    },
  },
};

const Member = z.object({
  name: z.string(),
  brokers: z.string(),
  databaseUrl: z.url(),
  prefix: z.string(),
  sessionTimeoutMs: z.int(),
  /** How long the effect of one event takes. */
  workMs: z.int(),
});
export type Member = z.output<typeof Member>;

/** Writes down each event's effect slowly, once. */
export async function startMember(member: Member): Promise<AsyncDisposable> {
  const { name, brokers, databaseUrl, prefix, sessionTimeoutMs, workMs } = member;
  const started = new AsyncDisposableStack();
  const databases = started.use(await openPostgres({ url: databaseUrl, poolSize: 4, log: silentLog }));
  const db = await databases.open<EffectTables>('search', effectMigrations);
  const kafka = await openKafkaBus({ brokers: brokers.split(','), clientId: name, log: silentLog, sessionTimeoutMs });
  const { bus } = ownTopics(kafka, prefix);
  started.use(bus);
  const consumer = startConsumer<EffectTables>({
    service: 'search',
    bus,
    db,
    handlers: {
      async 'ad.deleted'({ data }, trx) {
        await sql`select pg_sleep(${workMs / 1000})`.execute(trx);
        await trx.insertInto('effects').values({ version: data.version, member: name }).execute();
      },
    },
    clock: systemClock,
    log: silentLog,
    metrics: createMetrics({ part: 'test' }),
  });
  started.use(consumer);
  await consumer.ready;
  return started;
}

if (import.meta.main) await startMember(Member.parse(JSON.parse(process.env['MEMBER'] ?? '')));
