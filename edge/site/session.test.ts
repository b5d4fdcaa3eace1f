// Sessions in cookies: how they are set, renewed once for many requests, and ended.
import { describe, expect, it } from 'vitest';
import { demoBuyer } from '../../contracts/demo.ts';
import { ProblemError } from '../../contracts/problem.ts';
import { sessionToken } from './session.ts';
import { createWorld, type World } from './world.testing.ts';

const minutes = (n: number): number => n * 60_000;

function answersRefresh(world: World, answer: () => unknown): { times: () => number } {
  world.core.reply('refresh', async () => {
    // Let every request that is under way come this far.
    await new Promise((resolve) => setImmediate(resolve));
    return answer();
  });
  return { times: () => world.core.asked.filter(({ id }) => id === 'refresh').length };
}

const newTokens = (n: number) => ({
  access_token: `access-${demoBuyer.id}-${n}`,
  refresh_token: `refresh-${n}`,
  token_type: 'Bearer',
  expires_in: 900,
  user_id: demoBuyer.id,
});

describe('a session', () => {
  it('keeps its tokens where scripts and other sites cannot reach them', async () => {
    const response = await createWorld().visitor().post('/sign-in', { email: demoBuyer.email, password: 'demo' });
    const cookies = response.headers.getSetCookie();
    expect(response.status).toBe(303);
    expect(cookies).toHaveLength(2);
    for (const cookie of cookies) expect(cookie).toMatch(/; Path=\/.*HttpOnly.*SameSite=Lax/);
    expect(cookies.join()).not.toContain('Secure');
  });

  it('is bound to the host and to TLS when the site is reached by https', async () => {
    const response = await createWorld()
      .visitor({ origin: 'https://lotok.test' })
      .post('/sign-in', { email: demoBuyer.email, password: 'demo' });
    for (const cookie of response.headers.getSetCookie()) expect(cookie).toMatch(/^__Host-lotok_\w+=.*; Secure/);
  });

  it('gives its token to requests that carry only cookies', async () => {
    const visitor = await createWorld().visitor().signsIn();
    const request = new Request('http://lotok.test/v1/stream', {
      headers: { cookie: [...visitor.cookies].map((pair) => pair.join('=')).join('; ') },
    });
    expect(sessionToken(request, { origin: 'http://lotok.test' })).toBe(`access-${demoBuyer.id}`);
    expect(sessionToken(new Request(request.url), { origin: 'http://lotok.test' })).toBeNull();
    // Over TLS a cookie without the prefix may be somebody else's, planted from a sub-domain.
    expect(sessionToken(request, { origin: 'https://lotok.test' })).toBeNull();
  });

  it('is renewed once, whatever the number of requests that find it expired', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const refresh = answersRefresh(world, () => newTokens(2));
    world.pass(minutes(16));
    const old = new Map(visitor.cookies);
    const answers = await Promise.all(['/my/orders', '/my/favourites', '/my/profile'].map((path) => visitor.get(path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(refresh.times()).toBe(1);
    expect(visitor.cookies.get('lotok_refresh')).toBe('refresh-2');

    // A request that left before the new cookies arrived.
    visitor.cookies.clear();
    for (const [name, value] of old) visitor.cookies.set(name, value);
    expect((await visitor.get('/my/orders')).status).toBe(200);
    expect(refresh.times()).toBe(1);
  });

  it('ends when its refresh token is refused, and the page asks to sign in', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    answersRefresh(world, () => new ProblemError('invalid-credentials').toResponse());
    world.pass(minutes(16));
    const response = await visitor.get('/my/orders');
    expect(response.headers.get('location')).toBe('/sign-in?return=%2Fmy%2Forders');
    expect(visitor.cookies.size).toBe(0);
  });

  it('outlives a core that is away', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const refresh = answersRefresh(world, () => new ProblemError('unavailable').toResponse());
    world.pass(minutes(16));
    await visitor.get('/');
    expect(visitor.cookies.has('lotok_refresh')).toBe(true);
    answersRefresh(world, () => newTokens(3));
    expect((await visitor.get('/my/orders')).status).toBe(200);
    expect(refresh.times()).toBe(2);
  });

  it('ends on both sides when one signs out', async () => {
    const world = createWorld();
    const visitor = await world.visitor().signsIn();
    const response = await visitor.post('/sign-out');
    expect(response.headers.get('location')).toBe('/');
    expect(visitor.cookies.size).toBe(0);
    expect(world.core.asked.at(-1)).toMatchObject({
      id: 'logout',
      options: { body: { refresh_token: `refresh-${demoBuyer.id}` } },
    });
  });
});
