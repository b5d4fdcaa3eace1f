// Who serves gRPC, where, and who may call what.
import type { ServiceName } from '../../../contracts/route.ts';
import { AdsServiceService } from '../../../proto/generated/lotok/ads/v1/ads.ts';
import { DeliveryServiceService } from '../../../proto/generated/lotok/delivery/v1/delivery.ts';
import { NotificationsServiceService } from '../../../proto/generated/lotok/notifications/v1/notifications.ts';
import { PaymentsServiceService } from '../../../proto/generated/lotok/payments/v1/payments.ts';
import { UsersServiceService } from '../../../proto/generated/lotok/users/v1/users.ts';
import type { RpcClients } from '../service.ts';
import { createRpcClient, type RpcClientOptions } from './client.ts';

const definitions = {
  ads: AdsServiceService,
  users: UsersServiceService,
  payments: PaymentsServiceService,
  delivery: DeliveryServiceService,
  notifications: NotificationsServiceService,
} as const;
export type RpcServiceName = keyof typeof definitions;

/** Each on its own port, counted from the configured first one. */
export const rpcServices = Object.keys(definitions) as RpcServiceName[];
export const servesRpc = (name: ServiceName): name is RpcServiceName => name in definitions;
export const rpcPortOf = (name: RpcServiceName, first: number): number =>
  first === 0 ? 0 : first + rpcServices.indexOf(name);

/** Clients that one service calls the others with, each made at its first use, when addresses are known. */
export function rpcClients(
  addressOf: (service: RpcServiceName) => string,
  options: Pick<RpcClientOptions, 'tls' | 'log' | 'metrics'>,
): RpcClients & AsyncDisposable {
  const made = new Map<RpcServiceName, AsyncDisposable>();
  const client = <Name extends RpcServiceName>(name: Name): RpcClients[Name] => {
    const known = made.get(name);
    if (known) return known as RpcClients[Name];
    const next = createRpcClient(definitions[name], { target: addressOf(name), service: name, ...options });
    made.set(name, next);
    return next as unknown as RpcClients[Name];
  };
  return {
    get ads() {
      return client('ads');
    },
    get users() {
      return client('users');
    },
    get payments() {
      return client('payments');
    },
    get delivery() {
      return client('delivery');
    },
    get notifications() {
      return client('notifications');
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...made.values()].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}
