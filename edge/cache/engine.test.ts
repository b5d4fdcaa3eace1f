import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { until } from '../../tests/until.ts';
import { Cache, type CacheOptions, type Forward } from './engine.ts';
import { addressKey, routeKeyOf } from './key.ts';

const url = 'http://lotok.example/v1/ads';

/** A cache whose clock stands still until it is moved, in front of an origin that answers what it is told. */
function world(options: Partial<CacheOptions> = {}) {
  let now = Date.parse('2026-11-24T10:00:00Z');
  const background: Promise<unknown>[] = [];
  const cache = new Cache({
    name: 'lotok',
    maxBytes: 1_000_000,
    clock: () => now,
    waitUntil: (work) => background.push(work),
    keyOf: routeKeyOf((name) => !name.startsWith('utm_')),
    honourRequestDirectives: true,
    ...options,
  });
  const asked: Headers[] = [];
  let version = 1;
  let answer = (_headers: Headers): Response | Promise<Response> =>
    new Response(`v${version}`, {
      headers: { 'cache-control': 'max-age=60', 'cache-groups': '"ads"', etag: `"${version}"` },
    });
  const forward: Forward = async (headers) => {
    asked.push(headers);
    return answer(headers);
  };
  return {
    cache,
    asked,
    pass: (seconds: number) => {
      now += seconds * 1000;
    },
    change: () => ++version,
    answers: (how: typeof answer) => {
      answer = how;
    },
    async get(headers: Record<string, string> = {}, { method = 'GET', path = '' } = {}) {
      const response = await cache.handle({ method, url: url + path, headers: new Headers(headers) }, forward);
      const { status } = response;
      return {
        status,
        headers: response.headers,
        body: await response.text(),
        cacheStatus: response.headers.get('cache-status'),
      };
    },
    settled: () => Promise.all(background),
  };
}

const answering =
  (headers: Record<string, string>, body = 'body', status = 200) =>
  () =>
    new Response(body, { status, headers });

