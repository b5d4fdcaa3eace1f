// One ad: pictures, price, delivery, the seller, and the way to buy it.
import { html } from 'hono/html';
import type { Ad, Category } from '../../../contracts/ads.ts';
import type { Quote } from '../../../contracts/delivery.ts';
import { type Catalogue, cityChoices, loadCatalogue } from '../catalogue.ts';
import { CallFailed } from '../client.ts';
import { adGrid, badge, breadcrumbs, notice, rating, time } from '../components.ts';
import { select } from '../fields.ts';
import { blankForm } from '../form.ts';
import type { Html } from '../html.ts';
import { withUnit } from '../i18n.ts';
import { categoryIcon, icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { rememberCity, type SiteContext, signInUrl, type Visit } from '../visit.ts';
import { reportForm } from './report.ts';

export async function adPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  const { client, t, format } = visit;
  const ad = await client.get('getAd', { id: c.req.param('id') ?? '' });
  const chosenCity = c.req.query('to');
  const [catalogue, similar, favourite] = await Promise.all([
    loadCatalogue(visit),
    client.get('listAds', { category: ad.category, limit: 5 }),
    isFavourite(visit, ad),
  ]);
  const knows = (slug: string | undefined): slug is string => catalogue.cities.some(({ id }) => id === slug);
  const to = [chosenCity, visit.city, ad.city].find(knows) ?? ad.city;
  if (knows(chosenCity)) rememberCity(c, chosenCity);
  const quotes = ad.status === 'active' ? await loadQuotes(visit, ad, to) : null;
  const own = visit.session?.userId === ad.seller.id;
  const others = similar.items.filter(({ id }) => id !== ad.id).slice(0, 4);
  return c.html(
    layout(
      visit,
      {
        title: `${ad.title}, ${format.money(ad.price)}`,
        description: ad.description,
        image: ad.photos[0]?.url,
        ...(ad.status === 'active' ? { canonical: `/ads/${ad.id}` } : {}),
        scripts: ['ad.js'],
      },
      html`
    ${breadcrumbs(t, [
      { href: '/', text: t.name },
      { href: `/c/${ad.category}`, text: catalogue.categoryName(ad.category) },
    ])}
    <article class="ad" data-ad="${ad.id}" data-gone="${t.ad.gone}">
      <p class="visually-hidden" role="status" data-announce></p>
      <div class="ad-main">
        ${gallery(visit, ad)}
        <div class="ad-buy panel">
          <div data-part="buy" data-version="${ad.version}">
            <h1>${ad.title}</h1>
            <p class="price">${format.money(ad.price)}</p>
            <p class="muted">${icon('pin', 18)} ${catalogue.cityName(ad.city)}</p>
            <div data-buy>${buyBox(visit, ad, own)}</div>
          </div>
          ${ad.status === 'active' && !own && deliveryBox(visit, catalogue, ad, to, quotes)}
        </div>
      </div>
      <div class="ad-rest">
        <div class="ad-text">
          <section><h2>${t.ad.description}</h2><p class="prose">${ad.description}</p></section>
          ${attributeList(
            visit,
            ad,
            catalogue.categories.find(({ id }) => id === ad.category),
          )}
          <p class="muted small">${t.ad.number}${ad.id} · ${t.ad.published} ${time(ad.created_at, format.day(ad.created_at), 'day')}</p>
        </div>
        <div class="ad-side">
          ${sellerCard(visit, ad)}
          ${favouriteForm(visit, ad, favourite)}
          ${!own && reportForm(visit, { type: 'ad', id: ad.id }, blankForm())}
        </div>
      </div>
    </article>
    ${others.length > 0 && html`<section aria-labelledby="similar"><h2 id="similar">${t.ad.similar}</h2>${adGrid(visit, others, catalogue.cityName)}</section>`}`,
    ),
  );
}

const gallery = ({ t }: Visit, { photos, title, category }: Ad): Html => {
  const total = photos.length;
  if (total === 0)
    return html`<div class="gallery"><div class="no-photo no-photo-large" role="img" aria-label="${t.noPhoto}">${icon(categoryIcon(category), 72)}</div></div>`;
  return html`<div class="gallery" data-gallery>
    <ul class="gallery-strip" role="list" tabindex="0" aria-label="${t.ad.photos}">
      ${photos.map(({ url, width, height }, index) => html`<li id="photo-${index + 1}"><img src="${url}" width="${width}" height="${height}" alt="${title}. ${t.ad.photo(index + 1, total)}" ${index === 0 ? html`fetchpriority="high"` : html`loading="lazy"`} decoding="async"></li>`)}
    </ul>
    ${total > 1 && html`<ul class="gallery-thumbs" role="list">${photos.map(({ thumb_url, width, height }, index) => html`<li><a href="#photo-${index + 1}" aria-label="${t.ad.photo(index + 1, total)}"><img src="${thumb_url}" width="${width}" height="${height}" alt="" loading="lazy"></a></li>`)}</ul>`}
  </div>`;
};

