// Rate limits by the generic cell rate algorithm: one number per key, no bursts at window edges.
import { LRUCache } from 'lru-cache';

export interface RatePolicy {
  readonly name: string;
  /** Requests in a window; 0 turns the limit off. */
  readonly quota: number;
  readonly windowSeconds: number;
}

export interface RateVerdict {
  readonly policy: RatePolicy;
  readonly allowed: boolean;
  readonly remaining: number;
  /** Until the whole quota is there again, or, when not allowed, until the next request is. */
  readonly resetSeconds: number;
}

export interface RateLimiter {
  /** Null when the policy is off. */
  take(policy: RatePolicy, key: string): RateVerdict | null;
}

/** Keys are forgotten, least recently used first, beyond `maxKeys`: memory stays bounded under a flood. */
export function createRateLimiter(clock: () => number, maxKeys = 100_000): RateLimiter {
  const arrivals = new LRUCache<string, number>({ max: maxKeys });
  return {
    take(policy, key) {
      if (policy.quota === 0) return null;
      const now = clock();
      const window = policy.windowSeconds * 1000;
      const interval = window / policy.quota;
      const id = `${policy.name} ${key}`;
      const arrival = Math.max(arrivals.get(id) ?? 0, now) + interval;
      const used = arrival - now;
      if (used > window) {
        return { policy, allowed: false, remaining: 0, resetSeconds: Math.max(1, Math.ceil((used - window) / 1000)) };
      }
      arrivals.set(id, arrival);
      const remaining = Math.floor((window - used) / interval + 1e-9);
      return { policy, allowed: true, remaining, resetSeconds: Math.ceil(used / 1000) };
    },
  };
}

/** Header fields of draft-ietf-httpapi-ratelimit-headers: every policy, and the one nearest to its end. */
export function rateLimitHeaders(verdicts: readonly RateVerdict[]): Record<string, string> {
  const tightest = verdicts.toSorted((a, b) => a.remaining / a.policy.quota - b.remaining / b.policy.quota)[0];
  if (!tightest) return {};
  return {
    'ratelimit-policy': verdicts
      .map(({ policy: each }) => `"${each.name}";q=${each.quota};w=${each.windowSeconds}`)
      .join(', '),
    ratelimit: `"${tightest.policy.name}";r=${tightest.remaining};t=${tightest.resetSeconds}`,
  };
}
