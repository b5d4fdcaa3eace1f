// One flow, run against the edge on each runtime in front of the same core: what clients may rely on wherever it runs.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { screenIds } from '../../contracts/generated/screens.ts';
import { edgeConfig } from '../../edge/config.ts';
import { openSocket, orderId, readStream, userId } from '../../realtime/world.testing.ts';
import { services } from '../services.ts';
import { Hopeless, until } from '../until.ts';
import { getAlone } from './get-alone.ts';
import { adId, type EdgeWorld, startWorld } from './world.ts';

export interface EdgeUnderTest extends AsyncDisposable {
  readonly url: string;
}

export interface FlowOptions {
  /** Processes or threads behind the address, each with a cache of its own. */
  readonly processes?: number;
}

const signInLimit = 10;

export function edgeFlow(
  runtime: string,
  start: (env: Record<string, string>) => Promise<EdgeUnderTest>,
  { processes = 1 }: FlowOptions = {},
): void {
  describe(`the edge on ${runtime}`, () => {
    let world: EdgeWorld;
    let edge: EdgeUnderTest;
    let bearer: { authorization: string };

    beforeAll(async () => {
      world = await startWorld();
      edge = await start({ ...world.env, RATE_LIMIT_SIGN_IN: String(signInLimit) });
      bearer = { authorization: `Bearer ${await world.issuer.token()}` };
      await until('the edge is ready', async () => (await fetch(`${edge.url}/readyz`)).ok);
      // Until it hears of changes it asks core each time.
      await stored('/v1/categories');
    });
    afterAll(async () => {
      await edge?.[Symbol.asyncDispose]();
      await world?.[Symbol.asyncDispose]();
    });

    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${edge.url}${path}`, { headers, redirect: 'manual' });
    const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(`${edge.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
    const cacheStatus = (response: Response): string => response.headers.get('cache-status') ?? '';
    const isHit = (response: Response): boolean => /^lotok; hit; ttl=\d+$/.test(cacheStatus(response));
    /** Asks until each process has it. */
    const stored = (path: string): Promise<boolean> =>
      until(`${path} is in the cache`, async () => {
        const answers = await Promise.all(Array.from({ length: processes * 4 - 3 }, () => get(path)));
        await Promise.all(answers.map((answer) => answer.text()));
        return answers.every(isHit);
      });
    /** The first answer from the cache. Before, each process asks core; and again where it was kept waiting for so long that it can't know what changed. */
    const fromCache = (path: string, init: RequestInit = {}): Promise<Response> =>
      until(`${path} comes from the cache`, async () => {
        const answer = await fetch(edge.url + path, init);
        if (isHit(answer)) return answer;
        await answer.text();
        return null;
      });
    const problemOf = async (response: Response) => {
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      const problem = (await response.json()) as { type: string; status: number; trace_id?: string };
      expect(problem.status).toBe(response.status);
      return `${response.status} ${problem.type.replace('urn:lotok:problem:', '')}`;
    };
    const graphql = async (query: string, headers: Record<string, string> = {}) => {
      const response = await post('/graphql', { query }, headers);
      return (await response.json()) as {
        data?: Record<string, unknown> | null;
        errors?: { extensions: { code: string } }[];
      };
    };

    describe('a listing', () => {
      it('comes from core once and then from the cache, as it was', async () => {
        const first = await get('/v1/ads?limit=5&city=moscow');
        expect(cacheStatus(first)).toBe('lotok; fwd=uri-miss; stored');
        const second = await fromCache('/v1/ads?limit=5&city=moscow');
        expect(second.headers.get('age')).toMatch(/^\d+$/);
        expect(await second.text()).toBe(await first.text());
      });

      it('is the same for every order of parameters, and whatever an advertiser adds', async () => {
        await stored('/v1/ads?limit=6&city=moscow&sort=newest');
        // Each is asked once: what is stored under another key than the first would not be found.
        const same = [
          'sort=newest&limit=6&city=moscow',
          'city=moscow&sort=newest&limit=6',
          'city=moscow&limit=6&sort=newest',
        ];
        await until('one of them comes from the cache', async () => {
          const query = same.pop();
          if (!query) throw new Hopeless('none does');
          const answer = await get(`/v1/ads?utm_source=${same.length}&${query}`);
          await answer.text();
          return isHit(answer);
        });
      });

      it('is not sent again to a client that has it', async () => {
        const etag = (await get('/v1/ads?limit=7')).headers.get('etag') ?? '';
        const again = await get('/v1/ads?limit=7', { 'if-none-match': etag });
        expect(again.status).toBe(304);
        expect(await again.text()).toBe('');
      });

      it('is asked for once by many who come at the same moment', async () => {
        world.listingMs = 150;
        const before = world.asked('/v1/ads');
        const answers = await Promise.all(Array.from({ length: 20 }, () => get('/v1/ads?limit=8')));
        world.listingMs = 0;
        expect(answers.every(({ status }) => status === 200)).toBe(true);
        expect(world.asked('/v1/ads') - before).toBeLessThanOrEqual(processes);
        expect(answers.filter((answer) => cacheStatus(answer).includes('collapsed')).length).toBeGreaterThan(0);
      });

      it('shows a change within a second after core told of it', async () => {
        await (await get('/v1/ads?limit=9')).text();
        world.title = 'Sold bicycle';
        world.source.publish('system:cache', 'cache.invalidate', {
          groups: [`ad-${adId}`],
          at: new Date().toISOString(),
        });
        await until(
          'the new title is there',
          async () => (await (await get('/v1/ads?limit=9')).text()).includes('Sold bicycle'),
          { timeoutMs: 1_000 },
        );
      });

      it('shows the seller’s own change at once where it was made', async () => {
        await stored(`/v1/ads/${adId}`);
        const title = `Changed on ${runtime}`;
        const changed = await fetch(`${edge.url}/v1/ads/${adId}`, {
          method: 'PATCH',
          headers: { ...bearer, 'content-type': 'application/json' },
          body: JSON.stringify({ title }),
        });
        expect(changed.status).toBe(200);
        expect(await (await get(`/v1/ads/${adId}`)).json()).toMatchObject({ title });
      });

      it('never shows core a token, a cookie or an address that the client made up', async () => {
        await get('/v1/ads?limit=10', {
          ...bearer,
          cookie: 'a=b',
          'x-forwarded-for': '203.0.113.9',
          forwarded: 'for=203.0.113.9',
        });
        const { headers } = world.seen.findLast(({ path }) => path === '/v1/ads') ?? { headers: new Headers() };
        expect(headers.has('authorization')).toBe(false);
        expect(headers.has('cookie')).toBe(false);
        expect(headers.has('forwarded')).toBe(false);
        expect(headers.get('x-forwarded-for')).not.toContain('203.0.113.9');
      });

      it('is answered to HEAD without a body', async () => {
        await stored('/v1/ads?limit=11');
        const head = await fromCache('/v1/ads?limit=11', { method: 'HEAD' });
        expect(Number(head.headers.get('content-length'))).toBeGreaterThan(100);
      });

      it('is still there when core is not', async () => {
        await stored('/v1/ads?limit=12');
        world.down = true;
        try {
          expect((await get('/v1/ads?limit=12')).status).toBe(200);
          expect(await problemOf(await get('/v1/ads?limit=13'))).toBe('503 unavailable');
        } finally {
          world.down = false;
        }
      });
    });

    describe('a token', () => {
      it('opens what is personal, which is never stored', async () => {
        const me = await get('/v1/me', bearer);
        expect(await me.json()).toMatchObject({ id: userId });
        const before = world.asked('/v1/me');
        await get('/v1/me', bearer);
        expect(world.asked('/v1/me') - before).toBe(1);
      });

      it('is needed, and has to be right', async () => {
        const header = btoa(JSON.stringify({ alg: 'none' })).replaceAll('=', '');
        const payload = btoa(
          JSON.stringify({
            sub: userId,
            sid: 's',
            roles: ['user'],
            iss: 'https://lotok.internal',
            aud: 'lotok',
            exp: 4_000_000_000,
          }),
        ).replaceAll('=', '');
        const before = world.asked('/v1/me');
        for (const authorization of [
          undefined,
          'Basic YTpi',
          'Bearer nonsense',
          `Bearer ${header}.${payload}.`,
          `Bearer ${await world.issuer.token({ expiresInSeconds: -60 })}`,
          `Bearer ${await world.issuer.token({ audience: 'someone-else' })}`,
        ]) {
          const refused = await get('/v1/me', authorization === undefined ? {} : { authorization });
          expect(await problemOf(refused)).toBe('401 unauthenticated');
          expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer/);
        }
        expect(world.asked('/v1/me')).toBe(before);
      });

      it('of a user does not open what is for moderators or operators, and theirs not what is for the other', async () => {
        const as = async (role: string) => ({ authorization: `Bearer ${await world.issuer.token({ roles: [role] })}` });
        for (const headers of [bearer, await as('operator')])
          expect(await problemOf(await get('/v1/moderation/ads', headers))).toBe('403 forbidden');
        for (const headers of [bearer, await as('moderator')])
          expect(await problemOf(await get('/v1/operations/orders', headers))).toBe('403 forbidden');
        expect(world.asked('/v1/operations/orders')).toBe(0);
        // What operators see is asked of core each time.
        const operator = await as('operator');
        for (const times of [1, 2]) {
          const answer = await get('/v1/operations/counts', operator);
          expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
          expect(world.asked('/v1/operations/counts')).toBe(times);
        }
      });

      it('no longer counts when its session was ended', async () => {
        const authorization = `Bearer ${await world.issuer.token({ sid: 'ending' })}`;
        expect((await get('/v1/me', { authorization })).status).toBe(200);
        world.source.publish('system:sessions', 'session.revoked', {
          sid: 'ending',
          until: Math.floor(Date.now() / 1000) + 600,
        });
        await until('the token is refused', async () => (await get('/v1/me', { authorization })).status === 401, {
          timeoutMs: 2_000,
        });
      });
    });

    it('does not open what belongs to a session that ended before the edge could hear of it', async () => {
      world.endedSessions.add('ended-before');
      const token = await world.issuer.token({ sid: 'ended-before', issuedSecondsAgo: 60 });
      for (const path of ['/v1/me', '/v1/stream'])
        expect(await problemOf(await get(path, { authorization: `Bearer ${token}` }))).toBe('401 unauthenticated');
      const living = { authorization: `Bearer ${await world.issuer.token({ sid: 'living', issuedSecondsAgo: 60 })}` };
      const before = world.asked('/v1/auth/session');
      for (let count = 0; count < 3 * processes; count += 1) expect((await get('/v1/me', living)).status).toBe(200);
      const asked = world.asked('/v1/auth/session') - before;
      expect(asked).toBeGreaterThan(0);
      expect(asked).toBeLessThanOrEqual(processes);
    });

    describe('a limit', () => {
      const redis = services().redis;
      // On workerd isolates of one process share it; on the others two processes do.
      const env = {
        RATE_LIMIT_USER: '5',
        RATE_LIMIT_ROUTES: 'listOrders=2',
        ...(redis === undefined ? {} : { RATE_REDIS_URL: redis }),
      };
      const edges = async (opened: AsyncDisposableStack): Promise<EdgeUnderTest[]> => {
        const count = runtime === 'workerd' ? 1 : 2;
        const started = [];
        for (let number = 0; number < count; number += 1)
          started.push(opened.use(await start({ ...world.env, ...env })));
        return started;
      };
      const statuses = async (from: readonly EdgeUnderTest[], path: string, sub: string, count: number) => {
        const headers = { authorization: `Bearer ${await world.issuer.token({ sub })}` };
        const found: number[] = [];
        for (let number = 0; number < count; number += 1)
          found.push((await fetch(`${from[number % from.length]?.url}${path}`, { headers })).status);
        return found;
      };

      it.skipIf(redis === undefined)(
        'of a user holds for all edges together, and one of a route beside it',
        async () => {
          await using opened = new AsyncDisposableStack();
          const all = await edges(opened);
          const tries = async (path: string, count: number) =>
            (await statuses(all, path, randomUUID(), count)).join(' ');
          // Until each has reached what they share, it counts alone.
          const together = '200 200 200 200 200 429 429 429';
          await until('all count together', async () => (await tries('/v1/me', 8)) === together);
          expect(await tries('/v1/orders', 4)).toBe('200 200 429 429');
        },
      );

      it('of a browser’s page can be read there, and says when to come again', async () => {
        await using opened = new AsyncDisposableStack();
        const limited = opened.use(await start({ ...world.env, RATE_LIMIT_USER: '1' }));
        const headers = {
          authorization: `Bearer ${await world.issuer.token({ sub: randomUUID() })}`,
          origin: 'https://app.example',
        };
        const refused = await until('it is refused', async () => {
          const answer = await fetch(`${limited.url}/v1/me`, { headers });
          return answer.status === 429 ? answer : null;
        });
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(refused.headers.get('access-control-allow-origin')).toBe('*');
        expect(refused.headers.get('access-control-expose-headers')).toContain('RateLimit');
        expect(refused.headers.get('ratelimit-policy')).toBe('"address";q=600000;w=60, "user";q=1;w=60');
        expect(await problemOf(refused)).toBe('429 too-many-requests');
      });

      it('names the variable that can’t be read', () => {
        for (const wrong of ['createOrders=5', 'createOrder', 'createOrder=many'])
          expect(() => edgeConfig({ RATE_LIMIT_ROUTES: wrong })).toThrow(/rateLimits\.routes/);
      });
    });

    describe('a request that is wrong', () => {
      it('gets a problem that says how', async () => {
        const key = { 'idempotency-key': 'one-of-a-kind' };
        expect(await problemOf(await get('/v1/nothing'))).toBe('404 not-found');
        const method = await fetch(`${edge.url}/v1/ads`, { method: 'DELETE' });
        expect(method.headers.get('allow')).toBe('GET, HEAD, POST');
        expect(await problemOf(method)).toBe('405 method-not-allowed');
        for (const path of ['/healthz', '/openapi.json', '/docs', '/v1/stream'])
          expect(await problemOf(await fetch(`${edge.url}${path}`, { method: 'DELETE' }))).toBe(
            '405 method-not-allowed',
          );
        const compressed = await post('/v1/auth/login', '{}', { 'content-encoding': 'gzip' });
        expect(compressed.headers.get('accept-encoding')).toBe('identity');
        expect(await problemOf(compressed)).toBe('415 unsupported-media-type');
        expect(
          await problemOf(await post('/v1/orders', 'a=b', { ...bearer, ...key, 'content-type': 'text/plain' })),
        ).toBe('415 unsupported-media-type');
        expect(await problemOf(await post('/v1/orders', { text: 'x'.repeat(70_000) }, { ...bearer, ...key }))).toBe(
          '413 content-too-large',
        );
        expect((await get('/v1/ads', { 'x-large': 'x'.repeat(15_000), 'x-larger': 'x'.repeat(3_000) })).status).toBe(
          431,
        );
      });

      it('and one that is right reaches core whole, with its trace', async () => {
        const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
        const made = await post(
          '/v1/orders',
          { ad_id: adId },
          { ...bearer, 'idempotency-key': 'order-one', traceparent },
        );
        expect(made.status).toBe(201);
        expect(await made.json()).toMatchObject({ echo: { ad_id: adId } });
        const { headers } = world.seen.findLast(({ method }) => method === 'POST') ?? { headers: new Headers() };
        expect(headers.get('traceparent')).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
        expect(headers.get('idempotency-key')).toBe('order-one');
        expect(headers.get('authorization')).toBe(bearer.authorization);
        expect(made.headers.get('ratelimit')).toMatch(/^"address";r=\d+;t=\d+, "user";r=\d+;t=\d+$/);
      });
    });

    it('slows down whoever guesses passwords, and says until when', async () => {
      let refused: Response | undefined;
      // Each process counts what reaches it.
      for (let tries = 0; tries <= signInLimit * processes && !refused; tries += 1) {
        const answer = await post('/v1/auth/login', { email: 'anna@example.org', password: `guess ${tries}` });
        if (answer.status === 429) refused = answer;
        else await answer.text();
      }
      if (!refused) throw new Error('nothing was refused');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(refused.headers.get('ratelimit')).toMatch(/, "sign-in";r=0;t=\d+$/);
      expect(await problemOf(refused)).toBe('429 too-many-requests');
      expect((await get('/v1/categories')).status).toBe(200);
    });

    describe('a browser', () => {
      it('may read the API from another origin', async () => {
        const preflight = await fetch(`${edge.url}/v1/orders`, {
          method: 'OPTIONS',
          headers: {
            origin: 'https://app.example',
            'access-control-request-method': 'POST',
            'access-control-request-headers': 'authorization',
          },
        });
        expect(preflight.status).toBe(204);
        expect(preflight.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('authorization');
        expect(
          (await get('/v1/ads', { origin: 'https://app.example' })).headers.get('access-control-allow-origin'),
        ).toBe('*');
      });

      it('of an origin that is not listed may not, and what is stored still varies by what it did', async () => {
        const env = { ...world.env, CORS_ORIGINS: 'https://app.example' };
        await using listed = await start(env);
        const ask = (origin: string) => fetch(`${listed.url}/v1/categories`, { headers: { origin } });
        await until('it answers from its cache', async () => isHit(await ask('https://app.example')));
        const [ours, theirs] = [await ask('https://app.example'), await ask('https://evil.example')];
        expect(ours.headers.get('access-control-allow-origin')).toBe('https://app.example');
        expect(theirs.headers.get('access-control-allow-origin')).toBeNull();
        for (const { headers } of [ours, theirs]) {
          expect(headers.get('vary')?.toLowerCase()).toMatch(/accept-language.*origin/);
          expect(headers.get('cross-origin-resource-policy')).toBe('same-site');
        }
      });

      it('runs no script that a page does not name, whatever the page', async () => {
        for (const path of ['/', '/sign-in', '/no-such-page', '/docs', '/sandbox/mail', '/v1/nothing', '/v1/ads']) {
          const { headers } = await get(path, { accept: 'text/html' });
          const policy = headers.get('content-security-policy') ?? '';
          expect(policy, path).toContain("default-src 'none'");
          expect(policy, path).toContain("frame-ancestors 'none'");
          expect(policy, path).not.toMatch(/unsafe|script-src[^;]*('self'|\*|https?:)/);
          expect(headers.get('x-content-type-options'), path).toBe('nosniff');
          expect(headers.get('cross-origin-resource-policy'), path).toMatch(/^(same-origin|cross-origin)$/);
          if (headers.get('content-type')?.startsWith('text/html'))
            expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin');
        }
        // A nonce is of one answer.
        expect((await get('/')).headers.get('content-security-policy')).not.toBe(
          (await get('/')).headers.get('content-security-policy'),
        );
      });

      it('gets the storefront, its style and the docs, all with a policy', async () => {
        for (const path of ['/', '/docs']) {
          const page = await get(path, { accept: 'text/html' });
          expect(page.status).toBe(200);
          expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
          const style = /<link[^>]+href="([^"]+\.css[^"]*)"/.exec(await page.text())?.[1] ?? '';
          expect((await get(style)).headers.get('content-type')).toMatch(/^text\/css/);
        }
        expect(await (await get('/openapi.json')).json()).toMatchObject({
          openapi: '3.1.0',
          servers: [{ url: edge.url }],
        });
        expect(await (await get('/asyncapi.json')).json()).toMatchObject({ asyncapi: '3.0.0' });
        expect((await get('/sandbox/mail')).status).toBe(200);
      });
    });

    describe('GraphQL', () => {
      it('gathers a screen from several answers', async () => {
        const answer = await graphql(
          `{ orderPage(id: "${orderId}") { order { status } timeline { status } } home { categories { id } newest { items { title } } } me { name notifications { unread } orders { items { id } } } adPage(id: "${adId}") { ad { price { amount } } seller { sales } similar { id } } }`,
          bearer,
        );
        expect(answer.errors).toBeUndefined();
        expect(answer.data).toMatchObject({
          orderPage: { order: { status: 'paid' }, timeline: [{ status: 'paid' }] },
          home: { categories: [{ id: 'bicycles' }] },
          me: { name: 'Anna', notifications: { unread: 3 }, orders: { items: [{ id: orderId }] } },
          adPage: { ad: { price: { amount: 1_500_000 } }, seller: { sales: 3 }, similar: [] },
        });
      });

      it('tells who needs a token that one is needed, and gives the rest', async () => {
        const answer = await graphql('{ me { id } home { newest { items { id } } } }');
        expect(answer.errors?.map(({ extensions }) => extensions.code)).toEqual(['UNAUTHENTICATED']);
        expect(answer.data).toMatchObject({ me: null, home: { newest: { items: [{ id: adId }] } } });
      });

      it('refuses what costs too much', async () => {
        const aliases = Array.from({ length: 20 }, (_none, index) => `a${index}: __typename`).join(' ');
        expect((await graphql(`{ ${aliases} }`)).errors?.[0]?.extensions.code).toBe('QUERY_TOO_COSTLY');
      });

      it('shares one of the app’s screens, and shows a change of its ad within a second', async () => {
        const page = `/graphql?documentId=${screenIds.AdScreen}&variables=${encodeURIComponent(JSON.stringify({ id: adId }))}`;
        const shared = await fromCache(page, { headers: bearer });
        await shared.text();
        expect(shared.headers.get('cache-groups')).toContain(`"ad-${adId}"`);
        const etag = shared.headers.get('etag') ?? '';
        await until('it is answered without core', async () => {
          const before = world.seen.length;
          const known = await get(page, { 'if-none-match': etag });
          expect([known.status, await known.text()]).toEqual([304, '']);
          return world.seen.length === before;
        });
        world.title = `Bicycle of ${runtime}`;
        world.source.publish('system:cache', 'cache.invalidate', {
          groups: [`ad-${adId}`],
          at: new Date().toISOString(),
        });
        await until('the new title is there', async () => (await (await get(page)).text()).includes(world.title), {
          timeoutMs: 1_000,
        });
      });

      it('places an order with the client’s key', async () => {
        const placed = await post(
          '/graphql',
          {
            documentId: screenIds.PlaceOrder,
            variables: {
              idempotencyKey: 'graphql-order',
              adId,
              delivery: { method: 'courier', address: 'Тверская, 1' },
            },
          },
          bearer,
        );
        expect(placed.headers.get('cache-control')).toBe('no-store');
        expect(await placed.json()).toMatchObject({ data: { placeOrder: { id: orderId, status: 'paid' } } });
        const { headers } = world.seen.findLast(({ method }) => method === 'POST') ?? { headers: new Headers() };
        expect(headers.get('idempotency-key')).toBe('graphql-order');
      });

      it('follows an order, and goes on where it was', async () => {
        const track = (after?: string) =>
          readStream(
            `${edge.url}/graphql?documentId=${screenIds.TrackOrder}&variables=${encodeURIComponent(JSON.stringify({ order: orderId, after }))}`,
            { ...bearer, accept: 'text/event-stream' },
          );
        const say = (status: string): void =>
          world.source.publish(`user:${userId}`, 'order.status', {
            order_id: orderId,
            status,
            cancel_reason: null,
            ad_title: 'Bicycle',
            at: new Date().toISOString(),
          });
        const updatesOf = (events: readonly { data: Record<string, unknown> }[]) =>
          events.map(({ data }) => (data['data'] as { orderUpdates: Record<string, string> }).orderUpdates);
        using stream = await track();
        expect(stream.status).toBe(200);
        const [opened] = updatesOf(await stream.has(1));
        expect(opened?.['__typename']).toBe('Opened');
        expect(stream.lastId).toBe(opened?.['position']);
        say('paid');
        const [, paid] = updatesOf(await stream.has(2));
        expect(paid).toMatchObject({ __typename: 'StatusUpdate', status: 'paid' });
        stream[Symbol.dispose]();
        say('in_delivery');
        using again = await track(paid?.['position']);
        say('delivered');
        const [, ...missed] = updatesOf(await again.has(3));
        expect(missed.map(({ status }) => status)).toEqual(['in_delivery', 'delivered']);
        using plain = await readStream(`${edge.url}/v1/stream?topics=orders,deliveries&order=${orderId}`, {
          ...bearer,
          'last-event-id': paid?.['position'] ?? '',
        });
        expect((await plain.has(2)).map(({ id }) => id)).toEqual(missed.map(({ position }) => position));
      });

      it('follows nothing without a token', async () => {
        const answer = await get(`/graphql?documentId=${screenIds.TrackOrder}&variables={"order":"${orderId}"}`, {
          accept: 'text/event-stream',
        });
        expect(await answer.text()).toContain('UNAUTHENTICATED');
      });
    });

    describe('a stream', () => {
      const status = (name: string) => ({
        order_id: orderId,
        status: name,
        cancel_reason: null,
        ad_title: 'Bicycle',
        at: new Date().toISOString(),
      });
      const say = (name: string): void => world.source.publish(`user:${userId}`, 'order.status', status(name));

      it('tells what happens, and what was missed to who comes back', async () => {
        const url = `${edge.url}/v1/stream?topics=orders&order=${orderId}`;
        using stream = await readStream(url, bearer);
        expect(stream.status).toBe(200);
        say('paid');
        await stream.has(1);
        const place = stream.lastId ?? '';
        stream[Symbol.dispose]();
        say('in_delivery');
        using again = await readStream(url, { ...bearer, 'last-event-id': place });
        say('delivered');
        expect((await again.has(2)).map(({ event, data }) => `${event} ${String(data['status'])}`)).toEqual([
          'order.status in_delivery',
          'order.status delivered',
        ]);
      });

      it('opens by ticket as a WebSocket, and not without', async () => {
        await expect(openSocket(`${edge.url}/v1/ws`)).rejects.toThrow('refused 401');
        const { ticket } = (await (await post('/v1/stream/tickets', '', bearer)).json()) as { ticket: string };
        using socket = await openSocket(`${edge.url}/v1/ws?ticket=${ticket}&topics=orders`);
        await socket.has(1);
        const before = socket.received.length;
        say('completed');
        await until('the message came', () =>
          socket.received.slice(before).some((each) => each['event'] === 'order.status'),
        );
        expect(socket.received.at(-1)).toMatchObject({ event: 'order.status', data: { status: 'completed' } });
      });

      it('ends with its session', async () => {
        const authorization = `Bearer ${await world.issuer.token({ sid: 'leaving' })}`;
        using stream = await readStream(`${edge.url}/v1/stream`, { authorization });
        expect(stream.status).toBe(200);
        world.source.publish('system:sessions', 'session.revoked', {
          sid: 'leaving',
          until: Math.floor(Date.now() / 1000) + 600,
        });
        await stream.hasEnded();
      });

      it('is not opened by HEAD, whose client would never read it', async () => {
        const head = await fetch(`${edge.url}/v1/stream`, { method: 'HEAD', headers: bearer });
        expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
        await until(
          'no stream is open',
          async () => !/streams_open\{what="streams"\} [1-9]/.test(await (await get('/metrics')).text()),
        );
      });

      it('is noticed to be gone when its client vanished, and holds nothing when its client takes nothing', async () => {
        const open = async (): Promise<number> =>
          Number(/streams_open\{what="streams"\} (\d+)/.exec(await (await get('/metrics')).text())?.[1] ?? 0);
        await until('no stream is open', async () => (await open()) === 0);
        const { port } = new URL(edge.url);
        const sockets = Array.from({ length: 12 }, () => connect(Number(port), '127.0.0.1'));
        for (const [index, socket] of sockets.entries()) {
          socket.on('error', () => {});
          const asked = index % 3 === 0 ? webSocketRequest : streamRequest;
          socket.write(asked(bearer['authorization'] ?? ''));
          await once(socket, 'data');
        }
        await until('all are open', async () => (await open()) === sockets.length);
        // One takes nothing from now on, and does not go; the others go without a word.
        const [, stuck, ...vanishing] = sockets;
        stuck?.pause();
        for (const socket of [...vanishing, ...sockets.slice(0, 1)]) socket.resetAndDestroy();
        await until('they are noticed to be gone', async () => (await open()) === 1, { timeoutMs: 30_000 });
        using attentive = await readStream(`${edge.url}/v1/stream`, bearer);
        const padding = 'x'.repeat(30_000);
        await until(
          'the one who takes nothing is dropped',
          async () => {
            const before = attentive.received.length;
            for (let count = 0; count < 40; count += 1)
              world.source.publish(`user:${userId}`, 'order.status', { ...status('paid'), padding });
            await attentive.has(before + 40);
            return (await open()) === 1;
          },
          { timeoutMs: 60_000 },
        );
        expect(attentive.ended).toBe(false);
        stuck?.destroy();
      }, 120_000);

      it('opens no WebSocket for pages that may not read the API', async () => {
        await using strict = await start({ ...world.env, CORS_ORIGINS: 'https://shop.example' });
        await until('the edge is ready', async () => (await fetch(`${strict.url}/readyz`)).ok);
        const headers = { ...bearer, origin: 'https://elsewhere.example' };
        await expect(openSocket(`${strict.url}/v1/ws`, { headers })).rejects.toThrow('refused 403');
        using _ = await openSocket(`${strict.url}/v1/ws`, { headers: { ...bearer, origin: 'https://shop.example' } });
      }, 60_000);

      it('is refused without a token', async () => {
        expect(await problemOf(await get('/v1/stream'))).toBe('401 unauthenticated');
        expect(await problemOf(await get('/v1/stream?ticket=made-up'))).toBe('401 unauthenticated');
      });
    });

    if (processes > 1)
      describe('several processes', () => {
        const ofMany = (path: string) =>
          Promise.all(Array.from({ length: processes * 4 }, () => getAlone(`${edge.url}${path}`)));

        it('show a seller’s own change at once, whichever of them answers', async () => {
          const path = `/v1/ads/${adId}`;
          await until('each has it', async () =>
            (await ofMany(path)).every(({ cacheStatus: status }) => status.includes('; hit')),
          );
          const title = `Changed once more on ${runtime}`;
          const changed = await fetch(`${edge.url}${path}`, {
            method: 'PATCH',
            headers: { ...bearer, 'content-type': 'application/json' },
            body: JSON.stringify({ title }),
          });
          expect(changed.status).toBe(200);
          for (const { body } of await ofMany(path)) expect(JSON.parse(body)).toMatchObject({ title });
        });

        it('count together, and are ready when all of them are', async () => {
          const counted = async (): Promise<number> =>
            Number(
              /^lotok_edge_requests_total\{route="other",method="PUT",code="404"\} (\d+)$/m.exec(
                (await getAlone(`${edge.url}/metrics`)).body,
              )?.[1] ?? 0,
            );
          const before = await counted();
          const lost = () => fetch(`${edge.url}/v1/nothing-here`, { method: 'PUT', headers: { connection: 'close' } });
          for (const { status } of await Promise.all(Array.from({ length: 12 }, lost))) expect(status).toBe(404);
          expect(await counted()).toBe(before + 12);
          expect(JSON.parse((await getAlone(`${edge.url}/readyz`)).body)).toEqual({
            status: 'ready',
            checks: { core: true, stream: true, siblings: true },
          });
        });
      });

    it('counts what it does', async () => {
      const text = await (await get('/metrics')).text();
      expect(text).toMatch(/lotok_edge_requests_total\{route="\/v1\/ads",method="GET",code="200"\} \d+/);
      expect(text).toMatch(/lotok_edge_cache_total\{result="hit"\} \d+/);
    });
  });
}

const streamRequest = (authorization: string): string =>
  `GET /v1/stream HTTP/1.1\r\nhost: edge\r\nauthorization: ${authorization}\r\n\r\n`;
const webSocketRequest = (authorization: string): string =>
  `GET /v1/ws HTTP/1.1\r\nhost: edge\r\nauthorization: ${authorization}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
  'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
