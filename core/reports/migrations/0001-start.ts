// Reports, and how many more each person may make.
import { type Kysely, sql } from 'kysely';
import { createInboxTable } from '../../platform/db/inbox.ts';
import { createOutboxTables } from '../../platform/db/outbox.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  await createOutboxTables(db);
  await createInboxTable(db);
  await db.schema
    .createTable('reports')
    .addColumn('id', 'uuid', (column) => column.primaryKey())
    .addColumn('subject_type', 'text', (column) => column.notNull())
    .addColumn('subject_id', 'uuid', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('comment', 'text', (column) => column.notNull())
    .addColumn('reporter_id', 'uuid', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('resolution', 'text')
    .addColumn('resolved_by', 'uuid')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .addColumn('resolved_at', 'timestamptz')
    .execute();
  await db.schema.createIndex('reports_queue').on('reports').columns(['status', 'id']).execute();
  // One person has one report on one subject in work.
  await db.schema
    .createIndex('reports_in_work')
    .unique()
    .on('reports')
    .columns(['reporter_id', 'subject_type', 'subject_id'])
    .where(sql.ref('status'), '=', 'processing')
    .execute();
  await db.schema
    .createTable('quotas')
    .addColumn('reporter_id', 'uuid', (column) => column.primaryKey())
    .addColumn('reports_left', 'double precision', (column) => column.notNull())
    .addColumn('at', 'timestamptz', (column) => column.notNull())
    .execute();
}
