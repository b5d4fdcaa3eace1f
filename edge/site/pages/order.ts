// An order's page, the piece of it that is fetched again when news arrives, and what can be done with it.
import { html } from 'hono/html';
import { CallFailed, notFound } from '../client.ts';
import { breadcrumbs, notice, time } from '../components.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { layout } from '../layout.ts';
import { doneNotice } from '../notices.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';
import { liveTexts, type OrderView, orderNumber, orderParts } from './order-view.ts';

async function loadOrder(visit: Visit, id: string): Promise<OrderView> {
  const order = await visit.client.get('getOrder', { id });
  const { pickup_point } = order.delivery;
  return { order, point: pickup_point === null ? null : await pointText(visit, pickup_point) };
}

/** An order names its pick-up point by id only. */
async function pointText({ client }: Visit, id: string): Promise<string> {
  try {
    const { name, address } = await client.get('getPickupPoint', { id });
    return `${name}, ${address}`;
  } catch (error) {
    if (error instanceof CallFailed) return id;
    throw error;
  }
}

/** The label of a parcel, which only its seller gets. */
export async function orderLabel(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const order = await visit.client.get('getOrder', { id: c.req.param('id') ?? '' });
  if (order.delivery.shipment_id === null) throw notFound();
  const label = await visit.client.file('getLabel', { id: order.delivery.shipment_id });
  return c.body(await label.arrayBuffer(), 200, {
    'content-type': 'application/pdf',
    'content-disposition': `inline; filename="${order.id}.pdf"`,
  });
}

export async function orderPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await view(visit, c.req.param('id') ?? '', blankForm(), doneNotice(visit)));
}

/** Only what changes, for the page's script. */
export async function orderNow(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(orderParts(visit, await loadOrder(visit, c.req.param('id') ?? ''), blankForm()));
}

export async function changeOrder(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const id = c.req.param('id') ?? '';
  const action = c.req.param('action') ?? '';
  const values = await readForm(c.req.raw);
  const params = { id };
  try {
    switch (action) {
      case 'cancel':
        await visit.client.call('cancelOrder', { ...params });
        break;
      case 'accept':
        await visit.client.call('acceptOrder', { ...params });
        break;
      case 'review':
        await visit.client.call('createReview', {
          body: { order_id: id, rating: Number(values.get('rating')), text: values.get('text') ?? '' },
        });
        break;
      default:
        throw notFound();
    }
  } catch (error) {
    const form = failedForm(visit.t, error, values);
    const review = action === 'review';
    return c.html(
      await view(visit, id, review ? form : blankForm(), review ? html`` : notice(form.problem, 'bad')),
      failedStatus(error),
    );
  }
  return c.redirect(`/orders/${encodeURIComponent(id)}${action === 'review' ? '?done=review' : ''}`, 303);
}

async function view(visit: Visit, id: string, review: Form, above: Html): Promise<Html> {
  const loaded = await loadOrder(visit, id);
  const { order } = loaded;
  const { t, format, session } = visit;
  const selling = session?.userId === order.seller_id;
  const title = (selling ? t.order.saleTitle : t.order.title)(orderNumber(order.id));
  return layout(
    visit,
    { title, scripts: ['order.js'] },
    html`
    ${breadcrumbs(t, [selling ? { href: '/my/sales', text: t.order.backSales } : { href: '/my/orders', text: t.order.back }])}
    <div class="order" id="order" data-order="${order.id}" data-texts="${liveTexts(visit, selling)}">
      <div class="order-head">
        <h1>${title}</h1>
        <p class="muted">${order.ad.title} · ${t.order.placedAt} ${time(order.created_at, format.time(order.created_at), 'time')}</p>
        <p class="live" data-live="off" hidden><span class="live-dot" aria-hidden="true"></span><span data-live-text></span></p>
        <noscript><p class="muted">${t.order.noScript} <a href="/orders/${order.id}">${t.order.refresh}</a></p></noscript>
      </div>
      ${above}
      <p class="visually-hidden" role="status" aria-live="polite" data-announce></p>
      <div id="order-parts">${orderParts(visit, loaded, review)}</div>
    </div>`,
  );
}
