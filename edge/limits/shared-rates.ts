// Rate limits that many edges share, and what holds while what they share them in is away.
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import type { Log } from '../log.ts';
import { createRateLimiter, type RatePolicy, type RateVerdict } from './rate-limit.ts';

/** Counts for all edges; lent by the platform: Redis, or a Durable Object. */
export interface SharedRates {
  /** Rejects when it can't be reached. All policies are counted under the same key. */
  take(policies: readonly RatePolicy[], key: string): Promise<RateVerdict[]>;
}

/** As verdicts travel between an isolate and its Durable Object. */
export const RateQuestion = z.object({
  key: z.string().max(200),
  policies: z
    .array(z.object({ name: z.string().max(64), quota: z.int().min(1), windowSeconds: z.int().min(1) }))
    .min(1)
    .max(8),
});
export const RateVerdicts = z.array(
  z.object({
    policy: RateQuestion.shape.policies.element,
    allowed: z.boolean(),
    remaining: z.int(),
    resetSeconds: z.int(),
  }),
);

export interface RatesOptions {
  readonly shared: SharedRates | undefined;
  readonly clock: () => number;
  readonly log: Log;
  /** A request was counted here alone. */
  readonly onLocal: () => void;
}

export interface Rates {
  take(policies: readonly RatePolicy[], key: string): Promise<RateVerdict[]>;
}

/** A limit must not cost more than what it protects. */
const patienceMs = 150;
const pauseMs = 1_000;
const maxRefused = 50_000;

export function createRates({ shared, clock, log, onLocal }: RatesOptions): Rates {
  const local = createRateLimiter(clock);
  // Who was refused is refused here until then: a flood stays at the edge that it hits.
  const refused = new LRUCache<string, { readonly until: number; readonly verdicts: RateVerdict[] }>({
    max: maxRefused,
  });
  let awaySince: number | undefined;
  let triedAt = 0;

  async function ask(sharedRates: SharedRates, policies: readonly RatePolicy[], key: string): Promise<RateVerdict[]> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
    });
    try {
      return await Promise.race([sharedRates.take(policies, key), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async take(wanted, key) {
      const policies = wanted.filter(({ quota }) => quota > 0);
      if (policies.length === 0) return [];
      const now = clock();
      const id = `${policies.map(({ name }) => name).join(' ')} ${key}`;
      const known = refused.get(id);
      if (known && known.until > now) {
        const resetSeconds = Math.ceil((known.until - now) / 1000);
        return known.verdicts.map((verdict) => (verdict.allowed ? verdict : { ...verdict, resetSeconds }));
      }
      // Counted here as well, so that the limits hold on from where they were when what is shared goes away.
      const own = local.take(policies, key);
      if (!shared) return own;
      if (awaySince === undefined || now - triedAt >= pauseMs) {
        triedAt = now;
        try {
          const verdicts = await ask(shared, policies, key);
          if (awaySince !== undefined) log.info('rates.shared_again', { away_ms: clock() - awaySince });
          awaySince = undefined;
          const waits = verdicts.filter(({ allowed }) => !allowed).map(({ resetSeconds }) => resetSeconds);
          if (waits.length > 0) refused.set(id, { until: now + 1000 * Math.min(...waits), verdicts });
          return verdicts;
        } catch (error) {
          if (awaySince === undefined) log.error('rates.shared_unavailable', { error });
          awaySince ??= now;
        }
      }
      onLocal();
      return own;
    },
  };
}
