// Calls as a client sees them: deadlines, retries, the breaker.
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { until } from '../../../tests/until.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { currentTraceId, inSpan } from '../telemetry/tracing.ts';
import { payment, problemCode, rpcStatus, rpcWorld, untilStopped } from './testing.ts';

const { caller, payments } = rpcWorld();

describe('a call', () => {
  it('reaches the handler with its key, its caller and its deadline, and brings the answer', async () => {
    const seen: unknown[] = [];
    const { port } = await payments({
      async capture(request, { idempotencyKey, peer, deadline }) {
        seen.push(request.paymentId, idempotencyKey, peer, Math.round((deadline - Date.now()) / 1000));
        return { payment: payment(request.paymentId) };
      },
    });
    const client = await caller(port);
    const answer = await client.capture({ paymentId: 'p1' }, { idempotencyKey: 'o1:capture', deadlineMs: 5_000 });
    expect(answer.payment).toEqual(payment('p1'));
    expect(seen).toEqual(['p1', 'o1:capture', 'orders', 5]);
  });

  it('keeps the trace, in which the answer is logged too', async () => {
    const seen: unknown[] = [];
    const { port } = await payments({
      async get({ paymentId }) {
        seen.push(currentTraceId());
        return { payment: payment(paymentId) };
      },
    });
    const client = await caller(port);
    const mine = await inSpan('a purchase', {}, async () => {
      await client.get({ paymentId: 'p1' });
      return currentTraceId();
    });
    expect(mine).toMatch(/^[0-9a-f]{32}$/);
    expect(seen).toEqual([mine]);
  });

  it('ends at its deadline, and its handler hears of that', async () => {
    const stopped = Promise.withResolvers<void>();
    const { port } = await payments({
      get: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            stopped.resolve();
            reject(signal.reason);
          });
        }),
    });
    const client = await caller(port);
    await expect(client.get({ paymentId: 'p1' }, { deadlineMs: 150 })).rejects.toEqual(problemCode('timeout'));
    await stopped.promise;
  });

  it('ends when its caller gives up', async () => {
    const arrived = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const { port } = await payments({
      get: (_request, { signal }) =>
        new Promise((_resolve, reject) => {
          arrived.resolve();
          signal.addEventListener('abort', () => {
            stopped.resolve();
            reject(signal.reason);
          });
        }),
    });
    const client = await caller(port);
    const giveUp = new AbortController();
    const call = client.get({ paymentId: 'p1' }, { signal: giveUp.signal });
    await arrived.promise;
    giveUp.abort(new Error('the buyer went away'));
    await expect(call).rejects.toThrow('the buyer went away');
    await stopped.promise;
  });

  it('never outlasts the call that it is made for', async () => {
    let innerDeadline = 0;
    const inner = await payments({
      async get({ paymentId }, { deadline }) {
        innerDeadline = deadline;
        return { payment: payment(paymentId) };
      },
    });
    const innerClient = await caller(inner.port);
    let outerDeadline = 0;
    const outer = await payments({
      async get(request, { deadline }) {
        outerDeadline = deadline;
        return innerClient.get(request, { deadlineMs: 60_000 });
      },
    });
    await (await caller(outer.port)).get({ paymentId: 'p1' }, { deadlineMs: 3_000 });
    // Deadlines travel as time left, so both sides' clocks round them.
    expect(innerDeadline).toBeLessThanOrEqual(outerDeadline + 50);
  });

  it('refuses messages that are too large', async () => {
    const { port } = await payments({ get: async () => ({ payment: payment('p1') }) });
    const client = await caller(port);
    await expect(client.get({ paymentId: 'x'.repeat(2_000_000) })).rejects.toEqual(rpcStatus('RESOURCE_EXHAUSTED'));
  });
});

