// Several couriers: whose price an order pays, and webhooks that say nothing of a stage.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('quoted_couriers')
    .addColumn('order_id', 'uuid', (column) => column.primaryKey())
    .addColumn('courier', 'text', (column) => column.notNull())
    .addColumn('quoted_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('quoted_couriers_age').on('quoted_couriers').column('quoted_at').execute();
  await db.schema
    .alterTable('courier_events')
    .alterColumn('stage', (column) => column.dropNotNull())
    .execute();
}
