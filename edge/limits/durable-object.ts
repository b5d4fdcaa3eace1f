// Rate limits shared on Workers: Durable Objects, each of which counts for its share of the keys.
import type { z } from 'zod';
import { createRateLimiter } from './rate-limit.ts';
import { RateQuestion, RateVerdicts, type SharedRates } from './shared-rates.ts';

const shards = 16;
const origin = 'https://rate-shard.internal';

/** `fetch` reaches the object of that name. */
export const createShardedRates = (fetch: (shard: string, request: Request) => Promise<Response>): SharedRates => ({
  async take(policies, key) {
    const question = { key, policies: [...policies] } satisfies z.input<typeof RateQuestion>;
    const request = new Request(origin, { method: 'POST', body: JSON.stringify(question) });
    const response = await fetch(`rates-${shardOf(key)}`, request);
    if (!response.ok) throw new Error(`the rate shard answered ${response.status}`);
    return RateVerdicts.parse(await response.json());
  },
});

/** Counts in memory: an object that is moved begins anew, which costs one window at most. */
export class RateShard {
  readonly #limiter = createRateLimiter(Date.now);

  async fetch(request: Request): Promise<Response> {
    const { key, policies } = RateQuestion.parse(await request.json());
    return Response.json(this.#limiter.take(policies, key));
  }
}

function shardOf(key: string): number {
  let sum = 0;
  for (let index = 0; index < key.length; index += 1) sum = (sum * 31 + key.charCodeAt(index)) >>> 0;
  return sum % shards;
}
