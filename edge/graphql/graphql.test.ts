// GraphQL in front of a fake core: what each screen costs, what may be asked, what goes wrong and how that is told.
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { beforeEach, describe, expect, it } from 'vitest';
import { screenIds, screens } from '../../contracts/generated/screens.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { Cache } from '../cache/engine.ts';
import { addressKey } from '../cache/key.ts';
import type { SiteDeps } from '../site/deps.ts';
import { createFakeCore, type FakeCore, makeAd, makeOrder, uuid } from '../site/fake-core.testing.ts';
import { createGraphql } from './graphql.ts';

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: { message: string; path?: string[]; extensions: Record<string, unknown> }[];
}

let core: FakeCore;
let cache: Cache;
beforeEach(() => {
  core = createFakeCore();
  cache = new Cache({
    name: 'test',
    maxBytes: 1_000_000,
    clock: () => Date.parse('2026-11-24T12:00:00Z'),
    waitUntil: () => undefined,
    keyOf: addressKey,
    honourRequestDirectives: false,
  });
});

/** As the edge hands them over: public answers name what they show. */
const api: SiteDeps['api'] = async (method, path, options) => {
  const answer = await core.api(method, path, options);
  if (answer.ok && options.token === undefined) {
    answer.headers.set('cache-groups', path.startsWith('/v1/ads/') ? `"ad-${path.split('/').at(-1)}"` : '"things"');
    answer.headers.set('cache-control', 'public, max-age=5');
  } else answer.headers.set('cache-control', 'no-store');
  return answer;
};

