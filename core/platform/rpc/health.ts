// The standard health service (grpc.health.v1). Any caller with a certificate may ask.
import type { Server, ServerUnaryCall, ServerWritableStream, ServiceDefinition, sendUnaryData } from '@grpc/grpc-js';
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthService,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../../proto/generated/grpc/health/v1/health.ts';
import { plainRefusal } from './status.ts';

export interface Health {
  add(service: string): void;
  /** From now on nothing is served, and watchers are told so. */
  end(): void;
}

type Watcher = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;
const mostWatchers = 100;

export function addHealth(server: Server): Health {
  const services = new Set(['']);
  const watchers = new Set<Watcher>();
  let ended = false;
  const serving = () => (ended ? ServingStatus.NOT_SERVING : ServingStatus.SERVING);

  server.addService(HealthService as unknown as ServiceDefinition, {
    check(call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>, reply: sendUnaryData<HealthCheckResponse>) {
      if (services.has(call.request.service)) reply(null, { status: serving() });
      else reply(plainRefusal('NOT_FOUND', 'no such service'));
    },
    watch(call: Watcher) {
      if (ended || watchers.size >= mostWatchers) {
        call.emit('error', plainRefusal('UNAVAILABLE', 'no more watchers'));
        return;
      }
      watchers.add(call);
      call.once('cancelled', () => watchers.delete(call));
      call.write({ status: services.has(call.request.service) ? serving() : ServingStatus.SERVICE_UNKNOWN });
    },
  });

  return {
    add: (service) => services.add(service),
    end() {
      ended = true;
      for (const call of watchers) {
        call.write({ status: ServingStatus.NOT_SERVING });
        call.end();
      }
      watchers.clear();
    },
  };
}
