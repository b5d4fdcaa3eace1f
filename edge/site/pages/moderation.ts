// The moderators' queues: ads that wait, and complaints.
import { html } from 'hono/html';
import type { Ad } from '../../../contracts/ads.ts';
import type { ReportedMessage } from '../../../contracts/chat.ts';
import type { Report } from '../../../contracts/reports.ts';
import { loadCatalogue } from '../catalogue.ts';
import { CallFailed } from '../client.ts';
import { emptyState, notice, pager, photo, time } from '../components.ts';
import { problemText, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { doneNotice } from '../notices.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';

type Queue = 'ads' | 'reports';

export async function moderationPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await view(visit, c.req.query('queue') === 'reports' ? 'reports' : 'ads', doneNotice(visit)));
}

export async function moderateAd(c: SiteContext): Promise<Response> {
  const reasonOf = (values: URLSearchParams) => values.get('reason')?.trim() || undefined;
  return decide(c, 'ads', (visit, values) =>
    visit.client.call('moderateAd', {
      id: c.req.param('id') ?? '',
      body: {
        decision: values.get('decision') ?? '',
        ...(values.get('decision') === 'reject' ? { reason: reasonOf(values) } : {}),
      },
    }),
  );
}

export async function resolveReport(c: SiteContext): Promise<Response> {
  return decide(c, 'reports', (visit, values) =>
    visit.client.call('resolveReport', {
      id: c.req.param('id') ?? '',
      body: { decision: values.get('decision') ?? '', resolution: values.get('resolution') ?? '' },
    }),
  );
}

async function decide(
  c: SiteContext,
  queue: Queue,
  work: (visit: Visit, values: URLSearchParams) => Promise<unknown>,
): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  try {
    await work(visit, await readForm(c.req.raw));
  } catch (error) {
    if (!(error instanceof CallFailed) || ![400, 409, 422].includes(error.status)) throw error;
    const text =
      error.status === 409 ? problemText(visit.t, error) : visit.t.fields[queue === 'ads' ? 'reason' : 'resolution'];
    return c.html(await view(visit, queue, notice(text, 'bad')), error.status === 409 ? 409 : 422);
  }
  return c.redirect(`/moderation?queue=${queue}&done=moderated`, 303);
}

async function view(visit: Visit, queue: Queue, above: Html): Promise<Html> {
  const { t } = visit;
  const tab = (name: Queue, text: string): Html =>
    html`<a href="/moderation?queue=${name}"${name === queue && html` aria-current="page"`}>${text}</a>`;
  return layout(
    visit,
    { title: t.moderation.title },
    html`
    <h1>${t.moderation.title}</h1>
    <nav class="tabs" aria-label="${t.moderation.title}">${tab('ads', t.moderation.ads)}${tab('reports', t.moderation.reports)}</nav>
    ${above}
    ${queue === 'ads' ? await adQueue(visit) : await reportQueue(visit)}`,
  );
}

async function adQueue(visit: Visit): Promise<Html> {
  const { t } = visit;
  const [catalogue, page] = await Promise.all([
    loadCatalogue(visit),
    visit.client.get('listModeration', { cursor: visit.url.searchParams.get('cursor') ?? undefined }),
  ]);
  if (page.items.length === 0) return emptyState('check', t.moderation.noAds);
  return html`<ul class="rows" role="list">${page.items.map((ad) => html`<li>${waitingAd(visit, ad, `${catalogue.categoryName(ad.category)}, ${catalogue.cityName(ad.city)}`)}</li>`)}</ul>${pager(visit, page.next_cursor)}`;
}

const waitingAd = ({ t, format }: Visit, ad: Ad, place: string): Html => html`<article class="panel queue-item">
  <div class="row"><span class="thumb">${photo(ad.photos[0], '', t)}</span>
    <span class="row-text"><strong>${ad.title}</strong><span>${format.money(ad.price)} · ${place}</span><span class="muted small"><a href="/sellers/${ad.seller.id}">${ad.seller.name}</a> · ${time(ad.created_at, format.time(ad.created_at), 'time')}</span></span></div>
  <p class="prose">${ad.description}</p>
  <form method="post" action="/moderation/ads/${ad.id}" class="decision">
    <label for="reason-${ad.id}">${t.moderation.reason}</label><input id="reason-${ad.id}" name="reason" maxlength="500">
    <button class="button" name="decision" value="approve">${icon('check', 18)} ${t.moderation.approve}</button>
    <button class="button button-danger" name="decision" value="reject">${t.moderation.reject}</button>
  </form>
</article>`;

async function reportQueue(visit: Visit): Promise<Html> {
  const { t, url } = visit;
  const page = await visit.client.get('listReports', { cursor: url.searchParams.get('cursor') ?? undefined });
  if (page.items.length === 0) return emptyState('check', t.moderation.noReports);
  const messages = await reportedMessages(visit, page.items);
  return html`<ul class="rows" role="list">${page.items.map((report) => html`<li>${openReport(visit, report, messages.get(report.subject.id))}</li>`)}</ul>${pager(visit, page.next_cursor)}`;
}

/** What was written; a message of a conversation that isn't the reporter's stays unread. */
async function reportedMessages({ client }: Visit, reports: readonly Report[]): Promise<Map<string, ReportedMessage>> {
  const ids = reports.filter(({ subject }) => subject.type === 'message').map(({ subject }) => subject.id);
  const found = await Promise.all(
    ids.map((id) =>
      client.get('getReportedMessage', { id }).catch((error: unknown) => {
        if (error instanceof CallFailed) return null;
        throw error;
      }),
    ),
  );
  return new Map(found.flatMap((each) => (each ? [[each.message.id, each] as const] : [])));
}

const openReport = (
  { t, format }: Visit,
  report: Report,
  reported?: ReportedMessage,
): Html => html`<article class="panel queue-item">
  <p>${icon('flag', 18)} <strong>${t.report.reasons[report.reason]}</strong> · ${subjectLink(t, report.subject)} · <span class="muted small">${time(report.created_at, format.time(report.created_at), 'time')}</span></p>
  ${reported && html`<blockquote><p class="muted small">${reported.sender} · <a href="/ads/${reported.ad.id}">${reported.ad.title}</a></p><p class="prose">${reported.message.text}</p>${reported.message.attachments.map(({ url, thumb_url }) => html`<a href="${url}"><img src="${thumb_url}" alt="${t.chat.picture}" width="120" loading="lazy"></a>`)}</blockquote>`}
  ${report.comment && html`<p class="prose">${report.comment}</p>`}
  <form method="post" action="/moderation/reports/${report.id}" class="decision">
    <label for="resolution-${report.id}">${t.moderation.resolution}</label><input id="resolution-${report.id}" name="resolution" maxlength="1000" required>
    <button class="button button-danger" name="decision" value="accept">${t.moderation.acceptReport}</button>
    <button class="button button-quiet" name="decision" value="reject">${t.moderation.rejectReport}</button>
  </form>
</article>`;

/** A message has no page of its own. */
const subjectLink = (t: Visit['t'], { type, id }: Report['subject']): Html => {
  const name = html`${t.moderation.subject[type]} <span class="code">${id.slice(-8)}</span>`;
  return type === 'message' ? name : html`<a href="${type === 'ad' ? '/ads' : '/sellers'}/${id}">${name}</a>`;
};
