import { trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { until } from '../tests/until.ts';
import { startBridge } from './bridge.ts';
import { MemoryHistory } from './history-memory.ts';
import { silentLog } from './log.ts';
import { createMetrics } from './metrics.ts';
import { createReadiness } from './readiness.ts';
import { MemorySource } from './world.testing.ts';

/** Takes messages and never says that it has them, until it is let go. */
class StuckHistory extends MemoryHistory {
  readonly released = Promise.withResolvers<void>();

  override async append(messages: Parameters<MemoryHistory['append']>[0]) {
    await this.released.promise;
    return super.append(messages);
  }
}

describe('the readiness of a node', () => {
  it('is gone while messages in hand don’t move, and comes back with them', async () => {
    await using history = new StuckHistory({ topicEpoch: 'life', clock: Date.now });
    const source = new MemorySource();
    await using bridge = startBridge({
      source,
      history,
      log: silentLog,
      metrics: createMetrics(),
      tracer: trace.getTracer('test'),
      group: 'test',
      rebuild: false,
    });
    await bridge.ready;
    const ask = createReadiness({ bridge, history, isDraining: () => false, log: silentLog, stalledMs: 20 });
    expect(await ask()).toEqual({ ready: true, bridge: 'reads', history: 'heard', draining: false });
    source.publish('user:a', 'order.status', { status: 'paid' });
    await until('it has stalled', async () => (await ask()).bridge === 'stalled');
    expect((await ask()).ready).toBe(false);
    history.released.resolve();
    await until('it goes on', async () => (await ask()).ready);
  });

  it('is gone when a probe is not heard in time', async () => {
    const deaf = {
      probe: (signal: AbortSignal) =>
        new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    };
    const bridge = { isReady: true, busyMs: 0 };
    const ask = createReadiness({ bridge, history: deaf, isDraining: () => false, log: silentLog, probeMs: 20 });
    expect(await ask()).toMatchObject({ ready: false, history: 'deaf' });
  });
});
