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
  /** One request under each policy, none of which is off. */
  take(policies: readonly RatePolicy[], key: string): RateVerdict[];
}

/** Keys are forgotten, least recently used first, beyond `maxKeys`: memory stays bounded under a flood. */
export function createRateLimiter(clock: () => number, maxKeys = 100_000): RateLimiter {
  const arrivals = new LRUCache<string, number>({ max: maxKeys });
  return {
    take: (policies, key) =>
      policies.map((policy) => {
        const now = clock();
        const id = `${policy.name} ${key}`;
        const arrival = Math.max(arrivals.get(id) ?? 0, now) + intervalMs(policy);
        const verdict = rateVerdict(policy, arrival - now);
        if (verdict.allowed) arrivals.set(id, arrival);
        return verdict;
      }),
  };
}

export const windowMs = ({ windowSeconds }: RatePolicy): number => windowSeconds * 1000;
export const intervalMs = (policy: RatePolicy): number => windowMs(policy) / policy.quota;

/** `usedMs`: how much of the window is spoken for, this request included. */
export function rateVerdict(policy: RatePolicy, usedMs: number): RateVerdict {
  const window = windowMs(policy);
  if (usedMs > window)
    return { policy, allowed: false, remaining: 0, resetSeconds: Math.max(1, Math.ceil((usedMs - window) / 1000)) };
  const remaining = Math.floor((window - usedMs) / intervalMs(policy) + 1e-9);
  return { policy, allowed: true, remaining, resetSeconds: Math.ceil(usedMs / 1000) };
}

/** Header fields of draft-ietf-httpapi-ratelimit-headers-11: each policy, and what is left of it. */
export function rateLimitHeaders(verdicts: readonly RateVerdict[]): Record<string, string> {
  if (verdicts.length === 0) return {};
  const list = (item: (verdict: RateVerdict) => string): string => verdicts.map(item).join(', ');
  return {
    'ratelimit-policy': list(({ policy: { name, quota, windowSeconds } }) => `"${name}";q=${quota};w=${windowSeconds}`),
    ratelimit: list(({ policy: { name }, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`),
  };
}
