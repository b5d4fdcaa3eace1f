// Saved searches: kept from the results page, listed with what is new in each, as it comes.
import { html } from 'hono/html';
import type { z } from 'zod';
import type { SavedQuery } from '../../../contracts/search.ts';
import { emptyState, notice } from '../components.ts';
import { failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { parsePrice, priceInput } from '../i18n.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';

type Query = z.output<typeof SavedQuery>;

/** The filters of a page of results, as they were typed. */
interface Typed {
  readonly q: string;
  readonly category: string | undefined;
  readonly city: string | undefined;
  readonly priceMin: string;
  readonly priceMax: string;
}

/** On a page of results; a search without any condition would find everything, so it isn't offered. */
export function saveForm({ t }: Visit, filters: Typed, name: string): Html {
  const { q, category, city, priceMin, priceMax } = filters;
  const fields = { q, category, city, price_min: priceMin, price_max: priceMax };
  if (!Object.values(fields).some(Boolean)) return html``;
  return html`<form method="post" action="/my/searches" data-once>
    <input type="hidden" name="name" value="${name.slice(0, 100)}">
    ${Object.entries(fields).map(([field, value]) => value && html`<input type="hidden" name="${field}" value="${value}">`)}
    <button class="button button-quiet button-small">${icon('bell', 18)} ${t.searches.save}</button>
  </form>`;
}

export async function savedSearchesPage(c: SiteContext): Promise<Response> {
  requireSession(c.get('visit'));
  return c.html(await view(c.get('visit'), null));
}

export async function saveSearch(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const text = (name: string): string | undefined => values.get(name) || undefined;
  try {
    await visit.client.call('saveSearch', {
      body: {
        name: values.get('name') ?? '',
        query: {
          q: text('q'),
          category: text('category'),
          city: text('city'),
          price_min: parsePrice(values.get('price_min') ?? '') ?? undefined,
          price_max: parsePrice(values.get('price_max') ?? '') ?? undefined,
        },
      },
    });
  } catch (error) {
    const { problem } = failedForm(visit.t, error, values);
    return c.html(
      await view(visit, failedStatus(error) === 409 ? visit.t.searches.known : problem),
      failedStatus(error),
    );
  }
  return c.redirect('/my/searches', 303);
}

export async function removeSearch(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  await visit.client.call('removeSavedSearch', { id: c.req.param('id') ?? '' });
  return c.redirect('/my/searches', 303);
}

async function view(visit: Visit, problem: string | null): Promise<Html> {
  const { t, client } = visit;
  const { items } = await client.get('listSavedSearches');
  return layout(
    visit,
    { title: t.searches.title, scripts: ['searches.js'] },
    html`
    <h1>${t.searches.title}</h1>
    ${notice(problem, 'bad')}
    ${
      items.length > 0
        ? html`<ul class="rows" role="list">${items.map(
            ({ id, name, query }) => html`<li class="panel saved-search">
          <a href="${addressOf(query)}"><strong>${name}</strong></a>
          <a class="badge badge-good" role="status" href="${addressOf(query)}" data-search="${id}" hidden>${t.searches.fresh} <span data-number>0</span></a>
          <form method="post" action="/my/searches/${id}/remove"><button class="link" aria-label="${t.searches.removeNamed(name)}">${t.searches.remove}</button></form>
        </li>`,
          )}</ul>`
        : emptyState('search', t.searches.empty, { href: '/search', text: t.orders.toSearch })
    }`,
  );
}

/** The results, newest first; prices in an address are in roubles. */
function addressOf({ q, category, city, price_min, price_max }: Query): string {
  const price = (amount: number | undefined): string =>
    amount === undefined ? '' : priceInput({ amount, currency: 'RUB' });
  const query = { q, category, city, price_min: price(price_min), price_max: price(price_max), sort: 'newest' };
  return `/search?${new URLSearchParams(Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : [])))}`;
}
