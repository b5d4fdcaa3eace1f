// The delivery service, assembled.
import type { Kysely } from 'kysely';
import { type NoticesTables, startNoticeLoop } from '../platform/db/notices.ts';
import { createWatchers } from '../platform/db/watchers.ts';
import { startLoop } from '../platform/loop.ts';
import { patience } from '../platform/patience.ts';
import type { ServiceModule } from '../platform/service.ts';
import { startWorkLoop } from './carrying-out.ts';
import { connectCouriers } from './couriers/connect.ts';
import { deliveryEvents } from './events.ts';
import { deliveryHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { createPickupPoints } from './pickup-points.ts';
import { deliveryRpc } from './rpc.ts';
import type { DeliveryOptions } from './service.ts';
import { changesChannel, type DeliveryTables, forgetQuotedCouriers, readVersions } from './store.ts';

const askAfterMs = 30_000;
const pruneEveryMs = 3_600_000;
/** Longer than any order waits to be paid. */
const quotesKeptMs = 30 * 24 * 3_600_000;

export const delivery: ServiceModule<DeliveryTables> = {
  name: 'delivery',
  migrations,
  async start(context) {
    const { db, databases, outbox, clock, log, rpc } = context;
    const couriers = await connectCouriers(context);
    const options: DeliveryOptions = {
      db,
      databases,
      outbox,
      clock,
      log,
      users: () => rpc.users,
      couriers,
      pickupPoints: createPickupPoints(couriers),
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
        await startLoop({
          name: 'delivery.prune',
          pollMs: pruneEveryMs,
          log,
          run: async () => {
            await forgetQuotedCouriers(db, new Date(clock.now().getTime() - quotesKeptMs));
            return false;
          },
        }),
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
