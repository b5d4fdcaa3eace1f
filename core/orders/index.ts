// The orders service, assembled.
import { patience } from '../platform/patience.ts';
import type { ServiceModule } from '../platform/service.ts';
import { startAttentionLoop } from './attention.ts';
import { type CommandOptions, pauseMs, startCommandLoop } from './commands.ts';
import { orderEvents } from './events.ts';
import { orderHttp } from './http.ts';
import { migrations } from './migrations/index.ts';
import type { OrdersTables } from './store.ts';
import { startTimerLoop } from './timers.ts';

export const orders: ServiceModule<OrdersTables> = {
  name: 'orders',
  migrations,
  async start({ config, db, databases, outbox, rpc, clock, log, metrics }) {
    const options: CommandOptions = {
      db,
      databases,
      outbox,
      rpc,
      clock,
      log,
      metrics,
      publicUrl: config.publicUrl,
      rules: {
        timeoutSeconds: {
          payment: config.paymentTimeoutSeconds,
          handover: config.deliveryTimeoutSeconds,
          delivery: config.deliveryTimeoutSeconds,
          acceptance: config.acceptTimeoutSeconds,
        },
        pauseMs,
        patience,
      },
    };
    return {
      http: orderHttp(options),
      events: orderEvents(options),
      loops: async () => [
        await startCommandLoop(options),
        await startTimerLoop(options),
        await startAttentionLoop(options),
      ],
    };
  },
};
