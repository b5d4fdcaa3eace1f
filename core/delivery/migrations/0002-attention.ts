// Limits of what delivery does by itself, and whether a person has to look.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('shipments')
    .addColumn('failures', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('tried_since', 'timestamptz')
    .addColumn('attention', 'text')
    .addColumn('attention_version', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
}
