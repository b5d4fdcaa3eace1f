// REST routes of reports.
import { parseAccept } from 'hono/utils/accept';
import { type Language, type LocalisedText, ReportId } from '../../contracts/common.ts';
import { reportRoutes as routes } from '../../contracts/reports.ts';
import { cursorsOf } from '../platform/http/cursor.ts';
import type { Implement } from '../platform/http/implement.ts';
import * as service from './service.ts';

const received: LocalisedText = { ru: 'Ваша заявка в обработке', en: 'Your request is being processed' };

export const reportHttp =
  (options: service.ReportsOptions) =>
  (implement: Implement): void => {
    implement(routes.createReport, async ({ identity, body, raw }) => {
      const id = await service.submitReport(options, identity.userId, body);
      const language = languageOf(raw);
      return {
        body: { id, status: 'processing' as const, message: received[language] },
        headers: { location: `/v1/reports/${id}`, 'content-language': language, vary: 'accept-language' },
      };
    });
    implement(routes.getReport, async ({ identity, params }) => {
      const reader = { userId: identity.userId, isModerator: identity.roles.includes('moderator') };
      return { body: await service.getReport(options, params.id, reader) };
    });
    implement(routes.listReports, async ({ query: { status, cursor, limit } }) => {
      const cursors = cursorsOf(['reports', status], ReportId);
      const { items, next } = await service.listReports(options, { status, after: cursors.decode(cursor), limit });
      return { body: { items, next_cursor: next && cursors.encode(next) } };
    });
    implement(routes.resolveReport, async ({ identity, params, body }) => ({
      body: await service.resolveReport(options, params.id, identity.userId, body),
    }));
  };

/** Of our two languages the one that the reader likes better (RFC 9110, section 12.5.4). */
function languageOf(request: Request): Language {
  const wanted = parseAccept((request.headers.get('accept-language') ?? '').slice(0, 200));
  const known = wanted.filter(({ q }) => q > 0).map(({ type }) => type.toLowerCase().split('-', 1)[0]);
  return known.find((language) => language === 'ru' || language === 'en') ?? 'ru';
}
