// The notifications service, assembled.
import { startLoop } from '../platform/loop.ts';
import { folderSecret } from '../platform/secrets.ts';
import type { ServiceModule } from '../platform/service.ts';
import { notificationEvents } from './events.ts';
import { notificationHttp } from './http.ts';
import { type MailsOptions, startMailLoop } from './mails.ts';
import { migrations } from './migrations/index.ts';
import { notificationRpc } from './rpc.ts';
import { type NotificationsTables, prune } from './store.ts';
import { templatePages } from './words/templates-page.ts';

const pruneEveryMs = 3_600_000;
const keptMs = 365 * 24 * 3_600_000;

export const notifications: ServiceModule<NotificationsTables> = {
  name: 'notifications',
  migrations,
  async start({ config, db, databases, outbox, rpc, mailer, clock, log, metrics }) {
    const options: MailsOptions = {
      db,
      databases,
      outbox,
      rpc,
      mailer,
      clock,
      log,
      metrics,
      publicUrl: config.publicUrl,
      secret: config.unsubscribeSecret ?? (await folderSecret(config.dataFolder, 'unsubscribe')),
      burst: { mails: config.mailBurst.mails, windowMs: config.mailBurst.windowSeconds * 1_000 },
    };
    return {
      http: notificationHttp(options),
      ...(config.sandbox ? { pages: templatePages } : {}),
      rpc: notificationRpc(options),
      events: notificationEvents(options),
      loops: async () => [
        await startMailLoop(options),
        await startLoop({
          name: 'notifications.prune',
          pollMs: pruneEveryMs,
          log,
          run: async () => {
            await prune(db, new Date(clock.now().getTime() - keptMs));
            return false;
          },
        }),
      ],
    };
  },
};
