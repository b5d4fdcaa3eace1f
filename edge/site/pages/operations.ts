// The operators' list: orders that need a person, all others by state, and the way to one by any of its names.
import { html } from 'hono/html';
import type { OperationsCounts, OperationsOrder } from '../../../contracts/operations.ts';
import { OrderStatus, orderStatuses } from '../../../contracts/orders.ts';
import { badge, emptyState, pager, time } from '../components.ts';
import type { Html } from '../html.ts';
import type { Strings } from '../i18n.ts';
import { icon } from '../icons.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';
import { orderNumber } from './order-view.ts';

type View = 'waiting' | 'all' | OrderStatus;

export async function operationsPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t, client, url } = visit;
  const q = url.searchParams.get('q')?.trim() || undefined;
  const view = viewOf(url.searchParams.get('view'), q === undefined ? 'waiting' : 'all');
  const cursor = url.searchParams.get('cursor') ?? undefined;
  const [counts, page] = await Promise.all([
    client.get('countOperations'),
    client.get('listOperations', {
      q: q?.slice(0, 100),
      cursor,
      ...(view === 'waiting' ? { needsAttention: 'true' } : view === 'all' ? {} : { status: view }),
    }),
  ]);
  const [only, ...others] = page.items;
  // Whoever looks for one order by its name wants to see that order.
  if (q !== undefined && only && others.length === 0 && cursor === undefined)
    return c.redirect(`/operations/orders/${only.id}`, 303);
  return c.html(
    layout(
      visit,
      { title: t.operations.title },
      html`
    <h1>${t.operations.title}</h1>
    <form class="operations-search" action="/operations" role="search">
      <label for="operations-q">${t.operations.search}</label>
      <input id="operations-q" name="q" value="${q ?? ''}" maxlength="100" required aria-describedby="operations-q-hint" autocomplete="off" spellcheck="false">
      <button class="button">${icon('search', 18)} ${t.operations.find}</button>
      <p class="hint" id="operations-q-hint">${t.operations.searchHint}</p>
    </form>
    ${views(visit, view, counts)}
    ${
      page.items.length > 0
        ? html`<ul class="rows" role="list">${page.items.map((order) => html`<li>${row(visit, order)}</li>`)}</ul>`
        : emptyState('check', view === 'waiting' ? t.operations.noneWaiting : t.operations.noneFound)
    }
    ${pager(visit, page.next_cursor)}`,
    ),
  );
}

const viewOf = (asked: string | null, otherwise: View): View => {
  if (asked === 'waiting' || asked === 'all') return asked;
  return OrderStatus.safeParse(asked).data ?? otherwise;
};

const views = ({ t, format }: Visit, shown: View, { by_status, needs_attention }: OperationsCounts): Html => {
  const total = Object.values(by_status).reduce((sum, orders) => sum + orders, 0);
  const view = (name: View, text: string, orders: number): Html =>
    html`<li><a class="tile${name === 'waiting' && orders > 0 && html` tile-bad`}" href="/operations?view=${name}"${name === shown && html` aria-current="page"`}><strong>${format.number(orders)}</strong><span>${text}</span></a></li>`;
  return html`<nav aria-label="${t.operations.views}"><ul class="tiles" role="list">
    ${view('waiting', t.operations.waiting, needs_attention)}
    ${view('all', t.operations.all, total)}
    ${orderStatuses.map((status) => view(status, t.order.status[status], by_status[status]))}
  </ul></nav>`;
};

/** The reason begins with what it is about, by its name in the contract. */
export function attentionText(t: Strings, attention: string): string {
  const [about = '', ...why] = attention.split(': ');
  const names: Readonly<Record<string, string>> = {
    ...t.operations.step,
    payment: t.operations.payment,
    delivery: t.operations.shipment,
  };
  return Object.hasOwn(names, about) ? `${names[about]}: ${why.join(': ')}` : attention;
}

const row = ({ t, format }: Visit, order: OperationsOrder): Html => html`
  <a class="row panel" href="/operations/orders/${order.id}">
    <span class="row-text">
      <strong>${order.ad.title}</strong>
      <span class="muted small">${t.order.title(orderNumber(order.id))} · ${time(order.created_at, format.time(order.created_at), 'time')}</span>
      ${order.needs_attention !== null && html`<span class="why">${icon('alert', 18)}<span><span>${attentionText(t, order.needs_attention)}</span>${order.attention_since && html` <span class="muted small">${t.operations.since} ${time(order.attention_since, format.time(order.attention_since), 'time')}</span>`}</span></span>`}
    </span>
    <span class="row-end"><strong>${format.money(order.total)}</strong>${badge(order.status, t.order.status[order.status])}</span>
  </a>`;
