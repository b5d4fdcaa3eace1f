// The delivery service, assembled.
import type { Kysely } from 'kysely';
import { type NoticesTables, startNoticeLoop } from '../platform/db/notices.ts';
import { createWatchers } from '../platform/db/watchers.ts';
import { createPartner } from '../platform/http/partner.ts';
import { patience } from '../platform/patience.ts';
import { derivedSecret, folderSecret } from '../platform/secrets.ts';
import type { ServiceContext, ServiceModule } from '../platform/service.ts';
import { startWorkLoop } from './carrying-out.ts';
import type { Courier } from './couriers/courier.ts';
import { sandboxCourier } from './couriers/sandbox.ts';
import { deliveryEvents } from './events.ts';
import { deliveryHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { deliveryRpc } from './rpc.ts';
import { createPickupPoints, type DeliveryOptions } from './service.ts';
import { changesChannel, type DeliveryTables, readVersions } from './store.ts';

const askAfterMs = 30_000;

export const delivery: ServiceModule<DeliveryTables> = {
  name: 'delivery',
  migrations,
  async start(context) {
    const { db, databases, outbox, clock, log, rpc } = context;
    const couriers = await connectCouriers(context);
    const options: DeliveryOptions = {
      db,
      outbox,
      clock,
      log,
      couriers,
      defaultCourier: [...couriers.values()][0] ?? null,
      pickupPoints: createPickupPoints(),
      askAfterMs,
      patience,
      watchers: createWatchers({
        name: 'delivery.watchers',
        channel: changesChannel,
        databases,
        log,
        versions: (ids) => readVersions(db, ids),
      }),
    };
    return {
      http: deliveryHttp(options),
      rpc: (server) => deliveryRpc(server, options),
      events: deliveryEvents,
      loops: async () => [
        await startWorkLoop(options),
        await options.watchers.start(),
        await startNoticeLoop({
          service: 'delivery',
          db: db as unknown as Kysely<NoticesTables>,
          databases,
          notifications: () => rpc.notifications,
          clock,
          log,
        }),
      ],
    };
  },
};

/** Couriers by name; the first one gets new parcels. */
async function connectCouriers({
  config,
  selfUrl,
  log,
  metrics,
}: ServiceContext<DeliveryTables>): Promise<ReadonlyMap<string, Courier>> {
  const couriers = new Map<string, Courier>();
  if (config.sandbox) {
    const secret = config.sandboxSecret ?? (await folderSecret(config.dataFolder, 'sandbox'));
    const partner = createPartner({
      name: 'sandbox_courier',
      baseUrl: () => config.sandboxCourierUrl ?? selfUrl(),
      apiKey: derivedSecret(secret, 'courier-api-key'),
      log,
      metrics,
    });
    const courier = sandboxCourier({ partner, webhookSecret: derivedSecret(secret, 'courier-webhook-secret') });
    couriers.set(courier.name, courier);
  }
  if (couriers.size === 0) log.warn('delivery.no_courier');
  return couriers;
}