const buyBox = (visit: Visit, ad: Ad, own: boolean): Html => {
  const { t } = visit;
  if (own) {
    return html`<p>${badge(ad.status, t.ad.status[ad.status])} ${t.ad.own}</p>
      ${ad.rejection_reason && notice(`${t.myAds.rejected} ${ad.rejection_reason}`, 'bad')}
      <p class="actions"><a class="button" href="/my/ads/${ad.id}/edit">${t.edit}</a></p>`;
  }
  if (ad.status !== 'active') {
    const text = ad.status === 'reserved' || ad.status === 'sold' ? t.ad.notForSale[ad.status] : t.ad.notForSale.other;
    return html`<div class="notice notice-plain"><p>${badge(ad.status, t.ad.status[ad.status])}</p><p>${text}</p></div>`;
  }
  return html`<a class="button button-large" href="/checkout/${ad.id}">${t.ad.buy}</a>
    <p class="safe">${icon('shield', 20)} ${t.ad.safeDeal}</p>`;
};

const deliveryBox = (
  { t, format }: Visit,
  catalogue: Catalogue,
  ad: Ad,
  to: string,
  quotes: readonly Quote[] | null,
): Html => html`
  <section class="delivery" aria-labelledby="delivery">
    <h2 id="delivery" class="h3">${t.ad.delivery}</h2>
    <form class="inline-form" action="/ads/${ad.id}" data-auto-submit>
      ${select(blankForm({ to }), t, { name: 'to', label: t.ad.deliveryTo, choices: cityChoices(catalogue) })}
      <button class="button button-quiet">${t.ad.calculate}</button>
    </form>
    ${
      quotes
        ? html`<ul class="quotes" role="list">${quotes.map(({ method, price, estimated }) => html`<li><span>${t.ad.methods[method]}<br><span class="muted small">${format.dates(estimated)}</span></span><strong>${price.amount === 0 ? t.checkout.free : format.money(price)}</strong></li>`)}</ul>`
        : html`<p class="muted small">${t.ad.noDelivery}</p>`
    }
  </section>`;

const attributeList = (visit: Visit, ad: Ad, category: Category | undefined): Html => {
  const { t } = visit;
  const entries = Object.entries(ad.attributes);
  if (entries.length === 0) return html``;
  return html`<section><h2>${t.ad.attributes}</h2><dl class="facts">
    ${entries.map(([id, value]) => html`<div><dt>${attributeName(visit, category, id)}</dt><dd>${attributeText(visit, category, id, value)}</dd></div>`)}
  </dl></section>`;
};

const attributeName = ({ format }: Visit, category: Category | undefined, id: string): string => {
  const attribute = category?.attributes.find((each) => each.id === id);
  return attribute ? format.text(attribute.name) : id;
};

const attributeText = (
  { t, format }: Visit,
  category: Category | undefined,
  id: string,
  value: string | number | boolean,
): string => {
  const attribute = category?.attributes.find((each) => each.id === id);
  if (typeof value === 'boolean') return value ? t.yes : t.no;
  const choice = attribute?.choices?.find((each) => each.id === value);
  if (choice) return format.text(choice.name);
  const text = typeof value === 'number' ? format.plain(value) : value;
  return attribute?.unit === undefined ? text : withUnit(t, text, attribute.unit);
};

const sellerCard = (visit: Visit, { id, seller }: Ad): Html => html`
  <section class="panel seller" aria-label="${visit.t.ad.seller}">
    <span class="avatar" aria-hidden="true">${[...seller.name][0]?.toUpperCase() ?? '?'}</span>
    <div><p class="muted small">${visit.t.ad.seller}</p><p><a href="/sellers/${seller.id}"><strong>${seller.name}</strong></a></p><p>${rating(visit, seller)}</p></div>
    ${visit.session?.userId !== seller.id && writeForm(visit, id)}
  </section>`;

const writeForm = (visit: Visit, adId: string): Html =>
  visit.session
    ? html`<form method="post" action="/ads/${adId}/message" data-once><button class="button button-quiet">${icon('chat', 20)} ${visit.t.chat.writeToSeller}</button></form>`
    : html`<a class="button button-quiet" href="${signInUrl(visit)}">${icon('chat', 20)} ${visit.t.chat.writeToSeller}</a>`;

const favouriteForm = (visit: Visit, ad: Ad, favourite: boolean): Html => {
  const { t, session } = visit;
  if (!session)
    return html`<a class="button button-quiet" href="${signInUrl(visit)}">${icon('heart', 20)} ${t.ad.favouriteAdd}</a>`;
  return html`<form method="post" action="/ads/${ad.id}/favourite">
    <button class="button button-quiet${favourite && html` is-on`}" name="favourite" value="${favourite ? 'remove' : 'add'}">${icon('heart', 20)} ${favourite ? t.ad.favouriteRemove : t.ad.favouriteAdd}</button>
  </form>`;
};

async function isFavourite({ client, session }: Visit, ad: Ad): Promise<boolean> {
  if (!session) return false;
  const { items } = await client.get('listFavourites', { limit: 100 });
  return items.some(({ id }) => id === ad.id);
}

/** Null where the courier's prices can't be had now: the page is worth showing without them. */
async function loadQuotes({ client }: Visit, ad: Ad, to: string): Promise<readonly Quote[] | null> {
  try {
    return (await client.get('quote', { fromCity: ad.city, toCity: to, adId: ad.id })).items;
  } catch (error) {
    if (error instanceof CallFailed) return null;
    throw error;
  }
}

export async function changeFavourite(c: SiteContext): Promise<Response> {
  const { client } = c.get('visit');
  const id = c.req.param('id') ?? '';
  const { favourite } = await c.req.parseBody();
  await client.call(favourite === 'remove' ? 'removeFavourite' : 'addFavourite', { id });
  return c.redirect(`/ads/${encodeURIComponent(id)}`, 303);
}
