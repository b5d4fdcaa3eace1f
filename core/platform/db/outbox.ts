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
import { addAndNotifyLater } from './notify.ts';

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
  /** Returns the event's id. */
  add<Type extends EventType>(trx: OutboxWriter, type: Type, key: string, data: EventData<Type>): Promise<string>;
  /** A message for the live streams of channels (`contracts/stream.ts`). */
  addRealtime(trx: OutboxWriter, channels: readonly string[], message: RealtimeMessage): Promise<void>;
}
// Any transaction whose tables include the outbox. Kysely's types are invariant in their tables.
type OutboxWriter = Pick<Transaction<OutboxTables>, 'isTransaction'> & { readonly isTransaction: true };

export function createOutbox(service: string, clock: Clock): Outbox {
  const write = async (
    writer: OutboxWriter,
    topic: string,
    type: string,
    messages: readonly { readonly id: string; readonly key: string }[],
    data: unknown,
  ): Promise<void> => {
    if (messages.length === 0) return;
    const trx = writer as Transaction<OutboxTables>;
    const now = clock.now();
    const value = JSON.stringify(data);
    const common: Record<string, string> = {
      ce_specversion: '1.0',
      ce_type: type,
      ce_source: `/core/${service}`,
      ce_time: now.toISOString(),
      'content-type': 'application/json',
    };
    injectTrace(common);
    const rows = messages.map(({ id, key }) => ({
      topic,
      key,
      value,
      headers: JSON.stringify({ ...common, ce_id: id }),
      created_at: now,
      published_at: null,
    }));
    await addAndNotifyLater(trx, trx.insertInto('outbox').values(rows), outboxChannel(service));
  };
  return {
    async add(trx, type, key, data) {
      const id = uuidv7();
      await write(trx, eventTypes[type].topic, type, [{ id, key }], data);
      return id;
    },
    addRealtime(trx, channels, message) {
      const messages = channels.map((key) => ({ id: uuidv7(), key }));
      return write(trx, realtimeTopic, message.event, messages, message);
    },
  };
}

const outboxChannel = (service: string): string => `outbox_${service}`;
const batchSize = 200;
/** How long others leave the outbox to a relay of which nothing is heard. */
const leaseMs = 10_000;
/** A relay publishes only while it has at least this much of its lease before it. */
const leaseMarginMs = 5_000;
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
 * Publishes what waits, oldest first, then marks it. A crash between the two publishes again, and so does a relay that
 * was frozen while it published and outlived its lease: consumers notice both by the event's id. Rows are kept for a
 * while after that (housekeeping.ts).
 */
export async function startRelay(options: RelayOptions): Promise<Loop> {
  const { service, databases, db, bus, clock, log, metrics } = options;
  const holder = uuidv7();
  let leaseUntil = 0;

  /** Renews the lease when it grows short, not with each batch. */
  const holdsLease = async (): Promise<boolean> => {
    const now = clock.now().getTime();
    if (leaseUntil - now > leaseMarginMs && leaseUntil - now <= leaseMs) return true;
    const until = new Date(now + leaseMs);
    const lease = await db
      .insertInto('outbox_lease')
      .values({ id: 1, holder, until })
      .onConflict((conflict) =>
        conflict
          .column('id')
          .doUpdateSet({ holder, until })
          .where((where) =>
            where.or([where('outbox_lease.holder', '=', holder), where('outbox_lease.until', '<', new Date(now))]),
          ),
      )
      .returning('holder')
      .executeTakeFirst();
    leaseUntil = lease ? until.getTime() : 0;
    return lease !== undefined;
  };

  const relay = async (): Promise<boolean> => {
    if (!(await holdsLease())) return false;
    const rows = await db
      .selectFrom('outbox')
      .select(['id', 'topic', 'key', 'value', 'headers'])
      .where('published_at', 'is', null)
      .orderBy('id')
      .limit(batchSize)
      .execute();
    if (rows.length === 0) return false;
    const byTopic = new Map<string, OutgoingMessage[]>();
    for (const { topic, key, value, headers } of rows) {
      const messages = byTopic.get(topic) ?? [];
      messages.push({ key, value, headers });
      byTopic.set(topic, messages);
    }
    await Promise.all(
      [...byTopic].map(async ([topic, messages]) => {
        await bus.publish(topic, messages);
        metrics.busPublished.inc({ topic }, messages.length);
      }),
    );
    const ids = rows.map((row) => row.id);
    await db
      .updateTable('outbox')
      .set({ published_at: clock.now() })
      .where('id', '=', sql<number>`any(${ids})`)
      .execute();
    metrics.outboxPublished.inc({ service }, rows.length);
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
