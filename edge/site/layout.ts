// The frame of every page: head, header with search and menu, footer.
import { html, raw } from 'hono/html';
import type { AssetName } from './assets.ts';
import type { Html } from './html.ts';
import { type IconName, icon } from './icons.ts';
import { signInUrl, type Visit } from './visit.ts';

export interface PageOptions {
  readonly title: string;
  readonly description?: string;
  /** Address of the picture that stands for the page when it is shared. */
  readonly image?: string | undefined;
  /** Path and query by which search engines should know this page; without it they leave it out. */
  readonly canonical?: string;
  readonly scripts?: readonly AssetName[];
}

export const layout = (visit: Visit, options: PageOptions, content: Html): Html => {
  const { t, language, url, assets, context } = visit;
  const { title, description = t.description, image, canonical, scripts = [] } = options;
  const fullTitle = url.pathname === '/' ? `${t.name}: ${title}` : `${title} — ${t.name}`;
  return html`${raw('<!doctype html>')}
<html lang="${language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${fullTitle}</title>
  <meta name="description" content="${description.slice(0, 200)}">
  ${canonical === undefined ? html`<meta name="robots" content="noindex">` : html`<link rel="canonical" href="${url.origin}${canonical}"><meta property="og:url" content="${url.origin}${canonical}">`}
  <meta property="og:title" content="${title}">
  <meta property="og:description" content="${description.slice(0, 200)}">
  <meta property="og:site_name" content="${t.name}">
  <meta property="og:type" content="website">
  ${image && html`<meta property="og:image" content="${new URL(image, url.origin).href}">`}
  <meta name="color-scheme" content="light dark">
  <meta name="theme-color" content="#ffffff" media="(prefers-color-scheme: light)">
  <meta name="theme-color" content="#171c21" media="(prefers-color-scheme: dark)">
  <link rel="icon" href="${assets.url('icon.svg')}" type="image/svg+xml">
  <link rel="stylesheet" href="${assets.url('site.css')}">
  ${(['site.js', ...scripts] as const).map((script) => html`<script type="module" nonce="${context.requestId}" src="${assets.url(script)}"></script>`)}
</head>
<body${visit.session && html` data-user="${visit.session.userId}"`}>
  <a class="skip" href="#content">${t.skip}</a>
  ${header(visit)}
  <main id="content" tabindex="-1">${content}</main>
  ${footer(visit)}
  ${visit.session && html`<div class="toasts" role="status" data-toasts data-match="${t.searches.match}"></div>`}
</body>
</html>`;
};

const header = (visit: Visit): Html => {
  const { t, url } = visit;
  const query = url.pathname === '/search' ? (url.searchParams.get('q') ?? '') : '';
  return html`<header class="site-header">
    <div class="bar">
      <a class="logo" href="/">${logo}<span>${t.name}</span></a>
      <form class="search" role="search" action="/search">
        <label class="visually-hidden" for="site-search">${t.search.label}</label>
        <input id="site-search" name="q" type="search" value="${query}" placeholder="${t.search.placeholder}" maxlength="200" autocomplete="off" list="search-suggestions">
        <datalist id="search-suggestions"></datalist>
        <button aria-label="${t.search.submit}">${icon('search', 20)}</button>
      </form>
      <nav class="menu" aria-label="${t.menu.main}">
        <a class="button button-small sell-link" href="/sell">${icon('plus', 18)}<span>${t.menu.sell}</span></a>
        ${languageSwitch(visit)}
        ${visit.session ? accountMenu(visit) : html`<a class="menu-link" href="${signInUrl(visit, signInBack(visit))}">${icon('user', 20)}<span>${t.menu.signIn}</span></a>`}
      </nav>
    </div>
  </header>`;
};

/** Signing in from the sign-in page itself leads to where that page would have led. */
const signInBack = ({ url }: Visit): string =>
  ['/sign-in', '/register'].includes(url.pathname)
    ? (url.searchParams.get('return') ?? '/')
    : url.pathname + url.search;

const accountMenu = (visit: Visit): Html => {
  const { t, session } = visit;
  const operates = session?.roles.includes('operator');
  const links = [
    ['/my/orders', t.menu.orders],
    ['/my/sales', t.menu.sales],
    ['/my/ads', t.menu.ads],
    ['/my/favourites', t.menu.favourites],
    ['/my/searches', t.menu.searches],
    ['/my/profile', t.menu.profile],
    ...(session?.roles.includes('moderator') ? [['/moderation', t.menu.moderation] as const] : []),
    ...(operates ? [['/operations', t.menu.operations] as const] : []),
  ] as const;
  return html`
    ${operates && html`<a class="menu-link menu-icon menu-wide" href="/operations" aria-label="${t.menu.operations}">${icon('pulse', 22)}</a>`}
    <a class="menu-link menu-icon menu-wide" href="/my/favourites" aria-label="${t.menu.favourites}">${icon('heart', 22)}</a>
    ${visit.unreadMessages.then((unread) => counted('/messages', 'messages', 'chat', unread ? t.menu.unreadMessages(unread) : t.menu.messages, t.menu.messages, unread))}
    ${visit.unread.then((unread) => counted('/my/notifications', 'notifications', 'bell', unread ? t.menu.unread(unread) : t.menu.notifications, t.menu.notifications, unread))}
    <details class="account">
      <summary>${icon('user', 22)}<span class="visually-hidden">${t.menu.account}</span></summary>
      <ul role="list">
        ${links.map(([href, text]) => html`<li><a href="${href}"${visit.url.pathname === href && html` aria-current="page"`}>${text}</a></li>`)}
        <li><form method="post" action="/sign-out"><button class="link">${t.menu.signOut}</button></form></li>
      </ul>
    </details>`;
};

/** A link with a number on it, which the page's script counts up as news arrives. */
const counted = (
  href: string,
  what: string,
  picture: IconName,
  label: string,
  plainLabel: string,
  count: number | null,
): Html =>
  html`<a class="menu-link menu-icon" href="${href}" aria-label="${label}" data-counted="${what}" data-label="${plainLabel}">${icon(picture, 22)}<span class="count" aria-hidden="true"${!count && html` hidden`}>${count !== null && count > 99 ? '99+' : (count ?? 0)}</span></a>`;

const languageSwitch = ({ t, url, language }: Visit): Html => {
  const other = language === 'ru' ? 'en' : 'ru';
  return html`<form class="language" method="post" action="/language">
    <input type="hidden" name="return" value="${url.pathname + url.search}">
    <button class="menu-link" name="language" value="${other}" lang="${other}">${other.toUpperCase()}<span class="visually-hidden">: ${t.menu.switchLanguage}</span></button>
  </form>`;
};

const footer = ({ t, config }: Visit): Html => html`<footer class="site-footer">
    <div class="bar">
      <p>${icon('shield', 20)} ${t.menu.safety}</p>
      <div class="footer-links">
        <a href="/docs">${t.menu.api}</a>
        ${config.demo && html`<a href="/sandbox/mail">${t.order.sandbox}</a>`}
      </div>
    </div>
  </footer>`;

const logo = html`<svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true" focusable="false"><rect class="logo-box" width="32" height="32" rx="8"/><path class="logo-mark" d="M8 12h16l-2 11H10zM12 12c0-6 8-6 8 0"/></svg>`;
