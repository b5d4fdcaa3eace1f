// Mails that leave together, and addresses that mails come back from.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('notifications')
    .addColumn('mail_held', 'boolean', (column) => column.notNull().defaultTo(false))
    .addColumn('mailed_with', 'uuid')
    .execute();
  await db.schema
    .createIndex('notifications_mailed_with')
    .on('notifications')
    .column('mailed_with')
    .where(sql.ref('mailed_with'), 'is not', null)
    .execute();
  await db.schema
    .createIndex('notifications_mailed')
    .on('notifications')
    .columns(['user_id', 'mailed_at'])
    .where(sql.ref('mail'), '=', 'sent')
    .execute();
  await db.schema
    .createTable('blocked_addresses')
    .addColumn('user_id', 'uuid', (column) => column.primaryKey())
    .addColumn('mark', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('since', 'timestamptz', (column) => column.notNull())
    .execute();
}
