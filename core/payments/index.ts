// The payments service, assembled.
import type { Kysely } from 'kysely';
import { type NoticesTables, startNoticeLoop } from '../platform/db/notices.ts';
import { createWatchers } from '../platform/db/watchers.ts';
import { createPartner } from '../platform/http/partner.ts';
import { patience } from '../platform/patience.ts';
import { derivedSecret, folderSecret } from '../platform/secrets.ts';
import type { ServiceContext, ServiceModule } from '../platform/service.ts';
import { startWorkLoop } from './carrying-out.ts';
import { paymentsHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import type { PaymentProvider } from './providers/provider.ts';
import { sandboxProvider } from './providers/sandbox.ts';
import { paymentsRpc } from './rpc.ts';
import type { PaymentsOptions } from './service.ts';
import { changesChannel, type PaymentsTables, readVersions } from './store.ts';

const askAfterMs = 15_000;

export const payments: ServiceModule<PaymentsTables> = {
  name: 'payments',
  migrations,
  async start(context) {
    const { db, databases, outbox, clock, log, rpc } = context;
    const providers = await connectProviders(context);
    const options: PaymentsOptions = {
      db,
      databases,
      outbox,
      clock,
      log,
      providers,
      defaultProvider: [...providers.keys()][0] ?? null,
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

/** Providers by name; the first one gets new payments. */
async function connectProviders({
  config,
  selfUrl,
  log,
  metrics,
}: ServiceContext<PaymentsTables>): Promise<ReadonlyMap<string, PaymentProvider>> {
  const providers = new Map<string, PaymentProvider>();
  if (config.sandbox) {
    const secret = config.sandboxSecret ?? (await folderSecret(config.dataFolder, 'sandbox'));
    const partner = createPartner({
      name: 'sandbox_psp',
      baseUrl: () => config.sandboxPspUrl ?? selfUrl(),
      apiKey: derivedSecret(secret, 'psp-api-key'),
      log,
      metrics,
    });
    const provider = sandboxProvider({ partner, webhookSecret: derivedSecret(secret, 'psp-webhook-secret') });
    providers.set(provider.name, provider);
  }
  if (providers.size === 0) log.warn('payments.no_provider');
  return providers;
}
