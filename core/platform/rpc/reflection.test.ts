// Asked as grpcurl asks, with the protocol file that comes with the library.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Client, experimental, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { load } from '@grpc/proto-loader';
import { expect, it } from 'vitest';
import { rpcWorld } from './testing.ts';

const { payments, tlsOf, use } = rpcWorld();
const protoFolder = join(createRequire(import.meta.url).resolve('@grpc/reflection'), '../../proto');

interface Answer {
  readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] };
}

it('tells what a server offers, and nothing of what it does not', async () => {
  const { port } = await payments({});
  const tls = await tlsOf('orders');
  const definition = loadPackageDefinition(
    await load('grpc/reflection/v1/reflection.proto', { includeDirs: [protoFolder] }),
  );
  const Reflection = (
    definition as never as { grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } } }
  ).grpc.reflection.v1.ServerReflection;
  const client: Client = new Reflection(
    `127.0.0.1:${port}`,
    experimental.createCertificateProviderChannelCredentials(tls, tls),
    { 'grpc.ssl_target_name_override': 'payments.lotok.internal' },
  );
  use({ [Symbol.asyncDispose]: async () => client.close() });
  const { path, requestSerialize, responseDeserialize } = Reflection.service.ServerReflectionInfo as never as {
    path: string;
    requestSerialize: (value: unknown) => Buffer;
    responseDeserialize: (bytes: Buffer) => Answer;
  };
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const answer = new Promise<Answer>((resolve, reject) => stream.once('data', resolve).once('error', reject));
  stream.write({ listServices: '' });
  const names = (await answer).listServicesResponse.service.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['lotok.payments.v1.PaymentsService', 'grpc.health.v1.Health']));
  expect(names.filter((name) => name.startsWith('lotok.'))).toEqual(['lotok.payments.v1.PaymentsService']);
  stream.end();
});
