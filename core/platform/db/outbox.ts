// The outbox: events written in the transaction of what they tell of, relayed to the bus in order.
import { type ColumnType, type Generated, type Kysely, sql, type Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import { type EventData, type EventType, eventTypes, realtimeTopic } from '../../../contracts/events.ts';
import type { RealtimeMessage } from '../../../contracts/stream.ts';
import type { Bus, OutgoingMessage } from '../bus/bus.ts';
import type { Clock } from '../clock.ts';
import { type Loop, startLoop } from '../loop.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { injectTrace } from '../telemetry/tracing.ts';
import type { DatabaseProvider } from './database.ts';

type Timestamp = ColumnType<Date, Date | string, Date | string>;

/** Part of every service's tables. */
export interface OutboxTables {
  outbox: {
    id: Generated<number>;
    topic: string;
    key: string;
    value: string;
    headers: ColumnType<Record<string, string>, string, string>;
    created_at: Timestamp;
    published_at: ColumnType<Date | null, Date | null, Date | null>;
  };
  /** Who relays now: one process at a time, so that order is kept. */
  outbox_lease: { id: number; holder: string; until: Timestamp };
}

export async function createOutboxTables(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('outbox')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('topic', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('headers', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('published_at', 'timestamptz')
    .execute();
  await db.schema
    .createIndex('outbox_waiting')
    .on('outbox')
    .column('id')
    .where(sql.ref('published_at'), 'is', null)
    .execute();
  await db.schema.createIndex('outbox_published').on('outbox').column('published_at').execute();
  await db.schema
    .createTable('outbox_lease')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('until', 'timestamptz', (column) => column.notNull())
    .execute();
}

/** Writes events of one service; call it inside the transaction that makes them true, after the aggregate's row is locked. */
export interface Outbox {
  add<Type extends EventType>(trx: OutboxWriter, type: Type, key: string, data: EventData<Type>): Promise<void>;
  /** A message for the live stream of a channel (`contracts/stream.ts`). */
  addRealtime(trx: OutboxWriter, channel: string, message: RealtimeMessage): Promise<void>;
}
// Any transaction whose tables include the outbox. Kysely's types are invariant in their tables.
type OutboxWriter = Pick<Transaction<OutboxTables>, 'isTransaction'> & { readonly isTransaction: true };

export function createOutbox(service: string, clock: Clock): Outbox {
  const channel = outboxChannel(service);
  const write = async (
    writer: OutboxWriter,
    topic: string,
    type: string,
    key: string,
    data: unknown,
  ): Promise<void> => {
    const trx = writer as Transaction<OutboxTables>;
    const now = clock.now();
    const headers: Record<string, string> = {
      ce_specversion: '1.0',
      ce_id: uuidv7(),
      ce_type: type,
      ce_source: `/core/${service}`,
      ce_time: now.toISOString(),
      'content-type': 'application/json',
    };
    injectTrace(headers);
    await trx
      .insertInto('outbox')
      .values({
        topic,
        key,
        value: JSON.stringify(data),
        headers: JSON.stringify(headers),
        created_at: now,
        published_at: null,
      })
      .execute();
    // Delivered when the transaction commits: the relay wakes without polling.
    await sql`select pg_notify(${channel}, '')`.execute(trx);
  };
  return {
    add: (trx, type, key, data) => write(trx, eventTypes[type].topic, type, key, data),
    addRealtime: (trx, key, message) => write(trx, realtimeTopic, message.event, key, message),
  };
}

const outboxChannel = (service: string): string => `outbox_${service}`;
const batchSize = 200;
const leaseMs = 10_000;
const pollMs = 1_000;

export interface RelayOptions {
  readonly service: string;
  readonly databases: DatabaseProvider;
  readonly db: Kysely<OutboxTables>;
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Publishes what waits, oldest first, then marks it. A crash between the two publishes again,
 * which consumers notice by the event's id. Rows are kept for a while after that (housekeeping.ts).
 */
export async function startRelay(options: RelayOptions): Promise<Loop> {
  const { service, databases, db, bus, clock, log, metrics } = options;
  const holder = uuidv7();

  const relay = async (): Promise<boolean> => {
    const now = clock.now();
    const lease = await db
      .insertInto('outbox_lease')
      .values({ id: 1, holder, until: new Date(now.getTime() + leaseMs) })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet({ holder, until: new Date(now.getTime() + leaseMs) })
          .where((where) =>
            where.or([where('outbox_lease.holder', '=', holder), where('outbox_lease.until', '<', now)]),
          ),
      )
      .returning('holder')
      .executeTakeFirst();
    if (!lease) return false;

    const rows = await db
      .selectFrom('outbox')
      .selectAll()
      .where('published_at', 'is', null)
      .orderBy('id')
      .limit(batchSize)
      .execute();
    if (rows.length > 0) {
      const byTopic = new Map<string, OutgoingMessage[]>();
      for (const row of rows) {
        const messages = byTopic.get(row.topic) ?? [];
        messages.push({ key: row.key, value: row.value, headers: row.headers });
        byTopic.set(row.topic, messages);
      }
      await Promise.all(
        [...byTopic].map(async ([topic, messages]) => {
          await bus.publish(topic, messages);
          metrics.busPublished.inc({ topic }, messages.length);
        }),
      );
      const ids = rows.map((row) => row.id);
      await db.updateTable('outbox').set({ published_at: clock.now() }).where('id', 'in', ids).execute();
      metrics.outboxPublished.inc({ service }, rows.length);
    }
    return rows.length === batchSize;
  };

  const loop = await startLoop({
    name: `${service}.relay`,
    run: relay,
    pollMs,
    log,
    wake: (heard) => databases.listen(outboxChannel(service), heard),
  });
  return {
    wake: loop.wake,
    async [Symbol.asyncDispose]() {
      await loop[Symbol.asyncDispose]();
      // Who comes next needn't wait until the lease runs out.
      await db
        .deleteFrom('outbox_lease')
        .where('holder', '=', holder)
        .execute()
        .catch((error) => log.warn('outbox.lease_kept', { service, error }));
    },
  };
}
