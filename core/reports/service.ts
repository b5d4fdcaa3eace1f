// What reports does: takes a complaint at once, and lets a moderator decide on it.
import { uuidv7 } from 'uuidv7';
import type { z } from 'zod';
import type { ReportId, UserId } from '../../contracts/common.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { NewReport, Report } from '../../contracts/reports.ts';
import type { Clock } from '../platform/clock.ts';
import type { Outbox } from '../platform/db/outbox.ts';
import type { Db, ReportRow } from './store.ts';
import * as store from './store.ts';

export interface ReportsOptions {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

const quota = { perHour: 20 };

/** The same complaint about the same subject, while it is in work, is the same report. */
export async function submitReport(
  { db, outbox, clock }: ReportsOptions,
  reporterId: UserId,
  { subject, reason, comment }: z.output<typeof NewReport>,
): Promise<ReportId> {
  const known = await store.findInWork(db, reporterId, subject);
  if (known) return known.id;
  const now = clock.now();
  const id = uuidv7() as ReportId;
  const added = await db.transaction().execute(async (trx) => {
    const inserted = await store.insertReport(trx, {
      id,
      subject_type: subject.type,
      subject_id: subject.id,
      reason,
      comment,
      reporter_id: reporterId,
      status: 'processing',
      resolution: null,
      resolved_by: null,
      created_at: now,
      resolved_at: null,
    });
    if (!inserted) return false;
    if (!(await store.spendReport(trx, reporterId, quota, now))) {
      throw new ProblemError('too-many-requests', {
        detail: `At most ${quota.perHour} reports an hour`,
        headers: { 'retry-after': String(Math.ceil(3600 / quota.perHour)) },
      });
    }
    await outbox.add(trx, 'report.submitted', id, { report_id: id, subject, reason, reporter_id: reporterId });
    return true;
  });
  if (added) return id;
  const first = await store.findInWork(db, reporterId, subject);
  if (!first) throw new ProblemError('request-in-progress', { headers: { 'retry-after': '1' } });
  return first.id;
}

/** Its reporter and moderators may read it; to others there is none. */
export async function getReport(
  { db }: ReportsOptions,
  id: ReportId,
  reader: { userId: UserId; isModerator: boolean },
): Promise<Report> {
  const row = await store.readReport(db, id);
  if (!row || (row.reporter_id !== reader.userId && !reader.isModerator)) throw new ProblemError('not-found');
  return present(row);
}

export async function listReports(
  { db }: ReportsOptions,
  page: { status: Report['status']; after: ReportId | undefined; limit: number },
): Promise<{ items: Report[]; next: ReportId | null }> {
  const rows = await store.listReports(db, { ...page, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit);
  return { items: shown.map(present), next: rows.length > page.limit ? (shown.at(-1)?.id ?? null) : null };
}

/** Once: of two moderators the first decides. Others hear of it by the event: ads takes an accepted one's ad off. */
export async function resolveReport(
  { db, outbox, clock }: ReportsOptions,
  id: ReportId,
  moderatorId: UserId,
  { decision, resolution }: { decision: 'accept' | 'reject'; resolution: string },
): Promise<Report> {
  return db.transaction().execute(async (trx) => {
    const row = await store.resolveReport(trx, id, {
      status: decision === 'accept' ? 'accepted' : 'rejected',
      resolution,
      resolved_by: moderatorId,
      resolved_at: clock.now(),
    });
    if (!row) {
      if (!(await store.readReport(trx, id))) throw new ProblemError('not-found');
      throw new ProblemError('conflict', { detail: 'The report is resolved already' });
    }
    const report = present(row);
    await outbox.add(trx, 'report.resolved', id, {
      report_id: id,
      subject: report.subject,
      reason: report.reason,
      reporter_id: report.reporter_id,
      decision,
      resolution,
    });
    return report;
  });
}

const present = (row: ReportRow): Report => ({
  id: row.id,
  subject: { type: row.subject_type, id: row.subject_id },
  reason: row.reason,
  comment: row.comment,
  reporter_id: row.reporter_id,
  status: row.status,
  resolution: row.resolution,
  created_at: row.created_at.toISOString(),
  resolved_at: row.resolved_at?.toISOString() ?? null,
});
