// Streams from server to client.
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { until } from '../../../tests/until.ts';
import { failing, payment, problemCode, rpcWorld, untilStopped } from './testing.ts';

const { caller, payments } = rpcWorld();

describe('a stream', () => {
  it('brings its messages in order, no faster than they are taken', async () => {
    const count = 500;
    const { port } = await payments({
      async *watchPayment({ paymentId }) {
        for (let version = 1; version <= count; version += 1) yield { payment: payment(paymentId, version) };
      },
    });
    const client = await caller(port);
    const versions: number[] = [];
    for await (const message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 })) {
      versions.push(message.payment?.version ?? 0);
    }
    expect(versions).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  });

  it('holds its handler back while its reader is slow', async () => {
    const total = 20_000;
    let made = 0;
    const { port } = await payments({
      async *watchPayment({ paymentId }) {
        for (; made < total; made += 1)
          yield { payment: { ...payment(paymentId, made + 1), reason: 'x'.repeat(1_000) } };
      },
    });
    const client = await caller(port);
    let read = 0;
    for await (const _message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 })) {
      read += 1;
      if (read > 1) continue;
      let before = -1;
      const hasStopped = (): boolean => {
        const same = before === made;
        before = made;
        return same;
      };
      await until('the handler stops', hasStopped, { everyMs: 200 });
      expect(made).toBeLessThan(total / 4);
    }
    expect(read).toBe(total);
  });

  it('sends heartbeats while nothing happens, which its reader does not see', async () => {
    const go = Promise.withResolvers<void>();
    const { port } = await payments(
      {
        async *watchPayment({ paymentId }) {
          yield { payment: payment(paymentId, 1) };
          await go.promise;
          yield { payment: payment(paymentId, 2) };
        },
      },
      { heartbeatMs: 50 },
    );
    // Shorter than the silence between the two messages: without heartbeats it would be taken for dead.
    const client = await caller(port, { longestSilenceMs: 1_000 });
    setTimeout(go.resolve, 2_500);
    const versions: (number | undefined)[] = [];
    for await (const message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 }))
      versions.push(message.payment?.version);
    expect(versions).toEqual([1, 2]);
  });

  it('is taken for dead when not even heartbeats come', async () => {
    const { port } = await payments(
      {
        async *watchPayment({ paymentId }, { signal }) {
          yield { payment: payment(paymentId) };
          await untilStopped(signal);
        },
      },
      { heartbeatMs: 60_000 },
    );
    const client = await caller(port, { longestSilenceMs: 200 });
    const read = async (): Promise<void> => {
      for await (const _message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 }));
    };
    await expect(read()).rejects.toEqual(problemCode('unavailable'));
  });

  it('ends at the server when its reader stops', async () => {
    const ended = Promise.withResolvers<void>();
    const { port } = await payments({
      async *watchPayment({ paymentId }, { signal }) {
        signal.addEventListener('abort', () => ended.resolve());
        yield { payment: payment(paymentId) };
        await untilStopped(signal);
      },
    });
    const client = await caller(port);
    for await (const message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 })) {
      expect(message.payment?.version).toBe(1);
      break;
    }
    await ended.promise;
  });

  it('ends with its caller’s reason when that gives up while nothing comes', async () => {
    const { port } = await payments({
      async *watchPayment({ paymentId }, { signal }) {
        yield { payment: payment(paymentId) };
        await untilStopped(signal);
      },
    });
    const client = await caller(port);
    const giveUp = new AbortController();
    const read = async (): Promise<void> => {
      for await (const _message of client.watchPayment(
        { paymentId: 'p1', afterVersion: 0 },
        { signal: giveUp.signal },
      )) {
        giveUp.abort(new Error('enough'));
      }
    };
    await expect(read()).rejects.toThrow('enough');
  });

  it('fails with the problem that its handler throws', async () => {
    const { port } = await payments({
      watchPayment: () => failing(new ProblemError('not-found', { detail: 'No such payment' })),
    });
    const client = await caller(port);
    const read = async (): Promise<void> => {
      for await (const _message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 }));
    };
    await expect(read()).rejects.toEqual(problemCode('not-found'));
  });

  it('ends when its server ends, so that its reader goes on elsewhere', async () => {
    const server = await payments({
      async *watchPayment({ paymentId }, { signal }) {
        yield { payment: payment(paymentId) };
        await untilStopped(signal);
      },
    });
    const client = await caller(server.port);
    let ending: PromiseLike<void> | undefined;
    const read = async (): Promise<void> => {
      for await (const _message of client.watchPayment({ paymentId: 'p1', afterVersion: 0 })) {
        ending = server[Symbol.asyncDispose]();
      }
    };
    await expect(read()).rejects.toEqual(problemCode('unavailable'));
    await ending;
  });
});
