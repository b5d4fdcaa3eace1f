// Rate limits on what reaches core. Answers from the cache cost nothing, so they don't count.
import type { Context, MiddlewareHandler } from 'hono';
import { ProblemError } from '../../contracts/problem.ts';
import type { EdgeConfig } from '../config.ts';
import type { EdgeEnv } from '../context.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { addressKey } from './address.ts';
import { type RatePolicy, type RateVerdict, rateLimitHeaders } from './rate-limit.ts';
import type { Rates } from './shared-rates.ts';

export interface Limits {
  /** Before the token is looked at: by address, and stricter where passwords could be guessed. */
  byAddress(options: { readonly signIn: boolean }): MiddlewareHandler<EdgeEnv>;
  /** Behind a guard: by user. */
  readonly byUser: MiddlewareHandler<EdgeEnv>;
  /** Behind a guard: by user, and for this route by user or, where nobody is signed in, by address. */
  ofRoute(id: string): MiddlewareHandler<EdgeEnv>;
}

export function createLimits({ rateLimits }: Pick<EdgeConfig, 'rateLimits'>, rates: Rates, metrics: Metrics): Limits {
  const policy = (name: string, quota: number): RatePolicy => ({ name, quota, windowSeconds: 60 });
  const address = policy('address', rateLimits.address);
  const signIn = policy('sign-in', rateLimits.signIn);
  const user = policy('user', rateLimits.user);
  const verdicts = new WeakMap<Request, RateVerdict[]>();

  async function take(c: Context<EdgeEnv>, policies: readonly RatePolicy[], key: string): Promise<void> {
    const taken = await rates.take(policies, key);
    const all = [...(verdicts.get(c.req.raw) ?? []), ...taken];
    verdicts.set(c.req.raw, all);
    const over = taken.filter(({ allowed }) => !allowed);
    if (over.length === 0) return;
    for (const { policy: each } of over) metrics.rateLimited.inc({ policy: each.name });
    const waitSeconds = Math.max(...over.map(({ resetSeconds }) => resetSeconds));
    throw new ProblemError('too-many-requests', {
      detail: `Try again in ${waitSeconds} s`,
      headers: { ...rateLimitHeaders(all), 'retry-after': String(waitSeconds) },
    });
  }

  const ofClaims =
    (route: RatePolicy | undefined): MiddlewareHandler<EdgeEnv> =>
    async (c, next) => {
      const claims = c.get('claims');
      const own = route ? [route] : [];
      if (claims) await take(c, [user, ...own], claims.sub);
      else await take(c, own, addressKey(c.env.context.address));
      await next();
    };

  return {
    byAddress: (options) => async (c, next) => {
      await take(c, options.signIn ? [address, signIn] : [address], addressKey(c.env.context.address));
      await next();
      for (const [name, value] of Object.entries(rateLimitHeaders(verdicts.get(c.req.raw) ?? [])))
        c.header(name, value);
    },
    byUser: ofClaims(undefined),
    ofRoute(id) {
      const quota = rateLimits.routes[id];
      return ofClaims(quota === undefined ? undefined : policy(id, quota));
    },
  };
}
