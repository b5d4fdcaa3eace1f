// The queries of media; nobody else reads its schema.
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { MediaId, UserId } from '../../contracts/common.ts';
import type { Media, mediaTypes } from '../../contracts/media.ts';
import type { Timestamp } from '../platform/db/columns.ts';
import type { ServiceTables } from '../platform/service.ts';

export type MediaType = (typeof mediaTypes)[number];

export interface MediaTables extends ServiceTables {
  media: {
    id: MediaId;
    owner_id: UserId;
    content_type: MediaType;
    size_bytes: number;
    status: Media['status'];
    rejection_reason: string | null;
    width: number | null;
    height: number | null;
    created_at: Timestamp;
    expires_at: Timestamp;
    /** Whether what was uploaded may still be in the object store. */
    original_kept: boolean;
  };
}
type Database = Kysely<MediaTables> | Transaction<MediaTables>;
export type MediaRow = Selectable<MediaTables['media']>;

export const findMedia = (db: Database, id: MediaId): Promise<MediaRow | undefined> =>
  db.selectFrom('media').selectAll().where('id', '=', id).executeTakeFirst();

export async function insertMedia(db: Database, media: readonly MediaRow[]): Promise<void> {
  await db
    .insertInto('media')
    .values([...media])
    .execute();
}

export async function countAwaiting(db: Database, owner: UserId, now: Date): Promise<number> {
  const { count } = await db
    .selectFrom('media')
    .select(sql<number>`count(*)::integer`.as('count'))
    .where('owner_id', '=', owner)
    .where('status', '=', 'awaiting_upload')
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  return count;
}

/** The picture's end state; undefined when somebody else has set one already. */
export const settleMedia = (
  trx: Transaction<MediaTables>,
  id: MediaId,
  end: Pick<MediaRow, 'status' | 'rejection_reason' | 'width' | 'height'>,
): Promise<MediaRow | undefined> =>
  trx
    .updateTable('media')
    .set(end)
    .where('id', '=', id)
    .where('status', '=', 'awaiting_upload')
    .returningAll()
    .executeTakeFirst();

/** Uploads that are done with, and those that nobody finished before `abandonedBefore`. */
export const listLeftOriginals = (db: Database, abandonedBefore: Date, limit: number): Promise<MediaRow[]> =>
  db
    .selectFrom('media')
    .selectAll()
    .where('original_kept', '=', true)
    .where((where) => where.or([where('status', '<>', 'awaiting_upload'), where('expires_at', '<', abandonedBefore)]))
    .orderBy('expires_at')
    .limit(limit)
    .execute();

export async function noteOriginalGone(db: Database, id: MediaId): Promise<void> {
  await db.deleteFrom('media').where('id', '=', id).where('status', '=', 'awaiting_upload').execute();
  await db.updateTable('media').set({ original_kept: false }).where('id', '=', id).execute();
}

export const hasMedia = async (db: Database): Promise<boolean> =>
  (await db.selectFrom('media').select('id').limit(1).executeTakeFirst()) !== undefined;

export async function listKnown(db: Database, ids: readonly MediaId[]): Promise<MediaId[]> {
  const rows = await db.selectFrom('media').select('id').where('id', 'in', ids).execute();
  return rows.map(({ id }) => id);
}