function edge({ trustedOnly = false } = {}) {
  const pass = async (_c: unknown, next: () => Promise<void>): Promise<void> => next();
  const app = createGraphql({
    production: false,
    trustedOnly,
    limits: { byAddress: () => pass, byUser: pass },
    tokens: { authenticate: async () => ({}) as never, verify: async () => ({}) as never },
    cache,
    api,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  app.onError((error) => {
    if (error instanceof ProblemError) return error.toResponse();
    throw error;
  });
  const context = {
    requestId: 'r',
    address: '127.0.0.1',
    origin: 'http://lotok.test',
    trace: ROOT_CONTEXT,
    traceId: 'f'.repeat(32),
    internal: false,
  };
  const fetch = (path: string, init: RequestInit = {}): Promise<Response> =>
    Promise.resolve(app.fetch(new Request(`http://lotok.test${path}`, init), { context }));
  const post = async (body: object, { signedIn = true } = {}): Promise<Response> =>
    fetch('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(signedIn ? { authorization: 'Bearer token' } : {}) },
      body: JSON.stringify(body),
    });
  const ask = async (query: string, variables: object = {}, as = {}): Promise<Answer> =>
    (await (await post({ query, variables }, as)).json()) as Answer;
  const screen = async (name: keyof typeof screenIds, variables: object = {}, as = {}): Promise<Answer> =>
    (await (await post({ documentId: screenIds[name], variables }, as)).json()) as Answer;
  return { fetch, post, ask, screen };
}
const askedFor = (): string[] => core.asked.map(({ id }) => id).sort();

describe('a screen', () => {
  const id = uuid(1000);
  const cases: readonly [keyof typeof screenIds, object, string[]][] = [
    ['Home', {}, ['listAds', 'listCategories', 'listCities']],
    ['AdScreen', { id }, ['getAd', 'getSeller', 'listAds']],
    ['SellerScreen', { id }, ['getSeller', 'listAds', 'listReviews']],
    ['Search', { q: 'stels', near: { latitude: 55.75, longitude: 37.6 }, sort: 'price_asc' }, ['search']],
    ['Suggestions', { q: 've' }, ['suggest']],
    ['Checkout', { ad: id, city: 'kazan' }, ['getAd', 'listPickupPoints', 'quote']],
    ['OrderScreen', { id: uuid(2001) }, ['getAd', 'getOrder']],
    ['Me', {}, ['listNotifications', 'listOrders', 'me']],
    ['Purchases', {}, ['listAdsById', 'listOrders', 'me']],
    ['Sales', {}, ['listOrders', 'me']],
    ['MyAds', {}, ['listMyAds', 'me']],
    ['Favourites', {}, ['listFavourites', 'listSavedSearches', 'me']],
    ['Notifications', {}, ['listNotifications', 'me']],
    [
      'PlaceOrder',
      { idempotencyKey: 'one-of-a-kind', adId: id, delivery: { method: 'courier', address: 'Тверская, 1' } },
      ['createOrder'],
    ],
    ['CancelOrder', { id: uuid(2001) }, ['cancelOrder']],
    ['AcceptOrder', { id: uuid(2001) }, ['acceptOrder']],
    ['Review', { orderId: uuid(2001), rating: 5 }, ['createReview']],
    ['AddFavourite', { adId: id }, ['addFavourite']],
    ['RemoveFavourite', { adId: id }, ['removeFavourite']],
    ['SaveSearch', { name: 'Stels', query: { q: 'stels', priceMax: 100 } }, ['saveSearch']],
    ['RemoveSavedSearch', { id }, ['removeSavedSearch']],
    ['MarkRead', { upTo: id }, ['markRead']],
    ['ChangeProfile', { phone: null }, ['changeMe']],
    ['Report', { subject: { type: 'ad', id }, reason: 'spam' }, ['createReport']],
  ];

  it.each(cases)('%s is one request, and these calls of core', async (name, variables, calls) => {
    core.orders.push(makeOrder(1));
    core.reply('listOrders', () => ({
      items: core.ads
        .slice(0, 4)
        .map((ad, index) => makeOrder(50 + index, { ad: { id: ad.id, title: 'x', thumb_url: null } })),
      next_cursor: null,
    }));
    const { data, errors } = await edge().screen(name, variables);
    expect(errors).toBeUndefined();
    expect(Object.values(data ?? {}), 'the screen has something on it').not.toContain(null);
    expect(askedFor()).toEqual(calls);
    expect(calls.length).toBeLessThanOrEqual(3);
  });

  it('has each of the app’s documents among these cases, but for the one that goes on', () => {
    const tried = new Set<string>(cases.map(([name]) => name));
    expect(Object.keys(screenIds).filter((name) => !tried.has(name))).toEqual(['TrackOrder']);
  });

  it('loads what many fields of a level ask for by one call per kind', async () => {
    core.reply('listOrders', () => ({
      items: Array.from({ length: 10 }, (_none, index) =>
        makeOrder(index, { ad: { id: core.ads[index % 5]?.id ?? (uuid(1) as never), title: 'x', thumb_url: null } }),
      ),
      next_cursor: null,
    }));
    const { data, errors } = await edge().ask(
      '{ me { orders(first: 10) { items { ad { ad { id seller { profile { sales } } } } } } } }',
    );
    expect(errors).toBeUndefined();
    expect(askedFor()).toEqual(['getSeller', 'listAdsById', 'listOrders', 'me']);
    const ids = core.asked.find((each) => each.id === 'listAdsById')?.options.query?.['ids'];
    expect(String(ids).split(',')).toHaveLength(5);
    const { items } = (data as { me: { orders: { items: { ad: { ad: { id: string } } }[] } } }).me.orders;
    expect(items.map(({ ad }) => ad.ad.id)).toEqual(items.map((_item, index) => core.ads[index % 5]?.id));
  });

  it('asks for nothing that it doesn’t show', async () => {
    await edge().ask('{ home { categories { id } } }');
    expect(askedFor()).toEqual(['listCategories']);
  });
});

describe('what goes wrong', () => {
  it('leaves the rest of the screen, and tells the same as REST', async () => {
    core.reply('listCities', () => {
      throw new ProblemError('unavailable', { headers: { 'retry-after': '7' } });
    });
    const { data, errors } = await edge().screen('Home');
    expect(data).toMatchObject({ home: { cities: null, categories: [{ id: 'bicycles' }, {}, {}, {}, {}, {}] } });
    expect(errors).toMatchObject([
      {
        path: ['home', 'cities'],
        extensions: { code: 'UNAVAILABLE', type: 'urn:lotok:problem:unavailable', status: 503, retry_after: 7 },
      },
    ]);
  });

  it('in a purchase names the field as the client wrote it', async () => {
    core.reply('createOrder', () => {
      throw new ProblemError('invalid-field', {
        errors: [{ field: 'delivery.pickup_point', message: 'no such point' }],
      });
    });
    const { data, errors } = await edge().screen('PlaceOrder', {
      idempotencyKey: 'one-of-a-kind',
      adId: uuid(1000),
      delivery: { method: 'pickup_point', pickupPoint: 'nowhere' },
    });
    expect(data).toEqual({ placeOrder: null });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_FIELD',
      errors: [{ field: 'delivery.pickupPoint', message: 'no such point' }],
    });
    expect(core.asked[0]?.options).toMatchObject({
      headers: { 'idempotency-key': 'one-of-a-kind' },
      body: { ad_id: uuid(1000), delivery: { method: 'pickup_point', pickup_point: 'nowhere' } },
    });
  });

  it('is an answer that keeps no promise, too', async () => {
    core.reply('listCities', () => ({ items: [{ id: 'moscow' }] }));
    expect((await edge().screen('Home')).errors).toMatchObject([{ extensions: { code: 'BAD_GATEWAY', status: 502 } }]);
  });

  it('is a page that can’t be: it names the argument and asks core nothing', async () => {
    for (const first of [0, 51, -1]) {
      const { errors } = await edge().ask(`{ home { newest(first: ${first}) { items { id } } } }`);
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INVALID_PARAMETER', errors: [{ field: 'first' }] });
    }
    expect(core.asked).toEqual([]);
  });

  it('is a token that is missing: what is everybody’s comes all the same', async () => {
    const { data, errors } = await edge().ask('{ me { id } home { categories { id } } }', {}, { signedIn: false });
    expect(errors).toMatchObject([{ path: ['me'], extensions: { code: 'UNAUTHENTICATED', status: 401 } }]);
    expect(data).toMatchObject({ me: null, home: { categories: [{}, {}, {}, {}, {}, {}] } });
    expect(askedFor()).toEqual(['listCategories']);
  });

  it('is no mistake of ours told in detail', async () => {
    core.reply('listCities', () => {
      throw new Error('a secret of ours');
    });
    expect(JSON.stringify(await edge().screen('Home'))).not.toContain('secret');
  });

  it('is an id that is none: there is no such thing', async () => {
    expect(await edge().ask('{ adPage(id: "1") { ad { id } } orderPage(id: "x") { order { id } } }')).toEqual({
      data: { adPage: null, orderPage: null },
    });
  });
});

