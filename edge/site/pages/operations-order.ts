// One order for operators: what is stuck and what can be decided, its whole story, and how each service sees it.
import { html } from 'hono/html';
import type { CommandStory, OrderStory } from '../../../contracts/operations.ts';
import { CallFailed, type Given } from '../client.ts';
import { badge, breadcrumbs, notice, time } from '../components.ts';
import { formProblem, textarea } from '../fields.ts';
import { blankForm, type Form, failedForm, failedStatus, readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { doneNotice } from '../notices.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';
import { attentionText } from './operations.ts';
import { type Entry, entriesOf } from './operations-entries.ts';
import { orderNumber } from './order-view.ts';

export async function operationsOrderPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  return c.html(await view(visit, c.req.param('id') ?? '', blankForm(), doneNotice(visit)));
}

export async function decideOnOrder(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const id = c.req.param('id') ?? '';
  const values = await readForm(c.req.raw);
  try {
    await visit.client.call('decideOnOrder', { id, newDecision: decisionOf(values) });
  } catch (error) {
    if (!(error instanceof CallFailed) || error.status === 401 || error.status === 403) throw error;
    const form = failedForm(visit.t, error, values);
    // What the page shows then is the present state; the answer's own words say what was in the way.
    const above =
      form.errors.size > 0 ? html`` : notice([form.problem, error.problem.detail].filter(Boolean).join(' '), 'bad');
    return c.html(await view(visit, id, form, above), failedStatus(error));
  }
  return c.redirect(`/operations/orders/${encodeURIComponent(id)}?done=decided`, 303);
}

/** What was typed as core's body; what makes no sense is sent on, and core says so. */
function decisionOf(values: URLSearchParams): Given<'decideOnOrder'>['newDecision'] {
  const action = values.get('action') ?? '';
  const note = values.get('note') ?? '';
  if (action === 'compensate') return { action, status: values.get('status') ?? '', note };
  const [kind, id] = (values.get('target') ?? '').split(':');
  return { action, target: kind === 'command' ? { kind, id: Number(id) } : { kind: kind ?? '' }, note };
}

async function view(visit: Visit, id: string, form: Form, above: Html): Promise<Html> {
  const { t, format } = visit;
  const story = await visit.client.get('getOrderStory', { id });
  const { order } = story;
  const title = t.order.title(orderNumber(order.id));
  return layout(
    visit,
    { title },
    html`
    ${breadcrumbs(t, [{ href: '/operations', text: t.operations.title }])}
    <div class="order">
      <div class="order-head">
        <h1>${title}</h1>
        <p>${badge(order.status, t.order.status[order.status])} ${order.cancel_reason && html`<span>${t.order.reason[order.cancel_reason]}</span>`}</p>
        <p class="muted">${order.ad.title} · ${format.money(order.total)} · ${t.order.placedAt} ${when(visit, order.created_at)}${order.deadline_at && html` · ${t.operations.deadline} ${when(visit, order.deadline_at)}`}</p>
      </div>
      ${above}
      ${troubles(visit, story, form)}
      ${story.missing.map((part) => notice(t.operations.missing[part], 'bad'))}
      ${takeBack(visit, story, form)}
      <div class="order-columns">
        <section class="panel" aria-labelledby="story">
          <h2 id="story" class="h3">${t.operations.story}</h2>
          <ol class="story" role="list">${entriesOf(story, t, format).map((entry, index, all) => line(visit, entry, all[index - 1]))}</ol>
        </section>
        <div class="order-side">
          ${steps(visit, story)}
          ${paymentFacts(visit, story)}
          ${deliveryFacts(visit, story)}
          ${noticeList(visit, story)}
          ${names(visit, story)}
        </div>
      </div>
    </div>`,
  );
}

const when = ({ format }: Visit, at: string): Html => time(at, format.time(at), 'time');

/** Everything that waits for a person, each with what can be done about it. */
function troubles(visit: Visit, story: OrderStory, form: Form): Html {
  const { t } = visit;
  const { order, commands, payment, delivery } = story;
  const parked = commands.filter(({ state }) => state === 'parked');
  const all = [
    ...parked.map((command) => stuckStep(visit, command, form)),
    ...(payment?.needs_attention
      ? [stuck(visit, form, 'payment', t.operations.stuckPayment, payment.needs_attention, t.operations.giveUpHint)]
      : []),
    ...(delivery?.needs_attention
      ? [stuck(visit, form, 'delivery', t.operations.stuckDelivery, delivery.needs_attention, t.operations.giveUpHint)]
      : []),
  ];
  if (order.needs_attention === null && all.length === 0) return html``;
  return html`<section class="panel trouble-panel" aria-labelledby="troubles">
    <h2 id="troubles">${icon('alert', 22)} ${t.operations.needsPerson}${order.attention_since && html` <span class="muted small">${t.operations.since} ${when(visit, order.attention_since)}</span>`}</h2>
    ${all.length > 0 ? all : html`<p class="why-text">${attentionText(t, order.needs_attention ?? '')}</p><p>${t.operations.goesOn}</p>`}
  </section>`;
}

