// Uploads and what became of them.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await db.schema
    .createTable('media')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('owner_id', 'uuid', (column) => column.notNull())
    .addColumn('content_type', 'text', (column) => column.notNull())
    .addColumn('size_bytes', 'integer', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('rejection_reason', 'text')
    .addColumn('width', 'integer')
    .addColumn('height', 'integer')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('expires_at', 'timestamptz', (column) => column.notNull())
    .addColumn('original_kept', 'boolean', (column) => column.notNull())
    .addCheckConstraint('media_status', sql`status in ('awaiting_upload', 'ready', 'rejected')`)
    .addCheckConstraint('media_ready', sql`status <> 'ready' or (width is not null and height is not null)`)
    .execute();
  await db.schema
    .createIndex('media_original')
    .on('media')
    .column('expires_at')
    .where(sql<boolean>`original_kept`)
    .execute();
  await db.schema
    .createIndex('media_awaiting')
    .on('media')
    .column('owner_id')
    .where(sql<boolean>`status = 'awaiting_upload'`)
    .execute();
}
