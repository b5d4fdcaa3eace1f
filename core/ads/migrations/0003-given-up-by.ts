// The orders that gave the ad back.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('ads')
    .addColumn('given_up_by', 'jsonb', (column) => column.notNull().defaultTo('[]'))
    .execute();
}
