// Pieces that several pages are made of.
import { html } from 'hono/html';
import type { Ad, Photo, Seller } from '../../contracts/ads.ts';
import type { Html } from './html.ts';
import { type IconName, icon } from './icons.ts';
import type { Visit } from './visit.ts';

/** How far "reserved", "sold" and so on should stand out. */
const statusTones: Readonly<Record<string, string>> = {
  active: 'good',
  paid: 'good',
  delivered: 'good',
  completed: 'good',
  captured: 'good',
  authorized: 'good',
  accepted: 'good',
  done: 'good',
  sent: 'good',
  pending_payment: 'wait',
  in_progress: 'wait',
  moderation: 'wait',
  reserved: 'wait',
  in_delivery: 'wait',
  processing: 'wait',
  cancelling: 'wait',
  owed: 'wait',
  pending: 'wait',
  rejected: 'bad',
  parked: 'bad',
  cancelled: 'bad',
  failed: 'bad',
  lost: 'bad',
  returned: 'bad',
};

export const badge = (status: string, text: string): Html =>
  html`<span class="badge badge-${statusTones[status] ?? 'plain'}">${text}</span>`;

interface PhotoOptions {
  readonly lazy?: boolean;
  /** How wide the picture is shown; a sharper one is offered to screens that gain by it. */
  readonly sizes?: string;
}

export const photo = (
  picture: Photo | undefined,
  alt: string,
  t: Visit['t'],
  { lazy = true, sizes }: PhotoOptions = {},
): Html =>
  picture
    ? html`<img src="${picture.thumb_url}"${sizes && sharper(picture.thumb_url, sizes)} width="${picture.width}" height="${picture.height}" alt="${alt}" ${lazy ? html`loading="lazy"` : html`fetchpriority="high"`} decoding="async">`
    : html`<span class="no-photo" role="img" aria-label="${t.noPhoto}">${icon('camera', 32)}</span>`;

/** Thumbs are 400 pixels wide and cards 800, side by side under the same name. */
const sharper = (thumbUrl: string, sizes: string): Html =>
  thumbUrl.endsWith('/thumb.webp')
    ? html` srcset="${thumbUrl} 400w, ${thumbUrl.replace(/thumb\.webp$/, 'card.webp')} 800w" sizes="${sizes}"`
    : html``;

/** `eager` for the first cards, which are seen without scrolling. */
export const adCard = ({ format, t }: Visit, ad: Ad, cityName: string, eager = false): Html => html`
  <article class="ad-card">
    <a href="/ads/${ad.id}" class="ad-link">
      <span class="ad-picture">${photo(ad.photos[0], '', t, { lazy: !eager, sizes: '(min-width: 60rem) 16rem, (min-width: 40rem) 30vw, 46vw' })}</span>
      <span class="ad-price">${format.money(ad.price)}</span>
      <span class="ad-title">${ad.title}</span>
    </a>
    <p class="ad-place">${cityName}${ad.status === 'active' ? '' : html` ${badge(ad.status, t.ad.status[ad.status])}`}</p>
  </article>`;

export const adGrid = (visit: Visit, ads: readonly Ad[], cityName: (slug: string) => string): Html => html`
  <ul class="ad-grid" role="list">${ads.map((ad, index) => html`<li>${adCard(visit, ad, cityName(ad.city), index < 4)}</li>`)}</ul>`;

export const rating = ({ t, format }: Visit, seller: Pick<Seller, 'rating' | 'reviews'>): Html =>
  seller.rating === null
    ? html`<span class="muted">${t.ad.noReviews}</span>`
    : html`<span class="rating"><span aria-hidden="true">★ ${format.rating(seller.rating)}</span><span class="visually-hidden">${t.ad.rating(format.rating(seller.rating))}</span> <span class="muted">${t.reviews(seller.reviews)}</span></span>`;

export const notice = (text: string | null | undefined, tone: 'good' | 'bad' | 'plain' = 'good'): Html =>
  text
    ? html`<div class="notice notice-${tone}" role="${tone === 'bad' ? 'alert' : 'status'}">${icon(tone === 'bad' ? 'alert' : 'check', 20)}<p>${text}</p></div>`
    : html``;

export const emptyState = (symbol: IconName, text: string, action?: { href: string; text: string }): Html => html`
  <div class="empty">${icon(symbol, 40)}<p>${text}</p>${action && html`<a class="button" href="${action.href}">${action.text}</a>`}</div>`;

export interface Crumb {
  readonly href: string;
  readonly text: string;
}
export const breadcrumbs = (t: Visit['t'], crumbs: readonly Crumb[]): Html => html`
  <nav class="breadcrumbs" aria-label="${t.breadcrumbs}"><ol role="list">${crumbs.map(({ href, text }) => html`<li><a href="${href}">${text}</a></li>`)}</ol></nav>`;

/** Lists are walked forwards by opaque cursors; there is no page number to offer. */
export function pager({ url, t }: Visit, next: string | null): Html {
  const started = url.searchParams.has('cursor');
  if (next === null && !started) return html``;
  const link = (cursor: string | null): string => {
    const parameters = new URLSearchParams(url.searchParams);
    parameters.delete('cursor');
    if (cursor !== null) parameters.set('cursor', cursor);
    return parameters.size > 0 ? `${url.pathname}?${parameters}` : url.pathname;
  };
  return html`<nav class="pager" aria-label="${t.pages}">
    ${started && html`<a class="button button-quiet" href="${link(null)}">← ${t.first}</a>`}
    ${next !== null && html`<a class="button button-quiet" rel="next" href="${link(next)}">${t.next} →</a>`}
  </nav>`;
}

export const time = (instant: string, text: string, style: 'time' | 'second' | 'day'): Html =>
  html`<time datetime="${instant}" data-local="${style}">${text}</time>`;
