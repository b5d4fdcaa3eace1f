// When a mail was sent, and what was told of one order.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('notifications').addColumn('mailed_at', 'timestamptz').execute();
  await db.schema
    .createIndex('notifications_of_order')
    .on('notifications')
    .columns(['order_id', 'id'])
    .where(sql.ref('order_id'), 'is not', null)
    .execute();
}
