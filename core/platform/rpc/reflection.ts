// The standard reflection service, so that tools such as grpcurl can ask what a server offers. Any caller with a
// certificate may ask; what it tells is in the repository anyway.
import { fileURLToPath } from 'node:url';
import type { Server } from '@grpc/grpc-js';
import { load, type PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const folder = fileURLToPath(new URL('../../../proto', import.meta.url));
const files = ['ads', 'delivery', 'notifications', 'payments', 'users'].map((name) => `lotok/${name}/v1/${name}.proto`);
let loaded: Promise<PackageDefinition> | undefined;

/** @param services full names, such as `lotok.payments.v1.PaymentsService` */
export async function addReflection(server: Server, services: readonly string[]): Promise<void> {
  loaded ??= load([...files, 'grpc/health/v1/health.proto'], { includeDirs: [folder], keepCase: true });
  new ReflectionService(await loaded, { services: [...services] }).addToServer(server);
}
