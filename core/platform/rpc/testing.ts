// Servers and clients for tests: payments as they answer here, called as `orders` calls it, over real TLS sockets.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import {
  type Payment,
  PaymentStatus,
  PaymentsServiceService,
} from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { silentLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { startTracing } from '../telemetry/tracing.ts';
import { developmentTls } from './certificates.ts';
import { createRpcClient, type RpcClient, type RpcClientOptions } from './client.ts';
import { createRpcServer, type RpcHandlers, type RpcServer, type RpcServerOptions } from './server.ts';
import { TlsSource } from './tls-source.ts';

type Definition = typeof PaymentsServiceService;
type Handlers = RpcHandlers<Definition>;

export const payment = (paymentId: string, version = 1): Payment => ({
  paymentId,
  orderId: 'order',
  status: PaymentStatus.PAYMENT_STATUS_AUTHORIZED,
  amount: { amount: 100, currency: 'RUB' },
  confirmationUrl: '',
  reason: '',
  version,
});

export const problemCode = (code: string) => expect.objectContaining({ name: 'ProblemError', code });
export const rpcStatus = (status: string) => expect.objectContaining({ name: 'RpcError', status });

/** A stream that fails before its first message. */
export const failing = (error: Error): AsyncIterable<never> => ({
  [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }),
});

/** Waits until nobody wants the answer any more. */
export const untilStopped = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });

export interface RpcWorld {
  readonly metrics: ReturnType<typeof createMetrics>;
  /** The certificate of a service, by this world's authority or by another one. */
  tlsOf(service: string, authority?: string): Promise<TlsSource>;
  /** A payments service that answers with `handlers`. */
  payments(
    handlers: Partial<Handlers>,
    options?: Partial<RpcServerOptions> & { readonly port?: number },
  ): Promise<RpcServer & { readonly port: number }>;
  caller(port: number, options?: Partial<RpcClientOptions> & { readonly as?: string }): Promise<RpcClient<Definition>>;
  /** Ends it after the present test. */
  use<Thing extends AsyncDisposable>(thing: Thing): Thing;
}

/** Call at the top of a test file. */
export function rpcWorld(): RpcWorld {
  const metrics = createMetrics({ part: 'test' });
  let folder = '';
  let tracing: AsyncDisposable | undefined;
  let opened = new AsyncDisposableStack();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lotok-rpc-'));
    tracing = startTracing({ service: 'test' });
  });
  afterEach(async () => {
    const ended = opened;
    opened = new AsyncDisposableStack();
    await ended.disposeAsync();
  });
  afterAll(async () => {
    await tracing?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  const tlsOf = async (service: string, authority = 'ca'): Promise<TlsSource> =>
    new TlsSource(await developmentTls(join(folder, authority), service));
  return {
    metrics,
    tlsOf,
    use: (thing) => opened.use(thing),
    async payments(handlers, { port = 0, ...options } = {}) {
      const tls = await tlsOf('payments');
      const server = opened.use(createRpcServer({ service: 'payments', tls, log: silentLog, metrics, ...options }));
      server.add(PaymentsServiceService, { ...noHandlers, ...handlers });
      return Object.assign(server, { port: await server.listen('127.0.0.1', port) });
    },
    async caller(port, { as = 'orders', ...options } = {}) {
      const tls = await tlsOf(as);
      const target = `127.0.0.1:${port}`;
      const own = { target, service: 'payments', tls, log: silentLog, metrics, ...options };
      return opened.use(createRpcClient(PaymentsServiceService, own));
    },
  };
}

const unexpected = async (): Promise<never> => {
  throw new Error('this test calls no such method');
};
const noHandlers: Handlers = {
  startPayment: unexpected,
  capture: unexpected,
  void: unexpected,
  refund: unexpected,
  payOut: unexpected,
  get: unexpected,
  watchPayment: () => failing(new Error('this test calls no such method')),
  retry: unexpected,
  giveUp: unexpected,
  getStory: unexpected,
};
