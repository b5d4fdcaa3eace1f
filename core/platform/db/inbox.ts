// The inbox: ids of events whose effect has happened.
import type { ColumnType, Kysely } from 'kysely';

/** Part of the tables of every service that hears events. */
export interface InboxTables {
  inbox: { event_id: string; received_at: ColumnType<Date, Date, Date> };
}

export async function createInboxTable(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('inbox')
    .addColumn('event_id', 'text', (column) => column.primaryKey())
    .addColumn('received_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('inbox_received').on('inbox').column('received_at').execute();
}
