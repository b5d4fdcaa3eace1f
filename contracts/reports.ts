// Reports: complaints are taken at once and worked off by moderators.
import { z } from 'zod';
import { Cursor, Instant, Limit, page, ReportId, text, UserId } from './common.ts';
import { route } from './route.ts';

export const reportReasons = [
  'spam',
  'fraud',
  'forbidden_goods',
  'wrong_category',
  'duplicate',
  'offensive',
  'other',
] as const;
export const reportSubjects = ['ad', 'user', 'message'] as const;
export const Subject = z.strictObject({ type: z.enum(reportSubjects), id: z.uuid() });

export const NewReport = z
  .strictObject({ subject: Subject, reason: z.enum(reportReasons), comment: text(0, 2000).default('') })
  .meta({ id: 'NewReport' });
export const ReportReceipt = z.object({ id: ReportId, status: z.literal('processing'), message: z.string() }).meta({
  id: 'ReportReceipt',
  example: {
    id: '01935b5e-7d3a-7000-8000-000000000001',
    status: 'processing',
    message: 'Your request is being processed',
  },
});
export const Report = z
  .object({
    id: ReportId,
    subject: Subject,
    reason: z.enum(reportReasons),
    comment: z.string(),
    reporter_id: UserId,
    status: z.enum(['processing', 'accepted', 'rejected']),
    resolution: z.string().nullable(),
    created_at: Instant,
    resolved_at: Instant.nullable(),
  })
  .meta({ id: 'Report' });
export type Report = z.infer<typeof Report>;

const byId = z.object({ id: ReportId });

export const reportRoutes = {
  createReport: route({
    id: 'createReport',
    service: 'reports',
    method: 'POST',
    path: '/v1/reports',
    summary: 'Complain about an ad, a user, or a message in a conversation of yours',
    auth: 'user',
    body: NewReport,
    success: { status: 202, body: ReportReceipt },
    problems: ['invalid-field'],
  }),
  getReport: route({
    id: 'getReport',
    service: 'reports',
    method: 'GET',
    path: '/v1/reports/{id}',
    summary: 'What became of your complaint',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Report },
    problems: ['not-found'],
  }),
  listReports: route({
    id: 'listReports',
    service: 'reports',
    method: 'GET',
    path: '/v1/moderation/reports',
    summary: 'The moderators’ queue',
    auth: 'moderator',
    query: z.object({
      status: z.enum(['processing', 'accepted', 'rejected']).default('processing'),
      cursor: Cursor.optional(),
      limit: Limit.default(20),
    }),
    success: { status: 200, body: page(Report) },
  }),
  resolveReport: route({
    id: 'resolveReport',
    service: 'reports',
    method: 'POST',
    path: '/v1/moderation/reports/{id}',
    summary: 'Decide on a complaint; an accepted one takes the ad off, or the message away',
    auth: 'moderator',
    params: byId,
    body: z.strictObject({ decision: z.enum(['accept', 'reject']), resolution: text(1, 1000) }),
    success: { status: 200, body: Report },
    problems: ['not-found', 'conflict'],
  }),
};
