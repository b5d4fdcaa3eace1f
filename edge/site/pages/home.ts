// The start page: categories, cities, the newest ads.
import { html } from 'hono/html';
import { type Catalogue, loadCatalogue } from '../catalogue.ts';
import { adGrid, emptyState } from '../components.ts';
import type { Html } from '../html.ts';
import { categoryIcon, icon } from '../icons.ts';
import { layout } from '../layout.ts';
import type { SiteContext, Visit } from '../visit.ts';

export async function homePage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const city = c.req.query('city') || undefined;
  const [catalogue, newest] = await Promise.all([
    loadCatalogue(visit),
    visit.client.get('listAds', { limit: 24, city }),
  ]);
  const { t } = visit;
  return c.html(
    layout(
      visit,
      { title: t.home.title, canonical: '/' },
      html`
    <section class="hero">
      <h1>${t.home.lead}</h1>
      <ul class="trust" role="list">
        ${t.home.trust.map(([heading, text], index) => html`<li>${icon(trustIcons[index] ?? 'check', 24)}<div><strong>${heading}</strong><p>${text}</p></div></li>`)}
      </ul>
    </section>
    <section aria-labelledby="categories">
      <h2 id="categories">${t.home.categories}</h2>
      <ul class="categories categories-strip" role="list">
        ${catalogue.categories.map(({ id, ads }) => html`<li><a href="/c/${id}">${icon(categoryIcon(id), 28)}<span>${catalogue.categoryName(id)}</span>${ads > 0 && html`<span class="muted small">${visit.format.number(ads)}</span>`}</a></li>`)}
      </ul>
    </section>
    <section aria-labelledby="newest">
      <div class="section-head">
        <h2 id="newest">${t.home.newest}</h2>
        ${cityFilter(visit, catalogue, city)}
      </div>
      ${newest.items.length > 0 ? adGrid(visit, newest.items, catalogue.cityName) : emptyState('tag', t.home.empty, { href: '/sell', text: t.menu.sell })}
      ${newest.next_cursor !== null && html`<p class="more"><a class="button button-quiet" href="/search?sort=newest${city ? `&city=${encodeURIComponent(city)}` : ''}">${t.home.showAll}</a></p>`}
    </section>`,
    ),
  );
}

const trustIcons = ['shield', 'truck', 'pulse'] as const;

const cityFilter = ({ t }: Visit, catalogue: Catalogue, chosen: string | undefined): Html => html`
  <form class="inline-form" action="/" data-auto-submit>
    <label for="home-city" class="visually-hidden">${t.search.city}</label>
    <select id="home-city" name="city">
      <option value="">${t.search.anyCity}</option>
      ${catalogue.cities.map(({ id }) => html`<option value="${id}"${id === chosen && html` selected`}>${catalogue.cityName(id)}</option>`)}
    </select>
    <button class="button button-quiet">${t.search.apply}</button>
  </form>`;