describe('a call that fails on its way', () => {
  it('is sent again with the same key until it succeeds', async () => {
    const keys: (string | undefined)[] = [];
    const { port } = await payments({
      async capture({ paymentId }, { idempotencyKey }) {
        keys.push(idempotencyKey);
        if (keys.length < 3) throw new ProblemError('unavailable');
        return { payment: payment(paymentId) };
      },
    });
    const client = await caller(port);
    const answer = await client.capture({ paymentId: 'p1' }, { idempotencyKey: 'o1:capture' });
    expect(answer.payment?.paymentId).toBe('p1');
    expect(keys).toEqual(['o1:capture', 'o1:capture', 'o1:capture']);
  });

  it('waits for a first request with its key that still runs', async () => {
    let calls = 0;
    const { port } = await payments({
      async capture({ paymentId }) {
        calls += 1;
        if (calls === 1) throw new ProblemError('request-in-progress');
        return { payment: payment(paymentId) };
      },
    });
    const client = await caller(port);
    await expect(client.capture({ paymentId: 'p1' }, { idempotencyKey: 'k' })).resolves.toBeDefined();
  });

  it('is not sent again when a rule says no', async () => {
    let calls = 0;
    const { port } = await payments({
      async capture() {
        calls += 1;
        throw new ProblemError('conflict');
      },
    });
    const client = await caller(port);
    await expect(client.capture({ paymentId: 'p1' }, { idempotencyKey: 'k' })).rejects.toEqual(problemCode('conflict'));
    expect(calls).toBe(1);
  });

  it('is sent again after the time of one try, for a server that lost it', async () => {
    let calls = 0;
    const { port } = await payments({
      async get({ paymentId }, { signal }) {
        calls += 1;
        if (calls > 1) return { payment: payment(paymentId) };
        return untilStopped(signal);
      },
    });
    const client = await caller(port, { tryDeadlineMs: 200 });
    await expect(client.get({ paymentId: 'p1' }, { deadlineMs: 5_000 })).resolves.toBeDefined();
    expect(calls).toBe(2);
  });

  it('is not sent again without a key when it changes something', async () => {
    const own = createMetrics({ part: 'test' });
    // Nobody listens on a port that was just given back.
    const { port, [Symbol.asyncDispose]: end } = await payments({});
    await end();
    const client = await caller(port, { metrics: own });
    await expect(client.capture({ paymentId: 'p1' })).rejects.toEqual(problemCode('unavailable'));
    expect(await own.registry.getSingleMetricAsString('lotok_rpc_client_retries_total')).not.toMatch(/\} [1-9]/);
    await expect(client.capture({ paymentId: 'p1' }, { idempotencyKey: 'k', deadlineMs: 1_000 })).rejects.toEqual(
      problemCode('unavailable'),
    );
    expect(await own.registry.getSingleMetricAsString('lotok_rpc_client_retries_total')).toMatch(
      /UNAVAILABLE.*\} [1-9]/,
    );
  });

  it('goes to the next target when one is away', async () => {
    const away = await payments({});
    await away[Symbol.asyncDispose]();
    const { port } = await payments({ get: async ({ paymentId }) => ({ payment: payment(paymentId) }) });
    const client = await caller(port, { target: `127.0.0.1:${away.port},127.0.0.1:${port}` });
    for (let call = 0; call < 4; call += 1) {
      expect((await client.get({ paymentId: `p${call}` })).payment?.paymentId).toBe(`p${call}`);
    }
  });
});

describe('the circuit breaker', () => {
  it('stops calls to a service that keeps failing, and lets them through when it is well again', async () => {
    let calls = 0;
    let well = false;
    const { port } = await payments({
      async get({ paymentId }) {
        calls += 1;
        if (!well) throw new Error('out of order');
        return { payment: payment(paymentId) };
      },
    });
    const own = createMetrics({ part: 'test' });
    const client = await caller(port, { probeAfterMs: 300, metrics: own });
    const state = () => own.registry.getSingleMetricAsString('lotok_rpc_breaker_state');
    for (let call = 0; call < 5; call += 1) {
      await expect(client.get({ paymentId: 'p1' })).rejects.toEqual(rpcStatus('INTERNAL'));
    }
    await expect(client.get({ paymentId: 'p1' })).rejects.toEqual(problemCode('unavailable'));
    expect(calls).toBe(5);
    expect(await state()).toMatch(/\} 2$/m);

    well = true;
    await until('the breaker closes', () => client.get({ paymentId: 'p1' }));
    expect(await state()).toMatch(/\} 0$/m);
    expect(calls).toBe(6);
  });

  it('takes a no for an answer: problems do not open it', async () => {
    let calls = 0;
    const { port } = await payments({
      async get() {
        calls += 1;
        throw new ProblemError('not-found');
      },
    });
    const client = await caller(port);
    for (let call = 0; call < 10; call += 1) {
      await expect(client.get({ paymentId: 'p1' })).rejects.toEqual(problemCode('not-found'));
    }
    expect(calls).toBe(10);
  });
});
