// Complaints: the form on ads and sellers, and the page that says what became of one.
import { html } from 'hono/html';
import { reportReasons, reportSubjects } from '../../../contracts/reports.ts';
import { ownPath } from '../csrf.ts';
import { formProblem, select, textarea } from '../fields.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, signInUrl, type Visit } from '../visit.ts';

export interface ReportSubject {
  readonly type: (typeof reportSubjects)[number];
  readonly id: string;
}

const fields = ({ t, url }: Visit, subject: ReportSubject, form: Form): Html => html`
  <form method="post" action="/reports">
    <input type="hidden" name="subject_type" value="${subject.type}">
    <input type="hidden" name="subject_id" value="${subject.id}">
    <input type="hidden" name="return" value="${form.values.get('return') ?? url.pathname}">
    ${formProblem(form)}
    ${select(form, t, { name: 'reason', label: t.report.reason, empty: '—', choices: reportReasons.map((value) => ({ value, text: t.report.reasons[value] })) })}
    ${textarea(form, t, { name: 'comment', label: t.report.comment, hint: t.report.commentHint, rows: 3, maxlength: 2000, required: false })}
    <button class="button">${t.send}</button>
  </form>`;

export const reportForm = (visit: Visit, subject: ReportSubject, form: Form): Html => html`
  <details class="report" id="report">
    <summary>${icon('flag', 18)} ${visit.t.report.open}</summary>
    ${visit.session ? fields(visit, subject, form) : html`<p><a href="${signInUrl(visit, `${visit.url.pathname}#report`)}">${visit.t.report.signInFirst}</a></p>`}
  </details>`;

export async function sendReport(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const subject: ReportSubject = {
    type: typeOf(values),
    id: values.get('subject_id') ?? '',
  };
  const back = ownPath(values.get('return'), visit.url.origin);
  try {
    const receipt = await visit.client.get('createReport', {
      newReport: { subject, reason: values.get('reason') ?? '', comment: values.get('comment') ?? '' },
    });
    return c.redirect(`/reports/${receipt.id}?return=${encodeURIComponent(back)}`, 303);
  } catch (error) {
    const form = failedForm(visit.t, error, values);
    return c.html(formPage(visit, subject, form), failedStatus(error));
  }
}

const typeOf = (values: URLSearchParams): ReportSubject['type'] =>
  reportSubjects.find((type) => type === values.get('subject_type')) ?? 'ad';

/** For subjects that have no room for the form beside them. */
export async function newReportPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const query = visit.url.searchParams;
  const subject: ReportSubject = { type: typeOf(query), id: query.get('subject_id') ?? '' };
  const back = ownPath(query.get('return'), visit.url.origin);
  return c.html(formPage(visit, subject, blankForm({ return: back })));
}

function formPage(visit: Visit, subject: ReportSubject, form: Form): Html {
  const { adTitle, userTitle, messageTitle } = visit.t.report;
  const title = { ad: adTitle, user: userTitle, message: messageTitle }[subject.type];
  return layout(
    visit,
    { title },
    html`<div class="narrow"><h1>${title}</h1><div class="panel">${fields(visit, subject, form)}</div></div>`,
  );
}

export async function reportPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t, client } = visit;
  const report = await client.get('getReport', { id: c.req.param('id') ?? '' });
  const title = { processing: t.report.processing, accepted: t.report.accepted, rejected: t.report.rejected }[
    report.status
  ];
  return c.html(
    layout(
      visit,
      { title },
      html`
    <div class="narrow panel receipt">
      ${icon(report.status === 'processing' ? 'pulse' : 'check', 40)}
      <h1>${title}</h1>
      <p>${report.status === 'processing' ? t.report.processingText : report.resolution}</p>
      <dl class="facts">
        <div><dt>${t.report.number}</dt><dd class="code">${report.id}</dd></div>
        <div><dt>${t.report.reason}</dt><dd>${t.report.reasons[report.reason]}</dd></div>
      </dl>
      <p><a class="button button-quiet" href="${ownPath(c.req.query('return'), visit.url.origin)}">${t.report.back}</a></p>
    </div>`,
    ),
  );
}
