// Load shedding: while the process can't keep up, a part of what comes is refused at once, so that the rest is answered in time.
import type { MiddlewareHandler } from 'hono';
import { ProblemError } from '../../contracts/problem.ts';
import type { EdgeEnv } from '../context.ts';

export interface Shedding {
  /** How late a timer came. */
  tick(delayMs: number): void;
  /** Whether the next request is answered. */
  admits(): boolean;
}

const everyMs = 50;
const windowTicks = 10;
const leastShare = 0.05;

/**
 * What waits in the event loop makes timers late. A single pause is no overload, so only the shortest delay of half a
 * second counts (as CoDel judges queues, RFC 8289, section 3). The share of requests that is answered shrinks by
 * factors and grows by steps, so that it finds what can be done.
 */
export function createShedding({ maxDelayMs }: { readonly maxDelayMs: number }): Shedding {
  let share = 1;
  let owed = 0;
  let ticks = 0;
  let shortest = Number.POSITIVE_INFINITY;
  return {
    tick(delayMs) {
      shortest = Math.min(shortest, delayMs);
      ticks += 1;
      if (ticks < windowTicks) return;
      share = shortest > maxDelayMs ? Math.max(leastShare, share * 0.7) : Math.min(1, share + 0.1);
      ticks = 0;
      shortest = Number.POSITIVE_INFINITY;
    },
    admits() {
      if (share === 1) return true;
      owed += share;
      if (owed < 1) return false;
      owed -= 1;
      return true;
    },
  };
}

/** Measures the event loop that it runs in. */
export function watchLoop(shedding: Shedding): Disposable {
  let due = performance.now() + everyMs;
  const timer = setInterval(() => {
    const now = performance.now();
    shedding.tick(Math.max(0, now - due));
    due = now + everyMs;
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** What is asked within a request that was let in belongs to it. */
export const shedsLoad =
  (shedding: Shedding, onShed: () => void): MiddlewareHandler<EdgeEnv> =>
  async (c, next) => {
    if (!c.env.context.internal && !shedding.admits()) {
      onShed();
      throw crowded(Math.random);
    }
    await next();
  };

/** Those who were refused at one moment should not come again at one moment. */
export const crowded = (random: () => number): ProblemError =>
  new ProblemError('unavailable', {
    detail: 'Too much is asked right now; try again in a moment',
    headers: { 'retry-after': String(1 + Math.floor(random() * 4)) },
  });
