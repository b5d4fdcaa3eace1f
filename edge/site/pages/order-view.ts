// How an order looks: progress, what may be done, what happened, where it goes.
// `data-part` marks what the page's script replaces when news arrives.
import { html } from 'hono/html';
import type { OrderStatus, OrderWithTimeline, TimelineEntry } from '../../../contracts/orders.ts';
import { badge, photo, time } from '../components.ts';
import { formProblem, radios, textarea } from '../fields.ts';
import type { Form } from '../form.ts';
import type { Html } from '../html.ts';
import { type IconName, icon } from '../icons.ts';
import type { Visit } from '../visit.ts';
import { paymentAddress } from './checkout.ts';

export const orderNumber = (id: string): string => id.slice(-8).toUpperCase();

/** What the script says at once when a message arrives, before it has the whole new state. */
export const liveTexts = ({ t }: Visit, selling: boolean): string =>
  JSON.stringify({
    status: t.order.status,
    statusEvent: t.order.statusEvent,
    explained: selling ? t.order.explainedToSeller : t.order.explained,
    reason: t.order.reason,
    stage: t.order.stage,
    live: t.order.live,
    connecting: t.order.connecting,
    reconnecting: t.order.reconnecting,
  });

export interface OrderView {
  readonly order: OrderWithTimeline;
  /** The pick-up point in words. */
  readonly point: string | null;
}

export const orderParts = (visit: Visit, { order, point }: OrderView, review: Form): Html => {
  const { t } = visit;
  const selling = visit.session?.userId === order.seller_id;
  return html`
    <section class="panel order-now" data-part="now" aria-labelledby="order-status">
      <h2 id="order-status" data-status="${order.status}">${t.order.status[order.status]}</h2>
      <p data-explained>${explanation(visit, order, selling)}</p>
      ${progress(visit, order)}
    </section>
    <div data-part="actions">${selling && label(visit, order)}${actions(visit, order, review)}</div>
    <div class="order-columns">
      <section class="panel" data-part="timeline" aria-labelledby="timeline">
        <h2 id="timeline" class="h3">${t.order.timeline}</h2>
        <ol class="timeline" role="list" data-timeline>${order.timeline.toReversed().map((entry) => timelineEntry(visit, entry))}</ol>
      </section>
      <div class="order-side" data-part="facts">${orderFacts(visit, order, point)}</div>
    </div>`;
};

const explanation = ({ t }: Visit, { status, cancel_reason }: OrderWithTimeline, selling: boolean): string => {
  if (cancel_reason !== null && (status === 'cancelled' || status === 'cancelling'))
    return t.order.reason[cancel_reason];
  return (selling ? t.order.explainedToSeller : t.order.explained)[status];
};

type Step = 'placed' | 'paid' | 'shipped' | 'waiting' | 'delivered' | 'completed';
const stepOfStatus: Readonly<Record<Exclude<OrderStatus, 'cancelling' | 'cancelled'>, Step>> = {
  pending_payment: 'placed',
  paid: 'paid',
  in_delivery: 'shipped',
  delivered: 'delivered',
  completed: 'completed',
};

/** The steps of an order and how many of them it has reached; one that ended early keeps those. */
export function stepsOf(order: OrderWithTimeline): { readonly steps: readonly Step[]; readonly reached: number } {
  const steps: Step[] =
    order.delivery.method === 'pickup_point'
      ? ['placed', 'paid', 'shipped', 'waiting', 'delivered', 'completed']
      : ['placed', 'paid', 'shipped', 'delivered', 'completed'];
  const seen = [...order.timeline.map((entry) => (entry.kind === 'order' ? entry.status : null)), order.status].map(
    (status) =>
      status === null || status === 'cancelling' || status === 'cancelled' ? 0 : steps.indexOf(stepOfStatus[status]),
  );
  if (order.timeline.some((entry) => entry.kind === 'delivery' && entry.stage === 'at_pickup_point'))
    seen.push(steps.indexOf('waiting'));
  return { steps, reached: Math.max(0, ...seen) };
}

const progress = ({ t }: Visit, order: OrderWithTimeline): Html => {
  const { steps, reached } = stepsOf(order);
  const ended = order.status === 'cancelled' || order.status === 'cancelling';
  return html`<ol class="steps${ended && html` steps-ended`}" role="list" aria-label="${t.order.progress}">
    ${steps.map((step, index) => html`<li class="${index <= reached ? 'step-done' : 'step-open'}"${index === reached && html` aria-current="step"`}><span class="step-dot">${index <= reached && icon('check', 14)}</span><span>${t.order.steps[step]}</span></li>`)}
  </ol>`;
};

