// Sandbox companies: a payment provider and a courier that a marketplace can be tried with. Never in production.
import type { Hono } from 'hono';
import type { Kysely } from 'kysely';
import type { Clock } from '../platform/clock.ts';
import type { CoreConfig } from '../platform/config.ts';
import type { DatabaseProvider } from '../platform/db/database.ts';
import type { Loop } from '../platform/loop.ts';
import { derivedSecret, folderSecret } from '../platform/secrets.ts';
import type { Log } from '../platform/telemetry/log.ts';
import { courierApi } from './courier/api.ts';
import { type CourierTables, migrations as courierMigrations } from './courier/books.ts';
import { startMoving } from './courier/courier.ts';
import { courierPages } from './courier/pages.ts';
import { pspApi } from './psp/api.ts';
import { type PspTables, migrations as pspMigrations } from './psp/books.ts';
import { pspPages } from './psp/pages.ts';
import { startWebhookLoop, type WebhookTables } from './webhooks.ts';

export interface SandboxOptions {
  readonly databases: DatabaseProvider;
  readonly app: Hono;
  readonly clock: Clock;
  readonly log: Log;
  readonly config: Pick<
    CoreConfig,
    'dataFolder' | 'publicUrl' | 'sandboxSecret' | 'sandboxStepMs' | 'sandboxWebhookUrl' | 'services'
  >;
  /** Where webhooks go when the configuration doesn't say. */
  readonly selfUrl: () => string;
}

export interface Sandbox {
  readonly loops: () => Promise<readonly Loop[]>;
}

/**
 * They speak to the rest by HTTP only and keep their own books. Where core runs as several processes, webhooks are sent
 * by the process that hears them: it has both their address and the books.
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { databases, app, clock, config, selfUrl } = options;
  const log = options.log.child({ service: 'sandbox' });
  const secret = config.sandboxSecret ?? (await folderSecret(config.dataFolder, 'sandbox'));
  const pspDb = await databases.open<PspTables>('sandbox_psp', pspMigrations);
  const courierDb = await databases.open<CourierTables>('sandbox_courier', courierMigrations);
  const psp = { db: pspDb, clock, publicUrl: config.publicUrl.replace(/\/$/, '') };
  const courier = { db: courierDb, clock, log };
  pspApi(app, psp, derivedSecret(secret, 'psp-api-key'));
  pspPages(app, psp, derivedSecret(secret, 'psp-forms'));
  courierApi(app, courier, derivedSecret(secret, 'courier-api-key'));
  courierPages(app, courier);

  const webhooksTo = (path: string): string => new URL(path, config.sandboxWebhookUrl ?? selfUrl()).href;
  const common = { databases, clock, log };
  return {
    async loops() {
      const loops: Loop[] = [];
      if (config.services.includes('payments')) {
        loops.push(
          await startWebhookLoop({
            ...common,
            company: 'sandbox_psp',
            db: pspDb as unknown as Kysely<WebhookTables>,
            url: () => webhooksTo('/v1/payments/webhooks/sandbox'),
            secret: derivedSecret(secret, 'psp-webhook-secret'),
          }),
        );
      }
      if (config.services.includes('delivery')) {
        loops.push(
          await startWebhookLoop({
            ...common,
            company: 'sandbox_courier',
            db: courierDb as unknown as Kysely<WebhookTables>,
            url: () => webhooksTo('/v1/deliveries/webhooks/sandbox'),
            secret: derivedSecret(secret, 'courier-webhook-secret'),
          }),
        );
        if (config.sandboxStepMs > 0) loops.push(await startMoving(courier, config.sandboxStepMs));
      }
      return loops;
    },
  };
}
