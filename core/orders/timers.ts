// Orders whose time is up. The deadline is a column of the order, so a restart forgets nothing.
import { type Loop, startLoop } from '../platform/loop.ts';
import { inSpan } from '../platform/telemetry/tracing.ts';
import { advance } from './advance.ts';
import type { CommandOptions } from './commands.ts';
import { keysKeptMs } from './service.ts';
import { lockOverdue, pruneKeys } from './store.ts';

export async function startTimerLoop(options: CommandOptions): Promise<Loop> {
  const { db, clock, log } = options;
  let prunedAt = 0;
  return startLoop({
    name: 'orders.timers',
    pollMs: 500,
    log,
    run: async () => {
      const now = clock.now();
      if (now.getTime() - prunedAt > 3_600_000) {
        prunedAt = now.getTime();
        await pruneKeys(db, new Date(now.getTime() - keysKeptMs));
      }
      return db.transaction().execute(async (trx) => {
        const order = await lockOverdue(trx, now);
        if (!order) return false;
        options.metrics.sagaTimers.inc({ status: order.status });
        // Nobody's request: what follows from it is a trace of its own.
        await inSpan(`orders timeout ${order.status}`, { attributes: { 'lotok.order_id': order.id } }, () =>
          advance(trx, order, 'timeout', options),
        );
        return true;
      });
    },
  });
}
