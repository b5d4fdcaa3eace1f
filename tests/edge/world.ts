// The world around an edge: a core that is scripted but keeps the contract's headers, a real realtime node, an issuer of tokens.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { decodeJwt } from 'jose';
import { ProblemError } from '../../contracts/problem.ts';
import {
  type Issuer,
  MemorySource,
  orderId,
  serviceToken,
  startIssuer,
  startNode,
  userId,
} from '../../realtime/world.testing.ts';

export const adId = '0192f0c4-2222-7000-8000-00000000000a';
const at = '2026-11-24T10:00:00.000Z';
const seller = { id: userId, name: 'Anna', rating: 4.5, reviews: 2 };

const adNamed = (id: string, title: string) => ({
  id,
  title,
  description: 'Little used',
  price: { amount: 1_500_000, currency: 'RUB' },
  category: 'bicycles',
  city: 'moscow',
  attributes: { 'wheel-size': 28 },
  photos: [],
  status: 'active',
  rejection_reason: null,
  seller,
  created_at: at,
  updated_at: at,
  version: 1,
});

const order = {
  id: orderId,
  status: 'paid',
  cancel_reason: null,
  buyer_id: userId,
  seller_id: userId,
  ad: { id: adId, title: 'Bicycle', thumb_url: null },
  price: { amount: 1_500_000, currency: 'RUB' },
  delivery_price: { amount: 30_000, currency: 'RUB' },
  total: { amount: 1_530_000, currency: 'RUB' },
  payment: { id: '0192f0c4-3333-7000-8000-00000000000a', status: 'authorized', confirmation_url: null },
  delivery: {
    method: 'courier',
    address: 'Tverskaya 1',
    pickup_point: null,
    shipment_id: null,
    stage: null,
    tracking_number: null,
    estimated: null,
  },
  actions: ['cancel'],
  created_at: at,
  updated_at: at,
  version: 2,
  timeline: [{ kind: 'order', status: 'paid', reason: null, at }],
};

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
}

export interface EdgeWorld extends AsyncDisposable {
  /** What an edge of any runtime is started with. */
  readonly env: Record<string, string>;
  readonly issuer: Issuer;
  readonly source: MemorySource;
  /** What core was asked, oldest first. */
  readonly seen: readonly Seen[];
  asked(path: string): number;
  /** The ad's title from now on. Nobody is told of it. */
  title: string;
  /** Core answers nothing but 503 while this is true. */
  down: boolean;
  /** Sessions that core knows to have ended. Nobody is told of it. */
  readonly endedSessions: Set<string>;
  /** How long core takes for a listing. */
  listingMs: number;
}

export async function startWorld(): Promise<EdgeWorld> {
  const stack = new AsyncDisposableStack();
  const issuer = stack.use(await startIssuer());
  const source = new MemorySource();
  const realtime = stack.use(await startNode(issuer, source));
  const seen: Seen[] = [];
  const state = { title: 'Bicycle', down: false, listingMs: 0, endedSessions: new Set<string>() };

  const core = new Hono();
  core.use(async (c, next) => {
    seen.push({ method: c.req.method, path: c.req.path, headers: new Headers(c.req.raw.headers) });
    if (state.down) return new ProblemError('unavailable').toResponse();
    return next();
  });
  core.get('/readyz', (c) => c.json({ status: 'ready' }));
  const shared = (groups: string) => ({
    'cache-control': 'public, max-age=0, must-revalidate',
    'cdn-cache-control': 'max-age=300, stale-while-revalidate=600, stale-if-error=86400',
    'cache-groups': groups,
    etag: `"${state.title}"`,
  });
  const personal = { 'cache-control': 'no-store' };
  core.get('/v1/ads', async (c) => {
    await new Promise((resolve) => setTimeout(resolve, state.listingMs));
    return c.json({ items: [adNamed(adId, state.title)], next_cursor: null }, 200, shared(`"ads", "ad-${adId}"`));
  });
  core.get('/v1/ads/:id', (c) => {
    if (c.req.param('id') !== adId) return new ProblemError('not-found').toResponse();
    return c.json(adNamed(adId, state.title), 200, shared(`"ad-${adId}"`));
  });
  core.patch('/v1/ads/:id', async (c) => {
    state.title = ((await c.req.json()) as { title: string }).title;
    return c.json(adNamed(adId, state.title), 200, personal);
  });
  core.get('/v1/categories', (c) =>
    c.json({ items: [{ id: 'bicycles', name: { ru: 'Велосипеды', en: 'Bicycles' }, attributes: [], ads: 1 }] }, 200, {
      ...shared('"categories"'),
      vary: 'Accept-Language',
    }),
  );
  core.get('/v1/cities', (c) =>
    c.json(
      { items: [{ id: 'moscow', name: { ru: 'Москва', en: 'Moscow' }, latitude: 55.75, longitude: 37.62 }] },
      200,
      shared('"cities"'),
    ),
  );
  core.get('/v1/users/:id', (c) => c.json({ ...seller, since: at, sales: 3 }, 200, shared(`"user-${userId}"`)));
  core.get('/v1/auth/session', (c) => {
    const { sid } = decodeJwt<{ sid: string }>(c.req.header('authorization')?.replace('Bearer ', '') ?? '');
    return state.endedSessions.has(sid) ? new ProblemError('unauthenticated').toResponse() : c.body(null, 204);
  });
  core.get('/v1/me', (c) =>
    c.json(
      {
        id: userId,
        email: 'anna@example.org',
        name: 'Anna',
        phone: null,
        language: 'ru',
        roles: ['user'],
        created_at: at,
      },
      200,
      personal,
    ),
  );
  core.get('/v1/orders', (c) => c.json({ items: [order], next_cursor: null }, 200, personal));
  core.get('/v1/orders/:id', (c) =>
    c.req.param('id') === orderId ? c.json(order, 200, personal) : new ProblemError('not-found').toResponse(),
  );
  core.post('/v1/orders', async (c) => c.json({ ...order, echo: await c.req.json() }, 201, personal));
  core.get('/v1/operations/counts', (c) => c.json({ by_status: {}, needs_attention: 0 }, 200, personal));
  core.get('/v1/notifications', (c) => c.json({ items: [], next_cursor: null, unread: 3 }, 200, personal));
  core.get('/sandbox/mail', (c) => c.html('<!doctype html><title>Mail</title>'));

  const server = createServer(getRequestListener(core.fetch, { overrideGlobalObjects: false }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stack.defer(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });
  const coreUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return Object.assign(state, {
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      CORE_URL: coreUrl,
      REALTIME_URL: realtime.url,
      REALTIME_TOKEN: serviceToken,
      JWKS_URL: issuer.jwksUrl,
      TICKET_SECRET: 'a-secret-that-edges-share',
      SANDBOX: '1',
      LOG_LEVEL: 'error',
      UPSTREAM_TIMEOUT_MS: '3000',
      // A machine that is busy with other tests makes timers late.
      MAX_LOOP_DELAY_MS: '60000',
    },
    issuer,
    source,
    seen,
    asked: (path: string) => seen.filter((each) => each.path === path).length,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  });
}