/** While the parcel is still the seller's. */
const label = ({ t }: Visit, { id, delivery }: OrderWithTimeline): Html =>
  html`${delivery.stage === 'created' && html`<p><a class="button" href="/orders/${id}/label" target="_blank" rel="noopener">${icon('box', 20)} ${t.order.label}</a></p>`}`;

const actions = (visit: Visit, order: OrderWithTimeline, review: Form): Html => {
  const { t, format } = visit;
  const may = (action: OrderWithTimeline['actions'][number]): boolean => order.actions.includes(action);
  const address = paymentAddress(visit, order);
  const post = (action: string, content: Html): Html =>
    html`<form method="post" action="/orders/${order.id}/${action}" data-once>${content}</form>`;
  if (order.actions.length === 0) return html``;
  return html`<div class="order-actions">
    ${may('pay') && address !== null && html`<a class="button button-large" href="${address}">${t.order.pay} ${format.money(order.total)}</a>`}
    ${may('accept') && post('accept', html`<button class="button button-large">${icon('check', 20)} ${t.order.accept}</button>`)}
    ${may('cancel') && html`<details class="confirm"><summary class="button button-quiet">${t.order.cancel}</summary><div class="panel"><p>${t.order.cancelSure}</p>${post('cancel', html`<button class="button button-danger">${t.order.cancelYes}</button>`)}</div></details>`}
    ${
      may('review') &&
      post(
        'review',
        html`<div class="panel"><h2 class="h3">${t.order.reviewTitle}</h2>
      ${formProblem(review)}
      ${radios(review, { name: 'rating', label: t.order.rating, compact: true, choices: [5, 4, 3, 2, 1].map((stars) => ({ value: String(stars), text: `${stars} ★` })) })}
      ${textarea(review, t, { name: 'text', label: t.order.reviewText, rows: 3, maxlength: 2000, required: false })}
      <button class="button">${t.order.review}</button></div>`,
      )
    }
  </div>`;
};

const timelineIcons = { order: 'box', payment: 'card', delivery: 'truck' } as const satisfies Record<
  TimelineEntry['kind'],
  IconName
>;

const timelineEntry = (visit: Visit, entry: TimelineEntry): Html => {
  const { format } = visit;
  const key = `${entry.kind}:${entry.kind === 'delivery' ? entry.stage : entry.status}`;
  return html`<li data-entry="${key}">${icon(timelineIcons[entry.kind], 20)}<span>${timelineText(visit, entry)}</span>${time(entry.at, format.time(entry.at), 'time')}</li>`;
};

const timelineText = ({ t }: Visit, entry: TimelineEntry): string => {
  switch (entry.kind) {
    case 'order':
      return t.order.statusEvent[entry.status];
    case 'payment':
      return t.order.paymentEvent[entry.status];
    case 'delivery':
      return t.order.stage[entry.stage];
    default:
      return entry satisfies never;
  }
};

const orderFacts = (visit: Visit, order: OrderWithTimeline, point: string | null): Html => {
  const { t, format } = visit;
  const { delivery, payment, ad } = order;
  const ended = order.status === 'cancelled' || order.status === 'completed';
  const fact = (name: string, value: Html | string | false | null): Html =>
    html`${value !== null && value !== false && html`<div><dt>${name}</dt><dd>${value}</dd></div>`}`;
  return html`
    <section class="panel"><h2 class="h3">${t.order.deliveryTitle}</h2><dl class="facts">
      ${fact(t.checkout.method, t.ad.methods[delivery.method])}
      ${fact(t.order.address, delivery.address)}
      ${fact(t.order.point, point)}
      ${fact(t.order.state, delivery.stage && badge(delivery.stage, t.order.stage[delivery.stage]))}
      ${fact(t.order.estimated, delivery.estimated && !ended && format.dates(delivery.estimated))}
      ${fact(t.order.tracking, delivery.tracking_number === null ? (ended ? null : html`<span class="muted">${t.order.noTracking}</span>`) : html`<span class="code" data-tracking>${delivery.tracking_number}</span>`)}
    </dl></section>
    <section class="panel"><h2 class="h3">${t.order.paymentTitle}</h2>
      <div class="summary-ad"><span class="thumb">${ad.thumb_url === null ? photo(undefined, '', t) : html`<img src="${ad.thumb_url}" width="64" height="64" alt="">`}</span><p><a href="/ads/${ad.id}">${ad.title}</a></p></div>
      <dl class="facts">
      ${fact(t.checkout.price, format.money(order.price))}
      ${fact(t.checkout.delivery, order.delivery_price.amount === 0 ? t.checkout.free : format.money(order.delivery_price))}
      ${fact(t.checkout.total, html`<strong>${format.money(order.total)}</strong>`)}
      ${fact(t.order.state, badge(payment.status, t.order.payment[payment.status]))}
    </dl></section>`;
};
