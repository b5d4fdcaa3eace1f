// Conversations, their messages, who blocked whom, and what is known of ads, people and pictures.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);

  await db.schema
    .createTable('ads')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('price', 'jsonb', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('thumb_url', 'text')
    .execute();
  await db.schema
    .createTable('people')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('media')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('owner_id', 'uuid', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('thumb_url', 'text', (column) => column.notNull())
    .addColumn('width', 'integer', (column) => column.notNull())
    .addColumn('height', 'integer', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('conversations')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('ad_id', 'uuid', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('last_number', 'integer', (column) => column.notNull())
    .execute();
  // Each of the two has a row: what they have read, and what they were told of it.
  await db.schema
    .createTable('participants')
    .addColumn('conversation_id', 'uuid', (column) => column.notNull().references('conversations.id'))
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('ad_id', 'uuid', (column) => column.notNull())
    .addColumn('read_up_to', 'integer', (column) => column.notNull())
    .addColumn('last_message_at', 'timestamptz')
    .addColumn('unread', 'integer', (column) => column.notNull())
    .addColumn('unread_since', 'timestamptz')
    .addColumn('told', 'boolean', (column) => column.notNull())
    .addPrimaryKeyConstraint('participants_key', ['conversation_id', 'user_id'])
    .execute();
  // One conversation of a buyer about an ad.
  await db.schema
    .createIndex('participants_buyer')
    .unique()
    .on('participants')
    .columns(['ad_id', 'user_id'])
    .where(sql.ref('role'), '=', 'buyer')
    .execute();
  await db.schema
    .createIndex('participants_list')
    .on('participants')
    .columns(['user_id', 'last_message_at', 'conversation_id'])
    .execute();
  await db.schema
    .createIndex('participants_due')
    .on('participants')
    .column('unread_since')
    .where(sql.ref('told'), '=', sql.lit(false))
    .execute();

  await db.schema
    .createTable('messages')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('conversation_id', 'uuid', (column) => column.notNull().references('conversations.id'))
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('sender_id', 'uuid', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('attachments', 'jsonb', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('request_hash', 'text', (column) => column.notNull())
    .addColumn('reported', 'boolean', (column) => column.notNull())
    .addColumn('removed_at', 'timestamptz')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('messages_number', ['conversation_id', 'number'])
    .addUniqueConstraint('messages_once', ['conversation_id', 'sender_id', 'key'])
    .execute();

  await db.schema
    .createTable('blocks')
    .addColumn('blocker_id', 'uuid', (column) => column.notNull())
    .addColumn('blocked_id', 'uuid', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('blocks_key', ['blocker_id', 'blocked_id'])
    .execute();
  await db.schema
    .createTable('quotas')
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('what', 'text', (column) => column.notNull())
    .addColumn('left', 'double precision', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('quotas_key', ['user_id', 'what'])
    .execute();
}
