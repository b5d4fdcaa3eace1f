// Ads, their sellers, pictures and favourites.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);

  await db.schema
    .createTable('ads')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('seller_id', 'uuid', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('description', 'text', (column) => column.notNull())
    .addColumn('price_amount', 'bigint', (column) => column.notNull())
    .addColumn('price_currency', 'text', (column) => column.notNull())
    .addColumn('category', 'text', (column) => column.notNull())
    .addColumn('city', 'text', (column) => column.notNull())
    .addColumn('attributes', 'jsonb', (column) => column.notNull())
    .addColumn('photos', 'jsonb', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('rejection_reason', 'text')
    .addColumn('suspicions', 'jsonb', (column) => column.notNull())
    .addColumn('order_id', 'uuid')
    .addColumn('reserved_until', 'timestamptz')
    .addColumn('takedown_reason', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('updated_at', 'timestamptz', (column) => column.notNull())
    .addColumn('listed_at', 'timestamptz')
    .addColumn('version', 'integer', (column) => column.notNull())
    .addColumn('words', sql`tsvector`, (column) =>
      column.generatedAlwaysAs(sql`to_tsvector('russian', title || ' ' || description)`).stored(),
    )
    .addCheckConstraint(
      'ads_status',
      sql`status in ('draft', 'moderation', 'active', 'reserved', 'sold', 'archived', 'rejected')`,
    )
    .addCheckConstraint(
      'ads_reserved',
      sql`status <> 'reserved' or (order_id is not null and reserved_until is not null)`,
    )
    .addCheckConstraint('ads_sold', sql`status <> 'sold' or order_id is not null`)
    .addCheckConstraint('ads_listed', sql`status not in ('active', 'reserved', 'sold') or listed_at is not null`)
    .execute();

  // The public listing, by itself and under a category or a city.
  const active = sql<boolean>`status = 'active'`;
  const listing = db.schema.createIndex('ads_newest').on('ads').columns(['listed_at', 'id']).where(active);
  await listing.execute();
  await db.schema
    .createIndex('ads_category')
    .on('ads')
    .columns(['category', 'listed_at', 'id'])
    .where(active)
    .execute();
  await db.schema.createIndex('ads_city').on('ads').columns(['city', 'listed_at', 'id']).where(active).execute();
  await db.schema.createIndex('ads_price').on('ads').columns(['price_amount', 'id']).where(active).execute();
  await db.schema.createIndex('ads_words').on('ads').using('gin').column('words').execute();
  await db.schema.createIndex('ads_seller').on('ads').columns(['seller_id', 'created_at', 'id']).execute();
  await db.schema
    .createIndex('ads_moderation')
    .on('ads')
    .columns(['updated_at', 'id'])
    .where(sql<boolean>`status = 'moderation'`)
    .execute();
  await db.schema
    .createIndex('ads_held')
    .on('ads')
    .column('reserved_until')
    .where(sql<boolean>`status = 'reserved'`)
    .execute();

  await db.schema
    .createTable('sellers')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('rating', 'double precision')
    .addColumn('reviews', 'integer', (column) => column.notNull())
    .addColumn('version', 'integer', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('media')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('owner_id', 'uuid', (column) => column.notNull())
    .addColumn('width', 'integer', (column) => column.notNull())
    .addColumn('height', 'integer', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('thumb_url', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('favourites')
    .addColumn('user_id', 'uuid', (column) => column.notNull())
    .addColumn('ad_id', 'uuid', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addPrimaryKeyConstraint('favourites_pk', ['user_id', 'ad_id'])
    .execute();
  await db.schema
    .createIndex('favourites_newest')
    .on('favourites')
    .columns(['user_id', 'created_at', 'ad_id'])
    .execute();
}
