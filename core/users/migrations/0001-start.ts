// Accounts, sessions with their refresh tokens, signing keys, purchases heard of, and reviews.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await db.schema
    .createTable('users')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('email', 'text', (column) => column.notNull().unique())
    .addColumn('password_hash', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('phone', 'text')
    .addColumn('language', 'text', (column) => column.notNull())
    .addColumn('roles', 'jsonb', (column) => column.notNull())
    .addColumn('rating_sum', 'integer', (column) => column.notNull().check(sql`rating_sum >= 0`))
    .addColumn('reviews', 'integer', (column) => column.notNull().check(sql`reviews >= 0`))
    .addColumn('sales', 'integer', (column) => column.notNull().check(sql`sales >= 0`))
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('sessions')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('user_id', 'uuid', (column) => column.notNull().references('users.id').onDelete('cascade'))
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('tokens_until', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'timestamptz')
    .execute();
  await db.schema.createIndex('sessions_of_user').on('sessions').columns(['user_id', 'created_at']).execute();
  await db.schema.createIndex('sessions_expiry').on('sessions').column('expires_at').execute();

  await db.schema
    .createTable('refresh_tokens')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('session_id', 'uuid', (column) => column.notNull().references('sessions.id').onDelete('cascade'))
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('used_at', 'timestamptz')
    .addColumn('successor_nonce', 'text')
    .execute();
  await db.schema.createIndex('refresh_tokens_of_session').on('refresh_tokens').column('session_id').execute();

  await db.schema
    .createTable('keys')
    .addColumn('generation', 'integer', (column) => column.primaryKey())
    .addColumn('kid', 'text', (column) => column.notNull().unique())
    .addColumn('public_jwk', 'jsonb', (column) => column.notNull())
    .addColumn('sealed_private_key', 'text', (column) => column.notNull())
    .addColumn('active_from', 'timestamptz', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('login_budgets')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('tries_left', 'double precision', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('login_budgets_age').on('login_budgets').column('at').execute();

  await db.schema
    .createTable('purchases')
    .addColumn('order_id', 'uuid', (column) => column.primaryKey())
    .addColumn('buyer_id', 'uuid', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('completed_at', 'timestamptz')
    .execute();

  await db.schema
    .createTable('reviews')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('order_id', 'uuid', (column) => column.notNull().unique().references('purchases.order_id'))
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('author_id', 'uuid', (column) => column.notNull().references('users.id'))
    .addColumn('rating', 'integer', (column) => column.notNull().check(sql`rating between 1 and 5`))
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('reviews_of_seller').on('reviews').columns(['seller_id', 'id']).execute();
}
