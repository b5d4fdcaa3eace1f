// Unary gRPC calls through our whole client and server, beside @grpc/grpc-js by itself with the same message and TLS.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { z } from 'zod';
import { developmentTls } from '../core/platform/rpc/certificates.ts';
import { createRpcClient } from '../core/platform/rpc/client.ts';
import { TlsSource } from '../core/platform/rpc/tls-source.ts';
import { silentLog } from '../core/platform/telemetry/log.ts';
import { createMetrics } from '../core/platform/telemetry/metrics.ts';
import { startTracing } from '../core/platform/telemetry/tracing.ts';
import { type GetResponse, PaymentsServiceService } from '../proto/generated/lotok/payments/v1/payments.ts';
import { until } from '../tests/until.ts';
import { start } from './processes.ts';
import { median } from './statistics.ts';

export interface RpcOptions {
  readonly rounds: number;
  /** Calls of one round, of each kind. */
  readonly calls: number;
}

const atOnce = 32;
const Ports = z.object({ ours: z.int(), bare: z.int() });
type Call = (paymentId: string) => Promise<GetResponse>;

export async function benchRpc({ rounds, calls }: RpcOptions): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'lotok-bench-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  stack.use(startTracing({ service: 'bench' }));
  const tls = await developmentTls(folder, 'orders');
  const server = stack.use(start('server', process.execPath, ['bench/rpc-server.ts', folder]));
  const ports = await until('the servers listen', () => Ports.parse(JSON.parse(server.output())), {
    timeoutMs: 30_000,
  });

  const ours = stack.use(
    createRpcClient(PaymentsServiceService, {
      target: `127.0.0.1:${ports.ours}`,
      service: 'payments',
      tls: new TlsSource(tls),
      log: silentLog,
      metrics: createMetrics({ part: 'bench' }),
    }),
  );
  const secure = credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.key), Buffer.from(tls.cert));
  const options = { 'grpc.ssl_target_name_override': 'payments.lotok.internal' };
  const bare = new Client(`127.0.0.1:${ports.bare}`, secure, options);
  stack.defer(() => bare.close());

  const contenders: { readonly name: string; readonly call: Call }[] = [
    { name: '@grpc/grpc-js alone', call: (paymentId) => bareCall(bare, paymentId) },
    { name: 'Lotok', call: (paymentId) => ours.get({ paymentId }) },
  ];
  for (const { call } of contenders) await measure(call, calls, atOnce); // warm
  const results = new Map(
    contenders.map(({ name }) => [name, { p50: [] as number[], p99: [] as number[], rate: [] as number[] }]),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, call } of contenders) {
      const alone = await measure(call, calls, 1);
      const busy = await measure(call, calls, atOnce);
      const result = results.get(name);
      result?.p50.push(alone.p50);
      result?.p99.push(alone.p99);
      result?.rate.push(busy.perSecond);
    }
  }
  const reference = results.get('@grpc/grpc-js alone');
  if (!reference) throw new Error('no reference');
  console.log(`\nUnary calls over mutual TLS, median of ${rounds} rounds of ${calls} calls`);
  console.table(
    [...results].map(([name, { p50, p99, rate }]) => ({
      name,
      'p50, one at a time': `${median(p50).toFixed(3)} ms`,
      'p99, one at a time': `${median(p99).toFixed(3)} ms`,
      'p50 ratio': (median(p50) / median(reference.p50)).toFixed(2),
      [`calls/s, ${atOnce} at once`]: median(rate).toFixed(0),
      'calls/s ratio': (median(rate) / median(reference.rate)).toFixed(2),
    })),
  );
}

function bareCall(client: Client, paymentId: string): Promise<GetResponse> {
  const { path, requestSerialize, responseDeserialize } = PaymentsServiceService.get;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { paymentId }, (error, response) => {
      if (response) resolve(response);
      else reject(error);
    });
  });
}

async function measure(call: Call, calls: number, callers: number) {
  const times: number[] = [];
  const began = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < calls) {
        next += 1;
        const paymentId = `payment-${next}`;
        const start = performance.now();
        const { payment } = await call(paymentId);
        times.push(performance.now() - start);
        if (payment?.paymentId !== paymentId) throw new Error(`${paymentId} got another's answer`);
      }
    }),
  );
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), perSecond: calls / ((performance.now() - began) / 1000) };
}