const stuckStep = (visit: Visit, { id, step, attempts, last_error }: CommandStory, form: Form): Html => {
  const { t } = visit;
  const title = `${t.operations.stuckStep(t.operations.step[step])} · ${t.operations.tries(attempts)}`;
  const hint = step === 'return_money' ? `${t.operations.retryHint} ${t.operations.skipMoney}` : t.operations.retryHint;
  return stuck(visit, form, `command:${id}`, title, last_error ?? '', hint);
};

const stuck = (visit: Visit, form: Form, target: string, title: string, why: string, hint: string): Html => {
  const { t, url } = visit;
  const own = form.values.get('target') === target ? form : blankForm();
  return html`<form class="stuck" method="post" action="${decisionsPath(url)}" data-once>
    <h3>${title}</h3>
    <p class="code why-text">${why}</p>
    ${own.errors.size > 0 && formProblem(own)}
    <input type="hidden" name="target" value="${target}">
    ${textarea(own, t, { name: 'note', label: t.operations.note, hint: t.operations.noteHint, rows: 2, maxlength: 1000, id: target })}
    <p class="hint">${hint}</p>
    <div class="actions"><button class="button" name="action" value="retry">${t.operations.retry}</button><button class="button button-quiet" name="action" value="skip">${t.operations.skip}</button></div>
  </form>`;
};

function takeBack(visit: Visit, { order, can_compensate }: OrderStory, form: Form): Html {
  const { t, url } = visit;
  if (!can_compensate) return html``;
  const tried = form.values.get('action') === 'compensate';
  const own = tried ? form : blankForm();
  return html`<details class="confirm"${tried && html` open`}><summary class="button button-danger">${t.operations.takeBack}</summary>
    <form class="panel" method="post" action="${decisionsPath(url)}" data-once>
      <p>${t.operations.takeBackText[order.status]}</p>
      ${own.errors.size > 0 && formProblem(own)}
      <input type="hidden" name="status" value="${order.status}">
      ${textarea(own, t, { name: 'note', label: t.operations.note, hint: t.operations.noteHint, rows: 2, maxlength: 1000, id: 'order' })}
      <div class="actions"><button class="button button-danger" name="action" value="compensate">${t.operations.takeBackYes}</button></div>
    </form></details>`;
}

/** The page's own path, whatever it was asked by. */
const decisionsPath = ({ pathname }: URL): string => `${pathname.replace(/\/decisions$/, '')}/decisions`;

/** Neighbours are mostly of one trace, which is named once. */
const line = (visit: Visit, entry: Entry, before: Entry | undefined): Html => {
  const { t, format } = visit;
  const { at, icon: symbol, tone, title, detail, traceId, eventId } = entry;
  const isNewTrace = traceId !== null && traceId !== before?.traceId;
  return html`<li class="story-${tone}">${icon(symbol, 20)}<div>
    <p class="story-title">${title}</p>
    ${detail && html`<p class="story-detail">${detail}</p>`}
    ${(isNewTrace || eventId) && html`<p class="story-ids">${isNewTrace && trace(visit, traceId)}${eventId && html`<span>${t.operations.event} <span class="code">${eventId}</span></span>`}</p>`}
  </div>${time(at, format.second(at), 'second')}</li>`;
};

const trace = ({ t, config }: Visit, traceId: string): Html =>
  config.traceUrl
    ? html`<a href="${config.traceUrl.replace('{trace_id}', traceId)}" rel="noreferrer">${t.operations.trace} <span class="code">${traceId.slice(0, 8)}</span></a>`
    : html`<span>${t.operations.trace} <span class="code">${traceId}</span></span>`;

const steps = (visit: Visit, { commands }: OrderStory): Html => {
  const { t } = visit;
  return html`<section class="panel"><h2 class="h3">${t.operations.steps}</h2><ol class="step-list" role="list">
    ${commands.map(
      ({ step, state, attempts, next_try_at }) => html`<li>
      <span>${t.operations.step[step]}${attempts > 1 && html` <span class="muted small">${t.operations.tries(attempts)}</span>`}${next_try_at && attempts > 0 && html` <span class="muted small">· ${t.operations.nextTry} ${when(visit, next_try_at)}</span>`}</span>
      ${badge(state, t.operations.stepState[state])}
    </li>`,
    )}</ol></section>`;
};

