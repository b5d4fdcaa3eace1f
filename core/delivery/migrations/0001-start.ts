// Shipments, their changes, the couriers' events, and what is known of ads.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createNoticesTable } from '../../platform/db/notices.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await createNoticesTable(db);

  await db.schema
    .createTable('shipments')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().unique())
    .addColumn('buyer_id', 'uuid', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('courier', 'text', (column) => column.notNull())
    .addColumn('courier_id', 'text')
    .addColumn('tracking_number', 'text')
    .addColumn('pickup_address', 'text')
    .addColumn('from_city', 'text', (column) => column.notNull())
    .addColumn('destination', 'jsonb', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('declared_value', 'bigint', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('stage', 'text')
    .addColumn('reason', 'text')
    .addColumn('estimated_from', 'text')
    .addColumn('estimated_to', 'text')
    .addColumn('cancel_reason', 'text')
    .addColumn('cancelling', 'boolean', (column) => column.notNull())
    .addColumn('due_at', 'timestamptz')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('trace', 'jsonb', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('shipments_courier_id', ['courier', 'courier_id'])
    .addCheckConstraint(
      'shipments_stage',
      sql`stage in ('created', 'accepted', 'in_transit', 'at_pickup_point', 'delivered', 'returned', 'lost', 'cancelled')`,
    )
    .execute();
  await db.schema
    .createIndex('shipments_due')
    .on('shipments')
    .column('due_at')
    .where(sql.ref('due_at'), 'is not', null)
    .execute();

  await db.schema
    .createTable('shipment_changes')
    .addColumn('shipment_id', 'uuid', (column) => column.notNull().references('shipments.id'))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('stage', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('shipment_changes_pk', ['shipment_id', 'version'])
    .execute();

  await db.schema
    .createTable('courier_events')
    .addColumn('courier', 'text', (column) => column.notNull())
    .addColumn('event_id', 'text', (column) => column.notNull())
    .addColumn('shipment_id', 'uuid', (column) => column.notNull().references('shipments.id'))
    .addColumn('stage', 'text', (column) => column.notNull())
    .addColumn('received_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('courier_events_pk', ['courier', 'event_id'])
    .execute();

  await db.schema
    .createTable('ad_currencies')
    .addColumn('ad_id', 'uuid', (column) => column.primaryKey())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();
}