describe('a request', () => {
  it.each([
    [{}, 'query'],
    [{ query: '{ __typename }', operationName: {} }, 'operationName'],
    [{ query: '{ __typename }', variables: [] }, 'variables'],
    [{ query: '{ __typename }', documentID: 'x' }, '(body)'],
    [{ documentId: 'x' }, 'documentId'],
  ])('%j is refused by the name of its field', async (body, field) => {
    const refused = await edge().post(body);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ type: 'urn:lotok:problem:invalid-parameter', errors: [{ field }] });
  });

  it('by GET reads, and changes nothing', async () => {
    const { fetch } = edge();
    const read = await fetch(`/graphql?${new URLSearchParams({ query: '{ __typename }' })}`);
    expect(await read.json()).toEqual({ data: { __typename: 'Query' } });
    const change = `mutation { markRead(upTo: "${uuid(1)}") }`;
    const refused = await fetch(`/graphql?${new URLSearchParams({ query: change })}`);
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST']);
    const variables = await fetch(`/graphql?${new URLSearchParams({ query: '{ __typename }', variables: '{' })}`);
    expect(await variables.json()).toMatchObject({ errors: [{ field: 'variables' }] });
    expect(core.asked).toEqual([]);
  });

  it('names one of the app’s documents by its hash, in either way', async () => {
    const { post } = edge();
    const hash = screenIds.Suggestions;
    const variables = { q: 've' };
    for (const named of [
      { documentId: hash },
      { documentId: `sha256:${hash}` },
      { extensions: { persistedQuery: { version: 1, sha256Hash: hash } } },
    ])
      expect(await (await post({ ...named, variables })).json()).toEqual({ data: { suggestions: ['велосипед'] } });
    const unknown = await post({ documentId: '0'.repeat(64) });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ errors: [{ message: 'PersistedQueryNotFound' }] });
  });

  it('has to, where only those are answered', async () => {
    const { post, fetch } = edge({ trustedOnly: true });
    expect((await post({ documentId: screenIds.Home })).status).toBe(200);
    for (const body of [
      { query: '{ __typename }' },
      { query: screens[screenIds.Home] },
      { documentId: '0'.repeat(64), query: '{ __typename }' },
    ]) {
      core.asked.length = 0;
      const refused = await post(body);
      expect(refused.ok).toBe(false);
      expect(await refused.json()).toMatchObject({
        errors: [{ extensions: { code: expect.stringMatching(/^PERSISTED_QUERY_/) } }],
      });
      expect(core.asked).toEqual([]);
    }
    const page = await fetch('/graphql', { headers: { accept: 'text/html' } });
    expect(page.status).toBe(400);
  });

  it('that would make core work for long is cut off', async () => {
    const pages = Array.from(
      { length: 15 },
      (_none, n) => `a${n}: adPage(id: "${uuid(1000)}") { similar(first: ${n + 1}) { id } }`,
    );
    const { errors } = await edge().ask(
      `{ ${pages.join(' ')} search { total } suggestions(q: "a") home { categories { id } cities { id } newest { nextCursor } } checkout(ad: "${uuid(1000)}", city: "kazan") { quotes { courier } pickupPoints { items { id } } } }`,
    );
    expect(errors?.some(({ extensions }) => extensions['code'] === 'QUERY_TOO_COSTLY')).toBe(true);
    expect(core.asked.length).toBeLessThanOrEqual(20);
  });
});

