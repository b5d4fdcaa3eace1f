// Cross-site requests are refused, and nobody is sent elsewhere after signing in.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSameOrigin, ownPath } from './csrf.ts';
import { createWorld } from './world.testing.ts';

const origin = 'https://lotok.test';

describe('a form sent from another site', () => {
  it.each([
    ['says so in Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site', origin: 'http://lotok.test' }],
    ['comes from a sub-domain', { 'sec-fetch-site': 'same-site' }],
  ])('is refused when it %s', async (_, headers) => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const before = world.core.asked.length;
    const response = await visitor.post('/checkout/1', { key: 'abcdefgh' }, headers);
    expect(response.status).toBe(403);
    expect(world.core.asked.slice(before)).toEqual([]);
  });

  it('is refused by its Origin where the browser sends no Sec-Fetch-Site, or none of both', async () => {
    const world = createWorld();
    const form = {
      method: 'POST',
      body: 'language=en',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    };
    const from = (headers: Record<string, string>) => new Request(`${origin}/language`, { ...form, headers });
    expect(isSameOrigin(from({ origin: 'https://evil.test' }), origin)).toBe(false);
    expect(isSameOrigin(from({ origin: 'null' }), origin)).toBe(false);
    expect(isSameOrigin(from({}), origin)).toBe(false);
    expect(isSameOrigin(from({ origin }), origin)).toBe(true);
    expect((await world.visitor().post('/language', { language: 'en' })).status).toBe(303);
  });
});

describe('the way back after signing in', () => {
  it.each(['//evil.test', '/\\evil.test', '/\t/evil.test', 'https://evil.test/', 'javascript:alert(1)', '', null])(
    'never leaves the site: %j',
    (value) => {
      expect(new URL(ownPath(value, origin), origin).origin).toBe(origin);
      expect(ownPath(value, origin)).toMatch(/^\/(?![/\\])/);
    },
  );

  it('keeps a path of ours with its query and fragment', () => {
    expect(ownPath('/search?q=велосипед&city=kazan#top', origin)).toBe(
      `/search?q=${encodeURIComponent('велосипед')}&city=kazan#top`,
    );
  });

  it('is a path of ours whatever is asked for', () => {
    fc.assert(
      fc.property(
        fc.string().map((text) => `/${text}`),
        (value) => {
          expect(new URL(ownPath(value, origin), origin).origin).toBe(origin);
        },
      ),
    );
  });
});
