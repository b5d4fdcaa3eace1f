import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWith } from '../../tests/services.ts';
import { until } from '../../tests/until.ts';
import { createLog } from '../log.ts';
import { createRedisRates } from '../redis-rates.ts';
import { createShardedRates, RateShard } from './durable-object.ts';
import type { RatePolicy } from './rate-limit.ts';
import { createRates, type SharedRates } from './shared-rates.ts';

const policy: RatePolicy = { name: 'user', quota: 10, windowSeconds: 60 };
const logged: string[] = [];
const log = createLog('info', (line) => logged.push((JSON.parse(line) as { event: string }).event));

const edge = (shared: SharedRates | undefined, clock: () => number = Date.now) => {
  const local = { count: 0 };
  const onLocal = (): void => {
    local.count += 1;
  };
  const rates = createRates({ shared, clock, log, onLocal });
  return { take: rates.take, local };
};

function sharing(open: () => { one: SharedRates; other: SharedRates }): void {
  let shared: ReturnType<typeof open>;
  beforeAll(async () => {
    shared = open();
    await until('it can be reached', () => shared.one.take([policy], randomUUID()).then(() => true));
    await until('it can be reached', () => shared.other.take([policy], randomUUID()).then(() => true));
  });

  it('give one quota to all of them', async () => {
    const edges = [edge(shared.one), edge(shared.other)];
    const key = randomUUID();
    const taken = await Promise.all(
      Array.from({ length: 24 }, (_none, index) => edges[index % 2]?.take([policy], key)),
    );
    const verdicts = taken.flatMap((each) => each ?? []);
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(verdicts.filter(({ allowed }) => !allowed).every(({ resetSeconds }) => resetSeconds > 0)).toBe(true);
    expect(edges.map(({ local }) => local.count)).toEqual([0, 0]);
  });

  it('count each policy and each key for itself', async () => {
    const { take } = edge(shared.one);
    const route: RatePolicy = { name: 'createOrder', quota: 2, windowSeconds: 60 };
    const key = randomUUID();
    const verdicts = [
      await take([policy, route], key),
      await take([policy, route], key),
      await take([policy, route], key),
    ];
    expect(verdicts.map((each) => each.map(({ allowed, remaining }) => [allowed, remaining]))).toEqual([
      [
        [true, 9],
        [true, 1],
      ],
      [
        [true, 8],
        [true, 0],
      ],
      [
        [true, 7],
        [false, 0],
      ],
    ]);
    expect((await take([policy, route], randomUUID())).every(({ allowed }) => allowed)).toBe(true);
  });
}

describeWith('redis', 'edges that count in Redis', (url) => {
  const opened = new DisposableStack();
  sharing(() => ({
    one: opened.use(createRedisRates(url, log)),
    other: opened.use(createRedisRates(url, log)),
  }));
  afterAll(() => opened.dispose());
});

describe('isolates that count in Durable Objects', () => {
  const shards = new Map<string, RateShard>();
  const open = () =>
    createShardedRates(async (name, request) => {
      const shard = shards.get(name) ?? new RateShard();
      shards.set(name, shard);
      return shard.fetch(request);
    });
  sharing(() => ({ one: open(), other: open() }));
});

describe('an edge that cannot reach what is shared', () => {
  it('counts alone from where it was, says so once, and asks again after a while', async () => {
    let now = 1_000_000;
    let away = false;
    let asked = 0;
    const inner = createRates({ shared: undefined, clock: () => now, log, onLocal: () => undefined });
    const { take, local } = edge(
      {
        take(policies, key) {
          asked += 1;
          return away ? Promise.reject(new Error('away')) : inner.take(policies, key);
        },
      },
      () => now,
    );
    for (let count = 0; count < 4; count += 1) await take([policy], 'a');
    logged.length = 0;
    away = true;
    const alone = [];
    for (let count = 0; count < 8; count += 1) alone.push(...(await take([policy], 'a')));
    expect(alone.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, true, false, false]);
    expect([asked, local.count, logged]).toEqual([5, 8, ['rates.shared_unavailable']]);
    away = false;
    now += 1_000;
    expect((await take([policy], 'b'))[0]?.remaining).toBe(9);
    expect([asked, logged]).toEqual([6, ['rates.shared_unavailable', 'rates.shared_again']]);
  });

  it('does not wait for one that says nothing', async () => {
    const { take, local } = edge({ take: () => new Promise(() => undefined) });
    expect((await take([policy], 'a'))[0]?.allowed).toBe(true);
    expect(local.count).toBe(1);
  });

  it('refuses by itself who was refused, until the time that was named', async () => {
    let now = 1_000_000;
    let asked = 0;
    const { take } = edge(
      {
        async take(policies) {
          asked += 1;
          return policies.map((each) => ({ policy: each, allowed: false, remaining: 0, resetSeconds: 6 }));
        },
      },
      () => now,
    );
    for (let count = 0; count < 5; count += 1) expect((await take([policy], 'a'))[0]?.allowed).toBe(false);
    expect(asked).toBe(1);
    now += 6_000;
    await take([policy], 'a');
    expect(asked).toBe(2);
  });

  it('has no limit where the quota is 0', async () => {
    expect(await edge(undefined).take([{ ...policy, quota: 0 }], 'a')).toEqual([]);
  });
});
