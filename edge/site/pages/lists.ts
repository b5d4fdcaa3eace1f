// A person's own lists: purchases, sales, favourites, notifications.
import { html } from 'hono/html';
import type { Order } from '../../../contracts/orders.ts';
import { loadCatalogue } from '../catalogue.ts';
import { adGrid, badge, emptyState, pager, photo, time } from '../components.ts';
import { ownPath } from '../csrf.ts';
import { readForm } from '../form.ts';
import type { Html } from '../html.ts';
import { layout } from '../layout.ts';
import { requireSession, type SiteContext, type Visit } from '../visit.ts';
import { earningsPanel } from './earnings.ts';
import { orderNumber } from './order-view.ts';

const cursorOf = ({ url }: Visit): string | undefined => url.searchParams.get('cursor') ?? undefined;

const ordersPage =
  (role: 'buyer' | 'seller') =>
  async (c: SiteContext): Promise<Response> => {
    const visit = c.get('visit');
    requireSession(visit);
    const { t } = visit;
    const [page, earnings] = await Promise.all([
      visit.client.get('listOrders', { role, cursor: cursorOf(visit) }),
      role === 'seller' && cursorOf(visit) === undefined ? earningsPanel(visit) : '',
    ]);
    const [title, empty] =
      role === 'buyer' ? [t.orders.purchases, t.orders.noPurchases] : [t.orders.sales, t.orders.noSales];
    return c.html(
      layout(
        visit,
        { title },
        html`
    <h1>${title}</h1>
    ${earnings}
    ${
      page.items.length > 0
        ? html`<ul class="rows" role="list">${page.items.map((order) => html`<li>${orderRow(visit, order)}</li>`)}</ul>`
        : emptyState(
            'box',
            empty,
            role === 'buyer' ? { href: '/search', text: t.orders.toSearch } : { href: '/sell', text: t.menu.sell },
          )
    }
    ${pager(visit, page.next_cursor)}`,
      ),
    );
  };
export const purchasesPage = ordersPage('buyer');
export const salesPage = ordersPage('seller');

const orderRow = ({ t, format }: Visit, order: Order): Html => html`
  <a class="row panel" href="/orders/${order.id}">
    <span class="thumb">${order.ad.thumb_url === null ? photo(undefined, '', t) : html`<img src="${order.ad.thumb_url}" width="64" height="64" alt="" loading="lazy">`}</span>
    <span class="row-text"><strong>${order.ad.title}</strong><span class="muted small">${t.order.title(orderNumber(order.id))} · ${time(order.created_at, format.day(order.created_at), 'day')}</span></span>
    <span class="row-end"><strong>${format.money(order.total)}</strong>${badge(order.status, t.order.status[order.status])}</span>
  </a>`;

export async function favouritesPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t, client } = visit;
  const [catalogue, page] = await Promise.all([
    loadCatalogue(visit),
    client.get('listFavourites', { cursor: cursorOf(visit), limit: 24 }),
  ]);
  return c.html(
    layout(
      visit,
      { title: t.favourites.title },
      html`
    <h1>${t.favourites.title}</h1>
    ${page.items.length > 0 ? adGrid(visit, page.items, catalogue.cityName) : emptyState('heart', t.favourites.empty, { href: '/search', text: t.orders.toSearch })}
    ${pager(visit, page.next_cursor)}`,
    ),
  );
}

export async function notificationsPage(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const { t, client, format, url } = visit;
  const page = await client.get('listNotifications', { cursor: cursorOf(visit) });
  const newest = page.items[0];
  return c.html(
    layout(
      visit,
      { title: t.notifications.title },
      html`
    <div class="section-head"><h1>${t.notifications.title}</h1>
      ${page.unread > 0 && newest && html`<form method="post" action="/my/notifications"><button class="button button-quiet" name="up_to" value="${newest.id}">${t.notifications.markRead}</button></form>`}
    </div>
    ${
      page.items.length > 0
        ? html`<ul class="rows" role="list">${page.items.map(
            (each) => html`<li class="panel note${!each.read && html` note-new`}">
          <div><strong>${each.title}</strong>${!each.read && html` <span class="badge badge-wait">${t.notifications.unreadMark}</span>`}</div>
          <p>${each.text}</p>
          <p class="muted small">${time(each.created_at, format.time(each.created_at), 'time')}${each.link !== null && html` · <a href="${ownPath(notePath(each.link, url.origin), url.origin)}">${t.notifications.open}</a>`}</p>
        </li>`,
          )}</ul>`
        : emptyState('bell', t.notifications.empty)
    }
    ${pager(visit, page.next_cursor)}`,
    ),
  );
}

/** Links are paths, or whole addresses of ours as mails need them. */
const notePath = (link: string, origin: string): string =>
  link.startsWith(`${origin}/`) ? link.slice(origin.length) : link;

export async function markRead(c: SiteContext): Promise<Response> {
  const visit = c.get('visit');
  requireSession(visit);
  const values = await readForm(c.req.raw);
  await visit.client.call('markRead', { body: { up_to: values.get('up_to') ?? '' } });
  return c.redirect('/my/notifications', 303);
}
