// Rate limits on what reaches core. Answers from the cache cost nothing, so they don't count.
import type { Context, MiddlewareHandler } from 'hono';
import { ProblemError } from '../../contracts/problem.ts';
import type { EdgeConfig } from '../config.ts';
import type { EdgeEnv } from '../context.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { addressKey } from './address.ts';
import { createRateLimiter, type RatePolicy, type RateVerdict, rateLimitHeaders } from './rate-limit.ts';

export interface Limits {
  /** Before the token is looked at: by address, and stricter where passwords could be guessed. */
  byAddress(options: { readonly signIn: boolean }): MiddlewareHandler<EdgeEnv>;
  /** Behind a guard: by user. */
  readonly byUser: MiddlewareHandler<EdgeEnv>;
}

export function createLimits(
  { rateLimits }: Pick<EdgeConfig, 'rateLimits'>,
  metrics: Metrics,
  clock: () => number,
): Limits {
  const limiter = createRateLimiter(clock);
  const policy = (name: string, quota: number): RatePolicy => ({ name, quota, windowSeconds: 60 });
  const address = policy('address', rateLimits.address);
  const signIn = policy('sign-in', rateLimits.signIn);
  const user = policy('user', rateLimits.user);
  const verdicts = new WeakMap<Request, RateVerdict[]>();

  function take(c: Context<EdgeEnv>, applied: RatePolicy, key: string): void {
    const verdict = limiter.take(applied, key);
    if (!verdict) return;
    const all = [...(verdicts.get(c.req.raw) ?? []), verdict];
    verdicts.set(c.req.raw, all);
    if (verdict.allowed) return;
    metrics.rateLimited.inc({ policy: applied.name });
    throw new ProblemError('too-many-requests', {
      detail: `Try again in ${verdict.resetSeconds} s`,
      headers: { ...rateLimitHeaders(all), 'retry-after': String(verdict.resetSeconds) },
    });
  }

  return {
    byAddress: (options) => async (c, next) => {
      const key = addressKey(c.env.context.address);
      take(c, address, key);
      if (options.signIn) take(c, signIn, key);
      await next();
      for (const [name, value] of Object.entries(rateLimitHeaders(verdicts.get(c.req.raw) ?? [])))
        c.header(name, value);
    },
    async byUser(c, next) {
      const claims = c.get('claims');
      if (claims) take(c, user, claims.sub);
      await next();
    },
  };
}