describe('an answer', () => {
  const home = `/graphql?${new URLSearchParams({ documentId: screenIds.Home })}`;
  const page = (id: string): string =>
    `/graphql?${new URLSearchParams({ documentId: screenIds.AdScreen, variables: JSON.stringify({ id }) })}`;

  it('that is everybody’s is made once, and has a tag', async () => {
    const { fetch, screen } = edge();
    const first = await fetch(home);
    expect(first.headers.get('cache-control')).toBe('public, max-age=5, stale-while-revalidate=30');
    expect(first.headers.get('cache-groups')).toBe('"things"');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w+/]{22}"$/);
    const again = await fetch(home, { headers: { authorization: 'Bearer token' } });
    expect(again.headers.get('cache-status')).toContain('hit');
    expect(await again.text()).toBe(await first.text());
    const known = await fetch(home, { headers: { 'if-none-match': etag } });
    expect([known.status, await known.text()]).toEqual([304, '']);
    await screen('Home');
    await screen('Home', {}, { signedIn: false });
    expect(core.asked.length, 'a POST finds what a GET brought').toBe(3);
  });

  it('is made anew when something that it shows has changed', async () => {
    const { fetch } = edge();
    const [one, other] = [uuid(1000), uuid(1001)];
    await (await fetch(page(one))).text();
    await (await fetch(page(other))).text();
    cache.invalidateGroups([`ad-${one}`]);
    expect((await fetch(page(other))).headers.get('cache-status')).toContain('hit');
    core.ads[0] = makeAd(0, { title: 'Другой' });
    expect(await (await fetch(page(one))).text()).toContain('Другой');
  });

  it('that is somebody’s, or has an error in it, is nobody else’s', async () => {
    const { fetch } = edge();
    const mine = `/graphql?${new URLSearchParams({ query: '{ me { name } home { categories { id } } }' })}`;
    const answer = await fetch(mine, { headers: { authorization: 'Bearer token' } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toMatchObject({ data: { me: {} } });
    expect(await (await fetch(mine)).json()).toMatchObject({ data: { me: null } });
    core.reply('listCities', () => {
      throw new ProblemError('unavailable');
    });
    expect((await fetch(home)).headers.get('cache-control')).toBe('no-store');
    core.reply('listCities', () => ({ items: [] }));
    expect(await (await fetch(home)).json()).toMatchObject({ data: { home: { cities: [] } } });
  });

  it('to a document never stands for another one that claims its hash', async () => {
    const { post, fetch } = edge();
    const claimed = '1'.repeat(64);
    await post({ documentId: claimed, query: '{ home { categories { id } } }' });
    expect((await fetch(`/graphql?documentId=${claimed}`)).status).toBe(404);
    await post({ documentId: screenIds.Home, query: '{ home { categories { id } } }' });
    expect(await (await fetch(home)).json()).toMatchObject({ data: { home: { cities: [{}, {}] } } });
  });
});
