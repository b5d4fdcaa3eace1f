// What a service is to the composition root, and what it is given.
import type { Hono } from 'hono';
import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { ServiceName } from '../../contracts/route.ts';
import type { AdsServiceService } from '../../proto/generated/lotok/ads/v1/ads.ts';
import type { DeliveryServiceService } from '../../proto/generated/lotok/delivery/v1/delivery.ts';
import type { NotificationsServiceService } from '../../proto/generated/lotok/notifications/v1/notifications.ts';
import type { PaymentsServiceService } from '../../proto/generated/lotok/payments/v1/payments.ts';
import type { UsersServiceService } from '../../proto/generated/lotok/users/v1/users.ts';
import type { Bus } from './bus/bus.ts';
import type { Handlers, LockOf } from './bus/consumer.ts';
import type { Clock } from './clock.ts';
import type { CoreConfig } from './config.ts';
import type { DatabaseProvider } from './db/database.ts';
import type { InboxTables } from './db/inbox.ts';
import type { Outbox, OutboxTables } from './db/outbox.ts';
import type { Implement } from './http/implement.ts';
import type { Loop } from './loop.ts';
import type { Mailer } from './mail/mailer.ts';
import type { ObjectStore } from './objects/objects.ts';
import type { RpcClient } from './rpc/client.ts';
import type { RpcServer } from './rpc/server.ts';
import type { Log } from './telemetry/log.ts';
import type { Metrics } from './telemetry/metrics.ts';

/** gRPC clients of the other services; each call says who calls by the caller's own certificate. */
export interface RpcClients {
  readonly ads: RpcClient<typeof AdsServiceService>;
  readonly users: RpcClient<typeof UsersServiceService>;
  readonly payments: RpcClient<typeof PaymentsServiceService>;
  readonly delivery: RpcClient<typeof DeliveryServiceService>;
  readonly notifications: RpcClient<typeof NotificationsServiceService>;
}

/** What the composition root lends to a service. */
export interface ServiceContext<Tables> {
  readonly config: CoreConfig;
  readonly db: Kysely<Tables>;
  readonly databases: DatabaseProvider;
  readonly outbox: Outbox;
  readonly bus: Bus;
  readonly rpc: RpcClients;
  readonly objects: ObjectStore;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Where core's own HTTP is reached (sandboxes send their webhooks there). */
  readonly selfUrl: () => string;
}

/** Tables that every service has beside its own. */
export type ServiceTables = OutboxTables & InboxTables;

/** One folder of core. `start` may be called once per process. */
export interface ServiceModule<Tables extends ServiceTables> {
  readonly name: ServiceName;
  readonly migrations: Readonly<Record<string, Migration>>;
  start(context: ServiceContext<Tables>): Promise<RunningService<Tables>>;
}

export interface RunningService<Tables extends ServiceTables> {
  /** REST routes of the contract. */
  readonly http?: (implement: Implement) => void;
  /** Routes outside the contract, such as a sandbox's pages. */
  readonly pages?: (app: Hono) => void;
  readonly rpc?: (server: RpcServer) => void;
  readonly events?: Handlers<Tables>;
  /** See `ConsumerOptions.lockOf`. */
  readonly lockOf?: LockOf;
  /** Started after everything listens; disposed first. */
  readonly loops?: () => Promise<readonly Loop[]>;
  /** Puts demo data into an empty schema. */
  readonly seed?: () => Promise<void>;
}
