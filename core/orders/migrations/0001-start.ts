// Orders, their timeline, what the saga owes, and the answers to repeated requests.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await db.schema
    .createTable('orders')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('cancel_reason', 'text')
    .addColumn('buyer_id', 'uuid', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('ad_id', 'uuid', (column) => column.notNull())
    .addColumn('ad_title', 'text', (column) => column.notNull())
    .addColumn('ad_thumb_url', 'text')
    .addColumn('ad_city', 'text', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('price', 'bigint', (column) => column.notNull().check(sql`price > 0`))
    .addColumn('delivery_price', 'bigint', (column) => column.notNull().check(sql`delivery_price >= 0`))
    .addColumn('payment_id', 'uuid', (column) => column.notNull().unique())
    .addColumn('payment_status', 'text', (column) => column.notNull())
    .addColumn('payment_version', 'integer', (column) => column.notNull())
    .addColumn('confirmation_url', 'text')
    .addColumn('shipment_id', 'uuid', (column) => column.notNull().unique())
    .addColumn('delivery_method', 'text', (column) => column.notNull())
    .addColumn('address', 'text')
    .addColumn('pickup_point', 'text')
    .addColumn('delivery_stage', 'text')
    .addColumn('delivery_version', 'integer', (column) => column.notNull())
    .addColumn('tracking_number', 'text')
    .addColumn('estimated_from', 'text')
    .addColumn('estimated_to', 'text')
    .addColumn('deadline_at', 'timestamptz')
    .addColumn('needs_attention', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('orders_of_buyer').on('orders').columns(['buyer_id', 'id']).execute();
  await db.schema.createIndex('orders_of_seller').on('orders').columns(['seller_id', 'id']).execute();
  await db.schema
    .createIndex('orders_deadline')
    .on('orders')
    .column('deadline_at')
    .where(sql.ref('deadline_at'), 'is not', null)
    .execute();

  await db.schema
    .createTable('timeline')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().references('orders.id'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('timeline_of_order').on('timeline').columns(['order_id', 'id']).execute();

  await db.schema
    .createTable('commands')
    .addColumn('id', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().references('orders.id'))
    .addColumn('step', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('not_before', 'timestamptz', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('headers', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('finished_at', 'timestamptz')
    .execute();
  await db.schema
    .createIndex('commands_once')
    .unique()
    .on('commands')
    .columns(['order_id', 'step'])
    .where(sql.ref('state'), '<>', 'dropped')
    .execute();
  await db.schema
    .createIndex('commands_owed')
    .on('commands')
    .columns(['not_before', 'id'])
    .where(sql.ref('state'), '=', 'owed')
    .execute();

  await db.schema
    .createTable('order_keys')
    .addColumn('buyer_id', 'uuid', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('order_id', 'uuid', (column) => column.notNull())
    .addColumn('response', 'jsonb')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('order_keys_pk', ['buyer_id', 'key'])
    .execute();
  await db.schema.createIndex('order_keys_age').on('order_keys').column('created_at').execute();
}
