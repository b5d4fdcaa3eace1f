// A new ad looks for the searches that find it: those of its category, and those of all.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex('saved_searches_category')
    .on('saved_searches')
    .expression(sql`(query ->> 'category')`)
    .execute();
}
