// Checkout: how the parcel comes and what all of it costs, then on to the payment page.
import { html } from 'hono/html';
import type { Ad } from '../../../contracts/ads.ts';
import type { Quote } from '../../../contracts/delivery.ts';
import type { Order } from '../../../contracts/orders.ts';
import { type Catalogue, cityChoices, loadCatalogue } from '../catalogue.ts';
import { CallFailed } from '../client.ts';
import { breadcrumbs, notice, photo } from '../components.ts';
import { formProblem, input, radios, select } from '../fields.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { rememberCity, requireSession, type SiteContext, type Visit } from '../visit.ts';
import { type PointsPage, pointsToChoose } from './points.ts';

export async function checkoutPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const chosen = c.req.query('city');
  const offer = await loadOffer(visit, c.req.param('id') ?? '', chosen, c.req.query('points') || undefined);
  if (chosen === offer.city) rememberCity(c, chosen);
  const wanted = offer.quotes.find(({ method }) => method === c.req.query('method')) ?? offer.quotes[0];
  const method = wanted?.method;
  return c.html(
    view(
      visit,
      offer,
      blankForm({ key: crypto.randomUUID(), method: method ?? 'courier', points: c.req.query('points') ?? '' }),
    ),
  );
}

export async function placeOrder(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  const id = c.req.param('id') ?? '';
  try {
    const order = await createOrder(visit, id, values);
    return c.redirect(paymentAddress(visit, order) ?? `/orders/${order.id}`, 303);
  } catch (error) {
    const form = needsPhone(visit, failedForm(visit.t, error, values));
    const unclear = mayHaveBeenMade(error);
    if (!unclear || !values.get('key')) form.values.set('key', crypto.randomUUID());
    return c.html(
      view(
        visit,
        await loadOffer(visit, id, values.get('city') ?? undefined, values.get('points') || undefined),
        form,
        unclear,
      ),
      failedStatus(error),
    );
  }
}

/** The number is in the profile: this form has no field for it. */
const needsPhone = ({ t }: Visit, form: Form): Form =>
  form.errors.has('phone') ? { ...form, problem: t.checkout.needsPhone } : form;

/** A second click can come while the first is being answered; it waits for the same order. */
async function createOrder({ client }: Visit, adId: string, values: URLSearchParams): Promise<Order> {
  const delivery =
    values.get('method') === 'pickup_point'
      ? { method: 'pickup_point', pickup_point: values.get('pickup_point') ?? '' }
      : { method: 'courier', address: fullAddress(values) };
  const attempts = 8;
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.get('createOrder', {
        newOrder: { ad_id: adId, delivery },
        idempotencyKey: values.get('key') ?? '',
      });
    } catch (error) {
      if (!(error instanceof CallFailed) || error.code !== 'request-in-progress' || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
    }
  }
}

/** The order names no city of its own, so the address does, once. */
const fullAddress = (values: URLSearchParams): string => {
  const address = (values.get('address') ?? '').trim();
  const city = values.get('city_name') ?? '';
  return address === '' || city === '' || address.toLowerCase().includes(city.toLowerCase())
    ? address
    : `${city}, ${address}`;
};

/**
 * After a clear refusal nothing was made, and a changed form is another request with a key of its own.
 * After anything unclear the order may exist, and only the same key finds it.
 */
const mayHaveBeenMade = (error: unknown): boolean =>
  !(error instanceof CallFailed) || error.status >= 500 || error.code === 'request-in-progress';

/** The provider's page; null when there is nothing to pay or the address is none that a browser should go to. */
export function paymentAddress({ url }: Visit, { payment }: Pick<Order, 'payment'>): string | null {
  if (payment.status !== 'in_progress' || payment.confirmation_url === null) return null;
  const address = URL.parse(payment.confirmation_url, url.origin);
  return address && ['http:', 'https:'].includes(address.protocol) ? address.href : null;
}

interface Offer {
  readonly ad: Ad;
  readonly catalogue: Catalogue;
  readonly city: string;
  readonly quotes: readonly Quote[];
  readonly points: PointsPage;
}

/** As many as a map has room for. */
const pointsAtOnce = 20;

async function loadOffer(
  visit: Visit,
  id: string,
  chosen: string | undefined,
  cursor: string | undefined,
): Promise<Offer> {
  const { client } = visit;
  const [ad, catalogue] = await Promise.all([client.get('getAd', { id }), loadCatalogue(visit)]);
  const known = (slug: string | undefined): slug is string => catalogue.cities.some((each) => each.id === slug);
  const city = [chosen, visit.city, ad.city].find(known) ?? ad.city;
  const [quotes, points] = await Promise.all([
    client.get('quote', { fromCity: ad.city, toCity: city, adId: ad.id }),
    client.get('listPickupPoints', { city, cursor, limit: pointsAtOnce }),
  ]);
  const { items, next_cursor } = points;
  const query = new URLSearchParams({ city, method: 'pickup_point', points: next_cursor ?? '' });
  const more = next_cursor === null ? null : `/checkout/${ad.id}?${query}#order-form`;
  return { ad, catalogue, city, quotes: quotes.items, points: { items, more } };
}

