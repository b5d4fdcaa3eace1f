// The payments service, assembled.
import type { Kysely } from 'kysely';
import { type NoticesTables, startNoticeLoop } from '../platform/db/notices.ts';
import { createWatchers } from '../platform/db/watchers.ts';
import { patience } from '../platform/patience.ts';
import type { ServiceModule } from '../platform/service.ts';
import { startWorkLoop } from './carrying-out.ts';
import { paymentsHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import { connectProviders } from './providers/connect.ts';
import { paymentsRpc } from './rpc.ts';
import type { PaymentsOptions } from './service.ts';
import { changesChannel, type PaymentsTables, readVersions } from './store.ts';

const askAfterMs = 15_000;

export const payments: ServiceModule<PaymentsTables> = {
  name: 'payments',
  migrations,
  async start(context) {
    const { config, db, databases, outbox, clock, log, rpc } = context;
    const { providers, preferred } = await connectProviders(context);
    const options: PaymentsOptions = {
      db,
      databases,
      outbox,
      clock,
      log,
      providers,
      preferred,
      feeBasisPoints: config.platformFeeBasisPoints,
      askAfterMs,
      patience,
      watchers: createWatchers({
        name: 'payments.watchers',
        channel: changesChannel,
        databases,
        log,
        versions: (ids) => readVersions(db, ids),
      }),
    };
    return {
      http: paymentsHttp(options),
      rpc: (server) => paymentsRpc(server, options),
      loops: async () => [
        await startWorkLoop(options),
        await options.watchers.start(),
        await startNoticeLoop({
          service: 'payments',
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
