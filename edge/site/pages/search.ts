// Search results with facets, and the same for one category. Prices in the address are in roubles, as typed.
import { html } from 'hono/html';
import type { SearchPage } from '../../../contracts/search.ts';
import { type Catalogue, loadCatalogue } from '../catalogue.ts';
import { notFound } from '../client.ts';
import { adGrid, breadcrumbs, emptyState, pager } from '../components.ts';
import type { Html } from '../html.ts';
import { parsePrice } from '../i18n.ts';
import { layout } from '../layout.ts';
import type { SiteContext, Visit } from '../visit.ts';
import { saveForm } from './saved-searches.ts';

const sorts = ['relevance', 'newest', 'price_asc', 'price_desc'] as const;
type Sort = (typeof sorts)[number];

interface Filters {
  readonly q: string;
  readonly category: string | undefined;
  readonly city: string | undefined;
  readonly priceMin: string;
  readonly priceMax: string;
  readonly sort: Sort;
}

export async function searchPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const { t, client } = visit;
  const category = c.req.param('category');
  const filters = readFilters(visit.url.searchParams, category);
  const [catalogue, page] = await Promise.all([
    loadCatalogue(visit),
    client.get('search', {
      q: filters.q || undefined,
      category: filters.category,
      city: filters.city,
      priceMin: parsePrice(filters.priceMin) ?? undefined,
      priceMax: parsePrice(filters.priceMax) ?? undefined,
      sort: filters.sort,
      cursor: visit.url.searchParams.get('cursor') ?? undefined,
      limit: 24,
    }),
  ]);
  if (category !== undefined && !catalogue.categories.some(({ id }) => id === category)) throw notFound();
  const heading = headingOf(visit, catalogue, filters);
  return c.html(
    layout(
      visit,
      {
        title: heading,
        description: `${heading}. ${t.search.found(page.total)}. ${t.description}`,
        ...(category === undefined ? {} : { canonical: `/c/${category}` }),
        scripts: ['searches.js'],
      },
      html`
    ${
      category !== undefined &&
      breadcrumbs(t, [
        { href: '/', text: t.name },
        { href: '/search', text: t.search.anyCategory },
      ])
    }
    <h1>${heading}</h1>
    <div class="results">
      <aside aria-label="${t.search.filters}">${filterForm(visit, catalogue, filters, page, category)}</aside>
      <section aria-label="${t.search.title}">
        <p class="muted" role="status">${t.search.found(page.total)}</p>
        ${filters.category !== undefined && html`<p class="new-ads" role="status" data-new-in="${filters.category}" hidden><a href="${newestFirst(visit.url)}">${t.search.newAds} <span data-number>0</span></a></p>`}
        ${visit.session && saveForm(visit, filters, heading)}
        ${page.items.length > 0 ? adGrid(visit, page.items, catalogue.cityName) : html`${emptyState('search', t.search.nothing)}<p class="muted centred">${t.search.nothingHint}</p>`}
        ${pager(visit, page.next_cursor)}
      </section>
    </div>`,
    ),
  );
}

const newestFirst = ({ pathname, searchParams }: URL): string => {
  const query = new URLSearchParams(searchParams);
  query.delete('cursor');
  query.set('sort', 'newest');
  return `${pathname}?${query}`;
};

function readFilters(query: URLSearchParams, category: string | undefined): Filters {
  const q = (query.get('q') ?? '').trim().slice(0, 200);
  const typed = query.get('sort');
  return {
    q,
    category: category ?? (query.get('category') || undefined),
    city: query.get('city') || undefined,
    priceMin: query.get('price_min') ?? '',
    priceMax: query.get('price_max') ?? '',
    sort: sorts.find((each) => each === typed) ?? (q === '' ? 'newest' : 'relevance'),
  };
}

const headingOf = ({ t }: Visit, { categoryName, cityName }: Catalogue, { q, category, city }: Filters): string =>
  [q ? t.search.titleFor(q) : '', category ? categoryName(category) : '', city ? cityName(city) : '']
    .filter(Boolean)
    .join(', ') || t.home.showAll;

function filterForm(
  { t, format }: Visit,
  catalogue: Catalogue,
  filters: Filters,
  { facets }: SearchPage,
  fixed: string | undefined,
): Html {
  const countOf = (list: SearchPage['facets']['category'], value: string): string => {
    const count = list.find((each) => each.value === value)?.count;
    return count === undefined ? '' : ` (${format.number(count)})`;
  };
  const option = (value: string, text: string, chosen: string | undefined): Html =>
    html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`;
  const body = html`
    <form class="filters" action="${fixed === undefined ? '/search' : `/c/${fixed}`}">
      ${filters.q && html`<input type="hidden" name="q" value="${filters.q}">`}
      ${
        fixed === undefined &&
        html`<div class="field"><label for="filter-category">${t.search.category}</label>
        <select id="filter-category" name="category">${option('', t.search.anyCategory, filters.category ?? '')}${catalogue.categories.map(({ id }) => option(id, catalogue.categoryName(id) + countOf(facets.category, id), filters.category))}</select></div>`
      }
      <div class="field"><label for="filter-city">${t.search.city}</label>
        <select id="filter-city" name="city">${option('', t.search.anyCity, filters.city ?? '')}${catalogue.cities.map(({ id }) => option(id, catalogue.cityName(id) + countOf(facets.city, id), filters.city))}</select></div>
      <fieldset class="field price-range"><legend>${t.search.price}</legend>
        <input name="price_min" value="${filters.priceMin}" inputmode="numeric" maxlength="12" placeholder="${t.from}" aria-label="${t.search.price} ${t.from}">
        <input name="price_max" value="${filters.priceMax}" inputmode="numeric" maxlength="12" placeholder="${t.to}" aria-label="${t.search.price} ${t.to}"></fieldset>
      <div class="field"><label for="filter-sort">${t.search.sort}</label>
        <select id="filter-sort" name="sort">${sorts.map((sort) => option(sort, t.search.sorts[sort], filters.sort))}</select></div>
      <div class="actions"><button class="button">${t.search.apply}</button><a class="button button-quiet" href="${fixed === undefined ? '/search' : `/c/${fixed}`}">${t.search.reset}</a></div>
    </form>`;
  // Open where there is room for it; a phone shows the results first.
  return html`<details class="filter-panel" data-open-when-wide><summary>${t.search.filters}</summary>${body}</details>`;
}
