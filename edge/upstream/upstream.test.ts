import { ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, it, vi } from 'vitest';
import { createLog } from '../log.ts';
import type { UpstreamRequest } from '../platform.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createTracing } from '../telemetry/tracing.ts';
import { requestHeaders } from './headers.ts';
import { createRetryBudget } from './retry-budget.ts';
import { createUpstream, type ForwardRequest } from './upstream.ts';

const log = createLog('silent', () => undefined);

function world(answer: (request: UpstreamRequest, attempt: number) => Promise<Response>) {
  let attempts = 0;
  const tracing = createTracing({ config: {}, waitUntil: () => undefined, log, runtime: 'node' });
  const upstream = createUpstream(
    { log, fetchUpstream: (request) => answer(request, ++attempts) },
    createMetrics(),
    tracing,
    { maxConcurrency: 100, random: () => 0.5 },
  );
  return {
    attempts: () => attempts,
    forward: (request: Partial<ForwardRequest> = {}) =>
      upstream.forward({
        service: 'ads',
        url: 'http://core.internal/v1/ads',
        method: 'GET',
        headers: new Headers(),
        trace: ROOT_CONTEXT,
        repeatable: true,
        timeoutMs: 1_000,
        ...request,
      }),
  };
}
const broken = (): Promise<Response> => Promise.reject(new Error('connection refused'));

describe('an upstream', () => {
  it('that fails for a moment is asked again, where that changes nothing', async () => {
    const { forward, attempts } = world((_request, attempt) =>
      attempt < 3 ? broken() : Promise.resolve(new Response('ok')),
    );
    expect(await (await forward()).text()).toBe('ok');
    expect(attempts()).toBe(3);
  });

  it('is asked once where asking twice could do it twice', async () => {
    const { forward, attempts } = world(broken);
    await expect(forward({ repeatable: false, method: 'POST' })).rejects.toMatchObject({ code: 'bad-gateway' });
    expect(attempts()).toBe(1);
  });

  it('that is too slow is given up on, and told so', async () => {
    let told = false;
    const { forward, attempts } = world(
      ({ signal }) =>
        new Promise((_resolve, reject) =>
          signal?.addEventListener('abort', () => {
            told = true;
            reject(new Error('aborted'));
          }),
        ),
    );
    await expect(forward({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'timeout' });
    expect([told, attempts()]).toEqual([true, 1]);
  });

  it('that is down is left alone for a while, so that clients are told at once', async () => {
    const { forward, attempts } = world(broken);
    await Promise.allSettled(Array.from({ length: 60 }, () => forward({ repeatable: false })));
    const before = attempts();
    await expect(forward()).rejects.toMatchObject({ code: 'unavailable', extras: { headers: { 'retry-after': '2' } } });
    expect(attempts()).toBe(before);
  });

  it('that is tried again after it was down keeps nobody waiting but the one who tries', async () => {
    let probe = Promise.withResolvers<Response>();
    let down = true;
    const { forward } = world(() => (down ? broken() : probe.promise));
    vi.useFakeTimers();
    try {
      await Promise.allSettled(Array.from({ length: 60 }, () => forward({ repeatable: false })));
      down = false;
      vi.advanceTimersByTime(2_500);
      const trying = forward({ repeatable: false, timeoutMs: 60_000 });
      await vi.advanceTimersByTimeAsync(0);
      await expect(forward({ repeatable: false })).rejects.toMatchObject({ code: 'unavailable' });
      probe.resolve(new Response('ok'));
      expect((await trying).status).toBe(200);
      probe = Promise.withResolvers();
      probe.resolve(new Response('ok'));
      expect((await forward()).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that has no room is asked by no more, who are told when to come again', async () => {
    const answer = Promise.withResolvers<Response>();
    const { forward, attempts } = world(() => answer.promise);
    const asking = Array.from({ length: 100 }, () => forward({ method: 'POST', repeatable: false }));
    await expect(forward({ method: 'POST', repeatable: false })).rejects.toMatchObject({
      code: 'unavailable',
      extras: { headers: { 'retry-after': '3' } },
    });
    expect(attempts()).toBe(100);
    answer.resolve(new Response(null, { status: 204 }));
    await Promise.all(asking);
    expect((await forward()).status).toBe(204);
  });

  it('gets no more time for its last try than what is left', async () => {
    let now = 0;
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => now);
    try {
      const { forward, attempts } = world((request, attempt) => {
        if (attempt === 1) {
          now += 990;
          return broken();
        }
        return new Promise((_resolve, reject) =>
          request.signal?.addEventListener('abort', () => reject(new Error('aborted'))),
        );
      });
      await expect(forward({ timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'timeout' });
      expect(attempts()).toBe(2);
    } finally {
      spy.mockRestore();
    }
  });

  it('that answers 500 is not down: one broken route must not close the others', async () => {
    const { forward } = world(async () => new Response('', { status: 500 }));
    for (let count = 0; count < 60; count += 1) expect((await forward()).status).toBe(500);
  });

  it('gets no more work by retries than the budget allows', async () => {
    const budget = createRetryBudget({ share: 0.1, reserve: 2 });
    let spent = 0;
    for (let request = 0; request < 100; request += 1) {
      budget.earn();
      if (budget.spend()) spent += 1;
    }
    expect(spent).toBeGreaterThan(2);
    expect(spent).toBeLessThanOrEqual(12);
  });

  it('hears from us who the client is, and nothing that only it said', () => {
    const headers = requestHeaders(
      new Headers({
        host: 'evil.example',
        connection: 'keep-alive, x-secret',
        'x-secret': '1',
        te: 'trailers',
        'x-forwarded-for': '1.2.3.4',
        forwarded: 'for=1.2.3.4',
        'x-request-id': 'theirs',
        accept: 'application/json',
      }),
      {
        requestId: 'ours',
        address: '203.0.113.7',
        origin: 'https://lotok.example',
        trace: ROOT_CONTEXT,
        traceId: '',
        internal: false,
      },
    );
    expect(Object.fromEntries(headers)).toEqual({
      accept: 'application/json',
      'x-request-id': 'ours',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'lotok.example',
    });
  });
});
