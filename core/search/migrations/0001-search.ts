// The index of ads, and searches that users saved.
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
    .addColumn('active', 'boolean', (column) => column.notNull())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('category', 'text', (column) => column.notNull())
    .addColumn('city', 'text', (column) => column.notNull())
    .addColumn('price_amount', 'bigint', (column) => column.notNull())
    .addColumn('listed_at', 'timestamptz')
    .addColumn('document', 'jsonb')
    .addColumn('words', sql`tsvector`, (column) => column.notNull())
    .execute();
  const active = sql<boolean>`active`;
  await db.schema.createIndex('ads_words').on('ads').using('gin').column('words').where(active).execute();
  await db.schema
    .createIndex('ads_title')
    .on('ads')
    .using('gin')
    .expression(sql`title gin_trgm_ops`)
    .where(active)
    .execute();
  await db.schema.createIndex('ads_newest').on('ads').columns(['listed_at', 'id']).where(active).execute();
  await db.schema.createIndex('ads_price').on('ads').columns(['price_amount', 'id']).where(active).execute();
  await db.schema.createIndex('ads_category').on('ads').columns(['category', 'city']).where(active).execute();
  await db.schema.createIndex('ads_seller').on('ads').column('seller_id').execute();

  await db.schema
    .createTable('sellers')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('rating', 'double precision')
    .addColumn('reviews', 'integer', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('saved_searches')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('query', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addUniqueConstraint('saved_searches_name', ['user_id', 'name'])
    .execute();
}