/** `retrying`: the ad may be reserved by the very order that this form is about to find. */
const view = (visit: Visit, offer: Offer, form: Form, retrying = false): Html => {
  const { t, session } = visit;
  const { ad } = offer;
  const own = ad.seller.id === session?.userId;
  const title = t.checkout.title;
  const back = breadcrumbs(t, [{ href: `/ads/${ad.id}`, text: t.checkout.backToAd }]);
  if (own || (ad.status !== 'active' && !retrying)) {
    const reason = own
      ? t.problems['own-ad']
      : ad.status === 'reserved'
        ? t.ad.notForSale.reserved
        : t.problems['ad-not-for-sale'];
    return layout(
      visit,
      { title },
      html`<div class="narrow">${back}<h1>${t.checkout.unavailable}</h1>
      ${notice(form.problem ?? reason, 'bad')}
      <p><a class="button button-quiet" href="/my/orders">${t.checkout.ownOrders}</a></p></div>`,
    );
  }
  return layout(
    visit,
    { title },
    html`
    ${back}
    <h1>${title}</h1>
    <div class="checkout">
      <div class="checkout-form">
        ${cityForm(visit, offer)}
        <form id="order-form" method="post" action="/checkout/${ad.id}" class="panel" data-once>
          ${formProblem(form)}
          <input type="hidden" name="key" value="${form.values.get('key') ?? ''}">
          <input type="hidden" name="city" value="${offer.city}">
          <input type="hidden" name="points" value="${form.values.get('points') ?? ''}">
          <input type="hidden" name="city_name" value="${offer.catalogue.cities.find(({ id }) => id === offer.city)?.name.ru ?? ''}">
          ${methods(visit, offer, form)}
          <div class="for-courier">${input(form, t, { name: 'address', label: t.checkout.address, hint: t.checkout.addressHint, autocomplete: 'street-address', maxlength: 250, required: 'depends' })}</div>
          <div class="for-pickup_point">${pointsToChoose(
            visit,
            offer.points,
            offer.catalogue.cities.find(({ id }) => id === offer.city),
            form,
          )}</div>
        </form>
      </div>
      ${summary(visit, offer)}
    </div>`,
  );
};

const cityForm = ({ t }: Visit, { ad, catalogue, city }: Offer): Html => html`
  <form class="panel inline-form" action="/checkout/${ad.id}" data-auto-submit>
    ${select(blankForm({ city }), t, { name: 'city', label: t.checkout.city, choices: cityChoices(catalogue) })}
    <button class="button button-quiet">${t.checkout.changeCity}</button>
  </form>`;

const methods = ({ t, format }: Visit, { quotes }: Offer, form: Form): Html =>
  radios(form, {
    name: 'method',
    label: t.checkout.method,
    choices: quotes.map(({ method, price, estimated }) => ({
      value: method,
      text: t.ad.methods[method],
      detail: html`${price.amount === 0 ? t.checkout.free : format.money(price)} · ${format.dates(estimated)}`,
    })),
  });

/** Every method's sum is in the page; the style sheet shows the one that is chosen. */
const summary = (visit: Visit, { ad, quotes }: Offer): Html => {
  const { t, format } = visit;
  return html`<aside class="panel summary" aria-label="${t.checkout.summary}">
    <div class="summary-ad"><span class="thumb">${photo(ad.photos[0], '', t, { lazy: false })}</span><p><a href="/ads/${ad.id}">${ad.title}</a><br><span class="muted small">${t.ad.seller}: ${ad.seller.name}</span></p></div>
    ${quotes.map(
      ({ method, price, estimated }) => html`<dl class="sums for-${method}">
      <div><dt>${t.checkout.price}</dt><dd>${format.money(ad.price)}</dd></div>
      <div><dt>${t.checkout.delivery}<br><span class="muted small">${t.ad.methods[method]}</span></dt><dd>${price.amount === 0 ? t.checkout.free : format.money(price)}</dd></div>
      <div class="sum"><dt>${t.checkout.total}</dt><dd>${format.money({ amount: ad.price.amount + price.amount, currency: ad.price.currency })}</dd></div>
      <div><dt>${t.checkout.estimated}</dt><dd>${format.dates(estimated)}</dd></div>
    </dl>`,
    )}
    <button class="button button-large" form="order-form">${t.checkout.pay}</button>
    <p class="safe">${icon('shield', 20)} ${t.checkout.secure}</p>
  </aside>`;
};