describe('the cache', () => {
  it('asks once and then answers by itself, telling the age', async () => {
    const { get, pass, asked } = world();
    expect(await get()).toMatchObject({ body: 'v1', cacheStatus: 'lotok; fwd=uri-miss; stored' });
    pass(10);
    const hit = await get();
    expect(hit).toMatchObject({ body: 'v1', cacheStatus: 'lotok; hit; ttl=50' });
    expect(hit.headers.get('age')).toBe('10');
    expect(asked).toHaveLength(1);
  });

  it('asks whether what became stale is still right, and keeps it when it is', async () => {
    const { get, pass, answers, asked } = world();
    await get();
    pass(61);
    answers((headers) =>
      headers.get('if-none-match') === '"1"'
        ? new Response(null, { status: 304, headers: { 'cache-control': 'max-age=60', etag: '"1"' } })
        : new Response('?'),
    );
    expect(await get()).toMatchObject({ status: 200, body: 'v1', cacheStatus: 'lotok; fwd=stale; fwd-status=304' });
    expect(await get()).toMatchObject({ cacheStatus: 'lotok; hit; ttl=60' });
    expect(asked).toHaveLength(2);
  });

  it('answers with what is a little stale while it asks behind the client’s back', async () => {
    const { get, pass, answers, change, settled } = world();
    answers(answering({ 'cache-control': 'max-age=1, stale-while-revalidate=30' }, 'old'));
    await get();
    pass(5);
    change();
    answers(answering({ 'cache-control': 'max-age=100' }, 'new'));
    expect(await get()).toMatchObject({ body: 'old', cacheStatus: 'lotok; hit; ttl=-4' });
    await settled();
    expect(await get()).toMatchObject({ body: 'new', cacheStatus: 'lotok; hit; ttl=100' });
  });

  it('stores no empty body when a HEAD comes upon something stale', async () => {
    const { get, pass, answers, settled } = world();
    answers(answering({ 'cache-control': 'max-age=1, stale-while-revalidate=30' }, 'whole'));
    await get();
    pass(5);
    answers(answering({ 'cache-control': 'max-age=1, stale-while-revalidate=30' }, ''));
    await get({}, { method: 'HEAD' });
    await settled();
    answers(answering({ 'cache-control': 'max-age=1' }, 'new'));
    expect((await get()).body).toBe('whole');
  });

  it('takes half an answer for none', async () => {
    const { get, answers, pass } = world();
    const half = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('ha'));
            controller.error(new Error('connection lost'));
          },
        }),
        { headers: { 'cache-control': 'max-age=1, stale-if-error=60' } },
      );
    answers(half);
    await expect(get()).rejects.toMatchObject({ code: 'bad-gateway' });
    answers(answering({ 'cache-control': 'max-age=1, stale-if-error=60' }, 'whole'));
    await get();
    pass(5);
    answers(half);
    expect((await get()).body).toBe('whole');
  });

  it('prefers what is stale to an error, unless that is forbidden', async () => {
    for (const [directive, expected] of [
      ['stale-if-error=600', 200],
      ['must-revalidate', 502],
    ] as const) {
      const { get, pass, answers } = world();
      answers(answering({ 'cache-control': `max-age=1, ${directive}` }));
      await get();
      pass(300);
      answers(answering({}, 'broken', 502));
      expect((await get()).status).toBe(expected);
    }
  });

  it('obeys CDN-Cache-Control before Cache-Control', async () => {
    const { get, pass, answers } = world();
    answers(answering({ 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=10' }));
    await get();
    pass(9);
    expect((await get()).cacheStatus).toBe('lotok; hit; ttl=1');
  });

  it.each([
    ['private', { 'cache-control': 'private, max-age=60' }, {}],
    ['not to be stored', { 'cache-control': 'no-store' }, {}],
    ['selected by everything', { 'cache-control': 'max-age=60', vary: '*' }, {}],
    ['for who has a token', { 'cache-control': 'max-age=60' }, { authorization: 'Bearer x' }],
  ])('never shares an answer that is %s', async (_what, answered, requested) => {
    const { get, answers, asked } = world();
    answers(answering(answered as Record<string, string>));
    await get(requested as Record<string, string>);
    await get(requested as Record<string, string>);
    expect(asked).toHaveLength(2);
  });

  it('keeps one answer per language when the origin says that it matters', async () => {
    const { get, answers, asked } = world();
    answers(
      (headers) =>
        new Response(headers.get('accept-language'), {
          headers: { 'cache-control': 'max-age=60', vary: 'Accept-Language' },
        }),
    );
    await get({ 'accept-language': 'ru' });
    expect(await get({ 'accept-language': 'en' })).toMatchObject({
      body: 'en',
      cacheStatus: 'lotok; fwd=vary-miss; stored',
    });
    expect(await get({ 'accept-language': 'ru' })).toMatchObject({ body: 'ru', cacheStatus: 'lotok; hit; ttl=60' });
    expect(asked).toHaveLength(2);
  });

  it('answers conditions, ranges and HEAD from what it has', async () => {
    const { get, answers } = world();
    answers(
      answering(
        { 'cache-control': 'max-age=60', etag: '"a"', 'last-modified': 'Mon, 23 Nov 2026 10:00:00 GMT' },
        '0123456789',
      ),
    );
    await get();
    expect(await get({ 'if-none-match': 'W/"a"' })).toMatchObject({ status: 304, body: '' });
    expect(await get({ 'if-none-match': '"b"', 'if-modified-since': 'Mon, 23 Nov 2026 10:00:00 GMT' })).toMatchObject({
      status: 200,
    });
    expect(await get({ 'if-modified-since': 'Mon, 23 Nov 2026 10:00:00 GMT' })).toMatchObject({ status: 304 });
    const part = await get({ range: 'bytes=2-4' });
    expect(part).toMatchObject({ status: 206, body: '234' });
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10');
    expect(await get({ range: 'bytes=2-4', 'if-range': '"b"' })).toMatchObject({ status: 200, body: '0123456789' });
    expect((await get({ range: 'bytes=20-' })).status).toBe(416);
    const head = await get({}, { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, body: '', cacheStatus: 'lotok; hit; ttl=60' });
    expect(head.headers.get('content-length')).toBe('10');
  });

  it('keeps parts, and answers from them what they hold', async () => {
    const { get, answers, asked } = world();
    const fields = { 'cache-control': 'max-age=60', 'content-range': 'bytes 4-9/20', etag: '"a"' };
    answers(answering(fields, '456789', 206));
    expect(await get({ range: 'bytes=4-9' })).toMatchObject({
      status: 206,
      cacheStatus: 'lotok; fwd=uri-miss; stored',
    });
    const part = await get({ range: 'bytes=5-6' });
    expect(part).toMatchObject({ status: 206, body: '56', cacheStatus: 'lotok; hit; ttl=60' });
    expect(part.headers.get('content-range')).toBe('bytes 5-6/20');
    expect(await get({ range: 'bytes=5-6', 'if-none-match': '"a"' })).toMatchObject({ status: 304 });
    expect(asked).toHaveLength(1);
    // The last one that is there is not the last one.
    for (const range of ['bytes=-1', 'bytes=9-', 'bytes=3-5', 'bytes=4-5,7-8']) await get({ range });
    await get({ range: 'bytes=5-6', 'if-range': '"b"' });
    expect(asked).toHaveLength(6);
  });

  it('asks for the rest of a beginning and joins them when they are of one', async () => {
    const { get, answers, asked } = world();
    const fields = { 'cache-control': 'max-age=60', etag: '"a"' };
    answers(answering({ ...fields, 'content-range': 'bytes 0-3/10' }, '0123', 206));
    await get({ range: 'bytes=0-3' });
    answers(answering({ ...fields, 'content-range': 'bytes 4-9/10' }, '456789', 206));
    expect(await get()).toMatchObject({ status: 200, body: '0123456789' });
    expect(Object.fromEntries(asked[1] ?? [])).toEqual({ range: 'bytes=4-', 'if-range': '"a"' });
    expect(await get()).toMatchObject({ body: '0123456789', cacheStatus: 'lotok; hit; ttl=60' });
  });

  it.each([
    ['of another one', { etag: '"b"', 'content-range': 'bytes 4-9/10' }],
    ['of another length', { etag: '"a"', 'content-range': 'bytes 4-9/11' }],
    ['shorter than it says', { etag: '"a"', 'content-range': 'bytes 4-9/10' }],
  ])('asks for the whole when the rest is %s', async (what, rest) => {
    const { get, answers, asked } = world();
    const store = { 'cache-control': 'max-age=60' };
    answers(answering({ ...store, etag: '"a"', 'content-range': 'bytes 0-3/10' }, '0123', 206));
    await get({ range: 'bytes=0-3' });
    const bytes = what === 'shorter than it says' ? '456' : '456789';
    answers((headers) =>
      headers.has('range')
        ? new Response(bytes, { status: 206, headers: { ...store, ...rest } })
        : new Response('whole', { headers: store }),
    );
    expect(await get()).toMatchObject({ status: 200, body: 'whole' });
    expect(asked).toHaveLength(3);
  });

  it('cuts a range from stored bytes as from the whole, whatever is asked', async () => {
    const whole = '0123456789abcdefghij';
    await fc.assert(
      fc.asyncProperty(fc.nat(19), fc.nat(19), fc.stringMatching(/^\d{0,2}-\d{0,2}$/), async (a, b, spec) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b) + 1];
        const { get, answers } = world();
        const store = { 'cache-control': 'max-age=60', etag: '"a"' };
        answers(answering({ ...store, 'content-range': `bytes ${start}-${end - 1}/20` }, whole.slice(start, end), 206));
        await get({ range: `bytes=${start}-${end - 1}` });
        const full = world();
        full.answers(answering(store, whole));
        await full.get();
        const range = { range: `bytes=${spec}` };
        const expected = await full.get(range);
        answers(() => new Response('asked again'));
        const { status, body, headers } = await get(range);
        if (body === 'asked again') return;
        expect([status, body, headers.get('content-range')]).toEqual([
          expected.status,
          expected.body,
          expected.headers.get('content-range'),
        ]);
      }),
      { numRuns: 100 },
    );
  });

  it('gives a POST’s answer to those who read the address that it names, and only that', async () => {
    const { get, answers } = world();
    answers(answering({ 'cache-control': 'max-age=60', 'content-location': url }, 'made'));
    await get({}, { method: 'POST' });
    expect(await get()).toMatchObject({ body: 'made', cacheStatus: 'lotok; hit; ttl=60' });
    answers(answering({ 'cache-control': 'max-age=60', 'content-location': `${url}/other` }, 'other'));
    await get({}, { method: 'POST' });
    answers(answering({ 'cache-control': 'max-age=60' }, 'read'));
    expect((await get()).body).toBe('read');
    expect((await get({}, { path: '/other' })).body).toBe('read');
  });

  it('knows languages by what they mean', async () => {
    const { get, answers, asked } = world();
    answers(answering({ 'cache-control': 'max-age=60', vary: 'Accept-Language', 'content-language': 'de' }));
    await get({ 'accept-language': 'de, en;q=0.5' });
    await get({ 'accept-language': 'EN;q=0.5,de;q=1.0' });
    await get({ 'accept-language': 'de, fr;q=0.1' });
    expect(asked).toHaveLength(1);
    await get({ 'accept-language': 'en, de;q=0.5' });
    await get({ 'accept-language': 'en, de' });
    expect(asked).toHaveLength(3);
  });

  it('asks once for addresses that differ in what the answer does not depend on', async () => {
    const { get, answers, asked } = world({ keyOf: addressKey });
    answers(answering({ 'cache-control': 'max-age=60', 'no-vary-search': 'params=("ref" "utm"), key-order' }));
    await get({}, { path: '?b=2&a=1&ref=x' });
    expect((await get({}, { path: '?a=1&b=2&utm=%20y' })).cacheStatus).toBe('lotok; hit; ttl=60');
    await get({}, { path: '?a=1&b=3' });
    expect(asked).toHaveLength(2);
    // A change by any of the addresses is one of all.
    await get({}, { path: '?a=1&b=2&utm=z', method: 'DELETE' });
    expect((await get({}, { path: '?b=2&a=1&ref=x' })).cacheStatus).toMatch(/fwd=stale/);
    // The last word counts: from now on everything matters.
    answers(answering({ 'cache-control': 'max-age=60' }));
    await get({}, { path: '?b=2&a=1&ref=x', method: 'DELETE' });
    await get({}, { path: '?b=2&a=1&ref=x' });
    expect((await get({}, { path: '?a=1&b=2&ref=y' })).cacheStatus).toMatch(/fwd/);
  });

  it('does not believe for long in an error', async () => {
    const { get, pass, answers } = world();
    answers(answering({ 'cache-control': 'max-age=86400' }, 'not here', 404));
    await get();
    expect((await get()).cacheStatus).toBe('lotok; hit; ttl=60');
    pass(61);
    answers(answering({ 'cache-control': 'max-age=60' }, 'here'));
    expect((await get()).body).toBe('here');
  });

  it('forgets what an unsafe request changed, and keeps it when that failed', async () => {
    const { get, answers, asked } = world();
    await get();
    answers(answering({}, 'no', 409));
    await get({}, { method: 'PATCH' });
    expect((await get()).cacheStatus).toMatch(/hit/);
    answers(answering({ 'cache-control': 'max-age=60' }, 'changed'));
    await get({}, { method: 'PATCH' });
    expect(await get()).toMatchObject({ body: 'changed' });
    expect(asked).toHaveLength(4);
  });

  it('stays within its memory, forgetting what was not asked for longest', async () => {
    const { get, answers, cache } = world({ maxBytes: 100_000 });
    answers(answering({ 'cache-control': 'max-age=600' }, 'x'.repeat(10_000)));
    for (let page = 0; page < 50; page += 1) await get({}, { path: `?page=${page}` });
    expect(cache.bytes).toBeLessThanOrEqual(100_000);
    expect((await get({}, { path: '?page=49' })).cacheStatus).toMatch(/hit/);
    expect((await get({}, { path: '?page=0' })).cacheStatus).toMatch(/uri-miss/);
  });

  it('passes on what is too large to keep, whole', async () => {
    const { get, answers } = world({ maxBytes: 10_000 });
    const large = 'x'.repeat(50_000);
    answers(() => new Response(new Blob([large]).stream(), { headers: { 'cache-control': 'max-age=600' } }));
    expect((await get()).body).toBe(large);
    expect((await get()).body).toBe(large);
  });

  describe('when many come at once', () => {
    it('asks once for all of them', async () => {
      const { get, asked } = world();
      const answers = await Promise.all(Array.from({ length: 30 }, () => get()));
      expect(asked).toHaveLength(1);
      expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['v1']));
      expect(answers.filter(({ cacheStatus }) => cacheStatus === 'lotok; fwd=uri-miss; collapsed')).toHaveLength(29);
    });

    it('asks for each when the answer turns out to be private', async () => {
      const { get, asked, answers } = world();
      let count = 0;
      answers(() => new Response(`for ${++count}`, { headers: { 'cache-control': 'private' } }));
      const bodies = (await Promise.all(Array.from({ length: 5 }, () => get()))).map(({ body }) => body);
      expect(new Set(bodies).size).toBe(5);
      expect(asked).toHaveLength(5);
    });

    it('gives all of them the error when there is one', async () => {
      const { get, answers } = world();
      answers(() => Promise.reject(new Error('core is away')));
      const results = await Promise.allSettled(Array.from({ length: 5 }, () => get()));
      expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    });
  });

  describe('when something changed', () => {
    it('asks again for all that shows it, and for nothing else', async () => {
      const { get, cache, change } = world();
      await get();
      change();
      cache.invalidateGroups(['users']);
      expect((await get()).body).toBe('v1');
      cache.invalidateGroups(['ads']);
      expect(await get()).toMatchObject({ body: 'v2', cacheStatus: 'lotok; fwd=stale; fwd-status=200; stored' });
    });

    it('does not store an answer that was fetched before the news and came after it', async () => {
      const { get, cache, answers, change } = world();
      const old = Promise.withResolvers<Response>();
      answers(() => old.promise);
      const early = get();
      change();
      cache.invalidateGroups(['ads']);
      old.resolve(new Response('v1', { headers: { 'cache-control': 'max-age=60', 'cache-groups': '"ads"' } }));
      expect(await early).toMatchObject({ body: 'v1', cacheStatus: 'lotok; fwd=uri-miss' });
      answers(answering({ 'cache-control': 'max-age=60', 'cache-groups': '"ads"' }, 'v2'));
      expect((await get()).body).toBe('v2');
    });

    it('does not give who comes after the news an answer that was asked for before it', async () => {
      const { get, cache, answers, asked } = world();
      const old = Promise.withResolvers<Response>();
      const store = { 'cache-control': 'max-age=60', 'cache-groups': '"ads"' };
      answers(() => (asked.length === 1 ? old.promise : new Response('v2', { headers: store })));
      const early = get();
      cache.invalidateGroups(['ads']);
      const late = [get(), get()];
      old.resolve(new Response('v1', { headers: store }));
      expect((await early).body).toBe('v1');
      expect((await Promise.all(late)).map(({ body }) => body)).toEqual(['v2', 'v2']);
      expect(asked).toHaveLength(2);
    });

    it('sends nothing unasked while news may be late, and everything again when it heard all', async () => {
      const { get, cache, change, asked } = world();
      await get();
      cache.trusted = false;
      change();
      expect((await get()).body).toBe('v2');
      cache.trusted = true;
      expect((await get()).cacheStatus).toMatch(/hit/);
      cache.invalidateAll();
      await get();
      expect(asked).toHaveLength(3);
    });
  });

  it('never answers with less than was told before the request, whatever the order of things', async () => {
    const steps = fc.array(
      fc.oneof(fc.constant('ask'), fc.constant('land'), fc.constant('change'), fc.constant('tell')),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const { cache, get, answers } = world();
        let state = 0;
        let told = 0;
        const flying: (() => void)[] = [];
        answers(() => {
          // Core reads its state when asked; the answer travels until it lands.
          const read = state;
          return new Promise((resolve) =>
            flying.push(() =>
              resolve(
                new Response(String(read), {
                  headers: { 'cache-control': 'max-age=60, stale-while-revalidate=60', 'cache-groups': '"g"' },
                }),
              ),
            ),
          );
        });
        const waiting: Promise<void>[] = [];
        for (const step of script) {
          if (step === 'ask') {
            const atLeast = told;
            waiting.push(get().then(({ body }) => expect(Number(body)).toBeGreaterThanOrEqual(atLeast)));
          } else if (step === 'land') flying.shift()?.();
          else if (step === 'change') state += 1;
          else {
            told = state;
            cache.invalidateGroups(['g']);
          }
          await new Promise((resolve) => setImmediate(resolve));
        }
        let done = false;
        const all = Promise.all(waiting).finally(() => {
          done = true;
        });
        all.catch(() => undefined);
        await until(
          'every request is answered',
          () => {
            flying.shift()?.();
            return done || waiting.length === 0;
          },
          { everyMs: 0 },
        );
        await all;
      }),
      { numRuns: 60 },
    );
  });
});
