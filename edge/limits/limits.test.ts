import { describe, expect, it, vi } from 'vitest';
import { addressKey, clientAddress, hopsOf, networks } from './address.ts';
import { readBody } from './body.ts';
import { createRateLimiter, type RatePolicy, rateLimitHeaders } from './rate-limit.ts';
import { createShedding, type Shedding } from './shedding.ts';

describe('the client’s address', () => {
  const trusted = networks(['10.0.0.0/8', 'fd00::/8', '127.0.0.1']);

  it.each([
    ['a client that reaches us itself, whatever it claims', '203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['what the proxy in front of us saw', '10.0.0.1', '203.0.113.7', '203.0.113.7'],
    [
      'the last hop that is no proxy of ours, not what it claims',
      '10.0.0.1',
      '198.51.100.1, 203.0.113.7, 10.2.3.4',
      '203.0.113.7',
    ],
    ['the proxy itself when what it passes on is no address', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['IPv4 written as IPv6', '::ffff:10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['IPv6', 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ])('is %s', (_what, peer, forwardedFor, address) => {
    const headers = new Headers({ 'x-forwarded-for': forwardedFor, forwarded: 'for=192.0.2.99' });
    expect(clientAddress(peer, hopsOf(headers, 'x-forwarded-for'), trusted)).toBe(address);
  });

  it.each([
    ['what the proxy in front of us saw', 'for=203.0.113.7;proto=https;by=10.0.0.1', '203.0.113.7'],
    ['without its port', 'for="203.0.113.7:4711"', '203.0.113.7'],
    ['IPv6, quoted as it must be', 'For="[2001:db8::7]:4711"', '2001:db8::7'],
    [
      'the last hop that is no proxy of ours',
      'for=198.51.100.1, for=203.0.113.7;host="a,b", for=10.2.3.4',
      '203.0.113.7',
    ],
    ['the proxy itself when it hides it', 'for=198.51.100.1, for=unknown', '10.0.0.1'],
    ['the proxy itself when it makes no sense', 'for="203.0.113.7', '10.0.0.1'],
  ])('is %s, where proxies write Forwarded', (_what, forwarded, address) => {
    const headers = new Headers({ 'x-forwarded-for': '192.0.2.99', forwarded });
    expect(clientAddress('10.0.0.1', hopsOf(headers, 'forwarded'), trusted)).toBe(address);
  });

  it('has one name, however it is written', () => {
    const written = [
      '203.0.113.7',
      '::ffff:203.0.113.7',
      '::FFFF:cb00:7107',
      '0:0:0:0:0:ffff:cb00:7107',
      '203.0.113.7:80',
    ];
    for (const each of written) {
      const hops = hopsOf(new Headers({ 'x-forwarded-for': each }), 'x-forwarded-for');
      expect(clientAddress('10.0.0.1', hops, trusted)).toBe('203.0.113.7');
    }
  });

  it('belongs to a network or not, to the bit', () => {
    const inside = networks(['192.0.2.0/25', '2001:db8:8000::/33']);
    expect(['192.0.2.127', '::ffff:192.0.2.1', '2001:db8:8000::1', '2001:db8:ffff::'].every(inside)).toBe(true);
    expect(['192.0.2.128', '192.0.3.1', '2001:db8:7fff::1', 'nonsense', ''].some(inside)).toBe(false);
  });

  it('of an IPv6 customer is a whole /64', () => {
    expect(addressKey('2001:db8:1:2::1')).toBe(addressKey('2001:db8:1:2:ffff::9'));
    expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'));
    expect(addressKey('203.0.113.7')).toBe('203.0.113.7');
  });

  it.each(['10.0.0.0/33', '300.1.1.1', 'fd00::/129', 'example.org', '10.0.0.0/', '10.0.0.0/8.5', '0.0.0.0/0', '::/0'])(
    'is not compared with %s, which is no network',
    (network) => {
      expect(() => networks([network])).toThrow(network);
    },
  );
});

describe('a rate limit', () => {
  const policy: RatePolicy = { name: 'address', quota: 10, windowSeconds: 60 };
  const limiter = () => {
    let now = 0;
    const limit = createRateLimiter(() => now);
    return {
      take: (key = 'a', of = policy) => limit.take([of], key)[0],
      pass: (seconds: number) => {
        now += seconds * 1000;
      },
    };
  };

  it('lets a burst of the whole quota through, and then one each time its share of the window has passed', () => {
    const { take, pass } = limiter();
    const burst = Array.from({ length: 12 }, () => take());
    expect(burst.map((verdict) => verdict?.allowed)).toEqual([...Array.from({ length: 10 }, () => true), false, false]);
    expect(burst.map((verdict) => verdict?.remaining)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]);
    expect(burst.at(-1)?.resetSeconds).toBe(6);
    pass(6);
    expect([take()?.allowed, take()?.allowed]).toEqual([true, false]);
    pass(60);
    expect(take()?.remaining).toBe(9);
  });

  it('is everybody’s own', () => {
    const { take } = limiter();
    for (let count = 0; count < 11; count += 1) take('a');
    expect(take('b')?.allowed).toBe(true);
  });

  it('tells each policy and what is left of it', () => {
    const { take } = limiter();
    const verdicts = [take(), take('a', { name: 'sign-in', quota: 2, windowSeconds: 60 })].filter(
      (verdict) => verdict !== undefined,
    );
    expect(rateLimitHeaders(verdicts)).toEqual({
      'ratelimit-policy': '"address";q=10;w=60, "sign-in";q=2;w=60',
      ratelimit: '"address";r=9;t=6, "sign-in";r=1;t=30',
    });
  });
});

describe('a process that cannot keep up', () => {
  const seconds = (shedding: Shedding, count: number, delayMs: number | ((tick: number) => number)): void => {
    for (let tick = 0; tick < count * 20; tick += 1)
      shedding.tick(typeof delayMs === 'number' ? delayMs : delayMs(tick));
  };
  const admitted = (shedding: Shedding): number =>
    Array.from({ length: 100 }, () => shedding.admits()).filter(Boolean).length;

  it('answers a part of what comes, less and less until it keeps up, and then more again', () => {
    const shedding = createShedding({ maxDelayMs: 60 });
    expect(admitted(shedding)).toBe(100);
    seconds(shedding, 1, 100);
    const first = admitted(shedding);
    expect(first).toBeLessThan(60);
    seconds(shedding, 10, 100);
    const least = admitted(shedding);
    expect(least).toBeLessThan(first);
    expect(least).toBeGreaterThan(0);
    seconds(shedding, 2, 10);
    expect(admitted(shedding)).toBeGreaterThan(least);
    seconds(shedding, 10, 10);
    expect(admitted(shedding)).toBe(100);
  });

  it('is not one that paused for once', () => {
    const shedding = createShedding({ maxDelayMs: 60 });
    seconds(shedding, 10, (tick) => (tick % 7 === 0 ? 500 : 2));
    expect(admitted(shedding)).toBe(100);
  });
});

describe('a body', () => {
  const post = (body: BodyInit, headers = {}) =>
    new Request('http://lotok.example/', { method: 'POST', body, headers });

  it('is read up to its limit', async () => {
    expect(await readBody(post('x'.repeat(100)), 100)).toHaveLength(100);
    await expect(readBody(post('x'.repeat(101)), 100)).rejects.toMatchObject({ code: 'content-too-large' });
  });

  it('is not read at all when it says that it is too large', async () => {
    const request = post('x', { 'content-length': '1000000' });
    await expect(readBody(request, 100)).rejects.toMatchObject({ code: 'content-too-large' });
    expect(request.bodyUsed).toBe(false);
  });

  it('that does not come in time is no longer waited for', async () => {
    vi.useFakeTimers();
    try {
      let cancelled = false;
      const trickle = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        cancel: () => {
          cancelled = true;
        },
      });
      const request = new Request('http://lotok.example/', {
        method: 'POST',
        body: trickle,
        duplex: 'half',
      } as RequestInit);
      const reading = expect(readBody(request, 16 * 1024)).rejects.toMatchObject({ code: 'request-timeout' });
      await vi.advanceTimersByTimeAsync(11_000);
      await reading;
      expect(cancelled).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that goes on without end is cut off at its limit', async () => {
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1000;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const request = new Request('http://lotok.example/', {
      method: 'POST',
      body: endless,
      duplex: 'half',
    } as RequestInit);
    await expect(readBody(request, 5_000)).rejects.toMatchObject({ code: 'content-too-large' });
    expect(sent).toBeLessThan(20_000);
  });
});
