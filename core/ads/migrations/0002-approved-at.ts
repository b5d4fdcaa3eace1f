// When a moderator last approved an ad.
import type { Kysely } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('ads').addColumn('approved_at', 'timestamptz').execute();
}
