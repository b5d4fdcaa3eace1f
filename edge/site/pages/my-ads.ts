// A seller's own ads in every status.
import { html } from 'hono/html';
import type { Ad } from '../../../contracts/ads.ts';
import { badge, emptyState, pager, photo } from '../components.ts';
import { readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { doneNotice } from '../notices.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';

export async function myAdsPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t, url } = visit;
  const page = await visit.client.get('listMyAds', { cursor: url.searchParams.get('cursor') ?? undefined });
  return c.html(
    layout(
      visit,
      { title: t.myAds.title },
      html`
    <div class="section-head"><h1>${t.myAds.title}</h1><a class="button" href="/sell">${icon('plus', 18)} ${t.menu.sell}</a></div>
    ${doneNotice(visit)}
    ${
      page.items.length > 0
        ? html`<ul class="rows" role="list">${page.items.map((ad) => html`<li>${adRow(visit, ad)}</li>`)}</ul>`
        : emptyState('tag', t.myAds.empty, { href: '/sell', text: t.menu.sell })
    }
    ${pager(visit, page.next_cursor)}`,
    ),
  );
}

const adRow = ({ t, format }: Visit, ad: Ad): Html => {
  const status = (value: 'active' | 'archived', text: string): Html =>
    html`<form method="post" action="/my/ads/${ad.id}/status"><button class="button button-quiet button-small" name="status" value="${value}">${text}</button></form>`;
  const editable = ad.status !== 'reserved' && ad.status !== 'sold';
  return html`<div class="row panel">
    <span class="thumb">${photo(ad.photos[0], '', t)}</span>
    <span class="row-text"><a href="${ad.status === 'active' ? `/ads/${ad.id}` : editable ? `/my/ads/${ad.id}/edit` : `/ads/${ad.id}`}"><strong>${ad.title}</strong></a>
      <span>${format.money(ad.price)} ${badge(ad.status, t.ad.status[ad.status])}</span>
      ${ad.rejection_reason !== null && html`<span class="error">${t.myAds.rejected} ${ad.rejection_reason}</span>`}</span>
    <span class="row-end row-actions">
      ${editable && html`<a class="button button-quiet button-small" href="/my/ads/${ad.id}/edit">${t.edit}</a>`}
      ${(ad.status === 'active' || ad.status === 'moderation') && status('archived', t.myAds.archive)}
      ${(ad.status === 'draft' || ad.status === 'archived') && status('active', t.myAds.publish)}
    </span>
  </div>`;
};

export async function changeAdStatus(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const status = values.get('status') === 'active' ? 'active' : 'archived';
  const ad = await visit.client.get('changeAd', { id: c.req.param('id') ?? '', adChange: { status } });
  return c.redirect(`/my/ads?done=${ad.status}`, 303);
}

/** The ad's entity tag names its version. */
export const adETag = (version: number): string => `"${version}"`;

const pagesSearched = 10;

/** The public address of an ad shows neither drafts nor rejected ones; its owner finds it in the own list. */
export async function findMyAd({ client }: Visit, id: string): Promise<Ad | undefined> {
  let cursor: string | undefined;
  for (let page = 0; page < pagesSearched; page++) {
    const { items, next_cursor } = await client.get('listMyAds', { limit: 100, cursor });
    const found = items.find((ad) => ad.id === id);
    if (found || next_cursor === null) return found;
    cursor = next_cursor;
  }
  return undefined;
}