const fact = (name: string, value: Html | string | false | null | undefined): Html =>
  html`${value && html`<div><dt>${name}</dt><dd>${value}</dd></div>`}`;
const code = (text: string | null): Html | null => (text === null ? null : html`<span class="code">${text}</span>`);

function paymentFacts(visit: Visit, { payment, missing }: OrderStory): Html {
  const { t, format } = visit;
  if (!payment)
    return missing.includes('payments')
      ? html``
      : html`<section class="panel"><h2 class="h3">${t.operations.payment}</h2><p class="muted">${t.operations.noPayment}</p></section>`;
  const { payout } = payment;
  return html`<section class="panel"><h2 class="h3">${t.operations.payment}</h2><dl class="facts">
    ${fact(t.order.state, badge(payment.status, t.order.payment[payment.status]))}
    ${fact(t.operations.provider, html`${payment.provider} ${code(payment.provider_id)}`)}
    ${fact(t.operations.providerSays, payment.provider_error === null ? code(payment.provider_says) : html`<span class="muted">${t.operations.silent}:</span> ${code(payment.provider_error)}`)}
    ${fact(t.operations.intent, payment.intent && html`${code(payment.intent)} <span class="muted small">${t.operations.tries(payment.attempts)}${payment.next_try_at && html` · ${t.operations.nextTry} ${when(visit, payment.next_try_at)}`}</span>`)}
    ${fact(t.operations.lastError, code(payment.last_error))}
    ${fact(t.operations.payout, payout && html`${badge(payout.status, payout.status)} ${format.money(payout.amount)} ${payout.last_error && code(payout.last_error)}`)}
  </dl></section>`;
}

function deliveryFacts(visit: Visit, { delivery, missing }: OrderStory): Html {
  const { t, format } = visit;
  if (!delivery)
    return missing.includes('delivery')
      ? html``
      : html`<section class="panel"><h2 class="h3">${t.operations.shipment}</h2><p class="muted">${t.operations.noShipment}</p></section>`;
  return html`<section class="panel"><h2 class="h3">${t.operations.shipment}</h2><dl class="facts">
    ${fact(t.order.state, delivery.stage && badge(delivery.stage, t.order.stage[delivery.stage]))}
    ${fact(t.operations.courier, html`${delivery.courier} ${code(delivery.courier_id)}`)}
    ${fact(t.operations.providerSays, delivery.courier_error === null ? delivery.courier_says && t.order.stage[delivery.courier_says] : html`<span class="muted">${t.operations.silent}:</span> ${code(delivery.courier_error)}`)}
    ${fact(t.order.tracking, code(delivery.tracking_number))}
    ${fact(t.order.estimated, delivery.estimated && format.dates(delivery.estimated))}
    ${fact(t.operations.intent, delivery.cancelling && t.operations.cancelling)}
    ${fact(t.operations.lastError, code(delivery.last_error))}
  </dl></section>`;
}

function noticeList(visit: Visit, { notices, missing, order }: OrderStory): Html {
  const { t } = visit;
  if (missing.includes('notifications')) return html``;
  return html`<section class="panel"><h2 class="h3">${t.operations.notices}</h2>
    ${
      notices.length > 0
        ? html`<ul class="step-list" role="list">${notices.map(
            ({ kind, user_id, mail, read_at }) => html`<li>
      <span>${t.profile.kinds[kind]} <span class="muted small">${user_id === order.seller_id ? t.operations.seller : t.operations.buyer}${read_at === null && html` · ${t.operations.unread}`}</span></span>
      ${badge(mail, t.operations.mailStates[mail])}</li>`,
          )}</ul>`
        : html`<p class="muted">${t.operations.noNotices}</p>`
    }</section>`;
}

const names = (
  { t }: Visit,
  { order }: OrderStory,
): Html => html`<section class="panel"><h2 class="h3">${t.operations.ids}</h2><dl class="facts">
    ${fact(t.operations.order, code(order.id))}
    ${fact(t.operations.payment, code(order.payment.id))}
    ${fact(t.operations.shipment, code(order.delivery.shipment_id))}
    ${fact(t.operations.buyer, code(order.buyer_id))}
    ${fact(t.operations.seller, html`<a href="/sellers/${order.seller_id}">${code(order.seller_id)}</a>`)}
  </dl></section>`;
