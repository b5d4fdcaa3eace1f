// The storefront's table of contents: every page and form, and what each request meets before it.
import { type Handler, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { assetRoutes, createAssets } from './assets.ts';
import { canonicalAddress } from './canonical.ts';
import { CallFailed } from './client.ts';
import { isSameOrigin } from './csrf.ts';
import type { SiteDeps } from './deps.ts';
import { securityHeaders } from './headers.ts';
import { adPage, changeFavourite } from './pages/ad.ts';
import { register, registerPage, signIn, signInPage, signOut, switchLanguage } from './pages/auth.ts';
import {
  changeBlock,
  conversationsNow,
  conversationsPage,
  markConversationRead,
  sendMessage,
  threadNow,
  threadPage,
  writeToSeller,
} from './pages/chat.ts';
import { checkoutPage, placeOrder } from './pages/checkout.ts';
import { type Trouble, troublePage, troubleStatus } from './pages/errors.ts';
import { homePage } from './pages/home.ts';
import { favouritesPage, markRead, notificationsPage, purchasesPage, salesPage } from './pages/lists.ts';
import { moderateAd, moderationPage, resolveReport } from './pages/moderation.ts';
import { changeAdStatus, myAdsPage } from './pages/my-ads.ts';
import { operationsPage } from './pages/operations.ts';
import { decideOnOrder, operationsOrderPage } from './pages/operations-order.ts';
import { changeOrder, orderLabel, orderNow, orderPage } from './pages/order.ts';
import { changePreferences, changeProfile, profilePage, unblockEmail } from './pages/profile.ts';
import { newReportPage, reportPage, sendReport } from './pages/report.ts';
import { removeSearch, savedSearchesPage, saveSearch } from './pages/saved-searches.ts';
import { searchPage } from './pages/search.ts';
import { changeAd, completeUpload, editPage, publishAd, sellPage, startUpload } from './pages/sell.ts';
import { sellerPage } from './pages/seller.ts';
import { unsubscribe, unsubscribeAtOnce, unsubscribePage } from './pages/unsubscribe.ts';
import { createRenewal, findSession } from './session.ts';
import { createVisit, SignInNeeded, type SiteContext, type SiteEnv, signInUrl } from './visit.ts';

export function createSite(deps: SiteDeps): Hono<SiteEnv> {
  const site = new Hono<SiteEnv>();
  const assets = createAssets(deps);
  const renew = createRenewal(deps);

  site.route('/', assetRoutes(deps, assets));
  site.get('/favicon.ico', async (c) => c.redirect((await assets()).url('icon.svg')));
  site.get('/robots.txt', (c) =>
    c.text(
      'User-agent: *\nDisallow: /my/\nDisallow: /orders/\nDisallow: /messages\nDisallow: /operations\nDisallow: /checkout/\nDisallow: /sign-in\nDisallow: /register\n',
    ),
  );

  /** Who looks; also sets the headers that every page has. */
  const page: MiddlewareHandler<SiteEnv> = async (c, next) => {
    const { context } = c.env;
    const home = canonicalAddress(c.req.raw, context.origin, deps.config.publicUrl);
    if (home !== null) return c.redirect(home, 307);
    securityHeaders(c, deps.config);
    if (!isSameOrigin(c.req.raw, context.origin)) {
      c.set('visit', createVisit(c.req.raw, context, deps, null, await assets()));
      return trouble(c, 'crossSite');
    }
    // A page must be able to say that core is away, so not knowing who looks is no reason to fail here.
    const session = await findSession(c, context, deps, renew).catch((error: unknown) => {
      deps.log.warn('site.session_unknown', { error, trace_id: context.traceId });
      return null;
    });
    c.set('visit', createVisit(c.req.raw, context, deps, session, await assets()));
    // What is personal stays out of caches and of the back button after signing out.
    c.header('cache-control', session ? 'private, no-store' : 'private, no-cache');
    c.header('vary', 'Cookie, Accept-Language');
    await next();
  };
  const form = bodyLimit({ maxSize: 64 * 1024 });

  /** Names the route for the metrics of the gateway. */
  const named =
    (route: string): MiddlewareHandler<SiteEnv> =>
    async (c, next) => {
      c.set('route', route);
      await next();
    };
  const get = (path: string, handler: Handler<SiteEnv>) => site.get(path, named(path), page, handler);
  const post = (path: string, handler: Handler<SiteEnv>) => site.post(path, named(path), form, page, handler);

  get('/', homePage);
  get('/search', searchPage);
  get('/c/:category', searchPage);
  get('/ads/:id', adPage);
  post('/ads/:id/favourite', changeFavourite);
  get('/sellers/:id', sellerPage);
  post('/reports', sendReport);
  get('/reports/new', newReportPage);
  get('/reports/:id', reportPage);

  get('/sign-in', signInPage);
  post('/sign-in', signIn);
  get('/register', registerPage);
  post('/register', register);
  post('/sign-out', (c) => signOut(c, deps));
  post('/language', switchLanguage);

  get('/unsubscribe', unsubscribePage);
  // Only mail programs post to the link itself.
  site.post('/unsubscribe', named('/unsubscribe'), form, async (c, next) =>
    c.req.query('token') === undefined ? next() : unsubscribeAtOnce(c, deps),
  );
  post('/unsubscribe', unsubscribe);

  get('/checkout/:id', checkoutPage);
  post('/checkout/:id', placeOrder);
  get('/orders/:id', orderPage);
  get('/orders/:id/now', orderNow);
  get('/orders/:id/label', orderLabel);
  post('/orders/:id/:action', changeOrder);

  get('/messages', conversationsPage);
  get('/messages/now', conversationsNow);
  post('/ads/:id/message', writeToSeller);
  get('/messages/:id', threadPage);
  get('/messages/:id/now', threadNow);
  post('/messages/:id', sendMessage);
  post('/messages/:id/read', markConversationRead);
  post('/messages/:id/block', changeBlock);

  get('/sell', sellPage);
  post('/sell', publishAd);
  post('/my/photos', startUpload);
  post('/my/photos/:id/complete', completeUpload);
  // For scripts: a page's request renews the session where it can be renewed.
  get('/my/session', (c) => c.body(null, c.get('visit').session ? 204 : 401));
  get('/my/ads', myAdsPage);
  get('/my/ads/:id/edit', editPage);
  post('/my/ads/:id/edit', changeAd);
  post('/my/ads/:id/status', changeAdStatus);

  get('/my/orders', purchasesPage);
  get('/my/sales', salesPage);
  get('/my/favourites', favouritesPage);
  get('/my/searches', savedSearchesPage);
  post('/my/searches', saveSearch);
  post('/my/searches/:id/remove', removeSearch);
  get('/my/notifications', notificationsPage);
  post('/my/notifications', markRead);
  get('/my/profile', profilePage);
  post('/my/profile', changeProfile);
  post('/my/preferences', changePreferences);
  post('/my/email/unblock', unblockEmail);

  get('/moderation', moderationPage);
  post('/moderation/ads/:id', moderateAd);
  post('/moderation/reports/:id', resolveReport);

  get('/operations', operationsPage);
  get('/operations/orders/:id', operationsOrderPage);
  post('/operations/orders/:id/decisions', decideOnOrder);

  site.all('*', page, (c) => trouble(c, 'notFound'));
  site.notFound((c) => trouble(c, 'notFound'));
  site.onError((error, c) => {
    const visit = c.get('visit');
    if (error instanceof SignInNeeded || (error instanceof CallFailed && error.status === 401)) {
      // A form can't be sent again after signing in; the page it was on can be seen again.
      return c.redirect(signInUrl(visit, c.req.method === 'GET' ? undefined : refererPath(c)), 303);
    }
    const kind = troubleOf(error);
    if (kind === 'broken') deps.log.error('site.page_failed', { error, trace_id: c.env.context.traceId });
    return trouble(c, kind);
  });
  return site;
}

const trouble = (c: SiteContext, kind: Trouble): Response | Promise<Response> => {
  if (kind === 'offline') c.header('retry-after', '30');
  return c.html(troublePage(c.get('visit'), kind), troubleStatus[kind]);
};

function troubleOf(error: unknown): Trouble {
  if (!(error instanceof CallFailed)) return 'broken';
  if (error.status === 429) return 'tooMany';
  if (error.status === 403) return 'forbidden';
  if (error.status >= 502) return 'offline';
  // An address with something else than an id in it names nothing.
  return error.status === 500 ? 'broken' : 'notFound';
}

const refererPath = (c: SiteContext): string => {
  const referer = URL.parse(c.req.header('referer') ?? '');
  return referer?.origin === c.env.context.origin ? referer.pathname + referer.search : '/';
};
