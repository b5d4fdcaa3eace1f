// The two servers of bench/rpc.ts in one process: ours with all that it does, and @grpc/grpc-js by itself, with the same
// certificates and the same answer. Prints their ports as JSON.
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from '@grpc/grpc-js';
import { developmentTls } from '../core/platform/rpc/certificates.ts';
import { createRpcServer } from '../core/platform/rpc/server.ts';
import { TlsSource } from '../core/platform/rpc/tls-source.ts';
import { silentLog } from '../core/platform/telemetry/log.ts';
import { createMetrics } from '../core/platform/telemetry/metrics.ts';
import { startTracing } from '../core/platform/telemetry/tracing.ts';
import {
  type GetRequest,
  type GetResponse,
  PaymentStatus,
  PaymentsServiceService,
} from '../proto/generated/lotok/payments/v1/payments.ts';

const [folder = ''] = process.argv.slice(2);
const tls = await developmentTls(folder, 'payments');
startTracing({ service: 'bench' });

const get = ({ paymentId }: GetRequest): GetResponse => ({
  payment: {
    paymentId,
    orderId: 'a5b7c8d9-0000-7000-8000-000000000000',
    status: PaymentStatus.PAYMENT_STATUS_AUTHORIZED,
    amount: { amount: 129_900, currency: 'RUB' },
    confirmationUrl: '',
    reason: '',
    version: 3,
  },
});
const unused = async (): Promise<never> => {
  throw new Error('not part of this benchmark');
};
const unusedStream = (): AsyncIterable<never> => {
  throw new Error('not part of this benchmark');
};

const ours = createRpcServer({
  service: 'payments',
  tls: new TlsSource(tls),
  log: silentLog,
  metrics: createMetrics({ part: 'bench' }),
});
ours.add(PaymentsServiceService, {
  get: async (request) => get(request),
  startPayment: unused,
  capture: unused,
  void: unused,
  refund: unused,
  payOut: unused,
  watchPayment: unusedStream,
  retry: unused,
  giveUp: unused,
  getStory: unused,
});

const bare = new Server();
bare.addService({ get: PaymentsServiceService.get } as unknown as ServiceDefinition, {
  get: (call: ServerUnaryCall<GetRequest, GetResponse>, reply: sendUnaryData<GetResponse>) =>
    reply(null, get(call.request)),
});
const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
const credentials = ServerCredentials.createSsl(Buffer.from(tls.ca), [pair], true);
const barePort = await new Promise<number>((resolve, reject) => {
  bare.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port)));
});

console.log(JSON.stringify({ ours: await ours.listen('127.0.0.1', 0), bare: barePort }));
