// A seller as others see them: rating, what they sell, what buyers wrote.
import { html } from 'hono/html';
import { loadCatalogue } from '../catalogue.ts';
import { adGrid, emptyState, pager, rating, time } from '../components.ts';
import { blankForm } from '../form.ts';
import { layout } from '../layout.ts';
import type { SiteContext } from '../visit.ts';
import { reportForm } from './report.ts';

export async function sellerPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const { t, client, format, url } = visit;
  const params = { id: c.req.param('id') ?? '' };
  const seller = await client.get('getSeller', { ...params });
  const [catalogue, ads, reviews] = await Promise.all([
    loadCatalogue(visit),
    client.get('listAds', { seller: seller.id, limit: 24 }),
    client.get('listReviews', { ...params, cursor: url.searchParams.get('cursor') ?? undefined }),
  ]);
  const title = t.seller.title(seller.name);
  return c.html(
    layout(
      visit,
      { title, canonical: `/sellers/${seller.id}` },
      html`
    <section class="panel seller seller-large">
      <span class="avatar" aria-hidden="true">${[...seller.name][0]?.toUpperCase() ?? '?'}</span>
      <div><h1>${seller.name}</h1><p>${rating(visit, seller)}</p>
      <p class="muted">${t.sales(seller.sales)} · ${t.seller.since} ${time(seller.since, format.day(seller.since), 'day')}</p></div>
    </section>
    <section aria-labelledby="seller-ads"><h2 id="seller-ads">${t.seller.ads}</h2>
      ${ads.items.length > 0 ? adGrid(visit, ads.items, catalogue.cityName) : emptyState('tag', t.seller.noAds)}</section>
    <section aria-labelledby="seller-reviews"><h2 id="seller-reviews">${t.seller.reviews}</h2>
      ${
        reviews.items.length === 0
          ? emptyState('heart', t.seller.noReviews)
          : html`<ul class="rows" role="list">${reviews.items.map(
              (review) => html`<li class="panel review">
            <p><strong>${review.author.name}</strong> <span class="stars" aria-label="${t.ad.rating(String(review.rating))}" role="img">${'★'.repeat(review.rating)}${'☆'.repeat(5 - review.rating)}</span></p>
            ${review.text && html`<p class="prose">${review.text}</p>`}
            <p class="muted small">${time(review.created_at, format.day(review.created_at), 'day')}</p></li>`,
            )}</ul>`
      }
      ${pager(visit, reviews.next_cursor)}</section>
    ${visit.session?.userId !== seller.id && reportForm(visit, { type: 'user', id: seller.id }, blankForm())}`,
    ),
  );
}
