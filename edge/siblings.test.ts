import { Counter, Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import { createLog } from './log.ts';
import { createSiblings, farewell, type SiblingBus } from './siblings.ts';

const log = createLog('silent', () => undefined);

/** Messages arrive a turn later, as between processes. */
function createBuses() {
  const listeners = new Map<string, (message: unknown) => void>();
  const post = (from: string) => (message: unknown) =>
    setImmediate(() => {
      for (const [id, hear] of listeners) if (id !== from) hear(structuredClone(message));
    });
  return {
    bus: (id: string): SiblingBus => ({ id, post: post(id), listen: (hear) => listeners.set(id, hear) }),
    /** Ends without a word. */
    kill: (id: string) => listeners.delete(id),
    post: post('outside'),
  };
}

function sibling(bus: SiblingBus, { ready = true, requests = 0 } = {}) {
  const siblings = createSiblings(bus, log);
  const registry = new Registry();
  new Counter({ name: 'requests_total', help: 'Requests', registers: [registry] }).inc(requests);
  const forget = vi.fn();
  siblings.answerWith({ metrics: () => registry.getMetricsAsJSON(), ready: () => ready, forget });
  return { ...siblings, forget };
}

const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))));

describe('siblings', () => {
  it('are summed up by whichever is asked, also when one came later', async () => {
    const { bus } = createBuses();
    const first = sibling(bus('1'), { requests: 1 });
    await turn();
    const second = sibling(bus('2'), { requests: 10 });
    await turn();
    expect(await first.metrics()).toContain('requests_total 11');
    expect(await second.metrics()).toContain('requests_total 11');
    expect(await first.ready()).toBe(true);
  });

  it('are not ready when one of them is not', async () => {
    const { bus } = createBuses();
    const first = sibling(bus('1'));
    sibling(bus('2'), { ready: false });
    await turn();
    expect(await first.ready()).toBe(false);
  });

  it('have forgotten what was changed when the one that changed it goes on', async () => {
    const { bus } = createBuses();
    const [first, second, third] = [sibling(bus('1')), sibling(bus('2')), sibling(bus('3'))];
    await turn();
    const change = { keys: ['/v1/ads/1'], groups: ['ad-1'] };
    await first.tell(change);
    expect(second.forget).toHaveBeenCalledExactlyOnceWith(change);
    expect(third.forget).toHaveBeenCalledExactlyOnceWith(change);
    expect(first.forget).not.toHaveBeenCalled();
  });

  it('do not wait for one that ended, and are ready without it once that is known', async () => {
    const { bus, kill, post } = createBuses();
    const first = sibling(bus('1'), { requests: 1 });
    sibling(bus('2'), { requests: 10 });
    await turn();
    kill('2');
    expect(await first.ready()).toBe(false);
    const waiting = first.metrics();
    post(farewell('2'));
    expect(await waiting).toContain('requests_total 1\n');
    expect(await first.ready()).toBe(true);
  });

  it('leave together', async () => {
    const { bus } = createBuses();
    const [first, second] = [sibling(bus('1')), sibling(bus('2'))];
    await turn();
    let gone = false;
    const leaving = first.leave().then(() => {
      gone = true;
    });
    await turn();
    expect(gone).toBe(false);
    await second.leave();
    await leaving;
  });
});
