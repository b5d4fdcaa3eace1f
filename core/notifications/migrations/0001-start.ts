// Notifications with their mails, what users want to hear, and what was heard of people and orders.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await db.schema
    .createTable('notifications')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('dedupe_key', 'text', (column) => column.notNull().unique())
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('order_id', 'uuid')
    .addColumn('link', 'text')
    .addColumn('parameters', 'jsonb', (column) => column.notNull())
    .addColumn('in_app', 'boolean', (column) => column.notNull())
    .addColumn('read_at', 'timestamptz')
    .addColumn('mail', 'text', (column) => column.notNull())
    .addColumn('mail_attempts', 'integer', (column) => column.notNull())
    .addColumn('mail_not_before', 'timestamptz', (column) => column.notNull())
    .addColumn('mail_error', 'text')
    .addColumn('headers', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('notifications_of_user')
    .on('notifications')
    .columns(['user_id', 'id'])
    .where(sql.ref('in_app'), '=', true)
    .execute();
  await db.schema
    .createIndex('notifications_unread')
    .on('notifications')
    .column('user_id')
    .where(sql<boolean>`in_app and read_at is null`)
    .execute();
  await db.schema
    .createIndex('notifications_owed')
    .on('notifications')
    .columns(['mail_not_before', 'id'])
    .where(sql.ref('mail'), '=', 'owed')
    .execute();
  await db.schema.createIndex('notifications_age').on('notifications').column('created_at').execute();

  await db.schema
    .createTable('preferences')
    .addColumn('user_id', 'uuid', (column) => column.primaryKey())
    .addColumn('email', 'boolean', (column) => column.notNull())
    .addColumn('in_app', 'boolean', (column) => column.notNull())
    .addColumn('muted', 'jsonb', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('people')
    .addColumn('user_id', 'uuid', (column) => column.primaryKey())
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('orders')
    .addColumn('order_id', 'uuid', (column) => column.primaryKey())
    .addColumn('ad_title', 'text')
    .addColumn('total', 'jsonb')
    .addColumn('estimated', 'jsonb')
    .addColumn('tracking_number', 'text')
    .addColumn('was_paid', 'boolean', (column) => column.notNull())
    .addColumn('order_version', 'integer', (column) => column.notNull())
    .addColumn('delivery_version', 'integer', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('orders_age').on('orders').column('updated_at').execute();
}
