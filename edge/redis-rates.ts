// Rate limits shared in Redis, for the edge on Node and on Deno.
import { Redis } from 'ioredis';
import { intervalMs, type RatePolicy, rateVerdict, windowMs } from './limits/rate-limit.ts';
import type { SharedRates } from './limits/shared-rates.ts';
import type { Log } from './log.ts';

/** By Redis's own clock, so that edges whose clocks differ agree. Gives for each key how much of its window is spoken for. */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local used = {}
for index, key in ipairs(KEYS) do
  local interval, window = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
  local arrival = math.max(tonumber(redis.call('GET', key) or '0'), now) + interval
  if arrival - now <= window then
    redis.call('SET', key, string.format('%.3f', arrival), 'PX', math.ceil(arrival - now))
  end
  used[index] = string.format('%.3f', arrival - now)
end
return used
`;

export function createRedisRates(url: string, log: Log): SharedRates & Disposable {
  const redis = new Redis(url, {
    connectTimeout: 5_000,
    commandTimeout: 1_000,
    maxRetriesPerRequest: 0,
    // What can't be counted now is counted locally, not later.
    enableOfflineQueue: false,
    retryStrategy: (attempts) => Math.min(2_000, 50 * 2 ** Math.min(attempts, 6)) * (0.5 + Math.random() / 2),
    scripts: { takeRates: { lua: script } },
  });
  redis.on('error', (error: unknown) => log.debug('rates.redis_error', { error }));
  const { takeRates } = redis as unknown as {
    takeRates(this: Redis, count: number, ...rest: (string | number)[]): Promise<string[]>;
  };
  return {
    async take(policies, key) {
      const names = policies.map(
        (policy) => `lotok:rate:${policy.name}:${policy.quota}:${policy.windowSeconds}:${key}`,
      );
      const limits = policies.flatMap((policy) => [intervalMs(policy), windowMs(policy)]);
      const used = await takeRates.call(redis, names.length, ...names, ...limits);
      return policies.map((policy: RatePolicy, index) => rateVerdict(policy, Number(used[index])));
    },
    [Symbol.dispose]: () => redis.disconnect(),
  };
}
