// The inbox: ids of events whose effect has happened.
import type { ColumnType, Kysely } from 'kysely';

/** Part of the tables of every service that hears events. */
export interface InboxTables {
  inbox: { event_id: string; received_at: ColumnType<Date, Date, Date> };
}

/** Far longer than topics keep events, and as long as a dead letter may wait for its replay. */
export const idsKeptMs = 60 * 24 * 3_600_000;

export async function createInboxTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('inbox')
    .addColumn('event_id', 'text', (column) => column.primaryKey())
    .addColumn('received_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('inbox_received').on('inbox').column('received_at').execute();
}
