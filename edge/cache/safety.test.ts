// What attackers try on caches, against the whole gateway: docs/cache.md tells what each is.
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { needsToken, type RouteSpec } from '../../contracts/route.ts';
import { routes } from '../../contracts/routes.ts';
import { createEdge } from '../app.ts';
import { edgeConfig } from '../config.ts';
import { createLog } from '../log.ts';
import type { UpstreamRequest } from '../platform.ts';

const keys = await generateKeyPair('ES256');
const bearer = async (): Promise<{ authorization: string }> => ({
  authorization: `Bearer ${await new SignJWT({ sid: 's', roles: ['moderator', 'operator'] })
    .setProtectedHeader({ alg: 'ES256', kid: 'a' })
    .setSubject('0192f0c4-0000-7000-8000-00000000000a')
    .setIssuer('https://lotok.internal')
    .setAudience('lotok')
    .setExpirationTime('1h')
    .sign(keys.privateKey)}`,
});

/** The gateway before a core that answers everything with what it was asked, and says that anybody may keep it. */
function world(fields: Record<string, string> = { 'cache-control': 'public, max-age=600' }) {
  const asked: UpstreamRequest[] = [];
  const edge = createEdge({
    runtime: 'node',
    config: edgeConfig({ CORE_URL: 'http://core.example', LOG_LEVEL: 'silent' }),
    log: createLog('silent', () => undefined),
    clock: Date.now,
    async fetchUpstream(request) {
      if (request.url.endsWith('/jwks.json'))
        return Response.json({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'a' }] });
      asked.push(request);
      return new Response(JSON.stringify([request.method, request.url, ...request.headers]), { headers: fields });
    },
    connectWebSocket: () => Promise.reject(new Error('no streams here')),
    upgradeWebSocket: () => {
      throw new Error('no streams here');
    },
    peerAddress: () => '192.0.2.1',
    asset: () => null,
    waitUntil: (work) => void work.catch(() => undefined),
  });
  const get = async (path: string, headers: Record<string, string> = {}, host = 'lotok.example') => {
    const response = await edge.fetch(new Request(`http://${host}${path}`, { headers }));
    return { status: response.status, text: await response.text(), cacheStatus: response.headers.get('cache-status') };
  };
  return { get, asked };
}

describe('an unkeyed header', () => {
  it.each([
    ['x-forwarded-host', 'evil.example'],
    ['x-forwarded-scheme', 'nothttps'],
    ['x-original-url', '/admin'],
    ['x-http-method-override', 'POST'],
    ['x-host', 'evil.example'],
    ['forwarded', 'host=evil.example'],
    ['origin', 'https://evil.example'],
    ['user-agent', 'evil'],
    ['x-anything', 'evil'],
    ['cookie', 'evil=1'],
    ['authorization', 'Bearer evil'],
  ])('%s of one client reaches nobody else’s answer', async (name, value) => {
    const { get, asked } = world();
    await get('/v1/ads', { [name]: value });
    expect(asked).toHaveLength(1);
    expect([...(asked[0]?.headers ?? [])].flat()).not.toContain(value);
    expect((await get('/v1/ads')).text).not.toContain(value);
  });

  it('is the host, too', async () => {
    const { get } = world();
    await get('/v1/ads', {}, 'evil.example');
    const second = await get('/v1/ads');
    expect(second.cacheStatus).toMatch(/hit/);
    expect(second.text).not.toContain('evil');
  });
});

describe('a key', () => {
  it.each([
    ['/v1/ads?city=moscow', '/v1/ads?city=moscow&utm_source=x;city=kazan'],
    ['/v1/ads?city=moscow', '/v1/ads?city=moscow&utm%5Fsource=x'],
  ])('%s is what core reads of %s', async (plain, decorated) => {
    const { get } = world();
    await get(plain);
    expect((await get(decorated)).cacheStatus).toMatch(/hit/);
  });

  it.each([
    ['/v1/ads?city=moscow', '/v1/ads?city=moscow&city=kazan'],
    ['/v1/ads?city=moscow', '/v1/ads?c%69ty=kazan'],
    ['/v1/ads?city=moscow', '/v1/ads?city=moscow%26city=kazan'],
    ['/v1/ads?city=moscow', '/v1/ads?City=moscow'],
    ['/v1/ads', '/v1/ads/'],
    ['/v1/ads', '//v1/ads'],
    ['/v1/ads', '/v1//ads'],
    ['/v1/ads', '/V1/ads'],
  ])('tells %s from %s', async (one, other) => {
    const { get } = world();
    await get(one);
    expect((await get(other)).cacheStatus ?? '').not.toMatch(/hit/);
  });
});

const personal = Object.values<RouteSpec>(routes)
  .filter((spec) => spec.method === 'GET' && needsToken(spec))
  .map(({ path }) => path.replaceAll(/\{\w+\}/g, '0192f0c4-2222-7000-8000-00000000000a'));

describe('cache deception', () => {
  it.each(personal.flatMap((path) => [path, `${path}?x=.css`]))(
    'finds nothing of %s stored, whatever core says of it',
    async (path) => {
      const { get, asked } = world();
      await get(path, await bearer());
      expect(asked).toHaveLength(1);
      expect((await get(path)).status).toBe(401);
      await get(path, await bearer());
      expect(asked).toHaveLength(2);
    },
  );

  it.each(['/v1/orders/a.css', '/v1/orders/style.css', '/v1/orders/x/y.js', '/v1/orders%2fa.css', '/v1/orders;a.css'])(
    'is not helped by %s looking like a file',
    async (path) => {
      const { get, asked } = world();
      const { status, cacheStatus } = await get(path);
      // Either there is no such path, or it is a personal one and needs a token: core is not asked.
      expect([401, 404]).toContain(status);
      expect(cacheStatus ?? '').not.toMatch(/stored/);
      expect(asked).toEqual([]);
    },
  );

  it('stores no answer that brings a cookie unless core says for how long', async () => {
    const { get } = world({ 'set-cookie': 'session=1', 'last-modified': 'Mon, 23 Nov 2020 10:00:00 GMT' });
    await get('/v1/ads');
    expect((await get('/v1/ads')).cacheStatus).not.toMatch(/hit/);
  });
});
