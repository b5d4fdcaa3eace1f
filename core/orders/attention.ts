// How many orders need a person, for whoever watches the metrics.
import { type Loop, startLoop } from '../platform/loop.ts';
import type { CommandOptions } from './commands.ts';
import { countAttention } from './operations-store.ts';

const everyMs = 10_000;

export const startAttentionLoop = ({ db, metrics, log }: CommandOptions): Promise<Loop> =>
  startLoop({
    name: 'orders.attention',
    pollMs: everyMs,
    log,
    run: async () => {
      metrics.sagaAttention.set(await countAttention(db));
      return false;
    },
  });
