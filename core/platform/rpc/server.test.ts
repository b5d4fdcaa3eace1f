// What a server lets in, what it tells, and how it ends.
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../contracts/problem.ts';
import { HealthService } from '../../../proto/generated/grpc/health/v1/health.ts';
import { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { createLogger, silentLog } from '../telemetry/log.ts';
import { currentTraceId, inSpan } from '../telemetry/tracing.ts';
import { createRpcClient } from './client.ts';
import { payment, problemCode, rpcStatus, rpcWorld } from './testing.ts';
import { TlsSource } from './tls-source.ts';

const { caller, metrics, payments, tlsOf, use } = rpcWorld();

describe('who may call', () => {
  it('is told by the certificate: another service is refused', async () => {
    const { port } = await payments({ get: async () => ({ payment: payment('p1') }) });
    const client = await caller(port, { as: 'ads' });
    await expect(client.get({ paymentId: 'p1' })).rejects.toEqual(rpcStatus('PERMISSION_DENIED'));
  });

  it('cannot be claimed: a name that the certificate has not is refused', async () => {
    const { port } = await payments({ get: async () => ({ payment: payment('p1') }) });
    const client = await caller(port, { as: 'ads', caller: 'orders' });
    await expect(client.get({ paymentId: 'p1' })).rejects.toEqual(rpcStatus('UNAUTHENTICATED'));
  });

  it('has a certificate by our own authority', async () => {
    const { port } = await payments({ get: async () => ({ payment: payment('p1') }) });
    const { ca } = (await tlsOf('orders')).current;
    const stranger = await tlsOf('orders', 'strangers');
    const client = await caller(port, { tls: new TlsSource({ ...stranger.current, ca }) });
    await expect(client.get({ paymentId: 'p1' }, { deadlineMs: 1_000 })).rejects.toEqual(problemCode('unavailable'));
  });

  it('has a certificate at all', async () => {
    const { port } = await payments({ get: async () => ({ payment: payment('p1') }) });
    const { ca } = (await tlsOf('orders')).current;
    const options = { 'grpc.ssl_target_name_override': 'payments.lotok.internal' };
    const client = new Client(`127.0.0.1:${port}`, credentials.createSsl(Buffer.from(ca)), options);
    use({ [Symbol.asyncDispose]: async () => client.close() });
    await expect(rawCall(client, 'get', {})).rejects.toMatchObject({ code: 14 });
  });

  it('only sends what they have to the service that they mean', async () => {
    const tls = await tlsOf('delivery');
    let called = false;
    const { port } = await payments(
      {
        async get() {
          called = true;
          return { payment: payment('p1') };
        },
      },
      { tls },
    );
    const client = await caller(port);
    await expect(client.get({ paymentId: 'p1' }, { deadlineMs: 1_000 })).rejects.toEqual(problemCode('unavailable'));
    expect(called).toBe(false);
  });

  it('says with a key what it is that must happen once', async () => {
    const { port } = await payments({ capture: async () => ({ payment: payment('p1') }) });
    const client = await caller(port);
    await expect(client.capture({ paymentId: 'p1' })).rejects.toEqual(rpcStatus('INVALID_ARGUMENT'));
    const tooLong = { idempotencyKey: 'k'.repeat(201) };
    await expect(client.capture({ paymentId: 'p1' }, tooLong)).rejects.toEqual(rpcStatus('INVALID_ARGUMENT'));
  });
});

describe('a problem', () => {
  it('comes to the caller as it was thrown', async () => {
    const { port } = await payments({
      async capture() {
        throw new ProblemError('invalid-field', {
          detail: 'No such amount',
          errors: [{ field: 'amount', message: 'too much' }],
        });
      },
    });
    const client = await caller(port);
    const error: unknown = await client
      .capture({ paymentId: 'p1' }, { idempotencyKey: 'k' })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect((error as ProblemError).toProblem()).toEqual({
      type: 'urn:lotok:problem:invalid-field',
      title: 'A field of the body is invalid',
      status: 422,
      detail: 'No such amount',
      errors: [{ field: 'amount', message: 'too much' }],
    });
  });

  it('that nobody foresaw tells the caller nothing, and the log everything, once, with its trace', async () => {
    const lines: string[] = [];
    const log = createLogger({
      service: 'payments',
      level: 'info',
      destination: { write: (line) => lines.push(line) },
    });
    const { port } = await payments(
      {
        async get() {
          throw new Error('relation "secrets" does not exist');
        },
      },
      { log },
    );
    const client = await caller(port);
    const traceId = await inSpan('a purchase', {}, async () => {
      const error: unknown = await client.get({ paymentId: 'p1' }).catch((thrown: unknown) => thrown);
      expect(error).toEqual(rpcStatus('INTERNAL'));
      expect(String(error)).not.toContain('secrets');
      return currentTraceId();
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      event: 'rpc.failed',
      trace_id: traceId,
      method: 'Get',
      error: { message: 'relation "secrets" does not exist' },
    });
  });
});

describe('a server that ends', () => {
  it('lets running calls end first', async () => {
    const arrived = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const server = await payments({
      async capture({ paymentId }) {
        arrived.resolve();
        await goOn.promise;
        return { payment: payment(paymentId) };
      },
    });
    const client = await caller(server.port);
    const call = client.capture({ paymentId: 'p1' }, { idempotencyKey: 'k', deadlineMs: 10_000 });
    await arrived.promise;
    let ended = false;
    const ending = server[Symbol.asyncDispose]().then(() => {
      ended = true;
    });
    const late = await caller(server.port);
    await expect(late.get({ paymentId: 'p2' }, { deadlineMs: 500 })).rejects.toEqual(problemCode('unavailable'));
    expect(ended).toBe(false);
    goOn.resolve();
    expect((await call).payment?.paymentId).toBe('p1');
    await ending;
  });

  it('does not wait for ever', async () => {
    const arrived = Promise.withResolvers<void>();
    const server = await payments(
      {
        get() {
          arrived.resolve();
          return new Promise(() => undefined);
        },
      },
      { drainMs: 100 },
    );
    const client = await caller(server.port);
    const call = client.get({ paymentId: 'p1' }, { deadlineMs: 3_000 }).catch((error: unknown) => error);
    await arrived.promise;
    await server[Symbol.asyncDispose]();
    expect(await call).toMatchObject({ name: 'ProblemError' });
  });
});

describe('health', () => {
  it('is told in gRPC’s own protocol', async () => {
    const { port } = await payments({});
    const tls = await tlsOf('orders');
    const target = `127.0.0.1:${port}`;
    const health = use(createRpcClient(HealthService, { target, service: 'payments', tls, log: silentLog, metrics }));
    expect(await health.check({ service: 'lotok.payments.v1.PaymentsService' })).toEqual({ status: 'SERVING' });
    expect(await health.check({ service: '' })).toEqual({ status: 'SERVING' });
    await expect(health.check({ service: 'other' })).rejects.toEqual(rpcStatus('NOT_FOUND'));
  });
});

/** A call by a client that keeps none of our rules. */
function rawCall(client: Client, key: 'get', request: { paymentId?: string }): Promise<unknown> {
  const method = PaymentsServiceService[key];
  const deadline = Date.now() + 2_000;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      { paymentId: '', ...request },
      new Metadata(),
      { deadline },
      (error, response) => (error ? reject(error) : resolve(response)),
    );
  });
}
