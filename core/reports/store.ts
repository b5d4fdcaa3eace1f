// Queries of reports; nobody else reads its schema.
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { ReportId, UserId } from '../../contracts/common.ts';
import type { Report } from '../../contracts/reports.ts';
import type { NullableTimestamp, Timestamp } from '../platform/db/columns.ts';
import type { ServiceTables } from '../platform/service.ts';

interface ReportTable {
  id: ReportId;
  subject_type: Report['subject']['type'];
  subject_id: string;
  reason: Report['reason'];
  comment: string;
  reporter_id: UserId;
  status: Report['status'];
  resolution: string | null;
  resolved_by: UserId | null;
  created_at: Timestamp;
  resolved_at: NullableTimestamp;
}
export type ReportRow = Selectable<ReportTable>;

export interface ReportsTables extends ServiceTables {
  reports: ReportTable;
  quotas: { reporter_id: UserId; reports_left: number; at: Timestamp };
}

export type Db = Kysely<ReportsTables>;
export type Trx = Transaction<ReportsTables>;

/** False when the person has a report on the subject in work. */
export async function insertReport(trx: Trx, report: ReportRow): Promise<boolean> {
  const inserted = await trx
    .insertInto('reports')
    .values(report)
    .onConflict((conflict) =>
      conflict
        .columns(['reporter_id', 'subject_type', 'subject_id'])
        .where('status', '=', sql.lit('processing'))
        .doNothing(),
    )
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export const findInWork = (db: Db, reporterId: UserId, subject: Report['subject']): Promise<ReportRow | undefined> =>
  db
    .selectFrom('reports')
    .selectAll()
    .where('reporter_id', '=', reporterId)
    .where('subject_type', '=', subject.type)
    .where('subject_id', '=', subject.id)
    .where('status', '=', sql.lit('processing'))
    .executeTakeFirst();

/** Spends one of a person's reports; false when none is left for now. One statement, so none is spent twice. */
export async function spendReport(
  trx: Trx,
  reporterId: UserId,
  { perHour }: { perHour: number },
  now: Date,
): Promise<boolean> {
  const refilled = sql<number>`least(${perHour}::float8, quotas.reports_left + greatest(0, extract(epoch from (${now}::timestamptz - quotas.at))) * ${perHour}::float8 / 3600)`;
  const spent = await trx
    .insertInto('quotas')
    .values({ reporter_id: reporterId, reports_left: perHour - 1, at: now })
    .onConflict((conflict) =>
      conflict
        .column('reporter_id')
        .doUpdateSet({ reports_left: sql`${refilled} - 1`, at: now })
        .where(refilled, '>=', 1),
    )
    .returning('reporter_id')
    .executeTakeFirst();
  return spent !== undefined;
}

export const readReport = (db: Db, id: ReportId): Promise<ReportRow | undefined> =>
  db.selectFrom('reports').selectAll().where('id', '=', id).executeTakeFirst();

/** Ends a report that is in work; undefined when it isn't. */
export const resolveReport = (
  trx: Trx,
  id: ReportId,
  end: Pick<ReportRow, 'status' | 'resolution' | 'resolved_by' | 'resolved_at'>,
): Promise<ReportRow | undefined> =>
  trx
    .updateTable('reports')
    .set(end)
    .where('id', '=', id)
    .where('status', '=', sql.lit('processing'))
    .returningAll()
    .executeTakeFirst();

/** Those in work oldest first, since they wait; those that are done newest first. */
export function listReports(
  db: Db,
  { status, after, limit }: { status: Report['status']; after: ReportId | undefined; limit: number },
): Promise<ReportRow[]> {
  const waiting = status === 'processing';
  let query = db
    .selectFrom('reports')
    .selectAll()
    .where('status', '=', status)
    .orderBy('id', waiting ? 'asc' : 'desc')
    .limit(limit);
  if (after) query = query.where('id', waiting ? '>' : '<', after);
  return query.execute();
}
